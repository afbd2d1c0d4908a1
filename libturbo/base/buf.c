/* SPDX-License-Identifier: MIT */
#include "base/buf.h"

#include <string.h>

#include "base/compat.h"
#include "base/error.h"
#include "base/mem.h"

enum { MIN_CAPACITY = 256 };

void turbo__buf_init(turbo__buf *buf, size_t max)
{
    memset(buf, 0, sizeof(*buf));
    buf->max = max;
}

void turbo__buf_clear(turbo__buf *buf)
{
    turbo__free(buf->data);
    turbo__buf_init(buf, buf->max);
}

static TURBO__NOINLINE int grow(turbo__buf *buf, size_t need)
{
    if (need > buf->max) {
        return turbo__error_set(TURBO_ELIMIT, "buffer is limited to %zu bytes", buf->max);
    }
    size_t cap = buf->cap > 0 ? buf->cap : MIN_CAPACITY;
    while (cap < need) {
        cap = cap > buf->max / 2 ? buf->max : cap * 2;
    }
    if (cap > buf->max) {
        cap = buf->max;
    }
    char *data = turbo__realloc(buf->data, cap);
    if (data == NULL) {
        return TURBO_ENOMEM;
    }
    buf->data = data;
    buf->cap = cap;
    return 0;
}

int turbo__buf_reserve(turbo__buf *buf, size_t extra)
{
    size_t need;
    if (!turbo__size_add(buf->len, extra, &need)) {
        return turbo__error_set(TURBO_ELIMIT, "buffer is limited to %zu bytes", buf->max);
    }
    return need <= buf->cap ? 0 : grow(buf, need);
}

int turbo__buf_append(turbo__buf *buf, const void *data, size_t len)
{
    int rc = turbo__buf_reserve(buf, len);
    if (rc != 0) {
        return rc;
    }
    if (len > 0) {
        memcpy(buf->data + buf->len, data, len);
        buf->len += len;
    }
    return 0;
}

void turbo__buf_consume(turbo__buf *buf, size_t count)
{
    if (count >= buf->len) {
        buf->len = 0;
        return;
    }
    memmove(buf->data, buf->data + count, buf->len - count);
    buf->len -= count;
}
