/* SPDX-License-Identifier: MIT */
#include "codec/http1_rules.h"

#include <string.h>

#include "base/compat.h"
#include "base/error.h"
#include "base/str.h"
#include "codec/fields.h"
#include "codec/host.h"

static int refuse(turbo__http1_scan *scan, int status, const char *why)
{
    scan->status = status;
    return turbo__error_set(TURBO_EPROTOCOL, "%s", why);
}

/* … with the place of the value. */
static int refuse_value(turbo__http1_scan *scan, const turbo__http1_span *span, int status,
                        const char *why)
{
    scan->status = status;
    return turbo__error_set(TURBO_EPROTOCOL, "%s, %u bytes into the %s", why, span->value,
                            scan->trailers ? "trailers" : "head");
}

static turbo_str value_of(const turbo__http1_span *span, const char *text)
{
    turbo_str value = {text + span->value, span->value_len};
    return value;
}

/* Takes the next member, trimmed, off the front of a list (RFC 9110 §5.6.1); false at its end. */
static bool next_member(turbo_str *rest, turbo_str *member)
{
    if (rest->data == NULL) {
        return false;
    }
    size_t comma;
    if (turbo__str_find(*rest, ',', &comma)) {
        *member = turbo__str_trim(turbo__str_slice(*rest, 0, comma));
        *rest = turbo__str_slice(*rest, comma + 1, rest->len);
    } else {
        *member = turbo__str_trim(*rest);
        rest->data = NULL;
    }
    return true;
}

/* --- single fields ------------------------------------------------------- */

/* RFC 9112 §6.1, §6.3: a coding that is not known is one that is not implemented, but a list that
 * does not end in "chunked" has no end that both sides agree on. */
static int judge_coding(turbo__http1_scan *scan, const char *text, const turbo__http1_span *span)
{
    turbo_str rest = value_of(span, text);
    turbo_str member;
    bool chunked = false;
    bool unknown = false;
    if (scan->minor == 0) {
        return refuse_value(scan, span, 400, "Transfer-Encoding in an HTTP/1.0 message");
    }
    while (next_member(&rest, &member)) {
        if (!turbo__field_name_valid(member)) { /* both are tokens */
            return refuse_value(scan, span, 400, "Transfer-Encoding is not a list of codings");
        }
        if (chunked) {
            return refuse_value(scan, span, 400, "transfer coding behind \"chunked\"");
        }
        chunked = turbo__str_equal_nocase(member, TURBO_STR("chunked"));
        unknown = unknown || !chunked;
    }
    if (!chunked) {
        return refuse_value(scan, span, 400, "transfer coding does not end in \"chunked\"");
    }
    return unknown ? refuse_value(scan, span, 501, "transfer coding other than \"chunked\"") : 0;
}

/* RFC 9110 §8.6: digits, nothing else. A list is refused even where its members agree. */
static int read_length(turbo__http1_scan *scan, const char *text, const turbo__http1_span *span,
                       uint64_t *out)
{
    turbo_str value = value_of(span, text);
    uint64_t length = 0;
    for (size_t i = 0; i < value.len; i++) {
        unsigned digit = (unsigned)(unsigned char)value.data[i] - '0';
        if (digit > 9) {
            return refuse_value(scan, span, 400, "Content-Length is not a number");
        }
        if (length > ((uint64_t)INT64_MAX - digit) / 10) {
            return refuse_value(scan, span, 400, "Content-Length is too large");
        }
        length = length * 10 + digit;
    }
    if (value.len == 0) {
        return refuse_value(scan, span, 400, "Content-Length is empty");
    }
    *out = length;
    return 0;
}

/* RFC 9112 §9.6, §9.3: "close" counts wherever it stands. */
static void read_connection(turbo_str rest, bool *closes, bool *keeps)
{
    turbo_str member;
    while (next_member(&rest, &member)) {
        *closes = *closes || turbo__str_equal_nocase(member, TURBO_STR("close"));
        *keeps = *keeps || turbo__str_equal_nocase(member, TURBO_STR("keep-alive"));
    }
}

/* RFC 9110 §10.1.1: an HTTP/1.0 client cannot mean 100-continue; nothing else is known. */
static int read_expect(turbo__http1_scan *scan, const char *text, const turbo__http1_span *span,
                       bool *expect_continue)
{
    turbo_str rest = value_of(span, text);
    turbo_str member;
    while (next_member(&rest, &member)) {
        if (member.len == 0) {
            continue;
        }
        if (!turbo__str_equal_nocase(member, TURBO_STR("100-continue"))) {
            return refuse_value(scan, span, 417, "expectation other than 100-continue");
        }
        *expect_continue = scan->minor > 0;
    }
    return 0;
}

/* --- a whole head -------------------------------------------------------- */

/* A name that only begins with Transfer-Encoding is nobody's, and some parsers, http-parser among
 * them, let it undo the real field. */
static int refuse_lookalike(turbo__http1_scan *scan, const turbo__http1_span *span)
{
    return refuse_value(scan, span, 400, "field name that begins with Transfer-Encoding");
}

/* The fields that matter, as indexes that are only valid where the count is not 0. */
typedef struct found {
    const turbo__http1_span *host;
    const turbo__http1_span *coding;
    const turbo__http1_span *length;
    unsigned hosts;
    unsigned codings;
    unsigned lengths;
    bool closes;
    bool keeps;
} found;

static int look_at_fields(turbo__http1_scan *scan, const char *text, found *seen,
                          turbo__http1_framing *framing)
{
    int rc = 0;
    for (uint32_t i = 0; rc == 0 && i < scan->span_count; i++) {
        const turbo__http1_span *span = &scan->spans[i];
        switch (span->kind) {
        case TURBO__HTTP1_HOST:
            seen->host = span;
            seen->hosts++;
            break;
        case TURBO__HTTP1_TRANSFER_ENCODING:
            seen->coding = span;
            seen->codings++;
            break;
        case TURBO__HTTP1_CONTENT_LENGTH:
            seen->length = span;
            seen->lengths++;
            break;
        case TURBO__HTTP1_CONNECTION:
            read_connection(value_of(span, text), &seen->closes, &seen->keeps);
            break;
        case TURBO__HTTP1_EXPECT:
            rc = read_expect(scan, text, span, &framing->expect_continue);
            break;
        case TURBO__HTTP1_LOOKALIKE:
            return refuse_lookalike(scan, span);
        default:
            break;
        }
    }
    return rc;
}

/* RFC 9112 §3.2. An empty value is for targets without authority, which no http URL is. */
static int judge_host(turbo__http1_scan *scan, const char *text, const found *seen)
{
    if (turbo__unlikely(seen->hosts != 1)) {
        if (seen->hosts > 1) {
            return refuse(scan, 400, "several Host fields");
        }
        return scan->minor > 0 ? refuse(scan, 400, "no Host field") : 0;
    }
    return turbo__host_valid(value_of(seen->host, text))
               ? 0
               : refuse_value(scan, seen->host, 400, "Host is not a host and port");
}

/* RFC 9112 §6.3: whatever could be framed in two ways is an attack or an accident. */
static int judge_framing(turbo__http1_scan *scan, const char *text, const found *seen,
                         turbo__http1_framing *framing)
{
    if (turbo__likely(seen->codings + seen->lengths == 0)) {
        return 0;
    }
    if (seen->codings > 1 || seen->lengths > 1) {
        return refuse(scan, 400,
                      seen->codings > 1 ? "several Transfer-Encoding fields"
                                        : "several Content-Length fields");
    }
    if (seen->codings > 0 && seen->lengths > 0) {
        return refuse(scan, 400, "both Transfer-Encoding and Content-Length");
    }
    if (seen->codings > 0) {
        framing->chunked = true;
        return judge_coding(scan, text, seen->coding);
    }
    framing->has_length = true;
    return read_length(scan, text, seen->length, &framing->content_length);
}

/* RFC 9112 §3.2: each form goes with some methods only. */
static int judge_target(turbo__http1_scan *scan, const char *text, turbo__url *url)
{
    turbo_str method = {text + scan->start, scan->method_len};
    turbo_str target = {text + scan->target, scan->target_len};
    if (turbo__unlikely(turbo_str_equal(method, TURBO_STR("CONNECT")))) {
        return refuse(scan, 501, "CONNECT is for proxies"); /* RFC 9110 §9.3.6 */
    }
    int rc = turbo__url_split(target, url);
    if (turbo__unlikely(rc != 0)) {
        scan->status = 400;
        return rc;
    }
    if (turbo__unlikely(url->asterisk) && !turbo_str_equal(method, TURBO_STR("OPTIONS"))) {
        return refuse(scan, 400, "request-target \"*\" is for OPTIONS only");
    }
    return 0;
}

static int judge_names(turbo__http1_scan *scan)
{
    bool refused = scan->underscore && scan->limits->underscores == TURBO_UNDERSCORES_REFUSE;
    return turbo__unlikely(refused) ? refuse(scan, 400, "field name with an underscore") : 0;
}

int turbo__http1_judge_head(turbo__http1_scan *scan, const char *text, turbo__url *url,
                            turbo__http1_framing *framing)
{
    found seen = {.hosts = 0};
    memset(framing, 0, sizeof(*framing));
    int rc = judge_names(scan);
    rc = rc != 0 ? rc : judge_target(scan, text, url);
    rc = rc != 0 ? rc : look_at_fields(scan, text, &seen, framing);
    rc = rc != 0 ? rc : judge_host(scan, text, &seen);
    rc = rc != 0 ? rc : judge_framing(scan, text, &seen, framing);
    framing->keep_alive = !seen.closes && (scan->minor > 0 || seen.keeps);
    return rc;
}

int turbo__http1_judge_trailers(turbo__http1_scan *scan)
{
    for (uint32_t i = 0; i < scan->span_count; i++) {
        switch (scan->spans[i].kind) {
        case TURBO__HTTP1_HOST:
        case TURBO__HTTP1_CONTENT_LENGTH:
        case TURBO__HTTP1_TRANSFER_ENCODING:
            return refuse_value(scan, &scan->spans[i], 400, "field that cannot be a trailer");
        case TURBO__HTTP1_LOOKALIKE:
            return refuse_lookalike(scan, &scan->spans[i]);
        default:
            break;
        }
    }
    return judge_names(scan);
}
