/* SPDX-License-Identifier: MIT */
#ifndef TURBO__CODEC_VALIDATOR_MEMO_H
#define TURBO__CODEC_VALIDATOR_MEMO_H

/*
 * Which value satisfies which schema, as far as one validation has found out. It keeps a recursive
 * schema with unions from doing exponential work. Keys are addresses, which no peer chooses. One
 * thread.
 */

#include "codec/schema.h"

typedef struct turbo__memo_entry {
    const turbo__schema_node *node; /* NULL: free */
    const turbo_json *value;
    bool valid;
    bool reported; /* when not valid: its errors are in the report */
} turbo__memo_entry;

/** Embedded in its owner, zeroed before and cleared after use. */
typedef struct turbo__memo {
    turbo__memo_entry *entries;
    size_t count;
    size_t cap; /* a power of two, or 0 */
} turbo__memo;

/** What is known, borrowed until the next put; NULL when nothing is. */
const turbo__memo_entry *turbo__memo_get(const turbo__memo *memo, const turbo__schema_node *node,
                                         const turbo_json *value);

/** Remembers a result. Returns 0 or TURBO_ENOMEM. */
int turbo__memo_put(turbo__memo *memo, const turbo__schema_node *node, const turbo_json *value,
                    bool valid, bool reported);

/** Gives the memory back. */
void turbo__memo_clear(turbo__memo *memo);

#endif
