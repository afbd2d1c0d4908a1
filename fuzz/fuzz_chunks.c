/* SPDX-License-Identifier: MIT */

/*
 * Chunked bodies (RFC 9112 §7.1): the input follows a fixed head. A second decoder, which is
 * written straight from the grammar and takes the input whole, must accept the same bodies, and no
 * others.
 */
#include "http1.h"
#include "target.h"

#include <string.h>

#include "base/str.h"

static const char head[] = "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n";
static const turbo__http1_limits limits = {.request_line = 256,
                                           .head = 1024,
                                           .fields = 16,
                                           .field = 60,
                                           .trailer = 100,
                                           .trailers = 3,
                                           .extension = 32,
                                           .extensions = 64};

/* A reader over the input; lives on the stack. Each function below returns false where the input
 * does not go on as it says: it is malformed there, or at its end. */
typedef struct reader {
    const char *next;
    const char *end;
} reader;

static bool take(reader *in, char c)
{
    if (in->next == in->end || *in->next != c) {
        return false;
    }
    in->next++;
    return true;
}

static bool take_line_end(reader *in)
{
    return take(in, '\r') && take(in, '\n');
}

static bool is_token_char(char c)
{
    bool alnum = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
    return alnum || (c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

static bool is_text_char(char c)
{
    return c == '\t' || ((unsigned char)c >= 0x20 && c != 0x7f);
}

static bool take_token(reader *in)
{
    const char *start = in->next;
    while (in->next < in->end && is_token_char(*in->next)) {
        in->next++;
    }
    return in->next > start;
}

static bool take_quoted(reader *in)
{
    if (!take(in, '"')) {
        return false;
    }
    while (in->next < in->end && *in->next != '"') {
        (void)take(in, '\\'); /* the next byte, a quote too, belongs to the text */
        if (in->next == in->end || !is_text_char(*in->next)) {
            return false;
        }
        in->next++;
    }
    return take(in, '"');
}

/* chunk-size: at most sixteen digits, at most 2^63 - 1. */
static bool take_size(reader *in, uint64_t *size)
{
    int digits = 0;
    *size = 0;
    while (in->next < in->end && turbo__ascii_hex(*in->next) >= 0) {
        if (digits == 16 || *size >> 59 != 0) {
            return false;
        }
        *size = *size * 16 + (uint64_t)turbo__ascii_hex(*in->next++);
        digits++;
    }
    return digits > 0;
}

/* chunk-ext without white space. */
static bool take_extensions(reader *in, size_t *total)
{
    const char *start = in->next;
    while (take(in, ';')) {
        if (!take_token(in)) {
            return false;
        }
        if (take(in, '=') && !take_token(in) && !take_quoted(in)) {
            return false;
        }
    }
    size_t size = (size_t)(in->next - start);
    *total += size;
    return size <= limits.extension && *total <= limits.extensions;
}

/* One field line of the trailer section. */
static bool take_field(reader *in)
{
    static const turbo_str coding = {"transfer-encoding", 17};
    const char *start = in->next;
    if (!take_token(in)) {
        return false;
    }
    turbo_str name = {start, (size_t)(in->next - start)};
    turbo_str prefix = {start, name.len < coding.len ? name.len : coding.len};
    if (turbo__str_equal_nocase(name, TURBO_STR("host")) ||
        turbo__str_equal_nocase(name, TURBO_STR("content-length")) ||
        turbo__str_equal_nocase(prefix, coding)) {
        return false;
    }
    if (!take(in, ':')) {
        return false;
    }
    while (in->next < in->end && is_text_char(*in->next)) {
        in->next++;
    }
    return (size_t)(in->next - start) <= limits.field && take_line_end(in);
}

static bool take_trailers(reader *in)
{
    const char *start = in->next;
    size_t count = 0;
    while (in->next < in->end && *in->next != '\r') {
        if (!take_field(in)) {
            return false;
        }
        count++;
    }
    return count <= limits.trailers && (size_t)(in->next - start) <= limits.trailer &&
           take_line_end(in);
}

/* Appends the decoded body; false when the input does not begin with a whole one. */
static bool decode(reader *in, turbo__buf *body)
{
    size_t extensions = 0;
    for (;;) {
        uint64_t size;
        if (!take_size(in, &size) || !take_extensions(in, &extensions) || !take_line_end(in)) {
            return false;
        }
        if (size == 0) {
            return take_trailers(in);
        }
        if ((uint64_t)(in->end - in->next) < size) {
            return false;
        }
        FUZZ_CHECK(turbo__buf_append(body, in->next, (size_t)size) == 0);
        in->next += size;
        if (!take_line_end(in)) {
            return false;
        }
    }
}

/* The transcript of the first message must hold exactly `body` between its marks. */
static void check_body(const fuzz_transcript *seen, turbo_str body)
{
    turbo_str text = turbo__buf_view(&seen->text);
    size_t at = 0;
    while (memcmp(text.data + at, "\nB", 2) != 0) { /* the fixed head has no such bytes before */
        at++;
    }
    at += 2;
    FUZZ_CHECK(text.len - at >= body.len + 2);
    FUZZ_CHECK(body.len == 0 || memcmp(text.data + at, body.data, body.len) == 0);
    FUZZ_CHECK(memcmp(text.data + at + body.len, "\nT", 2) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    turbo__buf message;
    turbo__buf_init(&message, SIZE_MAX / 2);
    FUZZ_CHECK(turbo__buf_append(&message, head, sizeof(head) - 1) == 0);
    FUZZ_CHECK(turbo__buf_append(&message, data, size) == 0);
    fuzz_transcript seen;
    fuzz_http1_compare(message.data, message.len, size > 0 ? data[size - 1] : 1, &limits, &seen);

    turbo__buf body;
    turbo__buf_init(&body, SIZE_MAX / 2);
    reader in = {message.data + sizeof(head) - 1, message.data + message.len};
    bool complete = decode(&in, &body);
    FUZZ_CHECK(complete == (seen.messages > 0));
    if (complete) {
        check_body(&seen, turbo__buf_view(&body));
    }
    turbo__buf_clear(&body);
    turbo__buf_clear(&message);
    fuzz_transcript_clear(&seen);
    return 0;
}
