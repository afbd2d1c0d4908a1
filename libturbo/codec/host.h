/* SPDX-License-Identifier: MIT */
#ifndef TURBO__CODEC_HOST_H
#define TURBO__CODEC_HOST_H

/* The authority of an http URL, and the value of a Host field. Any thread. */

#include "turbo/types.h"

/** Whether `text` is uri-host [ ":" port ] (RFC 9110 §7.2, RFC 3986 §3.2): a name, an IPv4 address
 * or a bracketed IPv6 address that is one, then perhaps a port, empty or up to 65535. Not empty, no
 * userinfo. A comma, though RFC 3986 allows it in names, is refused: it is what several Host fields
 * become when somebody joins them. */
bool turbo__host_valid(turbo_str text);

/** Splits what is valid as above into the host, an IPv6 address with its brackets, and the port; 0:
 * none was given. False when it is not valid; nothing is written then. */
bool turbo__host_split(turbo_str text, turbo_str *host, uint16_t *port);

#endif
