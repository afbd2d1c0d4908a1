/* SPDX-License-Identifier: MIT */
#include "codec/proxy.h"

#include <string.h>

#include "base/error.h"
#include "base/str.h"

enum {
    V2_FIXED = 16, /* bytes before the addresses */
    V2_COMMAND = 12,
    V2_FAMILY = 13,
    V2_LENGTH = 14,
    V2_IPV4 = 12, /* bytes of two addresses and two ports */
    V2_IPV6 = 36,
    V2_UNIX = 216
};

/* Of the two nibbles in the family byte (§2.2). */
enum { FAMILY_NONE = 0, FAMILY_IPV4 = 1, FAMILY_IPV6 = 2, FAMILY_UNIX = 3, FAMILY_LAST = 3 };
enum { TRANSPORT_STREAM = 1, TRANSPORT_LAST = 2 };
enum { COMMAND_LOCAL = 0x20, COMMAND_PROXY = 0x21 };

static const char v1_start[] = "PROXY ";
static const char v2_start[] = "\r\n\r\n\0\r\nQUIT\n";

static int malformed(const char *what)
{
    return turbo__error_set(TURBO_EPROTOCOL, "PROXY header: %s", what);
}

/* Whether the first bytes are those of `start`, as far as both go. */
static bool begins(turbo_str input, const char *start, size_t len)
{
    return memcmp(input.data, start, input.len < len ? input.len : len) == 0;
}

/* --- version 1 ----------------------------------------------------------- */

/* Takes the next word off a line; words are parted by exactly one space. */
static turbo_str next_word(turbo_str *line)
{
    turbo_str word = *line;
    size_t at;
    if (turbo__str_find(*line, ' ', &at)) {
        word = turbo__str_slice(*line, 0, at);
        *line = turbo__str_slice(*line, at + 1, line->len);
    } else {
        *line = turbo__str_slice(*line, line->len, line->len);
    }
    return word;
}

static bool v1_address(turbo_str text, bool ipv6, turbo__address *out)
{
    size_t colon;
    return turbo__str_find(text, ':', &colon) == ipv6 && turbo__address_parse(text, out);
}

static bool v1_port(turbo_str text, turbo__address *out)
{
    bool padded = text.len > 1 && text.data[0] == '0';
    return !padded && turbo__port_parse(text, &out->port);
}

static int read_v1_line(turbo_str line, turbo__proxy *out)
{
    turbo_str family = next_word(&line);
    if (turbo_str_equal(family, TURBO_STR("UNKNOWN"))) {
        return 0; /* what follows is to be ignored (§2.1) */
    }
    bool ipv6 = turbo_str_equal(family, TURBO_STR("TCP6"));
    if (!ipv6 && !turbo_str_equal(family, TURBO_STR("TCP4"))) {
        return malformed("the family is none of TCP4, TCP6, UNKNOWN");
    }
    if (!v1_address(next_word(&line), ipv6, &out->source) ||
        !v1_address(next_word(&line), ipv6, &out->destination)) {
        return malformed("an address is malformed");
    }
    turbo_str source_port = next_word(&line);
    /* The rest of the line: a word too many makes it no number. */
    if (!v1_port(source_port, &out->source) || !v1_port(line, &out->destination)) {
        return malformed("a port is malformed");
    }
    out->relayed = true;
    return 0;
}

static int parse_v1(turbo_str input, turbo__proxy *out, size_t *used)
{
    size_t most = input.len < TURBO__PROXY_V1_MAX ? input.len : TURBO__PROXY_V1_MAX;
    size_t end;
    if (!turbo__str_find(turbo__str_slice(input, 0, most), '\r', &end) || end + 1 == most) {
        return most < TURBO__PROXY_V1_MAX ? TURBO_EAGAIN : malformed("the line is too long");
    }
    if (input.data[end + 1] != '\n') {
        return malformed("CR without LF");
    }
    size_t start = sizeof(v1_start) - 1;
    int rc = read_v1_line(turbo__str_slice(input, start, end), out);
    *used = end + 2;
    return rc;
}

/* --- version 2 ----------------------------------------------------------- */

static uint16_t big_endian(const unsigned char *bytes)
{
    return (uint16_t)((unsigned)bytes[0] << 8 | bytes[1]);
}

/* The bytes that the addresses of a family byte take; -1 for values that nobody may send. */
static int address_size(unsigned char family)
{
    static const int sizes[] = {0, V2_IPV4, V2_IPV6, V2_UNIX};
    if (family >> 4 > FAMILY_LAST || (family & 0x0f) > TRANSPORT_LAST) {
        return -1;
    }
    return sizes[family >> 4];
}

static void read_v2_addresses(const unsigned char *data, unsigned char family, turbo__proxy *out)
{
    const unsigned char *at = data + V2_FIXED;
    if ((family & 0x0f) != TRANSPORT_STREAM) {
        return; /* not of a connection such as ours: they say nothing about it */
    }
    switch (family >> 4) {
    case FAMILY_IPV4:
        out->source = turbo__address_ipv4(at, big_endian(at + 8));
        out->destination = turbo__address_ipv4(at + 4, big_endian(at + 10));
        out->relayed = true;
        break;
    case FAMILY_IPV6:
        out->source = turbo__address_ipv6(at, big_endian(at + 32));
        out->destination = turbo__address_ipv6(at + 16, big_endian(at + 34));
        out->relayed = true;
        break;
    case FAMILY_UNIX:
        out->source.kind = TURBO__ADDRESS_UNIX;
        out->destination.kind = TURBO__ADDRESS_UNIX;
        out->relayed = true;
        break;
    default:
        break;
    }
}

static int parse_v2(turbo_str input, turbo__proxy *out, size_t *used)
{
    const unsigned char *data = (const unsigned char *)input.data;
    if (input.len > V2_COMMAND && data[V2_COMMAND] != COMMAND_LOCAL &&
        data[V2_COMMAND] != COMMAND_PROXY) {
        return malformed("version or command unknown");
    }
    /* What comes with LOCAL is to be skipped, whatever it is (§2.2). */
    bool relayed = input.len > V2_COMMAND && data[V2_COMMAND] == COMMAND_PROXY;
    if (relayed && input.len > V2_FAMILY && address_size(data[V2_FAMILY]) < 0) {
        return malformed("address family or transport unknown");
    }
    if (input.len < V2_FIXED) {
        return TURBO_EAGAIN;
    }
    size_t total = V2_FIXED + (size_t)big_endian(data + V2_LENGTH);
    if (total > TURBO__PROXY_V2_MAX) {
        return turbo__error_set(TURBO_EPROTOCOL, "PROXY header: %zu bytes, at most %d are allowed",
                                total, TURBO__PROXY_V2_MAX);
    }
    if (relayed && total - V2_FIXED < (size_t)address_size(data[V2_FAMILY])) {
        return malformed("too short for its addresses");
    }
    if (input.len < total) {
        return TURBO_EAGAIN;
    }
    if (relayed) {
        read_v2_addresses(data, data[V2_FAMILY], out);
    }
    *used = total;
    return 0;
}

int turbo__proxy_parse(turbo_str input, turbo__proxy *out, size_t *used)
{
    turbo__proxy found;
    size_t length = 0;
    size_t v1_len = sizeof(v1_start) - 1;
    size_t v2_len = sizeof(v2_start) - 1;
    memset(&found, 0, sizeof(found));
    if (input.len == 0) {
        return TURBO_EAGAIN;
    }
    int rc;
    if (begins(input, v1_start, v1_len)) {
        rc = input.len < v1_len ? TURBO_EAGAIN : parse_v1(input, &found, &length);
    } else if (begins(input, v2_start, v2_len)) {
        rc = input.len < v2_len ? TURBO_EAGAIN : parse_v2(input, &found, &length);
    } else {
        rc = malformed("neither of its two signatures");
    }
    if (rc == 0) {
        *out = found;
        *used = length;
    }
    return rc;
}
