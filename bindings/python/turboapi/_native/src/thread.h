/* SPDX-License-Identifier: MIT */
#ifndef TURBOAPI_THREAD_H
#define TURBOAPI_THREAD_H

#include "compat.h"

#include <stdbool.h>
#include <stdint.h>

#include <turbo/turbo.h>

/*
 * Attaching the threads of libturbo to the interpreter.
 *
 * Every thread that runs handlers keeps one thread state for life. A batch of requests runs under
 * one attach: tp_attach() is a no-op while the thread is attached, and the server's `before_wait`
 * hook detaches it before it blocks, so nobody sleeps in poll(2) while holding the interpreter.
 */

/** Growable memory that belongs to one thread or one call. All zero is empty. */
typedef struct tp_buf {
    char *data;
    size_t len; /* bytes used */
    size_t cap; /* bytes allocated */
} tp_buf;

/** Makes room for `more` bytes. Returns 0, or -1 when out of memory. */
int tp_buf_reserve(tp_buf *buf, size_t more);

/** Frees the memory and empties the buffer. */
void tp_buf_free(tp_buf *buf);

/** Something that needs an attached thread to be dropped. Embedded first in what is to be dropped.
 */
typedef struct tp_garbage {
    struct tp_garbage *next;
    void (*drop)(struct tp_garbage *garbage); /* attached threads */
} tp_garbage;

#define TP_KEY_SLOTS 256 /* power of two */
#define TP_KEY_LENGTH 31 /* bytes of the longest name that is kept */

/** A name of an object member that was read lately; see json_read.c. */
typedef struct tp_key {
    PyObject *text; /* exact str, strong; NULL: unused */
    uint8_t len;
    char bytes[TP_KEY_LENGTH];
} tp_key;

/** What one thread keeps for the data plane. Touched by that thread only. Made at first use,
 *  dropped by the server's `stop` hook or after the thread has ended. */
typedef struct tp_thread {
    tp_garbage garbage;   /* queued when the thread ended without a `stop` hook */
    PyThreadState *state; /* the kept state; NULL on threads that Python attached itself */
    bool attached;        /* by tp_attach() */
    uint64_t attaches;    /* counts attaches: what was checked under an earlier one is stale */
    const PyObject *gate; /* the gate asked last, borrowed and only compared; see gate.c */
    uint64_t gate_attach; /* under which attach it was asked */
    bool gate_open;       /* its answer */
    tp_buf scratch;       /* JSON being written or unescaped */
    tp_key *keys;         /* TP_KEY_SLOTS of them, made by the first JSON body */
} tp_thread;

/** Attaches the calling thread if it is not. `request` (may be NULL) is the one being handled: the
 *  wait for the interpreter is announced with turbo_request_lock_wait(). Returns 0, or -1 when out
 * of memory: then nothing of Python may be touched. Threads of libturbo. */
int tp_attach(turbo_request *request);

/** Detaches the calling thread if tp_attach() attached it. Any thread. */
void tp_detach(void);

/** Whether tp_attach() has attached the calling thread. False on threads that run Python by
 *  themselves. Any thread. */
bool tp_attached(void);

/** The calling thread's slot, made if it has none. NULL when out of memory, without exception. */
tp_thread *tp_thread_self(void);

/** The hooks for turbo_server_options.hooks. Static. */
const turbo_thread_hooks *turboapi_thread_hooks(void);

/*
 * References that libturbo holds. Its release callbacks may run on a thread that is not attached:
 * the reference is then queued, and dropped at the next attach of any thread.
 */
typedef struct tp_hold tp_hold;

/** Takes over the reference to `object` (stolen on success only). NULL without exception when out
 * of memory. Attached threads. */
tp_hold *tp_hold_new(PyObject *object);

/** A turbo_release_fn for a tp_hold. Any thread, attached or not. */
void tp_hold_release(void *hold);

/** Has `garbage` dropped at once if tp_attach() has attached the caller, otherwise at the next
 * attach of any thread. Any thread, attached or not. */
void tp_garbage_drop(tp_garbage *garbage);

/** Drops everything that is queued. Runs finalisers. Attached threads. */
void tp_garbage_drain(void);

#endif
