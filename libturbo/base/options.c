/* SPDX-License-Identifier: MIT */
#include "base/options.h"

#include <string.h>

#include "base/error.h"

/* A struct that claims to be larger than this was not initialised. */
enum { MAX_OPTIONS_SIZE = 4096 };

int turbo__options_read(const char *name, const void *given, void *out, size_t known)
{
    memset(out, 0, known);
    if (given == NULL) {
        return 0;
    }
    size_t size;
    memcpy(&size, given, sizeof(size));
    if (size < sizeof(size) || size > MAX_OPTIONS_SIZE) {
        return turbo__error_set(TURBO_EOPTION, "%s.size is %zu: set it to sizeof(%s)", name, size,
                                name);
    }
    const unsigned char *bytes = given;
    for (size_t i = known; i < size; i++) {
        if (bytes[i] != 0) {
            return turbo__error_set(TURBO_EOPTION,
                                    "%s has a member at byte %zu that this library does not know",
                                    name, i);
        }
    }
    memcpy(out, given, size < known ? size : known);
    return 0;
}
