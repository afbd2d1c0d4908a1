/* SPDX-License-Identifier: MIT */

/* Loads handlers from shared objects (turbo/plugin.h). */

#include "turbo/plugin.h"

#include <string.h>

#include <dlfcn.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/options.h"
#include "turbo/turbo.h"

static const turbo_plugin_api api = {
    .size = sizeof(turbo_plugin_api),
    .request_method = turbo_request_method,
    .request_path = turbo_request_path,
    .request_query = turbo_request_query,
    .request_body = turbo_request_body,
    .request_header = turbo_request_header,
    .request_header_count = turbo_request_header_count,
    .request_header_at = turbo_request_header_at,
    .request_param = turbo_request_param,
    .request_query_param = turbo_request_query_param,
    .request_cookie = turbo_request_cookie,
    .request_peer = turbo_request_peer,
    .request_alloc = turbo_request_alloc,
    .request_cancelled = turbo_request_cancelled,
    .request_json = turbo_request_json,
    .response_status = turbo_response_status,
    .response_header = turbo_response_header,
    .response_set_header = turbo_response_set_header,
    .response_body = turbo_response_body,
    .response_body_static = turbo_response_body_static,
    .response_body_owned = turbo_response_body_owned,
    .response_json = turbo_response_json,
    .response_finish = turbo_response_finish,
    .response_abort = turbo_response_abort,
    .response_begin = turbo_response_begin,
    .response_send_chunk = turbo_response_send_chunk,
    .json_new_object = turbo_json_new_object,
    .json_new_array = turbo_json_new_array,
    .json_new_string = turbo_json_new_string,
    .json_new_int = turbo_json_new_int,
    .json_new_real = turbo_json_new_real,
    .json_new_bool = turbo_json_new_bool,
    .json_set = turbo_json_set,
    .json_append = turbo_json_append,
    .json_member = turbo_json_member,
    .json_at = turbo_json_at,
    .json_size = turbo_json_size,
    .json_get_string = turbo_json_get_string,
    .json_get_int = turbo_json_get_int,
    .json_get_real = turbo_json_get_real,
    .json_get_bool = turbo_json_get_bool,
    .json_unref = turbo_json_unref,
    .error_detail = turbo_error_detail,
    .request_form = turbo_request_form,
    .form_read = turbo_form_read,
    .form_free = turbo_form_free,
    .form_count = turbo_form_count,
    .form_at = turbo_form_at,
    .form_find = turbo_form_find,
    .form_value = turbo_form_value,
    .form_part_name = turbo_form_part_name,
    .form_part_is_file = turbo_form_part_is_file,
    .form_part_filename = turbo_form_part_filename,
    .form_part_content_type = turbo_form_part_content_type,
    .form_part_header_count = turbo_form_part_header_count,
    .form_part_header_at = turbo_form_part_header_at,
    .form_part_size = turbo_form_part_size,
    .form_part_data = turbo_form_part_data,
    .form_part_file = turbo_form_part_file,
    .form_part_read = turbo_form_part_read,
    .response_error = turbo_response_error,
    .request_trailer_count = turbo_request_trailer_count,
    .request_trailer_at = turbo_request_trailer_at,
    .request_trailer = turbo_request_trailer,
};

/* One loaded object. Made by turbo_handler_new_library(), owned by its handler, dies with it. */
typedef struct plugin {
    void *object;
    const turbo_plugin_info *info;
    turbo_handler_fn *fn;
} plugin;

static void unload(void *user_data)
{
    plugin *self = user_data;
    if (self->info != NULL && self->info->fini != NULL) {
        self->info->fini();
    }
    if (self->object != NULL) {
        (void)dlclose(self->object); /* nothing could be done about a failure */
    }
    turbo__free(self);
}

static const char *dl_reason(void)
{
    const char *text = dlerror();
    return text != NULL ? text : "no reason given";
}

static int check_descriptor(const char *path, const turbo_plugin_info *info)
{
    if (info == NULL) {
        return turbo__error_set(
            TURBO_EABI, "%s: no turbo_plugin_descriptor; does it use TURBO_PLUGIN()?", path);
    }
    if (info->magic != TURBO_PLUGIN_MAGIC || info->size < sizeof(*info)) {
        return turbo__error_set(TURBO_EABI, "%s: turbo_plugin_descriptor is not one of ours", path);
    }
    if (info->abi_major != TURBO_PLUGIN_ABI_MAJOR || info->abi_minor > TURBO_PLUGIN_ABI_MINOR) {
        return turbo__error_set(TURBO_EABI,
                                "%s: built for plugin ABI %u.%u, this library has %d.%d", path,
                                (unsigned)info->abi_major, (unsigned)info->abi_minor,
                                TURBO_PLUGIN_ABI_MAJOR, TURBO_PLUGIN_ABI_MINOR);
    }
    return 0;
}

static int find_function(plugin *self, const char *path, const char *symbol)
{
    void *found = dlsym(self->object, symbol);
    if (found == NULL) {
        return turbo__error_set(TURBO_ESYMBOL, "%s: no handler '%s': %s", path, symbol,
                                dl_reason());
    }
    /* POSIX promises that a function pointer survives the way through void *. */
    memcpy(&self->fn, &found, sizeof(self->fn));
    return 0;
}

static int load(plugin *self, const char *path, const char *symbol, const char *config)
{
    self->object = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (self->object == NULL) {
        return turbo__error_set(TURBO_EPLUGIN, "%s", dl_reason());
    }
    const turbo_plugin_info *info = dlsym(self->object, "turbo_plugin_descriptor");
    int rc = check_descriptor(path, info);
    if (rc == 0) {
        rc = find_function(self, path, symbol);
    }
    if (rc != 0) {
        return rc;
    }
    if (info->init == NULL || info->init(&api, config) != 0) {
        return turbo__error_set(TURBO_EPLUGIN, "%s: its init function failed", path);
    }
    self->info = info;
    return 0;
}

static int call(turbo_request *request, turbo_response *response, void *user_data)
{
    const plugin *self = user_data;
    return self->fn(request, response, NULL);
}

int turbo_handler_new_library(const char *path, const char *symbol,
                              const turbo_library_options *options, turbo_handler **out)
{
    turbo_library_options known;
    if (path == NULL || symbol == NULL || out == NULL) {
        return turbo__error_set(TURBO_EINVAL, "turbo_handler_new_library() needs path and symbol");
    }
    int rc = turbo__options_read("turbo_library_options", options, &known, sizeof(known));
    if (rc != 0) {
        return rc;
    }
    plugin *self = turbo__calloc(1, sizeof(*self));
    if (self == NULL) {
        return TURBO_ENOMEM;
    }
    rc = load(self, path, symbol, known.config);
    if (rc == 0) {
        rc = turbo_handler_new_func(call, self, unload, out);
    }
    if (rc != 0) {
        unload(self);
    }
    return rc;
}
