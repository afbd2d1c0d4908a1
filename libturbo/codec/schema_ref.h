/* SPDX-License-Identifier: MIT */
#ifndef TURBO__CODEC_SCHEMA_REF_H
#define TURBO__CODEC_SCHEMA_REF_H

/*
 * References within one schema document: collected while it is compiled, looked up afterwards. The
 * document must live until then.
 */

#include "codec/schema.h"

typedef struct turbo__schema_reference {
    turbo__schema_node *from;
    turbo_str target; /* borrowed from the document */
} turbo__schema_reference;

typedef struct turbo__schema_target {
    const turbo_json *json;
    turbo__schema_node *node;
} turbo__schema_target;

/** Embedded in the compiler, zeroed but for `arena` before, cleared after use. */
typedef struct turbo__schema_refs {
    turbo__arena *arena; /* the schema's */
    turbo_str id;        /* of the document, borrowed from it; may be empty */
    turbo__schema_reference *references;
    size_t count;
    size_t cap;
    turbo__schema_target *targets;
    size_t target_count;
    size_t target_cap;
} turbo__schema_refs;

/** Notes that `from` refers to `target`. Returns 0 or TURBO_ENOMEM. */
int turbo__schema_refs_add(turbo__schema_refs *refs, turbo__schema_node *from, turbo_str target);

/** Notes that the schema `json` was compiled to `node`. Returns 0 or TURBO_ENOMEM. */
int turbo__schema_refs_target(turbo__schema_refs *refs, const turbo_json *json,
                              turbo__schema_node *node);

/** Sets the `ref` of every noted node. Returns 0; TURBO_ESCHEMA when a target is outside of the
 *  document, named by an anchor, missing, or no schema; TURBO_ENOMEM. */
int turbo__schema_refs_resolve(turbo__schema_refs *refs, const turbo_json *document);

/** Gives the memory back. */
void turbo__schema_refs_clear(turbo__schema_refs *refs);

#endif
