/* SPDX-License-Identifier: MIT */
#include "base/log.h"

#include <string.h>

#include <criterion/criterion.h>

static struct seen {
    int lines;
    turbo_log_level level;
    char text[2048];
    size_t len;
} seen;

static void keep(turbo_log_level level, turbo_str line, void *user_data)
{
    struct seen *into = user_data;
    into->lines++;
    into->level = level;
    into->len = line.len;
    memcpy(into->text, line.data, line.len);
    into->text[line.len] = '\0';
}

Test(log, is_silent_without_a_sink)
{
    turbo__log(TURBO_LOG_ERROR, "nobody %s", "listens");
    turbo_log_set_sink(keep, TURBO_LOG_DEBUG, &seen);
    turbo_log_set_sink(NULL, TURBO_LOG_DEBUG, NULL);
    turbo__log(TURBO_LOG_ERROR, "nobody %s", "listens");
    cr_assert_eq(seen.lines, 0);
}

Test(log, hands_lines_of_the_level_to_the_sink)
{
    turbo_log_set_sink(keep, TURBO_LOG_WARNING, &seen);
    turbo__log(TURBO_LOG_INFO, "too low");
    cr_assert_eq(seen.lines, 0);
    turbo__log(TURBO_LOG_WARNING, "%s %d", "worker", 3);
    cr_assert_eq(seen.lines, 1);
    cr_assert_eq(seen.level, TURBO_LOG_WARNING);
    cr_assert_str_eq(seen.text, "worker 3");
    turbo__log(TURBO_LOG_ERROR, "higher");
    cr_assert_eq(seen.lines, 2);
}

Test(log, cuts_long_lines)
{
    char text[3000];
    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    turbo_log_set_sink(keep, TURBO_LOG_DEBUG, &seen);
    turbo__log(TURBO_LOG_DEBUG, "%s", text);
    cr_assert_eq(seen.len, 1023);
    turbo__log(TURBO_LOG_DEBUG, "%.1023s", text);
    cr_assert_eq(seen.len, 1023);
}

Test(log, keeps_a_line_one_line)
{
    turbo_log_set_sink(keep, TURBO_LOG_DEBUG, &seen);
    turbo__log(TURBO_LOG_DEBUG, "name '%s'", "a\r\nforged \x1b[2J\t\xc3\xa9\x7f");
    cr_assert_str_eq(seen.text, "name 'a??forged ?[2J\t\xc3\xa9?'");
}
