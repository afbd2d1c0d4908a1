/* SPDX-License-Identifier: MIT */
#include "codec/json_parse.h"

#include <string.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/utf8.h"
#include "codec/json_number.h"
#include "codec/json_write.h"

/* Lives on the stack of turbo__json_parse(). */
typedef struct parser {
    const char *start;
    const char *p;
    const char *end;
    const turbo__json_events *events;
    void *user_data;
    size_t *offset;
    turbo__buf string; /* the last string that had escapes */
    turbo__buf name;   /* likewise; apart, as a name outlives the string that is its value */
    size_t depth;
    bool in_object[TURBO__JSON_DEPTH_MAX];
} parser;

/* The wording is that of Python's json module where it has the same case, and so is the place. */
static int fail(const parser *self, const char *at, const char *what)
{
    size_t offset = (size_t)(at - self->start);
    if (self->offset != NULL) {
        *self->offset = offset;
    }
    return turbo__error_set(TURBO_EJSON, "%s: byte %zu", what, offset);
}

static void skip_space(parser *self)
{
    while (self->p < self->end &&
           (*self->p == ' ' || *self->p == '\n' || *self->p == '\r' || *self->p == '\t')) {
        self->p++;
    }
}

static bool next_is(const parser *self, char c)
{
    return self->p < self->end && *self->p == c;
}

static bool take(parser *self, char c)
{
    if (!next_is(self, c)) {
        return false;
    }
    self->p++;
    return true;
}

/* --- strings --------------------------------------------------------------- */

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    char lower = (char)(c | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/* The four digits behind \u at `p`. */
static bool read_hex4(const parser *self, const char *p, uint32_t *out)
{
    uint32_t value = 0;
    for (int i = 0; i < 4; i++) {
        int digit = p + i < self->end ? hex_digit(p[i]) : -1;
        if (digit < 0) {
            return false;
        }
        value = value << 4 | (uint32_t)digit;
    }
    *out = value;
    return true;
}

/* `p` is at the u of \uXXXX. RFC 8259 §7: characters above U+FFFF are two such escapes. */
static int decode_unicode(parser *self, turbo__buf *out)
{
    const char *at = self->p;
    uint32_t code;
    if (!read_hex4(self, at + 1, &code)) {
        return fail(self, at, "Invalid \\uXXXX escape");
    }
    self->p += 5;
    if (code >= 0xD800 && code <= 0xDFFF) {
        uint32_t low = 0;
        bool pair = code <= 0xDBFF && self->end - self->p >= 6 && self->p[0] == '\\' &&
                    self->p[1] == 'u' && read_hex4(self, self->p + 2, &low) && low >= 0xDC00 &&
                    low <= 0xDFFF;
        if (!pair) {
            return fail(self, at, "Lone surrogate in \\uXXXX escape");
        }
        self->p += 6;
        code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
    }
    char bytes[TURBO__UTF8_MAX];
    size_t len = turbo__utf8_encode(code, bytes);
    return turbo__buf_append(out, bytes, len);
}

/* `p` is behind a backslash. */
static int decode_escape(parser *self, turbo__buf *out)
{
    static const char escapes[] = "\"\"\\\\//b\bf\fn\nr\rt\t";
    if (next_is(self, 'u')) {
        return decode_unicode(self, out);
    }
    for (size_t i = 0; self->p < self->end && i < sizeof(escapes) - 1; i += 2) {
        if (*self->p == escapes[i]) {
            self->p++;
            return turbo__buf_append(out, &escapes[i + 1], 1);
        }
    }
    return fail(self, self->p - 1, "Invalid \\escape");
}

/* A run of bytes that stand for themselves, up to a quote or backslash. */
static int read_run(parser *self, const char *opening, turbo_str *out)
{
    const char *from = self->p;
    self->p = turbo__json_plain_run(from, self->end);
    out->data = from;
    out->len = (size_t)(self->p - from);
    size_t valid;
    if (!turbo__utf8_check(*out, &valid)) {
        return fail(self, from + valid, "Invalid UTF-8");
    }
    if (self->p == self->end) {
        return fail(self, opening, "Unterminated string");
    }
    if ((unsigned char)*self->p < 0x20) {
        return fail(self, self->p, "Invalid control character");
    }
    return 0;
}

/* `p` is at the opening quote. Strings without escapes, nearly all, are views into the text. */
static int read_string(parser *self, turbo__buf *decoded, turbo_str *out)
{
    const char *opening = self->p++;
    turbo_str run;
    int rc = read_run(self, opening, &run);
    if (rc == 0 && *self->p == '"') {
        self->p++;
        *out = run;
        return 0;
    }
    decoded->len = 0;
    while (rc == 0) {
        rc = turbo__buf_append_str(decoded, run);
        if (rc == 0 && take(self, '"')) {
            *out = turbo__buf_view(decoded);
            return 0;
        }
        self->p++; /* the backslash */
        rc = rc == 0 ? decode_escape(self, decoded) : rc;
        rc = rc == 0 ? read_run(self, opening, &run) : rc;
    }
    return rc;
}

/* --- scalars --------------------------------------------------------------- */

static bool is_digit(const parser *self, const char *p)
{
    return p < self->end && *p >= '0' && *p <= '9';
}

static const char *digits_end(const parser *self, const char *p)
{
    while (is_digit(self, p)) {
        p++;
    }
    return p;
}

/* The end of the longest number at `p` (RFC 8259 §6), NULL if there is none. */
static const char *number_end(const parser *self, bool *real)
{
    const char *p = self->p + (*self->p == '-');
    if (!is_digit(self, p)) {
        return NULL;
    }
    *real = false;
    p = *p == '0' ? p + 1 : digits_end(self, p);
    if (p < self->end && *p == '.' && is_digit(self, p + 1)) {
        *real = true;
        p = digits_end(self, p + 1);
    }
    if (p < self->end && (*p == 'e' || *p == 'E')) {
        const char *digits = p + 1;
        digits += digits < self->end && (*digits == '+' || *digits == '-');
        if (is_digit(self, digits)) {
            *real = true;
            p = digits_end(self, digits);
        }
    }
    return p;
}

static int read_number(parser *self)
{
    bool real;
    const char *start = self->p;
    const char *stop = number_end(self, &real);
    if (stop == NULL) {
        return fail(self, start, "Expecting value");
    }
    turbo_str text = {start, (size_t)(stop - start)};
    self->p = stop;
    if (real) {
        double value;
        return turbo__number_read_real(text, &value) ? self->events->on_real(value, self->user_data)
                                                     : fail(self, start, "Number too large");
    }
    int64_t value;
    return turbo__number_read_int(text, &value) ? self->events->on_int(value, self->user_data)
                                                : fail(self, start, "Integer beyond 64 bits");
}

static bool take_word(parser *self, const char *word, size_t len)
{
    if ((size_t)(self->end - self->p) < len || memcmp(self->p, word, len) != 0) {
        return false;
    }
    self->p += len;
    return true;
}

static int read_word(parser *self)
{
    const char *start = self->p;
    if (take_word(self, "true", 4)) {
        return self->events->on_bool(true, self->user_data);
    }
    if (take_word(self, "false", 5)) {
        return self->events->on_bool(false, self->user_data);
    }
    if (take_word(self, "null", 4)) {
        return self->events->on_null(self->user_data);
    }
    return fail(self, start, "Expecting value");
}

static int read_scalar(parser *self)
{
    if (*self->p == '"') {
        turbo_str value;
        int rc = read_string(self, &self->string, &value);
        return rc != 0 ? rc : self->events->on_string(value, self->user_data);
    }
    return *self->p == '-' || is_digit(self, self->p) ? read_number(self) : read_word(self);
}

/* --- structure ------------------------------------------------------------- */

static int read_name(parser *self)
{
    skip_space(self);
    if (!next_is(self, '"')) {
        return fail(self, self->p, "Expecting property name enclosed in double quotes");
    }
    turbo_str name;
    int rc = read_string(self, &self->name, &name);
    if (rc != 0) {
        return rc;
    }
    skip_space(self);
    if (!take(self, ':')) {
        return fail(self, self->p, "Expecting ':' delimiter");
    }
    return self->events->on_name(name, self->user_data);
}

static int end_container(parser *self)
{
    self->p++;
    self->depth--;
    return self->events->on_end(self->user_data);
}

/* `p` is at the bracket. Sets `*complete` when the container is empty, hence a whole value. */
static int begin_container(parser *self, bool *complete)
{
    if (self->depth == TURBO__JSON_DEPTH_MAX) {
        return fail(self, self->p, "Nested too deeply");
    }
    bool object = *self->p++ == '{';
    int rc = object ? self->events->on_begin_object(self->user_data)
                    : self->events->on_begin_array(self->user_data);
    if (rc != 0) {
        return rc;
    }
    self->in_object[self->depth++] = object;
    skip_space(self);
    *complete = next_is(self, object ? '}' : ']');
    if (*complete) {
        return end_container(self);
    }
    return object ? read_name(self) : 0;
}

static int read_value(parser *self, bool *complete)
{
    skip_space(self);
    if (self->p == self->end) {
        return fail(self, self->p, "Expecting value");
    }
    if (*self->p == '{' || *self->p == '[') {
        return begin_container(self, complete);
    }
    *complete = true;
    return read_scalar(self);
}

/* Behind a value inside a container: to the next value, or out of the container. */
static int continue_container(parser *self, bool *complete)
{
    bool object = self->in_object[self->depth - 1];
    skip_space(self);
    if (next_is(self, object ? '}' : ']')) {
        return end_container(self);
    }
    if (!take(self, ',')) {
        return fail(self, self->p, "Expecting ',' delimiter");
    }
    *complete = false;
    return object ? read_name(self) : 0;
}

static int read_text(parser *self)
{
    bool complete = false;
    int rc = 0;
    while (rc == 0 && !(complete && self->depth == 0)) {
        rc = complete ? continue_container(self, &complete) : read_value(self, &complete);
    }
    if (rc != 0) {
        return rc;
    }
    skip_space(self);
    return self->p == self->end ? 0 : fail(self, self->p, "Extra data");
}

int turbo__json_parse(turbo_str text, const turbo__json_events *events, void *user_data,
                      size_t *offset)
{
    parser self;
    self.start = text.len > 0 ? text.data : "";
    self.p = self.start;
    self.end = self.start + text.len;
    self.events = events;
    self.user_data = user_data;
    self.offset = offset;
    self.depth = 0;
    /* What a string decodes to is never longer than its text. */
    turbo__buf_init(&self.string, text.len);
    turbo__buf_init(&self.name, text.len);
    int rc = read_text(&self);
    turbo__buf_clear(&self.string);
    turbo__buf_clear(&self.name);
    return rc;
}
