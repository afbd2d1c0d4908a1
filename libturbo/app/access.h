/* SPDX-License-Identifier: MIT */
#ifndef TURBO__APP_ACCESS_H
#define TURBO__APP_ACCESS_H

/*
 * Access records on their way from an event loop to the thread of the access log, packed into a
 * ring. The texts are cut as <turbo/access.h> says; the route's name is not copied, as it lives as
 * long as the server.
 */

#include "base/ring.h"
#include "turbo/access.h"

/** The queue of one loop. The loop's driver writes, the log's thread reads. */
typedef struct turbo__access_queue {
    turbo__ring ring;
    uint64_t lost; /* records refused since the last one that went in; the writer's */
} turbo__access_queue;

/** Makes a queue for at most `records` records; 512 bytes are there for each on average. Returns 0
 * or TURBO_ENOMEM; clear is allowed after either. */
int turbo__access_init(turbo__access_queue *queue, size_t records);

void turbo__access_clear(turbo__access_queue *queue);

/** Writer: queues a copy of `access`; its `size` and `dropped` are not looked at. Returns false,
 * and the record is lost, when the queue is full. */
bool turbo__access_put(turbo__access_queue *queue, const turbo_access *access);

/** Reader: hands the oldest record to `fn` and removes it. Returns false when there was none. */
bool turbo__access_take(turbo__access_queue *queue, turbo_access_fn *fn, void *user_data);

/** Whether a record waits. Reader only. */
bool turbo__access_waits(turbo__access_queue *queue);

/** Whether the reader should hurry: the queue is half full. Writer only. */
bool turbo__access_pressing(const turbo__access_queue *queue);

#endif
