/* SPDX-License-Identifier: MIT */
#include "codec/address.h"

#include <stdio.h>
#include <string.h>

#include "base/str.h"

enum { MAX_PORT_DIGITS = 5, MAPPED_PREFIX = 12, IPV6_BYTES = 16, GROUPS = 8, GROUP_DIGITS = 4 };

static const unsigned char mapped[MAPPED_PREFIX] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

turbo__address turbo__address_ipv4(const unsigned char bytes[4], uint16_t port)
{
    turbo__address address = {TURBO__ADDRESS_IPV4, port, {0}};
    memcpy(address.bytes, bytes, 4);
    return address;
}

turbo__address turbo__address_ipv6(const unsigned char bytes[16], uint16_t port)
{
    if (memcmp(bytes, mapped, MAPPED_PREFIX) == 0) {
        return turbo__address_ipv4(bytes + MAPPED_PREFIX, port);
    }
    turbo__address address = {TURBO__ADDRESS_IPV6, port, {0}};
    memcpy(address.bytes, bytes, 16);
    return address;
}

/* --- text to bytes ------------------------------------------------------- */

/* Takes a decimal number of at most `most` off the start of `text`; no leading zeros, which some
 * readers take for octal. */
static bool take_decimal(turbo_str *text, unsigned most, unsigned *out)
{
    unsigned value = 0;
    size_t i = 0;
    while (i < text->len && text->data[i] >= '0' && text->data[i] <= '9') {
        value = value * 10 + (unsigned)(text->data[i] - '0');
        if (value > most || (i > 0 && text->data[0] == '0')) {
            return false;
        }
        i++;
    }
    if (i == 0) {
        return false;
    }
    *text = turbo__str_slice(*text, i, text->len);
    *out = value;
    return true;
}

static bool parse_ipv4(turbo_str text, unsigned char out[4])
{
    for (int i = 0; i < 4; i++) {
        unsigned value;
        if (i > 0) {
            if (text.len == 0 || text.data[0] != '.') {
                return false;
            }
            text = turbo__str_slice(text, 1, text.len);
        }
        if (!take_decimal(&text, UINT8_MAX, &value)) {
            return false;
        }
        out[i] = (unsigned char)value;
    }
    return text.len == 0;
}

static bool parse_group(turbo_str text, unsigned char out[2])
{
    unsigned value = 0;
    if (text.len == 0 || text.len > GROUP_DIGITS) {
        return false;
    }
    for (size_t i = 0; i < text.len; i++) {
        int digit = turbo__ascii_hex(text.data[i]);
        if (digit < 0) {
            return false;
        }
        value = value << 4 | (unsigned)digit;
    }
    out[0] = (unsigned char)(value >> 8);
    out[1] = (unsigned char)value;
    return true;
}

/* Reads groups with ':' between them, the last of which may be an IPv4 address. Returns the number
 * of bytes, at most `room`, or -1. */
static int parse_groups(turbo_str text, unsigned char *out, int room)
{
    int used = 0;
    while (text.len > 0 || used > 0) { /* nothing at all is no group either */
        size_t at = 0;
        size_t dot;
        bool more = turbo__str_find(text, ':', &at);
        turbo_str group = turbo__str_slice(text, 0, more ? at : text.len);
        bool ipv4 = !more && turbo__str_find(group, '.', &dot);
        int size = ipv4 ? 4 : 2;
        if (used + size > room ||
            !(ipv4 ? parse_ipv4(group, out + used) : parse_group(group, out + used))) {
            return -1;
        }
        used += size;
        if (!more) {
            break;
        }
        text = turbo__str_slice(text, at + 1, text.len);
    }
    return used;
}

/* Finds "::". */
static bool find_gap(turbo_str text, size_t *at)
{
    for (size_t i = 1; i < text.len; i++) {
        if (text.data[i - 1] == ':' && text.data[i] == ':') {
            *at = i - 1;
            return true;
        }
    }
    return false;
}

static bool parse_ipv6(turbo_str text, unsigned char out[IPV6_BYTES])
{
    size_t gap;
    if (!find_gap(text, &gap)) {
        return parse_groups(text, out, IPV6_BYTES) == IPV6_BYTES;
    }
    /* The gap stands for at least one group of zeros (RFC 4291 §2.2). */
    unsigned char tail[IPV6_BYTES];
    turbo_str left = turbo__str_slice(text, 0, gap);
    turbo_str right = turbo__str_slice(text, gap + 2, text.len);
    size_t dot;
    memset(out, 0, IPV6_BYTES);
    int head = turbo__str_find(left, '.', &dot) ? -1 : parse_groups(left, out, IPV6_BYTES - 2);
    int rest = head < 0 ? -1 : parse_groups(right, tail, IPV6_BYTES - 2 - head);
    if (rest < 0) {
        return false;
    }
    memcpy(out + IPV6_BYTES - rest, tail, (size_t)rest);
    return true;
}

bool turbo__address_parse(turbo_str text, turbo__address *out)
{
    unsigned char bytes[IPV6_BYTES];
    size_t colon;
    if (turbo__str_find(text, ':', &colon)) {
        if (!parse_ipv6(text, bytes)) {
            return false;
        }
        *out = turbo__address_ipv6(bytes, 0);
        return true;
    }
    if (!parse_ipv4(text, bytes)) {
        return false;
    }
    *out = turbo__address_ipv4(bytes, 0);
    return true;
}

bool turbo__port_parse(turbo_str text, uint16_t *out)
{
    uint32_t value = 0;
    if (text.len == 0 || text.len > MAX_PORT_DIGITS) {
        return false;
    }
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] < '0' || text.data[i] > '9') {
            return false;
        }
        value = value * 10 + (uint32_t)(text.data[i] - '0');
    }
    if (value > UINT16_MAX) {
        return false;
    }
    *out = (uint16_t)value;
    return true;
}

/* --- bytes to text ------------------------------------------------------- */

static unsigned group_at(const unsigned char *bytes, int index)
{
    return (unsigned)bytes[2 * index] << 8 | bytes[2 * index + 1];
}

/* The longest run of at least two zero groups, the first of them when there are several (RFC 5952
 * §4.2). Returns where it starts, -1: there is none. */
static int longest_gap(const unsigned char *bytes, int *length)
{
    int best = -1;
    *length = 1;
    for (int i = 0; i < GROUPS; i++) {
        int end = i;
        while (end < GROUPS && group_at(bytes, end) == 0) {
            end++;
        }
        if (end - i > *length) {
            best = i;
            *length = end - i;
        }
        i = end > i ? end - 1 : i;
    }
    return best;
}

static size_t write_ipv4(const unsigned char *bytes, char *out, size_t size)
{
    return (size_t)snprintf(out, size, "%u.%u.%u.%u", bytes[0], bytes[1], bytes[2], bytes[3]);
}

static size_t write_ipv6(const unsigned char *bytes, char *out, size_t size)
{
    int length;
    int gap = longest_gap(bytes, &length);
    size_t used = 0;
    for (int i = 0; i < GROUPS; i++) {
        if (i == gap) {
            used += (size_t)snprintf(out + used, size - used, "::");
            i += length - 1;
            continue;
        }
        const char *colon = i == 0 || (gap >= 0 && i == gap + length) ? "" : ":";
        used += (size_t)snprintf(out + used, size - used, "%s%x", colon, group_at(bytes, i));
    }
    return used;
}

uint8_t turbo__address_text(const turbo__address *address, char out[TURBO__ADDRESS_TEXT])
{
    switch (address->kind) {
    case TURBO__ADDRESS_IPV4:
        return (uint8_t)write_ipv4(address->bytes, out, TURBO__ADDRESS_TEXT);
    case TURBO__ADDRESS_IPV6:
        return (uint8_t)write_ipv6(address->bytes, out, TURBO__ADDRESS_TEXT);
    default:
        return 0;
    }
}
