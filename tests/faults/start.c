/* SPDX-License-Identifier: MIT */

/*
 * Each system call on the way to a running server fails once, the first, the second and so on: the
 * start is refused with an error that says why, or the server serves; and whatever was opened is
 * closed again. The calls are wrapped by the linker (--wrap).
 */

#include <dirent.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <turbo/turbo.h>

static int calls;          /* made so far */
static atomic_int failing; /* the number of the call that fails; 0: none. Loops read it, too */
static const char *failed; /* its name */

/* Only the thread that sets the server up makes calls while one is to fail. */
static int fails(const char *name)
{
    if (failing == 0 || ++calls != failing) {
        return 0;
    }
    failed = name;
    errno = EMFILE;
    return 1;
}

int __real_socket(int domain, int type, int protocol);
int __real_bind(int fd, const struct sockaddr *address, socklen_t length);
int __real_listen(int fd, int backlog);
int __real_getsockname(int fd, struct sockaddr *address, socklen_t *length);
int __real_epoll_create1(int flags);
int __real_eventfd(unsigned count, int flags);
int __real_epoll_ctl(int poller, int what, int fd, struct epoll_event *event);
void *__real_mmap64(void *at, size_t size, int protection, int flags, int fd, off_t offset);
int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *),
                          void *argument);

int __wrap_socket(int domain, int type, int protocol);
int __wrap_bind(int fd, const struct sockaddr *address, socklen_t length);
int __wrap_listen(int fd, int backlog);
int __wrap_getsockname(int fd, struct sockaddr *address, socklen_t *length);
int __wrap_epoll_create1(int flags);
int __wrap_eventfd(unsigned count, int flags);
int __wrap_epoll_ctl(int poller, int what, int fd, struct epoll_event *event);
void *__wrap_mmap64(void *at, size_t size, int protection, int flags, int fd, off_t offset);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *),
                          void *argument);

int __wrap_socket(int domain, int type, int protocol)
{
    return fails("socket") ? -1 : __real_socket(domain, type, protocol);
}

int __wrap_bind(int fd, const struct sockaddr *address, socklen_t length)
{
    return fails("bind") ? -1 : __real_bind(fd, address, length);
}

int __wrap_listen(int fd, int backlog)
{
    return fails("listen") ? -1 : __real_listen(fd, backlog);
}

int __wrap_getsockname(int fd, struct sockaddr *address, socklen_t *length)
{
    return fails("getsockname") ? -1 : __real_getsockname(fd, address, length);
}

int __wrap_epoll_create1(int flags)
{
    return fails("epoll_create1") ? -1 : __real_epoll_create1(flags);
}

int __wrap_eventfd(unsigned count, int flags)
{
    return fails("eventfd") ? -1 : __real_eventfd(count, flags);
}

int __wrap_epoll_ctl(int poller, int what, int fd, struct epoll_event *event)
{
    return fails("epoll_ctl") ? -1 : __real_epoll_ctl(poller, what, fd, event);
}

void *__wrap_mmap64(void *at, size_t size, int protection, int flags, int fd, off_t offset)
{
    return fails("mmap") ? MAP_FAILED : __real_mmap64(at, size, protection, flags, fd, offset);
}

int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *),
                          void *argument)
{
    return fails("pthread_create") ? EAGAIN
                                   : __real_pthread_create(thread, attributes, run, argument);
}

static void check(int condition, const char *what)
{
    if (!condition) {
        fprintf(stderr, "call %d (%s) failed: %s; detail: %s\n", calls, failed, what,
                turbo_error_detail());
        abort();
    }
}

static int answer(turbo_request *request, turbo_response *response, void *user_data)
{
    (void)request, (void)user_data;
    return turbo_response_body_static(response, TURBO_STR("answer"));
}

static void ignore_record(const turbo_access *access, void *user_data)
{
    (void)access, (void)user_data;
}

static int count_descriptors(void)
{
    int count = 0;
    DIR *all = opendir("/proc/self/fd");
    check(all != NULL, "no /proc");
    while (readdir(all) != NULL) {
        count++;
    }
    (void)closedir(all);
    return count;
}

static void ask(uint16_t port)
{
    static const char text[] = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    check(connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0, "connect");
    check(send(fd, text, sizeof(text) - 1, 0) == (ssize_t)sizeof(text) - 1, "send");
    char got[1024];
    size_t len = 0;
    ssize_t count;
    while ((count = recv(fd, got + len, sizeof(got) - 1 - len, 0)) > 0) {
        len += (size_t)count;
    }
    got[len] = '\0';
    check(strncmp(got, "HTTP/1.1 200 ", 13) == 0, "the answer is wrong");
    (void)close(fd);
}

static turbo_server *make(void)
{
    turbo_server_options options = {
        .size = sizeof(options), .workers = 2, .access_log = ignore_record};
    turbo_server *server;
    turbo_handler *handler;
    check(turbo_server_new(&options, &server) == 0, "new");
    check(turbo_handler_new_func(answer, NULL, NULL, &handler) == 0, "handler");
    check(turbo_route_add(server, "GET", "/", handler, NULL, NULL) == 0, "route");
    turbo_handler_unref(handler);
    return server;
}

/* Sets a server up while call `number` fails. Returns whether so many calls were made at all. */
static int run(int number)
{
    turbo_server *server = make();
    uint16_t port = 0;
    calls = 0;
    failed = NULL;
    failing = number;
    int rc = turbo_server_listen(server, "127.0.0.1", 0, &port);
    int listens = rc == 0;
    rc = listens ? turbo_server_start(server) : rc;
    failing = 0;
    if (rc == 0) { /* what failed was tried again, or nothing did */
        ask(port);
    } else {
        check(failed != NULL, "an error without a reason");
        check(rc == (listens ? TURBO_ESYSTEM : TURBO_EADDRESS) || (!listens && rc == TURBO_ESYSTEM),
              "another error was expected");
        check(turbo_error_detail()[0] != '\0', "the detail is empty");
    }
    printf("%d %s: %s %s\n", number, failed != NULL ? failed : "-", turbo_error_name(rc),
           rc != 0 ? turbo_error_detail() : "");
    turbo_server_free(server);
    return failed != NULL;
}

int main(void)
{
    int before = count_descriptors();
    int number = 1;
    while (run(number)) {
        check(count_descriptors() == before, "descriptors were left open");
        number++;
    }
    check(number > 10, "the calls were not wrapped");
    check(count_descriptors() == before, "descriptors were left open");
    return EXIT_SUCCESS;
}
