/* SPDX-License-Identifier: MIT */

/*
 * Preloaded into a program that uses libturbo: makes system calls of that library, and of no other
 * code, fail as told. The orders are in a file that both sides map, so that a running program can
 * be told: a table of slots, one for each function, in the order of `enum call`.
 */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum call {
    ACCEPT,
    RECV,
    SEND,
    SENDMSG,
    SENDFILE,
    OPEN,
    WRITE_FILE,
    READ_FILE,
    WRITE_EVENT,
    READ_EVENT,
    EPOLL_ADD,
    EPOLL_MOD,
    EPOLL_DEL,
    EPOLL_WAIT,
    PTHREAD_CREATE,
    CALLS
};

enum { SHORT = -1 }; /* an "error": one byte is moved instead of all */

/* One function's orders. The test writes `error` and `skip`, then `left`; the rest is ours. */
struct slot {
    atomic_int error; /* errno, or SHORT */
    atomic_int skip;  /* calls that work before the first that fails */
    atomic_int left;  /* calls that are still to fail */
    atomic_int made;  /* calls that failed */
};

static struct slot *slots;

__attribute__((constructor)) static void map_orders(void)
{
    const char *path = getenv("TURBO_FAULTS");
    int fd = path != NULL ? open(path, O_RDWR | O_CLOEXEC) : -1;
    void *map =
        fd < 0 ? MAP_FAILED
               : mmap(NULL, CALLS * sizeof(struct slot), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (map == MAP_FAILED) {
        return; /* another program of the same environment */
    }
    (void)close(fd); /* the mapping stays */
    slots = map;
}

static int from_libturbo(const void *caller)
{
    Dl_info info;
    return dladdr(caller, &info) != 0 && info.dli_fname != NULL &&
           strstr(info.dli_fname, "libturbo.so") != NULL;
}

/* The error that this call is to fail with, SHORT, or 0. */
static int order(enum call call, const void *caller)
{
    struct slot *slot = slots != NULL ? &slots[call] : NULL;
    if (slot == NULL || atomic_load(&slot->left) == 0 || !from_libturbo(caller)) {
        return 0;
    }
    if (atomic_load(&slot->skip) > 0) {
        atomic_fetch_sub(&slot->skip, 1);
        return 0;
    }
    int left = atomic_load(&slot->left);
    do {
        if (left == 0) {
            return 0;
        }
    } while (!atomic_compare_exchange_weak(&slot->left, &left, left - 1));
    atomic_fetch_add(&slot->made, 1);
    return atomic_load(&slot->error);
}

/* Declares `error` and `next`, the real function, and fails if that is the order. */
#define BEGIN(call, type, name)                                                                    \
    static type *next;                                                                             \
    if (next == NULL) {                                                                            \
        *(void **)&next = dlsym(RTLD_NEXT, name);                                                  \
    }                                                                                              \
    int error = order(call, __builtin_return_address(0));                                          \
    if (error > 0) {                                                                               \
        errno = error;                                                                             \
        return -1;                                                                                 \
    }

typedef int accept4_fn(int, struct sockaddr *, socklen_t *, int);
typedef ssize_t recv_fn(int, void *, size_t, int);
typedef ssize_t send_fn(int, const void *, size_t, int);
typedef ssize_t sendmsg_fn(int, const struct msghdr *, int);
typedef ssize_t sendfile_fn(int, int, off_t *, size_t);
typedef int open_fn(const char *, int, ...);
typedef ssize_t write_fn(int, const void *, size_t);
typedef ssize_t read_fn(int, void *, size_t);
typedef ssize_t pread_fn(int, void *, size_t, off_t);
typedef int epoll_ctl_fn(int, int, int, struct epoll_event *);
typedef int epoll_wait_fn(int, struct epoll_event *, int, int);
typedef int pthread_create_fn(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);

accept4_fn accept4;
recv_fn recv;
send_fn send;
sendmsg_fn sendmsg;
sendfile_fn sendfile64;
open_fn open64;
write_fn write;
read_fn read;
pread_fn pread64;
epoll_ctl_fn epoll_ctl;
epoll_wait_fn epoll_wait;
pthread_create_fn pthread_create;

int accept4(int fd, struct sockaddr *address, socklen_t *length, int flags)
{
    BEGIN(ACCEPT, accept4_fn, "accept4")
    return next(fd, address, length, flags);
}

ssize_t recv(int fd, void *data, size_t size, int flags)
{
    BEGIN(RECV, recv_fn, "recv")
    return next(fd, data, error == SHORT && size > 1 ? 1 : size, flags);
}

ssize_t send(int fd, const void *data, size_t size, int flags)
{
    BEGIN(SEND, send_fn, "send")
    return next(fd, data, error == SHORT && size > 1 ? 1 : size, flags);
}

ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
    BEGIN(SENDMSG, sendmsg_fn, "sendmsg")
    if (error != SHORT) {
        return next(fd, message, flags);
    }
    struct iovec part = {message->msg_iov[0].iov_base, 1};
    struct msghdr one = *message;
    one.msg_iov = &part;
    one.msg_iovlen = 1;
    return next(fd, &one, flags);
}

ssize_t sendfile64(int to, int from, off_t *offset, size_t size)
{
    BEGIN(SENDFILE, sendfile_fn, "sendfile64")
    return next(to, from, offset, error == SHORT && size > 1 ? 1 : size);
}

int open64(const char *path, int flags, ...)
{
    BEGIN(OPEN, open_fn, "open64")
    va_list rest;
    va_start(rest, flags);
    mode_t mode = (flags & (O_CREAT | __O_TMPFILE)) != 0 ? va_arg(rest, mode_t) : 0;
    va_end(rest);
    return next(path, flags, mode);
}

static int is_file(int fd)
{
    struct stat found;
    return fstat(fd, &found) == 0 && S_ISREG(found.st_mode);
}

ssize_t write(int fd, const void *data, size_t size)
{
    BEGIN(is_file(fd) ? WRITE_FILE : WRITE_EVENT, write_fn, "write")
    return next(fd, data, error == SHORT && size > 1 ? 1 : size);
}

ssize_t read(int fd, void *data, size_t size)
{
    BEGIN(READ_EVENT, read_fn, "read")
    return next(fd, data, size);
}

ssize_t pread64(int fd, void *data, size_t size, off_t offset)
{
    BEGIN(READ_FILE, pread_fn, "pread64")
    return next(fd, data, error == SHORT && size > 1 ? 1 : size, offset);
}

int epoll_ctl(int poller, int what, int fd, struct epoll_event *event)
{
    enum call call = what == EPOLL_CTL_ADD   ? EPOLL_ADD
                     : what == EPOLL_CTL_MOD ? EPOLL_MOD
                                             : EPOLL_DEL;
    BEGIN(call, epoll_ctl_fn, "epoll_ctl")
    return next(poller, what, fd, event);
}

int epoll_wait(int poller, struct epoll_event *events, int max, int timeout)
{
    BEGIN(EPOLL_WAIT, epoll_wait_fn, "epoll_wait")
    return next(poller, events, max, timeout);
}

int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *),
                   void *argument)
{
    static pthread_create_fn *next;
    if (next == NULL) {
        *(void **)&next = dlsym(RTLD_NEXT, "pthread_create");
    }
    int error = order(PTHREAD_CREATE, __builtin_return_address(0));
    return error > 0 ? error : next(thread, attributes, run, argument);
}
