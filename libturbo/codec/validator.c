/* SPDX-License-Identifier: MIT */
#include "codec/validator.h"

#include <stdlib.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "codec/json.h"
#include "codec/json_parse.h"
#include "codec/schema.h"
#include "codec/validator_error.h"
#include "codec/validator_memo.h"

/* Lives on the stack of turbo_schema_validate(). */
typedef struct validator {
    turbo_json *errors; /* NULL when nobody asked */
    unsigned silent;    /* > 0 while it is only tried whether a schema fits */
    size_t depth;       /* of the recursion */
    size_t nesting;     /* of the arrays and objects around the value */
    turbo__buf key;     /* scratch */
    turbo__memo memo;
} validator;

/* Every check of a value: 0, TURBO_EINVALID (reported unless silent), TURBO_ENOMEM, TURBO_ELIMIT.
 */
typedef int check_fn(validator *self, const turbo__schema_node *node, const turbo_json *value,
                     const turbo__place *at);

static int validate(validator *self, const turbo__schema_node *node, const turbo_json *value,
                    const turbo__place *at);

static bool reports(const validator *self)
{
    return self->errors != NULL && self->silent == 0;
}

/* Adds the outcome `rc` of one check to `result`. True when there is no use in going on: the answer
 * is known and no more errors are wanted, or something failed. */
static bool decided(const validator *self, int rc, int *result)
{
    if (rc == 0) {
        return false;
    }
    *result = rc;
    return rc != TURBO_EINVALID || !reports(self) ||
           turbo_json_size(self->errors) >= TURBO__VALIDATOR_ERRORS_MAX;
}

static int too_deep(void)
{
    return turbo__error_set(TURBO_ELIMIT, "the document is nested too deeply");
}

/* --- scalars --------------------------------------------------------------- */

/* The key of `value` at the end of the scratch buffer. */
static int append_key(validator *self, const turbo_json *value)
{
    int rc = turbo__json_key(&self->key, value);
    return rc == TURBO_EINVAL ? too_deep() : rc;
}

static int by_key(const void *a, const void *b)
{
    return turbo__schema_compare(*(const turbo_str *)a, *(const turbo_str *)b);
}

static int has_value(validator *self, const turbo__schema_values *values, const turbo_json *value,
                     bool *found)
{
    *found = false;
    if ((values->kinds & turbo__schema_kind(value)) == 0) {
        return 0; /* a large array need not be read to see that it is no string */
    }
    self->key.len = 0;
    int rc = append_key(self, value);
    if (rc == 0) {
        turbo_str key = turbo__buf_view(&self->key);
        *found = bsearch(&key, values->keys, values->count, sizeof(key), by_key) != NULL;
    }
    return rc;
}

static int check_value_list(validator *self, const turbo__schema_values *values, const char *type,
                            const turbo_json *value, const turbo__place *at)
{
    bool found = true;
    int rc = values != NULL ? has_value(self, values, value, &found) : 0;
    if (rc != 0 || found) {
        return rc;
    }
    return reports(self) ? turbo__invalid_values(self->errors, at, value, type, values)
                         : TURBO_EINVALID;
}

static int check_values(validator *self, const turbo__schema_node *node, const turbo_json *value,
                        const turbo__place *at)
{
    int rc = check_value_list(self, node->constant, "literal_error", value, at);
    return rc != 0 ? rc : check_value_list(self, node->choices, "enum", value, at);
}

static bool in_range(turbo__schema_range range, size_t size)
{
    return size >= range.min && size <= range.max;
}

static int check_string(validator *self, const turbo__schema_node *node, const turbo_json *value,
                        const turbo__place *at)
{
    turbo_str text = {NULL, 0};
    (void)turbo_json_get_string(value, &text); /* the kind was checked */
    turbo__schema_range range = node->length;
    if (range.min == 0 && text.len <= range.max) {
        return 0; /* no more characters than bytes: not worth counting */
    }
    size_t length = turbo__utf8_length(text);
    if (in_range(range, length)) {
        return 0;
    }
    bool least = length < range.min;
    return reports(self) ? turbo__invalid_length(self->errors, at, value, least,
                                                 least ? range.min : range.max)
                         : TURBO_EINVALID;
}

/* Below 0, 0 or above, as `value` is less than, equal to or greater than `bound`. */
static int compare(const turbo_json *value, const turbo__schema_number *bound)
{
    int64_t whole = 0;
    double real = 0;
    if (turbo_json_typeof(value) == TURBO_JSON_INT) {
        (void)turbo_json_get_int(value, &whole); /* the type was checked, here and below */
        if (bound->is_int) {
            return whole < bound->integer ? -1 : whole > bound->integer;
        }
        return turbo__number_compare(whole, bound->real);
    }
    (void)turbo_json_get_real(value, &real);
    if (bound->is_int) {
        return -turbo__number_compare(bound->integer, real);
    }
    return real < bound->real ? -1 : real > bound->real;
}

static bool is_multiple(const turbo_json *value, const turbo__schema_numeric *numeric)
{
    int64_t whole = 0;
    double real = 0;
    if (turbo_json_typeof(value) == TURBO_JSON_INT) {
        (void)turbo_json_get_int(value, &whole); /* the type was checked, here and below */
        return turbo__decimal_multiple(turbo__decimal_from_int(whole), numeric->multiple_decimal);
    }
    (void)turbo_json_get_real(value, &real);
    return turbo__decimal_multiple(turbo__decimal_from_real(real), numeric->multiple_decimal);
}

/* The first bound that `value` breaks is the one that is reported, in pydantic's order. */
static int check_number(validator *self, const turbo__schema_node *node, const turbo_json *value,
                        const turbo__place *at)
{
    const turbo__schema_numeric *numeric = node->numeric;
    if (numeric == NULL) {
        return 0;
    }
    const struct {
        const turbo__schema_number *bound;
        bool broken;
        const char *type;
        const char *relation;
        const char *name;
    } bounds[] = {
        {numeric->multiple_of, numeric->multiple_of != NULL && !is_multiple(value, numeric),
         "multiple_of", "a multiple of", "multiple_of"},
        {numeric->maximum, numeric->maximum != NULL && compare(value, numeric->maximum) > 0,
         "less_than_equal", "less than or equal to", "le"},
        {numeric->exclusive_maximum,
         numeric->exclusive_maximum != NULL && compare(value, numeric->exclusive_maximum) >= 0,
         "less_than", "less than", "lt"},
        {numeric->minimum, numeric->minimum != NULL && compare(value, numeric->minimum) < 0,
         "greater_than_equal", "greater than or equal to", "ge"},
        {numeric->exclusive_minimum,
         numeric->exclusive_minimum != NULL && compare(value, numeric->exclusive_minimum) <= 0,
         "greater_than", "greater than", "gt"},
    };
    for (size_t i = 0; i < sizeof(bounds) / sizeof(bounds[0]); i++) {
        if (bounds[i].broken) {
            return reports(self)
                       ? turbo__invalid_number(self->errors, at, value, node, bounds[i].type,
                                               bounds[i].relation, bounds[i].name, bounds[i].bound)
                       : TURBO_EINVALID;
        }
    }
    return 0;
}

/* --- arrays ---------------------------------------------------------------- */

static int check_count(validator *self, turbo__schema_range range, const char *what,
                       const turbo_json *value, const turbo__place *at)
{
    size_t size = turbo_json_size(value);
    if (in_range(range, size)) {
        return 0;
    }
    bool least = size < range.min;
    return reports(self) ? turbo__invalid_count(self->errors, at, value, what, least,
                                                least ? range.min : range.max)
                         : TURBO_EINVALID;
}

/* Fills `keys` for all elements, one behind the other in the scratch buffer. */
static int make_keys(validator *self, const turbo_json *array, turbo_str *keys, size_t size)
{
    self->key.len = 0;
    for (size_t i = 0; i < size; i++) {
        turbo_json *element = NULL;
        (void)turbo_json_at(array, i, &element); /* in range */
        size_t before = self->key.len;
        int rc = append_key(self, element);
        if (rc != 0) {
            return rc;
        }
        keys[i].len = self->key.len - before;
    }
    const char *data = self->key.data; /* does not move any more */
    for (size_t i = 0; i < size; i++) {
        keys[i].data = data;
        data += keys[i].len;
    }
    return 0;
}

static bool has_equal_neighbours(const turbo_str *keys, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        if (turbo_str_equal(keys[i - 1], keys[i])) {
            return true;
        }
    }
    return false;
}

/* By sorting: a peer cannot make that quadratic, as it could a hash table whose seed it learns. */
static int check_unique(validator *self, const turbo__schema_node *node, const turbo_json *value,
                        const turbo__place *at)
{
    size_t size = turbo_json_size(value);
    if (!node->unique_items || size < 2) {
        return 0;
    }
    turbo_str *keys = turbo__calloc(size, sizeof(*keys));
    if (keys == NULL) {
        return TURBO_ENOMEM;
    }
    int rc = make_keys(self, value, keys, size);
    if (rc == 0) {
        qsort(keys, size, sizeof(*keys), by_key);
        rc = has_equal_neighbours(keys, size) ? TURBO_EINVALID : 0;
    }
    turbo__free(keys);
    if (rc != TURBO_EINVALID || !reports(self)) {
        return rc;
    }
    return turbo__invalid_plain(self->errors, at, value, "unique_items",
                                "List items should be unique");
}

static int check_elements(validator *self, const turbo__schema_node *node, const turbo_json *value,
                          const turbo__place *at)
{
    int result = 0;
    size_t size = turbo_json_size(value);
    size_t count = node->items != NULL || size < node->prefix.count ? size : node->prefix.count;
    for (size_t i = 0; i < count; i++) {
        turbo_json *element = NULL;
        (void)turbo_json_at(value, i, &element); /* in range */
        const turbo__schema_node *item =
            i < node->prefix.count ? node->prefix.nodes[i] : node->items;
        turbo__place below = {at, {NULL, 0}, i};
        if (decided(self, validate(self, item, element, &below), &result)) {
            break;
        }
    }
    return result;
}

/* An array of wrong size is not looked into, so that a huge one costs nothing. */
static int check_array(validator *self, const turbo__schema_node *node, const turbo_json *value,
                       const turbo__place *at)
{
    int result = check_count(self, node->items_count, "List", value, at);
    if (result == 0 && node->items != NULL && node->items->kinds == 0) {
        turbo__schema_range closed = {0, node->prefix.count};
        result = check_count(self, closed, node->prefix.count > 0 ? "Tuple" : "List", value, at);
    }
    if (result != 0) {
        return result;
    }
    if (!decided(self, check_unique(self, node, value, at), &result)) {
        (void)decided(self, check_elements(self, node, value, at), &result); /* the last check */
    }
    return result;
}

/* --- objects --------------------------------------------------------------- */

static const turbo__schema_node *find_property(const turbo__schema_node *node, turbo_str name)
{
    size_t low = 0;
    size_t high = node->property_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = turbo__schema_compare(name, node->properties[middle].name);
        if (order == 0) {
            return node->properties[middle].node;
        }
        if (order < 0) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return NULL;
}

static int check_member(validator *self, const turbo__schema_node *node, const turbo_json *value,
                        const turbo__place *at)
{
    const turbo__schema_node *schema = find_property(node, at->name);
    if (schema != NULL) {
        return validate(self, schema, value, at);
    }
    if (node->additional == NULL) {
        return 0;
    }
    if (node->additional->kinds != 0) {
        return validate(self, node->additional, value, at);
    }
    return reports(self) ? turbo__invalid_plain(self->errors, at, value, "extra_forbidden",
                                                "Extra inputs are not permitted")
                         : TURBO_EINVALID;
}

static int check_members(validator *self, const turbo__schema_node *node, const turbo_json *value,
                         const turbo__place *at)
{
    int result = 0;
    if (node->property_count == 0 && node->additional == NULL) {
        return 0;
    }
    void *cursor = NULL;
    turbo__place below = {at, {NULL, 0}, 0};
    turbo_json *member;
    while (turbo_json_next(value, &cursor, &below.name, &member)) {
        if (decided(self, check_member(self, node, member, &below), &result)) {
            break;
        }
    }
    return result;
}

static int check_required(validator *self, const turbo__schema_node *node, const turbo_json *value,
                          const turbo__place *at)
{
    int result = 0;
    for (size_t i = 0; i < node->required_count; i++) {
        turbo_json *unused;
        int rc = 0;
        if (turbo_json_member(value, node->required[i], &unused) != 0) {
            turbo__place below = {at, node->required[i], 0};
            rc = reports(self) ? turbo__invalid_plain(self->errors, &below, value, "missing",
                                                      "Field required")
                               : TURBO_EINVALID;
        }
        if (decided(self, rc, &result)) {
            break;
        }
    }
    return result;
}

/* Errors come in the order of the document, then what is missing. When only the answer counts, what
 * is missing is the cheaper question. */
static int check_object(validator *self, const turbo__schema_node *node, const turbo_json *value,
                        const turbo__place *at)
{
    int result = check_count(self, node->members_count, "Dictionary", value, at);
    if (result != 0) {
        return result;
    }
    check_fn *first = reports(self) ? check_members : check_required;
    check_fn *second = reports(self) ? check_required : check_members;
    if (!decided(self, first(self, node, value, at), &result)) {
        (void)decided(self, second(self, node, value, at), &result); /* the last check */
    }
    return result;
}

/* --- schemas for the same value -------------------------------------------- */

/* Whether the value satisfies `node`, without a word. */
static int try(validator *self, const turbo__schema_node *node, const turbo_json *value,
               const turbo__place *at)
{
    self->silent++;
    int rc = validate(self, node, value, at);
    self->silent--;
    return rc;
}

static bool only_null(const turbo__schema_node *node)
{
    return node->kinds == TURBO__KIND_NULL;
}

/* The errors of every branch, each behind the branch's name. A branch that is only null is left
 * out; if one is left, its errors are those of the value itself: pydantic's form for `T | None`. */
static int report_branches(validator *self, const turbo__schema_list *branches,
                           const turbo_json *value, const turbo__place *at)
{
    size_t count = 0;
    for (size_t i = 0; i < branches->count; i++) {
        count += !only_null(branches->nodes[i]);
    }
    bool all = count == 0;
    bool named = (all ? branches->count : count) > 1;
    int result = TURBO_EINVALID;
    for (size_t i = 0; i < branches->count; i++) {
        const turbo__schema_node *branch = branches->nodes[i];
        if (!all && only_null(branch)) {
            continue;
        }
        turbo__place below = {at, turbo__invalid_label(branch), i};
        if (below.name.len == 0) {
            below.name.data = NULL;
        }
        if (decided(self, validate(self, branch, value, named ? &below : at), &result)) {
            break;
        }
    }
    return result;
}

static int check_all_of(validator *self, const turbo__schema_node *node, const turbo_json *value,
                        const turbo__place *at)
{
    int result = 0;
    for (size_t i = 0; i < node->all_of.count; i++) {
        if (decided(self, validate(self, node->all_of.nodes[i], value, at), &result)) {
            break;
        }
    }
    return result;
}

static int check_any_of(validator *self, const turbo__schema_node *node, const turbo_json *value,
                        const turbo__place *at)
{
    for (size_t i = 0; i < node->any_of.count; i++) {
        int rc = try(self, node->any_of.nodes[i], value, at);
        if (rc != TURBO_EINVALID) {
            return rc;
        }
    }
    if (node->any_of.count == 0) {
        return 0;
    }
    return reports(self) ? report_branches(self, &node->any_of, value, at) : TURBO_EINVALID;
}

static int check_one_of(validator *self, const turbo__schema_node *node, const turbo_json *value,
                        const turbo__place *at)
{
    size_t matched = 0;
    for (size_t i = 0; i < node->one_of.count; i++) {
        int rc = try(self, node->one_of.nodes[i], value, at);
        if (rc != 0 && rc != TURBO_EINVALID) {
            return rc;
        }
        matched += rc == 0;
    }
    if (matched == 1 || node->one_of.count == 0) {
        return 0;
    }
    if (!reports(self)) {
        return TURBO_EINVALID;
    }
    return matched == 0 ? report_branches(self, &node->one_of, value, at)
                        : turbo__invalid_one_of(self->errors, at, value, matched);
}

static int check_excluded(validator *self, const turbo__schema_node *node, const turbo_json *value,
                          const turbo__place *at)
{
    if (node->excluded == NULL) {
        return 0;
    }
    int rc = try(self, node->excluded, value, at);
    if (rc != 0) {
        return rc == TURBO_EINVALID ? 0 : rc;
    }
    return reports(self) ? turbo__invalid_plain(self->errors, at, value, "not",
                                                "Input should not match the excluded schema")
                         : TURBO_EINVALID;
}

static int check_ref(validator *self, const turbo__schema_node *node, const turbo_json *value,
                     const turbo__place *at)
{
    return node->ref != NULL ? validate(self, node->ref, value, at) : 0;
}

/* --- a value --------------------------------------------------------------- */

static int check_container(validator *self, const turbo__schema_node *node, unsigned kind,
                           const turbo_json *value, const turbo__place *at)
{
    if (self->nesting == TURBO__JSON_DEPTH_MAX) {
        return too_deep();
    }
    self->nesting++;
    int rc = kind == TURBO__KIND_ARRAY ? check_array(self, node, value, at)
                                       : check_object(self, node, value, at);
    self->nesting--;
    return rc;
}

static int check_own(validator *self, const turbo__schema_node *node, unsigned kind,
                     const turbo_json *value, const turbo__place *at)
{
    if ((kind & TURBO__KIND_CONTAINER) != 0) {
        return check_container(self, node, kind, value, at);
    }
    if (kind == TURBO__KIND_STRING) {
        return check_string(self, node, value, at);
    }
    return (kind & TURBO__KIND_NUMBER) != 0 ? check_number(self, node, value, at) : 0;
}

/* A value that is none of the allowed ones or of a wrong type is told just that, as by pydantic. */
static int check(validator *self, const turbo__schema_node *node, unsigned kind,
                 const turbo_json *value, const turbo__place *at)
{
    static check_fn *const combined[] = {check_ref, check_all_of, check_any_of, check_one_of,
                                         check_excluded};
    int result = check_values(self, node, value, at);
    if (result == 0 && (node->kinds & kind) == 0) {
        result =
            reports(self) ? turbo__invalid_kind(self->errors, at, value, node) : TURBO_EINVALID;
    }
    if (result != 0 || decided(self, check_own(self, node, kind, value, at), &result)) {
        return result;
    }
    for (size_t i = 0; i < sizeof(combined) / sizeof(combined[0]); i++) {
        if (decided(self, combined[i](self, node, value, at), &result)) {
            break;
        }
    }
    return result;
}

/* In a recursive schema the same question may be asked along exponentially many ways. It is worked
 * out at most twice: once for the answer and once for its errors, which are reported at the first
 * place. */
static int validate(validator *self, const turbo__schema_node *node, const turbo_json *value,
                    const turbo__place *at)
{
    unsigned kind = turbo__schema_kind(value);
    bool remember = node->shared && (kind & TURBO__KIND_CONTAINER) != 0;
    const turbo__memo_entry *known = remember ? turbo__memo_get(&self->memo, node, value) : NULL;
    if (known != NULL && (known->valid || known->reported || !reports(self))) {
        return known->valid ? 0 : TURBO_EINVALID;
    }
    if (self->depth == TURBO__VALIDATOR_DEPTH_MAX) {
        return too_deep();
    }
    self->depth++;
    int rc = check(self, node, kind, value, at);
    self->depth--;
    if (remember && (rc == 0 || rc == TURBO_EINVALID)) {
        int failed = turbo__memo_put(&self->memo, node, value, rc == 0, reports(self));
        rc = failed != 0 ? failed : rc;
    }
    return rc;
}

int turbo_schema_validate(const turbo_schema *schema, const turbo_json *document,
                          turbo_json **errors)
{
    validator self;
    memset(&self, 0, sizeof(self));
    turbo__buf_init(&self.key, SIZE_MAX); /* bounded by the document */
    int rc = errors != NULL ? turbo_json_new_array(&self.errors) : 0;
    if (rc == 0) {
        const turbo__place root = {NULL, {NULL, 0}, 0};
        rc = validate(&self, schema->root, document, &root);
    }
    turbo__buf_clear(&self.key);
    turbo__memo_clear(&self.memo);
    if (rc == TURBO_EINVALID) {
        if (errors != NULL) {
            *errors = self.errors;
        }
        return turbo__error_set(rc, "the document does not satisfy the schema");
    }
    turbo_json_unref(self.errors);
    return rc;
}
