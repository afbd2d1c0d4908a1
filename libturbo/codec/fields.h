/* SPDX-License-Identifier: MIT */
#ifndef TURBO__CODEC_FIELDS_H
#define TURBO__CODEC_FIELDS_H

/*
 * Header fields of one message, in order, duplicates kept (RFC 9110 §5). Used for requests (views
 * into the receive buffer) and responses (copies in the arena).
 */

#include "base/arena.h"
#include "turbo/types.h"

typedef struct turbo__field {
    turbo_str name;
    turbo_str value;
} turbo__field;

/** Embedded in its owner; the array lives in the arena that add was given. Zeroed = empty. */
typedef struct turbo__fields {
    turbo__field *items;
    size_t count;
    size_t cap;
} turbo__fields;

/** Appends a field; the views are kept as they are. Returns 0 or TURBO_ENOMEM. */
int turbo__fields_add(turbo__fields *fields, turbo__arena *arena, turbo_str name, turbo_str value);

/** Makes room for `count` fields in all. Returns 0 or TURBO_ENOMEM. */
int turbo__fields_reserve(turbo__fields *fields, turbo__arena *arena, size_t count);

/** The first field called `name` (without case), or NULL. */
turbo__field *turbo__fields_find(const turbo__fields *fields, turbo_str name);

/** Removes all fields called `name` (without case). */
void turbo__fields_remove(turbo__fields *fields, turbo_str name);

/** Whether `name` is a token (RFC 9110 §5.6.2). */
bool turbo__field_name_valid(turbo_str name);

/** Whether `value` can be sent: no CR, LF, NUL or other control but tab (RFC 9110 §5.5). */
bool turbo__field_value_valid(turbo_str value);

#endif
