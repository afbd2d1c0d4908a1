/* SPDX-License-Identifier: MIT */
#include "net/loop.h"

#include <errno.h>
#include <sched.h>
#include <string.h>

#include <sys/eventfd.h>
#include <unistd.h>

#include "base/compat.h"
#include "base/error.h"
#include "base/log.h"
#include "base/mem.h"
#include "net/conn.h"
#include "net/socket.h"

enum {
    EVENTS = 256,
    ACCEPT_BATCH = 64,
    ACCEPT_BATCH_SHARED = 4, /* leave some for the other loops */
    ACCEPT_PAUSE = 200,      /* ms without accepting after the process ran out of descriptors */
    FULL_WAIT = 1000,        /* ms that clients wait for a place before they are sent away */
    REFUSE_PAUSE = 100,      /* ms between two looks for such clients */
    SURPLUS_MAX = 64,        /* clients that are being sent away at the same time */
    POOL_REQUESTS = 1024,    /* kept for reuse; more are freed */
    POOL_BLOCKS = 1024,
    POOL_CONNS = 1024,
    OUT_KEEP = 1 << 20 /* bytes of output buffer kept between turns */
};

/* A free receive buffer. */
typedef struct turbo__block {
    struct turbo__block *next;
} turbo__block;

/* --- pools --------------------------------------------------------------- */

static void post(turbo_request *request);
static void lock_wait(turbo_request *request, bool waiting);

static const turbo__transport transport = {post, lock_wait};

turbo_request *turbo__loop_take_request(turbo__loop *loop)
{
    turbo_request *request = loop->free_requests;
    if (turbo__likely(request != NULL)) {
        loop->free_requests = request->next;
        loop->free_request_count--;
        return request;
    }
    request = turbo__alloc(sizeof(*request));
    if (request == NULL) {
        return NULL;
    }
    if (turbo__exchange_init(request, &transport, loop) != 0) {
        turbo__free(request);
        return NULL;
    }
    request->pending.window = loop->app->settings.stream_window;
    request->retry_after = loop->app->settings.retry_after;
    return request;
}

void turbo__loop_give_request(turbo__loop *loop, turbo_request *request)
{
    turbo__exchange_reset(request);
    if (loop->free_request_count >= POOL_REQUESTS) {
        turbo__exchange_destroy(request);
        turbo__free(request);
        return;
    }
    request->next = loop->free_requests;
    loop->free_requests = request;
    loop->free_request_count++;
}

char *turbo__loop_take_block(turbo__loop *loop)
{
    turbo__block *block = loop->free_blocks;
    if (turbo__likely(block != NULL)) {
        loop->free_blocks = block->next;
        loop->free_block_count--;
        return (char *)block;
    }
    return turbo__alloc(TURBO__BLOCK_SIZE);
}

void turbo__loop_give_block(turbo__loop *loop, char *data)
{
    if (loop->free_block_count >= POOL_BLOCKS) {
        turbo__free(data);
        return;
    }
    turbo__block *block = (turbo__block *)(void *)data;
    block->next = loop->free_blocks;
    loop->free_blocks = block;
    loop->free_block_count++;
}

/* --- between threads ----------------------------------------------------- */

void turbo__loop_wake(turbo__loop *loop)
{
    uint64_t one = 1;
    ssize_t written;
    do { /* EAGAIN: the counter is full, so the loop is awake already */
        written = write(loop->wake_fd, &one, sizeof(one));
    } while (written < 0 && errno == EINTR);
}

void turbo__loop_stop(turbo__loop *loop, uint32_t how)
{
    turbo__u32_store_release(&loop->stop, how);
    turbo__loop_wake(loop);
}

/* The eventfd is written only by whoever makes the inbox non-empty, and not by the driver itself,
 * which looks into the inbox before it waits. A stolen baton changes `driver` before the new driver
 * looks. */
static void post(turbo_request *request)
{
    turbo__loop *loop = request->loop;
    if (turbo__unlikely(turbo__u32_load_relaxed(loop->here) == 0)) {
        return; /* the request and its client are the parent's */
    }
    (void)turbo__u32_add_acq_rel(&loop->posting, 1); /* the count before is of no interest */
    void *head = turbo__ptr_load_relaxed(&loop->inbox);
    do {
        request->next = head;
    } while (!turbo__ptr_cas_seq_cst(&loop->inbox, &head, request));
    if (head == NULL && turbo__u64_load_seq_cst(&loop->driver) != turbo__thread_id()) {
        turbo__loop_wake(loop);
    }
    (void)turbo__u32_sub_acq_rel(&loop->posting, 1); /* as above */
}

/* What was posted may be done with, and the server stopped, before its thread comes to the wake-up.
 */
static void await_posts(const turbo__loop *loop)
{
    while (turbo__u32_load_acquire(&loop->posting) != 0) {
        (void)sched_yield(); /* cannot fail */
    }
}

uint64_t turbo__loop_enter_call(turbo__loop *loop)
{
    uint64_t ticket = (++loop->call_seq << 2) | TURBO__CALL_RUNNING;
    turbo__u64_store_release(&loop->call, ticket);
    return ticket;
}

bool turbo__loop_leave_call(turbo__loop *loop, uint64_t ticket)
{
    if (turbo__unlikely(turbo__u32_load_relaxed(loop->here) == 0)) {
        return false; /* its client is the parent's */
    }
    if (!loop->guarded) {
        return true;
    }
    uint64_t expected = ticket;
    return turbo__u64_cas_acq_rel(&loop->call, &expected, ticket & ~(uint64_t)TURBO__CALL_MASK);
}

/* Only the thread of an inline call has a ticket; elsewhere there is no baton to lose. */
static void lock_wait(turbo_request *request, bool waiting)
{
    turbo__loop *loop = request->loop;
    uint64_t ticket = request->ticket;
    if (ticket == 0 || !loop->guarded) {
        return;
    }
    uint64_t locked = (ticket & ~(uint64_t)TURBO__CALL_MASK) | TURBO__CALL_LOCKED;
    if (waiting) {
        uint64_t expected = ticket;
        request->lock_waiting = turbo__u64_cas_acq_rel(&loop->call, &expected, locked);
        return;
    }
    if (!request->lock_waiting) {
        return;
    }
    request->lock_waiting = false;
    uint64_t expected = locked;
    if (!turbo__u64_cas_acq_rel(&loop->call, &expected, ticket)) {
        (void)turbo__u32_sub_acq_rel(&loop->locked_out, 1); /* the count before is of no interest */
    }
}

/* --- one turn ------------------------------------------------------------ */

static void render_common(turbo__loop *loop)
{
    int64_t wall = turbo__clock_wall();
    if (turbo__likely(wall == loop->wall)) {
        return;
    }
    loop->wall = wall;
    char *at = loop->common;
    memcpy(at, "date: ", 6);
    turbo__http_date(wall, at + 6);
    memcpy(at + 6 + TURBO__HTTP_DATE_LEN, "\r\n", 2);
    size_t used = 8 + TURBO__HTTP_DATE_LEN;
    turbo_str server = turbo_cstr(loop->app->settings.server_lines);
    if (server.len > 0) {
        memcpy(at + used, server.data, server.len); /* its limit has it fit */
    }
    loop->common_len = used + server.len;
}

static void refresh_time(turbo__loop *loop)
{
    loop->now = turbo__clock_ms();
    render_common(loop);
}

static void ignore_listeners(turbo__loop *loop)
{
    for (size_t i = 0; i < loop->listener_count && loop->accepting; i++) {
        turbo__poller_remove(&loop->poller, loop->listeners[i].fd);
    }
    loop->accepting = false;
}

static void pause_accepting(turbo__loop *loop, int error)
{
    turbo__log(TURBO_LOG_WARNING, "cannot accept (errno %d); trying again in %d ms", error,
               ACCEPT_PAUSE);
    ignore_listeners(loop);
    loop->accept_again = loop->now + ACCEPT_PAUSE;
}

/* All or none, so that a failure has all of them tried again. */
static void watch_listeners(turbo__loop *loop)
{
    loop->accepting = true;
    for (size_t i = 0; i < loop->listener_count; i++) {
        turbo__listener *listener = &loop->listeners[i];
        if (turbo__poller_add(&loop->poller, listener->fd, TURBO__READABLE, listener->shared,
                              listener) != 0) {
            pause_accepting(loop, errno);
            return;
        }
    }
}

static bool is_full(const turbo__loop *loop)
{
    return loop->conn_count - loop->surplus_count >= loop->max_conns;
}

static void accept_some(turbo__loop *loop, const turbo__listener *listener)
{
    loop->tick_stale = true;
    int batch = listener->shared ? ACCEPT_BATCH_SHARED : ACCEPT_BATCH;
    for (int i = 0; i < batch; i++) {
        if (is_full(loop)) {
            ignore_listeners(loop);
            turbo__u32_store_release(&loop->full, 1);
            loop->refuse_at = loop->now + FULL_WAIT;
            return;
        }
        turbo__endpoints ends;
        int fd = turbo__socket_accept(listener->fd, &ends);
        if (fd < 0) {
            int error = errno;
            turbo__accept_failure failure = turbo__socket_failure(error);
            if (failure == TURBO__ACCEPT_NEXT) {
                continue;
            }
            if (failure == TURBO__ACCEPT_STUCK) {
                pause_accepting(loop, error);
            }
            return;
        }
        if (turbo__conn_open(loop, fd, &ends) != 0) {
            turbo__u64_bump(&loop->counters.refused_connections, 1);
            (void)close(fd); /* no memory for it; the client sees the end of the connection */
        }
    }
}

static void refuse_some(turbo__loop *loop, const turbo__listener *listener)
{
    while (loop->surplus_count < SURPLUS_MAX) {
        turbo__endpoints ends;
        int fd = turbo__socket_accept(listener->fd, &ends);
        if (fd < 0) {
            return; /* nobody waits, or there are no descriptors: they wait on */
        }
        turbo__u64_bump(&loop->counters.refused_connections, 1);
        if (turbo__conn_turn_away(loop, fd, &ends) != 0) {
            (void)close(fd); /* no memory for it; the client sees the end of the connection */
        }
    }
}

/* A short rush waits in the backlog; when no place gets free, who waits there is told. Listeners
 * are not watched meanwhile: another loop that has room is to take them. */
static void refuse_waiting(turbo__loop *loop)
{
    if (loop->now < loop->refuse_at) {
        return;
    }
    loop->refuse_at = loop->now + REFUSE_PAUSE;
    if (!loop->ops->every_loop_full(loop)) {
        return;
    }
    for (size_t i = 0; i < loop->listener_count; i++) {
        refuse_some(loop, &loop->listeners[i]);
    }
}

static void resume_accepting(turbo__loop *loop)
{
    if (loop->accepting || loop->draining) {
        return;
    }
    if (is_full(loop)) {
        refuse_waiting(loop);
        return;
    }
    turbo__u32_store_release(&loop->full, 0);
    if (loop->accept_again != 0 && loop->now < loop->accept_again) {
        return;
    }
    loop->accept_again = 0;
    watch_listeners(loop);
}

static void drain_wake(turbo__loop *loop)
{
    uint64_t count;
    ssize_t got = read(loop->wake_fd, &count, sizeof(count));
    (void)got; /* EAGAIN: somebody read it already */
}

static int handle_event(turbo__loop *loop, const turbo__poll_event *event)
{
    switch (*(const turbo__watch *)event->data) {
    case TURBO__WATCH_WAKE:
        drain_wake(loop);
        return 0;
    case TURBO__WATCH_LISTENER:
        if (loop->accepting) {
            accept_some(loop, event->data);
        }
        return 0;
    case TURBO__WATCH_CONN:
        return turbo__conn_event(event->data, event->events);
    }
    return 0;
}

/* Oldest first: answers were posted in that order. */
static void take_inbox(turbo__loop *loop)
{
    turbo_request *newest = turbo__ptr_exchange_seq_cst(&loop->inbox, NULL);
    turbo_request *oldest = NULL;
    while (newest != NULL) {
        turbo_request *next = newest->next;
        newest->next = oldest;
        oldest = newest;
        newest = next;
    }
    turbo_request **end = &loop->todo;
    while (*end != NULL) {
        end = &(*end)->next;
    }
    *end = oldest;
}

static int handle_inbox(turbo__loop *loop)
{
    if (turbo__ptr_load_acquire(&loop->inbox) != NULL) {
        take_inbox(loop);
    }
    while (loop->todo != NULL) {
        turbo_request *request = loop->todo;
        loop->todo = request->next;
        loop->tick_stale = true;
        int rc = turbo__http1_news(request);
        if (rc != 0) {
            return rc;
        }
    }
    return 0;
}

/* Only those that were waiting when the turn began. */
static int handle_ready(turbo__loop *loop)
{
    size_t waiting = 0;
    for (turbo__list *node = loop->ready.next; node != &loop->ready; node = node->next) {
        waiting++;
    }
    while (waiting-- > 0 && !turbo__list_empty(&loop->ready)) {
        turbo__list *node = loop->ready.next;
        turbo__list_remove(node);
        int rc = turbo__http1_advance(turbo__container_of(node, turbo__conn, ready_link));
        if (rc != 0) {
            return rc;
        }
    }
    return 0;
}

static void handle_timers(turbo__loop *loop)
{
    for (int kind = 0; kind < TURBO__TIMER_COUNT; kind++) {
        turbo__list *list = &loop->timers[kind];
        while (!turbo__list_empty(list)) {
            turbo__conn *conn = turbo__container_of(list->next, turbo__conn, timer_link);
            if (conn->deadline > loop->now) {
                break;
            }
            turbo__conn_no_timer(conn);
            turbo__conn_expired(conn, (turbo__timer)kind);
        }
    }
}

static void close_all(turbo__loop *loop)
{
    while (!turbo__list_empty(&loop->conns)) {
        turbo__conn_close(turbo__container_of(loop->conns.next, turbo__conn, link));
    }
}

static void begin_drain(turbo__loop *loop)
{
    loop->draining = true;
    loop->stop_deadline = loop->now + loop->app->settings.grace;
    ignore_listeners(loop);
    loop->accept_again = 0;
    loop->ops->done_accepting(loop);
    turbo__list *node = loop->conns.next;
    while (node != &loop->conns) {
        turbo__conn *conn = turbo__container_of(node, turbo__conn, link);
        node = node->next;
        turbo__conn_retire(conn);
    }
}

/* Clients that were refused and may not have read it yet are no reason to go on. */
static void end_lingering(turbo__loop *loop)
{
    while (!turbo__list_empty(&loop->conns)) {
        turbo__conn_end_linger(turbo__container_of(loop->conns.next, turbo__conn, link));
    }
}

static int check_stop(turbo__loop *loop)
{
    uint32_t how = turbo__u32_load_acquire(&loop->stop);
    if (turbo__likely(how == 0)) {
        return 0;
    }
    if (!loop->draining) {
        begin_drain(loop);
    }
    if (how > 1 || loop->now >= loop->stop_deadline) {
        close_all(loop);
    } else if (loop->conn_count == loop->linger_count) {
        end_lingering(loop);
    }
    return loop->conn_count == 0 && loop->kept_count == 0 ? TURBO__STOPPED : 0;
}

bool turbo__loop_has_work(const turbo__loop *loop)
{
    return loop->todo != NULL || !turbo__list_empty(&loop->ready) ||
           turbo__ptr_load_acquire(&loop->inbox) != NULL;
}

static int wait_bound(turbo__loop *loop, int timeout_ms)
{
    if (turbo__loop_has_work(loop)) {
        return 0;
    }
    uint64_t next = UINT64_MAX;
    for (int kind = 0; kind < TURBO__TIMER_COUNT; kind++) {
        if (!turbo__list_empty(&loop->timers[kind])) {
            const turbo__conn *conn =
                turbo__container_of(loop->timers[kind].next, turbo__conn, timer_link);
            next = conn->deadline < next ? conn->deadline : next;
        }
    }
    /* Once all are closed only pending handlers are waited for; their answers come by the inbox. */
    if (loop->draining && loop->conn_count > 0 && loop->stop_deadline < next) {
        next = loop->stop_deadline;
    }
    if (loop->accept_again != 0 && loop->accept_again < next) {
        next = loop->accept_again;
    }
    if (!loop->accepting && !loop->draining && is_full(loop) && loop->refuse_at < next) {
        next = loop->refuse_at;
    }
    if (next == UINT64_MAX) {
        return timeout_ms;
    }
    /* The coarse clock lags by up to a tick; one millisecond more keeps us from spinning. */
    uint64_t wait = next > loop->now ? next - loop->now + 1 : 1;
    int bound = wait > 60000 ? 60000 : (int)wait;
    return timeout_ms >= 0 && timeout_ms < bound ? timeout_ms : bound;
}

static int wait_events(turbo__loop *loop, turbo__poll_event *events, int timeout_ms)
{
    int bound = wait_bound(loop, timeout_ms);
    loop->ops->before_wait(loop);
    (void)turbo__u32_exchange_seq_cst(&loop->polling, 1);
    int count = turbo__poller_wait(&loop->poller, events, EVENTS, bound);
    (void)turbo__u32_exchange_seq_cst(&loop->polling, 0);
    loop->ops->after_wait(loop);
    return count;
}

int turbo__loop_run(turbo__loop *loop, int timeout_ms)
{
    turbo__poll_event events[EVENTS];
    refresh_time(loop);
    int stopped = check_stop(loop);
    if (stopped != 0) {
        return stopped;
    }
    int count = wait_events(loop, events, timeout_ms);
    if (count < 0) {
        return count;
    }
    refresh_time(loop);
    loop->tick_stale = true;
    for (int i = 0; i < count; i++) {
        int rc = handle_event(loop, &events[i]);
        if (rc != 0) {
            return rc;
        }
    }
    int rc = handle_inbox(loop);
    rc = rc != 0 ? rc : handle_ready(loop);
    if (rc != 0) {
        return rc;
    }
    handle_timers(loop);
    resume_accepting(loop);
    turbo__conn_trim(loop, POOL_CONNS);
    if (loop->out.cap > OUT_KEEP && loop->out.len == 0) {
        turbo__buf_clear(&loop->out);
    }
    return check_stop(loop);
}

void turbo__loop_drive_here(turbo__loop *loop)
{
    (void)turbo__u64_exchange_seq_cst(&loop->driver, turbo__thread_id());
}

void turbo__loop_take_over(turbo__loop *loop)
{
    turbo__loop_drive_here(loop);
    if (loop->running != NULL) {
        turbo__u32_store_relaxed(&loop->running->slow, TURBO__SLOW_CALLS);
    }
    turbo__output_rescue(loop);
}

/* --- life ---------------------------------------------------------------- */

static int init_listeners(turbo__loop *loop, const turbo__listening *listeners, size_t count)
{
    loop->listeners = turbo__calloc(count, sizeof(*loop->listeners));
    if (loop->listeners == NULL) {
        return TURBO_ENOMEM;
    }
    loop->listener_count = count;
    for (size_t i = 0; i < count; i++) {
        loop->listeners[i].watch = TURBO__WATCH_LISTENER;
        loop->listeners[i].fd = listeners[i].fd;
        loop->listeners[i].shared = listeners[i].inherited || loop->app->settings.workers > 1;
    }
    return 0;
}

/* What the loop writes down of its requests. */
static int init_records(turbo__loop *loop)
{
    const turbo__application *app = loop->app;
    loop->rows = turbo__rows_new(app->row_count);
    if (loop->rows == NULL) {
        return TURBO_ENOMEM;
    }
    if (app->settings.access_log == NULL) {
        return 0;
    }
    loop->access = turbo__calloc(1, sizeof(*loop->access));
    return loop->access == NULL ? TURBO_ENOMEM
                                : turbo__access_init(loop->access, app->settings.access_queue);
}

static void clear_records(turbo__loop *loop)
{
    turbo__rows_free(loop->rows);
    loop->rows = NULL;
    if (loop->access != NULL) {
        turbo__access_clear(loop->access);
        turbo__free(loop->access);
        loop->access = NULL;
    }
}

int turbo__loop_init(turbo__loop *loop, const turbo__application *app, const turbo__loop_ops *ops,
                     void *owner, const turbo__listening *listeners, size_t count,
                     uint32_t max_conns)
{
    memset(loop, 0, sizeof(*loop));
    loop->wake_watch = TURBO__WATCH_WAKE;
    loop->app = app;
    loop->ops = ops;
    loop->owner = owner;
    loop->wake_fd = -1;
    loop->poller.fd = -1;
    loop->wall = -1;
    loop->max_conns = max_conns;
    turbo__buf_init(&loop->out, SIZE_MAX / 2);
    turbo__list_init(&loop->conns);
    turbo__list_init(&loop->ready);
    for (int kind = 0; kind < TURBO__TIMER_COUNT; kind++) {
        turbo__list_init(&loop->timers[kind]);
    }
    int rc = init_listeners(loop, listeners, count);
    rc = rc != 0 ? rc : init_records(loop);
    rc = rc != 0 ? rc : turbo__poller_open(&loop->poller);
    if (rc != 0) {
        return rc;
    }
    loop->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (loop->wake_fd < 0) {
        return turbo__error_errno(TURBO_ESYSTEM, "eventfd");
    }
    rc = turbo__poller_add(&loop->poller, loop->wake_fd, TURBO__READABLE, false, loop);
    if (rc == 0) {
        refresh_time(loop);
        watch_listeners(loop);
    }
    return rc;
}

static void close_wake(turbo__loop *loop)
{
    if (loop->wake_fd >= 0) {
        (void)close(loop->wake_fd); /* an eventfd has nothing to lose */
        loop->wake_fd = -1;
    }
}

void turbo__loop_drop_copies(turbo__loop *loop)
{
    turbo__poller_drop_copies(&loop->poller);
    close_wake(loop);
    clear_records(loop); /* made before it ran, and only filled since */
    turbo__free(loop->listeners);
    loop->listeners = NULL;
}

void turbo__loop_clear(turbo__loop *loop)
{
    await_posts(loop);
    close_all(loop);
    while (loop->free_requests != NULL) {
        turbo_request *request = loop->free_requests;
        loop->free_requests = request->next;
        turbo__exchange_destroy(request);
        turbo__free(request);
    }
    while (loop->free_blocks != NULL) {
        turbo__block *block = loop->free_blocks;
        loop->free_blocks = block->next;
        turbo__free(block);
    }
    turbo__conn_trim(loop, 0);
    clear_records(loop);
    turbo__buf_clear(&loop->out);
    turbo__free(loop->listeners);
    loop->listeners = NULL;
    turbo__poller_close(&loop->poller);
    close_wake(loop);
}
