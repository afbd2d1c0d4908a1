/* SPDX-License-Identifier: MIT */
#include "turbo/server.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "base/mem.h"
#include "turbo/error.h"

static turbo_server *make(void)
{
    turbo_server *server;
    cr_assert_eq(turbo_server_new(NULL, &server), 0);
    return server;
}

/* A path for a socket file; the file is gone when its server is. */
static const char *new_path(void)
{
    static char path[64];
    (void)snprintf(path, sizeof(path), "/tmp/turbo-listen-%ld", (long)getpid());
    return path;
}

static int listening_socket(void)
{
    struct sockaddr_in address;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    memset(&address, 0, sizeof(address));
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    cr_assert_eq(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    cr_assert_eq(listen(fd, 1), 0);
    return fd;
}

Test(listeners, are_kept_in_order)
{
    turbo_server *server = make();
    struct sockaddr_storage address;
    uint16_t port;
    cr_assert_eq(turbo_server_listener(server, 0), TURBO_ENOTFOUND);
    cr_assert_eq(turbo_server_listen(server, "127.0.0.1", 0, &port), 0);
    cr_assert_eq(turbo_server_listen_unix(server, new_path(), 0600), 0);
    const int families[] = {AF_INET, AF_UNIX};
    for (size_t i = 0; i < 2; i++) {
        socklen_t length = sizeof(address);
        int fd = turbo_server_listener(server, i);
        cr_assert_eq(getsockname(fd, (struct sockaddr *)&address, &length), 0);
        cr_assert_eq(address.ss_family, families[i]);
    }
    cr_assert_eq(turbo_server_listener(server, 2), TURBO_ENOTFOUND);
    turbo_server_free(server);
    cr_assert_eq(access(new_path(), F_OK), -1, "a server that never ran leaves its file behind");
}

Test(listeners, are_added_before_the_start_only)
{
    turbo_server *server = make();
    cr_assert_eq(turbo_server_listen_unix(server, NULL, 0), TURBO_EINVAL);
    cr_assert_eq(turbo_server_listen(server, "127.0.0.1", 0, NULL), 0);
    cr_assert_eq(turbo_server_start(server), 0);
    cr_assert_eq(turbo_server_listen_unix(server, new_path(), 0), TURBO_ESTATE);
    cr_assert_eq(turbo_server_listen_env(server), TURBO_ESTATE);
    turbo_server_free(server);
}

Test(listeners, have_a_limit)
{
    turbo_server *server = make();
    for (int i = 0; i < 64; i++) {
        cr_assert_eq(turbo_server_listen(server, "127.0.0.1", 0, NULL), 0);
    }
    int fd = listening_socket();
    cr_assert_eq(turbo_server_listen(server, "127.0.0.1", 0, NULL), TURBO_EADDRESS);
    cr_assert_eq(turbo_server_listen_unix(server, new_path(), 0), TURBO_EADDRESS);
    cr_assert_eq(turbo_server_listen_fd(server, fd), TURBO_EADDRESS);
    cr_assert_not_null(strstr(turbo_error_detail(), "more than 64"), "%s", turbo_error_detail());
    cr_assert_eq(access(new_path(), F_OK), -1);
    cr_assert_eq(close(fd), 0, "what was refused is the caller's");
    turbo_server_free(server);
}

static void set_environment(const char *process, const char *count)
{
    char own[32];
    (void)snprintf(own, sizeof(own), "%ld", (long)getpid());
    cr_assert_eq(setenv("LISTEN_PID", process != NULL ? process : own, 1), 0);
    cr_assert_eq(setenv("LISTEN_FDS", count, 1), 0);
}

Test(listeners, are_told_of_by_a_sane_environment_only)
{
    turbo_server *server = make();
    (void)unsetenv("LISTEN_PID");
    (void)unsetenv("LISTEN_FDS");
    cr_assert_eq(turbo_server_listen_env(server), TURBO_ENOTFOUND);
    const char *const processes[] = {"1", "", "-1", "x", "99999999999999999999"};
    for (size_t i = 0; i < sizeof(processes) / sizeof(processes[0]); i++) {
        set_environment(processes[i], "1");
        cr_expect_eq(turbo_server_listen_env(server), TURBO_ENOTFOUND, "%s", processes[i]);
    }
    const char *const counts[] = {"0", "", "-1", "1x", " 1", "99999999999999999999"};
    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        set_environment(NULL, counts[i]);
        cr_expect_eq(turbo_server_listen_env(server), TURBO_ENOTFOUND, "%s", counts[i]);
    }
    set_environment(NULL, "65");
    cr_assert_eq(turbo_server_listen_env(server), TURBO_EADDRESS);
    turbo_server_free(server);
}

/* In a process of its own: descriptors 3 and 4 are in use here. Returns the step that went wrong.
 */
static int take_two(void)
{
    turbo_server *server = NULL;
    int listening = listening_socket();
    int deaf = socket(AF_INET, SOCK_STREAM, 0);
    set_environment(NULL, "2");
    if (dup2(listening, 3) != 3 || dup2(deaf, 4) != 4 || turbo_server_new(NULL, &server) != 0) {
        return 1;
    }
    if (turbo_server_listen_env(server) != TURBO_EADDRESS) {
        return 2;
    }
    if (turbo_server_listener(server, 0) != TURBO_ENOTFOUND || dup2(listening, 4) != 4) {
        return 3;
    }
    if (turbo_server_listen_env(server) != 0) {
        return 4;
    }
    if (turbo_server_listener(server, 0) != 3 || turbo_server_listener(server, 1) != 4) {
        return 5;
    }
    turbo_server_free(server);
    return close(3) == -1 && close(4) == -1 ? 0 : 6; /* taken, and so closed */
}

Test(listeners, are_taken_from_the_environment_all_or_none)
{
    int status = -1;
    pid_t child = fork();
    if (child == 0) {
        _exit(take_two());
    }
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert_eq(status, 0, "step %d", WEXITSTATUS(status));
}

Test(listeners, survive_want_of_memory)
{
    turbo_server *server = make();
    unsigned long nth = 0;
    int rc;
    do {
        (void)turbo__mem_fail_nth(++nth);
        rc = turbo_server_listen_unix(server, new_path(), 0);
        (void)turbo__mem_fail_nth(0);
        cr_assert(rc == 0 || rc == TURBO_ENOMEM, "allocation %lu: %d", nth, rc);
        cr_assert_eq(access(new_path(), F_OK), rc == 0 ? 0 : -1);
    } while (rc != 0);
    cr_assert_gt(nth, 2);
    turbo_server_free(server);
}

/* Whatever kept a listener from being watched may be over a moment later. */
Test(listeners, that_cannot_be_watched_are_tried_again)
{
    turbo_server *server = make();
    uint16_t port;
    cr_assert_eq(turbo_server_listen(server, "127.0.0.1", 0, &port), 0);
    int fd = turbo_server_listener(server, 0);
    int real = dup(fd);
    int null = open("/dev/null", O_RDONLY); /* which epoll(7) does not watch */
    cr_assert_eq(dup2(null, fd), fd);
    cr_assert_geq(turbo_server_pollfd(server), 0);
    cr_assert_eq(dup2(real, fd), fd);
    struct sockaddr_in address;
    memset(&address, 0, sizeof(address));
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int client = socket(AF_INET, SOCK_STREAM, 0);
    cr_assert_eq(connect(client, (struct sockaddr *)&address, sizeof(address)), 0);
    turbo_metrics metrics = {.size = sizeof(metrics)};
    for (int turn = 0; turn < 100 && metrics.connections == 0; turn++) {
        cr_assert_eq(turbo_server_step(server, 1000), 1);
        cr_assert_eq(turbo_server_metrics(server, &metrics), 0);
    }
    cr_assert_eq(metrics.connections, 1);
    (void)close(client);
    (void)close(real);
    (void)close(null);
    turbo_server_free(server);
}
