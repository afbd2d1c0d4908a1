/* SPDX-License-Identifier: MIT */
#ifndef TURBOAPI_CARRIER_H
#define TURBOAPI_CARRIER_H

/*
 * Runs coroutines on an asyncio loop without a task for each.
 *
 * A carrier is a real asyncio.Task parked on a future that nobody resolves. While a coroutine makes
 * its first step the carrier is entered as the current task, so whatever asks for
 * asyncio.current_task() gets a task that can be cancelled, waited for and given timeouts. A
 * coroutine that finishes in that step leaves the carrier for the next one. One that suspends keeps
 * it: the carrier wakes up, yields what the coroutine waits for, and is its task from then on.
 */

#include "compat.h"
#include "loop.h"

/** What carriers of one loop share. Embedded in tp_loop; loop's thread only. */
typedef struct tp_carriers {
    PyObject *asyncio_loop; /* borrowed from the tp_loop */
    PyObject *context;      /* base contextvars context; each coroutine gets a copy. Owned */
    PyObject *parked;       /* the carrier waiting for the next coroutine, or NULL. Owned */
    int running;            /* a coroutine's step is under way */
    void (*step_ended)(void *user_data); /* called after each step of a coroutine */
    void *user_data;
} tp_carriers;

/** Imports what carriers need and makes their type; once per process. -1 with an exception set. */
int tp_carrier_init(void);

/** See tp_loop_start(). */
int tp_carrier_run(tp_carriers *carriers, PyObject *coro, tp_done_fn *done, void *user_data);

/** Ends the parked carrier. */
void tp_carriers_clear(tp_carriers *carriers);

#endif
