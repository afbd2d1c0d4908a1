/* SPDX-License-Identifier: MIT */
#include "core/server.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include <unistd.h>

#include "base/compat.h"
#include "base/error.h"
#include "base/mem.h"
#include "base/options.h"
#include "net/socket.h"

enum {
    MAX_LISTENERS = 64,
    UNIX_MODE = 0600,   /* of a socket file when none is given */
    FIRST_PASSED_FD = 3 /* sd_listen_fds(3) */
};

static int offload(turbo__loop *loop, turbo_request *request)
{
    return turbo__pool_offload(loop, request);
}

static void before_wait(turbo__loop *loop)
{
    const turbo_server *server = loop->owner;
    if (server->hooks.before_wait != NULL) {
        server->hooks.before_wait(server->hooks.user_data);
    }
    if (turbo__unlikely(loop->access != NULL)) {
        turbo__log_turn(loop->owner);
    }
}

static void log_pressing(turbo__loop *loop)
{
    turbo__log_hurry(loop->owner);
}

static void after_wait(turbo__loop *loop)
{
    turbo__monitor_awake(loop->owner);
}

static void close_listeners(turbo_server *server)
{
    for (size_t i = 0; i < server->listener_count; i++) {
        turbo__socket_close(&server->listeners[i]);
    }
    server->listener_count = 0;
}

/* Clients that come now are to be refused at once, so the last loop closes the listeners. */
static void done_accepting(turbo__loop *loop)
{
    turbo_server *server = loop->owner;
    if (turbo__u32_add_acq_rel(&server->done_accepting, 1) + 1 == server->loop_count) {
        close_listeners(server);
    }
}

static bool every_loop_full(const turbo__loop *loop)
{
    const turbo_server *server = loop->owner;
    for (uint32_t i = 0; i < server->loop_count; i++) {
        if (turbo__u32_load_acquire(&server->loops[i].full) == 0) {
            return false;
        }
    }
    return true;
}

static const turbo__loop_ops loop_ops = {offload,      before_wait,    after_wait,
                                         log_pressing, done_accepting, every_loop_full};

/* --- making and freeing -------------------------------------------------- */

static int init_locks(turbo_server *server)
{
    pthread_condattr_t attr;
    int failed = pthread_mutex_init(&server->pool.lock, NULL) |
                 pthread_mutex_init(&server->monitor.lock, NULL) |
                 pthread_mutex_init(&server->log.lock, NULL) | pthread_condattr_init(&attr);
    if (failed != 0) {
        return TURBO_ESYSTEM;
    }
    failed = pthread_condattr_setclock(&attr, CLOCK_MONOTONIC) |
             pthread_cond_init(&server->pool.changed, &attr) |
             pthread_cond_init(&server->log.wake, &attr) |
             pthread_cond_init(&server->pool.work, NULL) |
             pthread_cond_init(&server->monitor.wake, NULL);
    (void)pthread_condattr_destroy(&attr); /* has no resource on any known system */
    return failed != 0 ? TURBO_ESYSTEM : 0;
}

static int read_options(const turbo_server_options *options, turbo_server_options *known,
                        turbo_thread_hooks *hooks)
{
    int rc = turbo__options_read("turbo_server_options", options, known, sizeof(*known));
    if (rc == 0) {
        rc = turbo__options_read("turbo_thread_hooks", known->hooks, hooks, sizeof(*hooks));
    }
    return rc;
}

int turbo_server_new(const turbo_server_options *options, turbo_server **out)
{
    turbo_server_options known;
    turbo_thread_hooks hooks;
    int rc = read_options(options, &known, &hooks);
    if (rc != 0) {
        return rc;
    }
    turbo_server *server = turbo__calloc(1, sizeof(*server));
    if (server == NULL) {
        return TURBO_ENOMEM;
    }
    server->hooks = hooks;
    if (init_locks(server) != 0) {
        turbo__free(server);
        return turbo__error_set(TURBO_ESYSTEM, "no locks could be made");
    }
    rc = turbo__application_init(&server->app, &known);
    if (rc == 0) {
        rc = turbo__pool_init(server);
    }
    if (rc != 0) {
        turbo_server_free(server);
        return rc;
    }
    *out = server;
    return 0;
}

static void destroy_locks(turbo_server *server)
{
    /* Nobody waits on them any more, so none of these can fail. */
    (void)pthread_mutex_destroy(&server->pool.lock);
    (void)pthread_mutex_destroy(&server->monitor.lock);
    (void)pthread_mutex_destroy(&server->log.lock);
    (void)pthread_cond_destroy(&server->pool.changed);
    (void)pthread_cond_destroy(&server->pool.work);
    (void)pthread_cond_destroy(&server->monitor.wake);
    (void)pthread_cond_destroy(&server->log.wake);
}

/* Ends a server that is driven by its owner: pending answers are waited for. */
static void finish_stepping(turbo_server *server)
{
    int rc;
    do {
        rc = turbo__loop_run(&server->loops[0], -1);
    } while (rc == 0);
    (void)pthread_mutex_lock(&server->pool.lock);
    server->pool.live_loops = 0;
    (void)pthread_mutex_unlock(&server->pool.lock);
    turbo__pool_join(server);
}

void turbo_server_free(turbo_server *server)
{
    if (server == NULL) {
        return;
    }
    if (turbo__server_is_copy(server)) {
        turbo__server_free_copy(server);
        return;
    }
    for (uint32_t i = 0; i < server->loops_ready; i++) {
        turbo__loop_stop(&server->loops[i], 2);
    }
    if (server->phase == TURBO__RUNNING) {
        turbo__pool_join(server);
    } else if (server->phase == TURBO__STEPPED) {
        finish_stepping(server);
    }
    turbo__monitor_stop(server);
    turbo__log_stop(server);
    for (uint32_t i = 0; i < server->loops_ready; i++) {
        turbo__loop_clear(&server->loops[i]);
    }
    turbo__free(server->loops);
    close_listeners(server);
    turbo__free(server->listeners);
    turbo__application_clear(&server->app);
    turbo__pool_clear(server);
    turbo__server_unsettle(server);
    destroy_locks(server);
    turbo__free(server);
}

/* --- setup --------------------------------------------------------------- */

static int check_setup(const turbo_server *server)
{
    int rc = turbo__server_check(server);
    if (rc == 0 && server->phase != TURBO__SETUP) {
        rc = turbo__error_set(TURBO_ESTATE, "the server was started");
    }
    return rc;
}

int turbo_route_add(turbo_server *server, const char *method, const char *pattern,
                    turbo_handler *handler, const turbo_route_options *options, turbo_route **out)
{
    int rc = check_setup(server);
    return rc != 0 ? rc
                   : turbo__application_add(&server->app, method, pattern, handler, options, out);
}

/* Makes room for `more` listeners, so that keeping them cannot fail. */
static int reserve_listeners(turbo_server *server, size_t more)
{
    if (more > MAX_LISTENERS - server->listener_count) {
        return turbo__error_set(TURBO_EADDRESS, "more than %d listeners", MAX_LISTENERS);
    }
    turbo__listening *grown =
        turbo__realloc(server->listeners, (server->listener_count + more) * sizeof(*grown));
    if (grown == NULL) {
        return TURBO_ENOMEM;
    }
    server->listeners = grown;
    return 0;
}

static void keep_listener(turbo_server *server, int fd, bool inherited)
{
    turbo__listening *added = &server->listeners[server->listener_count++];
    memset(added, 0, sizeof(*added));
    added->fd = fd;
    added->inherited = inherited;
}

int turbo_server_listen(turbo_server *server, const char *host, uint16_t port, uint16_t *bound)
{
    const turbo__settings *settings = &server->app.settings;
    uint16_t real = 0;
    int rc = check_setup(server);
    rc = rc != 0 ? rc : reserve_listeners(server, 1);
    if (rc != 0) {
        return rc;
    }
    int fd = turbo__socket_listen(host, port, (int)settings->backlog, settings->reuse_port, &real);
    if (fd < 0) {
        return fd;
    }
    keep_listener(server, fd, false);
    if (bound != NULL) {
        *bound = real;
    }
    return 0;
}

int turbo_server_listen_unix(turbo_server *server, const char *path, uint32_t mode)
{
    int rc = check_setup(server);
    if (rc == 0 && path == NULL) {
        rc = turbo__error_set(TURBO_EINVAL, "a unix socket needs a path");
    }
    rc = rc != 0 ? rc : reserve_listeners(server, 1);
    if (rc != 0) {
        return rc;
    }
    int backlog = (int)server->app.settings.backlog;
    rc = turbo__socket_listen_unix(path, mode != 0 ? mode : UNIX_MODE, backlog,
                                   &server->listeners[server->listener_count]);
    server->listener_count += rc == 0 ? 1 : 0;
    return rc;
}

/* Takes `count` descriptors from `first` on, all or none. */
static int adopt(turbo_server *server, int first, int count)
{
    int rc = reserve_listeners(server, (size_t)count);
    for (int i = 0; rc == 0 && i < count; i++) {
        rc = turbo__socket_check(first + i);
    }
    for (int i = 0; rc == 0 && i < count; i++) {
        rc = turbo__socket_adopt(first + i);
    }
    for (int i = 0; rc == 0 && i < count; i++) {
        keep_listener(server, first + i, true);
    }
    return rc;
}

int turbo_server_listen_fd(turbo_server *server, int fd)
{
    int rc = check_setup(server);
    return rc != 0 ? rc : adopt(server, fd, 1);
}

/* A whole decimal number from 0 to INT_MAX in the environment. */
static bool read_number(const char *name, long *value)
{
    const char *text = getenv(name);
    char *end = NULL;
    if (text == NULL || text[0] < '0' || text[0] > '9') {
        return false;
    }
    errno = 0;
    *value = strtol(text, &end, 10);
    return errno == 0 && *end == '\0' && *value <= INT_MAX;
}

int turbo_server_listen_env(turbo_server *server)
{
    int rc = check_setup(server);
    long process = 0;
    long count = 0;
    if (rc != 0) {
        return rc;
    }
    if (!read_number("LISTEN_PID", &process) || process != (long)getpid()) {
        return turbo__error_set(TURBO_ENOTFOUND, "LISTEN_PID does not name this process");
    }
    if (!read_number("LISTEN_FDS", &count) || count == 0) {
        return turbo__error_set(TURBO_ENOTFOUND, "LISTEN_FDS tells of no descriptor");
    }
    if (count > MAX_LISTENERS) {
        return turbo__error_set(TURBO_EADDRESS, "more than %d listeners", MAX_LISTENERS);
    }
    return adopt(server, FIRST_PASSED_FD, (int)count);
}

int turbo_server_listener(const turbo_server *server, size_t index)
{
    int rc = turbo__server_check(server);
    if (rc != 0) {
        return rc;
    }
    if (index >= server->listener_count) {
        return turbo__error_set(TURBO_ENOTFOUND, "the server has %zu listeners, not %zu",
                                server->listener_count, index + 1);
    }
    return server->listeners[index].fd;
}

static int make_loops(turbo_server *server)
{
    const turbo__settings *settings = &server->app.settings;
    uint32_t count = settings->workers;
    if (server->loops != NULL) {
        return turbo__error_set(TURBO_ESTATE, "an earlier start failed; make a new server");
    }
    int rc = turbo__application_number(&server->app);
    rc = rc != 0 ? rc : turbo__server_settle(server);
    if (rc != 0) {
        return rc;
    }
    server->loops = turbo__calloc(count, sizeof(*server->loops));
    if (server->loops == NULL) {
        return TURBO_ENOMEM;
    }
    server->loop_count = count;
    uint32_t share = (settings->max_connections + count - 1) / count;
    for (uint32_t i = 0; i < count; i++) {
        server->loops_ready = i + 1;
        rc = turbo__loop_init(&server->loops[i], &server->app, &loop_ops, server, server->listeners,
                              server->listener_count, share);
        server->loops[i].here = turbo__server_here(server);
        if (rc != 0) {
            return rc;
        }
    }
    return 0;
}

/* --- running ------------------------------------------------------------- */

int turbo_server_start(turbo_server *server)
{
    int rc = check_setup(server);
    rc = rc != 0 ? rc : make_loops(server);
    if (rc != 0) {
        return rc;
    }
    for (uint32_t i = 0; i < server->loop_count; i++) {
        server->loops[i].guarded = true;
    }
    rc = turbo__monitor_start(server);
    rc = rc != 0 ? rc : turbo__log_start(server, true);
    if (rc != 0) {
        return rc;
    }
    server->phase = TURBO__RUNNING;
    rc = turbo__pool_start(server);
    if (rc != 0) {
        for (uint32_t i = 0; i < server->loop_count; i++) {
            turbo__loop_stop(&server->loops[i], 2);
        }
        turbo__log_stop(server);
    }
    /* A stop that came before the loops were there. */
    if (turbo__u32_load_acquire(&server->stop_calls) > 0) {
        turbo_server_stop(server);
    }
    return rc;
}

int turbo_server_run(turbo_server *server)
{
    int rc = turbo_server_start(server);
    return rc != 0 ? rc : turbo_server_wait(server, -1);
}

void turbo_server_stop(turbo_server *server)
{
    if (turbo__server_is_copy(server)) {
        return; /* its descriptors would wake the parent */
    }
    uint32_t calls = turbo__u32_add_acq_rel(&server->stop_calls, 1) + 1;
    if (server->phase != TURBO__RUNNING && server->phase != TURBO__STEPPED) {
        return;
    }
    for (uint32_t i = 0; i < server->loops_ready; i++) {
        turbo__loop_stop(&server->loops[i], calls > 1 ? 2 : 1);
    }
}

int turbo_server_wait(turbo_server *server, int timeout_ms)
{
    turbo__pool *pool = &server->pool;
    struct timespec until;
    int rc = turbo__server_check(server);
    if (rc != 0) {
        return rc;
    }
    turbo__clock_deadline(timeout_ms > 0 ? (uint32_t)timeout_ms : 0, &until);
    (void)pthread_mutex_lock(&pool->lock);
    while ((pool->live_loops > 0 || pool->log_runs) && rc != ETIMEDOUT) {
        rc = timeout_ms < 0 ? pthread_cond_wait(&pool->changed, &pool->lock)
                            : pthread_cond_timedwait(&pool->changed, &pool->lock, &until);
    }
    bool done = pool->live_loops == 0 && !pool->log_runs;
    (void)pthread_mutex_unlock(&pool->lock);
    return done ? 0 : TURBO_EAGAIN;
}

int turbo_server_pollfd(turbo_server *server)
{
    int rc = check_setup(server);
    if (rc == 0 && server->app.settings.workers != 1) {
        rc = turbo__error_set(TURBO_EINVAL, "a stepped server has one worker, not %u",
                              (unsigned)server->app.settings.workers);
    }
    rc = rc != 0 ? rc : make_loops(server);
    rc = rc != 0 ? rc : turbo__log_start(server, false);
    if (rc != 0) {
        return rc;
    }
    server->phase = TURBO__STEPPED;
    if (turbo__u32_load_acquire(&server->stop_calls) > 0) {
        turbo_server_stop(server);
    }
    return server->loops[0].poller.fd;
}

int turbo_server_step(turbo_server *server, int timeout_ms)
{
    int rc = turbo__server_check(server);
    if (rc != 0) {
        return rc;
    }
    if (server->phase != TURBO__STEPPED) {
        return turbo__error_set(TURBO_ESTATE, "turbo_server_pollfd() was not called");
    }
    turbo__loop *loop = &server->loops[0];
    turbo__loop_drive_here(loop);
    rc = turbo__loop_run(loop, timeout_ms);
    if (turbo__server_is_copy(server)) {
        return turbo__server_check(server); /* a handler forked, and this is the child */
    }
    if (rc == TURBO__STOPPED) {
        turbo__log_stop(server);
        return 0;
    }
    if (rc == 0 && turbo__loop_has_work(loop)) {
        turbo__loop_wake(loop); /* the descriptor is to show it */
    }
    return rc < 0 ? rc : 1;
}
