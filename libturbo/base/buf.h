/* SPDX-License-Identifier: MIT */
#ifndef TURBO__BASE_BUF_H
#define TURBO__BASE_BUF_H

/*
 * A growable byte buffer that is born with its maximum. One thread at a time.
 */

#include <stddef.h>

#include "turbo/types.h"

/** Embedded in its owner, who calls init and clear. The bytes are `data[0 .. len)`. */
typedef struct turbo__buf {
    char *data;
    size_t len;
    size_t cap;
    size_t max; /* bytes; growing past it is TURBO_ELIMIT */
} turbo__buf;

/** Makes an empty buffer that may grow to `max` bytes; allocates nothing. */
void turbo__buf_init(turbo__buf *buf, size_t max);

/** Gives the memory back. The buffer is empty and usable afterwards. */
void turbo__buf_clear(turbo__buf *buf);

/** Makes room for `extra` more bytes behind `len`. Returns 0, TURBO_ELIMIT, TURBO_ENOMEM. */
int turbo__buf_reserve(turbo__buf *buf, size_t extra);

/** Appends a copy of `len` bytes. Returns 0, TURBO_ELIMIT, TURBO_ENOMEM; unchanged on error. */
int turbo__buf_append(turbo__buf *buf, const void *data, size_t len);

/** Appends a view. */
static inline int turbo__buf_append_str(turbo__buf *buf, turbo_str text)
{
    return turbo__buf_append(buf, text.data, text.len);
}

/** Removes the first `count` bytes (at most `len`). */
void turbo__buf_consume(turbo__buf *buf, size_t count);

/** The contents as a view; borrowed until the next change. */
static inline turbo_str turbo__buf_view(const turbo__buf *buf)
{
    turbo_str view = {buf->data, buf->len};
    return view;
}

#endif
