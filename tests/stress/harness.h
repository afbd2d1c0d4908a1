/* SPDX-License-Identifier: MIT */
#ifndef STRESS_HARNESS_H
#define STRESS_HARNESS_H

/*
 * What the stress executables share. They use the public API only and are meant for
 * ThreadSanitizer. Counters are relaxed on purpose: an ordering made here would hide one that the
 * library forgot. Whatever a test cannot go on without is fatal.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <turbo/turbo.h>

enum { CLIENTS = 64 };

/* Prints `what` with the library's detail and ends the process. */
_Noreturn void die(const char *what);

void pause_us(long us);

void add_route(turbo_server *server, const char *method, const char *pattern, turbo_handler_fn *fn,
               const turbo_route_options *options);

/* A server with an access log and small queues; not listening yet. */
turbo_server *make_server(uint32_t workers);

/* Listens on a free port of 127.0.0.1, which the clients then use. */
void listen_on_loopback(turbo_server *server);

/* A socket to the port of listen_on_loopback(), or -1. */
int connect_client(void);

/* Sends all of `text`; false when the server is gone. */
bool send_text(int fd, const char *text);

/*
 * Runs `client` on CLIENTS threads, each with its number as argument, while another thread reads
 * the server's counters as Prometheus text. `meanwhile` (may be NULL) runs on the calling thread.
 */
void run_clients(turbo_server *server, void *(*client)(void *number),
                 void (*meanwhile)(turbo_server *server));

/* For a server that was waited for: nothing is in flight, and every answer has its record in the
 * access log, or was told to be lost. Prints the figures. */
bool records_are_complete(const turbo_server *server);

/*
 * A crew: threads that do jobs for handlers, in the order in which they are given. Each thread has
 * a queue of its own, so that exchanges with different numbers are not ordered by it.
 */
typedef void job_fn(void *arg);

void crew_start(void);
void crew_give(size_t number, job_fn *fn, void *arg); /* any thread; `number` chooses the thread */
void crew_end(void); /* once nobody gives any more: all is done then */

#endif
