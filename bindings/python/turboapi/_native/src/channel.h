/* SPDX-License-Identifier: MIT */
#ifndef TURBOAPI_CHANNEL_H
#define TURBOAPI_CHANNEL_H

/*
 * The two ends that an ASGI application gets for one request: receive() and send(). Loop's thread;
 * what the server's threads have to say comes as jobs.
 */

#include "compat.h"
#include "loop.h"

/** A channel's address for the server's threads: memory that outlives the request, reused with
 * another number. Made and given back on the loop's thread. */
typedef struct tp_slot {
    struct tp_slot *next;
    uint64_t number;   /* of the channel that has it now */
    PyObject *channel; /* borrowed; NULL when free */
} tp_slot;

/** The slots of one application; embedded in tp_asgi. */
typedef struct tp_slots {
    tp_loop *loop; /* borrowed from the application */
    tp_slot *free;

} tp_slots;

/** A channel for a request that was just received. New reference, or NULL with an exception set. */
PyObject *tp_channel_new(tp_slots *slots, turbo_request *request, turbo_response *response);

/** The callables for the application. New references, NULL with an exception set. */
PyObject *tp_channel_receive(PyObject *channel);
PyObject *tp_channel_send(PyObject *channel);

/** The application has returned: `failed` when it raised. Logs and completes, or aborts, what is
 * missing of the response, and lets go of the request. */
void tp_channel_end(PyObject *channel, bool failed);

int tp_channel_init(void);

#endif
