/* The hash `calls`: <deployment>:<card>:<rung>:<kind> -> "<due> <tries>", and " begun" while a try is under way. */

#include "store/calls.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "inbox_codec.h"
#include "later.h"
#include "store/records.h"
#include "words.h"

enum { CALL_TEXT_SIZE = 64 };

const char *call_id(char out[CALL_ID_SIZE], const struct call *call) {
    (void)snprintf(out, CALL_ID_SIZE, "D%" PRIu64 "-Q%" PRIu64 "-%" PRIu32 "-%s", call->deployment, call->card,
                   call->rung + 1, call_kind_word(call->kind));
    return out;
}

static void member_format(char out[CALL_ID_SIZE], const struct call *call) {
    (void)snprintf(out, CALL_ID_SIZE, "%" PRIu64 ":%" PRIu64 ":%" PRIu32 ":%s", call->deployment, call->card,
                   call->rung, call_kind_word(call->kind));
}

static void text_format(char out[CALL_TEXT_SIZE], int64_t due_ms, uint32_t tries, bool begun) {
    (void)snprintf(out, CALL_TEXT_SIZE, "%" PRId64 " %" PRIu32 "%s", due_ms, tries, begun ? " begun" : "");
}

/* --- reading --- */

static bool call_parse(const char *member, const char *text, struct call *call) {
    uint64_t rung = 0, due = 0, tries = 0;
    if (member == NULL || text == NULL || !words_number(&member, ':', &call->deployment) ||
        !words_number(&member, ':', &call->card) || !words_number(&member, ':', &rung) ||
        !words_number(&text, ' ', &due) || !words_number(&text, ' ', &tries)) {
        return false;
    }
    call->rung = (uint32_t)rung;
    call->due_ms = (int64_t)due;
    call->tries = (uint32_t)tries;
    call->begun = str_equal(text, "begun");
    call->kind = str_equal(member, call_kind_word(CALL_RUN)) ? CALL_RUN : CALL_WEBHOOK;
    return str_equal(member, call_kind_word(call->kind));
}

struct calls_reading {
    calls_done *done;
    void *user;
};

static void calls_came(const struct redis_reply *reply, bool sent, void *user) {
    struct calls_reading *reading = user;
    struct call *calls = mem_array(redis_count(reply) / 2 + 1, sizeof *calls);
    struct err err = {0};
    size_t count = 0;
    (void)sent;
    if (redis_kind(reply) != REDIS_ARRAY) {
        later_unread(reply, &err);
    }
    for (size_t i = 0; i + 1 < redis_count(reply); i += 2) {
        const char *member = redis_text(redis_at(reply, i), NULL);
        count += call_parse(member, redis_text(redis_at(reply, i + 1), NULL), &calls[count]);
    }
    reading->done(calls, count, err.code == ERR_NONE ? NULL : &err, reading->user);
    mem_free(calls);
    mem_free(reading);
}

void store_list_calls(struct store *store, calls_done *done, void *user) {
    char key[STORE_KEY_SIZE];
    struct calls_reading *reading = mem_alloc(sizeof *reading);
    *reading = (struct calls_reading){done, user};
    redis_call(store_redis(store), calls_came, reading, "HGETALL", store_key(store, key, "calls"));
}

/* --- writing --- */

static void call_put(struct commit *commit, const struct call *call, int64_t due_ms, uint32_t tries, bool begun) {
    char member[CALL_ID_SIZE], text[CALL_TEXT_SIZE];
    member_format(member, call);
    text_format(text, due_ms, tries, begun);
    commit_add(commit, "HSET", "calls", member, text);
}

static void call_require(struct commit *commit, const struct call *call) {
    char member[CALL_ID_SIZE], text[CALL_TEXT_SIZE];
    member_format(member, call);
    text_format(text, call->due_ms, call->tries, call->begun);
    (void)commit_require_field(commit, "calls", member, text);
}

void commit_add_calls(struct commit *commit, const struct deployment *d, uint64_t card, uint32_t rung, int64_t now_ms) {
    const struct vigil *vigil = deployment_vigil(d, card);
    const struct plan_rung *wanted = vigil == NULL ? NULL : &d->plan->steps[vigil->step].guided.ladder[rung];
    struct call call = {.deployment = d->id, .card = card, .rung = rung};
    if (wanted != NULL && wanted->run != NULL) {
        call.kind = CALL_RUN;
        call_put(commit, &call, now_ms, 0, false);
    }
    if (wanted != NULL && wanted->webhook != NULL) {
        call.kind = CALL_WEBHOOK;
        call_put(commit, &call, now_ms, 0, false);
    }
}

void commit_begin_call(struct commit *commit, const struct call *call) {
    call_require(commit, call);
    call_put(commit, call, call->due_ms, call->tries + 1, true);
}

void commit_delay_call(struct commit *commit, const struct call *call, int64_t due_ms) {
    call_require(commit, call);
    call_put(commit, call, due_ms, call->tries, false);
}

void commit_withdraw_call(struct commit *commit, const struct call *call, int64_t due_ms) {
    call_require(commit, call);
    call_put(commit, call, due_ms, call->tries - call->begun, false);
}

/* The deployment is told. */
static void call_tell(struct commit *commit, const struct call *call, enum event_kind kind, const char *what,
                      int64_t now_ms) {
    const struct event event = {.kind = kind,
                                .now_ms = now_ms,
                                .question = call->card,
                                .epoch = call->rung,
                                .via = call_kind_word(call->kind),
                                .note = what};
    inbox_encode_event(commit, call->deployment, &event);
}

void commit_call_fails(struct commit *commit, const struct call *call, const char *why, int64_t now_ms) {
    call_tell(commit, call, EVENT_CALL_FAILS, why, now_ms);
}

void commit_end_call(struct commit *commit, const struct call *call, const char *what, int64_t now_ms) {
    char member[CALL_ID_SIZE];
    call_require(commit, call);
    member_format(member, call);
    commit_add(commit, "HDEL", "calls", member);
    call_tell(commit, call, EVENT_CALLED, what, now_ms);
}
