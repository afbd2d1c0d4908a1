/* SPDX-License-Identifier: MIT */
#include "http1.h"

#include <inttypes.h>
#include <string.h>

#include "turbo/error.h"

#include "target.h"

/* A run over one input; lives on the stack of fuzz_http1_run(). */
typedef struct run {
    const char *data;
    turbo__http1_parser parser;
    turbo__arena arena;
    const turbo__http1_limits *limits;
    size_t head_start; /* where the present message starts */
    uint64_t body_len; /* decoded bytes of the present message */
    turbo__http1_head head;
    fuzz_transcript *out;
} run;

static void note(run *self, const void *data, size_t size)
{
    FUZZ_CHECK(turbo__buf_append(&self->out->text, data, size) == 0);
}

static void note_str(run *self, turbo_str text)
{
    note(self, "\x1f", 1);
    note(self, text.data, text.len);
}

/* Every view must lie inside the bytes that the parser was given. */
static void check_inside(const run *self, turbo_str view, size_t end)
{
    if (view.len > 0) {
        FUZZ_CHECK(view.data >= self->data + self->head_start);
        FUZZ_CHECK(view.data + view.len <= self->data + end);
    }
}

static void on_head(run *self, size_t end)
{
    turbo__http1_head *head = &self->head;
    int error = turbo__http1_read_head(&self->parser, self->data, &self->arena, head);
    FUZZ_CHECK(error == 0 || error == TURBO_EPROTOCOL);
    self->out->refused += error != 0 ? 1 : 0;
    check_inside(self, head->target, end);
    FUZZ_CHECK(head->target.len > 0 && head->target.len <= self->limits->request_line);
    FUZZ_CHECK(end - self->head_start <= self->limits->head);
    FUZZ_CHECK(head->fields.count <= self->limits->fields);
    FUZZ_CHECK(head->version == 10 || head->version == 11);
    FUZZ_CHECK(!head->expect_continue || head->version == 11);
    /* RFC 9112 §6.1: a message with both is a smuggling attempt. */
    FUZZ_CHECK(!(head->chunked && head->has_length));
    note(self, "\nH", 2);
    note_str(self, head->method);
    note_str(self, head->target);
    for (size_t i = 0; i < head->fields.count; i++) {
        turbo_str name = head->fields.items[i].name;
        turbo_str value = head->fields.items[i].value;
        check_inside(self, name, end);
        check_inside(self, value, end);
        FUZZ_CHECK(turbo__field_name_valid(name));
        FUZZ_CHECK(error != 0 || turbo__field_value_valid(value));
        note_str(self, name);
        note_str(self, value);
    }
    char flags[64];
    int length =
        snprintf(flags, sizeof(flags), "\x1f%d%d%d%d%" PRIu64 "\nB", head->version,
                 head->keep_alive, head->chunked, head->expect_continue, head->content_length);
    note(self, flags, (size_t)length);
    self->body_len = 0;
}

static void on_body(run *self, size_t end)
{
    turbo_str part = turbo__http1_body(&self->parser);
    check_inside(self, part, end);
    self->body_len += part.len;
    if (self->head.has_length) {
        FUZZ_CHECK(self->body_len <= self->head.content_length);
    }
    note(self, part.data, part.len);
}

static void on_end(run *self, size_t end)
{
    if (!self->head.chunked) {
        FUZZ_CHECK(self->body_len == self->head.content_length);
    }
    note(self, "\nE", 2);
    self->out->messages++;
    self->head_start = end;
    turbo__arena_reset(&self->arena);
    turbo__http1_next(&self->parser, end);
}

/* Offers the bytes up to `to`; returns false after an error. */
static bool feed(run *self, size_t *from, size_t to)
{
    while (*from < to) { /* an empty input would mean the connection's end */
        size_t used = 0;
        int event = turbo__http1_parse(&self->parser, self->data, *from, to, &used);
        if (event < 0) {
            int status = turbo__http1_status(&self->parser);
            FUZZ_CHECK(status >= 400 && status <= 599);
            self->out->error = event;
            return false;
        }
        FUZZ_CHECK(used <= to - *from);
        *from += used;
        if (event == TURBO__HTTP1_HEAD) {
            on_head(self, *from);
        } else if (event == TURBO__HTTP1_BODY) {
            on_body(self, to); /* a part may reach beyond what counts as consumed */
        } else if (event == TURBO__HTTP1_END) {
            on_end(self, *from);
        } else {
            FUZZ_CHECK(*from == to); /* MORE consumes everything */
        }
    }
    return true;
}

void fuzz_http1_run(const char *data, size_t size, size_t step, const turbo__http1_limits *limits,
                    fuzz_transcript *out)
{
    run self = {.data = data, .limits = limits, .out = out};
    memset(out, 0, sizeof(*out));
    turbo__buf_init(&out->text, SIZE_MAX / 2);
    turbo__arena_init(&self.arena);
    turbo__http1_init(&self.parser, limits);
    size_t from = 0;
    size_t to = 0;
    bool usable = true;
    while (usable && to < size) {
        to = size - to < step ? size : to + step;
        usable = feed(&self, &from, to);
    }
    out->idle = usable && turbo__http1_idle(&self.parser);
    turbo__http1_clear(&self.parser);
    turbo__arena_clear(&self.arena);
}

void fuzz_transcript_clear(fuzz_transcript *transcript)
{
    turbo__buf_clear(&transcript->text);
}

static void check_same(const fuzz_transcript *a, const fuzz_transcript *b)
{
    /* Which limit is met first may depend on the pieces; whether one is, not. */
    FUZZ_CHECK((a->error == 0) == (b->error == 0));
    FUZZ_CHECK(a->messages == b->messages);
    FUZZ_CHECK(a->idle == b->idle);
    FUZZ_CHECK(a->refused == b->refused);
    FUZZ_CHECK(turbo_str_equal(turbo__buf_view(&a->text), turbo__buf_view(&b->text)));
}

void fuzz_http1_compare(const char *data, size_t size, size_t step,
                        const turbo__http1_limits *limits, fuzz_transcript *out)
{
    fuzz_http1_run(data, size, size, limits, out);
    size_t steps[] = {1, step > 0 ? step : 1};
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        fuzz_transcript other;
        fuzz_http1_run(data, size, steps[i], limits, &other);
        check_same(out, &other);
        fuzz_transcript_clear(&other);
    }
}
