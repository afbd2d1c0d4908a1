/* SPDX-License-Identifier: MIT */

/*
 * The monitor looks at every loop about once a millisecond. A handler call that it sees twice is a
 * slow one: the loop's baton goes to a spare thread. While all loops are idle the monitor sleeps.
 */

#include <signal.h>

#include "base/clock.h"
#include "base/compat.h"
#include "base/error.h"
#include "base/mem.h"
#include "core/server.h"

enum {
    TICK_NS = 1000000,
    IDLE_TICKS = 16 /* looks at idle loops before it goes to sleep */
};

/* A thread that waits for the shared lock may lose its baton too, but not after another has: the
 * spare would only wait behind it. */
static bool may_take(const turbo__loop *loop, uint64_t word)
{
    switch (word & TURBO__CALL_MASK) {
    case TURBO__CALL_RUNNING:
        return true;
    case TURBO__CALL_LOCKED:
        return turbo__u32_load_acquire(&loop->locked_out) == 0;
    default:
        return false;
    }
}

static uint64_t call_number(uint64_t word)
{
    return word >> 2;
}

/* Returns whether every loop waits for events. */
static bool look(turbo_server *server)
{
    turbo__monitor *monitor = &server->monitor;
    bool all_idle = true;
    for (uint32_t i = 0; i < server->loop_count; i++) {
        turbo__loop *loop = &server->loops[i];
        uint64_t word = turbo__u64_load_acquire(&loop->call);
        if (turbo__u32_load_acquire(&loop->polling) == 0) {
            all_idle = false;
        }
        bool same = call_number(word) == call_number(monitor->seen[i]);
        monitor->seen[i] = word;
        if (same && may_take(loop, word) && turbo__pool_hand_over(server, loop, word)) {
            atomic_fetch_add_explicit(&loop->counters.handovers.v, 1, memory_order_relaxed);
        }
    }
    return all_idle;
}

static bool sleep_until_called(turbo_server *server)
{
    turbo__monitor *monitor = &server->monitor;
    (void)pthread_mutex_lock(&monitor->lock);
    (void)turbo__u32_exchange_seq_cst(&monitor->asleep, 1);
    bool idle = true;
    for (uint32_t i = 0; i < server->loop_count; i++) {
        idle = idle && turbo__u32_load_acquire(&server->loops[i].polling) != 0;
    }
    while (idle && !monitor->quit && turbo__u32_load_acquire(&monitor->asleep) != 0) {
        (void)pthread_cond_wait(&monitor->wake, &monitor->lock);
    }
    turbo__u32_store_release(&monitor->asleep, 0);
    bool quit = monitor->quit;
    (void)pthread_mutex_unlock(&monitor->lock);
    return !quit;
}

static bool told_to_quit(turbo__monitor *monitor)
{
    (void)pthread_mutex_lock(&monitor->lock);
    bool quit = monitor->quit;
    (void)pthread_mutex_unlock(&monitor->lock);
    return quit;
}

static void *monitor_main(void *arg)
{
    turbo_server *server = arg;
    turbo__monitor *monitor = &server->monitor;
    int idle_ticks = 0;
    while (!told_to_quit(monitor)) {
        turbo__sleep_ns(TICK_NS);
        idle_ticks = look(server) ? idle_ticks + 1 : 0;
        if (idle_ticks >= IDLE_TICKS) {
            idle_ticks = 0;
            if (!sleep_until_called(server)) {
                break;
            }
        }
    }
    return NULL;
}

void turbo__monitor_awake(turbo_server *server)
{
    turbo__monitor *monitor = &server->monitor;
    if (turbo__likely(turbo__u32_load_acquire(&monitor->asleep) == 0)) {
        return;
    }
    (void)pthread_mutex_lock(&monitor->lock);
    turbo__u32_store_release(&monitor->asleep, 0);
    (void)pthread_cond_signal(&monitor->wake);
    (void)pthread_mutex_unlock(&monitor->lock);
}

int turbo__monitor_start(turbo_server *server)
{
    turbo__monitor *monitor = &server->monitor;
    monitor->seen = turbo__calloc(server->loop_count, sizeof(*monitor->seen));
    if (monitor->seen == NULL) {
        return TURBO_ENOMEM;
    }
    sigset_t all;
    sigset_t before;
    (void)sigfillset(&all); /* cannot fail for a valid set */
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    int rc = pthread_create(&monitor->thread, NULL, monitor_main, server);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (rc != 0) {
        return turbo__error_set(TURBO_ESYSTEM, "no thread could be made");
    }
    monitor->started = true;
    return 0;
}

void turbo__monitor_stop(turbo_server *server)
{
    turbo__monitor *monitor = &server->monitor;
    if (monitor->started) {
        (void)pthread_mutex_lock(&monitor->lock);
        monitor->quit = true;
        (void)pthread_cond_signal(&monitor->wake);
        (void)pthread_mutex_unlock(&monitor->lock);
        (void)pthread_join(monitor->thread, NULL); /* our own thread, joined once */
        monitor->started = false;
    }
    turbo__free(monitor->seen);
    monitor->seen = NULL;
}
