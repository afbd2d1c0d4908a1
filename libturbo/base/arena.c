/* SPDX-License-Identifier: MIT */
#include "base/arena.h"

#include <stdalign.h>
#include <stdint.h>
#include <string.h>

#include "base/compat.h"
#include "base/mem.h"
#include "turbo/error.h"

/* Tests set it to 0: then each piece is an allocation of its own, which may fail and is watched by
 * sanitizers. */
#ifndef TURBO__ARENA_BLOCK
#define TURBO__ARENA_BLOCK (4096 - 64) /* a page, less malloc's own needs */
#endif

enum { BLOCK_SIZE = TURBO__ARENA_BLOCK };

struct turbo__arena_block {
    turbo__arena_block *next;
    size_t size; /* of data */
    alignas(max_align_t) char data[];
};

static size_t align_up(size_t size)
{
    size_t mask = alignof(max_align_t) - 1;
    return (size + mask) & ~mask;
}

void turbo__arena_init(turbo__arena *arena)
{
    memset(arena, 0, sizeof(*arena));
}

static void use_block(turbo__arena *arena, turbo__arena_block *block)
{
    arena->current = block;
    arena->next = block->data;
    arena->end = block->data + block->size;
}

static void free_after(turbo__arena_block *block)
{
    turbo__arena_block *next = block->next;
    block->next = NULL;
    while (next != NULL) {
        turbo__arena_block *following = next->next;
        turbo__free(next);
        next = following;
    }
}

void turbo__arena_reset(turbo__arena *arena)
{
    if (arena->first == NULL) {
        return;
    }
    if (turbo__unlikely(arena->first->next != NULL)) {
        free_after(arena->first);
    }
    use_block(arena, arena->first);
}

void turbo__arena_clear(turbo__arena *arena)
{
    if (arena->first != NULL) {
        free_after(arena->first);
        turbo__free(arena->first);
    }
    turbo__arena_init(arena);
}

static TURBO__NOINLINE int add_block(turbo__arena *arena, size_t size)
{
    size_t room = size > BLOCK_SIZE ? size : BLOCK_SIZE;
    size_t total;
    if (!turbo__size_add(room, sizeof(turbo__arena_block), &total)) {
        return TURBO_ENOMEM;
    }
    turbo__arena_block *block = turbo__alloc(total);
    if (block == NULL) {
        return TURBO_ENOMEM;
    }
    block->next = NULL;
    block->size = room;
    if (arena->first == NULL) {
        arena->first = block;
    } else {
        arena->current->next = block;
    }
    use_block(arena, block);
    return 0;
}

void *turbo__arena_alloc(turbo__arena *arena, size_t size)
{
    if (size > SIZE_MAX / 2) {
        return NULL;
    }
    size_t need = align_up(size);
    if (turbo__unlikely((size_t)(arena->end - arena->next) < need || arena->next == NULL)) {
        if (add_block(arena, need) != 0) {
            return NULL;
        }
    }
    void *ptr = arena->next;
    arena->next += need;
    return ptr;
}

int turbo__arena_copy(turbo__arena *arena, turbo_str text, turbo_str *out)
{
    char *copy = turbo__arena_alloc(arena, text.len);
    if (copy == NULL) {
        return TURBO_ENOMEM;
    }
    if (text.len > 0) {
        memcpy(copy, text.data, text.len);
    }
    out->data = copy;
    out->len = text.len;
    return 0;
}
