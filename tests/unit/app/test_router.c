/* SPDX-License-Identifier: MIT */
#include "app/router.h"

#include <stdio.h>
#include <stdlib.h>

#include <criterion/criterion.h>

#include "base/mem.h"
#include "turbo/error.h"

enum { MAX_ROUTES = 8, MAX_LOOKUPS = 16, MAX_METHODS = 8 };

/* What matches: the pattern with all values, or "405 <all methods> | <methods of the first>", or
 * "404". Computed with Starlette 1.10's compile_path and Python's re, in order of registration. */
typedef struct lookup {
    const char *method, *path, *expected;
} lookup;

typedef struct routing_case {
    const char *title;
    const char *routes[MAX_ROUTES]; /* "GET,POST /pattern" */
    lookup lookups[MAX_LOOKUPS];
} routing_case;

static const routing_case cases[] = {
    {"first registered wins",
     {"GET /u/{id}", "GET /u/me", "GET /{x}/me", "GET /u/{id:int}"},
     {{"GET", "/u/me", "/u/{id} id=[me]"},
      {"GET", "/u/megan", "/u/{id} id=[megan]"},
      {"GET", "/v/me", "/{x}/me x=[v]"},
      {"GET", "/u/7", "/u/{id} id=[7]"},
      {"GET", "/u", "404"},
      {"GET", "/u/", "404"}}},
    {"literal first",
     {"GET /users/me", "GET /users/{id}", "GET /users/{id}/posts", "GET /users/me/{x}"},
     {{"GET", "/users/me", "/users/me"},
      {"GET", "/users/megan", "/users/{id} id=[megan]"},
      {"GET", "/users/m", "/users/{id} id=[m]"},
      {"GET", "/users/me/posts", "/users/{id}/posts id=[me]"},
      {"GET", "/users/you/posts", "/users/{id}/posts id=[you]"},
      {"GET", "/users/me/x", "/users/me/{x} x=[x]"},
      {"GET", "/users//posts", "404"}}},
    {"backtracking over branches",
     {"GET /a/{x}/c", "GET /{y}/b/d", "GET /{p:path}/e"},
     {{"GET", "/a/b/c", "/a/{x}/c x=[b]"},
      {"GET", "/a/b/d", "/{y}/b/d y=[a]"},
      {"GET", "/a/b/e", "/{p:path}/e p=[a/b]"},
      {"GET", "/a/b/f", "404"},
      {"GET", "//e", "/{p:path}/e p=[]"},
      {"GET", "/e", "404"}}},
    {"methods",
     {"GET,POST /m/{x}", "PUT /m/{y}", "DELETE /m/1", "PATCH /{z:path}", "* /any"},
     {{"GET", "/m/1", "/m/{x} x=[1]"},
      {"POST", "/m/2", "/m/{x} x=[2]"},
      {"PUT", "/m/1", "/m/{y} y=[1]"},
      {"DELETE", "/m/1", "/m/1"},
      {"DELETE", "/m/2", "405 GET, POST, PUT, PATCH | GET, POST"},
      {"PATCH", "/m/2", "/{z:path} z=[m/2]"},
      {"FOO", "/m/1", "405 GET, POST, PUT, DELETE, PATCH | GET, POST"},
      {"FOO", "/m/2", "405 GET, POST, PUT, PATCH | GET, POST"},
      {"FOO", "/z", "405 PATCH | PATCH"},
      {"BAR", "/any", "/any"},
      {"get", "/m/1", "405 GET, POST, PUT, DELETE, PATCH | GET, POST"}}},
    {"suffixes",
     {"GET /f/{n}.json", "GET /f/{n}.{ext}", "GET /f/{a}-{b}", "GET /f/{n}"},
     {{"GET", "/f/a.json", "/f/{n}.json n=[a]"},
      {"GET", "/f/a.json.json", "/f/{n}.json n=[a.json]"},
      {"GET", "/f/.json", "/f/{n} n=[.json]"},
      {"GET", "/f/a.b.c", "/f/{n}.{ext} n=[a.b] ext=[c]"},
      {"GET", "/f/a.", "/f/{n} n=[a.]"},
      {"GET", "/f/a-b-c", "/f/{a}-{b} a=[a-b] b=[c]"},
      {"GET", "/f/-", "/f/{n} n=[-]"},
      {"GET", "/f/--", "/f/{n} n=[--]"},
      {"GET", "/f/---", "/f/{a}-{b} a=[-] b=[-]"},
      {"GET", "/f/abc", "/f/{n} n=[abc]"},
      {"GET", "/f/a.json\n", "/f/{n}.json n=[a]"}}},
    {"adjacent",
     {"GET /{a}{b}/x", "GET /{a:int}{b}{c:int}", "GET /{a:float}{b:float}"},
     {{"GET", "/abc/x", "/{a}{b}/x a=[ab] b=[c]"},
      {"GET", "/a/x", "404"},
      {"GET",
       "/\xc3\xa9"
       "a/x",
       "/{a}{b}/x a=[\xc3\xa9] b=[a]"},
      {"GET", "/a\xc3\xa9/x", "/{a}{b}/x a=[a] b=[\xc3\xa9]"},
      {"GET", "/\xc3\xa9\xc3\xa9/x", "/{a}{b}/x a=[\xc3\xa9] b=[\xc3\xa9]"},
      {"GET", "/\xc3\xa9/x", "404"},
      {"GET", "/12a34", "/{a:int}{b}{c:int} a=[12] b=[a3] c=[4]"},
      {"GET", "/1234", "/{a:int}{b}{c:int} a=[12] b=[3] c=[4]"},
      {"GET", "/123", "/{a:int}{b}{c:int} a=[1] b=[2] c=[3]"},
      {"GET", "/1.5.2", "/{a:int}{b}{c:int} a=[1] b=[.5.] c=[2]"},
      {"GET", "/12", "/{a:float}{b:float} a=[1] b=[2]"},
      {"GET", "/1", "404"}}},
    {"int",
     {"GET /i/{n:int}", "GET /i/{n:int}/x"},
     {{"GET", "/i/0", "/i/{n:int} n=[0]"},
      {"GET", "/i/007", "/i/{n:int} n=[007]"},
      {"GET", "/i/-1", "404"},
      {"GET", "/i/", "404"},
      {"GET", "/i/1x", "404"},
      {"GET", "/i/1\n", "/i/{n:int} n=[1]"},
      {"GET", "/i/1/x", "/i/{n:int}/x n=[1]"},
      {"GET", "/i/\xd9\xa3", "404"},
      {"GET", "/i/99999999999999999999999999", "/i/{n:int} n=[99999999999999999999999999]"}}},
    {"float",
     {"GET /n/{n:float}", "GET /n/{a:float}.{b}", "GET /n/{a:float}e{b:int}"},
     {{"GET", "/n/1", "/n/{n:float} n=[1]"},
      {"GET", "/n/1.5", "/n/{n:float} n=[1.5]"},
      {"GET", "/n/1.", "404"},
      {"GET", "/n/.5", "404"},
      {"GET", "/n/1.5.2", "/n/{a:float}.{b} a=[1.5] b=[2]"},
      {"GET", "/n/1.5e3", "/n/{a:float}.{b} a=[1] b=[5e3]"},
      {"GET", "/n/1e3", "/n/{a:float}e{b:int} a=[1] b=[3]"},
      {"GET", "/n/1.x", "/n/{a:float}.{b} a=[1] b=[x]"}}},
    {"uuid",
     {"GET /{id:uuid}", "GET /{id:uuid}{rest}", "GET /x{id:uuid}"},
     {{"GET", "/12345678-1234-1234-1234-123456789abc",
       "/{id:uuid} id=[12345678-1234-1234-1234-123456789abc]"},
      {"GET", "/12345678123412341234123456789abc",
       "/{id:uuid} id=[12345678123412341234123456789abc]"},
      {"GET", "/12345678-1234-1234-1234-123456789ABC",
       "/{id:uuid} id=[12345678-1234-1234-1234-123456789ABC]"},
      {"GET", "/12345678-1234-1234-1234-123456789ab", "404"},
      {"GET", "/12345678-1234-1234-1234-123456789abcz",
       "/{id:uuid}{rest} id=[12345678-1234-1234-1234-123456789abc] rest=[z]"},
      {"GET", "/12345678-1234-1234-1234-123456789abc\n",
       "/{id:uuid} id=[12345678-1234-1234-1234-123456789abc]"},
      {"GET", "/x12345678123412341234123456789abc",
       "/x{id:uuid} id=[12345678123412341234123456789abc]"},
      {"GET", "/12345678-12341234-1234123456789abc",
       "/{id:uuid} id=[12345678-12341234-1234123456789abc]"},
      {"GET", "/12345678--1234-1234-1234-123456789abc", "404"},
      {"GET", "/1234567g-1234-1234-1234-123456789abc", "404"}}},
    {"path",
     {"GET /s/{p:path}", "GET /{a:path}/x/{b:path}", "GET /{a:path}.txt"},
     {{"GET", "/s/", "/s/{p:path} p=[]"},
      {"GET", "/s/a/b", "/s/{p:path} p=[a/b]"},
      {"GET", "/s", "404"},
      {"GET", "/s/a\nb", "404"},
      {"GET", "/s/a\n", "/s/{p:path} p=[a]"},
      {"GET", "/s/\n", "/s/{p:path} p=[]"},
      {"GET", "/q/x/", "/{a:path}/x/{b:path} a=[q] b=[]"},
      {"GET", "/q/x/x/y", "/{a:path}/x/{b:path} a=[q/x] b=[y]"},
      {"GET", "//x/", "/{a:path}/x/{b:path} a=[] b=[]"},
      {"GET", "/x/x/x/x", "/{a:path}/x/{b:path} a=[x/x] b=[x]"},
      {"GET", "/a/b.txt", "/{a:path}.txt a=[a/b]"},
      {"GET", "/.txt", "/{a:path}.txt a=[]"},
      {"GET", "/a.txt.txt", "/{a:path}.txt a=[a.txt]"}}},
    {"any",
     {"GET /s/{p:path}", "GET /{a:any}/x/{b:any}", "GET /{a:any}.txt", "* /{a:any}"},
     {{"GET", "/s/a\n", "/s/{p:path} p=[a]"},
      {"GET", "/s/a\nb", "/{a:any} a=[s/a\nb]"},
      {"GET", "/\n/x/\n\nc", "/{a:any}/x/{b:any} a=[\n] b=[\n\nc]"},
      {"GET", "/a\nb.txt", "/{a:any}.txt a=[a\nb]"},
      {"GET", "/x/x/x\n/x/", "/{a:any}/x/{b:any} a=[x/x/x\n] b=[]"},
      {"PUT", "/\n", "/{a:any} a=[\n]"},
      {"GET", "/", "/{a:any} a=[]"}}},
    {"paths in a row",
     {"GET /{a:path}{b:path}", "POST /{a:path}-{b:path}-{c:path}"},
     {{"GET", "/", "/{a:path}{b:path} a=[] b=[]"},
      {"GET", "/abc", "/{a:path}{b:path} a=[abc] b=[]"},
      {"GET", "/a\nb", "404"},
      {"POST", "/a-b-c-d", "/{a:path}-{b:path}-{c:path} a=[a-b] b=[c] c=[d]"},
      {"POST", "/--", "/{a:path}-{b:path}-{c:path} a=[] b=[] c=[]"},
      {"POST", "/-", "405 GET | GET"}}},
    {"trailing newline",
     {"GET /t", "GET /{x}/end", "GET /q/{x}"},
     {{"GET", "/t\n", "/t"},
      {"GET", "/t\n\n", "404"},
      {"GET", "/t", "/t"},
      {"GET", "/a/end\n", "/{x}/end x=[a]"},
      {"GET", "/q/a\n", "/q/{x} x=[a\n]"},
      {"GET", "/q/\n", "/q/{x} x=[\n]"},
      {"GET", "\n", "404"}}},
    {"non-ASCII text",
     {"GET /\xc3\xa9/{x}", "GET /\xc3\xa8/{x}", "GET /{x}\xc3\xa9"},
     {{"GET", "/\xc3\xa9/1", "/\xc3\xa9/{x} x=[1]"},
      {"GET", "/\xc3\xa8/1", "/\xc3\xa8/{x} x=[1]"},
      {"GET", "/\xc3\xaa/1", "404"},
      {"GET", "/a\xc3\xa9", "/{x}\xc3\xa9 x=[a]"},
      {"GET", "/\xc3\xa9", "404"},
      {"GET", "/\xc3\xa9\xc3\xa9", "/{x}\xc3\xa9 x=[\xc3\xa9]"}}},
    {"empty and odd paths",
     {"GET /", "GET /{x}", "GET //", "GET /a//b"},
     {{"GET", "/", "/"},
      {"GET", "//", "//"},
      {"GET", "/a//b", "/a//b"},
      {"GET", "/a/", "404"},
      {"GET", "///", "404"},
      {"GET", "a", "404"},
      {"GET", "", "404"},
      {"GET", "*", "404"}}},
    {"common prefixes",
     {"GET /abc{x}", "GET /abd{x}", "GET /ab{x}", "GET /a{x}", "GET /abcd/{x}", "GET /{x}"},
     {{"GET", "/abc1", "/abc{x} x=[1]"},
      {"GET", "/abd1", "/abd{x} x=[1]"},
      {"GET", "/abe", "/ab{x} x=[e]"},
      {"GET", "/ab", "/a{x} x=[b]"},
      {"GET", "/a", "/{x} x=[a]"},
      {"GET", "/b", "/{x} x=[b]"},
      {"GET", "/abcd/e", "/abcd/{x} x=[e]"},
      {"GET", "/abc", "/ab{x} x=[c]"},
      {"GET", "/abcd", "/abc{x} x=[d]"}}},
    {"many ways to match",
     {"GET /{a}-{b}-{c}-{d}!", "GET /{a:path}/{b}/{c:path}.{d}"},
     {{"GET", "/--------------------", "404"},
      {"GET", "/--------------------!", "/{a}-{b}-{c}-{d}! a=[--------------] b=[-] c=[-] d=[-]"},
      {"GET", "/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/", "404"},
      {"GET", "/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/.x",
       "/{a:path}/{b}/{c:path}.{d} a=[a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a] b=[a] c=[] d=[x]"},
      {"GET",
       "/-----------------------------------------------------------------------------------------"
       "-",
       "404"}}},
};

/* Registers "GET,POST /pattern"; the route is the pattern. */
static int add(turbo__router *router, const char *spec)
{
    char names[64];
    const char *methods[MAX_METHODS];
    size_t count = 0;
    const char *space = strchr(spec, ' ');
    cr_assert_not_null(space);
    size_t len = (size_t)(space - spec);
    cr_assert_lt(len, sizeof(names));
    memcpy(names, spec, len);
    names[len] = '\0';
    for (char *name = names; name != NULL; count++) {
        cr_assert_lt(count, MAX_METHODS);
        char *comma = strchr(name, ',');
        methods[count] = name;
        if (comma != NULL) {
            *comma++ = '\0';
        }
        name = comma;
    }
    void *route = (void *)(space + 1);
    return turbo__router_add_group(router, methods, count, route, route);
}

static const char *show(const turbo__match *match, int rc)
{
    static char shown[1024];
    size_t len;
    if (rc == TURBO_ENOTFOUND && !match->path_known) {
        return "404";
    }
    if (rc == TURBO_ENOTFOUND) {
        cr_assert_null(match->route);
        (void)snprintf(shown, sizeof(shown), "405 %.*s | %.*s", (int)match->allow.len,
                       match->allow.data, (int)match->allow_first.len, match->allow_first.data);
        return shown;
    }
    cr_assert_eq(rc, 0);
    cr_assert(match->path_known);
    cr_assert_eq(match->allow.len + match->allow_first.len, 0);
    len = (size_t)snprintf(shown, sizeof(shown), "%s", (const char *)match->route);
    for (size_t i = 0; i < match->param_count; i++) {
        const turbo__param *param = &match->params[i];
        len +=
            (size_t)snprintf(shown + len, sizeof(shown) - len, " %.*s=[%.*s]", (int)param->name.len,
                             param->name.data, (int)param->value.len, param->value.data);
        cr_assert_lt(len, sizeof(shown));
    }
    return shown;
}

static void check(const turbo__router *router, const lookup *wanted)
{
    turbo__arena arena;
    turbo__match match;
    turbo__arena_init(&arena);
    /* A copy without room behind it: reading on is seen by the sanitizer. */
    size_t len = strlen(wanted->path);
    char *path = malloc(len > 0 ? len : 1);
    cr_assert_not_null(path);
    memcpy(path, wanted->path, len);
    turbo_str view = {path, len};
    int rc = turbo__router_match(router, &arena, turbo_cstr(wanted->method), view, &match);
    cr_assert_str_eq(show(&match, rc), wanted->expected, "%s %s", wanted->method, wanted->path);
    cr_assert_eq(turbo__router_has_path(router, view), match.path_known, "%s", wanted->path);
    turbo__arena_clear(&arena);
    free(path);
}

static turbo__router *make(void)
{
    turbo__router *router;
    cr_assert_eq(turbo__router_new(&router), 0);
    return router;
}

Test(router, matches_as_starlette_does)
{
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        turbo__router *router = make();
        for (size_t k = 0; k < MAX_ROUTES && cases[i].routes[k] != NULL; k++) {
            cr_assert_eq(add(router, cases[i].routes[k]), 0, "%s: %s", cases[i].title,
                         cases[i].routes[k]);
        }
        for (size_t k = 0; k < MAX_LOOKUPS && cases[i].lookups[k].method != NULL; k++) {
            check(router, &cases[i].lookups[k]);
        }
        turbo__router_free(router);
    }
}

Test(router, is_empty_at_first)
{
    turbo__router *router = make();
    turbo__match match;
    turbo__arena arena;
    turbo__arena_init(&arena);
    turbo_str none = {NULL, 0};
    cr_assert_eq(turbo__router_match(router, &arena, TURBO_STR("GET"), TURBO_STR("/"), &match),
                 TURBO_ENOTFOUND);
    cr_assert_not(match.path_known);
    cr_assert_eq(turbo__router_match(router, &arena, none, none, &match), TURBO_ENOTFOUND);
    cr_assert_not(turbo__router_has_path(router, none));
    turbo__router_free(router);
    turbo__router_free(NULL);
}

Test(router, reads_braces)
{
    turbo__router *router = make();
    static const lookup lookups[] = {
        {"GET", "/{}", "/{{}}"},
        {"GET", "/{x}", "/{{{a}}} a=[x]"},
        {"GET", "/{x", "404"},
        {"GET", "/b}1", "/b}}{n:int} n=[1]"},
    };
    cr_assert_eq(add(router, "GET /{{}}"), 0);
    cr_assert_eq(add(router, "GET /{{{a}}}"), 0);
    cr_assert_eq(add(router, "GET /b}}{n:int}"), 0);
    for (size_t i = 0; i < sizeof(lookups) / sizeof(lookups[0]); i++) {
        check(router, &lookups[i]);
    }
    turbo__router_free(router);
}

Test(router, refuses_patterns)
{
    static const struct {
        const char *pattern, *column;
    } bad[] = {
        {"", "column 1:"},          {"a", "column 1:"},        {"{a}", "column 1:"},
        {"/{", "column 3:"},        {"/{a", "column 2:"},      {"/{a:int", "column 2:"},
        {"/a}", "column 3:"},       {"/}a", "column 2:"},      {"/{}", "column 3:"},
        {"/{1}", "column 3:"},      {"/{a b}", "column 4:"},   {"/{a-b}", "column 4:"},
        {"/{a:}", "column 5:"},     {"/{a:foo}", "column 5:"}, {"/{a:int2}", "column 5:"},
        {"/{a:int }", "column 8:"}, {"/{a}/{a}", "column 7:"}, {"/{a}{b:int}{a:int}", "column 13:"},
        {"/{:int}", "column 3:"},   {"/\xff", "column 2:"},    {"/{a}\xa9", "column 5:"},
    };
    turbo__router *router = make();
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        int rc = turbo__router_add(router, "GET", bad[i].pattern, router);
        cr_assert_eq(rc, TURBO_EPATTERN, "%s", bad[i].pattern);
        cr_assert_eq(strncmp(turbo_error_detail(), bad[i].column, strlen(bad[i].column)), 0,
                     "%s: %s", bad[i].pattern, turbo_error_detail());
    }
    turbo__router_free(router);
}

Test(router, bounds_patterns)
{
    turbo__router *router = make();
    char pattern[TURBO__PATTERN_MAX + 2];
    memset(pattern, '/', sizeof(pattern));
    pattern[TURBO__PATTERN_MAX + 1] = '\0';
    cr_assert_eq(turbo__router_add(router, "GET", pattern, router), TURBO_EPATTERN);
    pattern[TURBO__PATTERN_MAX] = '\0';
    cr_assert_eq(turbo__router_add(router, "GET", pattern, router), 0);
    cr_assert(turbo__router_has_path(router, turbo_cstr(pattern)));
    turbo__router_free(router);
}

Test(router, refuses_arguments)
{
    turbo__router *router = make();
    const char *methods[] = {"GET", ""};
    cr_assert_eq(turbo__router_add(router, NULL, "/", router), TURBO_EINVAL);
    cr_assert_eq(turbo__router_add(router, "", "/", router), TURBO_EINVAL);
    cr_assert_eq(turbo__router_add(router, "GE T", "/", router), TURBO_EINVAL);
    cr_assert_eq(turbo__router_add(router, "GET,POST", "/", router), TURBO_EINVAL);
    cr_assert_eq(turbo__router_add(router, "GET", NULL, router), TURBO_EINVAL);
    cr_assert_eq(turbo__router_add(router, "GET", "/", NULL), TURBO_EINVAL);
    cr_assert_eq(turbo__router_add_group(router, methods, 0, "/", router), TURBO_EINVAL);
    cr_assert_eq(turbo__router_add_group(router, NULL, 1, "/", router), TURBO_EINVAL);
    cr_assert_eq(turbo__router_add_group(router, methods, 2, "/", router), TURBO_EINVAL);
    cr_assert_not(turbo__router_has_path(router, TURBO_STR("/")));
    turbo__router_free(router);
}

Test(router, names_conflicts)
{
    static const char *const pairs[][2] = {
        {"GET /a", "GET /a"},
        {"* /a", "* /a"},
        {"GET /a/{x}", "GET /a/{y:str}"},
        {"GET /{x:int}/{y}", "GET /{y:int}/{x}"},
        {"GET,POST /b", "PUT,POST /b"},
        {"GET /{{{a}", "GET /{{{b}"},
    };
    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        turbo__router *router = make();
        cr_assert_eq(add(router, pairs[i][0]), 0);
        cr_assert_eq(add(router, pairs[i][1]), TURBO_ECONFLICT, "%s", pairs[i][1]);
        cr_assert_not_null(strstr(turbo_error_detail(), strchr(pairs[i][0], '/')));
        cr_assert_not_null(strstr(turbo_error_detail(), strchr(pairs[i][1], '/')));
        turbo__router_free(router);
    }
}

Test(router, keeps_apart_what_does_not_conflict)
{
    turbo__router *router = make();
    static const char *const routes[] = {
        "GET /a",   "POST /a",      "* /a",          "get /a",         "GET /a/",
        "GET /{x}", "GET /{x:int}", "GET /{x:path}", "GET /{x:float}", "GET /{x:uuid}"};
    for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++) {
        cr_assert_eq(add(router, routes[i]), 0, "%s", routes[i]);
    }
    turbo__router_free(router);
}

Test(router, adds_nothing_of_a_refused_group)
{
    turbo__router *router = make();
    cr_assert_eq(add(router, "POST /a"), 0);
    cr_assert_eq(add(router, "GET,POST,PUT /a"), TURBO_ECONFLICT);
    lookup lookups[] = {{"GET", "/a", "405 POST | POST"}, {"POST", "/a", "/a"}};
    check(router, &lookups[0]);
    check(router, &lookups[1]);
    turbo__router_free(router);
}

Test(router, lists_methods)
{
    turbo__router *router = make();
    cr_assert_eq(add(router, "PUT,GET,PUT,DELETE /a/{x}"), 0);
    cr_assert_eq(add(router, "POST,GET /a/1"), 0);
    cr_assert_eq(add(router, "PATCH,A /a/{x:int}"), 0);
    lookup lookups[] = {
        {"FOO", "/a/1", "405 DELETE, GET, PUT, POST, A, PATCH | DELETE, GET, PUT"},
        {"FOO", "/a/2", "405 DELETE, GET, PUT, A, PATCH | DELETE, GET, PUT"},
        {"FOO", "/a/b", "405 DELETE, GET, PUT | DELETE, GET, PUT"},
        {"*", "/a/b", "405 DELETE, GET, PUT | DELETE, GET, PUT"},
    };
    for (size_t i = 0; i < sizeof(lookups) / sizeof(lookups[0]); i++) {
        check(router, &lookups[i]);
    }
    turbo__router_free(router);
}

Test(router, copies_what_it_is_given)
{
    turbo__router *router = make();
    char method[] = "GET";
    char pattern[] = "/x/{name}";
    cr_assert_eq(turbo__router_add(router, method, pattern, router), 0);
    memset(method, 'X', 3);
    memset(pattern, 'X', sizeof(pattern) - 1);
    turbo__arena arena;
    turbo__match match;
    turbo__arena_init(&arena);
    cr_assert_eq(turbo__router_match(router, &arena, TURBO_STR("GET"), TURBO_STR("/x/y"), &match),
                 0);
    cr_assert(turbo_str_equal(match.params[0].name, TURBO_STR("name")));
    turbo__arena_clear(&arena);
    turbo__router_free(router);
}

Test(router, binds_long_values)
{
    enum { LENGTH = 100000 };
    turbo__router *router = make();
    cr_assert_eq(turbo__router_add(router, "GET", "/{a}.x", router), 0);
    char *path = malloc(LENGTH);
    cr_assert_not_null(path);
    memset(path, '.', LENGTH);
    path[0] = '/';
    path[LENGTH - 1] = 'x';
    turbo__arena arena;
    turbo__match match;
    turbo__arena_init(&arena);
    turbo_str view = {path, LENGTH};
    cr_assert_eq(turbo__router_match(router, &arena, TURBO_STR("GET"), view, &match), 0);
    cr_assert_eq(match.params[0].value.len, LENGTH - 3);
    turbo__arena_clear(&arena);
    free(path);
    turbo__router_free(router);
}

/* A regular expression would take longer than anybody waits. */
Test(router, is_not_slowed_by_hostile_paths)
{
    enum { LENGTH = 32768 };
    static const char *const patterns[] = {
        "/{a}-{b}-{c}-{d}-{e}-{f}-{g}-{h}!",
        "/{a:path}a{b:path}a{c:path}a{d:path}a{e:path}!",
        "/{a}{b}{c}{d}{e}{f}!",
        "/{a:float}{b:float}{c:int}{d:float}!",
        "/{a:uuid}{b:path}{c:uuid}!",
    };
    static const char *const fills[] = {"-", "a", "a/", "1", "1.", "-a", "/", "\xc3\xa9"};
    turbo__router *router = make();
    for (size_t i = 0; i < sizeof(patterns) / sizeof(patterns[0]); i++) {
        cr_assert_eq(turbo__router_add(router, "GET", patterns[i], (void *)patterns[i]), 0);
    }
    char *path = malloc(LENGTH);
    cr_assert_not_null(path);
    for (size_t i = 0; i < sizeof(fills) / sizeof(fills[0]); i++) {
        for (size_t k = 0; k < LENGTH; k++) {
            path[k] = fills[i][k % strlen(fills[i])];
        }
        path[0] = '/';
        turbo__arena arena;
        turbo__match match;
        turbo__arena_init(&arena);
        turbo_str view = {path, LENGTH};
        cr_assert_eq(turbo__router_match(router, &arena, TURBO_STR("GET"), view, &match),
                     TURBO_ENOTFOUND);
        cr_assert_not(match.path_known);
        path[LENGTH - 1] = '!';
        int rc = turbo__router_match(router, &arena, TURBO_STR("PUT"), view, &match);
        cr_assert_eq(rc, TURBO_ENOTFOUND);
        if (match.path_known) {
            cr_assert_eq(turbo__router_match(router, &arena, TURBO_STR("GET"), view, &match), 0);
        }
        turbo__arena_clear(&arena);
    }
    free(path);
    turbo__router_free(router);
}

Test(router, holds_many_routes)
{
    enum { ROUTES = 20000 };
    turbo__router *router = make();
    char text[64];
    for (size_t i = 0; i < ROUTES; i++) {
        (void)snprintf(text, sizeof(text), "/literal/%zu", i);
        cr_assert_eq(turbo__router_add(router, "GET", text, (void *)(2 * i + 1)), 0);
        (void)snprintf(text, sizeof(text), "/p%zu/{x}/end", i);
        cr_assert_eq(turbo__router_add(router, "GET", text, (void *)(2 * i + 2)), 0);
    }
    turbo__arena arena;
    turbo__match match;
    turbo__arena_init(&arena);
    for (size_t i = 0; i < ROUTES; i += 7) {
        (void)snprintf(text, sizeof(text), "/literal/%zu", i);
        cr_assert_eq(
            turbo__router_match(router, &arena, TURBO_STR("GET"), turbo_cstr(text), &match), 0);
        cr_assert_eq(match.route, (void *)(2 * i + 1));
        (void)snprintf(text, sizeof(text), "/p%zu/v/end", i);
        cr_assert_eq(
            turbo__router_match(router, &arena, TURBO_STR("GET"), turbo_cstr(text), &match), 0);
        cr_assert_eq(match.route, (void *)(2 * i + 2));
    }
    turbo__arena_clear(&arena);
    turbo__router_free(router);
}

/* Each byte that starts a label, in an order that makes edges split and children move. */
Test(router, sorts_children)
{
    turbo__router *router = make();
    char pattern[] = "/?x{p}";
    for (unsigned i = 0; i < 94; i++) {
        char c = (char)('!' + (i * 37) % 94);
        if (c == '{' || c == '}') {
            continue;
        }
        pattern[1] = c;
        cr_assert_eq(turbo__router_add(router, "GET", pattern, (void *)(size_t)c), 0);
    }
    turbo__arena arena;
    turbo__match match;
    turbo__arena_init(&arena);
    char path[] = "/?xy";
    for (char c = '!'; c <= '~'; c++) {
        path[1] = c;
        int rc = turbo__router_match(router, &arena, TURBO_STR("GET"), turbo_cstr(path), &match);
        bool brace = c == '{' || c == '}';
        cr_assert_eq(rc, brace ? TURBO_ENOTFOUND : 0);
        cr_assert(brace || match.route == (void *)(size_t)c);
    }
    turbo__arena_clear(&arena);
    turbo__router_free(router);
}

Test(router, survives_missing_memory_when_made)
{
    turbo__router *router = NULL;
    unsigned long n = 0;
    int rc = TURBO_ENOMEM;
    while (rc != 0) {
        turbo__mem_fail_nth(++n);
        rc = turbo__router_new(&router);
        turbo__mem_fail_nth(0);
        cr_assert(rc == 0 || (rc == TURBO_ENOMEM && router == NULL));
    }
    cr_assert_gt(n, 1);
    turbo__router_free(router);
}

/* Enough routes for the arena and the table to grow; each addition is repeated until it works. */
Test(router, survives_missing_memory_when_added_to)
{
    enum { ROUTES = 200 };
    turbo__router *router = make();
    unsigned long failures = 0;
    for (size_t i = 0; i < ROUTES; i++) {
        char text[64];
        char path[64];
        (void)snprintf(text, sizeof(text), i % 2 == 0 ? "/l%zu" : "/p%zu-{x:int}/%zu", i, i);
        (void)snprintf(path, sizeof(path), i % 2 == 0 ? "/l%zu" : "/p%zu-7/%zu", i, i);
        const char *methods[] = {"GET", "POST", i % 3 == 0 ? "PUT" : "PATCH"};
        int rc = TURBO_ENOMEM;
        for (unsigned long n = 1; rc != 0; n++) {
            cr_assert_not(turbo__router_has_path(router, turbo_cstr(path)));
            turbo__mem_fail_nth(n);
            rc = turbo__router_add_group(router, methods, 3, text, router);
            turbo__mem_fail_nth(0);
            cr_assert(rc == 0 || rc == TURBO_ENOMEM);
            failures += rc != 0;
        }
        cr_assert(turbo__router_has_path(router, turbo_cstr(path)));
    }
    cr_assert_gt(failures, 10);
    turbo__router_free(router);
}

Test(router, survives_missing_memory_when_matching)
{
    turbo__router *router = make();
    cr_assert_eq(add(router, "GET /{a}-{b}-{c}!"), 0);
    cr_assert_eq(add(router, "POST /{a:path}-{b}!"), 0);
    char path[512];
    memset(path, '-', sizeof(path));
    path[0] = '/';
    path[sizeof(path) - 1] = '!';
    turbo_str view = {path, sizeof(path)};
    static const char *const methods[] = {"GET", "PUT"};
    for (size_t i = 0; i < 2; i++) {
        int rc = TURBO_ENOMEM;
        unsigned long n = 0;
        while (rc == TURBO_ENOMEM) {
            turbo__arena arena;
            turbo__match match = {.route = &match};
            turbo__arena_init(&arena);
            turbo__mem_fail_nth(++n);
            rc = turbo__router_match(router, &arena, turbo_cstr(methods[i]), view, &match);
            turbo__mem_fail_nth(0);
            cr_assert(rc != TURBO_ENOMEM || match.route == &match, "nothing was written");
            turbo__arena_clear(&arena);
        }
        cr_assert_eq(rc, i == 0 ? 0 : TURBO_ENOTFOUND);
        cr_assert_gt(n, 2);
    }
    turbo__mem_fail_nth(1);
    cr_assert_not(turbo__router_has_path(router, view));
    turbo__mem_fail_nth(0);
    cr_assert(turbo__router_has_path(router, view));
    turbo__router_free(router);
}
