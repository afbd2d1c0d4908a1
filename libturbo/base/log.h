/* SPDX-License-Identifier: MIT */
#ifndef TURBO__BASE_LOG_H
#define TURBO__BASE_LOG_H

#include "turbo/log.h"

/** Sends one line (cut at 1,023 bytes) to the sink, if there is one for `level`. Any thread; never
 *  under a lock. */
void turbo__log(turbo_log_level level, const char *format, ...) TURBO_PRINTF(2, 3);

#endif
