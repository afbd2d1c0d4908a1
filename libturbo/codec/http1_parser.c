/* SPDX-License-Identifier: MIT */
#include "codec/http1_parser.h"

#include <assert.h>
#include <string.h>

#include <http_parser.h>

#include "base/compat.h"
#include "base/error.h"
#include "base/mem.h"
#include "base/str.h"

static_assert(sizeof(http_parser) <= sizeof(((turbo__http1_parser *)0)->raw),
              "room for http-parser's state");

/* http-parser refuses heads past a size of its own (80 KiB, the same for the whole process). The
 * limits are ours, so its count starts again with each slice. */
enum { SLICE = 32 * 1024 };

enum phase { IN_HEAD, IN_BODY, IN_CHUNKS, IN_TRAILERS, AT_END };

static http_parser *raw_of(turbo__http1_parser *parser)
{
    return (http_parser *)(void *)parser->raw;
}

/* --- what http-parser makes of it ---------------------------------------- */

/* A callback's return value: anything but 0 makes http-parser stop with an error. */
enum { SAME = 0, OTHER = -1 };

static turbo__http1_span *present_span(turbo__http1_parser *parser)
{
    return &parser->scan.spans[parser->check.spans - 1];
}

/* `len` bytes at `at` go on with an element of the text. */
static int goes_on(turbo__http1_check *check, uint32_t start, uint32_t size, const char *at,
                   size_t len)
{
    if (turbo__unlikely(at != check->text + start + check->seen || len > size - check->seen)) {
        return OTHER;
    }
    check->seen += (uint32_t)len;
    return SAME;
}

static int on_url(http_parser *raw, const char *at, size_t len)
{
    turbo__http1_parser *parser = raw->data;
    return goes_on(&parser->check, parser->scan.target, parser->scan.target_len, at, len);
}

/* Whether what came before the next field line is whole: the last value or the target. */
static bool element_done(turbo__http1_parser *parser)
{
    const turbo__http1_check *check = &parser->check;
    if (check->spans > 0) {
        return !check->in_name && check->seen == present_span(parser)->value_len;
    }
    return parser->scan.trailers || check->seen == parser->scan.target_len;
}

static int on_field(http_parser *raw, const char *at, size_t len)
{
    turbo__http1_parser *parser = raw->data;
    turbo__http1_check *check = &parser->check;
    if (!check->in_name) {
        if (turbo__unlikely(!element_done(parser) || check->spans == parser->scan.span_count)) {
            return OTHER;
        }
        check->spans++;
        check->seen = 0;
        check->in_name = true;
    }
    const turbo__http1_span *span = present_span(parser);
    return goes_on(check, span->name, span->name_len, at, len);
}

static int on_value(http_parser *raw, const char *at, size_t len)
{
    turbo__http1_parser *parser = raw->data;
    turbo__http1_check *check = &parser->check;
    if (turbo__unlikely(check->spans == 0)) {
        return OTHER;
    }
    const turbo__http1_span *span = present_span(parser);
    if (check->in_name) {
        if (turbo__unlikely(check->seen != span->name_len)) {
            return OTHER;
        }
        check->seen = 0;
        check->in_name = false;
    }
    return len == 0 ? SAME : goes_on(check, span->value, span->value_len, at, len);
}

/* A method that is younger than http-parser, which gets one that it knows in its place. */
static bool is_young(turbo_str method)
{
    return method.len == 5 && memcmp(method.data, "QUERY", 5) == 0;
}

static const turbo_str stand_in = {"POST", 4};

static bool same_method(const http_parser *raw, turbo_str method)
{
#define XX(number, name, string) [number] = {#string, sizeof(#string) - 1},
    static const turbo_str methods[] = {HTTP_METHOD_MAP(XX)};
#undef XX
    turbo_str other = methods[raw->method];
    if (turbo__unlikely(is_young(method))) {
        method = stand_in;
    }
    size_t same = 0;
    while (same < method.len && same < other.len && method.data[same] == other.data[same]) {
        same++; /* a call would take longer */
    }
    return same == method.len && same == other.len;
}

static bool same_framing(const http_parser *raw, const turbo__http1_framing *framing)
{
    uint64_t length = framing->has_length ? framing->content_length : UINT64_MAX;
    return ((raw->flags & F_CHUNKED) != 0) == framing->chunked && raw->content_length == length;
}

static int on_headers_complete(http_parser *raw)
{
    turbo__http1_parser *parser = raw->data;
    const turbo__http1_scan *scan = &parser->scan;
    turbo_str method = {parser->check.text + scan->start, scan->method_len};
    if (turbo__unlikely(!element_done(parser) || parser->check.spans != scan->span_count ||
                        !same_method(raw, method) || raw->http_major != 1 ||
                        raw->http_minor != scan->minor || !same_framing(raw, &parser->framing))) {
        return OTHER;
    }
    raw->upgrade = 0; /* an upgrade that nobody takes is a plain request (RFC 9110 §7.8) */
    parser->check.head = true;
    return SAME;
}

/* A part comes in pieces where a slice ended in it. */
static int on_body(http_parser *raw, const char *at, size_t len)
{
    turbo_str *body = &((turbo__http1_parser *)raw->data)->check.body;
    if (body->len > 0 && turbo__unlikely(body->data + body->len != at)) {
        return OTHER;
    }
    body->data = body->len > 0 ? body->data : at;
    body->len += len;
    return SAME;
}

static int on_message_complete(http_parser *raw)
{
    turbo__http1_check *check = &((turbo__http1_parser *)raw->data)->check;
    check->complete = true;
    return SAME;
}

static const http_parser_settings settings = {
    .on_url = on_url,
    .on_header_field = on_field,
    .on_header_value = on_value,
    .on_headers_complete = on_headers_complete,
    .on_body = on_body,
    .on_message_complete = on_message_complete,
};

/* --- the two together ---------------------------------------------------- */

/* The strict readers passed what http-parser reads otherwise. */
static int disagree(turbo__http1_parser *parser)
{
    enum http_errno code = HTTP_PARSER_ERRNO(raw_of(parser));
    assert(false && "http-parser reads this message otherwise");
    parser->status = 400;
    return turbo__error_set(TURBO_EPROTOCOL, "the message can be read in two ways: %s",
                            http_errno_description(code));
}

/* Returns whether http-parser took all of it, and no callback found a difference. */
static bool feed(turbo__http1_parser *parser, const char *at, size_t len)
{
    http_parser *raw = raw_of(parser);
    while (len > 0) {
        size_t size = len < SLICE ? len : SLICE;
        raw->nread = 0;
        size_t used = http_parser_execute(raw, &settings, at, size);
        if (turbo__unlikely(used != size || HTTP_PARSER_ERRNO(raw) != HPE_OK)) {
            return false;
        }
        at += size;
        len -= size;
    }
    return true;
}

/* Feeds the scanned section, from offset `from` on, without the white space behind values:
 * http-parser takes that for a part of them, and tabs there for an error. */
static bool feed_section(turbo__http1_parser *parser, const char *text, size_t from)
{
    const turbo__http1_scan *scan = &parser->scan;
    parser->check.text = text;
    parser->check.spans = 0;
    parser->check.seen = 0;
    parser->check.in_name = false;
    for (uint32_t i = 0; turbo__unlikely(scan->padded) && i < scan->span_count; i++) {
        size_t end = scan->spans[i].value + scan->spans[i].value_len;
        if (!feed(parser, text + from, end - from)) {
            return false;
        }
        for (from = end; text[from] != '\r';) {
            from++;
        }
    }
    return feed(parser, text + from, scan->at - from);
}

static bool confirm_head(turbo__http1_parser *parser, const char *text)
{
    memcpy(parser->raw, parser->fresh, sizeof(parser->raw));
    raw_of(parser)->data = parser;
    parser->check.head = false;
    parser->check.complete = false;
    bool whole = parser->phase == AT_END;
    size_t from = parser->scan.start;
    turbo_str method = {text + from, parser->scan.method_len};
    if (turbo__unlikely(is_young(method))) {
        from += method.len;
        if (!feed(parser, stand_in.data, stand_in.len)) {
            return false;
        }
    }
    return feed_section(parser, text, from) && parser->check.head &&
           parser->check.complete == whole;
}

static bool confirm_trailers(turbo__http1_parser *parser, const char *text)
{
    return feed_section(parser, text, 0) && element_done(parser) && parser->check.complete &&
           parser->check.spans == parser->scan.span_count;
}

/* `len` bytes of the coded body at `at` are `part`, in both readings. */
static bool confirm_body(turbo__http1_parser *parser, const char *at, size_t len, turbo_str part)
{
    turbo__http1_check *check = &parser->check;
    check->body.len = 0;
    if (!feed(parser, at, len) || check->body.len != part.len) {
        return false;
    }
    bool whole = parser->phase == AT_END;
    return (part.len == 0 || check->body.data == part.data) && check->complete == whole;
}

/* --- phases -------------------------------------------------------------- */

static int parse_head(turbo__http1_parser *parser, const char *base, size_t from, size_t to,
                      size_t *consumed)
{
    turbo__http1_scan *scan = &parser->scan;
    const char *text = base + parser->head_start;
    *consumed = to - from;
    if (from == to) {
        return TURBO__HTTP1_MORE;
    }
    int rc = turbo__http1_scan_more(scan, text, to - parser->head_start);
    if (rc == 0) {
        return TURBO__HTTP1_MORE;
    }
    if (rc > 0) {
        rc = turbo__http1_judge_head(scan, text, &parser->url, &parser->framing);
    }
    if (turbo__unlikely(rc < 0)) {
        parser->status = scan->status;
        return rc;
    }
    const turbo__http1_framing *framing = &parser->framing;
    parser->base = base;
    parser->left = framing->content_length;
    parser->phase = framing->chunked ? IN_CHUNKS : parser->left > 0 ? IN_BODY : AT_END;
    *consumed = parser->head_start + scan->at - from;
    return turbo__likely(confirm_head(parser, text)) ? TURBO__HTTP1_HEAD : disagree(parser);
}

static int parse_length(turbo__http1_parser *parser, const char *at, size_t len, size_t *consumed)
{
    size_t size = len < parser->left ? len : (size_t)parser->left;
    turbo_str part = {at, size};
    *consumed = size;
    if (size == 0) {
        return TURBO__HTTP1_MORE;
    }
    parser->left -= size;
    if (parser->left == 0) {
        parser->phase = AT_END;
    }
    return turbo__likely(confirm_body(parser, at, size, part)) ? TURBO__HTTP1_BODY
                                                               : disagree(parser);
}

/* Most bodies end with an empty line and no trailers: nothing is kept then. */
static bool is_empty_line(const turbo__http1_parser *parser, const char *at, size_t len)
{
    return parser->trailers.len == 0 && len >= 2 && at[0] == '\r' && at[1] == '\n';
}

/* A trailer section is collected in memory of its own: the input may be gone before its end. */
static int parse_trailers(turbo__http1_parser *parser, const char *at, size_t len, size_t *consumed)
{
    turbo__http1_scan *scan = &parser->scan;
    turbo__buf *kept = &parser->trailers;
    turbo_str none = {NULL, 0};
    *consumed = len;
    if (len == 0) {
        return TURBO__HTTP1_MORE;
    }
    if (is_empty_line(parser, at, len)) {
        parser->phase = AT_END;
        *consumed = 2;
        return confirm_body(parser, at, 2, none) ? TURBO__HTTP1_END : disagree(parser);
    }
    size_t before = kept->len;
    size_t room = scan->limits->trailer + 3 - before; /* the last byte is one too many */
    size_t size = len < room ? len : room;
    *consumed = size;
    if (turbo__buf_append(kept, at, size) != 0) {
        parser->status = 503;
        return TURBO_ENOMEM;
    }
    int rc = turbo__http1_scan_more(scan, kept->data, kept->len);
    if (rc == 0) {
        return TURBO__HTTP1_MORE;
    }
    if (rc > 0) {
        rc = turbo__http1_judge_trailers(scan);
    }
    if (rc < 0) {
        parser->status = scan->status;
        return rc;
    }
    kept->len = scan->at;
    parser->phase = AT_END;
    *consumed = scan->at - before;
    return confirm_trailers(parser, kept->data) ? TURBO__HTTP1_END : disagree(parser);
}

static int parse_chunks(turbo__http1_parser *parser, const char *at, size_t len, size_t *consumed)
{
    turbo_str part = {NULL, 0};
    int rc =
        turbo__http1_chunk_next(&parser->chunks, parser->scan.limits, at, len, consumed, &part);
    if (turbo__unlikely(rc < 0)) {
        parser->status = 400;
        return rc;
    }
    if (turbo__unlikely(!confirm_body(parser, at, *consumed, part))) {
        return disagree(parser);
    }
    if (rc == TURBO__HTTP1_CHUNK_DATA) {
        return TURBO__HTTP1_BODY;
    }
    if (rc == TURBO__HTTP1_CHUNK_MORE) {
        return TURBO__HTTP1_MORE;
    }
    turbo__http1_scan_next(&parser->scan, true);
    parser->phase = IN_TRAILERS;
    size_t used = *consumed;
    rc = parse_trailers(parser, at + used, len - used, consumed);
    *consumed += used;
    return rc;
}

int turbo__http1_parse(turbo__http1_parser *parser, const char *base, size_t from, size_t to,
                       size_t *consumed)
{
    switch (parser->phase) {
    case IN_HEAD:
        return parse_head(parser, base, from, to, consumed);
    case IN_BODY:
        return parse_length(parser, base + from, to - from, consumed);
    case IN_CHUNKS:
        return parse_chunks(parser, base + from, to - from, consumed);
    case IN_TRAILERS:
        return parse_trailers(parser, base + from, to - from, consumed);
    default:
        *consumed = 0;
        return TURBO__HTTP1_END;
    }
}

/* --- results ------------------------------------------------------------- */

/* RFC 9112 §3.2.2: the authority of an absolute-form target replaces the Host field. */
static void put_fields(const turbo__http1_scan *scan, const char *text, turbo_str authority,
                       turbo__fields *fields)
{
    bool drop = scan->underscore && scan->limits->underscores == TURBO_UNDERSCORES_DROP;
    bool host = false;
    for (uint32_t i = 0; i < scan->span_count; i++) {
        const turbo__http1_span *span = &scan->spans[i];
        turbo__field *field = &fields->items[fields->count];
        field->name = (turbo_str){text + span->name, span->name_len};
        field->value = (turbo_str){text + span->value, span->value_len};
        if (turbo__unlikely(authority.len > 0) && span->kind == TURBO__HTTP1_HOST) {
            field->value = authority;
            host = true;
        }
        bool kept = !drop || memchr(field->name.data, '_', field->name.len) == NULL;
        fields->count += kept ? 1 : 0;
    }
    if (turbo__unlikely(authority.len > 0) && !host) {
        fields->items[fields->count++] = (turbo__field){TURBO_STR("host"), authority};
    }
}

int turbo__http1_read_head(turbo__http1_parser *parser, const char *base, turbo__arena *arena,
                           turbo__http1_head *out)
{
    const turbo__http1_scan *scan = &parser->scan;
    const turbo__http1_framing *framing = &parser->framing;
    const char *text = base + parser->head_start;
    turbo_str target = {text + scan->target, scan->target_len};
    if (turbo__unlikely(base != parser->base)) {
        (void)turbo__url_split(target, &parser->url); /* it is a good one: it was judged before */
        parser->base = base;
    }
    memset(&out->fields, 0, sizeof(out->fields));
    if (turbo__fields_reserve(&out->fields, arena, (size_t)scan->span_count + 1) != 0) {
        return TURBO_ENOMEM;
    }
    put_fields(scan, text, parser->url.authority, &out->fields);
    out->method = (turbo_str){text + scan->start, scan->method_len};
    out->target = target;
    out->url = parser->url;
    out->version = 10 + scan->minor;
    out->keep_alive = framing->keep_alive;
    out->chunked = framing->chunked;
    out->has_length = framing->has_length;
    out->expect_continue = framing->expect_continue;
    out->content_length = framing->content_length;
    return 0;
}

turbo_str turbo__http1_body(const turbo__http1_parser *parser)
{
    return parser->check.body;
}

bool turbo__http1_has_trailers(const turbo__http1_parser *parser)
{
    return parser->scan.trailers && parser->scan.span_count > 0;
}

int turbo__http1_copy_trailers(const turbo__http1_parser *parser, turbo__fields *out)
{
    const turbo__http1_scan *scan = &parser->scan;
    size_t count = turbo__http1_has_trailers(parser) ? scan->span_count : 0;
    if (count == 0) {
        memset(out, 0, sizeof(*out));
        return 0;
    }
    size_t table = (count + 1) * sizeof(turbo__field); /* the limits keep the sum small */
    turbo__field *items = turbo__alloc(table + parser->trailers.len);
    if (items == NULL) {
        return TURBO_ENOMEM;
    }
    char *text = (char *)items + table;
    memcpy(text, parser->trailers.data, parser->trailers.len);
    turbo__fields fields = {items, 0, count + 1};
    put_fields(scan, text, TURBO_STR(""), &fields);
    *out = fields;
    return 0;
}

int turbo__http1_status(const turbo__http1_parser *parser)
{
    return parser->status;
}

bool turbo__http1_idle(const turbo__http1_parser *parser)
{
    return parser->phase == IN_HEAD && parser->scan.at == 0;
}

void turbo__http1_init(turbo__http1_parser *parser, const turbo__http1_limits *limits)
{
    memset(parser, 0, sizeof(*parser));
    http_parser_init((http_parser *)(void *)parser->fresh, HTTP_REQUEST);
    turbo__http1_scan_init(&parser->scan, limits);
    turbo__buf_init(&parser->trailers, SIZE_MAX / 2); /* parse_trailers() bounds it */
}

void turbo__http1_clear(turbo__http1_parser *parser)
{
    turbo__http1_scan_clear(&parser->scan);
    turbo__buf_clear(&parser->trailers);
}

void turbo__http1_next(turbo__http1_parser *parser, size_t at)
{
    turbo__http1_scan_next(&parser->scan, false);
    if (turbo__unlikely(parser->framing.chunked)) {
        memset(&parser->chunks, 0, sizeof(parser->chunks));
        turbo__buf_clear(&parser->trailers);
        parser->framing.chunked = false;
    }
    parser->head_start = at;
    parser->phase = IN_HEAD;
}
