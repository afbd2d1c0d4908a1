/* SPDX-License-Identifier: MIT */
#include "codec/json.h"

#include <stdlib.h>

#include "base/error.h"
#include "base/mem.h"
#include "codec/json_number.h"
#include "codec/json_parse.h"

/*
 * A key is a tag byte, then a payload whose length is known from what was read before, so that no
 * key is the beginning of another and comparing bytes compares values.
 */

typedef struct member {
    turbo_str name;
    const turbo_json *value;
} member;

static int put_value(turbo__buf *buf, const turbo_json *json, size_t depth);

static int put_tagged(turbo__buf *buf, char tag, const void *payload, size_t len)
{
    int rc = turbo__buf_append(buf, &tag, 1);
    return rc == 0 ? turbo__buf_append(buf, payload, len) : rc;
}

static int put_string(turbo__buf *buf, turbo_str text)
{
    int rc = put_tagged(buf, 's', &text.len, sizeof(text.len));
    return rc == 0 ? turbo__buf_append_str(buf, text) : rc;
}

/* Reals that are integers become integers where these are exact; the two zeros become one. */
static int put_number(turbo__buf *buf, const turbo_json *json)
{
    int64_t whole = 0;
    double real = 0;
    if (turbo_json_typeof(json) == TURBO_JSON_INT) {
        (void)turbo_json_get_int(json, &whole); /* the type was checked */
        return put_tagged(buf, 'i', &whole, sizeof(whole));
    }
    (void)turbo_json_get_real(json, &real);
    if (turbo__number_is_int(real, &whole)) {
        return put_tagged(buf, 'i', &whole, sizeof(whole));
    }
    return put_tagged(buf, 'r', &real, sizeof(real));
}

static int put_array(turbo__buf *buf, const turbo_json *array, size_t depth)
{
    size_t size = turbo_json_size(array);
    int rc = put_tagged(buf, 'a', &size, sizeof(size));
    for (size_t i = 0; rc == 0 && i < size; i++) {
        turbo_json *element = NULL;
        (void)turbo_json_at(array, i, &element); /* in range */
        rc = put_value(buf, element, depth);
    }
    return rc;
}

static int compare_members(const void *a, const void *b)
{
    turbo_str left = ((const member *)a)->name;
    turbo_str right = ((const member *)b)->name;
    if (left.len != right.len) {
        return left.len < right.len ? -1 : 1;
    }
    return left.len > 0 ? memcmp(left.data, right.data, left.len) : 0;
}

static int put_members(turbo__buf *buf, const member *members, size_t count, size_t depth)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < count; i++) {
        rc = put_string(buf, members[i].name);
        rc = rc == 0 ? put_value(buf, members[i].value, depth) : rc;
    }
    return rc;
}

static int put_object(turbo__buf *buf, const turbo_json *object, size_t depth)
{
    size_t size = turbo_json_size(object);
    int rc = put_tagged(buf, 'o', &size, sizeof(size));
    if (rc != 0 || size == 0) {
        return rc;
    }
    member *members = turbo__calloc(size, sizeof(*members));
    if (members == NULL) {
        return TURBO_ENOMEM;
    }
    void *cursor = NULL;
    turbo_json *value;
    size_t count = 0;
    while (count < size && turbo_json_next(object, &cursor, &members[count].name, &value)) {
        members[count++].value = value;
    }
    qsort(members, count, sizeof(*members), compare_members);
    rc = put_members(buf, members, count, depth);
    turbo__free(members);
    return rc;
}

static int put_value(turbo__buf *buf, const turbo_json *json, size_t depth)
{
    turbo_json_type type = turbo_json_typeof(json);
    if (type >= TURBO_JSON_ARRAY && depth == TURBO__JSON_DEPTH_MAX) {
        return turbo__error_set(TURBO_EINVAL, "JSON value is nested deeper than %d",
                                TURBO__JSON_DEPTH_MAX);
    }
    bool flag = false;
    turbo_str text = {NULL, 0};
    switch (type) {
    case TURBO_JSON_BOOL:
        (void)turbo_json_get_bool(json, &flag); /* the type was checked, here and below */
        return put_tagged(buf, flag ? 't' : 'f', NULL, 0);
    case TURBO_JSON_INT:
    case TURBO_JSON_REAL:
        return put_number(buf, json);
    case TURBO_JSON_STRING:
        (void)turbo_json_get_string(json, &text);
        return put_string(buf, text);
    case TURBO_JSON_ARRAY:
        return put_array(buf, json, depth + 1);
    case TURBO_JSON_OBJECT:
        return put_object(buf, json, depth + 1);
    case TURBO_JSON_NULL:
    default:
        return put_tagged(buf, 'n', NULL, 0);
    }
}

int turbo__json_key(turbo__buf *buf, const turbo_json *json)
{
    size_t before = buf->len;
    int rc = put_value(buf, json, 0);
    if (rc != 0) {
        buf->len = before;
    }
    return rc;
}
