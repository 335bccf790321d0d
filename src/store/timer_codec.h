#ifndef GP_STORE_TIMER_CODEC_H
#define GP_STORE_TIMER_CODEC_H

/*
 * A member of the timers set says by itself which event is due for whom, so that a timer is one write and nothing has to be
 * looked up when it fires: "<deployment>/<event word>/<step>.<slot>.<attempt>.<epoch>/<question>". Equal timers are one member.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/deployment.h"

enum { TIMER_MEMBER_SIZE = 160 };

struct timer_key {
    uint64_t deployment;
    enum event_kind kind;
    size_t step, slot;
    uint32_t attempt, epoch;
    uint64_t question;
};

const char *timer_codec_format(char out[TIMER_MEMBER_SIZE], const struct timer_key *key);
/* False if the member cannot be understood. */
bool timer_codec_parse(const char *member, struct timer_key *ret_key);

#endif
