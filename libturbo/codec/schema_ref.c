/* SPDX-License-Identifier: MIT */
#include "codec/schema_ref.h"

#include <stdlib.h>

#include "base/error.h"
#include "base/mem.h"
#include "codec/url.h"

enum { FIRST_CAPACITY = 16, QUOTE_MAX = 200 /* bytes of a reference in a message */ };

/* Makes room for one more item; returns the array, moved perhaps, or NULL. */
static void *grow(void *items, size_t count, size_t *cap, size_t size)
{
    if (count < *cap) {
        return items;
    }
    size_t wanted = *cap > 0 ? *cap : FIRST_CAPACITY / 2;
    size_t total;
    if (!turbo__size_mul(wanted, 2, &wanted) || !turbo__size_mul(wanted, size, &total)) {
        return NULL;
    }
    void *moved = turbo__realloc(items, total);
    if (moved != NULL) {
        *cap = wanted;
    }
    return moved;
}

int turbo__schema_refs_add(turbo__schema_refs *refs, turbo__schema_node *from, turbo_str target)
{
    turbo__schema_reference *items =
        grow(refs->references, refs->count, &refs->cap, sizeof(*items));
    if (items == NULL) {
        return TURBO_ENOMEM;
    }
    refs->references = items;
    items[refs->count].from = from;
    items[refs->count].target = target;
    refs->count++;
    return 0;
}

int turbo__schema_refs_target(turbo__schema_refs *refs, const turbo_json *json,
                              turbo__schema_node *node)
{
    turbo__schema_target *items =
        grow(refs->targets, refs->target_count, &refs->target_cap, sizeof(*items));
    if (items == NULL) {
        return TURBO_ENOMEM;
    }
    refs->targets = items;
    items[refs->target_count].json = json;
    items[refs->target_count].node = node;
    refs->target_count++;
    return 0;
}

void turbo__schema_refs_clear(turbo__schema_refs *refs)
{
    turbo__free(refs->references);
    turbo__free(refs->targets);
    memset(refs, 0, sizeof(*refs));
}

static int fail(turbo_str target, const char *what)
{
    int len = (int)(target.len < QUOTE_MAX ? target.len : QUOTE_MAX);
    return turbo__error_set(TURBO_ESCHEMA, "$ref \"%.*s\" %s", len, target.data, what);
}

static bool starts_with(turbo_str text, turbo_str start)
{
    return text.len >= start.len && memcmp(text.data, start.data, start.len) == 0;
}

/* The JSON pointer in `target`, percent-decoded (RFC 6901 §6). */
static int read_fragment(turbo__schema_refs *refs, turbo_str target, turbo_str *out)
{
    turbo_str id = refs->id;
    if (id.len > 0 && id.data[id.len - 1] == '#') {
        id.len--;
    }
    turbo_str rest = target;
    if (id.len > 0 && starts_with(target, id)) {
        rest.data += id.len;
        rest.len -= id.len;
    }
    if (rest.len > 0 && rest.data[0] != '#') {
        return fail(target, "leads out of the document");
    }
    if (rest.len > 0) {
        rest.data++;
        rest.len--;
    }
    if (rest.len > 0 && rest.data[0] != '/') {
        return fail(target, "is no JSON pointer; anchors are not supported");
    }
    return turbo__url_decode_path(refs->arena, rest, out);
}

/* ~1 is a slash, ~0 a tilde (RFC 6901 §4); other uses of the tilde are malformed. */
static int unescape(turbo__schema_refs *refs, turbo_str token, turbo_str *out)
{
    char *text = turbo__arena_alloc(refs->arena, token.len);
    if (text == NULL) {
        return TURBO_ENOMEM;
    }
    size_t len = 0;
    for (size_t i = 0; i < token.len; i++) {
        char c = token.data[i];
        if (c == '~') {
            i++;
            if (i == token.len || (token.data[i] != '0' && token.data[i] != '1')) {
                return TURBO_ESCHEMA;
            }
            c = token.data[i] == '0' ? '~' : '/';
        }
        text[len++] = c;
    }
    out->data = text;
    out->len = len;
    return 0;
}

static bool read_index(turbo_str token, size_t *out)
{
    size_t index = 0;
    if (token.len == 0 || (token.len > 1 && token.data[0] == '0')) {
        return false;
    }
    for (size_t i = 0; i < token.len; i++) {
        if (token.data[i] < '0' || token.data[i] > '9' || index > SIZE_MAX / 16) {
            return false;
        }
        index = index * 10 + (size_t)(token.data[i] - '0');
    }
    *out = index;
    return true;
}

static const turbo_json *step(const turbo_json *json, turbo_str token)
{
    turbo_json *found = NULL;
    size_t index;
    bool exists = turbo_json_typeof(json) == TURBO_JSON_ARRAY
                      ? read_index(token, &index) && turbo_json_at(json, index, &found) == 0
                      : turbo_json_member(json, token, &found) == 0;
    return exists ? found : NULL;
}

/* `*out` is NULL when the pointer leads nowhere. */
static int follow(turbo__schema_refs *refs, const turbo_json *document, turbo_str pointer,
                  const turbo_json **out)
{
    const turbo_json *json = document;
    size_t at = 0;
    while (json != NULL && at < pointer.len) {
        size_t end = at + 1;
        while (end < pointer.len && pointer.data[end] != '/') {
            end++;
        }
        turbo_str token = {pointer.data + at + 1, end - at - 1};
        int rc = unescape(refs, token, &token);
        if (rc == TURBO_ENOMEM) {
            return rc;
        }
        json = rc == 0 ? step(json, token) : NULL;
        at = end;
    }
    *out = json;
    return 0;
}

static int by_address(const void *a, const void *b)
{
    uintptr_t left = (uintptr_t)((const turbo__schema_target *)a)->json;
    uintptr_t right = (uintptr_t)((const turbo__schema_target *)b)->json;
    return left < right ? -1 : left > right;
}

static int resolve(turbo__schema_refs *refs, const turbo_json *document,
                   const turbo__schema_reference *reference)
{
    turbo_str pointer;
    int rc = read_fragment(refs, reference->target, &pointer);
    if (rc != 0) {
        return rc;
    }
    turbo__schema_target wanted = {NULL, NULL};
    rc = follow(refs, document, pointer, &wanted.json);
    if (rc != 0) {
        return rc;
    }
    if (wanted.json == NULL) {
        return fail(reference->target, "leads nowhere");
    }
    const turbo__schema_target *found =
        bsearch(&wanted, refs->targets, refs->target_count, sizeof(wanted), by_address);
    if (found == NULL) {
        return fail(reference->target, "does not lead to a schema");
    }
    reference->from->ref = found->node;
    return 0;
}

int turbo__schema_refs_resolve(turbo__schema_refs *refs, const turbo_json *document)
{
    qsort(refs->targets, refs->target_count, sizeof(*refs->targets), by_address);
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < refs->count; i++) {
        rc = resolve(refs, document, &refs->references[i]);
    }
    return rc;
}
