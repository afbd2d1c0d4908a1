/* SPDX-License-Identifier: MIT */
#include "codec/url.h"

#include <string.h>

#include "codec/host.h"
#include "turbo/error.h"

#include "target.h"

/* The input is a request-target, and a path to be decoded. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    turbo_str input = {(const char *)data, size};
    turbo__url url;
    turbo_str decoded;
    turbo__arena arena;
    turbo__arena_init(&arena);

    int rc = turbo__url_split(input, &url);
    FUZZ_CHECK(rc == 0 || rc == TURBO_EPROTOCOL);
    if (rc == 0) {
        FUZZ_CHECK(url.path.len > 0 && url.path.data[0] == (url.asterisk ? '*' : '/'));
        FUZZ_CHECK(url.path.len + url.query.len + url.authority.len <= size + 1);
        FUZZ_CHECK(turbo__url_decode_path(&arena, url.path, &decoded) == 0);
        FUZZ_CHECK(decoded.len <= url.path.len);
        FUZZ_CHECK(memchr(decoded.data, '\0', decoded.len) == NULL);
        FUZZ_CHECK(url.escaped == (memchr(url.path.data, '%', url.path.len) != NULL));
        FUZZ_CHECK(url.authority.len == 0 || turbo__host_valid(url.authority));
    }
    FUZZ_CHECK(turbo__url_decode_path(&arena, input, &decoded) == 0);
    FUZZ_CHECK(turbo__utf8_check(decoded, NULL));
    turbo__arena_clear(&arena);
    return 0;
}
