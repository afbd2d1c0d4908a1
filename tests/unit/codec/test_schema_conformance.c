/* SPDX-License-Identifier: MIT */

/*
 * The JSON Schema test suite for draft 2020-12, jsonschema/tests/draft2020-12 under
 * $TURBO_CONFORMANCE_DIR. A schema may be refused, with TURBO_ESCHEMA, for a keyword or a kind of
 * reference that is not supported; how many are, in which file, is fixed below. One that is
 * compiled must give every answer that the suite wants.
 */

#include "codec/schema.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"

/* Every file of the suite but optional/bignum, which has numbers beyond 64 bits; how many schemas
 * it has, and how many of them are refused. */
static const struct {
    const char *name;
    size_t groups;
    size_t refused;
} FILES[] = {
    {"additionalProperties", 9, 4},
    {"allOf", 12, 0},
    {"anchor", 4, 4},
    {"anyOf", 8, 0},
    {"boolean_schema", 2, 0},
    {"const", 17, 0},
    {"contains", 7, 7},
    {"content", 4, 4},
    {"default", 3, 0},
    {"defs", 1, 1},
    {"dependentRequired", 4, 4},
    {"dependentSchemas", 4, 4},
    {"dynamicRef", 21, 21},
    {"enum", 15, 0},
    {"exclusiveMaximum", 1, 0},
    {"exclusiveMinimum", 1, 0},
    {"format", 19, 0},
    {"if-then-else", 12, 12},
    {"infinite-loop-detection", 1, 0},
    {"items", 10, 0},
    {"maxContains", 5, 5},
    {"maxItems", 2, 0},
    {"maxLength", 2, 0},
    {"maxProperties", 3, 0},
    {"maximum", 2, 0},
    {"minContains", 8, 8},
    {"minItems", 2, 0},
    {"minLength", 2, 0},
    {"minProperties", 2, 0},
    {"minimum", 2, 0},
    {"multipleOf", 5, 0},
    {"not", 9, 1},
    {"oneOf", 11, 0},
    {"pattern", 3, 3},
    {"patternProperties", 6, 6},
    {"prefixItems", 4, 0},
    {"properties", 6, 1},
    {"propertyNames", 6, 6},
    {"ref", 36, 15},
    {"refRemote", 15, 15},
    {"required", 5, 0},
    {"type", 11, 0},
    {"unevaluatedItems", 29, 29},
    {"unevaluatedProperties", 44, 44},
    {"uniqueItems", 6, 0},
    {"vocabulary", 2, 2},
    {"optional/anchor", 1, 1},
    {"optional/cross-draft", 1, 1},
    {"optional/dependencies-compatibility", 7, 7},
    {"optional/dynamicRef", 1, 1},
    {"optional/ecmascript-regex", 20, 20},
    {"optional/float-overflow", 1, 0},
    {"optional/format-assertion", 2, 2},
    {"optional/id", 1, 1},
    {"optional/no-schema", 1, 0},
    {"optional/non-bmp-regex", 2, 2},
    {"optional/refOfUnknownKeyword", 5, 5},
    {"optional/unknownKeyword", 1, 1},
};

static turbo_json *member(const turbo_json *json, const char *name)
{
    turbo_json *value = NULL;
    cr_assert_eq(turbo_json_member(json, turbo_cstr(name), &value), 0, "%s", name);
    return value;
}

static const char *text_member(const turbo_json *json, const char *name)
{
    turbo_str text = {NULL, 0};
    cr_assert_eq(turbo_json_get_string(member(json, name), &text), 0);
    return text.data; /* NUL-terminated by the library that keeps it, good enough for a message */
}

static turbo_json *read_json(const char *path)
{
    FILE *file = fopen(path, "rb");
    cr_assert_not_null(file, "%s", path);
    turbo__buf buf;
    turbo__buf_init(&buf, 1 << 24);
    char chunk[4096];
    for (size_t got = 1; got > 0;) {
        got = fread(chunk, 1, sizeof(chunk), file);
        cr_assert_eq(turbo__buf_append(&buf, chunk, got), 0);
    }
    (void)fclose(file); /* it was only read */
    turbo_json *json = NULL;
    cr_assert_eq(turbo_json_parse(turbo__buf_view(&buf), &json, NULL), 0, "%s: %s", path,
                 turbo_error_detail());
    turbo__buf_clear(&buf);
    return json;
}

static void check_test(const turbo_schema *schema, const turbo_json *test, const char *place)
{
    bool valid = false;
    cr_assert_eq(turbo_json_get_bool(member(test, "valid"), &valid), 0);
    int wanted = valid ? 0 : TURBO_EINVALID;
    const turbo_json *data = member(test, "data");
    const char *what = text_member(test, "description");
    int rc = turbo_schema_validate(schema, data, NULL);
    cr_expect_eq(rc, wanted, "%s: %s: %d", place, what, rc);
    turbo_json *errors = NULL;
    rc = turbo_schema_validate(schema, data, &errors);
    cr_expect_eq(rc, wanted, "%s: %s: %d with errors", place, what, rc);
    cr_expect_eq(errors != NULL, rc == TURBO_EINVALID);
    if (errors != NULL) {
        cr_expect_gt(turbo_json_size(errors), 0u, "%s: %s", place, what);
        turbo_json_unref(errors);
    }
}

/* Returns whether the schema was refused. */
static bool check_group(const turbo_json *group, const char *file)
{
    char place[512];
    (void)snprintf(place, sizeof(place), "%s: %s", file, text_member(group, "description"));
    char *text;
    size_t length;
    cr_assert_eq(turbo_json_render(member(group, "schema"), &text, &length), 0);
    turbo_schema *schema = NULL;
    int rc = turbo_schema_compile((turbo_str){text, length}, &schema);
    turbo_json_text_free(text);
    if (rc != 0) {
        cr_expect_eq(rc, TURBO_ESCHEMA, "%s: %d", place, rc);
        cr_log_info("refused: %s: %s", place, turbo_error_detail());
        return true;
    }
    const turbo_json *tests = member(group, "tests");
    for (size_t i = 0; i < turbo_json_size(tests); i++) {
        turbo_json *test;
        cr_assert_eq(turbo_json_at(tests, i, &test), 0);
        check_test(schema, test, place);
    }
    turbo_schema_unref(schema);
    return false;
}

Test(schema_conformance, draft_2020_12)
{
    const char *base = getenv("TURBO_CONFORMANCE_DIR");
    if (base == NULL || base[0] == '\0') {
        cr_skip_test("TURBO_CONFORMANCE_DIR is not set");
    }
    for (size_t i = 0; i < sizeof(FILES) / sizeof(FILES[0]); i++) {
        char path[1024];
        int len = snprintf(path, sizeof(path), "%s/jsonschema/tests/draft2020-12/%s.json", base,
                           FILES[i].name);
        cr_assert((size_t)len < sizeof(path));
        turbo_json *groups = read_json(path);
        size_t refused = 0;
        for (size_t k = 0; k < turbo_json_size(groups); k++) {
            turbo_json *group;
            cr_assert_eq(turbo_json_at(groups, k, &group), 0);
            refused += check_group(group, FILES[i].name);
        }
        cr_expect_eq(turbo_json_size(groups), FILES[i].groups, "%s: %zu schemas", FILES[i].name,
                     turbo_json_size(groups));
        cr_expect_eq(refused, FILES[i].refused, "%s: %zu refused", FILES[i].name, refused);
        turbo_json_unref(groups);
    }
}
