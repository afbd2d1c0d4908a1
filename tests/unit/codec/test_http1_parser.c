/* SPDX-License-Identifier: MIT */
#include "codec/http1_parser.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "base/buf.h"
#include "base/mem.h"
#include "turbo/error.h"

/*
 * tests/golden/http1/NAME.http is what a client sends, byte for byte; NAME.events is what must come
 * out. Each input is parsed whole, one byte at a time, and cut in two at every place.
 */

static const turbo__http1_limits limits = {60, 200, 5};

/* One run: a parser, the text of its events, and whether the last one was a part of a body. */
typedef struct run {
    turbo__http1_parser parser;
    turbo__buf text;
    bool in_body;
    bool done; /* an error ended it */
} run;

static void print(run *self, turbo_str text)
{
    cr_assert_eq(turbo__buf_append_str(&self->text, text), 0);
}

static void print_escaped(run *self, turbo_str bytes)
{
    for (size_t i = 0; i < bytes.len; i++) {
        char shown[8];
        unsigned char c = (unsigned char)bytes.data[i];
        (void)snprintf(shown, sizeof(shown), c >= 0x20 && c < 0x7f && c != '\\' ? "%c" : "\\x%02x",
                       c);
        print(self, turbo_cstr(shown));
    }
}

static void end_line(run *self)
{
    if (self->in_body) {
        print(self, TURBO_STR("\n"));
        self->in_body = false;
    }
}

static void print_error(run *self, int rc)
{
    char line[64];
    end_line(self);
    (void)snprintf(line, sizeof(line), "error %s %d\n", turbo_error_name(rc),
                   turbo__http1_status(&self->parser));
    print(self, turbo_cstr(line));
    self->done = true;
}

static void print_head(run *self, const char *base)
{
    turbo__arena arena;
    turbo__http1_head head;
    char line[128];
    turbo__arena_init(&arena);
    int rc = turbo__http1_read_head(&self->parser, base, &arena, &head);
    print(self, TURBO_STR("head "));
    print_escaped(self, head.method);
    print(self, TURBO_STR(" "));
    print_escaped(self, head.target);
    (void)snprintf(line, sizeof(line), " %d%s%s%s", head.version, head.keep_alive ? " keep" : "",
                   head.chunked ? " chunked" : "", head.expect_continue ? " expect" : "");
    print(self, turbo_cstr(line));
    if (head.has_length) {
        (void)snprintf(line, sizeof(line), " %llu", (unsigned long long)head.content_length);
        print(self, turbo_cstr(line));
    } else {
        cr_assert_eq(head.content_length, 0);
    }
    print(self, TURBO_STR("\n"));
    for (size_t i = 0; i < head.fields.count; i++) {
        print(self, TURBO_STR("field "));
        print_escaped(self, head.fields.items[i].name);
        print(self, TURBO_STR("="));
        print_escaped(self, head.fields.items[i].value);
        print(self, TURBO_STR("\n"));
    }
    if (rc != 0) {
        print_error(self, rc);
    }
    turbo__arena_clear(&arena);
}

static void on_event(run *self, int event, const char *base, size_t at)
{
    switch (event) {
    case TURBO__HTTP1_MORE:
        break;
    case TURBO__HTTP1_HEAD:
        print_head(self, base);
        break;
    case TURBO__HTTP1_BODY:
        print(self, self->in_body ? TURBO_STR("") : TURBO_STR("body "));
        self->in_body = true;
        print_escaped(self, turbo__http1_body(&self->parser));
        break;
    case TURBO__HTTP1_END:
        end_line(self);
        print(self, TURBO_STR("end\n"));
        turbo__http1_next(&self->parser, at);
        cr_assert(turbo__http1_idle(&self->parser));
        break;
    default:
        print_error(self, event);
    }
}

/* Offers base[from .. to) until all of it is consumed; returns where it stands. */
static size_t offer(run *self, const char *base, size_t from, size_t to)
{
    while (from < to && !self->done) {
        size_t consumed = 0;
        int event = turbo__http1_parse(&self->parser, base, from, to, &consumed);
        if (event >= 0) {
            cr_assert_leq(consumed, to - from);
            from += consumed;
        }
        if (event == TURBO__HTTP1_MORE) {
            cr_assert_eq(from, to, "all is consumed where nothing happened");
        }
        on_event(self, event, base, from);
    }
    return from;
}

/* The text of the events of `input` offered in pieces that end at multiples of `step`, or at `cut`
 * and the end. */
static char *events_of(turbo_str input, size_t step, size_t cut)
{
    run self;
    memset(&self, 0, sizeof(self));
    turbo__buf_init(&self.text, 1 << 20);
    turbo__http1_init(&self.parser, &limits);
    size_t from = cut > 0 ? offer(&self, input.data, 0, cut) : 0;
    for (size_t to = cut; to < input.len && !self.done;) {
        to = input.len - to > step ? to + step : input.len;
        from = offer(&self, input.data, from, to);
    }
    end_line(&self);
    if (!self.done) {
        print(&self, turbo__http1_idle(&self.parser) ? TURBO_STR("idle\n") : TURBO_STR("open\n"));
    }
    turbo__http1_clear(&self.parser);
    cr_assert_eq(turbo__buf_append(&self.text, "", 1), 0);
    return self.text.data;
}

static void check_case(const char *name, turbo_str input, const char *expected)
{
    char *seen = events_of(input, input.len, 0);
    cr_expect_str_eq(seen, expected, "%s whole:\n%s", name, seen);
    turbo__free(seen);
    seen = events_of(input, 1, 0);
    cr_expect_str_eq(seen, expected, "%s byte by byte:\n%s", name, seen);
    turbo__free(seen);
    for (size_t cut = 1; cut < input.len; cut++) {
        seen = events_of(input, input.len, cut);
        cr_expect_str_eq(seen, expected, "%s cut at %zu:\n%s", name, cut, seen);
        turbo__free(seen);
    }
}

static turbo_str read_file(const char *folder, const char *name, const char *suffix)
{
    char path[4096];
    turbo__buf buf;
    char part[4096];
    size_t count;
    (void)snprintf(path, sizeof(path), "%s/http1/%s%s", folder, name, suffix);
    FILE *file = fopen(path, "rb");
    cr_assert_not_null(file, "%s", path);
    turbo__buf_init(&buf, 1 << 20);
    while ((count = fread(part, 1, sizeof(part), file)) > 0) {
        cr_assert_eq(turbo__buf_append(&buf, part, count), 0);
    }
    (void)fclose(file);
    cr_assert_eq(turbo__buf_append(&buf, "", 1), 0);
    turbo_str text = {buf.data, buf.len - 1};
    return text;
}

Test(http1_parser, golden_cases)
{
    const char *folder = getenv("TURBO_GOLDEN_DIR");
    char path[4096];
    int cases = 0;
    cr_assert_not_null(folder, "TURBO_GOLDEN_DIR is not set");
    (void)snprintf(path, sizeof(path), "%s/http1", folder);
    DIR *dir = opendir(path);
    cr_assert_not_null(dir, "%s", path);
    for (struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
        char *dot = strrchr(entry->d_name, '.');
        if (dot == NULL || strcmp(dot, ".http") != 0) {
            continue;
        }
        *dot = '\0';
        turbo_str input = read_file(folder, entry->d_name, ".http");
        turbo_str expected = read_file(folder, entry->d_name, ".events");
        check_case(entry->d_name, input, expected.data);
        turbo__free((void *)(uintptr_t)input.data);
        turbo__free((void *)(uintptr_t)expected.data);
        cases++;
    }
    (void)closedir(dir);
    cr_assert_gt(cases, 30, "cases found: %d", cases);
}

Test(http1_parser, reports_want_of_memory)
{
    static const char text[] = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    turbo__http1_parser parser;
    size_t consumed;
    turbo__http1_init(&parser, &limits);
    (void)turbo__mem_fail_nth(1);
    cr_assert_eq(turbo__http1_parse(&parser, text, 0, sizeof(text) - 1, &consumed), TURBO_ENOMEM);
    cr_assert_eq(turbo__http1_status(&parser), 503);
    (void)turbo__mem_fail_nth(0);
    turbo__http1_next(&parser, 0);
    cr_assert_eq(turbo__http1_parse(&parser, text, 0, sizeof(text) - 1, &consumed),
                 TURBO__HTTP1_HEAD);
    turbo__arena arena;
    turbo__http1_head head;
    turbo__arena_init(&arena);
    (void)turbo__mem_fail_nth(1);
    cr_assert_eq(turbo__http1_read_head(&parser, text, &arena, &head), TURBO_ENOMEM);
    (void)turbo__mem_fail_nth(0);
    cr_assert_eq(turbo__http1_read_head(&parser, text, &arena, &head), 0);
    turbo__arena_clear(&arena);
    turbo__http1_clear(&parser);
}
