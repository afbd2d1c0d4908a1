/* SPDX-License-Identifier: MIT */
#ifndef TURBO__APP_FORM_H
#define TURBO__APP_FORM_H

/*
 * What a turbo_form is made of, and its building from the bytes of a body.
 */

#include "base/arena.h"
#include "codec/form.h"
#include "codec/multipart.h"
#include "turbo/form.h"

/** One part. Lives in its form's array; texts are in the form's arena or, in a form made from a
 * collected body, in that body. */
struct turbo_form_part {
    const turbo_form *form;
    turbo_str name;
    turbo_str filename;
    turbo_str content_type;
    const turbo__field *headers;
    size_t header_count;
    uint64_t size;
    const char *data; /* when not spooled */
    uint64_t offset;  /* in the form's temporary file, when spooled */
    bool is_file;
    bool spooled;
};

/** Made by a builder, then immutable and the caller's until turbo_form_free(). */
struct turbo_form {
    turbo__arena arena;
    turbo_form_part *parts;
    size_t count;
    size_t cap;
    int fd; /* the temporary file; -1: none */
};

/** turbo_form_options with the defaults filled in. */
typedef struct turbo__form_limits {
    uint64_t fields;
    uint64_t files;
    size_t field;
    uint64_t file;
    size_t part_head;
    uint64_t total;
    size_t memory;
    size_t spool_past;
    const char *directory; /* in the form's arena */
} turbo__form_limits;

/** A form under construction. Embedded in its owner, who calls init, feed, and take or drop; one
 *  thread at a time. */
typedef struct turbo__form_builder {
    turbo_form *form;
    turbo__form_limits limits;
    bool multipart;   /* else urlencoded */
    bool borrow;      /* the body outlives the form and is fed whole: views into it are kept */
    uint64_t seen;    /* bytes of the body */
    uint64_t spooled; /* bytes in the temporary file */
    size_t held;      /* bytes in memory for the form */
    turbo__buf data;  /* of the part under way */
    turbo_form_part part;
    turbo__multipart parts;
    turbo__urlencoded pairs;
} turbo__form_builder;

/** `content_type` is the value of the request's field, empty when there is none. `options` as given
 * by the caller. Returns 0, TURBO_EMEDIA, TURBO_EPROTOCOL, TURBO_EOPTION, TURBO_ENOMEM; nothing is
 * to be given back after an error. */
int turbo__form_builder_init(turbo__form_builder *self, turbo_str content_type,
                             const turbo_form_options *options, bool borrow);

/** Goes on with the next bytes of the body; `last`: it is complete with them. Returns 0 or an error
 *  of turbo_form_read()'s list, after which only drop may be called. */
int turbo__form_builder_feed(turbo__form_builder *self, turbo_str data, bool last);

/** The form, the caller's, after a feed with `last` that returned 0. The builder is done with. */
turbo_form *turbo__form_builder_take(turbo__form_builder *self);

/** Gives everything back. */
void turbo__form_builder_drop(turbo__form_builder *self);

#endif
