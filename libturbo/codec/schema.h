/* SPDX-License-Identifier: MIT */
#ifndef TURBO__CODEC_SCHEMA_H
#define TURBO__CODEC_SCHEMA_H

/*
 * What a compiled schema is made of: one graph of nodes in one arena, written by a compiler, read
 * by any number of validators on any threads, gone with the last reference. Every pointer in it
 * leads into the same arena. Whoever makes a graph passes it through turbo__schema_finish().
 */

#include "base/arena.h"
#include "base/atomic.h"
#include "codec/json_number.h"
#include "turbo/json.h"
#include "turbo/schema.h"

enum {
    /** Schemas that apply to the same value by $ref, allOf, anyOf, oneOf and not, one inside the
       other. */
    TURBO__SCHEMA_CHAIN_MAX = 64,
};

/** Kinds of values, as bits. A real without a fraction is an integer, as JSON Schema has it. */
enum {
    TURBO__KIND_NULL = 1 << 0,
    TURBO__KIND_BOOL = 1 << 1,
    TURBO__KIND_INTEGER = 1 << 2,
    TURBO__KIND_FRACTION = 1 << 3,
    TURBO__KIND_STRING = 1 << 4,
    TURBO__KIND_ARRAY = 1 << 5,
    TURBO__KIND_OBJECT = 1 << 6,
    TURBO__KIND_NUMBER = TURBO__KIND_INTEGER | TURBO__KIND_FRACTION,
    TURBO__KIND_CONTAINER = TURBO__KIND_ARRAY | TURBO__KIND_OBJECT,
    TURBO__KIND_ANY = (1 << 7) - 1
};

typedef struct turbo__schema_node turbo__schema_node;

/** A number as it was written. */
typedef struct turbo__schema_number {
    bool is_int;
    int64_t integer;
    double real; /* when it is not is_int */
} turbo__schema_number;

/** Bounds of a number; NULL: none. */
typedef struct turbo__schema_numeric {
    const turbo__schema_number *minimum;
    const turbo__schema_number *maximum;
    const turbo__schema_number *exclusive_minimum;
    const turbo__schema_number *exclusive_maximum;
    const turbo__schema_number *multiple_of;
    turbo__decimal multiple_decimal;
} turbo__schema_numeric;

/** Bounds of a size: code points, elements, members. */
typedef struct turbo__schema_range {
    size_t min;
    size_t max; /* SIZE_MAX: none */
} turbo__schema_range;

/** The values of enum or const. */
typedef struct turbo__schema_values {
    size_t count;
    const turbo_str *keys; /* turbo__json_key() of each, sorted by turbo__schema_compare() */
    unsigned kinds;        /* of all of them */
    turbo_str expected;    /* for messages: 'a', 'b' or 3 */
} turbo__schema_values;

typedef struct turbo__schema_property {
    turbo_str name;
    turbo__schema_node *node;
} turbo__schema_property;

/** A list of nodes. */
typedef struct turbo__schema_list {
    size_t count;
    turbo__schema_node **nodes;
} turbo__schema_list;

/** One schema: all keywords at one place. Zeroed but for `kinds` and the maxima, it accepts
 * anything. */
struct turbo__schema_node {
    unsigned kinds; /* accepted; FRACTION only beside INTEGER */
    bool unique_items;
    bool shared;     /* target of a $ref in a recursive schema: results are remembered */
    unsigned height; /* of the chain of schemas for the same value from here; see CHAIN_MAX */
    unsigned mark;   /* turbo__schema_finish() only */
    turbo_str title; /* names the node in the place of an error; may be empty */
    turbo__schema_numeric *numeric; /* NULL: none */
    turbo__schema_range length;
    turbo__schema_range items_count;
    turbo__schema_range members_count;
    const turbo__schema_values *choices;  /* enum; NULL: none */
    const turbo__schema_values *constant; /* const; NULL: none */
    size_t property_count;
    turbo__schema_property *properties; /* sorted by turbo__schema_compare() of the names */
    size_t required_count;
    const turbo_str *required;      /* in the order of the schema */
    turbo__schema_node *additional; /* of members that are no property; NULL: anything */
    turbo__schema_list prefix;      /* of the first elements */
    turbo__schema_node *items;      /* of the other elements; NULL: anything */
    turbo__schema_list all_of;
    turbo__schema_list any_of;
    turbo__schema_list one_of;
    turbo__schema_node *excluded; /* not */
    turbo__schema_node *ref;
};

/** Made by turbo__schema_new(), destroyed by the last turbo_schema_unref(). */
struct turbo_schema {
    turbo__atomic_u32 references;
    turbo__arena arena;
    turbo__schema_node *root;
    size_t node_count;
    bool recursive; /* a document of any depth is possible */
};

/** An empty schema with one reference; its root is to be set. Returns 0 or TURBO_ENOMEM. */
int turbo__schema_new(turbo_schema **out);

/** A node that accepts anything, in the schema's arena; NULL when out of memory. */
turbo__schema_node *turbo__schema_node_new(turbo_schema *schema);

/** Makes `out` of `count` values: those of the array `values`, or only `values` itself when it is
 * not `many`. The text may be borrowed, everything is copied. Returns 0 or TURBO_ENOMEM;
 * TURBO_EINVAL when a value is nested too deeply. */
int turbo__schema_values_new(turbo_schema *schema, const turbo_json *values, bool many,
                             const turbo__schema_values **out);

/** Sorts properties and looks for cycles. Call it once, when all nodes are in place. Returns 0;
 *  TURBO_ESCHEMA when a schema refers to itself for the same value or does so more than
 *  TURBO__SCHEMA_CHAIN_MAX deep; TURBO_ENOMEM. */
int turbo__schema_finish(turbo_schema *schema);

/** The order of names and keys: by length, then by bytes. */
int turbo__schema_compare(turbo_str a, turbo_str b);

/** The kind of `value`: one bit. */
unsigned turbo__schema_kind(const turbo_json *value);

#endif
