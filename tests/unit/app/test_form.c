/* SPDX-License-Identifier: MIT */
#include "app/form.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "app/application.h"
#include "app/exchange.h"
#include "app/form_spool.h"
#include "base/mem.h"
#include "turbo/form.h"

/* --- an exchange without a loop ------------------------------------------------ */

static turbo_request request;
static int posts;

static void post(turbo_request *self)
{
    (void)self;
    posts++;
}

static void lock_wait(turbo_request *self, bool waiting)
{
    (void)self;
    (void)waiting;
}

static const turbo__transport transport = {post, lock_wait};

static void set_up(void)
{
    posts = 0;
    cr_assert_eq(turbo__exchange_init(&request, &transport, NULL), 0);
}

static void tear_down(void)
{
    turbo__exchange_destroy(&request);
}

TestSuite(form, .init = set_up, .fini = tear_down);

/* A request with a body of the given type, collected when `body` is not NULL. */
static void ask(const char *type, const char *body, size_t size)
{
    turbo__exchange_reset(&request);
    if (type != NULL) {
        cr_assert_eq(turbo__fields_add(&request.headers, &request.arena, TURBO_STR("Content-Type"),
                                       turbo_cstr(type)),
                     0);
    }
    request.body = (turbo_str){body, size};
    request.body_complete = body != NULL;
    request.body_whole = body != NULL;
    request.streams_body = body == NULL;
}

/* What turbo_form_fn was told. */
typedef struct outcome {
    int calls;
    int error;
    turbo_form *form;
} outcome;

static void note(turbo_request *self, turbo_form *form, int error, void *user_data)
{
    outcome *seen = user_data;
    cr_assert_eq(self, &request);
    cr_assert_eq(form == NULL, error != 0);
    cr_assert_leq(error, 0);
    seen->calls++;
    seen->error = error;
    seen->form = form;
}

/* Plays the loop: gives the waiting reader a part of the body. False when nobody reads. */
static bool deliver(turbo_str data, bool last, int status)
{
    turbo_read_fn *fn = request.pending.read;
    request.pending.queued = false;
    request.pending.read = NULL;
    if (fn == NULL) {
        return false;
    }
    request.pending.body_end = last || status != 0;
    fn(&request, data, last, status, request.pending.read_data);
    return true;
}

/* Reads the body in pieces of `step` bytes. */
static outcome read_stream(const char *type, const turbo_form_options *options, turbo_str body,
                           size_t step)
{
    outcome seen = {.error = 1};
    ask(type, NULL, 0);
    int rc = turbo_form_read(&request, options, note, &seen);
    if (rc != 0) {
        cr_assert_eq(seen.calls, 0);
        seen.error = rc;
        return seen;
    }
    for (size_t from = 0, to = 0; seen.calls == 0; from = to) {
        to = body.len - from > step ? from + step : body.len;
        /* From a block of its own: nothing may look beyond it, or keep views into it. */
        char *copy = malloc(to - from + 1);
        cr_assert_not_null(copy);
        memcpy(copy, body.data + from, to - from);
        turbo_str data = {copy, to - from};
        cr_assert(deliver(data, to == body.len, 0));
        memset(copy, '!', to - from);
        free(copy);
    }
    cr_assert_null(request.pending.read);
    cr_assert_null(request.attached);
    return seen;
}

static int open_descriptors(void)
{
    int count = 0;
    for (int fd = 0; fd < 1024; fd++) {
        count += fcntl(fd, F_GETFD) >= 0;
    }
    return count;
}

/* The form in a line: name=value, name(filename,type)=data; spooled data behind a '@'. */
static const char *show(const turbo_form *form)
{
    static char text[4096];
    size_t len = 0;
    text[0] = '\0';
    for (size_t i = 0; i < turbo_form_count(form); i++) {
        const turbo_form_part *part;
        char data[1024];
        size_t got;
        int fd;
        uint64_t offset;
        cr_assert_eq(turbo_form_at(form, i, &part), 0);
        cr_assert_eq(turbo_form_part_read(part, 0, data, sizeof(data), &got), 0);
        cr_assert_eq(got, turbo_form_part_size(part));
        turbo_str name = turbo_form_part_name(part);
        turbo_str filename = turbo_form_part_filename(part);
        turbo_str type = turbo_form_part_content_type(part);
        bool spooled = turbo_form_part_file(part, &fd, &offset) == 0;
        len += (size_t)snprintf(text + len, sizeof(text) - len, "%.*s", (int)name.len, name.data);
        if (turbo_form_part_is_file(part)) {
            len += (size_t)snprintf(text + len, sizeof(text) - len, "(%.*s,%.*s)",
                                    (int)filename.len, filename.data, (int)type.len, type.data);
        }
        len += (size_t)snprintf(text + len, sizeof(text) - len, "%s=%.*s;", spooled ? "@" : "",
                                (int)got, data);
        cr_assert_lt(len, sizeof(text));
    }
    return text;
}

#define MULTIPART "multipart/form-data; boundary=B"
#define URLENCODED "application/x-www-form-urlencoded"
#define PART(disposition, more, data)                                                              \
    "--B\r\nContent-Disposition: form-data; " disposition "\r\n" more "\r\n" data "\r\n"
#define END "--B--\r\n"

static const char mixed[] = PART("name=\"a\"", "", "one")
    PART("name=f; filename=\"x.txt\"", "Content-Type: text/plain\r\n", "\r\n--\r\nfile")
        PART("name=a", "X-Extra:  yes \r\n", "") PART("name=f; filename=\"\"", "", "") END;
static const char mixed_shown[] = "a=one;f(x.txt,text/plain)=\r\n--\r\nfile;a=;f(,)=;";

/* --- collected bodies ------------------------------------------------------------ */

static turbo_form *parse(const char *type, const char *body)
{
    turbo_form *form = NULL;
    ask(type, body, strlen(body));
    cr_assert_eq(turbo_request_form(&request, NULL, &form), 0, "%s", turbo_error_detail());
    return form;
}

Test(form, of_a_collected_multipart_body)
{
    turbo_form *form = parse(MULTIPART, mixed);
    const turbo_form_part *part;
    turbo_str text;
    turbo_str name;
    int fd;
    uint64_t offset;
    cr_expect_str_eq(show(form), mixed_shown, "%s", show(form));
    cr_expect_eq(turbo_form_count(form), 4);
    cr_expect_eq(turbo_form_at(form, 4, &part), TURBO_ENOTFOUND);
    cr_expect_eq(turbo_form_value(form, TURBO_STR("a"), &text), 0);
    cr_expect_eq(text.len, 0, "the last one counts");
    cr_expect_eq(turbo_form_value(form, TURBO_STR("f"), &text), TURBO_ENOTFOUND);
    cr_expect_eq(turbo_form_value(form, TURBO_STR("A"), &text), TURBO_ENOTFOUND);
    cr_expect_eq(turbo_form_find(form, TURBO_STR("x"), &part), TURBO_ENOTFOUND);
    cr_expect_eq(turbo_form_find(form, TURBO_STR("f"), &part), 0);
    cr_expect_eq(turbo_form_part_size(part), 0);
    cr_expect_eq(turbo_form_at(form, 1, &part), 0);
    cr_expect_eq(turbo_form_part_data(part, &text), 0);
    cr_expect(text.data > mixed && text.data < mixed + sizeof(mixed), "nothing was copied");
    cr_expect_eq(turbo_form_part_file(part, &fd, &offset), TURBO_ESTATE);
    cr_expect_eq(turbo_form_part_header_count(part), 2);
    cr_expect_eq(turbo_form_part_header_at(part, 1, &name, &text), 0);
    cr_expect(turbo_str_equal(name, TURBO_STR("Content-Type")));
    cr_expect(turbo_str_equal(text, TURBO_STR("text/plain")));
    cr_expect_eq(turbo_form_part_header_at(part, 2, &name, &text), TURBO_ENOTFOUND);
    turbo_form_free(form);
    turbo_form_free(NULL);
}

Test(form, of_a_collected_urlencoded_body)
{
    static const char body[] = "a=1&b+c=%C3%A9&&=x&d&a=2";
    turbo_form *form = parse(URLENCODED "; charset=utf-8", body);
    const turbo_form_part *part;
    turbo_str text;
    cr_expect_str_eq(show(form), "a=1;b c=\xc3\xa9;=x;d=;a=2;", "%s", show(form));
    cr_expect_eq(turbo_form_value(form, TURBO_STR("a"), &text), 0);
    cr_expect(turbo_str_equal(text, TURBO_STR("2")));
    cr_expect_eq(text.data, body + sizeof(body) - 2, "nothing was copied");
    cr_expect_eq(turbo_form_at(form, 0, &part), 0);
    cr_expect_not(turbo_form_part_is_file(part));
    cr_expect_eq(turbo_form_part_header_count(part), 0);
    turbo_form_free(form);
    form = parse(URLENCODED, "");
    cr_expect_eq(turbo_form_count(form), 0);
    turbo_form_free(form);
}

Test(form, reads_parts_of_data)
{
    turbo_form *form = parse(URLENCODED, "a=0123456789");
    const turbo_form_part *part;
    char buffer[20];
    size_t got;
    cr_assert_eq(turbo_form_at(form, 0, &part), 0);
    cr_expect_eq(turbo_form_part_read(part, 4, buffer, 3, &got), 0);
    cr_expect(got == 3 && memcmp(buffer, "456", 3) == 0);
    cr_expect_eq(turbo_form_part_read(part, 9, buffer, sizeof(buffer), &got), 0);
    cr_expect(got == 1 && buffer[0] == '9');
    cr_expect_eq(turbo_form_part_read(part, 10, buffer, sizeof(buffer), &got), 0);
    cr_expect_eq(got, 0);
    cr_expect_eq(turbo_form_part_read(part, UINT64_MAX, buffer, sizeof(buffer), &got), 0);
    cr_expect_eq(got, 0);
    turbo_form_free(form);
}

Test(form, refuses_what_is_no_form)
{
    static const struct {
        const char *type;
        const char *body;
        int error;
    } cases[] = {
        {NULL, "a=1", TURBO_EMEDIA},
        {"", "a=1", TURBO_EMEDIA},
        {"application/json", "{}", TURBO_EMEDIA},
        {"multipart/mixed; boundary=B", END, TURBO_EMEDIA},
        {"multipart/form-data", END, TURBO_EPROTOCOL},
        {MULTIPART, "", TURBO_EPROTOCOL},
        {MULTIPART, "a=1", TURBO_EPROTOCOL},
        {MULTIPART, PART("name=a", "", "1"), TURBO_EPROTOCOL},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        turbo_form *form = NULL;
        ask(cases[i].type, cases[i].body, strlen(cases[i].body));
        cr_expect_eq(turbo_request_form(&request, NULL, &form), cases[i].error, "case %zu", i);
        cr_expect_null(form);
        turbo_str body = turbo_cstr(cases[i].body);
        cr_expect_eq(read_stream(cases[i].type, NULL, body, 100).error, cases[i].error, "case %zu",
                     i);
    }
}

Test(form, refuses_wrong_calls)
{
    turbo_form_options options = {.size = 3};
    turbo_form *form = NULL;
    outcome seen = {.calls = 0};
    ask(MULTIPART, NULL, 0);
    cr_expect_eq(turbo_request_form(&request, NULL, &form), TURBO_ESTATE);
    cr_expect_eq(turbo_form_read(&request, NULL, NULL, NULL), TURBO_EINVAL);
    cr_expect_eq(turbo_form_read(&request, &options, note, &seen), TURBO_EOPTION);
    cr_expect_eq(turbo_form_read(&request, NULL, note, &seen), 0);
    cr_expect_eq(turbo_form_read(&request, NULL, note, &seen), TURBO_ESTATE);
    cr_expect_eq(seen.calls, 0);
    ask(URLENCODED, "a", 1);
    cr_expect_eq(turbo_request_form(&request, &options, &form), TURBO_EOPTION);
    cr_expect_null(form);
}

/* --- streams --------------------------------------------------------------------- */

Test(form, of_a_stream_however_it_is_cut)
{
    turbo_str body = TURBO_STR(mixed);
    turbo_str pairs = TURBO_STR("a=1&b+c=%C3%A9&&=x&d&a=2");
    for (size_t step = 1; step <= body.len; step++) {
        outcome seen = read_stream(MULTIPART, NULL, body, step);
        cr_assert_eq(seen.error, 0, "%s", turbo_error_detail());
        cr_expect_str_eq(show(seen.form), mixed_shown, "by %zu: %s", step, show(seen.form));
        turbo_form_free(seen.form);
    }
    for (size_t step = 1; step <= pairs.len; step++) {
        outcome seen = read_stream(URLENCODED, NULL, pairs, step);
        cr_assert_eq(seen.error, 0);
        cr_expect_str_eq(show(seen.form), "a=1;b c=\xc3\xa9;=x;d=;a=2;", "by %zu", step);
        turbo_form_free(seen.form);
    }
}

Test(form, of_a_streaming_route_whose_body_was_complete)
{
    char body[] = "a=1";
    outcome seen = {.calls = 0};
    ask(URLENCODED, body, 3);
    request.streams_body = true;
    cr_assert_eq(turbo_form_read(&request, NULL, note, &seen), 0);
    cr_assert_eq(seen.calls, 1);
    body[2] = '!'; /* the form does not depend on the request */
    cr_expect_str_eq(show(seen.form), "a=1;");
    turbo_form_free(seen.form);
    ask(MULTIPART, "--B", 3);
    cr_assert_eq(turbo_form_read(&request, NULL, note, &seen), 0);
    cr_assert(seen.calls == 2 && seen.error == TURBO_EPROTOCOL);
    cr_assert_null(request.attached);
}

Test(form, spools_large_files_into_one_file)
{
    static const char body[] = PART("name=a", "", "12345678")
        PART("name=f; filename=1", "", "1234567") PART("name=f; filename=2", "", "12345678")
            PART("name=f; filename=3", "", "123456789") PART("name=f; filename=4", "", "")
                PART("name=f; filename=5", "", "abcdefghijkl") END;
    turbo_form_options options = {.size = sizeof(options), .spool_past = 8};
    int before = open_descriptors();
    for (size_t step = 1; step < sizeof(body); step++) {
        outcome seen = read_stream(MULTIPART, &options, TURBO_STR(body), step);
        const turbo_form_part *part;
        turbo_str data;
        int fd;
        uint64_t offset;
        char buffer[4];
        size_t got;
        cr_assert_eq(seen.error, 0, "%s", turbo_error_detail());
        cr_expect_str_eq(show(seen.form), "a=12345678;f(1,)=1234567;f(2,)=12345678;"
                                          "f(3,)@=123456789;f(4,)=;f(5,)@=abcdefghijkl;");
        cr_expect_eq(open_descriptors(), before + 1, "two files share a descriptor");
        cr_assert_eq(turbo_form_at(seen.form, 5, &part), 0);
        cr_expect_eq(turbo_form_part_data(part, &data), TURBO_ESTATE);
        cr_assert_eq(turbo_form_part_file(part, &fd, &offset), 0);
        cr_expect_eq(offset, 9);
        cr_expect_eq(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
        cr_expect_eq(turbo_form_part_read(part, 10, buffer, sizeof(buffer), &got), 0);
        cr_expect(got == 2 && memcmp(buffer, "kl", 2) == 0);
        turbo_form_free(seen.form);
        cr_expect_eq(open_descriptors(), before);
    }
}

Test(form, bounds_its_memory)
{
    static char data[5000];
    static char body[12000];
    turbo_form_options options = {.size = sizeof(options), .max_memory = 6000};
    memset(data, 'x', sizeof(data) - 1);
    int len = snprintf(
        body, sizeof(body),
        PART("name=f; filename=1", "", "%s") PART("name=f; filename=2", "", "%s") END, data, data);
    turbo_str text = {body, (size_t)len};
    outcome seen = read_stream(MULTIPART, &options, text, 1000);
    const turbo_form_part *part;
    int fd;
    uint64_t offset;
    cr_assert_eq(seen.error, 0, "%s", turbo_error_detail());
    cr_assert_eq(turbo_form_at(seen.form, 0, &part), 0);
    cr_expect_eq(turbo_form_part_file(part, &fd, &offset), TURBO_ESTATE);
    cr_assert_eq(turbo_form_at(seen.form, 1, &part), 0);
    cr_expect_eq(turbo_form_part_file(part, &fd, &offset), 0, "there was no room for it");
    turbo_form_free(seen.form);
    len = snprintf(body, sizeof(body), PART("name=a", "", "%s") PART("name=a", "", "%s") END, data,
                   data);
    text.len = (size_t)len;
    cr_expect_eq(read_stream(MULTIPART, &options, text, 1000).error, TURBO_ELIMIT);
    len = snprintf(body, sizeof(body), "a=%s&a=%s", data, data);
    text.len = (size_t)len;
    cr_expect_eq(read_stream(URLENCODED, &options, text, 1000).error, TURBO_ELIMIT);
    options.max_memory = 20000;
    seen = read_stream(URLENCODED, &options, text, 1000);
    cr_expect_eq(seen.error, 0);
    turbo_form_free(seen.form);
}

/* Both ways of reading must agree. */
static int error_with(const turbo_form_options *options, const char *type, const char *body)
{
    turbo_form *form = NULL;
    ask(type, body, strlen(body));
    int rc = turbo_request_form(&request, options, &form);
    turbo_form_free(form);
    outcome seen = read_stream(type, options, turbo_cstr(body), 7);
    turbo_form_free(seen.form);
    cr_expect_eq(seen.error, rc, "%s: %d and %d", body, seen.error, rc);
    return rc;
}

Test(form, limits_at_their_edges)
{
    static const char two[] = PART("name=a", "", "12") PART("name=b", "", "345") END;
    static const char files[] =
        PART("name=a; filename=a", "", "12") PART("name=b; filename=b", "", "345") END;
    turbo_form_options options = {.size = sizeof(options), .max_fields = 1};
    cr_expect_eq(error_with(&options, MULTIPART, two), TURBO_ELIMIT);
    cr_expect_eq(error_with(&options, MULTIPART, files), 0);
    cr_expect_eq(error_with(&options, URLENCODED, "a&b"), TURBO_ELIMIT);
    options.max_fields = 2;
    cr_expect_eq(error_with(&options, MULTIPART, two), 0);
    cr_expect_eq(error_with(&options, URLENCODED, "a&b"), 0);
    options.max_fields = 3;
    cr_expect_eq(error_with(&options, MULTIPART, two), 0);
    options.max_files = 1;
    cr_expect_eq(error_with(&options, MULTIPART, files), TURBO_ELIMIT);
    options.max_files = 2;
    cr_expect_eq(error_with(&options, MULTIPART, files), 0);
    options.max_field = 2;
    cr_expect_eq(error_with(&options, MULTIPART, two), TURBO_ELIMIT);
    cr_expect_eq(error_with(&options, MULTIPART, files), 0);
    cr_expect_eq(error_with(&options, URLENCODED, "a="), 0);
    cr_expect_eq(error_with(&options, URLENCODED, "a=1"), TURBO_ELIMIT);
    options.max_field = 3;
    cr_expect_eq(error_with(&options, MULTIPART, two), 0);
    options.max_file = 2;
    cr_expect_eq(error_with(&options, MULTIPART, files), TURBO_ELIMIT);
    options.max_file = 3;
    cr_expect_eq(error_with(&options, MULTIPART, files), 0);
    options.max_total = sizeof(files) - 2;
    cr_expect_eq(error_with(&options, MULTIPART, files), TURBO_ELIMIT);
    options.max_total = sizeof(files) - 1;
    cr_expect_eq(error_with(&options, MULTIPART, files), 0);
    options.max_total = sizeof(files);
    cr_expect_eq(error_with(&options, MULTIPART, files), 0);
    options.max_part_head =
        sizeof("Content-Disposition: form-data; name=a; filename=a\r\n\r\n") - 2;
    cr_expect_eq(error_with(&options, MULTIPART, files), TURBO_ELIMIT);
    options.max_part_head++;
    cr_expect_eq(error_with(&options, MULTIPART, files), 0);
}

Test(form, default_counts_are_a_thousand)
{
    static char body[3000];
    for (size_t i = 0; i < 1000; i++) {
        memcpy(body + 2 * i, "a&", 2);
    }
    cr_expect_eq(error_with(NULL, URLENCODED, body), 0);
    body[2000] = 'a';
    cr_expect_eq(error_with(NULL, URLENCODED, body), TURBO_ELIMIT);
}

/* --- what ends early --------------------------------------------------------------- */

static const char half[] = PART("name=f; filename=x", "", "0123456789");

Test(form, gives_everything_back_when_the_client_leaves)
{
    turbo_form_options options = {.size = sizeof(options), .spool_past = 1};
    static const int errors[] = {TURBO_ECANCELLED, TURBO_ELIMIT, TURBO_EPROTOCOL};
    int before = open_descriptors();
    for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
        outcome seen = {.calls = 0};
        ask(MULTIPART, NULL, 0);
        cr_assert_eq(turbo_form_read(&request, &options, note, &seen), 0);
        cr_assert(deliver(TURBO_STR(half), false, 0));
        cr_assert_eq(open_descriptors(), before + 1);
        cr_assert(deliver(TURBO_STR(""), false, errors[i]));
        cr_expect(seen.calls == 1 && seen.error == errors[i]);
        cr_expect_eq(open_descriptors(), before);
    }
}

Test(form, gives_everything_back_when_the_handler_ends_first)
{
    turbo_form_options options = {.size = sizeof(options), .spool_past = 1};
    outcome seen = {.calls = 0};
    int before = open_descriptors();
    ask(MULTIPART, NULL, 0);
    cr_assert_eq(turbo_form_read(&request, &options, note, &seen), 0);
    cr_assert(deliver(TURBO_STR(half), false, 0));
    cr_assert_eq(open_descriptors(), before + 1);
    cr_assert_eq(turbo_response_finish(&request.response), 0);
    turbo__exchange_reset(&request);
    cr_expect_eq(open_descriptors(), before);
    cr_expect_eq(seen.calls, 0);
    /* The same when it ends while a part is on its way. */
    ask(MULTIPART, NULL, 0);
    cr_assert_eq(turbo_form_read(&request, &options, note, &seen), 0);
    cr_assert_eq(turbo_response_finish(&request.response), 0);
    cr_assert(deliver(TURBO_STR(half), false, 0));
    cr_assert_null(request.pending.read);
    turbo__exchange_reset(&request);
    cr_expect_eq(open_descriptors(), before);
    cr_expect_eq(seen.calls, 0);
}

Test(form, survives_want_of_memory_when_collected)
{
    static const struct {
        const char *type;
        const char *body;
    } cases[] = {{MULTIPART, mixed}, {URLENCODED, "a%20=b%20&c=d&e&f&g&h&i&j&k&l"}};
    for (size_t i = 0; i < 2; i++) {
        unsigned long nth = 0;
        int rc;
        do {
            turbo_form *form = NULL;
            ask(cases[i].type, cases[i].body, strlen(cases[i].body));
            (void)turbo__mem_fail_nth(++nth);
            rc = turbo_request_form(&request, NULL, &form);
            (void)turbo__mem_fail_nth(0);
            cr_assert(rc == 0 || (rc == TURBO_ENOMEM && form == NULL), "%d", rc);
            turbo_form_free(form);
        } while (rc != 0);
        cr_assert_gt(nth, 3);
    }
}

Test(form, survives_want_of_memory_when_streamed)
{
    turbo_form_options options = {.size = sizeof(options), .spool_past = 4};
    int before = open_descriptors();
    unsigned long nth = 0;
    outcome seen;
    do {
        seen = (outcome){.calls = 0};
        ask(MULTIPART, NULL, 0);
        (void)turbo__mem_fail_nth(++nth);
        int rc = turbo_form_read(&request, &options, note, &seen);
        for (size_t at = 0; rc == 0 && at < sizeof(mixed) - 1 && seen.calls == 0; at += 5) {
            size_t left = sizeof(mixed) - 1 - at;
            turbo_str data = {mixed + at, left < 5 ? left : 5};
            cr_assert(deliver(data, left <= 5, 0));
        }
        (void)turbo__mem_fail_nth(0);
        cr_assert(rc == 0 || rc == TURBO_ENOMEM);
        seen.error = rc != 0 ? rc : seen.error;
        cr_assert(seen.error == 0 || seen.error == TURBO_ENOMEM);
        turbo_form_free(seen.form);
        cr_expect_eq(open_descriptors(), before);
    } while (seen.error != 0);
    cr_assert_gt(nth, 6);
}

/* --- temporary files ----------------------------------------------------------------- */

Test(form, says_when_no_temporary_file_can_be_made)
{
    static const char body[] = PART("name=f; filename=x", "", "0123456789") END;
    turbo_form_options options = {
        .size = sizeof(options), .spool_past = 1, .directory = "/nonexistent/here"};
    outcome seen = read_stream(MULTIPART, &options, TURBO_STR(body), 1000);
    cr_expect_eq(seen.error, TURBO_EIO);
    cr_expect_not_null(strstr(turbo_error_detail(), "/nonexistent/here"), "%s",
                       turbo_error_detail());
}

Test(form, says_when_the_disk_is_full)
{
    int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
    cr_assert_geq(fd, 0);
    cr_expect_eq(turbo__spool_write(fd, TURBO_STR("x")), TURBO_ENOSPACE);
    (void)close(fd);
    cr_expect_eq(turbo__spool_write(-1, TURBO_STR("x")), TURBO_EIO);
    cr_expect_eq(turbo__spool_write(-1, TURBO_STR("")), 0);
}

Test(form, temporary_files_without_o_tmpfile)
{
    char directory[] = "/tmp/turbo-form-test-XXXXXX";
    char buffer[8];
    size_t got;
    int fd = -1;
    cr_assert_not_null(mkdtemp(directory));
    cr_assert_eq(turbo__spool_open_named(directory, &fd), 0);
    cr_expect_eq(rmdir(directory), 0, "nothing is left in it");
    cr_expect_eq(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    cr_expect_eq(turbo__spool_write(fd, TURBO_STR("hello")), 0);
    cr_expect_eq(turbo__spool_read(fd, 1, buffer, sizeof(buffer), &got), 0);
    cr_expect(got == 4 && memcmp(buffer, "ello", 4) == 0);
    (void)close(fd);
    cr_expect_eq(turbo__spool_read(fd, 1, buffer, sizeof(buffer), &got), TURBO_EIO);
    fd = -1;
    cr_expect_eq(turbo__spool_open_named(directory, &fd), TURBO_EIO);
    cr_expect_eq(fd, -1);
    (void)turbo__mem_fail_nth(1);
    cr_expect_eq(turbo__spool_open_named("/tmp", &fd), TURBO_ENOMEM);
    (void)turbo__mem_fail_nth(0);
}

/* --- answers for errors ----------------------------------------------------------------- */

Test(form, errors_become_answers)
{
    static const struct {
        int error;
        int status;
    } cases[] = {{TURBO_EMEDIA, 415},   {TURBO_EPROTOCOL, 400}, {TURBO_ELIMIT, 413},
                 {TURBO_ETIMEOUT, 408}, {TURBO_ENOSPACE, 507},  {TURBO_EIO, 500},
                 {TURBO_ENOMEM, 500}};
    char name[] = "/form";
    const turbo_route route = {.name = name};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        ask(MULTIPART, NULL, 0);
        request.route = &route;
        cr_assert_eq(turbo_response_header(&request.response, TURBO_STR("x"), TURBO_STR("y")), 0);
        cr_expect_eq(turbo_response_error(&request.response, cases[i].error), 0);
        cr_expect_eq(turbo_response_get_status(&request.response), cases[i].status);
        cr_expect_null(turbo__fields_find(&request.response.fields, TURBO_STR("x")));
    }
    cr_expect_eq(turbo_response_error(&request.response, 0), TURBO_EINVAL);
    request.pending.begun = true;
    cr_expect_eq(turbo_response_error(&request.response, TURBO_EIO), TURBO_ESTATE);
    request.pending.begun = false;
}
