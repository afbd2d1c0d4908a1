/* SPDX-License-Identifier: MIT */

/*
 * A started server in a forked process is a copy without threads. What the threads were changing at
 * that instant cannot be trusted, nor can their locks; so a copy does nothing, and gives back only
 * what was complete before they ran.
 */

#define _DEFAULT_SOURCE /* MADV_WIPEONFORK */

#include <sys/mman.h>

#include "base/error.h"
#include "base/log.h"
#include "base/mem.h"
#include "core/server.h"

/* `here` is alone in a page that the kernel replaces by zeros in a child: one load tells, and no
 * handler must be registered with the process (pthread_atfork()). */
enum { PAGE = sizeof(turbo__atomic_u32) };

const turbo__atomic_u32 *turbo__server_here(const turbo_server *server)
{
    return turbo__ptr_load_acquire(&server->here);
}

bool turbo__server_is_copy(const turbo_server *server)
{
    const turbo__atomic_u32 *here = turbo__server_here(server);
    return here != NULL && turbo__u32_load_relaxed(here) == 0;
}

int turbo__server_check(const turbo_server *server)
{
    return turbo__server_is_copy(server)
               ? turbo__error_set(TURBO_EFORK, "the server runs in a parent of this process; make "
                                               "a new one here, or fork before the start")
               : 0;
}

int turbo__server_settle(turbo_server *server)
{
    turbo__atomic_u32 *here =
        mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (here == MAP_FAILED) {
        return turbo__error_errno(TURBO_ESYSTEM, "mmap");
    }
    if (madvise(here, PAGE, MADV_WIPEONFORK) != 0) {
        turbo__log(TURBO_LOG_WARNING,
                   "a fork will go unnoticed: this system has no MADV_WIPEONFORK");
    }
    turbo__u32_store_relaxed(here, 1);
    turbo__ptr_store_release(&server->here, here);
    return 0;
}

void turbo__server_unsettle(turbo_server *server)
{
    void *here = turbo__ptr_exchange_acq_rel(&server->here, NULL);
    if (here != NULL) {
        (void)munmap(here, PAGE); /* our own mapping */
    }
}

/* What connections held is left to the end of the process, and the locks, which may be locked, are
 * not destroyed. */
void turbo__server_free_copy(turbo_server *server)
{
    for (uint32_t i = 0; i < server->loops_ready; i++) {
        turbo__loop_drop_copies(&server->loops[i]);
    }
    turbo__free(server->loops);
    for (size_t i = 0; i < server->listener_count; i++) {
        turbo__socket_close(&server->listeners[i]); /* knows a file that is the parent's */
    }
    turbo__free(server->listeners);
    turbo__application_clear(&server->app);
    turbo__pool_clear(server);
    turbo__free(server->monitor.seen);
    turbo__server_unsettle(server);
    turbo__free(server);
}

/* As the only thread of its process it ends that, too. */
void turbo__server_end_stray(const turbo_server *server)
{
    if (turbo__server_is_copy(server)) {
        turbo__log(TURBO_LOG_ERROR, "a handler returned in a forked process; its thread ends here");
        pthread_exit(NULL);
    }
}
