/* SPDX-License-Identifier: MIT */
#include "codec/schema.h"

#include <criterion/criterion.h>
#include <stdio.h>

#include <jansson.h>

#include "base/buf.h"
#include "base/mem.h"

static turbo_schema *compile(const char *text)
{
    turbo_schema *schema = NULL;
    int rc = turbo_schema_compile(turbo_cstr(text), &schema);
    cr_assert_eq(rc, 0, "%s: %s", text, turbo_error_detail());
    return schema;
}

static bool accepts(const turbo_schema *schema, const char *document)
{
    turbo_json *json;
    cr_assert_eq(turbo_json_parse(turbo_cstr(document), &json, NULL), 0, "%s", document);
    int rc = turbo_schema_validate(schema, json, NULL);
    cr_assert(rc == 0 || rc == TURBO_EINVALID, "%s: %d", document, rc);
    turbo_json_unref(json);
    return rc == 0;
}

Test(schema, what_is_wrong_is_named_with_its_place)
{
    static const struct {
        const char *schema;
        const char *detail;
    } cases[] = {
        {"3", "#: must be a schema: an object or a boolean"},
        {"{\"pattern\":\"a\"}", "#/pattern: is not a supported keyword"},
        {"{\"properties\":{\"a/b\":{\"minimum\":\"1\"}}}",
         "#/properties/a~1b/minimum: must be a number"},
        {"{\"$defs\":{\"~\":{\"x\":1}}}", "#/$defs/~0/x: is not a supported keyword"},
        {"{\"type\":\"int\"}", "#/type: is not the name of a type"},
        {"{\"type\":[]}", "#/type: must not be empty"},
        {"{\"type\":[\"string\",7]}", "#/type: must be the name of a type or an array of them"},
        {"{\"anyOf\":[true,{\"allOf\":[]}]}",
         "#/anyOf/1/allOf: must be an array of schemas that is not empty"},
        {"{\"oneOf\":{}}", "#/oneOf: must be an array of schemas that is not empty"},
        {"{\"enum\":1}", "#/enum: must be an array"},
        {"{\"multipleOf\":0}", "#/multipleOf: must be greater than 0"},
        {"{\"multipleOf\":-0.5}", "#/multipleOf: must be greater than 0"},
        {"{\"minLength\":-1}", "#/minLength: must be an integer that is not negative"},
        {"{\"maxItems\":1.5}", "#/maxItems: must be an integer that is not negative"},
        {"{\"minProperties\":\"1\"}", "#/minProperties: must be an integer that is not negative"},
        {"{\"uniqueItems\":1}", "#/uniqueItems: must be a boolean"},
        {"{\"required\":\"a\"}", "#/required: must be an array of strings"},
        {"{\"required\":[1]}", "#/required: must be a string"},
        {"{\"properties\":[]}", "#/properties: must be an object of schemas"},
        {"{\"$defs\":[]}", "#/$defs: must be an object of schemas"},
        {"{\"items\":[true]}", "#/items: must be a schema: an object or a boolean"},
        {"{\"title\":1}", "#/title: must be a string"},
        {"{\"$ref\":1}", "#/$ref: must be a string"},
        {"{\"$id\":1}", "#/$id: must be a string"},
        {"{\"not\":{\"$id\":\"x\"}}", "#/not/$id: is supported at the root only"},
        {"{\"$schema\":\"http://json-schema.org/draft-07/schema#\"}",
         "#/$schema: is not the dialect https://json-schema.org/draft/2020-12/schema"},
        {"{\"$ref\":\"other.json\"}", "$ref \"other.json\" leads out of the document"},
        {"{\"$ref\":\"#here\"}", "$ref \"#here\" is no JSON pointer; anchors are not supported"},
        {"{\"$ref\":\"#/$defs/a\"}", "$ref \"#/$defs/a\" leads nowhere"},
        {"{\"$defs\":{},\"$ref\":\"#/$defs\"}", "$ref \"#/$defs\" does not lead to a schema"},
        {"{\"const\":{},\"$ref\":\"#/const\"}", "$ref \"#/const\" does not lead to a schema"},
        {"{\"anyOf\":[true],\"$ref\":\"#/anyOf/00\"}", "$ref \"#/anyOf/00\" leads nowhere"},
        {"{\"anyOf\":[true],\"$ref\":\"#/anyOf/1\"}", "$ref \"#/anyOf/1\" leads nowhere"},
        {"{\"anyOf\":[true],\"$ref\":\"#/anyOf/99999999999999999999999999\"}",
         "$ref \"#/anyOf/99999999999999999999999999\" leads nowhere"},
        {"{\"$defs\":{\"~2\":true},\"$ref\":\"#/$defs/~2\"}", "$ref \"#/$defs/~2\" leads nowhere"},
        {"{\"$defs\":{\"a\":true},\"$ref\":\"#/$defs/a~\"}", "$ref \"#/$defs/a~\" leads nowhere"},
        {"{\"$ref\":\"#\"}", "a schema refers to itself for the same value"},
        {"{\"allOf\":[{\"anyOf\":[{\"not\":{\"$ref\":\"#/allOf/0\"}}]}]}",
         "a schema refers to itself for the same value"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        turbo_schema *schema = NULL;
        cr_expect_eq(turbo_schema_compile(turbo_cstr(cases[i].schema), &schema), TURBO_ESCHEMA,
                     "%s", cases[i].schema);
        cr_assert_null(schema);
        cr_expect_str_eq(turbo_error_detail(), cases[i].detail);
    }
    turbo_schema *schema = NULL;
    cr_assert_eq(turbo_schema_compile(turbo_cstr("{\"type\":}"), &schema), TURBO_EJSON);
    cr_assert_str_eq(turbo_error_detail(), "Expecting value: byte 8");
}

Test(schema, a_long_place_keeps_its_end)
{
    turbo__buf text;
    turbo__buf_init(&text, 1 << 16);
    for (int i = 0; i < 100; i++) {
        cr_assert_eq(turbo__buf_append(&text, "{\"not\":", 7), 0);
    }
    cr_assert_eq(turbo__buf_append(&text, "{\"x\":1}", 7), 0);
    for (int i = 0; i < 100; i++) {
        cr_assert_eq(turbo__buf_append(&text, "}", 1), 0);
    }
    turbo_schema *schema;
    cr_assert_eq(turbo_schema_compile(turbo__buf_view(&text), &schema), TURBO_ESCHEMA);
    const char *end = strstr(turbo_error_detail(), "/not/not/x: is not a supported keyword");
    cr_assert_not_null(end, "%s", turbo_error_detail());
    turbo__buf_clear(&text);
}

Test(schema, annotations_decide_nothing)
{
    turbo_schema *schema = compile(
        "{\"$schema\":\"https://json-schema.org/draft/2020-12/schema\",\"$id\":\"http://x/y\","
        "\"$comment\":\"c\",\"title\":\"t\",\"description\":\"d\",\"default\":1,\"examples\":[1],"
        "\"deprecated\":true,\"readOnly\":true,\"writeOnly\":false,\"format\":\"date\"}");
    cr_assert(accepts(schema, "\"x\""));
    turbo_schema_unref(schema);
}

Test(schema, references)
{
    turbo_schema *schema = compile(
        "{\"$id\":\"http://x/y#\",\"$defs\":{\"a/b\":{\"type\":\"integer\"},\"c~d\":{\"$ref\":"
        "\"#/$defs/a~1b\"},\"e%f\":{\"$ref\":\"http://x/y#/$defs/c~0d\"}},"
        "\"prefixItems\":[{\"$ref\":\"#/%24defs/e%25f\"},{\"$ref\":\"#/prefixItems/0\"},"
        "{\"$ref\":\"http://x/y\"}]}");
    cr_assert(accepts(schema, "[1,2,[3]]"));
    cr_assert(!accepts(schema, "[1,\"2\"]"));
    cr_assert(!accepts(schema, "[1,2,[\"3\"]]"));
    cr_assert(!accepts(schema, "[\"1\"]"));
    turbo_schema_unref(schema);
}

Test(schema, references_count_ahead_of_their_definition_and_to_booleans)
{
    turbo_schema *schema =
        compile("{\"properties\":{\"no\":{\"$ref\":\"#/$defs/no\"},\"yes\":"
                "{\"$ref\":\"#/$defs/yes\"}},\"$defs\":{\"no\":false,\"yes\":true}}");
    cr_assert(accepts(schema, "{\"yes\":1}"));
    cr_assert(!accepts(schema, "{\"no\":1}"));
    turbo_schema_unref(schema);
}

static void append(turbo__buf *buf, const char *before, int number, const char *after)
{
    char digits[16];
    (void)snprintf(digits, sizeof(digits), "%d", number);
    cr_assert_eq(turbo__buf_append_str(buf, turbo_cstr(before)), 0);
    cr_assert_eq(turbo__buf_append_str(buf, turbo_cstr(digits)), 0);
    cr_assert_eq(turbo__buf_append_str(buf, turbo_cstr(after)), 0);
}

/* A chain of `count` references, each between `before` and `after`, then a type. */
static int compile_chain(int count, const char *before, const char *after, turbo_schema **out)
{
    turbo__buf text;
    turbo__buf_init(&text, 1 << 24);
    append(&text, "{\"$ref\":\"#/$defs/", 0, "\",\"$defs\":{");
    for (int i = 0; i < count; i++) {
        append(&text, "\"", i, "\":");
        cr_assert_eq(turbo__buf_append_str(&text, turbo_cstr(before)), 0);
        append(&text, "{\"$ref\":\"#/$defs/", i + 1, "\"}");
        cr_assert_eq(turbo__buf_append_str(&text, turbo_cstr(after)), 0);
        cr_assert_eq(turbo__buf_append(&text, ",", 1), 0);
    }
    append(&text, "\"", count, "\":{\"type\":\"string\"}}}");
    int rc = turbo_schema_compile(turbo__buf_view(&text), out);
    turbo__buf_clear(&text);
    return rc;
}

Test(schema, chains_of_references_for_one_value_are_bounded)
{
    turbo_schema *schema = NULL;
    cr_assert_eq(compile_chain(TURBO__SCHEMA_CHAIN_MAX - 2, "", "", &schema), 0);
    cr_assert(accepts(schema, "\"x\""));
    cr_assert(!accepts(schema, "1"));
    turbo_schema_unref(schema);
    schema = NULL;
    cr_assert_eq(compile_chain(TURBO__SCHEMA_CHAIN_MAX - 1, "", "", &schema), TURBO_ESCHEMA);
    cr_assert_eq(compile_chain(50000, "", "", &schema), TURBO_ESCHEMA);
    cr_assert_null(schema);
}

Test(schema, a_long_chain_through_members_needs_no_stack)
{
    turbo_schema *schema = NULL;
    cr_assert_eq(compile_chain(50000, "{\"items\":", "}", &schema), 0);
    cr_assert(!schema->recursive);
    cr_assert(accepts(schema, "[[[]]]"));
    turbo_schema_unref(schema);
}

Test(schema, knows_whether_it_is_recursive)
{
    turbo_schema *schema = compile("{\"items\":{\"$ref\":\"#\"}}");
    cr_assert(schema->recursive);
    cr_assert(schema->root->shared);
    turbo_schema_unref(schema);
    schema = compile("{\"$defs\":{\"a\":{\"type\":\"string\"}},\"items\":{\"$ref\":\"#/$defs/a\"},"
                     "\"additionalProperties\":{\"$ref\":\"#/$defs/a\"}}");
    cr_assert(!schema->recursive);
    turbo_schema_unref(schema);
    schema = compile("{\"$defs\":{\"unused\":{\"items\":{\"$ref\":\"#/$defs/unused\"}}}}");
    cr_assert(!schema->recursive);
    turbo_schema_unref(schema);
}

Test(schema, references_are_counted)
{
    turbo_schema *schema = compile("true");
    cr_assert_eq(turbo_schema_ref(schema), schema);
    turbo_schema_unref(schema);
    cr_assert(accepts(schema, "1"));
    turbo_schema_unref(schema);
    turbo_schema_unref(NULL);
}

/* The application's side of jansson's allocator; see test_json.c. */
static void share_allocator(void)
{
    json_set_alloc_funcs(turbo__alloc, turbo__free);
}

/* Compiles with the n-th allocation failing, for every n; returns how many there are. */
static unsigned long fail_each(turbo_str text)
{
    for (unsigned long n = 1;; n++) {
        turbo_schema *schema = NULL;
        (void)turbo__mem_fail_nth(n);
        int rc = turbo_schema_compile(text, &schema);
        unsigned long made = turbo__mem_fail_nth(0);
        if (made < n) {
            cr_assert_eq(rc, 0);
            turbo_schema_unref(schema);
            return made;
        }
        cr_assert_eq(rc, TURBO_ENOMEM, "allocation %lu: %d %s", n, rc, turbo_error_detail());
        cr_assert_null(schema);
    }
}

/* A title of growing length moves every piece of the schema to where the arena needs a new block.
 */
Test(schema, any_allocation_may_fail, .init = share_allocator)
{
    static const char rest[] =
        "\",\"$id\":\"http://x\",\"type\":\"object\",\"required\":[\"a\",\"b\"],\"properties\":{"
        "\"a\":{\"enum\":[\"x\",1,null,[2]],\"const\":\"x\"},\"b\":{\"$ref\":\"#/$defs/"
        "%62\"},\"c\":"
        "{\"prefixItems\":[true,false],\"items\":{\"minimum\":1,\"multipleOf\":0.5}},\"d\":{"
        "\"anyOf\":["
        "{\"$ref\":\"http://x#/$defs/"
        "~0\"},{\"not\":{}}]}},\"$defs\":{\"b\":{\"items\":{\"$ref\":\"#\"}},"
        "\"~\":{\"oneOf\":[true],\"allOf\":[true]}},\"additionalProperties\":false}";
    for (size_t length = 0; length < 4100; length += 23) {
        turbo__buf text;
        turbo__buf_init(&text, 1 << 16);
        cr_assert_eq(turbo__buf_append_str(&text, TURBO_STR("{\"title\":\"")), 0);
        cr_assert_eq(turbo__buf_reserve(&text, length), 0);
        memset(text.data + text.len, 't', length);
        text.len += length;
        cr_assert_eq(turbo__buf_append_str(&text, turbo_cstr(rest)), 0);
        cr_assert(fail_each(turbo__buf_view(&text)) > 50);
        turbo__buf_clear(&text);
    }
}
