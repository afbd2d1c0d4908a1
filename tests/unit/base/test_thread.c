/* SPDX-License-Identifier: MIT */
#include "base/thread.h"

#include <pthread.h>

#include <criterion/criterion.h>

enum { THREADS = 8 };

typedef struct one {
    pthread_barrier_t *together;
    uint64_t id;
} one;

static void *note_id(void *user_data)
{
    one *self = user_data;
    self->id = turbo__thread_id();
    (void)pthread_barrier_wait(self->together); /* all live until all have a number */
    cr_assert_eq(self->id, turbo__thread_id());
    return NULL;
}

Test(thread, numbers_tell_living_threads_apart)
{
    pthread_barrier_t together;
    pthread_t threads[THREADS];
    one all[THREADS + 1];
    cr_assert_eq(pthread_barrier_init(&together, NULL, THREADS), 0);
    for (int i = 0; i < THREADS; i++) {
        all[i].together = &together;
        cr_assert_eq(pthread_create(&threads[i], NULL, note_id, &all[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        cr_assert_eq(pthread_join(threads[i], NULL), 0);
    }
    all[THREADS].id = turbo__thread_id();
    for (int i = 0; i <= THREADS; i++) {
        cr_assert_neq(all[i].id, 0);
        for (int n = 0; n < i; n++) {
            cr_assert_neq(all[i].id, all[n].id);
        }
    }
    (void)pthread_barrier_destroy(&together);
}
