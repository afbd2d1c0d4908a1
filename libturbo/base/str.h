/* SPDX-License-Identifier: MIT */
#ifndef TURBO__BASE_STR_H
#define TURBO__BASE_STR_H

/* Small helpers for views. */

#include "turbo/types.h"

/** ASCII lower case; other bytes as they are. Locale plays no part. */
static inline char turbo__ascii_lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

/** The value of a hexadecimal digit of either case; -1 for any other byte. */
static inline int turbo__ascii_hex(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c = turbo__ascii_lower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/** Equality without regard to ASCII case. */
static inline bool turbo__str_equal_nocase(turbo_str a, turbo_str b)
{
    if (a.len != b.len) {
        return false;
    }
    for (size_t i = 0; i < a.len; i++) {
        if (turbo__ascii_lower(a.data[i]) != turbo__ascii_lower(b.data[i])) {
            return false;
        }
    }
    return true;
}

/** Whether `text` has byte `c`; `*at` is its first place then. */
static inline bool turbo__str_find(turbo_str text, char c, size_t *at)
{
    const char *found = text.len > 0 ? memchr(text.data, c, text.len) : NULL;
    if (found == NULL) {
        return false;
    }
    *at = (size_t)(found - text.data);
    return true;
}

/** `text` without spaces and tabs at both ends (RFC 9110 §5.6.3, OWS). */
static inline turbo_str turbo__str_trim(turbo_str text)
{
    while (text.len > 0 && (text.data[0] == ' ' || text.data[0] == '\t')) {
        text.data++;
        text.len--;
    }
    while (text.len > 0 && (text.data[text.len - 1] == ' ' || text.data[text.len - 1] == '\t')) {
        text.len--;
    }
    return text;
}

/** The part of `text` from byte `from` to before `to`. */
static inline turbo_str turbo__str_slice(turbo_str text, size_t from, size_t to)
{
    turbo_str part = {text.data + from, to - from};
    return part;
}

#endif
