/* SPDX-License-Identifier: MIT */
#include "codec/chars.h"

/* clang-format off */
const unsigned char turbo__token_chars[256] = {
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    0, 1, 0, 1, 1, 1, 1, 1, 0, 0, 1, 1, 0, 1, 1, 0, /* ! # $ % & ' * + - . */
    1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, /* digits */
    0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, /* letters */
    1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 1, 1, /* ^ _ */
    1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, /* ` */
    1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 1, 0, 1, 0, /* | ~ */
};
/* clang-format on */

const char *turbo__token_end_plain(const char *at, const char *end)
{
    while (at < end && turbo__token_chars[(unsigned char)*at] != 0) {
        at++;
    }
    return at;
}

static bool is_visible(char c)
{
    unsigned char byte = (unsigned char)c;
    return byte > ' ' && byte != 0x7f;
}

const char *turbo__text_end_plain(const char *at, const char *end)
{
    while (at < end && (is_visible(*at) || *at == ' ' || *at == '\t')) {
        at++;
    }
    return at;
}

const char *turbo__visible_end_plain(const char *at, const char *end)
{
    while (at < end && is_visible(*at)) {
        at++;
    }
    return at;
}
