/* SPDX-License-Identifier: MIT */
#ifndef TURBO__BASE_ARENA_H
#define TURBO__BASE_ARENA_H

/*
 * A bump allocator for memory that dies together: a request's. Blocks are kept when it is reset, up
 * to a bound. One thread at a time.
 */

#include <stddef.h>

#include "turbo/types.h"

typedef struct turbo__arena_block turbo__arena_block;

/** Embedded in its owner, who calls init, any number of resets, and clear. */
typedef struct turbo__arena {
    turbo__arena_block *first; /* the block that survives a reset */
    turbo__arena_block *current;
    char *next;
    char *end;
} turbo__arena;

/** Makes an empty arena; allocates nothing. */
void turbo__arena_init(turbo__arena *arena);

/** Gives all memory but the first block back; what was allocated is gone. */
void turbo__arena_reset(turbo__arena *arena);

/** Gives all memory back. The arena is empty and usable afterwards. */
void turbo__arena_clear(turbo__arena *arena);

/** `size` bytes aligned for any object, not zeroed; NULL when out of memory. */
void *turbo__arena_alloc(turbo__arena *arena, size_t size);

/** Copies `text` into the arena. Returns 0 or TURBO_ENOMEM. */
int turbo__arena_copy(turbo__arena *arena, turbo_str text, turbo_str *out);

#endif
