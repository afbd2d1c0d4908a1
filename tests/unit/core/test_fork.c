/* SPDX-License-Identifier: MIT */

/* What a started server does in a forked process, and what its parent does meanwhile. */

#include <arpa/inet.h>
#include <dirent.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "turbo/turbo.h"

/* A child has no test runner: it tells the number of the line that failed as its exit status. */
#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            _exit(__LINE__ < 256 ? __LINE__ : 255);                                                \
        }                                                                                          \
    } while (0)

static int answer(turbo_request *request, turbo_response *response, void *user_data)
{
    (void)request, (void)user_data;
    return turbo_response_body_static(response, TURBO_STR("answer"));
}

/* Ahead of a sanitizer's search for leaks, which would find what the parent's test runner holds. */
static void leave(void)
{
    _exit(0);
}

/* Both processes return from it; the child's number goes to `user_data`. */
static int answer_twice(turbo_request *request, turbo_response *response, void *user_data)
{
    pid_t child = fork();
    if (child != 0) {
        *(pid_t *)user_data = child;
    } else {
        (void)atexit(leave); /* without it the child would only end in another way */
    }
    return answer(request, response, NULL);
}

static void add(turbo_server *server, const char *pattern, turbo_handler_fn *fn, void *data)
{
    turbo_handler *handler;
    cr_assert_eq(turbo_handler_new_func(fn, data, NULL, &handler), 0);
    cr_assert_eq(turbo_route_add(server, "GET", pattern, handler, NULL, NULL), 0);
    turbo_handler_unref(handler);
}

static turbo_server *make(uint16_t *port, pid_t *child)
{
    turbo_server *server;
    cr_assert_eq(turbo_server_new(NULL, &server), 0);
    add(server, "/", answer, NULL);
    add(server, "/twice", answer_twice, child);
    cr_assert_eq(turbo_server_listen(server, "127.0.0.1", 0, port), 0);
    return server;
}

static int connect_to(uint16_t port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    cr_assert_eq(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    return fd;
}

static void send_text(int fd, const char *text)
{
    cr_assert_eq(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

static const char get[] = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
static const char get_last[] = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
static const char get_twice[] = "GET /twice HTTP/1.1\r\nHost: a\r\n\r\n";

/* Reads one answer, and nothing behind it. */
static void read_answer(int fd)
{
    char text[1024] = "";
    size_t len = 0;
    while (strstr(text, "\r\n\r\nanswer") == NULL) {
        ssize_t got = recv(fd, text + len, sizeof(text) - 1 - len, 0);
        cr_assert_gt(got, 0, "after: %s", text);
        len += (size_t)got;
        text[len] = '\0';
    }
    cr_assert_str_eq(strstr(text, "\r\n\r\n") + 4, "answer");
}

static bool at_end(int fd)
{
    char byte;
    return recv(fd, &byte, 1, 0) == 0;
}

static void expect_status(pid_t child, int wanted)
{
    int status;
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert(WIFEXITED(status), "ended by signal %d", WTERMSIG(status));
    cr_assert_eq(WEXITSTATUS(status), wanted, "it failed at line %d", WEXITSTATUS(status));
}

/* Sockets, epoll descriptors and eventfds of this process. */
static int count_server_descriptors(void)
{
    int count = 0;
    DIR *all = opendir("/proc/self/fd");
    for (struct dirent *entry = readdir(all); entry != NULL; entry = readdir(all)) {
        char target[64] = "";
        ssize_t got = readlinkat(dirfd(all), entry->d_name, target, sizeof(target) - 1);
        count += got > 0 && (strncmp(target, "socket:", 7) == 0 ||
                             strncmp(target, "anon_inode:[event", 17) == 0);
    }
    (void)closedir(all);
    return count;
}

static void use_copy(turbo_server *server)
{
    turbo_metrics metrics = {.size = sizeof(metrics)};
    turbo_handler *handler;
    char *text;
    size_t length;
    CHECK(turbo_server_wait(server, -1) == TURBO_EFORK);
    CHECK(strstr(turbo_error_detail(), "parent of this process") != NULL);
    CHECK(turbo_server_start(server) == TURBO_EFORK);
    CHECK(turbo_server_run(server) == TURBO_EFORK);
    CHECK(turbo_server_pollfd(server) == TURBO_EFORK);
    CHECK(turbo_server_step(server, 0) == TURBO_EFORK);
    CHECK(turbo_server_listen(server, "127.0.0.1", 0, NULL) == TURBO_EFORK);
    CHECK(turbo_server_listen_unix(server, "/nowhere/x", 0) == TURBO_EFORK);
    CHECK(turbo_server_listen_fd(server, 0) == TURBO_EFORK);
    CHECK(turbo_server_listen_env(server) == TURBO_EFORK);
    CHECK(turbo_server_listener(server, 0) == TURBO_EFORK);
    CHECK(turbo_server_metrics(server, &metrics) == TURBO_EFORK);
    CHECK(turbo_server_metrics_text(server, &text, &length) == TURBO_EFORK);
    CHECK(turbo_handler_new_func(answer, NULL, NULL, &handler) == 0);
    CHECK(turbo_route_add(server, "GET", "/late", handler, NULL, NULL) == TURBO_EFORK);
    turbo_handler_unref(handler);
    turbo_server_stop(server);
}

Test(fork, is_refused_after_the_start)
{
    uint16_t port;
    int before = count_server_descriptors();
    turbo_server *server = make(&port, NULL);
    cr_assert_eq(turbo_server_start(server), 0);
    int client = connect_to(port);
    send_text(client, get);
    read_answer(client);
    pid_t child = fork();
    if (child == 0) {
        use_copy(server);
        CHECK(close(client) == 0);
        turbo_server_free(server);
        CHECK(count_server_descriptors() == before);
        _exit(0);
    }
    expect_status(child, 0);
    send_text(client, get); /* neither its stop nor its free was ours */
    read_answer(client);
    (void)close(client);
    client = connect_to(port);
    send_text(client, get_last);
    read_answer(client);
    cr_assert(at_end(client));
    (void)close(client);
    turbo_server_free(server);
}

Test(fork, leaves_a_socket_file_to_the_parent)
{
    char path[64];
    struct stat found;
    turbo_server *server;
    (void)snprintf(path, sizeof(path), "/tmp/turbo-fork-%d", (int)getpid());
    cr_assert_eq(turbo_server_new(NULL, &server), 0);
    cr_assert_eq(turbo_server_listen_unix(server, path, 0), 0);
    cr_assert_eq(turbo_server_start(server), 0);
    pid_t child = fork();
    if (child == 0) {
        turbo_server_free(server);
        _exit(0);
    }
    expect_status(child, 0);
    cr_assert_eq(stat(path, &found), 0);
    turbo_server_free(server);
    cr_assert_neq(stat(path, &found), 0);
}

Test(fork, before_the_start_makes_two_servers)
{
    uint16_t port;
    turbo_server *server = make(&port, NULL);
    pid_t child = fork();
    if (child == 0) {
        CHECK(turbo_server_start(server) == 0);
        CHECK(turbo_server_wait(server, 0) == TURBO_EAGAIN);
        turbo_server_stop(server);
        CHECK(turbo_server_wait(server, -1) == 0);
        turbo_server_free(server);
        _exit(0);
    }
    expect_status(child, 0);
    cr_assert_eq(turbo_server_start(server), 0);
    int client = connect_to(port);
    send_text(client, get);
    read_answer(client);
    (void)close(client);
    turbo_server_free(server);
}

Test(fork, in_a_child_a_new_server_runs)
{
    uint16_t port;
    turbo_server *server = make(&port, NULL);
    cr_assert_eq(turbo_server_start(server), 0);
    pid_t child = fork();
    if (child == 0) {
        turbo_server *own;
        CHECK(turbo_server_new(NULL, &own) == 0);
        CHECK(turbo_server_start(own) == 0);
        CHECK(turbo_server_wait(own, 0) == TURBO_EAGAIN);
        turbo_server_free(own);
        turbo_server_free(server);
        _exit(0);
    }
    expect_status(child, 0);
    turbo_server_free(server);
}

Test(fork, in_a_handler_gives_one_answer)
{
    uint16_t port;
    pid_t child = 0;
    turbo_server *server = make(&port, &child);
    cr_assert_eq(turbo_server_start(server), 0);
    int client = connect_to(port);
    send_text(client, get_twice);
    read_answer(client);
    expect_status(child, 0); /* its only thread was one of the server's */
    send_text(client, get_last);
    read_answer(client);
    cr_assert(at_end(client)); /* a second answer would have come first */
    (void)close(client);
    turbo_server_free(server);
}

/* Runs turns until the server has nothing to do. */
static void step_all(turbo_server *server, int pollfd)
{
    struct pollfd watched = {.fd = pollfd, .events = POLLIN};
    for (int turn = 0; turn < 100; turn++) {
        cr_assert_eq(turbo_server_step(server, 0), 1);
        if (poll(&watched, 1, 0) == 0) {
            return;
        }
    }
    cr_assert(false, "the poller never comes to rest");
}

Test(fork, in_a_handler_of_a_stepped_server_gives_one_answer)
{
    uint16_t port;
    pid_t child = 0;
    pid_t parent = getpid();
    turbo_server *server = make(&port, &child);
    cr_assert_geq(turbo_server_pollfd(server), 0);
    int client = connect_to(port);
    send_text(client, get_twice);
    int rc = 1;
    while (rc == 1 && child == 0) { /* in the child it stays 0 */
        rc = turbo_server_step(server, -1);
    }
    if (getpid() != parent) {
        CHECK(rc == TURBO_EFORK);
        turbo_server_free(server);
        _exit(0);
    }
    expect_status(child, 0);
    read_answer(client);
    (void)close(client);
    turbo_server_free(server);
}

/* The child holds copies of all descriptors: a connection that the server closes must end, and its
 * registration with the poller, which outlives a close() while there are copies, must too. */
Test(fork, does_not_keep_connections_alive)
{
    uint16_t port;
    int told[2];
    turbo_server *server = make(&port, NULL);
    int pollfd = turbo_server_pollfd(server);
    cr_assert_geq(pollfd, 0);
    int client = connect_to(port);
    int idle = connect_to(port);
    send_text(client, get);
    send_text(idle, get);
    step_all(server, pollfd);
    read_answer(client);
    read_answer(idle);
    cr_assert_eq(pipe(told), 0);
    pid_t child = fork();
    if (child == 0) {
        char byte;
        (void)close(told[1]);
        _exit(read(told[0], &byte, 1) == 0 ? 0 : 1);
    }
    send_text(client, "no HTTP\r\n\r\n"); /* refused, and closed once the client has */
    step_all(server, pollfd);
    cr_assert_eq(shutdown(client, SHUT_WR), 0);
    step_all(server, pollfd);
    char text[1024];
    while (recv(client, text, sizeof(text), 0) > 0) {
    }
    turbo_server_stop(server);
    while (turbo_server_step(server, 0) == 1) {
    }
    cr_assert_eq(recv(idle, text, sizeof(text), MSG_DONTWAIT), 0, "it stays open");
    (void)close(told[1]);
    expect_status(child, 0);
    (void)close(idle);
    (void)close(client);
    turbo_server_free(server);
}
