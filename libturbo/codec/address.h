/* SPDX-License-Identifier: MIT */
#ifndef TURBO__CODEC_ADDRESS_H
#define TURBO__CODEC_ADDRESS_H

/* Network addresses in bytes, and their text (RFC 4291 §2.2, RFC 5952). Any thread. */

#include "turbo/types.h"

enum {
    TURBO__ADDRESS_TEXT = 46 /* bytes for the longest text with its NUL */
};

typedef enum turbo__address_kind {
    TURBO__ADDRESS_NONE, /* not known, or of another family */
    TURBO__ADDRESS_IPV4,
    TURBO__ADDRESS_IPV6,
    TURBO__ADDRESS_UNIX
} turbo__address_kind;

/** One end of a connection. A value: copied freely. An IPv4 address that came mapped into IPv6
 * (RFC 4291 §2.5.5.2) is held as IPv4, so that each address has one form. */
typedef struct turbo__address {
    uint8_t kind;            /* turbo__address_kind */
    uint16_t port;           /* host order; 0: none */
    unsigned char bytes[16]; /* network order; IPv4 in the first four, the rest zero */
} turbo__address;

turbo__address turbo__address_ipv4(const unsigned char bytes[4], uint16_t port);
turbo__address turbo__address_ipv6(const unsigned char bytes[16], uint16_t port);

/** Reads "192.0.2.1" or "2001:db8::1"; no port, no brackets, no zone. `out` is written on success
 * only, with port 0. */
bool turbo__address_parse(turbo_str text, turbo__address *out);

/** Reads a port: one to five digits, at most 65535. */
bool turbo__port_parse(turbo_str text, uint16_t *out);

/** Writes the text without port; returns its length, 0 for kinds that have none. */
uint8_t turbo__address_text(const turbo__address *address, char out[TURBO__ADDRESS_TEXT]);

#endif
