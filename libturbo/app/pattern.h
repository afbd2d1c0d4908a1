/* SPDX-License-Identifier: MIT */
#ifndef TURBO__APP_PATTERN_H
#define TURBO__APP_PATTERN_H

/*
 * Route patterns: reading them, and binding one to a path. A parameter's convertor says which bytes
 * it may take; as in Starlette's regular expressions, parameters are greedy from left to right.
 */

#include "base/arena.h"
#include "turbo/types.h"

/** Bytes of one pattern. Bounds the depth of the router's walk. */
enum { TURBO__PATTERN_MAX = 4096 };

typedef enum turbo__convertor {
    TURBO__CONVERTOR_STR,   /* [^/]+ */
    TURBO__CONVERTOR_INT,   /* [0-9]+ */
    TURBO__CONVERTOR_FLOAT, /* [0-9]+(\.[0-9]+)? */
    TURBO__CONVERTOR_UUID,  /* hex digits 8-4-4-4-12, each dash optional */
    TURBO__CONVERTOR_PATH,  /* .*, without newline */
    TURBO__CONVERTOR_ANY,   /* .*, newlines included */
    TURBO__CONVERTOR_COUNT
} turbo__convertor;

/** Literal text or a parameter. */
typedef struct turbo__piece {
    turbo_str text; /* the literal, braces unescaped, or the parameter's name */
    bool is_param;
    turbo__convertor convertor; /* of a parameter */
} turbo__piece;

/** All memory is in the arena that parse was given. Two literals never follow each other. */
typedef struct turbo__pattern {
    turbo_str source; /* as registered; a NUL follows */
    turbo__piece *pieces;
    size_t count;
    size_t param_count;
} turbo__pattern;

/** Reads a pattern (syntax: turbo_route_add()). Returns 0, TURBO_EPATTERN (detail with the column,
 *  from 1, in bytes), TURBO_ENOMEM. */
int turbo__pattern_parse(turbo__arena *arena, const char *text, turbo__pattern *out);

/** Places in a path, from `first` to `last`, both included; those inside a UTF-8 character do not
 *  count, but for `first`. */
typedef struct turbo__span {
    size_t first;
    size_t last;
} turbo__span;

enum { TURBO__MAX_ENDS = 2 };

/** Where a parameter that starts at `from` may end, in ascending order. Returns how many spans. */
size_t turbo__convertor_ends(turbo__convertor convertor, turbo_str path, size_t from,
                             turbo__span ends[TURBO__MAX_ENDS]);

/** Whether a pattern may end at `at`: at the end, or before one last newline. */
static inline bool turbo__pattern_may_end(turbo_str path, size_t at)
{
    return at == path.len || (at + 1 == path.len && path.data[at] == '\n');
}

typedef struct turbo__param {
    turbo_str name;  /* lives as long as the pattern */
    turbo_str value; /* a view into the path */
} turbo__param;

/** Binds the `param_count` parameters to parts of `path`. Time and scratch memory (in the arena)
 * are at most proportional to the length of the pattern times that of the path. Returns 0,
 *  TURBO_ENOTFOUND (no match), TURBO_ENOMEM; `params` is complete only after 0. */
int turbo__pattern_bind(const turbo__pattern *pattern, turbo__arena *arena, turbo_str path,
                        turbo__param *params);

#endif
