/* SPDX-License-Identifier: MIT */
#include "codec/http1_parser.h"

#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>
#include <http_parser.h>

#include "base/buf.h"
#include "base/mem.h"
#include "turbo/error.h"

/*
 * tests/golden/http1/NAME.http is what a client sends, byte for byte; NAME.events is what must come
 * out. Each input is parsed whole, one byte at a time, and cut in two at every place.
 */

static const turbo__http1_limits limits = {.request_line = 60,
                                           .head = 200,
                                           .fields = 5,
                                           .field = 100,
                                           .trailer = 40,
                                           .trailers = 2,
                                           .extension = 12,
                                           .extensions = 20};

/* One run: a parser, the text of its events, and whether the last one was a part of a body. */
typedef struct run {
    turbo__http1_parser parser;
    turbo__buf text;
    bool in_body;
    bool keep_alive;
    bool done; /* an error or the end of the connection */
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
    char line[256];
    end_line(self);
    (void)snprintf(line, sizeof(line), "error %s %d: %s\n", turbo_error_name(rc),
                   turbo__http1_status(&self->parser), turbo_error_detail());
    print(self, turbo_cstr(line));
    self->done = true;
}

static void print_fields(run *self, const char *word, const turbo__fields *fields)
{
    for (size_t i = 0; i < fields->count; i++) {
        print(self, turbo_cstr(word));
        print_escaped(self, fields->items[i].name);
        print(self, TURBO_STR("="));
        print_escaped(self, fields->items[i].value);
        print(self, TURBO_STR("\n"));
    }
}

static void print_head(run *self, const char *base)
{
    turbo__arena arena;
    turbo__http1_head head;
    char line[128];
    turbo__arena_init(&arena);
    cr_assert_eq(turbo__http1_read_head(&self->parser, base, &arena, &head), 0);
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
    print_fields(self, "field ", &head.fields);
    self->keep_alive = head.keep_alive;
    turbo__arena_clear(&arena);
}

static void print_end(run *self)
{
    turbo__fields trailers;
    end_line(self);
    cr_assert_eq(turbo__http1_copy_trailers(&self->parser, &trailers), 0);
    cr_assert_eq(turbo__http1_has_trailers(&self->parser), trailers.count > 0);
    print_fields(self, "trailer ", &trailers);
    turbo__free(trailers.items);
    print(self, self->keep_alive ? TURBO_STR("end\n") : TURBO_STR("end, close\n"));
    self->done = !self->keep_alive; /* whatever follows is not looked at (RFC 9112 §9.6) */
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
        print_end(self);
        turbo__http1_next(&self->parser, at);
        cr_assert(turbo__http1_idle(&self->parser));
        break;
    default:
        print_error(self, event);
    }
}

/* Offers base[from .. to) until nothing more comes of it; returns where it stands. */
static size_t offer(run *self, const char *base, size_t from, size_t to)
{
    int event;
    do {
        size_t consumed = 0;
        event = turbo__http1_parse(&self->parser, base, from, to, &consumed);
        if (event >= 0) {
            cr_assert_leq(consumed, to - from);
            from += consumed;
        }
        if (event == TURBO__HTTP1_MORE) {
            cr_assert_eq(from, to, "all is consumed where nothing happened");
        }
        on_event(self, event, base, from);
    } while (event != TURBO__HTTP1_MORE && !self->done);
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

/* Parses to the next event that is not TURBO__HTTP1_MORE, a byte at a time. */
static int next_event(turbo__http1_parser *parser, const char *text, size_t *at)
{
    int event = TURBO__HTTP1_MORE;
    for (size_t to = *at; event == TURBO__HTTP1_MORE && to <= strlen(text); to++) {
        size_t consumed = 0;
        event = turbo__http1_parse(parser, text, *at, to, &consumed);
        *at += event >= 0 ? consumed : 0;
    }
    return event;
}

/* Every allocation of a request with trailers fails once. */
Test(http1_parser, reports_want_of_memory)
{
    static const char text[] = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
                               "1\r\nx\r\n0\r\nA: b\r\n\r\n";
    unsigned failures = 0;
    bool done = false;
    for (unsigned long nth = 1; !done; nth++) {
        turbo__http1_parser parser;
        turbo__arena arena;
        turbo__http1_head head;
        turbo__fields trailers = {NULL, 0, 0};
        size_t at = 0;
        turbo__http1_init(&parser, &limits);
        turbo__arena_init(&arena);
        (void)turbo__mem_fail_nth(nth);
        int rc = next_event(&parser, text, &at);
        rc = rc < 0 ? rc : turbo__http1_read_head(&parser, text, &arena, &head);
        rc = rc < 0 ? rc : next_event(&parser, text, &at);
        rc = rc < 0 ? rc : next_event(&parser, text, &at);
        rc = rc < 0 ? rc : turbo__http1_copy_trailers(&parser, &trailers);
        (void)turbo__mem_fail_nth(0);
        done = rc >= 0;
        if (done) {
            cr_assert_eq(trailers.count, 1);
            turbo__free(trailers.items);
        } else {
            failures++;
            cr_assert_eq(rc, TURBO_ENOMEM);
        }
        turbo__arena_clear(&arena);
        turbo__http1_clear(&parser);
    }
    cr_assert_eq(failures, 4, "%u allocations", failures);
}

Test(http1_parser, answers_503_without_memory)
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
    turbo__http1_clear(&parser);
}

static void check_underscores(turbo_underscores policy, int event, size_t fields, size_t trailing)
{
    static const char text[] = "POST / HTTP/1.1\r\nHost: a\r\nA_b: 1\r\nTransfer-Encoding: chunked"
                               "\r\nC: d_e\r\n\r\n0\r\nF: 2\r\n_: 3\r\n\r\n";
    turbo__http1_limits own = limits;
    turbo__http1_parser parser;
    turbo__arena arena;
    turbo__http1_head head;
    turbo__fields trailers;
    size_t at = 0;
    own.underscores = policy;
    turbo__http1_init(&parser, &own);
    turbo__arena_init(&arena);
    cr_assert_eq(next_event(&parser, text, &at), event);
    if (event == TURBO__HTTP1_HEAD) {
        cr_assert_eq(turbo__http1_read_head(&parser, text, &arena, &head), 0);
        cr_assert_eq(head.fields.count, fields);
        cr_assert(turbo_str_equal(head.fields.items[fields - 1].name, TURBO_STR("C")));
        cr_assert_eq(next_event(&parser, text, &at), TURBO__HTTP1_END);
        cr_assert_eq(turbo__http1_copy_trailers(&parser, &trailers), 0);
        cr_assert_eq(trailers.count, trailing);
        turbo__free(trailers.items);
    } else {
        cr_assert_eq(turbo__http1_status(&parser), 400);
    }
    turbo__arena_clear(&arena);
    turbo__http1_clear(&parser);
}

Test(http1_parser, does_with_underscores_what_is_wanted)
{
    check_underscores(TURBO_UNDERSCORES_PASS, TURBO__HTTP1_HEAD, 4, 2);
    check_underscores(TURBO_UNDERSCORES_DROP, TURBO__HTTP1_HEAD, 3, 1);
    check_underscores(TURBO_UNDERSCORES_REFUSE, TURBO_EPROTOCOL, 0, 0);
}

/* Names with an underscore are refused in trailers too. */
Test(http1_parser, refuses_underscores_in_trailers)
{
    static const char text[] = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
                               "0\r\n_: 3\r\n\r\n";
    turbo__http1_limits own = limits;
    turbo__http1_parser parser;
    size_t at = 0;
    own.underscores = TURBO_UNDERSCORES_REFUSE;
    turbo__http1_init(&parser, &own);
    cr_assert_eq(next_event(&parser, text, &at), TURBO__HTTP1_HEAD);
    cr_assert_eq(next_event(&parser, text, &at), TURBO_EPROTOCOL);
    cr_assert_eq(turbo__http1_status(&parser), 400);
    turbo__http1_clear(&parser);
}

/* After a head its text may move: the views are made again. */
Test(http1_parser, reads_a_head_that_has_moved)
{
    char text[] = "GET http://t/%41?b HTTP/1.1\r\nHost: a\r\n\r\n";
    char other[sizeof(text)];
    turbo__http1_parser parser;
    turbo__arena arena;
    turbo__http1_head head;
    size_t at = 0;
    turbo__http1_init(&parser, &limits);
    turbo__arena_init(&arena);
    cr_assert_eq(next_event(&parser, text, &at), TURBO__HTTP1_HEAD);
    memcpy(other, text, sizeof(text));
    cr_assert_eq(turbo__http1_read_head(&parser, text, &arena, &head), 0);
    memset(text, '!', sizeof(text));
    cr_assert_eq(turbo__http1_read_head(&parser, other, &arena, &head), 0);
    cr_assert(turbo_str_equal(head.method, TURBO_STR("GET")));
    cr_assert(turbo_str_equal(head.target, TURBO_STR("http://t/%41?b")));
    cr_assert(turbo_str_equal(head.url.path, TURBO_STR("/%41")));
    cr_assert(turbo_str_equal(head.url.query, TURBO_STR("b")));
    cr_assert(head.url.escaped);
    cr_assert_eq(head.fields.count, 1);
    cr_assert(turbo_str_equal(head.fields.items[0].value, TURBO_STR("t")));
    turbo__arena_clear(&arena);
    turbo__http1_clear(&parser);
}

/* Every method that http-parser knows, and no other, gets past the scanner. */
Test(http1_parser, knows_the_methods_of_both_readers)
{
#define XX(number, name, string) #string,
    static const char *const methods[] = {HTTP_METHOD_MAP(XX)};
#undef XX
    for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
        char text[128];
        turbo__http1_parser parser;
        size_t at = 0;
        bool connects = strcmp(methods[i], "CONNECT") == 0;
        (void)snprintf(text, sizeof(text), "%s / HTTP/1.1\r\nHost: a\r\n\r\n", methods[i]);
        turbo__http1_init(&parser, &limits);
        cr_expect_eq(next_event(&parser, text, &at), connects ? TURBO_EPROTOCOL : TURBO__HTTP1_HEAD,
                     "%s", methods[i]);
        turbo__http1_next(&parser, 0);
        text[strlen(methods[i]) - 1] = 'Z';
        at = 0;
        cr_expect_eq(next_event(&parser, text, &at), TURBO_EPROTOCOL, "%s", text);
        cr_expect_eq(turbo__http1_status(&parser), 501, "%s", text);
        turbo__http1_clear(&parser);
    }
}

/*
 * The two readers differ: something changed the text between them. No input does that (the fuzz
 * targets look for one), so a test has to. What the scanner has passed stands in `good`, what
 * http-parser then reads in `bad`.
 */
static int read_differently(const char *good, const char *bad)
{
    char text[256];
    size_t len = strlen(good);
    size_t consumed;
    turbo__http1_parser parser;
    cr_assert_eq(strlen(bad), len);
    memcpy(text, good, len);
    turbo__http1_init(&parser, &limits);
    cr_assert_eq(turbo__http1_parse(&parser, text, 0, len - 1, &consumed), TURBO__HTTP1_MORE);
    memcpy(text, bad, len);
    int rc = turbo__http1_parse(&parser, text, len - 1, len, &consumed);
    if (rc < 0) {
        cr_assert_eq(turbo__http1_status(&parser), 400);
    }
    turbo__http1_clear(&parser);
    return rc;
}

#define HEAD(method, target, version, field)                                                       \
    method " " target " HTTP/" version "\r\nHost: a\r\n" field "\r\n\r\n"

static const char good_head[] = HEAD("POST", "/abc", "1.1", "Abc: def");

/* Without assertions a difference is a refusal, with them the end of the program. */
#ifdef NDEBUG
#define DIFFERS(name, bad)                                                                         \
    Test(http1_parser, differs_in_##name)                                                          \
    {                                                                                              \
        cr_assert_eq(read_differently(good_head, bad), TURBO_EPROTOCOL);                           \
    }
#else
#define DIFFERS(name, bad)                                                                         \
    Test(http1_parser, differs_in_##name, .signal = SIGABRT)                                       \
    {                                                                                              \
        (void)read_differently(good_head, bad);                                                    \
    }
#endif

DIFFERS(method, HEAD("PUT ", "/abc", "1.1", "Abc: def"))
DIFFERS(target, "POST /abc?HTTP/1.1\r\nHost: a\r\nAbc: def\r\n\r\n")
DIFFERS(version, HEAD("POST", "/abc", "1.0", "Abc: def"))
DIFFERS(the_size_of_a_name, HEAD("POST", "/abc", "1.1", "A:c: def"))
DIFFERS(the_size_of_a_value, HEAD("POST", "/abc", "1.1", "Abc:  ef"))
DIFFERS(the_number_of_fields, HEAD("POST", "/abc", "1.1", "A:\r\nB: c"))
DIFFERS(where_the_head_ends, "POST /abc HTTP/1.1\r\nHost: a\r\n\r\nc: def\r\n\r\n")

Test(http1_parser, agrees_on_the_rest)
{
    cr_assert_eq(read_differently(good_head, good_head), TURBO__HTTP1_HEAD);
}
