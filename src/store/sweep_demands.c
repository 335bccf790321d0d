/*
 * What the hashes of the live deployments demand: a job for each claim that is free to be taken, a word to the leader
 * for a queued deployment whose turn it is, and a timer for whatever waits for a time.
 */

#include "sweep.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/str.h"
#include "inbox_codec.h"
#include "store/records.h"
#include "words.h"

/* --- one deployment after the other: claims, then the record --- */

struct claim_seen {
    size_t step, slot;
    struct claim claim;
    const char *text;
};

struct reading {
    struct sweep *sweep;
    struct claim_seen *claims; /* q and a; in the sweep's arena */
    size_t count;
};

static void record_came(struct deployment_record *record, const struct err *err, void *user);

static void add_owner(struct sweep *sweep, const char *worker) {
    for (size_t i = 0; i < sweep->owner_count; i++) {
        if (str_equal(sweep->owners[i], worker)) {
            return;
        }
    }
    sweep->owners = arena_push(sweep->arena, sweep->owners, sweep->owner_count, sizeof *sweep->owners);
    sweep->owners[sweep->owner_count++] = worker;
}

static void claims_came(const struct redis_reply *reply, bool sent, void *user) {
    struct reading *reading = user;
    struct sweep *sweep = reading->sweep;

    (void)sent;
    (void)sweep_replied(sweep, reply);
    for (size_t i = 0; i + 1 < redis_count(reply); i += 2) {
        struct claim_seen seen;
        const char *text = redis_text(redis_at(reply, i + 1), NULL);
        if (!run_field_parse(redis_text(redis_at(reply, i), NULL), &seen.step, &seen.slot) ||
            !claim_parse(text, &seen.claim) || seen.claim.letter == CLAIM_ENDED) {
            continue;
        }
        if (seen.claim.letter == CLAIM_RUNNING) {
            add_owner(sweep, sweep_text(sweep, seen.claim.worker));
            continue;
        }
        seen.text = sweep_text(sweep, text);
        reading->claims = arena_push(sweep->arena, reading->claims, reading->count, sizeof *reading->claims);
        reading->claims[reading->count++] = seen;
    }
}

static void read_deployment(struct sweep *sweep) {
    char key[STORE_KEY_SIZE];
    struct reading *reading = arena_alloc(sweep->arena, sizeof *reading);
    uint64_t id = sweep->live[sweep->live_at++];

    reading->sweep = sweep;
    sweep_wait(sweep);
    redis_call(store_redis(sweep->store), claims_came, reading, "HGETALL",
               store_key(sweep->store, key, "dep:%" PRIu64 ":claims", id));
    store_load_deployment(sweep->store, id, record_came, reading);
}

void sweep_read_demands(struct sweep *sweep) {
    if (sweep->live_at < sweep->live_count) {
        read_deployment(sweep);
    }
}

static void check_lane(struct sweep *sweep, const struct deployment *d);
static void check_timers(struct sweep *sweep, const struct deployment *d);

/* The job for a claim, as the leader pushed it. False if the record says something else than the claim, so that the
 * leader has facts or a closing to take in first. */
static bool job_for(const struct deployment *d, const struct claim_seen *seen, struct job *ret_job) {
    if (seen->step >= d->plan->step_count || seen->slot >= d->plan->steps[seen->step].slot_count ||
        d->intake != d->closing) {
        return false;
    }
    const struct run *run = deployment_run(d, seen->step, seen->slot);
    bool start = seen->claim.letter == CLAIM_QUEUED;
    if (run->attempt != seen->claim.attempt || run->epoch != seen->claim.epoch ||
        (start ? run->state != RUN_QUEUED : run->state != RUN_LOST && run->state != RUN_ASKING)) {
        return false;
    }
    *ret_job = (struct job){
        .kind = start ? JOB_START : JOB_ADOPT,
        .deployment = d->id,
        .step = seen->step,
        .slot = seen->slot,
        .attempt = run->attempt,
        .epoch = run->epoch,
        .closing = d->closing,
        .prove_gone = start && run->unknown,
        .host = start ? deployment_start_host(d, seen->step, seen->slot) : run->host,
        .owner = start || d->doubted ? NULL : run->worker,
        .plan_hash = d->plan_hash,
        .version = d->version,
        .previous_version = d->previous_version,
        .actor = d->actor,
        .inputs = d->inputs,
    };
    return true;
}

static void add_need(struct sweep *sweep, const struct job *job, const char *claim) {
    sweep->needs = arena_push(sweep->arena, sweep->needs, sweep->need_count, sizeof *sweep->needs);
    sweep->needs[sweep->need_count++] = (struct sweep_need){job_copy(job, sweep->arena), claim, false};
}

/* Questions that wait for their target to be back. */
static void add_probes(struct sweep *sweep, const struct deployment *d) {
    for (size_t i = 0; i < d->question_count; i++) {
        const struct question *q = &d->questions[i];
        const struct run *run = deployment_run(d, q->step, q->slot);
        char claim[CLAIM_SIZE];
        if (q->back_by == NULL || q->back_until_ms <= clock_wall_ms()) {
            continue;
        }
        claim_format(claim, CLAIM_ENDED, run->attempt, run->epoch, NULL);
        const struct job job = {
            .kind = JOB_PROBE,
            .deployment = d->id,
            .step = q->step,
            .slot = q->slot,
            .attempt = run->attempt,
            .epoch = run->epoch,
            .question = q->id,
            .until_ms = q->back_until_ms,
            .plan_hash = d->plan_hash,
        };
        add_need(sweep, &job, sweep_text(sweep, claim));
    }
}

static void add_needs(struct sweep *sweep, const struct reading *reading, const struct deployment *d) {
    struct job job;
    add_probes(sweep, d);
    for (size_t i = 0; i < reading->count; i++) {
        if (job_for(d, &reading->claims[i], &job)) {
            add_need(sweep, &job, reading->claims[i].text);
        }
    }
}

static void record_came(struct deployment_record *record, const struct err *err, void *user) {
    struct reading *reading = user;
    struct sweep *sweep = reading->sweep;

    bool of_one = record == NULL && (err->code == ERR_NOT_FOUND || err->code == ERR_IO);
    sweep->failed = sweep->failed || (record == NULL && !of_one);
    if (record != NULL && !sweep->failed) {
        add_needs(sweep, reading, record->deployment);
        check_lane(sweep, record->deployment);
        check_timers(sweep, record->deployment);
    }
    deployment_record_free(record);
    if (!sweep->failed) {
        sweep_read_demands(sweep);
    }
    sweep_go_on(sweep);
}

/* --- lanes: a queued head was not told that it is its turn --- */

struct lane_check {
    struct sweep *sweep;
    uint64_t id;
    const char *project, *environment;
};

static void head_came(const struct redis_reply *reply, bool sent, void *user) {
    struct lane_check *check = user;
    struct sweep *sweep = check->sweep;

    (void)sent;
    if (sweep_replied(sweep, reply) && (uint64_t)redis_integer(redis_at(reply, 0)) == check->id) {
        struct commit *commit = sweep_commit(sweep);
        if (commit != NULL) {
            char header[STORE_KEY_SIZE];
            (void)snprintf(header, sizeof header, "dep:%" PRIu64, check->id);
            commit_require_field(commit, header, "state", deployment_state_word(DEPLOYMENT_QUEUED));
            inbox_encode_lane(commit, check->project, check->environment);
            sweep_send(sweep, commit, &sweep->counts.lanes);
        }
    }
    sweep_go_on(sweep);
}

static void check_lane(struct sweep *sweep, const struct deployment *d) {
    char key[STORE_KEY_SIZE];

    if (d->state != DEPLOYMENT_QUEUED) {
        return;
    }
    struct lane_check *check = arena_alloc(sweep->arena, sizeof *check);
    check->sweep = sweep;
    check->id = d->id;
    check->project = sweep_text(sweep, d->plan->project);
    check->environment = sweep_text(sweep, d->plan->environment);
    sweep_wait(sweep);
    redis_call(store_redis(sweep->store), head_came, check, "LRANGE",
               store_key(sweep->store, key, "lane:%s/%s", d->plan->project, d->plan->environment), "0", "0");
}

/* --- timers: what waits for a time must have one --- */

struct timers_check {
    struct sweep *sweep;
    uint64_t id, revision;
    const char **members;
    int64_t *due_ms;
    size_t count;
};

static void expect_timer(struct timers_check *check, const struct effect *effect) {
    char member[TIMER_MEMBER_SIZE];
    struct arena *arena = check->sweep->arena;

    timer_member_format(member, check->id, effect);
    check->members = arena_push(arena, check->members, check->count, sizeof *check->members);
    check->due_ms = arena_push(arena, check->due_ms, check->count, sizeof *check->due_ms);
    check->members[check->count] = arena_strdup(arena, member);
    check->due_ms[check->count++] = effect->at_ms;
}

static void expect_timer_of_run(struct timers_check *check, const struct deployment *d, size_t step, size_t slot) {
    const struct run *run = deployment_run(d, step, slot);
    struct effect effect = {.kind = EFFECT_TIMER, .step = step, .slot = slot, .attempt = run->attempt};

    if (run->state == RUN_DELAYED) {
        effect.timer = EVENT_RETRY_DUE;
        effect.at_ms = clock_wall_ms();
        expect_timer(check, &effect);
    } else if (run->state == RUN_LOST) {
        effect.timer = EVENT_TRUTH_GONE;
        effect.epoch = run->epoch;
        effect.at_ms = clock_wall_ms() + LIMIT_ADOPT_MS;
        expect_timer(check, &effect);
    }
}

static void expect_timers(struct timers_check *check, const struct deployment *d) {
    for (size_t step = 0; step < d->plan->step_count; step++) {
        const uint32_t *by_state = d->steps[step].by_state;
        if (by_state[RUN_DELAYED] + by_state[RUN_LOST] == 0) {
            continue;
        }
        for (size_t slot = 0; slot < d->plan->steps[step].slot_count; slot++) {
            expect_timer_of_run(check, d, step, slot);
        }
    }
    for (size_t i = 0; i < d->vigil_count; i++) {
        struct effect timers[VIGIL_TIMERS];
        size_t count = vigil_timers(d, &d->vigils[i], timers);
        for (size_t k = 0; k < count; k++) {
            expect_timer(check, &timers[k]);
        }
    }
    for (size_t i = 0; i < d->question_count; i++) {
        const struct question *q = &d->questions[i];
        if (q->deadline_ms != 0 && d->plan->steps[q->step].guided.fail_unanswered) {
            expect_timer(check, &(struct effect){
                                    .kind = EFFECT_TIMER,
                                    .timer = EVENT_DEADLINE,
                                    .step = q->step,
                                    .slot = q->slot,
                                    .attempt = q->attempt,
                                    .question = q->id,
                                    .at_ms = q->deadline_ms,
                                });
        }
    }
}

static void put_back_timer(struct timers_check *check, size_t index) {
    char header[STORE_KEY_SIZE], revision[NUMBER_SIZE], due[NUMBER_SIZE];
    struct commit *commit = sweep_commit(check->sweep);

    if (commit != NULL) {
        (void)snprintf(header, sizeof header, "dep:%" PRIu64, check->id);
        commit_require_field(commit, header, "revision", words_u64(revision, check->revision));
        commit_add(commit, "ZADD", "timers", words_i64(due, check->due_ms[index]), check->members[index]);
        sweep_send(check->sweep, commit, &check->sweep->counts.timers);
    }
}

static void scores_came(const struct redis_reply *reply, bool sent, void *user) {
    struct timers_check *check = user;
    struct sweep *sweep = check->sweep;

    (void)sent;
    if (sweep_replied(sweep, reply)) {
        for (size_t i = 0; i < redis_count(reply); i++) {
            if (redis_kind(redis_at(reply, i)) == REDIS_NIL) {
                put_back_timer(check, i);
            }
        }
    }
    sweep_go_on(sweep);
}

static void check_timers(struct sweep *sweep, const struct deployment *d) {
    char key[STORE_KEY_SIZE];
    struct timers_check *check = arena_alloc(sweep->arena, sizeof *check);

    check->sweep = sweep;
    check->id = d->id;
    check->revision = d->revision;
    expect_timers(check, d);
    if (check->count == 0) {
        return;
    }
    const char **argv = arena_array(sweep->arena, check->count + 2, sizeof *argv);
    argv[0] = "ZMSCORE";
    argv[1] = store_key(sweep->store, key, "timers");
    memcpy(argv + 2, check->members, check->count * sizeof *argv);
    sweep_wait(sweep);
    redis_command(store_redis(sweep->store), scores_came, check, check->count + 2, argv, NULL);
}
