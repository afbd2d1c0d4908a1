/* SPDX-License-Identifier: MIT */

/*
 * A started server in a forked process is a copy without threads. What the threads were changing at
 * that instant cannot be trusted, nor can their locks; so a copy does nothing, and gives back only
 * what was complete before they ran.
 */

#include "base/error.h"
#include "base/fork.h"
#include "base/log.h"
#include "base/mem.h"
#include "core/server.h"

bool turbo__server_is_copy(const turbo_server *server)
{
    return server->forks != 0 && server->forks != turbo__fork_count();
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
    int rc = turbo__fork_watch();
    if (rc == 0) {
        server->forks = turbo__fork_count();
    }
    return rc;
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
