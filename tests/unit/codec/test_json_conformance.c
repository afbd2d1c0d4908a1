/* SPDX-License-Identifier: MIT */

/*
 * The files of a JSON parsing test suite, json/test_parsing under $TURBO_CONFORMANCE_DIR: names
 * that start with y_ must be accepted, n_ refused; for i_, where RFC 8259 leaves the choice, the
 * table says what is chosen here.
 */

#include "codec/json.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"

/* Of the i_ files, these are accepted. Not accepted are: reals too large for a double and integers
 * beyond 64 bits (both could not be given back), lone surrogates and other ill-formed UTF-8
 * (neither), other encodings, and a byte order mark. */
static const char *const ACCEPTED[] = {
    "i_number_double_huge_neg_exp.json", /* 0.0 */
    "i_number_real_underflow.json",      /* 0.0 */
    "i_structure_500_nested_arrays.json",
};

static bool is_accepted_choice(const char *name)
{
    for (size_t i = 0; i < sizeof(ACCEPTED) / sizeof(ACCEPTED[0]); i++) {
        if (strcmp(name, ACCEPTED[i]) == 0) {
            return true;
        }
    }
    return false;
}

/* In memory of the exact size, so that a sanitizer sees an access behind it. */
static turbo_str read_file(const char *folder, const char *name)
{
    char path[1024];
    cr_assert((size_t)snprintf(path, sizeof(path), "%s/%s", folder, name) < sizeof(path));
    FILE *file = fopen(path, "rb");
    cr_assert_not_null(file, "%s", path);
    cr_assert_eq(fseek(file, 0, SEEK_END), 0);
    long size = ftell(file);
    cr_assert(size >= 0);
    rewind(file);
    char *data = turbo__alloc((size_t)size);
    cr_assert_eq(fread(data, 1, (size_t)size, file), (size_t)size);
    (void)fclose(file); /* it was only read */
    return (turbo_str){data, (size_t)size};
}

/* What was accepted must also come back: its text is parsed and written again, with the same
 * result. */
static void expect_stable(const turbo_json *json, const char *name)
{
    char *first;
    char *second;
    size_t length;
    turbo_json *again;
    cr_assert_eq(turbo_json_render(json, &first, &length), 0, "%s", name);
    cr_assert_eq(turbo_json_parse((turbo_str){first, length}, &again, NULL), 0, "%s", name);
    cr_assert_eq(turbo_json_render(again, &second, NULL), 0, "%s", name);
    cr_assert_str_eq(first, second, "%s", name);
    turbo_json_text_free(first);
    turbo_json_text_free(second);
    turbo_json_unref(again);
}

static void check_file(const char *folder, const char *name)
{
    turbo_str text = read_file(folder, name);
    turbo_json *json = NULL;
    size_t offset = SIZE_MAX;
    int rc = turbo_json_parse(text, &json, &offset);
    bool wanted = name[0] == 'y' || (name[0] == 'i' && is_accepted_choice(name));
    cr_expect_eq(rc, wanted ? 0 : TURBO_EJSON, "%s: %d", name, rc);
    if (rc == 0) {
        expect_stable(json, name);
        turbo_json_unref(json);
    } else {
        cr_expect(offset <= text.len, "%s", name);
    }
    turbo__free((char *)(uintptr_t)text.data);
}

Test(json_conformance, test_parsing)
{
    const char *base = getenv("TURBO_CONFORMANCE_DIR");
    if (base == NULL || base[0] == '\0') {
        cr_skip_test("TURBO_CONFORMANCE_DIR is not set");
    }
    char folder[512];
    cr_assert((size_t)snprintf(folder, sizeof(folder), "%s/json/test_parsing", base) <
              sizeof(folder));
    DIR *files = opendir(folder);
    cr_assert_not_null(files, "%s cannot be read", folder);
    size_t seen[3] = {0, 0, 0};
    for (struct dirent *file = readdir(files); file != NULL; file = readdir(files)) {
        const char *kinds = "yni";
        const char *kind = file->d_name[1] == '_' ? strchr(kinds, file->d_name[0]) : NULL;
        if (kind != NULL) {
            check_file(folder, file->d_name);
            seen[kind - kinds]++;
        }
    }
    (void)closedir(files); /* it was only read */
    cr_log_info("%zu valid, %zu invalid, %zu undecided texts", seen[0], seen[1], seen[2]);
    cr_assert(seen[0] >= 90 && seen[1] >= 180 && seen[2] >= 30, "%zu %zu %zu", seen[0], seen[1],
              seen[2]);
}
