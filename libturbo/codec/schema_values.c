/* SPDX-License-Identifier: MIT */
#include "codec/schema.h"

#include <stdlib.h>

#include "base/buf.h"
#include "base/mem.h"
#include "codec/json.h"

/* Lives on the stack of turbo__schema_values_new(). */
typedef struct values_builder {
    turbo_schema *schema;
    turbo__schema_values *values;
    turbo_str *keys;
    turbo__buf key;
    turbo__buf expected;
} values_builder;

/* A string as Python's repr() shows it, which is how pydantic names what it expected. */
static int write_python_string(turbo__buf *buf, turbo_str text)
{
    static const char hex[] = "0123456789abcdef";
    size_t at;
    char quote = '\'';
    if (memchr(text.data, '\'', text.len) != NULL && memchr(text.data, '"', text.len) == NULL) {
        quote = '"';
    }
    int rc = turbo__buf_append(buf, &quote, 1);
    for (at = 0; rc == 0 && at < text.len; at++) {
        unsigned char c = (unsigned char)text.data[at];
        char escaped[4] = {'\\', (char)c, 0, 0};
        size_t len = 2;
        if (c == '\n' || c == '\r' || c == '\t') {
            escaped[1] = c == '\n' ? 'n' : c == '\r' ? 'r' : 't';
        } else if (c < 0x20 || c == 0x7F) {
            escaped[1] = 'x';
            escaped[2] = hex[c >> 4];
            escaped[3] = hex[c & 15];
            len = 4;
        } else if (c != '\\' && c != (unsigned char)quote) {
            escaped[0] = (char)c;
            len = 1;
        }
        rc = turbo__buf_append(buf, escaped, len);
    }
    return rc == 0 ? turbo__buf_append(buf, &quote, 1) : rc;
}

static int write_expected(turbo__buf *buf, const turbo_json *value)
{
    turbo_str text = {NULL, 0};
    bool flag = false;
    switch (turbo_json_typeof(value)) {
    case TURBO_JSON_NULL:
        return turbo__buf_append(buf, "None", 4);
    case TURBO_JSON_BOOL:
        (void)turbo_json_get_bool(value, &flag); /* the type was checked, here and below */
        return flag ? turbo__buf_append(buf, "True", 4) : turbo__buf_append(buf, "False", 5);
    case TURBO_JSON_STRING:
        (void)turbo_json_get_string(value, &text);
        return write_python_string(buf, text);
    case TURBO_JSON_INT:
    case TURBO_JSON_REAL:
    case TURBO_JSON_ARRAY:
    case TURBO_JSON_OBJECT:
    default:
        return turbo__json_write(buf, value);
    }
}

static int add_value(values_builder *self, const turbo_json *value, size_t index)
{
    size_t count = self->values->count;
    turbo_str joint = index == 0           ? turbo_cstr("")
                      : index + 1 == count ? turbo_cstr(" or ")
                                           : turbo_cstr(", ");
    int rc = turbo__buf_append_str(&self->expected, joint);
    rc = rc == 0 ? write_expected(&self->expected, value) : rc;
    self->key.len = 0;
    rc = rc == 0 ? turbo__json_key(&self->key, value) : rc;
    rc = rc == 0 ? turbo__arena_copy(&self->schema->arena, turbo__buf_view(&self->key),
                                     &self->keys[index])
                 : rc;
    self->values->kinds |= turbo__schema_kind(value);
    return rc;
}

static int by_key(const void *a, const void *b)
{
    return turbo__schema_compare(*(const turbo_str *)a, *(const turbo_str *)b);
}

static int add_all(values_builder *self, const turbo_json *values, bool many)
{
    size_t count = many ? turbo_json_size(values) : 1;
    size_t size;
    if (!turbo__size_mul(count, sizeof(*self->keys), &size)) {
        return TURBO_ENOMEM;
    }
    self->values = turbo__arena_alloc(&self->schema->arena, sizeof(*self->values));
    self->keys = turbo__arena_alloc(&self->schema->arena, size);
    if (self->values == NULL || self->keys == NULL) {
        return TURBO_ENOMEM;
    }
    memset(self->values, 0, sizeof(*self->values));
    self->values->count = count;
    self->values->keys = self->keys;
    for (size_t i = 0; i < count; i++) {
        const turbo_json *value = values;
        turbo_json *element = NULL;
        if (many) {
            (void)turbo_json_at(values, i, &element); /* in range */
            value = element;
        }
        int rc = add_value(self, value, i);
        if (rc != 0) {
            return rc;
        }
    }
    qsort(self->keys, count, sizeof(*self->keys), by_key);
    return turbo__arena_copy(&self->schema->arena, turbo__buf_view(&self->expected),
                             &self->values->expected);
}

int turbo__schema_values_new(turbo_schema *schema, const turbo_json *values, bool many,
                             const turbo__schema_values **out)
{
    values_builder self;
    memset(&self, 0, sizeof(self));
    self.schema = schema;
    turbo__buf_init(&self.key, SIZE_MAX); /* bounded by the schema, which is the caller's */
    turbo__buf_init(&self.expected, SIZE_MAX);
    int rc = add_all(&self, values, many);
    turbo__buf_clear(&self.key);
    turbo__buf_clear(&self.expected);
    if (rc == 0) {
        *out = self.values;
    }
    return rc;
}
