/* SPDX-License-Identifier: MIT */
#include "codec/params.h"

#include <stdio.h>

#include <criterion/criterion.h>

#include "base/mem.h"
#include "turbo/error.h"

static const char *params_of(const char *field)
{
    static char shown[512];
    turbo_str rest;
    turbo__param param;
    turbo_str head = turbo__params_begin(turbo_cstr(field), &rest);
    size_t len = (size_t)snprintf(shown, sizeof(shown), "%.*s", (int)head.len, head.data);
    int rc = turbo__params_next(&rest, &param);
    for (; rc == 1; rc = turbo__params_next(&rest, &param)) {
        len +=
            (size_t)snprintf(shown + len, sizeof(shown) - len, "[%.*s|%.*s]", (int)param.name.len,
                             param.name.data, (int)param.value.len, param.value.data);
    }
    (void)snprintf(shown + len, sizeof(shown) - len, "%s", rc == 0 ? "" : "!");
    return shown;
}

Test(params, reads_parameters)
{
    static const char *const cases[][2] = {
        {"", ""},
        {"a/b", "a/b"},
        {" a/b\t", "a/b"},
        {";", ""},
        {"a;;; ;", "a"},
        {"a;b=c", "a[b|c]"},
        {"a ; b=c ; d=e", "a[b|c][d|e]"},
        {"a;b=\"c;d=e\";f=g", "a[b|c;d=e][f|g]"},
        {"a;b=\"c\\\"d\"", "a[b|c\\\"d]"},
        {"a;b=\"c\\\\\"", "a[b|c\\\\]"},
        {"a;b=\"\"", "a[b|]"},
        {"a;b=c;b=c", "a[b|c][b|c]"},
        {"a;b", "a!"},
        {"a;b=", "a!"},
        {"a;=c", "a!"},
        {"a;b =c", "a!"},
        {"a;b= c", "a!"},
        {"a;b=c d", "a[b|c]!"},
        {"a;b=c\"d\"", "a!"},
        {"a;b=\"c\"d", "a[b|c]!"},
        {"a;b=\"c", "a!"},
        {"a;b=\"c\\\"", "a!"},
        {"a;b=\"", "a!"},
        {"a;b=(c)", "a!"},
        {"a;b\xc3=c", "a!"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *seen = params_of(cases[i][0]);
        cr_expect_str_eq(seen, cases[i][1], "%s: %s", cases[i][0], seen);
    }
}

/* "name" or "name|filename", or what is wrong. */
static const char *disposition_of(const char *field)
{
    static char shown[512];
    const char *why = "";
    turbo__arena arena;
    turbo__disposition read;
    turbo__arena_init(&arena);
    int rc = turbo__disposition_read(&arena, turbo_cstr(field), &read, &why);
    if (rc == 0) {
        cr_assert(read.has_filename || read.filename.len == 0);
        (void)snprintf(shown, sizeof(shown), "%.*s%s%.*s", (int)read.name.len, read.name.data,
                       read.has_filename ? "|" : "", (int)read.filename.len, read.filename.data);
    } else {
        cr_assert_eq(rc, TURBO_EPROTOCOL);
        (void)snprintf(shown, sizeof(shown), "! %s", why);
    }
    turbo__arena_clear(&arena);
    return shown;
}

Test(params, reads_dispositions)
{
    static const char *const cases[][2] = {
        {"form-data; name=a", "a"},
        {"Form-Data;NAME=\"a\";FileName=\"b\"", "a|b"},
        {"form-data; filename=\"\"; name=\"\"", "|"},
        {"form-data; name=\"a b;c=d\"; x=y", "a b;c=d"},
        {"form-data; name=\"a\\\"b\\\\c\\d\"", "a\"b\\c\\d"},
        {"form-data; name=\"a%22b%0D%0Ac\"", "a\"b\r\nc"},
        {"form-data; name=\"%0d%41%2\"", "%0d%41%2"},
        {"form-data; name=a; filename=\"C:\\dir\\new.txt\"", "a|C:\\dir\\new.txt"},
        {"form-data; name=a; filename=\"../../etc/passwd\"", "a|../../etc/passwd"},
        {"form-data; name=\"\xc3\xa9\"; filename=\"\xe2\x82\xac.txt\"",
         "\xc3\xa9|\xe2\x82\xac.txt"},
        {"form-data; name=\"\xe9\"", "\xc3\xa9"},
        {"form-data; name=\"\xe9%22\"", "\xc3\xa9\""},
        {"form-data; name=a; filename*=UTF-8''%e2%82%ac%20x", "a|\xe2\x82\xac x"},
        {"form-data; name=a; filename*=utf-8'de-DE'x; filename=y", "a|x"},
        {"form-data; name=a; filename=y; filename*=iso-8859-1''%E9", "a|\xc3\xa9"},
        {"form-data; name=a; filename*=\"utf-8''x%22\"", "a|x\""},
        {"attachment; name=a", "! Content-Disposition is not form-data"},
        {"", "! Content-Disposition is not form-data"},
        {"form-data", "! Content-Disposition has no name"},
        {"form-data; filename=a", "! Content-Disposition has no name"},
        {"form-data; name=a; name=a", "! Content-Disposition has a parameter twice"},
        {"form-data; name=\"\"; name=\"\"", "! Content-Disposition has a parameter twice"},
        {"form-data; name=a; filename*=utf-8''a; filename*=utf-8''a",
         "! Content-Disposition has a parameter twice"},
        {"form-data; name", "! Content-Disposition has a malformed parameter"},
        {"form-data; name=\"a", "! Content-Disposition has a malformed parameter"},
        {"form-data; name=a b", "! Content-Disposition has a malformed parameter"},
        {"form-data; name=a; filename*=koi8-r''a",
         "! Content-Disposition has a malformed filename*"},
        {"form-data; name=a; filename*=utf-8'a", "! Content-Disposition has a malformed filename*"},
        {"form-data; name=a; filename*=utf-8", "! Content-Disposition has a malformed filename*"},
        {"form-data; name=a; filename*=utf-8''%e",
         "! Content-Disposition has a malformed filename*"},
        {"form-data; name=a; filename*=utf-8''%",
         "! Content-Disposition has a malformed filename*"},
        {"form-data; name=a; filename*=utf-8''%gg",
         "! Content-Disposition has a malformed filename*"},
        {"form-data; name=a; filename*=utf-8''%e9",
         "! Content-Disposition has a malformed filename*"},
        {"form-data; name=a; filename*=utf-8''a*b",
         "! Content-Disposition has a malformed filename*"},
        {"form-data; name=a; filename*=\"utf-8''a b\"",
         "! Content-Disposition has a malformed filename*"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *seen = disposition_of(cases[i][0]);
        cr_expect_str_eq(seen, cases[i][1], "%s: %s", cases[i][0], seen);
    }
}

Test(params, survives_want_of_memory)
{
    turbo__arena arena;
    turbo__disposition read;
    const char *why;
    static const char *const fields[] = {"form-data; name=\"\xe9\"", "form-data; name=\"%22\"",
                                         "form-data; name=a; filename*=utf-8''a"};
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        turbo__arena_init(&arena);
        (void)turbo__mem_fail_nth(1);
        cr_expect_eq(turbo__disposition_read(&arena, turbo_cstr(fields[i]), &read, &why),
                     TURBO_ENOMEM);
        (void)turbo__mem_fail_nth(0);
        turbo__arena_clear(&arena);
    }
}
