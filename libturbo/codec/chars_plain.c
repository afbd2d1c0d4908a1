/* SPDX-License-Identifier: MIT */
#include "codec/chars.h"

const char *turbo__token_end(const char *at, const char *end)
{
    return turbo__token_end_plain(at, end);
}

const char *turbo__text_end(const char *at, const char *end)
{
    return turbo__text_end_plain(at, end);
}

const char *turbo__visible_end(const char *at, const char *end)
{
    return turbo__visible_end_plain(at, end);
}
