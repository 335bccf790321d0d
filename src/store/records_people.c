/* What people do to deployments that are there: answer, take, cancel, check. Each is one commit, and its preconditions
 * say what the answer to the person is if they do not hold. */

#include <assert.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "claim.h"
#include "inbox_codec.h"
#include "records_key.h"
#include "store/queue.h"
#include "store/records.h"
#include "words.h"

enum { REFUSALS_MAX = 6 };

struct request {
    answered_done *done;
    void *user;
    struct commit *commit;                     /* until it is sent */
    enum answer_result refusals[REFUSALS_MAX]; /* by precondition */
    size_t refusal_count;
    /* What to send instead if precondition `other_at` is refused because `other_if` was found there; or NULL. */
    struct request *other;
    size_t other_at;
    char other_if[CLAIM_SIZE];
};

static struct request *request_create(struct store *store, const char *event_id, answered_done *done, void *user) {
    struct request *request = mem_alloc(sizeof *request);
    request->commit = commit_create(store, event_id);
    request->done = done;
    request->user = user;
    return request;
}

static size_t require(struct request *request, const char *key, const char *field, const char *expected,
                      enum answer_result refusal) {
    size_t number = commit_require_field(request->commit, key, field, expected);
    assert(number == request->refusal_count && number < REFUSALS_MAX);
    request->refusals[request->refusal_count++] = refusal;
    return number;
}

static void request_free(struct request *request) {
    if (request != NULL && request->commit != NULL) {
        commit_drop(request->commit);
    }
    mem_free(request);
}

static void request_send(struct request *request);

static enum answer_result request_result(const struct request *request, const struct commit_reply *reply) {
    switch (reply->result) {
    case COMMIT_DONE:
        return ANSWER_ACCEPTED;
    case COMMIT_REFUSED:
        return request->refusals[reply->precondition];
    case COMMIT_UNAVAILABLE:
        return ANSWER_UNAVAILABLE;
    case COMMIT_UNKNOWN:
        return ANSWER_UNKNOWN;
    }
    return ANSWER_UNKNOWN;
}

static void request_came(const struct commit_reply *reply, void *user) {
    struct request *request = user;
    struct request *other = request->other;
    if (other != NULL && reply->result == COMMIT_REFUSED && reply->precondition == request->other_at &&
        str_equal(reply->found, request->other_if)) {
        request_send(other);
    } else {
        request->done(request_result(request, reply), request->user);
        request_free(other);
    }
    request_free(request);
}

static void request_send(struct request *request) {
    struct commit *commit = request->commit;
    request->commit = NULL;
    commit_send(commit, request_came, request);
}

static void put_number(struct commit *commit, const char *key, const char *field, uint64_t number) {
    char text[NUMBER_SIZE];
    commit_add(commit, "HSET", key, field, words_u64(text, number));
}

/* That this is the configuration in force. Where none is there is nothing that an empty generation could be equal to. */
static void require_generation(struct request *request, const char *generation) {
    (void)require(request, "config", "", str_empty(generation) ? "none" : generation, ANSWER_GENERATION);
}

/* --- answer --- */

static void answer_require(struct request *request, const struct new_answer *answer, const char *question,
                           const char *deployment) {
    char seen[NUMBER_SIZE];
    if (answer->revision != 0) {
        (void)require(request, deployment, "revision", words_u64(seen, answer->revision), ANSWER_CHANGED);
    }
    (void)require(request, question, "state", "open", ANSWER_TOO_LATE);
    (void)require(request, deployment, "closing", closing_word(answer->closing), ANSWER_CLOSING);
    require_generation(request, answer->generation);
    if (answer->guidance == GUIDANCE_EXCLUDE) {
        (void)require(request, deployment, "excluded", words_u64(seen, answer->excluded_seen), ANSWER_CHANGED);
    }
}

static void answer_write(struct commit *commit, const struct new_answer *answer, const char *question) {
    char id[NUMBER_SIZE];
    struct field_list list = {.count = 0};
    field_list_set(&list, "state", "answered");
    field_list_set(&list, "answer", guidance_word(answer->guidance));
    field_list_text(&list, "by", answer->actor);
    field_list_text(&list, "via", answer->via);
    field_list_text(&list, "note", answer->note);
    field_list_number(&list, "at", (uint64_t)answer->now_ms);
    commit_op(commit, "HSET", question, list.count, list.words, NULL);
    commit_add(commit, "HINCRBY", question, "revision", "1");
    commit_add(commit, "ZREM", "pending", words_u64(id, answer->question));
}

void store_answer(struct store *store, const struct new_answer *answer, answered_done *done, void *user) {
    char question[RECORDS_KEY_SIZE];
    char deployment[RECORDS_KEY_SIZE];
    struct request *request = request_create(store, answer->event_id, done, user);
    (void)records_key(question, "q", answer->question, "");
    (void)records_key(deployment, "dep", answer->deployment, "");
    answer_require(request, answer, question, deployment);
    answer_write(request->commit, answer, question);
    if (answer->guidance == GUIDANCE_EXCLUDE) {
        commit_add(request->commit, "HINCRBY", deployment, "excluded", "1");
    }
    bool fails = answer->guidance == GUIDANCE_FAIL || answer->guidance == GUIDANCE_ABORT;
    if (fails && answer->closing == CLOSING_NO) {
        commit_add(request->commit, "HSET", deployment, "closing", closing_word(CLOSING_FAILING));
    }
    const struct event event = {
        .kind = EVENT_ANSWERED,
        .now_ms = answer->now_ms,
        .question = answer->question,
        .guidance = answer->guidance,
        .actor = answer->actor,
        .via = answer->via,
        .note = answer->note,
    };
    inbox_encode_event(request->commit, answer->deployment, &event);
    commit_changed(request->commit, answer->deployment);
    request_send(request);
}

void store_take(struct store *store, uint64_t deployment, uint64_t question, const char *actor, const char *via,
                bool expect_nobody, answered_done *done, void *user) {
    char key[RECORDS_KEY_SIZE];
    struct request *request = request_create(store, NULL, done, user);
    (void)require(request, records_key(key, "q", question, ""), "state", "open", ANSWER_TOO_LATE);
    if (expect_nobody) {
        (void)require(request, key, "taken", "", ANSWER_CHANGED);
    }
    commit_add(request->commit, "HSET", key, "taken", actor);
    commit_add(request->commit, "HINCRBY", key, "revision", "1");
    const struct event event = {
        .kind = EVENT_TAKEN, .now_ms = clock_wall_ms(), .question = question, .actor = actor, .via = via};
    inbox_encode_event(request->commit, deployment, &event);
    commit_changed(request->commit, deployment);
    request_send(request);
}

/* --- when its target is back --- */

void store_when_back(struct store *store, const struct new_when_back *when_back, answered_done *done, void *user) {
    char key[RECORDS_KEY_SIZE];
    struct request *request = request_create(store, NULL, done, user);
    struct commit *commit = request->commit;
    (void)require(request, records_key(key, "q", when_back->question, ""), "state", "open", ANSWER_TOO_LATE);
    require_generation(request, when_back->generation);
    commit_add(commit, "HSET", key, "back", when_back->actor);
    put_number(commit, key, "back_until", (uint64_t)when_back->until_ms);
    if (str_empty(when_back->note)) {
        commit_add(commit, "HDEL", key, "back_note");
    } else {
        commit_add(commit, "HSET", key, "back_note", when_back->note);
    }
    commit_add(commit, "HINCRBY", key, "revision", "1");
    const struct event event = {.kind = EVENT_WHEN_BACK,
                                .now_ms = clock_wall_ms(),
                                .question = when_back->question,
                                .deadline_ms = when_back->until_ms,
                                .actor = when_back->actor,
                                .via = when_back->via,
                                .note = when_back->note};
    inbox_encode_event(commit, when_back->deployment, &event);
    commit_changed(commit, when_back->deployment);
    request_send(request);
}

/* --- clocks --- */

static void put_off_write(struct commit *commit, const char *key, const struct new_put_off *put_off, int64_t now_ms) {
    int64_t deadline_ms = put_off->deadline_ms;
    switch (put_off->how) {
    case PUT_OFF_EXTEND:
        break;
    case PUT_OFF_PARK:
        commit_add(commit, "HSET", key, "parked", put_off->actor);
        put_number(commit, key, "parked_at", (uint64_t)now_ms);
        deadline_ms = 0;
        break;
    case PUT_OFF_UNPARK:
        commit_add(commit, "HDEL", key, "parked", "parked_at");
        break;
    }
    if (deadline_ms == 0) {
        commit_add(commit, "HDEL", key, "deadline");
    } else {
        put_number(commit, key, "deadline", (uint64_t)deadline_ms);
    }
    commit_add(commit, "HINCRBY", key, "revision", "1");
}

void store_put_off(struct store *store, const struct new_put_off *put_off, answered_done *done, void *user) {
    static const enum event_kind kinds[] = {
        [PUT_OFF_EXTEND] = EVENT_EXTENDED, [PUT_OFF_PARK] = EVENT_PARKED, [PUT_OFF_UNPARK] = EVENT_UNPARKED};
    char key[RECORDS_KEY_SIZE];
    int64_t now_ms = clock_wall_ms();
    struct request *request = request_create(store, NULL, done, user);
    (void)require(request, records_key(key, "dep", put_off->deployment, ""), "closing", closing_word(put_off->closing),
                  ANSWER_CLOSING);
    (void)require(request, records_key(key, "q", put_off->question, ""), "state", "open", ANSWER_TOO_LATE);
    if (put_off->how != PUT_OFF_UNPARK) {
        (void)require(request, key, "parked", "", ANSWER_CHANGED);
    }
    put_off_write(request->commit, key, put_off, now_ms);
    const struct event event = {.kind = kinds[put_off->how],
                                .now_ms = now_ms,
                                .question = put_off->question,
                                .deadline_ms = put_off->deadline_ms,
                                .actor = put_off->actor,
                                .via = put_off->via};
    inbox_encode_event(request->commit, put_off->deployment, &event);
    commit_changed(request->commit, put_off->deployment);
    request_send(request);
}

/* --- cancel --- */

struct cancel {
    uint64_t deployment;
    const char *actor, *via, *note, *event_id;
    int64_t now_ms;
};

/* A cancel of a deployment whose `closing` is `before`. */
static struct request *cancel_create(struct store *store, const struct cancel *cancel, enum closing before,
                                     answered_done *done, void *user) {
    char key[RECORDS_KEY_SIZE];
    char id[NUMBER_SIZE];
    struct request *request = request_create(store, cancel->event_id, done, user);
    (void)require(request, records_key(key, "dep", cancel->deployment, ""), "id", words_u64(id, cancel->deployment),
                  ANSWER_TOO_LATE);
    (void)require(request, key, "final", "", ANSWER_TOO_LATE);
    request->other_at = require(request, key, "closing", closing_word(before), ANSWER_TOO_LATE);

    struct field_list list = {.count = 0};
    field_list_set(&list, "closing", closing_word(CLOSING_CANCELING));
    field_list_set(&list, "cancel", cancel->actor);
    field_list_text(&list, "cancel_via", cancel->via);
    field_list_text(&list, "cancel_note", cancel->note);
    commit_op(request->commit, "HSET", key, list.count, list.words, NULL);
    put_number(request->commit, key, "cancel_at", (uint64_t)cancel->now_ms);
    const struct event event = {.kind = EVENT_CANCEL,
                                .now_ms = cancel->now_ms,
                                .actor = cancel->actor,
                                .via = cancel->via,
                                .note = cancel->note};
    inbox_encode_event(request->commit, cancel->deployment, &event);
    commit_changed(request->commit, cancel->deployment);
    return request;
}

/* A deployment that fails may still be canceled. */
void store_cancel(struct store *store, uint64_t deployment, const char *actor, const char *via, const char *note,
                  const char *event_id, answered_done *done, void *user) {
    const struct cancel cancel = {
        .deployment = deployment,
        .actor = actor,
        .via = via,
        .note = note,
        .event_id = event_id,
        .now_ms = clock_wall_ms(),
    };
    struct request *request = cancel_create(store, &cancel, CLOSING_NO, done, user);
    request->other = cancel_create(store, &cancel, CLOSING_FAILING, done, user);
    (void)snprintf(request->other_if, sizeof request->other_if, "%s", closing_word(CLOSING_FAILING));
    request_send(request);
}

/* --- check --- */

/* Lets the run be adopted by a worker of its host. `letter` is what its claim says now. */
static struct request *check_create(struct store *store, const struct deployment *d, const struct question *question,
                                    char letter, answered_done *done, void *user) {
    char key[RECORDS_KEY_SIZE];
    char field[RUN_FIELD_SIZE];
    char before[CLAIM_SIZE];
    const struct run *run = deployment_run(d, question->step, question->slot);
    struct request *request = request_create(store, NULL, done, user);
    (void)require(request, records_key(key, "q", question->id, ""), "state", "open", ANSWER_TOO_LATE);
    run_field_format(field, question->step, question->slot);
    claim_format(before, letter, run->attempt, run->epoch, NULL);
    (void)records_key(key, "dep", d->id, ":claims");
    request->other_at = require(request, key, field, before, ANSWER_CHANGED);
    commit_put_claim(request->commit, d, question->step, question->slot, CLAIM_ADOPTABLE, run->attempt, run->epoch);
    const struct job job = {
        .kind = JOB_CHECK,
        .deployment = d->id,
        .step = question->step,
        .slot = question->slot,
        .attempt = run->attempt,
        .epoch = run->epoch,
        .closing = d->intake,
        .host = run->host,
        .owner = d->doubted ? NULL : run->worker,
        .plan_hash = d->plan_hash,
        .version = d->version,
        .previous_version = d->previous_version,
        .actor = d->actor,
        .inputs = d->inputs,
    };
    commit_push_job(request->commit, &job);
    return request;
}

/* The claim says that a worker found nothing (ended), or that nobody has looked yet (adoptable). */
void store_check(struct store *store, const struct deployment *d, const struct question *question, answered_done *done,
                 void *user) {
    const struct run *run = deployment_run(d, question->step, question->slot);
    struct request *request = check_create(store, d, question, CLAIM_ENDED, done, user);
    request->other = check_create(store, d, question, CLAIM_ADOPTABLE, done, user);
    claim_format(request->other_if, CLAIM_ADOPTABLE, run->attempt, run->epoch, NULL);
    request_send(request);
}

void store_put_generation(struct store *store, const char *generation, commit_done *done, void *user) {
    struct commit *commit = commit_create(store, NULL);
    commit_add(commit, "SET", "config", generation);
    commit_send(commit, done, user);
}
