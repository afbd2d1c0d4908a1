/* SPDX-License-Identifier: MIT */
#ifndef TURBO__BASE_THREAD_H
#define TURBO__BASE_THREAD_H

#include <stdint.h>

/** A number that tells the calling thread from every other living one; never 0. Any thread. */
uint64_t turbo__thread_id(void);

#endif
