/* SPDX-License-Identifier: MIT */

/*
 * Runs every scenario with every allocation failing once. Usage: oom PLUGIN [SCENARIO]. With
 * TURBO_OOM=library in the environment only the library's own allocations fail: for tools that
 * bring a malloc of their own into the process.
 */

#include "oom.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <fcntl.h>
#include <unistd.h>

#include "base/mem.h"

enum { DESCRIPTORS = 256, NEVER = 3600 * 1000 };

static const char *const kinds[] = {"library", "process", "process, and all that follow"};

/* Where it is at, for messages; the main thread's. */
static const oom_scenario *current;
static oom_kind kind;
static unsigned long nth;
static bool warm; /* the server has done the same before, so that it has memory to use again */

void oom_die(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fflush(stdout);
    fprintf(stderr,
            "%s, allocation %lu of the %s%s: ", current != NULL ? current->name : "at start", nth,
            kinds[kind], warm ? ", warm" : "");
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    _exit(EXIT_FAILURE);
}

oom_outcome oom_judge(int code)
{
    bool want = code == TURBO_ENOMEM ||
                (kind != OOM_LIBRARY && current->vague != 0 && code == current->vague);
    if (code != 0 && !want) {
        oom_die("%s: %s", turbo_error_name(code), turbo_error_detail());
    }
    return code == 0 ? OOM_RIGHT : OOM_REFUSED;
}

static unsigned long fail_nth(unsigned long n)
{
    return kind == OOM_LIBRARY ? turbo__mem_fail_nth(n) : oom_process_fail_nth(n, kind == OOM_ALL);
}

static unsigned long made; /* allocations until there was memory again */

void oom_relent(void)
{
    made += fail_nth(0);
}

static int open_descriptors(void)
{
    int count = 0;
    for (int fd = 0; fd < DESCRIPTORS; fd++) {
        count += fcntl(fd, F_GETFD) >= 0 ? 1 : 0;
    }
    return count;
}

static void must(int code, const char *what)
{
    if (code != 0) {
        oom_die("%s: %s", what, turbo_error_detail());
    }
}

static void make(oom_run *run)
{
    /* No time limit of the server's comes to the rescue of a connection that was forgotten. */
    run->options = (turbo_server_options){
        .size = sizeof(run->options),
        .offload_threads = 2,
        .head_timeout = NEVER,
        .body_timeout = NEVER,
        .idle_timeout = NEVER,
        .write_timeout = NEVER,
        .grace = NEVER,
        .access_data = run,
    };
    if (current->options != NULL) {
        current->options(&run->options);
    }
    must(turbo_server_new(&run->options, &run->server), "make");
    must(oom_add_routes(run->server), "routes");
    must(turbo_server_listen(run->server, "127.0.0.1", 0, &run->port), "listen");
    if (current->started) {
        must(turbo_server_listen_unix(run->server, run->socket, 0), "listen");
        must(turbo_server_start(run->server), "start");
        run->started = true;
    }
    if (current->prepare != NULL) {
        current->prepare(run);
    }
}

static void stop(oom_run *run)
{
    turbo_server_stop(run->server);
    int rc = run->driven ? 1 : turbo_server_wait(run->server, -1);
    while (run->driven && rc == 1) {
        rc = turbo_server_step(run->server, 10);
    }
    must(rc, "stop");
}

/* Everything that was begun has ended, and was counted. */
static void check_counts(const oom_run *run)
{
    turbo_metrics metrics = {.size = sizeof(metrics)};
    must(turbo_server_metrics(run->server, &metrics), "metrics");
    uint64_t ended = 0;
    for (size_t i = 0; i < sizeof(metrics.responses) / sizeof(metrics.responses[0]); i++) {
        ended += metrics.responses[i];
    }
    if (metrics.in_flight != 0 || metrics.open_connections != 0 || metrics.queued != 0 ||
        ended != metrics.requests + metrics.refused_heads) {
        oom_die("%llu in flight, %llu connections, %llu queued, %llu requests of %llu ended",
                (unsigned long long)metrics.in_flight, (unsigned long long)metrics.open_connections,
                (unsigned long long)metrics.queued,
                (unsigned long long)(metrics.requests + metrics.refused_heads),
                (unsigned long long)ended);
    }
    if (run->options.access_log != NULL &&
        (run->records + metrics.access_dropped != ended || run->lost > metrics.access_dropped)) {
        oom_die("%llu records and %llu dropped of %llu", (unsigned long long)run->records,
                (unsigned long long)metrics.access_dropped, (unsigned long long)ended);
    }
}

static void end(oom_run *run)
{
    if (run->started && !run->stopped) {
        stop(run);
    }
    check_counts(run);
    turbo_server_free(run->server);
    (void)unlink(run->socket); /* gone already, if the server had it */
    if (run->idle >= 0) {
        close(run->idle);
        close(run->busy);
    }
    if (oom_lent() != 0) {
        oom_die("%d bodies were not given back", oom_lent());
    }
}

/* Returns whether an allocation failed. */
static bool run_once(const char *plugin, const char *path, int *refused)
{
    int descriptors = open_descriptors();
    oom_run run = {.plugin = plugin, .socket = path, .idle = -1, .busy = -1};
    make(&run);
    if (warm && current->act(&run, current->data) != OOM_RIGHT) {
        oom_die("refused before anything failed");
    }
    made = 0;
    (void)fail_nth(nth);
    oom_outcome outcome = current->act(&run, current->data);
    oom_relent();
    bool failed = made >= nth;
    if (outcome == OOM_REFUSED && !failed) {
        oom_die("refused, but nothing failed");
    }
    *refused += outcome == OOM_REFUSED ? 1 : 0;
    if (!current->once && current->act(&run, current->data) != OOM_RIGHT) {
        oom_die("the next one was refused too");
    }
    end(&run);
    if (open_descriptors() != descriptors) {
        oom_die("%d descriptors before, %d afterwards", descriptors, open_descriptors());
    }
    return failed;
}

static oom_kind last_kind = OOM_ALL;

static void run_scenario(const char *plugin, const char *path)
{
    printf("%s%s:", current->name, warm ? ", warm" : "");
    for (kind = OOM_LIBRARY; kind <= last_kind; kind++) {
        int refused = 0;
        nth = 1;
        while (run_once(plugin, path, &refused)) {
            nth++;
        }
        printf(" %s %lu allocations, %d refusals;", kinds[kind], nth - 1, refused);
    }
    printf("\n");
}

static void run_list(const oom_scenario *list, const char *plugin, const char *path,
                     const char *only)
{
    for (current = list; current->name != NULL; current++) {
        if (only != NULL && strcmp(only, current->name) != 0) {
            continue;
        }
        run_scenario(plugin, path);
        if (!current->once) {
            warm = true;
            run_scenario(plugin, path);
            warm = false;
        }
    }
    current = NULL;
}

static void choose_kinds(void)
{
    const char *wanted = getenv("TURBO_OOM");
    if (wanted != NULL && strcmp(wanted, "library") == 0) {
        last_kind = OOM_LIBRARY;
        return;
    }
    (void)oom_process_fail_nth(1, false);
    void *volatile made_here = malloc(1);
    if (oom_process_fail_nth(0, false) != 1 || made_here != NULL) {
        free(made_here);
        oom_die("malloc() is not the one of memory.c");
    }
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        fprintf(stderr, "usage: %s PLUGIN [SCENARIO]\n", argv[0]);
        return EXIT_FAILURE;
    }
    char path[64];
    (void)snprintf(path, sizeof(path), "/tmp/turbo-oom-%ld", (long)getpid()); /* it fits */
    (void)setvbuf(stdout, NULL, _IOLBF, 0); /* else it is only shown late */
    choose_kinds();
    oom_routes_begin();
    run_list(oom_setups, argv[1], path, argc > 2 ? argv[2] : NULL);
    run_list(oom_exchanges, argv[1], path, argc > 2 ? argv[2] : NULL);
    oom_routes_end();
    return EXIT_SUCCESS;
}
