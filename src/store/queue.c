/*
 * What a worker has to tell. Each fact is one commit: the claim is compared and set, the entry that led to it is
 * acknowledged and deleted, and the leader finds the event in its inbox.
 */

#include "store/queue.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/id.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"
#include "claim.h"
#include "inbox_codec.h"
#include "job_codec.h"
#include "later.h"
#include "store/records.h"
#include "words.h"

/* The words by which Redis knows a run. */
struct place {
    char header[STORE_KEY_SIZE], claims[STORE_KEY_SIZE]; /* keys */
    char field[RUN_FIELD_SIZE];
    char member[OWNED_SIZE];
};

static void place_of(struct place *place, const struct job *job) {
    (void)snprintf(place->header, sizeof place->header, "dep:%" PRIu64, job->deployment);
    (void)snprintf(place->claims, sizeof place->claims, "dep:%" PRIu64 ":claims", job->deployment);
    run_field_format(place->field, job->step, job->slot);
    owned_format(place->member, job->deployment, job->step, job->slot);
}

/* The event id is made of the fact itself, so that telling it again finds the result of the first time. The entry
 * belongs to it: whoever checks twice under the same epoch learns two facts. */
static struct commit *fact_create(struct store *store, const char *fact, const struct job *job, const char *worker) {
    char id[STORE_KEY_SIZE];
    (void)snprintf(id, sizeof id, "%s:%" PRIu64 ":%zu.%zu:%" PRIu32 ":%" PRIu32 ":%s:%s", fact, job->deployment,
                   job->step, job->slot, job->attempt, job->epoch, worker, job->entry != NULL ? job->entry : "");
    struct commit *commit = commit_create(store, id);
    commit_remember(commit, LIMIT_FACT_SECONDS);
    return commit;
}

/* A fact that moves a claim which nobody but its owner can move there. Found to be there already, it was told before,
 * so long ago that the event id is forgotten: Redis may have been away all the time. */
struct fact {
    char claim[CLAIM_SIZE]; /* that it writes */
    commit_done *done;
    void *user;
};

static void fact_came(const struct commit_reply *reply, void *user) {
    struct fact *fact = user;
    struct commit_reply known = *reply;
    if (reply->result == COMMIT_REFUSED && str_equal(reply->found, fact->claim)) {
        known.result = COMMIT_DONE;
        known.again = true;
    }
    fact->done(&known, fact->user);
    mem_free(fact);
}

static void fact_send(struct commit *commit, const char *claim, commit_done *done, void *user) {
    struct fact *fact = mem_alloc(sizeof *fact);
    (void)snprintf(fact->claim, sizeof fact->claim, "%s", claim);
    fact->done = done;
    fact->user = user;
    commit_send(commit, fact_came, fact);
}

static struct event fact_event(enum event_kind kind, const struct job *job, const char *worker, const char *host,
                               int64_t now_ms) {
    return (struct event){
        .kind = kind,
        .now_ms = now_ms,
        .step = job->step,
        .slot = job->slot,
        .attempt = job->attempt,
        .epoch = job->epoch,
        .worker = worker,
        .host = host,
    };
}

static void owned_op(struct commit *commit, const char *command, const struct place *place, const char *worker) {
    char key[STORE_KEY_SIZE];
    (void)snprintf(key, sizeof key, "owned:%s", worker);
    commit_add(commit, command, key, place->member);
}

static void acknowledge(struct commit *commit, const struct job *job) {
    if (job->entry != NULL) {
        commit_add(commit, "XACK", job->stream, JOB_GROUP, job->entry);
        commit_add(commit, "XDEL", job->stream, job->entry);
    }
}

/* --- facts that make a worker the owner --- */

static void queue_own(struct store *store, const struct job *job, const char *worker, const char *host, char letter,
                      int64_t now_ms, commit_done *done, void *user) {
    bool claims = letter == CLAIM_QUEUED;
    struct place place;
    char expected[CLAIM_SIZE], owned[CLAIM_SIZE];
    struct commit *commit = fact_create(store, claims ? "claim" : "adopt", job, worker);
    struct event event = fact_event(claims ? EVENT_CLAIMED : EVENT_ADOPTED, job, worker, host, now_ms);

    place_of(&place, job);
    claim_format(expected, letter, job->attempt, job->epoch, NULL);
    claim_format(owned, CLAIM_RUNNING, job->attempt, job->epoch, worker);
    commit_require_field(commit, place.claims, place.field, expected);
    if (claims) {
        commit_require_field(commit, place.header, "closing", closing_word(job->closing));
    }
    commit_add(commit, "HSET", place.claims, place.field, owned);
    owned_op(commit, "SADD", &place, worker);
    acknowledge(commit, job);
    inbox_encode_event(commit, job->deployment, &event);
    fact_send(commit, owned, done, user);
}

void queue_claim(struct store *store, const struct job *job, const char *worker, const char *host, int64_t now_ms,
                 commit_done *done, void *user) {
    queue_own(store, job, worker, host, CLAIM_QUEUED, now_ms, done, user);
}

void queue_adopt(struct store *store, const struct job *job, const char *worker, const char *host, int64_t now_ms,
                 commit_done *done, void *user) {
    queue_own(store, job, worker, host, CLAIM_ADOPTABLE, now_ms, done, user);
}

/* --- facts that end an attempt --- */

void queue_end(struct store *store, const struct job *job, const char *worker, struct outcome outcome,
               const char *excerpt, int64_t now_ms, commit_done *done, void *user) {
    struct place place;
    char expected[CLAIM_SIZE], ended[CLAIM_SIZE];
    struct commit *commit = fact_create(store, "end", job, worker);
    struct event event = fact_event(EVENT_ENDED, job, worker, NULL, now_ms);

    event.outcome = outcome;
    event.excerpt = excerpt;
    place_of(&place, job);
    claim_format(expected, CLAIM_RUNNING, job->attempt, job->epoch, worker);
    claim_format(ended, CLAIM_ENDED, job->attempt, job->epoch, NULL);
    commit_require_field(commit, place.claims, place.field, expected);
    commit_add(commit, "HSET", place.claims, place.field, ended);
    owned_op(commit, "SREM", &place, worker);
    inbox_encode_event(commit, job->deployment, &event);
    fact_send(commit, ended, done, user);
}

/* --- facts about an attempt that is not owned --- */

/* More than one claim fits, and a commit compares with one. The refusal says what was there; if that fits, it is
 * tried once more with it. */
struct tell {
    struct store *store;           /* borrowed */
    struct job job;                /* stream and entry are owned, other texts are not used */
    char *worker, *host, *excerpt; /* owned */
    enum event_kind fact;
    int64_t now_ms;
    bool second;
    commit_done *done;
    void *user;
};

static void tell_came(const struct commit_reply *reply, void *user);

static void tell_send(struct tell *tell, char letter) {
    struct place place;
    char expected[CLAIM_SIZE], ended[CLAIM_SIZE];
    const struct job *job = &tell->job;
    struct event event = fact_event(tell->fact, job, tell->worker, tell->host, tell->now_ms);
    struct commit *commit = fact_create(tell->store, event_word(tell->fact), job, tell->worker);

    event.excerpt = tell->excerpt;
    place_of(&place, job);
    claim_format(expected, letter, job->attempt, job->epoch, letter == CLAIM_RUNNING ? tell->worker : NULL);
    claim_format(ended, CLAIM_ENDED, job->attempt, job->epoch, NULL);
    commit_require_field(commit, place.claims, place.field, expected);
    commit_add(commit, "HSET", place.claims, place.field, ended);
    owned_op(commit, "SREM", &place, tell->worker);
    acknowledge(commit, job);
    inbox_encode_event(commit, job->deployment, &event);
    commit_send(commit, tell_came, tell);
}

static bool tell_fits(const struct tell *tell, const char *found) {
    struct claim claim;
    return claim_parse(found, &claim) && claim.attempt == tell->job.attempt && claim.epoch == tell->job.epoch &&
           (claim.letter == CLAIM_QUEUED || claim.letter == CLAIM_ADOPTABLE ||
            (claim.letter == CLAIM_RUNNING && str_equal(claim.worker, tell->worker)));
}

static void tell_came(const struct commit_reply *reply, void *user) {
    struct tell *tell = user;

    if (reply->result == COMMIT_REFUSED && !tell->second && tell_fits(tell, reply->found)) {
        tell->second = true;
        tell_send(tell, reply->found[0]);
        return;
    }
    tell->done(reply, tell->user);
    mem_free((char *)tell->job.stream);
    mem_free((char *)tell->job.entry);
    mem_free(tell->worker);
    mem_free(tell->host);
    mem_free(tell->excerpt);
    mem_free(tell);
}

void queue_tell(struct store *store, const struct job *job, const char *worker, const char *host, enum event_kind fact,
                const char *excerpt, int64_t now_ms, commit_done *done, void *user) {
    struct tell *tell = mem_alloc(sizeof *tell);

    tell->store = store;
    tell->job = *job;
    tell->job.stream = mem_strdup(job->stream);
    tell->job.entry = mem_strdup(job->entry);
    tell->worker = mem_strdup(worker);
    tell->host = mem_strdup(host);
    tell->fact = fact;
    tell->excerpt = mem_strdup(excerpt);
    tell->now_ms = now_ms;
    tell->done = done;
    tell->user = user;
    tell_send(tell, job->kind == JOB_START ? CLAIM_QUEUED : CLAIM_ADOPTABLE);
}

void queue_notice(struct store *store, const struct job *job, const char *worker, const char *host,
                  enum event_kind fact, const char *excerpt, int64_t now_ms, commit_done *done, void *user) {
    struct place place;
    char owned[CLAIM_SIZE], moment[NUMBER_SIZE];
    struct job at = *job;
    struct event event = fact_event(fact, job, worker, host, now_ms);

    at.entry = words_i64(moment, now_ms);
    struct commit *commit = fact_create(store, event_word(fact), &at, worker);
    event.excerpt = excerpt;
    place_of(&place, job);
    bool over = fact == EVENT_BACK;
    claim_format(owned, over ? CLAIM_ENDED : CLAIM_RUNNING, job->attempt, job->epoch, over ? NULL : worker);
    commit_require_field(commit, place.claims, place.field, owned);
    inbox_encode_event(commit, job->deployment, &event);
    commit_send(commit, done, user);
}

void queue_acknowledge(struct store *store, const struct job *job) {
    if (job->entry == NULL) {
        return;
    }
    struct commit *commit = commit_create(store, NULL);
    acknowledge(commit, job);
    commit_send(commit, NULL, NULL);
}

/* --- plans --- */

struct plan_load {
    plan_done *done;
    void *user;
};

static void plan_came(const struct redis_reply *reply, bool sent, void *user) {
    struct plan_load *load = user;
    struct arena *arena = NULL;
    struct plan *plan = NULL;
    struct err err = {0};
    size_t size;
    const char *text = redis_text(reply, &size);

    (void)sent;
    if (reply == NULL || redis_kind(reply) == REDIS_ERROR) {
        later_unread(reply, &err);
    } else if (text == NULL) {
        err_set(&err, ERR_NOT_FOUND, "The plan of this deployment is gone from Redis.");
    } else {
        arena = arena_create();
        plan = plan_from_json(text, size, arena, &err);
    }
    if (plan == NULL) {
        arena_destroy(arena);
        arena = NULL;
    }
    load->done(plan, arena, plan == NULL ? &err : NULL, load->user);
    mem_free(load);
}

void store_load_plan(struct store *store, const char *hash, plan_done *done, void *user) {
    char key[STORE_KEY_SIZE];
    struct plan_load *load = mem_alloc(sizeof *load);

    load->done = done;
    load->user = user;
    redis_call(store_redis(store), plan_came, load, "HGET", store_key(store, key, "plan:%s", hash), "text");
}

/* --- the installation --- */

struct installation {
    installation_done *done;
    void *user;
};

static void installation_came(const struct redis_reply *reply, bool sent, void *user) {
    struct installation *installation = user;
    (void)sent;
    bool there = reply != NULL && redis_kind(reply) != REDIS_ERROR;
    installation->done(there ? redis_text(reply, NULL) : NULL, installation->user);
    mem_free(installation);
}

/* Whoever is first names it; both commands go out together, and the second says who that was. */
void store_installation(struct store *store, installation_done *done, void *user) {
    char key[STORE_KEY_SIZE], name[ID_RANDOM_SIZE];
    struct installation *installation = mem_alloc(sizeof *installation);

    installation->done = done;
    installation->user = user;
    id_random(name);
    store_key(store, key, "installation");
    redis_call(store_redis(store), NULL, NULL, "SET", key, name, "NX");
    redis_call(store_redis(store), installation_came, installation, "GET", key);
}

/* --- a question, for who waits beside it --- */

struct waiting_question {
    waits_done *done;
    void *user;
};

static void waiting_came(const struct redis_reply *reply, bool sent, void *user) {
    struct waiting_question *asked = user;
    uint64_t until_ms = 0;
    (void)sent;
    bool known = reply != NULL && redis_kind(reply) != REDIS_ERROR;
    if (known && str_equal(redis_text(redis_at(reply, 0), NULL), "open")) {
        const char *until = redis_text(redis_at(reply, 1), NULL);
        until_ms = until != NULL && str_to_u64(until, &until_ms, NULL) == 0 ? until_ms : 0;
    }
    asked->done(known ? (int64_t)until_ms : -1, asked->user);
    mem_free(asked);
}

void store_question_waits(struct store *store, uint64_t question, waits_done *done, void *user) {
    char key[STORE_KEY_SIZE];
    struct waiting_question *asked = mem_alloc(sizeof *asked);

    asked->done = done;
    asked->user = user;
    redis_call(store_redis(store), waiting_came, asked, "HMGET", store_key(store, key, "q:%" PRIu64, question), "state",
               "back_until");
}
