/* SPDX-License-Identifier: MIT */
#include "codec/json_write.h"

#include <criterion/criterion.h>

#include "base/mem.h"
#include "turbo/error.h"

static void expect(turbo_str text, turbo_str expected)
{
    turbo__buf buf;
    turbo__buf_init(&buf, 4096);
    cr_assert_eq(turbo__buf_append(&buf, "x", 1), 0);
    cr_assert_eq(turbo__json_write_string(&buf, text), 0);
    turbo_str written = {buf.data + 1, buf.len - 1};
    cr_assert(turbo_str_equal(written, expected), "%.*s", (int)written.len, written.data);
    turbo__buf_clear(&buf);
}

Test(json_write, strings)
{
    expect(TURBO_STR(""), TURBO_STR("\"\""));
    expect((turbo_str){NULL, 0}, TURBO_STR("\"\""));
    expect(TURBO_STR("plain"), TURBO_STR("\"plain\""));
    expect(TURBO_STR("\"\\/\b\f\n\r\t"), TURBO_STR("\"\\\"\\\\/\\b\\f\\n\\r\\t\""));
    expect(TURBO_STR("\0\x01\x1f\x7f"), TURBO_STR("\"\\u0000\\u0001\\u001f\x7f\""));
    expect(TURBO_STR("na\xC3\xAFve \xE2\x80\xA8 \xF0\x9F\x98\x80"),
           TURBO_STR("\"na\xC3\xAFve \xE2\x80\xA8 \xF0\x9F\x98\x80\""));
}

/* Every byte at every offset to the eight bytes that are looked at together. */
Test(json_write, each_byte_at_each_offset)
{
    for (int c = 0; c < 256; c++) {
        for (size_t at = 0; at < 20; at++) {
            char text[20];
            memset(text, 0x80, sizeof(text));
            text[at] = (char)c;
            size_t run = (size_t)(turbo__json_plain_run(text, text + sizeof(text)) - text);
            bool special = c < 0x20 || c == '"' || c == '\\';
            cr_assert_eq(run, special ? at : sizeof(text), "byte %02x at %zu", c, at);
        }
    }
}

Test(json_write, integers)
{
    static const struct {
        int64_t value;
        const char *text;
    } cases[] = {{0, "0"},
                 {-1, "-1"},
                 {1234567890, "1234567890"},
                 {INT64_MAX, "9223372036854775807"},
                 {INT64_MIN, "-9223372036854775808"}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        turbo__buf buf;
        turbo__buf_init(&buf, 64);
        cr_assert_eq(turbo__json_write_int(&buf, cases[i].value), 0);
        cr_assert(turbo_str_equal(turbo__buf_view(&buf), turbo_cstr(cases[i].text)));
        turbo__buf_clear(&buf);
    }
}

Test(json_write, a_full_buffer_stays_as_it_was)
{
    turbo_str text = TURBO_STR("ab\ncd\x01gh");
    for (size_t max = 3; max < 18; max++) {
        turbo__buf buf;
        turbo__buf_init(&buf, max);
        cr_assert_eq(turbo__buf_append(&buf, "xyz", 3), 0);
        int rc = turbo__json_write_string(&buf, text);
        /* 3 + two quotes, six plain bytes, \n and \u0001 */
        cr_assert_eq(rc, max < 3 + 2 + 6 + 2 + 6 ? TURBO_ELIMIT : 0);
        cr_assert(turbo_str_equal(turbo__buf_view(&buf), TURBO_STR("xyz")) == (rc != 0));
        turbo__buf_clear(&buf);
    }
}

Test(json_write, out_of_memory)
{
    static char text[2000];
    memset(text, '\n', sizeof(text));
    for (unsigned long n = 1;; n++) {
        turbo__buf buf;
        turbo__buf_init(&buf, SIZE_MAX);
        (void)turbo__mem_fail_nth(n);
        int rc = turbo__json_write_string(&buf, (turbo_str){text, sizeof(text)});
        unsigned long made = turbo__mem_fail_nth(0);
        cr_assert_eq(rc, made >= n ? TURBO_ENOMEM : 0);
        cr_assert_eq(buf.len, rc != 0 ? 0u : 4002u);
        turbo__buf_clear(&buf);
        if (rc == 0) {
            cr_assert(n > 2);
            break;
        }
    }
}
