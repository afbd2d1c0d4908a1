/* cc upload.c $(pkg-config --cflags --libs turbo) -o upload */

/*
 * Takes forms with files of any size and answers with a line for each part:
 *
 *     ./upload 8000 &
 *     curl -F note=hello -F file=@big.iso http://127.0.0.1:8000/upload
 *
 * The body is read as it comes in, so the memory used stays small whatever is sent: a file of more
 * than 1 MiB goes to a temporary file without a name, in $TMPDIR or /tmp, which is gone when the
 * form is freed or the client leaves.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include <turbo/turbo.h>

/* Appends a part's line to `text`; returns the new length, at most `size`. */
static size_t add_line(const turbo_form_part *part, char *text, size_t length, size_t size)
{
    turbo_str name = turbo_form_part_name(part);
    turbo_str filename = turbo_form_part_filename(part);
    int fd;
    uint64_t offset;
    const char *kind = !turbo_form_part_is_file(part)                  ? "field"
                       : turbo_form_part_file(part, &fd, &offset) == 0 ? "file on disk"
                                                                       : "file in memory";
    int written =
        snprintf(text + length, size - length, "%.*s: %s %.*s, %" PRIu64 " bytes\n", (int)name.len,
                 name.data, kind, (int)filename.len, filename.data, turbo_form_part_size(part));
    if (written < 0 || (size_t)written >= size - length) {
        return size;
    }
    return length + (size_t)written;
}

static int answer(const turbo_form *form, turbo_response *response)
{
    char text[4096];
    size_t length = 0;
    for (size_t i = 0; i < turbo_form_count(form) && length < sizeof(text); i++) {
        const turbo_form_part *part;
        int error = turbo_form_at(form, i, &part);
        if (error != 0) {
            return error;
        }
        length = add_line(part, text, length, sizeof(text));
    }
    if (length == sizeof(text)) {
        return TURBO_ELIMIT; /* the client gets 413 */
    }
    turbo_str body = {text, length};
    int error = turbo_response_header(response, TURBO_STR("content-type"),
                                      TURBO_STR("text/plain; charset=utf-8"));
    return error != 0 ? error : turbo_response_body(response, body);
}

/* Fires on the worker's thread when the form is complete, or will never be. */
static void on_form(turbo_request *request, turbo_form *form, int error, void *user_data)
{
    (void)request;
    turbo_response *response = user_data;
    if (error == 0) {
        error = answer(form, response);
    }
    turbo_form_free(form);
    if (error != 0) {
        /* 400, 413 or the like; when memory is short it lacks its fields and is sent all the same.
         */
        (void)turbo_response_error(response, error);
    }
    /* It fails when the client has left; there is nobody to tell. */
    (void)turbo_response_finish(response);
}

static int upload(turbo_request *request, turbo_response *response, void *user_data)
{
    turbo_form_options options = {.size = sizeof(options), .directory = user_data};
    int error = turbo_form_read(request, &options, on_form, response);
    return error != 0 ? error : TURBO_PENDING;
}

static int serve(turbo_server *server, uint16_t port)
{
    turbo_handler *handler = NULL;
    turbo_route_options options = {
        .size = sizeof(options), .stream_body = true, .no_body_limit = true};
    int error = turbo_handler_new_func(upload, getenv("TMPDIR"), NULL, &handler);
    if (error != 0) {
        return error;
    }
    error = turbo_route_add(server, "POST", "/upload", handler, &options, NULL);
    turbo_handler_unref(handler); /* the route has its own reference */
    if (error == 0) {
        error = turbo_server_listen(server, "127.0.0.1", port, &port);
    }
    if (error != 0) {
        return error;
    }
    printf("http://127.0.0.1:%" PRIu16 "/upload\n", port);
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
        fprintf(stderr, "upload: %s: %s\n", turbo_error_text(error), turbo_error_detail());
    }
    turbo_server_free(server);
    return error != 0;
}
