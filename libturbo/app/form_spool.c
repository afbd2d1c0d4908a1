/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* O_TMPFILE, mkostemp() */
#include "app/form_spool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/mem.h"

static int fail(const char *what)
{
    bool full = errno == ENOSPC || errno == EDQUOT || errno == EFBIG;
    return turbo__error_errno(full ? TURBO_ENOSPACE : TURBO_EIO, "temporary file: %s", what);
}

int turbo__spool_open_named(const char *directory, int *fd)
{
    static const char suffix[] = "/turbo-XXXXXX";
    size_t length = strlen(directory);
    char *path = turbo__alloc(length + sizeof(suffix));
    if (path == NULL) {
        return TURBO_ENOMEM;
    }
    memcpy(path, directory, length);
    memcpy(path + length, suffix, sizeof(suffix));
    int made = mkostemp(path, O_CLOEXEC);
    int rc = made < 0 ? fail(directory) : 0;
    if (rc == 0 && unlink(path) != 0) {
        rc = fail(path);
        (void)close(made); /* nothing is in it */
    }
    turbo__free(path);
    if (rc == 0) {
        *fd = made;
    }
    return rc;
}

int turbo__spool_open(const char *directory, int *fd)
{
    int made = open(directory, O_TMPFILE | O_RDWR | O_EXCL | O_CLOEXEC, 0600);
    if (made >= 0) {
        *fd = made;
        return 0;
    }
    if (errno == EOPNOTSUPP || errno == EISDIR) { /* the file system, or the kernel, cannot */
        return turbo__spool_open_named(directory, fd);
    }
    return fail(directory);
}

int turbo__spool_write(int fd, turbo_str data)
{
    while (data.len > 0) {
        ssize_t written = write(fd, data.data, data.len);
        if (written < 0 && errno == EINTR) {
            continue;
        }
        if (written < 0) {
            return fail("write");
        }
        data.data += written;
        data.len -= (size_t)written;
    }
    return 0;
}

int turbo__spool_read(int fd, uint64_t offset, void *buffer, size_t size, size_t *got)
{
    size_t total = 0;
    while (total < size) {
        ssize_t count = pread(fd, (char *)buffer + total, size - total, (off_t)(offset + total));
        if (count < 0 && errno == EINTR) {
            continue;
        }
        if (count < 0) {
            return fail("read");
        }
        if (count == 0) {
            break;
        }
        total += (size_t)count;
    }
    *got = total;
    return 0;
}
