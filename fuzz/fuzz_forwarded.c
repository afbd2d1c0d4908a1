/* SPDX-License-Identifier: MIT */
#include "codec/forwarded.h"

#include <string.h>

#include "codec/host.h"
#include "target.h"
#include "turbo/error.h"

static void check_inside(turbo_str input, turbo_str part)
{
    if (part.len > 0) {
        FUZZ_CHECK(part.data >= input.data);
        FUZZ_CHECK(part.data + part.len <= input.data + input.len);
    }
}

static void check_hop(turbo_str input, const turbo__hop *hop)
{
    char text[TURBO__ADDRESS_TEXT];
    turbo_str shown = {text, turbo__address_text(&hop->address, text)};
    turbo__address again;
    check_inside(input, hop->name);
    check_inside(input, hop->proto);
    check_inside(input, hop->host);
    FUZZ_CHECK(shown.len == 0 || hop->name.len == 0);
    FUZZ_CHECK(shown.len == 0 || turbo__address_parse(shown, &again));
    turbo_str host;
    uint16_t port;
    if (turbo__host_split(hop->host, &host, &port)) {
        check_inside(hop->host, host);
        FUZZ_CHECK(host.len > 0);
    }
}

static void walk_elements(turbo_str input)
{
    turbo_str rest = input;
    turbo__hop hop;
    size_t left = rest.len + 1;
    while (turbo__forwarded_last(&rest, &hop) == 0) {
        FUZZ_CHECK(rest.len < left); /* it ends */
        left = rest.len;
        check_hop(input, &hop);
    }
}

static void walk_list(turbo_str input)
{
    turbo_str rest = input;
    turbo_str item;
    turbo__hop hop;
    size_t seen = 0;
    while (turbo__list_last(&rest, &item)) {
        FUZZ_CHECK(item.len > 0 && memchr(item.data, ',', item.len) == NULL);
        check_inside(input, item);
        seen += item.len;
        memset(&hop, 0, sizeof(hop));
        if (turbo__forwarded_node(item, &hop)) {
            check_hop(input, &hop);
        }
    }
    FUZZ_CHECK(seen <= input.len);
}

/* Whatever a client sends, what the proxy appends is read as it was written. */
static void check_append(turbo_str input)
{
    static const char added[] = ", for=\"[2001:db8::1]:80\";proto=https";
    char *text = malloc(input.len + sizeof(added));
    FUZZ_CHECK(text != NULL);
    if (input.len > 0) {
        memcpy(text, input.data, input.len);
    }
    memcpy(text + input.len, added, sizeof(added));
    turbo_str rest = {text, input.len + sizeof(added) - 1};
    turbo__hop hop;
    FUZZ_CHECK(turbo__forwarded_last(&rest, &hop) == 0);
    FUZZ_CHECK(hop.address.kind == TURBO__ADDRESS_IPV6 && hop.address.port == 80);
    FUZZ_CHECK(hop.address.bytes[0] == 0x20 && hop.address.bytes[15] == 1);
    FUZZ_CHECK(turbo_str_equal(hop.proto, TURBO_STR("https")) && hop.host.len == 0);
    FUZZ_CHECK(rest.len == input.len);
    free(text);
}

/* The input is the value of a Forwarded field, of X-Forwarded-For and of Host. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    turbo_str input = {(const char *)data, size};
    turbo_str host;
    uint16_t port;
    walk_elements(input);
    walk_list(input);
    check_append(input);
    if (turbo__host_split(input, &host, &port)) {
        check_inside(input, host);
    }
    return 0;
}
