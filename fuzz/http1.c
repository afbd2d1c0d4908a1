/* SPDX-License-Identifier: MIT */
#include "http1.h"

#include <inttypes.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "codec/host.h"
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

static void note_fields(run *self, const turbo__fields *fields)
{
    for (size_t i = 0; i < fields->count; i++) {
        turbo_str name = fields->items[i].name;
        turbo_str value = fields->items[i].value;
        FUZZ_CHECK(turbo__field_name_valid(name));
        FUZZ_CHECK(turbo__field_value_valid(value));
        FUZZ_CHECK(turbo_str_equal(value, turbo__str_trim(value)));
        note_str(self, name);
        note_str(self, value);
    }
}

/* RFC 9112 §3.2, §6.3: what every head that was passed has. */
static void check_head(const run *self, size_t end)
{
    const turbo__http1_head *head = &self->head;
    unsigned hosts = 0;
    unsigned framing = 0;
    FUZZ_CHECK(head->target.len > 0 && head->target.len <= self->limits->request_line);
    FUZZ_CHECK(end - self->head_start <= self->limits->head);
    FUZZ_CHECK(head->fields.count <= self->limits->fields + 1);
    FUZZ_CHECK(head->version == 10 || head->version == 11);
    FUZZ_CHECK(!head->expect_continue || head->version == 11);
    FUZZ_CHECK(!head->chunked || head->version == 11);
    for (size_t i = 0; i < head->fields.count; i++) {
        const turbo__field *field = &head->fields.items[i];
        check_inside(self, field->value, end);
        if (turbo__str_equal_nocase(field->name, TURBO_STR("host"))) {
            hosts++;
            FUZZ_CHECK(turbo__host_valid(field->value));
        }
        if (turbo__str_equal_nocase(field->name, TURBO_STR("content-length"))) {
            framing++;
            FUZZ_CHECK(head->has_length);
        }
        if (turbo__str_equal_nocase(field->name, TURBO_STR("transfer-encoding"))) {
            framing++;
            FUZZ_CHECK(head->chunked);
        }
    }
    FUZZ_CHECK(hosts == 1 || (hosts == 0 && head->version == 10));
    FUZZ_CHECK(framing == (head->chunked || head->has_length ? 1 : 0));
}

static void on_head(run *self, size_t end)
{
    turbo__http1_head *head = &self->head;
    FUZZ_CHECK(turbo__http1_read_head(&self->parser, self->data, &self->arena, head) == 0);
    check_inside(self, head->method, end);
    check_inside(self, head->target, end);
    check_head(self, end);
    note(self, "\nH", 2);
    note_str(self, head->method);
    note_str(self, head->target);
    note_str(self, head->url.path);
    note_str(self, head->url.query);
    note_fields(self, &head->fields);
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
    turbo__fields trailers;
    if (!self->head.chunked) {
        FUZZ_CHECK(self->body_len == self->head.content_length);
    }
    FUZZ_CHECK(turbo__http1_copy_trailers(&self->parser, &trailers) == 0);
    FUZZ_CHECK(trailers.count <= self->limits->trailers);
    note(self, "\nT", 2);
    note_fields(self, &trailers);
    turbo__free(trailers.items);
    note(self, "\nE", 2);
    self->out->messages++;
    self->head_start = end;
    turbo__arena_reset(&self->arena);
    turbo__http1_next(&self->parser, end);
}

static void on_error(run *self, int error)
{
    static const char differ[] = "the message can be read in two ways";
    self->out->error = error;
    self->out->status = turbo__http1_status(&self->parser);
    FUZZ_CHECK(self->out->status >= 400 && self->out->status <= 599);
    FUZZ_CHECK(error == TURBO_EPROTOCOL || error == TURBO_ELIMIT);
    /* Where assertions are off, this is how http-parser's disagreement shows. */
    FUZZ_CHECK(strncmp(turbo_error_detail(), differ, sizeof(differ) - 1) != 0);
}

/* Offers the bytes up to `to`; returns false after an error. */
static bool feed(run *self, size_t *from, size_t to)
{
    for (;;) {
        size_t used = 0;
        int event = turbo__http1_parse(&self->parser, self->data, *from, to, &used);
        if (event < 0) {
            on_error(self, event);
            return false;
        }
        FUZZ_CHECK(used <= to - *from);
        *from += used;
        if (event == TURBO__HTTP1_MORE) {
            FUZZ_CHECK(*from == to); /* it consumes everything */
            return true;
        }
        if (event == TURBO__HTTP1_HEAD) {
            on_head(self, *from);
        } else if (event == TURBO__HTTP1_BODY) {
            on_body(self, *from);
        } else {
            on_end(self, *from);
        }
    }
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
    FUZZ_CHECK(a->error == b->error);
    FUZZ_CHECK(a->status == b->status);
    FUZZ_CHECK(a->messages == b->messages);
    FUZZ_CHECK(a->idle == b->idle);
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
