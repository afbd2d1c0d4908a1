/* SPDX-License-Identifier: MIT */
#ifndef TURBOAPI_PLAN_H
#define TURBOAPI_PLAN_H

#include "compat.h"

#include <stdbool.h>

#include <turbo/turbo.h>

#include "thread.h"

#define TP_PLAN_PARAMS 64 /* parameters of one endpoint, its body included */

typedef enum tp_location { TP_PATH, TP_QUERY, TP_HEADER, TP_COOKIE } tp_location;

/* What the text of a parameter is turned into. TP_OPAQUE: by pydantic, that is not here. */
typedef enum tp_scalar { TP_OPAQUE, TP_STR, TP_INT, TP_FLOAT, TP_BOOL } tp_scalar;

/** One parameter of an endpoint. Part of a tp_plan. */
typedef struct tp_param {
    tp_location location;
    tp_scalar scalar;
    turbo_str alias;         /* name on the wire; bytes of alias_text */
    PyObject *alias_text;    /* strong */
    PyObject *default_value; /* strong, used as it is; NULL: required */
} tp_param;

/**
 * One route, compiled from the Python object `Plan` (turboapi/_plan.py) when it is registered.
 * Owned by the native route it belongs to; immutable, so any thread may run it.
 */
typedef struct tp_plan {
    PyObject *endpoint;  /* strong */
    PyObject *names;     /* tuple of str: the keyword arguments, the body's last */
    PyObject *validate;  /* strong; NULL: no body */
    PyObject *serialize; /* strong; NULL: no response model */
    bool is_coroutine;
    bool strict_content_type;
    bool reads_query;
    int status_code;
    size_t param_count;
    tp_param *params;
} tp_plan;

/** Compiles `source`, a `Plan` whose `reason` is None (borrowed). Returns 0, or -1 with an
 * exception.
 *  `*out` is freed with tp_plan_free(). Attached threads. */
int tp_plan_new(PyObject *source, tp_plan **out);

/** Frees a plan; NULL is ignored. Attached threads. */
void tp_plan_free(tp_plan *plan);

/** The number of arguments that tp_plan_collect() makes. */
size_t tp_plan_arguments(const tp_plan *plan);

/**
 * Reads the arguments of the endpoint from `request`, in the order of plan->names, into `args`,
 * which has room for tp_plan_arguments(). Returns 1 with new references; 0 when the request is not
 * of the plain kind that is decided here (anything invalid, missing or spelled unusually): nothing
 * was made, and the Python executor decides; -1 with MemoryError. Attached threads.
 */
int tp_plan_collect(const tp_plan *plan, turbo_request *request, PyObject **args);

#endif
