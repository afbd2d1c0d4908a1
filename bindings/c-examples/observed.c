/* cc observed.c $(pkg-config --cflags --libs turbo) -o observed */

/*
 * A server that tells what it does: its counters under /metrics for Prometheus, and an access log
 * in the Combined Log Format on standard output. SIGTERM ends it, and the log is complete then.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include <turbo/turbo.h>

static turbo_server *server;

static void on_signal(int number)
{
    (void)number;
    turbo_server_stop(server); /* may be called from a signal handler */
}

static int greet(turbo_request *request, turbo_response *response, void *user_data)
{
    (void)request;
    (void)user_data;
    return turbo_response_body_static(response, TURBO_STR("Hello World\n"));
}

/* Runs on a thread that has nothing else to do, so that it may take its time. */
static void log_access(const turbo_access *access, void *user_data)
{
    char line[4096];
    (void)turbo_access_format(access, line, sizeof(line)); /* the longest line is shorter */
    fprintf(user_data, "%s\n", line);
    if (access->dropped > 0) {
        fprintf(user_data, "(%llu records were lost)\n", (unsigned long long)access->dropped);
    }
}

static int add_routes(void)
{
    turbo_handler *handler = NULL;
    turbo_handler *metrics = NULL;
    int error = turbo_handler_new_func(greet, NULL, NULL, &handler);
    error = error != 0 ? error : turbo_route_add(server, "GET", "/", handler, NULL, NULL);
    error = error != 0 ? error : turbo_handler_new_metrics(server, &metrics);
    error = error != 0 ? error : turbo_route_add(server, "GET", "/metrics", metrics, NULL, NULL);
    turbo_handler_unref(handler);
    turbo_handler_unref(metrics);
    return error;
}

static int serve(uint16_t port)
{
    struct sigaction action = {.sa_handler = on_signal};
    int error = add_routes();
    error = error != 0 ? error : turbo_server_listen(server, "127.0.0.1", port, &port);
    if (error != 0) {
        return error;
    }
    printf("http://127.0.0.1:%d/\n", port);
    fflush(stdout);
    return sigaction(SIGTERM, &action, NULL) == 0 ? turbo_server_run(server) : TURBO_ESYSTEM;
}

int main(int argc, char **argv)
{
    turbo_server_options options = {
        .size = sizeof(options), .access_log = log_access, .access_data = stdout};
    uint16_t port = (uint16_t)(argc > 1 ? strtoul(argv[1], NULL, 10) : 0);
    int error = turbo_server_new(&options, &server);
    error = error != 0 ? error : serve(port);
    if (error != 0) {
        fprintf(stderr, "observed: %s\n", turbo_error_detail());
    }
    turbo_server_free(server);
    return error != 0;
}
