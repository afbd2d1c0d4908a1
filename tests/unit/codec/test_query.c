/* SPDX-License-Identifier: MIT */
#include "codec/query.h"

#include <stdio.h>
#include <stdlib.h>

#include <criterion/criterion.h>

#include "base/mem.h"
#include "turbo/error.h"

/* All pairs as "[name|value]", decoded. */
static const char *pairs(turbo_str text)
{
    static char shown[1024];
    size_t len = 0;
    turbo_str name;
    turbo_str value;
    turbo__arena arena;
    turbo__arena_init(&arena);
    shown[0] = '\0';
    while (turbo__query_next(&text, &name, &value)) {
        turbo_str raw_name = name;
        cr_assert_eq(turbo__query_decode(&arena, name, &name), 0);
        cr_assert_eq(turbo__query_decode(&arena, value, &value), 0);
        cr_assert(turbo__query_name_is(raw_name, name));
        len += (size_t)snprintf(shown + len, sizeof(shown) - len, "[%.*s|%.*s]", (int)name.len,
                                name.data, (int)value.len, value.data);
        cr_assert_lt(len, sizeof(shown));
    }
    turbo__arena_clear(&arena);
    return shown;
}

/* The results are those of Python's parse_qsl(text.decode("latin-1"), keep_blank_values=True). */
Test(query, reads_pairs)
{
    static const char *const cases[][2] = {
        {"", ""},
        {"&", ""},
        {"&&&", ""},
        {"a=1", "[a|1]"},
        {"a=1&b=2&a=3", "[a|1][b|2][a|3]"},
        {"&a=1&&b=2&", "[a|1][b|2]"},
        {"b", "[b|]"},
        {"b=", "[b|]"},
        {"=b", "[|b]"},
        {"=", "[|]"},
        {"a=b=c", "[a|b=c]"},
        {"a;b=c;d", "[a;b|c;d]"},
        {"a+b=c+d", "[a b|c d]"},
        {"a%2Bb=%26%3d", "[a+b|&=]"},
        {"%2b+=%20", "[+ | ]"},
        {"a=%2", "[a|%2]"},
        {"a=%", "[a|%]"},
        {"a=%+1", "[a|% 1]"},
        {"a=%zz", "[a|%zz]"},
        {"a=%ff", "[a|\xef\xbf\xbd]"},
        {"a=%c3%a9", "[a|\xc3\xa9]"},
        {"a=%c3", "[a|\xef\xbf\xbd]"},
        {"a=%e2%82%41", "[a|\xef\xbf\xbd"
                        "A]"},
        /* Not escaped: Latin-1. */
        {"a=\xe9", "[a|\xc3\xa9]"},
        {"\xc3\xa9=1", "[\xc3\x83\xc2\xa9|1]"},
        {"a=%c3\xa9", "[a|\xef\xbf\xbd\xc2\xa9]"},
        {"a=\xc3%a9", "[a|\xc3\x83\xef\xbf\xbd]"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        cr_assert_str_eq(pairs(turbo_cstr(cases[i][0])), cases[i][1], "%s", cases[i][0]);
    }
    turbo_str none = {NULL, 0};
    cr_assert_str_eq(pairs(none), "");
}

Test(query, compares_names)
{
    static const struct {
        const char *raw, *name;
        bool same;
    } cases[] = {
        {"a", "a", true},
        {"a", "b", false},
        {"a", "ab", false},
        {"ab", "a", false},
        {"", "", true},
        {"a%62", "ab", true},
        {"a+b", "a b", true},
        {"a+b", "a+b", false},
        {"%61", "%61", false},
        {"%", "%", true},
        {"a%", "a", false},
        {"%61", "", false},
        {"%c3%a9", "\xc3\xa9", true},
        {"%c3%a9", "\xc3", false},
        {"\xe9", "\xc3\xa9", true},
        {"%ff", "\xef\xbf\xbd", true},
        {"%61", "abc", false},
        {"aaaaaaa%61", "aaaaaaa", false},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        /* A copy without room behind it: reading on is seen by the sanitizer. */
        size_t len = strlen(cases[i].name);
        char *copy = malloc(len > 0 ? len : 1);
        cr_assert_not_null(copy);
        memcpy(copy, cases[i].name, len);
        turbo_str name = {copy, len};
        cr_assert_eq(turbo__query_name_is(turbo_cstr(cases[i].raw), name), cases[i].same, "%s %s",
                     cases[i].raw, cases[i].name);
        free(copy);
    }
    turbo_str none = {NULL, 0};
    cr_assert_not(turbo__query_name_is(TURBO_STR("%61"), none));
    cr_assert(turbo__query_name_is(none, none));
}

Test(query, does_not_copy_without_need)
{
    turbo__arena arena;
    turbo__arena_init(&arena);
    turbo_str raw = TURBO_STR("plain-text");
    turbo_str out;
    cr_assert_eq(turbo__query_decode(&arena, raw, &out), 0);
    cr_assert_eq(out.data, raw.data);
    cr_assert_null(arena.first);
}

Test(query, reports_missing_memory)
{
    turbo__arena arena;
    turbo__arena_init(&arena);
    turbo_str out;
    turbo__mem_fail_nth(1);
    cr_assert_eq(turbo__query_decode(&arena, TURBO_STR("a+b"), &out), TURBO_ENOMEM);
    turbo__mem_fail_nth(0);
    turbo__arena_clear(&arena);
}
