/* SPDX-License-Identifier: MIT */
#include "app/router.h"

#include <string.h>

#include "app/router_tree.h"
#include "base/error.h"
#include "base/mem.h"
#include "codec/fields.h"

enum {
    FIRST_SLOTS = 64,
    FIRST_CHILDREN = 4,
    MAX_CHILDREN = 256,
};

int turbo__router_reserve(turbo__arena *arena, void **items, size_t item_size, size_t count,
                          size_t extra, size_t *cap)
{
    size_t wanted = *cap > 0 ? *cap : 1;
    while (wanted - count < extra) {
        if (!turbo__size_mul(wanted, 2, &wanted)) {
            return TURBO_ENOMEM;
        }
    }
    if (wanted == *cap) {
        return 0;
    }
    size_t size;
    void *copy = turbo__size_mul(wanted, item_size, &size) ? turbo__arena_alloc(arena, size) : NULL;
    if (copy == NULL) {
        return TURBO_ENOMEM;
    }
    if (count > 0) {
        memcpy(copy, *items, count * item_size);
    }
    *items = copy;
    *cap = wanted;
    return 0;
}

static int add_method(turbo__router *router, turbo_str name, size_t *out)
{
    void *items = router->methods;
    int rc = turbo__router_reserve(&router->arena, &items, sizeof(turbo_str), router->method_count,
                                   1, &router->method_cap);
    if (rc != 0) {
        return rc;
    }
    router->methods = items;
    rc = turbo__arena_copy(&router->arena, name, &router->methods[router->method_count]);
    if (rc == 0) {
        *out = router->method_count++;
    }
    return rc;
}

static int intern_method(turbo__router *router, const char *name, size_t *out)
{
    turbo_str text = turbo_cstr(name);
    if (turbo_str_equal(text, router->methods[TURBO__METHOD_ANY])) {
        *out = TURBO__METHOD_ANY;
        return 0;
    }
    if (!turbo__field_name_valid(text)) { /* both are tokens (RFC 9110 §9.1) */
        return turbo__error_set(TURBO_EINVAL, "\"%s\" is not a method", name != NULL ? name : "");
    }
    *out = turbo__router_find_method(router, text);
    return *out != TURBO__METHOD_NONE ? 0 : add_method(router, text, out);
}

static int compare(turbo_str a, turbo_str b)
{
    size_t common = a.len < b.len ? a.len : b.len;
    int order = memcmp(a.data, b.data, common);
    return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

/* Puts `method` where it belongs; does nothing if it is there. */
static void insert_method(const turbo__router *router, turbo__registration *reg, size_t method)
{
    size_t at = 0;
    turbo_str name = router->methods[method];
    while (at < reg->method_count && compare(router->methods[reg->methods[at]], name) < 0) {
        at++;
    }
    if (at < reg->method_count && reg->methods[at] == method) {
        return;
    }
    memmove(reg->methods + at + 1, reg->methods + at,
            (reg->method_count - at) * sizeof(*reg->methods));
    reg->methods[at] = method;
    reg->method_count++;
}

/* Writes ", " and `name` behind `*len` bytes of `text`; only counts them while `text` is NULL. */
static void list_name(char *text, size_t *len, turbo_str name)
{
    size_t comma = *len > 0 ? 2 : 0;
    if (text != NULL) {
        memcpy(text + *len, ", ", comma);
        memcpy(text + *len + comma, name.data, name.len);
    }
    *len += comma + name.len;
}

static void list_methods(const turbo__router *router, const turbo__registration *reg, bool *listed,
                         char *text, size_t *len)
{
    for (size_t i = 0; i < reg->method_count; i++) {
        size_t method = reg->methods[i];
        if (method != TURBO__METHOD_ANY && !listed[method]) {
            listed[method] = true;
            list_name(text, len, router->methods[method]);
        }
    }
}

/* The names of the methods of all `regs`, each once, as one string in `arena`. */
int turbo__router_allow(const turbo__router *router, turbo__arena *arena,
                        const turbo__registration *const *regs, size_t count, turbo_str *out)
{
    bool *listed = turbo__arena_alloc(arena, router->method_count * sizeof(*listed));
    if (listed == NULL) {
        return TURBO_ENOMEM;
    }
    char *text = NULL;
    for (;;) { /* measure, then write */
        size_t len = 0;
        memset(listed, 0, router->method_count * sizeof(*listed));
        for (size_t i = 0; i < count; i++) {
            list_methods(router, regs[i], listed, text, &len);
        }
        if (text != NULL) {
            out->data = text;
            out->len = len;
            return 0;
        }
        text = turbo__arena_alloc(arena, len);
        if (text == NULL) {
            return TURBO_ENOMEM;
        }
    }
}

static int new_registration(turbo__router *router, const char *const *methods, size_t count,
                            const char *pattern, void *route, turbo__registration **out)
{
    turbo__registration *reg = turbo__arena_alloc(&router->arena, sizeof(*reg));
    if (reg == NULL) {
        return TURBO_ENOMEM;
    }
    memset(reg, 0, sizeof(*reg));
    reg->index = router->registered;
    reg->route = route;
    int rc = turbo__pattern_parse(&router->arena, pattern, &reg->pattern);
    if (rc != 0) {
        return rc;
    }
    size_t size;
    reg->methods = turbo__size_mul(count, sizeof(*reg->methods), &size)
                       ? turbo__arena_alloc(&router->arena, size)
                       : NULL;
    if (reg->methods == NULL) {
        return TURBO_ENOMEM;
    }
    for (size_t i = 0; i < count; i++) {
        size_t method = 0;
        rc = intern_method(router, methods[i], &method);
        if (rc != 0) {
            return rc;
        }
        insert_method(router, reg, method);
    }
    const turbo__registration *only = reg;
    rc = turbo__router_allow(router, &router->arena, &only, 1, &reg->allow);
    if (rc == 0) {
        *out = reg;
    }
    return rc;
}

static int grow_slots(turbo__router *router)
{
    size_t count = router->slot_count > 0 ? router->slot_count * 2 : FIRST_SLOTS;
    turbo__route_slot *slots = turbo__calloc(count, sizeof(*slots));
    if (slots == NULL) {
        return TURBO_ENOMEM;
    }
    for (size_t i = 0; i < router->slot_count; i++) {
        const turbo__route_slot *old = &router->slots[i];
        if (old->path.data != NULL) {
            *turbo__router_probe(slots, count, old->hash, old->path) = *old;
        }
    }
    turbo__free(router->slots);
    router->slots = slots;
    router->slot_count = count;
    return 0;
}

static int literal_leaf(turbo__router *router, turbo_str path, turbo__route_leaf **out)
{
    if (router->used_slots >= router->slot_count / 2) {
        int rc = grow_slots(router);
        if (rc != 0) {
            return rc;
        }
    }
    uint64_t hash = turbo__router_hash_path(path);
    turbo__route_slot *at = turbo__router_probe(router->slots, router->slot_count, hash, path);
    if (at->path.data == NULL) {
        turbo__route_leaf *made = turbo__arena_alloc(&router->arena, sizeof(*made));
        if (made == NULL) {
            return TURBO_ENOMEM;
        }
        memset(made, 0, sizeof(*made));
        at->hash = hash;
        at->path = path;
        at->leaf = made;
        router->used_slots++;
    }
    *out = at->leaf;
    return 0;
}

static turbo__route_node *new_node(turbo__router *router, turbo__route_node *parent,
                                   turbo_str label)
{
    turbo__route_node *made = turbo__arena_alloc(&router->arena, sizeof(*made));
    if (made == NULL) {
        return NULL;
    }
    memset(made, 0, sizeof(*made));
    made->parent = parent;
    made->label = label;
    made->oldest = SIZE_MAX;
    return made;
}

static int reserve_child(turbo__router *router, turbo__route_node *at)
{
    if (at->child_count < at->child_cap) {
        return 0;
    }
    size_t cap = at->child_cap > 0 ? at->child_cap * 2 : FIRST_CHILDREN;
    cap = cap < MAX_CHILDREN ? cap : MAX_CHILDREN;
    turbo__route_node **children = turbo__arena_alloc(&router->arena, cap * sizeof(*children));
    unsigned char *keys = turbo__arena_alloc(&router->arena, cap);
    if (children == NULL || keys == NULL) {
        return TURBO_ENOMEM;
    }
    if (at->child_count > 0) {
        memcpy(children, at->children, at->child_count * sizeof(*children));
        memcpy(keys, at->keys, at->child_count);
    }
    at->children = children;
    at->keys = keys;
    at->child_cap = cap;
    return 0;
}

/* Room was reserved. */
static void link_child(turbo__route_node *at, turbo__route_node *child)
{
    unsigned char key = (unsigned char)child->label.data[0];
    size_t place = turbo__router_key_place(at, key);
    size_t behind = at->child_count - place;
    memmove(at->keys + place + 1, at->keys + place, behind);
    memmove(at->children + place + 1, at->children + place, behind * sizeof(*at->children));
    at->keys[place] = key;
    at->children[place] = child;
    at->child_count++;
    child->parent = at;
}

/* Puts a node into the edge to `child`, `at` bytes down. */
static turbo__route_node *split_edge(turbo__router *router, turbo__route_node *child, size_t at)
{
    turbo__route_node *parent = child->parent;
    turbo__route_node *upper = new_node(router, parent, turbo__str_slice(child->label, 0, at));
    if (upper == NULL || reserve_child(router, upper) != 0) {
        return NULL;
    }
    parent->children[turbo__router_key_place(parent, (unsigned char)child->label.data[0])] = upper;
    child->label = turbo__str_slice(child->label, at, child->label.len);
    upper->oldest = child->oldest;
    link_child(upper, child);
    return upper;
}

static size_t common_prefix(turbo_str a, turbo_str b)
{
    size_t max = a.len < b.len ? a.len : b.len;
    size_t len = 0;
    while (len < max && a.data[len] == b.data[len]) {
        len++;
    }
    return len;
}

/* The node that `text` leads to from `at`; NULL when out of memory. */
static turbo__route_node *follow_literal(turbo__router *router, turbo__route_node *at,
                                         turbo_str text)
{
    while (text.len > 0) {
        turbo__route_node *child = turbo__router_find_child(at, text.data[0]);
        if (child == NULL) {
            child = reserve_child(router, at) == 0 ? new_node(router, at, text) : NULL;
            if (child != NULL) {
                link_child(at, child);
            }
            return child;
        }
        size_t common = common_prefix(child->label, text);
        if (common < child->label.len) {
            child = split_edge(router, child, common);
            if (child == NULL) {
                return NULL;
            }
        }
        text = turbo__str_slice(text, common, text.len);
        at = child;
    }
    return at;
}

static turbo__route_node *follow_param(turbo__router *router, turbo__route_node *at,
                                       turbo__convertor convertor)
{
    if (at->params[convertor] == NULL) {
        at->params[convertor] = new_node(router, at, TURBO_STR(""));
        at->has_params = at->has_params || at->params[convertor] != NULL;
    }
    return at->params[convertor];
}

static turbo__route_node *follow_pattern(turbo__router *router, const turbo__pattern *pattern)
{
    turbo__route_node *at = router->root;
    for (size_t i = 0; i < pattern->count && at != NULL; i++) {
        const turbo__piece *piece = &pattern->pieces[i];
        at = piece->is_param ? follow_param(router, at, piece->convertor)
                             : follow_literal(router, at, piece->text);
    }
    return at;
}

int turbo__router_new(turbo__router **out)
{
    turbo__router *router = turbo__calloc(1, sizeof(*router));
    if (router == NULL) {
        return TURBO_ENOMEM;
    }
    turbo__arena_init(&router->arena);
    size_t any;
    router->root = new_node(router, NULL, TURBO_STR(""));
    if (router->root == NULL || add_method(router, TURBO_STR("*"), &any) != 0) {
        turbo__router_free(router);
        return TURBO_ENOMEM;
    }
    *out = router;
    return 0;
}

void turbo__router_free(turbo__router *router)
{
    if (router == NULL) {
        return;
    }
    turbo__arena_clear(&router->arena);
    turbo__free(router->slots);
    turbo__free(router);
}

static int refuse_conflict(const turbo__router *router, const turbo__route_leaf *to,
                           const turbo__registration *reg)
{
    for (size_t i = 0; i < to->count; i++) {
        for (size_t k = 0; k < reg->method_count; k++) {
            if (to->items[i].method == reg->methods[k]) {
                turbo_str name = router->methods[reg->methods[k]];
                return turbo__error_set(TURBO_ECONFLICT,
                                        "%.*s \"%.160s\" is the same route as \"%.160s\", "
                                        "which was registered before",
                                        (int)(name.len < 64 ? name.len : 64), name.data,
                                        reg->pattern.source.data,
                                        to->items[i].reg->pattern.source.data);
            }
        }
    }
    return 0;
}

static int reserve_entries(turbo__router *router, turbo__route_leaf *to, size_t extra)
{
    void *items = to->items;
    int rc = turbo__router_reserve(&router->arena, &items, sizeof(turbo__route_entry), to->count,
                                   extra, &to->cap);
    to->items = items;
    return rc;
}

static void add_entries(turbo__route_leaf *to, const turbo__registration *reg)
{
    for (size_t i = 0; i < reg->method_count; i++) {
        turbo__route_entry *made = &to->items[to->count++];
        made->index = reg->index;
        made->method = reg->methods[i];
        made->reg = reg;
    }
}

/* The leaf of a pattern, made if it is the first of its kind. `*at` is its node, if it has one. */
static int find_leaf(turbo__router *router, const turbo__pattern *pattern, turbo__route_node **at,
                     turbo__route_leaf **out)
{
    *at = NULL;
    if (pattern->param_count == 0) {
        return literal_leaf(router, pattern->pieces[0].text, out);
    }
    *at = follow_pattern(router, pattern);
    if (*at == NULL) {
        return TURBO_ENOMEM;
    }
    *out = &(*at)->leaf;
    return 0;
}

int turbo__router_add_group(turbo__router *router, const char *const *methods, size_t count,
                            const char *pattern, void *route)
{
    if (methods == NULL || count == 0 || pattern == NULL || route == NULL) {
        return turbo__error_set(TURBO_EINVAL, "a route needs a method, a pattern and an object");
    }
    turbo__registration *reg;
    turbo__route_node *at;
    turbo__route_leaf *to;
    int rc = new_registration(router, methods, count, pattern, route, &reg);
    if (rc == 0) {
        rc = find_leaf(router, &reg->pattern, &at, &to);
    }
    if (rc == 0) {
        rc = refuse_conflict(router, to, reg);
    }
    if (rc == 0) {
        rc = reserve_entries(router, to, reg->method_count);
    }
    if (rc != 0) {
        return rc;
    }
    add_entries(to, reg);
    router->registered++;
    for (; at != NULL && at->oldest > reg->index; at = at->parent) {
        at->oldest = reg->index;
    }
    return 0;
}

int turbo__router_add(turbo__router *router, const char *method, const char *pattern, void *route)
{
    return turbo__router_add_group(router, &method, 1, pattern, route);
}
