/* SPDX-License-Identifier: MIT */
#include "codec/url.h"

#include <string.h>

#include "base/compat.h"
#include "base/error.h"
#include "base/mem.h"
#include "base/str.h"
#include "codec/host.h"

enum {
    IN_PATH = 1, /* may stand in a path as it is */
    NOT_IN_QUERY = 2
};

/* RFC 3986 §3.3 allows fewer characters in a path; clients send more ("[]|^{}" and the back-tick),
 * and every server takes them. A fragment is not part of a request-target, and cutting it off would
 * serve another resource than a proxy in front may have checked. Bytes above ASCII: 0. */
/* clang-format off */
static const unsigned char class_of[256] = {
    2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2,
    2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2,
    2, 1, 0, 2, 1, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, /* not: space " # % */
    1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 1, 0, 0, /* not: < > ? */
    1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
    1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 1, 1, 1, /* not: \ */
    1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
    1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2, /* not: DEL */
};
/* clang-format on */

static int bad_byte(const char *part, turbo_str text, size_t at)
{
    return turbo__error_set(TURBO_EPROTOCOL, "byte 0x%02x at %zu of the %s of the request-target",
                            (unsigned char)text.data[at], at, part);
}

/* An escape that is whole and does not stand for NUL, which ends texts in other programs. */
static bool is_good_escape(turbo_str text, size_t at)
{
    if (text.len - at < 3) {
        return false;
    }
    int high = turbo__ascii_hex(text.data[at + 1]);
    int low = turbo__ascii_hex(text.data[at + 2]);
    return high >= 0 && low >= 0 && high + low > 0;
}

static int split_query(turbo_str text, turbo__url *url)
{
    for (size_t i = 0; i < text.len; i++) {
        if (turbo__unlikely(class_of[(unsigned char)text.data[i]] == NOT_IN_QUERY)) {
            return bad_byte("query", text, i);
        }
    }
    url->query = text;
    return 0;
}

static int split_path(turbo_str text, turbo__url *url)
{
    size_t i = 0;
    for (; i < text.len; i++) {
        unsigned char c = (unsigned char)text.data[i];
        if (turbo__likely(class_of[c] == IN_PATH)) {
            continue;
        }
        if (c == '?') {
            break;
        }
        if (c != '%') {
            return bad_byte("path", text, i);
        }
        if (turbo__unlikely(!is_good_escape(text, i))) {
            return turbo__error_set(TURBO_EPROTOCOL,
                                    "bad escape at %zu of the path of the request-target", i);
        }
        url->escaped = true;
        i += 2;
    }
    url->path = turbo__str_slice(text, 0, i);
    url->query = TURBO_STR("");
    return i == text.len ? 0 : split_query(turbo__str_slice(text, i + 1, text.len), url);
}

/* `rest` follows "scheme://". */
static int split_absolute(turbo_str rest, turbo__url *url)
{
    size_t end = 0;
    while (end < rest.len && rest.data[end] != '/' && rest.data[end] != '?') {
        end++;
    }
    url->authority = turbo__str_slice(rest, 0, end);
    if (!turbo__host_valid(url->authority)) {
        return turbo__error_set(TURBO_EPROTOCOL,
                                "the request-target's authority is not a host and port");
    }
    int rc = split_path(turbo__str_slice(rest, end, rest.len), url);
    if (rc == 0 && url->path.len == 0) {
        url->path = TURBO_STR("/"); /* RFC 9110 §4.2.3 */
    }
    return rc;
}

static bool has_prefix_nocase(turbo_str text, turbo_str prefix)
{
    return text.len >= prefix.len &&
           turbo__str_equal_nocase(turbo__str_slice(text, 0, prefix.len), prefix);
}

static int split_other(turbo_str target, turbo__url *url)
{
    static const turbo_str schemes[] = {{"http://", 7}, {"https://", 8}};
    if (turbo_str_equal(target, TURBO_STR("*"))) {
        url->path = target;
        url->query = TURBO_STR("");
        url->asterisk = true;
        return 0;
    }
    for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
        if (has_prefix_nocase(target, schemes[i])) {
            return split_absolute(turbo__str_slice(target, schemes[i].len, target.len), url);
        }
    }
    return turbo__error_set(TURBO_EPROTOCOL,
                            "the request-target is neither a path, an http(s) URL nor \"*\"");
}

int turbo__url_split(turbo_str target, turbo__url *out)
{
    turbo__url url = {.authority = {"", 0}};
    bool is_path = target.len > 0 && target.data[0] == '/';
    int rc = turbo__likely(is_path) ? split_path(target, &url) : split_other(target, &url);
    if (rc == 0) {
        *out = url;
    }
    return rc;
}

/* The byte that the text at `at` (before `end`) stands for; returns how much of the text it takes.
 */
static size_t read_byte(const char *at, const char *end, unsigned char *byte)
{
    if (*at == '%' && end - at >= 3) {
        int high = turbo__ascii_hex(at[1]);
        int low = turbo__ascii_hex(at[2]);
        if (high >= 0 && low >= 0) {
            *byte = (unsigned char)(high * 16 + low);
            return 3;
        }
    }
    *byte = (unsigned char)*at;
    return 1;
}

/* Table 3-7 of the Unicode Standard: how many bytes follow `lead`, and which the first of them can
 * be; the others are 80..BF. 0 when no sequence starts with it. */
static size_t utf8_tail(unsigned char lead, unsigned char *low, unsigned char *high)
{
    *low = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
    *high = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
    if (lead >= 0xc2 && lead <= 0xdf) {
        return 1;
    }
    if (lead >= 0xe0 && lead <= 0xef) {
        return 2;
    }
    return lead >= 0xf0 && lead <= 0xf4 ? 3 : 0;
}

enum { REPLACEMENT = 0xfffd };

/* Finishes the sequence that `lead` starts; takes as much as can belong to one. */
static size_t read_sequence(turbo__unescape *walk, unsigned char lead, char *out)
{
    unsigned char low;
    unsigned char high;
    size_t tail = utf8_tail(lead, &low, &high);
    if (tail == 0) {
        return turbo__utf8_encode(REPLACEMENT, out);
    }
    out[0] = (char)lead;
    for (size_t i = 1; i <= tail; i++) {
        unsigned char byte;
        size_t used = walk->next < walk->end ? read_byte(walk->next, walk->end, &byte) : 0;
        if (used == 0 || byte < low || byte > high || (walk->form && used == 1)) {
            return turbo__utf8_encode(REPLACEMENT, out);
        }
        out[i] = (char)byte;
        walk->next += used;
        low = 0x80;
        high = 0xbf;
    }
    return tail + 1;
}

size_t turbo__unescape_next(turbo__unescape *walk, char out[TURBO__UTF8_MAX])
{
    if (walk->next == walk->end) {
        return 0;
    }
    unsigned char byte;
    size_t used = read_byte(walk->next, walk->end, &byte);
    walk->next += used;
    if (byte < 0x80) {
        bool space = byte == '+' && used == 1 && walk->form;
        out[0] = space ? ' ' : (char)byte;
        return 1;
    }
    if (walk->form && used == 1) {
        return turbo__utf8_encode(byte, out); /* Latin-1 is the first 256 code points */
    }
    return read_sequence(walk, byte, out);
}

int turbo__unescape_all(turbo__arena *arena, turbo__unescape walk, turbo_str *out)
{
    /* One byte becomes three at most, U+FFFD; an escape is three bytes to begin with. */
    size_t room = (size_t)(walk.end - walk.next);
    for (const char *at = walk.next; at < walk.end; at++) {
        size_t extra = (unsigned char)*at >= 0x80 ? 2 : 0;
        if (!turbo__size_add(room, extra, &room)) {
            return TURBO_ENOMEM;
        }
    }
    char *text = turbo__arena_alloc(arena, room);
    if (text == NULL) {
        return TURBO_ENOMEM;
    }
    size_t len = 0;
    char unit[TURBO__UTF8_MAX];
    for (size_t n = turbo__unescape_next(&walk, unit); n > 0;
         n = turbo__unescape_next(&walk, unit)) {
        memcpy(text + len, unit, n);
        len += n;
    }
    out->data = text;
    out->len = len;
    return 0;
}

int turbo__url_decode_path(turbo__arena *arena, turbo_str raw, turbo_str *out)
{
    unsigned changed = 0;
    for (size_t i = 0; i < raw.len; i++) {
        unsigned char c = (unsigned char)raw.data[i];
        changed |= (unsigned)(c == '%') | (c & 0x80U);
    }
    if (turbo__likely(changed == 0)) {
        *out = raw;
        return 0;
    }
    turbo__unescape walk = {raw.data, raw.data + raw.len, false};
    return turbo__unescape_all(arena, walk, out);
}
