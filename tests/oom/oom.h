/* SPDX-License-Identifier: MIT */
#ifndef TURBO_OOM_H
#define TURBO_OOM_H

/*
 * What a server does when the n-th allocation fails. A scenario is run with n = 1, 2, … until
 * nothing fails any more, each time on a server of its own that has served nothing yet, with real
 * sockets in this process. Whatever fails: the client is answered as always, with 500 or 503, or
 * the connection is closed; the same request is answered rightly afterwards; all is given back.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <turbo/turbo.h>

/** Whose allocations fail. */
typedef enum oom_kind {
    OOM_LIBRARY, /* libturbo's own (base/mem.h) */
    OOM_PROCESS, /* every malloc of the process: jansson's, libc's and the handlers' too */
    OOM_ALL,     /* the same, and all that follow until the action is over */
} oom_kind;

/** What became of an action. */
typedef enum oom_outcome {
    OOM_RIGHT,   /* all as without the failure */
    OOM_REFUSED, /* 500, 503, closed, or an error code that says so */
} oom_outcome;

/* --- memory.c ------------------------------------------------------------ */

/** The `n`-th allocation of the process from now on fails, and with `all` those after it; 0: none.
 * Returns how many were made since the last call. Any thread. */
unsigned long oom_process_fail_nth(unsigned long n, bool all);

/* --- client.c ------------------------------------------------------------ */

/** An answer as a client reads it; the views last until the next one is read. */
typedef struct oom_answer {
    bool complete; /* false: the connection ended before the answer did */
    bool last;     /* the server announced that it closes the connection */
    int status;
    turbo_str head;
    turbo_str body; /* decoded */
} oom_answer;

/** Connects to 127.0.0.1. Returns a descriptor; -1: the server closed meanwhile. */
int oom_connect(uint16_t port);

/** Connects to a unix socket; as above. */
int oom_connect_unix(const char *path);

/** Sends all of it, or what the server takes before it closes the connection. */
void oom_send(int fd, turbo_str data);

/** Forgets what was read beyond the last answer. Once for each new connection. */
void oom_client_reset(void);

/** Reads the next answer of the connection. With `more`, which is called whenever there is nothing
 * to read, it does not wait itself. */
void oom_receive(int fd, void (*more)(void *), void *user_data, oom_answer *out);

/** Whether the head has a field `name` with `value`; NULL: with any. */
bool oom_has_field(const oom_answer *answer, const char *name, const char *value);

/* --- routes.c ------------------------------------------------------------ */

enum { OOM_BIG = 3000000, OOM_STREAM_PARTS = 24, OOM_STREAM_PART = 5000 };

/** The thread that answers later, and the file that is served. Before the first server. */
void oom_routes_begin(void);
void oom_routes_end(void);

/** Registers every route. Returns 0 or the first error; some are registered then. Setup. */
int oom_add_routes(turbo_server *server);

/** Bodies that were lent to the library and not given back yet. */
int oom_lent(void);

/** Waits until an answer is held. */
void oom_wait_held(void);

/** Answers the held one. */
void oom_let_go(void);

/* --- scenarios ----------------------------------------------------------- */

/** What a scenario works on; made for each run. */
typedef struct oom_run {
    turbo_server *server;
    turbo_server_options options;
    uint16_t port;
    const char *plugin; /* path of the shared object that is loaded */
    const char *socket; /* path for a unix socket */
    uint64_t records;   /* access records received */
    uint64_t lost;      /* … and told to be lost */
    bool started;
    bool driven; /* by turbo_server_step() */
    bool stopped;
    int idle; /* descriptors of clients that were there before anything failed; -1: none */
    int busy;
} oom_run;

/** A scenario. The server exists, and listens and runs if `started`. */
typedef struct oom_scenario {
    const char *name;
    void (*options)(turbo_server_options *options); /* NULL: the usual ones */
    bool started;
    bool once;                     /* `act` cannot be repeated on the same server */
    void (*prepare)(oom_run *run); /* called before anything fails; NULL: nothing to do */
    oom_outcome (*act)(oom_run *run, const void *data);
    const void *data;
    int vague; /* what is told where libc fails for want of memory and does not say so; 0: nothing
                */
} oom_scenario;

extern const oom_scenario oom_exchanges[]; /* each list ends with a NULL name */
extern const oom_scenario oom_setups[];

/** Ends the process with the place that it is at. */
void oom_die(const char *format, ...) TURBO_PRINTF(1, 2) __attribute__((noreturn));

/** There is memory again, from now on. */
void oom_relent(void);

/** RIGHT for 0, REFUSED for an error that want of memory may cause; else the process ends. */
oom_outcome oom_judge(int code);

#endif
