/* SPDX-License-Identifier: MIT */

/*
 * Streams of requests with small limits: no reading outside the input, no view outside the message,
 * nothing passed that http-parser reads otherwise, and the same events however the bytes are cut.
 */
#include "http1.h"
#include "target.h"

static const turbo__http1_limits limits = {.request_line = 256,
                                           .head = 1024,
                                           .fields = 16,
                                           .field = 200,
                                           .trailer = 200,
                                           .trailers = 4,
                                           .extension = 32,
                                           .extensions = 64};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_transcript seen;
    size_t step = size > 0 ? data[size - 1] : 1;
    fuzz_http1_compare((const char *)data, size, step, &limits, &seen);
    fuzz_transcript_clear(&seen);
    return 0;
}
