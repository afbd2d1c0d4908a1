/* SPDX-License-Identifier: MIT */

/* The shared objects of test_plugin.c: one source, made several times with other definitions. */

#include <turbo/plugin.h>

#ifdef CASE_NO_DESCRIPTOR
TURBO_API int handle(turbo_request *request, turbo_response *response, void *user_data);
int handle(turbo_request *request, turbo_response *response, void *user_data)
{
    (void)request;
    (void)response;
    (void)user_data;
    return 0;
}
#else

#ifdef CASE_HAND_MADE
static const turbo_plugin_api *turbo;

static int take(const turbo_plugin_api *api, const char *config)
{
    (void)config;
    turbo = api;
    return 0;
}

TURBO_API extern const turbo_plugin_info turbo_plugin_descriptor;
const turbo_plugin_info turbo_plugin_descriptor = {
    CASE_MAGIC, (uint32_t)sizeof(turbo_plugin_info), CASE_MAJOR, CASE_MINOR, 0, take, 0};
#else
static char greeting[16] = "none";

static int on_load(const char *config)
{
    if (config != NULL && strcmp(config, "fail") == 0) {
        return 1;
    }
    if (config != NULL && strlen(config) < sizeof(greeting)) {
        memcpy(greeting, config, strlen(config) + 1);
    }
    return 0;
}

TURBO_PLUGIN(on_load, NULL);

TURBO_PLUGIN_HANDLER(greet)
{
    (void)request;
    (void)user_data;
    return turbo->response_body(response, turbo_cstr(greeting));
}
#endif

TURBO_PLUGIN_HANDLER(handle)
{
    (void)request;
    (void)user_data;
    return turbo->response_status(response, 201);
}
#endif
