/* SPDX-License-Identifier: MIT */
#ifndef TURBO__CODEC_VALIDATOR_ERROR_H
#define TURBO__CODEC_VALIDATOR_ERROR_H

/*
 * The errors of a validation in the form of FastAPI's 422 answers, with pydantic's types and
 * messages where it has the same error. One thread.
 *
 * Every function appends to `errors`, an array, and returns TURBO_EINVALID when that worked, else
 * TURBO_ENOMEM; `input` is shared, everything else copied.
 */

#include "codec/schema.h"

/** The way to a value, on the stack of the functions that lead to it. */
typedef struct turbo__place {
    const struct turbo__place *up; /* NULL at the document */
    turbo_str name; /* of a member or a branch of a union; data NULL: `index` counts */
    size_t index;
} turbo__place;

/** An error that is nothing but its type and message; both static. */
int turbo__invalid_plain(turbo_json *errors, const turbo__place *at, const turbo_json *input,
                         const char *type, const char *message);

/** The value is of none of the kinds that `node` accepts: one error for each of these but null. */
int turbo__invalid_kind(turbo_json *errors, const turbo__place *at, const turbo_json *input,
                        const turbo__schema_node *node);

/** Not one of the values of enum (`type` "enum") or const ("literal_error"). */
int turbo__invalid_values(turbo_json *errors, const turbo__place *at, const turbo_json *input,
                          const char *type, const turbo__schema_values *values);

/** A bound of `node`: `relation` such as "greater than", `name` of the context such as "gt". */
int turbo__invalid_number(turbo_json *errors, const turbo__place *at, const turbo_json *input,
                          const turbo__schema_node *node, const char *type, const char *relation,
                          const char *name, const turbo__schema_number *bound);

/** Too few (`least`) or too many characters. */
int turbo__invalid_length(turbo_json *errors, const turbo__place *at, const turbo_json *input,
                          bool least, size_t limit);

/** Too few (`least`) or too many elements or members; `what` is "List", "Tuple" or "Dictionary". */
int turbo__invalid_count(turbo_json *errors, const turbo__place *at, const turbo_json *input,
                         const char *what, bool least, size_t limit);

/** More than one of oneOf fits. */
int turbo__invalid_one_of(turbo_json *errors, const turbo__place *at, const turbo_json *input,
                          size_t matched);

/** What `node` is called in a place: its title or type; the empty view when it has neither. */
turbo_str turbo__invalid_label(const turbo__schema_node *node);

#endif
