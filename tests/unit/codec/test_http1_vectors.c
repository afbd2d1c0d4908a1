/* SPDX-License-Identifier: MIT */

/*
 * The messages of http1_vectors.py under $TURBO_CONFORMANCE_DIR: what a strict server must refuse,
 * accept or wait for. Each is parsed whole, one byte at a time, and cut in two at every place.
 */

#include "codec/http1_parser.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"
#include "turbo/error.h"

enum {
    VECTORS = 212,
    /* Cuts behind a refused byte all give the same first piece. Of those this many are tried. */
    LATE_CUTS = 20,
    MAX_VECTOR = 4 << 20
};

/* The server's defaults. */
static const turbo__http1_limits limits = {.request_line = 8 * 1024,
                                           .head = 32 * 1024,
                                           .fields = 100,
                                           .field = 8 * 1024,
                                           .trailer = 8 * 1024,
                                           .trailers = 32,
                                           .extension = 1024,
                                           .extensions = 16 * 1024};

/* What came of one run. */
typedef struct result {
    turbo__http1_parser parser;
    turbo__buf bodies; /* each ends with a comma */
    unsigned messages;
    int error;
    bool keep_alive;
    bool closed; /* after a message that ends the connection */
} result;

static void on_event(result *self, int event, const char *base, size_t at)
{
    turbo__arena arena;
    turbo__http1_head head;
    switch (event) {
    case TURBO__HTTP1_MORE:
        break;
    case TURBO__HTTP1_HEAD:
        turbo__arena_init(&arena);
        cr_assert_eq(turbo__http1_read_head(&self->parser, base, &arena, &head), 0);
        self->keep_alive = head.keep_alive;
        turbo__arena_clear(&arena);
        break;
    case TURBO__HTTP1_BODY:
        cr_assert_eq(turbo__buf_append_str(&self->bodies, turbo__http1_body(&self->parser)), 0);
        break;
    case TURBO__HTTP1_END:
        cr_assert_eq(turbo__buf_append(&self->bodies, ",", 1), 0);
        self->messages++;
        self->closed = !self->keep_alive;
        turbo__http1_next(&self->parser, at);
        break;
    default:
        cr_assert_geq(turbo__http1_status(&self->parser), 400);
        self->error = event;
    }
}

static bool is_over(const result *self)
{
    return self->error != 0 || self->closed;
}

static size_t offer(result *self, const char *base, size_t from, size_t to)
{
    int event;
    do {
        size_t consumed = 0;
        event = turbo__http1_parse(&self->parser, base, from, to, &consumed);
        from += event >= 0 ? consumed : 0;
        on_event(self, event, base, from);
    } while (event != TURBO__HTTP1_MORE && !is_over(self));
    return from;
}

static void begin(result *self)
{
    memset(self, 0, sizeof(*self));
    turbo__buf_init(&self->bodies, MAX_VECTOR);
    turbo__http1_init(&self->parser, &limits);
}

static void end(result *self)
{
    turbo__http1_clear(&self->parser);
    turbo__buf_clear(&self->bodies);
}

/* One line of the table. */
typedef struct vector {
    char name[16];
    char expected[64];
    turbo_str bytes;
} vector;

/* The policy where the table leaves one: refused, but for TRACE, which is the router's business. */
static const char *expectation(const vector *self)
{
    if (strcmp(self->name, "G13") == 0) {
        return "A1";
    }
    return self->expected[0] == 'E' ? "R" : self->expected;
}

static void judge(const vector *self, const result *seen, const char *how, size_t cut)
{
    const char *expected = expectation(self);
    if (expected[0] == 'R') {
        /* In G09 a good request comes first. */
        unsigned before = strcmp(self->name, "G09") == 0 ? 1 : 0;
        cr_expect_lt(seen->error, 0, "%s %s %zu: it must be refused", self->name, how, cut);
        cr_expect_eq(seen->messages, before, "%s %s %zu", self->name, how, cut);
        return;
    }
    cr_expect_eq(seen->error, 0, "%s %s %zu: %s", self->name, how, cut, turbo_error_detail());
    if (expected[0] == 'W') {
        cr_expect_eq(seen->messages, 0, "%s %s %zu", self->name, how, cut);
        cr_expect_not(turbo__http1_idle(&seen->parser), "%s %s %zu", self->name, how, cut);
        return;
    }
    cr_assert_eq(expected[0], 'A');
    unsigned messages = (unsigned)(expected[1] - '0');
    cr_expect_eq(seen->messages, messages, "%s %s %zu: %u messages", self->name, how, cut,
                 seen->messages);
    cr_expect(seen->closed || turbo__http1_idle(&seen->parser), "%s %s %zu", self->name, how, cut);
    if (expected[2] == ':') { /* bodies, with commas between them */
        char bodies[64];
        (void)snprintf(bodies, sizeof(bodies), "%s,", expected + 3);
        cr_expect(turbo_str_equal(turbo__buf_view(&seen->bodies), turbo_cstr(bodies)),
                  "%s %s %zu: %.*s", self->name, how, cut, (int)seen->bodies.len,
                  seen->bodies.data);
    }
}

/* Returns whether the first piece alone was enough to end it. */
static bool check_cut(const vector *self, size_t cut)
{
    result seen;
    begin(&seen);
    size_t from = offer(&seen, self->bytes.data, 0, cut);
    bool over = is_over(&seen);
    if (!over) {
        (void)offer(&seen, self->bytes.data, from, self->bytes.len);
    }
    judge(self, &seen, "cut at", cut);
    end(&seen);
    return over;
}

static void check(const vector *self)
{
    result seen;
    begin(&seen);
    (void)offer(&seen, self->bytes.data, 0, self->bytes.len);
    judge(self, &seen, "whole", 0);
    end(&seen);
    begin(&seen);
    size_t from = 0;
    for (size_t to = 1; to <= self->bytes.len && !is_over(&seen); to++) {
        from = offer(&seen, self->bytes.data, from, to);
    }
    judge(self, &seen, "byte by byte", 0);
    end(&seen);
    size_t step = 1;
    for (size_t cut = 1; cut < self->bytes.len; cut += step) {
        if (step == 1 && check_cut(self, cut) && self->bytes.len - cut > LATE_CUTS) {
            step = (self->bytes.len - cut) / LATE_CUTS;
        } else if (step > 1) {
            cr_expect(check_cut(self, cut), "%s: %zu bytes ended it, more do not", self->name, cut);
        }
    }
}

/* "ID EXPECTATION HEX\n"; false at the end of the table. */
static bool read_vector(FILE *table, vector *out, char *bytes)
{
    if (fscanf(table, "%15s %63s ", out->name, out->expected) != 2) {
        return false;
    }
    size_t len = 0;
    for (int c = fgetc(table); c != '\n' && c != EOF; c = fgetc(table)) {
        int high = turbo__ascii_hex((char)c);
        int low = turbo__ascii_hex((char)fgetc(table));
        cr_assert(high >= 0 && low >= 0 && len < MAX_VECTOR);
        bytes[len++] = (char)(high * 16 + low);
    }
    out->bytes = (turbo_str){bytes, len};
    return true;
}

Test(http1_vectors, all)
{
    const char *folder = getenv("TURBO_CONFORMANCE_DIR");
    const char *command = getenv("TURBO_VECTORS_COMMAND");
    char path[4096];
    cr_assert_not_null(command, "TURBO_VECTORS_COMMAND is not set");
    (void)snprintf(path, sizeof(path), "%s/http1_vectors.py", folder != NULL ? folder : ".");
    if (folder == NULL || access(path, R_OK) != 0) {
        cr_skip_test("no http1_vectors.py beside the checkout");
    }
    char line[8192];
    (void)snprintf(line, sizeof(line), "%s '%s'", command, path);
    FILE *table = popen(line, "r");
    char *bytes = malloc(MAX_VECTOR);
    cr_assert(table != NULL && bytes != NULL);
    unsigned count = 0;
    vector next;
    while (read_vector(table, &next, bytes)) {
        check(&next);
        count++;
    }
    cr_assert_eq(pclose(table), 0);
    cr_assert_eq(count, VECTORS, "%u vectors", count);
    free(bytes);
}
