/* SPDX-License-Identifier: MIT */
#include "base/clock.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#ifndef CLOCK_MONOTONIC_COARSE
#define CLOCK_MONOTONIC_COARSE CLOCK_MONOTONIC
#endif
#ifndef CLOCK_REALTIME_COARSE
#define CLOCK_REALTIME_COARSE CLOCK_REALTIME
#endif

static struct timespec now(clockid_t id)
{
    struct timespec ts = {0, 0};
    (void)clock_gettime(id, &ts); /* these clocks exist; it cannot fail */
    return ts;
}

uint64_t turbo__clock_ms(void)
{
    struct timespec ts = now(CLOCK_MONOTONIC_COARSE);
    return (uint64_t)ts.tv_sec * 1000u + (uint64_t)ts.tv_nsec / 1000000u;
}

uint64_t turbo__clock_ns(void)
{
    struct timespec ts = now(CLOCK_MONOTONIC);
    return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

void turbo__sleep_ns(uint64_t ns)
{
    struct timespec time = {(time_t)(ns / 1000000000u), (long)(ns % 1000000000u)};
    (void)nanosleep(&time, NULL); /* waking early is allowed */
}

void turbo__clock_deadline(uint32_t ms, struct timespec *out)
{
    *out = now(CLOCK_MONOTONIC);
    out->tv_sec += (time_t)(ms / 1000u);
    out->tv_nsec += (long)(ms % 1000u) * 1000000L;
    if (out->tv_nsec >= 1000000000L) {
        out->tv_sec++;
        out->tv_nsec -= 1000000000L;
    }
}

int64_t turbo__clock_wall(void)
{
    return (int64_t)now(CLOCK_REALTIME_COARSE).tv_sec;
}

uint64_t turbo__clock_wall_us(void)
{
    struct timespec ts = now(CLOCK_REALTIME);
    return (uint64_t)ts.tv_sec * 1000000u + (uint64_t)ts.tv_nsec / 1000u;
}

void turbo__http_date(int64_t seconds, char out[TURBO__HTTP_DATE_LEN])
{
    static const char days[] = "SunMonTueWedThuFriSat";
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    time_t at = (time_t)seconds;
    struct tm tm;
    memset(&tm, 0, sizeof(tm));
    (void)gmtime_r(&at, &tm); /* fails only for years beyond int */
    char text[64];
    (void)snprintf(text, sizeof(text), "%.3s, %02d %.3s %04d %02d:%02d:%02d GMT",
                   days + (size_t)tm.tm_wday * 3, tm.tm_mday, months + (size_t)tm.tm_mon * 3,
                   tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
    memcpy(out, text, TURBO__HTTP_DATE_LEN);
}
