/* SPDX-License-Identifier: MIT */

/* Scenarios in which a server is set up, driven or ended. */

#include "oom.h"

#include <stdio.h>
#include <string.h>

#include <unistd.h>

static oom_outcome make_server(oom_run *run, const void *data)
{
    (void)data;
    turbo_server *server;
    oom_outcome outcome = oom_judge(turbo_server_new(&run->options, &server));
    if (outcome == OOM_RIGHT) {
        turbo_server_free(server);
    }
    return outcome;
}

static oom_outcome listen_tcp(oom_run *run, const void *data)
{
    return oom_judge(turbo_server_listen(run->server, data, 0, &run->port));
}

static oom_outcome listen_unix(oom_run *run, const void *data)
{
    (void)data;
    return oom_judge(turbo_server_listen_unix(run->server, run->socket, 0));
}

static oom_outcome start(oom_run *run, const void *data)
{
    (void)data;
    oom_outcome outcome = oom_judge(turbo_server_start(run->server));
    run->started = outcome == OOM_RIGHT;
    return outcome;
}

static oom_outcome load_plugin(oom_run *run, const void *data)
{
    (void)data;
    turbo_handler *handler;
    turbo_library_options options = {.size = sizeof(options), .config = "settings"};
    int rc = turbo_handler_new_library(run->plugin, "handle_request", &options, &handler);
    if (rc == 0) {
        turbo_handler_unref(handler);
    }
    return oom_judge(rc);
}

/* On a second server: a failing one leaves some routes behind. */
static oom_outcome add_routes(oom_run *run, const void *data)
{
    (void)data;
    turbo_server *server;
    oom_outcome outcome = oom_judge(turbo_server_new(&run->options, &server));
    if (outcome == OOM_RIGHT) {
        outcome = oom_judge(oom_add_routes(server));
        turbo_server_free(server);
    }
    return outcome;
}

static oom_outcome render_metrics(oom_run *run, const void *data)
{
    (void)data;
    char *text;
    size_t length;
    int rc = turbo_server_metrics_text(run->server, &text, &length);
    if (rc == 0) {
        if (strlen(text) != length || strstr(text, "\nturbo_connections_open 0\n") == NULL) {
            oom_die("wrong metrics: %s", text);
        }
        turbo_metrics_text_free(text);
    }
    return oom_judge(rc);
}

/* --- a program that drives the server itself -------------------------------- */

static void step(void *user_data)
{
    oom_run *run = user_data;
    if (turbo_server_step(run->server, 10) != 1) {
        oom_die("turbo_server_step: %s", turbo_error_detail());
    }
}

static oom_outcome drive(oom_run *run, const void *data)
{
    (void)data;
    int rc = turbo_server_pollfd(run->server);
    if (rc < 0) {
        return oom_judge(rc);
    }
    run->started = true;
    run->driven = true;
    int fd = oom_connect(run->port);
    if (fd < 0) {
        return OOM_REFUSED;
    }
    oom_client_reset();
    oom_answer answer;
    oom_send(fd, TURBO_STR("GET /plain/x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"));
    oom_receive(fd, step, run, &answer);
    (void)close(fd); /* nothing is on the way */
    if (!answer.complete || answer.status == 500 || answer.status == 503) {
        return OOM_REFUSED;
    }
    if (answer.status != 200) {
        oom_die("wrong answer: %.*s", (int)answer.head.len, answer.head.data);
    }
    return OOM_RIGHT;
}

/* --- the end ----------------------------------------------------------------- */

/* One client is idle, the other's answer is still to come. */
static void have_clients(oom_run *run)
{
    run->idle = oom_connect(run->port);
    run->busy = oom_connect(run->port);
    if (run->idle < 0 || run->busy < 0) {
        oom_die("not connected");
    }
    oom_client_reset();
    oom_answer answer;
    oom_send(run->idle, TURBO_STR("GET /static HTTP/1.1\r\nHost: a\r\n\r\n"));
    oom_receive(run->idle, NULL, NULL, &answer);
    oom_send(run->busy, TURBO_STR("GET /hold HTTP/1.1\r\nHost: a\r\n\r\n"));
    oom_wait_held();
}

static oom_outcome stop(oom_run *run, const void *data)
{
    (void)data;
    turbo_server_stop(run->server);
    oom_let_go();
    oom_client_reset();
    oom_answer answer;
    oom_receive(run->busy, NULL, NULL, &answer);
    if (turbo_server_wait(run->server, -1) != 0) {
        oom_die("turbo_server_wait: %s", turbo_error_detail());
    }
    run->stopped = true;
    return answer.complete && answer.status == 200 ? OOM_RIGHT : OOM_REFUSED;
}

const oom_scenario oom_setups[] = {
    {.name = "make", .act = make_server},
    {.name = "routes", .act = add_routes},
    {.name = "listen", .act = listen_tcp, .data = "127.0.0.1"},
    {.name = "listen, by name", .act = listen_tcp, .data = "localhost", .vague = TURBO_EADDRESS},
    {.name = "listen, unix", .act = listen_unix, .once = true},
    {.name = "plugin load", .act = load_plugin, .vague = TURBO_EPLUGIN},
    {.name = "metrics text, not started", .act = render_metrics},
    {.name = "start", .act = start, .once = true, .vague = TURBO_ESYSTEM},
    {.name = "driven by the program", .act = drive, .once = true, .vague = TURBO_ESYSTEM},
    {.name = "stop", .started = true, .prepare = have_clients, .act = stop, .once = true},
    {.name = NULL},
};
