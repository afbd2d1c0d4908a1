/* SPDX-License-Identifier: MIT */
#include "app/dispatch.h"

#include <string.h>

#include <criterion/criterion.h>

#include "base/mem.h"
#include "turbo/schema.h"

static turbo__application app;
static turbo_request request;
static const turbo__endpoints ends; /* no proxy is believed */
static turbo_handler *handler;
static int result; /* of the handler */
static int calls;

static int handle(turbo_request *self, turbo_response *response, void *user_data)
{
    (void)self;
    (void)user_data;
    calls++;
    (void)turbo_response_header(response, TURBO_STR("x-handler"), TURBO_STR("1"));
    return result;
}

static void post(turbo_request *self)
{
    (void)self;
}

static void lock_wait(turbo_request *self, bool waiting)
{
    (void)self;
    (void)waiting;
}

static const turbo__transport transport = {post, lock_wait};

static void set_up(const turbo_server_options *options)
{
    turbo_server_options defaults = {.size = sizeof(defaults)};
    result = 0;
    calls = 0;
    cr_assert_eq(turbo__application_init(&app, options != NULL ? options : &defaults), 0);
    cr_assert_eq(turbo_handler_new_func(handle, NULL, NULL, &handler), 0);
    cr_assert_eq(turbo__exchange_init(&request, &transport, NULL), 0);
    request.endpoints = &ends;
}

static void tear_down(void)
{
    turbo__exchange_destroy(&request);
    turbo__application_clear(&app);
    turbo_handler_unref(handler);
}

static int add(const char *method, const char *pattern)
{
    return turbo__application_add(&app, method, pattern, handler, NULL, NULL);
}

static int go(const char *method, const char *target, const char *body)
{
    turbo__exchange_reset(&request);
    request.method = turbo_cstr(method);
    turbo__url url;
    request.target = turbo_cstr(target);
    cr_assert_eq(turbo__url_split(request.target, &url), 0);
    request.body = turbo_cstr(body);
    request.body_complete = true;
    request.body_whole = true;
    int rc =
        turbo__fields_add(&request.headers, &request.arena, TURBO_STR("Host"), TURBO_STR("h:1"));
    rc = rc != 0 ? rc : turbo__exchange_target(&request, &url);
    rc = rc != 0 ? rc : turbo__dispatch_route(&app, &request);
    return rc != 0 ? rc : turbo__dispatch_call(&request);
}

static void answers(const char *method, const char *target, int status, const char *name,
                    const char *value)
{
    (void)go(method, target, NULL);
    cr_expect_eq(request.response.status, status, "%s %s: %d", method, target,
                 request.response.status);
    const turbo__field *field = turbo__fields_find(&request.response.fields, turbo_cstr(name));
    cr_expect_eq(field == NULL, value == NULL, "%s %s: %s", method, target, name);
    if (field != NULL && value != NULL) {
        cr_expect(turbo_str_equal(field->value, turbo_cstr(value)), "%s %s: %.*s", method, target,
                  (int)field->value.len, field->value.data);
    }
}

static void body_is(const char *text)
{
    turbo_str body = request.response.body;
    cr_expect(turbo_str_equal(body, turbo_cstr(text)), "%.*s", (int)body.len, body.data);
}

Test(dispatch, finds_routes_or_says_why_not)
{
    set_up(NULL);
    cr_assert_eq(add("GET", "/a"), 0);
    cr_assert_eq(add("DELETE, POST", "/a"), 0);
    answers("GET", "/a?q=1", 200, "x-handler", "1");
    cr_expect(turbo_str_equal(request.query, TURBO_STR("q=1")));
    answers("POST", "/a", 200, "x-handler", "1");
    answers("HEAD", "/a", 200, "x-handler", "1");
    cr_assert_eq(calls, 3);
    answers("PUT", "/a", 405, "allow", "GET, HEAD, DELETE, POST");
    body_is("{\"detail\":\"Method Not Allowed\"}");
    answers("GET", "/a/", 404, "location", NULL);
    body_is("{\"detail\":\"Not Found\"}");
    tear_down();
}

Test(dispatch, follows_fastapis_rules_when_asked)
{
    turbo_server_options options = {.size = sizeof(options),
                                    .strict_head = true,
                                    .allow_first = true,
                                    .redirect_slashes = true};
    set_up(&options);
    cr_assert_eq(add("GET", "/a"), 0);
    cr_assert_eq(add("POST", "/a"), 0);
    cr_assert_eq(add("GET", "/b/"), 0);
    answers("HEAD", "/a", 405, "allow", "GET");
    answers("PUT", "/a", 405, "allow", "GET");
    answers("GET", "/a/?x=1", 307, "location", "http://h:1/a?x=1");
    answers("POST", "/b", 307, "location", "http://h:1/b/");
    answers("GET", "/c/", 404, "location", NULL);
    answers("GET", "/", 404, "location", NULL);
    cr_assert_eq(calls, 0);
    tear_down();
}

Test(dispatch, turns_handler_errors_into_answers)
{
    static const struct {
        int result;
        int status;
    } cases[] = {
        {TURBO_ELIMIT, 413}, {TURBO_EJSON, 400},    {TURBO_EPROTOCOL, 400}, {TURBO_EINVALID, 422},
        {TURBO_ENOMEM, 500}, {TURBO_EHANDLER, 500}, {-9999, 500},           {7, 500}};
    set_up(NULL);
    cr_assert_eq(add("*", "/a"), 0);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        result = cases[i].result;
        answers("GET", "/a", cases[i].status, "x-handler", NULL);
    }
    body_is("Internal Server Error");
    result = TURBO_PENDING;
    cr_assert_eq(go("GET", "/a", NULL), TURBO_PENDING);
    tear_down();
}

static void add_validated(void)
{
    turbo_schema *schema;
    turbo_route_options options = {.size = sizeof(options)};
    cr_assert_eq(turbo_schema_compile(TURBO_STR("{\"type\":\"object\",\"required\":[\"n\"],"
                                                "\"properties\":{\"n\":{\"type\":\"integer\"}}}"),
                                      &schema),
                 0);
    options.body = schema;
    cr_assert_eq(turbo__application_add(&app, "POST", "/v", handler, &options, NULL), 0);
    turbo_schema_unref(schema); /* the route has its own reference */
}

Test(dispatch, validates_bodies)
{
    set_up(NULL);
    add_validated();
    cr_assert_eq(go("POST", "/v", "{\"n\":1}"), 0);
    cr_assert_eq(request.response.status, 200);
    cr_assert_eq(calls, 1);
    static const char *const bad[][2] = {{"{}", "[\"body\",\"n\"]"},
                                         {"{\"n\":\"x\"}", "[\"body\",\"n\"]"},
                                         {"{\"n\":", "\"json_invalid\""},
                                         {"", "\"json_invalid\""}};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        cr_assert_eq(go("POST", "/v", bad[i][0]), 0);
        cr_expect_eq(request.response.status, 422, "%s", bad[i][0]);
        char text[1024] = {0};
        cr_assert_lt(request.response.body.len, sizeof(text));
        memcpy(text, request.response.body.data, request.response.body.len);
        cr_expect_eq(strncmp(text, "{\"detail\":[{", 12), 0, "%s", text);
        cr_expect_not_null(strstr(text, bad[i][1]), "%s", text);
    }
    cr_assert_eq(calls, 1);
    tear_down();
}

/* Every allocation on the way fails once: the answer is an error then, never a wrong success. */
static void starve(const char *method, const char *target, const char *body, int status)
{
    unsigned long nth = 0;
    int rc;
    do {
        turbo__exchange_destroy(&request);
        cr_assert_eq(turbo__exchange_init(&request, &transport, NULL), 0);
        request.endpoints = &ends;
        (void)turbo__mem_fail_nth(++nth);
        rc = go(method, target, body);
        (void)turbo__mem_fail_nth(0);
        cr_assert(rc == TURBO_ENOMEM || request.response.status == status ||
                      request.response.status == 500,
                  "%s %s allocation %lu: %d, status %d", method, target, nth, rc,
                  request.response.status);
        cr_assert_lt(nth, 1000);
    } while (rc < 0 || request.response.status != status);
    cr_assert_gt(nth, 1);
}

Test(dispatch, survives_want_of_memory)
{
    turbo_server_options options = {.size = sizeof(options), .redirect_slashes = true};
    set_up(&options);
    cr_assert_eq(add("GET", "/a"), 0);
    add_validated();
    starve("PUT", "/a", NULL, 405);
    starve("GET", "/a/", NULL, 307);
    starve("GET", "/none", NULL, 404);
    starve("POST", "/v", "{\"n\":\"x\"}", 422);
    starve("POST", "/v", "{", 422);
    tear_down();
}

Test(application, refuses_what_cannot_be_registered)
{
    turbo_route_options options = {.size = sizeof(options), .no_body_limit = true};
    turbo_route *route = NULL;
    set_up(NULL);
    cr_assert_eq(add("GET,POST", "/a"), 0);
    cr_assert_eq(add("POST", "/a"), TURBO_ECONFLICT);
    cr_assert_eq(add("PUT, GET", "/a"), TURBO_ECONFLICT);
    answers("PUT", "/a", 405, "allow", "GET, HEAD, POST"); /* nothing half-registered */
    cr_assert_eq(add("GET,,POST", "/b"), TURBO_EINVAL);
    cr_assert_eq(add("GET,", "/b"), TURBO_EINVAL);
    cr_assert_eq(add("", "/b"), TURBO_EINVAL);
    cr_assert_eq(add("G T", "/b"), TURBO_EINVAL);
    cr_assert_eq(add(NULL, "/b"), TURBO_EINVAL);
    cr_assert_eq(add("GET", NULL), TURBO_EINVAL);
    cr_assert_eq(add("GET", "b"), TURBO_EPATTERN);
    cr_assert_eq(add("GET", "/{"), TURBO_EPATTERN);
    cr_assert_eq(turbo__application_add(&app, "GET", "/b", NULL, NULL, &route), TURBO_EINVAL);
    cr_assert_eq(turbo__application_add(&app, "GET", "/b", handler, &options, &route),
                 TURBO_EOPTION);
    cr_assert_null(route);
    answers("GET", "/b", 404, "allow", NULL);
    tear_down();
}

Test(application, keeps_route_options)
{
    char name[] = "item";
    turbo_route_options options = {.size = sizeof(options), .name = name, .max_body = 5};
    turbo_route *route = NULL;
    set_up(NULL);
    cr_assert_eq(turbo__application_add(&app, "GET", "/i/{id}", handler, &options, &route), 0);
    name[0] = 'x';
    cr_assert_str_eq(turbo_route_name(route), "item");
    cr_assert_str_eq(turbo_route_pattern(route), "/i/{id}");
    cr_assert_eq(route->max_body, 5);
    cr_assert_eq(turbo__application_add(&app, "GET", "/j", handler, NULL, &route), 0);
    cr_assert_str_eq(turbo_route_name(route), "/j");
    cr_assert_eq(route->max_body, app.settings.max_body);
    tear_down();
}

Test(application, survives_want_of_memory)
{
    set_up(NULL);
    unsigned long nth = 0;
    int rc;
    do {
        (void)turbo__mem_fail_nth(++nth);
        rc = add("GET, POST", "/x/{id:int}/y");
        (void)turbo__mem_fail_nth(0);
        cr_assert(rc == 0 || rc == TURBO_ENOMEM, "allocation %lu: %d", nth, rc);
    } while (rc != 0);
    cr_assert_gt(nth, 4);
    answers("POST", "/x/7/y", 200, "x-handler", "1");
    tear_down();
}
