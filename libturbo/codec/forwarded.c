/* SPDX-License-Identifier: MIT */
#include "codec/forwarded.h"

#include <string.h>

#include "base/error.h"
#include "base/str.h"
#include "codec/fields.h"

/* --- lists --------------------------------------------------------------- */

/* Cuts `rest` at byte `comma`, or empties it; what stood behind is the item. */
static turbo_str cut_last(turbo_str *rest, bool found, size_t comma)
{
    size_t start = found ? comma + 1 : 0;
    turbo_str item = turbo__str_trim(turbo__str_slice(*rest, start, rest->len));
    *rest = turbo__str_slice(*rest, 0, found ? comma : 0);
    return item;
}

static bool last_comma(turbo_str text, size_t *at)
{
    for (size_t i = text.len; i > 0; i--) {
        if (text.data[i - 1] == ',') {
            *at = i - 1;
            return true;
        }
    }
    return false;
}

bool turbo__list_last(turbo_str *rest, turbo_str *item)
{
    while (rest->len > 0) {
        size_t comma = 0;
        bool found = last_comma(*rest, &comma);
        *item = cut_last(rest, found, comma);
        if (item->len > 0) {
            return true;
        }
    }
    return false;
}

/* The quote that opens the string that the quote at `close` ends: the first one to the left that no
 * odd number of backslashes stands before. False when there is none. */
static bool opening_quote(turbo_str text, size_t close, size_t *open)
{
    for (size_t i = close; i > 0; i--) {
        if (text.data[i - 1] != '"') {
            continue;
        }
        size_t at = i - 1;
        size_t escapes = 0;
        while (escapes < at && text.data[at - escapes - 1] == '\\') {
            escapes++;
        }
        if (escapes % 2 == 0) {
            *open = at;
            return true;
        }
        i -= escapes;
    }
    return false;
}

/* Finds the comma before the last element. Returns 0, TURBO_ENOTFOUND (it is the first) or
 * TURBO_EPROTOCOL. */
static int comma_outside_quotes(turbo_str text, size_t *at)
{
    size_t i = text.len;
    while (i > 0) {
        i--;
        if (text.data[i] == ',') {
            *at = i;
            return 0;
        }
        if (text.data[i] == '"' && !opening_quote(text, i, &i)) {
            return TURBO_EPROTOCOL;
        }
    }
    return TURBO_ENOTFOUND;
}

/* --- nodes --------------------------------------------------------------- */

static bool is_obfuscated(turbo_str text)
{
    if (text.len < 2 || text.data[0] != '_') {
        return false;
    }
    for (size_t i = 1; i < text.len; i++) {
        char c = turbo__ascii_lower(text.data[i]);
        bool good =
            (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
        if (!good) {
            return false;
        }
    }
    return true;
}

static bool node_port(turbo_str text, uint16_t *port)
{
    *port = 0;
    return is_obfuscated(text) || turbo__port_parse(text, port);
}

/* Splits off a port behind the only colon, or behind brackets. False when malformed. */
static bool split_port(turbo_str *text, uint16_t *port)
{
    size_t at;
    *port = 0;
    if (text->len > 0 && text->data[0] == '[') {
        if (!turbo__str_find(*text, ']', &at)) {
            return false;
        }
        turbo_str rest = turbo__str_slice(*text, at + 1, text->len);
        *text = turbo__str_slice(*text, 1, at);
        size_t colon; /* nothing but an IPv6 address belongs into brackets */
        if (!turbo__str_find(*text, ':', &colon)) {
            return false;
        }
        return rest.len == 0 ||
               (rest.data[0] == ':' && node_port(turbo__str_slice(rest, 1, rest.len), port));
    }
    if (!turbo__str_find(*text, ':', &at)) {
        return true;
    }
    turbo_str rest = turbo__str_slice(*text, at + 1, text->len);
    if (turbo__str_find(rest, ':', &at)) {
        return true; /* an IPv6 address without brackets, and so without port */
    }
    *text = turbo__str_slice(*text, 0, text->len - rest.len - 1);
    return node_port(rest, port);
}

bool turbo__forwarded_node(turbo_str text, turbo__hop *hop)
{
    turbo__address address = {TURBO__ADDRESS_NONE, 0, {0}};
    turbo_str name = {NULL, 0};
    uint16_t port;
    if (!split_port(&text, &port)) {
        return false;
    }
    if (turbo__str_equal_nocase(text, TURBO_STR("unknown")) || is_obfuscated(text)) {
        name = text;
    } else if (!turbo__address_parse(text, &address)) {
        return false;
    }
    address.port = port;
    hop->address = address;
    hop->name = name;
    return true;
}

/* --- Forwarded ----------------------------------------------------------- */

/* Tokens, and what addresses and hosts need that should have been quoted. */
static bool is_bare(turbo_str text)
{
    for (size_t i = 0; i < text.len; i++) {
        turbo_str one = turbo__str_slice(text, i, i + 1);
        char c = text.data[i];
        if (c != ':' && c != '[' && c != ']' && !turbo__field_name_valid(one)) {
            return false;
        }
    }
    return text.len > 0;
}

/* Takes a quoted string's content off the start of `rest`. An escape in it makes it a value that
 * none of ours can have, so it is kept as it is. */
static bool take_quoted(turbo_str *rest, turbo_str *value)
{
    size_t i = 1;
    while (i < rest->len && rest->data[i] != '"') {
        i += rest->data[i] == '\\' ? 2 : 1;
    }
    if (i >= rest->len) {
        return false;
    }
    *value = turbo__str_slice(*rest, 1, i);
    *rest = turbo__str_slice(*rest, i + 1, rest->len);
    return true;
}

/* Takes "name=value" off the start of `rest`, up to before a ';' or the end. */
static bool take_pair(turbo_str *rest, turbo_str *name, turbo_str *value)
{
    size_t at;
    if (!turbo__str_find(*rest, '=', &at)) {
        return false;
    }
    *name = turbo__str_slice(*rest, 0, at);
    *rest = turbo__str_slice(*rest, at + 1, rest->len);
    if (rest->len > 0 && rest->data[0] == '"') {
        return turbo__field_name_valid(*name) && take_quoted(rest, value);
    }
    if (!turbo__str_find(*rest, ';', &at)) {
        at = rest->len;
    }
    turbo_str raw = turbo__str_slice(*rest, 0, at);
    *value = turbo__str_trim(raw); /* behind it there may be white space, before it not */
    *rest = turbo__str_slice(*rest, at, rest->len);
    return turbo__field_name_valid(*name) && is_bare(*value) && value->data == raw.data;
}

/* One of the parameters we know; others pass. False when malformed or told twice (RFC 7239 §4). */
static bool keep_pair(turbo__hop *hop, unsigned *seen, turbo_str name, turbo_str value)
{
    static const char *const names[] = {"for", "proto", "host", "by"};
    unsigned bit = 0;
    for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (turbo__str_equal_nocase(name, turbo_cstr(names[i]))) {
            bit = 1u << i;
        }
    }
    if ((*seen & bit) != 0) {
        return false;
    }
    *seen |= bit;
    switch (bit) {
    case 1u << 0:
        return turbo__forwarded_node(value, hop);
    case 1u << 1:
        hop->proto = value;
        return true;
    case 1u << 2:
        hop->host = value;
        return true;
    default:
        return true;
    }
}

static bool read_element(turbo_str rest, turbo__hop *hop)
{
    unsigned seen = 0;
    memset(hop, 0, sizeof(*hop));
    while (rest.len > 0) {
        turbo_str name;
        turbo_str value;
        if (rest.data[0] != ';') {
            if (!take_pair(&rest, &name, &value) || !keep_pair(hop, &seen, name, value)) {
                return false;
            }
            rest = turbo__str_trim(rest);
            if (rest.len > 0 && rest.data[0] != ';') {
                return false;
            }
            continue;
        }
        rest = turbo__str_trim(turbo__str_slice(rest, 1, rest.len));
    }
    return true;
}

int turbo__forwarded_last(turbo_str *rest, turbo__hop *hop)
{
    while (rest->len > 0) {
        size_t comma = 0;
        int rc = comma_outside_quotes(*rest, &comma);
        if (rc == TURBO_EPROTOCOL) {
            return rc; /* a peer's malformed field is no failure worth a message */
        }
        turbo_str element = cut_last(rest, rc == 0, comma);
        turbo__hop found;
        if (element.len == 0) {
            continue;
        }
        if (!read_element(element, &found)) {
            return TURBO_EPROTOCOL;
        }
        *hop = found;
        return 0;
    }
    return TURBO_ENOTFOUND;
}
