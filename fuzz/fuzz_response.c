/* SPDX-License-Identifier: MIT */

/*
 * What a handler does with a response, against what a client reads: a server that is driven from
 * here answers each input over a real connection, a strict client takes the bytes apart, and
 * status, fields and body must be those that the interface accepted. A second request on the same
 * connection shows that both sides agree on where the first answer ends.
 *
 * The input: flags, status (two bytes), number of fields; for each field a mode, the lengths of
 * name and value, and their bytes; the rest is the body.
 */
#include <errno.h>
#include <string.h>

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/str.h"
#include "codec/fields.h"
#include "turbo/turbo.h"
#include "target.h"

enum {
    FLAG_HEAD = 1,
    FLAG_OLD = 2,    /* HTTP/1.0 */
    FLAG_ASK = 4,    /* for the connection to be closed, or kept in HTTP/1.0 */
    FLAG_KIND = 8,   /* a `kind` in the next three bits */
    FLAG_GO_ON = 64, /* as if no field had been refused: the answer must be 500 */
    MAX_FIELDS = 64,
    MAX_ROUNDS = 100000
};

/* How the body is given. */
enum kind { NONE, COPIED, STATIC, OWNED, STREAM_LENGTH, STREAM_CHUNKED, STREAM_SHORT, FAILING };

/* One input, and what became of it in the handler. */
typedef struct plan {
    turbo_str rest; /* of the input */
    unsigned flags;
    enum kind kind;
    turbo_str body;
    int status;
    turbo__field fields[MAX_FIELDS]; /* that the interface accepted */
    size_t count;
    bool has_length; /* Content-Length is among them */
    bool spoiled;    /* a field was refused for its characters */
    size_t released; /* calls of the release function */
} plan;

static plan *now; /* the handler's; one input at a time */
static turbo_server *server;
static struct sockaddr_un address = {.sun_family = AF_UNIX}; /* of ports there are too few */

/* --- the handler --------------------------------------------------------------- */

static unsigned take_byte(plan *self)
{
    if (self->rest.len == 0) {
        return 0;
    }
    unsigned byte = (unsigned char)self->rest.data[0];
    self->rest = turbo__str_slice(self->rest, 1, self->rest.len);
    return byte;
}

static turbo_str take_text(plan *self, size_t size)
{
    size = size < self->rest.len ? size : self->rest.len;
    turbo_str text = turbo__str_slice(self->rest, 0, size);
    self->rest = turbo__str_slice(self->rest, size, self->rest.len);
    return text;
}

static void forget(plan *self, turbo_str name)
{
    size_t kept = 0;
    for (size_t i = 0; i < self->count; i++) {
        if (!turbo__str_equal_nocase(self->fields[i].name, name)) {
            self->fields[kept++] = self->fields[i];
        }
    }
    self->count = kept;
}

static void add_field(plan *self, turbo_response *response)
{
    unsigned mode = take_byte(self);
    size_t name_size = take_byte(self) % 32;
    size_t value_size = take_byte(self);
    turbo_str name = take_text(self, name_size);
    turbo_str value = take_text(self, value_size);
    bool replace = mode % 2 != 0;
    int rc = replace ? turbo_response_set_header(response, name, value)
                     : turbo_response_header(response, name, value);
    FUZZ_CHECK(rc == 0 || rc == TURBO_EHEADER);
    if (rc != 0) {
        self->spoiled =
            self->spoiled || !turbo__field_name_valid(name) || !turbo__field_value_valid(value);
        return;
    }
    if (replace) {
        forget(self, name);
    }
    self->fields[self->count++] = (turbo__field){name, value};
}

static void release(void *user_data)
{
    plan *self = user_data;
    self->released++;
}

static int send_stream(plan *self, turbo_response *response)
{
    int64_t promised = self->kind == STREAM_CHUNKED ? -1
                       : self->kind == STREAM_SHORT ? (int64_t)self->body.len + 1
                                                    : (int64_t)self->body.len;
    FUZZ_CHECK(turbo_response_begin(response, promised) == 0);
    turbo_str half = turbo__str_slice(self->body, 0, self->body.len / 2);
    turbo_str other = turbo__str_slice(self->body, half.len, self->body.len);
    FUZZ_CHECK(turbo_response_send_chunk(response, half, NULL, NULL) == 0);
    FUZZ_CHECK(turbo_response_send_chunk(response, other, release, self) == 0);
    FUZZ_CHECK(turbo_response_finish(response) == 0);
    return TURBO_PENDING;
}

/* Makes the response again with what was accepted, or goes on. */
static void mend(plan *self, turbo_response *response)
{
    if ((self->flags & FLAG_GO_ON) != 0) {
        self->kind = FAILING;
        return;
    }
    FUZZ_CHECK(turbo_response_reset(response) == 0);
    FUZZ_CHECK(turbo_response_get_status(response) == 200);
    FUZZ_CHECK(turbo_response_status(response, self->status) == 0);
    for (size_t i = 0; i < self->count; i++) {
        FUZZ_CHECK(turbo_response_header(response, self->fields[i].name, self->fields[i].value) ==
                   0);
    }
}

static int handle(turbo_request *request, turbo_response *response, void *user_data)
{
    (void)request;
    (void)user_data;
    plan *self = now;
    int status = (int)(take_byte(self) << 8);
    status += (int)take_byte(self);
    int rc = turbo_response_status(response, status);
    FUZZ_CHECK(rc == (status >= 200 && status <= 599 ? 0 : TURBO_EINVAL));
    self->status = turbo_response_get_status(response);
    size_t count = take_byte(self) % MAX_FIELDS;
    for (size_t i = 0; i < count; i++) {
        add_field(self, response);
    }
    if (self->spoiled) {
        mend(self, response);
    }
    for (size_t i = 0; i < self->count; i++) {
        self->has_length = self->has_length || turbo__str_equal_nocase(self->fields[i].name,
                                                                       TURBO_STR("content-length"));
    }
    self->body = self->rest;
    switch (self->kind) {
    case NONE:
        return 0;
    case COPIED:
        return turbo_response_body(response, self->body);
    case STATIC:
        return turbo_response_body_static(response, self->body);
    case OWNED:
        return turbo_response_body_owned(response, self->body, release, self);
    case FAILING:
        return self->spoiled && (self->flags & FLAG_GO_ON) != 0 ? 0 : TURBO_EHANDLER;
    default:
        return send_stream(self, response);
    }
}

static int handle_end(turbo_request *request, turbo_response *response, void *user_data)
{
    (void)request;
    (void)user_data;
    return turbo_response_body_static(response, TURBO_STR("end"));
}

static void add_route(const char *methods, const char *pattern, turbo_handler_fn *fn)
{
    turbo_handler *handler;
    FUZZ_CHECK(turbo_handler_new_func(fn, NULL, NULL, &handler) == 0);
    FUZZ_CHECK(turbo_route_add(server, methods, pattern, handler, NULL, NULL) == 0);
    turbo_handler_unref(handler);
}

static void stop(void)
{
    turbo_server_free(server);
}

static void start(void)
{
    turbo_server_options options = {.size = sizeof(options), .max_connections = 100};
    FUZZ_CHECK(turbo_server_new(&options, &server) == 0);
    add_route("GET, HEAD", "/", handle);
    add_route("GET", "/end", handle_end);
    int size = snprintf(address.sun_path, sizeof(address.sun_path), "/tmp/turbo-fuzz-%ld.socket",
                        (long)getpid());
    FUZZ_CHECK(size > 0 && (size_t)size < sizeof(address.sun_path));
    FUZZ_CHECK(turbo_server_listen_unix(server, address.sun_path, 0600) == 0);
    FUZZ_CHECK(turbo_server_pollfd(server) >= 0);
    FUZZ_CHECK(atexit(stop) == 0);
}

/* --- the client ---------------------------------------------------------------- */

/* What has come, and how far it was read. */
typedef struct client {
    int fd;
    turbo__buf in;
    size_t at;
    bool ended;
} client;

static void connect_to(client *self)
{
    memset(self, 0, sizeof(*self));
    turbo__buf_init(&self->in, SIZE_MAX / 2);
    FUZZ_CHECK(turbo__buf_reserve(&self->in, 1) == 0); /* so that views have an address */
    self->fd = socket(AF_UNIX, SOCK_STREAM, 0);
    FUZZ_CHECK(self->fd >= 0);
    FUZZ_CHECK(connect(self->fd, (struct sockaddr *)&address, sizeof(address)) == 0);
}

/* Lets the server work until more has come or the connection has ended. */
static void fill(client *self)
{
    for (int round = 0; round < MAX_ROUNDS && !self->ended; round++) {
        FUZZ_CHECK(turbo_server_step(server, 0) == 1);
        FUZZ_CHECK(turbo__buf_reserve(&self->in, 65536) == 0);
        ssize_t got =
            recv(self->fd, self->in.data + self->in.len, self->in.cap - self->in.len, MSG_DONTWAIT);
        if (got > 0) {
            self->in.len += (size_t)got;
            return;
        }
        FUZZ_CHECK(got == 0 || errno == EAGAIN);
        self->ended = got == 0;
    }
    FUZZ_CHECK(self->ended); /* else nothing comes and nothing ends */
}

/* The next line without CRLF; there must be one. */
static turbo_str read_line(client *self)
{
    size_t from = self->at;
    for (;;) {
        turbo_str rest = turbo__str_slice(turbo__buf_view(&self->in), self->at, self->in.len);
        size_t lf;
        if (turbo__str_find(rest, '\n', &lf)) {
            FUZZ_CHECK(lf > 0 && rest.data[lf - 1] == '\r');
            FUZZ_CHECK(memchr(rest.data, '\r', lf - 1) == NULL || lf == 1);
            self->at = from + lf + 1;
            return turbo__str_slice(rest, 0, lf - 1);
        }
        FUZZ_CHECK(!self->ended);
        fill(self);
    }
}

/* The next `size` bytes; less at the end of the connection only. */
static turbo_str read_bytes(client *self, size_t size)
{
    while (self->in.len - self->at < size && !self->ended) {
        fill(self);
    }
    size_t left = self->in.len - self->at;
    size = size < left ? size : left;
    turbo_str bytes = turbo__str_slice(turbo__buf_view(&self->in), self->at, self->at + size);
    self->at += size;
    return bytes;
}

/* An answer; texts are copies in the arena. */
typedef struct answer {
    turbo__arena arena;
    turbo__fields fields;
    turbo__buf body;
    int status;
    bool cut;    /* the connection ended within the body */
    bool closes; /* no further answer may come */
} answer;

static unsigned digit(char c)
{
    FUZZ_CHECK(c >= '0' && c <= '9');
    return (unsigned)(c - '0');
}

/* status-line of RFC 9112 §4. */
static int read_status(client *self)
{
    static const char version[] = "HTTP/1.1 ";
    turbo_str line = read_line(self);
    size_t at = sizeof(version) - 1;
    FUZZ_CHECK(line.len >= at + 4 && memcmp(line.data, version, at) == 0);
    FUZZ_CHECK(line.data[at + 3] == ' ' && turbo__field_value_valid(line));
    return (int)(digit(line.data[at]) * 100 + digit(line.data[at + 1]) * 10 +
                 digit(line.data[at + 2]));
}

static void read_fields(client *self, answer *out)
{
    turbo_str line = read_line(self);
    for (; line.len > 0; line = read_line(self)) {
        turbo_str copy;
        size_t colon;
        FUZZ_CHECK(turbo__arena_copy(&out->arena, line, &copy) == 0);
        FUZZ_CHECK(turbo__str_find(copy, ':', &colon));
        turbo_str name = turbo__str_slice(copy, 0, colon);
        turbo_str value = turbo__str_trim(turbo__str_slice(copy, colon + 1, copy.len));
        FUZZ_CHECK(turbo__field_name_valid(name) && turbo__field_value_valid(value));
        FUZZ_CHECK(turbo__fields_add(&out->fields, &out->arena, name, value) == 0);
    }
}

/* The only field called `name`, or NULL. */
static const turbo__field *only(const answer *self, turbo_str name)
{
    const turbo__field *found = turbo__fields_find(&self->fields, name);
    for (size_t i = 0; found != NULL && i < self->fields.count; i++) {
        const turbo__field *other = &self->fields.items[i];
        FUZZ_CHECK(other == found || !turbo__str_equal_nocase(other->name, name));
    }
    return found;
}

static void add_body(client *self, answer *out, size_t size)
{
    turbo_str bytes = read_bytes(self, size);
    FUZZ_CHECK(turbo__buf_append_str(&out->body, bytes) == 0);
    out->cut = bytes.len < size;
}

static void read_chunks(client *self, answer *out)
{
    size_t size = 1;
    while (size > 0) {
        turbo_str line = read_line(self);
        size = 0;
        FUZZ_CHECK(line.len > 0 && line.len < 9);
        for (size_t i = 0; i < line.len; i++) {
            FUZZ_CHECK(turbo__ascii_hex(line.data[i]) >= 0);
            size = size * 16 + (size_t)turbo__ascii_hex(line.data[i]);
        }
        add_body(self, out, size);
        FUZZ_CHECK(!out->cut && read_line(self).len == 0);
    }
}

/* A body as RFC 9112 §6.3 has a client read it. */
static void read_body(client *self, answer *out, bool head)
{
    const turbo__field *coding = only(out, TURBO_STR("transfer-encoding"));
    const turbo__field *length = only(out, TURBO_STR("content-length"));
    FUZZ_CHECK(coding == NULL || length == NULL);
    if (out->status == 204) { /* RFC 9110 §8.6, RFC 9112 §6.1 */
        FUZZ_CHECK(coding == NULL && length == NULL);
    }
    if (head || out->status == 204 || out->status == 304) {
        return;
    }
    if (coding != NULL) {
        FUZZ_CHECK(turbo_str_equal(coding->value, TURBO_STR("chunked")));
        read_chunks(self, out);
    } else if (length != NULL) {
        size_t size = 0;
        FUZZ_CHECK(length->value.len > 0 && length->value.len < 10);
        for (size_t i = 0; i < length->value.len; i++) {
            size = size * 10 + digit(length->value.data[i]);
        }
        add_body(self, out, size);
    } else {
        FUZZ_CHECK(out->closes);
        add_body(self, out, SIZE_MAX);
        out->cut = false;
    }
}

static void read_answer(client *self, answer *out, unsigned flags)
{
    memset(out, 0, sizeof(*out));
    turbo__arena_init(&out->arena);
    turbo__buf_init(&out->body, SIZE_MAX / 2);
    out->status = read_status(self);
    read_fields(self, out);
    const turbo__field *connection = only(out, TURBO_STR("connection"));
    bool old = (flags & FLAG_OLD) != 0;
    out->closes =
        old ? connection == NULL || !turbo_str_equal(connection->value, TURBO_STR("keep-alive"))
            : connection != NULL;
    if (!old && connection != NULL) {
        FUZZ_CHECK(turbo_str_equal(connection->value, TURBO_STR("close")));
    }
    read_body(self, out, (flags & FLAG_HEAD) != 0);
}

static void clear_answer(answer *self)
{
    turbo__arena_clear(&self->arena);
    turbo__buf_clear(&self->body);
}

/* --- both together --------------------------------------------------------------- */

static bool is_framing(turbo_str name)
{
    return turbo__str_equal_nocase(name, TURBO_STR("content-length")) ||
           turbo__str_equal_nocase(name, TURBO_STR("transfer-encoding")) ||
           turbo__str_equal_nocase(name, TURBO_STR("connection"));
}

/* Date and server come first, then the handler's fields in its order; framing is judged elsewhere.
 */
static void check_fields(const answer *got, const plan *wanted)
{
    const turbo__field *fields = got->fields.items;
    FUZZ_CHECK(got->fields.count >= 2);
    FUZZ_CHECK(turbo__str_equal_nocase(fields[0].name, TURBO_STR("date")));
    FUZZ_CHECK(turbo__str_equal_nocase(fields[1].name, TURBO_STR("server")));
    size_t at = 0;
    for (size_t i = 2; i < got->fields.count; i++) {
        if (is_framing(fields[i].name)) {
            continue;
        }
        while (at < wanted->count && is_framing(wanted->fields[at].name)) {
            at++;
        }
        FUZZ_CHECK(at < wanted->count);
        FUZZ_CHECK(turbo_str_equal(fields[i].name, wanted->fields[at].name));
        FUZZ_CHECK(turbo_str_equal(fields[i].value, turbo__str_trim(wanted->fields[at].value)));
        at++;
    }
    while (at < wanted->count && is_framing(wanted->fields[at].name)) {
        at++;
    }
    FUZZ_CHECK(at == wanted->count);
}

static void check_answer(const answer *got, const plan *wanted)
{
    bool replaced = wanted->kind == FAILING || (wanted->has_length && got->status == 500);
    if (replaced) { /* the handler failed, or its Content-Length was wrong */
        FUZZ_CHECK(got->status == 500 && got->fields.count >= 3);
    } else {
        FUZZ_CHECK(got->status == wanted->status);
        check_fields(got, wanted);
    }
    bool bodyless = (wanted->flags & FLAG_HEAD) != 0 || got->status == 204 || got->status == 304;
    turbo_str body = replaced                ? TURBO_STR("Internal Server Error")
                     : wanted->kind == NONE  ? TURBO_STR("")
                     : wanted->status == 205 ? TURBO_STR("") /* RFC 9110 §15.3.6 */
                                             : wanted->body;
    body = bodyless ? TURBO_STR("") : body;
    FUZZ_CHECK(turbo_str_equal(turbo__buf_view(&got->body), body));
    bool cut = wanted->kind == STREAM_SHORT && !bodyless && got->status != 205;
    FUZZ_CHECK(got->cut == cut);
}

static void send_requests(const client *to, unsigned flags)
{
    char text[256];
    const char *ask = (flags & FLAG_ASK) == 0   ? ""
                      : (flags & FLAG_OLD) != 0 ? "connection: keep-alive\r\n"
                                                : "connection: close\r\n";
    int size =
        snprintf(text, sizeof(text),
                 "%s / HTTP/1.%d\r\nhost: a\r\n%s\r\nGET /end HTTP/1.1\r\nhost: a\r\n\r\n",
                 (flags & FLAG_HEAD) != 0 ? "HEAD" : "GET", (flags & FLAG_OLD) != 0 ? 0 : 1, ask);
    FUZZ_CHECK(size > 0 && (size_t)size < sizeof(text));
    FUZZ_CHECK(send(to->fd, text, (size_t)size, 0) == size);
}

static void run(plan *self)
{
    client peer;
    answer first;
    connect_to(&peer);
    send_requests(&peer, self->flags);
    read_answer(&peer, &first, self->flags);
    check_answer(&first, self);
    if (first.closes || first.cut) {
        FUZZ_CHECK(read_bytes(&peer, 1).len == 0);
    } else {
        answer second;
        read_answer(&peer, &second, 0);
        FUZZ_CHECK(second.status == 200);
        FUZZ_CHECK(turbo_str_equal(turbo__buf_view(&second.body), TURBO_STR("end")));
        clear_answer(&second);
    }
    clear_answer(&first);
    (void)close(peer.fd); /* all was read */
    turbo__buf_clear(&peer.in);
    for (int i = 0; i < 3; i++) {
        FUZZ_CHECK(turbo_server_step(server, 0) == 1); /* it sees the end */
    }
    bool owned = self->kind == OWNED || self->kind == STREAM_LENGTH ||
                 self->kind == STREAM_CHUNKED || self->kind == STREAM_SHORT;
    FUZZ_CHECK(self->released == (owned ? 1u : 0u));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    plan self = {.rest = {size > 0 ? (const char *)data : "", size}};
    if (server == NULL) {
        start();
    }
    self.flags = take_byte(&self);
    self.kind = (enum kind)(self.flags / FLAG_KIND % 8);
    now = &self;
    run(&self);
    now = NULL;
    return 0;
}
