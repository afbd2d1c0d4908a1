/* SPDX-License-Identifier: MIT */
#ifndef TURBO__BASE_FORK_H
#define TURBO__BASE_FORK_H

/*
 * Forks of this process, counted, so that what has threads can tell that it is only a copy: fork()
 * copies one thread and all memory, also the locks that other threads held and the lists that they
 * were changing.
 */

#include <stdbool.h>
#include <stdint.h>

/** Has forks counted from now on. Harmless when repeated. Any thread. Returns 0 or TURBO_ENOMEM. */
int turbo__fork_watch(void);

/** Whether this process was forked since: a child may hold copies of its descriptors. Any thread.
 */
bool turbo__fork_happened(void);

/** How many forks lie between this process and the one that first called turbo__fork_watch(), plus
 * one: never 0, and different in a child from what it was in its parent. Any thread,
 * async-signal-safe. */
uint32_t turbo__fork_count(void);

#endif
