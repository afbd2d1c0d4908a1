/* cc embedding_thread.c $(pkg-config --cflags --libs turbo) -o embedding_thread */

/*
 * A program that has a life of its own and gains an HTTP server, which runs on a thread that the
 * program starts. The program keeps
 *
 *  - its signals: the library installs no handler, and its threads block every signal;
 *  - its poll loop, which here watches a pipe of jobs and a pipe of signals;
 *  - its data: `jobs_done` belongs to the main thread. The handler does not touch it but sends the
 *    pending answer to the main loop, which completes it (turbo_response_finish() works on any
 * thread).
 *
 * SIGINT and SIGTERM end it: requests in flight are answered first. See embedding_loop.c for the
 * same program without a second thread.
 */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <turbo/turbo.h>

enum { READ_END, WRITE_END };

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

/* Runs on a thread of the library: hands the answer to the main loop. A write of one pointer to a
 * pipe is atomic. */
static int enqueue(turbo_request *request, turbo_response *response, void *user_data)
{
    (void)request;
    const int *jobs = user_data;
    if (write(jobs[WRITE_END], &response, sizeof(response)) != (ssize_t)sizeof(response)) {
        return TURBO_EIO;
    }
    return TURBO_PENDING;
}

/* Runs on the main thread: completes one answer. */
static int do_job(int jobs_read_end, unsigned long *jobs_done)
{
    turbo_response *response;
    if (read(jobs_read_end, &response, sizeof(response)) != (ssize_t)sizeof(response)) {
        return TURBO_EIO;
    }
    char text[64];
    int length = snprintf(text, sizeof(text), "job %lu\n", ++*jobs_done);
    turbo_str body = {text, (size_t)length};
    int error = turbo_response_body(response, body);
    if (error != 0) {
        turbo_response_abort(response);
        return error;
    }
    error = turbo_response_finish(response);
    return error == TURBO_ECANCELLED ? 0 : error; /* a client that left is no error here */
}

/* The server's thread. */
static void *run_server(void *user_data)
{
    turbo_server *server = user_data;
    int error = turbo_server_run(server);
    if (error != 0) {
        fprintf(stderr, "server: %s\n", turbo_error_detail());
    }
    /* Wakes the main loop, which then sees that the server ended. */
    on_signal(0);
    return NULL;
}

/* The program's loop: until the server has ended, which a signal asks it to do. */
static int main_loop(turbo_server *server, int jobs_read_end)
{
    unsigned long jobs_done = 0;
    struct pollfd watched[] = {{.fd = signal_pipe[READ_END], .events = POLLIN},
                               {.fd = jobs_read_end, .events = POLLIN}};
    for (;;) {
        if (poll(watched, 2, -1) < 0) {
            if (errno != EINTR) {
                return TURBO_ESYSTEM;
            }
            continue;
        }
        if (watched[1].revents != 0) {
            int error = do_job(jobs_read_end, &jobs_done);
            if (error != 0) {
                return error;
            }
        }
        unsigned char number;
        if (watched[0].revents != 0 && read(signal_pipe[READ_END], &number, 1) == 1) {
            if (number == 0) {
                printf("%lu jobs done\n", jobs_done);
                return 0;
            }
            turbo_server_stop(server);
        }
    }
}

/* Starts the server's thread and runs the program's loop beside it. */
static int run(turbo_server *server, int jobs_read_end)
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, run_server, server) != 0) {
        return TURBO_ESYSTEM;
    }
    int error = main_loop(server, jobs_read_end);
    turbo_server_stop(server);
    pthread_join(thread, NULL);
    return error;
}

static int set_up(turbo_server *server, int *jobs, uint16_t port)
{
    turbo_handler *handler = NULL;
    int error = turbo_handler_new_func(enqueue, jobs, NULL, &handler);
    if (error != 0) {
        return error;
    }
    error = turbo_route_add(server, "GET", "/job", handler, NULL, NULL);
    turbo_handler_unref(handler); /* the route has its own reference */
    if (error == 0) {
        error = turbo_server_listen(server, "127.0.0.1", port, &port);
    }
    if (error == 0) {
        printf("http://127.0.0.1:%" PRIu16 "/job\n", port);
        fflush(stdout);
    }
    return error;
}

int main(int argc, char **argv)
{
    uint16_t port = (uint16_t)(argc > 1 ? strtoul(argv[1], NULL, 10) : 0);
    int jobs[2];
    if (catch_signals() != 0 || pipe(jobs) != 0) {
        perror("embedding_thread");
        return EXIT_FAILURE;
    }
    turbo_server *server = NULL;
    int error = turbo_server_new(NULL, &server);
    if (error == 0) {
        error = set_up(server, jobs, port);
    }
    if (error == 0) {
        error = run(server, jobs[READ_END]);
    }
    if (error != 0) {
        fprintf(stderr, "embedding_thread: %s: %s\n", turbo_error_text(error),
                turbo_error_detail());
    }
    turbo_server_free(server);
    return error != 0;
}
