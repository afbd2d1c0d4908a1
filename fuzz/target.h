/* SPDX-License-Identifier: MIT */
#ifndef TURBO__FUZZ_TARGET_H
#define TURBO__FUZZ_TARGET_H

/*
 * What every fuzz target uses. A target is one file fuzz_<name>.c that defines the function below;
 * it is linked with libFuzzer, and with replay.c to run its seeds as an ordinary test.
 */

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/** libFuzzer's entry point: runs one input. Always returns 0. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/** Ends the process, in every build type, when a property does not hold: that is the finding. */
#define FUZZ_CHECK(condition)                                                                      \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                        \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

#endif
