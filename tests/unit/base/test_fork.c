/* SPDX-License-Identifier: MIT */
#include "base/fork.h"

#include <sys/wait.h>
#include <unistd.h>

#include <criterion/criterion.h>

/* The count as a child sees it, `depth` forks away; itself forks on. */
static int count_after(int depth)
{
    if (depth == 0) {
        return (int)turbo__fork_count();
    }
    pid_t child = fork();
    if (child == 0) {
        _exit(count_after(depth - 1));
    }
    int status;
    cr_assert_eq(waitpid(child, &status, 0), child);
    return WEXITSTATUS(status);
}

Test(fork, is_counted_once_it_is_watched)
{
    cr_assert_eq(count_after(0), 1);
    cr_assert_eq(count_after(1), 1);
    cr_assert_eq(turbo__fork_watch(), 0);
    cr_assert_eq(turbo__fork_watch(), 0);
    cr_assert_not(turbo__fork_happened());
    cr_assert_eq(count_after(0), 1);
    cr_assert_eq(count_after(1), 2);
    cr_assert(turbo__fork_happened());
    cr_assert_eq(count_after(3), 4);
    cr_assert_eq(count_after(0), 1, "a parent goes on as before");
}
