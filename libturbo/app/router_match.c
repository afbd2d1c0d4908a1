/* SPDX-License-Identifier: MIT */
#include "app/router.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "turbo/error.h"

#include "app/router_tree.h"
#include "base/compat.h"

enum { OWN_SPANS = 32 }; /* spans of a walk that need no memory */

typedef enum purpose {
    FIND,    /* the oldest registration with the method */
    ANY,     /* whether there is one, of any method */
    COLLECT, /* all of them */
} purpose;

/* One look-up; on its caller's stack. */
typedef struct walk {
    turbo_str path;
    purpose purpose;
    size_t method;                   /* FIND */
    const turbo__registration *best; /* FIND */
    bool known;                      /* some registration has the path */
    size_t limit;                    /* registrations from this index on are of no interest */
    turbo__arena *arena;             /* COLLECT, like the next three */
    const turbo__registration **found;
    size_t found_count;
    size_t found_cap;
    turbo__span *spans; /* a stack of sets, each ascending and without overlap */
    size_t used;
    size_t cap;
    turbo__span own[OWN_SPANS];
} walk;

static void walk_begin(walk *w, purpose why, turbo_str path)
{
    /* Not zeroed as a whole: `own` is large. */
    w->path = path;
    w->purpose = why;
    w->method = TURBO__METHOD_NONE;
    w->best = NULL;
    w->known = false;
    w->limit = SIZE_MAX;
    w->arena = NULL;
    w->found = NULL;
    w->found_count = 0;
    w->found_cap = 0;
    w->spans = w->own;
    w->used = 0;
    w->cap = OWN_SPANS;
}

static void walk_end(walk *w)
{
    if (w->spans != w->own) {
        turbo__free(w->spans);
    }
}

static TURBO__NOINLINE int grow_spans(walk *w)
{
    size_t size;
    turbo__span *spans =
        turbo__size_mul(w->cap, 2 * sizeof(*spans), &size) ? turbo__alloc(size) : NULL;
    if (spans == NULL) {
        return TURBO_ENOMEM;
    }
    memcpy(spans, w->spans, w->used * sizeof(*spans));
    walk_end(w);
    w->spans = spans;
    w->cap *= 2;
    return 0;
}

/* Adds to the set that begins at `base` and is on top of the stack. A span that ends no later than
 * the last one is part of the set already: places further on never lead to new ends further back.
 */
static inline int push(walk *w, size_t base, size_t first, size_t last)
{
    if (w->used > base && last <= w->spans[w->used - 1].last) {
        return 0;
    }
    if (w->used == w->cap) {
        int rc = grow_spans(w);
        if (rc != 0) {
            return rc;
        }
    }
    w->spans[w->used].first = first;
    w->spans[w->used++].last = last;
    return 0;
}

/* The first place behind `from` whose ends are not all among `ends`, those of `from`. */
static size_t next_start(turbo__convertor convertor, size_t from, const turbo__span *ends)
{
    switch (convertor) {
    case TURBO__CONVERTOR_STR:
    case TURBO__CONVERTOR_INT:
    case TURBO__CONVERTOR_FLOAT:
        return ends[0].last;
    case TURBO__CONVERTOR_PATH:
    case TURBO__CONVERTOR_ANY:
        return ends[0].last + 1;
    case TURBO__CONVERTOR_UUID:
    case TURBO__CONVERTOR_COUNT:
        break;
    }
    return from + 1;
}

/* Pushes the set of all ends of a parameter that starts in the set of `count` spans at `set`. */
static int push_ends(walk *w, turbo__convertor convertor, size_t set, size_t count)
{
    size_t base = w->used;
    size_t at = 0;
    for (size_t i = set; i < set + count; i++) {
        turbo__span starts = w->spans[i];
        at = at > starts.first ? at : starts.first;
        while (at <= starts.last) {
            turbo__span ends[TURBO__MAX_ENDS];
            size_t found = turbo__convertor_ends(convertor, w->path, at, ends);
            for (size_t k = 0; k < found; k++) {
                int rc = push(w, base, ends[k].first, ends[k].last);
                if (rc != 0) {
                    return rc;
                }
            }
            at = found > 0 ? next_start(convertor, at, ends) : at + 1;
        }
    }
    return 0;
}

/* Pushes the set of all places behind `label`, where that follows a place of the set at `set`. */
static int push_literal(walk *w, turbo_str label, size_t set, size_t count)
{
    size_t base = w->used;
    if (label.len > w->path.len) {
        return 0;
    }
    size_t max = w->path.len - label.len;
    const char *text = w->path.data;
    for (size_t i = set; i < set + count; i++) {
        turbo__span starts = w->spans[i];
        size_t last = starts.last < max ? starts.last : max;
        for (size_t at = starts.first; at <= last; at++) {
            const char *found = memchr(text + at, label.data[0], last - at + 1);
            if (found == NULL) {
                break;
            }
            at = (size_t)(found - text);
            if (memcmp(found, label.data, label.len) != 0) {
                continue;
            }
            int rc = push(w, base, at + label.len, at + label.len);
            if (rc != 0) {
                return rc;
            }
        }
    }
    return 0;
}

static int collect(walk *w, const turbo__route_leaf *at)
{
    for (size_t i = 0; i < at->count; i++) {
        const turbo__registration *reg = at->items[i].reg;
        if (i > 0 && reg == at->items[i - 1].reg) {
            continue;
        }
        void *items = w->found;
        int rc =
            turbo__router_reserve(w->arena, &items, sizeof(reg), w->found_count, 1, &w->found_cap);
        if (rc != 0) {
            return rc;
        }
        w->found = items;
        w->found[w->found_count++] = reg;
    }
    return 0;
}

/* The path matches the pattern of `at`. */
static int visit(walk *w, const turbo__route_leaf *at)
{
    if (at->count == 0) {
        return 0;
    }
    w->known = true;
    if (w->purpose == COLLECT) {
        return collect(w, at);
    }
    if (w->purpose == ANY) {
        w->limit = 0;
        return 0;
    }
    for (size_t i = 0; i < at->count && at->items[i].index < w->limit; i++) {
        const turbo__route_entry *tried = &at->items[i];
        if (tried->method == w->method || tried->method == TURBO__METHOD_ANY) {
            w->limit = tried->index;
            w->best = tried->reg;
            return 0;
        }
    }
    return 0;
}

static bool has_end(const walk *w, size_t set, size_t count)
{
    return turbo__pattern_may_end(w->path, w->spans[set + count - 1].last);
}

static int walk_from(walk *w, const turbo__route_node *at, size_t set, size_t count);

/* Goes on to `child` with the set that was pushed on top of `mark`, and pops it. */
static int walk_to(walk *w, const turbo__route_node *child, size_t mark)
{
    int rc = w->used > mark ? walk_from(w, child, mark, w->used - mark) : 0;
    w->used = mark;
    return rc;
}

static int walk_params(walk *w, const turbo__route_node *at, size_t set, size_t count)
{
    for (int i = 0; i < TURBO__CONVERTOR_COUNT; i++) {
        const turbo__route_node *child = at->params[i];
        if (child == NULL || child->oldest >= w->limit) {
            continue;
        }
        size_t mark = w->used;
        int rc = push_ends(w, (turbo__convertor)i, set, count);
        if (rc == 0) {
            rc = walk_to(w, child, mark);
        }
        if (rc != 0) {
            return rc;
        }
    }
    return 0;
}

static int walk_children(walk *w, const turbo__route_node *at, size_t set, size_t count)
{
    for (size_t i = 0; i < at->child_count; i++) {
        const turbo__route_node *child = at->children[i];
        if (child->oldest >= w->limit) {
            continue;
        }
        size_t mark = w->used;
        int rc = push_literal(w, child->label, set, count);
        if (rc == 0) {
            rc = walk_to(w, child, mark);
        }
        if (rc != 0) {
            return rc;
        }
    }
    return 0;
}

/* The only child that may follow the place `from`, if its label does. */
static const turbo__route_node *match_child(const walk *w, const turbo__route_node *at, size_t from)
{
    if (from == w->path.len) {
        return NULL;
    }
    const turbo__route_node *child = turbo__router_find_child(at, w->path.data[from]);
    if (child == NULL || child->label.len > w->path.len - from ||
        memcmp(w->path.data + from, child->label.data, child->label.len) != 0) {
        return NULL;
    }
    return child;
}

/* Visits what is at or below `at`, which the places of a set (`count` spans at `set`, at least one)
 * lead to. The depth is bounded by the longest pattern. */
static int walk_from(walk *w, const turbo__route_node *at, size_t set, size_t count)
{
    while (at->oldest < w->limit) {
        int rc = has_end(w, set, count) ? visit(w, &at->leaf) : 0;
        if (rc == 0 && at->has_params) {
            rc = walk_params(w, at, set, count);
        }
        if (rc != 0 || at->child_count == 0) {
            return rc;
        }
        turbo__span *only = &w->spans[set];
        if (count > 1 || only->first != only->last) {
            return walk_children(w, at, set, count);
        }
        at = match_child(w, at, only->first);
        if (at == NULL) {
            return 0;
        }
        only->first += at->label.len; /* the caller does not look at its set again */
        only->last = only->first;
    }
    return 0;
}

static int visit_literal(walk *w, const turbo__router *router, turbo_str path)
{
    const turbo__route_slot *at =
        turbo__router_probe(router->slots, router->slot_count, turbo__router_hash_path(path), path);
    return at->path.data != NULL ? visit(w, at->leaf) : 0;
}

static int walk_all(walk *w, const turbo__router *router)
{
    int rc = 0;
    size_t len = w->path.len;
    if (router->slot_count > 0 && len > 0) {
        rc = visit_literal(w, router, w->path);
        if (turbo__unlikely(w->path.data[len - 1] == '\n') && rc == 0) {
            rc = visit_literal(w, router, turbo__str_slice(w->path, 0, len - 1));
        }
    }
    if (rc != 0 || router->root->oldest >= w->limit) {
        return rc;
    }
    rc = push(w, 0, 0, 0);
    return rc == 0 ? walk_from(w, router->root, 0, 1) : rc;
}

static int by_index(const void *a, const void *b)
{
    const turbo__registration *const *left = a;
    const turbo__registration *const *right = b;
    return ((*left)->index > (*right)->index) - ((*left)->index < (*right)->index);
}

/* Fills `allow` and `allow_first`. */
static int find_allowed(const turbo__router *router, turbo__arena *arena, turbo_str path,
                        turbo__match *match)
{
    walk w;
    walk_begin(&w, COLLECT, path);
    w.arena = arena;
    int rc = walk_all(&w, router);
    walk_end(&w);
    if (rc != 0) {
        return rc;
    }
    qsort(w.found, w.found_count, sizeof(*w.found), by_index);
    match->allow_first = w.found[0]->allow;
    return turbo__router_allow(router, arena, w.found, w.found_count, &match->allow);
}

static int bind(const turbo__registration *reg, turbo__arena *arena, turbo_str path,
                turbo__match *match)
{
    const turbo__pattern *pattern = &reg->pattern;
    match->route = reg->route;
    if (pattern->param_count == 0) {
        return 0;
    }
    turbo__param *params = turbo__arena_alloc(arena, pattern->param_count * sizeof(*params));
    if (params == NULL) {
        return TURBO_ENOMEM;
    }
    match->params = params;
    match->param_count = pattern->param_count;
    int rc = turbo__pattern_bind(pattern, arena, path, params);
    assert(rc != TURBO_ENOTFOUND && "the walk and the binding disagree");
    return rc;
}

int turbo__router_match(const turbo__router *router, turbo__arena *arena, turbo_str method,
                        turbo_str path, turbo__match *out)
{
    walk w;
    walk_begin(&w, FIND, path);
    w.method = turbo__router_find_method(router, method);
    int rc = walk_all(&w, router);
    walk_end(&w);
    if (rc != 0) {
        return rc;
    }
    turbo__match match = {.path_known = w.known};
    if (w.best != NULL) {
        rc = bind(w.best, arena, path, &match);
    } else if (w.known) {
        rc = find_allowed(router, arena, path, &match);
    }
    if (rc != 0) {
        return rc;
    }
    *out = match;
    return w.best != NULL ? 0 : TURBO_ENOTFOUND;
}

bool turbo__router_has_path(const turbo__router *router, turbo_str path)
{
    walk w;
    walk_begin(&w, ANY, path);
    (void)walk_all(&w, router); /* out of memory: nothing was found, see the header */
    walk_end(&w);
    return w.known;
}
