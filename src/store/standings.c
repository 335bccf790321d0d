/* What the leader writes about machines, lanes and errors that outlives the deployment: what they have, are owed, or may
 * have, and what people's answers did. */

#include <inttypes.h>

#include "base/limits.h"
#include "base/str.h"
#include "records_key.h"
#include "words.h"

/* "<project>/<environment>/<target>" in the hash. */
static void put_standing(struct commit *commit, const char *hash, const struct deployment *d, const char *command,
                         const char *target, const char *value) {
    struct buf place = BUF_INIT(STORE_KEY_SIZE);
    buf_printf(&place, "%s/%s/%s", d->plan->project, d->plan->environment, target);
    if (value == NULL) {
        commit_add(commit, command, hash, place.data);
    } else {
        commit_add(commit, command, hash, place.data, value);
    }
    buf_finish(&place);
}

/* "<version> <deployment> <when>" and what follows. */
static void standing_value(struct buf *value, const struct deployment *d, int64_t now_ms, const char *more) {
    buf_printf(value, "%s %" PRIu64 " %" PRId64 "%s", d->version, d->id, now_ms, more);
}

void commit_deployed(struct commit *commit, const struct deployment *d, const char *target, int64_t now_ms) {
    struct buf value = BUF_INIT(STORE_KEY_SIZE);
    standing_value(&value, d, now_ms, "");
    put_standing(commit, "versions", d, "HSET", target, value.data);
    put_standing(commit, "owed", d, "HDEL", target, NULL);
    put_standing(commit, "owed_version", d, "HDEL", target, NULL);
    put_standing(commit, "unconfirmed", d, "HDEL", target, NULL);
    buf_finish(&value);
}

/* The debt is as old as the first exclude; what is owed is the newest that was missed, which after a rollback is another. */
void commit_owed(struct commit *commit, const struct deployment *d, const char *target, int64_t now_ms) {
    struct buf value = BUF_INIT(STORE_KEY_SIZE);
    standing_value(&value, d, now_ms, "");
    put_standing(commit, "owed", d, "HSETNX", target, value.data);
    put_standing(commit, "owed_version", d, "HSET", target, d->version);
    buf_finish(&value);
}

void commit_unconfirmed(struct commit *commit, const struct deployment *d, const char *target, bool unknown,
                        int64_t now_ms) {
    struct buf value = BUF_INIT(STORE_KEY_SIZE);
    standing_value(&value, d, now_ms, unknown ? " unknown" : " unfinished");
    put_standing(commit, "unconfirmed", d, "HSET", target, value.data);
    buf_finish(&value);
}

/* A catch up brings nothing that the lane did not have. */
void commit_lane_confirmed(struct commit *commit, const struct deployment *d) {
    struct buf key = BUF_INIT(STORE_KEY_SIZE);
    struct buf value = BUF_INIT(STORE_KEY_SIZE);
    char last[NUMBER_SIZE];
    standing_value(&value, d, d->ended_ms, "");
    if (d->plan->partial) {
        buf_adds(&value, " partial");
    } else {
        put_standing(commit, "versions", d, "HSET", "", value.data);
        buf_adds(&value, d->rolls_back ? " rollback" : "");
    }
    buf_printf(&key, "confirmed:%s/%s", d->plan->project, d->plan->environment);
    commit_add(commit, "LPUSH", key.data, value.data);
    commit_add(commit, "LTRIM", key.data, "0", words_u64(last, LIMIT_CONFIRMED - 1));
    buf_finish(&key);
    buf_finish(&value);
}

/* --- what past answers did --- */

static void count_past(struct commit *commit, const struct deployment *d, uint64_t past, const char *word,
                       const char *by) {
    struct buf key = BUF_INIT(STORE_KEY_SIZE);
    char seconds[NUMBER_SIZE];
    buf_printf(&key, "past:%s:%" PRIu64, d->plan->project, past);
    commit_add(commit, "HINCRBY", key.data, word, by);
    commit_add(commit, "EXPIRE", key.data, words_u64(seconds, LIMIT_PAST_SECONDS));
    buf_finish(&key);
}

void commit_past(struct commit *commit, const struct deployment *d, uint64_t past, enum guidance guidance) {
    count_past(commit, d, past, guidance == GUIDANCE_NONE ? "worked" : guidance_word(guidance), "1");
}

void commit_past_taken_back(struct commit *commit, const struct deployment *d, uint64_t past, enum guidance guidance) {
    count_past(commit, d, past, guidance_word(guidance), "-1");
}
