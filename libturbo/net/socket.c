/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "net/socket.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/error.h"

static int enable(int fd, int level, int option)
{
    int on = 1;
    return setsockopt(fd, level, option, &on, sizeof(on));
}

static uint16_t port_of(const struct sockaddr_storage *address)
{
    if (address->ss_family == AF_INET) {
        return ntohs(((const struct sockaddr_in *)(const void *)address)->sin_port);
    }
    if (address->ss_family == AF_INET6) {
        return ntohs(((const struct sockaddr_in6 *)(const void *)address)->sin6_port);
    }
    return 0;
}

static uint8_t text_of(const struct sockaddr_storage *address, char text[46])
{
    const void *raw = NULL;
    if (address->ss_family == AF_INET) {
        raw = &((const struct sockaddr_in *)(const void *)address)->sin_addr;
    } else if (address->ss_family == AF_INET6) {
        raw = &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr;
    }
    if (raw == NULL || inet_ntop(address->ss_family, raw, text, 46) == NULL) {
        return 0;
    }
    return (uint8_t)strlen(text);
}

static int open_listener(const struct addrinfo *info, int backlog, bool reuse_port)
{
    int fd = socket(info->ai_family, info->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC,
                    info->ai_protocol);
    if (fd < 0) {
        return -1;
    }
    bool failed = enable(fd, SOL_SOCKET, SO_REUSEADDR) != 0 ||
                  (reuse_port && enable(fd, SOL_SOCKET, SO_REUSEPORT) != 0) ||
                  bind(fd, info->ai_addr, info->ai_addrlen) != 0 || listen(fd, backlog) != 0;
    if (failed) {
        int saved = errno;
        (void)close(fd); /* the first error is the one to report */
        errno = saved;
        return -1;
    }
    return fd;
}

int turbo__socket_listen(const char *host, uint16_t port, int backlog, bool reuse_port,
                         uint16_t *bound)
{
    struct addrinfo hints;
    struct addrinfo *found = NULL;
    char service[8];
    memset(&hints, 0, sizeof(hints));
    hints.ai_family = AF_UNSPEC;
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
    (void)snprintf(service, sizeof(service), "%u", (unsigned)port); /* at most five digits */
    int rc = getaddrinfo(host, service, &hints, &found);
    if (rc != 0) {
        return turbo__error_set(TURBO_EADDRESS, "%s: %s", host != NULL ? host : "*",
                                gai_strerror(rc));
    }
    int fd = -1;
    for (const struct addrinfo *info = found; info != NULL && fd < 0; info = info->ai_next) {
        fd = open_listener(info, backlog, reuse_port);
    }
    int saved = errno;
    freeaddrinfo(found);
    errno = saved;
    if (fd < 0) {
        return turbo__error_errno(TURBO_EADDRESS, "%s port %u", host != NULL ? host : "*",
                                  (unsigned)port);
    }
    struct sockaddr_storage address;
    socklen_t length = sizeof(address);
    memset(&address, 0, sizeof(address));
    if (getsockname(fd, (struct sockaddr *)&address, &length) != 0) {
        rc = turbo__error_errno(TURBO_ESYSTEM, "getsockname");
        (void)close(fd);
        return rc;
    }
    *bound = port_of(&address);
    return fd;
}

int turbo__socket_adopt(int fd)
{
    int listening = 0;
    socklen_t length = sizeof(listening);
    if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &length) != 0 || listening == 0) {
        return turbo__error_set(TURBO_EADDRESS, "descriptor %d is no listening socket", fd);
    }
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0) {
        return turbo__error_errno(TURBO_EADDRESS, "descriptor %d", fd);
    }
    return 0;
}

int turbo__socket_accept(int listener, turbo__endpoints *ends)
{
    struct sockaddr_storage address;
    socklen_t length = sizeof(address);
    memset(&address, 0, sizeof(address));
    int fd = accept4(listener, (struct sockaddr *)&address, &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) {
        return -1;
    }
    ends->peer_port = port_of(&address);
    ends->peer_len = text_of(&address, ends->peer);
    if (address.ss_family != AF_UNIX) {
        (void)enable(fd, IPPROTO_TCP, TCP_NODELAY); /* slower without, but right */
    }
    length = sizeof(address);
    ends->local_len = 0;
    ends->local_port = 0;
    if (getsockname(fd, (struct sockaddr *)&address, &length) == 0) {
        ends->local_port = port_of(&address);
        ends->local_len = text_of(&address, ends->local);
    }
    return fd;
}

bool turbo__socket_exhausted(int error)
{
    return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}
