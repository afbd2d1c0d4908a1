/* cc hello.c $(pkg-config --cflags --libs turbo) -o hello */
#include <stdio.h>
#include <stdlib.h>
#include <turbo/turbo.h>

static int hello(turbo_request *request, turbo_response *response, void *user_data)
{
    (void)request, (void)user_data;
    return turbo_response_body_static(response, TURBO_STR("Hello World\n"));
}

int main(int argc, char **argv)
{
    turbo_server *server = NULL;
    turbo_handler *handler = NULL;
    uint16_t port = (uint16_t)(argc > 1 ? strtoul(argv[1], NULL, 10) : 0);
    if (turbo_server_new(NULL, &server) != 0 ||
        turbo_handler_new_func(hello, NULL, NULL, &handler) != 0 ||
        turbo_route_add(server, "GET", "/", handler, NULL, NULL) != 0 ||
        turbo_server_listen(server, "127.0.0.1", port, &port) != 0 ||
        printf("http://127.0.0.1:%d/\n", port) < 0 || fflush(stdout) != 0 ||
        turbo_server_run(server) != 0)
        return fprintf(stderr, "hello: %s\n", turbo_error_detail()), 1;
    return turbo_handler_unref(handler), turbo_server_free(server), 0;
}
