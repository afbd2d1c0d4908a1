/* SPDX-License-Identifier: MIT */
#include "codec/multipart.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "base/mem.h"
#include "base/str.h"
#include "codec/params.h"
#include "turbo/error.h"

/*
 * tests/golden/multipart/NAME.form is a Content-Type in its first line and a body behind it, byte
 * for byte; NAME.events is what must come out. Each body is parsed whole, one byte at a time, and
 * cut in two at every place.
 */

static const turbo__multipart_limits limits = {
    .head = 150, .fields = 4, .files = 3, .field = 40, .file = 60};

/* One run: a parser, the text of its events, and whether the last one was data. */
typedef struct run {
    turbo__multipart parser;
    turbo__arena arena;
    turbo__buf text;
    size_t data_at; /* where its line began in the text */
    bool in_data;
    bool failed;
} run;

static void print(run *self, const char *text)
{
    cr_assert_eq(turbo__buf_append_str(&self->text, turbo_cstr(text)), 0);
}

static void print_escaped(run *self, turbo_str bytes)
{
    for (size_t i = 0; i < bytes.len; i++) {
        char shown[8];
        unsigned char c = (unsigned char)bytes.data[i];
        bool plain = c >= 0x20 && c < 0x7f && c != '\\' && c != '"';
        (void)snprintf(shown, sizeof(shown), plain ? "%c" : "\\x%02x", c);
        print(self, shown);
    }
}

static void print_quoted(run *self, const char *label, turbo_str bytes)
{
    print(self, label);
    print_escaped(self, bytes);
    print(self, "\"");
}

static void print_part(run *self)
{
    const turbo__part *part = &self->parser.part;
    print_quoted(self, "part name=\"", part->name);
    if (part->is_file) {
        print_quoted(self, " filename=\"", part->filename);
    } else {
        cr_assert_eq(part->filename.len, 0);
    }
    if (part->content_type.len > 0) {
        print_quoted(self, " type=\"", part->content_type);
    }
    print(self, "\n");
    for (size_t i = 0; i < part->header_count; i++) {
        print(self, "  ");
        print_escaped(self, part->headers[i].name);
        print(self, ": ");
        print_escaped(self, part->headers[i].value);
        print(self, "\n");
    }
}

static void end_data(run *self)
{
    print(self, self->in_data ? "\"\n" : "");
    self->in_data = false;
}

static void print_error(run *self, int rc)
{
    if (self->in_data && rc == TURBO_ELIMIT) {
        self->text.len =
            self->data_at; /* how much of what is too large comes out depends on cuts */
        self->in_data = false;
    }
    end_data(self);
    print(self, turbo_error_name(rc));
    print(self, " ");
    print(self, turbo_error_detail());
    print(self, "\n");
    self->failed = true;
}

static void on_event(run *self, int event, turbo_str data)
{
    switch (event) {
    case TURBO__MULTIPART_PART:
        print_part(self);
        break;
    case TURBO__MULTIPART_DATA:
        cr_assert_gt(data.len, 0);
        if (!self->in_data) {
            self->data_at = self->text.len;
            self->in_data = true;
            print(self, "data \"");
        }
        print_escaped(self, data);
        break;
    case TURBO__MULTIPART_PART_END:
        end_data(self);
        print(self, "part end\n");
        turbo__arena_reset(&self->arena);
        break;
    case TURBO__MULTIPART_END:
        print(self, "end\n");
        break;
    default:
        print_error(self, event);
    }
}

static void offer(run *self, turbo_str input)
{
    turbo_str data = {NULL, 0};
    int event = TURBO__MULTIPART_END;
    while (event != TURBO__MULTIPART_MORE && !self->failed) {
        size_t before = input.len;
        event = turbo__multipart_next(&self->parser, &input, &data);
        cr_assert_leq(input.len, before);
        if (event != TURBO__MULTIPART_MORE) {
            on_event(self, event, data);
        }
    }
    if (self->failed) {
        int rc = turbo__multipart_next(&self->parser, &input, &data);
        cr_assert_lt(rc, 0, "an error stays");
        cr_assert_eq(turbo__multipart_finish(&self->parser), rc);
        return;
    }
    cr_assert_eq(input.len, 0, "all is used where nothing more happens");
}

/* The text of the events of `body` offered in pieces of `step` bytes, the first one of `cut` bytes
 * when that is not 0. The caller's. */
static char *events_of(turbo_str type, turbo_str body, size_t step, size_t cut)
{
    run self;
    turbo_str rest;
    turbo_str boundary;
    memset(&self, 0, sizeof(self));
    turbo__buf_init(&self.text, 1 << 20);
    turbo__arena_init(&self.arena);
    cr_assert(turbo__str_equal_nocase(turbo__params_begin(type, &rest),
                                      TURBO_STR("multipart/form-data")));
    int rc = turbo__multipart_boundary(rest, &boundary);
    if (rc != 0) {
        print_error(&self, rc);
    } else {
        turbo__multipart_init(&self.parser, boundary, &limits, &self.arena);
        for (size_t from = 0, to = cut; from < body.len && !self.failed; from = to) {
            to = to > from ? to : body.len - from > step ? from + step : body.len;
            offer(&self, turbo__str_slice(body, from, to));
        }
        rc = self.failed ? 0 : turbo__multipart_finish(&self.parser);
        if (rc != 0) {
            print_error(&self, rc);
        }
        turbo__multipart_clear(&self.parser);
    }
    turbo__arena_clear(&self.arena);
    cr_assert_eq(turbo__buf_append(&self.text, "", 1), 0);
    return self.text.data;
}

static void check_run(const char *name, turbo_str type, turbo_str body, const char *expected,
                      size_t step, size_t cut)
{
    char *seen = events_of(type, body, step, cut);
    cr_expect_str_eq(seen, expected, "%s, step %zu, cut %zu:\n%s", name, step, cut, seen);
    turbo__free(seen);
}

static turbo_str read_file(const char *folder, const char *name, const char *suffix)
{
    char path[4096];
    char part[4096];
    turbo__buf buf;
    size_t count;
    (void)snprintf(path, sizeof(path), "%s/%s%s", folder, name, suffix);
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

static void check_case(const char *folder, const char *name)
{
    turbo_str input = read_file(folder, name, ".form");
    turbo_str expected = read_file(folder, name, ".events");
    size_t line;
    cr_assert(turbo__str_find(input, '\n', &line), "%s", name);
    turbo_str type = turbo__str_slice(input, 0, line);
    turbo_str body = turbo__str_slice(input, line + 1, input.len);
    check_run(name, type, body, expected.data, body.len, 0);
    check_run(name, type, body, expected.data, 1, 0);
    for (size_t cut = 1; cut < body.len; cut++) {
        check_run(name, type, body, expected.data, body.len, cut);
    }
    turbo__free((void *)(uintptr_t)input.data);
    turbo__free((void *)(uintptr_t)expected.data);
}

Test(multipart, golden_cases)
{
    const char *golden = getenv("TURBO_GOLDEN_DIR");
    char folder[4096];
    int cases = 0;
    cr_assert_not_null(golden, "TURBO_GOLDEN_DIR is not set");
    (void)snprintf(folder, sizeof(folder), "%s/multipart", golden);
    DIR *dir = opendir(folder);
    cr_assert_not_null(dir, "%s", folder);
    for (struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
        char *dot = strrchr(entry->d_name, '.');
        if (dot == NULL || strcmp(dot, ".form") != 0) {
            continue;
        }
        *dot = '\0';
        check_case(folder, entry->d_name);
        cases++;
    }
    (void)closedir(dir);
    cr_assert_gt(cases, 40, "cases found: %d", cases);
}

/* --- Content-Type ------------------------------------------------------------ */

static const char *boundary_of(const char *type)
{
    static char shown[200];
    turbo_str rest;
    turbo_str boundary;
    (void)turbo__params_begin(turbo_cstr(type), &rest);
    int rc = turbo__multipart_boundary(rest, &boundary);
    (void)snprintf(shown, sizeof(shown), "%.*s", rc == 0 ? (int)boundary.len : 200,
                   rc == 0 ? boundary.data : turbo_error_name(rc));
    return shown;
}

#define TEN "0123456789"

Test(multipart, boundaries)
{
    static const char *const cases[][2] = {
        {"multipart/form-data; boundary=a", "a"},
        {"multipart/form-data;boundary=AbC;charset=utf-8", "AbC"},
        {"multipart/form-data; charset=utf-8 ;\tBOUNDARY=x", "x"},
        {"multipart/form-data; boundary=\"a b'()+_,-./:=?z\"", "a b'()+_,-./:=?z"},
        {"multipart/form-data;; boundary=a;", "a"},
        {"m/f; boundary=" TEN TEN TEN TEN TEN TEN TEN, TEN TEN TEN TEN TEN TEN TEN},
        {"m/f; boundary=" TEN TEN TEN TEN TEN TEN TEN "0", "TURBO_EPROTOCOL"},
        {"multipart/form-data", "TURBO_EPROTOCOL"},
        {"multipart/form-data; boundary", "TURBO_EPROTOCOL"},
        {"multipart/form-data; boundary=", "TURBO_EPROTOCOL"},
        {"multipart/form-data; boundary=\"\"", "TURBO_EPROTOCOL"},
        {"multipart/form-data; boundary=\"a \"", "TURBO_EPROTOCOL"},
        {"multipart/form-data; boundary=\"a", "TURBO_EPROTOCOL"},
        {"multipart/form-data; boundary=\"a\\\"b\"", "TURBO_EPROTOCOL"},
        {"multipart/form-data; boundary = a", "TURBO_EPROTOCOL"},
        {"multipart/form-data; boundary= a", "TURBO_EPROTOCOL"},
        {"multipart/form-data; boundary=a b", "TURBO_EPROTOCOL"},
        {"multipart/form-data; boundary=a*", "TURBO_EPROTOCOL"},
        {"multipart/form-data; boundary=a/b", "TURBO_EPROTOCOL"},
        {"multipart/form-data; boundary=a; boundary=a", "TURBO_EPROTOCOL"},
        {"multipart/form-data; boundary=a, x", "TURBO_EPROTOCOL"},
        {"multipart/form-data; boundary=\"\xc3\xa9\"", "TURBO_EPROTOCOL"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        cr_expect_str_eq(boundary_of(cases[i][0]), cases[i][1], "%s: %s", cases[i][0],
                         boundary_of(cases[i][0]));
    }
}

/* --- limits ------------------------------------------------------------------ */

static int last_error(turbo_str body)
{
    char *seen = events_of(TURBO_STR("multipart/form-data; boundary=b"), body,
                           body.len > 0 ? body.len : 1, 0);
    int rc = strstr(seen, "TURBO_ELIMIT") != NULL      ? TURBO_ELIMIT
             : strstr(seen, "TURBO_EPROTOCOL") != NULL ? TURBO_EPROTOCOL
                                                       : 0;
    turbo__free(seen);
    return rc;
}

/* A body of `fields` fields and `files` files of `size` bytes each, with `extra` header fields and
 * `pad` blanks behind the boundaries. */
static turbo_str body_of(size_t fields, size_t files, size_t size, size_t extra, size_t pad)
{
    static char text[16384];
    size_t len = 0;
    for (size_t i = 0; i < fields + files; i++) {
        len += (size_t)snprintf(text + len, sizeof(text) - len, "\r\n--b%*s\r\n", (int)pad, "");
        for (size_t n = 0; n < extra; n++) {
            len += (size_t)snprintf(text + len, sizeof(text) - len, "a:\r\n");
        }
        len += (size_t)snprintf(text + len, sizeof(text) - len,
                                "content-disposition: form-data; name=a%s\r\n\r\n%0*d",
                                i < fields ? "" : "; filename=f", (int)size, 0);
    }
    len += (size_t)snprintf(text + len, sizeof(text) - len, "\r\n--b--\r\n");
    cr_assert_lt(len, sizeof(text));
    turbo_str body = {text, len};
    return body;
}

Test(multipart, limits_at_their_edges)
{
    cr_expect_eq(last_error(body_of(3, 2, 39, 0, 0)), 0);
    cr_expect_eq(last_error(body_of(4, 3, 40, 0, 0)), 0);
    cr_expect_eq(last_error(body_of(5, 0, 1, 0, 0)), TURBO_ELIMIT);
    cr_expect_eq(last_error(body_of(0, 4, 1, 0, 0)), TURBO_ELIMIT);
    cr_expect_eq(last_error(body_of(1, 0, 41, 0, 0)), TURBO_ELIMIT);
    cr_expect_eq(last_error(body_of(0, 1, 59, 0, 0)), 0);
    cr_expect_eq(last_error(body_of(0, 1, 60, 0, 0)), 0);
    cr_expect_eq(last_error(body_of(0, 1, 61, 0, 0)), TURBO_ELIMIT);
    cr_expect_eq(last_error(body_of(1, 0, 1, TURBO__PART_FIELDS_MAX - 2, 0)), 0);
    cr_expect_eq(last_error(body_of(1, 0, 1, TURBO__PART_FIELDS_MAX - 1, 0)), 0);
    cr_expect_eq(last_error(body_of(1, 0, 1, TURBO__PART_FIELDS_MAX, 0)), TURBO_ELIMIT);
    cr_expect_eq(last_error(body_of(1, 0, 1, 0, TURBO__BOUNDARY_PADDING_MAX - 1)), 0);
    cr_expect_eq(last_error(body_of(1, 0, 1, 0, TURBO__BOUNDARY_PADDING_MAX)), 0);
    cr_expect_eq(last_error(body_of(1, 0, 1, 0, TURBO__BOUNDARY_PADDING_MAX + 1)), TURBO_ELIMIT);
}

/* The header of a part, with its line ends and the empty line, is `size` bytes. */
static int error_of_head(int size)
{
    char text[400];
    static const char field[] = "content-disposition: form-data; name=a\r\nx:";
    int fill = size - (int)sizeof(field) + 1 - 4;
    int len = snprintf(text, sizeof(text), "--b\r\n%s%0*d\r\n\r\nv\r\n--b--", field, fill, 0);
    cr_assert_gt(fill, 0);
    turbo_str body = {text, (size_t)len};
    return last_error(body);
}

Test(multipart, limit_of_a_header_at_its_edges)
{
    cr_expect_eq(error_of_head(149), 0);
    cr_expect_eq(error_of_head(150), 0);
    cr_expect_eq(error_of_head(151), TURBO_ELIMIT);
}

/* --- memory -------------------------------------------------------------------- */

Test(multipart, survives_want_of_memory)
{
    static const char body[] = "--b\r\nContent-Disposition: form-data; name=\"a\\\"\xff\"; "
                               "filename*=utf-8''%c3%a9\r\n\r\nx\r\n--b--";
    turbo_str boundary = TURBO_STR("b");
    unsigned long nth = 0;
    int rc;
    do {
        turbo__arena arena;
        turbo__multipart parser;
        turbo_str data;
        turbo__arena_init(&arena);
        turbo__multipart_init(&parser, boundary, &limits, &arena);
        (void)turbo__mem_fail_nth(++nth);
        for (size_t i = 0; i < sizeof(body) - 1; i++) {
            turbo_str input = {body + i, 1};
            do {
                rc = turbo__multipart_next(&parser, &input, &data);
            } while (rc > 0);
        }
        (void)turbo__mem_fail_nth(0);
        cr_assert(rc == 0 || rc == TURBO_ENOMEM, "%d", rc);
        cr_assert_eq(turbo__multipart_finish(&parser), rc);
        turbo__multipart_clear(&parser);
        turbo__arena_clear(&arena);
    } while (rc != 0);
    cr_assert_gt(nth, 2);
}
