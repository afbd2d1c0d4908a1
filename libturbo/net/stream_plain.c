/* SPDX-License-Identifier: MIT */
#include "net/stream.h"

#include <errno.h>
#include <string.h>

#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

static ssize_t outcome(ssize_t count)
{
    if (count >= 0) {
        return count;
    }
    return errno == EAGAIN || errno == EWOULDBLOCK ? TURBO__STREAM_AGAIN : TURBO__STREAM_ERROR;
}

static ssize_t plain_read(turbo__stream *stream, void *data, size_t size)
{
    ssize_t count;
    do {
        count = recv(stream->fd, data, size, 0);
    } while (count < 0 && errno == EINTR);
    return outcome(count);
}

static ssize_t plain_write(turbo__stream *stream, const struct iovec *parts, int count)
{
    ssize_t sent;
    do {
        if (count == 1) {
            sent = send(stream->fd, parts[0].iov_base, parts[0].iov_len, MSG_NOSIGNAL);
        } else {
            struct msghdr message;
            memset(&message, 0, sizeof(message));
            /* sendmsg() does not write to the parts. */
            message.msg_iov = (struct iovec *)(uintptr_t)parts;
            message.msg_iovlen = (size_t)count;
            sent = sendmsg(stream->fd, &message, MSG_NOSIGNAL);
        }
    } while (sent < 0 && errno == EINTR);
    return outcome(sent);
}

static ssize_t plain_send_file(turbo__stream *stream, int fd, uint64_t offset, size_t size)
{
    off_t at = (off_t)offset;
    ssize_t sent;
    do {
        sent = sendfile(stream->fd, fd, &at, size);
    } while (sent < 0 && errno == EINTR);
    /* 0: the file became shorter; the promised length cannot be kept any more. */
    return sent == 0 ? TURBO__STREAM_ERROR : outcome(sent);
}

static void plain_shut_down(turbo__stream *stream)
{
    (void)shutdown(stream->fd, SHUT_WR); /* fails only when the peer is gone already */
}

static size_t plain_unsent(const turbo__stream *stream)
{
    int bytes = 0;
    return ioctl(stream->fd, SIOCOUTQ, &bytes) == 0 && bytes > 0 ? (size_t)bytes : 0;
}

static const turbo__stream_ops plain = {plain_read, plain_write, plain_send_file, plain_shut_down,
                                        plain_unsent};

void turbo__stream_init_plain(turbo__stream *stream, int fd)
{
    stream->ops = &plain;
    stream->fd = fd;
}

void turbo__stream_close(turbo__stream *stream)
{
    if (stream->fd >= 0) {
        (void)shutdown(stream->fd, SHUT_RDWR); /* a forked child's copy would keep it open */
        (void)close(stream->fd);               /* what it could report is of no use any more */
        stream->fd = -1;
    }
}
