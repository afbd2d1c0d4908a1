/* SPDX-License-Identifier: MIT */
#include "codec/fields.h"

#include <string.h>

#include "base/str.h"
#include "codec/chars.h"
#include "turbo/error.h"

enum { FIRST_CAPACITY = 16 };

static int grow(turbo__fields *fields, turbo__arena *arena, size_t cap)
{
    turbo__field *items = turbo__arena_alloc(arena, cap * sizeof(*items));
    if (items == NULL) {
        return TURBO_ENOMEM;
    }
    if (fields->count > 0) {
        memcpy(items, fields->items, fields->count * sizeof(*items));
    }
    fields->items = items;
    fields->cap = cap;
    return 0;
}

int turbo__fields_reserve(turbo__fields *fields, turbo__arena *arena, size_t count)
{
    return count <= fields->cap ? 0 : grow(fields, arena, count);
}

int turbo__fields_add(turbo__fields *fields, turbo__arena *arena, turbo_str name, turbo_str value)
{
    if (fields->count == fields->cap) {
        int rc = grow(fields, arena, fields->cap > 0 ? fields->cap * 2 : FIRST_CAPACITY);
        if (rc != 0) {
            return rc;
        }
    }
    turbo__field *field = &fields->items[fields->count++];
    field->name = name;
    field->value = value;
    return 0;
}

turbo__field *turbo__fields_find(const turbo__fields *fields, turbo_str name)
{
    for (size_t i = 0; i < fields->count; i++) {
        if (turbo__str_equal_nocase(fields->items[i].name, name)) {
            return &fields->items[i];
        }
    }
    return NULL;
}

void turbo__fields_remove(turbo__fields *fields, turbo_str name)
{
    size_t kept = 0;
    for (size_t i = 0; i < fields->count; i++) {
        if (!turbo__str_equal_nocase(fields->items[i].name, name)) {
            fields->items[kept++] = fields->items[i];
        }
    }
    fields->count = kept;
}

bool turbo__field_name_valid(turbo_str name)
{
    return name.len > 0 &&
           turbo__token_end(name.data, name.data + name.len) == name.data + name.len;
}

bool turbo__field_value_valid(turbo_str value)
{
    return value.len == 0 ||
           turbo__text_end(value.data, value.data + value.len) == value.data + value.len;
}
