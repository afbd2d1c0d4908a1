/* SPDX-License-Identifier: MIT */
#include "codec/schema.h"

#include <stdlib.h>

#include "base/error.h"
#include "base/mem.h"

enum mark { UNSEEN = 0, ON_PATH, DONE };

int turbo__schema_new(turbo_schema **out)
{
    turbo_schema *schema = turbo__calloc(1, sizeof(*schema));
    if (schema == NULL) {
        return TURBO_ENOMEM;
    }
    turbo__u32_store_relaxed(&schema->references, 1);
    turbo__arena_init(&schema->arena);
    *out = schema;
    return 0;
}

turbo_schema *turbo_schema_ref(turbo_schema *schema)
{
    (void)turbo__u32_add_acq_rel(&schema->references, 1); /* the count before tells nothing */
    return schema;
}

void turbo_schema_unref(turbo_schema *schema)
{
    if (schema != NULL && turbo__u32_sub_acq_rel(&schema->references, 1) == 1) {
        turbo__arena_clear(&schema->arena);
        turbo__free(schema);
    }
}

turbo__schema_node *turbo__schema_node_new(turbo_schema *schema)
{
    turbo__schema_node *node = turbo__arena_alloc(&schema->arena, sizeof(*node));
    if (node == NULL) {
        return NULL;
    }
    memset(node, 0, sizeof(*node));
    node->kinds = TURBO__KIND_ANY;
    node->length.max = SIZE_MAX;
    node->items_count.max = SIZE_MAX;
    node->members_count.max = SIZE_MAX;
    schema->node_count++;
    return node;
}

int turbo__schema_compare(turbo_str a, turbo_str b)
{
    if (a.len != b.len) {
        return a.len < b.len ? -1 : 1;
    }
    return a.len > 0 ? memcmp(a.data, b.data, a.len) : 0;
}

/* From 2^53 on a double has no fraction. */
static bool is_integral(double value)
{
    const double all_integral = 9007199254740992.0;
    int64_t whole;
    return value >= all_integral || value <= -all_integral || turbo__number_is_int(value, &whole);
}

unsigned turbo__schema_kind(const turbo_json *value)
{
    static const unsigned kinds[] = {
        [TURBO_JSON_NULL] = TURBO__KIND_NULL,     [TURBO_JSON_BOOL] = TURBO__KIND_BOOL,
        [TURBO_JSON_INT] = TURBO__KIND_INTEGER,   [TURBO_JSON_REAL] = TURBO__KIND_FRACTION,
        [TURBO_JSON_STRING] = TURBO__KIND_STRING, [TURBO_JSON_ARRAY] = TURBO__KIND_ARRAY,
        [TURBO_JSON_OBJECT] = TURBO__KIND_OBJECT,
    };
    turbo_json_type type = turbo_json_typeof(value);
    double real = 0;
    if (type == TURBO_JSON_REAL && turbo_json_get_real(value, &real) == 0 && is_integral(real)) {
        return TURBO__KIND_INTEGER;
    }
    return kinds[type];
}

/* --- the graph ------------------------------------------------------------- */

/* The nodes that `node` leads to, those for the same value first. NULL behind the last. */
static turbo__schema_node *same_value_edge(const turbo__schema_node *node, size_t i)
{
    const turbo__schema_list *lists[] = {&node->all_of, &node->any_of, &node->one_of};
    for (size_t k = 0; k < sizeof(lists) / sizeof(lists[0]); k++) {
        if (i < lists[k]->count) {
            return lists[k]->nodes[i];
        }
        i -= lists[k]->count;
    }
    turbo__schema_node *single[] = {node->excluded, node->ref};
    for (size_t k = 0; k < sizeof(single) / sizeof(single[0]); k++) {
        if (single[k] != NULL && i-- == 0) {
            return single[k];
        }
    }
    return NULL;
}

static size_t same_value_count(const turbo__schema_node *node)
{
    return node->all_of.count + node->any_of.count + node->one_of.count + (node->excluded != NULL) +
           (node->ref != NULL);
}

static turbo__schema_node *any_edge(const turbo__schema_node *node, size_t i)
{
    size_t same = same_value_count(node);
    if (i < same) {
        return same_value_edge(node, i);
    }
    i -= same;
    if (i < node->property_count) {
        return node->properties[i].node;
    }
    i -= node->property_count;
    if (i < node->prefix.count) {
        return node->prefix.nodes[i];
    }
    i -= node->prefix.count;
    turbo__schema_node *single[] = {node->additional, node->items};
    for (size_t k = 0; k < sizeof(single) / sizeof(single[0]); k++) {
        if (single[k] != NULL && i-- == 0) {
            return single[k];
        }
    }
    return NULL;
}

typedef turbo__schema_node *edge_fn(const turbo__schema_node *node, size_t i);

/* A depth-first walk on the heap, as a chain of references may be as long as the schema. */
typedef struct walk_step {
    turbo__schema_node *node;
    size_t next; /* edge */
} walk_step;

typedef struct walk {
    edge_fn *edge;
    walk_step *steps; /* room for every node */
    size_t depth;
    bool cycle; /* out */
} walk;

static void enter(walk *self, turbo__schema_node *node)
{
    node->mark = ON_PATH;
    node->height = 1;
    self->steps[self->depth].node = node;
    self->steps[self->depth].next = 0;
    self->depth++;
}

static void leave(walk *self)
{
    turbo__schema_node *node = self->steps[--self->depth].node;
    node->mark = DONE;
    if (self->depth > 0) {
        turbo__schema_node *parent = self->steps[self->depth - 1].node;
        parent->height = parent->height > node->height ? parent->height : node->height + 1;
    }
}

static void follow(walk *self, turbo__schema_node *from, turbo__schema_node *to)
{
    if (to->mark == UNSEEN) {
        enter(self, to);
    } else if (to->mark == ON_PATH) {
        self->cycle = true;
    } else {
        from->height = from->height > to->height ? from->height : to->height + 1;
    }
}

/* Visits what can be reached from `start` and was not visited before; sets marks and heights. */
static void walk_from(walk *self, turbo__schema_node *start)
{
    if (start->mark != UNSEEN) {
        return;
    }
    enter(self, start);
    while (self->depth > 0) {
        walk_step *step = &self->steps[self->depth - 1];
        turbo__schema_node *to = self->edge(step->node, step->next++);
        if (to == NULL) {
            leave(self);
        } else {
            follow(self, step->node, to);
        }
    }
}

static int by_name(const void *a, const void *b)
{
    return turbo__schema_compare(((const turbo__schema_property *)a)->name,
                                 ((const turbo__schema_property *)b)->name);
}

/* All nodes that can be reached, each once. */
static size_t list_nodes(turbo_schema *schema, turbo__schema_node **nodes)
{
    size_t count = 0;
    schema->root->mark = DONE;
    nodes[count++] = schema->root;
    for (size_t i = 0; i < count; i++) {
        turbo__schema_node *to;
        for (size_t k = 0; (to = any_edge(nodes[i], k)) != NULL; k++) {
            if (to->mark == UNSEEN) {
                to->mark = DONE;
                nodes[count++] = to;
            }
        }
    }
    return count;
}

static void unmark(turbo__schema_node **nodes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        nodes[i]->mark = UNSEEN;
    }
}

static int check_chains(walk *self, turbo__schema_node **nodes, size_t count)
{
    unmark(nodes, count);
    self->edge = same_value_edge;
    self->cycle = false;
    for (size_t i = 0; i < count; i++) {
        walk_from(self, nodes[i]);
        if (self->cycle) {
            return turbo__error_set(TURBO_ESCHEMA, "a schema refers to itself for the same value");
        }
        if (nodes[i]->height > TURBO__SCHEMA_CHAIN_MAX) {
            return turbo__error_set(TURBO_ESCHEMA,
                                    "more than %d schemas inside one another for "
                                    "the same value",
                                    TURBO__SCHEMA_CHAIN_MAX);
        }
    }
    return 0;
}

/* Results are remembered only where a document could otherwise make the work grow exponentially. */
static void mark_shared(turbo_schema *schema, turbo__schema_node **nodes, size_t count)
{
    for (size_t i = 0; schema->recursive && i < count; i++) {
        if (nodes[i]->ref != NULL) {
            nodes[i]->ref->shared = true;
        }
    }
}

static int analyze(turbo_schema *schema, walk *self, turbo__schema_node **nodes)
{
    size_t count = list_nodes(schema, nodes);
    for (size_t i = 0; i < count; i++) {
        if (nodes[i]->property_count > 1) {
            qsort(nodes[i]->properties, nodes[i]->property_count, sizeof(*nodes[i]->properties),
                  by_name);
        }
    }
    unmark(nodes, count);
    self->edge = any_edge;
    walk_from(self, schema->root);
    schema->recursive = self->cycle;
    mark_shared(schema, nodes, count);
    return check_chains(self, nodes, count);
}

int turbo__schema_finish(turbo_schema *schema)
{
    walk self;
    memset(&self, 0, sizeof(self));
    self.steps = turbo__calloc(schema->node_count, sizeof(*self.steps));
    turbo__schema_node **nodes = turbo__calloc(schema->node_count, sizeof(*nodes));
    int rc = TURBO_ENOMEM;
    if (self.steps != NULL && nodes != NULL) {
        rc = analyze(schema, &self, nodes);
    }
    turbo__free(nodes);
    turbo__free(self.steps);
    return rc;
}
