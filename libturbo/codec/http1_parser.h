/* SPDX-License-Identifier: MIT */
#ifndef TURBO__CODEC_HTTP1_PARSER_H
#define TURBO__CODEC_HTTP1_PARSER_H

/*
 * HTTP/1 requests (RFC 9112): bytes in, events out. Pull style: each call consumes input up to the
 * next event, so the caller is never re-entered and may stop at any event. The only file that
 * knows http-parser is http1_parser.c.
 */

#include "base/arena.h"
#include "codec/fields.h"
#include "turbo/types.h"

typedef enum turbo__http1_event {
    TURBO__HTTP1_MORE = 0, /* all input consumed, nothing finished */
    TURBO__HTTP1_HEAD = 1, /* request line and fields are complete */
    TURBO__HTTP1_BODY = 2, /* a part of the body, decoded */
    TURBO__HTTP1_END = 3   /* the message is complete */
} turbo__http1_event;

/** Bounds of a head; each must be positive. */
typedef struct turbo__http1_limits {
    size_t request_line; /* bytes, without line end */
    size_t head;         /* bytes from the first of the request line to the last line end */
    uint32_t fields;     /* number of header fields */
} turbo__http1_limits;

/** A complete head. Views point into the input buffer given to the last call. */
typedef struct turbo__http1_head {
    turbo_str method;
    turbo_str target;
    turbo__fields fields;
    int version;     /* 10, 11 */
    bool keep_alive; /* RFC 9112 §9.3 */
    bool chunked;
    bool has_length;         /* Content-Length was sent */
    bool expect_continue;    /* Expect: 100-continue, from an HTTP/1.1 client */
    uint64_t content_length; /* bytes; 0 unless has_length */
} turbo__http1_head;

/** Where the parser stands; embedded in its owner. Offsets, not pointers, so the input buffer may
 * move. */
typedef struct turbo__http1_parser {
    uint64_t raw[8]; /* http-parser's own state */
    const turbo__http1_limits *limits;
    struct turbo__http1_span *spans;
    uint32_t span_count;
    uint32_t span_cap;
    const char *base;
    size_t head_start; /* offset of the message's first byte */
    size_t target_start;
    size_t target_len;
    turbo_str body;
    int status; /* suggested answer to an error */
    int error;
    uint8_t event;
    bool in_value;
    bool head_done;
} turbo__http1_parser;

/** Prepares for a first message. `limits` is borrowed. Allocates nothing. */
void turbo__http1_init(turbo__http1_parser *parser, const turbo__http1_limits *limits);

/** Gives the parser's memory back. */
void turbo__http1_clear(turbo__http1_parser *parser);

/** Gets ready for the next message, which starts at offset `at` of the input buffer. Keeps memory.
 */
void turbo__http1_next(turbo__http1_parser *parser, size_t at);

/**
 * Consumes `base[from .. to)`, which is not empty, up to the next event and returns it
 * (turbo__http1_event), or a negative error. `base` is the start of the input buffer: all bytes
 * since the head's start must still be there, at the same offsets, until the head is complete.
 * `*consumed` is the number of bytes taken; after TURBO__HTTP1_HEAD and _BODY the rest must be
 * offered again even if it was seen. Errors: TURBO_EPROTOCOL (malformed), TURBO_ELIMIT (a limit),
 * TURBO_ENOMEM; turbo__http1_status() is the matching answer. The parser is unusable then.
 */
int turbo__http1_parse(turbo__http1_parser *parser, const char *base, size_t from, size_t to,
                       size_t *consumed);

/** After TURBO__HTTP1_HEAD: the head, its fields array allocated from `arena`. `base` as before.
 *  Returns 0, TURBO_ENOMEM, or TURBO_EPROTOCOL (Host or Transfer-Encoding); `out` is complete then
 * too. */
int turbo__http1_read_head(turbo__http1_parser *parser, const char *base, turbo__arena *arena,
                           turbo__http1_head *out);

/** After TURBO__HTTP1_BODY: the part, a view into the input. */
turbo_str turbo__http1_body(const turbo__http1_parser *parser);

/** After an error: the status to answer with, such as 400, 414, 431. */
int turbo__http1_status(const turbo__http1_parser *parser);

/** Whether the parser is between two messages, with no byte of the next one consumed. */
bool turbo__http1_idle(const turbo__http1_parser *parser);

#endif
