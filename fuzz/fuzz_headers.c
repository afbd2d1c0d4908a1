/* SPDX-License-Identifier: MIT */
#include "codec/fields.h"

#include <string.h>

#include "base/str.h"
#include "target.h"

enum { MAX_FIELDS = 64 };

/* A list of fields that does everything the slow way. */
typedef struct model {
    turbo__field items[MAX_FIELDS];
    size_t count;
} model;

static unsigned char lower(char c)
{
    unsigned char byte = (unsigned char)c;
    return byte >= 'A' && byte <= 'Z' ? (unsigned char)(byte - 'A' + 'a') : byte;
}

static bool same_name(turbo_str a, turbo_str b)
{
    bool same = a.len == b.len;
    for (size_t i = 0; same && i < a.len; i++) {
        same = lower(a.data[i]) == lower(b.data[i]);
    }
    return same;
}

/* tchar of RFC 9110 §5.6.2, written out. */
static bool is_token(turbo_str text)
{
    static const char allowed[] = "!#$%&'*+-.0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ^_`"
                                  "abcdefghijklmnopqrstuvwxyz|~";
    for (size_t i = 0; i < text.len; i++) {
        if (memchr(allowed, text.data[i], sizeof(allowed) - 1) == NULL) {
            return false;
        }
    }
    return text.len > 0;
}

/* field-value of RFC 9110 §5.5: tab, space, visible and obs-text bytes. */
static bool is_value(turbo_str text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.data[i];
        if (c != 0x09 && (c <= 0x1f || c == 0x7f)) {
            return false;
        }
    }
    return true;
}

static void model_remove(model *self, turbo_str name)
{
    size_t kept = 0;
    for (size_t i = 0; i < self->count; i++) {
        if (!same_name(self->items[i].name, name)) {
            self->items[kept++] = self->items[i];
        }
    }
    self->count = kept;
}

static void check_same(const model *wanted, const turbo__fields *fields)
{
    FUZZ_CHECK(fields->count == wanted->count && fields->count <= fields->cap);
    for (size_t i = 0; i < wanted->count; i++) {
        FUZZ_CHECK(turbo_str_equal(fields->items[i].name, wanted->items[i].name));
        FUZZ_CHECK(turbo_str_equal(fields->items[i].value, wanted->items[i].value));
    }
}

static void check_find(const model *wanted, const turbo__fields *fields, turbo_str name)
{
    size_t first = 0;
    while (first < wanted->count && !same_name(wanted->items[first].name, name)) {
        first++;
    }
    const turbo__field *found = turbo__fields_find(fields, name);
    FUZZ_CHECK(found == (first < wanted->count ? &fields->items[first] : NULL));
}

/* Does one line's deed: "-name" removes, anything else is "name:value" to be added. */
static void run_line(model *wanted, turbo__fields *fields, turbo__arena *arena, turbo_str line)
{
    size_t colon;
    turbo_str name = line;
    turbo_str value = turbo__str_slice(line, line.len, line.len);
    if (turbo__str_find(line, ':', &colon)) {
        name = turbo__str_slice(line, 0, colon);
        value = turbo__str_slice(line, colon + 1, line.len);
    }
    FUZZ_CHECK(turbo__field_name_valid(name) == is_token(name));
    FUZZ_CHECK(turbo__field_value_valid(value) == is_value(value));
    FUZZ_CHECK(turbo__field_value_valid(line) == is_value(line));
    check_find(wanted, fields, name);
    if (line.len > 0 && line.data[0] == '-') {
        name = turbo__str_slice(name, 1, name.len);
        turbo__fields_remove(fields, name);
        model_remove(wanted, name);
    } else if (wanted->count < MAX_FIELDS) {
        FUZZ_CHECK(turbo__fields_add(fields, arena, name, value) == 0);
        wanted->items[wanted->count++] = (turbo__field){name, value};
    }
    check_find(wanted, fields, name);
    check_same(wanted, fields);
}

/* The input is lines, each of them a deed. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    turbo_str rest = {size > 0 ? (const char *)data : "", size};
    turbo__fields fields = {.count = 0};
    model wanted = {.count = 0};
    turbo__arena arena;
    size_t at;
    turbo__arena_init(&arena);
    while (turbo__str_find(rest, '\n', &at)) {
        run_line(&wanted, &fields, &arena, turbo__str_slice(rest, 0, at));
        rest = turbo__str_slice(rest, at + 1, rest.len);
    }
    run_line(&wanted, &fields, &arena, rest);
    turbo__arena_clear(&arena);
    return 0;
}
