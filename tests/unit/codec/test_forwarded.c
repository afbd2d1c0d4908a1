/* SPDX-License-Identifier: MIT */
#include "codec/forwarded.h"

#include <stdio.h>

#include <criterion/criterion.h>

#include "turbo/error.h"

static void expect_str(turbo_str seen, const char *text)
{
    cr_expect(turbo_str_equal(seen, turbo_cstr(text)), "'%.*s' instead of '%s'", (int)seen.len,
              seen.data, text);
}

/* The hop as one line: "address-or-name port proto host". */
static void expect_hop(const turbo__hop *hop, const char *node, unsigned port, const char *proto,
                       const char *host)
{
    char buffer[TURBO__ADDRESS_TEXT];
    turbo_str text = {buffer, turbo__address_text(&hop->address, buffer)};
    cr_expect(text.len == 0 || hop->name.len == 0);
    expect_str(text.len > 0 ? text : hop->name, node);
    cr_expect_eq(hop->address.port, port, "%s: port %u", node, hop->address.port);
    expect_str(hop->proto, proto);
    expect_str(hop->host, host);
}

static turbo__hop last(turbo_str *rest)
{
    turbo__hop hop;
    cr_assert_eq(turbo__forwarded_last(rest, &hop), 0, "%.*s", (int)rest->len, rest->data);
    return hop;
}

Test(list, is_read_from_the_right)
{
    turbo_str rest = TURBO_STR(" a ,, b\t, ,c,");
    turbo_str item;
    cr_assert(turbo__list_last(&rest, &item));
    expect_str(item, "c");
    cr_assert(turbo__list_last(&rest, &item));
    expect_str(item, "b");
    cr_assert(turbo__list_last(&rest, &item));
    expect_str(item, "a");
    cr_assert_not(turbo__list_last(&rest, &item));
    rest = TURBO_STR(" , ,");
    cr_assert_not(turbo__list_last(&rest, &item));
}

Test(forwarded, reads_the_examples_of_the_standard)
{
    turbo_str rest = TURBO_STR("for=\"_gazonk\"");
    turbo__hop hop = last(&rest);
    expect_hop(&hop, "_gazonk", 0, "", "");
    rest = TURBO_STR("For=\"[2001:db8:cafe::17]:4711\"");
    hop = last(&rest);
    expect_hop(&hop, "2001:db8:cafe::17", 4711, "", "");
    rest = TURBO_STR("for=192.0.2.60;proto=http;by=203.0.113.43");
    hop = last(&rest);
    expect_hop(&hop, "192.0.2.60", 0, "http", "");
    rest = TURBO_STR("for=192.0.2.43, for=198.51.100.17");
    hop = last(&rest);
    expect_hop(&hop, "198.51.100.17", 0, "", "");
    hop = last(&rest);
    expect_hop(&hop, "192.0.2.43", 0, "", "");
    cr_assert_eq(turbo__forwarded_last(&rest, &hop), TURBO_ENOTFOUND);
    rest = TURBO_STR("for=_hidden, for=_SEVKISEK");
    hop = last(&rest);
    expect_hop(&hop, "_SEVKISEK", 0, "", "");
    hop = last(&rest);
    expect_hop(&hop, "_hidden", 0, "", "");
    rest = TURBO_STR("for=192.0.2.43,for=\"[2001:db8:cafe::17]\",for=unknown");
    hop = last(&rest);
    expect_hop(&hop, "unknown", 0, "", "");
    hop = last(&rest);
    expect_hop(&hop, "2001:db8:cafe::17", 0, "", "");
}

Test(forwarded, reads_what_is_seen_in_the_wild)
{
    turbo_str rest = TURBO_STR(
        "for=192.0.2.43:47011; PROTO=https ;host=\"example.com:8080\";secret=\"a,;\\\"b\", ,"
        "for=\"192.0.2.44:_port\";host=[2001:db8::1]:80;;");
    turbo__hop hop = last(&rest);
    expect_hop(&hop, "192.0.2.44", 0, "", "[2001:db8::1]:80");
    hop = last(&rest);
    expect_hop(&hop, "192.0.2.43", 47011, "https", "example.com:8080");
    rest = TURBO_STR("for=\"::ffff:192.0.2.1\"");
    hop = last(&rest);
    expect_hop(&hop, "192.0.2.1", 0, "", "");
    rest = TURBO_STR("proto=https");
    hop = last(&rest);
    expect_hop(&hop, "", 0, "https", "");
    rest = TURBO_STR("for=\"\\\\\", for=192.0.2.1"); /* an escaped backslash, then the end */
    hop = last(&rest);
    expect_hop(&hop, "192.0.2.1", 0, "", "");
    cr_assert_eq(turbo__forwarded_last(&rest, &hop), TURBO_EPROTOCOL);
}

Test(forwarded, refuses_what_is_malformed)
{
    const char *const cases[] = {
        "for",
        "for=",
        "=1.2.3.4",
        "for=1.2.3",
        "for=a b",
        "for=\"1.2.3.4",
        "for=1.2.3.4\"",
        "for=\"1.2.3.4\"x",
        "for =1.2.3.4",
        "for= 1.2.3.4",
        "for=1.2.3.4;for=1.2.3.5",
        "proto=a;PROTO=b",
        "for=1.2.3.4 proto=http",
        "f(r=1.2.3.4",
        "for=\"_\"",
        "for=_a/b",
        "for=1.2.3.4:65536",
        "for=\"[::1\"",
        "for=\"[1.2.3.4]\"",
        "for=\"[::1]80\"",
        "for=\"[::1]:\"",
        "for=1.2.3.4:",
        "for=\"1.2.3.4\\\"",
        "for=example.com",
        "for=\"1.2\\.3.4\"",
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        turbo_str rest = turbo_cstr(cases[i]);
        turbo__hop hop = {.name = TURBO_STR("kept")};
        cr_expect_eq(turbo__forwarded_last(&rest, &hop), TURBO_EPROTOCOL, "%s", cases[i]);
        expect_str(hop.name, "kept");
    }
}

/* A client that sends the start of a quoted string must not hide what a proxy appends to it. */
Test(forwarded, is_not_confused_by_what_stands_to_the_left)
{
    const char *const starts[] = {
        "for=\"",         "for=\"x\\",    "for=\"\\\"", "\"", "for=1.2.3.4;",
        "for=9.9.9.9,\"", "a=\"b\";c=\"", "\\",         ";",  "for=\"1.1.1.1, x=\"\\"};
    const struct {
        const char *text;
        const char *node;
    } ends[] = {{", for=192.0.2.1", "192.0.2.1"},
                {", for=\"[2001:db8::1]:80\";proto=https", "2001:db8::1"},
                {",for=\"192.0.2.7\"", "192.0.2.7"}};
    for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]); i++) {
        for (size_t k = 0; k < sizeof(ends) / sizeof(ends[0]); k++) {
            char text[128];
            (void)snprintf(text, sizeof(text), "%s%s", starts[i], ends[k].text);
            turbo_str rest = turbo_cstr(text);
            turbo__hop hop = last(&rest);
            char buffer[TURBO__ADDRESS_TEXT];
            turbo_str seen = {buffer, turbo__address_text(&hop.address, buffer)};
            expect_str(seen, ends[k].node);
        }
    }
}

Test(node, may_be_written_as_in_x_forwarded_for)
{
    const struct {
        const char *text;
        const char *node;
        unsigned port;
    } cases[] = {
        {"192.0.2.1", "192.0.2.1", 0},           {"192.0.2.1:80", "192.0.2.1", 80},
        {"2001:db8::1", "2001:db8::1", 0},       {"[2001:db8::1]", "2001:db8::1", 0},
        {"[2001:db8::1]:80", "2001:db8::1", 80}, {"unknown", "unknown", 0},
        {"Unknown:80", "Unknown", 80},           {"_a.B-1_:_p", "_a.B-1_", 0},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        turbo__hop hop = {.proto = TURBO_STR("p"), .host = TURBO_STR("h")};
        cr_assert(turbo__forwarded_node(turbo_cstr(cases[i].text), &hop), "%s", cases[i].text);
        expect_hop(&hop, cases[i].node, cases[i].port, "p", "h");
    }
    turbo__hop untouched;
    turbo_str none = {NULL, 0};
    cr_assert_not(turbo__forwarded_node(none, &untouched));
    const char *const bad[] = {"", "localhost", "10.0.0.1, 10.0.0.2", "\"192.0.2.1\"", ":80", "[]"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        turbo__hop hop;
        cr_expect_not(turbo__forwarded_node(turbo_cstr(bad[i]), &hop), "%s", bad[i]);
    }
}
