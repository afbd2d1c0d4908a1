/* SPDX-License-Identifier: MIT */
#include "app/access.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/compat.h"
#include "base/mem.h"
#include "turbo/error.h"

enum {
    ROOM = 512, /* bytes for a record on average */
    METHOD_MAX = 32,
    TARGET_MAX = 1024,
    REFERER_MAX = 256,
    AGENT_MAX = 256,
    CLIENT_MAX = 64
};

/* A record in the ring; the texts follow it in this order. */
typedef struct record {
    uint64_t started;
    uint64_t duration;
    uint64_t bytes_in;
    uint64_t bytes_out;
    uint64_t dropped;
    turbo_str route;
    uint16_t status;
    uint16_t version;
    uint16_t client_port;
    uint16_t client;
    uint16_t method;
    uint16_t target;
    uint16_t referer;
    uint16_t user_agent;
} record;

int turbo__access_init(turbo__access_queue *queue, size_t records)
{
    size_t bytes;
    memset(queue, 0, sizeof(*queue));
    if (!turbo__size_mul(records, ROOM, &bytes)) {
        return TURBO_ENOMEM;
    }
    /* The longest record must fit whatever number was asked for. */
    size_t longest =
        4 * (sizeof(record) + CLIENT_MAX + METHOD_MAX + TARGET_MAX + REFERER_MAX + AGENT_MAX);
    return turbo__ring_init(&queue->ring, bytes > longest ? bytes : longest, records);
}

void turbo__access_clear(turbo__access_queue *queue)
{
    turbo__ring_clear(&queue->ring);
}

static uint16_t cut(turbo_str text, size_t max)
{
    return (uint16_t)(text.len < max ? text.len : max);
}

static char *append(char *at, turbo_str text, size_t len)
{
    if (len > 0) {
        memcpy(at, text.data, len);
    }
    return at + len;
}

bool turbo__access_put(turbo__access_queue *queue, const turbo_access *access)
{
    record made = {
        .started = access->started,
        .duration = access->duration,
        .bytes_in = access->bytes_in,
        .bytes_out = access->bytes_out,
        .dropped = queue->lost,
        .route = access->route,
        .status = access->status,
        .version = access->version,
        .client_port = access->client_port,
        .client = cut(access->client, CLIENT_MAX),
        .method = cut(access->method, METHOD_MAX),
        .target = cut(access->target, TARGET_MAX),
        .referer = cut(access->referer, REFERER_MAX),
        .user_agent = cut(access->user_agent, AGENT_MAX),
    };
    size_t texts = (size_t)made.client + made.method + made.target + made.referer + made.user_agent;
    char *at = turbo__ring_reserve(&queue->ring, sizeof(made) + texts);
    if (turbo__unlikely(at == NULL)) {
        queue->lost++;
        return false;
    }
    memcpy(at, &made, sizeof(made));
    at = append(at + sizeof(made), access->client, made.client);
    at = append(at, access->method, made.method);
    at = append(at, access->target, made.target);
    at = append(at, access->referer, made.referer);
    (void)append(at, access->user_agent, made.user_agent); /* the last one */
    turbo__ring_commit(&queue->ring);
    queue->lost = 0;
    return true;
}

static turbo_str next_text(const char **at, size_t len)
{
    turbo_str text = {*at, len};
    *at += len;
    return text;
}

bool turbo__access_take(turbo__access_queue *queue, turbo_access_fn *fn, void *user_data)
{
    size_t len;
    const char *at = turbo__ring_peek(&queue->ring, &len);
    if (at == NULL) {
        return false;
    }
    record found;
    memcpy(&found, at, sizeof(found));
    at += sizeof(found);
    turbo_access access = {
        .size = sizeof(access),
        .started = found.started,
        .duration = found.duration,
        .route = found.route,
        .bytes_in = found.bytes_in,
        .bytes_out = found.bytes_out,
        .status = found.status,
        .version = found.version,
        .client_port = found.client_port,
        .dropped = found.dropped,
    };
    access.client = next_text(&at, found.client);
    access.method = next_text(&at, found.method);
    access.target = next_text(&at, found.target);
    access.referer = next_text(&at, found.referer);
    access.user_agent = next_text(&at, found.user_agent);
    fn(&access, user_data);
    turbo__ring_drop(&queue->ring);
    return true;
}

bool turbo__access_waits(turbo__access_queue *queue)
{
    size_t len;
    return turbo__ring_peek(&queue->ring, &len) != NULL;
}

bool turbo__access_pressing(const turbo__access_queue *queue)
{
    return turbo__ring_half_full(&queue->ring);
}

/* --- text ---------------------------------------------------------------- */

/* A line under construction; counts what does not fit, too. */
typedef struct line {
    char *out;
    size_t size;
    size_t len;
} line;

static void put_byte(line *to, char c)
{
    if (to->len + 1 < to->size) {
        to->out[to->len] = c;
    }
    to->len++;
}

static void put_text(line *to, const char *text)
{
    while (*text != '\0') {
        put_byte(to, *text++);
    }
}

/* What a client sent must not end its line or its quotes, nor reach a terminal as a command. */
static void put_escaped(line *to, turbo_str text)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.data[i];
        if (c == '"' || c == '\\') {
            put_byte(to, '\\');
            put_byte(to, (char)c);
        } else if (c < 0x20 || c >= 0x7f) {
            put_text(to, "\\x");
            put_byte(to, digits[c >> 4]);
            put_byte(to, digits[c & 15]);
        } else {
            put_byte(to, (char)c);
        }
    }
}

static void put_or_dash(line *to, turbo_str text)
{
    if (text.len == 0) {
        put_byte(to, '-');
    } else {
        put_escaped(to, text);
    }
}

static void put_number(line *to, uint64_t number)
{
    char text[24];
    (void)snprintf(text, sizeof(text), "%llu", (unsigned long long)number); /* always fits */
    put_text(to, text);
}

/* "10/Oct/2000:13:55:36 +0000" */
static void put_time(line *to, uint64_t microseconds)
{
    char date[TURBO__HTTP_DATE_LEN]; /* "Tue, 10 Oct 2000 13:55:36 GMT" */
    turbo__http_date((int64_t)(microseconds / 1000000), date);
    char text[32];
    (void)snprintf(text, sizeof(text), "%.2s/%.3s/%.4s:%.8s +0000", date + 5, date + 8, date + 12,
                   date + 17); /* always fits */
    put_text(to, text);
}

static void put_request(line *to, const turbo_access *access)
{
    if (access->method.len == 0) {
        put_byte(to, '-'); /* no request line was read */
        return;
    }
    put_escaped(to, access->method);
    put_byte(to, ' ');
    put_escaped(to, access->target);
    put_text(to, access->version == 10 ? " HTTP/1.0" : " HTTP/1.1");
}

size_t turbo_access_format(const turbo_access *access, char *out, size_t size)
{
    enum { BROKEN_OFF = 499 }; /* nginx's number for a client that left */
    line to = {out, size, 0};
    put_or_dash(&to, access->client);
    put_text(&to, " - - [");
    put_time(&to, access->started);
    put_text(&to, "] \"");
    put_request(&to, access);
    put_text(&to, "\" ");
    put_number(&to, access->status != 0 ? access->status : BROKEN_OFF);
    put_byte(&to, ' ');
    put_number(&to, access->bytes_out);
    put_text(&to, " \"");
    put_or_dash(&to, access->referer);
    put_text(&to, "\" \"");
    put_or_dash(&to, access->user_agent);
    put_byte(&to, '"');
    if (size > 0) {
        out[to.len < size ? to.len : size - 1] = '\0';
    }
    return to.len;
}
