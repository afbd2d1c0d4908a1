/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "net/poller.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <sys/epoll.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"

enum { BATCH = 256 };

int turbo__poller_open(turbo__poller *poller)
{
    poller->fd = epoll_create1(EPOLL_CLOEXEC);
    return poller->fd < 0 ? turbo__error_errno(TURBO_ESYSTEM, "epoll_create1") : 0;
}

void turbo__poller_close(turbo__poller *poller)
{
    if (poller->fd >= 0) {
        (void)close(poller->fd); /* nothing is buffered in it */
        poller->fd = -1;
    }
}

static uint32_t to_epoll(uint32_t events)
{
    uint32_t mask = 0;
    mask |= (events & TURBO__READABLE) != 0 ? (uint32_t)EPOLLIN : 0u;
    mask |= (events & TURBO__WRITABLE) != 0 ? (uint32_t)EPOLLOUT : 0u;
    mask |= (events & TURBO__PEER_CLOSED) != 0 ? (uint32_t)EPOLLRDHUP : 0u;
    return mask;
}

static uint32_t from_epoll(uint32_t mask)
{
    uint32_t events = 0;
    events |= (mask & (uint32_t)EPOLLIN) != 0 ? TURBO__READABLE : 0u;
    events |= (mask & (uint32_t)EPOLLOUT) != 0 ? TURBO__WRITABLE : 0u;
    events |= (mask & (uint32_t)EPOLLRDHUP) != 0 ? TURBO__PEER_CLOSED : 0u;
    events |= (mask & (uint32_t)(EPOLLHUP | EPOLLERR)) != 0 ? TURBO__BROKEN : 0u;
    return events;
}

static int control(turbo__poller *poller, int op, int fd, uint32_t mask, void *data)
{
    struct epoll_event event;
    memset(&event, 0, sizeof(event));
    event.events = mask;
    event.data.ptr = data;
    return epoll_ctl(poller->fd, op, fd, &event) != 0
               ? turbo__error_errno(TURBO_ESYSTEM, "epoll_ctl")
               : 0;
}

int turbo__poller_add(turbo__poller *poller, int fd, uint32_t events, bool shared, void *data)
{
    uint32_t mask = to_epoll(events) | (shared ? (uint32_t)EPOLLEXCLUSIVE : 0u);
    return control(poller, EPOLL_CTL_ADD, fd, mask, data);
}

int turbo__poller_change(turbo__poller *poller, int fd, uint32_t events, void *data)
{
    return control(poller, EPOLL_CTL_MOD, fd, to_epoll(events), data);
}

void turbo__poller_remove(turbo__poller *poller, int fd)
{
    (void)control(poller, EPOLL_CTL_DEL, fd, 0, NULL); /* not watched any more is what we want */
}

/* Closes `fd` if it is the very file that is watched: the list is the parent's, where the number
 * may mean another one by now. */
static void close_copy(int fd, unsigned long long inode)
{
    struct stat found;
    if (fstat(fd, &found) == 0 && (unsigned long long)found.st_ino == inode) {
        (void)close(fd); /* the parent has it still */
    }
}

/* The only list of them that no other thread may have been changing is the kernel's (proc(5),
 * fdinfo of an epoll descriptor); without /proc the copies live as long as the process. */
void turbo__poller_drop_copies(turbo__poller *poller)
{
    char line[256];
    (void)snprintf(line, sizeof(line), "/proc/self/fdinfo/%d", poller->fd); /* fits */
    FILE *list = fopen(line, "re");
    while (list != NULL && fgets(line, sizeof(line), list) != NULL) {
        int fd;
        unsigned long long inode;
        const char *at = strstr(line, " ino:");
        if (at != NULL && sscanf(line, "tfd: %d", &fd) == 1 &&
            sscanf(at, " ino:%llx", &inode) == 1) {
            close_copy(fd, inode);
        }
    }
    if (list != NULL) {
        (void)fclose(list); /* only read */
    }
    turbo__poller_close(poller);
}

int turbo__poller_wait(turbo__poller *poller, turbo__poll_event *events, int max, int timeout_ms)
{
    struct epoll_event raw[BATCH];
    int count = epoll_wait(poller->fd, raw, max < BATCH ? max : BATCH, timeout_ms);
    if (count < 0) {
        return errno == EINTR ? 0 : turbo__error_errno(TURBO_ESYSTEM, "epoll_wait");
    }
    for (int i = 0; i < count; i++) {
        events[i].data = raw[i].data.ptr;
        events[i].events = from_epoll(raw[i].events);
    }
    return count;
}
