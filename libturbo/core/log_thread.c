/* SPDX-License-Identifier: MIT */

/*
 * The thread that hands access records to the program. It sleeps while there are none, and naps
 * after some, so that busy loops need not wake it each time: one look at its state per turn of a
 * loop is all that they do.
 */

#include <signal.h>

#include "base/clock.h"
#include "base/compat.h"
#include "base/error.h"
#include "core/server.h"

enum { AWAKE, NAPPING, ASLEEP }; /* turbo__log_thread.state */

enum {
    NAP_MS = 10, /* how long records gather before they are handed over */
    BATCH = 64   /* records of one loop before another has its turn */
};

static bool drain(turbo_server *server)
{
    const turbo__settings *settings = &server->app.settings;
    bool some = false;
    bool more = true;
    while (more) {
        more = false;
        for (uint32_t i = 0; i < server->loop_count; i++) {
            int taken = 0;
            while (taken < BATCH &&
                   turbo__access_take(server->loops[i].access, settings->access_log,
                                      settings->access_data)) {
                taken++;
            }
            more = more || taken > 0;
        }
        some = some || more;
    }
    return some;
}

static bool records_wait(turbo_server *server)
{
    for (uint32_t i = 0; i < server->loop_count; i++) {
        if (turbo__access_waits(server->loops[i].access)) {
            return true;
        }
    }
    return false;
}

/* With the lock held. A loop that put a record in before it looked at the state is seen here; one
 * that looks later sees the new state and calls. */
static void rest(turbo_server *server, bool nap)
{
    turbo__log_thread *log = &server->log;
    (void)turbo__u32_exchange_acq_rel(&log->state, nap ? NAPPING : ASLEEP);
    if (nap) {
        struct timespec until;
        turbo__clock_deadline(NAP_MS, &until);
        (void)pthread_cond_timedwait(&log->wake, &log->lock, &until); /* early or not: we look */
    } else {
        while (!log->quit && turbo__u32_load_relaxed(&log->state) == ASLEEP &&
               !records_wait(server)) {
            (void)pthread_cond_wait(&log->wake, &log->lock);
        }
    }
    turbo__u32_store_relaxed(&log->state, AWAKE);
}

static void *log_main(void *arg)
{
    turbo_server *server = arg;
    turbo__log_thread *log = &server->log;
    (void)pthread_mutex_lock(&log->lock);
    bool quit = false;
    while (!quit) {
        quit = log->quit; /* looked at first: what came before it is still handed over */
        (void)pthread_mutex_unlock(&log->lock);
        bool some = drain(server);
        (void)pthread_mutex_lock(&log->lock);
        if (!quit && !log->quit) {
            rest(server, some);
        }
    }
    (void)pthread_mutex_unlock(&log->lock);
    (void)pthread_mutex_lock(&server->pool.lock);
    server->pool.log_runs = false;
    (void)pthread_cond_broadcast(&server->pool.changed);
    (void)pthread_mutex_unlock(&server->pool.lock);
    return NULL;
}

static void wake(turbo__log_thread *log)
{
    (void)pthread_mutex_lock(&log->lock);
    turbo__u32_store_relaxed(&log->state, AWAKE);
    (void)pthread_cond_signal(&log->wake);
    (void)pthread_mutex_unlock(&log->lock);
}

void turbo__log_turn(turbo_server *server)
{
    turbo__log_thread *log = &server->log;
    /* Adds nothing, but is ordered with rest(): either it sees our records or we see its state. */
    if (log->started && turbo__u32_add_acq_rel(&log->state, 0) == ASLEEP) {
        wake(log);
    }
}

void turbo__log_hurry(turbo_server *server)
{
    turbo__log_thread *log = &server->log;
    if (log->started && turbo__u32_load_relaxed(&log->state) != AWAKE) {
        wake(log);
    }
}

int turbo__log_start(turbo_server *server, bool waited_for)
{
    if (server->app.settings.access_log == NULL) {
        return 0;
    }
    sigset_t all;
    sigset_t before;
    (void)sigfillset(&all); /* cannot fail for a valid set */
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    int rc = pthread_create(&server->log.thread, NULL, log_main, server);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (rc != 0) {
        return turbo__error_set(TURBO_ESYSTEM, "no thread could be made");
    }
    server->log.started = true;
    server->pool.log_runs = waited_for;
    return 0;
}

void turbo__log_quit(turbo_server *server)
{
    turbo__log_thread *log = &server->log;
    (void)pthread_mutex_lock(&log->lock);
    log->quit = true;
    (void)pthread_cond_signal(&log->wake);
    (void)pthread_mutex_unlock(&log->lock);
}

void turbo__log_stop(turbo_server *server)
{
    if (server->log.started) {
        turbo__log_quit(server);
        (void)pthread_join(server->log.thread, NULL); /* our own thread, joined once */
        server->log.started = false;
    }
}
