/* SPDX-License-Identifier: MIT */
#ifndef TURBO_LOG_H
#define TURBO_LOG_H

#include <turbo/types.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum turbo_log_level {
    TURBO_LOG_DEBUG = 0,
    TURBO_LOG_INFO = 1,
    TURBO_LOG_WARNING = 2,
    TURBO_LOG_ERROR = 3
} turbo_log_level;

/** A log sink: one line, without newline, borrowed for the call. Fires on any of the library's
 *  threads, several at once; must not call into libturbo. */
typedef void turbo_log_fn(turbo_log_level level, turbo_str line, void *user_data);

/** Sends the library's log lines of at least `level` to `sink`; NULL (the state at start) drops
 *  them: the library itself never prints. `user_data` must outlive its use, that is until another
 *  sink was set and every server is stopped. One sink per process. Setup. */
TURBO_API void turbo_log_set_sink(turbo_log_fn *sink, turbo_log_level level, void *user_data);

#ifdef __cplusplus
}
#endif

#endif
