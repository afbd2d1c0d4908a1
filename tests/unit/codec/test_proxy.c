/* SPDX-License-Identifier: MIT */
#include "codec/proxy.h"

#include <criterion/criterion.h>

#include "turbo/error.h"

#define SIGNATURE "\r\n\r\n\0\r\nQUIT\n"

enum { LOCAL = 0x20, RELAY = 0x21, TCP4 = 0x11, TCP6 = 0x21, UNIX_STREAM = 0x31, UDP4 = 0x12 };

/* A version 2 header in memory. */
typedef struct binary {
    char bytes[TURBO__PROXY_V2_MAX + 16];
    size_t len;
} binary;

static binary make(int command, int family, const char *data, size_t len, size_t told)
{
    binary self;
    memcpy(self.bytes, SIGNATURE, 12);
    self.bytes[12] = (char)command;
    self.bytes[13] = (char)family;
    self.bytes[14] = (char)(told >> 8);
    self.bytes[15] = (char)told;
    memcpy(self.bytes + 16, data, len);
    self.len = 16 + len;
    return self;
}

static void expect_address(const turbo__address *address, const char *text, uint16_t port)
{
    char buffer[TURBO__ADDRESS_TEXT];
    turbo_str seen = {buffer, turbo__address_text(address, buffer)};
    cr_expect(turbo_str_equal(seen, turbo_cstr(text)), "%.*s", (int)seen.len, seen.data);
    cr_expect_eq(address->port, port);
}

static bool same(const turbo__address *a, const turbo__address *b)
{
    return a->kind == b->kind && a->port == b->port && memcmp(a->bytes, b->bytes, 16) == 0;
}

/* Parses every prefix of `input`; each must want more, until the `length` bytes of the header are
 * there. */
static turbo__proxy parse(turbo_str input, size_t length)
{
    turbo__proxy found;
    turbo__proxy again;
    size_t used = 0;
    for (size_t i = 0; i < length; i++) {
        turbo_str part = {input.data, i};
        cr_assert_eq(turbo__proxy_parse(part, &found, &used), TURBO_EAGAIN, "%zu bytes", i);
    }
    turbo_str exact = {input.data, length};
    cr_assert_eq(turbo__proxy_parse(exact, &found, &used), 0, "%s", turbo_error_detail());
    cr_assert_eq(used, length);
    cr_assert_eq(turbo__proxy_parse(input, &again, &used), 0);
    cr_assert_eq(used, length);
    cr_assert_eq(found.relayed, again.relayed);
    cr_assert(same(&found.source, &again.source));
    cr_assert(same(&found.destination, &again.destination));
    return found;
}

/* Every prefix wants more or is refused, and what is refused stays so. */
static void refuse(turbo_str input, const char *reason)
{
    int rc = TURBO_EAGAIN;
    for (size_t i = 0; i <= input.len; i++) {
        turbo__proxy found;
        size_t used = 99;
        turbo_str part = {input.data, i};
        int now = turbo__proxy_parse(part, &found, &used);
        cr_assert(now == rc || (rc == TURBO_EAGAIN && now == TURBO_EPROTOCOL), "%zu: %d", i, now);
        cr_assert_eq(used, 99);
        rc = now;
    }
    cr_expect_eq(rc, TURBO_EPROTOCOL, "%.*s", (int)input.len, input.data);
    cr_expect_not_null(strstr(turbo_error_detail(), reason), "%s", turbo_error_detail());
}

Test(proxy, reads_version_1)
{
    turbo_str text = TURBO_STR("PROXY TCP4 192.0.2.1 198.51.100.2 56324 443\r\nGET / HTTP/1.1\r\n");
    turbo__proxy found = parse(text, 45);
    cr_assert(found.relayed);
    expect_address(&found.source, "192.0.2.1", 56324);
    expect_address(&found.destination, "198.51.100.2", 443);
    text = TURBO_STR("PROXY TCP6 2001:db8::1 ::1 0 65535\r\n");
    found = parse(text, text.len);
    expect_address(&found.source, "2001:db8::1", 0);
    expect_address(&found.destination, "::1", 65535);
    text = TURBO_STR("PROXY TCP6 ::ffff:192.0.2.1 ::1 1 2\r\n");
    found = parse(text, text.len);
    expect_address(&found.source, "192.0.2.1", 1);
}

Test(proxy, reads_the_longest_line_of_version_1)
{
    const char *unknown = "PROXY UNKNOWN ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
                          "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n";
    cr_assert_eq(strlen(unknown), TURBO__PROXY_V1_MAX);
    cr_assert_not(parse(turbo_cstr(unknown), TURBO__PROXY_V1_MAX).relayed);
    refuse(TURBO_STR("PROXY UNKNOWN ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
                     "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535 \r\n"),
           "too long");
    cr_assert_not(parse(TURBO_STR("PROXY UNKNOWN\r\n"), 15).relayed);
    cr_assert_not(parse(TURBO_STR("PROXY UNKNOWN\r\nGET"), 15).relayed);
}

Test(proxy, refuses_a_malformed_version_1)
{
    refuse(TURBO_STR("PROXY TCP5 192.0.2.1 192.0.2.2 1 2\r\n"), "family");
    refuse(TURBO_STR("PROXY tcp4 192.0.2.1 192.0.2.2 1 2\r\n"), "family");
    refuse(TURBO_STR("PROXY \r\n"), "family");
    refuse(TURBO_STR("PROXY  TCP4 192.0.2.1 192.0.2.2 1 2\r\n"), "family");
    refuse(TURBO_STR("PROXY TCP4 ::1 192.0.2.2 1 2\r\n"), "address");
    refuse(TURBO_STR("PROXY TCP6 ::1 192.0.2.2 1 2\r\n"), "address");
    refuse(TURBO_STR("PROXY TCP4 192.0.2.1  192.0.2.2 1 2\r\n"), "address");
    refuse(TURBO_STR("PROXY TCP4 192.0.2.1 192.0.2 1 2\r\n"), "address");
    refuse(TURBO_STR("PROXY TCP4 192.0.2.1 192.0.2.2 1\r\n"), "port");
    refuse(TURBO_STR("PROXY TCP4 192.0.2.1 192.0.2.2 1 65536\r\n"), "port");
    refuse(TURBO_STR("PROXY TCP4 192.0.2.1 192.0.2.2 01 2\r\n"), "port");
    refuse(TURBO_STR("PROXY TCP4 192.0.2.1 192.0.2.2 1 2 \r\n"), "port");
    refuse(TURBO_STR("PROXY TCP4 192.0.2.1 192.0.2.2 1 2 3\r\n"), "port");
    refuse(TURBO_STR("PROXY TCP4 192.0.2.1 192.0.2.2 1 2\rX"), "LF");
    refuse(TURBO_STR("GET / HTTP/1.1\r\n"), "signatures");
    refuse(TURBO_STR("PROXY\t"), "signatures");
    refuse(TURBO_STR("\r\n\r\n\r\n"), "signatures");
    char line[TURBO__PROXY_V1_MAX];
    memset(line, ' ', sizeof(line));
    memcpy(line, "PROXY TCP4", 10);
    turbo_str endless = {line, sizeof(line)};
    refuse(endless, "too long");
}

Test(proxy, reads_version_2)
{
    const char tcp4[] = "\xc0\x00\x02\x01\xc6\x33\x64\x02\xdc\x04\x01\xbb";
    binary header = make(RELAY, TCP4, tcp4, 12, 12);
    memcpy(header.bytes + header.len, "GET", 3);
    turbo_str input = {header.bytes, header.len + 3};
    turbo__proxy found = parse(input, header.len);
    cr_assert(found.relayed);
    expect_address(&found.source, "192.0.2.1", 56324);
    expect_address(&found.destination, "198.51.100.2", 443);

    char tcp6[36] = {0x20, 0x01, 0x0d, (char)0xb8};
    tcp6[15] = 1;
    tcp6[31] = 1;
    tcp6[32] = 1;
    tcp6[35] = 2;
    header = make(RELAY, TCP6, tcp6, 36, 36);
    input = (turbo_str){header.bytes, header.len};
    found = parse(input, header.len);
    expect_address(&found.source, "2001:db8::1", 256);
    expect_address(&found.destination, "::1", 2);

    char paths[216] = "/client";
    header = make(RELAY, UNIX_STREAM, paths, 216, 216);
    input = (turbo_str){header.bytes, header.len};
    found = parse(input, header.len);
    cr_assert(found.relayed);
    cr_assert_eq(found.source.kind, TURBO__ADDRESS_UNIX);
    expect_address(&found.source, "", 0);
}

Test(proxy, skips_extensions_up_to_the_limit)
{
    static char data[TURBO__PROXY_V2_MAX] = "\xc0\x00\x02\x01\xc6\x33\x64\x02\xdc\x04\x01\xbb"
                                            "\x03\x00\x04"; /* a checksum, and more */
    for (size_t len = TURBO__PROXY_V2_MAX - 17; len <= TURBO__PROXY_V2_MAX - 16; len++) {
        binary header = make(RELAY, TCP4, data, len, len);
        turbo_str input = {header.bytes, header.len};
        turbo__proxy found = parse(input, header.len);
        expect_address(&found.source, "192.0.2.1", 56324);
    }
    binary header = make(RELAY, TCP4, data, TURBO__PROXY_V2_MAX - 15, TURBO__PROXY_V2_MAX - 15);
    turbo_str input = {header.bytes, header.len};
    refuse(input, "4097 bytes, at most 4096");
    input.len = 16;
    refuse(input, "4097 bytes, at most 4096"); /* not waited for */
}

Test(proxy, leaves_the_sockets_addresses_where_it_is_told_to)
{
    const struct {
        int command;
        int family;
        size_t len;
    } cases[] = {
        {LOCAL, 0, 0}, {LOCAL, TCP4, 12}, {LOCAL, TCP4, 3},  {LOCAL, 0xff, 5},
        {RELAY, 0, 0}, {RELAY, 0, 7},     {RELAY, UDP4, 12},
    };
    const char data[16] = "0123456789abcde";
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        binary header = make(cases[i].command, cases[i].family, data, cases[i].len, cases[i].len);
        turbo_str input = {header.bytes, header.len};
        cr_expect_not(parse(input, header.len).relayed, "case %zu", i);
    }
}

Test(proxy, refuses_a_malformed_version_2)
{
    const struct {
        int command;
        int family;
        size_t len;
        const char *reason;
    } cases[] = {
        {0x11, TCP4, 12, "command"},    {0x22, TCP4, 12, "command"},
        {0x31, TCP4, 12, "command"},    {RELAY, 0x41, 12, "family"},
        {RELAY, 0x13, 12, "family"},    {RELAY, TCP4, 11, "too short"},
        {RELAY, TCP6, 35, "too short"}, {RELAY, UNIX_STREAM, 215, "too short"},
    };
    static const char data[216];
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        binary header = make(cases[i].command, cases[i].family, data, cases[i].len, cases[i].len);
        turbo_str input = {header.bytes, header.len};
        refuse(input, cases[i].reason);
    }
}
