/* SPDX-License-Identifier: MIT */
#include "codec/validator_memo.h"

#include <string.h>

#include "base/mem.h"
#include "turbo/error.h"

enum { FIRST_CAPACITY = 64 };

static size_t hash(const turbo__schema_node *node, const turbo_json *value)
{
    /* Addresses are multiples of 16; a multiplication by an odd constant spreads them upwards. */
    uint64_t mixed = ((uint64_t)(uintptr_t)value >> 4) * 0x9E3779B97F4A7C15u;
    mixed = (mixed ^ ((uint64_t)(uintptr_t)node >> 4)) * 0xD6E8FEB86659FD93u;
    return (size_t)(mixed >> 32);
}

/* The entry of the key, or the free one where it belongs. There is always a free one. */
static turbo__memo_entry *find(turbo__memo_entry *entries, size_t cap,
                               const turbo__schema_node *node, const turbo_json *value)
{
    size_t at = hash(node, value) & (cap - 1);
    while (entries[at].node != NULL && (entries[at].node != node || entries[at].value != value)) {
        at = (at + 1) & (cap - 1);
    }
    return &entries[at];
}

const turbo__memo_entry *turbo__memo_get(const turbo__memo *memo, const turbo__schema_node *node,
                                         const turbo_json *value)
{
    if (memo->cap == 0) {
        return NULL;
    }
    const turbo__memo_entry *entry = find(memo->entries, memo->cap, node, value);
    return entry->node != NULL ? entry : NULL;
}

static int grow(turbo__memo *memo)
{
    size_t cap = FIRST_CAPACITY;
    if (memo->cap > 0 && !turbo__size_mul(memo->cap, 2, &cap)) {
        return TURBO_ENOMEM;
    }
    turbo__memo_entry *entries = turbo__calloc(cap, sizeof(*entries));
    if (entries == NULL) {
        return TURBO_ENOMEM;
    }
    for (size_t i = 0; i < memo->cap; i++) {
        const turbo__memo_entry *old = &memo->entries[i];
        if (old->node != NULL) {
            *find(entries, cap, old->node, old->value) = *old;
        }
    }
    turbo__free(memo->entries);
    memo->entries = entries;
    memo->cap = cap;
    return 0;
}

int turbo__memo_put(turbo__memo *memo, const turbo__schema_node *node, const turbo_json *value,
                    bool valid, bool reported)
{
    if (memo->count >= memo->cap / 2) {
        int rc = grow(memo);
        if (rc != 0) {
            return rc;
        }
    }
    turbo__memo_entry *entry = find(memo->entries, memo->cap, node, value);
    if (entry->node == NULL) {
        memo->count++;
    }
    entry->node = node;
    entry->value = value;
    entry->valid = valid;
    entry->reported = reported;
    return 0;
}

void turbo__memo_clear(turbo__memo *memo)
{
    turbo__free(memo->entries);
    memset(memo, 0, sizeof(*memo));
}
