/* SPDX-License-Identifier: MIT */
#include "base/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/compat.h"

/* Per thread, as the API promises; a fixed buffer, so that running out of memory can be reported.
 */
static TURBO__THREAD_LOCAL char detail[512];

static void set_detail(const char *format, va_list args) TURBO_PRINTF(1, 0);

static void set_detail(const char *format, va_list args)
{
    if (vsnprintf(detail, sizeof(detail), format, args) < 0) {
        detail[0] = '\0';
    }
}

void turbo__error_clear(void)
{
    detail[0] = '\0';
}

int turbo__error_set(int code, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    set_detail(format, args);
    va_end(args);
    return code;
}

int turbo__error_errno(int code, const char *format, ...)
{
    int saved = errno;
    va_list args;
    va_start(args, format);
    set_detail(format, args);
    va_end(args);
    size_t used = strlen(detail);
    char text[128];
    /* POSIX strerror_r: glibc's other variant is not asked for (_POSIX_C_SOURCE in the build). */
    if (strerror_r(saved, text, sizeof(text)) != 0) {
        (void)snprintf(text, sizeof(text), "error %d", saved); /* cannot be cut: 128 bytes */
    }
    (void)snprintf(detail + used, sizeof(detail) - used, ": %s", text); /* cut is meant */
    return code;
}

const char *turbo_error_text(int code)
{
    switch (code) {
    case TURBO_OK:
        return "success";
#define X(name, value, category, text)                                                             \
    case name:                                                                                     \
        return text;
#include "turbo/errors.def"
#undef X
    default:
        return "unknown error";
    }
}

const char *turbo_error_name(int code)
{
    switch (code) {
    case TURBO_OK:
        return "TURBO_OK";
#define X(name, value, category, text)                                                             \
    case name:                                                                                     \
        return #name;
#include "turbo/errors.def"
#undef X
    default:
        return "TURBO_EUNKNOWN";
    }
}

const char *turbo_error_detail(void)
{
    return detail;
}
