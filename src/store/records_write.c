/* What the leader adds to its commits. */

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/id.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/str.h"
#include "claim.h"
#include "codec_deployment.h"
#include "inbox_codec.h"
#include "records_key.h"
#include "store/records.h"

const char *records_key(char out[RECORDS_KEY_SIZE], const char *kind, uint64_t id, const char *rest) {
    (void)snprintf(out, RECORDS_KEY_SIZE, "%s:%" PRIu64 "%s", kind, id, rest);
    return out;
}

static void add_hash(struct commit *commit, const char *key, const struct field_list *list) {
    commit_op(commit, "HSET", key, list->count, list->words, NULL);
}

void commit_put_deployment(struct commit *commit, const struct deployment *d) {
    char key[RECORDS_KEY_SIZE];
    struct field_list list = {.count = 0};
    deployment_encode_state(&list, d);
    add_hash(commit, records_key(key, "dep", d->id, ""), &list);
}

/* What is known of runs before the deployment begins. Many at a time, but no more than the script can hand over in one call. */
static void put_known_runs(struct commit *commit, const struct deployment *d) {
    enum { AT_ONCE = 1000 };
    char key[RECORDS_KEY_SIZE];
    struct arena *arena = arena_create();
    const char **words = arena_array(arena, 2 * (size_t)AT_ONCE, sizeof *words);
    size_t count = 0;
    (void)records_key(key, "dep", d->id, ":runs");
    for (size_t step = 0; d->steps != NULL && step < d->plan->step_count; step++) {
        for (size_t slot = 0; slot < d->plan->steps[step].slot_count; slot++) {
            char field[RUN_FIELD_SIZE];
            char text[RUN_TEXT_SIZE];
            const struct run *run = deployment_run(d, step, slot);
            if (!run->earlier && !run->bound) {
                continue;
            }
            run_field_format(field, step, slot);
            run_encode(text, run);
            words[count++] = arena_strdup(arena, field);
            words[count++] = arena_strdup(arena, text);
            if (count == 2 * (size_t)AT_ONCE) {
                commit_op(commit, "HSET", key, count, words, NULL);
                count = 0;
            }
        }
    }
    if (count > 0) {
        commit_op(commit, "HSET", key, count, words, NULL);
    }
    arena_destroy(arena);
}

void commit_put_new_deployment(struct commit *commit, const struct deployment *d) {
    char key[RECORDS_KEY_SIZE];
    char id[NUMBER_SIZE];
    char lane[STORE_KEY_SIZE];
    struct field_list list = {.count = 0};
    deployment_encode_fixed(&list, d);
    deployment_encode_state(&list, d);
    add_hash(commit, records_key(key, "dep", d->id, ""), &list);
    (void)words_u64(id, d->id);
    put_known_runs(commit, d);
    commit_add(commit, "ZADD", "deployments", id, id);
    commit_add(commit, "ZADD", "live", id, id);
    commit_add(commit, "RPUSH", records_lane(lane, d->plan->project, d->plan->environment), id);
    commit_add(commit, "HSET", "newest", lane + strlen("lane:"), id);
    inbox_encode_lane(commit, d->plan->project, d->plan->environment);
    commit_changed(commit, d->id);
}

const char *records_lane(char out[STORE_KEY_SIZE], const char *project, const char *environment) {
    int size = snprintf(out, STORE_KEY_SIZE, "lane:%s/%s", project, environment);
    assert(size > 0 && size < STORE_KEY_SIZE);
    (void)size;
    return out;
}

void commit_put_run(struct commit *commit, const struct deployment *d, size_t step, size_t slot) {
    char key[RECORDS_KEY_SIZE];
    char field[RUN_FIELD_SIZE];
    char text[RUN_TEXT_SIZE];
    run_field_format(field, step, slot);
    run_encode(text, deployment_run(d, step, slot));
    commit_add(commit, "HSET", records_key(key, "dep", d->id, ":runs"), field, text);
}

void commit_put_claim(struct commit *commit, const struct deployment *d, size_t step, size_t slot, char letter,
                      uint32_t attempt, uint32_t epoch) {
    char key[RECORDS_KEY_SIZE];
    char field[RUN_FIELD_SIZE];
    char claim[CLAIM_SIZE];
    const struct run *run = deployment_run(d, step, slot);
    run_field_format(field, step, slot);
    claim_format(claim, letter, attempt, epoch, NULL);
    commit_add(commit, "HSET", records_key(key, "dep", d->id, ":claims"), field, claim);
    if (letter != CLAIM_ENDED && run->worker != NULL) {
        /* Its owner is gone, or replaced by a Retry while it still listened: the run is nobody's now. */
        char owned[STORE_KEY_SIZE];
        char member[OWNED_SIZE];
        (void)snprintf(owned, sizeof owned, "owned:%s", run->worker);
        owned_format(member, d->id, step, slot);
        commit_add(commit, "SREM", owned, member);
    }
}

void commit_ask(struct commit *commit, const struct deployment *d, const struct question *question) {
    char key[RECORDS_KEY_SIZE];
    char id[NUMBER_SIZE];
    struct field_list list = {.count = 0};
    question_encode(&list, d, question);
    (void)words_u64(id, question->id);
    add_hash(commit, records_key(key, "q", question->id, ""), &list);
    commit_add(commit, "RPUSH", records_key(key, "dep", d->id, ":questions"), id);
    commit_add(commit, "ZADD", "pending", id, id);
}

void commit_put_excerpt(struct commit *commit, const struct question *question) {
    char key[RECORDS_KEY_SIZE];
    commit_add(commit, "HSET", records_key(key, "q", question->id, ""), "excerpt", question->excerpt);
}

size_t commit_close_question(struct commit *commit, const struct deployment *d, uint64_t question,
                             enum guidance guidance, const char *why, int64_t now_ms) {
    char key[RECORDS_KEY_SIZE];
    char id[NUMBER_SIZE];
    struct field_list list = {.count = 0};
    (void)d;
    (void)records_key(key, "q", question, "");
    size_t precondition = commit_require_field(commit, key, "state", "open");
    field_list_set(&list, "state", "closed");
    field_list_text(&list, "answer", guidance_word(guidance));
    field_list_number(&list, "at", (uint64_t)now_ms);
    field_list_text(&list, "closed_why", why);
    add_hash(commit, key, &list);
    commit_add(commit, "HINCRBY", key, "revision", "1");
    commit_add(commit, "ZREM", "pending", words_u64(id, question));
    return precondition;
}

void commit_require_deadline(struct commit *commit, uint64_t question, int64_t deadline_ms) {
    char key[RECORDS_KEY_SIZE];
    char deadline[NUMBER_SIZE];
    (void)commit_require_field(commit, records_key(key, "q", question, ""), "deadline",
                               words_i64(deadline, deadline_ms));
}

void commit_put_vigil(struct commit *commit, const struct vigil *vigil) {
    char key[RECORDS_KEY_SIZE];
    struct buf text = BUF_INIT(STORE_KEY_SIZE);
    vigil_encode(&text, vigil);
    commit_add(commit, "HSET", records_key(key, "q", vigil->card, ""), "vigil", text.data);
    buf_finish(&text);
}

void commit_put_closing(struct commit *commit, uint64_t deployment, enum closing next, int64_t now_ms) {
    char key[RECORDS_KEY_SIZE];
    (void)commit_require_field(commit, records_key(key, "dep", deployment, ""), "closing", closing_word(CLOSING_NO));
    commit_add(commit, "HSET", key, "closing", closing_word(next));
    inbox_encode_event(commit, deployment, &(struct event){.kind = EVENT_FAILING, .now_ms = now_ms});
}

void commit_finish(struct commit *commit, const struct deployment *d) {
    char key[RECORDS_KEY_SIZE];
    char id[NUMBER_SIZE];
    char ended[NUMBER_SIZE];
    char lane[STORE_KEY_SIZE];
    (void)words_u64(id, d->id);
    (void)commit_require_field(commit, records_key(key, "dep", d->id, ""), "closing", closing_word(d->intake));
    commit_add(commit, "HSET", key, "final", deployment_state_word(d->state));
    commit_add(commit, "ZREM", "live", id);
    commit_add(commit, "ZADD", "ended", words_i64(ended, d->ended_ms), id);
    commit_add(commit, "LREM", records_lane(lane, d->plan->project, d->plan->environment), "0", id);
    inbox_encode_lane(commit, d->plan->project, d->plan->environment);
    bool succeeded = d->state == DEPLOYMENT_SUCCEEDED || d->state == DEPLOYMENT_SUCCEEDED_WITH_WARNINGS;
    if (succeeded && !(d->plan->partial && d->origin == ORIGIN_CATCH_UP)) {
        commit_lane_confirmed(commit, d);
    }
}

void commit_changed(struct commit *commit, uint64_t deployment) {
    char id[NUMBER_SIZE];
    char length[NUMBER_SIZE];
    commit_add(commit, "XADD", "changes", "MAXLEN", "~", words_u64(length, LIMIT_CHANGES_LENGTH), "*", "deployment",
               words_u64(id, deployment));
}

/* An entry is the JSON array [when, what, actor, via, note] with empty ends left out. The head of the chain is the
 * SHA-256 of the head before it and the entry; it lies elsewhere, so that an entry cannot be changed, taken out or added
 * unseen. */
void records_chain(struct commit *commit, const char *list, char head[65], const struct audit_entry *entry) {
    struct buf text = BUF_INIT(LIMIT_MESSAGE_BYTES);
    struct json_out json = {.buf = &text};
    const char *const parts[] = {entry->what, entry->actor, entry->via, entry->note};
    size_t count = sizeof parts / sizeof parts[0];
    while (count > 0 && str_empty(parts[count - 1])) {
        count--;
    }
    buf_adds(&text, head);
    size_t head_size = text.size;
    json_array_begin(&json, NULL);
    json_add_int(&json, NULL, entry->when_ms);
    for (size_t i = 0; i < count; i++) {
        json_add_string(&json, NULL, parts[i] != NULL ? parts[i] : "");
    }
    json_array_end(&json);
    id_digest(head, text.data, text.size);
    commit_add(commit, "RPUSH", list, text.data + head_size);
    buf_finish(&text);
}

void commit_audit(struct commit *commit, struct deployment *d, const char *what, const char *actor, const char *via,
                  const char *note, int64_t now_ms) {
    char key[RECORDS_KEY_SIZE];
    records_chain(commit, records_key(key, "audit", d->id, ""), d->audit_head,
                  &(struct audit_entry){.what = what, .actor = actor, .via = via, .note = note, .when_ms = now_ms});
}

void commit_add_timer(struct commit *commit, uint64_t deployment, const struct effect *effect) {
    char member[TIMER_MEMBER_SIZE];
    char due[NUMBER_SIZE];
    timer_member_format(member, deployment, effect);
    commit_add(commit, "ZADD", "timers", words_i64(due, effect->at_ms), member);
}

void commit_remove_timer(struct commit *commit, const char *member) {
    commit_add(commit, "ZREM", "timers", member);
}
