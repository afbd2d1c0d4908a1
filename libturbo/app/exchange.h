/* SPDX-License-Identifier: MIT */
#ifndef TURBO__APP_EXCHANGE_H
#define TURBO__APP_EXCHANGE_H

/*
 * One request with its response. Made, recycled and freed by the event loop that read it (L3),
 * which is the only one to touch it but for two parts: while a handler runs, request and response
 * content are the handler's; and the `pending` part is shared between the handler's thread and the
 * loop, guarded by its lock.
 */

#include <pthread.h>

#include "app/client.h"
#include "app/router.h"
#include "base/arena.h"
#include "base/atomic.h"
#include "base/buf.h"
#include "codec/fields.h"
#include "codec/url.h"
#include "turbo/request.h"
#include "turbo/response.h"

/** How an exchange reaches the loop that owns it; implemented by the net layer. */
typedef struct turbo__transport {
    /** Queues the exchange for the loop's attention and wakes it. Any thread. Called once for
     *  each change of `pending.queued` from false to true. Does nothing in a child of the process
     *  that serves it. */
    void (*post)(turbo_request *request);
    /** See turbo_request_lock_wait(). */
    void (*lock_wait)(turbo_request *request, bool waiting);
} turbo__transport;

typedef enum turbo__body_kind {
    TURBO__BODY_NONE,
    TURBO__BODY_MEMORY, /* valid until release, or as long as the exchange when that is NULL */
    TURBO__BODY_FILE
} turbo__body_kind;

struct turbo_response {
    turbo__fields fields;
    int status;
    turbo__body_kind kind;
    bool has_content_type;
    bool in_arena; /* the body dies with the exchange */
    bool spoiled;  /* a field was refused that could have split the answer: it must not go out */
    turbo_str body;
    turbo_release_fn *release;
    void *release_data;
    int fd;
    uint64_t file_offset;
    uint64_t file_length;
};

/** One part of a streamed response on its way to the loop. */
typedef struct turbo__chunk {
    struct turbo__chunk *next;
    turbo_str data;
    turbo_release_fn *release; /* NULL: the bytes follow the struct */
    void *release_data;
} turbo__chunk;

/** What a handler that returned TURBO_PENDING shares with the loop. Guarded by `lock`. */
typedef struct turbo__pending {
    pthread_mutex_t lock;
    bool queued;   /* in the loop's inbox: only the loop, on taking it out, may act */
    bool finished; /* turbo_response_finish(): nothing more will come from the handler */
    bool aborted;
    bool begun;        /* streaming */
    bool closed;       /* the client is gone */
    bool body_end;     /* the end of the body was delivered */
    int64_t length;    /* of the stream; -1: unknown */
    uint64_t accepted; /* stream bytes taken so far */
    size_t unsent;     /* bytes in `chunks` */
    size_t window;     /* bytes that `unsent` may reach before senders must wait */
    turbo__chunk *chunks;
    turbo__chunk **chunks_end;
    turbo_read_fn *read;
    void *read_data;
    turbo_writable_fn *writable;
    void *writable_data;
    turbo_close_fn *close;
    void *close_data;
} turbo__pending;

struct turbo_request {
    turbo__arena arena;
    turbo_str method;
    turbo_str target;
    turbo_str raw_path;
    turbo_str path;
    turbo_str query;
    turbo__fields headers;
    turbo__fields trailers; /* `items` is a heap block of its own, or NULL */
    turbo__match match;
    const turbo_route *route;
    turbo_str body; /* into the receive buffer or body_buf */
    turbo__buf body_buf;
    bool body_complete;
    bool body_whole;   /* it was complete when the handler was called: what handlers may see without
                          asking the loop */
    bool streams_body; /* the route reads with turbo_request_read() */
    bool begun;        /* the loop has written the head of a stream */
    bool chunked;      /* … in chunks */
    bool bodyless;     /* … without content: HEAD, 204, 304 */
    uint64_t ticket;   /* of the inline call under way; 0: the handler runs elsewhere */
    bool lock_waiting; /* the handler's thread waits for the shared lock */
    bool preflight;    /* the response is that to a CORS preflight, complete as it is */
    uint64_t started;  /* ns; when the head was complete. 0: it was not */
    uint64_t sent;     /* bytes of the answer that were handed to the connection */
    uint8_t version;
    uint32_t retry_after; /* s; told with a 503 of the library */
    const turbo__endpoints *endpoints;
    turbo__client client;
    const turbo__transport *transport;
    void *loop;          /* the owner */
    void *conn;          /* NULL once the connection is gone */
    turbo_request *next; /* in the inbox or the free list */
    void *attached;      /* what dies with the exchange at the latest, or NULL */
    turbo_release_fn *attached_release;
    turbo__pending pending;
    turbo_response response;
};

/** Prepares memory for use, once. Returns 0 or TURBO_ESYSTEM. */
int turbo__exchange_init(turbo_request *request, const turbo__transport *transport, void *loop);

/** Frees what init and use acquired, not the struct. */
void turbo__exchange_destroy(turbo_request *request);

/** Makes it ready for a new request: everything released, memory kept. */
void turbo__exchange_reset(turbo_request *request);

/** Whether only the library writes this field: it says how messages are framed (RFC 9112 §6, §9.6).
 */
bool turbo__is_framing_field(turbo_str name);

/** Takes over the parts of the request-target; the path is decoded. The views are kept as they are.
 * Returns 0 or TURBO_ENOMEM. */
int turbo__exchange_target(turbo_request *request, const turbo__url *url);

/** Drops body and fields of the response and sets status and a body `text` of the given type.
 * `text` and `type` must be static or from the exchange's arena. Used for the library's own
 * answers. */
int turbo__exchange_answer(turbo_request *request, int status, turbo_str type, turbo_str text);

/** The library's own error answer for `status`: JSON {"detail": phrase}; 500 is plain text
 * (FastAPI's bodies). */
int turbo__exchange_error(turbo_request *request, int status);

/** The error of a handler that goes on with a spoiled response; TURBO_EHEADER. */
int turbo__response_spoiled(void);

/** Takes everything back that was put into the response. */
void turbo__response_clear(turbo_response *response);

/** The library's own answer for a negative `error` of a handler; those that are answered with 500
 * are logged. */
int turbo__exchange_fail(turbo_request *request, int error);

/** Marks a pending exchange finished or aborted and posts it. Returns 0 or TURBO_ECANCELLED. The
 * exchange may be gone when it returns. */
int turbo__exchange_finish(turbo_request *request, bool abort);

static inline turbo_request *turbo__request_of(turbo_response *response)
{
    return (turbo_request *)(void *)((char *)response - offsetof(struct turbo_request, response));
}

/** Frees a chunk, telling its owner. */
void turbo__chunk_free(turbo__chunk *chunk);

#endif
