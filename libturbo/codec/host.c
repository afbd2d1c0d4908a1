/* SPDX-License-Identifier: MIT */
#include "codec/host.h"

#include "base/str.h"
#include "codec/address.h"

/* 1: unreserved and sub-delims but the comma (RFC 3986 §3.2.2, reg-name). */
/* clang-format off */
static const unsigned char name_chars[256] = {
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    0, 1, 0, 0, 1, 0, 1, 1, 1, 1, 1, 1, 0, 1, 1, 0, /* ! $ & ' ( ) * + - . */
    1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 1, 0, 1, 0, 0, /* digits ; = */
    0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, /* letters */
    1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 1, /* _ */
    0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
    1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 1, 0, /* ~ */
};
/* clang-format on */

/* Where a name that starts at `at` ends; escapes are pairs of digits behind a percent sign. */
static const char *name_end(const char *at, const char *end)
{
    for (;;) {
        while (at < end && name_chars[(unsigned char)*at] != 0) {
            at++;
        }
        if (end - at < 3 || *at != '%' || turbo__ascii_hex(at[1]) < 0 ||
            turbo__ascii_hex(at[2]) < 0) {
            return at;
        }
        at += 3;
    }
}

/* "[…]": an IPv6 address; the form for later versions (IPvFuture) has none to stand for. */
static const char *literal_end(const char *at, const char *end)
{
    size_t close;
    size_t colon;
    turbo__address address;
    turbo_str text = {at, (size_t)(end - at)};
    if (!turbo__str_find(text, ']', &close)) {
        return at;
    }
    turbo_str inside = turbo__str_slice(text, 1, close);
    bool ok = turbo__str_find(inside, ':', &colon) && turbo__address_parse(inside, &address);
    return ok ? at + close + 1 : at;
}

static const char *host_end(turbo_str text)
{
    const char *end = text.data + text.len;
    return text.data[0] == '[' ? literal_end(text.data, end) : name_end(text.data, end);
}

bool turbo__host_valid(turbo_str text)
{
    if (text.len == 0) {
        return false;
    }
    const char *end = text.data + text.len;
    const char *at = host_end(text);
    if (at == end || at == text.data) {
        return at != text.data;
    }
    uint16_t number;
    turbo_str port = {at + 1, (size_t)(end - at) - 1};
    return *at == ':' && (port.len == 0 || turbo__port_parse(port, &number));
}

bool turbo__host_split(turbo_str text, turbo_str *host, uint16_t *port)
{
    if (!turbo__host_valid(text)) {
        return false;
    }
    size_t length = (size_t)(host_end(text) - text.data);
    uint16_t number = 0;
    if (length + 1 < text.len) { /* valid, so it is a port */
        (void)turbo__port_parse(turbo__str_slice(text, length + 1, text.len), &number);
    }
    *host = turbo__str_slice(text, 0, length);
    *port = number;
    return true;
}
