/* SPDX-License-Identifier: MIT */
#include "codec/query.h"

#include "base/utf8.h"
#include "target.h"

static void check_piece(turbo__arena *arena, turbo_str raw)
{
    turbo_str decoded;
    FUZZ_CHECK(turbo__query_decode(arena, raw, &decoded) == 0);
    FUZZ_CHECK(turbo__utf8_check(decoded, NULL));
    FUZZ_CHECK(turbo__query_name_is(raw, decoded));
    if (decoded.len > 0) {
        decoded.len--;
        FUZZ_CHECK(!turbo__query_name_is(raw, decoded));
    }
}

/* The input is a query. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    turbo_str rest = {(const char *)data, size};
    turbo_str name;
    turbo_str value;
    turbo__arena arena;
    turbo__arena_init(&arena);
    size_t seen = 0;
    while (turbo__query_next(&rest, &name, &value)) {
        check_piece(&arena, name);
        check_piece(&arena, value);
        seen += name.len + value.len;
    }
    FUZZ_CHECK(seen <= size);
    turbo__arena_clear(&arena);
    return 0;
}
