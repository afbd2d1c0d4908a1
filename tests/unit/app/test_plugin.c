/* SPDX-License-Identifier: MIT */
#include "turbo/plugin.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "app/handler.h"
#include "base/mem.h"

static const char *path_of(const char *name)
{
    static char path[4096];
    const char *folder = getenv("TURBO_PLUGIN_DIR");
    cr_assert_not_null(folder, "TURBO_PLUGIN_DIR is not set");
    (void)snprintf(path, sizeof(path), "%s/plugin_%s.so", folder, name);
    return path;
}

static void post(turbo_request *request)
{
    (void)request;
}

static void lock_wait(turbo_request *request, bool waiting)
{
    (void)request;
    (void)waiting;
}

static const turbo__transport transport = {post, lock_wait};

Test(plugin, serves_from_a_shared_object)
{
    turbo_library_options options = {sizeof(options), "hello"};
    turbo_handler *greet = NULL;
    turbo_handler *handle = NULL;
    turbo_request request;
    cr_assert_eq(turbo_handler_new_library(path_of("good"), "greet", &options, &greet), 0, "%s",
                 turbo_error_detail());
    cr_assert_eq(turbo_handler_new_library(path_of("good"), "handle", NULL, &handle), 0);
    cr_assert_null(turbo__handler_static(greet));
    cr_assert_eq(turbo__exchange_init(&request, &transport, NULL), 0);
    cr_assert_eq(turbo__handler_call(greet, &request, &request.response), 0);
    cr_assert(turbo_str_equal(request.response.body, TURBO_STR("hello")));
    cr_assert_eq(turbo__handler_call(handle, &request, &request.response), 0);
    cr_assert_eq(request.response.status, 201);
    turbo_handler_unref(greet);
    cr_assert_eq(turbo__handler_call(handle, &request, &request.response), 0, "still loaded");
    turbo__exchange_destroy(&request);
    turbo_handler_unref(handle);
}

static void refused(const char *path, const char *symbol, const char *config, int expected)
{
    turbo_library_options options = {sizeof(options), config};
    turbo_handler *handler = NULL;
    cr_expect_eq(turbo_handler_new_library(path, symbol, &options, &handler), expected, "%s: %s",
                 path, turbo_error_detail());
    cr_expect_null(handler);
    cr_expect_not_null(strstr(turbo_error_detail(), path), "%s: %s", path, turbo_error_detail());
}

Test(plugin, refuses_what_does_not_fit)
{
    refused(path_of("absent"), "handle", NULL, TURBO_EPLUGIN);
    refused(path_of("no_descriptor"), "handle", NULL, TURBO_EABI);
    refused(path_of("other_magic"), "handle", NULL, TURBO_EABI);
    refused(path_of("newer_major"), "handle", NULL, TURBO_EABI);
    refused(path_of("newer_minor"), "handle", NULL, TURBO_EABI);
    refused(path_of("good"), "absent", NULL, TURBO_ESYMBOL);
    cr_expect_not_null(strstr(turbo_error_detail(), "absent"));
    refused(path_of("good"), "handle", "fail", TURBO_EPLUGIN);
}

Test(plugin, refuses_wrong_arguments)
{
    turbo_library_options options = {1, NULL};
    turbo_handler *handler = NULL;
    cr_assert_eq(turbo_handler_new_library(NULL, "handle", NULL, &handler), TURBO_EINVAL);
    cr_assert_eq(turbo_handler_new_library(path_of("good"), NULL, NULL, &handler), TURBO_EINVAL);
    cr_assert_eq(turbo_handler_new_library(path_of("good"), "handle", &options, &handler),
                 TURBO_EOPTION);
    cr_assert_null(handler);
}

Test(plugin, survives_want_of_memory)
{
    turbo_handler *handler = NULL;
    unsigned long nth = 0;
    int rc;
    do {
        (void)turbo__mem_fail_nth(++nth);
        rc = turbo_handler_new_library(path_of("good"), "handle", NULL, &handler);
        (void)turbo__mem_fail_nth(0);
        cr_assert(rc == 0 || rc == TURBO_ENOMEM);
    } while (rc != 0);
    cr_assert_gt(nth, 1);
    turbo_handler_unref(handler);
}
