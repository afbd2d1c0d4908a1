/* SPDX-License-Identifier: MIT */
#include "codec/json.h"

#include "base/utf8.h"
#include "target.h"

static turbo_str render(const turbo_json *json)
{
    char *text;
    size_t length;
    FUZZ_CHECK(turbo_json_render(json, &text, &length) == 0);
    turbo_str view = {text, length};
    FUZZ_CHECK(turbo__utf8_check(view, NULL));
    return view;
}

static void free_text(turbo_str text)
{
    turbo_json_text_free((char *)(uintptr_t)text.data);
}

static void check_same_key(const turbo_json *one, const turbo_json *two)
{
    turbo__buf a;
    turbo__buf b;
    turbo__buf_init(&a, SIZE_MAX);
    turbo__buf_init(&b, SIZE_MAX);
    FUZZ_CHECK(turbo__json_key(&a, one) == 0);
    FUZZ_CHECK(turbo__json_key(&b, two) == 0);
    FUZZ_CHECK(turbo_str_equal(turbo__buf_view(&a), turbo__buf_view(&b)));
    turbo__buf_clear(&a);
    turbo__buf_clear(&b);
}

/* What is parsed can be written, and what was written means the same and is written the same again.
 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    turbo_str text = {(const char *)data, size};
    turbo_json *json = NULL;
    size_t offset = SIZE_MAX;
    int rc = turbo_json_parse(text, &json, &offset);
    if (rc != 0) {
        FUZZ_CHECK(rc == TURBO_EJSON && offset <= size && json == NULL);
        return 0;
    }
    FUZZ_CHECK(turbo__utf8_check(text, NULL));
    turbo_str first = render(json);
    turbo_json *again;
    FUZZ_CHECK(turbo_json_parse(first, &again, NULL) == 0);
    turbo_str second = render(again);
    FUZZ_CHECK(turbo_str_equal(first, second));
    check_same_key(json, again);
    free_text(first);
    free_text(second);
    turbo_json_unref(again);
    turbo_json_unref(json);
    return 0;
}
