/* SPDX-License-Identifier: MIT */
#ifndef TURBO__CODEC_URL_H
#define TURBO__CODEC_URL_H

/* Request targets (RFC 9112 §3.2) and percent-decoding (RFC 3986 §2.1). Any thread. */

#include "base/arena.h"
#include "base/utf8.h"
#include "turbo/types.h"

/** The parts of a request-target: views into it, or into static memory. */
typedef struct turbo__url {
    turbo_str path;      /* as sent; starts with a slash, or is "*" */
    turbo_str query;     /* as sent, without '?'; empty if there is none */
    turbo_str authority; /* host and port of the absolute form, else empty */
    bool asterisk;       /* the asterisk form, "*" */
    bool escaped;        /* the path has an escape: turbo__url_decode_path() changes it */
} turbo__url;

/**
 * Splits a request-target of the origin, absolute (http, https) or asterisk form. Refused are an
 * authority that is not a host and port (RFC 9110 §4.2.4: no userinfo either), a fragment, spaces
 * and controls. The path must be ASCII, its escapes whole and none of them %00, and it has none of
 * the characters that every client escapes there: quote, angle brackets, backslash. A query may
 * have them, bytes above ASCII and broken escapes too: FastAPI's clients send all of these, and
 * what they mean is up to who decodes it (codec/query.h). Returns 0 or TURBO_EPROTOCOL with the
 * place in the detail; `out` is written on success only.
 */
int turbo__url_split(turbo_str target, turbo__url *out);

/** Percent-decodes a path once into UTF-8, as Python's urllib.parse.unquote does: broken escapes
 *  (which turbo__url_split() lets none of) stay as they are, bytes that are not UTF-8 become
 * U+FFFD, one for each maximal invalid part. `out` is `raw` itself when nothing changes, else in
 * the arena. Returns 0 or TURBO_ENOMEM. */
int turbo__url_decode_path(turbo__arena *arena, turbo_str raw, turbo_str *out);

/** A walk over the characters that an escaped text stands for. Lives on its user's stack. */
typedef struct turbo__unescape {
    const char *next;
    const char *end;
    bool form; /* '+' is a space, a byte above ASCII is a Latin-1 character and not part of UTF-8 */
} turbo__unescape;

/** Writes the next character in UTF-8 and returns its length in bytes; 0 at the end. */
size_t turbo__unescape_next(turbo__unescape *walk, char out[TURBO__UTF8_MAX]);

/** The whole text in the arena. Returns 0 or TURBO_ENOMEM. */
int turbo__unescape_all(turbo__arena *arena, turbo__unescape walk, turbo_str *out);

#endif
