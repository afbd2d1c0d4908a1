/* SPDX-License-Identifier: MIT */

/* A shared object for the loader's tests; each PLUGIN_ macro makes one with a fault of its own. */

#include <turbo/plugin.h>

#include <stdio.h>

#ifdef PLUGIN_NO_DESCRIPTOR

TURBO_API int handle_request(turbo_request *request, turbo_response *response, void *user_data);
int handle_request(turbo_request *request, turbo_response *response, void *user_data)
{
    (void)request, (void)response, (void)user_data;
    return 0;
}

#elif defined(PLUGIN_HAND_MADE)

static int init(const turbo_plugin_api *api, const char *config)
{
    (void)api, (void)config;
    return 0;
}

TURBO_API extern const turbo_plugin_info turbo_plugin_descriptor;
const turbo_plugin_info turbo_plugin_descriptor = {
    PLUGIN_MAGIC, (uint32_t)sizeof(turbo_plugin_info), PLUGIN_MAJOR, PLUGIN_MINOR, 0, init, NULL};

TURBO_PLUGIN_HANDLER(handle_request)
{
    (void)request, (void)response, (void)user_data;
    return 0;
}

#else

static char kept_config[64];

static int on_load(const char *config)
{
    (void)snprintf(kept_config, sizeof(kept_config), "%s", config != NULL ? config : "");
    return config != NULL && strcmp(config, "refuse") == 0 ? TURBO_EINVAL : 0;
}

static void on_unload(void)
{
    fputs("plugin unloaded\n", stderr);
}

TURBO_PLUGIN(on_load, on_unload);

/* Answers "<config>|<method>|<path>|<x-in header>|<query parameter q>|<body>". */
TURBO_PLUGIN_HANDLER(handle_request)
{
    (void)user_data;
    turbo_str parts[] = {turbo_cstr(kept_config),
                         turbo->request_method(request),
                         turbo->request_path(request),
                         TURBO_STR("-"),
                         TURBO_STR("-"),
                         turbo->request_body(request)};
    (void)turbo->request_header(request, TURBO_STR("x-in"), &parts[3]); /* "-" without one */
    (void)turbo->request_query_param(request, TURBO_STR("q"), &parts[4]);
    size_t length = 0;
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        length += parts[i].len + 1;
    }
    char *text = turbo->request_alloc(request, length);
    if (text == NULL) {
        return TURBO_ENOMEM;
    }
    char *at = text;
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        if (parts[i].len > 0) {
            memcpy(at, parts[i].data, parts[i].len);
        }
        at += parts[i].len;
        *at++ = '|';
    }
    int error = turbo->response_status(response, 202);
    if (error == 0) {
        error = turbo->response_header(response, TURBO_STR("x-out"), TURBO_STR("plugin"));
    }
    turbo_str body = {text, length - 1};
    return error != 0 ? error : turbo->response_body(response, body);
}

/* Answers with the field "a" of a form. */
TURBO_PLUGIN_HANDLER(handle_form)
{
    (void)user_data;
    turbo_form *form = NULL;
    turbo_str value;
    int error = turbo->request_form(request, NULL, &form);
    if (error != 0) {
        return error;
    }
    error = turbo->form_value(form, TURBO_STR("a"), &value);
    if (error == 0) {
        error = turbo->response_body(response, value);
    }
    turbo->form_free(form);
    return error;
}

#endif
