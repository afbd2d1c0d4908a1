/* SPDX-License-Identifier: MIT */
#include "net/socket.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "base/mem.h"

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

static void expect_end(const turbo__endpoint *end, const char *text, uint16_t port)
{
    turbo_str seen = {end->text, end->text_len};
    cr_assert(turbo_str_equal(seen, turbo_cstr(text)), "%.*s", (int)seen.len, seen.data);
    cr_assert_eq(end->address.port, port);
}

/* Waits for a client and accepts it. */
static int accept_one(int listener, turbo__endpoints *ends)
{
    struct pollfd wait = {listener, POLLIN, 0};
    cr_assert_eq(poll(&wait, 1, -1), 1);
    int fd = turbo__socket_accept(listener, ends);
    cr_assert_geq(fd, 0);
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
    int fd = accept_one(listener, &ends);
    cr_assert(is_nonblocking(fd));
    int no_delay = 0;
    socklen_t length = sizeof(no_delay);
    cr_assert_eq(getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &no_delay, &length), 0);
    cr_assert_neq(no_delay, 0);
    struct sockaddr_in own;
    length = sizeof(own);
    cr_assert_eq(getsockname(client, (struct sockaddr *)&own, &length), 0);
    expect_end(&ends.peer, "127.0.0.1", ntohs(own.sin_port));
    expect_end(&ends.local, "127.0.0.1", port);
    cr_assert_not(ends.relayed);
    cr_assert_null(ends.trust);
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

/* The address maps 127.0.0.1, so that the IPv6 socket takes IPv4 clients, of this machine only. */
Test(socket, shows_ipv4_clients_of_an_ipv6_socket_as_what_they_are)
{
    uint16_t port = 0;
    int only = 1;
    socklen_t length = sizeof(only);
    turbo__endpoints ends;
    int listener = turbo__socket_listen("::ffff:127.0.0.1", 0, 16, false, &port);
    cr_assert_geq(listener, 0, "%s", turbo_error_detail());
    cr_assert_eq(getsockopt(listener, IPPROTO_IPV6, IPV6_V6ONLY, &only, &length), 0);
    cr_assert_eq(only, 0);
    int client = connect_to(port);
    int fd = accept_one(listener, &ends);
    cr_assert_eq(ends.peer.address.kind, TURBO__ADDRESS_IPV4);
    cr_assert_neq(ends.peer.address.port, 0);
    expect_end(&ends.peer, "127.0.0.1", ends.peer.address.port);
    expect_end(&ends.local, "127.0.0.1", port);
    (void)close(fd);
    (void)close(client);
    (void)close(listener);
}

Test(socket, listens_on_ipv6)
{
    uint16_t port = 0;
    turbo__endpoints ends;
    struct sockaddr_in6 address;
    int listener = turbo__socket_listen("::1", 0, 16, false, &port);
    cr_assert_geq(listener, 0, "%s", turbo_error_detail());
    int client = socket(AF_INET6, SOCK_STREAM, 0);
    memset(&address, 0, sizeof(address));
    address.sin6_family = AF_INET6;
    address.sin6_port = htons(port);
    address.sin6_addr = in6addr_loopback;
    cr_assert_eq(connect(client, (struct sockaddr *)&address, sizeof(address)), 0);
    int fd = accept_one(listener, &ends);
    cr_assert_eq(ends.peer.address.kind, TURBO__ADDRESS_IPV6);
    expect_end(&ends.local, "::1", port);
    expect_end(&ends.peer, "::1", ends.peer.address.port);
    (void)close(fd);
    (void)close(client);
    (void)close(listener);
}

Test(socket, adopts_listening_sockets_only)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    cr_assert_eq(turbo__socket_check(fd), TURBO_EADDRESS);
    struct sockaddr_in address;
    memset(&address, 0, sizeof(address));
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    cr_assert_eq(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    cr_assert_eq(listen(fd, 1), 0);
    cr_assert_not(is_nonblocking(fd));
    cr_assert_eq(turbo__socket_check(fd), 0);
    cr_assert_eq(turbo__socket_adopt(fd), 0);
    cr_assert(is_nonblocking(fd));
    cr_assert_neq(fcntl(fd, F_GETFD) & FD_CLOEXEC, 0);
    (void)close(fd);
    cr_assert_eq(turbo__socket_check(-1), TURBO_EADDRESS);
    cr_assert_eq(turbo__socket_adopt(-1), TURBO_EADDRESS);
}

/* A socket that keeps message borders listens too, but HTTP is a stream. */
Test(socket, adopts_streams_only)
{
    struct sockaddr_un address;
    int fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);
    memset(&address, 0, sizeof(address));
    address.sun_family = AF_UNIX; /* no path: the system chooses an abstract name */
    cr_assert_eq(bind(fd, (struct sockaddr *)&address, sizeof(address.sun_family)), 0);
    cr_assert_eq(listen(fd, 1), 0);
    cr_assert_eq(turbo__socket_check(fd), TURBO_EADDRESS);
    (void)close(fd);
}

Test(socket, knows_what_an_accept_failure_means)
{
    const int stuck[] = {EMFILE, ENFILE, ENOBUFS, ENOMEM, EINVAL, EBADF};
    const int next[] = {EINTR, ECONNABORTED, EPERM, EPROTO, ENETDOWN, EHOSTUNREACH};
    for (size_t i = 0; i < sizeof(stuck) / sizeof(stuck[0]); i++) {
        cr_expect_eq(turbo__socket_failure(stuck[i]), TURBO__ACCEPT_STUCK, "%d", stuck[i]);
    }
    for (size_t i = 0; i < sizeof(next) / sizeof(next[0]); i++) {
        cr_expect_eq(turbo__socket_failure(next[i]), TURBO__ACCEPT_NEXT, "%d", next[i]);
    }
    cr_assert_eq(turbo__socket_failure(EAGAIN), TURBO__ACCEPT_EMPTY);
}

/* --- unix sockets -------------------------------------------------------- */

static char folder[64];

static void make_folder(void)
{
    (void)snprintf(folder, sizeof(folder), "/tmp/turbo-socket-XXXXXX");
    cr_assert_not_null(mkdtemp(folder));
}

static void remove_folder(void)
{
    cr_assert_eq(rmdir(folder), 0, "a test left something behind in %s", folder);
}

static const char *in_folder(const char *name)
{
    static char path[128];
    (void)snprintf(path, sizeof(path), "%s/%s", folder, name);
    return path;
}

static int connect_unix(const char *path)
{
    struct sockaddr_un address;
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    memset(&address, 0, sizeof(address));
    address.sun_family = AF_UNIX;
    cr_assert_lt(strlen(path), sizeof(address.sun_path));
    memcpy(address.sun_path, path, strlen(path));
    if (connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0) {
        (void)close(fd);
        return -1;
    }
    return fd;
}

TestSuite(unix_socket, .init = make_folder, .fini = remove_folder);

Test(unix_socket, accepts_clients_without_address)
{
    turbo__listening self;
    turbo__endpoints ends;
    const char *path = in_folder("s");
    cr_assert_eq(turbo__socket_listen_unix(path, 0600, 16, &self), 0, "%s", turbo_error_detail());
    int client = connect_unix(path);
    cr_assert_geq(client, 0);
    int fd = accept_one(self.fd, &ends);
    cr_assert(is_nonblocking(fd));
    cr_assert_eq(ends.peer.address.kind, TURBO__ADDRESS_UNIX);
    expect_end(&ends.peer, "", 0);
    expect_end(&ends.local, "", 0);
    (void)close(fd);
    (void)close(client);
    turbo__socket_close(&self);
    cr_assert_eq(access(path, F_OK), -1);
}

Test(unix_socket, gets_the_mode_whatever_the_umask)
{
    const mode_t masks[] = {0, 022, 0777};
    const uint32_t modes[] = {0600, 0660, 0666, 0777};
    const char *path = in_folder("s");
    for (size_t i = 0; i < sizeof(masks) / sizeof(masks[0]); i++) {
        for (size_t k = 0; k < sizeof(modes) / sizeof(modes[0]); k++) {
            turbo__listening self;
            struct stat made;
            mode_t before = umask(masks[i]);
            cr_assert_eq(turbo__socket_listen_unix(path, modes[k], 16, &self), 0);
            (void)umask(before);
            cr_assert_eq(lstat(path, &made), 0);
            cr_expect_eq(made.st_mode & 07777, modes[k], "%o", (unsigned)made.st_mode);
            turbo__socket_close(&self);
        }
    }
    turbo__listening self;
    cr_assert_eq(turbo__socket_listen_unix(path, 01000, 16, &self), TURBO_EINVAL);
}

Test(unix_socket, replaces_a_stale_file_only)
{
    turbo__listening first;
    turbo__listening second;
    const char *path = in_folder("s");
    pid_t child = fork();
    if (child == 0) { /* ends without closing, as after a crash: the file stays */
        _exit(turbo__socket_listen_unix(path, 0600, 16, &first) == 0 ? 0 : 1);
    }
    int status = -1;
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert_eq(status, 0);
    cr_assert_eq(access(path, F_OK), 0);
    cr_assert_eq(connect_unix(path), -1);
    cr_assert_eq(turbo__socket_listen_unix(path, 0600, 16, &first), 0, "%s", turbo_error_detail());
    cr_assert_eq(turbo__socket_listen_unix(path, 0600, 16, &second), TURBO_EADDRESS);
    cr_assert_not_null(strstr(turbo_error_detail(), "another server"), "%s", turbo_error_detail());
    int client = connect_unix(path);
    cr_assert_geq(client, 0, "the refused server took the file away");
    (void)close(client);
    turbo__socket_close(&first);
}

Test(unix_socket, leaves_other_files_alone)
{
    turbo__listening self;
    const char *path = in_folder("plain");
    FILE *file = fopen(path, "w");
    cr_assert_not_null(file);
    (void)fclose(file);
    cr_assert_eq(turbo__socket_listen_unix(path, 0600, 16, &self), TURBO_EADDRESS);
    cr_assert_not_null(strstr(turbo_error_detail(), "no socket"), "%s", turbo_error_detail());
    cr_assert_eq(unlink(path), 0);
    cr_assert_eq(symlink("/nowhere/at/all", path), 0);
    cr_assert_eq(turbo__socket_listen_unix(path, 0600, 16, &self), TURBO_EADDRESS);
    cr_assert_eq(unlink(path), 0);
    cr_assert_eq(turbo__socket_listen_unix(in_folder("no/such"), 0600, 16, &self), TURBO_EADDRESS);
    cr_assert_not_null(strstr(turbo_error_detail(), strerror(ENOENT)), "%s", turbo_error_detail());
}

Test(unix_socket, does_not_remove_what_took_its_place)
{
    turbo__listening self;
    const char *path = in_folder("s");
    cr_assert_eq(turbo__socket_listen_unix(path, 0600, 16, &self), 0);
    cr_assert_eq(unlink(path), 0);
    turbo__listening other;
    cr_assert_eq(turbo__socket_listen_unix(path, 0600, 16, &other), 0);
    turbo__socket_close(&self);
    cr_assert_eq(access(path, F_OK), 0, "it was removed");
    turbo__socket_close(&other);
}

Test(unix_socket, is_not_removed_by_a_child_process)
{
    turbo__listening self;
    const char *path = in_folder("s");
    cr_assert_eq(turbo__socket_listen_unix(path, 0600, 16, &self), 0);
    pid_t child = fork();
    if (child == 0) {
        turbo__socket_close(&self);
        _exit(0);
    }
    cr_assert_eq(waitpid(child, NULL, 0), child);
    cr_assert_eq(access(path, F_OK), 0);
    turbo__socket_close(&self);
}

Test(unix_socket, removes_a_file_of_a_relative_path)
{
    turbo__listening self;
    char before[PATH_MAX];
    cr_assert_not_null(getcwd(before, sizeof(before)));
    cr_assert_eq(chdir(folder), 0);
    cr_assert_eq(turbo__socket_listen_unix("s", 0600, 16, &self), 0);
    cr_assert_eq(chdir(before), 0);
    cr_assert_eq(access(in_folder("s"), F_OK), 0);
    turbo__socket_close(&self);
    cr_assert_eq(access(in_folder("s"), F_OK), -1);
}

Test(unix_socket, names_the_limit_of_a_path)
{
    turbo__listening self;
    char path[109];
    memset(path, '/', sizeof(path));
    path[108] = '\0';
    cr_assert_eq(turbo__socket_listen_unix(path, 0600, 16, &self), TURBO_EADDRESS);
    cr_assert_not_null(strstr(turbo_error_detail(), "108 bytes, at most 107"), "%s",
                       turbo_error_detail());
    cr_assert_eq(turbo__socket_listen_unix("", 0600, 16, &self), TURBO_EADDRESS);
    /* 107 bytes are possible */
    size_t used = strlen(folder);
    memcpy(path, folder, used);
    path[used] = '/';
    memset(path + used + 1, 'x', 107 - used - 1);
    path[107] = '\0';
    cr_assert_eq(turbo__socket_listen_unix(path, 0600, 16, &self), 0, "%s", turbo_error_detail());
    turbo__socket_close(&self);
}

Test(unix_socket, reports_want_of_memory)
{
    turbo__listening self;
    const char *path = in_folder("s");
    (void)turbo__mem_fail_nth(1);
    cr_assert_eq(turbo__socket_listen_unix(path, 0600, 16, &self), TURBO_ENOMEM);
    (void)turbo__mem_fail_nth(0);
    cr_assert_eq(access(path, F_OK), -1);
}
