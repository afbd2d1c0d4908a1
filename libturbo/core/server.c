/* SPDX-License-Identifier: MIT */
#include "core/server.h"

#include <errno.h>
#include <string.h>

#include <unistd.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/options.h"
#include "net/socket.h"

enum { MAX_LISTENERS = 64 };

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
}

static void after_wait(turbo__loop *loop)
{
    turbo__monitor_awake(loop->owner);
}

static void close_listeners(turbo_server *server)
{
    for (size_t i = 0; i < server->listener_count; i++) {
        (void)close(server->listeners[i]); /* a listener has nothing to lose */
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

static const turbo__loop_ops loop_ops = {offload, before_wait, after_wait, done_accepting};

/* --- making and freeing -------------------------------------------------- */

static int init_locks(turbo_server *server)
{
    pthread_condattr_t attr;
    int failed = pthread_mutex_init(&server->pool.lock, NULL) |
                 pthread_mutex_init(&server->monitor.lock, NULL) | pthread_condattr_init(&attr);
    if (failed != 0) {
        return TURBO_ESYSTEM;
    }
    failed = pthread_condattr_setclock(&attr, CLOCK_MONOTONIC) |
             pthread_cond_init(&server->pool.changed, &attr) |
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
    (void)pthread_cond_destroy(&server->pool.changed);
    (void)pthread_cond_destroy(&server->pool.work);
    (void)pthread_cond_destroy(&server->monitor.wake);
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
    for (uint32_t i = 0; i < server->loops_ready; i++) {
        turbo__loop_stop(&server->loops[i], 2);
    }
    if (server->phase == TURBO__RUNNING) {
        turbo__pool_join(server);
    } else if (server->phase == TURBO__STEPPED) {
        finish_stepping(server);
    }
    turbo__monitor_stop(server);
    for (uint32_t i = 0; i < server->loops_ready; i++) {
        turbo__loop_clear(&server->loops[i]);
    }
    turbo__free(server->loops);
    close_listeners(server);
    turbo__free(server->listeners);
    turbo__application_clear(&server->app);
    turbo__pool_clear(server);
    destroy_locks(server);
    turbo__free(server);
}

/* --- setup --------------------------------------------------------------- */

static int check_setup(const turbo_server *server)
{
    return server->phase == TURBO__SETUP ? 0
                                         : turbo__error_set(TURBO_ESTATE, "the server was started");
}

int turbo_route_add(turbo_server *server, const char *method, const char *pattern,
                    turbo_handler *handler, const turbo_route_options *options, turbo_route **out)
{
    int rc = check_setup(server);
    return rc != 0 ? rc
                   : turbo__application_add(&server->app, method, pattern, handler, options, out);
}

static int keep_listener(turbo_server *server, int fd)
{
    if (server->listener_count >= MAX_LISTENERS) {
        return turbo__error_set(TURBO_EADDRESS, "more than %d listeners", MAX_LISTENERS);
    }
    int *grown = turbo__realloc(server->listeners, (server->listener_count + 1) * sizeof(*grown));
    if (grown == NULL) {
        return TURBO_ENOMEM;
    }
    server->listeners = grown;
    server->listeners[server->listener_count++] = fd;
    return 0;
}

int turbo_server_listen(turbo_server *server, const char *host, uint16_t port, uint16_t *bound)
{
    const turbo__settings *settings = &server->app.settings;
    uint16_t real = 0;
    int rc = check_setup(server);
    if (rc != 0) {
        return rc;
    }
    int fd = turbo__socket_listen(host, port, (int)settings->backlog, settings->reuse_port, &real);
    if (fd < 0) {
        return fd;
    }
    rc = keep_listener(server, fd);
    if (rc != 0) {
        (void)close(fd); /* the first error is the one to report */
        return rc;
    }
    if (bound != NULL) {
        *bound = real;
    }
    return 0;
}

int turbo_server_listen_fd(turbo_server *server, int fd)
{
    int rc = check_setup(server);
    rc = rc != 0 ? rc : turbo__socket_adopt(fd);
    return rc != 0 ? rc : keep_listener(server, fd);
}

static int make_loops(turbo_server *server)
{
    const turbo__settings *settings = &server->app.settings;
    uint32_t count = settings->workers;
    if (server->loops != NULL) {
        return turbo__error_set(TURBO_ESTATE, "an earlier start failed; make a new server");
    }
    server->loops = turbo__calloc(count, sizeof(*server->loops));
    if (server->loops == NULL) {
        return TURBO_ENOMEM;
    }
    server->loop_count = count;
    uint32_t share = (settings->max_connections + count - 1) / count;
    for (uint32_t i = 0; i < count; i++) {
        server->loops_ready = i + 1;
        int rc = turbo__loop_init(&server->loops[i], &server->app, &loop_ops, server,
                                  server->listeners, server->listener_count, share);
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
    if (rc != 0) {
        return rc;
    }
    server->phase = TURBO__RUNNING;
    rc = turbo__pool_start(server);
    if (rc != 0) {
        for (uint32_t i = 0; i < server->loop_count; i++) {
            turbo__loop_stop(&server->loops[i], 2);
        }
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
    turbo__clock_deadline(timeout_ms > 0 ? (uint32_t)timeout_ms : 0, &until);
    int rc = 0;
    (void)pthread_mutex_lock(&pool->lock);
    while (pool->live_loops > 0 && rc != ETIMEDOUT) {
        rc = timeout_ms < 0 ? pthread_cond_wait(&pool->changed, &pool->lock)
                            : pthread_cond_timedwait(&pool->changed, &pool->lock, &until);
    }
    bool done = pool->live_loops == 0;
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
    if (server->phase != TURBO__STEPPED) {
        return turbo__error_set(TURBO_ESTATE, "turbo_server_pollfd() was not called");
    }
    turbo__loop *loop = &server->loops[0];
    turbo__loop_drive_here(loop);
    int rc = turbo__loop_run(loop, timeout_ms);
    if (rc == TURBO__STOPPED) {
        return 0;
    }
    if (rc == 0 && turbo__loop_has_work(loop)) {
        turbo__loop_wake(loop); /* the descriptor is to show it */
    }
    return rc < 0 ? rc : 1;
}

/* --- metrics ------------------------------------------------------------- */

int turbo_server_metrics(const turbo_server *server, turbo_metrics *metrics)
{
    size_t size = metrics->size;
    if (size != sizeof(*metrics)) {
        return turbo__error_set(TURBO_EOPTION, "turbo_metrics.size is %zu: set it to %zu", size,
                                sizeof(*metrics));
    }
    memset(metrics, 0, sizeof(*metrics));
    metrics->size = size;
    for (uint32_t i = 0; i < server->loops_ready; i++) {
        const turbo__counters *from = &server->loops[i].counters;
        metrics->requests += turbo__u64_load_relaxed(&from->requests);
        for (int class = 0; class < 6; class ++) {
            metrics->responses[class] += turbo__u64_load_relaxed(&from->responses[class]);
        }
        metrics->connections += turbo__u64_load_relaxed(&from->connections);
        metrics->open_connections += turbo__u64_load_relaxed(&from->open_connections);
        metrics->bytes_in += turbo__u64_load_relaxed(&from->bytes_in);
        metrics->bytes_out += turbo__u64_load_relaxed(&from->bytes_out);
        metrics->parse_errors += turbo__u64_load_relaxed(&from->parse_errors);
        metrics->handovers += turbo__u64_load_relaxed(&from->handovers);
        metrics->offloaded += turbo__u64_load_relaxed(&from->offloaded);
    }
    return 0;
}
