/* SPDX-License-Identifier: MIT */
#include "app/cors.h"

#include <stdio.h>

#include <criterion/criterion.h>

#include "base/mem.h"
#include "turbo/error.h"

enum { MAX_FIELDS = 6 };

typedef struct field {
    const char *name, *value;
} field;

typedef struct exchange {
    const char *method;
    field request[MAX_FIELDS];
    field response[MAX_FIELDS]; /* what the handler has set */
} exchange;

static const turbo_str any[] = {{"*", 1}};
static const turbo_str two_origins[] = {{"https://a.example", 17}, {"https://b.example", 17}};
static const turbo_str plain_origin[] = {{"http://c", 8}};
static const turbo_str get_post[] = {{"GET", 3}, {"POST", 4}};
static const turbo_str some_headers[] = {{"X-Token", 7}, {"Accept", 6}, {"a-low", 5}};
static const turbo_str exposed[] = {{"X-A", 3}, {"X-B", 3}};

#define SIZE .size = sizeof(turbo_cors_options)

static const turbo_cors_options rules[] = {
    {SIZE, .origins = any, .origin_count = 1},
    {SIZE, .origins = any, .origin_count = 1, .methods = any, .method_count = 1, .headers = any,
     .header_count = 1, .exposed_headers = exposed, .exposed_header_count = 2, .credentials = true,
     .max_age = 5},
    {SIZE, .origins = two_origins, .origin_count = 2, .methods = get_post, .method_count = 2,
     .headers = some_headers, .header_count = 3},
    {SIZE, .origins = two_origins, .origin_count = 1, .headers = any, .header_count = 1,
     .exposed_headers = exposed, .exposed_header_count = 1, .credentials = true},
    {SIZE, .origins = plain_origin, .origin_count = 1,
     .origin_regex = "https://(a|[a-z]+\\.b)\\.example"},
    {SIZE},
};

static const exchange exchanges[] = {
    {"GET", {{0}}, {{0}}},
    {"GET", {{"Origin", "https://a.example"}}, {{0}}},
    {"GET",
     {{"Origin", "https://evil"}},
     {{"Vary", "Accept"}, {"x", "1"}, {"vary", "Accept-Encoding"}}},
    {"GET",
     {{"Origin", "https://x.b.example"}},
     {{"access-control-allow-origin", "old"}, {"access-control-allow-origin", "older"}}},
    {"OPTIONS", {{"Origin", "https://a.example"}}, {{0}}},
    {"OPTIONS", {{"Access-Control-Request-Method", "GET"}}, {{"vary", "Origin"}}},
    {"OPTIONS", {{"Origin", "https://a.example"}, {"Access-Control-Request-Method", "GET"}}, {{0}}},
    {"OPTIONS",
     {{"Origin", "https://evil"},
      {"Access-Control-Request-Method", "PUT"},
      {"Access-Control-Request-Headers", "x-token, nope"},
      {"Access-Control-Request-Private-Network", "true"}},
     {{0}}},
    {"OPTIONS",
     {{"origin", "https://b.example"},
      {"access-control-request-method", "POST"},
      {"access-control-request-headers", "X-TOKEN,\taccept , A-LOW"}},
     {{0}}},
    {"OPTIONS",
     {{"Origin", "https://a.exampleX"},
      {"Access-Control-Request-Method", "QUERY"},
      {"Access-Control-Request-Headers", ""}},
     {{0}}},
    {"OPTIONS",
     {{"Origin", ""},
      {"Access-Control-Request-Method", "get"},
      {"Access-Control-Request-Headers", "accept,,accept"}},
     {{0}}},
};

/* For each of `rules` and `exchanges` what CORSMiddleware of Starlette 1.10 sent: status and text
 * of a preflight answer, then all fields (without Content-Length, which the writer adds). */
static const struct {
    size_t rule, exchange;
    const char *expected;
} cases[] = {
    {0, 0, "vary: Origin\n"},
    {0, 1,
     "access-control-allow-origin: *\n"
     "vary: Origin\n"},
    {0, 2,
     "vary: Accept, Accept-Encoding, Origin\n"
     "x: 1\n"
     "access-control-allow-origin: *\n"},
    {0, 3,
     "access-control-allow-origin: *\n"
     "vary: Origin\n"},
    {0, 4,
     "access-control-allow-origin: *\n"
     "vary: Origin\n"},
    {0, 5, "vary: Origin, Origin\n"},
    {0, 6,
     "200 OK\n"
     "vary: Origin, Access-Control-Request-Method, Access-Control-Request-Headers, "
     "Access-Control-Request-Private-Network\n"
     "access-control-allow-origin: *\n"
     "access-control-allow-methods: GET\n"
     "access-control-max-age: 600\n"
     "access-control-allow-headers: Accept, Accept-Language, Content-Language, Content-Type\n"
     "content-type: text/plain; charset=utf-8\n"},
    {0, 7,
     "400 Disallowed CORS method, headers, private-network\n"
     "vary: Origin, Access-Control-Request-Method, Access-Control-Request-Headers, "
     "Access-Control-Request-Private-Network\n"
     "access-control-allow-origin: *\n"
     "access-control-allow-methods: GET\n"
     "access-control-max-age: 600\n"
     "access-control-allow-headers: Accept, Accept-Language, Content-Language, Content-Type\n"
     "content-type: text/plain; charset=utf-8\n"},
    {0, 8,
     "400 Disallowed CORS method, headers\n"
     "vary: Origin, Access-Control-Request-Method, Access-Control-Request-Headers, "
     "Access-Control-Request-Private-Network\n"
     "access-control-allow-origin: *\n"
     "access-control-allow-methods: GET\n"
     "access-control-max-age: 600\n"
     "access-control-allow-headers: Accept, Accept-Language, Content-Language, Content-Type\n"
     "content-type: text/plain; charset=utf-8\n"},
    {0, 9,
     "400 Disallowed CORS method, headers\n"
     "vary: Origin, Access-Control-Request-Method, Access-Control-Request-Headers, "
     "Access-Control-Request-Private-Network\n"
     "access-control-allow-origin: *\n"
     "access-control-allow-methods: GET\n"
     "access-control-max-age: 600\n"
     "access-control-allow-headers: Accept, Accept-Language, Content-Language, Content-Type\n"
     "content-type: text/plain; charset=utf-8\n"},
    {0, 10,
     "400 Disallowed CORS method, headers\n"
     "vary: Origin, Access-Control-Request-Method, Access-Control-Request-Headers, "
     "Access-Control-Request-Private-Network\n"
     "access-control-allow-origin: *\n"
     "access-control-allow-methods: GET\n"
     "access-control-max-age: 600\n"
     "access-control-allow-headers: Accept, Accept-Language, Content-Language, Content-Type\n"
     "content-type: text/plain; charset=utf-8\n"},
    {1, 0, "vary: Origin\n"},
    {1, 1,
     "access-control-allow-origin: https://a.example\n"
     "access-control-allow-credentials: true\n"
     "access-control-expose-headers: X-A, X-B\n"
     "vary: Origin\n"},
    {1, 2,
     "vary: Accept, Accept-Encoding, Origin\n"
     "x: 1\n"
     "access-control-allow-origin: https://evil\n"
     "access-control-allow-credentials: true\n"
     "access-control-expose-headers: X-A, X-B\n"},
    {1, 3,
     "access-control-allow-origin: https://x.b.example\n"
     "access-control-allow-credentials: true\n"
     "access-control-expose-headers: X-A, X-B\n"
     "vary: Origin\n"},
    {1, 4,
     "access-control-allow-origin: https://a.example\n"
     "access-control-allow-credentials: true\n"
     "access-control-expose-headers: X-A, X-B\n"
     "vary: Origin\n"},
    {1, 5, "vary: Origin, Origin\n"},
    {1, 6,
     "200 OK\n"
     "vary: Origin, Access-Control-Request-Method, Access-Control-Request-Headers, "
     "Access-Control-Request-Private-Network\n"
     "access-control-allow-methods: DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT, QUERY\n"
     "access-control-max-age: 5\n"
     "access-control-allow-credentials: true\n"
     "access-control-allow-origin: https://a.example\n"
     "content-type: text/plain; charset=utf-8\n"},
    {1, 7,
     "400 Disallowed CORS private-network\n"
     "vary: Origin, Access-Control-Request-Method, Access-Control-Request-Headers, "
     "Access-Control-Request-Private-Network\n"
     "access-control-allow-methods: DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT, QUERY\n"
     "access-control-max-age: 5\n"
     "access-control-allow-credentials: true\n"
     "access-control-allow-origin: https://evil\n"
     "access-control-allow-headers: x-token, nope\n"
     "content-type: text/plain; charset=utf-8\n"},
    {1, 8,
     "200 OK\n"
     "vary: Origin, Access-Control-Request-Method, Access-Control-Request-Headers, "
     "Access-Control-Request-Private-Network\n"
     "access-control-allow-methods: DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT, QUERY\n"
     "access-control-max-age: 5\n"
     "access-control-allow-credentials: true\n"
     "access-control-allow-origin: https://b.example\n"
     "access-control-allow-headers: X-TOKEN,\x09"
     "accept , A-LOW\n"
     "content-type: text/plain; charset=utf-8\n"},
    {1, 9,
     "200 OK\n"
     "vary: Origin, Access-Control-Request-Method, Access-Control-Request-Headers, "
     "Access-Control-Request-Private-Network\n"
     "access-control-allow-methods: DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT, QUERY\n"
     "access-control-max-age: 5\n"
     "access-control-allow-credentials: true\n"
     "access-control-allow-origin: https://a.exampleX\n"
     "access-control-allow-headers: \n"
     "content-type: text/plain; charset=utf-8\n"},
    {1, 10,
     "400 Disallowed CORS method\n"
     "vary: Origin, Access-Control-Request-Method, Access-Control-Request-Headers, "
     "Access-Control-Request-Private-Network\n"
     "access-control-allow-methods: DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT, QUERY\n"
     "access-control-max-age: 5\n"
     "access-control-allow-credentials: true\n"
     "access-control-allow-origin: \n"
     "access-control-allow-headers: accept,,accept\n"
     "content-type: text/plain; charset=utf-8\n"},
    {2, 0, "vary: Origin\n"},
    {2, 1,
     "access-control-allow-origin: https://a.example\n"
     "vary: Origin\n"},
    {2, 2,
     "vary: Accept, Accept-Encoding, Origin\n"
     "x: 1\n"},
    {2, 3,
     "access-control-allow-origin: old\n"
     "access-control-allow-origin: older\n"
     "vary: Origin\n"},
    {2, 4,
     "access-control-allow-origin: https://a.example\n"
     "vary: Origin\n"},
    {2, 5, "vary: Origin, Origin\n"},
    {2, 6,
     "200 OK\n"
     "vary: Origin, Access-Control-Request-Method, Access-Control-Request-Headers, "
     "Access-Control-Request-Private-Network\n"
     "access-control-allow-methods: GET, POST\n"
     "access-control-max-age: 600\n"
     "access-control-allow-headers: Accept, Accept-Language, Content-Language, Content-Type, "
     "X-Token, a-low\n"
     "access-control-allow-origin: https://a.example\n"
     "content-type: text/plain; charset=utf-8\n"},
    {2, 7,
     "400 Disallowed CORS origin, method, headers, private-network\n"
     "vary: Origin, Access-Control-Request-Method, Access-Control-Request-Headers, "
     "Access-Control-Request-Private-Network\n"
     "access-control-allow-methods: GET, POST\n"
     "access-control-max-age: 600\n"
     "access-control-allow-headers: Accept, Accept-Language, Content-Language, Content-Type, "
     "X-Token, a-low\n"
     "content-type: text/plain; charset=utf-8\n"},
    {2, 8,
     "200 OK\n"
     "vary: Origin, Access-Control-Request-Method, Access-Control-Request-Headers, "
     "Access-Control-Request-Private-Network\n"
     "access-control-allow-methods: GET, POST\n"
     "access-control-max-age: 600\n"
     "access-control-allow-headers: Accept, Accept-Language, Content-Language, Content-Type, "
     "X-Token, a-low\n"
     "access-control-allow-origin: https://b.example\n"
     "content-type: text/plain; charset=utf-8\n"},
    {2, 9,
     "400 Disallowed CORS origin, method, headers\n"
     "vary: Origin, Access-Control-Request-Method, Access-Control-Request-Headers, "
     "Access-Control-Request-Private-Network\n"
     "access-control-allow-methods: GET, POST\n"
     "access-control-max-age: 600\n"
     "access-control-allow-headers: Accept, Accept-Language, Content-Language, Content-Type, "
     "X-Token, a-low\n"
     "content-type: text/plain; charset=utf-8\n"},
    {2, 10,
     "400 Disallowed CORS origin, method, headers\n"
     "vary: Origin, Access-Control-Request-Method, Access-Control-Request-Headers, "
     "Access-Control-Request-Private-Network\n"
     "access-control-allow-methods: GET, POST\n"
     "access-control-max-age: 600\n"
     "access-control-allow-headers: Accept, Accept-Language, Content-Language, Content-Type, "
     "X-Token, a-low\n"
     "content-type: text/plain; charset=utf-8\n"},
    {3, 0, "vary: Origin\n"},
    {3, 1,
     "access-control-allow-credentials: true\n"
     "access-control-expose-headers: X-A\n"
     "access-control-allow-origin: https://a.example\n"
     "vary: Origin\n"},
    {3, 2,
     "vary: Accept, Accept-Encoding, Origin\n"
     "x: 1\n"
     "access-control-allow-credentials: true\n"
     "access-control-expose-headers: X-A\n"},
    {3, 3,
     "access-control-allow-origin: old\n"
     "access-control-allow-origin: older\n"
     "access-control-allow-credentials: true\n"
     "access-control-expose-headers: X-A\n"
     "vary: Origin\n"},
    {3, 4,
     "access-control-allow-credentials: true\n"
     "access-control-expose-headers: X-A\n"
     "access-control-allow-origin: https://a.example\n"
     "vary: Origin\n"},
    {3, 5, "vary: Origin, Origin\n"},
    {3, 6,
     "200 OK\n"
     "vary: Origin, Access-Control-Request-Method, Access-Control-Request-Headers, "
     "Access-Control-Request-Private-Network\n"
     "access-control-allow-methods: GET\n"
     "access-control-max-age: 600\n"
     "access-control-allow-credentials: true\n"
     "access-control-allow-origin: https://a.example\n"
     "content-type: text/plain; charset=utf-8\n"},
    {3, 7,
     "400 Disallowed CORS origin, method, private-network\n"
     "vary: Origin, Access-Control-Request-Method, Access-Control-Request-Headers, "
     "Access-Control-Request-Private-Network\n"
     "access-control-allow-methods: GET\n"
     "access-control-max-age: 600\n"
     "access-control-allow-credentials: true\n"
     "access-control-allow-headers: x-token, nope\n"
     "content-type: text/plain; charset=utf-8\n"},
    {3, 8,
     "400 Disallowed CORS origin, method\n"
     "vary: Origin, Access-Control-Request-Method, Access-Control-Request-Headers, "
     "Access-Control-Request-Private-Network\n"
     "access-control-allow-methods: GET\n"
     "access-control-max-age: 600\n"
     "access-control-allow-credentials: true\n"
     "access-control-allow-headers: X-TOKEN,\x09"
     "accept , A-LOW\n"
     "content-type: text/plain; charset=utf-8\n"},
    {3, 9,
     "400 Disallowed CORS origin, method\n"
     "vary: Origin, Access-Control-Request-Method, Access-Control-Request-Headers, "
     "Access-Control-Request-Private-Network\n"
     "access-control-allow-methods: GET\n"
     "access-control-max-age: 600\n"
     "access-control-allow-credentials: true\n"
     "access-control-allow-headers: \n"
     "content-type: text/plain; charset=utf-8\n"},
    {3, 10,
     "400 Disallowed CORS origin, method\n"
     "vary: Origin, Access-Control-Request-Method, Access-Control-Request-Headers, "
     "Access-Control-Request-Private-Network\n"
     "access-control-allow-methods: GET\n"
     "access-control-max-age: 600\n"
     "access-control-allow-credentials: true\n"
     "access-control-allow-headers: accept,,accept\n"
     "content-type: text/plain; charset=utf-8\n"},
    {4, 0, "vary: Origin\n"},
    {4, 1,
     "access-control-allow-origin: https://a.example\n"
     "vary: Origin\n"},
    {4, 2,
     "vary: Accept, Accept-Encoding, Origin\n"
     "x: 1\n"},
    {4, 3,
     "access-control-allow-origin: https://x.b.example\n"
     "vary: Origin\n"},
    {4, 4,
     "access-control-allow-origin: https://a.example\n"
     "vary: Origin\n"},
    {4, 5, "vary: Origin, Origin\n"},
    {4, 6,
     "200 OK\n"
     "vary: Origin, Access-Control-Request-Method, Access-Control-Request-Headers, "
     "Access-Control-Request-Private-Network\n"
     "access-control-allow-methods: GET\n"
     "access-control-max-age: 600\n"
     "access-control-allow-headers: Accept, Accept-Language, Content-Language, Content-Type\n"
     "access-control-allow-origin: https://a.example\n"
     "content-type: text/plain; charset=utf-8\n"},
    {4, 7,
     "400 Disallowed CORS origin, method, headers, private-network\n"
     "vary: Origin, Access-Control-Request-Method, Access-Control-Request-Headers, "
     "Access-Control-Request-Private-Network\n"
     "access-control-allow-methods: GET\n"
     "access-control-max-age: 600\n"
     "access-control-allow-headers: Accept, Accept-Language, Content-Language, Content-Type\n"
     "content-type: text/plain; charset=utf-8\n"},
    {4, 8,
     "400 Disallowed CORS origin, method, headers\n"
     "vary: Origin, Access-Control-Request-Method, Access-Control-Request-Headers, "
     "Access-Control-Request-Private-Network\n"
     "access-control-allow-methods: GET\n"
     "access-control-max-age: 600\n"
     "access-control-allow-headers: Accept, Accept-Language, Content-Language, Content-Type\n"
     "content-type: text/plain; charset=utf-8\n"},
    {4, 9,
     "400 Disallowed CORS origin, method, headers\n"
     "vary: Origin, Access-Control-Request-Method, Access-Control-Request-Headers, "
     "Access-Control-Request-Private-Network\n"
     "access-control-allow-methods: GET\n"
     "access-control-max-age: 600\n"
     "access-control-allow-headers: Accept, Accept-Language, Content-Language, Content-Type\n"
     "content-type: text/plain; charset=utf-8\n"},
    {4, 10,
     "400 Disallowed CORS origin, method, headers\n"
     "vary: Origin, Access-Control-Request-Method, Access-Control-Request-Headers, "
     "Access-Control-Request-Private-Network\n"
     "access-control-allow-methods: GET\n"
     "access-control-max-age: 600\n"
     "access-control-allow-headers: Accept, Accept-Language, Content-Language, Content-Type\n"
     "content-type: text/plain; charset=utf-8\n"},
    {5, 0, "vary: Origin\n"},
    {5, 1, "vary: Origin\n"},
    {5, 2,
     "vary: Accept, Accept-Encoding, Origin\n"
     "x: 1\n"},
    {5, 3,
     "access-control-allow-origin: old\n"
     "access-control-allow-origin: older\n"
     "vary: Origin\n"},
    {5, 4, "vary: Origin\n"},
    {5, 5, "vary: Origin, Origin\n"},
    {5, 6,
     "400 Disallowed CORS origin\n"
     "vary: Origin, Access-Control-Request-Method, Access-Control-Request-Headers, "
     "Access-Control-Request-Private-Network\n"
     "access-control-allow-methods: GET\n"
     "access-control-max-age: 600\n"
     "access-control-allow-headers: Accept, Accept-Language, Content-Language, Content-Type\n"
     "content-type: text/plain; charset=utf-8\n"},
    {5, 7,
     "400 Disallowed CORS origin, method, headers, private-network\n"
     "vary: Origin, Access-Control-Request-Method, Access-Control-Request-Headers, "
     "Access-Control-Request-Private-Network\n"
     "access-control-allow-methods: GET\n"
     "access-control-max-age: 600\n"
     "access-control-allow-headers: Accept, Accept-Language, Content-Language, Content-Type\n"
     "content-type: text/plain; charset=utf-8\n"},
    {5, 8,
     "400 Disallowed CORS origin, method, headers\n"
     "vary: Origin, Access-Control-Request-Method, Access-Control-Request-Headers, "
     "Access-Control-Request-Private-Network\n"
     "access-control-allow-methods: GET\n"
     "access-control-max-age: 600\n"
     "access-control-allow-headers: Accept, Accept-Language, Content-Language, Content-Type\n"
     "content-type: text/plain; charset=utf-8\n"},
    {5, 9,
     "400 Disallowed CORS origin, method, headers\n"
     "vary: Origin, Access-Control-Request-Method, Access-Control-Request-Headers, "
     "Access-Control-Request-Private-Network\n"
     "access-control-allow-methods: GET\n"
     "access-control-max-age: 600\n"
     "access-control-allow-headers: Accept, Accept-Language, Content-Language, Content-Type\n"
     "content-type: text/plain; charset=utf-8\n"},
    {5, 10,
     "400 Disallowed CORS origin, method, headers\n"
     "vary: Origin, Access-Control-Request-Method, Access-Control-Request-Headers, "
     "Access-Control-Request-Private-Network\n"
     "access-control-allow-methods: GET\n"
     "access-control-max-age: 600\n"
     "access-control-allow-headers: Accept, Accept-Language, Content-Language, Content-Type\n"
     "content-type: text/plain; charset=utf-8\n"},
};

static int fill(turbo__fields *fields, turbo__arena *arena, const field *from)
{
    int rc = 0;
    for (size_t i = 0; i < MAX_FIELDS && from[i].name != NULL && rc == 0; i++) {
        rc = turbo__fields_add(fields, arena, turbo_cstr(from[i].name), turbo_cstr(from[i].value));
    }
    return rc;
}

/* Runs one exchange; `shown` (of `room` bytes) gets the text form of its answer. */
static int run(const turbo__cors *cors, const exchange *with, turbo__arena *arena, char *shown,
               size_t room)
{
    turbo__fields request = {0};
    turbo__fields response = {0};
    size_t len = 0;
    int rc = fill(&request, arena, with->request);
    if (rc == 0 && turbo__cors_is_preflight(turbo_cstr(with->method), &request)) {
        int status = 0;
        turbo_str body = {NULL, 0};
        rc = turbo__cors_preflight(cors, &request, arena, &response, &status, &body);
        len = (size_t)snprintf(shown, room, "%d %.*s\n", status, (int)body.len, body.data);
    } else if (rc == 0) {
        rc = fill(&response, arena, with->response);
        rc = rc == 0 ? turbo__cors_decorate(cors, &request, arena, &response) : rc;
    }
    for (size_t i = 0; i < response.count && rc == 0; i++) {
        const turbo__field *item = &response.items[i];
        len += (size_t)snprintf(shown + len, room - len, "%.*s: %.*s\n", (int)item->name.len,
                                item->name.data, (int)item->value.len, item->value.data);
        cr_assert_lt(len, room);
    }
    return rc;
}

Test(cors, answers_as_starlette_does)
{
    cr_assert_eq(sizeof(cases) / sizeof(cases[0]),
                 sizeof(rules) / sizeof(rules[0]) * (sizeof(exchanges) / sizeof(exchanges[0])));
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char shown[2048];
        turbo__cors *cors;
        turbo__arena arena;
        turbo__arena_init(&arena);
        cr_assert_eq(turbo__cors_new(&rules[cases[i].rule], &cors), 0);
        cr_assert_eq(run(cors, &exchanges[cases[i].exchange], &arena, shown, sizeof(shown)), 0);
        cr_assert_str_eq(shown, cases[i].expected, "rule %zu, exchange %zu", cases[i].rule,
                         cases[i].exchange);
        turbo__cors_free(cors);
        turbo__arena_clear(&arena);
    }
}

Test(cors, survives_missing_memory)
{
    for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
        turbo__cors *cors = NULL;
        int rc = TURBO_ENOMEM;
        for (unsigned long n = 1; rc != 0; n++) {
            turbo__mem_fail_nth(n);
            rc = turbo__cors_new(&rules[i], &cors);
            turbo__mem_fail_nth(0);
            cr_assert(rc == 0 || (rc == TURBO_ENOMEM && cors == NULL));
        }
        for (size_t k = 0; k < sizeof(exchanges) / sizeof(exchanges[0]); k++) {
            unsigned long n = 0;
            rc = TURBO_ENOMEM;
            while (rc != 0) {
                char shown[2048];
                turbo__arena arena;
                turbo__arena_init(&arena);
                /* Allocations start with a block that is nearly full. */
                cr_assert_not_null(turbo__arena_alloc(&arena, 3900));
                turbo__mem_fail_nth(++n);
                rc = run(cors, &exchanges[k], &arena, shown, sizeof(shown));
                turbo__mem_fail_nth(0);
                cr_assert(rc == 0 || rc == TURBO_ENOMEM);
                turbo__arena_clear(&arena);
            }
            cr_assert_gt(n, 1);
        }
        turbo__cors_free(cors);
    }
}

static bool allows(const turbo__cors *cors, turbo_str origin)
{
    turbo__arena arena;
    turbo__fields request = {0};
    turbo__fields response = {0};
    turbo__arena_init(&arena);
    cr_assert_eq(turbo__fields_add(&request, &arena, TURBO_STR("Origin"), origin), 0);
    cr_assert_eq(turbo__cors_decorate(cors, &request, &arena, &response), 0);
    const turbo__field *found =
        turbo__fields_find(&response, TURBO_STR("access-control-allow-origin"));
    bool allowed = found != NULL && turbo_str_equal(found->value, origin);
    cr_assert(found == NULL || found->value.data != origin.data, "the origin is copied");
    turbo__arena_clear(&arena);
    return allowed;
}

Test(cors, matches_whole_origins)
{
    static const struct {
        const char *regex, *origin;
        bool allowed;
    } matches[] = {
        {"a|ab", "ab", true},
        {"a|ab", "abc", false},
        {"a|b", "xb", false},
        {"a", "a\nb", false},
        {"^a$", "a", true},
        {"a.c", "abc", true},
        {"", "", true},
        {"", "a", false},
        {"A", "a", false},
        {"https://.*", "https://x", true},
        {"https://.*", "http://x", false},
    };
    for (size_t i = 0; i < sizeof(matches) / sizeof(matches[0]); i++) {
        turbo_cors_options options = {SIZE, .origin_regex = matches[i].regex};
        turbo__cors *cors;
        cr_assert_eq(turbo__cors_new(&options, &cors), 0);
        cr_assert_eq(allows(cors, turbo_cstr(matches[i].origin)), matches[i].allowed, "%s %s",
                     matches[i].regex, matches[i].origin);
        turbo__cors_free(cors);
    }
}

Test(cors, bounds_what_the_regex_sees)
{
    turbo_cors_options options = {SIZE, .origin_regex = ".*"};
    char origin[TURBO__CORS_MAX_ORIGIN + 1];
    memset(origin, 'a', sizeof(origin));
    turbo__cors *cors;
    cr_assert_eq(turbo__cors_new(&options, &cors), 0);
    turbo_str view = {origin, TURBO__CORS_MAX_ORIGIN};
    cr_assert(allows(cors, view));
    view.len++;
    cr_assert_not(allows(cors, view));
    turbo_str nul = TURBO_STR("a\0b");
    cr_assert_not(allows(cors, nul));
    turbo__cors_free(cors);
}

Test(cors, finds_one_of_many_origins)
{
    enum { ORIGINS = 300 };
    static char text[ORIGINS][16];
    static turbo_str origins[ORIGINS];
    for (size_t i = 0; i < ORIGINS; i++) {
        (void)snprintf(text[i], sizeof(text[i]), "http://h%zu", (i * 7) % ORIGINS);
        origins[i] = turbo_cstr(text[i]);
    }
    turbo_cors_options options = {SIZE, .origins = origins, .origin_count = ORIGINS};
    turbo__cors *cors;
    cr_assert_eq(turbo__cors_new(&options, &cors), 0);
    for (size_t i = 0; i < ORIGINS; i++) {
        cr_assert(allows(cors, origins[i]));
    }
    cr_assert_not(allows(cors, TURBO_STR("http://h300")));
    cr_assert_not(allows(cors, TURBO_STR("http://h")));
    cr_assert_not(allows(cors, TURBO_STR("")));
    turbo__cors_free(cors);
}

Test(cors, refuses_options)
{
    static const turbo_str broken[] = {{"https://a\r\nx: y", 15}};
    const turbo_cors_options bad[] = {
        {.size = 3},
        {SIZE, .origins = NULL, .origin_count = 1},
        {SIZE, .origins = broken, .origin_count = 1},
        {SIZE, .methods = broken, .method_count = 1},
        {SIZE, .headers = broken, .header_count = 1},
        {SIZE, .exposed_headers = broken, .exposed_header_count = 1},
        {SIZE, .origin_regex = "("},
        {SIZE, .origin_regex = "a)|(b"},
        {SIZE, .origin_regex = "["},
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        turbo__cors *cors = NULL;
        cr_assert_eq(turbo__cors_new(&bad[i], &cors), TURBO_EOPTION, "%zu", i);
        cr_assert_null(cors);
        cr_assert_neq(turbo_error_detail()[0], '\0');
    }
    turbo__cors_free(NULL);
}

Test(cors, copies_options)
{
    char origin[] = "http://a";
    turbo_str origins[] = {{origin, sizeof(origin) - 1}};
    turbo_cors_options options = {SIZE, .origins = origins, .origin_count = 1};
    turbo__cors *cors;
    cr_assert_eq(turbo__cors_new(&options, &cors), 0);
    memset(origin, 'x', sizeof(origin) - 1);
    origins[0].len = 0;
    cr_assert(allows(cors, TURBO_STR("http://a")));
    cr_assert_not(allows(cors, TURBO_STR("xxxxxxxx")));
    turbo__cors_free(cors);
}
