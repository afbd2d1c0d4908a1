/* SPDX-License-Identifier: MIT */
#include "codec/http1_head.h"

#include <string.h>

#include "base/compat.h"
#include "base/error.h"
#include "base/mem.h"
#include "codec/chars.h"

enum { FIRST_SPANS = 16, MAX_METHOD = 16 };

/* Each state is a place between two bytes. */
enum state {
    AT_START,     /* before the request line, where empty lines are ignored */
    AT_EMPTY_END, /* behind the CR of an empty line */
    IN_METHOD,
    IN_TARGET,
    IN_VERSION,
    AT_LINE_END, /* behind the CR of the request line */
    AT_FIELD,    /* before a field line or the last, empty line */
    IN_NAME,
    BEFORE_VALUE,
    IN_VALUE,
    AT_FIELD_END, /* behind the CR of a field line */
    AT_LAST_END   /* behind the CR of the last line */
};

/* What one step of the scan ended with; errors are negative. */
enum { GO_ON = 0, NEED_MORE = 2, COMPLETE = 1 };

/* The text of one call. Lives on the stack of turbo__http1_scan_more(). */
typedef struct cursor {
    const char *text;
    const char *at;
    const char *end;
} cursor;

static int refuse(turbo__http1_scan *scan, int error, int status)
{
    scan->status = status;
    return error;
}

/* `where` completes "byte 0x.. ". */
static int bad_byte(turbo__http1_scan *scan, const cursor *in, const char *where)
{
    size_t offset = (size_t)(in->at - in->text);
    (void)turbo__error_set(TURBO_EPROTOCOL, "byte 0x%02x %s, %zu bytes into the %s",
                           (unsigned char)*in->at, where, offset,
                           scan->trailers ? "trailers" : "head");
    return refuse(scan, TURBO_EPROTOCOL, 400);
}

static int line_too_long(turbo__http1_scan *scan)
{
    (void)turbo__error_set(TURBO_ELIMIT, "request line is longer than %zu bytes",
                           scan->limits->request_line);
    return refuse(scan, TURBO_ELIMIT, 414);
}

static int field_too_long(turbo__http1_scan *scan)
{
    (void)turbo__error_set(TURBO_ELIMIT, "field line %u is longer than %zu bytes", scan->span_count,
                           scan->limits->field);
    return refuse(scan, TURBO_ELIMIT, 431);
}

static uint32_t offset_of(const cursor *in)
{
    return (uint32_t)(in->at - in->text); /* the limits keep it below 2^31 */
}

/* The end of what may be looked at of a line that `limit` bounds. */
static const char *stop_of(const turbo__http1_scan *scan, const cursor *in, size_t limit)
{
    const char *line = in->text + scan->line;
    return (size_t)(in->end - line) < limit ? in->end : line + limit;
}

/* Takes the LF that must follow a CR. */
static int take_lf(turbo__http1_scan *scan, cursor *in, enum state next)
{
    if (in->at == in->end) {
        return NEED_MORE;
    }
    if (turbo__unlikely(*in->at != '\n')) {
        return bad_byte(scan, in, "behind a CR"); /* RFC 9112 §2.2: a bare CR is invalid */
    }
    in->at++;
    scan->line = offset_of(in);
    scan->state = (uint8_t)next;
    return GO_ON;
}

/* --- request line (RFC 9112 §3) ------------------------------------------ */

/* Those of the registry that a server of this kind may be asked for. RFC 9110 §9.1: another token
 * is a method that is not implemented, and case counts. */
static bool is_known_method(turbo_str method)
{
    static const turbo_str known[] = {
        {"GET", 3},          {"POST", 4},     {"PUT", 3},         {"DELETE", 6},
        {"HEAD", 4},         {"PATCH", 5},    {"OPTIONS", 7},     {"TRACE", 5},
        {"CONNECT", 7},      {"COPY", 4},     {"LOCK", 4},        {"MKCOL", 5},
        {"MOVE", 4},         {"PROPFIND", 8}, {"PROPPATCH", 9},   {"SEARCH", 6},
        {"UNLOCK", 6},       {"BIND", 4},     {"REBIND", 6},      {"UNBIND", 6},
        {"ACL", 3},          {"REPORT", 6},   {"MKACTIVITY", 10}, {"CHECKOUT", 8},
        {"MERGE", 5},        {"M-SEARCH", 8}, {"NOTIFY", 6},      {"SUBSCRIBE", 9},
        {"UNSUBSCRIBE", 11}, {"PURGE", 5},    {"MKCALENDAR", 10}, {"LINK", 4},
        {"UNLINK", 6},       {"SOURCE", 6},   {"QUERY", 5},
    };
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (known[i].len == method.len && memcmp(known[i].data, method.data, method.len) == 0) {
            return true;
        }
    }
    return false;
}

static int unknown_method(turbo__http1_scan *scan)
{
    (void)turbo__error_set(TURBO_EPROTOCOL, "method is not known");
    return refuse(scan, TURBO_EPROTOCOL, 501);
}

/* RFC 9112 §2.2: empty lines before a request are ignored. They count for the head's size. */
static int skip_empty(turbo__http1_scan *scan, cursor *in)
{
    if (in->at == in->end) {
        return NEED_MORE;
    }
    if (turbo__unlikely(*in->at == '\r')) {
        in->at++;
        scan->state = AT_EMPTY_END;
        return GO_ON;
    }
    scan->line = offset_of(in);
    scan->start = scan->line;
    scan->state = IN_METHOD;
    return GO_ON;
}

static int read_method(turbo__http1_scan *scan, cursor *in)
{
    const char *start = in->text + scan->start;
    const char *stop = stop_of(scan, in, scan->limits->request_line);
    in->at = turbo__token_end(in->at, stop);
    size_t len = (size_t)(in->at - start);
    if (turbo__unlikely(len > MAX_METHOD)) {
        return unknown_method(scan);
    }
    if (in->at == in->end) {
        return NEED_MORE;
    }
    if (in->at == stop) {
        return line_too_long(scan);
    }
    if (turbo__unlikely(*in->at != ' ' || len == 0)) {
        return bad_byte(scan, in, "in the method");
    }
    if (turbo__unlikely(!is_known_method((turbo_str){start, len}))) {
        return unknown_method(scan);
    }
    scan->method_len = (uint32_t)len;
    in->at++;
    scan->target = offset_of(in);
    scan->state = IN_TARGET;
    return GO_ON;
}

/* Which bytes a target may have depends on its form: turbo__url_split() decides when it is whole.
 */
static int read_target(turbo__http1_scan *scan, cursor *in)
{
    const char *stop = stop_of(scan, in, scan->limits->request_line);
    in->at = turbo__visible_end(in->at, stop);
    if (in->at == in->end) {
        return NEED_MORE;
    }
    if (in->at >= stop) {
        return line_too_long(scan);
    }
    scan->target_len = offset_of(in) - scan->target;
    if (turbo__unlikely(*in->at != ' ' || scan->target_len == 0)) {
        return bad_byte(scan, in, "in the request-target");
    }
    in->at++;
    scan->version = offset_of(in);
    scan->state = IN_VERSION;
    return GO_ON;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static int end_version(turbo__http1_scan *scan, cursor *in)
{
    const char *version = in->text + scan->version;
    if (version[5] != '1' || (version[7] != '0' && version[7] != '1')) {
        (void)turbo__error_set(TURBO_EPROTOCOL, "version %.8s is not served", version);
        return refuse(scan, TURBO_EPROTOCOL, 505);
    }
    scan->minor = version[7] == '1' ? 1 : 0;
    in->at++;
    scan->state = AT_LINE_END;
    return GO_ON;
}

/* RFC 9112 §2.3: case counts, and there is one digit on each side of the dot. */
static int read_version(turbo__http1_scan *scan, cursor *in)
{
    static const char form[] = "HTTP/d.d";
    const char *stop = stop_of(scan, in, scan->limits->request_line);
    size_t place = offset_of(in) - scan->version;
    for (; place < sizeof(form) - 1 && in->at < stop; place++, in->at++) {
        bool fits = form[place] == 'd' ? is_digit(*in->at) : *in->at == form[place];
        if (turbo__unlikely(!fits)) {
            return bad_byte(scan, in, "in the version");
        }
    }
    if (in->at == in->end) {
        return NEED_MORE;
    }
    if (turbo__likely(*in->at == '\r' && place == sizeof(form) - 1)) {
        return end_version(scan, in);
    }
    return in->at == stop && *in->at != '\r' ? line_too_long(scan)
                                             : bad_byte(scan, in, "in the version");
}

/* --- field lines (RFC 9112 §5) ------------------------------------------- */

static int add_span(turbo__http1_scan *scan)
{
    uint32_t most = scan->trailers ? scan->limits->trailers : scan->limits->fields;
    if (turbo__unlikely(scan->span_count >= most)) {
        (void)turbo__error_set(TURBO_ELIMIT, "more than %u %s fields", (unsigned)most,
                               scan->trailers ? "trailer" : "header");
        return refuse(scan, TURBO_ELIMIT, 431);
    }
    if (turbo__unlikely(scan->span_count == scan->span_cap)) {
        uint32_t cap = scan->span_cap > 0 ? scan->span_cap * 2 : FIRST_SPANS;
        turbo__http1_span *spans = turbo__realloc(scan->spans, (size_t)cap * sizeof(*spans));
        if (spans == NULL) {
            return refuse(scan, TURBO_ENOMEM, 503);
        }
        scan->spans = spans;
        scan->span_cap = cap;
    }
    scan->span_count++;
    return GO_ON;
}

static turbo__http1_span *last_span(turbo__http1_scan *scan)
{
    return &scan->spans[scan->span_count - 1];
}

static int begin_field(turbo__http1_scan *scan, cursor *in)
{
    if (in->at == in->end) {
        return NEED_MORE;
    }
    if (*in->at == '\r') {
        in->at++;
        scan->state = AT_LAST_END;
        return GO_ON;
    }
    if (turbo__unlikely(*in->at == ' ' || *in->at == '\t')) {
        /* RFC 9112 §2.2, §5.2: white space before the first field, or a folded line. */
        return bad_byte(scan, in, "begins a field line");
    }
    int rc = add_span(scan);
    if (rc == GO_ON) {
        last_span(scan)->name = offset_of(in);
        scan->state = IN_NAME;
    }
    return rc;
}

/* Whether `name`, which is not shorter, begins with `known`, which is in lower case. Bit 5 makes
 * letters lower case and leaves the hyphen as it is; no other token character becomes one of these
 * by it. */
static inline bool begins(turbo_str name, turbo_str known)
{
    for (size_t i = 0; i < known.len; i++) {
        if ((name.data[i] | 0x20) != known.data[i]) {
            return false;
        }
    }
    return true;
}

static inline turbo__http1_kind kind_if(turbo_str name, turbo_str known, turbo__http1_kind kind)
{
    return begins(name, known) ? kind : TURBO__HTTP1_OTHER;
}

static turbo__http1_kind kind_of(turbo_str name)
{
    static const turbo_str coding = {"transfer-encoding", sizeof("transfer-encoding") - 1};
    switch (name.len) {
    case 4:
        return kind_if(name, TURBO_STR("host"), TURBO__HTTP1_HOST);
    case 6:
        return kind_if(name, TURBO_STR("expect"), TURBO__HTTP1_EXPECT);
    case 10:
        return kind_if(name, TURBO_STR("connection"), TURBO__HTTP1_CONNECTION);
    case 14:
        return kind_if(name, TURBO_STR("content-length"), TURBO__HTTP1_CONTENT_LENGTH);
    case 17:
        return kind_if(name, coding, TURBO__HTTP1_TRANSFER_ENCODING);
    default:
        return name.len > coding.len ? kind_if(name, coding, TURBO__HTTP1_LOOKALIKE)
                                     : TURBO__HTTP1_OTHER;
    }
}

static void end_name(turbo__http1_scan *scan, turbo__http1_span *span, turbo_str name)
{
    if (turbo__unlikely(scan->limits->underscores != TURBO_UNDERSCORES_PASS)) {
        scan->underscore = scan->underscore || memchr(name.data, '_', name.len) != NULL;
    }
    span->name_len = (uint32_t)name.len;
    span->kind = kind_of(name);
}

/* `end` is where the CR stands. */
static void end_value(turbo__http1_scan *scan, turbo__http1_span *span, const char *start,
                      const char *end)
{
    const char *last = end;
    while (last > start && (last[-1] == ' ' || last[-1] == '\t')) {
        last--;
    }
    scan->padded = scan->padded || last != end;
    span->value_len = (uint32_t)(last - start);
}

static int read_name(turbo__http1_scan *scan, cursor *in)
{
    const char *stop = stop_of(scan, in, scan->limits->field);
    turbo__http1_span *span = last_span(scan);
    in->at = turbo__token_end(in->at, stop);
    if (in->at == in->end) {
        return NEED_MORE;
    }
    if (in->at == stop) {
        return field_too_long(scan);
    }
    turbo_str name = {in->text + span->name, offset_of(in) - span->name};
    if (turbo__unlikely(*in->at != ':' || name.len == 0)) {
        return bad_byte(scan, in, "in the name of a field");
    }
    end_name(scan, span, name);
    in->at++;
    scan->state = BEFORE_VALUE;
    return GO_ON;
}

static int skip_space(turbo__http1_scan *scan, cursor *in)
{
    const char *stop = stop_of(scan, in, scan->limits->field);
    while (in->at < stop && (*in->at == ' ' || *in->at == '\t')) {
        in->at++;
    }
    if (in->at == in->end) {
        return NEED_MORE;
    }
    last_span(scan)->value = offset_of(in);
    scan->state = IN_VALUE;
    return GO_ON;
}

static int read_value(turbo__http1_scan *scan, cursor *in)
{
    const char *stop = stop_of(scan, in, scan->limits->field);
    turbo__http1_span *span = last_span(scan);
    if (in->at < stop) {
        in->at = turbo__text_end(in->at, stop);
    }
    if (in->at == in->end) {
        return NEED_MORE;
    }
    if (turbo__unlikely(*in->at != '\r')) {
        return in->at == stop ? field_too_long(scan)
                              : bad_byte(scan, in, "in the value of a field");
    }
    end_value(scan, span, in->text + span->value, in->at);
    in->at++;
    scan->state = AT_FIELD_END;
    return GO_ON;
}

/* --- lines that are whole and as usual ----------------------------------- */

/* Takes a request line that is there from its first byte to its LF. Leaves every other one, good or
 * bad, to the states above. */
static void take_line(turbo__http1_scan *scan, cursor *in)
{
    static const char last[] = " HTTP/1.1\r\n";
    enum { LAST = sizeof(last) - 1 };
    const char *start = in->at;
    size_t room = (size_t)(in->end - start);
    size_t method_len = 3;
    if (room < LAST || memcmp(start, "GET ", 4) != 0) {
        method_len = (size_t)(turbo__token_end(start, in->end) - start);
        if (method_len == room || !is_known_method((turbo_str){start, method_len})) {
            return;
        }
    }
    const char *target = start + method_len + 1;
    const char *end = turbo__visible_end(target, in->end);
    size_t line_len = (size_t)(end - start) + LAST - 2;
    if (target[-1] != ' ' || end == target || in->end - end < LAST ||
        memcmp(end, last, LAST) != 0 || line_len > scan->limits->request_line) {
        return;
    }
    scan->start = offset_of(in);
    scan->method_len = (uint32_t)method_len;
    scan->target = (uint32_t)(target - in->text);
    scan->target_len = (uint32_t)(end - target);
    scan->minor = 1;
    scan->state = AT_FIELD;
    in->at = end + LAST;
    scan->line = offset_of(in);
}

/* The same for a field line; returns whether it took one. */
static bool take_field(turbo__http1_scan *scan, cursor *in)
{
    uint32_t most = scan->trailers ? scan->limits->trailers : scan->limits->fields;
    if (scan->span_count == scan->span_cap || scan->span_count >= most) {
        return false;
    }
    const char *colon = turbo__token_end(in->at, in->end);
    if (colon == in->end || *colon != ':' || colon == in->at) {
        return false;
    }
    const char *value = colon + 1;
    while (value < in->end && (*value == ' ' || *value == '\t')) {
        value++;
    }
    const char *end = turbo__text_end(value, in->end);
    if (in->end - end < 2 || end[0] != '\r' || end[1] != '\n' ||
        (size_t)(end - in->at) > scan->limits->field) {
        return false;
    }
    turbo__http1_span *span = &scan->spans[scan->span_count++];
    span->name = offset_of(in);
    span->value = (uint32_t)(value - in->text);
    end_name(scan, span, (turbo_str){in->at, (size_t)(colon - in->at)});
    end_value(scan, span, value, end);
    in->at = end + 2;
    return true;
}

/* --- the scan ------------------------------------------------------------ */

static int read_line(turbo__http1_scan *scan, cursor *in)
{
    switch (scan->state) {
    case AT_START:
        return skip_empty(scan, in);
    case AT_EMPTY_END:
        return take_lf(scan, in, AT_START);
    case IN_METHOD:
        return read_method(scan, in);
    case IN_TARGET:
        return read_target(scan, in);
    case IN_VERSION:
        return read_version(scan, in);
    default:
        return take_lf(scan, in, AT_FIELD);
    }
}

/* One field line or what is left of it; the last, empty line too. */
static int read_field(turbo__http1_scan *scan, cursor *in)
{
    int rc = GO_ON;
    if (scan->state == AT_FIELD) {
        while (take_field(scan, in)) {
        }
        scan->line = offset_of(in);
        rc = begin_field(scan, in);
    }
    if (rc == GO_ON && scan->state == IN_NAME) {
        rc = read_name(scan, in);
    }
    if (rc == GO_ON && scan->state == BEFORE_VALUE) {
        rc = skip_space(scan, in);
    }
    if (rc == GO_ON && scan->state == IN_VALUE) {
        rc = read_value(scan, in);
    }
    if (rc == GO_ON && scan->state == AT_FIELD_END) {
        return take_lf(scan, in, AT_FIELD);
    }
    if (rc == GO_ON) { /* AT_LAST_END */
        rc = take_lf(scan, in, AT_LAST_END);
        return rc == GO_ON ? COMPLETE : rc;
    }
    return rc;
}

static int too_large(turbo__http1_scan *scan)
{
    if (scan->trailers) {
        (void)turbo__error_set(TURBO_ELIMIT, "trailer fields are larger than %zu bytes",
                               scan->limits->trailer);
        return refuse(scan, TURBO_ELIMIT, 431);
    }
    (void)turbo__error_set(TURBO_ELIMIT, "request head is larger than %zu bytes",
                           scan->limits->head);
    return refuse(scan, TURBO_ELIMIT, scan->state < AT_FIELD ? 414 : 431);
}

int turbo__http1_scan_more(turbo__http1_scan *scan, const char *text, size_t len)
{
    /* The line that ends a trailer section is none of its fields. */
    size_t most = scan->trailers ? scan->limits->trailer + 2 : scan->limits->head;
    cursor in = {text, text + scan->at, text + (len < most ? len : most)};
    int rc = GO_ON;
    if (scan->state == AT_START) {
        take_line(scan, &in);
    }
    while (rc == GO_ON && scan->state < AT_FIELD) {
        rc = read_line(scan, &in);
    }
    while (rc == GO_ON) {
        rc = read_field(scan, &in);
    }
    scan->at = offset_of(&in);
    if (rc == NEED_MORE) {
        return len > most ? too_large(scan) : 0;
    }
    return rc;
}

void turbo__http1_scan_init(turbo__http1_scan *scan, const turbo__http1_limits *limits)
{
    memset(scan, 0, sizeof(*scan));
    scan->limits = limits;
    turbo__http1_scan_next(scan, false);
}

void turbo__http1_scan_clear(turbo__http1_scan *scan)
{
    turbo__free(scan->spans);
    scan->spans = NULL;
    scan->span_cap = 0;
    scan->span_count = 0;
}

void turbo__http1_scan_next(turbo__http1_scan *scan, bool trailers)
{
    scan->span_count = 0;
    scan->at = 0;
    scan->line = 0;
    scan->status = 400;
    scan->state = trailers ? AT_FIELD : AT_START;
    scan->trailers = trailers;
    scan->padded = false;
    scan->underscore = false;
}
