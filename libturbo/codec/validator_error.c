/* SPDX-License-Identifier: MIT */
#include "codec/validator_error.h"

#include "base/buf.h"
#include "base/mem.h"
#include "codec/json_write.h"

/* Constructors that can be nested: NULL stands for out of memory, and setting NULL fails with it.
 */
static turbo_json *new_string(turbo_str text)
{
    turbo_json *json;
    return turbo_json_new_string(text, &json) == 0 ? json : NULL;
}

static turbo_json *new_size(size_t size)
{
    turbo_json *json;
    int64_t value = size < INT64_MAX ? (int64_t)size : INT64_MAX;
    return turbo_json_new_int(value, &json) == 0 ? json : NULL;
}

/* A bound of what may have a fraction is a real, as those of pydantic's float are. */
static turbo_json *new_number(const turbo__schema_node *node, const turbo__schema_number *number)
{
    turbo_json *json;
    bool real = (node->kinds & ~(unsigned)TURBO__KIND_NULL) == TURBO__KIND_NUMBER;
    if (real && number->is_int) {
        return turbo_json_new_real((double)number->integer, &json) == 0 ? json : NULL;
    }
    int rc = number->is_int ? turbo_json_new_int(number->integer, &json)
                            : turbo_json_new_real(number->real, &json);
    return rc == 0 ? json : NULL;
}

static turbo_json *new_null(void)
{
    turbo_json *json;
    return turbo_json_new_null(&json) == 0 ? json : NULL;
}

/* The value stays as it is; only its count of references, which threads may share, changes. */
static turbo_json *share(const turbo_json *json)
{
    return turbo_json_ref((turbo_json *)(uintptr_t)json);
}

static int set(turbo_json *object, const char *name, turbo_json *value)
{
    return turbo_json_set(object, turbo_cstr(name), value);
}

/* --- one error ------------------------------------------------------------- */

static int fill_location(turbo_json *location, const turbo__place *const *places, size_t count)
{
    int rc = 0;
    while (rc == 0 && count > 0) {
        const turbo__place *at = places[--count];
        rc = turbo_json_append(location,
                               at->name.data != NULL ? new_string(at->name) : new_size(at->index));
    }
    return rc;
}

static turbo_json *new_location(const turbo__place *at)
{
    turbo_json *location;
    if (turbo_json_new_array(&location) != 0) {
        return NULL;
    }
    size_t count = 0;
    for (const turbo__place *place = at; place->up != NULL; place = place->up) {
        count++;
    }
    const turbo__place **places = turbo__calloc(count, sizeof(*places));
    int rc = places != NULL ? 0 : TURBO_ENOMEM;
    if (rc == 0) {
        count = 0;
        for (const turbo__place *place = at; place->up != NULL; place = place->up) {
            places[count++] = place;
        }
        rc = fill_location(location, places, count);
    }
    turbo__free(places);
    if (rc != 0) {
        turbo_json_unref(location);
        return NULL;
    }
    return location;
}

/* Members in the order that FastAPI writes them. Takes `context`, which may be NULL. */
static int add(turbo_json *errors, const turbo__place *at, const turbo_json *input,
               const char *type, turbo_str message, turbo_json *context)
{
    turbo_json *error;
    int rc = turbo_json_new_object(&error);
    if (rc != 0) {
        turbo_json_unref(context);
        return rc;
    }
    rc = set(error, "type", new_string(turbo_cstr(type)));
    rc = rc == 0 ? set(error, "loc", new_location(at)) : rc;
    rc = rc == 0 ? set(error, "msg", new_string(message)) : rc;
    rc = rc == 0 ? set(error, "input", share(input)) : rc;
    if (rc == 0 && context != NULL) {
        rc = set(error, "ctx", turbo_json_ref(context));
    }
    turbo_json_unref(context);
    if (rc != 0) {
        turbo_json_unref(error);
        return rc;
    }
    rc = turbo_json_append(errors, error);
    return rc != 0 ? rc : TURBO_EINVALID;
}

/* A message of parts, with one member of context. */
typedef struct draft {
    turbo__buf message;
    turbo_json *context;
    int rc;
} draft;

static void begin(draft *self)
{
    turbo__buf_init(&self->message, SIZE_MAX); /* bounded by the schema, which is not a peer's */
    self->rc = turbo_json_new_object(&self->context);
    if (self->rc != 0) {
        self->context = NULL;
    }
}

static void say(draft *self, turbo_str text)
{
    self->rc = self->rc == 0 ? turbo__buf_append_str(&self->message, text) : self->rc;
}

static void say_size(draft *self, size_t size, const char *one)
{
    int64_t value = size < INT64_MAX ? (int64_t)size : INT64_MAX;
    self->rc = self->rc == 0 ? turbo__json_write_int(&self->message, value) : self->rc;
    say(self, turbo_cstr(one));
    if (size != 1) {
        say(self, turbo_cstr("s"));
    }
}

/* Takes `value`. */
static void attach(draft *self, const char *name, turbo_json *value)
{
    if (self->rc != 0) {
        turbo_json_unref(value);
        return;
    }
    self->rc = set(self->context, name, value);
}

static int end(draft *self, turbo_json *errors, const turbo__place *at, const turbo_json *input,
               const char *type)
{
    int rc = self->rc;
    if (rc == 0) {
        rc = add(errors, at, input, type, turbo__buf_view(&self->message), self->context);
    } else {
        turbo_json_unref(self->context);
    }
    turbo__buf_clear(&self->message);
    return rc;
}

/* --- the kinds of errors --------------------------------------------------- */

int turbo__invalid_plain(turbo_json *errors, const turbo__place *at, const turbo_json *input,
                         const char *type, const char *message)
{
    return add(errors, at, input, type, turbo_cstr(message), NULL);
}

int turbo__invalid_values(turbo_json *errors, const turbo__place *at, const turbo_json *input,
                          const char *type, const turbo__schema_values *values)
{
    draft self;
    begin(&self);
    say(&self, turbo_cstr("Input should be "));
    say(&self, values->expected);
    attach(&self, "expected", new_string(values->expected));
    return end(&self, errors, at, input, type);
}

static void say_zeros(draft *self, int count)
{
    for (; count > 0; count--) {
        say(self, turbo_cstr("0"));
    }
}

/* All digits and no exponent, as pydantic's messages have it. */
static void say_decimal(draft *self, turbo__decimal number)
{
    char text[24];
    char *stop = text + sizeof(text);
    char *start = stop;
    uint64_t rest = number.digits;
    do {
        *--start = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest > 0);
    int count = (int)(stop - start);
    int point = count + number.exponent; /* digits before the decimal point */
    size_t whole = point <= 0 ? 0 : point < count ? (size_t)point : (size_t)count;
    turbo_str digits = {start, (size_t)count};
    say(self, turbo_cstr(number.negative ? "-" : ""));
    say(self, whole > 0 ? (turbo_str){digits.data, whole} : turbo_cstr("0"));
    if (point >= count) {
        say_zeros(self, point - count);
        return;
    }
    say(self, turbo_cstr("."));
    say_zeros(self, -point);
    say(self, (turbo_str){digits.data + whole, digits.len - whole});
}

int turbo__invalid_number(turbo_json *errors, const turbo__place *at, const turbo_json *input,
                          const turbo__schema_node *node, const char *type, const char *relation,
                          const char *name, const turbo__schema_number *bound)
{
    draft self;
    begin(&self);
    say(&self, turbo_cstr("Input should be "));
    say(&self, turbo_cstr(relation));
    say(&self, turbo_cstr(" "));
    say_decimal(&self, bound->is_int ? turbo__decimal_from_int(bound->integer)
                                     : turbo__decimal_from_real(bound->real));
    attach(&self, name, new_number(node, bound));
    return end(&self, errors, at, input, type);
}

static const char *limit_name(bool least)
{
    return least ? "min_length" : "max_length";
}

int turbo__invalid_length(turbo_json *errors, const turbo__place *at, const turbo_json *input,
                          bool least, size_t limit)
{
    draft self;
    begin(&self);
    say(&self, turbo_cstr(least ? "String should have at least " : "String should have at most "));
    say_size(&self, limit, " character");
    attach(&self, limit_name(least), new_size(limit));
    return end(&self, errors, at, input, least ? "string_too_short" : "string_too_long");
}

int turbo__invalid_count(turbo_json *errors, const turbo__place *at, const turbo_json *input,
                         const char *what, bool least, size_t limit)
{
    /* Pydantic stops counting members of a dictionary at the limit and does not know their number.
     */
    bool counted = least || turbo_json_typeof(input) == TURBO_JSON_ARRAY;
    size_t actual = turbo_json_size(input);
    draft self;
    begin(&self);
    say(&self, turbo_cstr(what));
    say(&self, turbo_cstr(least ? " should have at least " : " should have at most "));
    say_size(&self, limit, " item");
    say(&self, turbo_cstr(" after validation, not "));
    if (counted) {
        self.rc = self.rc == 0 ? turbo__json_write_int(&self.message, (int64_t)actual) : self.rc;
    } else {
        say(&self, turbo_cstr("more"));
    }
    attach(&self, "field_type", new_string(turbo_cstr(what)));
    attach(&self, limit_name(least), new_size(limit));
    attach(&self, "actual_length", counted ? new_size(actual) : new_null());
    return end(&self, errors, at, input, least ? "too_short" : "too_long");
}

int turbo__invalid_one_of(turbo_json *errors, const turbo__place *at, const turbo_json *input,
                          size_t matched)
{
    draft self;
    begin(&self);
    say(&self, turbo_cstr("Input should match exactly one of the alternatives, not "));
    self.rc = self.rc == 0 ? turbo__json_write_int(&self.message, (int64_t)matched) : self.rc;
    attach(&self, "matched", new_size(matched));
    return end(&self, errors, at, input, "one_of");
}

/* --- kinds ----------------------------------------------------------------- */

typedef struct kind_error {
    unsigned kinds;
    const char *label; /* pydantic's name of the type in the place of a union's error */
    const char *type;
    const char *message;
} kind_error;

static const kind_error KIND_ERRORS[] = {
    {TURBO__KIND_STRING, "str", "string_type", "Input should be a valid string"},
    {TURBO__KIND_NUMBER, "float", "float_type", "Input should be a valid number"},
    {TURBO__KIND_INTEGER, "int", "int_type", "Input should be a valid integer"},
    {TURBO__KIND_BOOL, "bool", "bool_type", "Input should be a valid boolean"},
    {TURBO__KIND_ARRAY, "list", "list_type", "Input should be a valid list"},
    {TURBO__KIND_OBJECT, "dict", "dict_type", "Input should be a valid dictionary"},
    {TURBO__KIND_NULL, "none", "none_required", "Input should be None"},
};
static const size_t KIND_ERROR_COUNT = sizeof(KIND_ERRORS) / sizeof(KIND_ERRORS[0]);

/* The row for a part of `kinds`, NULL when they are none. */
static const kind_error *find_kind(unsigned kinds)
{
    for (size_t i = 0; i < KIND_ERROR_COUNT; i++) {
        if ((kinds & KIND_ERRORS[i].kinds) == KIND_ERRORS[i].kinds) {
            return &KIND_ERRORS[i];
        }
    }
    return NULL;
}

turbo_str turbo__invalid_label(const turbo__schema_node *node)
{
    while (node->title.len == 0 && node->ref != NULL) {
        node = node->ref; /* not endless: no schema refers to itself for the same value */
    }
    if (node->title.len > 0) {
        return node->title;
    }
    const kind_error *kind = find_kind(node->kinds);
    return kind != NULL && kind->kinds == node->kinds ? turbo_cstr(kind->label) : turbo_cstr("");
}

static int add_kind(turbo_json *errors, const turbo__place *at, const turbo_json *input,
                    const turbo__schema_node *node, const kind_error *kind)
{
    if (kind->kinds == TURBO__KIND_INTEGER && turbo__schema_kind(input) == TURBO__KIND_FRACTION) {
        return turbo__invalid_plain(
            errors, at, input, "int_from_float",
            "Input should be a valid integer, got a number with a fractional part");
    }
    if (kind->kinds == TURBO__KIND_OBJECT && node->property_count + node->required_count > 0) {
        return turbo__invalid_plain(
            errors, at, input, "model_attributes_type",
            "Input should be a valid dictionary or object to extract fields from");
    }
    return turbo__invalid_plain(errors, at, input, kind->type, kind->message);
}

int turbo__invalid_kind(turbo_json *errors, const turbo__place *at, const turbo_json *input,
                        const turbo__schema_node *node)
{
    unsigned left = node->kinds;
    if (left == 0) {
        return turbo__invalid_plain(errors, at, input, "false_schema",
                                    "No value is permitted here");
    }
    /* What may also be null is told what else it may be, as pydantic does for `T | None`. */
    left = left == TURBO__KIND_NULL ? left : left & ~(unsigned)TURBO__KIND_NULL;
    const kind_error *kind = find_kind(left);
    if (kind->kinds == left) {
        return add_kind(errors, at, input, node, kind);
    }
    int rc = TURBO_EINVALID;
    for (; rc == TURBO_EINVALID && kind != NULL; kind = find_kind(left)) {
        turbo__place branch = {at, turbo_cstr(kind->label), 0};
        rc = add_kind(errors, &branch, input, node, kind);
        left &= ~kind->kinds;
    }
    return rc;
}
