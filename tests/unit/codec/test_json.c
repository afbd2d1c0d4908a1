/* SPDX-License-Identifier: MIT */
#include "codec/json.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>

#include <jansson.h>

#include "base/mem.h"
#include "codec/json_parse.h"

static turbo_json *parse(turbo_str text)
{
    turbo_json *json = NULL;
    int rc = turbo_json_parse(text, &json, NULL);
    cr_assert_eq(rc, 0, "%.*s: %s", (int)text.len, text.data, turbo_error_detail());
    return json;
}

static void expect_text(const turbo_json *json, turbo_str expected)
{
    char *text = NULL;
    size_t length = 0;
    cr_assert_eq(turbo_json_render(json, &text, &length), 0);
    cr_assert(turbo_str_equal((turbo_str){text, length}, expected), "%s", text);
    cr_assert_eq(text[length], '\0');
    turbo_json_text_free(text);
}

static void expect_round(turbo_str text, turbo_str expected)
{
    turbo_json *json = parse(text);
    expect_text(json, expected);
    turbo_json_unref(json);
}

static void expect_error(turbo_str text, size_t at, const char *what)
{
    turbo_json *json = NULL;
    size_t offset = SIZE_MAX;
    cr_assert_eq(turbo_json_parse(text, &json, &offset), TURBO_EJSON, "%.*s", (int)text.len,
                 text.data);
    cr_assert_null(json);
    cr_assert_eq(offset, at, "%.*s: %zu", (int)text.len, text.data, offset);
    char detail[128];
    (void)snprintf(detail, sizeof(detail), "%s: byte %zu", what, at);
    cr_assert_str_eq(turbo_error_detail(), detail);
}

Test(json, texts_of_every_type)
{
    expect_round(TURBO_STR(" null "), TURBO_STR("null"));
    expect_round(TURBO_STR("true"), TURBO_STR("true"));
    expect_round(TURBO_STR("false"), TURBO_STR("false"));
    expect_round(TURBO_STR("-0"), TURBO_STR("0"));
    expect_round(TURBO_STR("-9223372036854775808"), TURBO_STR("-9223372036854775808"));
    expect_round(TURBO_STR("1.0"), TURBO_STR("1.0"));
    expect_round(TURBO_STR("-0.0"), TURBO_STR("-0.0"));
    expect_round(TURBO_STR("1E2"), TURBO_STR("100.0"));
    expect_round(TURBO_STR("0.1"), TURBO_STR("0.1"));
    expect_round(TURBO_STR("\t[ ]\r\n"), TURBO_STR("[]"));
    expect_round(TURBO_STR("{ }"), TURBO_STR("{}"));
    expect_round(TURBO_STR("[1, [2,{}], {\"a\" : [ ]} ]"), TURBO_STR("[1,[2,{}],{\"a\":[]}]"));
    expect_round(TURBO_STR("{\"z\":1,\"a\":2,\"m\":{\"b\":null}}"),
                 TURBO_STR("{\"z\":1,\"a\":2,\"m\":{\"b\":null}}"));
}

Test(json, strings)
{
    expect_round(TURBO_STR("\"\""), TURBO_STR("\"\""));
    expect_round(TURBO_STR("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\""),
                 TURBO_STR("\"\\\"\\\\/\\b\\f\\n\\r\\t\""));
    expect_round(TURBO_STR("\"\\u0041\\u00e9\\u20AC\\ud83d\\uDE00\\u0000\""),
                 TURBO_STR("\"A\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80\\u0000\""));
    expect_round(TURBO_STR("{\"a\\u0000b\":\"\\u0000\"}"),
                 TURBO_STR("{\"a\\u0000b\":\"\\u0000\"}"));
    expect_round(TURBO_STR("{\"n\\u0061me\":\"v\\u0061lue\",\"\":\"\\\\\"}"),
                 TURBO_STR("{\"name\":\"value\",\"\":\"\\\\\"}"));
}

Test(json, the_last_of_equal_names_counts_in_the_first_place)
{
    expect_round(TURBO_STR("{\"a\":1,\"b\":2,\"a\":[3],\"\\u0061\":{\"c\":4}}"),
                 TURBO_STR("{\"a\":{\"c\":4},\"b\":2}"));
}

Test(json, errors_say_what_and_where)
{
    expect_error(TURBO_STR(""), 0, "Expecting value");
    expect_error((turbo_str){NULL, 0}, 0, "Expecting value");
    expect_error(TURBO_STR("  "), 2, "Expecting value");
    expect_error(TURBO_STR("\xEF\xBB\xBF{}"), 0, "Expecting value");
    expect_error(TURBO_STR("nul"), 0, "Expecting value");
    expect_error(TURBO_STR("NaN"), 0, "Expecting value");
    expect_error(TURBO_STR("-Infinity"), 0, "Expecting value");
    expect_error(TURBO_STR("+1"), 0, "Expecting value");
    expect_error(TURBO_STR("[-]"), 1, "Expecting value");
    expect_error(TURBO_STR("[1,]"), 3, "Expecting value");
    expect_error(TURBO_STR("[1"), 2, "Expecting ',' delimiter");
    expect_error(TURBO_STR("[1}"), 2, "Expecting ',' delimiter");
    expect_error(TURBO_STR("[1 2]"), 3, "Expecting ',' delimiter");
    expect_error(TURBO_STR("01"), 1, "Extra data");
    expect_error(TURBO_STR("1."), 1, "Extra data");
    expect_error(TURBO_STR("1e+"), 1, "Extra data");
    expect_error(TURBO_STR("{} {"), 3, "Extra data");
    expect_error(TURBO_STR("{\"a\" 1}"), 5, "Expecting ':' delimiter");
    expect_error(TURBO_STR("{\"a\":1,}"), 7, "Expecting property name enclosed in double quotes");
    expect_error(TURBO_STR("{a:1}"), 1, "Expecting property name enclosed in double quotes");
    expect_error(TURBO_STR("{\"a\":"), 5, "Expecting value");
    expect_error(TURBO_STR("[\"abc"), 1, "Unterminated string");
    expect_error(TURBO_STR("[\"abc\\"), 5, "Invalid \\escape");
    expect_error(TURBO_STR("\"a\nb\""), 2, "Invalid control character");
    expect_error(TURBO_STR("\"\\x41\""), 1, "Invalid \\escape");
    expect_error(TURBO_STR("\"\\u00g0\""), 2, "Invalid \\uXXXX escape");
    expect_error(TURBO_STR("\"\\u00"), 2, "Invalid \\uXXXX escape");
    expect_error(TURBO_STR("\"\\ud800\""), 2, "Lone surrogate in \\uXXXX escape");
    expect_error(TURBO_STR("\"\\ud800\\ud800\""), 2, "Lone surrogate in \\uXXXX escape");
    expect_error(TURBO_STR("\"\\ude00\\ud83d\""), 2, "Lone surrogate in \\uXXXX escape");
    expect_error(TURBO_STR("\"ok\xFFno\""), 3, "Invalid UTF-8");
    expect_error(TURBO_STR("{\"\xC3\":1}"), 2, "Invalid UTF-8");
    expect_error(TURBO_STR("[9223372036854775808]"), 1, "Integer beyond 64 bits");
    expect_error(TURBO_STR("-9223372036854775809"), 0, "Integer beyond 64 bits");
    expect_error(TURBO_STR("[1, 1e309]"), 4, "Number too large");
    expect_error(TURBO_STR("1\0"), 1, "Extra data");
}

/* Every cut of a valid text is an error, in its place or at the end, and nothing behind is read. */
Test(json, cut_off_anywhere)
{
    static const char whole[] =
        "{\"k\\u00e9y\\ud83d\\ude00\":[true,null,-1.5e-3,{\"\xC3\xA9\":\"\\n\"}]}";
    for (size_t len = 0; len < sizeof(whole) - 1; len++) {
        char *copy = turbo__alloc(len); /* exact, so that a sanitizer sees an access behind it */
        memcpy(copy, whole, len);
        turbo_json *json = NULL;
        size_t offset = SIZE_MAX;
        cr_assert_eq(turbo_json_parse((turbo_str){copy, len}, &json, &offset), TURBO_EJSON);
        cr_assert(offset <= len);
        turbo__free(copy);
    }
}

static turbo_json *nested_text(size_t depth, const char *open, const char *close, int *rc)
{
    turbo__buf buf;
    turbo__buf_init(&buf, 1 << 20);
    for (size_t i = 0; i < depth; i++) {
        cr_assert_eq(turbo__buf_append_str(&buf, turbo_cstr(open)), 0);
    }
    cr_assert_eq(turbo__buf_append(&buf, "1", 1), 0);
    for (size_t i = 0; i < depth; i++) {
        cr_assert_eq(turbo__buf_append_str(&buf, turbo_cstr(close)), 0);
    }
    turbo_json *json = NULL;
    *rc = turbo_json_parse(turbo__buf_view(&buf), &json, NULL);
    turbo__buf_clear(&buf);
    return json;
}

Test(json, nesting_ends_at_512)
{
    int rc;
    turbo_json *json = nested_text(512, "[", "]", &rc);
    cr_assert_eq(rc, 0);
    char *text;
    cr_assert_eq(turbo_json_render(json, &text, NULL), 0);
    cr_assert_eq(strlen(text), 1025u);
    turbo_json_text_free(text);
    turbo_json_unref(json);
    json = nested_text(512, "{\"a\":", "}", &rc);
    cr_assert_eq(rc, 0);
    turbo_json_unref(json);
    cr_assert_null(nested_text(513, "[", "]", &rc));
    cr_assert_eq(rc, TURBO_EJSON);
    cr_assert_str_eq(turbo_error_detail(), "Nested too deeply: byte 512");
    cr_assert_null(nested_text(100000, "[", "]", &rc));
    cr_assert_eq(rc, TURBO_EJSON);
}

Test(json, what_is_nested_too_deeply_or_in_a_circle_is_not_rendered)
{
    turbo_json *deep;
    cr_assert_eq(turbo_json_new_array(&deep), 0);
    for (size_t i = 1; i < 513; i++) {
        turbo_json *outer;
        cr_assert_eq(turbo_json_new_array(&outer), 0);
        cr_assert_eq(turbo_json_append(outer, deep), 0);
        deep = outer;
    }
    char *text = NULL;
    cr_assert_eq(turbo_json_render(deep, &text, NULL), TURBO_EINVAL);
    cr_assert_null(text);
    turbo__buf key;
    turbo__buf_init(&key, SIZE_MAX);
    cr_assert_eq(turbo__json_key(&key, deep), TURBO_EINVAL);
    cr_assert_eq(key.len, 0u);
    turbo__buf_clear(&key);
    turbo_json *inner;
    cr_assert_eq(turbo_json_at(deep, 0, &inner), 0);
    cr_assert_eq(turbo_json_render(inner, &text, NULL), 0);
    turbo_json_text_free(text);
    turbo_json_unref(deep);
}

Test(json, readers_check_the_type)
{
    turbo_json *json = parse(TURBO_STR("[null,true,7,1.5,\"s\\u0000t\",[],{}]"));
    static const turbo_json_type types[] = {TURBO_JSON_NULL,  TURBO_JSON_BOOL,   TURBO_JSON_INT,
                                            TURBO_JSON_REAL,  TURBO_JSON_STRING, TURBO_JSON_ARRAY,
                                            TURBO_JSON_OBJECT};
    cr_assert_eq(turbo_json_size(json), 7u);
    for (size_t i = 0; i < 7; i++) {
        turbo_json *value = NULL;
        cr_assert_eq(turbo_json_at(json, i, &value), 0);
        cr_assert_eq(turbo_json_typeof(value), types[i]);
        cr_assert_eq(turbo_json_size(value), 0u);
        bool flag = false;
        int64_t whole = -1;
        double real = -1;
        turbo_str text = {NULL, 0};
        turbo_json *unused = NULL;
        void *cursor = NULL;
        cr_assert_eq(turbo_json_get_bool(value, &flag), i == 1 ? 0 : TURBO_ETYPE);
        cr_assert_eq(flag, i == 1);
        cr_assert_eq(turbo_json_get_int(value, &whole), i == 2 ? 0 : TURBO_ETYPE);
        cr_assert_eq(whole, i == 2 ? 7 : -1);
        cr_assert_eq(turbo_json_get_real(value, &real), i == 2 || i == 3 ? 0 : TURBO_ETYPE);
        cr_assert_eq(real, i == 2 ? 7.0 : i == 3 ? 1.5 : -1.0);
        cr_assert_eq(turbo_json_get_string(value, &text), i == 4 ? 0 : TURBO_ETYPE);
        cr_assert_eq(text.len, i == 4 ? 3u : 0u);
        cr_assert_eq(turbo_json_at(value, 0, &unused), i == 5 ? TURBO_ENOTFOUND : TURBO_ETYPE);
        cr_assert_eq(turbo_json_member(value, TURBO_STR("x"), &unused),
                     i == 6 ? TURBO_ENOTFOUND : TURBO_ETYPE);
        cr_assert(!turbo_json_next(value, &cursor, &text, &unused));
        cr_assert_null(unused);
    }
    cr_assert_eq(turbo_json_get_int(json, &(int64_t){0}), TURBO_ETYPE);
    cr_assert_str_eq(turbo_error_detail(), "JSON value is of type array, not integer");
    turbo_json_unref(json);
}

Test(json, members)
{
    turbo_json *json = parse(TURBO_STR("{\"b\":1,\"a\\u0000\":2,\"a\":3,\"\":4}"));
    static const char *const names = "b\0a\0\0a\0\0";
    static const size_t lengths[] = {1, 2, 1, 0};
    void *cursor = NULL;
    turbo_str name;
    turbo_json *value;
    const char *expected = names;
    for (int64_t i = 0; i < 4; i++) {
        int64_t number = 0;
        cr_assert(turbo_json_next(json, &cursor, &name, &value));
        turbo_str want = {expected, lengths[i]};
        cr_assert(turbo_str_equal(name, want));
        cr_assert_eq(turbo_json_get_int(value, &number), 0);
        cr_assert_eq(number, i + 1);
        turbo_json *same;
        cr_assert_eq(turbo_json_member(json, want, &same), 0);
        cr_assert_eq(same, value);
        expected += lengths[i] + 1;
    }
    cr_assert(!turbo_json_next(json, &cursor, &name, &value));
    cr_assert(!turbo_json_next(json, &cursor, &name, &value), "the end is the end");
    turbo_json_unref(json);
}

static turbo_json *number(int64_t value)
{
    turbo_json *json;
    return turbo_json_new_int(value, &json) == 0 ? json : NULL;
}

Test(json, building)
{
    turbo_json *object;
    turbo_json *array;
    turbo_json *value;
    cr_assert_eq(turbo_json_new_object(&object), 0);
    cr_assert_eq(turbo_json_new_array(&array), 0);
    cr_assert_eq(turbo_json_append(array, number(1)), 0);
    cr_assert_eq(turbo_json_new_real(2, &value), 0);
    cr_assert_eq(turbo_json_append(array, value), 0);
    cr_assert_eq(turbo_json_new_bool(false, &value), 0);
    cr_assert_eq(turbo_json_append(array, value), 0);
    cr_assert_eq(turbo_json_new_null(&value), 0);
    cr_assert_eq(turbo_json_append(array, value), 0);
    cr_assert_eq(turbo_json_new_string((turbo_str){NULL, 0}, &value), 0);
    cr_assert_eq(turbo_json_append(array, turbo_json_ref(value)), 0);
    cr_assert_eq(turbo_json_set(object, TURBO_STR("s\0t"), value), 0);
    cr_assert_eq(turbo_json_set(object, TURBO_STR("list"), array), 0);
    cr_assert_eq(turbo_json_set(object, (turbo_str){NULL, 0}, number(3)), 0);
    cr_assert_eq(turbo_json_set(object, TURBO_STR("s\0t"), number(4)), 0);
    expect_text(object, TURBO_STR("{\"s\\u0000t\":4,\"list\":[1,2.0,false,null,\"\"],\"\":3}"));
    turbo_json_unref(object);
    turbo_json_unref(NULL);
}

Test(json, what_cannot_be_built)
{
    turbo_json *array = parse(TURBO_STR("[]"));
    turbo_json *object = parse(TURBO_STR("{}"));
    turbo_json *json = NULL;
    cr_assert_eq(turbo_json_new_real(NAN, &json), TURBO_EINVAL);
    cr_assert_eq(turbo_json_new_real(-INFINITY, &json), TURBO_EINVAL);
    cr_assert_eq(turbo_json_new_string(TURBO_STR("ab\xC0\x80"), &json), TURBO_EINVAL);
    cr_assert_str_eq(turbo_error_detail(), "string is not UTF-8 at byte 2");
    cr_assert_null(json);
    cr_assert_eq(turbo_json_append(array, turbo_json_ref(array)), TURBO_EINVAL);
    cr_assert_eq(turbo_json_set(object, TURBO_STR("x"), turbo_json_ref(object)), TURBO_EINVAL);
    cr_assert_eq(turbo_json_append(object, number(1)), TURBO_ETYPE);
    cr_assert_eq(turbo_json_set(array, TURBO_STR("x"), number(1)), TURBO_ETYPE);
    cr_assert_eq(turbo_json_set(object, TURBO_STR("\xFF"), number(1)), TURBO_EINVAL);
    cr_assert_eq(turbo_json_append(array, NULL), TURBO_ENOMEM);
    cr_assert_eq(turbo_json_set(object, TURBO_STR("x"), NULL), TURBO_ENOMEM);
    expect_text(array, TURBO_STR("[]"));
    expect_text(object, TURBO_STR("{}"));
    turbo_json_unref(array);
    turbo_json_unref(object);
}

static bool same_key(const char *left, const char *right)
{
    turbo_json *a = parse(turbo_cstr(left));
    turbo_json *b = parse(turbo_cstr(right));
    turbo__buf one;
    turbo__buf two;
    turbo__buf_init(&one, SIZE_MAX);
    turbo__buf_init(&two, SIZE_MAX);
    cr_assert_eq(turbo__json_key(&one, a), 0);
    cr_assert_eq(turbo__json_key(&two, b), 0);
    bool same = turbo_str_equal(turbo__buf_view(&one), turbo__buf_view(&two));
    turbo__buf_clear(&one);
    turbo__buf_clear(&two);
    turbo_json_unref(a);
    turbo_json_unref(b);
    return same;
}

Test(json, keys_are_equal_for_equal_values_only)
{
    cr_assert(same_key("1", "1.0"));
    cr_assert(same_key("0", "-0.0"));
    cr_assert(same_key("1e3", "1000"));
    cr_assert(same_key("1e300", "1.0e300"));
    cr_assert(same_key("-9223372036854775808", "-9223372036854775808.0"));
    cr_assert(same_key("{\"a\":1,\"bb\":[2]}", "{\"bb\":[2.0],\"a\":1.0}"));
    cr_assert(same_key("[{},[],null]", " [ {} , [] , null ] "));
    cr_assert(!same_key("9223372036854775807", "9223372036854775808.0"));
    cr_assert(!same_key("9007199254740993", "9007199254740992.0"));
    cr_assert(!same_key("1", "true"));
    cr_assert(!same_key("0", "false"));
    cr_assert(!same_key("null", "false"));
    cr_assert(!same_key("\"1\"", "1"));
    cr_assert(!same_key("[]", "{}"));
    cr_assert(!same_key("[1,2]", "[2,1]"));
    cr_assert(!same_key("[[1],2]", "[1,[2]]"));
    cr_assert(!same_key("[\"a\",\"b\"]", "[\"ab\"]"));
    cr_assert(!same_key("{\"a\":\"b\"}", "{\"ab\":\"\"}"));
    cr_assert(!same_key("{\"a\":1,\"b\":2}", "{\"a\":2,\"b\":1}"));
    cr_assert(!same_key("1.5", "1.25"));
}

/* --- out of memory --------------------------------------------------------- */

/* Jansson's allocator belongs to the application, which this test is: every allocation, its own and
 * ours, can be made to fail. */
static void share_allocator(void)
{
    json_set_alloc_funcs(turbo__alloc, turbo__free);
}

static int parse_and_render(turbo_str text)
{
    turbo_json *json = NULL;
    char *rendered = NULL;
    int rc = turbo_json_parse(text, &json, NULL);
    rc = rc == 0 ? turbo_json_render(json, &rendered, NULL) : rc;
    turbo__buf key;
    turbo__buf_init(&key, SIZE_MAX);
    rc = rc == 0 ? turbo__json_key(&key, json) : rc;
    turbo__buf_clear(&key);
    turbo_json_text_free(rendered);
    turbo_json_unref(json);
    return rc;
}

Test(json, any_allocation_may_fail, .init = share_allocator)
{
    turbo_str text = TURBO_STR(
        "{\"a\":[1,2.5,\"x\\ty\",\"plain\",null,[[]],{}],\"e\\u0073c\":\"\\u00e9\",\"a\":{\"b\":"
        "true},"
        "\"1\":1,\"2\":2,\"3\":3,\"4\":4,\"5\":5,\"6\":6,\"7\":7,\"8\":8,\"9\":9,\"10\":10,\"l\":"
        "[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20]}");
    unsigned long n = 1;
    for (;; n++) {
        (void)turbo__mem_fail_nth(n);
        int rc = parse_and_render(text);
        unsigned long made = turbo__mem_fail_nth(0);
        if (rc == 0) {
            cr_assert(made < n);
            break;
        }
        cr_assert_eq(rc, TURBO_ENOMEM, "allocation %lu: %d", n, rc);
        cr_assert_str_eq(turbo_error_detail(), "out of memory");
    }
    cr_assert(n > 50, "only %lu allocations", n);
}

static int build_some(void)
{
    turbo_json *object = NULL;
    turbo_json *array = NULL;
    turbo_json *text = NULL;
    int rc = turbo_json_new_object(&object);
    if (rc != 0) {
        return rc;
    }
    rc = turbo_json_set(object, TURBO_STR("n"), number(1));
    rc = rc == 0 ? turbo_json_new_array(&array) : rc;
    rc = rc == 0 ? turbo_json_set(object, TURBO_STR("list"), array) : rc;
    rc = rc == 0 ? turbo_json_new_string(TURBO_STR("text"), &text) : rc;
    rc = rc == 0 ? turbo_json_append(array, text) : rc;
    for (int64_t i = 0; rc == 0 && i < 20; i++) {
        rc = turbo_json_append(array, number(i));
    }
    turbo_json_unref(object);
    return rc;
}

Test(json, building_survives_any_failed_allocation, .init = share_allocator)
{
    unsigned long n = 1;
    for (;; n++) {
        (void)turbo__mem_fail_nth(n);
        int rc = build_some();
        (void)turbo__mem_fail_nth(0);
        if (rc == 0) {
            break;
        }
        cr_assert_eq(rc, TURBO_ENOMEM);
    }
    cr_assert(n > 20);
}
