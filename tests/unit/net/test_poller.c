/* SPDX-License-Identifier: MIT */
#include "net/poller.h"

#include <sys/socket.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "turbo/error.h"

static turbo__poller poller;
static int ends[2];

static void set_up(void)
{
    cr_assert_eq(turbo__poller_open(&poller), 0);
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
}

static void tear_down(void)
{
    turbo__poller_close(&poller);
    (void)close(ends[0]);
    (void)close(ends[1]);
}

static uint32_t seen(void)
{
    turbo__poll_event event = {NULL, 0};
    int count = turbo__poller_wait(&poller, &event, 1, 0);
    cr_assert(count == 0 || (count == 1 && event.data == &ends[0]));
    return event.events;
}

Test(poller, is_level_triggered, .init = set_up, .fini = tear_down)
{
    char c;
    cr_assert_eq(turbo__poller_add(&poller, ends[0], TURBO__READABLE, false, &ends[0]), 0);
    cr_assert_eq(seen(), 0);
    cr_assert_eq(write(ends[1], "x", 1), 1);
    cr_assert_eq(seen(), TURBO__READABLE);
    cr_assert_eq(seen(), TURBO__READABLE, "shown again until handled");
    cr_assert_eq(read(ends[0], &c, 1), 1);
    cr_assert_eq(seen(), 0);
}

Test(poller, changes_and_forgets, .init = set_up, .fini = tear_down)
{
    cr_assert_eq(turbo__poller_add(&poller, ends[0], TURBO__READABLE, false, &ends[0]), 0);
    cr_assert_eq(turbo__poller_change(&poller, ends[0], TURBO__WRITABLE, &ends[0]), 0);
    cr_assert_eq(seen(), TURBO__WRITABLE);
    turbo__poller_remove(&poller, ends[0]);
    cr_assert_eq(seen(), 0);
    cr_assert_eq(turbo__poller_change(&poller, ends[0], TURBO__READABLE, NULL), TURBO_ESYSTEM);
}

Test(poller, tells_half_closed_from_broken, .init = set_up, .fini = tear_down)
{
    cr_assert_eq(turbo__poller_add(&poller, ends[0], TURBO__PEER_CLOSED, false, &ends[0]), 0);
    cr_assert_eq(shutdown(ends[1], SHUT_WR), 0);
    cr_assert_eq(seen(), TURBO__PEER_CLOSED);
    cr_assert_eq(turbo__poller_change(&poller, ends[0], 0, &ends[0]), 0);
    cr_assert_eq(seen(), 0);
    (void)close(ends[1]);
    cr_assert_eq(seen(), TURBO__BROKEN, "reported unasked");
    ends[1] = -1;
}

Test(poller, reports_errors, .init = set_up, .fini = tear_down)
{
    turbo__poll_event event;
    cr_assert_eq(turbo__poller_add(&poller, -1, TURBO__READABLE, false, NULL), TURBO_ESYSTEM);
    turbo__poller_close(&poller);
    turbo__poller_close(&poller); /* twice is harmless */
    cr_assert_eq(turbo__poller_wait(&poller, &event, 1, 0), TURBO_ESYSTEM);
}
