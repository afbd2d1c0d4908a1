/* SPDX-License-Identifier: MIT */

/*
 * Chunked bodies (RFC 9112 §7.1): the input follows a fixed head. A decoder that is written
 * straight from the grammar and knows nothing of the parser must agree wherever it accepts the
 * input.
 */
#include "http1.h"
#include "target.h"

#include <string.h>

static const char head[] = "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n";
static const turbo__http1_limits limits = {.request_line = 256, .head = 1024, .fields = 16};

/* A reader over the chunks; lives on the stack. */
typedef struct reader {
    const char *next;
    const char *end;
} reader;

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* chunk-size without leading garbage, at most seven digits, no extension, then CRLF. */
static bool read_size(reader *in, size_t *size)
{
    size_t digits = 0;
    *size = 0;
    while (in->next < in->end && hex_digit(*in->next) >= 0) {
        *size = *size * 16 + (size_t)hex_digit(*in->next++);
        digits++;
    }
    if (digits == 0 || digits > 7 || in->end - in->next < 2 || memcmp(in->next, "\r\n", 2) != 0) {
        return false;
    }
    in->next += 2;
    return true;
}

/* Appends the decoded body; false when the input is none, or one with extensions or trailers. */
static bool decode(reader *in, turbo__buf *body)
{
    for (;;) {
        size_t size;
        if (!read_size(in, &size) || (size_t)(in->end - in->next) < size + 2) {
            return false;
        }
        if (memcmp(in->next + size, "\r\n", 2) != 0) {
            return false;
        }
        FUZZ_CHECK(turbo__buf_append(body, in->next, size) == 0);
        in->next += size + 2;
        if (size == 0) {
            return true;
        }
    }
}

/* The transcript of the first message must hold exactly `body` between its marks. */
static void check_body(const fuzz_transcript *seen, turbo_str body)
{
    turbo_str text = turbo__buf_view(&seen->text);
    FUZZ_CHECK(seen->messages >= 1);
    size_t at = 0;
    while (memcmp(text.data + at, "\nB", 2) != 0) { /* the fixed head has no such bytes before */
        at++;
    }
    at += 2;
    FUZZ_CHECK(text.len - at >= body.len + 2);
    FUZZ_CHECK(body.len == 0 || memcmp(text.data + at, body.data, body.len) == 0);
    FUZZ_CHECK(memcmp(text.data + at + body.len, "\nE", 2) == 0);
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
    if (decode(&in, &body)) {
        check_body(&seen, turbo__buf_view(&body));
    }
    turbo__buf_clear(&body);
    turbo__buf_clear(&message);
    fuzz_transcript_clear(&seen);
    return 0;
}
