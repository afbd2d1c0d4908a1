/* SPDX-License-Identifier: MIT */
#ifndef TURBOAPI_ACCESS_H
#define TURBOAPI_ACCESS_H

#include <stddef.h>

#include <turbo/turbo.h>

/*
 * Access records on their way to a Python thread. Nothing here touches the interpreter: the
 * library's log thread writes lines, the Python thread, detached, waits for them and takes many at
 * once.
 */

typedef struct turboapi_access turboapi_access;

/** Makes a queue; the caller owns it. NULL when out of memory. */
turboapi_access *turboapi_access_new(void);

/** NULL is ignored. Nobody may use it any more. */
void turboapi_access_free(turboapi_access *queue);

/** A turbo_access_fn; `user_data` is the queue. Adds a line "peer method target version status\n",
 *  where the peer is "address:port", or empty for a unix socket; waits while the queue is full,
 * drops it once the queue is closed. Requests that got no answer and messages that were none have
 * no line, as with uvicorn. */
void turboapi_access_log(const turbo_access *access, void *user_data);

/** Waits for lines and moves those that are there to `out`, `size` bytes, at least
 *  TURBOAPI_ACCESS_ROOM. Returns the number of bytes; 0: the queue is closed and empty. One thread.
 */
size_t turboapi_access_read(turboapi_access *queue, char *out, size_t size);

/** Says that no lines will come any more. Any thread. */
void turboapi_access_close(turboapi_access *queue);

/** Bytes that wait at most. */
enum { TURBOAPI_ACCESS_ROOM = 65536 };

#endif
