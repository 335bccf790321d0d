#include "timer_codec.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const char *const event_words[] = {
#define X(name, word) [EVENT_##name] = word,
    EVENTS(X)
#undef X
};

const char *timer_codec_format(char out[TIMER_MEMBER_SIZE], const struct timer_key *key)
{
    (void)snprintf(out, TIMER_MEMBER_SIZE, "%" PRIu64 "/%s/%zu.%zu.%" PRIu32 ".%" PRIu32 "/%" PRIu64,
                   key->deployment, event_words[key->kind], key->step, key->slot, key->attempt, key->epoch,
                   key->question);
    return out;
}

bool timer_codec_parse(const char *member, struct timer_key *ret_key)
{
    struct timer_key key = {0};
    char word[32];

    if (sscanf(member, "%20" SCNu64 "/%31[a-z_]/%9zu.%9zu.%9" SCNu32 ".%9" SCNu32 "/%20" SCNu64, &key.deployment, word,
               &key.step, &key.slot, &key.attempt, &key.epoch, &key.question) != 7) {
        return false;
    }
    for (size_t i = 0; i < sizeof event_words / sizeof *event_words; i++) {
        if (strcmp(word, event_words[i]) == 0) {
            char again[TIMER_MEMBER_SIZE];

            key.kind = (enum event_kind)i;
            /* Only what this module writes is understood: no signs, blanks or words behind it. */
            if (strcmp(timer_codec_format(again, &key), member) != 0) {
                return false;
            }
            *ret_key = key;
            return true;
        }
    }
    return false;
}
