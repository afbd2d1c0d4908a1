/* SPDX-License-Identifier: MIT */
#ifndef TURBO__CODEC_HTTP1_HEAD_H
#define TURBO__CODEC_HTTP1_HEAD_H

/*
 * The strict reader of an HTTP/1 request line and of field lines (RFC 9112 §3, §5): it judges every
 * byte of a head, or of a trailer section, before another parser sees it, and notes where the parts
 * are. It looks at each byte once, however the input is cut. What the fields mean is the business
 * of http1_rules.h. One thread at a time.
 */

#include "turbo/server.h"
#include "turbo/types.h"

/** Bounds of a message; each number must be positive and below 2^31. */
typedef struct turbo__http1_limits {
    size_t request_line; /* bytes, without line end */
    size_t head;         /* bytes from the first of the message to the last line end */
    uint32_t fields;     /* number of header fields */
    size_t field;        /* bytes of one field line, without line end */
    size_t trailer;      /* bytes of all trailer fields with their line ends */
    uint32_t trailers;   /* number of trailer fields */
    uint32_t extension;  /* bytes of one chunk's extensions, from the first semicolon on */
    uint32_t extensions; /* … of all the chunks of a body */
    turbo_underscores underscores; /* what is done with field names that hold one */
} turbo__http1_limits;

/** The fields that decide how a message is read. */
typedef enum turbo__http1_kind {
    TURBO__HTTP1_OTHER,
    TURBO__HTTP1_HOST,
    TURBO__HTTP1_CONNECTION,
    TURBO__HTTP1_CONTENT_LENGTH,
    TURBO__HTTP1_TRANSFER_ENCODING,
    TURBO__HTTP1_EXPECT,
    TURBO__HTTP1_LOOKALIKE /* begins with Transfer-Encoding, but is longer */
} turbo__http1_kind;

/** One field line, as offsets into the text that is scanned. The value is without white space
 * around it. */
typedef struct turbo__http1_span {
    uint32_t name;
    uint32_t name_len;
    uint32_t value;
    uint32_t value_len;
    uint32_t kind; /* turbo__http1_kind */
} turbo__http1_span;

/** Where a scan stands; embedded in its owner. Holds offsets only, so the text may move. */
typedef struct turbo__http1_scan {
    const turbo__http1_limits *limits;
    turbo__http1_span *spans;
    uint32_t span_count;
    uint32_t span_cap;
    uint32_t at;    /* bytes judged so far; after the end: the length of the section */
    uint32_t line;  /* where the present line starts */
    uint32_t start; /* where the request line starts: behind empty lines */
    uint32_t method_len;
    uint32_t target;
    uint32_t target_len;
    uint32_t version; /* where it starts */
    int status;       /* the answer to an error */
    uint8_t state;
    uint8_t minor;   /* of the version HTTP/1.x */
    bool trailers;   /* a trailer section is read, there is no request line */
    bool padded;     /* white space stands behind some value */
    bool underscore; /* some name has one, and the limits do not let that pass */
} turbo__http1_scan;

/** Prepares for a first text. `limits` is borrowed. Allocates nothing. */
void turbo__http1_scan_init(turbo__http1_scan *scan, const turbo__http1_limits *limits);

/** Gives the memory back. */
void turbo__http1_scan_clear(turbo__http1_scan *scan);

/** Gets ready for a head, or for a trailer section if `trailers`. Keeps memory. */
void turbo__http1_scan_next(turbo__http1_scan *scan, bool trailers);

/**
 * Goes on with `text`, which starts with the first byte of the head or section and has `len` bytes
 * by now: all bytes of earlier calls are still there. Returns 1 when the section is complete (`at`
 * is its length), 0 when more bytes are needed, or a negative error, after which the scan is
 * unusable: TURBO_EPROTOCOL (malformed), TURBO_ELIMIT (a limit), TURBO_ENOMEM. `status` then is the
 * answer; the detail says what was wrong, and where in the text.
 */
int turbo__http1_scan_more(turbo__http1_scan *scan, const char *text, size_t len);

#endif
