/* SPDX-License-Identifier: MIT */
#include "base/thread.h"

#include "base/compat.h"

uint64_t turbo__thread_id(void)
{
    static TURBO__THREAD_LOCAL char place; /* only its address is used */
    return (uint64_t)(uintptr_t)&place;
}
