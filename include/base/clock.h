#ifndef GP_BASE_CLOCK_H
#define GP_BASE_CLOCK_H

/* Time. Machines' silence is measured by the monotonic clock, people's deadlines by wall time. */

#include <stdint.h>

#include "base/buf.h"

int64_t clock_wall_ms(void);      /* since 1970, UTC */
int64_t clock_monotonic_ms(void); /* does not jump */
int64_t clock_monotonic_us(void);

/* "2026-01-05T10:00:00.000+00:00", as the REST API shows times. */
void clock_iso(struct buf *out, int64_t wall_ms);

/* The time zone in which people are shown times, such as "Europe/Berlin"; UTC until it is set. */
void clock_set_zone(const char *name);

/* The day there, "2026-01-05", and the minute of the day. */
enum { CLOCK_DAY_SIZE = 32 };
void clock_day(int64_t wall_ms, char ret_day[CLOCK_DAY_SIZE], int *ret_minute);

/* "16:02 UTC", and "5 Jan 16:02 UTC" if it is not on the day of now_ms; in the time zone that was set. */
void clock_short(struct buf *out, int64_t wall_ms, int64_t now_ms);

#endif
