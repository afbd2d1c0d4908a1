/* SPDX-License-Identifier: MIT */
#include "codec/multipart.h"

#include <string.h>

#include "base/str.h"
#include "base/utf8.h"
#include "codec/params.h"
#include "turbo/error.h"
#include "target.h"

static const turbo__multipart_limits limits = {
    .head = 200, .fields = 6, .files = 6, .field = 100, .file = 300};

/* One run over a body: its events as text. `data_at`: where the data of the part under way began.
 */
typedef struct run {
    turbo__multipart parser;
    turbo__arena arena;
    turbo__buf text;
    turbo__buf data; /* of all parts, a mark behind each */
    uint64_t data_size;
    size_t data_at;
    size_t parts;
    bool in_part;
    bool ended;
    int error;
} run;

static void note(run *self, const void *data, size_t size)
{
    FUZZ_CHECK(turbo__buf_append(&self->text, data, size) == 0);
}

static void note_str(run *self, turbo_str text)
{
    note(self, "\x1f", 1);
    note(self, text.data, text.len);
}

static void on_part(run *self)
{
    const turbo__part *part = &self->parser.part;
    FUZZ_CHECK(!self->in_part && !self->ended);
    FUZZ_CHECK(turbo__utf8_check(part->name, NULL) && turbo__utf8_check(part->filename, NULL));
    FUZZ_CHECK(part->is_file || part->filename.len == 0);
    FUZZ_CHECK(part->header_count > 0 && part->header_count <= TURBO__PART_FIELDS_MAX);
    note(self, part->is_file ? "F" : "P", 1);
    note_str(self, part->name);
    note_str(self, part->filename);
    note_str(self, part->content_type);
    for (size_t i = 0; i < part->header_count; i++) {
        FUZZ_CHECK(turbo__field_name_valid(part->headers[i].name));
        FUZZ_CHECK(turbo__field_value_valid(part->headers[i].value));
        note_str(self, part->headers[i].name);
        note_str(self, part->headers[i].value);
    }
    note(self, "\n", 1);
    self->in_part = true;
    self->parts++;
    self->data_size = 0;
    self->data_at = self->text.len;
}

static void on_data(run *self, turbo_str data)
{
    FUZZ_CHECK(self->in_part && data.len > 0);
    self->data_size += data.len;
    FUZZ_CHECK(self->data_size <= (self->parser.part.is_file ? limits.file : limits.field));
    note(self, data.data, data.len);
    FUZZ_CHECK(turbo__buf_append_str(&self->data, data) == 0);
}

/* A part is over: its data must not hold the delimiter. */
static void on_part_end(run *self)
{
    FUZZ_CHECK(self->in_part);
    size_t size = self->parser.delimiter_len;
    for (size_t at = self->data_at; at + size <= self->text.len; at++) {
        FUZZ_CHECK(memcmp(self->text.data + at, self->parser.delimiter, size) != 0);
    }
    note(self, "\nE", 2);
    FUZZ_CHECK(turbo__buf_append_str(&self->data, TURBO_STR("\n|")) == 0);
    self->in_part = false;
    turbo__arena_reset(&self->arena);
}

static void on_event(run *self, int event, turbo_str data)
{
    switch (event) {
    case TURBO__MULTIPART_PART:
        on_part(self);
        break;
    case TURBO__MULTIPART_DATA:
        on_data(self, data);
        break;
    case TURBO__MULTIPART_PART_END:
        on_part_end(self);
        break;
    case TURBO__MULTIPART_END:
        FUZZ_CHECK(!self->in_part && !self->ended);
        self->ended = true;
        break;
    default:
        FUZZ_CHECK(event == TURBO_EPROTOCOL || event == TURBO_ELIMIT);
        self->error = event;
    }
}

/* Feeds a piece from a block of its own, so that nothing can be kept of it or read beyond it. */
static void feed(run *self, turbo_str piece)
{
    char *copy = malloc(piece.len > 0 ? piece.len : 1);
    turbo_str data = {NULL, 0};
    int event;
    FUZZ_CHECK(copy != NULL);
    memcpy(copy, piece.data, piece.len);
    turbo_str input = {copy, piece.len};
    do {
        event = turbo__multipart_next(&self->parser, &input, &data);
        if (event != TURBO__MULTIPART_MORE) {
            on_event(self, event, data);
        }
    } while (event > 0);
    FUZZ_CHECK(event < 0 || input.len == 0);
    free(copy);
}

static void parse(run *self, turbo_str boundary, turbo_str body, size_t step)
{
    memset(self, 0, sizeof(*self));
    turbo__buf_init(&self->text, SIZE_MAX / 2);
    turbo__buf_init(&self->data, SIZE_MAX / 2);
    turbo__arena_init(&self->arena);
    turbo__multipart_init(&self->parser, boundary, &limits, &self->arena);
    for (size_t from = 0, to = 0; from < body.len && self->error == 0; from = to) {
        to = body.len - from > step ? from + step : body.len;
        feed(self, turbo__str_slice(body, from, to));
    }
    int rc = turbo__multipart_finish(&self->parser);
    FUZZ_CHECK(self->error == 0 || rc == self->error);
    FUZZ_CHECK(rc != 0 || (self->ended && !self->in_part));
    self->error = rc;
    FUZZ_CHECK(self->parser.offset <= body.len);
    if (rc == TURBO_ELIMIT && self->in_part) {
        self->text.len =
            self->data_at; /* how much of what is too large comes out depends on cuts */
    }
    turbo__multipart_clear(&self->parser);
    turbo__arena_clear(&self->arena);
}

static void compare(const run *whole, turbo_str boundary, turbo_str body, size_t step)
{
    run other;
    parse(&other, boundary, body, step);
    FUZZ_CHECK(other.error == whole->error && other.ended == whole->ended);
    FUZZ_CHECK(other.error != 0 || other.parser.offset == whole->parser.offset);
    FUZZ_CHECK(turbo_str_equal(turbo__buf_view(&other.text), turbo__buf_view(&whole->text)));
    turbo__buf_clear(&other.text);
    turbo__buf_clear(&other.data);
}

/* Where `what` first stands in `text` from `from` on; `text.len` when it does not. */
static size_t find(turbo_str text, size_t from, turbo_str what)
{
    for (; from + what.len <= text.len; from++) {
        if (memcmp(text.data + from, what.data, what.len) == 0) {
            return from;
        }
    }
    return text.len;
}

/* The data of the part between two delimiters: behind the first empty line, whose CRLF may be the
 * second delimiter's. */
static turbo_str data_between(turbo_str text, size_t from, size_t to)
{
    size_t head = find(text, from, TURBO_STR("\r\n"));
    size_t start = find(text, head + 2, TURBO_STR("\r\n\r\n")) + 4;
    FUZZ_CHECK(start <= to + 2);
    return turbo__str_slice(text, start < to ? start : to, to);
}

/* What an accepted body must have given, found with no regard to headers and limits: the number of
 * its parts and all their data, each with a mark behind. */
static void check_data(turbo_str boundary, turbo_str body, const run *seen)
{
    turbo__buf all;
    turbo__buf data;
    turbo__buf_init(&all, SIZE_MAX / 2);
    turbo__buf_init(&data, SIZE_MAX / 2);
    FUZZ_CHECK(turbo__buf_append_str(&all, TURBO_STR("\r\n--")) == 0);
    FUZZ_CHECK(turbo__buf_append_str(&all, boundary) == 0);
    turbo_str delimiter = {all.data, all.len};
    size_t size = delimiter.len;
    FUZZ_CHECK(turbo__buf_append_str(&all, TURBO_STR("\r\n")) ==
               0); /* it may lack the first CRLF */
    FUZZ_CHECK(turbo__buf_append_str(&all, body) == 0);
    turbo_str text = turbo__buf_view(&all);
    delimiter.data = text.data;
    size_t at = find(text, size, delimiter) + size;
    size_t parts = 0;
    while (at + 2 <= text.len && memcmp(text.data + at, "--", 2) != 0) {
        size_t next = find(text, at, delimiter);
        FUZZ_CHECK(turbo__buf_append_str(&data, data_between(text, at, next)) == 0);
        FUZZ_CHECK(turbo__buf_append_str(&data, TURBO_STR("\n|")) == 0);
        at = next + size;
        parts++;
    }
    FUZZ_CHECK(at + 2 <= text.len && parts == seen->parts);
    FUZZ_CHECK(turbo_str_equal(turbo__buf_view(&data), turbo__buf_view(&seen->data)));
    turbo__buf_clear(&all);
    turbo__buf_clear(&data);
}

/* The input is a Content-Type field's value, a line feed, and a body. However the body is cut, the
 * events are the same. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    turbo_str input = {(const char *)data, size};
    turbo_str parameters;
    turbo_str boundary;
    size_t line;
    if (!turbo__str_find(input, '\n', &line)) {
        return 0;
    }
    (void)turbo__params_begin(turbo__str_slice(input, 0, line), &parameters);
    if (turbo__multipart_boundary(parameters, &boundary) != 0) {
        return 0;
    }
    turbo_str body = turbo__str_slice(input, line + 1, size);
    run whole;
    parse(&whole, boundary, body, SIZE_MAX);
    if (whole.error == 0) {
        check_data(boundary, body, &whole);
    }
    compare(&whole, boundary, body, 1);
    compare(&whole, boundary, body, 1 + data[size - 1] % 32u);
    turbo__buf_clear(&whole.text);
    turbo__buf_clear(&whole.data);
    return 0;
}
