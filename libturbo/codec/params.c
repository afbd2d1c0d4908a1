/* SPDX-License-Identifier: MIT */
#include "codec/params.h"

#include <string.h>

#include "base/str.h"
#include "base/utf8.h"
#include "codec/fields.h"
#include "turbo/error.h"

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static turbo_str skip_blanks(turbo_str text)
{
    while (text.len > 0 && is_blank(text.data[0])) {
        text.data++;
        text.len--;
    }
    return text;
}

turbo_str turbo__params_begin(turbo_str field, turbo_str *rest)
{
    size_t at = field.len;
    (void)turbo__str_find(field, ';', &at); /* without one all is head */
    *rest = turbo__str_slice(field, at, field.len);
    return turbo__str_trim(turbo__str_slice(field, 0, at));
}

/* The length of a quoted-string with both quotes; 0 when it does not end. */
static size_t quoted_length(turbo_str text)
{
    for (size_t i = 1; i < text.len; i++) {
        if (text.data[i] == '"') {
            return i + 1;
        }
        if (text.data[i] == '\\') {
            i++;
        }
    }
    return 0;
}

/* Takes a value off the front of `*rest`. */
static int read_value(turbo_str *rest, turbo_str *value)
{
    if (rest->len > 0 && rest->data[0] == '"') {
        size_t len = quoted_length(*rest);
        if (len == 0) {
            return TURBO_EPROTOCOL;
        }
        *value = turbo__str_slice(*rest, 1, len - 1);
        *rest = turbo__str_slice(*rest, len, rest->len);
        return 0;
    }
    size_t end = 0;
    while (end < rest->len && rest->data[end] != ';' && !is_blank(rest->data[end])) {
        end++;
    }
    *value = turbo__str_slice(*rest, 0, end);
    *rest = turbo__str_slice(*rest, end, rest->len);
    return turbo__field_name_valid(*value) ? 0 : TURBO_EPROTOCOL; /* a token, as names are */
}

int turbo__params_next(turbo_str *rest, turbo__param *out)
{
    for (;;) {
        *rest = skip_blanks(*rest);
        if (rest->len == 0) {
            return 0;
        }
        if (rest->data[0] != ';') {
            return TURBO_EPROTOCOL;
        }
        *rest = skip_blanks(turbo__str_slice(*rest, 1, rest->len));
        if (rest->len > 0 && rest->data[0] != ';') {
            break;
        }
    }
    size_t equals;
    if (!turbo__str_find(*rest, '=', &equals)) {
        return TURBO_EPROTOCOL;
    }
    out->name = turbo__str_slice(*rest, 0, equals);
    *rest = turbo__str_slice(*rest, equals + 1, rest->len);
    if (!turbo__field_name_valid(out->name) || read_value(rest, &out->value) != 0) {
        return TURBO_EPROTOCOL;
    }
    return 1;
}

/* --- Content-Disposition --------------------------------------------------- */

/* The text in UTF-8: as it is, or taken for Latin-1. */
static int to_utf8(turbo__arena *arena, turbo_str text, turbo_str *out)
{
    if (turbo__utf8_check(text, NULL)) {
        *out = text;
        return 0;
    }
    char *copy = turbo__arena_alloc(arena, text.len * 2); /* a header's: far from overflowing */
    if (copy == NULL) {
        return TURBO_ENOMEM;
    }
    size_t len = 0;
    for (size_t i = 0; i < text.len; i++) {
        char unit[TURBO__UTF8_MAX];
        size_t size = turbo__utf8_encode((unsigned char)text.data[i], unit);
        memcpy(copy + len, unit, size);
        len += size;
    }
    *out = (turbo_str){copy, len};
    return 0;
}

/* The byte that a form's quoted-string has at `at`; `*used` gets how much of the text it takes. */
static char form_byte(turbo_str text, size_t at, size_t *used)
{
    static const struct {
        const char *escape;
        char byte;
    } escapes[] = {{"\\\"", '"'}, {"\\\\", '\\'}, {"%22", '"'}, {"%0A", '\n'}, {"%0D", '\r'}};
    for (size_t i = 0; i < sizeof(escapes) / sizeof(escapes[0]); i++) {
        size_t len = strlen(escapes[i].escape);
        if (text.len - at >= len && memcmp(text.data + at, escapes[i].escape, len) == 0) {
            *used = len;
            return escapes[i].byte;
        }
    }
    *used = 1;
    return text.data[at];
}

static int unescape(turbo__arena *arena, turbo_str raw, turbo_str *out)
{
    size_t at;
    if (!turbo__str_find(raw, '\\', &at) && !turbo__str_find(raw, '%', &at)) {
        return to_utf8(arena, raw, out);
    }
    char *text = turbo__arena_alloc(arena, raw.len);
    if (text == NULL) {
        return TURBO_ENOMEM;
    }
    size_t len = 0;
    size_t used;
    for (at = 0; at < raw.len; at += used) {
        text[len++] = form_byte(raw, at, &used);
    }
    turbo_str bytes = {text, len};
    return to_utf8(arena, bytes, out);
}

/* attr-char of RFC 8187 §3.2.1. */
static bool is_attr_char(char c)
{
    turbo_str one = {&c, 1};
    return turbo__field_name_valid(one) && c != '*' && c != '\'' && c != '%';
}

/* value-chars of RFC 8187; every escape must be whole. */
static int decode_extended(turbo__arena *arena, turbo_str raw, turbo_str *out)
{
    char *text = turbo__arena_alloc(arena, raw.len);
    if (text == NULL) {
        return TURBO_ENOMEM;
    }
    size_t len = 0;
    for (size_t i = 0; i < raw.len; i++) {
        char c = raw.data[i];
        if (c == '%') {
            int high = raw.len - i > 2 ? turbo__ascii_hex(raw.data[i + 1]) : -1;
            int low = high >= 0 ? turbo__ascii_hex(raw.data[i + 2]) : -1;
            if (low < 0) {
                return TURBO_EPROTOCOL;
            }
            c = (char)(high * 16 + low);
            i += 2;
        } else if (!is_attr_char(c)) {
            return TURBO_EPROTOCOL;
        }
        text[len++] = c;
    }
    *out = (turbo_str){text, len};
    return 0;
}

/* charset'language'value (RFC 8187 §3.2). */
static int read_extended(turbo__arena *arena, turbo_str value, turbo_str *out)
{
    size_t first;
    size_t second;
    if (!turbo__str_find(value, '\'', &first)) {
        return TURBO_EPROTOCOL;
    }
    turbo_str charset = turbo__str_slice(value, 0, first);
    turbo_str rest = turbo__str_slice(value, first + 1, value.len);
    if (!turbo__str_find(rest, '\'', &second)) {
        return TURBO_EPROTOCOL;
    }
    bool utf8 = turbo__str_equal_nocase(charset, TURBO_STR("utf-8"));
    if (!utf8 && !turbo__str_equal_nocase(charset, TURBO_STR("iso-8859-1"))) {
        return TURBO_EPROTOCOL;
    }
    turbo_str bytes;
    int rc = decode_extended(arena, turbo__str_slice(rest, second + 1, rest.len), &bytes);
    if (rc != 0) {
        return rc;
    }
    if (utf8 && !turbo__utf8_check(bytes, NULL)) {
        return TURBO_EPROTOCOL;
    }
    return to_utf8(arena, bytes, out);
}

/* The parameters that count, as sent; `data` NULL: not there. */
typedef struct found {
    turbo_str name;
    turbo_str filename;
    turbo_str extended;
} found;

static const char *find(turbo_str rest, found *out)
{
    const struct {
        turbo_str name;
        turbo_str *value;
    } known[] = {{TURBO_STR("name"), &out->name},
                 {TURBO_STR("filename"), &out->filename},
                 {TURBO_STR("filename*"), &out->extended}};
    turbo__param param;
    int rc = turbo__params_next(&rest, &param);
    for (; rc == 1; rc = turbo__params_next(&rest, &param)) {
        for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
            if (!turbo__str_equal_nocase(param.name, known[i].name)) {
                continue;
            }
            if (known[i].value->data != NULL) {
                return "Content-Disposition has a parameter twice";
            }
            *known[i].value = param.value;
        }
    }
    return rc == 0 ? NULL : "Content-Disposition has a malformed parameter";
}

static int fail(const char **why, const char *text)
{
    *why = text;
    return TURBO_EPROTOCOL;
}

int turbo__disposition_read(turbo__arena *arena, turbo_str field, turbo__disposition *out,
                            const char **why)
{
    turbo_str rest;
    found raw = {{NULL, 0}, {NULL, 0}, {NULL, 0}};
    turbo__disposition result = {.has_filename = false};
    if (!turbo__str_equal_nocase(turbo__params_begin(field, &rest), TURBO_STR("form-data"))) {
        return fail(why, "Content-Disposition is not form-data");
    }
    const char *problem = find(rest, &raw);
    if (problem != NULL) {
        return fail(why, problem);
    }
    if (raw.name.data == NULL) {
        return fail(why, "Content-Disposition has no name");
    }
    int rc = unescape(arena, raw.name, &result.name);
    result.has_filename = raw.filename.data != NULL || raw.extended.data != NULL;
    if (rc == 0 && raw.extended.data != NULL) {
        rc = read_extended(arena, raw.extended, &result.filename);
        if (rc == TURBO_EPROTOCOL) {
            return fail(why, "Content-Disposition has a malformed filename*");
        }
    } else if (rc == 0 && result.has_filename) {
        rc = unescape(arena, raw.filename, &result.filename);
    }
    if (rc == 0) {
        *out = result;
    }
    return rc;
}
