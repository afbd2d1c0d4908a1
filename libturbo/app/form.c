/* SPDX-License-Identifier: MIT */

/* Forms as their users see them (turbo/form.h). */

#include "app/form.h"

#include <string.h>

#include <unistd.h>

#include "app/form_spool.h"
#include "base/error.h"
#include "base/mem.h"

void turbo_form_free(turbo_form *form)
{
    if (form == NULL) {
        return;
    }
    if (form->fd >= 0) {
        (void)close(form->fd); /* it goes with its content */
    }
    turbo__free(form->parts);
    turbo__arena_clear(&form->arena);
    turbo__free(form);
}

size_t turbo_form_count(const turbo_form *form)
{
    return form->count;
}

int turbo_form_at(const turbo_form *form, size_t index, const turbo_form_part **part)
{
    if (index >= form->count) {
        return turbo__error_set(TURBO_ENOTFOUND, "the form has %zu parts, not %zu", form->count,
                                index + 1);
    }
    *part = &form->parts[index];
    return 0;
}

/* Looking for what is not there is no failure worth a message: the code alone says it. */
static const turbo_form_part *find_last(const turbo_form *form, turbo_str name, bool fields_only)
{
    for (size_t i = form->count; i-- > 0;) {
        const turbo_form_part *part = &form->parts[i];
        if (turbo_str_equal(part->name, name) && !(fields_only && part->is_file)) {
            return part;
        }
    }
    return NULL;
}

int turbo_form_find(const turbo_form *form, turbo_str name, const turbo_form_part **part)
{
    const turbo_form_part *found = find_last(form, name, false);
    if (found == NULL) {
        return TURBO_ENOTFOUND;
    }
    *part = found;
    return 0;
}

int turbo_form_value(const turbo_form *form, turbo_str name, turbo_str *value)
{
    const turbo_form_part *found = find_last(form, name, true);
    return found != NULL ? turbo_form_part_data(found, value) : TURBO_ENOTFOUND;
}

turbo_str turbo_form_part_name(const turbo_form_part *part)
{
    return part->name;
}

bool turbo_form_part_is_file(const turbo_form_part *part)
{
    return part->is_file;
}

turbo_str turbo_form_part_filename(const turbo_form_part *part)
{
    return part->filename;
}

turbo_str turbo_form_part_content_type(const turbo_form_part *part)
{
    return part->content_type;
}

size_t turbo_form_part_header_count(const turbo_form_part *part)
{
    return part->header_count;
}

int turbo_form_part_header_at(const turbo_form_part *part, size_t index, turbo_str *name,
                              turbo_str *value)
{
    if (index >= part->header_count) {
        return turbo__error_set(TURBO_ENOTFOUND, "the part has %zu header fields, not %zu",
                                part->header_count, index + 1);
    }
    *name = part->headers[index].name;
    *value = part->headers[index].value;
    return 0;
}

uint64_t turbo_form_part_size(const turbo_form_part *part)
{
    return part->size;
}

int turbo_form_part_data(const turbo_form_part *part, turbo_str *data)
{
    if (part->spooled) {
        return turbo__error_set(TURBO_ESTATE, "the data is in a temporary file");
    }
    *data = (turbo_str){part->data, (size_t)part->size};
    return 0;
}

int turbo_form_part_file(const turbo_form_part *part, int *fd, uint64_t *offset)
{
    if (!part->spooled) {
        return turbo__error_set(TURBO_ESTATE, "the data is in memory");
    }
    *fd = part->form->fd;
    *offset = part->offset;
    return 0;
}

int turbo_form_part_read(const turbo_form_part *part, uint64_t offset, void *buffer, size_t size,
                         size_t *got)
{
    uint64_t left = offset < part->size ? part->size - offset : 0;
    size_t count = left < size ? (size_t)left : size;
    if (!part->spooled) {
        if (count > 0) {
            memcpy(buffer, part->data + offset, count);
        }
        *got = count;
        return 0;
    }
    size_t read = 0;
    int rc = turbo__spool_read(part->form->fd, part->offset + offset, buffer, count, &read);
    if (rc == 0 && read < count) {
        rc = turbo__error_set(TURBO_EIO, "temporary file: it is shorter than it was");
    }
    if (rc == 0) {
        *got = read;
    }
    return rc;
}
