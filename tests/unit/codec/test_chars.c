/* SPDX-License-Identifier: MIT */
#include "codec/chars.h"

#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

typedef const char *end_fn(const char *at, const char *end);

enum { LONGEST = 70 };

static bool is_token(int c)
{
    static const char marks[] = "!#$%&'*+-.^_`|~";
    bool alnum = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
    return alnum || (c != 0 && strchr(marks, c) != NULL);
}

static bool is_text(int c)
{
    return c == '\t' || (c >= 0x20 && c != 0x7f);
}

static bool is_visible(int c)
{
    return c > 0x20 && c != 0x7f;
}

/* `byte` at each place of runs of each length, in a block of exactly that size: reading past its
 * end is a finding under a sanitizer. */
static void check_byte(end_fn *find, bool expected, char filler, int byte)
{
    for (size_t len = 0; len <= LONGEST; len++) {
        char *text = malloc(len > 0 ? len : 1);
        cr_assert_not_null(text);
        memset(text, filler, len);
        cr_assert_eq(find(text, text + len), text + len, "length %zu", len);
        for (size_t at = 0; at < len; at++) {
            text[at] = (char)byte;
            const char *end = expected ? text + len : text + at;
            cr_assert_eq(find(text, text + len), end, "byte %d at %zu of %zu", byte, at, len);
            text[at] = filler;
        }
        free(text);
    }
}

static void check(end_fn *fast, end_fn *plain, bool (*expected)(int), char filler)
{
    for (int c = 0; c < 256; c++) {
        check_byte(fast, expected(c), filler, c);
        check_byte(plain, expected(c), filler, c);
    }
}

/* RFC 9110 §5.6.2 */
Test(chars, token)
{
    for (int c = 0; c < 256; c++) {
        cr_assert_eq(turbo__token_chars[c], is_token(c) ? 1 : 0, "byte %d", c);
    }
    check(turbo__token_end, turbo__token_end_plain, is_token, 'x');
    check(turbo__token_end, turbo__token_end_plain, is_token, '_');
}

/* RFC 9110 §5.5 */
Test(chars, text)
{
    check(turbo__text_end, turbo__text_end_plain, is_text, 'x');
    check(turbo__text_end, turbo__text_end_plain, is_text, '\t');
    check(turbo__text_end, turbo__text_end_plain, is_text, (char)0xff);
}

Test(chars, visible)
{
    check(turbo__visible_end, turbo__visible_end_plain, is_visible, 'x');
    check(turbo__visible_end, turbo__visible_end_plain, is_visible, (char)0x80);
}
