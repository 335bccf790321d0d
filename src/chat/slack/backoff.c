#include "backoff.h"

/* The range that the pause of a cause is drawn from; the upper end doubles with each failure up to the last. */
struct range {
    int64_t from_ms, to_ms, to_ms_max;
};

static const struct range ranges[] = {
    [BACKOFF_DROPPED] = {0, 500, 500},
    [BACKOFF_NETWORK] = {200, 500, 30000},
    [BACKOFF_TOO_MANY] = {30000, 60000, 300000},
    [BACKOFF_LINK_DISABLED] = {60000, 120000, 600000},
};

int64_t backoff_next_ms(struct backoff *backoff, enum backoff_cause cause, int64_t retry_after_ms, uint32_t random) {
    if (cause > backoff->gravest) {
        backoff->gravest = cause;
    } else {
        cause = backoff->gravest;
    }
    if (cause == BACKOFF_DROPPED && backoff->failures > 0) {
        cause = BACKOFF_NETWORK; /* it does not last: it is as good as none */
    }
    struct range range = ranges[cause];
    for (unsigned i = 0; i < backoff->failures && range.to_ms < range.to_ms_max; i++) {
        range.to_ms *= 2;
    }
    backoff->failures += backoff->failures < UINT16_MAX;
    range.to_ms = range.to_ms < range.to_ms_max ? range.to_ms : range.to_ms_max;
    int64_t width_ms = range.to_ms - range.from_ms;
    int64_t pause_ms = range.from_ms + (int64_t)((uint64_t)random * (uint64_t)width_ms / UINT32_MAX);
    /* What Slack asks for is the least, and nobody comes back at the same moment either. */
    int64_t asked_ms = retry_after_ms > 0 ? retry_after_ms + pause_ms % 1000 : 0;
    return pause_ms > asked_ms ? pause_ms : asked_ms;
}
