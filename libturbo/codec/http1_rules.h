/* SPDX-License-Identifier: MIT */
#ifndef TURBO__CODEC_HTTP1_RULES_H
#define TURBO__CODEC_HTTP1_RULES_H

/*
 * What a scanned head means: where the body ends, whether the connection goes on, and everything
 * that RFC 9110 and RFC 9112 let or make a server refuse. Any thread.
 */

#include "codec/http1_head.h"
#include "codec/url.h"

/** How a message is framed and what it asks of the connection. */
typedef struct turbo__http1_framing {
    uint64_t content_length; /* bytes; 0 unless has_length */
    bool has_length;         /* Content-Length was sent */
    bool chunked;
    bool keep_alive;      /* RFC 9112 §9.3 */
    bool expect_continue; /* Expect: 100-continue, from an HTTP/1.1 client */
} turbo__http1_framing;

/**
 * Judges a head that was scanned completely. `text` is the scanned text; the views in `url` are
 * into it. The results are good on success only. Errors: TURBO_EPROTOCOL, with the answer in
 * `scan->status`: 400, 417 (an expectation other than 100-continue), 501 (a transfer coding other
 * than chunked, or CONNECT).
 */
int turbo__http1_judge_head(turbo__http1_scan *scan, const char *text, turbo__url *url,
                            turbo__http1_framing *framing);

/** Judges a trailer section that was scanned completely: no field in it may be one that decides how
 * a message is framed or routed (RFC 9110 §6.5.1). Returns 0 or TURBO_EPROTOCOL with status 400. */
int turbo__http1_judge_trailers(turbo__http1_scan *scan);

#endif
