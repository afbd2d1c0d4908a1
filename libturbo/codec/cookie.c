/* SPDX-License-Identifier: MIT */
#include "codec/cookie.h"

#include "base/str.h"

/* What Python's str.strip() takes off a header value, which Starlette reads as Latin-1. */
static bool is_space(char c)
{
    unsigned char byte = (unsigned char)c;
    return byte == ' ' || (byte >= 0x09 && byte <= 0x0d) || (byte >= 0x1c && byte <= 0x1f) ||
           byte == 0x85 || byte == 0xa0;
}

static turbo_str strip(turbo_str text)
{
    while (text.len > 0 && is_space(text.data[0])) {
        text.data++;
        text.len--;
    }
    while (text.len > 0 && is_space(text.data[text.len - 1])) {
        text.len--;
    }
    return text;
}

static turbo_str unquote(turbo_str text)
{
    if (text.len >= 2 && text.data[0] == '"' && text.data[text.len - 1] == '"') {
        return turbo__str_slice(text, 1, text.len - 1);
    }
    return text;
}

bool turbo__cookie_next(turbo_str *rest, turbo_str *name, turbo_str *value)
{
    while (rest->len > 0) {
        turbo_str piece = *rest;
        size_t at;
        if (turbo__str_find(*rest, ';', &at)) {
            piece = turbo__str_slice(*rest, 0, at);
            *rest = turbo__str_slice(*rest, at + 1, rest->len);
        } else {
            *rest = turbo__str_slice(*rest, rest->len, rest->len);
        }
        turbo_str key = turbo__str_slice(piece, 0, 0);
        turbo_str val = piece;
        if (turbo__str_find(piece, '=', &at)) {
            key = turbo__str_slice(piece, 0, at);
            val = turbo__str_slice(piece, at + 1, piece.len);
        }
        key = strip(key);
        val = strip(val);
        if (key.len > 0 || val.len > 0) {
            *name = key;
            *value = unquote(val);
            return true;
        }
    }
    return false;
}
