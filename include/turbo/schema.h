/* SPDX-License-Identifier: MIT */
#ifndef TURBO_SCHEMA_H
#define TURBO_SCHEMA_H

#include <turbo/error.h>
#include <turbo/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Compiled schemas. Immutable, reference counted, usable from any thread. */

/**
 * Compiles a JSON Schema document (2020-12). Keywords understood: type, enum, const, properties,
 * required, additionalProperties, items, prefixItems, minimum, maximum, exclusiveMinimum,
 * exclusiveMaximum, multipleOf, minLength, maxLength, minItems, maxItems, uniqueItems,
 * minProperties, maxProperties, anyOf, allOf, oneOf, not, $ref within the document, $defs, and the
 * annotations ($schema, $id, $comment, title, description, default, examples, deprecated, readOnly,
 * writeOnly, format). Any other keyword is an error, never ignored; so are a $schema of another
 * dialect, an $id below the root, a $ref that is no JSON pointer into the document, a schema that
 * refers to itself for the same value, and more than 64 schemas inside one another for the same
 * value.
 * `*out`: a new reference. Errors: TURBO_ESCHEMA (detail with the JSON pointer of the place),
 * TURBO_EJSON, TURBO_ENOMEM. Any thread.
 */
TURBO_API int turbo_schema_compile(turbo_str document, turbo_schema **out);

TURBO_API turbo_schema *turbo_schema_ref(turbo_schema *schema);
/** Gives a reference back; NULL is ignored. */
TURBO_API void turbo_schema_unref(turbo_schema *schema);

/**
 * Validates `document`. Returns 0 when it satisfies `schema`. On TURBO_EINVALID, `errors` (may be
 * NULL) gets a new reference to a JSON array in the form that FastAPI uses for 422 answers: objects
 * with "type", "loc" (array of names and indexes, relative to the document), "msg", "input" (shared
 * with the document) and, where the message has figures, "ctx", in document order, after the
 * members of an object those that are missing; at most 1,000.
 *
 * Numbers compare exactly and are multiples of each other as decimals; 1.0 is an integer; lengths
 * of strings count code points; values of enum, const and uniqueItems are equal as in JSON Schema.
 * Nothing is converted: "1" is no integer. A value of the wrong type or size, or that is not one of
 * the allowed ones, gets that one error. Types and messages are pydantic's:
 *
 *   type      string_type, float_type, int_type, int_from_float, bool_type, list_type, dict_type,
 *             model_attributes_type (an object with properties or required), none_required
 *   numbers   multiple_of, less_than_equal, less_than, greater_than_equal, greater_than
 *   sizes     string_too_short, string_too_long, too_short, too_long (items: false as well)
 *   values    enum, literal_error (const)
 *   objects   missing, extra_forbidden (additionalProperties: false)
 *
 * and where it has no counterpart: unique_items, not, one_of (more than one fits), false_schema
 * (the schema `false`). When no alternative of anyOf, oneOf or of several types fits, each one's
 * errors follow, "loc" continued by its name: the title, else the type (str, int, float, bool,
 * list, dict), else the index. An alternative that is only null is not listed, and a single one has
 * no name, as in FastAPI.
 *
 * Errors: TURBO_EINVALID, TURBO_ENOMEM, TURBO_ELIMIT (nested deeper than 512, or more than 2,048
 * schemas inside one another). Time and memory are bounded by the sizes of schema and document,
 * also for recursive schemas. The call may use 768 KiB of stack. Any thread.
 */
TURBO_API int turbo_schema_validate(const turbo_schema *schema, const turbo_json *document,
                                    turbo_json **errors);

#ifdef __cplusplus
}
#endif

#endif
