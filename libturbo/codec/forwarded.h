/* SPDX-License-Identifier: MIT */
#ifndef TURBO__CODEC_FORWARDED_H
#define TURBO__CODEC_FORWARDED_H

/*
 * What proxies write about the requests they pass on: Forwarded (RFC 7239) and the X-Forwarded-*
 * fields that came before it. Every proxy appends to the lists, so they are read from the right:
 * what stands at the right was written by a nearer proxy, and nothing that stands left of it, such
 * as a quotation mark that is never closed, can change how it is read. Any thread.
 */

#include "codec/address.h"

/** Who one proxy took a request from, and how. Views into the field's value. */
typedef struct turbo__hop {
    turbo__address address; /* kind TURBO__ADDRESS_NONE: not told, or `name` tells it */
    turbo_str name;         /* "unknown" or an obfuscated identifier ("_gazonk"), else empty */
    turbo_str proto;        /* as sent; empty: not told */
    turbo_str host;         /* as sent, with port; empty: not told */
} turbo__hop;

/** Takes the last item off a comma-separated list (RFC 9110 §5.6.1) without quoted strings; empty
 * ones are skipped. False when none is left. */
bool turbo__list_last(turbo_str *rest, turbo_str *item);

/** Takes the last element off the value of a Forwarded field. White space around ';', and addresses
 * that should have been quoted, are let pass. Returns 0, TURBO_ENOTFOUND (none is left) or
 * TURBO_EPROTOCOL (malformed: do not go on). `hop` is written on success only. */
int turbo__forwarded_last(turbo_str *rest, turbo__hop *hop);

/** Reads a node of either field (RFC 7239 §6) into `address` and `name` of `hop`: an IPv4 address,
 * an IPv6 address with or without brackets, "unknown" or an obfuscated identifier; all but an IPv6
 * address without brackets may have a port, which is 0 if it is obfuscated too. False when it is
 * none of these; `hop` is unchanged then. */
bool turbo__forwarded_node(turbo_str text, turbo__hop *hop);

#endif
