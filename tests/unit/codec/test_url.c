/* SPDX-License-Identifier: MIT */
#include "codec/url.h"

#include <stdlib.h>

#include <criterion/criterion.h>

#include "base/mem.h"
#include "turbo/error.h"

#define assert_str(actual, expected)                                                               \
    cr_assert(turbo_str_equal(actual, turbo_cstr(expected)), "\"%.*s\" is not \"%s\"",             \
              (int)(actual).len, (actual).data, expected)

Test(url, splits)
{
    static const struct {
        const char *target, *path, *query, *authority;
    } cases[] = {
        {"/", "/", "", ""},
        {"/a/b", "/a/b", "", ""},
        {"/a?", "/a", "", ""},
        {"/a?b=c?d", "/a", "b=c?d", ""},
        {"/?/x", "/", "/x", ""},
        {"//host/a", "//host/a", "", ""},
        {"/a%2Fb?x=%20", "/a%2Fb", "x=%20", ""},
        {"/[a]{b}|^`", "/[a]{b}|^`", "", ""},
        {"/a?\"<>\\{}|^`%zz%00%", "/a", "\"<>\\{}|^`%zz%00%", ""},
        {"/%01%7f%ff?", "/%01%7f%ff", "", ""},
        {"/a?\xc3\xa9", "/a", "\xc3\xa9", ""},
        {"http://h/a?b", "/a", "b", "h"},
        {"HTTPS://h:8/", "/", "", "h:8"},
        {"http://h", "/", "", "h"},
        {"http://h?q", "/", "q", "h"},
        {"http://h:/x", "/x", "", "h:"},
        {"http://[::1]:80/x", "/x", "", "[::1]:80"},
        {"http://[::1]", "/", "", "[::1]"},
        {"http://a-b.c_d~%41!/", "/", "", "a-b.c_d~%41!"},
        {"http://h/%20?%", "/%20", "%", "h"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        turbo__url url;
        cr_assert_eq(turbo__url_split(turbo_cstr(cases[i].target), &url), 0, "%s", cases[i].target);
        assert_str(url.path, cases[i].path);
        assert_str(url.query, cases[i].query);
        assert_str(url.authority, cases[i].authority);
        cr_assert_not(url.asterisk);
        cr_assert_eq(url.escaped, strchr(cases[i].path, '%') != NULL, "%s", cases[i].target);
    }
}

Test(url, splits_asterisk)
{
    turbo__url url;
    cr_assert_eq(turbo__url_split(TURBO_STR("*"), &url), 0);
    cr_assert(url.asterisk);
    assert_str(url.path, "*");
    assert_str(url.query, "");
    assert_str(url.authority, "");
}

Test(url, refuses)
{
    static const turbo_str cases[] = {
        {"", 0},
        {NULL, 0},
        {"a", 1},
        {"*a", 2},
        {"**", 2},
        {"?a", 2},
        {"/a b", 4},
        {"/a?b c", 6},
        {"/a\0b", 4},
        {"/a?\0", 4},
        {"/\x7f", 2},
        {"/a?\x7f", 4},
        {"/\t", 2},
        {"/\r\n", 3},
        {"/a#b", 4},
        {"/a?b#c", 6},
        {"/\xc3\xa9", 3},
        {"/a\"b", 4},
        {"/<", 2},
        {"/>", 2},
        {"/a\\b", 4},
        {"/%", 2},
        {"/%4", 3},
        {"/%zz", 4},
        {"/%4g", 4},
        {"/%%41", 5},
        {"/%00", 4},
        {"/a%2fb%00c?d", 12},
        {"/%41%?1", 7},
        {"http://h/%0", 11},
        {"http://a,b/", 11},
        {"http://h:70000/", 15},
        {"http://[1.2.3.4]/", 17},
        {"example:443", 11},
        {"http:/a", 7},
        {"http:///a", 9},
        {"http://", 7},
        {"http://u@h/", 11},
        {"http://u:p@h/", 13},
        {"ftp://h/", 8},
        {"http://h:x/", 11},
        {"http://h:1:2/", 13},
        {"http://[::1/", 12},
        {"http://[/]", 10},
        {"http://[::1]x/", 14},
        {"http://h\\a/", 11},
        {"http://h#a", 10},
        {"http://h/a b", 12},
        {"http://?a", 9},
        {"http://:80/", 11},
        {"http://h\0/", 10},
        {"https:/", 7},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        turbo__url url = {.path = {"kept", 4}};
        cr_assert_eq(turbo__url_split(cases[i], &url), TURBO_EPROTOCOL, "%zu: %.*s", i,
                     (int)cases[i].len, cases[i].data);
        cr_assert_neq(turbo_error_detail()[0], '\0');
        assert_str(url.path, "kept");
    }
}

/* The results are those of Python's urllib.parse.unquote. */
Test(url, decodes_paths)
{
    static const struct {
        const char *raw, *decoded;
    } cases[] = {
        {"/a%20b", "/a b"},
        {"/a%2Fb", "/a/b"},
        {"/a%2fb", "/a/b"},
        {"/%2541", "/%41"},
        {"/a+b%2B", "/a+b+"},
        {"/%", "/%"},
        {"/%2", "/%2"},
        {"/%zz", "/%zz"},
        {"/%4g", "/%4g"},
        {"/%%41", "/%A"},
        {"/%c3%a9", "/\xc3\xa9"},
        {"/%E2%82%AC", "/\xe2\x82\xac"},
        {"/%F0%9F%98%80", "/\xf0\x9f\x98\x80"},
        {"/%ff", "/\xef\xbf\xbd"},
        {"/%80%bf", "/\xef\xbf\xbd\xef\xbf\xbd"},
        {"/%c3", "/\xef\xbf\xbd"},
        {"/%c3x", "/\xef\xbf\xbdx"},
        {"/%c3%2", "/\xef\xbf\xbd%2"},
        {"/%c0%80", "/\xef\xbf\xbd\xef\xbf\xbd"},
        {"/%e2%82", "/\xef\xbf\xbd"},
        {"/%e2%82A", "/\xef\xbf\xbd"
                     "A"},
        {"/%e0%80%80", "/\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
        {"/%ed%a0%80", "/\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
        {"/%ed%9f%bf", "/\xed\x9f\xbf"},
        {"/%f0%9f%98", "/\xef\xbf\xbd"},
        {"/%f0%80%80%80", "/\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
        {"/%f4%8f%bf%bf", "/\xf4\x8f\xbf\xbf"},
        {"/%f4%90%80%80", "/\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
        {"/%f5", "/\xef\xbf\xbd"},
        {"/%e2%82%c3%a9", "/\xef\xbf\xbd\xc3\xa9"},
        /* Not escaped: parts of UTF-8. */
        {"/\xc3\xa9", "/\xc3\xa9"},
        {"/\xe9\xff", "/\xef\xbf\xbd\xef\xbf\xbd"},
    };
    turbo__arena arena;
    turbo__arena_init(&arena);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        turbo_str out;
        cr_assert_eq(turbo__url_decode_path(&arena, turbo_cstr(cases[i].raw), &out), 0);
        assert_str(out, cases[i].decoded);
    }
    turbo_str nul;
    cr_assert_eq(turbo__url_decode_path(&arena, TURBO_STR("/a%00b"), &nul), 0);
    cr_assert(turbo_str_equal(nul, TURBO_STR("/a\0b")));
    turbo__arena_clear(&arena);
}

Test(url, does_not_copy_without_need)
{
    turbo__arena arena;
    turbo__arena_init(&arena);
    turbo_str raw = TURBO_STR("/plain/path+with~signs");
    turbo_str out;
    cr_assert_eq(turbo__url_decode_path(&arena, raw, &out), 0);
    cr_assert_eq(out.data, raw.data);
    cr_assert_eq(out.len, raw.len);
    turbo_str none = {NULL, 0};
    cr_assert_eq(turbo__url_decode_path(&arena, none, &out), 0);
    cr_assert_eq(out.len, 0);
    cr_assert_null(arena.first, "nothing was allocated");
}

Test(url, decodes_what_it_grows_to)
{
    enum { COUNT = 5000 };
    char *raw = malloc(COUNT);
    cr_assert_not_null(raw);
    memset(raw, 0xff, COUNT);
    turbo__arena arena;
    turbo__arena_init(&arena);
    turbo_str in = {raw, COUNT};
    turbo_str out;
    cr_assert_eq(turbo__url_decode_path(&arena, in, &out), 0);
    cr_assert_eq(out.len, 3 * COUNT);
    turbo__arena_clear(&arena);
    free(raw);
}

Test(url, reports_missing_memory)
{
    turbo__arena arena;
    turbo__arena_init(&arena);
    turbo_str out = {"kept", 4};
    turbo__mem_fail_nth(1);
    cr_assert_eq(turbo__url_decode_path(&arena, TURBO_STR("/%41"), &out), TURBO_ENOMEM);
    turbo__mem_fail_nth(0);
    assert_str(out, "kept");
    cr_assert_eq(turbo__url_decode_path(&arena, TURBO_STR("/%41"), &out), 0);
    assert_str(out, "/A");
    turbo__arena_clear(&arena);
}
