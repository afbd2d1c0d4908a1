/*
 * The C row of the benchmark: one route, one handler function, one worker, every option at its
 * default.
 *
 *     hello PORT
 *
 * Listens on 127.0.0.1:PORT (0: the kernel picks one), prints the URL once it serves, and ends on
 * SIGTERM or SIGINT.
 */
#define _POSIX_C_SOURCE 200809L

#include <turbo/turbo.h>

#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* Answers the greeting; called for every request, on the worker's thread. */
static int greet(turbo_request *request, turbo_response *response, void *user_data)
{
    (void)request;
    (void)user_data;
    int error =
        turbo_response_header(response, TURBO_STR("content-type"), TURBO_STR("application/json"));
    if (error != 0) {
        return error;
    }
    return turbo_response_body_static(response, TURBO_STR("{\"message\":\"Hello World\"}"));
}

/* Registers the route and starts serving; `*bound` receives the real port. */
static int start(turbo_server *server, uint16_t port, uint16_t *bound)
{
    turbo_handler *handler = NULL;
    int error = turbo_handler_new_func(greet, NULL, NULL, &handler);
    if (error != 0) {
        return error;
    }
    error = turbo_route_add(server, "GET", "/", handler, NULL, NULL);
    turbo_handler_unref(handler);
    if (error == 0) {
        error = turbo_server_listen(server, "127.0.0.1", port, bound);
    }
    if (error == 0) {
        error = turbo_server_start(server);
    }
    return error;
}

/* Serves until one of `signals`, which must be blocked, arrives. */
static int serve(turbo_server *server, uint16_t port, const sigset_t *signals)
{
    uint16_t bound = 0;
    int error = start(server, port, &bound);
    if (error != 0) {
        return error;
    }
    printf("http://127.0.0.1:%u\n", (unsigned)bound);
    fflush(stdout);
    int signal_number = 0;
    if (sigwait(signals, &signal_number) != 0) {
        return TURBO_ESYSTEM;
    }
    turbo_server_stop(server);
    return turbo_server_wait(server, -1);
}

int main(int argc, char **argv)
{
    char *end = NULL;
    errno = 0;
    unsigned long port = argc == 2 ? strtoul(argv[1], &end, 10) : 0;
    if (argc != 2 || errno != 0 || end == argv[1] || *end != '\0' || port > UINT16_MAX) {
        fprintf(stderr, "usage: %s PORT\n", argv[0]);
        return EXIT_FAILURE;
    }
    sigset_t signals;
    if (sigemptyset(&signals) != 0 || sigaddset(&signals, SIGTERM) != 0 ||
        sigaddset(&signals, SIGINT) != 0 || sigprocmask(SIG_BLOCK, &signals, NULL) != 0) {
        perror("signals");
        return EXIT_FAILURE;
    }
    turbo_server *server = NULL;
    int error = turbo_server_new(NULL, &server);
    if (error == 0) {
        error = serve(server, (uint16_t)port, &signals);
    }
    if (error != 0) {
        fprintf(stderr, "hello: %s: %s\n", turbo_error_text(error), turbo_error_detail());
    }
    turbo_server_free(server);
    return error == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
