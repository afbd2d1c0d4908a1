/* SPDX-License-Identifier: MIT */
#ifndef TURBO__BASE_OPTIONS_H
#define TURBO__BASE_OPTIONS_H

#include <stddef.h>

/**
 * Reads a size-first options struct into `out`, a struct of `known` bytes: members that the
 * caller's version lacks become zero; bytes that this library does not know must be zero. `given`
 * NULL means all defaults. `name` is for the message. Returns 0 or TURBO_EOPTION.
 */
int turbo__options_read(const char *name, const void *given, void *out, size_t known);

#endif
