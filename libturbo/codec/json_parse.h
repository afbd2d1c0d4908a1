/* SPDX-License-Identifier: MIT */
#ifndef TURBO__CODEC_JSON_PARSE_H
#define TURBO__CODEC_JSON_PARSE_H

/*
 * JSON text (RFC 8259) to events: strict grammar, well-formed UTF-8, no byte order mark, no lone
 * surrogates, no recursion. A text is parsed when it is whole: its size was bounded where it was
 * received. No state outlives the call.
 */

#include <stdint.h>

#include "turbo/error.h"
#include "turbo/types.h"

/** How many arrays and objects may be nested, here and wherever values are walked. */
enum { TURBO__JSON_DEPTH_MAX = 512 };

/** What the parser calls, in the order of the text. A string or name is a view into the text or
 * into the parser: a string until the event returns, a name until the next name. A result other
 * than 0 stops the parser, which returns it. */
typedef struct turbo__json_events {
    int (*on_null)(void *user_data);
    int (*on_bool)(bool value, void *user_data);
    int (*on_int)(int64_t value, void *user_data);
    int (*on_real)(double value, void *user_data); /* finite */
    int (*on_string)(turbo_str value, void *user_data);
    int (*on_begin_array)(void *user_data);
    int (*on_begin_object)(void *user_data);
    int (*on_name)(turbo_str name, void *user_data); /* its value follows */
    int (*on_end)(void *user_data);                  /* of the innermost array or object */
} turbo__json_events;

/**
 * Parses one text of any type. `offset` (may be NULL) gets the byte offset of a TURBO_EJSON.
 * Returns 0; TURBO_EJSON (also: an integer beyond 64 bits, a real too large for a double, nesting
 * beyond TURBO__JSON_DEPTH_MAX); TURBO_ENOMEM (for strings with escapes); or an event's result.
 */
int turbo__json_parse(turbo_str text, const turbo__json_events *events, void *user_data,
                      size_t *offset);

#endif
