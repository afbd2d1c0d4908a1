/* SPDX-License-Identifier: MIT */
#include "codec/json_number.h"

#include <criterion/criterion.h>
#include <float.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "codec/json_write.h"

static uint64_t next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

static double read_real(const char *text)
{
    double value = 0;
    cr_assert(turbo__number_read_real(turbo_cstr(text), &value), "%s", text);
    return value;
}

static bool same(double a, double b)
{
    return memcmp(&a, &b, sizeof(a)) == 0;
}

static void write_real(double value, char out[64])
{
    turbo__buf buf;
    turbo__buf_init(&buf, 63);
    cr_assert_eq(turbo__json_write_real(&buf, value), 0);
    memcpy(out, buf.data, buf.len);
    out[buf.len] = '\0';
    turbo__buf_clear(&buf);
}

static void expect_text(double value, const char *expected)
{
    char text[64];
    write_real(value, text);
    cr_assert_str_eq(text, expected);
    cr_assert(same(read_real(text), value), "%s", text);
}

/* The right-hand sides are what Python's repr() gives. */
Test(json_number, reals_are_written_as_python_does)
{
    expect_text(0.0, "0.0");
    expect_text(-0.0, "-0.0");
    expect_text(1.0, "1.0");
    expect_text(-1.5, "-1.5");
    expect_text(0.1, "0.1");
    expect_text(0.1 + 0.2, "0.30000000000000004");
    expect_text(19.99, "19.99");
    expect_text(100.0, "100.0");
    expect_text(123456.789, "123456.789");
    expect_text(0.0001, "0.0001");
    expect_text(0.00012345, "0.00012345");
    expect_text(0.00001, "1e-05");
    expect_text(0.000012345, "1.2345e-05");
    expect_text(1e15, "1000000000000000.0");
    expect_text(123456789012345.6, "123456789012345.6");
    expect_text(9999999999999998.0, "9999999999999998.0");
    expect_text(1e16, "1e+16");
    expect_text(123456789012345680.0, "1.2345678901234568e+17");
    expect_text(1e22, "1e+22");
    expect_text(1e23, "1e+23");
    expect_text(1e100, "1e+100");
    expect_text(-1.7976931348623157e308, "-1.7976931348623157e+308");
    expect_text(2.2250738585072014e-308, "2.2250738585072014e-308");
    expect_text(2.225073858507201e-308, "2.225073858507201e-308");
    expect_text(5e-324, "5e-324");
    expect_text(1e-323, "1e-323");
    expect_text(3.141592653589793, "3.141592653589793");
    expect_text(1.0 / 3, "0.3333333333333333");
    expect_text(2.0 / 3, "0.6666666666666666");
    expect_text(9007199254740993.0, "9007199254740992.0");
    expect_text(5.684341886080802e-14, "5.684341886080802e-14"); /* 2^-44: uneven neighbours */
    expect_text(9.5367431640625e-07, "9.5367431640625e-07");
}

static size_t significant_digits(const char *text)
{
    size_t count = 0;
    size_t zeros = 0;
    for (const char *p = text; *p != '\0' && *p != 'e'; p++) {
        if (*p >= '1' && *p <= '9') {
            count += zeros + 1;
            zeros = 0;
        } else if (*p == '0' && count > 0) {
            zeros++;
        }
    }
    return count;
}

static void expect_shortest(double value)
{
    char text[64];
    write_real(value, text);
    cr_assert(same(read_real(text), value), "%s is not %.17g", text, value);
    cr_assert(same(strtod(text, NULL), value), "%s is not %.17g", text, value);
    size_t digits = significant_digits(text);
    if (digits > 1) {
        char shorter[64];
        (void)snprintf(shorter, sizeof(shorter), "%.*e", (int)digits - 2, value);
        cr_assert(!same(strtod(shorter, NULL), value), "%s is longer than %s", text, shorter);
    }
}

Test(json_number, any_double_is_written_shortest_and_reads_back)
{
    uint64_t state = 88172645463325252u;
    for (int i = 0; i < 40000; i++) {
        uint64_t bits = next_random(&state);
        double value;
        memcpy(&value, &bits, sizeof(value));
        if (isfinite(value)) {
            expect_shortest(value);
        }
        expect_shortest((double)(int64_t)(bits >> 30) / 1000); /* prices and the like */
        expect_shortest((double)(bits >> 40) * 0.1);
    }
}

/* The next double up or down of a positive one. */
static double neighbour(double value, int step)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof(bits));
    bits += (uint64_t)(int64_t)step;
    memcpy(&value, &bits, sizeof(bits));
    return value;
}

Test(json_number, powers_of_two_and_their_neighbours)
{
    for (int exponent = -1074; exponent <= 1023; exponent++) {
        char text[16];
        (void)snprintf(text, sizeof(text), "0x1p%d", exponent);
        double value = strtod(text, NULL);
        expect_shortest(value);
        expect_shortest(neighbour(value, -1)); /* of the least one: zero */
        expect_shortest(neighbour(value, 1));
    }
}

static void expect_like_strtod(const char *text)
{
    double expected = strtod(text, NULL);
    double value = 0;
    bool ok = turbo__number_read_real(turbo_cstr(text), &value);
    cr_assert_eq(ok, isfinite(expected) != 0, "%s", text);
    cr_assert(!ok || same(value, expected), "%s: %.17g, not %.17g", text, value, expected);
}

Test(json_number, reads_the_nearest_double)
{
    static const char *const texts[] = {
        "0.0",
        "-0.0",
        "0e0",
        "-0e-999999999999999999999",
        "0.000e+9999999999",
        "1e308",
        "1.8e308",
        "1e309",
        "-1e400",
        "1e99999999999999999999",
        "1e-99999999999999999999",
        "4.9e-324",
        "2.4703282292062327e-324",
        "2.4703282292062328e-324",
        "2.2250738585072011e-308",
        "2.2250738585072012e-308",
        "1.7976931348623158e308",
        "1.7976931348623159e308",
        "9007199254740992.5",
        "9007199254740993.0",
        "9007199254740993.00000000000000000000000001",
        "9007199254740992.99999999999999999999999999",
        "123456789012345678901234567890.0",
        "0.000000000000000000000000000000000000000000000000000000000001e60",
        "1e22",
        "1e23",
        "8.98846567431158e307",
        "100000000000000000000000000000000000000e-38",
        "1.00000000000000011102230246251565404236316680908203125",
        "1.00000000000000011102230246251565404236316680908203124",
        "1.00000000000000011102230246251565404236316680908203126",
        "179769313486231580793e289",
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        expect_like_strtod(texts[i]);
    }
    uint64_t state = 2463534242u;
    for (int i = 0; i < 40000; i++) {
        char text[96];
        uint64_t a = next_random(&state);
        uint64_t b = next_random(&state);
        (void)snprintf(text, sizeof(text), "%llu.%llue%d", (unsigned long long)(a >> (a % 60)),
                       (unsigned long long)(b >> (b % 60)), (int)(next_random(&state) % 700) - 350);
        expect_like_strtod(text);
    }
}

/* 1 + 2^-53 exactly, a tie, and a last digit far behind what is kept. */
Test(json_number, digits_that_are_dropped_still_break_ties)
{
    char text[3000] = "1.00000000000000011102230246251565404236316680908203125";
    size_t len = strlen(text);
    memset(text + len, '0', sizeof(text) - len);
    text[sizeof(text) - 1] = '\0';
    cr_assert(same(read_real(text), 1.0));
    text[sizeof(text) - 2] = '1';
    cr_assert(same(read_real(text), neighbour(1.0, 1)));
}

Test(json_number, zeros_and_exponents_that_make_up_for_each_other)
{
    static char text[70000];
    memset(text, '0', sizeof(text));
    memcpy(text, "0.", 2);
    memcpy(text + 65000, "1e64999", 8);
    cr_assert(same(read_real(text), 1.0));
    memset(text, '0', 65000);
    text[0] = '1';
    memcpy(text + 65000, "e-64999", 8);
    cr_assert(same(read_real(text), 1.0));
}

Test(json_number, integers_end_at_64_bits)
{
    int64_t value = 7;
    cr_assert(turbo__number_read_int(turbo_cstr("9223372036854775807"), &value));
    cr_assert_eq(value, INT64_MAX);
    cr_assert(turbo__number_read_int(turbo_cstr("-9223372036854775808"), &value));
    cr_assert_eq(value, INT64_MIN);
    cr_assert(turbo__number_read_int(turbo_cstr("-0"), &value));
    cr_assert_eq(value, 0);
    static const char *const beyond[] = {"9223372036854775808",      "-9223372036854775809",
                                         "18446744073709551616",     "18446744073709551617",
                                         "100000000000000000000000", "-99999999999999999999"};
    for (size_t i = 0; i < sizeof(beyond) / sizeof(beyond[0]); i++) {
        value = 7;
        cr_assert(!turbo__number_read_int(turbo_cstr(beyond[i]), &value), "%s", beyond[i]);
        cr_assert_eq(value, 7);
    }
}

Test(json_number, comparison_is_exact)
{
    cr_assert(turbo__number_compare(INT64_MAX, 9223372036854775808.0) < 0);
    cr_assert(turbo__number_compare(INT64_MAX, 9223372036854774784.0) > 0);
    cr_assert_eq(turbo__number_compare(INT64_MIN, -9223372036854775808.0), 0);
    cr_assert(turbo__number_compare(INT64_MIN, -1e19) > 0);
    cr_assert(turbo__number_compare(9007199254740993, 9007199254740992.0) > 0);
    cr_assert(turbo__number_compare(1, 1.5) < 0);
    cr_assert(turbo__number_compare(-1, -1.5) > 0);
    cr_assert(turbo__number_compare(2, 1.5) > 0);
    cr_assert_eq(turbo__number_compare(0, -0.0), 0);
}

Test(json_number, what_is_an_integer)
{
    int64_t value = 7;
    cr_assert(turbo__number_is_int(-0.0, &value) && value == 0);
    cr_assert(turbo__number_is_int(-9223372036854775808.0, &value) && value == INT64_MIN);
    cr_assert(!turbo__number_is_int(9223372036854775808.0, &value));
    cr_assert(!turbo__number_is_int(0.5, &value));
    cr_assert(!turbo__number_is_int(NAN, &value));
    cr_assert(!turbo__number_is_int(-INFINITY, &value));
}

static bool multiple(double value, double divisor)
{
    return turbo__decimal_multiple(turbo__decimal_from_real(value),
                                   turbo__decimal_from_real(divisor));
}

Test(json_number, multiples_are_those_of_the_decimals)
{
    cr_assert(multiple(0.0075, 0.0001));
    cr_assert(!multiple(0.00751, 0.0001));
    cr_assert(multiple(4.02, 0.01));
    cr_assert(multiple(0.3, 0.1));
    cr_assert(multiple(-0.3, 0.1));
    cr_assert(multiple(0, 0.7));
    cr_assert(multiple(1e308, 1e-308));
    cr_assert(!multiple(1e308, 0.123456789));
    cr_assert(multiple(1e308, 0.5));
    cr_assert(!multiple(1, 3));
    cr_assert(!multiple(1, 0));
    cr_assert(multiple(5e-324, 5e-324));
    cr_assert(!multiple(5e-324, 1));
    cr_assert(multiple(12391239123, 1e-8));
    for (int64_t value = -300; value <= 300; value++) {
        for (int64_t divisor = 1; divisor <= 60; divisor++) {
            cr_assert_eq(turbo__decimal_multiple(turbo__decimal_from_int(value),
                                                 turbo__decimal_from_int(divisor)),
                         value % divisor == 0, "%d / %d", (int)value, (int)divisor);
        }
    }
    turbo__decimal least = turbo__decimal_from_int(INT64_MIN);
    cr_assert(turbo__decimal_multiple(least, least));
    cr_assert(turbo__decimal_multiple(least, turbo__decimal_from_int(1 << 30)));
    cr_assert(!turbo__decimal_multiple(least, turbo__decimal_from_int(INT64_MAX)));
}

Test(json_number, the_locale_plays_no_part)
{
    static const char *const names[] = {"de_DE.UTF-8", "de_DE", "fr_FR.UTF-8", "ps_AF.UTF-8"};
    bool found = false;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (setlocale(LC_ALL, names[i]) == NULL || strcmp(localeconv()->decimal_point, ".") == 0) {
            continue;
        }
        found = true;
        expect_text(1.5, "1.5");
        expect_text(1.0 / 3, "0.3333333333333333");
        expect_text(1.2345678901234567e-200, "1.2345678901234567e-200");
        expect_text(5e-324, "5e-324");
        cr_assert(same(read_real("2.5"), 2.5));
        cr_assert(same(read_real("1.23456789012345678901e-7"), 1.23456789012345678901e-7));
    }
    if (!found) {
        cr_skip_test("no locale with another decimal point is installed");
    }
}
