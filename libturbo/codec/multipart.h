/* SPDX-License-Identifier: MIT */
#ifndef TURBO__CODEC_MULTIPART_H
#define TURBO__CODEC_MULTIPART_H

/*
 * multipart/form-data bodies (RFC 2046 §5.1, RFC 7578): bytes in, split at any place, events out.
 *
 * Strict: lines end in CRLF, the boundary must match to the last byte, a part's fields are not
 * folded, each part has exactly one Content-Disposition of type form-data with a name, and the body
 * must reach its closing boundary. Preamble, epilogue and padding behind a boundary are allowed and
 * ignored; a part without blank line has no data. The work is linear in the input. One thread at a
 * time.
 */

#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "codec/fields.h"
#include "turbo/types.h"

enum {
    TURBO__BOUNDARY_MAX = 70,        /* bytes (RFC 2046 §5.1.1) */
    TURBO__PART_FIELDS_MAX = 16,     /* header fields of one part */
    TURBO__BOUNDARY_PADDING_MAX = 64 /* blanks behind a boundary */
};

/** How much is accepted; past it is TURBO_ELIMIT. */
typedef struct turbo__multipart_limits {
    size_t head;     /* bytes of one part's header fields, with their line ends */
    uint64_t fields; /* parts without file name */
    uint64_t files;  /* parts with a file name */
    uint64_t field;  /* bytes of data of one field */
    uint64_t file;   /* bytes of data of one file */
} turbo__multipart_limits;

/** The part under way. Its texts live in the arena. */
typedef struct turbo__part {
    const turbo__field *headers;
    size_t header_count;
    turbo_str name;         /* UTF-8 */
    turbo_str filename;     /* UTF-8, as the client gave it */
    turbo_str content_type; /* as sent; empty when there is none */
    bool is_file;           /* it has a file name, perhaps an empty one */
} turbo__part;

typedef enum turbo__multipart_event {
    TURBO__MULTIPART_MORE,     /* the input is used up */
    TURBO__MULTIPART_PART,     /* `part` begins */
    TURBO__MULTIPART_DATA,     /* some of its data */
    TURBO__MULTIPART_PART_END, /* it is complete */
    TURBO__MULTIPART_END       /* the closing boundary; what follows is ignored */
} turbo__multipart_event;

/** Embedded in its owner, who calls init and clear. */
typedef struct turbo__multipart {
    turbo__part part; /* to be read after TURBO__MULTIPART_PART */
    uint64_t offset;  /* bytes of the body used so far */
    turbo__multipart_limits limits;
    turbo__arena *arena;
    turbo__buf line;                              /* an unfinished line of a part's header */
    turbo__field headers[TURBO__PART_FIELDS_MAX]; /* of the part under way */
    size_t header_count;
    size_t head_size;
    uint64_t part_size;
    uint64_t field_count;
    uint64_t file_count;
    size_t matched; /* bytes of the delimiter seen so far */
    size_t assumed; /* … of which this many were not in the input */
    size_t padding;
    int state;
    int error;
    size_t delimiter_len;
    char delimiter[4 + TURBO__BOUNDARY_MAX];
} turbo__multipart;

/** Finds the boundary among the parameters of a Content-Type field (see turbo__params_begin()).
 *  Returns 0 or TURBO_EPROTOCOL (missing, given twice, not 1 to 70 of the bytes that RFC 2046
 * allows). */
int turbo__multipart_boundary(turbo_str parameters, turbo_str *boundary);

/** `boundary` (1 to 70 bytes) is copied, header fields and names go to `arena`, which must outlive
 *  the parser; its owner may reset it between parts. */
void turbo__multipart_init(turbo__multipart *self, turbo_str boundary,
                           const turbo__multipart_limits *limits, turbo__arena *arena);

/** Gives the memory back. */
void turbo__multipart_clear(turbo__multipart *self);

/**
 * Goes on to the next event and takes what was used off the front of `*input`. `*data` is set for
 * TURBO__MULTIPART_DATA only: a view, not empty, into the input or the parser, valid until the next
 * call. Call it until it returns TURBO__MULTIPART_MORE.
 * Returns an event, TURBO_EPROTOCOL or TURBO_ELIMIT (the detail names the byte of the body and what
 * was wrong), or TURBO_ENOMEM; every later call returns the same error.
 */
int turbo__multipart_next(turbo__multipart *self, turbo_str *input, turbo_str *data);

/** Says that the body is complete. Returns 0, or TURBO_EPROTOCOL when it ends too early. */
int turbo__multipart_finish(const turbo__multipart *self);

#endif
