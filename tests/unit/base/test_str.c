/* SPDX-License-Identifier: MIT */
#include "base/str.h"

#include <criterion/criterion.h>

Test(str, folds_ascii_letters_only)
{
    for (int c = 0; c < 256; c++) {
        char expected = (char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
        cr_assert_eq(turbo__ascii_lower((char)c), expected, "%d", c);
    }
    cr_assert(turbo__str_equal_nocase(TURBO_STR("Content-TYPE"), TURBO_STR("content-type")));
    cr_assert_not(turbo__str_equal_nocase(TURBO_STR("a"), TURBO_STR("ab")));
    cr_assert_not(turbo__str_equal_nocase(TURBO_STR("@"), TURBO_STR("`")));
    cr_assert(turbo__str_equal_nocase(TURBO_STR(""), turbo_cstr(NULL)));
}

Test(str, compares_bytes)
{
    cr_assert(turbo_str_equal(TURBO_STR("a\0b"), TURBO_STR("a\0b")));
    cr_assert_not(turbo_str_equal(TURBO_STR("a\0b"), TURBO_STR("a\0c")));
    cr_assert_not(turbo_str_equal(TURBO_STR("a"), TURBO_STR("A")));
    cr_assert(turbo_str_equal(turbo_cstr(NULL), TURBO_STR("")));
}

Test(str, finds_the_first)
{
    size_t at = 99;
    cr_assert(turbo__str_find(TURBO_STR("a=b=c"), '=', &at));
    cr_assert_eq(at, 1);
    at = 99;
    cr_assert_not(turbo__str_find(turbo__str_slice(TURBO_STR("ab="), 0, 2), '=', &at));
    cr_assert_not(turbo__str_find(turbo_cstr(NULL), '=', &at));
    cr_assert_eq(at, 99);
}

Test(str, trims_spaces_and_tabs_only)
{
    cr_assert(turbo_str_equal(turbo__str_trim(TURBO_STR(" \t a b\t ")), TURBO_STR("a b")));
    cr_assert(turbo_str_equal(turbo__str_trim(TURBO_STR("\r\n")), TURBO_STR("\r\n")));
    cr_assert_eq(turbo__str_trim(TURBO_STR(" \t ")).len, 0);
    cr_assert_eq(turbo__str_trim(turbo_cstr(NULL)).len, 0);
}

Test(str, slices)
{
    cr_assert(turbo_str_equal(turbo__str_slice(TURBO_STR("abcd"), 1, 3), TURBO_STR("bc")));
    cr_assert_eq(turbo__str_slice(TURBO_STR("abcd"), 4, 4).len, 0);
}
