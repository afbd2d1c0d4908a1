/* SPDX-License-Identifier: MIT */
#include "app/metrics.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/compat.h"
#include "base/error.h"
#include "base/mem.h"
#include "base/ring.h"
#include "base/utf8.h"

enum {
    LINE_MAX_ROOM = 128,   /* bytes of a line without its route */
    MAX_STRUCT_SIZE = 4096 /* a struct that claims more was not initialised */
};

#define COUNT_MASK ((UINT64_C(1) << TURBO__PAIR_SHIFT) - 1)

static const char *const method_names[] = {"GET",    "HEAD",  "POST",    "PUT",
                                           "DELETE", "PATCH", "OPTIONS", "other"};

/* Upper bounds of the buckets but the last, which has none; and how they are written. */
static const struct {
    uint64_t nanoseconds;
    const char *text;
} bounds[TURBO__ROW_BUCKETS - 1] = {
    {TURBO__QUICK_NS, "0.0001"},   {UINT64_C(250000), "0.00025"}, {UINT64_C(500000), "0.0005"},
    {UINT64_C(1000000), "0.001"},  {UINT64_C(2500000), "0.0025"}, {UINT64_C(5000000), "0.005"},
    {UINT64_C(10000000), "0.01"},  {UINT64_C(25000000), "0.025"}, {UINT64_C(50000000), "0.05"},
    {UINT64_C(100000000), "0.1"},  {UINT64_C(250000000), "0.25"}, {UINT64_C(500000000), "0.5"},
    {UINT64_C(1000000000), "1"},   {UINT64_C(2500000000), "2.5"}, {UINT64_C(5000000000), "5"},
    {UINT64_C(10000000000), "10"},
};

/* --- counting ------------------------------------------------------------ */

/* Rows are written all the time: no other loop's data may share a cache line with them. The
 * address that the allocator gave stands in front. */
turbo__row *turbo__rows_new(size_t count)
{
    size_t bytes;
    if (!turbo__size_mul(count, sizeof(turbo__row), &bytes) ||
        !turbo__size_add(bytes, 3 * (size_t)TURBO__CACHE_LINE, &bytes)) {
        return NULL;
    }
    char *raw = turbo__calloc(1, bytes);
    if (raw == NULL) {
        return NULL;
    }
    uintptr_t after = (uintptr_t)raw + sizeof(raw);
    size_t gap = (TURBO__CACHE_LINE - after % TURBO__CACHE_LINE) % TURBO__CACHE_LINE;
    char *rows = raw + sizeof(raw) + gap;
    memcpy(rows - sizeof(raw), &raw, sizeof(raw));
    return (turbo__row *)(void *)rows;
}

void turbo__rows_free(turbo__row *rows)
{
    if (rows != NULL) {
        char *raw;
        memcpy(&raw, (char *)rows - sizeof(raw), sizeof(raw));
        turbo__free(raw);
    }
}

turbo__method turbo__metrics_method_of(turbo_str method)
{
    for (int i = 0; i < TURBO__METHOD_OTHER; i++) {
        if (turbo_str_equal(method, turbo_cstr(method_names[i]))) {
            return (turbo__method)i;
        }
    }
    return TURBO__METHOD_OTHER;
}

size_t turbo__row_bucket(uint64_t nanoseconds)
{
    size_t i = 0;
    while (i < TURBO__ROW_BUCKETS - 1 && nanoseconds > bounds[i].nanoseconds) {
        i++;
    }
    return i;
}

static size_t class_of(unsigned status)
{
    return status < 600 ? status / 100 : 5;
}

void turbo__row_count_pair(turbo__row *row, uint64_t pair)
{
    for (size_t i = 0; i < TURBO__ROW_CELLS; i++) {
        uint64_t cell = turbo__u64_load_relaxed(&row->cells[i]);
        if ((cell ^ pair) >> TURBO__PAIR_SHIFT == 0 || cell == 0) {
            turbo__u64_store_relaxed(&row->cells[i], (cell + 1) | pair);
            return;
        }
    }
    unsigned status = (unsigned)(pair >> (TURBO__PAIR_SHIFT + TURBO__PAIR_METHOD_BITS));
    turbo__u64_bump(&row->others[class_of(status)], 1);
}

/* The statuses that messages are refused with, in the order of turbo__counters.refused. */
static const struct {
    int status;
    const char *name;
} kinds[TURBO__REFUSED_KINDS] = {
    {400, "malformed"},   {408, "timeout"},     {413, "large_body"},
    {414, "long_target"}, {417, "expectation"}, {431, "large_head"},
    {501, "unsupported"}, {505, "version"},     {TURBO__REFUSED_PROXY, "proxy"},
};

void turbo__metrics_refused(turbo__counters *counters, int status)
{
    for (size_t i = 0; i < TURBO__REFUSED_KINDS; i++) {
        if (kinds[i].status == status) {
            turbo__u64_bump(&counters->parse_errors, 1);
            turbo__u64_bump(&counters->refused[i], 1);
            return;
        }
    }
}

/* --- sums ---------------------------------------------------------------- */

/* Calls `fn` for every pair that was counted; those beyond the cells have a status below 6. */
typedef void pair_fn(void *data, turbo__method method, unsigned status, uint64_t number);

static void each_pair(const turbo__row *row, pair_fn *fn, void *data)
{
    for (size_t i = 0; i < TURBO__ROW_CELLS; i++) {
        uint64_t cell = turbo__u64_load_relaxed(&row->cells[i]);
        if (cell == 0) {
            break;
        }
        unsigned pair = (unsigned)(cell >> TURBO__PAIR_SHIFT);
        fn(data, (turbo__method)(pair & ((1u << TURBO__PAIR_METHOD_BITS) - 1)),
           pair >> TURBO__PAIR_METHOD_BITS, cell & COUNT_MASK);
    }
}

static void add_class(void *data, turbo__method method, unsigned status, uint64_t number)
{
    (void)method;
    turbo_metrics *sum = data;
    sum->responses[class_of(status)] += number;
}

static void add_refused(turbo_metrics *sum, const turbo__counters *from)
{
    uint64_t *const to[TURBO__REFUSED_KINDS] = {
        &sum->malformed,    &sum->timeouts,     &sum->large_bodies,
        &sum->long_targets, &sum->expectations, &sum->large_heads,
        &sum->unsupported,  &sum->versions,     &sum->bad_proxies,
    };
    for (size_t i = 0; i < TURBO__REFUSED_KINDS; i++) {
        *to[i] += turbo__u64_load_relaxed(&from->refused[i]);
    }
}

static void add_rows(turbo_metrics *sum, const turbo__row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        each_pair(&rows[i], add_class, sum);
        for (size_t class = 0; class < TURBO__ROW_CLASSES; class ++) {
            sum->responses[class] += turbo__u64_load_relaxed(&rows[i].others[class]);
        }
    }
}

static uint64_t count_responses(const turbo_metrics *sum)
{
    uint64_t count = 0;
    for (size_t class = 0; class < TURBO__ROW_CLASSES; class ++) {
        count += sum->responses[class];
    }
    return count;
}

void turbo__metrics_add(turbo_metrics *sum, const turbo__counters *from, const turbo__row *rows,
                        size_t count)
{
    /* Ends before beginnings: what happens between the two loads is in flight, not the reverse. */
    uint64_t before = count_responses(sum);
    add_rows(sum, rows, count);
    uint64_t refused = turbo__u64_load_relaxed(&from->refused_heads);
    uint64_t ended = count_responses(sum) - before;
    uint64_t requests = turbo__u64_load_relaxed(&from->requests);
    sum->requests += requests;
    sum->in_flight += requests + refused > ended ? requests + refused - ended : 0;
    sum->refused_heads += refused;
    sum->connections += turbo__u64_load_relaxed(&from->connections);
    sum->open_connections += turbo__u64_load_relaxed(&from->open_connections);
    sum->bytes_in += turbo__u64_load_relaxed(&from->bytes_in);
    sum->bytes_out += turbo__u64_load_relaxed(&from->bytes_out);
    sum->parse_errors += turbo__u64_load_relaxed(&from->parse_errors);
    sum->handovers += turbo__u64_load_relaxed(&from->handovers);
    sum->offloaded += turbo__u64_load_relaxed(&from->offloaded);
    sum->refused_connections += turbo__u64_load_relaxed(&from->refused_connections);
    sum->pipelined += turbo__u64_load_relaxed(&from->pipelined);
    sum->queue_full += turbo__u64_load_relaxed(&from->queue_full);
    sum->access_dropped += turbo__u64_load_relaxed(&from->access_dropped);
    add_refused(sum, from);
}

int turbo__metrics_give(const turbo_metrics *sum, turbo_metrics *out)
{
    size_t size = out->size;
    if (size < sizeof(size) || size > MAX_STRUCT_SIZE) {
        return turbo__error_set(TURBO_EOPTION,
                                "turbo_metrics.size is %zu: set it to sizeof(turbo_metrics)", size);
    }
    size_t known = size < sizeof(*sum) ? size : sizeof(*sum);
    memset(out, 0, size);
    memcpy(out, sum, known);
    memcpy(out, &size, sizeof(size));
    return 0;
}

/* --- text ---------------------------------------------------------------- */

/* The format: https://prometheus.io/docs/instrumenting/exposition_formats/, version 0.0.4. */

/* The text under construction; the first error stays. */
typedef struct writer {
    turbo__buf *out;
    int error;
} writer;

static TURBO_PRINTF(2, 3) void put(writer *to, const char *format, ...)
{
    if (to->error == 0) {
        to->error = turbo__buf_reserve(to->out, LINE_MAX_ROOM);
    }
    if (to->error != 0) {
        return;
    }
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(to->out->data + to->out->len, LINE_MAX_ROOM, format, arguments);
    va_end(arguments);
    to->out->len += (size_t)length; /* every format below is shorter */
}

static void put_str(writer *to, turbo_str text)
{
    if (to->error == 0) {
        to->error = turbo__buf_append_str(to->out, text);
    }
}

static void put_text(writer *to, const char *text)
{
    put_str(to, turbo_cstr(text));
}

static void put_escaped(writer *to, turbo_str text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.data[i];
        if (c == '\\' || c == '"' || c == '\n') {
            put(to, "\\%c", c == '\n' ? 'n' : c);
        } else {
            put_str(to, (turbo_str){&c, 1});
        }
    }
}

/* A label value: UTF-8 in which backslash, quote and line feed are escaped. */
static void put_value(writer *to, const char *text)
{
    size_t valid;
    while (!turbo__utf8_check(turbo_cstr(text), &valid)) {
        put_escaped(to, (turbo_str){text, valid});
        put_text(to, "?");
        text += valid + 1;
    }
    put_escaped(to, turbo_cstr(text));
}

static void describe(writer *to, const char *name, const char *type, const char *help)
{
    const char *const parts[] = {"# HELP ", name, " ", help, "\n# TYPE ", name, " ", type, "\n"};
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        put_text(to, parts[i]);
    }
}

static void put_single(writer *to, const char *name, const char *type, const char *help,
                       uint64_t value)
{
    describe(to, name, type, help);
    put(to, "%s %" PRIu64 "\n", name, value);
}

static void put_refused(writer *to, const turbo_metrics *sum)
{
    const uint64_t numbers[TURBO__REFUSED_KINDS] = {
        sum->malformed,   sum->timeouts,    sum->large_bodies, sum->long_targets, sum->expectations,
        sum->large_heads, sum->unsupported, sum->versions,     sum->bad_proxies,
    };
    describe(to, "turbo_http_parse_errors_total", "counter",
             "Messages refused as malformed, too large or too slow.");
    for (size_t i = 0; i < TURBO__REFUSED_KINDS; i++) {
        put(to, "turbo_http_parse_errors_total{kind=\"%s\"} %" PRIu64 "\n", kinds[i].name,
            numbers[i]);
    }
}

static void put_sums(writer *to, const turbo_metrics *sum)
{
    const struct {
        const char *name;
        const char *type;
        const char *help;
        uint64_t value;
    } singles[] = {
        {"turbo_http_requests_in_flight", "gauge", "Requests neither answered nor broken off.",
         sum->in_flight},
        {"turbo_http_requests_queued", "gauge", "Requests waiting for an offload thread.",
         sum->queued},
        {"turbo_http_queue_full_total", "counter",
         "Requests answered with 503 because too many waited for an offload thread.",
         sum->queue_full},
        {"turbo_http_requests_offloaded_total", "counter", "Requests run on an offload thread.",
         sum->offloaded},
        {"turbo_http_requests_pipelined_total", "counter",
         "Messages that had begun to come before the one in front was answered.", sum->pipelined},
        {"turbo_worker_handovers_total", "counter",
         "Times a slow handler made another thread take a worker over.", sum->handovers},
        {"turbo_connections_open", "gauge", "Open connections.", sum->open_connections},
        {"turbo_connections_accepted_total", "counter", "Connections accepted.", sum->connections},
        {"turbo_connections_refused_total", "counter",
         "Connections closed before they were served.", sum->refused_connections},
        {"turbo_received_bytes_total", "counter", "Bytes read from sockets.", sum->bytes_in},
        {"turbo_sent_bytes_total", "counter", "Bytes written to sockets.", sum->bytes_out},
        {"turbo_access_records_dropped_total", "counter",
         "Access records lost because their queue was full.", sum->access_dropped},
    };
    for (size_t i = 0; i < sizeof(singles) / sizeof(singles[0]); i++) {
        put_single(to, singles[i].name, singles[i].type, singles[i].help, singles[i].value);
    }
    put_refused(to, sum);
}

/* A row of all loops together. */
typedef struct pair_sum {
    turbo__method method;
    unsigned status;
    uint64_t number;
} pair_sum;

typedef struct row_sum {
    pair_sum *pairs; /* room for every cell of every loop */
    size_t pair_count;
    uint64_t buckets[TURBO__ROW_BUCKETS];
    uint64_t nanoseconds;
    uint64_t others[TURBO__ROW_CLASSES];
} row_sum;

static void add_pair(void *data, turbo__method method, unsigned status, uint64_t number)
{
    row_sum *sum = data;
    for (size_t i = 0; i < sum->pair_count; i++) {
        if (sum->pairs[i].method == method && sum->pairs[i].status == status) {
            sum->pairs[i].number += number;
            return;
        }
    }
    sum->pairs[sum->pair_count++] = (pair_sum){method, status, number};
}

static void add_row(row_sum *sum, const turbo__row *row)
{
    each_pair(row, add_pair, sum);
    for (size_t i = 0; i < TURBO__ROW_BUCKETS; i++) {
        sum->buckets[i] += turbo__u64_load_relaxed(&row->buckets[i]);
    }
    sum->nanoseconds += turbo__u64_load_relaxed(&row->nanoseconds);
    for (size_t i = 0; i < TURBO__ROW_CLASSES; i++) {
        sum->others[i] += turbo__u64_load_relaxed(&row->others[i]);
    }
}

static void sum_row(const turbo__metrics_view *view, size_t index, row_sum *sum)
{
    pair_sum *pairs = sum->pairs;
    memset(sum, 0, sizeof(*sum));
    sum->pairs = pairs;
    for (size_t i = 0; i < view->loop_count; i++) {
        add_row(sum, &view->rows[i][index]);
    }
}

static void put_requests(writer *to, const char *route, const row_sum *sum)
{
    for (size_t i = 0; i < sum->pair_count; i++) {
        const pair_sum *pair = &sum->pairs[i];
        put_text(to, "turbo_http_requests_total{route=\"");
        put_value(to, route);
        put(to, "\",method=\"%s\",status=\"%u\"} %" PRIu64 "\n", method_names[pair->method],
            pair->status, pair->number);
    }
    for (size_t i = 0; i < TURBO__ROW_CLASSES; i++) {
        if (sum->others[i] > 0) {
            put_text(to, "turbo_http_requests_total{route=\"");
            put_value(to, route);
            put(to, "\",method=\"other\",status=\"%zuxx\"} %" PRIu64 "\n", i, sum->others[i]);
        }
    }
}

static void put_duration(writer *to, const char *route, const row_sum *sum)
{
    uint64_t total = 0;
    for (size_t i = 0; i < TURBO__ROW_BUCKETS; i++) {
        total += sum->buckets[i];
        put_text(to, "turbo_http_request_duration_seconds_bucket{route=\"");
        put_value(to, route);
        put(to, "\",le=\"%s\"} %" PRIu64 "\n", i < TURBO__ROW_BUCKETS - 1 ? bounds[i].text : "+Inf",
            total);
    }
    put_text(to, "turbo_http_request_duration_seconds_sum{route=\"");
    put_value(to, route);
    /* In integers: the decimal point of a double depends on the locale. */
    put(to, "\"} %" PRIu64 ".%09" PRIu64 "\n", sum->nanoseconds / 1000000000,
        sum->nanoseconds % 1000000000);
    put_text(to, "turbo_http_request_duration_seconds_count{route=\"");
    put_value(to, route);
    put(to, "\"} %" PRIu64 "\n", total);
}

typedef void put_row_fn(writer *to, const char *route, const row_sum *sum);

static void put_rows(writer *to, const turbo__metrics_view *view, row_sum *sum, put_row_fn *put_row)
{
    for (size_t i = 0; i < view->row_count && to->error == 0; i++) {
        sum_row(view, i, sum);
        bool asked = sum->pair_count > 0;
        if (asked) {
            put_row(to, view->names[i], sum);
        }
    }
}

int turbo__metrics_render(const turbo__metrics_view *view, turbo__buf *out)
{
    writer to = {out, 0};
    row_sum sum = {.pairs =
                       turbo__calloc(view->loop_count * TURBO__ROW_CELLS + 1, sizeof(*sum.pairs))};
    if (sum.pairs == NULL) {
        return TURBO_ENOMEM;
    }
    describe(&to, "turbo_http_requests_total", "counter",
             "Requests by route, method and status; status 0: broken off without an answer.");
    put_rows(&to, view, &sum, put_requests);
    describe(&to, "turbo_http_request_duration_seconds", "histogram",
             "Time from the complete head until the answer was handed to its connection.");
    put_rows(&to, view, &sum, put_duration);
    put_sums(&to, view->sum);
    turbo__free(sum.pairs);
    return to.error;
}
