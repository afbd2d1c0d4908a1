/* SPDX-License-Identifier: MIT */
#ifndef TURBO__APP_ROUTER_TREE_H
#define TURBO__APP_ROUTER_TREE_H

/* What a router is made of. Only for router.c, which builds it, and router_match.c, which reads it.
 */

#include "app/router.h"
#include "base/mem.h"
#include "base/str.h"

/*
 * Patterns without parameters are in a hash table, the others in a radix tree whose edges are
 * literal text or a convertor. Each leaf lists the registrations of one pattern, oldest first; each
 * node knows the oldest one below it, so that a walk leaves out what cannot win any more. The walk
 * carries the set of all places of the path that a node can be reached at. So it sees every node
 * once, whatever the path, and it needs to bind values for the winner only.
 */

/* One registration. In the router's arena. */
typedef struct turbo__registration {
    size_t index; /* order of turbo__registration */
    void *route;
    turbo__pattern pattern;
    size_t *methods; /* sorted by name, each once */
    size_t method_count;
    turbo_str allow; /* their names */
} turbo__registration;

typedef struct turbo__route_entry {
    size_t index; /* of the turbo__registration */
    size_t method;
    const turbo__registration *reg;
} turbo__route_entry;

/* The entries of one pattern, oldest first. */
typedef struct turbo__route_leaf {
    turbo__route_entry *items;
    size_t count;
    size_t cap;
} turbo__route_leaf;

/* A node of the tree, in the router's arena. Nodes that a failed registration left behind have no
 * entries and match nothing. */
typedef struct turbo__route_node {
    struct turbo__route_node *parent;
    turbo_str label;     /* literal text in front of it; empty behind a parameter */
    unsigned char *keys; /* first bytes of the labels of `children`, sorted */
    struct turbo__route_node **children;
    size_t child_count;
    size_t child_cap;
    struct turbo__route_node *params[TURBO__CONVERTOR_COUNT];
    bool has_params;
    size_t oldest; /* the smallest index at or below it; SIZE_MAX when there is none */
    turbo__route_leaf leaf;
} turbo__route_node;

/* A literal pattern; free while `path.data` is NULL. */
typedef struct turbo__route_slot {
    uint64_t hash;
    turbo_str path;
    turbo__route_leaf *leaf; /* in the router's arena */
} turbo__route_slot;

/* Made by turbo__router_new, owned by its caller; read by any thread once no more is added. */
struct turbo__router {
    turbo__arena arena;
    turbo__route_node *root;
    turbo__route_slot *slots;
    size_t slot_count; /* a power of two, or 0 */
    size_t used_slots;
    turbo_str *methods; /* a method's number is its place here */
    size_t method_count;
    size_t method_cap;
    size_t registered;
};

enum {
    TURBO__METHOD_ANY = 0, /* "*" is the first of `methods` */
    TURBO__LINEAR_KEYS = 8 /* up to here a loop is faster than a binary search */
};

#define TURBO__METHOD_NONE SIZE_MAX

static inline size_t turbo__router_find_method(const turbo__router *router, turbo_str name)
{
    for (size_t i = TURBO__METHOD_ANY + 1; i < router->method_count; i++) {
        if (turbo_str_equal(router->methods[i], name)) {
            return i;
        }
    }
    return TURBO__METHOD_NONE;
}

/** Makes room for `extra` more items behind `count`; moves them to a larger array in `arena` if
 * there is none. Returns 0 or TURBO_ENOMEM, unchanged then. */
int turbo__router_reserve(turbo__arena *arena, void **items, size_t item_size, size_t count,
                          size_t extra, size_t *cap);

/** The names of the methods of all `regs`, each once, as one string in `arena`. Returns 0 or
 *  TURBO_ENOMEM. */
int turbo__router_allow(const turbo__router *router, turbo__arena *arena,
                        const turbo__registration *const *regs, size_t count, turbo_str *out);

/* No seed: only what the program registers is ever stored, so that a client cannot fill a chain. */
static inline uint64_t turbo__router_hash_path(turbo_str path)
{
    const uint64_t factor = 0x9e3779b97f4a7c15u; /* odd, bits well mixed */
    uint64_t hash = path.len * factor;
    const char *at = path.data;
    size_t left = path.len;
    uint64_t word;
    for (; left >= sizeof(word); left -= sizeof(word), at += sizeof(word)) {
        memcpy(&word, at, sizeof(word));
        hash = (hash ^ word) * factor;
        hash ^= hash >> 29;
    }
    word = 0;
    for (size_t i = 0; i < left; i++) {
        word = word << 8 | (unsigned char)at[i];
    }
    hash = (hash ^ word) * factor;
    return hash ^ hash >> 32;
}

/* The slot of `path`, or the free one where it belongs. At least half of them are free. */
static inline turbo__route_slot *turbo__router_probe(turbo__route_slot *slots, size_t count,
                                                     uint64_t hash, turbo_str path)
{
    for (size_t i = (size_t)hash;; i++) {
        turbo__route_slot *at = &slots[i & (count - 1)];
        if (at->path.data == NULL || (at->hash == hash && turbo_str_equal(at->path, path))) {
            return at;
        }
    }
}

/* The place of the first key that is not below `key`. */
static inline size_t turbo__router_key_place(const turbo__route_node *at, unsigned char key)
{
    size_t low = 0;
    size_t high = at->child_count;
    while (high - low > TURBO__LINEAR_KEYS) {
        size_t middle = low + (high - low) / 2;
        if (at->keys[middle] < key) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    while (low < high && at->keys[low] < key) {
        low++;
    }
    return low;
}

static inline turbo__route_node *turbo__router_find_child(const turbo__route_node *at, char first)
{
    unsigned char key = (unsigned char)first;
    size_t place = turbo__router_key_place(at, key);
    return place < at->child_count && at->keys[place] == key ? at->children[place] : NULL;
}

#endif
