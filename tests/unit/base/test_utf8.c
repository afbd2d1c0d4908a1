/* SPDX-License-Identifier: MIT */
#include "base/utf8.h"

#include <criterion/criterion.h>

static bool valid(const char *data, size_t len, size_t *at)
{
    turbo_str text = {data, len};
    return turbo__utf8_check(text, at);
}

Test(utf8, every_code_point_is_encoded_as_the_standard_says)
{
    for (uint32_t code = 0; code <= 0x10FFFF; code++) {
        if (code >= 0xD800 && code <= 0xDFFF) {
            continue;
        }
        char out[TURBO__UTF8_MAX];
        size_t len = turbo__utf8_encode(code, out);
        size_t expected = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
        cr_assert_eq(len, expected, "U+%04X", code);
        uint32_t decoded =
            len == 1 ? (unsigned char)out[0] : (unsigned char)out[0] & (0xFFu >> (len + 1));
        for (size_t i = 1; i < len; i++) {
            decoded = decoded << 6 | ((unsigned char)out[i] & 0x3F);
        }
        cr_assert_eq(decoded, code);
        turbo_str text = {out, len};
        cr_assert(turbo__utf8_check(text, NULL), "U+%04X", code);
        cr_assert_eq(turbo__utf8_length(text), 1u);
    }
}

/* A decoder written the slow way: what it takes is valid, and nothing else. */
static bool reference(const unsigned char *p, size_t len)
{
    size_t i = 0;
    while (i < len) {
        uint32_t code = p[i];
        size_t tail = code < 0x80       ? 0
                      : code >> 5 == 6  ? 1
                      : code >> 4 == 14 ? 2
                      : code >> 3 == 30 ? 3
                                        : 9;
        if (tail == 9 || i + tail >= len) {
            return false;
        }
        code &= tail == 0 ? 0x7Fu : 0x3Fu >> tail;
        for (size_t k = 1; k <= tail; k++) {
            if (p[i + k] >> 6 != 2) {
                return false;
            }
            code = code << 6 | (p[i + k] & 0x3Fu);
        }
        static const uint32_t least[] = {0, 0x80, 0x800, 0x10000};
        if (code < least[tail] || code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF)) {
            return false;
        }
        i += tail + 1;
    }
    return true;
}

Test(utf8, all_sequences_of_three_bytes)
{
    for (uint32_t n = 0; n < 1u << 24; n++) {
        unsigned char bytes[3] = {(unsigned char)(n >> 16), (unsigned char)(n >> 8),
                                  (unsigned char)n};
        if (valid((const char *)bytes, 3, NULL) != reference(bytes, 3)) {
            cr_assert_fail("%06x", n);
        }
    }
}

Test(utf8, four_byte_sequences_at_the_edges)
{
    static const unsigned char edges[] = {0x00, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0,
                                          0xBF, 0xC0, 0xC2, 0xDF, 0xE0, 0xED, 0xEF,
                                          0xF0, 0xF1, 0xF4, 0xF5, 0xF8, 0xFF};
    size_t n = sizeof(edges);
    for (size_t i = 0; i < n * n * n * n; i++) {
        unsigned char bytes[4] = {edges[i % n], edges[i / n % n], edges[i / n / n % n],
                                  edges[i / n / n / n]};
        cr_assert_eq(valid((const char *)bytes, 4, NULL), reference(bytes, 4),
                     "%02x %02x %02x %02x", bytes[0], bytes[1], bytes[2], bytes[3]);
    }
}

Test(utf8, tells_where_it_ends_to_be_valid)
{
    size_t at;
    cr_assert(valid("", 0, &at) && at == 0);
    cr_assert(valid(NULL, 0, &at) && at == 0);
    cr_assert(valid("plain ascii of some length", 26, &at) && at == 26);
    for (size_t before = 0; before < 20; before++) {
        char text[32];
        memset(text, 'a', sizeof(text));
        text[before] = (char)0xFF;
        cr_assert(!valid(text, sizeof(text), &at));
        cr_assert_eq(at, before);
        memcpy(text + before, "\xE2\x82", 2); /* cut off */
        cr_assert(!valid(text, before + 2, &at));
        cr_assert_eq(at, before);
    }
}

Test(utf8, length_counts_code_points)
{
    cr_assert_eq(turbo__utf8_length(turbo_cstr("")), 0u);
    cr_assert_eq(turbo__utf8_length(turbo_cstr("na\xC3\xAFve \xF0\x9F\x98\x80")), 7u);
}
