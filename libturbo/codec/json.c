/* SPDX-License-Identifier: MIT */
#include "codec/json.h"

#include <math.h>
#include <stdint.h>

#include <jansson.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "codec/json_parse.h"
#include "codec/json_write.h"

/*
 * Jansson keeps the values: reference counts, arrays, and hash tables in insertion order, seeded
 * from /dev/urandom when the first one is made. A turbo_json * is a json_t *. Parsing and writing
 * are our own: jansson refuses NUL in names, nests to 2,048, goes through the locale for reals and
 * writes 17 digits of each.
 *
 * Jansson's memory comes from its own allocator, process-wide state that belongs to the application
 * (json_set_alloc_funcs), so it is left alone here. A test that wants jansson's allocations to fail
 * is an application and sets it to turbo__alloc.
 */

#if !JSON_HAVE_ATOMIC_BUILTINS
#error "jansson was built without atomic reference counts; turbo_json is read by many threads"
#endif

static turbo_json *wrap(json_t *json)
{
    return (turbo_json *)json;
}

/* Jansson's readers take pointers to non-const without changing anything. */
static json_t *unwrap(const turbo_json *json)
{
    return (json_t *)(uintptr_t)json;
}

static int out_of_memory(void)
{
    return turbo__error_set(TURBO_ENOMEM, "out of memory");
}

static int wrong_type(const turbo_json *json, const char *wanted)
{
    static const char *const names[] = {"null",   "boolean", "integer", "real",
                                        "string", "array",   "object"};
    return turbo__error_set(TURBO_ETYPE, "JSON value is of type %s, not %s",
                            names[turbo_json_typeof(json)], wanted);
}

static int give(json_t *json, turbo_json **out)
{
    if (json == NULL) {
        return out_of_memory();
    }
    *out = wrap(json);
    return 0;
}

/* --- constructors ---------------------------------------------------------- */

/* Jansson's true, false and null are static and not counted. Its inline functions find that out by
 * reading the count, which races with threads that change it; the type never changes. They also
 * lack the acquire that the last owner needs before it frees what others have read. */
static bool is_counted(const json_t *json)
{
    return json_typeof(json) < JSON_TRUE;
}

turbo_json *turbo_json_ref(turbo_json *json)
{
    json_t *value = unwrap(json);
    if (is_counted(value)) {
        (void)__atomic_add_fetch(&value->refcount, 1, __ATOMIC_RELAXED); /* only the last counts */
    }
    return json;
}

void turbo_json_unref(turbo_json *json)
{
    json_t *value = unwrap(json);
    if (value != NULL && is_counted(value) &&
        __atomic_sub_fetch(&value->refcount, 1, __ATOMIC_ACQ_REL) == 0) {
        json_delete(value);
    }
}

int turbo_json_new_null(turbo_json **out)
{
    return give(json_null(), out);
}

int turbo_json_new_bool(bool value, turbo_json **out)
{
    return give(json_boolean(value), out);
}

int turbo_json_new_int(int64_t value, turbo_json **out)
{
    return give(json_integer(value), out);
}

int turbo_json_new_real(double value, turbo_json **out)
{
    if (!isfinite(value)) {
        return turbo__error_set(TURBO_EINVAL, "JSON has no form for NaN and infinity");
    }
    return give(json_real(value), out);
}

static json_t *make_string(turbo_str value)
{
    return json_stringn_nocheck(value.len > 0 ? value.data : "", value.len);
}

static int check_utf8(const char *what, turbo_str text)
{
    size_t valid;
    if (!turbo__utf8_check(text, &valid)) {
        return turbo__error_set(TURBO_EINVAL, "%s is not UTF-8 at byte %zu", what, valid);
    }
    return 0;
}

int turbo_json_new_string(turbo_str value, turbo_json **out)
{
    int rc = check_utf8("string", value);
    return rc != 0 ? rc : give(make_string(value), out);
}

int turbo_json_new_array(turbo_json **out)
{
    return give(json_array(), out);
}

int turbo_json_new_object(turbo_json **out)
{
    return give(json_object(), out);
}

/* --- readers --------------------------------------------------------------- */

turbo_json_type turbo_json_typeof(const turbo_json *json)
{
    static const turbo_json_type types[] = {
        [JSON_OBJECT] = TURBO_JSON_OBJECT, [JSON_ARRAY] = TURBO_JSON_ARRAY,
        [JSON_STRING] = TURBO_JSON_STRING, [JSON_INTEGER] = TURBO_JSON_INT,
        [JSON_REAL] = TURBO_JSON_REAL,     [JSON_TRUE] = TURBO_JSON_BOOL,
        [JSON_FALSE] = TURBO_JSON_BOOL,    [JSON_NULL] = TURBO_JSON_NULL,
    };
    return types[json_typeof(unwrap(json))];
}

int turbo_json_get_bool(const turbo_json *json, bool *value)
{
    if (!json_is_boolean(unwrap(json))) {
        return wrong_type(json, "boolean");
    }
    *value = json_is_true(unwrap(json));
    return 0;
}

int turbo_json_get_int(const turbo_json *json, int64_t *value)
{
    if (!json_is_integer(unwrap(json))) {
        return wrong_type(json, "integer");
    }
    *value = json_integer_value(unwrap(json));
    return 0;
}

int turbo_json_get_real(const turbo_json *json, double *value)
{
    if (!json_is_number(unwrap(json))) {
        return wrong_type(json, "real");
    }
    *value = json_number_value(unwrap(json));
    return 0;
}

int turbo_json_get_string(const turbo_json *json, turbo_str *value)
{
    if (!json_is_string(unwrap(json))) {
        return wrong_type(json, "string");
    }
    value->data = json_string_value(unwrap(json));
    value->len = json_string_length(unwrap(json));
    return 0;
}

size_t turbo_json_size(const turbo_json *json)
{
    const json_t *value = unwrap(json);
    return json_is_array(value) ? json_array_size(value) : json_object_size(value);
}

int turbo_json_at(const turbo_json *json, size_t index, turbo_json **value)
{
    if (!json_is_array(unwrap(json))) {
        return wrong_type(json, "array");
    }
    json_t *found = json_array_get(unwrap(json), index);
    if (found == NULL) {
        return turbo__error_set(TURBO_ENOTFOUND, "array has no element %zu", index);
    }
    *value = wrap(found);
    return 0;
}

int turbo_json_member(const turbo_json *json, turbo_str name, turbo_json **value)
{
    if (!json_is_object(unwrap(json))) {
        return wrong_type(json, "object");
    }
    json_t *found = json_object_getn(unwrap(json), name.len > 0 ? name.data : "", name.len);
    if (found == NULL) {
        return turbo__error_set(TURBO_ENOTFOUND, "object has no member \"%.*s\"",
                                (int)(name.len < 128 ? name.len : 128), name.data);
    }
    *value = wrap(found);
    return 0;
}

bool turbo_json_next(const turbo_json *json, void **cursor, turbo_str *name, turbo_json **value)
{
    json_t *object = unwrap(json);
    void *member =
        *cursor == NULL ? json_object_iter(object) : json_object_iter_next(object, *cursor);
    if (member == NULL) {
        return false; /* the cursor stays at the last member, so asking again gives the same */
    }
    *cursor = member;
    name->data = json_object_iter_key(member);
    name->len = json_object_iter_key_len(member);
    *value = wrap(json_object_iter_value(member));
    return true;
}

/* --- changes --------------------------------------------------------------- */

/* What append and set refuse alike, before anything is changed. */
static int check_insert(const turbo_json *container, json_type type, const turbo_json *value)
{
    if (value == NULL) {
        return out_of_memory(); /* a nested constructor failed */
    }
    if (json_typeof(unwrap(container)) != type) {
        return wrong_type(container, type == JSON_ARRAY ? "array" : "object");
    }
    if (container == value) {
        return turbo__error_set(TURBO_EINVAL, "a JSON value cannot contain itself");
    }
    return 0;
}

int turbo_json_append(turbo_json *array, turbo_json *value)
{
    int rc = check_insert(array, JSON_ARRAY, value);
    if (rc != 0) {
        turbo_json_unref(value);
        return rc;
    }
    return json_array_append_new(unwrap(array), unwrap(value)) == 0 ? 0 : out_of_memory();
}

static int set_member(json_t *object, turbo_str name, json_t *value)
{
    const char *data = name.len > 0 ? name.data : "";
    return json_object_setn_new_nocheck(object, data, name.len, value) == 0 ? 0 : out_of_memory();
}

int turbo_json_set(turbo_json *object, turbo_str name, turbo_json *value)
{
    int rc = check_insert(object, JSON_OBJECT, value);
    rc = rc != 0 ? rc : check_utf8("name", name);
    if (rc != 0) {
        turbo_json_unref(value);
        return rc;
    }
    return set_member(unwrap(object), name, unwrap(value));
}

/* --- parsing --------------------------------------------------------------- */

/* Lives on the stack of turbo_json_parse(). A container is put into its parent when it begins, so
 * all but the root are borrowed. */
typedef struct builder {
    json_t *root;
    turbo_str name; /* of the next value, in an object */
    size_t depth;
    json_t *open[TURBO__JSON_DEPTH_MAX];
} builder;

static int insert(builder *self, json_t *value)
{
    if (value == NULL) {
        return out_of_memory();
    }
    if (self->depth == 0) {
        self->root = value;
        return 0;
    }
    json_t *parent = self->open[self->depth - 1];
    if (json_is_object(parent)) {
        return set_member(parent, self->name, value);
    }
    return json_array_append_new(parent, value) == 0 ? 0 : out_of_memory();
}

static int open_container(builder *self, json_t *container)
{
    int rc = insert(self, container);
    if (rc == 0) {
        self->open[self->depth++] = container;
    }
    return rc;
}

static int on_null(void *user_data)
{
    return insert(user_data, json_null());
}

static int on_bool(bool value, void *user_data)
{
    return insert(user_data, json_boolean(value));
}

static int on_int(int64_t value, void *user_data)
{
    return insert(user_data, json_integer(value));
}

static int on_real(double value, void *user_data)
{
    return insert(user_data, json_real(value));
}

static int on_string(turbo_str value, void *user_data)
{
    return insert(user_data, make_string(value));
}

static int on_begin_array(void *user_data)
{
    return open_container(user_data, json_array());
}

static int on_begin_object(void *user_data)
{
    return open_container(user_data, json_object());
}

static int on_name(turbo_str name, void *user_data)
{
    builder *self = user_data;
    self->name = name;
    return 0;
}

static int on_end(void *user_data)
{
    builder *self = user_data;
    self->depth--;
    return 0;
}

int turbo_json_parse(turbo_str text, turbo_json **out, size_t *offset)
{
    static const turbo__json_events events = {
        .on_null = on_null,
        .on_bool = on_bool,
        .on_int = on_int,
        .on_real = on_real,
        .on_string = on_string,
        .on_begin_array = on_begin_array,
        .on_begin_object = on_begin_object,
        .on_name = on_name,
        .on_end = on_end,
    };
    builder self;
    self.root = NULL;
    self.depth = 0;
    int rc = turbo__json_parse(text, &events, &self, offset);
    if (rc != 0) {
        turbo_json_unref(wrap(self.root));
        return rc;
    }
    return give(self.root, out);
}

/* --- writing --------------------------------------------------------------- */

static int write_value(turbo__buf *buf, const turbo_json *json, size_t depth);

static int check_depth(size_t depth)
{
    if (depth == TURBO__JSON_DEPTH_MAX) {
        return turbo__error_set(TURBO_EINVAL, "JSON value is nested deeper than %d",
                                TURBO__JSON_DEPTH_MAX);
    }
    return 0;
}

static int write_array(turbo__buf *buf, const json_t *array, size_t depth)
{
    int rc = turbo__buf_append(buf, "[", 1);
    size_t size = json_array_size(array);
    for (size_t i = 0; rc == 0 && i < size; i++) {
        rc = i > 0 ? turbo__buf_append(buf, ",", 1) : 0;
        rc = rc == 0 ? write_value(buf, wrap(json_array_get(array, i)), depth) : rc;
    }
    return rc == 0 ? turbo__buf_append(buf, "]", 1) : rc;
}

static int write_object(turbo__buf *buf, const turbo_json *object, size_t depth)
{
    void *cursor = NULL;
    turbo_str name;
    turbo_json *value;
    int rc = turbo__buf_append(buf, "{", 1);
    for (bool first = true; rc == 0 && turbo_json_next(object, &cursor, &name, &value);
         first = false) {
        rc = first ? 0 : turbo__buf_append(buf, ",", 1);
        rc = rc == 0 ? turbo__json_write_string(buf, name) : rc;
        rc = rc == 0 ? turbo__buf_append(buf, ":", 1) : rc;
        rc = rc == 0 ? write_value(buf, value, depth) : rc;
    }
    return rc == 0 ? turbo__buf_append(buf, "}", 1) : rc;
}

static int write_value(turbo__buf *buf, const turbo_json *json, size_t depth)
{
    const json_t *value = unwrap(json);
    int rc;
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        rc = check_depth(depth);
        return rc != 0 ? rc : write_object(buf, json, depth + 1);
    case JSON_ARRAY:
        rc = check_depth(depth);
        return rc != 0 ? rc : write_array(buf, value, depth + 1);
    case JSON_STRING: {
        turbo_str text = {json_string_value(value), json_string_length(value)};
        return turbo__json_write_string(buf, text);
    }
    case JSON_INTEGER:
        return turbo__json_write_int(buf, json_integer_value(value));
    case JSON_REAL:
        return turbo__json_write_real(buf, json_real_value(value));
    case JSON_TRUE:
        return turbo__buf_append(buf, "true", 4);
    case JSON_FALSE:
        return turbo__buf_append(buf, "false", 5);
    case JSON_NULL:
    default:
        return turbo__buf_append(buf, "null", 4);
    }
}

int turbo__json_write(turbo__buf *buf, const turbo_json *json)
{
    size_t before = buf->len;
    int rc = write_value(buf, json, 0);
    if (rc != 0) {
        buf->len = before;
    }
    return rc;
}

int turbo_json_render(const turbo_json *json, char **out, size_t *length)
{
    turbo__buf buf;
    turbo__buf_init(&buf, SIZE_MAX); /* bounded by the value, which is the caller's */
    int rc = turbo__json_write(&buf, json);
    rc = rc == 0 ? turbo__buf_append(&buf, "", 1) : rc;
    if (rc != 0) {
        turbo__buf_clear(&buf);
        return rc;
    }
    if (length != NULL) {
        *length = buf.len - 1;
    }
    *out = buf.data;
    return 0;
}

void turbo_json_text_free(char *text)
{
    turbo__free(text);
}
