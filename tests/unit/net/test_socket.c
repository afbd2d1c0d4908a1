/* SPDX-License-Identifier: MIT */
#include "net/socket.h"

#include <errno.h>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <criterion/criterion.h>

static int connect_to(uint16_t port)
{
    struct sockaddr_in address;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    memset(&address, 0, sizeof(address));
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    cr_assert_eq(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    return fd;
}

static bool is_nonblocking(int fd)
{
    return (fcntl(fd, F_GETFL) & O_NONBLOCK) != 0;
}

Test(socket, accepts_and_notes_addresses)
{
    uint16_t port = 0;
    turbo__endpoints ends;
    int listener = turbo__socket_listen("127.0.0.1", 0, 16, false, &port);
    cr_assert_geq(listener, 0);
    cr_assert_neq(port, 0);
    cr_assert(is_nonblocking(listener));
    cr_assert_eq(turbo__socket_accept(listener, &ends), -1);
    cr_assert_eq(errno, EAGAIN);
    int client = connect_to(port);
    struct pollfd wait = {listener, POLLIN, 0};
    cr_assert_eq(poll(&wait, 1, -1), 1);
    int fd = turbo__socket_accept(listener, &ends);
    cr_assert_geq(fd, 0);
    cr_assert(is_nonblocking(fd));
    int no_delay = 0;
    socklen_t length = sizeof(no_delay);
    cr_assert_eq(getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &no_delay, &length), 0);
    cr_assert_neq(no_delay, 0);
    struct sockaddr_in own;
    length = sizeof(own);
    cr_assert_eq(getsockname(client, (struct sockaddr *)&own, &length), 0);
    turbo_str peer = {ends.peer, ends.peer_len};
    turbo_str local = {ends.local, ends.local_len};
    cr_assert(turbo_str_equal(peer, TURBO_STR("127.0.0.1")));
    cr_assert(turbo_str_equal(local, TURBO_STR("127.0.0.1")));
    cr_assert_eq(ends.peer_port, ntohs(own.sin_port));
    cr_assert_eq(ends.local_port, port);
    (void)close(fd);
    (void)close(client);
    (void)close(listener);
}

Test(socket, reports_addresses_that_cannot_be_had)
{
    uint16_t port = 0;
    uint16_t other = 7;
    int listener = turbo__socket_listen("127.0.0.1", 0, 16, false, &port);
    cr_assert_geq(listener, 0);
    cr_assert_eq(turbo__socket_listen("127.0.0.1", port, 16, false, &other), TURBO_EADDRESS);
    cr_assert_not_null(strstr(turbo_error_detail(), strerror(EADDRINUSE)), "%s",
                       turbo_error_detail());
    cr_assert_eq(turbo__socket_listen("not an address", 0, 16, false, &other), TURBO_EADDRESS);
    cr_assert_eq(other, 7);
    (void)close(listener);
}

Test(socket, shares_a_port_when_asked)
{
    uint16_t port = 0;
    int first = turbo__socket_listen("127.0.0.1", 0, 16, true, &port);
    int second = turbo__socket_listen("127.0.0.1", port, 16, true, &port);
    cr_assert_geq(first, 0);
    cr_assert_geq(second, 0);
    (void)close(first);
    (void)close(second);
}

Test(socket, adopts_listening_sockets_only)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    cr_assert_eq(turbo__socket_adopt(fd), TURBO_EADDRESS);
    struct sockaddr_in address;
    memset(&address, 0, sizeof(address));
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    cr_assert_eq(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    cr_assert_eq(listen(fd, 1), 0);
    cr_assert_not(is_nonblocking(fd));
    cr_assert_eq(turbo__socket_adopt(fd), 0);
    cr_assert(is_nonblocking(fd));
    (void)close(fd);
    cr_assert_eq(turbo__socket_adopt(-1), TURBO_EADDRESS);
}

Test(socket, knows_exhaustion)
{
    cr_assert(turbo__socket_exhausted(EMFILE));
    cr_assert(turbo__socket_exhausted(ENFILE));
    cr_assert_not(turbo__socket_exhausted(EAGAIN));
    cr_assert_not(turbo__socket_exhausted(ECONNABORTED));
}
