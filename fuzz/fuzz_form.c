/* SPDX-License-Identifier: MIT */
#include "codec/form.h"

#include <string.h>

#include "app/form.h"
#include "base/str.h"
#include "codec/query.h"
#include "turbo/error.h"
#include "turbo/form.h"
#include "target.h"

/* The form of a body fed in pieces of `step` bytes, each from a block of its own, its end said with
 * the last of them or with an empty one; NULL on an error, which is `*error` then. */
static turbo_form *build(turbo_str type, turbo_str body, const turbo_form_options *options,
                         size_t step, bool empty_end, int *error)
{
    turbo__form_builder builder;
    bool borrow = step == SIZE_MAX;
    *error = turbo__form_builder_init(&builder, type, options, borrow);
    if (*error != 0) {
        return NULL;
    }
    size_t from = 0;
    do {
        size_t to = body.len - from > step ? from + step : body.len;
        turbo_str piece = turbo__str_slice(body, from, to);
        char *copy = malloc(piece.len > 0 ? piece.len : 1);
        FUZZ_CHECK(copy != NULL);
        memcpy(copy, piece.data, piece.len);
        turbo_str data = {copy, piece.len};
        *error =
            turbo__form_builder_feed(&builder, borrow ? piece : data, to == body.len && !empty_end);
        free(copy);
        from = to;
    } while (*error == 0 && from < body.len);
    if (*error == 0 && empty_end) {
        *error = turbo__form_builder_feed(&builder, TURBO_STR(""), true);
    }
    if (*error != 0) {
        turbo__form_builder_drop(&builder);
        return NULL;
    }
    return turbo__form_builder_take(&builder);
}

static void check_same_part(const turbo_form_part *one, const turbo_form_part *two)
{
    char a[64];
    char b[64];
    size_t got_a;
    size_t got_b;
    FUZZ_CHECK(turbo_str_equal(turbo_form_part_name(one), turbo_form_part_name(two)));
    FUZZ_CHECK(turbo_str_equal(turbo_form_part_filename(one), turbo_form_part_filename(two)));
    FUZZ_CHECK(turbo_form_part_is_file(one) == turbo_form_part_is_file(two));
    FUZZ_CHECK(turbo_form_part_size(one) == turbo_form_part_size(two));
    FUZZ_CHECK(turbo_form_part_header_count(one) == turbo_form_part_header_count(two));
    for (uint64_t at = 0; at <= turbo_form_part_size(one); at += sizeof(a)) {
        FUZZ_CHECK(turbo_form_part_read(one, at, a, sizeof(a), &got_a) == 0);
        FUZZ_CHECK(turbo_form_part_read(two, at, b, sizeof(b), &got_b) == 0);
        FUZZ_CHECK(got_a == got_b && memcmp(a, b, got_a) == 0);
    }
}

static void check_same(const turbo_form *one, const turbo_form *two)
{
    FUZZ_CHECK(turbo_form_count(one) == turbo_form_count(two));
    for (size_t i = 0; i < turbo_form_count(one); i++) {
        const turbo_form_part *a;
        const turbo_form_part *b;
        FUZZ_CHECK(turbo_form_at(one, i, &a) == 0 && turbo_form_at(two, i, &b) == 0);
        check_same_part(a, b);
        FUZZ_CHECK(turbo_form_find(one, turbo_form_part_name(a), &b) == 0 && b >= a);
    }
}

/* The pairs must be those of a query, which is the same format. */
static void check_query(const turbo_form *form, turbo_str body)
{
    turbo__arena arena;
    turbo_str name;
    turbo_str value;
    size_t index = 0;
    turbo__arena_init(&arena);
    for (; turbo__query_next(&body, &name, &value); index++) {
        const turbo_form_part *part;
        turbo_str data;
        FUZZ_CHECK(turbo__query_decode(&arena, name, &name) == 0);
        FUZZ_CHECK(turbo__query_decode(&arena, value, &value) == 0);
        FUZZ_CHECK(turbo_form_at(form, index, &part) == 0);
        FUZZ_CHECK(turbo_form_part_data(part, &data) == 0);
        FUZZ_CHECK(turbo_str_equal(turbo_form_part_name(part), name));
        FUZZ_CHECK(turbo_str_equal(data, value));
    }
    FUZZ_CHECK(index == turbo_form_count(form));
    turbo__arena_clear(&arena);
}

/* The input is a Content-Type field's value, a line feed, and a body. Collected or streamed, in
 * memory or spooled, the form is the same. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    turbo_form_options options = {.size = sizeof(options),
                                  .max_fields = 20,
                                  .max_files = 20,
                                  .max_field = 200,
                                  .max_part_head = 300};
    turbo_str input = {(const char *)data, size};
    size_t line;
    if (!turbo__str_find(input, '\n', &line)) {
        return 0;
    }
    turbo_str type = turbo__str_slice(input, 0, line);
    turbo_str body = turbo__str_slice(input, line + 1, size);
    int error;
    int other_error;
    turbo_form *whole = build(type, body, &options, SIZE_MAX, false, &error);
    size_t steps[] = {1, 2 + data[size - 1] % 64u};
    for (size_t i = 0; i < 2; i++) {
        options.spool_past = i == 0 ? 0 : 16;
        turbo_form *other = build(type, body, &options, steps[i], i == 0, &other_error);
        FUZZ_CHECK(error == other_error);
        if (whole != NULL) {
            check_same(whole, other);
        }
        turbo_form_free(other);
    }
    const turbo_form_part *first;
    if (whole != NULL && turbo_form_at(whole, 0, &first) == 0 &&
        turbo_form_part_header_count(first) == 0) {
        check_query(whole, body);
    }
    turbo_form_free(whole);
    return 0;
}
