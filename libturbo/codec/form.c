/* SPDX-License-Identifier: MIT */
#include "codec/form.h"

#include <string.h>

#include "base/error.h"
#include "base/str.h"
#include "codec/query.h"
#include "turbo/error.h"

void turbo__urlencoded_init(turbo__urlencoded *self, uint64_t fields_max, size_t field_max)
{
    memset(self, 0, sizeof(*self));
    self->fields_max = fields_max;
    self->field_max = field_max;
    turbo__buf_init(&self->piece, field_max);
}

void turbo__urlencoded_clear(turbo__urlencoded *self)
{
    turbo__buf_clear(&self->piece);
}

static int fail(turbo__urlencoded *self, const char *why)
{
    self->error = TURBO_ELIMIT;
    return turbo__error_set(TURBO_ELIMIT, "urlencoded body, byte %llu: %s",
                            (unsigned long long)self->offset, why);
}

/* Puts `*piece` behind what came of the pair in earlier input. */
static int join(turbo__urlencoded *self, bool ends, turbo_str *piece)
{
    size_t room = self->field_max - self->piece.len;
    if (piece->len > room) {
        self->offset += room;
        return fail(self, "the field is larger than allowed");
    }
    if (ends && self->piece.len == 0) {
        return 0;
    }
    if (turbo__buf_append_str(&self->piece, *piece) != 0) {
        self->error = TURBO_ENOMEM; /* the limit was looked at before */
        return TURBO_ENOMEM;
    }
    *piece = turbo__buf_view(&self->piece);
    return 0;
}

/* Takes what stands before the next '&', or all, as `*piece`, joined with what came before. Returns
 * 1 when the pair ends there, 0 when it does not, or an error. */
static int take_piece(turbo__urlencoded *self, turbo_str *input, bool last, turbo_str *piece)
{
    size_t at;
    bool found = turbo__str_find(*input, '&', &at);
    bool ends = found || last;
    size_t used = found ? at + 1 : input->len; /* of the input */
    *piece = found ? turbo__str_slice(*input, 0, at) : *input;
    int rc = join(self, ends, piece);
    if (rc != 0) {
        return rc;
    }
    self->offset += used;
    *input = found ? turbo__str_slice(*input, used, input->len) : TURBO_STR("");
    return ends ? 1 : 0;
}

int turbo__urlencoded_next(turbo__urlencoded *self, turbo_str *input, bool last, turbo_str *name,
                           turbo_str *value)
{
    while (self->error == 0 && (input->len > 0 || (last && self->piece.len > 0))) {
        turbo_str piece;
        int rc = take_piece(self, input, last, &piece);
        if (rc <= 0) {
            return rc;
        }
        self->piece.len = 0; /* its bytes stay until the next call */
        if (!turbo__query_next(&piece, name, value)) {
            continue;
        }
        if (++self->count > self->fields_max) {
            return fail(self, "more fields than allowed");
        }
        return 1;
    }
    return self->error;
}
