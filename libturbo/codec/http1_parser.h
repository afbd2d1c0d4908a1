/* SPDX-License-Identifier: MIT */
#ifndef TURBO__CODEC_HTTP1_PARSER_H
#define TURBO__CODEC_HTTP1_PARSER_H

/*
 * HTTP/1 requests (RFC 9112): bytes in, events out. Pull style: each call consumes input up to the
 * next event, so the caller is never re-entered and may stop at any event.
 *
 * Two readers see each message. Our own strict ones (http1_head.h, http1_rules.h, http1_chunk.h)
 * judge every byte first; http-parser, a lenient one, gets what they passed and must find the same
 * method, target, fields, framing and body. Where the two differ a smuggled request could hide:
 * that is an assertion, and in builds without assertions the message is refused. The only file that
 * knows http-parser is http1_parser.c.
 */

#include "base/arena.h"
#include "base/buf.h"
#include "codec/fields.h"
#include "codec/http1_chunk.h"
#include "codec/http1_head.h"
#include "codec/http1_rules.h"
#include "codec/url.h"
#include "turbo/types.h"

typedef enum turbo__http1_event {
    TURBO__HTTP1_MORE = 0, /* all input consumed, nothing finished */
    TURBO__HTTP1_HEAD = 1, /* request line and fields are complete */
    TURBO__HTTP1_BODY = 2, /* a part of the body, decoded */
    TURBO__HTTP1_END = 3   /* the message is complete */
} turbo__http1_event;

/** A complete head. Views point into the input buffer given to the last call. */
typedef struct turbo__http1_head {
    turbo_str method;
    turbo_str target;
    turbo__url url; /* the target's parts */
    turbo__fields
        fields;      /* of the absolute form, Host has the target's authority (RFC 9112 §3.2.2) */
    int version;     /* 10, 11 */
    bool keep_alive; /* RFC 9112 §9.3 */
    bool chunked;
    bool has_length;         /* Content-Length was sent */
    bool expect_continue;    /* Expect: 100-continue, from an HTTP/1.1 client */
    uint64_t content_length; /* bytes; 0 unless has_length */
} turbo__http1_head;

/** How far http-parser has confirmed what the strict readers found. Part of the parser. */
typedef struct turbo__http1_check {
    const char *text; /* what the spans are offsets into */
    uint32_t spans;   /* field lines that were begun */
    uint32_t seen;    /* bytes of the present element: target, name or value */
    bool in_name;
    bool head;
    bool complete;
    turbo_str body; /* the part of the last call */
} turbo__http1_check;

/** Where the parser stands; embedded in its owner. Offsets, not pointers, so the input buffer may
 * move. */
typedef struct turbo__http1_parser {
    uint64_t raw[5];   /* http-parser's own state */
    uint64_t fresh[5]; /* … before a message */
    turbo__http1_scan scan;
    turbo__http1_check check;
    turbo__http1_framing framing;
    turbo__http1_chunks chunks;
    turbo__url url; /* of the present message, into `base` */
    uint64_t left;  /* bytes of a body with Content-Length to come */
    const char *base;
    size_t head_start;   /* offset of the message's first byte */
    turbo__buf trailers; /* the trailer section, as it comes; empty where there is none */
    int status;          /* suggested answer to an error */
    uint8_t phase;
} turbo__http1_parser;

/** Prepares for a first message. `limits` is borrowed. Allocates nothing. */
void turbo__http1_init(turbo__http1_parser *parser, const turbo__http1_limits *limits);

/** Gives the parser's memory back. */
void turbo__http1_clear(turbo__http1_parser *parser);

/** Gets ready for the next message, which starts at offset `at` of the input buffer. Keeps the
 * memory that heads need. */
void turbo__http1_next(turbo__http1_parser *parser, size_t at);

/**
 * Consumes `base[from .. to)` up to the next event and returns it (turbo__http1_event), or a
 * negative error. `base` is the start of the input buffer: all bytes since the head's start must
 * still be there, at the same offsets, until the head is complete; a head that was moved is parsed
 * again after turbo__http1_next(). `*consumed` is the number of bytes taken: all of them after
 * TURBO__HTTP1_MORE. After _HEAD and _BODY call again even when nothing is left: TURBO__HTTP1_END
 * needs no byte of its own. After _END only turbo__http1_next() may follow. Errors: TURBO_EPROTOCOL
 * (malformed), TURBO_ELIMIT (a limit), TURBO_ENOMEM; turbo__http1_status() is the matching answer,
 * the detail says what was wrong and where. The parser is unusable then.
 */
int turbo__http1_parse(turbo__http1_parser *parser, const char *base, size_t from, size_t to,
                       size_t *consumed);

/** After TURBO__HTTP1_HEAD and before the next call: the head, its fields array allocated from
 * `arena`. `base` as before; where it has moved since, call this again. Field names with an
 * underscore are left out if the limits say so. Returns 0 or TURBO_ENOMEM. */
int turbo__http1_read_head(turbo__http1_parser *parser, const char *base, turbo__arena *arena,
                           turbo__http1_head *out);

/** After TURBO__HTTP1_BODY: the part, a view into the input. */
turbo_str turbo__http1_body(const turbo__http1_parser *parser);

/** After TURBO__HTTP1_END: whether a trailer section came with the body. */
bool turbo__http1_has_trailers(const turbo__http1_parser *parser);

/** … and its fields (RFC 9110 §6.5), in one heap block with their bytes: the caller gives
 * `out->items` to turbo__free(). Returns 0 or TURBO_ENOMEM. */
int turbo__http1_copy_trailers(const turbo__http1_parser *parser, turbo__fields *out);

/** After an error: the status to answer with, such as 400, 414, 431. */
int turbo__http1_status(const turbo__http1_parser *parser);

/** Whether the parser is between two messages, with no byte of the next one consumed. */
bool turbo__http1_idle(const turbo__http1_parser *parser);

#endif
