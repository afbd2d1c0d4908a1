/* SPDX-License-Identifier: MIT */
#include "codec/http1_chunk.h"

#include "base/compat.h"
#include "base/error.h"
#include "base/str.h"
#include "codec/chars.h"

/* Sixteen digits hold every size; more can only be zeros, which nobody needs to write. */
enum { MAX_DIGITS = 16 };

/* Each state is a place between two bytes. */
enum state {
    IN_SIZE,      /* zero: where a body starts */
    AT_EXTENSION, /* behind a semicolon */
    IN_NAME,
    AT_VALUE, /* behind the equals sign */
    IN_TOKEN,
    IN_QUOTES,
    AT_ESCAPED, /* behind a backslash in quotes */
    AFTER_QUOTES,
    AT_LINE_END, /* behind the CR of the line */
    IN_DATA,
    AFTER_DATA,
    AT_DATA_END, /* behind the CR that follows the data */
    AT_END       /* behind the last chunk's line */
};

static int bad_byte(const turbo__http1_chunks *chunks, char c, const char *where)
{
    return turbo__error_set(TURBO_EPROTOCOL, "byte 0x%02x %s, %llu bytes into the chunked body",
                            (unsigned char)c, where, (unsigned long long)chunks->offset);
}

static bool is_quoted_text(char c)
{
    unsigned char byte = (unsigned char)c;
    return byte == '\t' || (byte >= 0x20 && byte != 0x7f);
}

/* What a byte that ends a size, a name or a value leads to. No white space anywhere: RFC 9112
 * §7.1.1 lets senders have none, and tells apart only bad ones. */
static int end_item(turbo__http1_chunks *chunks, char c, const char *where)
{
    if (c == '\r') {
        chunks->state = AT_LINE_END;
        return 0;
    }
    if (c == ';') {
        chunks->state = AT_EXTENSION;
        return 0;
    }
    return bad_byte(chunks, c, where);
}

static int take_size(turbo__http1_chunks *chunks, char c)
{
    int digit = turbo__ascii_hex(c);
    if (digit < 0) {
        return chunks->digits > 0 ? end_item(chunks, c, "in the size of a chunk")
                                  : bad_byte(chunks, c, "in place of the size of a chunk");
    }
    if (turbo__unlikely(chunks->digits == MAX_DIGITS || chunks->left > INT64_MAX >> 4)) {
        return turbo__error_set(TURBO_EPROTOCOL,
                                "size of a chunk is too large, %llu bytes into the chunked body",
                                (unsigned long long)chunks->offset);
    }
    chunks->digits++;
    chunks->left = chunks->left * 16 + (unsigned)digit;
    return 0;
}

/* One byte of `chunk-ext` (RFC 9112 §7.1.1): *( ";" token [ "=" ( token / quoted-string ) ] ). */
static int take_extension(turbo__http1_chunks *chunks, char c)
{
    static const char where[] = "in the extension of a chunk";
    bool token = turbo__token_chars[(unsigned char)c] != 0;
    switch (chunks->state) {
    case AT_EXTENSION:
        chunks->state = IN_NAME;
        return token ? 0 : bad_byte(chunks, c, where);
    case IN_NAME:
        if (token || c == '=') {
            chunks->state = token ? IN_NAME : AT_VALUE;
            return 0;
        }
        return end_item(chunks, c, where);
    case AT_VALUE:
        chunks->state = c == '"' ? IN_QUOTES : IN_TOKEN;
        return token || c == '"' ? 0 : bad_byte(chunks, c, where);
    case IN_TOKEN:
        return token ? 0 : end_item(chunks, c, where);
    case IN_QUOTES:
        chunks->state = c == '"' ? AFTER_QUOTES : c == '\\' ? AT_ESCAPED : IN_QUOTES;
        return is_quoted_text(c) ? 0 : bad_byte(chunks, c, where);
    case AT_ESCAPED:
        chunks->state = IN_QUOTES;
        return is_quoted_text(c) ? 0 : bad_byte(chunks, c, where);
    default: /* AFTER_QUOTES */
        return end_item(chunks, c, where);
    }
}

/* Counts a byte of an extension; the CR that ends the line is none. */
static int count_extension(turbo__http1_chunks *chunks, const turbo__http1_limits *limits)
{
    if (chunks->state == AT_LINE_END) {
        return 0;
    }
    chunks->extension++;
    chunks->extensions++;
    if (chunks->extension > limits->extension) {
        return turbo__error_set(TURBO_ELIMIT, "extension of a chunk is longer than %u bytes",
                                (unsigned)limits->extension);
    }
    if (chunks->extensions > limits->extensions) {
        return turbo__error_set(TURBO_ELIMIT, "extensions of a body are longer than %u bytes",
                                (unsigned)limits->extensions);
    }
    return 0;
}

static int end_line(turbo__http1_chunks *chunks, char c)
{
    if (c != '\n') {
        return bad_byte(chunks, c, "behind the CR of a chunk's line");
    }
    chunks->state = chunks->left > 0 ? IN_DATA : AT_END;
    chunks->digits = 0;
    chunks->extension = 0;
    return 0;
}

/* One byte outside the data. */
static int take(turbo__http1_chunks *chunks, const turbo__http1_limits *limits, char c)
{
    int rc;
    switch (chunks->state) {
    case IN_SIZE:
        rc = take_size(chunks, c);
        return rc == 0 && chunks->state == AT_EXTENSION ? count_extension(chunks, limits) : rc;
    case AT_LINE_END:
        return end_line(chunks, c);
    case AFTER_DATA:
        chunks->state = AT_DATA_END;
        return c == '\r' ? 0 : bad_byte(chunks, c, "in place of the CR behind a chunk");
    case AT_DATA_END:
        chunks->state = IN_SIZE;
        return c == '\n' ? 0 : bad_byte(chunks, c, "behind the CR behind a chunk");
    default:
        rc = take_extension(chunks, c);
        return rc != 0 ? rc : count_extension(chunks, limits);
    }
}

int turbo__http1_chunk_next(turbo__http1_chunks *chunks, const turbo__http1_limits *limits,
                            const char *in, size_t len, size_t *used, turbo_str *part)
{
    size_t at = 0;
    while (at < len && chunks->state != IN_DATA && chunks->state != AT_END) {
        int rc = take(chunks, limits, in[at]);
        if (turbo__unlikely(rc != 0)) {
            return rc;
        }
        at++;
        chunks->offset++;
    }
    if (chunks->state == AT_END) {
        *used = at;
        return TURBO__HTTP1_CHUNK_LAST;
    }
    if (chunks->state != IN_DATA || at == len) {
        *used = at;
        return TURBO__HTTP1_CHUNK_MORE;
    }
    size_t size = len - at < chunks->left ? len - at : (size_t)chunks->left;
    *part = (turbo_str){in + at, size};
    *used = at + size;
    chunks->offset += size;
    chunks->left -= size;
    if (chunks->left == 0) {
        chunks->state = AFTER_DATA;
    }
    return TURBO__HTTP1_CHUNK_DATA;
}
