/* cc -shared -fPIC handler.c $(pkg-config --cflags turbo) -o libhandler.so */

/*
 * A handler in a shared object. It needs one header and links to nothing, so the same file works
 * under plugin_host.c, under any other C program and inside the Python package:
 *
 *     app.add_native_route("GET", "/fast", "./libhandler.so", "handle_request")
 *
 * Without a body it answers a greeting; with one it sends the body back. The greeting names the
 * path parameter `name`, if the route has one.
 */
#include <turbo/plugin.h>

TURBO_PLUGIN(NULL, NULL);

/* Sends the body back under the type it came with. */
static int echo(turbo_request *request, turbo_response *response, turbo_str body)
{
    turbo_str type = TURBO_STR("application/octet-stream");
    int error = turbo->request_header(request, TURBO_STR("content-type"), &type);
    if (error != 0 && error != TURBO_ENOTFOUND) {
        return error;
    }
    error = turbo->response_header(response, TURBO_STR("content-type"), type);
    /* The request outlives the answer being queued, but not its sending: the body is copied. */
    return error != 0 ? error : turbo->response_body(response, body);
}

/* Answers {"message": "Hello from C", "name": <path parameter>}. */
static int greet(turbo_request *request, turbo_response *response)
{
    turbo_json *answer = NULL;
    turbo_json *value = NULL;
    turbo_str name = {NULL, 0};
    int error = turbo->json_new_object(&answer);
    if (error != 0) {
        return error;
    }
    error = turbo->json_new_string(TURBO_STR("Hello from C"), &value);
    if (error == 0) {
        error = turbo->json_set(answer, TURBO_STR("message"), value);
    }
    if (error == 0 && turbo->request_param(request, TURBO_STR("name"), &name) == 0) {
        error = turbo->json_new_string(name, &value);
        if (error == 0) {
            error = turbo->json_set(answer, TURBO_STR("name"), value);
        }
    }
    if (error == 0) {
        error = turbo->response_json(response, answer);
    }
    turbo->json_unref(answer);
    return error;
}

TURBO_PLUGIN_HANDLER(handle_request)
{
    (void)user_data;
    int error = turbo->response_header(response, TURBO_STR("x-handler"), TURBO_STR("native"));
    if (error != 0) {
        return error;
    }
    turbo_str body = turbo->request_body(request);
    return body.len > 0 ? echo(request, response, body) : greet(request, response);
}
