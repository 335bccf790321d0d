#ifndef GP_CHAT_SLACK_PACING_H
#define GP_CHAT_SLACK_PACING_H

/*
 * How soon something may be done once more. A meter counts one thing: the calls of a method, the messages in a channel,
 * the edits of a message. There is no clock in here: the time (monotonic milliseconds) is passed in. Meters that have
 * nothing to remember any more are forgotten.
 */

#include <stddef.h>
#include <stdint.h>

/* `burst` at once, and then one every interval_ms. */
struct pacing_rate {
    int64_t interval_ms, burst;
};

/* A fifth of it at once, and in no minute more than `count`. */
struct pacing_rate pacing_per_minute(int64_t count);

struct pacing *pacing_create(void);
void pacing_destroy(struct pacing *pacing); /* NULL does nothing */

/* The meter for a kind of thing and its name; never 0. */
uint64_t pacing_meter(const char *kind, const char *name);

/* When it may be done: now_ms, or later. With rate NULL only a hold makes it wait. */
int64_t pacing_when(const struct pacing *pacing, uint64_t meter, const struct pacing_rate *rate, int64_t now_ms);

/* It is done now. */
void pacing_take(struct pacing *pacing, uint64_t meter, const struct pacing_rate *rate, int64_t now_ms);

/* The server wants it not before until_ms. */
void pacing_hold(struct pacing *pacing, uint64_t meter, int64_t until_ms, int64_t now_ms);

/* How many meters remember something; for tests. */
size_t pacing_count(const struct pacing *pacing);

/* The pause before the next attempt, after `attempts` that failed: a random part (full jitter) of LIMIT_SLACK_PAUSE_MS
 * that doubles each time up to LIMIT_SLACK_PAUSE_MAX_MS. */
int64_t pacing_pause_ms(unsigned attempts, uint64_t random);

#endif
