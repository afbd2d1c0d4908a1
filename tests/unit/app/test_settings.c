/* SPDX-License-Identifier: MIT */
#include "app/settings.h"

#include <string.h>

#include <criterion/criterion.h>

#include "base/mem.h"

Test(settings, have_the_documented_defaults)
{
    turbo_server_options options = {.size = sizeof(options)};
    turbo__settings settings;
    cr_assert_eq(turbo__settings_init(&settings, &options), 0);
    cr_assert_eq(settings.workers, 1);
    cr_assert_eq(settings.backlog, 2048);
    cr_assert_gt(settings.max_connections, 0);
    cr_assert_leq(settings.max_connections, 10000);
    cr_assert_eq(settings.offload_threads, 40);
    cr_assert_eq(settings.offload_queue, 1024);
    cr_assert_eq(settings.max_pipelined, 16);
    cr_assert_eq(settings.head.request_line, 8 * 1024);
    cr_assert_eq(settings.head.head, 32 * 1024);
    cr_assert_eq(settings.head.fields, 100);
    cr_assert_eq(settings.max_body, 16 * 1024 * 1024);
    cr_assert_eq(settings.stream_window, 64 * 1024);
    cr_assert_eq(settings.head_timeout, 10000);
    cr_assert_eq(settings.body_timeout, 10000);
    cr_assert_eq(settings.idle_timeout, 5000);
    cr_assert_eq(settings.write_timeout, 30000);
    cr_assert_eq(settings.grace, 30000);
    cr_assert_eq(settings.max_requests, 10000);
    cr_assert_not(settings.reuse_port || settings.redirect_slashes || settings.strict_head ||
                  settings.allow_first);
    cr_assert_str_eq(settings.server_lines, "server: libturbo\r\n");
    turbo__settings_clear(&settings);
    turbo__settings_clear(&settings); /* twice is harmless */
}

Test(settings, take_what_is_given)
{
    turbo_server_options options = {.size = sizeof(options),
                                    .workers = 3,
                                    .max_request_line = 100,
                                    .max_head = 1 << 20,
                                    .stream_window = 1,
                                    .strict_head = true,
                                    .server_header = ""};
    turbo__settings settings;
    cr_assert_eq(turbo__settings_init(&settings, &options), 0);
    cr_assert_eq(settings.workers, 3);
    cr_assert_eq(settings.head.request_line, 100);
    cr_assert_eq(settings.head.head, 1 << 20);
    cr_assert_gt(settings.stream_window, 1);
    cr_assert(settings.strict_head);
    cr_assert_str_eq(settings.server_lines, "");
    turbo__settings_clear(&settings);
}

Test(settings, refuse_what_is_out_of_range)
{
    char long_header[102];
    memset(long_header, 'a', sizeof(long_header));
    long_header[101] = '\0';
    const turbo_server_options cases[] = {
        {.workers = 1025},        {.offload_threads = 4097},
        {.backlog = 65536},       {.max_head = (1 << 20) + 1},
        {.grace = UINT32_MAX},    {.max_request_line = (1 << 20) + 1},
        {.max_headers = 10001},   {.idle_timeout = UINT32_MAX},
        {.server_header = "a\n"}, {.write_timeout = 24 * 3600 * 1000 + 1},
        {.forwarding = 4},        {.server_header = long_header},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        turbo__settings settings;
        cr_expect_eq(turbo__settings_init(&settings, &cases[i]), TURBO_EINVAL, "case %zu", i);
        turbo__settings_clear(&settings);
    }
}

Test(settings, report_want_of_memory)
{
    turbo_server_options options = {.size = sizeof(options)};
    turbo__settings settings;
    (void)turbo__mem_fail_nth(1);
    cr_assert_eq(turbo__settings_init(&settings, &options), TURBO_ENOMEM);
    (void)turbo__mem_fail_nth(0);
    turbo__settings_clear(&settings);
}
