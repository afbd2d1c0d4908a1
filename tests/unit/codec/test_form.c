/* SPDX-License-Identifier: MIT */
#include "codec/form.h"

#include <stdio.h>
#include <string.h>

#include <criterion/criterion.h>

#include "base/mem.h"
#include "base/str.h"
#include "turbo/error.h"

enum { FIELDS = 4, FIELD = 12 };

/* One run: a parser, and its pairs as "[name|value]", encoded as they are. */
typedef struct run {
    turbo__urlencoded parser;
    char shown[1024];
    size_t len;
} run;

static int offer(run *self, turbo_str input, bool last)
{
    turbo_str name;
    turbo_str value;
    int rc;
    do {
        rc = turbo__urlencoded_next(&self->parser, &input, last, &name, &value);
        if (rc == 1) {
            self->len += (size_t)snprintf(self->shown + self->len, sizeof(self->shown) - self->len,
                                          "[%.*s|%.*s]", (int)name.len, name.data, (int)value.len,
                                          value.data);
            cr_assert_lt(self->len, sizeof(self->shown));
        }
    } while (rc == 1);
    return rc;
}

/* The pairs of `body`, offered in pieces of `step` bytes, its end said with the last of them or
 * alone; behind them the error. */
static const char *pairs(const char *body, size_t step, bool end_alone)
{
    static run self;
    size_t total = strlen(body);
    int rc = 0;
    memset(&self, 0, sizeof(self));
    turbo__urlencoded_init(&self.parser, FIELDS, FIELD);
    for (size_t from = 0; rc == 0 && from < total; from += step) {
        turbo_str piece = {body + from, total - from < step ? total - from : step};
        rc = offer(&self, piece, from + step >= total && !end_alone);
    }
    rc = rc == 0 ? offer(&self, TURBO_STR(""), true) : rc;
    if (rc < 0) {
        cr_assert_eq(offer(&self, TURBO_STR("more"), false), rc, "an error stays");
        (void)snprintf(self.shown + self.len, sizeof(self.shown) - self.len, "%s %s",
                       turbo_error_name(rc), turbo_error_detail());
    }
    turbo__urlencoded_clear(&self.parser);
    return self.shown;
}

Test(form, reads_pairs_however_they_are_cut)
{
    static const char *const cases[][2] = {
        {"", ""},
        {"&", ""},
        {"&&&", ""},
        {"a=1", "[a|1]"},
        {"a=1&b=2&a=3", "[a|1][b|2][a|3]"},
        {"&a=1&&b=2&", "[a|1][b|2]"},
        {"b", "[b|]"},
        {"=b", "[|b]"},
        {"a=b=c;d", "[a|b=c;d]"},
        {"a%26=%3d+&\xc3\xa9=\xff", "[a%26|%3d+][\xc3\xa9|\xff]"},
        {"a&b&c&d", "[a|][b|][c|][d|]"},
        {"a&b&c&d&", "[a|][b|][c|][d|]"},
        {"a&b&c&d&&", "[a|][b|][c|][d|]"},
        {"a&b&c&d&e",
         "[a|][b|][c|][d|]TURBO_ELIMIT urlencoded body, byte 9: more fields than allowed"},
        {"a&b&c&d&e&f",
         "[a|][b|][c|][d|]TURBO_ELIMIT urlencoded body, byte 10: more fields than allowed"},
        {"12345=78901", "[12345|78901]"},
        {"12345=789012&a", "[12345|789012][a|]"},
        {"a&12345=7890123",
         "[a|]TURBO_ELIMIT urlencoded body, byte 14: the field is larger than allowed"},
        {"a&12345=7890123&b",
         "[a|]TURBO_ELIMIT urlencoded body, byte 14: the field is larger than allowed"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        size_t len = strlen(cases[i][0]);
        for (size_t step = 1; step <= (len > 0 ? len : 1); step++) {
            const char *seen = pairs(cases[i][0], step, false);
            cr_expect_str_eq(seen, cases[i][1], "%s by %zu: %s", cases[i][0], step, seen);
            seen = pairs(cases[i][0], step, true);
            cr_expect_str_eq(seen, cases[i][1], "%s by %zu and an end: %s", cases[i][0], step,
                             seen);
        }
    }
}

Test(form, survives_want_of_memory)
{
    turbo__urlencoded parser;
    turbo_str name;
    turbo_str value;
    turbo_str input = TURBO_STR("a=");
    turbo__urlencoded_init(&parser, FIELDS, FIELD);
    (void)turbo__mem_fail_nth(1);
    cr_assert_eq(turbo__urlencoded_next(&parser, &input, false, &name, &value), TURBO_ENOMEM);
    (void)turbo__mem_fail_nth(0);
    cr_assert_eq(turbo__urlencoded_next(&parser, &input, true, &name, &value), TURBO_ENOMEM);
    turbo__urlencoded_clear(&parser);
}
