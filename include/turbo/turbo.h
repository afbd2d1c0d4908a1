/* SPDX-License-Identifier: MIT */
#ifndef TURBO_TURBO_H
#define TURBO_TURBO_H

/* The whole public API but <turbo/plugin.h>, which shared-object handlers include instead. */

#include <turbo/access.h>
#include <turbo/error.h>
#include <turbo/form.h>
#include <turbo/handler.h>
#include <turbo/json.h>
#include <turbo/log.h>
#include <turbo/metrics.h>
#include <turbo/request.h>
#include <turbo/response.h>
#include <turbo/route.h>
#include <turbo/schema.h>
#include <turbo/server.h>
#include <turbo/types.h>
#include <turbo/version.h>

#endif
