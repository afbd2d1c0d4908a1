/* SPDX-License-Identifier: MIT */

/* The counters of all loops, added up: as numbers, as text, as an answer. */

#include "base/error.h"
#include "base/mem.h"
#include "core/server.h"
#include "turbo/handler.h"
#include "turbo/response.h"

static uint64_t count_queued(const turbo_server *server)
{
    pthread_mutex_t *lock =
        (pthread_mutex_t *)(uintptr_t)&server->pool.lock; /* locks are no data */
    (void)pthread_mutex_lock(lock);
    uint64_t count = server->pool.job_count;
    (void)pthread_mutex_unlock(lock);
    return count;
}

static void add_up(const turbo_server *server, turbo_metrics *sum)
{
    memset(sum, 0, sizeof(*sum));
    for (uint32_t i = 0; i < server->loops_ready; i++) {
        const turbo__loop *loop = &server->loops[i];
        size_t rows = loop->rows != NULL ? server->app.row_count : 0;
        turbo__metrics_add(sum, &loop->counters, loop->rows, rows);
    }
    sum->queued = count_queued(server);
}

int turbo_server_metrics(const turbo_server *server, turbo_metrics *metrics)
{
    turbo_metrics sum;
    int rc = turbo__server_check(server);
    if (rc != 0) {
        return rc;
    }
    add_up(server, &sum);
    return turbo__metrics_give(&sum, metrics);
}

static int render(const turbo_server *server, turbo__buf *out)
{
    turbo_metrics sum;
    size_t loops = server->loops_ready;
    const turbo__row **rows = turbo__calloc(loops + 1, sizeof(*rows));
    if (rows == NULL) {
        return TURBO_ENOMEM;
    }
    add_up(server, &sum);
    for (size_t i = 0; i < loops; i++) {
        rows[i] = server->loops[i].rows;
    }
    turbo__metrics_view view = {
        .sum = &sum,
        .names = server->app.row_names,
        .row_count = server->app.row_count,
        .rows = rows,
        .loop_count = loops,
    };
    int rc = turbo__metrics_render(&view, out);
    turbo__free(rows);
    return rc;
}

int turbo_server_metrics_text(const turbo_server *server, char **text, size_t *length)
{
    turbo__buf buf;
    turbo__buf_init(&buf, SIZE_MAX / 2);
    int rc = turbo__server_check(server);
    rc = rc != 0 ? rc : render(server, &buf);
    rc = rc != 0 ? rc : turbo__buf_append(&buf, "", 1);
    if (rc != 0) {
        turbo__buf_clear(&buf);
        return rc;
    }
    *text = buf.data;
    if (length != NULL) {
        *length = buf.len - 1;
    }
    return 0;
}

void turbo_metrics_text_free(char *text)
{
    turbo__free(text);
}

static int answer_metrics(turbo_request *request, turbo_response *response, void *user_data)
{
    (void)request;
    char *text;
    size_t length;
    int rc = turbo_server_metrics_text(user_data, &text, &length);
    if (rc != 0) {
        return rc;
    }
    rc = turbo_response_header(response, TURBO_STR("content-type"),
                               TURBO_STR("text/plain; version=0.0.4; charset=utf-8"));
    turbo_str body = {text, length};
    rc = rc != 0 ? rc : turbo_response_body_owned(response, body, turbo__free, text);
    if (rc != 0) {
        turbo__free(text);
    }
    return rc;
}

int turbo_handler_new_metrics(const turbo_server *server, turbo_handler **out)
{
    if (server == NULL) {
        return turbo__error_set(TURBO_EINVAL, "turbo_handler_new_metrics() needs a server");
    }
    void *data = (void *)(uintptr_t)server; /* it only reads it */
    return turbo_handler_new_func(answer_metrics, data, NULL, out);
}
