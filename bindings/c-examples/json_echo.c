/* cc json_echo.c $(pkg-config --cflags --libs turbo) -o json_echo */

/*
 * JSON in, JSON out: POST /echo answers {"echo": <the body>, "members": <how many it has>}.
 *
 *     ./json_echo 8000 &
 *     curl -d '{"name":"bolt","sizes":[1,2]}' http://127.0.0.1:8000/echo
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include <turbo/turbo.h>

/* Adds the body and its size to `answer`. Takes the reference to `body`. */
static int fill(turbo_json *answer, turbo_json *body)
{
    turbo_json *members = NULL;
    int error = turbo_json_new_int((int64_t)turbo_json_size(body), &members);
    if (error != 0) {
        turbo_json_unref(body);
        return error;
    }
    error = turbo_json_set(answer, TURBO_STR("echo"), body);
    if (error != 0) {
        turbo_json_unref(members);
        return error;
    }
    return turbo_json_set(answer, TURBO_STR("members"), members);
}

static int echo(turbo_request *request, turbo_response *response, void *user_data)
{
    (void)user_data;
    turbo_json *body = NULL;
    int error = turbo_request_json(request, &body);
    if (error != 0) {
        return error; /* TURBO_EJSON: the client gets 400 */
    }
    turbo_json *answer = NULL;
    error = turbo_json_new_object(&answer);
    if (error != 0) {
        turbo_json_unref(body);
        return error;
    }
    error = fill(answer, body);
    if (error == 0) {
        error = turbo_response_json(response, answer);
    }
    turbo_json_unref(answer);
    return error;
}

static int serve(turbo_server *server, uint16_t port)
{
    turbo_handler *handler = NULL;
    int error = turbo_handler_new_func(echo, NULL, NULL, &handler);
    if (error != 0) {
        return error;
    }
    error = turbo_route_add(server, "POST", "/echo", handler, NULL, NULL);
    turbo_handler_unref(handler); /* the route has its own reference */
    if (error == 0) {
        error = turbo_server_listen(server, "127.0.0.1", port, &port);
    }
    if (error != 0) {
        return error;
    }
    printf("http://127.0.0.1:%" PRIu16 "/echo\n", port);
    fflush(stdout);
    return turbo_server_run(server);
}

int main(int argc, char **argv)
{
    uint16_t port = (uint16_t)(argc > 1 ? strtoul(argv[1], NULL, 10) : 0);
    turbo_server *server = NULL;
    int error = turbo_server_new(NULL, &server);
    if (error == 0) {
        error = serve(server, port);
    }
    if (error != 0) {
        fprintf(stderr, "json_echo: %s: %s\n", turbo_error_text(error), turbo_error_detail());
    }
    turbo_server_free(server);
    return error != 0;
}
