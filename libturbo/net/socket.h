/* SPDX-License-Identifier: MIT */
#ifndef TURBO__NET_SOCKET_H
#define TURBO__NET_SOCKET_H

/* Listening and accepting. */

#include <stdbool.h>
#include <stdint.h>

#include "app/exchange.h"

/** Binds and listens; `host` NULL: all addresses. The socket does not block. `*bound` gets the real
 *  port. Returns a descriptor, TURBO_EADDRESS or TURBO_ESYSTEM. */
int turbo__socket_listen(const char *host, uint16_t port, int backlog, bool reuse_port,
                         uint16_t *bound);

/** Checks that `fd` is a listening stream socket and makes it non-blocking. Returns 0 or
 * TURBO_EADDRESS. */
int turbo__socket_adopt(int fd);

/** Accepts one connection, not blocking, without delay (TCP_NODELAY), and notes its addresses.
 * Returns a descriptor, or -1 with errno. */
int turbo__socket_accept(int listener, turbo__endpoints *ends);

/** Whether an accept failure means that the process is out of a resource, so that trying again at
 * once is no use. */
bool turbo__socket_exhausted(int error);

#endif
