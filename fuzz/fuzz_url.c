/* SPDX-License-Identifier: MIT */
#include "codec/url.h"

#include <stdlib.h>

#include "turbo/error.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool truth)
{
    if (!truth) {
        abort();
    }
}

/* The input is a request-target, and a path to be decoded. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    turbo_str input = {(const char *)data, size};
    turbo__url url;
    turbo_str decoded;
    turbo__arena arena;
    turbo__arena_init(&arena);

    int rc = turbo__url_split(input, &url);
    require(rc == 0 || rc == TURBO_EPROTOCOL);
    if (rc == 0) {
        require(url.path.len > 0 && url.path.data[0] == (url.asterisk ? '*' : '/'));
        require(url.path.len + url.query.len + url.authority.len <= size + 1);
        require(turbo__url_decode_path(&arena, url.path, &decoded) == 0);
        require(decoded.len <= url.path.len);
    }
    require(turbo__url_decode_path(&arena, input, &decoded) == 0);
    require(turbo__utf8_check(decoded, NULL));
    turbo__arena_clear(&arena);
    return 0;
}
