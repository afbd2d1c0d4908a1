/* SPDX-License-Identifier: MIT */
#ifndef TURBO__CORE_SERVER_H
#define TURBO__CORE_SERVER_H

/*
 * A server: its application, listeners, event loops and threads. Driving a loop is a role that
 * passes between the pool's threads: the one whose handler blocks loses it to a spare.
 */

#include <pthread.h>

#include "app/application.h"
#include "net/loop.h"
#include "turbo/server.h"

typedef enum turbo__phase {
    TURBO__SETUP,
    TURBO__STEPPED, /* driven by turbo_server_step() */
    TURBO__RUNNING, /* driven by threads of its own */
    TURBO__STOPPED_PHASE
} turbo__phase;

/** A request waiting for an offload thread. Guarded by the pool's lock. */
typedef struct turbo__job {
    struct turbo__job *next;
    turbo_request *request;
} turbo__job;

/** Threads that drive loops and run slow handlers. `lock` guards all but the atomics. */
typedef struct turbo__pool {
    pthread_mutex_t lock;
    pthread_cond_t work;    /* there is something for a spare thread */
    pthread_cond_t changed; /* a thread ended, a loop stopped */
    pthread_t *threads;
    uint32_t thread_count;
    uint32_t thread_max;
    uint32_t idle;         /* threads waiting for work */
    turbo__loop **orphans; /* loops whose baton waits to be picked up */
    uint32_t orphan_count;
    turbo__job *jobs;
    turbo__job **jobs_end;
    uint32_t job_count;
    uint32_t live_loops;
    bool log_runs; /* the log's thread, when turbo_server_wait() is to wait for it */
    bool closing;
} turbo__pool;

/** Watches the call words and takes batons from blocked drivers. */
typedef struct turbo__monitor {
    pthread_t thread;
    bool started;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool quit;                /* guarded by lock */
    turbo__atomic_u32 asleep; /* every loop was idle; a driver that wakes up must call it */
    uint64_t *seen;           /* call words at the last look */
} turbo__monitor;

/** Hands access records to the program; see log_thread.c. */
typedef struct turbo__log_thread {
    pthread_t thread;
    bool started; /* set before the loops run */
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool quit; /* guarded by lock */
    turbo__atomic_u32 state;
} turbo__log_thread;

struct turbo_server {
    turbo__application app;
    turbo_thread_hooks hooks;
    turbo__phase phase; /* guarded by pool.lock once threads run */
    turbo__listening *listeners;
    size_t listener_count;
    turbo__loop *loops;
    uint32_t loop_count;
    uint32_t loops_ready;
    turbo__atomic_ptr here; /* turbo__atomic_u32 *, see fork.c; NULL: not started */
    turbo__pool pool;
    turbo__monitor monitor;
    turbo__log_thread log;
    turbo__atomic_u32 stop_calls;
    turbo__atomic_u32
        done_accepting; /* loops that will not accept any more; the last closes the listeners */
};

/* fork.c */
/** Returns 0, or TURBO_EFORK when this process is a child of the one that started the server: its
 * threads do not exist here. Any thread, async-signal-safe but for the error's detail. */
int turbo__server_check(const turbo_server *server);
/** The same without an error. Async-signal-safe. */
bool turbo__server_is_copy(const turbo_server *server);
/** Notes that the server's threads will be this process's. Returns 0 or TURBO_ESYSTEM. */
int turbo__server_settle(turbo_server *server);
/** What its loops look at; valid from turbo__server_settle() on. */
const turbo__atomic_u32 *turbo__server_here(const turbo_server *server);
/** The opposite, when it is freed. */
void turbo__server_unsettle(turbo_server *server);
/** What turbo_server_free() does with a copy. */
void turbo__server_free_copy(turbo_server *server);
/** Ends the calling thread if it is one of the server's that was taken along by a fork in a
 * handler. */
void turbo__server_end_stray(const turbo_server *server);

/* pool.c */
int turbo__pool_init(turbo_server *server);
void turbo__pool_clear(turbo_server *server);
/** Starts one thread for each loop. Returns 0, TURBO_ESYSTEM, TURBO_ENOMEM. */
int turbo__pool_start(turbo_server *server);
/** Waits for the threads to end; the loops must have been stopped. */
void turbo__pool_join(turbo_server *server);
/** Gives the baton of `loop` to a spare thread. `commit` is called once one is certain and must say
 * whether the baton was really taken. Returns whether it went over. */
bool turbo__pool_hand_over(turbo_server *server, turbo__loop *loop, uint64_t word);
/** See turbo__loop_ops. */
int turbo__pool_offload(turbo__loop *loop, turbo_request *request);

/* log_thread.c */
/** Starts the thread if there is an access log; `waited_for`: turbo_server_wait() waits for its
 * end. Returns 0 or TURBO_ESYSTEM. */
int turbo__log_start(turbo_server *server, bool waited_for);
/** Says that no records will come any more; the thread ends once it has handed over all. */
void turbo__log_quit(turbo_server *server);
/** The same, and waits for it. */
void turbo__log_stop(turbo_server *server);
/** A loop has finished its turn. Driver. */
void turbo__log_turn(turbo_server *server);
/** A loop's queue is half full. Driver. */
void turbo__log_hurry(turbo_server *server);

/* monitor.c */
int turbo__monitor_start(turbo_server *server);
void turbo__monitor_stop(turbo_server *server);
/** A driver came back from waiting. */
void turbo__monitor_awake(turbo_server *server);

#endif
