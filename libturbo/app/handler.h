/* SPDX-License-Identifier: MIT */
#ifndef TURBO__APP_HANDLER_H
#define TURBO__APP_HANDLER_H

#include "app/exchange.h"
#include "turbo/handler.h"

/** What a static handler sends, rendered once. Immutable, lives as long as the handler. */
typedef struct turbo__static_answer {
    int status;
    turbo__field *fields;
    size_t field_count;
    turbo_str body;
    turbo_str status_line; /* ready to send, with line end */
    turbo_str tail;        /* the rest of the head after date and server, and the body */
    size_t tail_head;      /* bytes of `tail` that are head */
} turbo__static_answer;

/** The rendered answer of a static handler, NULL for any other kind. */
const turbo__static_answer *turbo__handler_static(const turbo_handler *handler);

/** Calls the handler. Returns what it returned. */
int turbo__handler_call(const turbo_handler *handler, turbo_request *request,
                        turbo_response *response);

#endif
