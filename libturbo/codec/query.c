/* SPDX-License-Identifier: MIT */
#include "codec/query.h"

#include <string.h>

#include "base/str.h"
#include "codec/url.h"

bool turbo__query_next(turbo_str *rest, turbo_str *name, turbo_str *value)
{
    while (rest->len > 0) {
        turbo_str piece = *rest;
        size_t at;
        if (turbo__str_find(*rest, '&', &at)) {
            piece = turbo__str_slice(*rest, 0, at);
            *rest = turbo__str_slice(*rest, at + 1, rest->len);
        } else {
            *rest = turbo__str_slice(*rest, rest->len, rest->len);
        }
        if (piece.len == 0) {
            continue;
        }
        if (turbo__str_find(piece, '=', &at)) {
            *name = turbo__str_slice(piece, 0, at);
            *value = turbo__str_slice(piece, at + 1, piece.len);
        } else {
            *name = piece;
            *value = turbo__str_slice(piece, piece.len, piece.len);
        }
        return true;
    }
    return false;
}

static bool is_plain(turbo_str raw)
{
    for (size_t i = 0; i < raw.len; i++) {
        unsigned char c = (unsigned char)raw.data[i];
        if (c == '%' || c == '+' || c >= 0x80) {
            return false;
        }
    }
    return true;
}

static turbo__unescape walk_of(turbo_str raw)
{
    turbo__unescape walk = {raw.data, raw.data + raw.len, true};
    return walk;
}

int turbo__query_decode(turbo__arena *arena, turbo_str raw, turbo_str *out)
{
    if (is_plain(raw)) {
        *out = raw;
        return 0;
    }
    return turbo__unescape_all(arena, walk_of(raw), out);
}

bool turbo__query_name_is(turbo_str raw_name, turbo_str name)
{
    if (is_plain(raw_name)) {
        return turbo_str_equal(raw_name, name);
    }
    turbo__unescape walk = walk_of(raw_name);
    char unit[TURBO__UTF8_MAX];
    size_t at = 0;
    for (size_t n = turbo__unescape_next(&walk, unit); n > 0;
         n = turbo__unescape_next(&walk, unit)) {
        if (n > name.len - at || memcmp(name.data + at, unit, n) != 0) {
            return false;
        }
        at += n;
    }
    return at == name.len;
}
