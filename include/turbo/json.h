/* SPDX-License-Identifier: MIT */
#ifndef TURBO_JSON_H
#define TURBO_JSON_H

#include <turbo/error.h>
#include <turbo/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* JSON documents (RFC 8259) for C handlers. A turbo_json is reference counted; a value that was put
 * into an array or object is shared, not copied. Reading one from several threads is safe; changing one
 * is not. Two values are independent of every server. */

typedef enum turbo_json_type {
    TURBO_JSON_NULL = 0,
    TURBO_JSON_BOOL,
    TURBO_JSON_INT,
    TURBO_JSON_REAL,
    TURBO_JSON_STRING,
    TURBO_JSON_ARRAY,
    TURBO_JSON_OBJECT
} turbo_json_type;

/** Parses one JSON text of any type; nesting up to 512. A duplicate name: the last one counts.
 *  `*out`: a new reference. `offset` (may be NULL) gets the byte offset of an error. Any thread.
 *  Errors: TURBO_EJSON (detail says what and where; also integers beyond 64 bits), TURBO_ENOMEM. */
TURBO_API int turbo_json_parse(turbo_str text, turbo_json **out, size_t *offset);

/** Renders compact UTF-8 text. `*out` is NUL-terminated and freed with turbo_json_text_free();
 *  `length` (may be NULL) gets its bytes without the NUL. Errors: TURBO_ENOMEM, TURBO_EINVAL (nested too deeply). */
TURBO_API int turbo_json_render(const turbo_json *json, char **out, size_t *length);

/** Frees a text of turbo_json_render(). NULL is ignored. */
TURBO_API void turbo_json_text_free(char *text);

TURBO_API turbo_json *turbo_json_ref(turbo_json *json);
/** Gives a reference back; NULL is ignored. */
TURBO_API void turbo_json_unref(turbo_json *json);

TURBO_API turbo_json_type turbo_json_typeof(const turbo_json *json);

/* Constructors: `*out` is a new reference. Errors: TURBO_ENOMEM; TURBO_EINVAL for text that is not
 * UTF-8 and for a real that is NaN or infinite. */
TURBO_API int turbo_json_new_null(turbo_json **out);
TURBO_API int turbo_json_new_bool(bool value, turbo_json **out);
TURBO_API int turbo_json_new_int(int64_t value, turbo_json **out);
TURBO_API int turbo_json_new_real(double value, turbo_json **out);
TURBO_API int turbo_json_new_string(turbo_str value, turbo_json **out);
TURBO_API int turbo_json_new_array(turbo_json **out);
TURBO_API int turbo_json_new_object(turbo_json **out);

/* Readers. Errors: TURBO_ETYPE when the value has another type (an integer reads as real). */
TURBO_API int turbo_json_get_bool(const turbo_json *json, bool *value);
TURBO_API int turbo_json_get_int(const turbo_json *json, int64_t *value);
TURBO_API int turbo_json_get_real(const turbo_json *json, double *value);
/** `*value` is borrowed from `json`. */
TURBO_API int turbo_json_get_string(const turbo_json *json, turbo_str *value);

/** Number of elements of an array or members of an object; 0 for other types. */
TURBO_API size_t turbo_json_size(const turbo_json *json);
/** Element `index` of an array, borrowed. Errors: TURBO_ETYPE, TURBO_ENOTFOUND. */
TURBO_API int turbo_json_at(const turbo_json *json, size_t index, turbo_json **value);
/** Member `name` of an object, borrowed. Errors: TURBO_ETYPE, TURBO_ENOTFOUND. */
TURBO_API int turbo_json_member(const turbo_json *json, turbo_str name, turbo_json **value);
/** Walks the members of an object in insertion order: `*cursor` is NULL at first. Returns false at the end, or
 *  when `json` is no object. Name and value are borrowed. The object must not change meanwhile. */
TURBO_API bool turbo_json_next(const turbo_json *json, void **cursor, turbo_str *name,
                               turbo_json **value);

/** Appends to an array. Takes the reference to `value`, also on error; a NULL `value` is TURBO_ENOMEM, so
 *  constructors can be nested. Errors: TURBO_ETYPE, TURBO_ENOMEM, TURBO_EINVAL (value is the array itself). */
TURBO_API int turbo_json_append(turbo_json *array, turbo_json *value);
/** Sets member `name`, replacing an earlier one. Takes the reference to `value`, also on error. Errors as
 *  turbo_json_append(). */
TURBO_API int turbo_json_set(turbo_json *object, turbo_str name, turbo_json *value);

#ifdef __cplusplus
}
#endif

#endif
