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
 * writeOnly, format). Any other keyword is an error, never ignored. `*out`: a new reference.
 * Errors: TURBO_ESCHEMA (detail with the JSON pointer of the place), TURBO_EJSON, TURBO_ENOMEM.
 */
TURBO_API int turbo_schema_compile(turbo_str document, turbo_schema **out);

TURBO_API turbo_schema *turbo_schema_ref(turbo_schema *schema);
/** Gives a reference back; NULL is ignored. */
TURBO_API void turbo_schema_unref(turbo_schema *schema);

/**
 * Validates `document`. Returns 0 when it satisfies `schema`. On TURBO_EINVALID, `errors` (may be
 * NULL) gets a new reference to a JSON array in the form that FastAPI uses for 422 answers: objects
 * with "type", "loc" (array of names and indexes, relative to the document), "msg" and "input", in document order.
 * Errors: TURBO_EINVALID, TURBO_ENOMEM, TURBO_ELIMIT (nested deeper than 512).
 */
TURBO_API int turbo_schema_validate(const turbo_schema *schema, const turbo_json *document,
                                    turbo_json **errors);

#ifdef __cplusplus
}
#endif

#endif
