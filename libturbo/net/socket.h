/* SPDX-License-Identifier: MIT */
#ifndef TURBO__NET_SOCKET_H
#define TURBO__NET_SOCKET_H

/* Listening and accepting. */

#include <stdbool.h>
#include <stdint.h>

#include "app/exchange.h"

/** A listening socket. Made in setup, owned by the server, watched by all its loops. */
typedef struct turbo__listening {
    int fd;
    bool inherited;  /* other processes may accept from it too */
    char *path;      /* absolute, of the socket file that goes with it; owned; NULL: none */
    uint64_t device; /* of that file, to know it again */
    uint64_t inode;
    int64_t maker; /* the process that made the file; no other one removes it */
} turbo__listening;

/** Binds and listens; `host` NULL: all addresses of both families. The socket does not block. An
 * IPv6 socket takes IPv4 connections too where its address allows it. `*bound` gets the real port.
 * Returns a descriptor, TURBO_EADDRESS, TURBO_ESYSTEM or TURBO_ENOMEM. */
int turbo__socket_listen(const char *host, uint16_t port, int backlog, bool reuse_port,
                         uint16_t *bound);

/** Binds and listens on a unix socket with permission bits `mode`. A socket file on which nobody
 * listens is replaced. Returns 0, TURBO_EADDRESS, TURBO_ESYSTEM or TURBO_ENOMEM. */
int turbo__socket_listen_unix(const char *path, uint32_t mode, int backlog, turbo__listening *out);

/** Checks that `fd` is a listening TCP or unix stream socket. Returns 0 or TURBO_EADDRESS. */
int turbo__socket_check(int fd);

/** Makes it non-blocking and closes it in programs that this one executes. Returns 0 or
 * TURBO_EADDRESS. */
int turbo__socket_adopt(int fd);

/** Closes it and removes its file, if that is still the one that was made here. */
void turbo__socket_close(turbo__listening *socket);

/** Accepts one connection, not blocking, without delay (TCP_NODELAY), and notes its addresses.
 * Returns a descriptor, or -1 with errno. */
int turbo__socket_accept(int listener, turbo__endpoints *ends);

/** What an accept failure means for the next try. */
typedef enum turbo__accept_failure {
    TURBO__ACCEPT_EMPTY, /* nobody waits */
    TURBO__ACCEPT_NEXT,  /* that client is gone; the next one may not be */
    TURBO__ACCEPT_STUCK  /* out of a resource, or worse: trying again at once is no use */
} turbo__accept_failure;
turbo__accept_failure turbo__socket_failure(int error);

#endif
