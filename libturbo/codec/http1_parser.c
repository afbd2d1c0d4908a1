/* SPDX-License-Identifier: MIT */
#include "codec/http1_parser.h"

#include <assert.h>
#include <string.h>

#include <http_parser.h>

#include "base/compat.h"
#include "base/error.h"
#include "base/mem.h"
#include "base/str.h"

/* One header field, as offsets into the input buffer. */
struct turbo__http1_span {
    size_t name;
    size_t name_len;
    size_t value;
    size_t value_len;
};

static_assert(sizeof(http_parser) <= sizeof(((turbo__http1_parser *)0)->raw),
              "room for http-parser's state");

/* VERSION_LEN: " HTTP/1.1", which ends every request line that is served (RFC 9112 §3). */
enum { FIRST_SPANS = 16, VERSION_LEN = 9 };

static http_parser *raw_of(turbo__http1_parser *parser)
{
    return (http_parser *)(void *)parser->raw;
}

static turbo__http1_parser *self_of(http_parser *raw)
{
    return raw->data;
}

/* A non-zero return makes http-parser stop with a callback error; `error` says what it was. */
static int refuse(turbo__http1_parser *parser, int error, int status)
{
    parser->error = error;
    parser->status = status;
    return -1;
}

static int stop_at(turbo__http1_parser *parser, turbo__http1_event event)
{
    parser->event = (uint8_t)event;
    http_parser_pause(raw_of(parser), 1);
    return 0;
}

static int on_url(http_parser *raw, const char *at, size_t length)
{
    turbo__http1_parser *parser = self_of(raw);
    size_t offset = (size_t)(at - parser->base);
    if (parser->target_len == 0) {
        parser->target_start = offset;
    }
    parser->target_len = offset + length - parser->target_start;
    if (parser->target_start + parser->target_len - parser->head_start + VERSION_LEN >
        parser->limits->request_line) {
        (void)turbo__error_set(TURBO_ELIMIT, "request line is longer than %zu bytes",
                               parser->limits->request_line);
        return refuse(parser, TURBO_ELIMIT, 414);
    }
    return 0;
}

static int add_span(turbo__http1_parser *parser)
{
    if (parser->span_count >= parser->limits->fields) {
        (void)turbo__error_set(TURBO_ELIMIT, "more than %u header fields",
                               (unsigned)parser->limits->fields);
        return refuse(parser, TURBO_ELIMIT, 431);
    }
    if (parser->span_count == parser->span_cap) {
        uint32_t cap = parser->span_cap > 0 ? parser->span_cap * 2 : FIRST_SPANS;
        struct turbo__http1_span *spans =
            turbo__realloc(parser->spans, (size_t)cap * sizeof(*spans));
        if (spans == NULL) {
            return refuse(parser, TURBO_ENOMEM, 503);
        }
        parser->spans = spans;
        parser->span_cap = cap;
    }
    memset(&parser->spans[parser->span_count++], 0, sizeof(*parser->spans));
    return 0;
}

static int on_field(http_parser *raw, const char *at, size_t length)
{
    turbo__http1_parser *parser = self_of(raw);
    size_t offset = (size_t)(at - parser->base);
    if (parser->head_done) { /* trailers: RFC 9110 §6.5.1 lets us drop them */
        return 0;
    }
    if (parser->in_value || parser->span_count == 0) {
        if (add_span(parser) != 0) {
            return -1;
        }
        parser->in_value = false;
        parser->spans[parser->span_count - 1].name = offset;
    }
    struct turbo__http1_span *span = &parser->spans[parser->span_count - 1];
    span->name_len = offset + length - span->name;
    return 0;
}

static int on_value(http_parser *raw, const char *at, size_t length)
{
    turbo__http1_parser *parser = self_of(raw);
    size_t offset = (size_t)(at - parser->base);
    if (parser->head_done) {
        return 0;
    }
    struct turbo__http1_span *span = &parser->spans[parser->span_count - 1];
    if (!parser->in_value) {
        /* RFC 9112 §5.1: no space before the colon. http-parser may be built to let it pass. */
        if (memchr(parser->base + span->name, ' ', span->name_len) != NULL) {
            (void)turbo__error_set(TURBO_EPROTOCOL, "space in the name of a header field");
            return refuse(parser, TURBO_EPROTOCOL, 400);
        }
        parser->in_value = true;
        span->value = offset;
        span->value_len = length;
        return 0;
    }
    if (length > 0 && offset != span->value + span->value_len) {
        /* RFC 9112 §5.2: a server must reject or replace obs-fold. */
        (void)turbo__error_set(TURBO_EPROTOCOL, "folded header field");
        return refuse(parser, TURBO_EPROTOCOL, 400);
    }
    span->value_len += length;
    return 0;
}

static int on_headers_complete(http_parser *raw)
{
    turbo__http1_parser *parser = self_of(raw);
    parser->head_done = true;
    if (raw->http_major != 1) {
        (void)turbo__error_set(TURBO_EPROTOCOL, "HTTP version %u.%u", raw->http_major,
                               raw->http_minor);
        return refuse(parser, TURBO_EPROTOCOL, raw->http_major == 0 ? 400 : 505);
    }
    raw->upgrade = 0; /* an upgrade that nobody takes is a plain request (RFC 9110 §7.8) */
    return stop_at(parser, TURBO__HTTP1_HEAD);
}

static int on_body(http_parser *raw, const char *at, size_t length)
{
    turbo__http1_parser *parser = self_of(raw);
    parser->body.data = at;
    parser->body.len = length;
    return stop_at(parser, TURBO__HTTP1_BODY);
}

static int on_message_complete(http_parser *raw)
{
    return stop_at(self_of(raw), TURBO__HTTP1_END);
}

static const http_parser_settings settings = {
    .on_url = on_url,
    .on_header_field = on_field,
    .on_header_value = on_value,
    .on_headers_complete = on_headers_complete,
    .on_body = on_body,
    .on_message_complete = on_message_complete,
};

void turbo__http1_init(turbo__http1_parser *parser, const turbo__http1_limits *limits)
{
    memset(parser, 0, sizeof(*parser));
    parser->limits = limits;
    turbo__http1_next(parser, 0);
}

void turbo__http1_clear(turbo__http1_parser *parser)
{
    turbo__free(parser->spans);
    parser->spans = NULL;
    parser->span_cap = 0;
    parser->span_count = 0;
}

void turbo__http1_next(turbo__http1_parser *parser, size_t at)
{
    http_parser *raw = raw_of(parser);
    http_parser_init(raw, HTTP_REQUEST);
    raw->data = parser;
    parser->span_count = 0;
    parser->head_start = at;
    parser->target_start = 0;
    parser->target_len = 0;
    parser->status = 400;
    parser->error = 0;
    parser->in_value = false;
    parser->head_done = false;
}

static int fail(turbo__http1_parser *parser)
{
    http_parser *raw = raw_of(parser);
    if (parser->error != 0) {
        return parser->error;
    }
    enum http_errno code = HTTP_PARSER_ERRNO(raw);
    if (code == HPE_HEADER_OVERFLOW) {
        parser->status = 431;
        parser->error = turbo__error_set(TURBO_ELIMIT, "header fields are too large");
        return parser->error;
    }
    if (code == HPE_INVALID_VERSION) {
        parser->status = 505;
    }
    parser->error = turbo__error_set(TURBO_EPROTOCOL, "%s", http_errno_description(code));
    return parser->error;
}

/* The head's size counts what is known of it, complete or not. */
static int check_head_size(turbo__http1_parser *parser, size_t end)
{
    if (end - parser->head_start <= parser->limits->head) {
        return 0;
    }
    bool in_line = parser->target_len == 0 && parser->span_count == 0;
    parser->status = in_line ? 414 : 431;
    parser->error = turbo__error_set(TURBO_ELIMIT, "request head is larger than %zu bytes",
                                     parser->limits->head);
    return parser->error;
}

int turbo__http1_parse(turbo__http1_parser *parser, const char *base, size_t from, size_t to,
                       size_t *consumed)
{
    http_parser *raw = raw_of(parser);
    bool head = !parser->head_done;
    parser->base = base;
    parser->event = TURBO__HTTP1_MORE;
    size_t used = http_parser_execute(raw, &settings, base + from, to - from);
    if (turbo__likely(HTTP_PARSER_ERRNO(raw) == HPE_PAUSED)) {
        http_parser_pause(raw, 0);
    } else if (HTTP_PARSER_ERRNO(raw) != HPE_OK) {
        return fail(parser);
    }
    if (head && check_head_size(parser, from + used) != 0) {
        return parser->error;
    }
    *consumed = used;
    return parser->event;
}

static int refuse_head(turbo__http1_parser *parser, int status, const char *why)
{
    parser->status = status;
    parser->error = turbo__error_set(TURBO_EPROTOCOL, "%s", why);
    return parser->error;
}

static bool wants_continue(const turbo__http1_head *head)
{
    const turbo__field *expect = turbo__fields_find(&head->fields, TURBO_STR("expect"));
    return head->version >= 11 && expect != NULL &&
           turbo__str_equal_nocase(expect->value, TURBO_STR("100-continue"));
}

/* RFC 9112 §6.1. The only coding known is chunked, and a list that does not end in it has no end.
 */
static int check_coding(turbo__http1_parser *parser, const turbo__http1_head *head,
                        turbo_str coding)
{
    static const turbo_str chunked = {"chunked", sizeof("chunked") - 1};
    if (head->version < 11) {
        return refuse_head(parser, 400, "Transfer-Encoding in an HTTP/1.0 message");
    }
    if (turbo__str_equal_nocase(coding, chunked)) {
        return 0;
    }
    bool ends = coding.len > chunked.len &&
                turbo__str_equal_nocase(
                    turbo__str_slice(coding, coding.len - chunked.len, coding.len), chunked);
    return refuse_head(parser, ends ? 501 : 400, "transfer coding other than chunked");
}

/* What http-parser leaves unchecked and a server must refuse. */
/* http-parser looks at every byte of a value but the first after the white space. */
static bool starts_well(turbo_str value)
{
    return value.len == 0 || turbo__field_value_valid(turbo__str_slice(value, 0, 1));
}

static int check_head(turbo__http1_parser *parser, const turbo__http1_head *head)
{
    unsigned hosts = 0;
    const turbo__field *coding = NULL;
    for (size_t i = 0; i < head->fields.count; i++) {
        const turbo__field *field = &head->fields.items[i];
        if (!starts_well(field->value)) { /* RFC 9110 §5.5 */
            return refuse_head(parser, 400, "control character in a header value");
        }
        if (turbo__str_equal_nocase(field->name, TURBO_STR("host"))) {
            hosts++;
        } else if (turbo__str_equal_nocase(field->name, TURBO_STR("transfer-encoding"))) {
            if (coding != NULL) {
                return refuse_head(parser, 400, "several Transfer-Encoding fields");
            }
            coding = field;
        }
    }
    if (hosts > 1 || (hosts == 0 && head->version >= 11)) { /* RFC 9112 §3.2 */
        return refuse_head(parser, 400, hosts == 0 ? "no Host field" : "several Host fields");
    }
    return coding == NULL ? 0 : check_coding(parser, head, coding->value);
}

int turbo__http1_read_head(turbo__http1_parser *parser, const char *base, turbo__arena *arena,
                           turbo__http1_head *out)
{
    const http_parser *raw = raw_of(parser);
    memset(out, 0, sizeof(*out));
    const char *method = http_method_str((enum http_method)raw->method);
    out->method = turbo_cstr(method);
    out->target.data = base + parser->target_start;
    out->target.len = parser->target_len;
    out->version = raw->http_major == 1 && raw->http_minor == 0 ? 10 : 11;
    out->keep_alive = http_should_keep_alive(raw) != 0;
    out->chunked = (raw->flags & F_CHUNKED) != 0;
    out->has_length = (raw->flags & F_CONTENTLENGTH) != 0;
    out->content_length = out->has_length ? raw->content_length : 0;
    for (uint32_t i = 0; i < parser->span_count; i++) {
        const struct turbo__http1_span *span = &parser->spans[i];
        turbo_str name = {base + span->name, span->name_len};
        turbo_str value = {base + span->value, span->value_len};
        int rc = turbo__fields_add(&out->fields, arena, name, turbo__str_trim(value));
        if (rc != 0) {
            return rc;
        }
    }
    out->expect_continue = wants_continue(out);
    return check_head(parser, out);
}

turbo_str turbo__http1_body(const turbo__http1_parser *parser)
{
    return parser->body;
}

int turbo__http1_status(const turbo__http1_parser *parser)
{
    return parser->status;
}

bool turbo__http1_idle(const turbo__http1_parser *parser)
{
    const http_parser *raw = (const http_parser *)(const void *)parser->raw;
    return raw->nread == 0 && !parser->head_done;
}
