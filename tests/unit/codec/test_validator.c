/* SPDX-License-Identifier: MIT */
#include "codec/validator.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include <jansson.h>

#include "base/buf.h"
#include "base/mem.h"
#include "codec/schema.h"

static turbo_json *parse(turbo_str text)
{
    turbo_json *json = NULL;
    cr_assert_eq(turbo_json_parse(text, &json, NULL), 0, "%s", turbo_error_detail());
    return json;
}

static turbo_schema *compile(const char *text)
{
    turbo_schema *schema = NULL;
    cr_assert_eq(turbo_schema_compile(turbo_cstr(text), &schema), 0, "%s", turbo_error_detail());
    return schema;
}

static char *render(const turbo_json *json)
{
    char *text;
    cr_assert_eq(turbo_json_render(json, &text, NULL), 0);
    return text;
}

static turbo_json *member(const turbo_json *json, const char *name)
{
    turbo_json *value = NULL;
    cr_assert_eq(turbo_json_member(json, turbo_cstr(name), &value), 0, "%s", name);
    return value;
}

/* --- errors ---------------------------------------------------------------- */

/* Validates and compares the rendered errors; "null" stands for none. */
static void check_case(const turbo_json *test)
{
    char *schema_text = render(member(test, "schema"));
    char *expected = render(member(test, "errors"));
    turbo_schema *schema = compile(schema_text);
    turbo_json *errors = NULL;
    bool valid = strcmp(expected, "null") == 0;
    int rc = turbo_schema_validate(schema, member(test, "document"), &errors);
    cr_expect_eq(rc, valid ? 0 : TURBO_EINVALID, "%s: %d", schema_text, rc);
    cr_expect_eq(errors == NULL, valid);
    if (errors != NULL) {
        char *actual = render(errors);
        cr_expect_str_eq(actual, expected, "%s:\n%s\n%s", schema_text, actual, expected);
        turbo_json_text_free(actual);
        turbo_json_unref(errors);
    }
    rc = turbo_schema_validate(schema, member(test, "document"), NULL);
    cr_expect_eq(rc, valid ? 0 : TURBO_EINVALID, "%s: %d", schema_text, rc);
    turbo_schema_unref(schema);
    turbo_json_text_free(schema_text);
    turbo_json_text_free(expected);
}

static turbo_json *read_golden(const char *name)
{
    const char *folder = getenv("TURBO_GOLDEN_DIR");
    cr_assert_not_null(folder, "TURBO_GOLDEN_DIR is not set");
    char path[1024];
    cr_assert((size_t)snprintf(path, sizeof(path), "%s/%s", folder, name) < sizeof(path));
    FILE *file = fopen(path, "rb");
    cr_assert_not_null(file, "%s", path);
    turbo__buf text;
    turbo__buf_init(&text, 1 << 20);
    cr_assert_eq(turbo__buf_reserve(&text, 1 << 20), 0);
    text.len = fread(text.data, 1, 1 << 20, file);
    (void)fclose(file); /* it was only read */
    turbo_json *json = parse(turbo__buf_view(&text));
    turbo__buf_clear(&text);
    return json;
}

/* Where pydantic has the same constraint, the expected errors are those that it wrote. */
Test(validator, errors_are_those_of_the_golden_cases)
{
    turbo_json *cases = read_golden("schema/errors.json");
    size_t count = turbo_json_size(cases);
    cr_assert(count > 70, "%zu", count);
    for (size_t i = 0; i < count; i++) {
        turbo_json *test;
        cr_assert_eq(turbo_json_at(cases, i, &test), 0);
        check_case(test);
    }
    turbo_json_unref(cases);
}

Test(validator, input_is_shared_with_the_document)
{
    turbo_schema *schema = compile("{\"properties\":{\"a\":{\"type\":\"string\"}}}");
    turbo_json *document = parse(TURBO_STR("{\"a\":{\"big\":[1,2,3]}}"));
    turbo_json *errors = NULL;
    cr_assert_eq(turbo_schema_validate(schema, document, &errors), TURBO_EINVALID);
    cr_assert_str_eq(turbo_error_detail(), "the document does not satisfy the schema");
    turbo_json *error;
    cr_assert_eq(turbo_json_at(errors, 0, &error), 0);
    cr_assert_eq(member(error, "input"), member(document, "a"));
    turbo_json_unref(document);
    char *text = render(errors); /* still whole */
    cr_assert_not_null(strstr(text, "\"input\":{\"big\":[1,2,3]}"));
    turbo_json_text_free(text);
    turbo_json_unref(errors);
    turbo_schema_unref(schema);
}

/* --- limits ---------------------------------------------------------------- */

static turbo_str repeat(turbo__buf *buf, const char *before, size_t count, const char *middle,
                        const char *after)
{
    turbo__buf_init(buf, 1 << 24);
    for (size_t i = 0; i < count; i++) {
        cr_assert_eq(turbo__buf_append_str(buf, turbo_cstr(before)), 0);
    }
    cr_assert_eq(turbo__buf_append_str(buf, turbo_cstr(middle)), 0);
    for (size_t i = 0; i < count; i++) {
        cr_assert_eq(turbo__buf_append_str(buf, turbo_cstr(after)), 0);
    }
    return turbo__buf_view(buf);
}

static turbo_json *nest(turbo_json *inner, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        turbo_json *outer;
        cr_assert_eq(turbo_json_new_array(&outer), 0);
        cr_assert_eq(turbo_json_append(outer, inner), 0);
        inner = outer;
    }
    return inner;
}

Test(validator, documents_may_be_nested_512_deep)
{
    turbo_schema *schema = compile("{\"type\":[\"array\",\"integer\"],\"items\":{\"$ref\":\"#\"}}");
    turbo_json *value;
    turbo_json *errors = NULL;
    cr_assert_eq(turbo_json_new_string(TURBO_STR("x"), &value), 0);
    turbo_json *document = nest(value, 512);
    cr_assert_eq(turbo_schema_validate(schema, document, &errors), TURBO_EINVALID);
    turbo_json *error;
    cr_assert_eq(turbo_json_at(errors, 0, &error), 0);
    cr_assert_eq(turbo_json_size(member(error, "loc")), 513u); /* the last is the type's name */
    turbo_json_unref(errors);
    errors = NULL;
    document = nest(document, 1);
    cr_assert_eq(turbo_schema_validate(schema, document, &errors), TURBO_ELIMIT);
    cr_assert_null(errors);
    cr_assert_eq(turbo_schema_validate(schema, document, NULL), TURBO_ELIMIT);
    turbo_json_unref(document);
    turbo_schema_unref(schema);
}

Test(validator, keys_of_documents_nested_too_deeply)
{
    turbo_schema *unique = compile("{\"uniqueItems\":true}");
    turbo_schema *constant = compile("{\"const\":[1]}");
    turbo_json *value;
    cr_assert_eq(turbo_json_new_array(&value), 0);
    turbo_json *document = nest(value, 600);
    cr_assert_eq(turbo_json_append(document, parse(TURBO_STR("1"))), 0);
    cr_assert_eq(turbo_schema_validate(unique, document, NULL), TURBO_ELIMIT);
    cr_assert_eq(turbo_schema_validate(constant, document, NULL), TURBO_ELIMIT);
    turbo_json_unref(document);
    turbo_schema_unref(unique);
    turbo_schema_unref(constant);
}

/* Five schemas for each level of the document, 512 levels. */
Test(validator, the_recursion_is_bounded_whatever_the_schema_is)
{
    turbo_schema *schema = compile(
        "{\"allOf\":[{\"anyOf\":[{\"oneOf\":[{\"allOf\":[{\"items\":{\"$ref\":\"#\"}}]}]}]}]}");
    turbo__buf text;
    turbo_json *document = parse(repeat(&text, "[", 300, "", "]"));
    turbo__buf_clear(&text);
    cr_assert_eq(turbo_schema_validate(schema, document, NULL), 0);
    turbo_json_unref(document);
    document = parse(repeat(&text, "[", 512, "", "]"));
    turbo__buf_clear(&text);
    cr_assert_eq(turbo_schema_validate(schema, document, NULL), TURBO_ELIMIT);
    turbo_json_unref(document);
    turbo_schema_unref(schema);
}

Test(validator, reports_a_thousand_errors_at_most)
{
    turbo_schema *schema = compile("{\"items\":{\"type\":\"string\"}}");
    turbo__buf text;
    repeat(&text, "[", 1, "0", "");
    for (int i = 0; i < 5000; i++) {
        cr_assert_eq(turbo__buf_append(&text, ",0", 2), 0);
    }
    cr_assert_eq(turbo__buf_append(&text, "]", 1), 0);
    turbo_json *document = parse(turbo__buf_view(&text));
    turbo__buf_clear(&text);
    turbo_json *errors = NULL;
    cr_assert_eq(turbo_schema_validate(schema, document, &errors), TURBO_EINVALID);
    cr_assert_eq(turbo_json_size(errors), TURBO__VALIDATOR_ERRORS_MAX);
    turbo_json_unref(errors);
    turbo_json_unref(document);
    turbo_schema_unref(schema);
}

/* Both branches ask about the same member, so that without memory the work doubles with every
 * level: this test would not end. */
static void check_doubling(const char *text, const char *leaf, int expected)
{
    turbo_schema *schema = compile(text);
    turbo__buf buf;
    turbo_json *document = parse(repeat(&buf, "{\"n\":", 400, leaf, "}"));
    turbo__buf_clear(&buf);
    cr_expect_eq(turbo_schema_validate(schema, document, NULL), expected, "%s", text);
    turbo_json *errors = NULL;
    cr_expect_eq(turbo_schema_validate(schema, document, &errors), expected, "%s", text);
    if (errors != NULL) {
        cr_expect(turbo_json_size(errors) > 0);
        turbo_json_unref(errors);
    }
    turbo_json_unref(document);
    turbo_schema_unref(schema);
}

Test(validator, no_document_makes_the_work_exponential)
{
    static const char *const schemas[] = {
        "{\"anyOf\":[{\"properties\":{\"n\":{\"$ref\":\"#\"}},\"required\":[\"n\",\"x\"],\"type\":"
        "\"object\"},"
        "{\"properties\":{\"n\":{\"$ref\":\"#\"}},\"type\":\"object\"}]}",
        "{\"allOf\":[{\"properties\":{\"n\":{\"$ref\":\"#\"}}},{\"additionalProperties\":{\"$ref\":"
        "\"#\"}}],\"type\":\"object\"}",
        "{\"oneOf\":[{\"properties\":{\"n\":{\"$ref\":\"#\"}},\"type\":\"object\"},"
        "{\"properties\":{\"n\":{\"$ref\":\"#\"}},\"required\":[\"x\"],\"type\":\"object\"}]}",
        "{\"$defs\":{\"a\":{\"type\":\"object\",\"properties\":{\"n\":{\"anyOf\":[{\"$ref\":\"#/"
        "$defs/a\"},"
        "{\"$ref\":\"#/$defs/b\"}]}}},\"b\":{\"type\":\"object\",\"properties\":{\"n\":{\"anyOf\":["
        "{\"$ref\":\"#/$defs/b\"},{\"$ref\":\"#/$defs/a\"}]}}}},\"$ref\":\"#/$defs/a\"}",
    };
    for (size_t i = 0; i < sizeof(schemas) / sizeof(schemas[0]); i++) {
        check_doubling(schemas[i], "{}", 0);
        check_doubling(schemas[i], "1", TURBO_EINVALID);
        check_doubling(schemas[i], "{\"n\":[]}", TURBO_EINVALID);
    }
}

Test(validator, many_unique_items)
{
    turbo_schema *schema = compile("{\"uniqueItems\":true}");
    turbo__buf text;
    turbo__buf_init(&text, 1 << 24);
    cr_assert_eq(turbo__buf_append(&text, "[", 1), 0);
    for (int i = 0; i < 100000; i++) {
        char item[64];
        int len = snprintf(item, sizeof(item), "{\"k\":[%d,\"%d\"]},", i, i);
        cr_assert_eq(turbo__buf_append(&text, item, (size_t)len), 0);
    }
    size_t len = text.len;
    cr_assert_eq(turbo__buf_append(&text, "0]", 2), 0);
    turbo_json *document = parse(turbo__buf_view(&text));
    cr_assert_eq(turbo_schema_validate(schema, document, NULL), 0);
    turbo_json_unref(document);
    text.len = len;
    cr_assert_eq(turbo__buf_append_str(&text, TURBO_STR("{\"k\":[7.0,\"7\"]}]")), 0);
    document = parse(turbo__buf_view(&text));
    cr_assert_eq(turbo_schema_validate(schema, document, NULL), TURBO_EINVALID);
    turbo_json_unref(document);
    turbo__buf_clear(&text);
    turbo_schema_unref(schema);
}

/* --- threads --------------------------------------------------------------- */

static const char EVERYTHING[] =
    "{\"$ref\":\"#/$defs/"
    "node\",\"$defs\":{\"node\":{\"title\":\"Node\",\"type\":\"object\",\"required\":[\"id\"],"
    "\"properties\":{\"id\":{\"type\":\"integer\",\"minimum\":1},\"name\":{\"type\":[\"string\","
    "\"boolean\"],"
    "\"minLength\":2},\"kind\":{\"enum\":[\"a\",\"b\"]},\"tags\":{\"uniqueItems\":true,"
    "\"maxItems\":4,"
    "\"prefixItems\":[{\"const\":1}]},\"next\":{\"anyOf\":[{\"$ref\":\"#/$defs/"
    "node\"},{\"type\":\"null\"}]},"
    "\"one\":{\"oneOf\":[{\"multipleOf\":0.5},{\"maximum\":9}]}},\"additionalProperties\":false,"
    "\"not\":{\"required\":[\"evil\"]}}}}";
static const char BROKEN[] = "{\"name\":1,\"kind\":\"c\",\"tags\":[1,2,2],\"evil\":1,\"one\":1,"
                             "\"next\":{\"id\":0,\"name\":\"x\",\"tags\":[2],"
                             "\"next\":{\"id\":1,\"next\":null,\"one\":2.25}}}";

typedef struct shared {
    const turbo_schema *schema;
    const turbo_json *document;
    char *expected;
} shared;

static void *validate_often(void *user_data)
{
    static char wrong_answer[] = "wrong answer";
    static char other_errors[] = "other errors";
    const shared *self = user_data;
    for (int i = 0; i < 200; i++) {
        turbo_json *errors = NULL;
        if (turbo_schema_validate(self->schema, self->document, &errors) != TURBO_EINVALID) {
            return wrong_answer;
        }
        char *text = render(errors);
        bool same = strcmp(text, self->expected) == 0;
        turbo_json_text_free(text);
        turbo_json_unref(errors);
        if (!same) {
            return other_errors;
        }
    }
    return NULL;
}

Test(validator, threads_share_a_schema_and_a_document)
{
    turbo_schema *schema = compile(EVERYTHING);
    turbo_json *document = parse(TURBO_STR(BROKEN));
    turbo_json *errors = NULL;
    cr_assert_eq(turbo_schema_validate(schema, document, &errors), TURBO_EINVALID);
    shared self = {schema, document, render(errors)};
    turbo_json_unref(errors);
    pthread_t threads[4];
    for (size_t i = 0; i < 4; i++) {
        cr_assert_eq(pthread_create(&threads[i], NULL, validate_often, &self), 0);
    }
    for (size_t i = 0; i < 4; i++) {
        void *problem;
        cr_assert_eq(pthread_join(threads[i], &problem), 0);
        cr_assert_null(problem, "%s", (const char *)problem);
    }
    turbo_json_text_free(self.expected);
    turbo_json_unref(document);
    turbo_schema_unref(schema);
}

/* --- out of memory --------------------------------------------------------- */

/* The application's side of jansson's allocator; see test_json.c. */
static void share_allocator(void)
{
    json_set_alloc_funcs(turbo__alloc, turbo__free);
}

static unsigned long fail_each(const turbo_schema *schema, const turbo_json *document, bool report,
                               int expected)
{
    for (unsigned long n = 1;; n++) {
        turbo_json *errors = NULL;
        (void)turbo__mem_fail_nth(n);
        int rc = turbo_schema_validate(schema, document, report ? &errors : NULL);
        unsigned long made = turbo__mem_fail_nth(0);
        turbo_json_unref(errors);
        if (made < n) {
            cr_assert_eq(rc, expected);
            return n;
        }
        cr_assert_eq(rc, TURBO_ENOMEM, "allocation %lu: %d", n, rc);
        cr_assert_null(errors);
    }
}

Test(validator, any_allocation_may_fail, .init = share_allocator)
{
    turbo_schema *schema = compile(EVERYTHING);
    turbo_json *broken = parse(TURBO_STR(BROKEN));
    turbo_json *good =
        parse(TURBO_STR("{\"id\":1,\"kind\":\"a\",\"tags\":[1,2],\"next\":{\"id\":2}}"));
    cr_assert(fail_each(schema, broken, true, TURBO_EINVALID) > 100);
    (void)fail_each(schema, broken, false, TURBO_EINVALID); /* may need no memory at all */
    cr_assert(fail_each(schema, good, true, 0) > 4);
    cr_assert(fail_each(schema, good, false, 0) > 3);
    turbo_json_unref(broken);
    turbo_json_unref(good);
    turbo_schema_unref(schema);
}
