/* cc plugin_host.c $(pkg-config --cflags --libs turbo) -o plugin_host */

/*
 * Serves a handler of a shared object, such as the one made from handler.c:
 *
 *     ./plugin_host 8000 ./libhandler.so handle_request
 *
 * under /fast and /fast/{name}, for every method. The two last arguments may be left out.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include <turbo/turbo.h>

static int serve(turbo_server *server, uint16_t port, const char *path, const char *symbol)
{
    turbo_handler *handler = NULL;
    int error = turbo_handler_new_library(path, symbol, NULL, &handler);
    if (error != 0) {
        return error;
    }
    error = turbo_route_add(server, "*", "/fast", handler, NULL, NULL);
    if (error == 0) {
        error = turbo_route_add(server, "*", "/fast/{name}", handler, NULL, NULL);
    }
    turbo_handler_unref(handler); /* the routes have their own references */
    if (error == 0) {
        error = turbo_server_listen(server, "127.0.0.1", port, &port);
    }
    if (error != 0) {
        return error;
    }
    printf("http://127.0.0.1:%" PRIu16 "/fast\n", port);
    fflush(stdout);
    return turbo_server_run(server);
}

int main(int argc, char **argv)
{
    uint16_t port = (uint16_t)(argc > 1 ? strtoul(argv[1], NULL, 10) : 0);
    const char *path = argc > 2 ? argv[2] : "./libhandler.so";
    const char *symbol = argc > 3 ? argv[3] : "handle_request";
    turbo_server *server = NULL;
    int error = turbo_server_new(NULL, &server);
    if (error == 0) {
        error = serve(server, port, path, symbol);
    }
    if (error != 0) {
        fprintf(stderr, "plugin_host: %s: %s\n", turbo_error_text(error), turbo_error_detail());
    }
    turbo_server_free(server);
    return error != 0;
}
