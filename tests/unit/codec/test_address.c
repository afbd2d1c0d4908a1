/* SPDX-License-Identifier: MIT */
#include "codec/address.h"

#include <criterion/criterion.h>

static void expect_text(const turbo__address *address, const char *text)
{
    char buffer[TURBO__ADDRESS_TEXT];
    turbo_str seen = {buffer, turbo__address_text(address, buffer)};
    cr_expect(turbo_str_equal(seen, turbo_cstr(text)), "%.*s instead of %s", (int)seen.len,
              seen.data, text);
}

Test(address, reads_and_writes_text)
{
    const struct {
        const char *text;
        turbo__address_kind kind;
        const char *canonical;
    } cases[] = {
        {"192.0.2.1", TURBO__ADDRESS_IPV4, "192.0.2.1"},
        {"0.0.0.0", TURBO__ADDRESS_IPV4, "0.0.0.0"},
        {"2001:DB8:0:0::1", TURBO__ADDRESS_IPV6, "2001:db8::1"},
        {"::", TURBO__ADDRESS_IPV6, "::"},
        {"::1", TURBO__ADDRESS_IPV6, "::1"},
        {"ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255", TURBO__ADDRESS_IPV6,
         "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
        {"::ffff:192.0.2.1", TURBO__ADDRESS_IPV4, "192.0.2.1"},
        {"::FFFF:c000:201", TURBO__ADDRESS_IPV4, "192.0.2.1"},
        {"64:ff9b::192.0.2.1", TURBO__ADDRESS_IPV6, "64:ff9b::c000:201"},
        {"::192.0.2.1", TURBO__ADDRESS_IPV6, "::c000:201"},
        {"1:0:0:2:0:0:0:3", TURBO__ADDRESS_IPV6, "1:0:0:2::3"},
        {"1:0:0:2:0:0:3:4", TURBO__ADDRESS_IPV6, "1::2:0:0:3:4"},
        {"1:0:2:3:4:5:6:7", TURBO__ADDRESS_IPV6, "1:0:2:3:4:5:6:7"},
        {"1:2:3:4:5:6:7::", TURBO__ADDRESS_IPV6, "1:2:3:4:5:6:7:0"},
        {"1:2:3:4:5:6:0:0", TURBO__ADDRESS_IPV6, "1:2:3:4:5:6::"},
        {"0:0:1:2:3:4:5:6", TURBO__ADDRESS_IPV6, "::1:2:3:4:5:6"},
        {"0001:0ABC::", TURBO__ADDRESS_IPV6, "1:abc::"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        turbo__address address;
        cr_assert(turbo__address_parse(turbo_cstr(cases[i].text), &address), "%s", cases[i].text);
        cr_expect_eq(address.kind, cases[i].kind, "%s", cases[i].text);
        cr_expect_eq(address.port, 0);
        expect_text(&address, cases[i].canonical);
    }
}

Test(address, refuses_what_is_none)
{
    const char *const cases[] = {
        "",
        "1",
        "1.2.3",
        "1.2.3.4.5",
        "1.2.3.256",
        "01.2.3.4",
        " 1.2.3.4",
        "1.2.3.4 ",
        "1.2.3.4:80",
        "[::1]",
        "::1%lo",
        ":::",
        "1::2::3",
        "12345::",
        "0x7f.1.1.1",
        "1.2.3.4/32",
        "::ffff:1.2.3.4.5",
        "unix",
        "ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.2555",
        "1:2:3:4:5:6:7",
        "1:2:3:4:5:6:7:8:9",
        "1:2:3:4:5:6:7:8::",
        "::1:2:3:4:5:6:7:8",
        "1:",
        ":1",
        "::1:",
        ":1::",
        "g::",
        "1.2.3.4::",
        "::1.2.3.4:5",
        "1:2:3:4:5:6:7:1.2.3.4",
        "1.2.3.4.",
        ".1.2.3.4",
        "1..2.3",
        "00.2.3.4",
        "1.2.3.4444444444444444444444",
        "::1.2.3.400",
        "::1.2.3",
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        turbo__address address = {.port = 7};
        cr_expect_not(turbo__address_parse(turbo_cstr(cases[i]), &address), "%s", cases[i]);
        cr_expect_eq(address.port, 7);
    }
    turbo__address address;
    cr_assert_not(turbo__address_parse(TURBO_STR("1.2.3.4\0"), &address));
    cr_assert_not(turbo__address_parse(TURBO_STR("1.2.3.4\0x"), &address));
}

Test(address, has_text_only_for_networks)
{
    turbo__address address = {.kind = TURBO__ADDRESS_UNIX};
    expect_text(&address, "");
    address.kind = TURBO__ADDRESS_NONE;
    expect_text(&address, "");
}

Test(address, reads_ports)
{
    uint16_t port = 7;
    const char *const bad[] = {"", "65536", "99999", "123456", "-1", "+1", "1 ", "0x1", "1a"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        cr_expect_not(turbo__port_parse(turbo_cstr(bad[i]), &port), "%s", bad[i]);
    }
    cr_assert_eq(port, 7);
    cr_assert(turbo__port_parse(TURBO_STR("65535"), &port));
    cr_assert_eq(port, 65535);
    cr_assert(turbo__port_parse(TURBO_STR("0"), &port));
    cr_assert_eq(port, 0);
}
