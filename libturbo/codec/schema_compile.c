/* SPDX-License-Identifier: MIT */
#include "codec/schema.h"

#include <stdlib.h>

#include "base/error.h"
#include "base/mem.h"
#include "codec/schema_ref.h"

/*
 * JSON Schema 2020-12 to nodes. First every schema of the document is compiled, then references are
 * looked up among them. A keyword that is not in the table is an error: ignoring one would accept
 * what its author meant to refuse.
 */

/* The way to a value, on the stack of the functions that lead to it. */
typedef struct path {
    const struct path *up; /* NULL at the root */
    turbo_str name;
} path;

/* Lives on the stack of turbo_schema_compile(). */
typedef struct compiler {
    turbo_schema *schema;
    turbo__schema_refs refs;
} compiler;

static int compile_node(compiler *self, const turbo_json *json, const path *at,
                        turbo__schema_node **out);

static char *put_before(char *to, const char *limit, char c)
{
    if (to > limit) {
        *--to = c;
    }
    return to;
}

/* A token of a JSON pointer, escaped (RFC 6901 §3). */
static char *put_token_before(char *to, const char *limit, turbo_str token)
{
    for (size_t i = token.len; i-- > 0;) {
        char c = token.data[i];
        bool special = c == '~' || c == '/';
        to = put_before(to, limit, special ? (c == '~' ? '0' : '1') : c);
        to = special ? put_before(to, limit, '~') : to;
    }
    return put_before(to, limit, '/');
}

/* The message names the place by its JSON pointer (its end, when it is very long). */
static int fail(const path *at, const char *what)
{
    char pointer[256];
    char *end = pointer + sizeof(pointer) - 1;
    char *start = end;
    *end = '\0';
    for (; at->up != NULL; at = at->up) {
        start = put_token_before(start, pointer, at->name);
    }
    start = put_before(start, pointer, '#');
    return turbo__error_set(TURBO_ESCHEMA, "%s: %s", start, what);
}

static void *allocate(compiler *self, size_t count, size_t size)
{
    size_t total;
    if (!turbo__size_mul(count, size, &total)) {
        return NULL;
    }
    void *ptr = turbo__arena_alloc(&self->schema->arena, total);
    if (ptr != NULL) {
        memset(ptr, 0, total);
    }
    return ptr;
}

static int copy_string(compiler *self, const turbo_json *json, const path *at, turbo_str *out)
{
    turbo_str text;
    if (turbo_json_get_string(json, &text) != 0) {
        return fail(at, "must be a string");
    }
    return turbo__arena_copy(&self->schema->arena, text, out);
}

/* --- assertions ------------------------------------------------------------ */

typedef int keyword_fn(compiler *self, turbo__schema_node *node, const turbo_json *value,
                       const path *at);

static int add_type(unsigned *kinds, const turbo_json *json, const path *at)
{
    static const struct {
        const char *name;
        unsigned kinds;
    } types[] = {
        {"null", TURBO__KIND_NULL},       {"boolean", TURBO__KIND_BOOL},
        {"integer", TURBO__KIND_INTEGER}, {"number", TURBO__KIND_NUMBER},
        {"string", TURBO__KIND_STRING},   {"array", TURBO__KIND_ARRAY},
        {"object", TURBO__KIND_OBJECT},
    };
    turbo_str name;
    if (turbo_json_get_string(json, &name) != 0) {
        return fail(at, "must be the name of a type or an array of them");
    }
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        if (turbo_str_equal(name, turbo_cstr(types[i].name))) {
            *kinds |= types[i].kinds;
            return 0;
        }
    }
    return fail(at, "is not the name of a type");
}

static int compile_type(compiler *self, turbo__schema_node *node, const turbo_json *value,
                        const path *at)
{
    (void)self; /* the signature of all keywords */
    unsigned kinds = 0;
    if (turbo_json_typeof(value) != TURBO_JSON_ARRAY) {
        int rc = add_type(&kinds, value, at);
        node->kinds &= rc == 0 ? kinds : TURBO__KIND_ANY;
        return rc;
    }
    size_t count = turbo_json_size(value);
    if (count == 0) {
        return fail(at, "must not be empty");
    }
    for (size_t i = 0; i < count; i++) {
        turbo_json *type = NULL;
        (void)turbo_json_at(value, i, &type); /* in range */
        int rc = add_type(&kinds, type, at);
        if (rc != 0) {
            return rc;
        }
    }
    node->kinds &= kinds;
    return 0;
}

static int compile_enum(compiler *self, turbo__schema_node *node, const turbo_json *value,
                        const path *at)
{
    if (turbo_json_typeof(value) != TURBO_JSON_ARRAY) {
        return fail(at, "must be an array");
    }
    return turbo__schema_values_new(self->schema, value, true, &node->choices);
}

static int compile_const(compiler *self, turbo__schema_node *node, const turbo_json *value,
                         const path *at)
{
    (void)at; /* the signature of all keywords */
    return turbo__schema_values_new(self->schema, value, false, &node->constant);
}

static int read_number(compiler *self, turbo__schema_node *node, const turbo_json *value,
                       const path *at, turbo__schema_number **out)
{
    turbo_json_type type = turbo_json_typeof(value);
    if (type != TURBO_JSON_INT && type != TURBO_JSON_REAL) {
        return fail(at, "must be a number");
    }
    if (node->numeric == NULL) {
        node->numeric = allocate(self, 1, sizeof(*node->numeric));
    }
    turbo__schema_number *number = allocate(self, 1, sizeof(*number));
    if (node->numeric == NULL || number == NULL) {
        return TURBO_ENOMEM;
    }
    number->is_int = type == TURBO_JSON_INT;
    (void)(number->is_int ? turbo_json_get_int(value, &number->integer)
                          : turbo_json_get_real(value, &number->real)); /* the type was checked */
    *out = number;
    return 0;
}

#define NUMERIC_KEYWORD(member)                                                                    \
    static int compile_##member(compiler *self, turbo__schema_node *node, const turbo_json *value, \
                                const path *at)                                                    \
    {                                                                                              \
        turbo__schema_number *number = NULL;                                                       \
        int rc = read_number(self, node, value, at, &number);                                      \
        if (rc == 0) {                                                                             \
            node->numeric->member = number;                                                        \
        }                                                                                          \
        return rc;                                                                                 \
    }

NUMERIC_KEYWORD(minimum)
NUMERIC_KEYWORD(maximum)
NUMERIC_KEYWORD(exclusive_minimum)
NUMERIC_KEYWORD(exclusive_maximum)

static int compile_multiple_of(compiler *self, turbo__schema_node *node, const turbo_json *value,
                               const path *at)
{
    turbo__schema_number *number = NULL;
    int rc = read_number(self, node, value, at, &number);
    if (rc != 0) {
        return rc;
    }
    if (number->is_int ? number->integer <= 0 : number->real <= 0) {
        return fail(at, "must be greater than 0");
    }
    node->numeric->multiple_of = number;
    node->numeric->multiple_decimal = number->is_int ? turbo__decimal_from_int(number->integer)
                                                     : turbo__decimal_from_real(number->real);
    return 0;
}

static int read_size(const turbo_json *value, const path *at, size_t *out)
{
    int64_t whole = 0;
    double real = 0;
    bool valid = turbo_json_typeof(value) == TURBO_JSON_INT
                     ? turbo_json_get_int(value, &whole) == 0
                     : turbo_json_get_real(value, &real) == 0 && turbo__number_is_int(real, &whole);
    if (!valid || whole < 0 || (uint64_t)whole > SIZE_MAX) {
        return fail(at, "must be an integer that is not negative");
    }
    *out = (size_t)whole;
    return 0;
}

#define SIZE_KEYWORD(name, member)                                                                 \
    static int compile_##name(compiler *self, turbo__schema_node *node, const turbo_json *value,   \
                              const path *at)                                                      \
    {                                                                                              \
        (void)self; /* the signature of all keywords */                                            \
        return read_size(value, at, &node->member);                                                \
    }

SIZE_KEYWORD(min_length, length.min)
SIZE_KEYWORD(max_length, length.max)
SIZE_KEYWORD(min_items, items_count.min)
SIZE_KEYWORD(max_items, items_count.max)
SIZE_KEYWORD(min_properties, members_count.min)
SIZE_KEYWORD(max_properties, members_count.max)

static int compile_unique_items(compiler *self, turbo__schema_node *node, const turbo_json *value,
                                const path *at)
{
    (void)self; /* the signature of all keywords */
    return turbo_json_get_bool(value, &node->unique_items) == 0 ? 0 : fail(at, "must be a boolean");
}

static int compile_required(compiler *self, turbo__schema_node *node, const turbo_json *value,
                            const path *at)
{
    if (turbo_json_typeof(value) != TURBO_JSON_ARRAY) {
        return fail(at, "must be an array of strings");
    }
    size_t count = turbo_json_size(value);
    turbo_str *names = allocate(self, count, sizeof(*names));
    if (names == NULL) {
        return TURBO_ENOMEM;
    }
    for (size_t i = 0; i < count; i++) {
        turbo_json *name = NULL;
        (void)turbo_json_at(value, i, &name); /* in range */
        int rc = copy_string(self, name, at, &names[i]);
        if (rc != 0) {
            return rc;
        }
    }
    node->required = names;
    node->required_count = count;
    return 0;
}

/* --- subschemas ------------------------------------------------------------ */

static int compile_properties(compiler *self, turbo__schema_node *node, const turbo_json *value,
                              const path *at)
{
    if (turbo_json_typeof(value) != TURBO_JSON_OBJECT) {
        return fail(at, "must be an object of schemas");
    }
    size_t count = turbo_json_size(value);
    node->properties = allocate(self, count, sizeof(*node->properties));
    if (node->properties == NULL) {
        return TURBO_ENOMEM;
    }
    void *cursor = NULL;
    path below = {at, {NULL, 0}};
    turbo_json *schema;
    while (node->property_count < count && turbo_json_next(value, &cursor, &below.name, &schema)) {
        turbo__schema_property *property = &node->properties[node->property_count];
        int rc = turbo__arena_copy(&self->schema->arena, below.name, &property->name);
        rc = rc == 0 ? compile_node(self, schema, &below, &property->node) : rc;
        if (rc != 0) {
            return rc;
        }
        node->property_count++;
    }
    return 0;
}

/* Schemas under $defs are only there to be referred to. */
static int compile_defs(compiler *self, turbo__schema_node *node, const turbo_json *value,
                        const path *at)
{
    (void)node; /* the signature of all keywords */
    if (turbo_json_typeof(value) != TURBO_JSON_OBJECT) {
        return fail(at, "must be an object of schemas");
    }
    void *cursor = NULL;
    path below = {at, {NULL, 0}};
    turbo_json *schema;
    while (turbo_json_next(value, &cursor, &below.name, &schema)) {
        turbo__schema_node *unused;
        int rc = compile_node(self, schema, &below, &unused);
        if (rc != 0) {
            return rc;
        }
    }
    return 0;
}

static turbo_str index_name(size_t index, char *out, size_t size)
{
    char *start = out + size;
    do {
        *--start = (char)('0' + index % 10);
        index /= 10;
    } while (index > 0);
    turbo_str name = {start, (size_t)(out + size - start)};
    return name;
}

static int compile_list(compiler *self, const turbo_json *value, const path *at,
                        turbo__schema_list *out)
{
    if (turbo_json_typeof(value) != TURBO_JSON_ARRAY || turbo_json_size(value) == 0) {
        return fail(at, "must be an array of schemas that is not empty");
    }
    size_t count = turbo_json_size(value);
    out->nodes = allocate(self, count, sizeof(turbo__schema_node *));
    if (out->nodes == NULL) {
        return TURBO_ENOMEM;
    }
    for (size_t i = 0; i < count; i++) {
        char digits[24];
        path below = {at, index_name(i, digits, sizeof(digits))};
        turbo_json *schema = NULL;
        (void)turbo_json_at(value, i, &schema); /* in range */
        int rc = compile_node(self, schema, &below, &out->nodes[i]);
        if (rc != 0) {
            return rc;
        }
        out->count++;
    }
    return 0;
}

#define LIST_KEYWORD(member)                                                                       \
    static int compile_##member(compiler *self, turbo__schema_node *node, const turbo_json *value, \
                                const path *at)                                                    \
    {                                                                                              \
        return compile_list(self, value, at, &node->member);                                       \
    }

LIST_KEYWORD(prefix)
LIST_KEYWORD(all_of)
LIST_KEYWORD(any_of)
LIST_KEYWORD(one_of)

#define NODE_KEYWORD(member)                                                                       \
    static int compile_##member(compiler *self, turbo__schema_node *node, const turbo_json *value, \
                                const path *at)                                                    \
    {                                                                                              \
        return compile_node(self, value, at, &node->member);                                       \
    }

NODE_KEYWORD(additional)
NODE_KEYWORD(items)
NODE_KEYWORD(excluded)

static int compile_ref(compiler *self, turbo__schema_node *node, const turbo_json *value,
                       const path *at)
{
    turbo_str target;
    if (turbo_json_get_string(value, &target) != 0) {
        return fail(at, "must be a string");
    }
    return turbo__schema_refs_add(&self->refs, node, target);
}

/* --- annotations ----------------------------------------------------------- */

static int compile_nothing(compiler *self, turbo__schema_node *node, const turbo_json *value,
                           const path *at)
{
    (void)self; /* the signature of all keywords */
    (void)node;
    (void)value;
    (void)at;
    return 0;
}

static int compile_title(compiler *self, turbo__schema_node *node, const turbo_json *value,
                         const path *at)
{
    return copy_string(self, value, at, &node->title);
}

/* Older drafts give some of the same keywords another meaning. */
static int compile_dialect(compiler *self, turbo__schema_node *node, const turbo_json *value,
                           const path *at)
{
    (void)self; /* the signature of all keywords */
    (void)node;
    turbo_str name;
    if (turbo_json_get_string(value, &name) == 0 &&
        (turbo_str_equal(name, TURBO_STR("https://json-schema.org/draft/2020-12/schema")) ||
         turbo_str_equal(name, TURBO_STR("https://json-schema.org/draft/2020-12/schema#")))) {
        return 0;
    }
    return fail(at, "is not the dialect https://json-schema.org/draft/2020-12/schema");
}

/* An identifier below the root would start a document of its own, with its own references. */
static int compile_id(compiler *self, turbo__schema_node *node, const turbo_json *value,
                      const path *at)
{
    (void)node; /* the signature of all keywords */
    turbo_str id;
    if (turbo_json_get_string(value, &id) != 0) {
        return fail(at, "must be a string");
    }
    if (at->up->up != NULL) {
        return fail(at, "is supported at the root only");
    }
    self->refs.id = id;
    return 0;
}

/* --- a schema -------------------------------------------------------------- */

static keyword_fn *find_keyword(turbo_str name)
{
    static const struct {
        const char *name;
        keyword_fn *compile;
    } keywords[] = {
        {"$comment", compile_nothing},
        {"$defs", compile_defs},
        {"$id", compile_id},
        {"$ref", compile_ref},
        {"$schema", compile_dialect},
        {"additionalProperties", compile_additional},
        {"allOf", compile_all_of},
        {"anyOf", compile_any_of},
        {"const", compile_const},
        {"default", compile_nothing},
        {"deprecated", compile_nothing},
        {"description", compile_nothing},
        {"enum", compile_enum},
        {"examples", compile_nothing},
        {"exclusiveMaximum", compile_exclusive_maximum},
        {"exclusiveMinimum", compile_exclusive_minimum},
        {"format", compile_nothing},
        {"items", compile_items},
        {"maxItems", compile_max_items},
        {"maxLength", compile_max_length},
        {"maxProperties", compile_max_properties},
        {"maximum", compile_maximum},
        {"minItems", compile_min_items},
        {"minLength", compile_min_length},
        {"minProperties", compile_min_properties},
        {"minimum", compile_minimum},
        {"multipleOf", compile_multiple_of},
        {"not", compile_excluded},
        {"oneOf", compile_one_of},
        {"prefixItems", compile_prefix},
        {"properties", compile_properties},
        {"readOnly", compile_nothing},
        {"required", compile_required},
        {"title", compile_title},
        {"type", compile_type},
        {"uniqueItems", compile_unique_items},
        {"writeOnly", compile_nothing},
    };
    for (size_t i = 0; i < sizeof(keywords) / sizeof(keywords[0]); i++) {
        if (turbo_str_equal(name, turbo_cstr(keywords[i].name))) {
            return keywords[i].compile;
        }
    }
    return NULL;
}

static int compile_keywords(compiler *self, turbo__schema_node *node, const turbo_json *json,
                            const path *at)
{
    void *cursor = NULL;
    path below = {at, {NULL, 0}};
    turbo_json *value;
    while (turbo_json_next(json, &cursor, &below.name, &value)) {
        keyword_fn *compile = find_keyword(below.name);
        if (compile == NULL) {
            return fail(&below, "is not a supported keyword");
        }
        int rc = compile(self, node, value, &below);
        if (rc != 0) {
            return rc;
        }
    }
    return 0;
}

/* Recurses as deep as the schema is nested, hence at most TURBO__JSON_DEPTH_MAX. */
static int compile_node(compiler *self, const turbo_json *json, const path *at,
                        turbo__schema_node **out)
{
    bool accept = true;
    turbo_json_type type = turbo_json_typeof(json);
    if (type != TURBO_JSON_OBJECT && turbo_json_get_bool(json, &accept) != 0) {
        return fail(at, "must be a schema: an object or a boolean");
    }
    turbo__schema_node *node = turbo__schema_node_new(self->schema);
    if (node == NULL) {
        return TURBO_ENOMEM;
    }
    int rc = turbo__schema_refs_target(&self->refs, json, node);
    if (rc != 0) {
        return rc;
    }
    if (!accept) {
        node->kinds = 0;
    }
    *out = node;
    return type == TURBO_JSON_OBJECT ? compile_keywords(self, node, json, at) : 0;
}

static int compile_document(compiler *self, const turbo_json *document)
{
    const path root = {NULL, {NULL, 0}};
    int rc = compile_node(self, document, &root, &self->schema->root);
    rc = rc == 0 ? turbo__schema_refs_resolve(&self->refs, document) : rc;
    return rc == 0 ? turbo__schema_finish(self->schema) : rc;
}

int turbo_schema_compile(turbo_str document, turbo_schema **out)
{
    turbo_json *json;
    int rc = turbo_json_parse(document, &json, NULL);
    if (rc != 0) {
        return rc;
    }
    compiler self;
    memset(&self, 0, sizeof(self));
    rc = turbo__schema_new(&self.schema);
    if (rc == 0) {
        self.refs.arena = &self.schema->arena;
        rc = compile_document(&self, json);
        turbo__schema_refs_clear(&self.refs);
        if (rc == 0) {
            *out = self.schema;
        } else {
            turbo_schema_unref(self.schema);
        }
    }
    turbo_json_unref(json);
    return rc;
}
