/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "net/socket.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/error.h"

static int set_option(int fd, int level, int option, int value)
{
    return setsockopt(fd, level, option, &value, sizeof(value));
}

static turbo__address address_of(const struct sockaddr_storage *raw)
{
    turbo__address none = {TURBO__ADDRESS_NONE, 0, {0}};
    if (raw->ss_family == AF_INET) {
        const struct sockaddr_in *ipv4 = (const void *)raw;
        unsigned char bytes[4];
        memcpy(bytes, &ipv4->sin_addr, sizeof(bytes));
        return turbo__address_ipv4(bytes, ntohs(ipv4->sin_port));
    }
    if (raw->ss_family == AF_INET6) {
        const struct sockaddr_in6 *ipv6 = (const void *)raw;
        return turbo__address_ipv6(ipv6->sin6_addr.s6_addr, ntohs(ipv6->sin6_port));
    }
    none.kind = raw->ss_family == AF_UNIX ? TURBO__ADDRESS_UNIX : TURBO__ADDRESS_NONE;
    return none;
}

/* --- TCP ----------------------------------------------------------------- */

static int prepare(int fd, const struct addrinfo *info, bool reuse_port)
{
    if (set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1) != 0) {
        return -1;
    }
    /* "::" is to mean the same everywhere, whatever net.ipv6.bindv6only says. */
    if (info->ai_family == AF_INET6 && set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 0) != 0) {
        return -1;
    }
    return reuse_port ? set_option(fd, SOL_SOCKET, SO_REUSEPORT, 1) : 0;
}

static int open_listener(const struct addrinfo *info, int backlog, bool reuse_port)
{
    int fd = socket(info->ai_family, info->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC,
                    info->ai_protocol);
    if (fd < 0) {
        return -1;
    }
    if (prepare(fd, info, reuse_port) != 0 || bind(fd, info->ai_addr, info->ai_addrlen) != 0 ||
        listen(fd, backlog) != 0) {
        int saved = errno;
        (void)close(fd); /* the first error is the one to report */
        errno = saved;
        return -1;
    }
    return fd;
}

/* The first of the addresses that can be had. */
static int open_first(const struct addrinfo *found, int family, int backlog, bool reuse_port)
{
    int fd = -1;
    for (const struct addrinfo *info = found; info != NULL && fd < 0; info = info->ai_next) {
        if (family == AF_UNSPEC || family == info->ai_family) {
            fd = open_listener(info, backlog, reuse_port);
        }
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
        return turbo__error_set(rc == EAI_MEMORY ? TURBO_ENOMEM : TURBO_EADDRESS, "%s: %s",
                                host != NULL ? host : "*", gai_strerror(rc));
    }
    /* Of all addresses "::" is the one that takes both families; "0.0.0.0" is for hosts without
     * IPv6. */
    int fd = host == NULL ? open_first(found, AF_INET6, backlog, reuse_port) : -1;
    fd = fd >= 0 ? fd : open_first(found, AF_UNSPEC, backlog, reuse_port);
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
    *bound = address_of(&address).port;
    return fd;
}

/* --- inherited ----------------------------------------------------------- */

static int socket_option(int fd, int option)
{
    int value = 0;
    socklen_t length = sizeof(value);
    return getsockopt(fd, SOL_SOCKET, option, &value, &length) == 0 ? value : -1;
}

int turbo__socket_check(int fd)
{
    if (socket_option(fd, SO_ACCEPTCONN) <= 0) {
        return turbo__error_set(TURBO_EADDRESS, "descriptor %d is no listening socket", fd);
    }
    int domain = socket_option(fd, SO_DOMAIN);
    bool known = domain == AF_INET || domain == AF_INET6 || domain == AF_UNIX;
    if (!known || socket_option(fd, SO_TYPE) != SOCK_STREAM) {
        return turbo__error_set(TURBO_EADDRESS, "descriptor %d is no TCP or unix stream socket",
                                fd);
    }
    return 0;
}

int turbo__socket_adopt(int fd)
{
    int flags = fcntl(fd, F_GETFL);
    int fd_flags = fcntl(fd, F_GETFD);
    if (flags < 0 || fd_flags < 0 || fcntl(fd, F_SETFD, fd_flags | FD_CLOEXEC) != 0 ||
        fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0) {
        return turbo__error_errno(TURBO_EADDRESS, "descriptor %d", fd);
    }
    return 0;
}

/* --- accepting ----------------------------------------------------------- */

int turbo__socket_accept(int listener, turbo__endpoints *ends)
{
    struct sockaddr_storage address;
    socklen_t length = sizeof(address);
    memset(&address, 0, sizeof(address));
    int fd = accept4(listener, (struct sockaddr *)&address, &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) {
        return -1;
    }
    ends->relayed = false;
    ends->trust = NULL;
    turbo__endpoint_set(&ends->peer, address_of(&address));
    if (address.ss_family != AF_UNIX) {
        /* Slower without, but right. */
        (void)set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    }
    length = sizeof(address);
    if (getsockname(fd, (struct sockaddr *)&address, &length) != 0) {
        address.ss_family = AF_UNSPEC;
    }
    turbo__endpoint_set(&ends->local, address_of(&address));
    return fd;
}

turbo__accept_failure turbo__socket_failure(int error)
{
    switch (error) {
    case EAGAIN:
        return TURBO__ACCEPT_EMPTY;
    case EINTR:
    case ECONNABORTED:
    /* What else accept(2) reports of the connection instead of the listener: a firewall's verdict,
     * and network errors that came before it was accepted. */
    case EPERM:
    case EPROTO:
    case ENETDOWN:
    case ENOPROTOOPT:
    case EHOSTDOWN:
    case ENONET:
    case EHOSTUNREACH:
    case EOPNOTSUPP:
    case ENETUNREACH:
    case ETIMEDOUT:
        return TURBO__ACCEPT_NEXT;
    default: /* EMFILE, ENFILE, ENOBUFS, ENOMEM; or a broken listener, which must not keep us busy
              */
        return TURBO__ACCEPT_STUCK;
    }
}
