/* SPDX-License-Identifier: MIT */
#ifndef TURBO__FUZZ_HTTP1_H
#define TURBO__FUZZ_HTTP1_H

/* Runs the HTTP/1 parser over a stream of messages and writes down what it saw. */

#include <stddef.h>

#include "base/buf.h"
#include "codec/http1_parser.h"

/** What a run saw: every head and body in a canonical text, and how it ended. */
typedef struct fuzz_transcript {
    turbo__buf text; /* heads, decoded body bytes, trailers and ends, in order */
    int error;       /* 0 or the parser's error */
    int status;      /* … and the answer to it */
    size_t messages; /* complete ones */
    bool idle;       /* the input ended between two messages */
} fuzz_transcript;

/** Parses `size` bytes that arrive `step` at a time. `out` is cleared with fuzz_transcript_clear().
 */
void fuzz_http1_run(const char *data, size_t size, size_t step, const turbo__http1_limits *limits,
                    fuzz_transcript *out);

void fuzz_transcript_clear(fuzz_transcript *transcript);

/** Parses the input whole, a byte at a time and in pieces of `step` bytes; all must see the same.
 *  `out` is that of the whole run. */
void fuzz_http1_compare(const char *data, size_t size, size_t step,
                        const turbo__http1_limits *limits, fuzz_transcript *out);

#endif
