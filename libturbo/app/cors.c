/* SPDX-License-Identifier: MIT */
#include "app/cors.h"

#include <errno.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/options.h"
#include "base/str.h"

/* Views into the compiled rules' arena. */
typedef struct str_list {
    turbo_str *items;
    size_t count;
} str_list;

/* Made by turbo__cors_new, owned by its caller, never changed afterwards. */
struct turbo__cors {
    turbo__arena arena;
    str_list origins; /* sorted */
    str_list methods;
    str_list headers; /* those of the options, and the safelisted; sorted, each once */
    bool any_origin;
    bool any_header;
    bool credentials;
    bool has_regex;
    regex_t regex;
    turbo_str allow_methods; /* values of response fields */
    turbo_str allow_headers;
    turbo_str expose_headers; /* empty: none */
    turbo_str max_age;
};

enum { DEFAULT_MAX_AGE = 600, MAX_AGE_DIGITS = 10 };

/* Starlette's list for "*". */
static const turbo_str all_methods[] = {{"DELETE", 6}, {"GET", 3},  {"HEAD", 4}, {"OPTIONS", 7},
                                        {"PATCH", 5},  {"POST", 4}, {"PUT", 3},  {"QUERY", 5}};

/* Request headers that the Fetch standard always allows. */
static const turbo_str safelisted[] = {
    {"Accept", 6}, {"Accept-Language", 15}, {"Content-Language", 16}, {"Content-Type", 12}};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static int compare(const void *a, const void *b)
{
    const turbo_str *left = a;
    const turbo_str *right = b;
    size_t common = left->len < right->len ? left->len : right->len;
    int order = common > 0 ? memcmp(left->data, right->data, common) : 0;
    return order != 0 ? order : (left->len > right->len) - (left->len < right->len);
}

static void sort(str_list *list)
{
    if (list->count > 1) {
        qsort(list->items, list->count, sizeof(*list->items), compare);
    }
}

static bool contains(const str_list *list, turbo_str text)
{
    for (size_t i = 0; i < list->count; i++) {
        if (turbo_str_equal(list->items[i], text)) {
            return true;
        }
    }
    return false;
}

/* Copies `count` views and what they show; `room` more may be put behind them. */
static int copy_list(turbo__arena *arena, const char *what, const turbo_str *from, size_t count,
                     size_t room, str_list *out)
{
    size_t size;
    if (count > 0 && from == NULL) {
        return turbo__error_set(TURBO_EOPTION, "turbo_cors_options.%s is NULL", what);
    }
    if (!turbo__size_add(count, room, &size) || !turbo__size_mul(size, sizeof(*from), &size)) {
        return TURBO_ENOMEM;
    }
    out->items = turbo__arena_alloc(arena, size);
    if (out->items == NULL) {
        return TURBO_ENOMEM;
    }
    for (size_t i = 0; i < count; i++) {
        if (!turbo__field_value_valid(from[i])) {
            return turbo__error_set(TURBO_EOPTION,
                                    "turbo_cors_options.%s[%zu] has a control character", what, i);
        }
        if (turbo__arena_copy(arena, from[i], &out->items[i]) != 0) {
            return TURBO_ENOMEM;
        }
    }
    out->count = count;
    return 0;
}

static int join(turbo__arena *arena, const str_list *list, turbo_str *out)
{
    size_t len = 0;
    for (size_t i = 0; i < list->count; i++) {
        if (!turbo__size_add(len, list->items[i].len, &len) || !turbo__size_add(len, 2, &len)) {
            return TURBO_ENOMEM;
        }
    }
    char *text = turbo__arena_alloc(arena, len);
    if (text == NULL) {
        return TURBO_ENOMEM;
    }
    size_t at = 0;
    for (size_t i = 0; i < list->count; i++) {
        size_t comma = i > 0 ? 2 : 0;
        memcpy(text + at, ", ", comma);
        at += comma;
        if (list->items[i].len > 0) {
            memcpy(text + at, list->items[i].data, list->items[i].len);
        }
        at += list->items[i].len;
    }
    out->data = text;
    out->len = at;
    return 0;
}

static int compile_methods(turbo__cors *cors, const turbo_cors_options *options)
{
    static const turbo_str get[] = {{"GET", 3}};
    int rc;
    if (options->method_count == 0) {
        rc = copy_list(&cors->arena, "methods", get, COUNT(get), 0, &cors->methods);
    } else {
        rc = copy_list(&cors->arena, "methods", options->methods, options->method_count, 0,
                       &cors->methods);
    }
    if (rc == 0 && contains(&cors->methods, TURBO_STR("*"))) {
        rc = copy_list(&cors->arena, "methods", all_methods, COUNT(all_methods), 0, &cors->methods);
    }
    return rc == 0 ? join(&cors->arena, &cors->methods, &cors->allow_methods) : rc;
}

static int compile_headers(turbo__cors *cors, const turbo_cors_options *options)
{
    str_list *headers = &cors->headers;
    int rc = copy_list(&cors->arena, "headers", options->headers, options->header_count,
                       COUNT(safelisted), headers);
    if (rc != 0) {
        return rc;
    }
    cors->any_header = contains(headers, TURBO_STR("*"));
    memcpy(headers->items + headers->count, safelisted, sizeof(safelisted));
    headers->count += COUNT(safelisted);
    sort(headers);
    size_t kept = 1;
    for (size_t i = 1; i < headers->count; i++) {
        if (!turbo_str_equal(headers->items[i], headers->items[kept - 1])) {
            headers->items[kept++] = headers->items[i];
        }
    }
    headers->count = kept;
    return join(&cors->arena, headers, &cors->allow_headers);
}

static int compile_origins(turbo__cors *cors, const turbo_cors_options *options)
{
    int rc = copy_list(&cors->arena, "origins", options->origins, options->origin_count, 0,
                       &cors->origins);
    if (rc == 0) {
        cors->any_origin = contains(&cors->origins, TURBO_STR("*"));
        sort(&cors->origins);
    }
    return rc;
}

static int regex_error(int code, const regex_t *regex, const char *text)
{
    char why[128];
    if (code == REG_ESPACE) {
        return turbo__error_set(TURBO_ENOMEM, "out of memory");
    }
    (void)regerror(code, regex, why, sizeof(why)); /* the length; cut is fine */
    return turbo__error_set(TURBO_EOPTION, "turbo_cors_options.origin_regex \"%s\": %s", text, why);
}

/* Compiled twice: alone, so that "a)|(b" is an error, and then anchored. */
static int compile_regex(turbo__cors *cors, const char *text)
{
    regex_t alone;
    int code = regcomp(&alone, text, REG_EXTENDED | REG_NOSUB);
    if (code != 0) {
        return regex_error(code, &alone, text);
    }
    regfree(&alone);
    size_t size = strlen(text) + sizeof("^()$");
    char *anchored = turbo__arena_alloc(&cors->arena, size);
    if (anchored == NULL) {
        return TURBO_ENOMEM;
    }
    (void)snprintf(anchored, size, "^(%s)$", text); /* fits */
    code = regcomp(&cors->regex, anchored, REG_EXTENDED | REG_NOSUB);
    if (code != 0) {
        return regex_error(code, &cors->regex, text);
    }
    cors->has_regex = true;
    return 0;
}

static int compile_rest(turbo__cors *cors, const turbo_cors_options *options)
{
    str_list exposed;
    int rc = copy_list(&cors->arena, "exposed_headers", options->exposed_headers,
                       options->exposed_header_count, 0, &exposed);
    if (rc == 0) {
        rc = join(&cors->arena, &exposed, &cors->expose_headers);
    }
    if (rc != 0) {
        return rc;
    }
    cors->credentials = options->credentials;
    char *digits = turbo__arena_alloc(&cors->arena, MAX_AGE_DIGITS + 1);
    if (digits == NULL) {
        return TURBO_ENOMEM;
    }
    unsigned age = options->max_age > 0 ? options->max_age : DEFAULT_MAX_AGE;
    (void)snprintf(digits, MAX_AGE_DIGITS + 1, "%u", age); /* fits */
    cors->max_age = turbo_cstr(digits);
    return options->origin_regex != NULL ? compile_regex(cors, options->origin_regex) : 0;
}

int turbo__cors_new(const turbo_cors_options *options, turbo__cors **out)
{
    turbo_cors_options known;
    int rc = turbo__options_read("turbo_cors_options", options, &known, sizeof(known));
    if (rc != 0) {
        return rc;
    }
    turbo__cors *cors = turbo__calloc(1, sizeof(*cors));
    if (cors == NULL) {
        return TURBO_ENOMEM;
    }
    turbo__arena_init(&cors->arena);
    rc = compile_origins(cors, &known);
    if (rc == 0) {
        rc = compile_methods(cors, &known);
    }
    if (rc == 0) {
        rc = compile_headers(cors, &known);
    }
    if (rc == 0) {
        rc = compile_rest(cors, &known);
    }
    if (rc != 0) {
        turbo__cors_free(cors);
        return rc;
    }
    *out = cors;
    return 0;
}

void turbo__cors_free(turbo__cors *cors)
{
    if (cors == NULL) {
        return;
    }
    if (cors->has_regex) {
        regfree(&cors->regex);
    }
    turbo__arena_clear(&cors->arena);
    turbo__free(cors);
}

static const turbo_str origin_name = {"origin", 6};
static const turbo_str request_method_name = {"access-control-request-method", 29};
static const turbo_str request_headers_name = {"access-control-request-headers", 30};
static const turbo_str private_network_name = {"access-control-request-private-network", 38};
static const turbo_str allow_origin_name = {"access-control-allow-origin", 27};
static const turbo_str allow_credentials_name = {"access-control-allow-credentials", 32};
static const turbo_str allow_headers_name = {"access-control-allow-headers", 28};
static const turbo_str vary_name = {"vary", 4};

/* On the stack of preflight and decorate. `rc` is the first error; after it nothing is added. */
typedef struct answer {
    turbo__arena *arena;
    turbo__fields *fields;
    int rc;
} answer;

static void add(answer *to, turbo_str name, turbo_str value)
{
    if (to->rc == 0) {
        to->rc = turbo__fields_add(to->fields, to->arena, name, value);
    }
}

/* Replaces the first field of the name and drops the others. */
static void set(answer *to, turbo_str name, turbo_str value)
{
    turbo__field *first = turbo__fields_find(to->fields, name);
    if (first == NULL) {
        add(to, name, value);
        return;
    }
    size_t kept = (size_t)(first - to->fields->items) + 1;
    for (size_t i = kept; i < to->fields->count; i++) {
        if (!turbo__str_equal_nocase(to->fields->items[i].name, name)) {
            to->fields->items[kept++] = to->fields->items[i];
        }
    }
    to->fields->count = kept;
    first->name = name;
    first->value = value;
}

/* A copy: the answer may outlive the buffer that the request's fields are views into. */
static turbo_str copied(answer *to, turbo_str text)
{
    turbo_str copy = {"", 0};
    if (to->rc == 0) {
        to->rc = turbo__arena_copy(to->arena, text, &copy);
    }
    return copy;
}

static void vary_by_origin(answer *to)
{
    size_t count = 0;
    for (size_t i = 0; i < to->fields->count; i++) {
        count += turbo__str_equal_nocase(to->fields->items[i].name, vary_name) ? 1 : 0;
    }
    if (count == 0) {
        add(to, vary_name, TURBO_STR("Origin"));
        return;
    }
    str_list values = {turbo__arena_alloc(to->arena, (count + 1) * sizeof(turbo_str)), 0};
    if (values.items == NULL) {
        to->rc = TURBO_ENOMEM;
        return;
    }
    for (size_t i = 0; i < to->fields->count; i++) {
        if (turbo__str_equal_nocase(to->fields->items[i].name, vary_name)) {
            values.items[values.count++] = to->fields->items[i].value;
        }
    }
    values.items[values.count++] = TURBO_STR("Origin");
    turbo_str all = {"", 0};
    int rc = join(to->arena, &values, &all);
    if (rc != 0) {
        to->rc = rc;
        return;
    }
    set(to, vary_name, all);
}

/* regexec() wants a NUL behind the text. */
static int matches_regex(const turbo__cors *cors, turbo__arena *arena, turbo_str origin, bool *out)
{
    *out = false;
    if (!cors->has_regex || origin.len > TURBO__CORS_MAX_ORIGIN ||
        (origin.len > 0 && memchr(origin.data, '\0', origin.len) != NULL)) {
        return 0;
    }
    char *text = turbo__arena_alloc(arena, origin.len + 1);
    if (text == NULL) {
        return TURBO_ENOMEM;
    }
    if (origin.len > 0) {
        memcpy(text, origin.data, origin.len);
    }
    text[origin.len] = '\0';
    errno = 0; /* glibc's regexec() tells want of memory as REG_NOMATCH */
    int code = regexec(&cors->regex, text, 0, NULL, 0);
    if (code == REG_ESPACE || (code != 0 && errno == ENOMEM)) {
        return turbo__error_set(TURBO_ENOMEM, "out of memory");
    }
    *out = code == 0;
    return 0;
}

static int is_allowed(const turbo__cors *cors, turbo__arena *arena, turbo_str origin, bool *out)
{
    const str_list *origins = &cors->origins;
    *out = cors->any_origin ||
           (origins->count > 0 &&
            bsearch(&origin, origins->items, origins->count, sizeof(origin), compare) != NULL);
    return *out ? 0 : matches_regex(cors, arena, origin, out);
}

static bool is_header_allowed(const turbo__cors *cors, turbo_str name)
{
    for (size_t i = 0; i < cors->headers.count; i++) {
        if (turbo__str_equal_nocase(cors->headers.items[i], name)) {
            return true;
        }
    }
    return false;
}

/* `names` is a list with commas; an empty member is a name too, one that is not allowed. */
static bool are_headers_allowed(const turbo__cors *cors, turbo_str names)
{
    size_t comma;
    while (turbo__str_find(names, ',', &comma)) {
        if (!is_header_allowed(cors, turbo__str_trim(turbo__str_slice(names, 0, comma)))) {
            return false;
        }
        names = turbo__str_slice(names, comma + 1, names.len);
    }
    return is_header_allowed(cors, turbo__str_trim(names));
}

bool turbo__cors_is_preflight(turbo_str method, const turbo__fields *request)
{
    return turbo_str_equal(method, TURBO_STR("OPTIONS")) &&
           turbo__fields_find(request, origin_name) != NULL &&
           turbo__fields_find(request, request_method_name) != NULL;
}

/* What every preflight answer of these rules has. */
static void add_common(const turbo__cors *cors, answer *to)
{
    add(to, vary_name,
        TURBO_STR("Origin, Access-Control-Request-Method, Access-Control-Request-Headers, "
                  "Access-Control-Request-Private-Network"));
    if (cors->any_origin && !cors->credentials) {
        add(to, allow_origin_name, TURBO_STR("*"));
    }
    add(to, TURBO_STR("access-control-allow-methods"), cors->allow_methods);
    add(to, TURBO_STR("access-control-max-age"), cors->max_age);
    if (!cors->any_header) {
        add(to, allow_headers_name, cors->allow_headers);
    }
    if (cors->credentials) {
        add(to, allow_credentials_name, TURBO_STR("true"));
    }
}

static turbo_str value_of(const turbo__fields *fields, turbo_str name)
{
    const turbo__field *field = turbo__fields_find(fields, name);
    return field != NULL ? field->value : TURBO_STR("");
}

/* Adds what depends on the request, and lists what is not allowed. At most four reasons. */
static void add_asked(const turbo__cors *cors, const turbo__fields *request, answer *to,
                      str_list *failures)
{
    turbo_str origin = value_of(request, origin_name);
    bool allowed = false;
    to->rc = to->rc == 0 ? is_allowed(cors, to->arena, origin, &allowed) : to->rc;
    if (!allowed) {
        failures->items[failures->count++] = TURBO_STR("origin");
    } else if (!cors->any_origin || cors->credentials) {
        add(to, allow_origin_name, copied(to, origin));
    }
    if (!contains(&cors->methods, value_of(request, request_method_name))) {
        failures->items[failures->count++] = TURBO_STR("method");
    }
    const turbo__field *headers = turbo__fields_find(request, request_headers_name);
    if (headers != NULL && cors->any_header) {
        add(to, allow_headers_name, copied(to, headers->value));
    } else if (headers != NULL && !are_headers_allowed(cors, headers->value)) {
        failures->items[failures->count++] = TURBO_STR("headers");
    }
    if (turbo__fields_find(request, private_network_name) != NULL) {
        failures->items[failures->count++] = TURBO_STR("private-network");
    }
}

static void refuse(answer *to, const str_list *failures, int *status, turbo_str *body)
{
    static const turbo_str prefix = {"Disallowed CORS ", 16};
    turbo_str reasons = {"", 0};
    int rc = to->rc == 0 ? join(to->arena, failures, &reasons) : to->rc;
    char *text = rc == 0 ? turbo__arena_alloc(to->arena, prefix.len + reasons.len) : NULL;
    if (text == NULL) {
        to->rc = TURBO_ENOMEM;
        return;
    }
    memcpy(text, prefix.data, prefix.len);
    memcpy(text + prefix.len, reasons.data, reasons.len);
    *status = 400;
    body->data = text;
    body->len = prefix.len + reasons.len;
}

int turbo__cors_preflight(const turbo__cors *cors, const turbo__fields *request,
                          turbo__arena *arena, turbo__fields *response, int *status,
                          turbo_str *body)
{
    turbo_str reasons[4];
    str_list failures = {reasons, 0};
    answer to = {arena, response, 0};
    add_common(cors, &to);
    add_asked(cors, request, &to, &failures);
    add(&to, TURBO_STR("content-type"), TURBO_STR("text/plain; charset=utf-8"));
    if (to.rc != 0) {
        return to.rc;
    }
    if (failures.count > 0) {
        refuse(&to, &failures, status, body);
        return to.rc;
    }
    *status = 200;
    *body = TURBO_STR("OK");
    return 0;
}

int turbo__cors_decorate(const turbo__cors *cors, const turbo__fields *request, turbo__arena *arena,
                         turbo__fields *response)
{
    answer to = {arena, response, 0};
    const turbo__field *origin = turbo__fields_find(request, origin_name);
    if (origin != NULL) {
        bool allowed = false;
        int rc = is_allowed(cors, arena, origin->value, &allowed);
        if (rc != 0) {
            return rc;
        }
        if (cors->any_origin) {
            set(&to, allow_origin_name, TURBO_STR("*"));
        }
        if (cors->credentials) {
            set(&to, allow_credentials_name, TURBO_STR("true"));
        }
        if (cors->expose_headers.len > 0) {
            set(&to, TURBO_STR("access-control-expose-headers"), cors->expose_headers);
        }
        if (allowed && (!cors->any_origin || cors->credentials)) {
            set(&to, allow_origin_name, copied(&to, origin->value));
        }
    }
    if (to.rc == 0) {
        vary_by_origin(&to);
    }
    return to.rc;
}
