/* SPDX-License-Identifier: MIT */
#include "base/fork.h"

#include <pthread.h>

#include "base/atomic.h"
#include "base/error.h"

/* State of the process, like its identifier: there is no object it could belong to. */
static turbo__atomic_u32 forks;
static turbo__atomic_u32 happened;
static turbo__atomic_u32 watching;

static void note_fork(void)
{
    turbo__u32_store_relaxed(&happened, 1);
}

static void count_fork(void)
{
    (void)turbo__u32_add_acq_rel(&forks, 1); /* the count before is of no interest */
}

int turbo__fork_watch(void)
{
    /* Two threads that register at once have forks counted double, which is as good. */
    if (turbo__u32_load_acquire(&watching) != 0) {
        return 0;
    }
    if (pthread_atfork(note_fork, NULL, count_fork) != 0) {
        return turbo__error_set(TURBO_ENOMEM, "no memory to have forks counted");
    }
    turbo__u32_store_release(&watching, 1);
    return 0;
}

bool turbo__fork_happened(void)
{
    return turbo__u32_load_relaxed(&happened) != 0;
}

uint32_t turbo__fork_count(void)
{
    return turbo__u32_load_relaxed(&forks) + 1;
}
