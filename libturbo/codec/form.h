/* SPDX-License-Identifier: MIT */
#ifndef TURBO__CODEC_FORM_H
#define TURBO__CODEC_FORM_H

/*
 * application/x-www-form-urlencoded bodies (the URL standard §5): bytes in, split at any place,
 * pairs out. What a pair is and how it is decoded is the matter of codec/query.h. One thread at a
 * time.
 */

#include <stdint.h>

#include "base/buf.h"
#include "turbo/types.h"

/** Embedded in its owner, who calls init and clear. */
typedef struct turbo__urlencoded {
    uint64_t offset;     /* bytes of the body used so far */
    uint64_t fields_max; /* pairs */
    size_t field_max;    /* bytes of one pair as sent, name, '=' and value */
    uint64_t count;
    turbo__buf piece; /* a pair whose end has not come */
    int error;
} turbo__urlencoded;

/** `fields_max` pairs of at most `field_max` bytes each are accepted. */
void turbo__urlencoded_init(turbo__urlencoded *self, uint64_t fields_max, size_t field_max);

/** Gives the memory back. */
void turbo__urlencoded_clear(turbo__urlencoded *self);

/**
 * Goes on to the next pair, still encoded (see turbo__query_decode()), and takes what was used off
 * the front of `*input`. `last`: no more input will come after this one. The views are into the
 * input, or valid until the next call. Call it until it returns 0.
 * Returns 1 with a pair, 0 when the input is used up, TURBO_ELIMIT (the detail names the byte of
 * the body) or TURBO_ENOMEM; every later call returns the same error.
 */
int turbo__urlencoded_next(turbo__urlencoded *self, turbo_str *input, bool last, turbo_str *name,
                           turbo_str *value);

#endif
