/* SPDX-License-Identifier: MIT */
#ifndef TURBO__CODEC_HTTP1_CHUNK_H
#define TURBO__CODEC_HTTP1_CHUNK_H

/*
 * The strict reader of the chunked transfer coding (RFC 9112 §7.1): sizes, extensions, data; up to
 * the trailer section. It looks at each byte outside the data once, however the input is cut, and
 * allocates nothing. One thread at a time.
 */

#include "codec/http1_head.h"

typedef enum turbo__http1_chunk_event {
    TURBO__HTTP1_CHUNK_MORE = 0, /* all input consumed */
    TURBO__HTTP1_CHUNK_DATA = 1, /* a part of the body */
    TURBO__HTTP1_CHUNK_LAST =
        2 /* the last chunk's line is over; trailers or an empty line follow */
} turbo__http1_chunk_event;

/** Where it stands; embedded in its owner, who zeroes it for a new body. */
typedef struct turbo__http1_chunks {
    uint64_t left;       /* bytes of this chunk's data to come; while in the size: its value */
    uint64_t offset;     /* bytes consumed of the coded body, for messages */
    uint32_t extension;  /* bytes of this chunk's extensions */
    uint32_t extensions; /* … of all of them so far */
    uint8_t digits;      /* of the size, so far */
    uint8_t state;
} turbo__http1_chunks;

/**
 * Consumes `in[0 .. len)` up to the next event and returns it, or a negative error; `*used` is the
 * number of bytes taken, and after _DATA `*part` is a view into them that ends with them.
 * Errors: TURBO_EPROTOCOL (malformed), TURBO_ELIMIT (an extension, or all of them, past the
 * limits): both are answered 400. The detail says what was wrong, and where.
 */
int turbo__http1_chunk_next(turbo__http1_chunks *chunks, const turbo__http1_limits *limits,
                            const char *in, size_t len, size_t *used, turbo_str *part);

#endif
