/* SPDX-License-Identifier: MIT */
#include "codec/json_number.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    /* 15 digits always survive the way through a double, 17 always name one (IEEE 754 binary64). */
    DIGITS_SAFE = 15,
    DIGITS_ENOUGH = 17,
    /* No double nor midpoint of two has more significant digits; what follows only breaks ties. */
    DIGITS_EXACT = 800,
    /* 10^22 is the last power of ten that is a double. */
    POWER_EXACT = 22,
    EXPONENT_CLAMP = 100000,
    /* Digits, one more for all that were dropped, exponent, NUL. */
    TEXT_SIZE = DIGITS_EXACT + 1 + 24,
    /* Whether a double expression is rounded to double once (not so on x87). */
    DOUBLES_EXACT = FLT_EVAL_METHOD == 0
};

static const double SAFE_LIMIT = 1e15;
static const double INT64_END = 9223372036854775808.0; /* 2^63 */

static double power_of_ten(int exponent)
{
    static const double powers[POWER_EXACT + 1] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                                   1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                                   1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    return powers[exponent];
}

static turbo__decimal normalized(uint64_t digits, int exponent, bool negative)
{
    turbo__decimal decimal = {digits, digits == 0 ? 0 : exponent, negative};
    while (decimal.digits != 0 && decimal.digits % 10 == 0) {
        decimal.digits /= 10;
        decimal.exponent++;
    }
    return decimal;
}

/* A decimal of at most 15 digits that is equal to `value` after rounding is the shortest. Both
 * operands of the division are exact, so it rounds once, as reading the text does. */
static bool short_decimal(double value, turbo__decimal *out)
{
    for (int places = 0; places <= POWER_EXACT; places++) {
        double scaled = value * power_of_ten(places);
        if (scaled >= SAFE_LIMIT) {
            return false;
        }
        uint64_t digits = (uint64_t)(scaled + 0.5);
        if ((double)digits / power_of_ten(places) == value) {
            *out = normalized(digits, -places, false);
            return true;
        }
    }
    return false;
}

/* The text has no decimal point, which the locale would choose. */
static double decimal_value(uint64_t digits, int exponent)
{
    char text[48];
    (void)snprintf(text, sizeof(text), "%llue%d", (unsigned long long)digits, exponent); /* fits */
    return strtod(text, NULL);
}

/* The digits of `value` rounded to `count` of them, times 10^*exponent. Whatever the locale puts
 * for the decimal point is skipped. */
static uint64_t rounded(double value, int count, int *exponent)
{
    char text[64];
    (void)snprintf(text, sizeof(text), "%.*e", count - 1, value); /* fits: at most 17 digits */
    uint64_t digits = 0;
    const char *p = text;
    for (; *p != 'e'; p++) {
        if (*p >= '0' && *p <= '9') {
            digits = digits * 10 + (uint64_t)(*p - '0');
        }
    }
    *exponent = (int)strtol(p + 1, NULL, 10) - (count - 1);
    return digits;
}

/* Whether a decimal of `count` digits reads back as `value`. Above a power of two, doubles are
 * twice as far apart as below: there the next decimal up may do when the nearest, which lies below,
 * does not. */
static bool decimal_of(double value, int count, turbo__decimal *out)
{
    int exponent;
    uint64_t digits = rounded(value, count, &exponent);
    for (int i = 0; i < 2; i++, digits++) {
        if (decimal_value(digits, exponent) == value) {
            *out = normalized(digits, exponent, false);
            return true;
        }
    }
    return false;
}

turbo__decimal turbo__decimal_from_real(double value)
{
    bool negative = signbit(value) != 0;
    double magnitude = negative ? -value : value;
    turbo__decimal decimal = {0, 0, negative};
    if (DOUBLES_EXACT && short_decimal(magnitude, &decimal)) {
        decimal.negative = negative;
        return decimal;
    }
    /* Subnormal numbers have less precision, hence possibly fewer digits than 15. */
    int count = magnitude < DBL_MIN || !DOUBLES_EXACT ? 1 : DIGITS_SAFE;
    while (count < DIGITS_ENOUGH && !decimal_of(magnitude, count, &decimal)) {
        count++;
    }
    if (count == DIGITS_ENOUGH) {
        int exponent;
        uint64_t digits = rounded(magnitude, count, &exponent);
        decimal = normalized(digits, exponent, false);
    }
    decimal.negative = negative;
    return decimal;
}

turbo__decimal turbo__decimal_from_int(int64_t value)
{
    return normalized(value < 0 ? 0 - (uint64_t)value : (uint64_t)value, 0, value < 0);
}

static uint64_t add_mod(uint64_t a, uint64_t b, uint64_t modulus)
{
    return a >= modulus - b ? a - (modulus - b) : a + b;
}

static uint64_t multiply_mod(uint64_t a, uint64_t b, uint64_t modulus)
{
    uint64_t product = 0;
    for (a %= modulus; b > 0; b >>= 1) {
        if ((b & 1) != 0) {
            product = add_mod(product, a, modulus);
        }
        a = add_mod(a, a, modulus);
    }
    return product;
}

bool turbo__decimal_multiple(turbo__decimal value, turbo__decimal divisor)
{
    if (divisor.digits == 0) {
        return false;
    }
    if (value.digits == 0) {
        return true;
    }
    if (value.exponent < divisor.exponent) {
        return false; /* ten would have to divide value.digits */
    }
    uint64_t modulus = divisor.digits;
    uint64_t rest = value.digits % modulus;
    uint64_t power = 10 % modulus;
    for (int count = value.exponent - divisor.exponent; count > 0; count >>= 1) {
        if ((count & 1) != 0) {
            rest = multiply_mod(rest, power, modulus);
        }
        power = multiply_mod(power, power, modulus);
    }
    return rest == 0;
}

bool turbo__number_read_int(turbo_str text, int64_t *out)
{
    bool negative = text.data[0] == '-';
    const uint64_t limit = negative ? (uint64_t)INT64_MAX + 1 : (uint64_t)INT64_MAX;
    uint64_t value = 0;
    for (size_t i = negative ? 1 : 0; i < text.len; i++) {
        uint64_t digit = (uint64_t)(text.data[i] - '0');
        if (value > (limit - digit) / 10) {
            return false;
        }
        value = value * 10 + digit;
    }
    if (negative) {
        *out = value > (uint64_t)INT64_MAX ? INT64_MIN : -(int64_t)value;
    } else {
        *out = (int64_t)value;
    }
    return true;
}

/* The significant digits of a number, without leading zeros, and the power of ten they are times.
 */
typedef struct significand {
    char digits[TEXT_SIZE];
    size_t count;
    int64_t exponent;
    bool dropped; /* a digit other than zero did not fit */
} significand;

static void take_digit(significand *number, char digit, bool fraction)
{
    if (number->count == 0 && digit == '0') {
        number->exponent -= fraction ? 1 : 0;
        return;
    }
    if (number->count < DIGITS_EXACT) {
        number->digits[number->count++] = digit;
        number->exponent -= fraction ? 1 : 0;
        return;
    }
    number->dropped = number->dropped || digit != '0';
    number->exponent += fraction ? 0 : 1;
}

static int64_t read_exponent(const char *p, const char *end)
{
    const int64_t huge = INT64_MAX / 100; /* beyond what the digits of any text can make up for */
    bool negative = *p == '-';
    if (*p == '-' || *p == '+') {
        p++;
    }
    int64_t value = 0;
    for (; p < end && value < huge; p++) {
        value = value * 10 + (*p - '0');
    }
    return negative ? -value : value;
}

static void read_significand(turbo_str text, significand *number)
{
    number->count = 0;
    number->exponent = 0;
    number->dropped = false;
    bool fraction = false;
    const char *end = text.data + text.len;
    for (const char *p = text.data; p < end; p++) {
        if (*p >= '0' && *p <= '9') {
            take_digit(number, *p, fraction);
        } else if (*p == '.') {
            fraction = true;
        } else if (*p != '-') {
            number->exponent += read_exponent(p + 1, end);
            return;
        }
    }
}

static bool short_value(const significand *number, double *out)
{
    if (!DOUBLES_EXACT || number->count > DIGITS_SAFE || number->exponent < -POWER_EXACT ||
        number->exponent > POWER_EXACT) {
        return false;
    }
    uint64_t digits = 0;
    for (size_t i = 0; i < number->count; i++) {
        digits = digits * 10 + (uint64_t)(number->digits[i] - '0');
    }
    int exponent = (int)number->exponent;
    *out = exponent < 0 ? (double)digits / power_of_ten(-exponent)
                        : (double)digits * power_of_ten(exponent);
    return true;
}

static double long_value(significand *number)
{
    if (number->dropped) {
        number->digits[number->count++] = '1';
        number->exponent--;
    }
    int exponent = number->exponent > EXPONENT_CLAMP    ? EXPONENT_CLAMP
                   : number->exponent < -EXPONENT_CLAMP ? -EXPONENT_CLAMP
                                                        : (int)number->exponent;
    (void)snprintf(number->digits + number->count, sizeof(number->digits) - number->count, "e%d",
                   exponent); /* fits: TEXT_SIZE */
    return strtod(number->digits, NULL);
}

bool turbo__number_read_real(turbo_str text, double *out)
{
    significand number;
    read_significand(text, &number);
    double value = 0;
    if (number.count > 0 && !short_value(&number, &value)) {
        value = long_value(&number);
    }
    if (isinf(value)) {
        return false;
    }
    *out = text.data[0] == '-' ? -value : value;
    return true;
}

bool turbo__number_is_int(double value, int64_t *out)
{
    if (!(value >= -INT64_END && value < INT64_END) || (double)(int64_t)value != value) {
        return false;
    }
    *out = (int64_t)value;
    return true;
}

int turbo__number_compare(int64_t a, double b)
{
    if (b >= INT64_END) {
        return -1;
    }
    if (b < -INT64_END) {
        return 1;
    }
    int64_t whole = (int64_t)b;
    if (a != whole) {
        return a < whole ? -1 : 1;
    }
    double rest = b - (double)whole;
    return rest > 0 ? -1 : rest < 0 ? 1 : 0;
}
