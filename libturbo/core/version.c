/* SPDX-License-Identifier: MIT */
#include "turbo/version.h"

const char *turbo_version(void)
{
    return TURBO_VERSION_STRING;
}
