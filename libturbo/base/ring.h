/* SPDX-License-Identifier: MIT */
#ifndef TURBO__BASE_RING_H
#define TURBO__BASE_RING_H

/*
 * A bounded queue of records of any size between one writing and one reading thread, without locks.
 * Neither ever waits for the other: a record that has no room is refused.
 */

#include <stddef.h>
#include <stdint.h>

#include "base/atomic.h"

enum { TURBO__CACHE_LINE = 64 };

/**
 * Embedded in its owner, who calls init before and clear after both threads use it. The role of the
 * writer may pass to another thread, and so may the reader's, if the passing synchronises the two.
 * Positions count bytes since the start and never wrap in practice.
 */
typedef struct turbo__ring {
    char *bytes;
    uint64_t size;        /* of `bytes`, a power of two */
    uint64_t most;        /* records that may wait */
    turbo__atomic_u64 to; /* everything before it was committed; the writer's */
    turbo__atomic_u64 written;
    uint64_t next;      /* behind the reserved record */
    uint64_t seen_from; /* what the writer knows of the reader */
    uint64_t seen_read;
    char apart[TURBO__CACHE_LINE]; /* the reader's line is not the writer's */
    turbo__atomic_u64 from;        /* everything before it may be overwritten; the reader's */
    turbo__atomic_u64 read;
    uint64_t peeked; /* behind the record that was looked at */
} turbo__ring;

/** Makes an empty ring for at most `records` records and at least `bytes` bytes of them, their
 * headers (8 bytes) and padding included; a record may have a quarter of that. Returns 0 or
 * TURBO_ENOMEM; clear is allowed after either. */
int turbo__ring_init(turbo__ring *ring, size_t bytes, size_t records);

/** Gives the memory back. */
void turbo__ring_clear(turbo__ring *ring);

/** Writer: room for a record of `len` bytes, aligned to 8, or NULL when there is none. Nothing is
 * to be seen of it until the commit; reserving again without one gives the same room. */
void *turbo__ring_reserve(turbo__ring *ring, size_t len);

/** Writer: hands the reserved record to the reader. */
void turbo__ring_commit(turbo__ring *ring);

/** Reader: the oldest record, or NULL when there is none. It stays valid until turbo__ring_drop().
 */
const void *turbo__ring_peek(turbo__ring *ring, size_t *len);

/** Reader: frees the room of the record that peek returned. */
void turbo__ring_drop(turbo__ring *ring);

/** Writer: whether half of the bytes or of the records are in use. */
bool turbo__ring_half_full(const turbo__ring *ring);

#endif
