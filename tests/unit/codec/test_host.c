/* SPDX-License-Identifier: MIT */
#include "codec/host.h"

#include <string.h>

#include <criterion/criterion.h>

Test(host, accepts)
{
    static const char *const cases[] = {
        "a",
        "example.org",
        "EXAMPLE.org.",
        "a-b_c~d!$&'()*+;=",
        "%41%e2%82%ac",
        "127.0.0.1",
        "127.0.0.1:0",
        "a:",
        "a:1",
        "a:00080",
        "a:65535",
        "[::1]",
        "[::]:80",
        "[2001:db8:0:0:1:2:3:4]",
        "[::ffff:192.0.2.1]:",
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        cr_expect(turbo__host_valid(turbo_cstr(cases[i])), "%s", cases[i]);
    }
}

Test(host, refuses)
{
    static const turbo_str cases[] = {
        {"", 0},          {NULL, 0},       {":", 1},
        {":80", 3},       {"a b", 3},      {"a,b", 3},
        {"a, b", 4},      {"u@a", 3},      {"u:p@a", 5},
        {"a/b", 3},       {"a?b", 3},      {"a#b", 3},
        {"a\\b", 3},      {"a\"", 2},      {"a\0b", 3},
        {"a\t", 2},       {"\xc3\xa9", 2}, {"a:x", 3},
        {"a:80x", 5},     {"a:-1", 4},     {"a:+1", 4},
        {"a: 1", 4},      {"a:65536", 7},  {"a:000080", 8},
        {"a:1:2", 5},     {"a%", 2},       {"a%4", 3},
        {"a%zz", 4},      {"::1", 3},      {"[", 1},
        {"[]", 2},        {"[::1", 4},     {"::1]", 4},
        {"[::1]x", 6},    {"[::1]:x", 7},  {"[:::1]", 6},
        {"[1.2.3.4]", 9}, {"[v1.a:b]", 8}, {"[::1%25eth0]", 12},
        {"[::1\0]", 6},   {"[g::]", 5},    {"[1:2:3:4:5:6:7:8:9]", 19},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        cr_expect_not(turbo__host_valid(cases[i]), "%zu: %.*s", i, (int)cases[i].len,
                      cases[i].data);
    }
}

/* Every byte, alone in a name: RFC 3986 §3.2.2 without the comma. */
Test(host, names_are_of_these_bytes)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                  "-._~!$&'()*+;=";
    for (int c = 0; c < 256; c++) {
        char text[] = {'a', (char)c, 'b'};
        turbo_str host = {text, sizeof(text)};
        bool expected = c != 0 && strchr(allowed, c) != NULL;
        cr_expect_eq(turbo__host_valid(host), expected, "byte %d", c);
    }
}

Test(host, is_split_from_its_port)
{
    const struct {
        const char *text;
        const char *host;
        unsigned port;
    } cases[] = {
        {"example.com", "example.com", 0},     {"example.com:", "example.com", 0},
        {"a_b.c~:8080", "a_b.c~", 8080},       {"192.0.2.1:1", "192.0.2.1", 1},
        {"[2001:db8::1]", "[2001:db8::1]", 0}, {"[::1]:65535", "[::1]", 65535},
    };
    turbo_str host;
    uint16_t port;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        cr_assert(turbo__host_split(turbo_cstr(cases[i].text), &host, &port), "%s", cases[i].text);
        cr_expect(turbo_str_equal(host, turbo_cstr(cases[i].host)), "%.*s", (int)host.len,
                  host.data);
        cr_expect_eq(port, cases[i].port);
    }
    port = 7;
    const turbo_str bad[] = {{NULL, 0},  {"", 0},     {":80", 3},
                             {"a:b", 3}, {"[::1", 4}, {"a:65536", 7}};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        cr_expect_not(turbo__host_split(bad[i], &host, &port), "case %zu", i);
        cr_expect_eq(port, 7);
    }
}
