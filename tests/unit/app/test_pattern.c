/* SPDX-License-Identifier: MIT */
#include "app/pattern.h"

#include <stdio.h>

#include <criterion/criterion.h>

#include "base/mem.h"
#include "turbo/error.h"

/* "literal", "<name convertor>" for each piece. */
static const char *pieces(const turbo__pattern *pattern)
{
    static char shown[512];
    size_t len = 0;
    shown[0] = '\0';
    for (size_t i = 0; i < pattern->count; i++) {
        const turbo__piece *piece = &pattern->pieces[i];
        len += (size_t)snprintf(shown + len, sizeof(shown) - len,
                                piece->is_param ? "<%.*s %d>" : "%.*s", (int)piece->text.len,
                                piece->text.data, (int)piece->convertor);
        cr_assert_lt(len, sizeof(shown));
    }
    return shown;
}

Test(pattern, reads_pieces)
{
    static const struct {
        const char *text, *pieces;
        size_t count, params;
    } cases[] = {
        {"/", "/", 1, 0},
        {"/a{b}", "/a<b 0>", 2, 1},
        {"/{_a1}{b:int}", "/<_a1 0><b 1>", 3, 2},
        {"/{a:str}{b:float}/{c:uuid}.x{d:path}", "/<a 0><b 2>/<c 3>.x<d 4>", 7, 4},
        {"/{{a}}{b}}}", "/{a}<b 0>}", 3, 1},
        {"/{{{{", "/{{", 1, 0},
    };
    turbo__arena arena;
    turbo__arena_init(&arena);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        turbo__pattern pattern;
        cr_assert_eq(turbo__pattern_parse(&arena, cases[i].text, &pattern), 0);
        cr_assert_str_eq(pieces(&pattern), cases[i].pieces);
        cr_assert_eq(pattern.count, cases[i].count);
        cr_assert_eq(pattern.param_count, cases[i].params);
        cr_assert_str_eq(pattern.source.data, cases[i].text);
        cr_assert_neq(pattern.source.data, cases[i].text);
    }
    turbo__arena_clear(&arena);
}

Test(pattern, finds_ends)
{
    static const struct {
        turbo__convertor convertor;
        const char *path;
        size_t count;
        turbo__span ends[TURBO__MAX_ENDS];
    } cases[] = {
        {TURBO__CONVERTOR_STR, "", 0, {{0}}},
        {TURBO__CONVERTOR_STR, "/a", 0, {{0}}},
        {TURBO__CONVERTOR_STR, "abc/d", 1, {{1, 3}}},
        {TURBO__CONVERTOR_STR, "\xe2\x82\xac/", 1, {{3, 3}}},
        {TURBO__CONVERTOR_STR, "a\xc3\xa9", 1, {{1, 3}}},
        {TURBO__CONVERTOR_STR, "\n", 1, {{1, 1}}},
        {TURBO__CONVERTOR_INT, "", 0, {{0}}},
        {TURBO__CONVERTOR_INT, "-1", 0, {{0}}},
        {TURBO__CONVERTOR_INT, "123a", 1, {{1, 3}}},
        {TURBO__CONVERTOR_FLOAT, ".5", 0, {{0}}},
        {TURBO__CONVERTOR_FLOAT, "12", 1, {{1, 2}}},
        {TURBO__CONVERTOR_FLOAT, "12.", 1, {{1, 2}}},
        {TURBO__CONVERTOR_FLOAT, "12.345.6", 2, {{1, 2}, {4, 6}}},
        {TURBO__CONVERTOR_UUID, "12345678-1234-1234-1234-123456789aBc", 1, {{36, 36}}},
        {TURBO__CONVERTOR_UUID, "123456781234123412341234567890abcd", 1, {{32, 32}}},
        {TURBO__CONVERTOR_UUID, "12345678-1234-1234-1234-123456789ab", 0, {{0}}},
        {TURBO__CONVERTOR_UUID, "12345678-1234-1234-1234-123456789abg", 0, {{0}}},
        {TURBO__CONVERTOR_PATH, "", 1, {{0, 0}}},
        {TURBO__CONVERTOR_PATH, "a/b\nc", 1, {{0, 3}}},
        {TURBO__CONVERTOR_ANY, "", 1, {{0, 0}}},
        {TURBO__CONVERTOR_ANY, "a/b\nc", 1, {{0, 5}}},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        turbo__span ends[TURBO__MAX_ENDS];
        turbo_str path = turbo_cstr(cases[i].path);
        size_t count = turbo__convertor_ends(cases[i].convertor, path, 0, ends);
        cr_assert_eq(count, cases[i].count, "%s", cases[i].path);
        for (size_t k = 0; k < count; k++) {
            cr_assert_eq(ends[k].first, cases[i].ends[k].first, "%s", cases[i].path);
            cr_assert_eq(ends[k].last, cases[i].ends[k].last, "%s", cases[i].path);
        }
    }
}

/* Paths are UTF-8 by then; if one were not, a value would still not begin inside a character. */
Test(pattern, binds_what_is_not_utf8)
{
    turbo__arena arena;
    turbo__pattern pattern;
    turbo__param params[2];
    turbo__arena_init(&arena);
    cr_assert_eq(turbo__pattern_parse(&arena, "/{a:path}{b}", &pattern), 0);
    cr_assert_eq(turbo__pattern_bind(&pattern, &arena, TURBO_STR("//\xac"), params), 0);
    cr_assert(turbo_str_equal(params[0].value, TURBO_STR("/")));
    cr_assert(turbo_str_equal(params[1].value, TURBO_STR("\xac")));
    cr_assert_eq(turbo__pattern_bind(&pattern, &arena, TURBO_STR("/x\xc3\xa9"), params), 0);
    cr_assert(turbo_str_equal(params[0].value, TURBO_STR("x")));
    cr_assert(turbo_str_equal(params[1].value, TURBO_STR("\xc3\xa9")));
    turbo__arena_clear(&arena);
}

Test(pattern, survives_missing_memory)
{
    char text[TURBO__PATTERN_MAX / 2];
    memset(text, 'a', sizeof(text));
    memcpy(text, "/{a}b{c}", 8); /* does not fit one block of the arena with its pieces */
    text[sizeof(text) - 1] = '\0';
    int rc = TURBO_ENOMEM;
    unsigned long n = 0;
    while (rc != 0) {
        turbo__arena arena;
        turbo__pattern pattern = {.count = 99};
        turbo__arena_init(&arena);
        turbo__mem_fail_nth(++n);
        rc = turbo__pattern_parse(&arena, text, &pattern);
        turbo__mem_fail_nth(0);
        cr_assert(rc == 0 || (rc == TURBO_ENOMEM && pattern.count == 99));
        turbo__arena_clear(&arena);
    }
    cr_assert_gt(n, 2);
}
