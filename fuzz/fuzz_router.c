/* SPDX-License-Identifier: MIT */
#include "app/router.h"

#include <stdio.h>

#include "base/str.h"
#include "turbo/error.h"
#include "target.h"

enum { MAX_ROUTES = 16, MAX_TEXT = 256 };

/* What was registered, in order. */
typedef struct routes {
    turbo__router *router;
    turbo__arena arena;
    turbo__pattern patterns[MAX_ROUTES];
    size_t count;
} routes;

static void add(routes *to, turbo_str line)
{
    char text[MAX_TEXT];
    if (to->count == MAX_ROUTES || line.len >= sizeof(text)) {
        return;
    }
    (void)snprintf(text, sizeof(text), "%.*s", (int)line.len, line.data); /* fits */
    turbo__pattern *pattern = &to->patterns[to->count];
    int rc = turbo__router_add(to->router, "GET", text, pattern);
    FUZZ_CHECK(rc == 0 || rc == TURBO_EPATTERN || rc == TURBO_ECONFLICT);
    if (rc == 0) {
        FUZZ_CHECK(turbo__pattern_parse(&to->arena, text, pattern) == 0);
        to->count++;
    }
}

/* Literals and values must make up the path again, and a convertor must allow each value. */
static void check_values(const turbo__pattern *pattern, const turbo__match *match, turbo_str path)
{
    size_t at = 0;
    size_t bound = 0;
    for (size_t i = 0; i < pattern->count; i++) {
        const turbo__piece *piece = &pattern->pieces[i];
        FUZZ_CHECK(!piece->is_param || bound < match->param_count);
        turbo_str part = piece->is_param ? match->params[bound].value : piece->text;
        FUZZ_CHECK(path.len - at >= part.len);
        FUZZ_CHECK(turbo_str_equal(part, turbo__str_slice(path, at, at + part.len)));
        if (piece->is_param) {
            turbo__span ends[TURBO__MAX_ENDS];
            size_t end = at + part.len;
            size_t count = turbo__convertor_ends(piece->convertor, path, at, ends);
            FUZZ_CHECK(count > 0);
            FUZZ_CHECK((end >= ends[0].first && end <= ends[0].last) ||
                       (count > 1 && end >= ends[1].first && end <= ends[1].last));
            FUZZ_CHECK(turbo_str_equal(match->params[bound++].name, piece->text));
        }
        at += part.len;
    }
    FUZZ_CHECK(turbo__pattern_may_end(path, at));
    FUZZ_CHECK(bound == match->param_count);
}

/* Binding each pattern alone must find the same first one as the walk over all of them. */
static void check_path(routes *all, turbo_str path)
{
    turbo__match match;
    turbo__arena *arena = &all->arena;
    size_t first = 0;
    while (first < all->count) {
        turbo__param params[MAX_TEXT];
        int rc = turbo__pattern_bind(&all->patterns[first], arena, path, params);
        FUZZ_CHECK(rc == 0 || rc == TURBO_ENOTFOUND);
        if (rc == 0) {
            break;
        }
        first++;
    }
    int rc = turbo__router_match(all->router, arena, TURBO_STR("GET"), path, &match);
    FUZZ_CHECK(rc == (first < all->count ? 0 : TURBO_ENOTFOUND));
    FUZZ_CHECK(match.path_known == (rc == 0));
    FUZZ_CHECK(turbo__router_has_path(all->router, path) == (rc == 0));
    if (rc == 0) {
        FUZZ_CHECK(match.route == &all->patterns[first]);
        check_values(&all->patterns[first], &match, path);
    }
    rc = turbo__router_match(all->router, arena, TURBO_STR("PUT"), path, &match);
    FUZZ_CHECK(rc == TURBO_ENOTFOUND && match.path_known == (first < all->count));
}

/* The input is lines of patterns, a NUL, and a path. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    turbo_str rest = {(const char *)data, size};
    turbo_str path = {"", 0};
    routes all = {.count = 0};
    size_t at;
    turbo__arena_init(&all.arena);
    FUZZ_CHECK(turbo__router_new(&all.router) == 0);
    if (turbo__str_find(rest, '\0', &at)) {
        path = turbo__str_slice(rest, at + 1, size);
        rest.len = at;
    }
    while (turbo__str_find(rest, '\n', &at)) {
        add(&all, turbo__str_slice(rest, 0, at));
        rest = turbo__str_slice(rest, at + 1, rest.len);
    }
    add(&all, rest);
    check_path(&all, path);
    turbo__router_free(all.router);
    turbo__arena_clear(&all.arena);
    return 0;
}
