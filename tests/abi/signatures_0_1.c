/* SPDX-License-Identifier: MIT */

/*
 * The functions and callback types of version 0.1. This file is frozen like layout_0_1.c: it
 * declares everything a second time, and a compiler refuses two declarations that disagree.
 */
#include <turbo/turbo.h>

/* types.h */
typedef void turbo_release_fn(void *user_data);
typedef struct turbo_server turbo_server;
typedef struct turbo_handler turbo_handler;
typedef struct turbo_route turbo_route;
typedef struct turbo_request turbo_request;
typedef struct turbo_response turbo_response;
typedef struct turbo_json turbo_json;
typedef struct turbo_schema turbo_schema;
/* access.h */
typedef void turbo_access_fn(const turbo_access *access, void *user_data);
size_t turbo_access_format(const turbo_access *access, char *out, size_t size);
/* error.h */
const char *turbo_error_text(int code);
const char *turbo_error_name(int code);
const char *turbo_error_detail(void);
/* log.h */
typedef void turbo_log_fn(turbo_log_level level, turbo_str line, void *user_data);
void turbo_log_set_sink(turbo_log_fn *sink, turbo_log_level level, void *user_data);
/* json.h */
int turbo_json_parse(turbo_str text, turbo_json **out, size_t *offset);
int turbo_json_render(const turbo_json *json, char **out, size_t *length);
void turbo_json_text_free(char *text);
turbo_json *turbo_json_ref(turbo_json *json);
void turbo_json_unref(turbo_json *json);
turbo_json_type turbo_json_typeof(const turbo_json *json);
int turbo_json_new_null(turbo_json **out);
int turbo_json_new_bool(bool value, turbo_json **out);
int turbo_json_new_int(int64_t value, turbo_json **out);
int turbo_json_new_real(double value, turbo_json **out);
int turbo_json_new_string(turbo_str value, turbo_json **out);
int turbo_json_new_array(turbo_json **out);
int turbo_json_new_object(turbo_json **out);
int turbo_json_get_bool(const turbo_json *json, bool *value);
int turbo_json_get_int(const turbo_json *json, int64_t *value);
int turbo_json_get_real(const turbo_json *json, double *value);
int turbo_json_get_string(const turbo_json *json, turbo_str *value);
size_t turbo_json_size(const turbo_json *json);
int turbo_json_at(const turbo_json *json, size_t index, turbo_json **value);
int turbo_json_member(const turbo_json *json, turbo_str name, turbo_json **value);
bool turbo_json_next(const turbo_json *json, void **cursor, turbo_str *name, turbo_json **value);
int turbo_json_append(turbo_json *array, turbo_json *value);
int turbo_json_set(turbo_json *object, turbo_str name, turbo_json *value);
/* handler.h */
typedef int turbo_handler_fn(turbo_request *request, turbo_response *response, void *user_data);
int turbo_handler_new_func(turbo_handler_fn *fn, void *user_data, turbo_release_fn *release,
                           turbo_handler **out);
int turbo_handler_new_library(const char *path, const char *symbol,
                              const turbo_library_options *options, turbo_handler **out);
int turbo_handler_new_static(const turbo_static_options *options, turbo_handler **out);
turbo_handler *turbo_handler_ref(turbo_handler *handler);
void turbo_handler_unref(turbo_handler *handler);
/* request.h */
turbo_str turbo_request_method(const turbo_request *request);
turbo_str turbo_request_path(const turbo_request *request);
turbo_str turbo_request_raw_path(const turbo_request *request);
turbo_str turbo_request_query(const turbo_request *request);
int turbo_request_http_version(const turbo_request *request);
turbo_str turbo_request_scheme(const turbo_request *request);
size_t turbo_request_header_count(const turbo_request *request);
int turbo_request_header_at(const turbo_request *request, size_t index, turbo_str *name,
                            turbo_str *value);
int turbo_request_header(const turbo_request *request, turbo_str name, turbo_str *value);
size_t turbo_request_param_count(const turbo_request *request);
int turbo_request_param_at(const turbo_request *request, size_t index, turbo_str *name,
                           turbo_str *value);
int turbo_request_param(const turbo_request *request, turbo_str name, turbo_str *value);
int turbo_request_query_param(turbo_request *request, turbo_str name, turbo_str *value);
int turbo_request_cookie(const turbo_request *request, turbo_str name, turbo_str *value);
turbo_str turbo_request_body(const turbo_request *request);
bool turbo_request_body_complete(const turbo_request *request);
typedef void turbo_read_fn(turbo_request *request, turbo_str data, bool last, int status,
                           void *user_data);
int turbo_request_read(turbo_request *request, turbo_read_fn *fn, void *user_data);
int turbo_request_json(turbo_request *request, turbo_json **out);
turbo_str turbo_request_peer(const turbo_request *request, uint16_t *port);
turbo_str turbo_request_local(const turbo_request *request, uint16_t *port);
const turbo_route *turbo_request_route(const turbo_request *request);
void *turbo_request_alloc(turbo_request *request, size_t size);
bool turbo_request_cancelled(const turbo_request *request);
typedef void turbo_close_fn(turbo_request *request, void *user_data);
int turbo_request_on_close(turbo_request *request, turbo_close_fn *fn, void *user_data);
void turbo_request_lock_wait(turbo_request *request, bool waiting);
/* response.h */
int turbo_response_status(turbo_response *response, int status);
int turbo_response_get_status(const turbo_response *response);
int turbo_response_header(turbo_response *response, turbo_str name, turbo_str value);
int turbo_response_set_header(turbo_response *response, turbo_str name, turbo_str value);
int turbo_response_body(turbo_response *response, turbo_str data);
int turbo_response_body_static(turbo_response *response, turbo_str data);
int turbo_response_body_owned(turbo_response *response, turbo_str data, turbo_release_fn *release,
                              void *user_data);
int turbo_response_file(turbo_response *response, int fd, uint64_t offset, uint64_t length);
int turbo_response_json(turbo_response *response, const turbo_json *json);
int turbo_response_finish(turbo_response *response);
void turbo_response_abort(turbo_response *response);
int turbo_response_begin(turbo_response *response, int64_t content_length);
int turbo_response_send_chunk(turbo_response *response, turbo_str data, turbo_release_fn *release,
                              void *user_data);
typedef void turbo_writable_fn(turbo_response *response, void *user_data);
int turbo_response_on_writable(turbo_response *response, turbo_writable_fn *fn, void *user_data);
/* route.h */
int turbo_route_add(turbo_server *server, const char *method, const char *pattern,
                    turbo_handler *handler, const turbo_route_options *options, turbo_route **out);
const char *turbo_route_name(const turbo_route *route);
const char *turbo_route_pattern(const turbo_route *route);
/* schema.h */
int turbo_schema_compile(turbo_str document, turbo_schema **out);
turbo_schema *turbo_schema_ref(turbo_schema *schema);
void turbo_schema_unref(turbo_schema *schema);
int turbo_schema_validate(const turbo_schema *schema, const turbo_json *document,
                          turbo_json **errors);
/* server.h */
int turbo_server_new(const turbo_server_options *options, turbo_server **out);
void turbo_server_free(turbo_server *server);
int turbo_server_listen(turbo_server *server, const char *host, uint16_t port, uint16_t *bound);
int turbo_server_listen_fd(turbo_server *server, int fd);
int turbo_server_start(turbo_server *server);
int turbo_server_run(turbo_server *server);
void turbo_server_stop(turbo_server *server);
int turbo_server_wait(turbo_server *server, int timeout_ms);
int turbo_server_pollfd(turbo_server *server);
int turbo_server_step(turbo_server *server, int timeout_ms);
int turbo_server_metrics(const turbo_server *server, turbo_metrics *metrics);
/* version.h */
const char *turbo_version(void);
/* addresses and listeners */
turbo_str turbo_request_socket_peer(const turbo_request *request, uint16_t *port);
turbo_str turbo_request_host(const turbo_request *request, uint16_t *port);
int turbo_server_listen_unix(turbo_server *server, const char *path, uint32_t mode);
int turbo_server_listen_env(turbo_server *server);
int turbo_server_listener(const turbo_server *server, size_t index);
/* forms */
typedef struct turbo_form turbo_form;
typedef struct turbo_form_part turbo_form_part;
int turbo_request_form(turbo_request *request, const turbo_form_options *options, turbo_form **out);
typedef void turbo_form_fn(turbo_request *request, turbo_form *form, int error, void *user_data);
int turbo_form_read(turbo_request *request, const turbo_form_options *options, turbo_form_fn *fn,
                    void *user_data);
void turbo_form_free(turbo_form *form);
size_t turbo_form_count(const turbo_form *form);
int turbo_form_at(const turbo_form *form, size_t index, const turbo_form_part **part);
int turbo_form_find(const turbo_form *form, turbo_str name, const turbo_form_part **part);
int turbo_form_value(const turbo_form *form, turbo_str name, turbo_str *value);
turbo_str turbo_form_part_name(const turbo_form_part *part);
bool turbo_form_part_is_file(const turbo_form_part *part);
turbo_str turbo_form_part_filename(const turbo_form_part *part);
turbo_str turbo_form_part_content_type(const turbo_form_part *part);
size_t turbo_form_part_header_count(const turbo_form_part *part);
int turbo_form_part_header_at(const turbo_form_part *part, size_t index, turbo_str *name,
                              turbo_str *value);
uint64_t turbo_form_part_size(const turbo_form_part *part);
int turbo_form_part_data(const turbo_form_part *part, turbo_str *data);
int turbo_form_part_file(const turbo_form_part *part, int *fd, uint64_t *offset);
int turbo_form_part_read(const turbo_form_part *part, uint64_t offset, void *buffer, size_t size,
                         size_t *got);
int turbo_response_error(turbo_response *response, int error);
int turbo_response_reset(turbo_response *response);

/* metrics.h */
int turbo_server_metrics_text(const turbo_server *server, char **text, size_t *length);
void turbo_metrics_text_free(char *text);
int turbo_handler_new_metrics(const turbo_server *server, turbo_handler **out);
/* request.h */
size_t turbo_request_trailer_count(const turbo_request *request);
int turbo_request_trailer_at(const turbo_request *request, size_t index, turbo_str *name,
                             turbo_str *value);
int turbo_request_trailer(const turbo_request *request, turbo_str name, turbo_str *value);

int main(void)
{
    return 0; /* compiling it was the test */
}
