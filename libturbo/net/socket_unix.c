/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE

/* Listening on unix sockets, and the files that go with them. */

#include "net/socket.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/error.h"
#include "base/mem.h"

enum { MODE_MAX = 0777 };

static int fill_address(const char *path, struct sockaddr_un *out)
{
    size_t len = strlen(path);
    memset(out, 0, sizeof(*out));
    out->sun_family = AF_UNIX;
    if (len == 0) {
        return turbo__error_set(TURBO_EADDRESS, "the path of a unix socket is empty");
    }
    if (len >= sizeof(out->sun_path)) {
        return turbo__error_set(
            TURBO_EADDRESS, "the path of a unix socket has %zu bytes, at most %zu are possible: %s",
            len, sizeof(out->sun_path) - 1, path);
    }
    memcpy(out->sun_path, path, len);
    return 0;
}

static int open_socket(void)
{
    return socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

/* Whether a server answers at the address. A full backlog (EAGAIN) is one too. */
static int somebody_listens(const struct sockaddr_un *address, bool *answer)
{
    int fd = open_socket();
    if (fd < 0) {
        return turbo__error_errno(TURBO_ESYSTEM, "socket");
    }
    bool refused = connect(fd, (const struct sockaddr *)address, sizeof(*address)) != 0 &&
                   (errno == ECONNREFUSED || errno == ENOENT);
    (void)close(fd); /* nothing was sent on it */
    *answer = !refused;
    return 0;
}

/* Removes the socket file of a server that is gone. Anything else at the path is left alone. */
static int remove_stale(const struct sockaddr_un *address)
{
    const char *path = address->sun_path;
    struct stat found;
    bool live = true;
    if (lstat(path, &found) != 0) {
        return errno == ENOENT ? 0 : turbo__error_errno(TURBO_EADDRESS, "%s", path);
    }
    if (!S_ISSOCK(found.st_mode)) {
        return turbo__error_set(TURBO_EADDRESS, "%s exists and is no socket", path);
    }
    int rc = somebody_listens(address, &live);
    if (rc != 0) {
        return rc;
    }
    if (live) {
        return turbo__error_set(TURBO_EADDRESS, "%s: another server listens there", path);
    }
    if (unlink(path) != 0 && errno != ENOENT) {
        return turbo__error_errno(TURBO_EADDRESS, "%s: cannot remove the old socket", path);
    }
    return 0;
}

/* The working directory may be another one when the server stops. */
static char *absolute(const char *path)
{
    char folder[PATH_MAX];
    if (path[0] == '/') {
        return turbo__strndup(path, strlen(path));
    }
    if (getcwd(folder, sizeof(folder)) == NULL) {
        return NULL;
    }
    size_t folder_len = strlen(folder);
    size_t path_len = strlen(path);
    char *whole = turbo__alloc(folder_len + path_len + 2);
    if (whole != NULL) {
        memcpy(whole, folder, folder_len);
        whole[folder_len] = '/';
        memcpy(whole + folder_len + 1, path, path_len + 1);
    }
    return whole;
}

static bool is_ours(const turbo__listening *self)
{
    struct stat found;
    return self->maker == getpid() && lstat(self->path, &found) == 0 &&
           (uint64_t)found.st_dev == self->device && (uint64_t)found.st_ino == self->inode;
}

/* Notes which file is ours, so that it can be known again. */
static int note_file(const char *path, turbo__listening *out)
{
    struct stat made;
    if (lstat(path, &made) != 0) {
        return -1;
    }
    out->device = (uint64_t)made.st_dev;
    out->inode = (uint64_t)made.st_ino;
    out->maker = getpid();
    return 0;
}

/* The file never allows more than `mode`: Linux makes it with the bits of the unbound socket, less
 * the umask, and what the umask took is given back afterwards, without following a link. */
static int open_file(const struct sockaddr_un *address, uint32_t mode, int backlog,
                     turbo__listening *out)
{
    const char *path = address->sun_path;
    out->fd = open_socket();
    if (out->fd < 0) {
        return turbo__error_errno(TURBO_ESYSTEM, "socket");
    }
    if (fchmod(out->fd, (mode_t)mode) != 0 ||
        bind(out->fd, (const struct sockaddr *)address, sizeof(*address)) != 0 ||
        note_file(path, out) != 0 ||
        fchmodat(AT_FDCWD, path, (mode_t)mode, AT_SYMLINK_NOFOLLOW) != 0 ||
        listen(out->fd, backlog) != 0) {
        return turbo__error_errno(TURBO_EADDRESS, "%s", path);
    }
    return 0;
}

int turbo__socket_listen_unix(const char *path, uint32_t mode, int backlog, turbo__listening *out)
{
    struct sockaddr_un address;
    turbo__listening made;
    memset(&made, 0, sizeof(made));
    made.fd = -1;
    if (mode > MODE_MAX) {
        return turbo__error_set(TURBO_EINVAL, "mode %o of a unix socket: at most %o",
                                (unsigned)mode, (unsigned)MODE_MAX);
    }
    int rc = fill_address(path, &address);
    rc = rc != 0 ? rc : remove_stale(&address);
    if (rc != 0) {
        return rc;
    }
    made.path = absolute(path);
    if (made.path == NULL) {
        return turbo__error_set(TURBO_ENOMEM, "no memory for the path, or no working directory");
    }
    rc = open_file(&address, mode, backlog, &made);
    if (rc != 0) {
        turbo__socket_close(&made);
        return rc;
    }
    *out = made;
    return 0;
}

void turbo__socket_close(turbo__listening *self)
{
    /* While it still listens nobody else takes the path, so the file cannot change in between. */
    if (self->path != NULL && is_ours(self)) {
        (void)unlink(
            self->path); /* what cannot be removed is stale, and replaced by the next server */
    }
    if (self->fd >= 0) {
        (void)close(self->fd); /* a listener has nothing to lose */
    }
    turbo__free(self->path);
    memset(self, 0, sizeof(*self));
    self->fd = -1;
}
