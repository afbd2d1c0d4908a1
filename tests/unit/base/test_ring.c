/* SPDX-License-Identifier: MIT */
#include "base/ring.h"

#include <string.h>

#include <criterion/criterion.h>

#include "base/mem.h"
#include "turbo/error.h"

/* A record whose every byte follows from its number. */
static bool put(turbo__ring *ring, unsigned number, size_t len)
{
    unsigned char *at = turbo__ring_reserve(ring, len);
    if (at == NULL) {
        return false;
    }
    cr_assert_eq((uintptr_t)at % 8, 0);
    memset(at, (int)(number % 251), len);
    turbo__ring_commit(ring);
    return true;
}

static void expect(turbo__ring *ring, unsigned number, size_t len)
{
    size_t got = 0;
    const unsigned char *at = turbo__ring_peek(ring, &got);
    cr_assert_not_null(at);
    cr_assert_eq(got, len);
    for (size_t i = 0; i < len; i++) {
        cr_assert_eq(at[i], number % 251);
    }
    turbo__ring_drop(ring);
}

static void expect_empty(turbo__ring *ring)
{
    size_t len;
    cr_assert_null(turbo__ring_peek(ring, &len));
}

Test(ring, hands_records_over_in_order)
{
    turbo__ring ring;
    cr_assert_eq(turbo__ring_init(&ring, 4096, 100), 0);
    expect_empty(&ring);
    for (unsigned i = 0; i < 20; i++) {
        cr_assert(put(&ring, i, i));
    }
    for (unsigned i = 0; i < 20; i++) {
        expect(&ring, i, i);
    }
    expect_empty(&ring);
    turbo__ring_clear(&ring);
}

Test(ring, shows_nothing_before_the_commit)
{
    turbo__ring ring;
    cr_assert_eq(turbo__ring_init(&ring, 4096, 100), 0);
    void *first = turbo__ring_reserve(&ring, 100);
    cr_assert_not_null(first);
    expect_empty(&ring);
    cr_assert_eq(turbo__ring_reserve(&ring, 8), first); /* taken back and asked for again */
    memset(first, 7, 8);
    turbo__ring_commit(&ring);
    expect(&ring, 7, 8);
    expect_empty(&ring);
    turbo__ring_clear(&ring);
}

Test(ring, keeps_records_whole_at_every_place_of_its_end)
{
    for (size_t len = 0; len <= 64; len++) {
        turbo__ring ring;
        cr_assert_eq(turbo__ring_init(&ring, 256, 1000), 0);
        for (unsigned i = 0; i < 1000; i++) {
            cr_assert(put(&ring, i, len));
            cr_assert(put(&ring, i + 1, (len * 7 + i) % 65));
            expect(&ring, i, len);
            expect(&ring, i + 1, (len * 7 + i) % 65);
        }
        expect_empty(&ring);
        turbo__ring_clear(&ring);
    }
}

Test(ring, refuses_what_has_no_room_and_takes_more_when_there_is)
{
    turbo__ring ring;
    cr_assert_eq(turbo__ring_init(&ring, 256, 1000), 0);
    unsigned taken = 0;
    while (put(&ring, taken, 24)) {
        taken++;
    }
    cr_assert_eq(taken, 256 / 32);
    expect(&ring, 0, 24);
    cr_assert(put(&ring, taken, 24));
    cr_assert_not(put(&ring, taken, 24));
    for (unsigned i = 1; i <= taken; i++) {
        expect(&ring, i, 24);
    }
    expect_empty(&ring);
    turbo__ring_clear(&ring);
}

Test(ring, refuses_more_records_than_were_asked_for)
{
    turbo__ring ring;
    cr_assert_eq(turbo__ring_init(&ring, 4096, 3), 0);
    cr_assert(put(&ring, 0, 1));
    cr_assert(put(&ring, 1, 1));
    cr_assert(put(&ring, 2, 1));
    cr_assert_not(put(&ring, 3, 1));
    expect(&ring, 0, 1);
    cr_assert(put(&ring, 3, 1));
    cr_assert_not(put(&ring, 4, 1));
    turbo__ring_clear(&ring);
}

Test(ring, takes_records_of_up_to_a_quarter)
{
    turbo__ring ring;
    cr_assert_eq(turbo__ring_init(&ring, 1000, 3), 0); /* 1,024 */
    cr_assert_null(turbo__ring_reserve(&ring, 257));
    cr_assert_null(turbo__ring_reserve(&ring, SIZE_MAX));
    for (unsigned i = 0; i < 100; i++) { /* wherever it stands */
        cr_assert(put(&ring, i, 256));
        expect(&ring, i, 256);
        cr_assert(put(&ring, i, 3));
        expect(&ring, i, 3);
    }
    turbo__ring_clear(&ring);
}

Test(ring, says_when_it_is_half_full)
{
    turbo__ring ring;
    cr_assert_eq(turbo__ring_init(&ring, 256, 1000), 0);
    for (unsigned i = 0; i < 4; i++) {
        cr_assert_not(turbo__ring_half_full(&ring));
        cr_assert(put(&ring, i, 24));
    }
    cr_assert_not(turbo__ring_half_full(&ring));
    cr_assert(put(&ring, 4, 24));
    cr_assert(turbo__ring_half_full(&ring));
    turbo__ring_clear(&ring);
    cr_assert_eq(turbo__ring_init(&ring, 4096, 2), 0);
    cr_assert(put(&ring, 0, 1));
    cr_assert_not(turbo__ring_half_full(&ring));
    cr_assert(put(&ring, 1, 1));
    cr_assert(turbo__ring_half_full(&ring));
    turbo__ring_clear(&ring);
}

Test(ring, is_without_memory_or_too_large)
{
    turbo__ring ring;
    (void)turbo__mem_fail_nth(1);
    cr_assert_eq(turbo__ring_init(&ring, 4096, 3), TURBO_ENOMEM);
    (void)turbo__mem_fail_nth(0);
    turbo__ring_clear(&ring);
    cr_assert_eq(turbo__ring_init(&ring, SIZE_MAX, 3), TURBO_ENOMEM);
    turbo__ring_clear(&ring);
}
