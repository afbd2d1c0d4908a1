/* SPDX-License-Identifier: MIT */

/*
 * Two threads on either end of a ring, for ThreadSanitizer: records of every size, a reader that is
 * now faster and now slower than the writer. What was taken in comes out, in order and whole.
 */

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sched.h>

#include "base/ring.h"
#include "turbo/error.h"

enum { RECORDS = 300000, LARGEST = 200, BYTES = 4096, MOST = 40 };

static turbo__ring ring;
static atomic_uint refused;

static size_t length_of(unsigned number)
{
    return 4 + number * 7919u % (LARGEST - 4);
}

static void *write_all(void *arg)
{
    (void)arg;
    unsigned number = 0;
    while (number < RECORDS) {
        size_t len = length_of(number);
        unsigned char *at = turbo__ring_reserve(&ring, len);
        if (at == NULL) {
            (void)turbo__ring_half_full(&ring);
            atomic_fetch_add_explicit(&refused, 1, memory_order_relaxed);
            sched_yield();
            continue;
        }
        memset(at, (int)(number % 251), len);
        memcpy(at, &number, sizeof(number));
        turbo__ring_commit(&ring);
        number++;
    }
    return NULL;
}

/* Returns whether the record is the expected one, byte for byte. */
static bool check(const unsigned char *at, size_t len, unsigned number)
{
    unsigned found;
    memcpy(&found, at, sizeof(found));
    if (found != number || len != length_of(number)) {
        return false;
    }
    for (size_t i = sizeof(found); i < len; i++) {
        if (at[i] != number % 251) {
            return false;
        }
    }
    return true;
}

static bool read_all(void)
{
    unsigned number = 0;
    while (number < RECORDS) {
        size_t len;
        const unsigned char *at = turbo__ring_peek(&ring, &len);
        if (at == NULL) {
            sched_yield();
            continue;
        }
        if (!check(at, len, number)) {
            fprintf(stderr, "record %u came out wrong\n", number);
            return false;
        }
        turbo__ring_drop(&ring);
        number++;
        if (number % 1000 == 0) {
            sched_yield(); /* lets it fill */
        }
    }
    return true;
}

int main(void)
{
    pthread_t writer;
    if (turbo__ring_init(&ring, BYTES, MOST) != 0 ||
        pthread_create(&writer, NULL, write_all, NULL) != 0) {
        abort();
    }
    if (!read_all()) {
        return EXIT_FAILURE; /* the writer would wait for ever */
    }
    pthread_join(writer, NULL);
    size_t len;
    bool empty = turbo__ring_peek(&ring, &len) == NULL;
    turbo__ring_clear(&ring);
    printf("%d records, %u times full\n", RECORDS, atomic_load(&refused));
    return empty ? EXIT_SUCCESS : EXIT_FAILURE;
}
