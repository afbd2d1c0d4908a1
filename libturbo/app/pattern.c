/* SPDX-License-Identifier: MIT */
#include "app/pattern.h"

#include <limits.h>
#include <string.h>

#include "base/error.h"
#include "base/str.h"
#include "base/utf8.h"

/* On parse's stack. `text` collects unescaped literals; pieces and text are sized for the worst. */
typedef struct reader {
    const char *source;
    size_t at;
    char *text;
    size_t text_len;
    size_t literal_from; /* in `text` */
    turbo__pattern *pattern;
} reader;

static const turbo_str convertor_names[TURBO__CONVERTOR_COUNT] = {
    [TURBO__CONVERTOR_STR] = {"str", 3},     [TURBO__CONVERTOR_INT] = {"int", 3},
    [TURBO__CONVERTOR_FLOAT] = {"float", 5}, [TURBO__CONVERTOR_UUID] = {"uuid", 4},
    [TURBO__CONVERTOR_PATH] = {"path", 4},   [TURBO__CONVERTOR_ANY] = {"any", 3},
};

static int malformed(const reader *in, size_t at, const char *what)
{
    return turbo__error_set(TURBO_EPATTERN, "column %zu: %s in route pattern \"%s\"", at + 1, what,
                            in->source);
}

static bool is_name_char(char c, bool first)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
           (!first && c >= '0' && c <= '9');
}

static turbo_str read_name(reader *in)
{
    turbo_str name = {in->source + in->at, 0};
    while (is_name_char(name.data[name.len], name.len == 0)) {
        name.len++;
    }
    in->at += name.len;
    return name;
}

static void end_literal(reader *in)
{
    if (in->text_len == in->literal_from) {
        return;
    }
    turbo__piece *piece = &in->pattern->pieces[in->pattern->count++];
    piece->text.data = in->text + in->literal_from;
    piece->text.len = in->text_len - in->literal_from;
    piece->is_param = false;
    piece->convertor = TURBO__CONVERTOR_STR;
    in->literal_from = in->text_len;
}

static int find_convertor(const reader *in, size_t at, turbo_str name, turbo__convertor *out)
{
    for (int i = 0; i < TURBO__CONVERTOR_COUNT; i++) {
        if (turbo_str_equal(name, convertor_names[i])) {
            *out = (turbo__convertor)i;
            return 0;
        }
    }
    return malformed(in, at, "unknown convertor (str, int, float, uuid, path, any)");
}

static bool is_name_taken(const turbo__pattern *pattern, turbo_str name)
{
    for (size_t i = 0; i < pattern->count; i++) {
        if (pattern->pieces[i].is_param && turbo_str_equal(pattern->pieces[i].text, name)) {
            return true;
        }
    }
    return false;
}

/* At the brace. */
static int read_param(reader *in)
{
    size_t start = in->at++;
    size_t name_at = in->at;
    turbo_str name = read_name(in);
    if (name.len == 0) {
        return malformed(in, name_at, "a parameter's name must start here");
    }
    if (is_name_taken(in->pattern, name)) {
        return malformed(in, name_at, "a second parameter of the same name");
    }
    turbo__convertor convertor = TURBO__CONVERTOR_STR;
    if (in->source[in->at] == ':') {
        size_t convertor_at = ++in->at;
        int rc = find_convertor(in, convertor_at, read_name(in), &convertor);
        if (rc != 0) {
            return rc;
        }
    }
    if (in->source[in->at] != '}') {
        return in->source[in->at] == '\0'
                   ? malformed(in, start, "a parameter that is never closed")
                   : malformed(in, in->at, "a character that names cannot have");
    }
    in->at++;
    end_literal(in);
    turbo__piece *piece = &in->pattern->pieces[in->pattern->count++];
    piece->text = name;
    piece->is_param = true;
    piece->convertor = convertor;
    in->pattern->param_count++;
    return 0;
}

static int read_literal_char(reader *in)
{
    char c = in->source[in->at];
    if (c == '{' || c == '}') { /* the caller saw to it that a '{' is doubled */
        if (in->source[in->at + 1] != c) {
            return malformed(in, in->at, "a single '}' ('}}' stands for a brace)");
        }
        in->at++;
    }
    in->text[in->text_len++] = c;
    in->at++;
    return 0;
}

static int read_pieces(reader *in)
{
    while (in->source[in->at] != '\0') {
        bool is_param = in->source[in->at] == '{' && in->source[in->at + 1] != '{';
        int rc = is_param ? read_param(in) : read_literal_char(in);
        if (rc != 0) {
            return rc;
        }
    }
    end_literal(in);
    return 0;
}

int turbo__pattern_parse(turbo__arena *arena, const char *text, turbo__pattern *out)
{
    turbo__pattern pattern = {.count = 0};
    reader in = {.source = text, .pattern = &pattern};
    if (text[0] != '/') {
        return malformed(&in, 0, "no slash");
    }
    size_t len = strlen(text);
    if (len > TURBO__PATTERN_MAX) {
        return turbo__error_set(TURBO_EPATTERN,
                                "column %d: longer than %d bytes in route pattern \"%s\"",
                                TURBO__PATTERN_MAX + 1, TURBO__PATTERN_MAX, text);
    }
    size_t valid;
    if (!turbo__utf8_check(turbo_cstr(text), &valid)) {
        return malformed(&in, valid, "text that is not UTF-8");
    }
    turbo_str whole = {text, len + 1}; /* with its NUL */
    if (turbo__arena_copy(arena, whole, &pattern.source) != 0) {
        return TURBO_ENOMEM;
    }
    pattern.source.len = len;
    in.source = pattern.source.data;
    size_t max_pieces = 1; /* a parameter takes three bytes, and one literal may precede each */
    for (size_t i = 0; i < len; i++) {
        max_pieces += text[i] == '{' ? 2 : 0;
    }
    pattern.pieces = turbo__arena_alloc(arena, max_pieces * sizeof(*pattern.pieces));
    in.text = turbo__arena_alloc(arena, len);
    if (pattern.pieces == NULL || in.text == NULL) {
        return TURBO_ENOMEM;
    }
    int rc = read_pieces(&in);
    if (rc == 0) {
        *out = pattern;
    }
    return rc;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_continuation(char c)
{
    return ((unsigned char)c & 0xc0) == 0x80;
}

/* Whether a character starts at `at`, which is not 0. Should the path not be UTF-8, a byte that
 * continues nothing counts as one. */
static bool is_boundary(turbo_str path, size_t at)
{
    return at == path.len || !is_continuation(path.data[at]) ||
           (unsigned char)path.data[at - 1] < 0x80;
}

static bool is_hex(char c)
{
    char lower = turbo__ascii_lower(c);
    return is_digit(c) || (lower >= 'a' && lower <= 'f');
}

static size_t digits_end(turbo_str path, size_t from)
{
    while (from < path.len && is_digit(path.data[from])) {
        from++;
    }
    return from;
}

/* The first `c` at `from` or behind it, or the end. */
static size_t find_from(turbo_str path, char c, size_t from)
{
    size_t at;
    return turbo__str_find(turbo__str_slice(path, from, path.len), c, &at) ? from + at : path.len;
}

static size_t str_ends(turbo_str path, size_t from, turbo__span *ends)
{
    if (from == path.len || path.data[from] == '/') {
        return 0;
    }
    ends[0].first = from + 1;
    while (!is_boundary(path, ends[0].first)) {
        ends[0].first++;
    }
    ends[0].last = find_from(path, '/', from + 1);
    return 1;
}

static size_t int_ends(turbo_str path, size_t from, turbo__span *ends)
{
    ends[0].first = from + 1;
    ends[0].last = digits_end(path, from);
    return ends[0].last > from ? 1 : 0;
}

static size_t float_ends(turbo_str path, size_t from, turbo__span *ends)
{
    if (int_ends(path, from, ends) == 0) {
        return 0;
    }
    size_t dot = ends[0].last;
    if (dot == path.len || path.data[dot] != '.') {
        return 1;
    }
    return 1 + int_ends(path, dot + 1, ends + 1);
}

static size_t uuid_ends(turbo_str path, size_t from, turbo__span *ends)
{
    static const unsigned char groups[] = {8, 4, 4, 4, 12};
    size_t at = from;
    for (size_t group = 0; group < sizeof(groups); group++) {
        if (group > 0 && at < path.len && path.data[at] == '-') {
            at++;
        }
        for (size_t i = 0; i < groups[group]; i++, at++) {
            if (at == path.len || !is_hex(path.data[at])) {
                return 0;
            }
        }
    }
    ends[0].first = at;
    ends[0].last = at;
    return 1;
}

size_t turbo__convertor_ends(turbo__convertor convertor, turbo_str path, size_t from,
                             turbo__span ends[TURBO__MAX_ENDS])
{
    switch (convertor) {
    case TURBO__CONVERTOR_STR:
        return str_ends(path, from, ends);
    case TURBO__CONVERTOR_INT:
        return int_ends(path, from, ends);
    case TURBO__CONVERTOR_FLOAT:
        return float_ends(path, from, ends);
    case TURBO__CONVERTOR_UUID:
        return uuid_ends(path, from, ends);
    case TURBO__CONVERTOR_PATH:
        ends[0].first = from;
        ends[0].last = find_from(path, '\n', from);
        return 1;
    case TURBO__CONVERTOR_ANY:
        ends[0].first = from;
        ends[0].last = path.len;
        return 1;
    case TURBO__CONVERTOR_COUNT:
        break;
    }
    return 0;
}

static bool literal_at(turbo_str path, size_t at, turbo_str text)
{
    return path.len - at >= text.len && memcmp(path.data + at, text.data, text.len) == 0;
}

/* The whole set of places of a path, one bit each. */
typedef unsigned char *places;

static bool has_place(const unsigned char *set, size_t at)
{
    return (set[at / CHAR_BIT] >> (at % CHAR_BIT) & 1) != 0;
}

static void put_place(places set, size_t at)
{
    set[at / CHAR_BIT] = (unsigned char)(set[at / CHAR_BIT] | 1U << (at % CHAR_BIT));
}

/* Where a run of one or more bytes may start so that it ends in `next`: for str (`digits` false)
 * and int. Goes backwards, so that each run is seen once. */
static void runs_before(turbo_str path, bool digits, const unsigned char *next, places set)
{
    bool reachable = false; /* an end behind the place, with nothing between that breaks the run */
    for (size_t at = path.len + 1; at-- > 0;) {
        bool inside = at < path.len && (digits ? is_digit(path.data[at]) : path.data[at] != '/');
        if (!inside) {
            reachable = false;
        } else if (reachable) {
            put_place(set, at);
        }
        bool boundary = digits || at == 0 || is_boundary(path, at);
        reachable = reachable || (boundary && has_place(next, at));
    }
}

static void float_before(turbo_str path, const unsigned char *next, places set, places scratch)
{
    runs_before(path, true, next, set); /* these are also the places where a fraction may start */
    for (size_t at = 0; at <= path.len; at++) {
        bool fraction = at + 1 < path.len && path.data[at] == '.' && has_place(set, at + 1);
        if (fraction || has_place(next, at)) {
            put_place(scratch, at);
        }
    }
    runs_before(path, true, scratch, set);
}

static void uuid_before(turbo_str path, const unsigned char *next, places set)
{
    for (size_t at = 0; at < path.len; at++) {
        turbo__span end;
        if (uuid_ends(path, at, &end) > 0 && has_place(next, end.last)) {
            put_place(set, at);
        }
    }
}

static void path_before(turbo_str path, bool any, const unsigned char *next, places set)
{
    bool reachable = false;
    for (size_t at = path.len + 1; at-- > 0;) {
        reachable = reachable && (any || path.data[at] != '\n');
        reachable = reachable || has_place(next, at);
        if (reachable) {
            put_place(set, at);
        }
    }
}

static void literal_before(turbo_str path, turbo_str text, const unsigned char *next, places set)
{
    for (size_t at = 0; at + text.len <= path.len; at++) {
        if (has_place(next, at + text.len) && literal_at(path, at, text)) {
            put_place(set, at);
        }
    }
}

/* Sets `set` to the places from which `piece` leads into `next`. */
static void places_before(const turbo__piece *piece, turbo_str path, const unsigned char *next,
                          places set, places scratch)
{
    if (!piece->is_param) {
        literal_before(path, piece->text, next, set);
        return;
    }
    switch (piece->convertor) {
    case TURBO__CONVERTOR_STR:
        runs_before(path, false, next, set);
        break;
    case TURBO__CONVERTOR_INT:
        runs_before(path, true, next, set);
        break;
    case TURBO__CONVERTOR_FLOAT:
        float_before(path, next, set, scratch);
        break;
    case TURBO__CONVERTOR_UUID:
        uuid_before(path, next, set);
        break;
    case TURBO__CONVERTOR_PATH:
        path_before(path, false, next, set);
        break;
    case TURBO__CONVERTOR_ANY:
        path_before(path, true, next, set);
        break;
    case TURBO__CONVERTOR_COUNT:
        break;
    }
}

/* The last place of the spans that is in `set`; false when none is. */
static bool last_in(turbo_str path, const turbo__span *spans, size_t count,
                    const unsigned char *set, size_t *out)
{
    while (count-- > 0) {
        for (size_t at = spans[count].last + 1; at-- > spans[count].first;) {
            if (has_place(set, at) && (at == spans[count].first || is_boundary(path, at))) {
                *out = at;
                return true;
            }
        }
    }
    return false;
}

/* Binds with the longest value for each parameter in turn; where `after` is given, of those from
 * which the rest matches: after[i] has the places where piece i may end. */
static int bind_greedily(const turbo__pattern *pattern, turbo_str path, const places *after,
                         turbo__param *params)
{
    size_t at = 0;
    size_t bound = 0;
    for (size_t i = 0; i < pattern->count; i++) {
        const turbo__piece *piece = &pattern->pieces[i];
        if (!piece->is_param) {
            if (!literal_at(path, at, piece->text)) {
                return TURBO_ENOTFOUND;
            }
            at += piece->text.len;
            continue;
        }
        turbo__span ends[TURBO__MAX_ENDS];
        size_t count = turbo__convertor_ends(piece->convertor, path, at, ends);
        if (count == 0) {
            return TURBO_ENOTFOUND;
        }
        size_t end = ends[count - 1].last;
        if (after != NULL && !last_in(path, ends, count, after[i], &end)) {
            return TURBO_ENOTFOUND;
        }
        params[bound].name = piece->text;
        params[bound++].value = turbo__str_slice(path, at, end);
        at = end;
    }
    return turbo__pattern_may_end(path, at) ? 0 : TURBO_ENOTFOUND;
}

/* A regular expression would backtrack; here the places from which the rest matches are found from
 * the end backwards, once, which no path can make expensive. */
static int bind_exactly(const turbo__pattern *pattern, turbo__arena *arena, turbo_str path,
                        turbo__param *params)
{
    size_t size = path.len / CHAR_BIT + 1;
    size_t sets = pattern->count + 1; /* and one as scratch */
    if (size > SIZE_MAX / sets) {
        return TURBO_ENOMEM;
    }
    unsigned char *bits = turbo__arena_alloc(arena, sets * size);
    places *after = turbo__arena_alloc(arena, pattern->count * sizeof(*after));
    if (bits == NULL || after == NULL) {
        return TURBO_ENOMEM;
    }
    memset(bits, 0, sets * size);
    for (size_t i = 0; i < pattern->count; i++) {
        after[i] = bits + i * size;
    }
    places scratch = bits + pattern->count * size;
    size_t last = pattern->count - 1;
    put_place(after[last], path.len);
    if (path.len > 0 && turbo__pattern_may_end(path, path.len - 1)) {
        put_place(after[last], path.len - 1);
    }
    for (size_t i = last; i > 0; i--) {
        places_before(&pattern->pieces[i], path, after[i], after[i - 1], scratch);
        memset(scratch, 0, size);
    }
    return bind_greedily(pattern, path, after, params);
}

int turbo__pattern_bind(const turbo__pattern *pattern, turbo__arena *arena, turbo_str path,
                        turbo__param *params)
{
    /* Nearly always the longest values fit at once: a slash or the end follows a parameter. */
    int rc = bind_greedily(pattern, path, NULL, params);
    return rc == TURBO_ENOTFOUND ? bind_exactly(pattern, arena, path, params) : rc;
}
