/* SPDX-License-Identifier: MIT */
#include <signal.h>

#include "app/dispatch.h"
#include "base/clock.h"
#include "base/compat.h"
#include "base/error.h"
#include "base/log.h"
#include "base/mem.h"
#include "core/server.h"

/* A call on an offload thread that took less than this does not count as slow. */
#define QUICK_NS UINT64_C(500000)

static void *thread_main(void *arg);

int turbo__pool_init(turbo_server *server)
{
    turbo__pool *pool = &server->pool;
    const turbo__settings *settings = &server->app.settings;
    pool->jobs_end = &pool->jobs;
    pool->thread_max = settings->workers + settings->offload_threads;
    pool->threads = turbo__calloc(pool->thread_max, sizeof(*pool->threads));
    pool->orphans = turbo__calloc(settings->workers, sizeof(*pool->orphans));
    return pool->threads != NULL && pool->orphans != NULL ? 0 : TURBO_ENOMEM;
}

void turbo__pool_clear(turbo_server *server)
{
    turbo__free(server->pool.threads);
    turbo__free(server->pool.orphans);
}

/* With the lock held. Signals belong to the program: our threads take none. */
static int add_thread(turbo_server *server)
{
    turbo__pool *pool = &server->pool;
    sigset_t all;
    sigset_t before;
    (void)sigfillset(&all); /* cannot fail for a valid set */
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    int rc = pthread_create(&pool->threads[pool->thread_count], NULL, thread_main, server);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (rc != 0) {
        return TURBO_ESYSTEM;
    }
    pool->thread_count++;
    return 0;
}

/* --- driving ------------------------------------------------------------- */

static void loop_ended(turbo_server *server)
{
    turbo__pool *pool = &server->pool;
    (void)pthread_mutex_lock(&pool->lock);
    pool->live_loops--;
    bool last = pool->live_loops == 0;
    if (last) {
        pool->closing = true;
        (void)pthread_cond_broadcast(&pool->work);
    }
    (void)pthread_cond_broadcast(&pool->changed);
    (void)pthread_mutex_unlock(&pool->lock);
    if (last) {
        turbo__log_quit(server);
    }
}

static void drive(turbo_server *server, turbo__loop *loop)
{
    turbo__loop_take_over(loop);
    int rc = 0;
    while (rc == 0) {
        rc = turbo__loop_run(loop, -1);
    }
    if (rc == TURBO__LOST) {
        return;
    }
    if (rc < 0) {
        turbo__log(TURBO_LOG_ERROR, "event loop ended: %s", turbo_error_detail());
    }
    loop_ended(server);
}

/* --- slow handlers ------------------------------------------------------- */

static void run_job(turbo_request *request)
{
    turbo_route *route = request->match.route;
    uint64_t begun = turbo__clock_ns();
    int rc = turbo__dispatch_call(request);
    bool quick = turbo__clock_ns() - begun < QUICK_NS;
    uint32_t slow = turbo__u32_load_relaxed(&route->slow);
    /* Racing threads may count one call twice or not at all; the count is a habit, not a sum. */
    if (slow > 0) {
        turbo__u32_store_relaxed(&route->slow, quick ? slow - 1 : TURBO__SLOW_CALLS);
    }
    if (rc == 0) {
        (void)turbo__exchange_finish(request, false); /* a client that left is no news here */
    }
}

int turbo__pool_offload(turbo__loop *loop, turbo_request *request)
{
    turbo_server *server = loop->owner;
    turbo__pool *pool = &server->pool;
    turbo__job *job = turbo_request_alloc(request, sizeof(*job));
    if (job == NULL) {
        return TURBO_ELIMIT;
    }
    job->next = NULL;
    job->request = request;
    (void)pthread_mutex_lock(&pool->lock);
    bool full = pool->job_count >= server->app.settings.offload_queue;
    if (!full && pool->idle <= pool->job_count && pool->thread_count < pool->thread_max) {
        full = add_thread(server) != 0 && pool->thread_count <= server->loop_count;
    }
    if (!full) {
        *pool->jobs_end = job;
        pool->jobs_end = &job->next;
        pool->job_count++;
        (void)pthread_cond_signal(&pool->work);
    }
    (void)pthread_mutex_unlock(&pool->lock);
    return full ? TURBO_ELIMIT : 0;
}

bool turbo__pool_hand_over(turbo_server *server, turbo__loop *loop, uint64_t word)
{
    turbo__pool *pool = &server->pool;
    (void)pthread_mutex_lock(&pool->lock);
    bool spare = pool->idle > pool->job_count + pool->orphan_count;
    if (!spare && pool->thread_count < pool->thread_max) {
        spare = add_thread(server) == 0;
    }
    bool taken = false;
    if (spare) {
        uint64_t expected = word;
        uint64_t desired = (word & ~(uint64_t)TURBO__CALL_MASK) | TURBO__CALL_TAKEN;
        if ((word & TURBO__CALL_MASK) == TURBO__CALL_LOCKED) {
            (void)turbo__u32_add_acq_rel(&loop->locked_out, 1);
        }
        taken = turbo__u64_cas_acq_rel(&loop->call, &expected, desired);
        if (!taken && (word & TURBO__CALL_MASK) == TURBO__CALL_LOCKED) {
            (void)turbo__u32_sub_acq_rel(&loop->locked_out, 1);
        }
    }
    if (taken) {
        pool->orphans[pool->orphan_count++] = loop;
        (void)pthread_cond_signal(&pool->work);
    }
    (void)pthread_mutex_unlock(&pool->lock);
    return taken;
}

/* --- threads ------------------------------------------------------------- */

/* With the lock held; gives it up while it works. Returns false when the pool closes. */
static bool work_once(turbo_server *server)
{
    turbo__pool *pool = &server->pool;
    if (pool->orphan_count > 0) { /* a loop without driver serves nobody: first of all */
        turbo__loop *loop = pool->orphans[--pool->orphan_count];
        (void)pthread_mutex_unlock(&pool->lock);
        drive(server, loop);
        turbo__server_end_stray(server);
        (void)pthread_mutex_lock(&pool->lock);
        return true;
    }
    if (pool->jobs != NULL) {
        turbo_request *request = pool->jobs->request;
        pool->jobs = pool->jobs->next;
        if (pool->jobs == NULL) {
            pool->jobs_end = &pool->jobs;
        }
        pool->job_count--;
        (void)pthread_mutex_unlock(&pool->lock);
        run_job(request);
        turbo__server_end_stray(server);
        (void)pthread_mutex_lock(&pool->lock);
        return true;
    }
    return !pool->closing;
}

static void wait_for_work(turbo_server *server)
{
    turbo__pool *pool = &server->pool;
    const turbo_thread_hooks *hooks = &server->hooks;
    if (hooks->before_wait != NULL) {
        (void)pthread_mutex_unlock(&pool->lock);
        hooks->before_wait(hooks->user_data);
        (void)pthread_mutex_lock(&pool->lock);
    }
    if (pool->orphan_count > 0 || pool->jobs != NULL || pool->closing) {
        return;
    }
    pool->idle++;
    (void)pthread_cond_wait(&pool->work, &pool->lock);
    pool->idle--;
}

static void *thread_main(void *arg)
{
    turbo_server *server = arg;
    turbo__pool *pool = &server->pool;
    const turbo_thread_hooks *hooks = &server->hooks;
    if (hooks->start != NULL) {
        hooks->start(hooks->user_data);
    }
    (void)pthread_mutex_lock(&pool->lock);
    while (work_once(server)) {
        if (pool->orphan_count == 0 && pool->jobs == NULL && !pool->closing) {
            wait_for_work(server);
        }
    }
    (void)pthread_mutex_unlock(&pool->lock);
    if (hooks->before_wait != NULL) {
        hooks->before_wait(hooks->user_data);
    }
    if (hooks->stop != NULL) {
        hooks->stop(hooks->user_data);
    }
    return NULL;
}

int turbo__pool_start(turbo_server *server)
{
    turbo__pool *pool = &server->pool;
    int rc = 0;
    (void)pthread_mutex_lock(&pool->lock);
    pool->live_loops = server->loop_count;
    for (uint32_t i = 0; i < server->loop_count; i++) {
        pool->orphans[pool->orphan_count++] = &server->loops[i];
    }
    for (uint32_t i = 0; i < server->loop_count && rc == 0; i++) {
        rc = add_thread(server);
    }
    if (rc != 0) {
        pool->orphan_count = 0;
        pool->closing = true;
        (void)pthread_cond_broadcast(&pool->work);
    }
    (void)pthread_mutex_unlock(&pool->lock);
    return rc != 0 ? turbo__error_set(rc, "no thread could be made") : 0;
}

void turbo__pool_join(turbo_server *server)
{
    turbo__pool *pool = &server->pool;
    (void)pthread_mutex_lock(&pool->lock);
    while (pool->live_loops > 0 && !pool->closing) {
        (void)pthread_cond_wait(&pool->changed, &pool->lock);
    }
    pool->closing = true;
    uint32_t count = pool->thread_count;
    (void)pthread_cond_broadcast(&pool->work);
    (void)pthread_mutex_unlock(&pool->lock);
    for (uint32_t i = 0; i < count; i++) {
        (void)pthread_join(pool->threads[i], NULL); /* our own thread, joined once */
    }
    pool->thread_count = 0;
}
