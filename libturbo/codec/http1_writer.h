/* SPDX-License-Identifier: MIT */
#ifndef TURBO__CODEC_HTTP1_WRITER_H
#define TURBO__CODEC_HTTP1_WRITER_H

/*
 * HTTP/1 responses (RFC 9112 §4–7): a head and chunk framing, written into a buffer.
 */

#include "base/buf.h"
#include "codec/fields.h"

typedef enum turbo__framing {
    TURBO__FRAME_NONE,    /* no body and no length: 1xx, 204, 304 (RFC 9110 §8.6) */
    TURBO__FRAME_LENGTH,  /* Content-Length */
    TURBO__FRAME_CHUNKED, /* Transfer-Encoding: chunked */
    TURBO__FRAME_CLOSE    /* ends with the connection */
} turbo__framing;

typedef enum turbo__connection {
    TURBO__CONN_DEFAULT,   /* no Connection field needed */
    TURBO__CONN_CLOSE,     /* Connection: close */
    TURBO__CONN_KEEP_ALIVE /* Connection: keep-alive, for HTTP/1.0 clients */
} turbo__connection;

/** A response head to write. Views are borrowed for the call. */
typedef struct turbo__http1_response {
    int status;
    turbo_str common; /* ready-made lines for every answer: date and server, each with line end */
    const turbo__fields *fields;
    turbo__framing framing;
    uint64_t length; /* of the body in bytes, for TURBO__FRAME_LENGTH */
    turbo__connection connection;
} turbo__http1_response;

/** The whole status line with line end; for codes without a registered phrase the phrase is empty.
 * `line` must have room for TURBO__STATUS_LINE_MAX bytes; the view is static or into it. */
enum { TURBO__STATUS_LINE_MAX = 32 };
turbo_str turbo__http1_status_line(int status, char *line);

/** Appends the head with its closing empty line. Content-Length goes before the fields, unless they
 *  bring one. Returns 0, TURBO_ELIMIT, TURBO_ENOMEM. */
int turbo__http1_write_head(turbo__buf *out, const turbo__http1_response *response);

/** Appends the start of a chunk of `size` bytes (not 0). */
int turbo__http1_write_chunk_start(turbo__buf *out, size_t size);

/** The bytes after a chunk's data, and the last chunk with the end of the (empty) trailers. */
#define TURBO__CHUNK_END TURBO_STR("\r\n")
#define TURBO__LAST_CHUNK TURBO_STR("0\r\n\r\n")

#endif
