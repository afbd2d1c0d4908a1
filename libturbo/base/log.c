/* SPDX-License-Identifier: MIT */
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>

/* One sink per process, changed only while nothing is logged (see turbo_log_set_sink()). */
static struct {
    turbo_log_fn *fn;
    turbo_log_level level;
    void *user_data;
} sink;

void turbo_log_set_sink(turbo_log_fn *fn, turbo_log_level level, void *user_data)
{
    sink.fn = fn;
    sink.level = level;
    sink.user_data = user_data;
}

/* Whatever a line quotes, it stays one line. */
static void hide_controls(char *line, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)line[i];
        if ((c < 0x20 && c != '\t') || c == 0x7f) {
            line[i] = '?';
        }
    }
}

void turbo__log(turbo_log_level level, const char *format, ...)
{
    if (sink.fn == NULL || level < sink.level) {
        return;
    }
    char line[1024];
    va_list args;
    va_start(args, format);
    int length = vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    if (length < 0) {
        return;
    }
    size_t len = (size_t)length < sizeof(line) ? (size_t)length : sizeof(line) - 1;
    hide_controls(line, len);
    turbo_str view = {line, len};
    sink.fn(level, view, sink.user_data);
}
