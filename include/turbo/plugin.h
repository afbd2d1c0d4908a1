/* SPDX-License-Identifier: MIT */
#ifndef TURBO_PLUGIN_H
#define TURBO_PLUGIN_H

/*
 * Handlers in a shared object. The object includes this header only and links to nothing:
 *
 *     #include <turbo/plugin.h>
 *     TURBO_PLUGIN(NULL, NULL);
 *     TURBO_PLUGIN_HANDLER(handle_request)
 *     {
 *         return turbo->response_body(response, TURBO_STR("hello"));
 *     }
 *
 *     cc -shared -fPIC $(pkg-config --cflags turbo) -o libhandler.so handler.c
 *
 * The library checks the descriptor when the object is loaded and hands it a table of functions. The
 * table only ever grows at its end: an object built with an older minor version works with a newer library.
 */

#include <turbo/error.h>
#include <turbo/form.h>
#include <turbo/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#define TURBO_PLUGIN_MAGIC 0x54425250u /* "TBRP" */
#define TURBO_PLUGIN_ABI_MAJOR 1
#define TURBO_PLUGIN_ABI_MINOR 1

/** What a handler of a shared object may call; same contracts as the functions of the same name
 *  with the prefix turbo_ in the other headers. */
typedef struct turbo_plugin_api {
    size_t size; /**< bytes of the table that the loaded library fills */
    turbo_str (*request_method)(const turbo_request *request);
    turbo_str (*request_path)(const turbo_request *request);
    turbo_str (*request_query)(const turbo_request *request);
    turbo_str (*request_body)(const turbo_request *request);
    int (*request_header)(const turbo_request *request, turbo_str name, turbo_str *value);
    size_t (*request_header_count)(const turbo_request *request);
    int (*request_header_at)(const turbo_request *request, size_t index, turbo_str *name,
                             turbo_str *value);
    int (*request_param)(const turbo_request *request, turbo_str name, turbo_str *value);
    int (*request_query_param)(turbo_request *request, turbo_str name, turbo_str *value);
    int (*request_cookie)(const turbo_request *request, turbo_str name, turbo_str *value);
    turbo_str (*request_peer)(const turbo_request *request, uint16_t *port);
    void *(*request_alloc)(turbo_request *request, size_t size);
    bool (*request_cancelled)(const turbo_request *request);
    int (*request_json)(turbo_request *request, turbo_json **out);
    int (*response_status)(turbo_response *response, int status);
    int (*response_header)(turbo_response *response, turbo_str name, turbo_str value);
    int (*response_set_header)(turbo_response *response, turbo_str name, turbo_str value);
    int (*response_body)(turbo_response *response, turbo_str data);
    int (*response_body_static)(turbo_response *response, turbo_str data);
    int (*response_body_owned)(turbo_response *response, turbo_str data, turbo_release_fn *release,
                               void *user_data);
    int (*response_json)(turbo_response *response, const turbo_json *json);
    int (*response_finish)(turbo_response *response);
    void (*response_abort)(turbo_response *response);
    int (*response_begin)(turbo_response *response, int64_t content_length);
    int (*response_send_chunk)(turbo_response *response, turbo_str data, turbo_release_fn *release,
                               void *user_data);
    int (*json_new_object)(turbo_json **out);
    int (*json_new_array)(turbo_json **out);
    int (*json_new_string)(turbo_str value, turbo_json **out);
    int (*json_new_int)(int64_t value, turbo_json **out);
    int (*json_new_real)(double value, turbo_json **out);
    int (*json_new_bool)(bool value, turbo_json **out);
    int (*json_set)(turbo_json *object, turbo_str name, turbo_json *value);
    int (*json_append)(turbo_json *array, turbo_json *value);
    int (*json_member)(const turbo_json *json, turbo_str name, turbo_json **value);
    int (*json_at)(const turbo_json *json, size_t index, turbo_json **value);
    size_t (*json_size)(const turbo_json *json);
    int (*json_get_string)(const turbo_json *json, turbo_str *value);
    int (*json_get_int)(const turbo_json *json, int64_t *value);
    int (*json_get_real)(const turbo_json *json, double *value);
    int (*json_get_bool)(const turbo_json *json, bool *value);
    void (*json_unref)(turbo_json *json);
    const char *(*error_detail)(void);
    /* since minor version 1 */
    int (*request_form)(turbo_request *request, const turbo_form_options *options,
                        turbo_form **out);
    int (*form_read)(turbo_request *request, const turbo_form_options *options, turbo_form_fn *fn,
                     void *user_data);
    void (*form_free)(turbo_form *form);
    size_t (*form_count)(const turbo_form *form);
    int (*form_at)(const turbo_form *form, size_t index, const turbo_form_part **part);
    int (*form_find)(const turbo_form *form, turbo_str name, const turbo_form_part **part);
    int (*form_value)(const turbo_form *form, turbo_str name, turbo_str *value);
    turbo_str (*form_part_name)(const turbo_form_part *part);
    bool (*form_part_is_file)(const turbo_form_part *part);
    turbo_str (*form_part_filename)(const turbo_form_part *part);
    turbo_str (*form_part_content_type)(const turbo_form_part *part);
    size_t (*form_part_header_count)(const turbo_form_part *part);
    int (*form_part_header_at)(const turbo_form_part *part, size_t index, turbo_str *name,
                               turbo_str *value);
    uint64_t (*form_part_size)(const turbo_form_part *part);
    int (*form_part_data)(const turbo_form_part *part, turbo_str *data);
    int (*form_part_file)(const turbo_form_part *part, int *fd, uint64_t *offset);
    int (*form_part_read)(const turbo_form_part *part, uint64_t offset, void *buffer, size_t size,
                          size_t *got);
    int (*response_error)(turbo_response *response, int error);
    size_t (*request_trailer_count)(const turbo_request *request);
    int (*request_trailer_at)(const turbo_request *request, size_t index, turbo_str *name,
                              turbo_str *value);
    int (*request_trailer)(const turbo_request *request, turbo_str name, turbo_str *value);
} turbo_plugin_api;

/** What the shared object exports under the name `turbo_plugin_descriptor`; written by TURBO_PLUGIN(). */
typedef struct turbo_plugin_info {
    uint32_t magic;     /**< TURBO_PLUGIN_MAGIC */
    uint32_t size;      /**< sizeof(turbo_plugin_info) */
    uint16_t abi_major; /**< must equal the library's */
    uint16_t abi_minor; /**< must not exceed the library's */
    uint32_t reserved;  /**< 0 */
    /** Receives the table, which lives as long as the object is loaded, and the `config` text of
     *  the loader's options, borrowed for the call. Called once per load. Non-zero: loading fails. */
    int (*init)(const turbo_plugin_api *api, const char *config);
    /** Called before the object is unloaded. May be NULL. */
    void (*fini)(void);
} turbo_plugin_info;

/** Defines the descriptor and the table pointer `turbo`. `on_load(const char *config)` returns 0 or
 *  a failure, `on_unload(void)`; both may be NULL. Once per shared object. */
#define TURBO_PLUGIN(on_load, on_unload)                                                           \
    static const turbo_plugin_api *turbo;                                                          \
    static int turbo_plugin_init_(const turbo_plugin_api *api, const char *config)                 \
    {                                                                                              \
        int (*load)(const char *) = (on_load);                                                     \
        turbo = api;                                                                               \
        return load != NULL ? load(config) : 0;                                                    \
    }                                                                                              \
    TURBO_API extern const turbo_plugin_info turbo_plugin_descriptor;                              \
    const turbo_plugin_info turbo_plugin_descriptor = {                                            \
        TURBO_PLUGIN_MAGIC,     (uint32_t)sizeof(turbo_plugin_info),                               \
        TURBO_PLUGIN_ABI_MAJOR, TURBO_PLUGIN_ABI_MINOR,                                            \
        0,                      turbo_plugin_init_,                                                \
        (on_unload)}

/** Starts the definition of a handler; the body sees `request`, `response` and `user_data`. */
#define TURBO_PLUGIN_HANDLER(name)                                                                 \
    TURBO_API int name(turbo_request *request, turbo_response *response, void *user_data);         \
    int name(turbo_request *request, turbo_response *response, void *user_data)

#ifdef __cplusplus
}
#endif

#endif
