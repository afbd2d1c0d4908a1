/* SPDX-License-Identifier: MIT */
#ifndef TURBOAPI_THREAD_H
#define TURBOAPI_THREAD_H

#include "compat.h"

#include <turbo/turbo.h>

/*
 * Attaching the threads of libturbo to the interpreter.
 *
 * Every thread that runs handlers keeps one thread state for life. A batch of requests runs under one attach:
 * tp_attach() is a no-op while the thread is attached, and the server's `before_wait` hook detaches it
 * before it blocks, so nobody ever sleeps in poll(2) while holding the interpreter.
 */

/** Growable memory that belongs to one thread or one call. All zero is empty. Freed with tp_buf_free(). */
typedef struct tp_buf {
    char *data;
    size_t len; /* bytes used */
    size_t cap; /* bytes allocated */
} tp_buf;

/** Makes room for `more` bytes. Returns 0, or -1 when out of memory. */
int tp_buf_reserve(tp_buf *buf, size_t more);
void tp_buf_free(tp_buf *buf);

/** What one thread keeps for the data plane. Owned and touched by that thread only; made at its first
 *  attach, destroyed by the `stop` hook or when the thread ends. */
typedef struct tp_thread {
    PyThreadState *state; /* kept thread state */
    bool attached;
    bool hooked;            /* the server's `stop` hook will destroy this slot */
    tp_buf scratch;         /* JSON being written or unescaped */
    PyObject *keys[256];    /* strings of object names read lately; see json_read.c */
} tp_thread;

/** Attaches the calling thread if it is not. `request` (may be NULL) is the one being handled: the wait for
 *  the interpreter is announced with turbo_request_lock_wait(). Returns 0, or -1 when there is no memory
 *  for a thread state or the interpreter is shutting down: then nothing of Python may be touched. */
int tp_attach(turbo_request *request);

/** Detaches the calling thread if tp_attach() attached it. */
void tp_detach(void);

/** Whether tp_attach() has attached the calling thread. False on threads that run Python by themselves. */
bool tp_attached(void);

/** The calling thread's slot; it is attached, by whatever means. NULL with MemoryError when out of memory. */
tp_thread *tp_thread_self(void);

/** The hooks for turbo_server_options.hooks. Static. */
const turbo_thread_hooks *turboapi_thread_hooks(void);

/** One step of a server that is driven by the calling Python thread (turbo_server_pollfd()): like
 *  turbo_server_step(server, 0), with the handlers running under the caller's attach. */
int tp_server_step(turbo_server *server);

/*
 * References that libturbo holds. Its release callbacks may run on a thread that is not attached; the reference is
 * then queued and dropped at the next attach of any thread.
 */
typedef struct tp_hold tp_hold;

/** Takes over the reference to `object` (stolen on success). NULL with MemoryError when out of memory. */
tp_hold *tp_hold_new(PyObject *object);

/** A turbo_release_fn for a tp_hold. Any thread, attached or not. */
void tp_hold_release(void *hold);

/** Drops every queued reference. Attached threads; runs finalisers. */
void tp_hold_drain(void);

#endif
