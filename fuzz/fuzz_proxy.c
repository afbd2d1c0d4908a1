/* SPDX-License-Identifier: MIT */
#include "codec/proxy.h"

#include <string.h>

#include "target.h"
#include "turbo/error.h"

static bool same_address(const turbo__address *a, const turbo__address *b)
{
    return a->kind == b->kind && a->port == b->port &&
           memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

/* What is shown of an address must be read back as the same one. */
static void check_address(const turbo__address *address)
{
    char text[TURBO__ADDRESS_TEXT];
    turbo_str view = {text, turbo__address_text(address, text)};
    turbo__address again;
    FUZZ_CHECK(view.len < sizeof(text));
    if (address->kind != TURBO__ADDRESS_IPV4 && address->kind != TURBO__ADDRESS_IPV6) {
        FUZZ_CHECK(view.len == 0);
        return;
    }
    FUZZ_CHECK(turbo__address_parse(view, &again));
    again.port = address->port;
    FUZZ_CHECK(same_address(&again, address));
}

/* The input is what comes on a connection that must begin with a PROXY header. However it is cut,
 * the answer is the same, and it does not change when more comes. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    turbo__proxy whole;
    size_t length = 0;
    memset(&whole, 0, sizeof(whole));
    turbo_str input = {(const char *)data, size};
    int answer = turbo__proxy_parse(input, &whole, &length);
    FUZZ_CHECK(answer == 0 || answer == TURBO_EAGAIN || answer == TURBO_EPROTOCOL);
    FUZZ_CHECK(answer != TURBO_EAGAIN || size < TURBO__PROXY_V2_MAX);
    FUZZ_CHECK(length <= size && length <= TURBO__PROXY_V2_MAX);

    int before = TURBO_EAGAIN;
    for (size_t i = 0; i <= size; i++) {
        turbo__proxy part;
        size_t used = 0;
        turbo_str start = {(const char *)data, i};
        int now = turbo__proxy_parse(start, &part, &used);
        FUZZ_CHECK(before == TURBO_EAGAIN || now == before);
        FUZZ_CHECK(now != 0 || used == length);
        FUZZ_CHECK((now == 0) == (answer == 0 && i >= length));
        if (now == 0) {
            FUZZ_CHECK(part.relayed == whole.relayed);
            FUZZ_CHECK(same_address(&part.source, &whole.source));
            FUZZ_CHECK(same_address(&part.destination, &whole.destination));
        }
        before = now;
    }
    check_address(&whole.source);
    check_address(&whole.destination);
    FUZZ_CHECK(whole.relayed == (whole.source.kind != TURBO__ADDRESS_NONE));
    return 0;
}
