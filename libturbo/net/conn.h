/* SPDX-License-Identifier: MIT */
#ifndef TURBO__NET_CONN_H
#define TURBO__NET_CONN_H

/*
 * One connection speaking HTTP/1. Lives and dies on one loop. It outlives its closing as long as an
 * exchange is pending, because requests point into its receive buffer.
 */

#include "codec/http1_parser.h"
#include "codec/http1_writer.h"
#include "net/loop.h"
#include "net/stream.h"

typedef enum turbo__conn_state {
    TURBO__CONN_IDLE,    /* between requests */
    TURBO__CONN_HEAD,    /* part of a head has come */
    TURBO__CONN_BODY,    /* the body comes, the handler waits for it */
    TURBO__CONN_HANDLER, /* the handler runs or its answer is pending */
    TURBO__CONN_DRAIN,   /* answered; the rest of the request's body is thrown away */
    TURBO__CONN_LINGER,  /* answered and shut down; what still comes is thrown away */
    TURBO__CONN_CLOSED
} turbo__conn_state;

/** One piece of output that could not be sent at once. Owned by the connection. */
typedef struct turbo__out {
    struct turbo__out *next;
    turbo_str data;            /* unsent part; for files: `len` bytes left */
    turbo_release_fn *release; /* NULL: the bytes follow the struct */
    void *release_data;
    int fd; /* >= 0: a file, closed when sent */
    uint64_t offset;
} turbo__out;

struct turbo__conn {
    turbo__watch watch; /* must stay first */
    uint8_t state;      /* turbo__conn_state */
    bool keep_alive;    /* another request may follow */
    bool peer_closed;   /* its sending side, and all it sent was read */
    bool fin_seen;      /* the poller said so; bytes may still be unread */
    bool body_due;      /* the end of the current message was not reached */
    bool reader_waits;  /* the handler asked for a part of the body that has not come */
    bool surplus;       /* beyond the limit: it is told so, and closed */
    bool close_after;   /* close when all output is sent */
    bool broken;        /* close at the next chance: output failed */
    bool continue_due;  /* the client may wait for 100 Continue, sent when its body is wanted */
    int body_error;     /* why a streamed body ended early, or 0 */
    int body_status;    /* … and the answer to that */
    turbo__loop *loop;
    turbo__list link;       /* loop->conns */
    turbo__list timer_link; /* one of loop->timers, or none */
    turbo__timer timer;     /* which one */
    turbo__list ready_link; /* loop->ready, or none */
    uint64_t deadline;      /* ms; of `timer` */
    uint32_t interest;      /* what the poller watches */
    uint32_t served;        /* requests so far */
    turbo__stream stream;
    char *in; /* receive buffer, NULL while nothing is buffered */
    size_t in_len;
    size_t in_cap;
    size_t in_pos;   /* parsed up to here */
    size_t head_end; /* offset of the first body byte of the current request */
    turbo__http1_parser parser;
    turbo__http1_head head;
    uint64_t body_seen;     /* bytes of body so far */
    uint64_t waited;        /* ms that the server has waited for bytes of the body */
    uint64_t drained;       /* bytes of body thrown away */
    uint64_t linger_until;  /* ms; when a client that goes on sending is closed */
    turbo_request *request; /* the current exchange */
    turbo__out *out;
    turbo__out **out_end;
    size_t out_bytes; /* in `out`, without files */
    size_t unsent;    /* in the kernel's buffer when the write timer was started */
    turbo__endpoints ends;
    bool proxy_due; /* a PROXY header must come before the first request */
    turbo__conn *next_free;
};

/* conn.c */
int turbo__conn_open(turbo__loop *loop, int fd, const turbo__endpoints *ends);
/** Answers a client beyond the limit of connections with 503 and closes. Takes `fd`; returns 0 or
 * an error, and `fd` stays the caller's then. */
int turbo__conn_turn_away(turbo__loop *loop, int fd, const turbo__endpoints *ends);
/** The server stops: closes a connection on which nothing is under way. A request that has just
 * come is served. */
void turbo__conn_retire(turbo__conn *conn);
/** Throws away what a refused client still sends. */
void turbo__conn_linger(turbo__conn *conn);
/** Closes a lingering connection now, but reads first what has come: a close with unread input
 * resets the connection, and the client may lose its answer (RFC 9112 §9.6). */
void turbo__conn_end_linger(turbo__conn *conn);
/** Frees closed connections beyond `keep`. Between events only. */
void turbo__conn_trim(turbo__loop *loop, uint32_t keep);
/** Handles what the poller reported. Returns 0 or TURBO__LOST. */
int turbo__conn_event(turbo__conn *conn, uint32_t events);
/** Closes now; a pending exchange is told and stays until its handler is done. */
void turbo__conn_close(turbo__conn *conn);
/** Closes so that the peer can still read the answer (RFC 9112 §9.6): all output, then a shutdown,
 * then reads until the end. */
void turbo__conn_finish(turbo__conn *conn);
/** Gives the receive buffer back; idle connections keep none. */
void turbo__conn_release_input(turbo__conn *conn);
/** Starts the timer of the present state, unless it runs; that of an idle connection starts anew.
 */
void turbo__conn_arm(turbo__conn *conn);
/** Puts it on a timer list with a new deadline; turbo__conn_no_timer() takes it off. */
void turbo__conn_timer(turbo__conn *conn, turbo__timer timer);
void turbo__conn_no_timer(turbo__conn *conn);
/** Sets the poller right for the present state. */
void turbo__conn_update(turbo__conn *conn);
/** A deadline has passed; its timer is off. */
void turbo__conn_expired(turbo__conn *conn, turbo__timer timer);
/** Tells a waiting on_close callback that the peer closed its side. An answer under way is still
 * sent (the peer may be half-closed only). */
void turbo__conn_note_peer_closed(turbo__conn *conn);
/** Tells the waiting callbacks of a pending exchange that its client is gone. */
void turbo__conn_tell_closed(turbo_request *request);
/** The exchange is done with; frees a closed connection that waited for it. */
void turbo__conn_end_exchange(turbo__conn *conn);

/* http1.c */
/** Goes on with whatever is buffered: parses, calls handlers, answers. Sends what accumulated.
 * Returns 0 or TURBO__LOST. */
int turbo__http1_advance(turbo__conn *conn);
/** Room for reading: at least one byte, more for heads and bodies. False when out of memory. */
bool turbo__http1_make_room(turbo__conn *conn);
/** Whether more input is of use now. */
bool turbo__http1_wants_input(const turbo__conn *conn);
/** The exchange has news (see turbo__pending). Returns 0 or TURBO__LOST. */
int turbo__http1_news(turbo_request *request);
/** Goes on with a streamed response whose output was sent. Returns 0 or TURBO__LOST. */
int turbo__http1_continue_stream(turbo__conn *conn);
/** Answers a message that could not be parsed, and closes. */
void turbo__http1_refuse(turbo__conn *conn, int status);
/** Answers with an error of the server's own, and closes. */
void turbo__http1_fail(turbo__conn *conn, int status);
/** The rest of the body did not come in time. */
void turbo__http1_body_late(turbo__conn *conn);
/** Hands the received part of a streamed body to a waiting reader. */
void turbo__http1_deliver(turbo__conn *conn);

/* account.c */
/** The head of the current exchange is complete. */
void turbo__account_head(turbo__conn *conn);
/** Counts the current exchange and tells the access log of it. `status` 0: broken off without an
 * answer. To be called once for each, before the peer can see the end of the answer. */
void turbo__account(turbo__conn *conn, int status);

/* respond.c */
/** Writes the complete response of the current exchange and ends it. */
void turbo__respond(turbo__conn *conn);
/** Writes a rendered static answer and ends the exchange. */
void turbo__respond_static(turbo__conn *conn, const turbo__static_answer *answer);
/** Moves a streamed response on: head, chunks, end. `finished`, `writable` as taken from `pending`.
 */
void turbo__respond_stream(turbo__conn *conn);
/** Writes what a streamed response has given so far, and closes. */
void turbo__respond_abort(turbo__conn *conn);

/* output.c */
/** Adds bytes (copied) to what is sent at the next flush. A failure marks the connection broken. */
void turbo__output_copy(turbo__conn *conn, turbo_str data);
/** The buffer for direct writing of this connection's next bytes; NULL when it is broken. */
turbo__buf *turbo__output_buffer(turbo__conn *conn);
/** Adds memory that stays valid until `release`; big pieces are not copied. */
void turbo__output_owned(turbo__conn *conn, turbo_str data, turbo_release_fn *release,
                         void *data_of);
/** Adds a part of an open file; closes `fd` when done. */
void turbo__output_file(turbo__conn *conn, int fd, uint64_t offset, uint64_t length);
/** Sends what can be sent; the rest waits for the poller. */
void turbo__output_flush(turbo__conn *conn);
/** Moves the unsent bytes of a connection whose driver was replaced to its own queue. */
void turbo__output_rescue(turbo__loop *loop);
/** Sends queued output when the poller says so. */
void turbo__output_drain(turbo__conn *conn);
void turbo__output_clear(turbo__conn *conn);

#endif
