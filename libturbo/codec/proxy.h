/* SPDX-License-Identifier: MIT */
#ifndef TURBO__CODEC_PROXY_H
#define TURBO__CODEC_PROXY_H

/*
 * The PROXY protocol, versions 1 and 2 (HAProxy's "The PROXY protocol", 2020): a header before the
 * first byte of HTTP with which a proxy on the transport layer says whose connection it passes on.
 * Any thread.
 */

#include "codec/address.h"

enum {
    TURBO__PROXY_V1_MAX = 107,  /* bytes of a version 1 line with its CRLF (§2.1) */
    TURBO__PROXY_V2_MAX = 4096, /* bytes of a version 2 header; extensions past that are refused */
};

/** What a header says. */
typedef struct turbo__proxy {
    bool relayed; /* false: the proxy speaks for itself or does not know; the socket's own addresses
                     hold, and the two below are unset */
    turbo__address source;
    turbo__address destination;
} turbo__proxy;

/** Reads the header that `input` begins with. `*used` is its length in bytes; it and `out` are
 * written on success only. Type-length-value extensions are skipped. Returns 0, TURBO_EAGAIN (as
 * good so far: call again with more bytes), or TURBO_EPROTOCOL with the reason in the detail. */
int turbo__proxy_parse(turbo_str input, turbo__proxy *out, size_t *used);

#endif
