/* SPDX-License-Identifier: MIT */
#ifndef TURBO__NET_LOOP_H
#define TURBO__NET_LOOP_H

/*
 * One event loop with everything it owns: poller, connections, timers, pools. Whoever holds its
 * baton drives it with turbo__loop_run(); nobody else touches it but through the inbox, the call
 * word and the stop flag.
 */

#include "app/access.h"
#include "app/application.h"
#include "app/exchange.h"
#include "app/metrics.h"
#include "base/atomic.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/list.h"
#include "base/thread.h"
#include "net/poller.h"
#include "net/socket.h"

typedef struct turbo__loop turbo__loop;
typedef struct turbo__conn turbo__conn;

/** What turbo__loop_run() and the functions under it return besides 0 and errors. */
enum {
    TURBO__LOST = 1,   /* the baton was taken while a handler ran: touch nothing, go away */
    TURBO__STOPPED = 2 /* the loop has stopped and owns no connection any more */
};

/** What the core layer does for a loop. Every function fires on the thread that drives it. */
typedef struct turbo__loop_ops {
    /** Runs the request's handler on another thread and posts the exchange when done. Returns 0, or
     *  TURBO_ELIMIT when too many wait already. */
    int (*offload)(turbo__loop *loop, turbo_request *request);
    /** The driver is about to block, and has come back with something to do. */
    void (*before_wait)(turbo__loop *loop);
    void (*after_wait)(turbo__loop *loop);
    /** Access records pile up: their reader should hurry. */
    void (*log_pressing)(turbo__loop *loop);
    /** The loop will never accept again. */
    void (*done_accepting)(turbo__loop *loop);
    /** Whether every loop that watches the same listeners is at its limit of connections. */
    bool (*every_loop_full)(const turbo__loop *loop);
} turbo__loop_ops;

/* States of the call word; the rest of the word is a number that is different for every call. */
enum {
    TURBO__CALL_IDLE = 0,
    TURBO__CALL_RUNNING = 1,
    TURBO__CALL_LOCKED = 2, /* waits for a lock that all handlers share */
    TURBO__CALL_TAKEN = 3,  /* the baton went to another thread */
    TURBO__CALL_MASK = 3
};

/** Things a poller can report; the first member of whatever is watched. */
typedef enum turbo__watch {
    TURBO__WATCH_WAKE,
    TURBO__WATCH_LISTENER,
    TURBO__WATCH_CONN
} turbo__watch;

typedef struct turbo__listener {
    turbo__watch watch;
    int fd;
    bool shared; /* others accept from it too */
} turbo__listener;

/** Lists of connections by deadline; in each the time allowed is the same for all, so they stay in
 * order. */
typedef enum turbo__timer {
    TURBO__TIMER_IDLE,
    TURBO__TIMER_HEAD,
    TURBO__TIMER_BODY,
    TURBO__TIMER_WRITE,
    TURBO__TIMER_LINGER,
    TURBO__TIMER_COUNT,
    TURBO__TIMER_NONE = TURBO__TIMER_COUNT
} turbo__timer;

struct turbo__loop {
    turbo__watch wake_watch; /* must stay first: the wake descriptor's watch */
    const turbo__application *app;
    const turbo__loop_ops *ops;
    void *owner;
    bool guarded; /* a monitor watches the call word */

    /* shared between threads */
    turbo__atomic_ptr inbox;   /* exchanges with news, newest first */
    turbo__atomic_u32 posting; /* threads that put something in and may be about to wake the loop */
    turbo__atomic_u64 call;    /* the handler call under way */
    turbo__atomic_u64 driver;  /* the driving thread's identity */
    turbo__atomic_u32 polling; /* the driver waits in the poller */
    turbo__atomic_u32
        locked_out;         /* threads that lost the baton while waiting for the shared lock */
    turbo__atomic_u32 stop; /* 1: drain, 2: close at once */
    turbo__atomic_u32 full; /* 1: as many connections as allowed */

    /* the driver's */
    turbo__poller poller;
    int wake_fd;
    turbo__listener *listeners;
    size_t listener_count;
    bool accepting;
    bool draining;
    uint64_t accept_again; /* ms; when accepting was suspended for want of descriptors. 0: not */
    uint64_t refuse_at;    /* ms; while full: when those who wait for a place are sent away */
    uint64_t stop_deadline;
    uint64_t call_seq;
    const turbo__atomic_u32
        *here;       /* the owner's: 1 in the process it serves in, 0 in its children */
    uint64_t now;    /* ms */
    uint64_t tick;   /* ns; see turbo__loop_tick() */
    bool tick_stale; /* something that may have taken time was done since */
    int64_t wall;    /* s; what `common` was rendered for */
    char common[32 + TURBO__HTTP_DATE_LEN + TURBO__SERVER_HEADER_MAX]; /* Date and Server */
    size_t common_len;
    uint32_t max_conns;
    uint32_t conn_count;    /* open ones */
    uint32_t surplus_count; /* … of these, beyond the limit and told so */
    uint32_t linger_count;  /* … of these, answered and shut down */
    uint32_t kept_count;    /* closed ones whose exchange is still pending */
    turbo__list conns;
    turbo__list ready; /* connections with buffered requests beyond their turn */
    turbo__list timers[TURBO__TIMER_COUNT];
    turbo_request *todo; /* taken out of the inbox, in order */
    turbo__buf out;      /* unsent bytes of `current` */
    turbo__conn *current;
    turbo_route *running; /* of the handler call under way */
    turbo_request *free_requests;
    turbo__conn *free_conns;
    struct turbo__block *free_blocks;
    uint32_t free_request_count;
    uint32_t free_conn_count;
    uint32_t free_block_count;
    turbo__access_queue *access; /* NULL: no access log */
    turbo__row *rows;            /* counters by route */
    turbo__counters counters;
    char apart[TURBO__CACHE_LINE]; /* the next loop's data is not on the counters' cache line */
};

/** Prepares a loop; listeners are borrowed, `max_conns` is this loop's share. Returns 0,
 * TURBO_ESYSTEM, TURBO_ENOMEM. */
int turbo__loop_init(turbo__loop *loop, const turbo__application *app, const turbo__loop_ops *ops,
                     void *owner, const turbo__listening *listeners, size_t count,
                     uint32_t max_conns);

/** In a forked process: closes the copies of the loop's descriptors. Its memory is left alone:
 * another thread may have been changing it. */
void turbo__loop_drop_copies(turbo__loop *loop);

/** Frees all. Every exchange must have been finished (see turbo__loop_run() returning
 * TURBO__STOPPED). */
void turbo__loop_clear(turbo__loop *loop);

/** One turn: waits at most `timeout_ms` (negative: no bound of its own) and does what there is to
 * do. Returns 0, TURBO__LOST, TURBO__STOPPED or TURBO_ESYSTEM. A handler that returns in another
 * process than it was called in has lost the baton, too. */
int turbo__loop_run(turbo__loop *loop, int timeout_ms);

/** To be called by a thread that received the baton of a call that was taken, before its first
 * turn. */
void turbo__loop_take_over(turbo__loop *loop);

/** Makes the calling thread the driver of a loop that nobody else drives. */
void turbo__loop_drive_here(turbo__loop *loop);

/** Wakes the driver. Any thread, async-signal-safe. */
void turbo__loop_wake(turbo__loop *loop);

/** Whether work is left that the poller does not show. Driver only. */
bool turbo__loop_has_work(const turbo__loop *loop);

/** Asks for a stop: 1 drain, 2 at once. Any thread, async-signal-safe. */
void turbo__loop_stop(turbo__loop *loop, uint32_t how);

/* --- for the files of this layer --- */

/** Brackets an inline handler call. leave is false when the baton was taken meanwhile. */
uint64_t turbo__loop_enter_call(turbo__loop *loop);
bool turbo__loop_leave_call(turbo__loop *loop, uint64_t ticket);

/** The time in ns, as of the last thing done on this loop that may have taken long: whoever does
 * such a thing sets `tick_stale`. So the clock is read once for each handler call, not twice, and
 * not at all for what the library answers by itself. */
static inline uint64_t turbo__loop_tick(turbo__loop *loop)
{
    if (loop->tick_stale) {
        loop->tick_stale = false;
        loop->tick = turbo__clock_ns();
    }
    return loop->tick;
}

turbo_request *turbo__loop_take_request(turbo__loop *loop);
void turbo__loop_give_request(turbo__loop *loop, turbo_request *request);

/** Blocks of the usual receive buffer size. */
enum { TURBO__BLOCK_SIZE = 16384 };
char *turbo__loop_take_block(turbo__loop *loop);
void turbo__loop_give_block(turbo__loop *loop, char *block);

#endif
