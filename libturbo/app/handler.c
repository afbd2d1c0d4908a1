/* SPDX-License-Identifier: MIT */
#include "app/handler.h"

#include <string.h>

#include "app/exchange.h"
#include "base/atomic.h"
#include "base/error.h"
#include "base/mem.h"
#include "base/options.h"
#include "base/str.h"
#include "codec/http1_writer.h"

/* Made by the constructors, shared by references, read by every worker, freed by the last unref. */
struct turbo_handler {
    turbo__atomic_u32 refs;
    turbo_handler_fn *fn;
    void *user_data;
    turbo_release_fn *release;
    turbo__static_answer *answer; /* of a static handler */
    turbo__arena arena;           /* the answer's memory */
};

static turbo_handler *new_handler(void)
{
    turbo_handler *handler = turbo__calloc(1, sizeof(*handler));
    if (handler != NULL) {
        turbo__u32_store_relaxed(&handler->refs, 1);
        turbo__arena_init(&handler->arena);
    }
    return handler;
}

int turbo_handler_new_func(turbo_handler_fn *fn, void *user_data, turbo_release_fn *release,
                           turbo_handler **out)
{
    if (fn == NULL || out == NULL) {
        return turbo__error_set(TURBO_EINVAL, "turbo_handler_new_func() needs a function");
    }
    turbo_handler *handler = new_handler();
    if (handler == NULL) {
        return TURBO_ENOMEM;
    }
    handler->fn = fn;
    handler->user_data = user_data;
    handler->release = release;
    *out = handler;
    return 0;
}

/* The general path of a static answer, used when CORS or HEAD keep the rendered one from being
 * sent. */
static int serve_static(turbo_request *request, turbo_response *response, void *user_data)
{
    const turbo__static_answer *answer = user_data;
    response->status = answer->status;
    for (size_t i = 0; i < answer->field_count; i++) {
        int rc = turbo__fields_add(&response->fields, &request->arena, answer->fields[i].name,
                                   answer->fields[i].value);
        if (rc != 0) {
            return rc;
        }
    }
    response->has_content_type = true;
    return turbo_response_body_static(response, answer->body);
}

static int copy_field(turbo__fields *fields, turbo__arena *arena, turbo_str name, turbo_str value)
{
    if (!turbo__field_name_valid(name) || !turbo__field_value_valid(value)) {
        return turbo__error_set(TURBO_EHEADER, "header of a static answer is not allowed");
    }
    if (turbo__is_framing_field(name) ||
        turbo__str_equal_nocase(name, TURBO_STR("content-length"))) {
        return turbo__error_set(TURBO_EHEADER, "header %.*s belongs to the library", (int)name.len,
                                name.data);
    }
    turbo_str name_copy;
    turbo_str value_copy;
    if (turbo__arena_copy(arena, name, &name_copy) != 0 ||
        turbo__arena_copy(arena, value, &value_copy) != 0) {
        return TURBO_ENOMEM;
    }
    return turbo__fields_add(fields, arena, name_copy, value_copy);
}

static int copy_fields(turbo__fields *fields, turbo__arena *arena,
                       const turbo_static_options *options)
{
    turbo_str type =
        options->content_type.len > 0 ? options->content_type : TURBO_STR("application/json");
    int rc = copy_field(fields, arena, TURBO_STR("content-type"), type);
    for (size_t i = 0; rc == 0 && i < options->header_count; i++) {
        rc = copy_field(fields, arena, options->headers[2 * i], options->headers[2 * i + 1]);
    }
    return rc;
}

/* Renders head and body around the place where date and server go. */
static int render(turbo__static_answer *answer, turbo__arena *arena, const turbo__fields *fields)
{
    turbo__buf buf;
    turbo__buf_init(&buf, SIZE_MAX / 2);
    bool bodyless = answer->status == 204 || answer->status == 304;
    turbo__http1_response head = {
        .status = answer->status,
        .fields = fields,
        .framing = bodyless ? TURBO__FRAME_NONE : TURBO__FRAME_LENGTH,
        .length = answer->body.len,
    };
    int rc = turbo__http1_write_head(&buf, &head);
    size_t head_len = buf.len;
    if (rc == 0 && !bodyless) {
        rc = turbo__buf_append_str(&buf, answer->body);
    }
    turbo_str copy;
    if (rc == 0) {
        rc = turbo__arena_copy(arena, turbo__buf_view(&buf), &copy);
    }
    if (rc == 0) {
        char spare[TURBO__STATUS_LINE_MAX];
        size_t line = turbo__http1_status_line(answer->status, spare).len;
        answer->status_line = (turbo_str){copy.data, line};
        answer->tail = (turbo_str){copy.data + line, copy.len - line};
        answer->tail_head = head_len - line;
    }
    turbo__buf_clear(&buf);
    return rc;
}

static int fill_static(turbo_handler *handler, const turbo_static_options *options)
{
    turbo__static_answer *answer = turbo__arena_alloc(&handler->arena, sizeof(*answer));
    if (answer == NULL) {
        return TURBO_ENOMEM;
    }
    memset(answer, 0, sizeof(*answer));
    answer->status = options->status != 0 ? options->status : 200;
    if (answer->status < 200 || answer->status > 599) {
        return turbo__error_set(TURBO_EINVAL, "status %d is not between 200 and 599",
                                answer->status);
    }
    turbo__fields fields = {NULL, 0, 0};
    int rc = copy_fields(&fields, &handler->arena, options);
    if (rc == 0) {
        turbo_str none = {NULL, 0};
        bool empty = answer->status == 205; /* RFC 9110 §15.3.6 */
        rc = turbo__arena_copy(&handler->arena, empty ? none : options->body, &answer->body);
    }
    if (rc == 0) {
        rc = render(answer, &handler->arena, &fields);
    }
    answer->fields = fields.items;
    answer->field_count = fields.count;
    handler->answer = answer;
    handler->fn = serve_static;
    handler->user_data = answer;
    return rc;
}

int turbo_handler_new_static(const turbo_static_options *options, turbo_handler **out)
{
    turbo_static_options known;
    int rc = turbo__options_read("turbo_static_options", options, &known, sizeof(known));
    if (rc != 0) {
        return rc;
    }
    turbo_handler *handler = new_handler();
    if (handler == NULL) {
        return TURBO_ENOMEM;
    }
    rc = fill_static(handler, &known);
    if (rc != 0) {
        turbo_handler_unref(handler);
        return rc;
    }
    *out = handler;
    return 0;
}

turbo_handler *turbo_handler_ref(turbo_handler *handler)
{
    (void)turbo__u32_add_acq_rel(&handler->refs, 1); /* the count before is of no interest */
    return handler;
}

void turbo_handler_unref(turbo_handler *handler)
{
    if (handler == NULL || turbo__u32_sub_acq_rel(&handler->refs, 1) != 1) {
        return;
    }
    if (handler->release != NULL) {
        handler->release(handler->user_data);
    }
    turbo__arena_clear(&handler->arena);
    turbo__free(handler);
}

const turbo__static_answer *turbo__handler_static(const turbo_handler *handler)
{
    return handler->answer;
}

int turbo__handler_call(const turbo_handler *handler, turbo_request *request,
                        turbo_response *response)
{
    return handler->fn(request, response, handler->user_data);
}
