/* SPDX-License-Identifier: MIT */
#ifndef TURBO__APP_METRICS_H
#define TURBO__APP_METRICS_H

/*
 * What one event loop counts. Only its driver writes, with plain loads and stores; anybody may
 * read. Sums are made when somebody asks (turbo_server_metrics()).
 */

#include "base/atomic.h"
#include "base/buf.h"
#include "base/compat.h"
#include "turbo/metrics.h"

enum {
    TURBO__REFUSED_KINDS = 9,
    TURBO__REFUSED_PROXY = 0 /* in the place of a status: a bad PROXY header, which has no answer */
};

/** Counters of a loop; part of it. */
typedef struct turbo__counters {
    turbo__atomic_u64 requests;
    turbo__atomic_u64 connections;
    turbo__atomic_u64 open_connections;
    turbo__atomic_u64 bytes_in;
    turbo__atomic_u64 bytes_out;
    turbo__atomic_u64 parse_errors; /* messages refused; by kind in `refused` */
    turbo__atomic_u64 handovers;    /* the monitor's, not the driver's */
    turbo__atomic_u64 offloaded;
    turbo__atomic_u64 refused_connections;
    turbo__atomic_u64 refused_heads;
    turbo__atomic_u64 pipelined;
    turbo__atomic_u64 queue_full;
    turbo__atomic_u64 access_dropped;
    turbo__atomic_u64 refused[TURBO__REFUSED_KINDS]; /* as turbo__metrics_refused() sorts them */
} turbo__counters;

/** Methods that are told apart. */
typedef enum turbo__method {
    TURBO__METHOD_GET,
    TURBO__METHOD_HEAD,
    TURBO__METHOD_POST,
    TURBO__METHOD_PUT,
    TURBO__METHOD_DELETE,
    TURBO__METHOD_PATCH,
    TURBO__METHOD_OPTIONS,
    TURBO__METHOD_OTHER
} turbo__method;

enum { TURBO__ROW_CELLS = 16, TURBO__ROW_BUCKETS = 17, TURBO__ROW_CLASSES = 6 };

/** What a loop counts of one route, or of all routes with one name. A cell holds the number of
 * requests of one pair of method and status: the pair in the upper 16 bits, the number below; pairs
 * take cells in the order in which they first come. */
typedef struct turbo__row {
    turbo__atomic_u64 cells[TURBO__ROW_CELLS];
    turbo__atomic_u64 buckets[TURBO__ROW_BUCKETS]; /* each without those below */
    turbo__atomic_u64 nanoseconds;                 /* sum of all durations */
    turbo__atomic_u64 others[TURBO__ROW_CLASSES];  /* beyond the cells, by class of status */
} turbo__row;

/** `count` rows, all zero and on cache lines of their own; row 0 is that of requests without a
 * route. NULL when out of memory. */
turbo__row *turbo__rows_new(size_t count);

/** NULL is ignored. */
void turbo__rows_free(turbo__row *rows);

/** Which method a request line named; "" is none that is known. */
turbo__method turbo__metrics_method_of(turbo_str method);

/** The parts of turbo__row_count() that are rarely needed. */
size_t turbo__row_bucket(uint64_t nanoseconds);
void turbo__row_count_pair(turbo__row *row, uint64_t pair);

enum {
    TURBO__PAIR_SHIFT = 48, /* of a cell */
    TURBO__PAIR_METHOD_BITS = 3,
    TURBO__QUICK_NS = 100000 /* the first bucket */
};

/** Counts one request in a row. `status` 0: broken off. Driver only. */
static inline void turbo__row_count(turbo__row *row, turbo_str method, unsigned status,
                                    uint64_t nanoseconds)
{
    bool get = turbo_str_equal(method, TURBO_STR("GET"));
    uint64_t slot = turbo__likely(get) ? TURBO__METHOD_GET : turbo__metrics_method_of(method);
    uint64_t pair = ((uint64_t)status << TURBO__PAIR_METHOD_BITS | slot) << TURBO__PAIR_SHIFT;
    bool quick = nanoseconds <= TURBO__QUICK_NS;
    turbo__u64_bump(&row->buckets[turbo__likely(quick) ? 0 : turbo__row_bucket(nanoseconds)], 1);
    turbo__u64_bump(&row->nanoseconds, nanoseconds);
    uint64_t first = turbo__u64_load_relaxed(&row->cells[0]);
    if (turbo__likely((first ^ pair) >> TURBO__PAIR_SHIFT == 0)) {
        turbo__u64_store_relaxed(&row->cells[0], first + 1);
    } else {
        turbo__row_count_pair(row, pair);
    }
}

/** Counts a message that the library refused to read, by the status it was refused with;
 * statuses that say nothing of the message, such as 503, are not counted. Driver only. */
void turbo__metrics_refused(turbo__counters *counters, int status);

/** Adds a loop's counters and its `count` rows to a sum. Any thread. */
void turbo__metrics_add(turbo_metrics *sum, const turbo__counters *counters, const turbo__row *rows,
                        size_t count);

/** Copies `sum`, a complete struct, to a caller's struct of its own size. Returns 0 or
 * TURBO_EOPTION. */
int turbo__metrics_give(const turbo_metrics *sum, turbo_metrics *out);

/** Counts of all loops, as the renderer wants them. Borrowed. */
typedef struct turbo__metrics_view {
    const turbo_metrics *sum;
    const char *const *names; /* of each row */
    size_t row_count;
    const turbo__row *const *rows; /* of each loop */
    size_t loop_count;
} turbo__metrics_view;

/** Appends the text of turbo_server_metrics_text(). Returns 0 or TURBO_ENOMEM. */
int turbo__metrics_render(const turbo__metrics_view *view, turbo__buf *out);

#endif
