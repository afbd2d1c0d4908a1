/* SPDX-License-Identifier: MIT */
#ifndef TURBO__NET_POLLER_H
#define TURBO__NET_POLLER_H

/*
 * Readiness of descriptors, level triggered, so that an event fetched but not handled shows again.
 * One file per mechanism implements it (poller_epoll.c).
 */

#include <stdbool.h>
#include <stdint.h>

enum {
    TURBO__READABLE = 1,
    TURBO__WRITABLE = 2,
    TURBO__PEER_CLOSED = 4, /* the peer has closed its sending side */
    TURBO__BROKEN = 8       /* error or hang-up; always reported */
};

typedef struct turbo__poll_event {
    void *data;
    uint32_t events;
} turbo__poll_event;

typedef struct turbo__poller {
    int fd;
} turbo__poller;

/** Returns 0 or TURBO_ESYSTEM. */
int turbo__poller_open(turbo__poller *poller);
void turbo__poller_close(turbo__poller *poller);

/** Watches `fd`. `shared`: several pollers watch the same listening socket and only some are to
 * wake. Returns 0 or TURBO_ESYSTEM. */
int turbo__poller_add(turbo__poller *poller, int fd, uint32_t events, bool shared, void *data);
/** Changes what is watched. Returns 0 or TURBO_ESYSTEM. */
int turbo__poller_change(turbo__poller *poller, int fd, uint32_t events, void *data);
/** Stops watching. Closing a descriptor does the same only if no other process holds a copy of it.
 */
void turbo__poller_remove(turbo__poller *poller, int fd);

/** In a forked process, which shares the poller with its parent: closes this process's copies of
 * the descriptors that are watched, and of the poller itself. The parent's stay as they are. */
void turbo__poller_drop_copies(turbo__poller *poller);

/** Waits at most `timeout_ms` (negative: for ever) and fills up to `max` events. Returns their
 *  number; 0 also when a signal came. Returns TURBO_ESYSTEM when the poller itself is broken. */
int turbo__poller_wait(turbo__poller *poller, turbo__poll_event *events, int max, int timeout_ms);

#endif
