/* SPDX-License-Identifier: MIT */
#include "codec/multipart.h"

#include <string.h>

#include "base/error.h"
#include "base/str.h"
#include "codec/params.h"
#include "turbo/error.h"

/* Where the parser stands. */
enum {
    IN_PREAMBLE,
    IN_DATA,
    AFTER_BOUNDARY, /* what kind of boundary it is shows next */
    AFTER_DASH,     /* one dash behind a boundary */
    IN_PADDING,     /* behind a boundary, before the line's end */
    AFTER_CR,       /* … whose CR has come */
    IN_HEAD,
    IN_LAST_PADDING, /* behind the closing boundary */
    AFTER_LAST_CR,
    IN_EPILOGUE
};

static int fail_at(turbo__multipart *self, int error, uint64_t offset, const char *why)
{
    self->error = error;
    return turbo__error_set(error, "multipart body, byte %llu: %s", (unsigned long long)offset,
                            why);
}

static int fail(turbo__multipart *self, int error, const char *why)
{
    return fail_at(self, error, self->offset, why);
}

static void use(turbo__multipart *self, turbo_str *input, size_t count)
{
    *input = turbo__str_slice(*input, count, input->len);
    self->offset += count;
}

/* --- the boundary ---------------------------------------------------------- */

/* bchars of RFC 2046 §5.1.1. */
static bool is_boundary_char(char c)
{
    if ((c >= '0' && c <= '9') || (turbo__ascii_lower(c) >= 'a' && turbo__ascii_lower(c) <= 'z')) {
        return true;
    }
    return c != '\0' && strchr("'()+_,-./:=? ", c) != NULL;
}

static bool is_boundary(turbo_str text)
{
    if (text.len == 0 || text.len > TURBO__BOUNDARY_MAX || text.data[text.len - 1] == ' ') {
        return false;
    }
    for (size_t i = 0; i < text.len; i++) {
        if (!is_boundary_char(text.data[i])) {
            return false;
        }
    }
    return true;
}

int turbo__multipart_boundary(turbo_str parameters, turbo_str *boundary)
{
    turbo__param param;
    turbo_str found = {NULL, 0};
    int rc = turbo__params_next(&parameters, &param);
    for (; rc == 1; rc = turbo__params_next(&parameters, &param)) {
        if (!turbo__str_equal_nocase(param.name, TURBO_STR("boundary"))) {
            continue;
        }
        if (found.data != NULL) {
            return turbo__error_set(TURBO_EPROTOCOL, "Content-Type has two boundaries");
        }
        found = param.value;
    }
    if (rc < 0) {
        return turbo__error_set(TURBO_EPROTOCOL, "Content-Type has a malformed parameter");
    }
    if (found.data == NULL) {
        return turbo__error_set(TURBO_EPROTOCOL,
                                "Content-Type of a multipart body has no boundary");
    }
    if (!is_boundary(found)) {
        return turbo__error_set(TURBO_EPROTOCOL,
                                "the boundary is not 1 to 70 of the bytes allowed in one");
    }
    *boundary = found;
    return 0;
}

void turbo__multipart_init(turbo__multipart *self, turbo_str boundary,
                           const turbo__multipart_limits *limits, turbo__arena *arena)
{
    memset(self, 0, sizeof(*self));
    self->limits = *limits;
    self->arena = arena;
    self->state = IN_PREAMBLE;
    self->matched = 2; /* the first boundary needs no CRLF before it when nothing precedes it */
    self->assumed = 2;
    turbo__buf_init(&self->line, limits->head);
    memcpy(self->delimiter, "\r\n--", 4);
    memcpy(self->delimiter + 4, boundary.data, boundary.len);
    self->delimiter_len = 4 + boundary.len;
}

void turbo__multipart_clear(turbo__multipart *self)
{
    turbo__buf_clear(&self->line);
}

/* --- the search for it ----------------------------------------------------- */

/* How many bytes of the delimiter from `from` on stand at `at`. */
static size_t match(const turbo__multipart *self, size_t from, const char *at, size_t len)
{
    size_t most = self->delimiter_len - from;
    most = len < most ? len : most;
    size_t n = 0;
    while (n < most && at[n] == self->delimiter[from + n]) {
        n++;
    }
    return n;
}

/* Goes on with a delimiter that began in earlier input. Returns whether it may still be one; if
 * not, what was held back is content. Only the delimiter's first byte is CR, so no other match can
 * have begun meanwhile. */
static bool resume(turbo__multipart *self, turbo_str *input, turbo_str *content)
{
    size_t wanted = self->delimiter_len - self->matched;
    size_t n = match(self, self->matched, input->data, input->len);
    if (n == wanted || n == input->len) {
        self->matched += n;
        use(self, input, n);
        return true;
    }
    *content = (turbo_str){self->delimiter + self->assumed, self->matched - self->assumed};
    self->matched = 0;
    self->assumed = 0;
    return false;
}

/* Takes what stands before the next delimiter as `*content`, as far as that is known. Returns
 * whether the whole delimiter was found; it is used up then. Every byte is looked at twice at most:
 * after a mismatch the search goes on behind the bytes that matched. */
static bool scan(turbo__multipart *self, turbo_str *input, turbo_str *content)
{
    *content = (turbo_str){NULL, 0};
    if (self->matched > 0 && (resume(self, input, content) || content->len > 0)) {
        return self->matched == self->delimiter_len;
    }
    turbo_str all = *input;
    size_t at = 0;
    while (at < all.len) {
        const char *cr = all.data + at;
        if (*cr != '\r') { /* a call for each byte of a run of CR would be slow */
            cr = memchr(cr, '\r', all.len - at);
        }
        if (cr == NULL) {
            at = all.len;
            break;
        }
        at = (size_t)(cr - all.data);
        size_t n = match(self, 0, cr, all.len - at);
        if (n == self->delimiter_len || at + n == all.len) {
            self->matched = n;
            break;
        }
        at += n;
    }
    *content = turbo__str_slice(all, 0, at);
    use(self, input, at + self->matched);
    return self->matched == self->delimiter_len;
}

static void leave_content(turbo__multipart *self)
{
    self->matched = 0;
    self->assumed = 0;
    self->padding = 0;
    self->state = AFTER_BOUNDARY;
}

static int count_data(turbo__multipart *self, size_t size)
{
    uint64_t limit = self->part.is_file ? self->limits.file : self->limits.field;
    if (size > limit - self->part_size) {
        uint64_t start = self->offset - self->matched - size;
        return fail_at(self, TURBO_ELIMIT, start + (limit - self->part_size),
                       self->part.is_file ? "the file is larger than allowed"
                                          : "the field is larger than allowed");
    }
    self->part_size += size;
    return TURBO__MULTIPART_DATA;
}

static int read_data(turbo__multipart *self, turbo_str *input, turbo_str *data)
{
    while (self->matched < self->delimiter_len) {
        if (input->len == 0) {
            return TURBO__MULTIPART_MORE;
        }
        turbo_str content;
        (void)scan(self, input, &content); /* the loop's condition asks the same */
        if (content.len > 0) {
            *data = content;
            return count_data(self, content.len);
        }
    }
    leave_content(self);
    return TURBO__MULTIPART_PART_END;
}

static int skip_preamble(turbo__multipart *self, turbo_str *input)
{
    turbo_str content;
    while (input->len > 0) {
        if (scan(self, input, &content)) {
            leave_content(self);
            break;
        }
    }
    return TURBO__MULTIPART_MORE;
}

/* --- behind it ------------------------------------------------------------- */

static void begin_head(turbo__multipart *self)
{
    memset(&self->part, 0, sizeof(self->part));
    self->header_count = 0;
    self->head_size = 0;
    self->part_size = 0;
    self->line.len = 0;
    self->state = IN_HEAD;
}

static int unexpected(turbo__multipart *self)
{
    return fail_at(self, TURBO_EPROTOCOL, self->offset - 1,
                   "a boundary is followed by something else than its line's end");
}

/* A blank or the CR of the line's end. */
static int read_padding(turbo__multipart *self, char c, int after_cr)
{
    if (c == '\r') {
        self->state = after_cr;
        return 0;
    }
    if (c != ' ' && c != '\t') {
        return unexpected(self);
    }
    if (++self->padding > TURBO__BOUNDARY_PADDING_MAX) {
        return fail(self, TURBO_ELIMIT, "a boundary is followed by too many blanks");
    }
    return 0;
}

/* Takes one byte of the rest of a boundary's line. Returns 0, TURBO__MULTIPART_END or an error. */
static int read_boundary_end(turbo__multipart *self, char c)
{
    switch (self->state) {
    case AFTER_BOUNDARY:
        if (c == '-') {
            self->state = AFTER_DASH;
            return 0;
        }
        self->state = IN_PADDING;
        return read_padding(self, c, AFTER_CR);
    case AFTER_DASH:
        if (c != '-') {
            return unexpected(self);
        }
        self->state = IN_LAST_PADDING;
        return TURBO__MULTIPART_END;
    case IN_PADDING:
        return read_padding(self, c, AFTER_CR);
    case IN_LAST_PADDING:
        return read_padding(self, c, AFTER_LAST_CR);
    default:
        if (c != '\n') {
            return unexpected(self);
        }
        if (self->state == AFTER_CR) {
            begin_head(self);
        } else {
            self->state = IN_EPILOGUE;
        }
        return 0;
    }
}

/* --- header fields --------------------------------------------------------- */

static int add_field(turbo__multipart *self, turbo_str line, uint64_t start)
{
    size_t colon;
    if (line.data[0] == ' ' || line.data[0] == '\t') {
        return fail_at(self, TURBO_EPROTOCOL, start, "a header field of a part is folded");
    }
    if (!turbo__str_find(line, ':', &colon)) {
        return fail_at(self, TURBO_EPROTOCOL, start, "a header field of a part has no colon");
    }
    turbo__field field = {turbo__str_slice(line, 0, colon),
                          turbo__str_trim(turbo__str_slice(line, colon + 1, line.len))};
    if (!turbo__field_name_valid(field.name)) {
        return fail_at(self, TURBO_EPROTOCOL, start,
                       "a header field of a part has a malformed name");
    }
    if (!turbo__field_value_valid(field.value)) {
        return fail_at(self, TURBO_EPROTOCOL, start,
                       "a header field of a part has a control character in its value");
    }
    if (self->header_count == TURBO__PART_FIELDS_MAX) {
        return fail_at(self, TURBO_ELIMIT, start, "a part has too many header fields");
    }
    self->headers[self->header_count++] = field;
    return 0;
}

/* The only field called `name`; NULL when there is none. More than one is an error. */
static int only_field(turbo__multipart *self, turbo_str name, const turbo__field **out)
{
    *out = NULL;
    for (size_t i = 0; i < self->header_count; i++) {
        if (!turbo__str_equal_nocase(self->headers[i].name, name)) {
            continue;
        }
        if (*out != NULL) {
            return fail(self, TURBO_EPROTOCOL, "a part has a header field twice");
        }
        *out = &self->headers[i];
    }
    return 0;
}

static int count_part(turbo__multipart *self)
{
    if (self->part.is_file) {
        return ++self->file_count > self->limits.files
                   ? fail(self, TURBO_ELIMIT, "more files than allowed")
                   : 0;
    }
    return ++self->field_count > self->limits.fields
               ? fail(self, TURBO_ELIMIT, "more fields than allowed")
               : 0;
}

static int keep_headers(turbo__multipart *self)
{
    size_t size = self->header_count * sizeof(self->headers[0]);
    turbo__field *copy = turbo__arena_alloc(self->arena, size);
    if (copy == NULL) {
        self->error = TURBO_ENOMEM;
        return TURBO_ENOMEM;
    }
    memcpy(copy, self->headers, size);
    self->part.headers = copy;
    self->part.header_count = self->header_count;
    return 0;
}

/* The empty line has come: the part is known. */
static int end_head(turbo__multipart *self)
{
    const turbo__field *disposition;
    const turbo__field *type;
    const char *why = NULL;
    turbo__disposition read;
    int rc = only_field(self, TURBO_STR("content-disposition"), &disposition);
    rc = rc != 0 ? rc : only_field(self, TURBO_STR("content-type"), &type);
    if (rc != 0) {
        return rc;
    }
    if (disposition == NULL) {
        return fail(self, TURBO_EPROTOCOL, "a part has no Content-Disposition");
    }
    rc = turbo__disposition_read(self->arena, disposition->value, &read, &why);
    if (rc == TURBO_EPROTOCOL) {
        return fail(self, rc, why);
    }
    if (rc != 0) {
        self->error = rc;
        return rc;
    }
    self->part.name = read.name;
    self->part.filename = read.filename;
    self->part.is_file = read.has_filename;
    if (type != NULL) {
        self->part.content_type = type->value;
    }
    rc = keep_headers(self);
    rc = rc != 0 ? rc : count_part(self);
    if (rc != 0) {
        return rc;
    }
    self->state = IN_DATA;
    self->matched = 2; /* RFC 2046 §5.1.1: the empty line's CRLF may be the delimiter's, a part */
    self->assumed = 2; /* … without body then */
    return TURBO__MULTIPART_PART;
}

/* A line with its LF has come. Returns 0 to go on, an event or an error. */
static int end_line(turbo__multipart *self, turbo_str line)
{
    uint64_t start = self->offset - line.len;
    if (line.len < 2 || line.data[line.len - 2] != '\r') {
        return fail(self, TURBO_EPROTOCOL, "a line of a part's header ends without CR");
    }
    line.len -= 2;
    if (line.len == 0) {
        return end_head(self);
    }
    size_t dashes = self->delimiter_len - 2; /* the delimiter without its CRLF */
    if (line.len >= dashes && memcmp(line.data, self->delimiter + 2, dashes) == 0) {
        return fail_at(self, TURBO_EPROTOCOL, start, "a boundary stands in the header of a part");
    }
    turbo_str copy;
    if (turbo__arena_copy(self->arena, line, &copy) != 0) {
        self->error = TURBO_ENOMEM;
        return TURBO_ENOMEM;
    }
    return add_field(self, copy, start);
}

/* Returns 0 when the input is used up, an event or an error. */
static int read_head(turbo__multipart *self, turbo_str *input)
{
    while (input->len > 0) {
        size_t at;
        bool whole = turbo__str_find(*input, '\n', &at);
        turbo_str part = turbo__str_slice(*input, 0, whole ? at + 1 : input->len);
        if (part.len > self->limits.head - self->head_size) {
            return fail_at(self, TURBO_ELIMIT, self->offset + (self->limits.head - self->head_size),
                           "the header of a part is larger than allowed");
        }
        self->head_size += part.len;
        use(self, input, part.len);
        if (!whole || self->line.len > 0) {
            if (turbo__buf_append_str(&self->line, part) != 0) {
                self->error = TURBO_ENOMEM; /* the limit was looked at before */
                return TURBO_ENOMEM;
            }
            part = turbo__buf_view(&self->line);
        }
        if (whole) {
            self->line.len = 0;
            int rc = end_line(self, part);
            if (rc != 0) {
                return rc;
            }
        }
    }
    return TURBO__MULTIPART_MORE;
}

/* --- the machine ----------------------------------------------------------- */

int turbo__multipart_next(turbo__multipart *self, turbo_str *input, turbo_str *data)
{
    int rc = self->error;
    while (rc == 0 && (input->len > 0 || self->state == IN_DATA)) {
        switch (self->state) {
        case IN_PREAMBLE:
            rc = skip_preamble(self, input);
            break;
        case IN_DATA:
            rc = read_data(self, input, data);
            if (rc == TURBO__MULTIPART_MORE) {
                return rc;
            }
            break;
        case IN_HEAD:
            rc = read_head(self, input);
            break;
        case IN_EPILOGUE:
            use(self, input, input->len);
            break;
        default: {
            char c = input->data[0];
            use(self, input, 1);
            rc = read_boundary_end(self, c);
        }
        }
    }
    return rc;
}

int turbo__multipart_finish(const turbo__multipart *self)
{
    if (self->error != 0) {
        return self->error;
    }
    if (self->state == IN_LAST_PADDING || self->state == IN_EPILOGUE) {
        return 0;
    }
    return turbo__error_set(TURBO_EPROTOCOL,
                            "multipart body, byte %llu: it ends before its closing boundary",
                            (unsigned long long)self->offset);
}
