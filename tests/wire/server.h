/* SPDX-License-Identifier: MIT */
#ifndef TURBO_WIRE_SERVER_H
#define TURBO_WIRE_SERVER_H

/*
 * The server that the wire tests talk to. It speaks over three channels: HTTP with its clients,
 * commands on standard input and events on standard output, one line each. The tests wait for
 * events, never for a time.
 */

#include <stdio.h>

#include <turbo/turbo.h>

/** Prints one event line, whole, from any thread. */
void wire_event(const char *format, ...) TURBO_PRINTF(1, 2);

/** Ends the process: the test set-up itself is broken. */
void wire_die(const char *what) __attribute__((noreturn));

/** Query parameter `name` as text in `out`; `otherwise` when it is missing. */
void wire_query_text(turbo_request *request, const char *name, const char *otherwise, char *out,
                     size_t size);

/** Query parameter `name` as a number. */
long long wire_query_number(turbo_request *request, const char *name, long long otherwise);

/** Registers `fn`; ends the process when that fails. */
void wire_route(turbo_server *server, const char *method, const char *pattern, turbo_handler_fn *fn,
                void *user_data, const turbo_route_options *options);

/** handlers.c: routes that answer by themselves. `file` may be NULL. */
void wire_add_handlers(turbo_server *server, const char *file);

/** handlers.c: lets the blocked handlers, and those to come, go on; or has them block again. */
void wire_open_gate(bool open);

/** describe.c: answers with a JSON account of the request. */
turbo_handler_fn wire_describe;

/** forms.c: routes that read forms. */
void wire_add_forms(turbo_server *server);

/** records.c: a route GET /metrics. */
void wire_add_metrics(turbo_server *server);

/** Tells the server's counters as an event. */
void wire_report_metrics(const turbo_server *server);

/** Tells an access record as an event; waits while the log is shut. */
turbo_access_fn wire_log_access;
void wire_shut_log(bool shut);

/** held.c: routes whose answers are finished by commands. */
void wire_add_held(turbo_server *server);

/** Runs a command about a held answer; false when it is none of those. */
bool wire_held_command(const char *command, const char *tag, const char *argument);

/** Frees what is left. After every server is gone. */
void wire_held_clear(void);

#endif
