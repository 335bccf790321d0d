#include "base/clock.h"

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

void clock_short(struct buf *out, int64_t wall_ms, int64_t now_ms) {
    static const char months[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                       "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    struct tm tm, now;
    (void)split(wall_ms, &tm);
    (void)split(now_ms, &now);
    if (tm.tm_yday != now.tm_yday || tm.tm_year != now.tm_year) {
        buf_printf(out, "%d %s ", tm.tm_mday, months[tm.tm_mon]);
    }
    buf_printf(out, "%02d:%02d UTC", tm.tm_hour, tm.tm_min);
}
