/* SPDX-License-Identifier: MIT */
#include "codec/cookie.h"

#include <stdio.h>

#include <criterion/criterion.h>

static const char *cookies(turbo_str text)
{
    static char shown[512];
    size_t len = 0;
    turbo_str name;
    turbo_str value;
    shown[0] = '\0';
    while (turbo__cookie_next(&text, &name, &value)) {
        len += (size_t)snprintf(shown + len, sizeof(shown) - len, "[%.*s|%.*s]", (int)name.len,
                                name.data, (int)value.len, value.data);
        cr_assert_lt(len, sizeof(shown));
    }
    return shown;
}

/* The results are those of Starlette's cookie_parser, but duplicates are seen. */
Test(cookie, reads)
{
    static const char *const cases[][2] = {
        {"", ""},
        {";", ""},
        {" ; ;; ", ""},
        {"a=1", "[a|1]"},
        {"a=1; b=2", "[a|1][b|2]"},
        {"a=1;b=2;", "[a|1][b|2]"},
        {"a=1; a=2", "[a|1][a|2]"},
        {" \ta = 1 ", "[a|1]"},
        {"a=b=c", "[a|b=c]"},
        {"a=", "[a|]"},
        {"=a", "[|a]"},
        {"=", ""},
        {"token", "[|token]"},
        {"a=1; token; b=2", "[a|1][|token][b|2]"},
        {"a=\"x y\"", "[a|x y]"},
        {"a= \"x\" ", "[a|x]"},
        {"a=\"\"", "[a|]"},
        {"a=\"", "[a|\"]"},
        {"a=\"x", "[a|\"x]"},
        {"a=x\"", "[a|x\"]"},
        {"a=\"\"x\"\"", "[a|\"x\"]"},
        {"a=\" x \"", "[a| x ]"},
        {"a=\"x;y\"", "[a|\"x][|y\"]"},
        {"a=1,b=2", "[a|1,b=2]"},
        {"\xa0"
         "a\x85=\xa0"
         "1\x1f",
         "[a|1]"},
        {"a=%20", "[a|%20]"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        cr_assert_str_eq(cookies(turbo_cstr(cases[i][0])), cases[i][1], "%s", cases[i][0]);
    }
    turbo_str none = {NULL, 0};
    cr_assert_str_eq(cookies(none), "");
}
