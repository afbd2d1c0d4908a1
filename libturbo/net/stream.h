/* SPDX-License-Identifier: MIT */
#ifndef TURBO__NET_STREAM_H
#define TURBO__NET_STREAM_H

/*
 * A connected byte stream. Plain TCP and unix sockets today; an encrypted one fills the same table.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

typedef struct turbo__stream turbo__stream;

/** What reads and writes return besides a number of bytes. */
enum {
    TURBO__STREAM_AGAIN = -1, /* would block */
    TURBO__STREAM_ERROR = -2  /* the stream is dead */
};

typedef struct turbo__stream_ops {
    ssize_t (*read)(turbo__stream *stream, void *data,
                    size_t size); /* 0: the peer sent its last byte */
    ssize_t (*write)(turbo__stream *stream, const struct iovec *parts, int count);
    ssize_t (*send_file)(turbo__stream *stream, int fd, uint64_t offset, size_t size);
    void (*shut_down)(turbo__stream *stream);      /* no more will be sent */
    size_t (*unsent)(const turbo__stream *stream); /* bytes written that the peer has not taken */
} turbo__stream_ops;

/** Embedded in its connection, which closes it. */
struct turbo__stream {
    const turbo__stream_ops *ops;
    int fd;
};

void turbo__stream_init_plain(turbo__stream *stream, int fd);
void turbo__stream_close(turbo__stream *stream);

#endif
