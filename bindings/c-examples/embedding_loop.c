/* cc embedding_loop.c $(pkg-config --cflags --libs turbo) -o embedding_loop */

/*
 * A program that has a poll loop of its own and gains an HTTP server inside that loop: the server
 * is one more descriptor to watch, and handlers run on the program's own thread, inside
 * turbo_server_step(). They may therefore use the program's data without a lock, and must not
 * block.
 *
 * The program keeps its signals: SIGINT and SIGTERM arrive through a pipe that the loop watches.
 * They end it; requests in flight are answered first.
 */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <turbo/turbo.h>

enum { READ_END, WRITE_END };

/* The timeouts of connections are checked when the server is stepped: at least this often. */
enum { STEP_MS = 250 };

static int signal_pipe[2];

static void on_signal(int number)
{
    int saved = errno;
    unsigned char byte = (unsigned char)number;
    /* A full pipe holds enough to end the program. */
    ssize_t written = write(signal_pipe[WRITE_END], &byte, 1);
    (void)written;
    errno = saved;
}

static int catch_signals(void)
{
    struct sigaction action = {.sa_handler = on_signal};
    sigemptyset(&action.sa_mask);
    return pipe(signal_pipe) == 0 && sigaction(SIGINT, &action, NULL) == 0 &&
                   sigaction(SIGTERM, &action, NULL) == 0
               ? 0
               : TURBO_ESYSTEM;
}

/* Runs inside turbo_server_step(): the counter is a plain variable of the main thread. */
static int do_job(turbo_request *request, turbo_response *response, void *user_data)
{
    (void)request;
    unsigned long *jobs_done = user_data;
    char text[64];
    int length = snprintf(text, sizeof(text), "job %lu\n", ++*jobs_done);
    turbo_str body = {text, (size_t)length};
    return turbo_response_body(response, body);
}

/* The program's loop: until the server has ended, which a signal asks it to do. */
static int main_loop(turbo_server *server, int server_fd)
{
    struct pollfd watched[] = {{.fd = signal_pipe[READ_END], .events = POLLIN},
                               {.fd = server_fd, .events = POLLIN}};
    for (;;) {
        if (poll(watched, 2, STEP_MS) < 0) {
            if (errno != EINTR) {
                return TURBO_ESYSTEM;
            }
            continue;
        }
        unsigned char number;
        if (watched[0].revents != 0 && read(signal_pipe[READ_END], &number, 1) == 1) {
            turbo_server_stop(server);
        }
        int alive = turbo_server_step(server, 0);
        if (alive <= 0) {
            return alive; /* 0: stopped */
        }
    }
}

static int run(turbo_server *server, unsigned long *jobs_done, uint16_t port)
{
    turbo_handler *handler = NULL;
    int error = turbo_handler_new_func(do_job, jobs_done, NULL, &handler);
    if (error != 0) {
        return error;
    }
    error = turbo_route_add(server, "GET", "/job", handler, NULL, NULL);
    turbo_handler_unref(handler); /* the route has its own reference */
    if (error == 0) {
        error = turbo_server_listen(server, "127.0.0.1", port, &port);
    }
    if (error != 0) {
        return error;
    }
    int server_fd = turbo_server_pollfd(server);
    if (server_fd < 0) {
        return server_fd;
    }
    printf("http://127.0.0.1:%" PRIu16 "/job\n", port);
    fflush(stdout);
    error = main_loop(server, server_fd);
    printf("%lu jobs done\n", *jobs_done);
    return error;
}

int main(int argc, char **argv)
{
    uint16_t port = (uint16_t)(argc > 1 ? strtoul(argv[1], NULL, 10) : 0);
    if (catch_signals() != 0) {
        perror("embedding_loop");
        return EXIT_FAILURE;
    }
    unsigned long jobs_done = 0;
    turbo_server *server = NULL;
    int error = turbo_server_new(NULL, &server);
    if (error == 0) {
        error = run(server, &jobs_done, port);
    }
    if (error != 0) {
        fprintf(stderr, "embedding_loop: %s: %s\n", turbo_error_text(error), turbo_error_detail());
    }
    turbo_server_free(server);
    return error != 0;
}
