/* SPDX-License-Identifier: MIT */
#include "codec/http1_writer.h"

#include <string.h>

#include "base/compat.h"
#include "base/error.h"

/* Status codes with their phrases (RFC 9110 §15 and the IANA registry). */
static turbo_str known_line(int status)
{
#define LINE(code, phrase)                                                                         \
    case code:                                                                                     \
        return TURBO_STR("HTTP/1.1 " #code " " phrase "\r\n");
    switch (status) {
        LINE(100, "Continue")
        LINE(101, "Switching Protocols")
        LINE(102, "Processing")
        LINE(103, "Early Hints")
        LINE(200, "OK")
        LINE(201, "Created")
        LINE(202, "Accepted")
        LINE(203, "Non-Authoritative Information")
        LINE(204, "No Content")
        LINE(205, "Reset Content")
        LINE(206, "Partial Content")
        LINE(207, "Multi-Status")
        LINE(208, "Already Reported")
        LINE(226, "IM Used")
        LINE(300, "Multiple Choices")
        LINE(301, "Moved Permanently")
        LINE(302, "Found")
        LINE(303, "See Other")
        LINE(304, "Not Modified")
        LINE(305, "Use Proxy")
        LINE(307, "Temporary Redirect")
        LINE(308, "Permanent Redirect")
        LINE(400, "Bad Request")
        LINE(401, "Unauthorized")
        LINE(402, "Payment Required")
        LINE(403, "Forbidden")
        LINE(404, "Not Found")
        LINE(405, "Method Not Allowed")
        LINE(406, "Not Acceptable")
        LINE(407, "Proxy Authentication Required")
        LINE(408, "Request Timeout")
        LINE(409, "Conflict")
        LINE(410, "Gone")
        LINE(411, "Length Required")
        LINE(412, "Precondition Failed")
        LINE(413, "Content Too Large")
        LINE(414, "URI Too Long")
        LINE(415, "Unsupported Media Type")
        LINE(416, "Range Not Satisfiable")
        LINE(417, "Expectation Failed")
        LINE(418, "I'm a Teapot")
        LINE(421, "Misdirected Request")
        LINE(422, "Unprocessable Content")
        LINE(423, "Locked")
        LINE(424, "Failed Dependency")
        LINE(425, "Too Early")
        LINE(426, "Upgrade Required")
        LINE(428, "Precondition Required")
        LINE(429, "Too Many Requests")
        LINE(431, "Request Header Fields Too Large")
        LINE(451, "Unavailable For Legal Reasons")
        LINE(500, "Internal Server Error")
        LINE(501, "Not Implemented")
        LINE(502, "Bad Gateway")
        LINE(503, "Service Unavailable")
        LINE(504, "Gateway Timeout")
        LINE(505, "HTTP Version Not Supported")
        LINE(506, "Variant Also Negotiates")
        LINE(507, "Insufficient Storage")
        LINE(508, "Loop Detected")
        LINE(510, "Not Extended")
        LINE(511, "Network Authentication Required")
    default:
        return TURBO_STR("");
    }
#undef LINE
}

turbo_str turbo__http1_status_line(int status, char *line)
{
    turbo_str known = known_line(status);
    if (turbo__likely(known.len > 0)) {
        return known;
    }
    static const char prefix[] = "HTTP/1.1 ";
    size_t at = sizeof(prefix) - 1;
    memcpy(line, prefix, at);
    line[at++] = (char)('0' + status / 100 % 10);
    line[at++] = (char)('0' + status / 10 % 10);
    line[at++] = (char)('0' + status % 10);
    memcpy(line + at, " \r\n", 3);
    turbo_str view = {line, at + 3};
    return view;
}

static char *put(char *at, turbo_str text)
{
    if (text.len > 0) {
        memcpy(at, text.data, text.len);
    }
    return at + text.len;
}

static char *put_number(char *at, uint64_t number, unsigned base)
{
    char digits[24];
    size_t count = 0;
    do {
        digits[count++] = "0123456789abcdef"[number % base];
        number /= base;
    } while (number > 0);
    while (count > 0) {
        *at++ = digits[--count];
    }
    return at;
}

static char *put_framing(char *at, const turbo__http1_response *response)
{
    if (response->framing == TURBO__FRAME_LENGTH &&
        turbo__fields_find(response->fields, TURBO_STR("content-length")) == NULL) {
        at = put(at, TURBO_STR("content-length: "));
        at = put_number(at, response->length, 10);
        at = put(at, TURBO_STR("\r\n"));
    }
    return at;
}

static char *put_connection(char *at, const turbo__http1_response *response)
{
    if (response->framing == TURBO__FRAME_CHUNKED) {
        at = put(at, TURBO_STR("transfer-encoding: chunked\r\n"));
    }
    if (response->connection == TURBO__CONN_CLOSE) {
        at = put(at, TURBO_STR("connection: close\r\n"));
    } else if (response->connection == TURBO__CONN_KEEP_ALIVE) {
        at = put(at, TURBO_STR("connection: keep-alive\r\n"));
    }
    return at;
}

int turbo__http1_write_head(turbo__buf *out, const turbo__http1_response *response)
{
    char spare[TURBO__STATUS_LINE_MAX];
    turbo_str line = turbo__http1_status_line(response->status, spare);
    /* 128 bytes cover the framing, connection and closing lines. */
    size_t bound = line.len + response->common.len + 128;
    const turbo__fields *fields = response->fields;
    for (size_t i = 0; i < fields->count; i++) {
        bound += fields->items[i].name.len + fields->items[i].value.len + 4;
    }
    int rc = turbo__buf_reserve(out, bound);
    if (rc != 0) {
        return rc;
    }
    char *at = out->data + out->len;
    at = put(at, line);
    at = put(at, response->common);
    at = put_framing(at, response);
    for (size_t i = 0; i < fields->count; i++) {
        at = put(at, fields->items[i].name);
        at = put(at, TURBO_STR(": "));
        at = put(at, fields->items[i].value);
        at = put(at, TURBO_STR("\r\n"));
    }
    at = put_connection(at, response);
    at = put(at, TURBO_STR("\r\n"));
    out->len = (size_t)(at - out->data);
    return 0;
}

int turbo__http1_write_chunk_start(turbo__buf *out, size_t size)
{
    int rc = turbo__buf_reserve(out, 20);
    if (rc != 0) {
        return rc;
    }
    char *at = put_number(out->data + out->len, size, 16);
    at = put(at, TURBO_STR("\r\n"));
    out->len = (size_t)(at - out->data);
    return 0;
}
