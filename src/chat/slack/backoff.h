#ifndef GP_CHAT_SLACK_BACKOFF_H
#define GP_CHAT_SLACK_BACKOFF_H

/* How long to wait before the next connection to Slack is asked for. Pure: the random number comes from the caller. */

#include <stdint.h>

/* From the mildest to the gravest. */
enum backoff_cause {
    BACKOFF_DROPPED,       /* a connection that worked is lost, or is to be refreshed: at once, the first time */
    BACKOFF_NETWORK,       /* it did not come about */
    BACKOFF_TOO_MANY,      /* too many sockets of this app: hurrying makes it worse */
    BACKOFF_LINK_DISABLED, /* Socket Mode was switched off: a person must act */
};

/* What went wrong since the last connection that lasted; all zero at first and after one. */
struct backoff {
    unsigned failures; /* attempts */
    enum backoff_cause gravest;
};

/* Counts one more failure and gives the pause after it, for the gravest cause so far. retry_after_ms: what Slack asked
 * for, or 0. The pause is drawn from the whole range ("full jitter"), so that many bots do not come back together. */
int64_t backoff_next_ms(struct backoff *backoff, enum backoff_cause cause, int64_t retry_after_ms, uint32_t random);

#endif
