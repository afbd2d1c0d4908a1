/* SPDX-License-Identifier: MIT */
#include "base/ring.h"

#include <string.h>

#include "base/compat.h"
#include "base/mem.h"
#include "turbo/error.h"

enum { HEADER = sizeof(uint64_t), SMALLEST = 256, SHARE = 4 };

/* In the place of a length: the rest of the bytes is unused, the next record is at the start. */
#define SKIP UINT64_MAX

int turbo__ring_init(turbo__ring *ring, size_t bytes, size_t records)
{
    memset(ring, 0, sizeof(*ring));
    size_t size = SMALLEST;
    while (size < bytes) {
        if (!turbo__size_mul(size, 2, &size)) {
            return TURBO_ENOMEM;
        }
    }
    ring->bytes = turbo__alloc(size);
    if (ring->bytes == NULL) {
        return TURBO_ENOMEM;
    }
    ring->size = size;
    ring->most = records;
    return 0;
}

void turbo__ring_clear(turbo__ring *ring)
{
    turbo__free(ring->bytes);
    memset(ring, 0, sizeof(*ring));
}

static char *at(const turbo__ring *ring, uint64_t position)
{
    return ring->bytes + (position & (ring->size - 1));
}

static void put_header(const turbo__ring *ring, uint64_t position, uint64_t value)
{
    memcpy(at(ring, position), &value, sizeof(value));
}

static uint64_t get_header(const turbo__ring *ring, uint64_t position)
{
    uint64_t value;
    memcpy(&value, at(ring, position), sizeof(value));
    return value;
}

static uint64_t padded(uint64_t len)
{
    return HEADER + ((len + HEADER - 1) & ~(uint64_t)(HEADER - 1));
}

/* Whether bytes up to `end` and one more record fit; looks at the reader's side only if it must. */
static bool fits(turbo__ring *ring, uint64_t end)
{
    uint64_t written = turbo__u64_load_relaxed(&ring->written);
    if (turbo__likely(end - ring->seen_from <= ring->size &&
                      written - ring->seen_read < ring->most)) {
        return true;
    }
    /* Acquire: what the reader did with the old bytes is over. */
    ring->seen_from = turbo__u64_load_acquire(&ring->from);
    ring->seen_read = turbo__u64_load_acquire(&ring->read);
    return end - ring->seen_from <= ring->size && written - ring->seen_read < ring->most;
}

void *turbo__ring_reserve(turbo__ring *ring, size_t len)
{
    if (len > ring->size / SHARE) {
        return NULL;
    }
    uint64_t start = turbo__u64_load_relaxed(&ring->to);
    uint64_t need = padded(len);
    uint64_t rest = ring->size - (start & (ring->size - 1));
    uint64_t skipped = rest < need ? rest : 0;
    if (!fits(ring, start + skipped + need)) {
        return NULL;
    }
    if (skipped > 0) { /* records are in one piece; a header always fits, all is padded to 8 */
        put_header(ring, start, SKIP);
    }
    put_header(ring, start + skipped, len);
    ring->next = start + skipped + need;
    return at(ring, start + skipped + HEADER);
}

void turbo__ring_commit(turbo__ring *ring)
{
    turbo__u64_bump(&ring->written, 1);
    turbo__u64_store_release(&ring->to, ring->next);
}

const void *turbo__ring_peek(turbo__ring *ring, size_t *len)
{
    uint64_t from = turbo__u64_load_relaxed(&ring->from);
    if (from == turbo__u64_load_acquire(&ring->to)) {
        return NULL;
    }
    uint64_t header = get_header(ring, from);
    if (header == SKIP) {
        from += ring->size - (from & (ring->size - 1));
        header = get_header(ring, from);
    }
    ring->peeked = from + padded(header);
    *len = (size_t)header;
    return at(ring, from + HEADER);
}

void turbo__ring_drop(turbo__ring *ring)
{
    turbo__u64_store_release(&ring->from, ring->peeked);
    turbo__u64_store_release(&ring->read, turbo__u64_load_relaxed(&ring->read) + 1);
}

bool turbo__ring_half_full(const turbo__ring *ring)
{
    uint64_t bytes = turbo__u64_load_relaxed(&ring->to) - turbo__u64_load_relaxed(&ring->from);
    uint64_t records =
        turbo__u64_load_relaxed(&ring->written) - turbo__u64_load_relaxed(&ring->read);
    return bytes > ring->size / 2 || records > ring->most / 2;
}
