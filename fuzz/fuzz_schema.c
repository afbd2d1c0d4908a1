/* SPDX-License-Identifier: MIT */
#include "codec/schema.h"

#include "base/str.h"
#include "codec/validator.h"
#include "target.h"

static void check_errors(const turbo_json *errors)
{
    size_t count = turbo_json_size(errors);
    FUZZ_CHECK(count > 0 && count <= TURBO__VALIDATOR_ERRORS_MAX);
    for (size_t i = 0; i < count; i++) {
        turbo_json *error;
        turbo_json *member;
        FUZZ_CHECK(turbo_json_at(errors, i, &error) == 0);
        FUZZ_CHECK(turbo_json_member(error, TURBO_STR("type"), &member) == 0);
        FUZZ_CHECK(turbo_json_member(error, TURBO_STR("loc"), &member) == 0);
        FUZZ_CHECK(turbo_json_member(error, TURBO_STR("msg"), &member) == 0);
        FUZZ_CHECK(turbo_json_member(error, TURBO_STR("input"), &member) == 0);
    }
}

static void check_document(const turbo_schema *schema, const turbo_json *document)
{
    turbo_json *errors = NULL;
    int quick = turbo_schema_validate(schema, document, NULL);
    int full = turbo_schema_validate(schema, document, &errors);
    if (quick == TURBO_ELIMIT || full == TURBO_ELIMIT) {
        FUZZ_CHECK(full == TURBO_EINVALID || errors == NULL);
        turbo_json_unref(errors); /* which error is met first differs */
        return;
    }
    FUZZ_CHECK(quick == full && (full == 0 || full == TURBO_EINVALID));
    FUZZ_CHECK((errors != NULL) == (full == TURBO_EINVALID));
    if (errors != NULL) {
        check_errors(errors);
        turbo_json_unref(errors);
    }
}

/* The input is a schema, a NUL byte, and a document. Whether errors are wanted does not change the
 * answer. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    turbo_str input = {(const char *)data, size};
    size_t at;
    if (!turbo__str_find(input, '\0', &at)) {
        return 0;
    }
    turbo_schema *schema = NULL;
    int rc = turbo_schema_compile(turbo__str_slice(input, 0, at), &schema);
    if (rc != 0) {
        FUZZ_CHECK((rc == TURBO_EJSON || rc == TURBO_ESCHEMA) && schema == NULL);
        return 0;
    }
    turbo_json *document;
    if (turbo_json_parse(turbo__str_slice(input, at + 1, size), &document, NULL) == 0) {
        check_document(schema, document);
        turbo_json_unref(document);
    }
    turbo_schema_unref(schema);
    return 0;
}
