/* SPDX-License-Identifier: MIT */

/* Builds a form from the bytes of a body. */

#include "app/form.h"

#include <assert.h>
#include <string.h>

#include "app/form_spool.h"
#include "base/error.h"
#include "base/mem.h"
#include "base/options.h"
#include "base/str.h"
#include "codec/params.h"
#include "codec/query.h"

enum {
    FIRST_PARTS = 8,
    QUOTED_MAX = 100 /* bytes of a media type that an error message quotes */
};

static uint64_t or_default(uint64_t value, uint64_t otherwise)
{
    return value > 0 ? value : otherwise;
}

static int read_options(turbo__form_builder *self, const turbo_form_options *given)
{
    turbo_form_options options;
    int rc = turbo__options_read("turbo_form_options", given, &options, sizeof(options));
    if (rc != 0) {
        return rc;
    }
    turbo__form_limits *limits = &self->limits;
    limits->fields = or_default(options.max_fields, 1000);
    limits->files = or_default(options.max_files, 1000);
    limits->field = (size_t)or_default(options.max_field, 1 << 20);
    limits->file = or_default(options.max_file, UINT64_MAX);
    limits->part_head = (size_t)or_default(options.max_part_head, 8 << 10);
    limits->total = or_default(options.max_total, UINT64_MAX);
    limits->memory = (size_t)or_default(options.max_memory, 16 << 20);
    limits->spool_past = (size_t)or_default(options.spool_past, 1 << 20);
    const char *directory = options.directory != NULL ? options.directory : "/tmp";
    turbo_str copy;
    turbo_str text = {directory, strlen(directory) + 1};
    if (turbo__arena_copy(&self->form->arena, text, &copy) != 0) {
        return TURBO_ENOMEM;
    }
    limits->directory = copy.data;
    return 0;
}

static int read_type(turbo__form_builder *self, turbo_str content_type)
{
    turbo_str rest;
    turbo_str boundary;
    turbo_str type = turbo__params_begin(content_type, &rest);
    const turbo__form_limits *limits = &self->limits;
    if (turbo__str_equal_nocase(type, TURBO_STR("application/x-www-form-urlencoded"))) {
        turbo__urlencoded_init(&self->pairs, limits->fields, limits->field);
        return 0;
    }
    if (!turbo__str_equal_nocase(type, TURBO_STR("multipart/form-data"))) {
        return turbo__error_set(TURBO_EMEDIA, "Content-Type '%.*s' is not a form's",
                                (int)(type.len < QUOTED_MAX ? type.len : QUOTED_MAX), type.data);
    }
    int rc = turbo__multipart_boundary(rest, &boundary);
    if (rc == 0) {
        turbo__multipart_limits own = {limits->part_head, limits->fields, limits->files,
                                       limits->field, limits->file};
        turbo__multipart_init(&self->parts, boundary, &own, &self->form->arena);
        self->multipart = true;
    }
    return rc;
}

int turbo__form_builder_init(turbo__form_builder *self, turbo_str content_type,
                             const turbo_form_options *options, bool borrow)
{
    memset(self, 0, sizeof(*self));
    self->form = turbo__calloc(1, sizeof(*self->form));
    if (self->form == NULL) {
        return TURBO_ENOMEM;
    }
    turbo__arena_init(&self->form->arena);
    self->form->fd = -1;
    self->borrow = borrow;
    turbo__buf_init(&self->data, SIZE_MAX / 2); /* its limits are looked at before */
    int rc = read_options(self, options);
    rc = rc != 0 ? rc : read_type(self, content_type);
    if (rc != 0) {
        turbo__form_builder_drop(self);
    }
    return rc;
}

static void clear(turbo__form_builder *self)
{
    turbo__buf_clear(&self->data);
    turbo__multipart_clear(&self->parts);
    turbo__urlencoded_clear(&self->pairs);
}

turbo_form *turbo__form_builder_take(turbo__form_builder *self)
{
    turbo_form *form = self->form;
    self->form = NULL;
    clear(self);
    return form;
}

void turbo__form_builder_drop(turbo__form_builder *self)
{
    clear(self);
    turbo_form_free(self->form);
    self->form = NULL;
}

/* --- parts ------------------------------------------------------------------- */

static bool fits(const turbo__form_builder *self, size_t size)
{
    return self->borrow || size <= self->limits.memory - self->held;
}

/* Notes that `size` more bytes are held in memory. */
static int hold(turbo__form_builder *self, size_t size)
{
    if (!fits(self, size)) {
        return turbo__error_set(TURBO_ELIMIT, "the form takes more than %zu bytes of memory",
                                self->limits.memory);
    }
    self->held += size;
    return 0;
}

/* Appends the part under way. */
static int add_part(turbo__form_builder *self)
{
    turbo_form *form = self->form;
    if (form->count == form->cap) {
        size_t cap = form->cap > 0 ? form->cap * 2 : FIRST_PARTS; /* bounded by the limits */
        turbo_form_part *parts = turbo__realloc(form->parts, cap * sizeof(*parts));
        if (parts == NULL) {
            return TURBO_ENOMEM;
        }
        form->parts = parts;
        form->cap = cap;
    }
    self->part.form = form;
    form->parts[form->count++] = self->part;
    return 0;
}

static int begin_part(turbo__form_builder *self)
{
    const turbo__part *read = &self->parts.part;
    turbo_form_part part = {.name = read->name,
                            .filename = read->filename,
                            .content_type = read->content_type,
                            .headers = read->headers,
                            .header_count = read->header_count,
                            .data = "",
                            .is_file = read->is_file};
    self->part = part;
    self->data.len = 0;
    return hold(self, sizeof(part) + self->parts.head_size +
                          read->header_count * sizeof(read->headers[0]));
}

/* Moves the part under way from memory to the temporary file. */
static int spool_part(turbo__form_builder *self)
{
    turbo_form *form = self->form;
    int rc = form->fd < 0 ? turbo__spool_open(self->limits.directory, &form->fd) : 0;
    if (rc != 0) {
        return rc;
    }
    self->part.spooled = true;
    self->part.data = NULL;
    self->part.offset = self->spooled;
    rc = turbo__spool_write(form->fd, turbo__buf_view(&self->data));
    self->spooled += self->data.len;
    self->held -= self->data.len;
    turbo__buf_clear(&self->data);
    return rc;
}

static int keep_in_memory(turbo__form_builder *self, turbo_str data)
{
    int rc = hold(self, data.len);
    return rc != 0 ? rc : turbo__buf_append_str(&self->data, data);
}

static int add_data(turbo__form_builder *self, turbo_str data)
{
    turbo_form_part *part = &self->part;
    if (self->borrow) { /* the whole body was fed at once, so this is all of the part's data */
        assert(part->size == 0);
        part->data = data.data;
        part->size = data.len;
        return 0;
    }
    bool large = part->size + data.len > self->limits.spool_past || !fits(self, data.len);
    part->size += data.len;
    if (!part->spooled && !(part->is_file && large)) {
        return keep_in_memory(self, data);
    }
    int rc = part->spooled ? 0 : spool_part(self);
    rc = rc != 0 ? rc : turbo__spool_write(self->form->fd, data);
    self->spooled += data.len;
    return rc;
}

static int end_part(turbo__form_builder *self)
{
    turbo_str copy;
    if (!self->borrow && !self->part.spooled && self->part.size > 0) {
        if (turbo__arena_copy(&self->form->arena, turbo__buf_view(&self->data), &copy) != 0) {
            return TURBO_ENOMEM;
        }
        self->part.data = copy.data;
    }
    return add_part(self);
}

/* --- bodies ------------------------------------------------------------------ */

static int feed_multipart(turbo__form_builder *self, turbo_str input, bool last)
{
    turbo_str data = {NULL, 0};
    int rc;
    do {
        int event = turbo__multipart_next(&self->parts, &input, &data);
        switch (event) {
        case TURBO__MULTIPART_MORE:
            return last ? turbo__multipart_finish(&self->parts) : 0;
        case TURBO__MULTIPART_PART:
            rc = begin_part(self);
            break;
        case TURBO__MULTIPART_DATA:
            rc = add_data(self, data);
            break;
        case TURBO__MULTIPART_PART_END:
            rc = end_part(self);
            break;
        case TURBO__MULTIPART_END:
            rc = 0;
            break;
        default:
            rc = event;
        }
    } while (rc == 0);
    return rc;
}

/* Decodes into memory that lives as long as the form. */
static int decode(turbo__form_builder *self, turbo_str raw, turbo_str *out)
{
    int rc = turbo__query_decode(&self->form->arena, raw, out);
    if (rc != 0 || self->borrow || out->data != raw.data) {
        return rc;
    }
    return turbo__arena_copy(&self->form->arena, raw, out);
}

static int add_pair(turbo__form_builder *self, turbo_str name, turbo_str raw_value)
{
    turbo_str value;
    turbo_form_part part = {.header_count = 0};
    int rc = decode(self, name, &part.name);
    rc = rc != 0 ? rc : decode(self, raw_value, &value);
    rc = rc != 0 ? rc : hold(self, sizeof(part) + part.name.len + value.len);
    if (rc != 0) {
        return rc;
    }
    part.data = value.data;
    part.size = value.len;
    self->part = part;
    return add_part(self);
}

static int feed_urlencoded(turbo__form_builder *self, turbo_str input, bool last)
{
    turbo_str name;
    turbo_str value;
    int rc = turbo__urlencoded_next(&self->pairs, &input, last, &name, &value);
    while (rc == 1) {
        rc = add_pair(self, name, value);
        if (rc == 0) {
            rc = turbo__urlencoded_next(&self->pairs, &input, last, &name, &value);
        }
    }
    return rc;
}

int turbo__form_builder_feed(turbo__form_builder *self, turbo_str data, bool last)
{
    if (data.len > self->limits.total - self->seen) {
        return turbo__error_set(TURBO_ELIMIT, "the form is larger than %llu bytes",
                                (unsigned long long)self->limits.total);
    }
    self->seen += data.len;
    return self->multipart ? feed_multipart(self, data, last) : feed_urlencoded(self, data, last);
}
