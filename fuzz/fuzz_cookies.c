/* SPDX-License-Identifier: MIT */
#include "codec/cookie.h"

#include <string.h>

#include "base/str.h"
#include "target.h"

enum { MAX_PIECES = 5000 };

/* What str.strip() takes off, which is how Starlette reads a Cookie field. */
static bool is_space(char c)
{
    static const char spaces[] = "\t\n\v\f\r\x1c\x1d\x1e\x1f \x85\xa0";
    return memchr(spaces, c, sizeof(spaces) - 1) != NULL;
}

static bool is_stripped(turbo_str text)
{
    return text.len == 0 || (!is_space(text.data[0]) && !is_space(text.data[text.len - 1]));
}

/* Whether anything but space and '=' stands between two semicolons: then it is a cookie. */
static bool is_cookie(turbo_str piece)
{
    bool equals = false;
    for (size_t i = 0; i < piece.len; i++) {
        if (piece.data[i] == '=' && !equals) {
            equals = true;
        } else if (!is_space(piece.data[i])) {
            return true;
        }
    }
    return false;
}

/* The pieces that are cookies, in order. */
static size_t split(turbo_str text, turbo_str *pieces)
{
    size_t count = 0;
    size_t at;
    bool more = true;
    while (more) {
        more = turbo__str_find(text, ';', &at);
        turbo_str piece = more ? turbo__str_slice(text, 0, at) : text;
        text = turbo__str_slice(text, more ? at + 1 : text.len, text.len);
        if (is_cookie(piece)) {
            FUZZ_CHECK(count < MAX_PIECES);
            pieces[count++] = piece;
        }
    }
    return count;
}

static bool is_inside(turbo_str part, turbo_str whole)
{
    return part.len == 0 ||
           (part.data >= whole.data && part.data + part.len <= whole.data + whole.len);
}

static void check_cookie(turbo_str piece, turbo_str name, turbo_str value)
{
    size_t equals = 0;
    bool named = turbo__str_find(piece, '=', &equals);
    FUZZ_CHECK(is_inside(name, piece) && is_inside(value, piece));
    FUZZ_CHECK(is_stripped(name) && !turbo__str_find(name, '=', &(size_t){0}));
    FUZZ_CHECK(named || name.len == 0);
    bool quoted = value.data > piece.data && value.data + value.len < piece.data + piece.len &&
                  value.data[-1] == '"' && value.data[value.len] == '"';
    FUZZ_CHECK(quoted || is_stripped(value));
    if (named) { /* nothing but spaces and the quotes is lost */
        turbo_str left = turbo__str_slice(piece, 0, equals);
        size_t lost = 0;
        for (size_t i = 0; i < left.len; i++) {
            lost += is_space(left.data[i]);
        }
        FUZZ_CHECK(name.len <= left.len && name.len + lost >= left.len);
    }
}

/* The input is the value of a Cookie field. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static turbo_str pieces[MAX_PIECES];
    turbo_str input = {size > 0 ? (const char *)data : "", size};
    turbo_str rest = input;
    turbo_str name;
    turbo_str value;
    size_t seen = 0;
    if (size >= MAX_PIECES) {
        return 0;
    }
    size_t count = split(input, pieces);
    while (turbo__cookie_next(&rest, &name, &value)) {
        FUZZ_CHECK(seen < count);
        check_cookie(pieces[seen++], name, value);
        FUZZ_CHECK(is_inside(rest, input));
    }
    FUZZ_CHECK(seen == count && rest.len == 0);
    return 0;
}
