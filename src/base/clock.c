#include "base/clock.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static int64_t now_us(clockid_t clock) {
    struct timespec now;
    (void)clock_gettime(clock, &now); /* cannot fail for the two clocks used here */
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int64_t clock_wall_ms(void) {
    return now_us(CLOCK_REALTIME) / 1000;
}

int64_t clock_monotonic_ms(void) {
    return now_us(CLOCK_MONOTONIC) / 1000;
}

int64_t clock_monotonic_us(void) {
    return now_us(CLOCK_MONOTONIC);
}

/* Returns the milliseconds that are left over. Years of 64-bit milliseconds fit into struct tm. */
static int split(int64_t wall_ms, struct tm *ret_tm) {
    int rest = (int)(wall_ms % 1000);
    time_t seconds = wall_ms / 1000;
    if (rest < 0) {
        rest += 1000;
        seconds--;
    }
    (void)gmtime_r(&seconds, ret_tm);
    return rest;
}

void clock_iso(struct buf *out, int64_t wall_ms) {
    struct tm tm;
    int ms = split(wall_ms, &tm);
    buf_printf(out, "%04d-%02d-%02dT%02d:%02d:%02d.%03d+00:00", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday,
               tm.tm_hour, tm.tm_min, tm.tm_sec, ms);
}

static bool zone_set;

void clock_set_zone(const char *name) {
    zone_set = name != NULL && strcmp(name, "UTC") != 0;
    if (zone_set) {
        (void)setenv("TZ", name, 1);
        tzset();
    }
}

static void split_local(int64_t wall_ms, struct tm *ret_tm) {
    time_t seconds = wall_ms / 1000;
    if (zone_set) {
        (void)localtime_r(&seconds, ret_tm);
    } else {
        (void)split(wall_ms, ret_tm);
    }
}

void clock_day(int64_t wall_ms, char ret_day[CLOCK_DAY_SIZE], int *ret_minute) {
    struct tm tm;
    split_local(wall_ms, &tm);
    (void)snprintf(ret_day, CLOCK_DAY_SIZE, "%04d-%02d-%02d", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday);
    *ret_minute = tm.tm_hour * 60 + tm.tm_min;
}

void clock_short(struct buf *out, int64_t wall_ms, int64_t now_ms) {
    static const char months[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                       "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    struct tm tm, now;
    split_local(wall_ms, &tm);
    split_local(now_ms, &now);
    if (tm.tm_yday != now.tm_yday || tm.tm_year != now.tm_year) {
        buf_printf(out, "%d %s ", tm.tm_mday, months[tm.tm_mon]);
    }
    buf_printf(out, "%02d:%02d %s", tm.tm_hour, tm.tm_min, zone_set ? tm.tm_zone : "UTC");
}
