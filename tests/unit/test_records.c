/* Deployments, questions and answers as they lie in a real Redis. The leader is played by a few lines that do what
 * its engine does. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/id.h"
#include "base/limits.h"
#include "base/str.h"
#include "fakes/store_rig.h"
#include "store/claim.h"
#include "store/codec_deployment.h"
#include "store/inbox_codec.h"
#include "store/numbering.h"
#include "store/queue.h"
#include "store/calls.h"
#include "store/records.h"

static struct store_rig rig;
static struct arena *arena;
static uint64_t next_question;

static int set_up(void **state) {
    (void)state;
    rig_open(&rig);
    arena = arena_create();
    next_question = 1;
    (void)rig_call(&rig, "SET", "t:config", "g1");
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    rig_close(&rig);
    arena_destroy(arena);
    return 0;
}

/* --- a plan, and waiting for completions --- */

static struct plan *make_plan(size_t target_count, size_t step_count) {
    struct plan *plan = arena_alloc(arena, sizeof *plan);
    *plan = (struct plan){.project = "shop", .environment = "production", .target_count = target_count};
    plan->targets = arena_array(arena, target_count, sizeof *plan->targets);
    for (size_t i = 0; i < target_count; i++) {
        plan->targets[i].name = arena_printf(arena, "web-%zu", i + 1);
    }
    plan->step_count = step_count;
    plan->steps = arena_array(arena, step_count, sizeof *plan->steps);
    for (size_t i = 0; i < step_count; i++) {
        struct plan_step *step = &plan->steps[i];
        *step = (struct plan_step){.name = arena_printf(arena, "Step %zu", i + 1),
                                   .script = "true",
                                   .max_parallel = 1000,
                                   .guided = {.enabled = true, .max_retries = 3},
                                   .slot_count = target_count};
        step->targets = arena_array(arena, target_count, sizeof *step->targets);
        for (size_t slot = 0; slot < target_count; slot++) {
            step->targets[slot] = (uint32_t)slot;
        }
    }
    return plan;
}

struct created {
    bool came;
    uint64_t id;
    size_t ahead;
    struct err err;
};

static void creation_came(uint64_t id, size_t ahead, const struct err *err, void *user) {
    struct created *created = user;
    assert_false(created->came);
    created->came = true;
    created->id = id;
    created->ahead = ahead;
    if (err != NULL) {
        created->err = *err;
    }
}

static bool is_created(void *user) {
    return ((struct created *)user)->came;
}

static void create_begin(struct created *created, const struct plan *plan, const char *event_id) {
    const struct new_deployment request = {
        .plan = plan,
        .version = "1.4.2",
        .actor = "alice",
        .via = "cli",
        .inputs = "{\"a\":1}",
        .guided_flag = 1,
        .now_ms = 1000,
        .event_id = event_id,
    };
    *created = (struct created){0};
    store_create_deployment(rig.store, &request, creation_came, created);
    assert_false(created->came);
}

static struct created create(const struct plan *plan, const char *event_id) {
    struct created created;
    create_begin(&created, plan, event_id);
    rig_until(&rig, is_created, &created);
    return created;
}

struct loaded {
    bool came;
    struct deployment_record *record;
    struct err err;
};

static void record_came(struct deployment_record *record, const struct err *err, void *user) {
    struct loaded *loaded = user;
    loaded->came = true;
    loaded->record = record;
    if (err != NULL) {
        loaded->err = *err;
    }
}

static bool is_loaded(void *user) {
    return ((struct loaded *)user)->came;
}

static struct deployment_record *load(uint64_t id) {
    struct loaded loaded = {0};
    store_load_deployment(rig.store, id, record_came, &loaded);
    assert_false(loaded.came);
    rig_until(&rig, is_loaded, &loaded);
    if (loaded.record == NULL) {
        fail_msg("%s", loaded.err.text);
    }
    return loaded.record;
}

struct answered {
    bool came;
    enum answer_result result;
};

static void answer_came(enum answer_result result, void *user) {
    struct answered *answered = user;
    assert_false(answered->came);
    answered->came = true;
    answered->result = result;
}

static bool is_answered(void *user) {
    return ((struct answered *)user)->came;
}

static enum answer_result wait_for(struct answered *answered) {
    rig_until(&rig, is_answered, answered);
    return answered->result;
}

static struct new_answer answer_of(const struct deployment_record *record, size_t question, enum guidance guidance) {
    return (struct new_answer){
        .deployment = record->deployment->id,
        .question = record->questions[question].question.id,
        .guidance = guidance,
        .excluded_seen = record->deployment->excluded_intake,
        .actor = "bob",
        .via = "slack",
        .note = "disk was full",
        .generation = "g1",
        .now_ms = 5000,
    };
}

static enum answer_result answer(const struct new_answer *given) {
    struct answered answered = {0};
    store_answer(rig.store, given, answer_came, &answered);
    assert_false(answered.came);
    return wait_for(&answered);
}

/* --- the leader --- */

static void add_effect(struct commit *commit, struct deployment *d, const struct event *event,
                       const struct effect *effect) {
    switch (effect->kind) {
    case EFFECT_START:
        commit_put_claim(commit, d, effect->step, effect->slot, CLAIM_QUEUED, effect->attempt, effect->epoch);
        break;
    case EFFECT_ADOPT:
        commit_put_claim(commit, d, effect->step, effect->slot, CLAIM_ADOPTABLE, effect->attempt, effect->epoch);
        break;
    case EFFECT_ASK:
        commit_ask(commit, d, deployment_question(d, effect->question));
        commit_put_numbering(commit, next_question);
        break;
    case EFFECT_CLOSE:
        (void)commit_close_question(commit, d, effect->question, effect->guidance, effect->text, event->now_ms);
        break;
    case EFFECT_TIMER:
        commit_add_timer(commit, d->id, effect);
        break;
    case EFFECT_CLOSING:
        commit_put_closing(commit, d->id, d->intake, event->now_ms);
        break;
    case EFFECT_AUDIT:
        commit_audit(commit, d, effect->text, event->actor, event->via, event->note, event->now_ms);
        break;
    case EFFECT_DEPLOYED:
        commit_deployed(commit, d, plan_slot_name(d->plan, effect->step, effect->slot), event->now_ms);
        break;
    case EFFECT_PROBE:
        break;
    case EFFECT_EXCERPT:
        commit_put_excerpt(commit, deployment_question(d, effect->question));
        break;
    case EFFECT_VIGIL:
        commit_put_vigil(commit, deployment_vigil(d, effect->question));
        break;
    case EFFECT_CALL:
        commit_add_calls(commit, d, effect->question, effect->epoch, event->now_ms);
        break;
    case EFFECT_UNCONFIRMED:
        commit_unconfirmed(commit, d, plan_slot_name(d->plan, effect->step, effect->slot),
                           str_equal(effect->text, "unknown"), event->now_ms);
        break;
    case EFFECT_OWED:
        commit_owed(commit, d, plan_slot_name(d->plan, effect->step, effect->slot), event->now_ms);
        break;
    case EFFECT_PAST:
        commit_past(commit, d, effect->past, effect->guidance);
        break;
    case EFFECT_FINISH:
        commit_finish(commit, d);
        break;
    case EFFECT_STOP:
        break;
    }
}

static enum commit_result lead(struct deployment *d, const struct event *event) {
    struct decision decision;
    struct rig_result result = {0};
    struct commit *commit = commit_create(rig.store, NULL);
    deployment_apply(d, event, &next_question, d->arena, &decision);
    assert_false(decision.ignored);
    for (size_t i = 0; i < decision.count; i++) {
        add_effect(commit, d, event, &decision.effects[i]);
    }
    for (size_t i = 0; i < decision.touched_count; i++) {
        commit_put_run(commit, d, decision.touched[i].step, decision.touched[i].slot);
    }
    d->revision++;
    commit_put_deployment(commit, d);
    commit_changed(commit, d->id);
    commit_send(commit, rig_committed, &result);
    return rig_wait(&rig, &result);
}

static void do_lead(struct deployment *d, const struct event *event) {
    assert_int_equal(lead(d, event), COMMIT_DONE);
}

static void run_to_end(struct deployment *d, size_t step, size_t slot, int64_t exit_code) {
    const struct run *run = deployment_run(d, step, slot);
    struct event event = {.kind = EVENT_CLAIMED,
                          .now_ms = 2000,
                          .step = step,
                          .slot = slot,
                          .attempt = run->attempt,
                          .epoch = run->epoch,
                          .worker = "w1",
                          .host = "h1"};
    do_lead(d, &event);
    event.kind = EVENT_ENDED;
    event.now_ms = 3000;
    event.outcome = (struct outcome){OUTCOME_EXIT, exit_code};
    event.excerpt = "E: no space left\non device";
    do_lead(d, &event);
}

/* A deployment whose first step failed on all its targets. */
static struct deployment_record *make_asking(size_t target_count) {
    struct deployment_record *record = load(create(make_plan(target_count, 2), NULL).id);
    struct deployment *d = record->deployment;
    do_lead(d, &(struct event){.kind = EVENT_ADMITTED, .now_ms = 1500});
    for (size_t slot = 0; slot < target_count; slot++) {
        run_to_end(d, 0, slot, 100);
    }
    uint64_t id = d->id;
    deployment_record_free(record);
    return load(id);
}

/* The leader reads what was answered, and applies it. */
static void lead_answer(struct deployment *d, const struct new_answer *given) {
    do_lead(d, &(struct event){.kind = EVENT_ANSWERED,
                               .now_ms = given->now_ms,
                               .question = given->question,
                               .guidance = given->guidance,
                               .actor = given->actor,
                               .via = given->via,
                               .note = given->note});
}

/* --- how much room it takes --- */

static size_t memory_of(const char *pattern) {
    static const char script[] = "local size = 0\n"
                                 "for _, key in ipairs(redis.call('KEYS', ARGV[1])) do\n"
                                 "    size = size + redis.call('MEMORY', 'USAGE', key, 'SAMPLES', '0')\n"
                                 "end\n"
                                 "return size\n";
    uint64_t size = 0;
    assert_int_equal(str_to_u64(rig_call(&rig, "EVAL", script, "0", pattern), &size, NULL), 0);
    return (size_t)size;
}

/* Nine runs, of which one failed and is asked about. The setting is that of the private redis-server. */
static void a_paused_deployment_takes_no_more_than_four_kilobytes(void **state) {
    (void)state;
    static const char worker[] = "build-7.example.com-1f2e3d4c-12345-a1b2c3d4";
    static const char *const parts[] = {"t:dep:1", "t:dep:1:runs", "t:dep:1:claims", "t:dep:1:questions", "t:q:1"};
    (void)rig_call(&rig, "CONFIG", "SET", "hash-max-listpack-value", "2048");
    struct deployment_record *record = load(create(make_plan(3, 3), NULL).id);
    struct deployment *d = record->deployment;
    do_lead(d, &(struct event){.kind = EVENT_ADMITTED, .now_ms = 1700000000000});
    for (size_t i = 0; i < 6; i++) {
        size_t step = i / 3;
        size_t slot = i % 3;
        const struct run *run = deployment_run(d, step, slot);
        const struct job job = {.deployment = 1, .step = step, .slot = slot, .attempt = 1, .epoch = 1};
        struct event event = {.kind = EVENT_CLAIMED,
                              .now_ms = 1700000000000,
                              .step = step,
                              .slot = slot,
                              .attempt = run->attempt,
                              .epoch = run->epoch,
                              .worker = worker,
                              .host = "build-7.example.com"};
        struct rig_result result = {0};
        queue_claim(rig.store, &job, worker, event.host, event.now_ms, rig_committed, &result);
        assert_int_equal(rig_wait(&rig, &result), COMMIT_DONE);
        do_lead(d, &event);
        event.kind = EVENT_ENDED;
        event.now_ms += 12345;
        event.outcome = (struct outcome){OUTCOME_EXIT, i == 5 ? 100 : 0};
        event.excerpt = "Reading package lists...\nE: Unable to fetch http://deb.example.com/pool/main/w/webshop.deb\n"
                        "E: You don't have enough free space in /var/cache/apt/archives/.";
        result = (struct rig_result){0};
        queue_end(rig.store, &job, worker, event.outcome, event.excerpt, event.now_ms, rig_committed, &result);
        assert_int_equal(rig_wait(&rig, &result), COMMIT_DONE);
        do_lead(d, &event);
    }
    assert_int_equal(d->state, DEPLOYMENT_PAUSED);
    deployment_record_free(record);
    size_t all = memory_of("t:dep:1*") + memory_of("t:q:*") + memory_of("t:pending");
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        print_message("  %-20s %zu bytes\n", parts[i], memory_of(parts[i]));
    }
    print_message(
        "a paused deployment with 9 runs: %zu bytes, its plan %zu, its audit %zu, markers %zu for 10 minutes\n", all,
        memory_of("t:plan:*"), memory_of("t:audit:*"), memory_of("t:done:*"));
    assert_in_range(all, 1, 4096);
}

/* --- creation --- */

static void a_new_deployment_has_a_number_and_a_place_in_the_lane(void **state) {
    (void)state;
    const struct plan *plan = make_plan(3, 3);
    struct created first = create(plan, NULL);
    struct created second = create(plan, NULL);
    assert_int_equal(first.err.code, ERR_NONE);
    assert_int_equal(first.id, 1);
    assert_int_equal(first.ahead, 0);
    assert_int_equal(second.id, 2);
    assert_int_equal(second.ahead, 1);
    assert_string_equal(rig_call(&rig, "LRANGE", "t:lane:shop/production", "0", "-1"), "1 2");
    assert_string_equal(rig_call(&rig, "SMEMBERS", "t:live"), "1 2");
    assert_string_equal(rig_call(&rig, "HMGET", "t:dep:1", "project", "state", "actor", "guided", "excluded"),
                        "shop queued alice on 0");
    assert_int_equal(strlen(rig_call(&rig, "KEYS", "t:plan:*")), strlen("t:plan:") + 64); /* one for both */
    assert_string_equal(rig_call(&rig, "XLEN", "t:inbox"), "2");
}

static void a_deployment_is_read_as_it_was_created(void **state) {
    (void)state;
    struct deployment_record *record = load(create(make_plan(3, 2), NULL).id);
    const struct deployment *d = record->deployment;
    assert_int_equal(d->id, 1);
    assert_int_equal(d->state, DEPLOYMENT_QUEUED);
    assert_string_equal(d->plan->steps[1].name, "Step 2");
    assert_string_equal(d->version, "1.4.2");
    assert_null(d->previous_version);
    assert_string_equal(d->actor, "alice");
    assert_string_equal(d->via, "cli");
    assert_string_equal(d->inputs, "{\"a\":1}");
    assert_int_equal(d->guided_flag, 1);
    assert_int_equal(d->created_ms, 1000);
    assert_int_equal(d->revision, 1);
    assert_int_equal(d->steps[0].by_state[RUN_PENDING], 3);
    assert_int_equal(record->question_count, 0);
    deployment_record_free(record);
}

static void the_same_request_twice_is_one_deployment(void **state) {
    (void)state;
    const struct plan *plan = make_plan(1, 1);
    struct created first;
    struct created second;
    create_begin(&first, plan, "rest:key-1");
    create_begin(&second, plan, "rest:key-1");
    rig_until(&rig, is_created, &first);
    rig_until(&rig, is_created, &second);
    assert_int_equal(first.id, second.id);
    assert_int_equal(create(plan, "rest:key-1").id, first.id);
    assert_string_equal(rig_call(&rig, "LLEN", "t:lane:shop/production"), "1");
}

static void a_plan_that_is_too_large_is_refused(void **state) {
    (void)state;
    struct plan *plan = make_plan(1, 20);
    char *script = arena_alloc(arena, LIMIT_SCRIPT_BYTES + 1);
    memset(script, 'x', LIMIT_SCRIPT_BYTES);
    for (size_t i = 0; i < plan->step_count; i++) {
        plan->steps[i].script = script;
    }
    struct created created = create(plan, NULL);
    assert_int_equal(created.err.code, ERR_TOO_BIG);
    assert_string_equal(rig_call(&rig, "EXISTS", "t:deployments"), "0");
}

static void a_creation_waits_for_redis_to_come_back(void **state) {
    (void)state;
    struct created lost;
    struct created waiting;
    create_begin(&lost, make_plan(1, 1), NULL);
    rig_server_kill(&rig);
    rig_run_ms(&rig, 50);
    create_begin(&waiting, make_plan(1, 1), NULL);
    rig_run_ms(&rig, 50);
    assert_false(waiting.came);
    rig_server_start(&rig);
    rig_until(&rig, is_created, &lost);
    rig_until(&rig, is_created, &waiting);
    assert_int_equal(lost.err.code, ERR_NONE);
    assert_int_equal(waiting.err.code, ERR_NONE);
    assert_true(lost.id != waiting.id);
    assert_string_equal(rig_call(&rig, "LLEN", "t:lane:shop/production"), "2");
}

static void a_creation_under_way_ends_with_the_store(void **state) {
    (void)state;
    struct store *mine = rig.store;
    struct created created;
    rig.store = rig_open_store(&rig);
    rig_ready(&rig);
    create_begin(&created, make_plan(1, 1), NULL);
    store_destroy(rig.store);
    rig.store = mine;
    assert_true(created.came);
    assert_int_equal(created.err.code, ERR_UNAVAILABLE);
}

/* --- what is read is what was written --- */

static void same_run(const struct run *a, const struct run *b) {
    char x[RUN_TEXT_SIZE];
    char y[RUN_TEXT_SIZE];
    run_encode(x, a);
    run_encode(y, b);
    assert_string_equal(x, y);
}

static void same_deployment(const struct deployment *a, const struct deployment *b) {
    assert_int_equal(a->state, b->state);
    assert_int_equal(a->closing, b->closing);
    assert_int_equal(a->intake, b->intake);
    assert_true(str_equal(a->closing_why, b->closing_why));
    assert_int_equal(a->warned, b->warned);
    assert_int_equal(a->active, b->active);
    assert_int_equal(a->revision, b->revision);
    assert_int_equal(a->started_ms, b->started_ms);
    assert_int_equal(a->waiting_ms, b->waiting_ms);
    assert_int_equal(a->waiting_since_ms, b->waiting_since_ms);
    assert_int_equal(a->excluded_count, b->excluded_count);
    assert_string_equal(a->audit_head, b->audit_head);
    for (size_t step = 0; step < a->plan->step_count; step++) {
        assert_memory_equal(a->steps[step].by_state, b->steps[step].by_state, sizeof a->steps[step].by_state);
        for (size_t slot = 0; slot < a->plan->steps[step].slot_count; slot++) {
            same_run(deployment_run(a, step, slot), deployment_run(b, step, slot));
        }
    }
    assert_int_equal(a->question_count, b->question_count);
    for (size_t i = 0; i < a->question_count; i++) {
        const struct question *x = &a->questions[i];
        const struct question *y = &b->questions[i];
        assert_int_equal(x->id, y->id);
        assert_int_equal(x->step, y->step);
        assert_int_equal(x->slot, y->slot);
        assert_int_equal(x->attempt, y->attempt);
        assert_int_equal(x->asked_ms, y->asked_ms);
        assert_int_equal(x->deadline_ms, y->deadline_ms);
        assert_int_equal(x->options, y->options);
        assert_int_equal(x->unknown, y->unknown);
        assert_int_equal(x->card, y->card);
        assert_string_equal(x->error_key, y->error_key);
        assert_string_equal(x->excerpt, y->excerpt);
        assert_true(str_equal(x->why_no_retry, y->why_no_retry));
    }
}

static void check_stored(const struct deployment *d) {
    struct deployment_record *stored = load(d->id);
    same_deployment(d, stored->deployment);
    deployment_record_free(stored);
}

static void after_every_commit_the_stored_deployment_is_the_leaders(void **state) {
    (void)state;
    struct plan *plan = make_plan(3, 2);
    plan->steps[0].guided.answer_within_ms = 600000;
    plan->steps[0].guided.fail_unanswered = true;
    plan->steps[0].guided.max_retries = 1;
    struct deployment_record *record = load(create(plan, NULL).id);
    struct deployment *d = record->deployment;
    do_lead(d, &(struct event){.kind = EVENT_ADMITTED, .now_ms = 1500});
    check_stored(d);
    run_to_end(d, 0, 0, 0);
    check_stored(d);
    run_to_end(d, 0, 1, 100);
    check_stored(d);
    run_to_end(d, 0, 2, 7);
    check_stored(d);
    assert_int_equal(d->state, DEPLOYMENT_PAUSED);
    struct new_answer retry = {
        .question = d->questions[0].id, .guidance = GUIDANCE_RETRY, .actor = "bob", .now_ms = 9000};
    lead_answer(d, &retry);
    check_stored(d);
    run_to_end(d, 0, 1, 100);
    check_stored(d);
    assert_non_null(d->questions[1].why_no_retry);
    struct new_answer ignore = {
        .question = d->questions[1].id, .guidance = GUIDANCE_IGNORE, .actor = "bob", .now_ms = 9000};
    lead_answer(d, &ignore);
    check_stored(d);
    struct new_answer exclude = {
        .question = d->questions[0].id, .guidance = GUIDANCE_EXCLUDE, .actor = "bob", .now_ms = 9000};
    lead_answer(d, &exclude);
    check_stored(d);
    assert_int_equal(d->excluded_count, 1);
    run_to_end(d, 1, 0, 0);
    run_to_end(d, 1, 1, 0);
    check_stored(d);
    assert_int_equal(d->state, DEPLOYMENT_SUCCEEDED_WITH_WARNINGS);
    assert_string_equal(rig_call(&rig, "EXISTS", "t:lane:shop/production", "t:live"), "0");
    deployment_record_free(record);
}

static void a_large_deployment_is_read_whole(void **state) {
    (void)state;
    struct deployment_record *record = load(create(make_plan(1000, 20), NULL).id);
    struct deployment *d = record->deployment;
    struct rig_result result = {0};
    for (size_t step = 0; step < 20; step++) {
        struct commit *commit = commit_create(rig.store, NULL);
        for (size_t slot = 0; slot < 1000; slot++) {
            struct run *run = deployment_run(d, step, slot);
            *run = (struct run){.state = RUN_SUCCEEDED, .attempt = 1, .epoch = 1, .worker = "w1", .host = "h1"};
            commit_put_run(commit, d, step, slot);
        }
        result.came = false;
        commit_send(commit, rig_committed, &result);
        assert_int_equal(rig_wait(&rig, &result), COMMIT_DONE);
    }
    struct deployment_record *stored = load(d->id);
    for (size_t step = 0; step < 20; step++) {
        assert_int_equal(stored->deployment->steps[step].by_state[RUN_SUCCEEDED], 1000);
    }
    deployment_record_free(stored);
    deployment_record_free(record);
}

/* --- answers --- */

static void an_answer_is_written_with_its_event(void **state) {
    (void)state;
    struct deployment_record *record = make_asking(2);
    (void)rig_call(&rig, "DEL", "t:inbox");
    struct new_answer retry = answer_of(record, 0, GUIDANCE_RETRY);
    assert_string_equal(rig_call(&rig, "ZRANGE", "t:pending", "0", "-1"), "1 2");
    assert_int_equal(answer(&retry), ANSWER_ACCEPTED);
    assert_string_equal(rig_call(&rig, "ZRANGE", "t:pending", "0", "-1"), "2");
    assert_string_equal(rig_call(&rig, "HMGET", "t:q:1", "state", "answer", "by", "via", "note", "at"),
                        "answered retry bob slack disk was full 5000");
    const char *entry = rig_call(&rig, "XRANGE", "t:inbox", "-", "+");
    assert_non_null(strstr(entry, "event answered deployment 1 at 5000"));
    assert_non_null(strstr(entry, "question 1 guidance retry actor bob via slack note disk was full"));

    struct deployment_record *after = load(record->deployment->id);
    assert_false(after->questions[0].open);
    assert_int_equal(after->questions[0].answer, GUIDANCE_RETRY);
    assert_string_equal(after->questions[0].answered_by, "bob");
    assert_string_equal(after->questions[0].target_name, "web-1");
    assert_int_equal(after->questions[0].outcome.number, 100);
    assert_int_equal(after->questions[0].revision, 2);
    assert_true(after->questions[1].open);
    /* The leader has not applied it yet. */
    assert_int_equal(after->deployment->question_count, 2);
    lead_answer(after->deployment, &retry);
    check_stored(after->deployment);
    deployment_record_free(after);
    deployment_record_free(record);
}

enum { RACERS = 4 };

static void of_simultaneous_answers_exactly_one_wins(void **state) {
    (void)state;
    struct store *stores[RACERS];
    for (int i = 0; i < RACERS; i++) {
        stores[i] = rig_open_store(&rig);
        while (!store_is_ready(stores[i])) {
            rig_run_ms(&rig, 1);
        }
    }
    static const enum guidance choices[] = {GUIDANCE_RETRY, GUIDANCE_IGNORE, GUIDANCE_EXCLUDE, GUIDANCE_FAIL};
    struct deployment_record *record = make_asking(40);
    (void)rig_call(&rig, "DEL", "t:inbox");
    for (size_t q = 0; q < 30; q++) {
        struct answered answered[RACERS] = {{0}};
        int accepted = 0;
        struct deployment_record *now = load(record->deployment->id);
        for (int i = 0; i < RACERS; i++) {
            struct new_answer given = answer_of(now, q, choices[((size_t)i + q) % 3]);
            store_answer(stores[i], &given, answer_came, &answered[i]);
        }
        for (int i = 0; i < RACERS; i++) {
            enum answer_result result = wait_for(&answered[i]);
            accepted += result == ANSWER_ACCEPTED;
            assert_true(result == ANSWER_ACCEPTED || result == ANSWER_TOO_LATE);
        }
        assert_int_equal(accepted, 1);
        deployment_record_free(now);
    }
    assert_string_equal(rig_call(&rig, "XLEN", "t:inbox"), "30");
    deployment_record_free(record);
    for (int i = 0; i < RACERS; i++) {
        store_destroy(stores[i]);
    }
}

static void racing_excludes_never_take_the_last_target(void **state) {
    (void)state;
    struct deployment_record *record = make_asking(2);
    struct answered answered[2] = {{0}};
    struct new_answer first = answer_of(record, 0, GUIDANCE_EXCLUDE);
    struct new_answer second = answer_of(record, 1, GUIDANCE_EXCLUDE);
    store_answer(rig.store, &first, answer_came, &answered[0]);
    store_answer(rig.store, &second, answer_came, &answered[1]);
    assert_int_equal(wait_for(&answered[0]), ANSWER_ACCEPTED);
    assert_int_equal(wait_for(&answered[1]), ANSWER_CHANGED);
    struct deployment_record *after = load(record->deployment->id);
    assert_int_equal(after->deployment->excluded_intake, 1);
    assert_true(after->questions[1].open);
    deployment_record_free(after);
    deployment_record_free(record);
}

static void an_exclude_counts_those_accepted_before(void **state) {
    (void)state;
    struct deployment_record *record = make_asking(3);
    struct new_answer first = answer_of(record, 0, GUIDANCE_EXCLUDE);
    assert_int_equal(answer(&first), ANSWER_ACCEPTED);
    struct new_answer second = answer_of(record, 1, GUIDANCE_EXCLUDE);
    assert_int_equal(answer(&second), ANSWER_CHANGED);
    struct deployment_record *after = load(record->deployment->id);
    second = answer_of(after, 1, GUIDANCE_EXCLUDE);
    assert_int_equal(answer(&second), ANSWER_ACCEPTED);
    deployment_record_free(after);
    deployment_record_free(record);
}

static void after_an_accepted_fail_nothing_else_is_accepted(void **state) {
    (void)state;
    struct deployment_record *record = make_asking(3);
    struct answered answered[3] = {{0}};
    struct new_answer fails = answer_of(record, 0, GUIDANCE_FAIL);
    struct new_answer retry = answer_of(record, 1, GUIDANCE_RETRY);
    store_answer(rig.store, &fails, answer_came, &answered[0]);
    store_answer(rig.store, &retry, answer_came, &answered[1]);
    assert_int_equal(wait_for(&answered[0]), ANSWER_ACCEPTED);
    assert_int_equal(wait_for(&answered[1]), ANSWER_CLOSING);
    struct deployment_record *after = load(record->deployment->id);
    assert_int_equal(after->deployment->intake, CLOSING_FAILING);
    assert_int_equal(after->deployment->closing, CLOSING_NO);
    lead_answer(after->deployment, &fails);
    check_stored(after->deployment);
    assert_int_equal(after->deployment->state, DEPLOYMENT_FAILED);
    assert_string_equal(rig_call(&rig, "HGET", "t:q:2", "state"), "closed");
    assert_string_equal(rig_call(&rig, "EXISTS", "t:pending"), "0");
    deployment_record_free(after);
    deployment_record_free(record);
}

static void an_answer_checked_under_another_configuration_is_refused(void **state) {
    (void)state;
    struct deployment_record *record = make_asking(1);
    struct new_answer given = answer_of(record, 0, GUIDANCE_RETRY);
    static const char *const wrong[] = {"g0", "", NULL, "g11"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        given.generation = wrong[i];
        assert_int_equal(answer(&given), ANSWER_GENERATION);
    }
    (void)rig_call(&rig, "DEL", "t:config");
    given.generation = "";
    assert_int_equal(answer(&given), ANSWER_GENERATION);
    struct rig_result result = {0};
    store_put_generation(rig.store, "g2", rig_committed, &result);
    assert_int_equal(rig_wait(&rig, &result), COMMIT_DONE);
    given.generation = "g2";
    assert_int_equal(answer(&given), ANSWER_ACCEPTED);
    deployment_record_free(record);
}

static void the_same_click_twice_is_accepted_twice_and_done_once(void **state) {
    (void)state;
    struct deployment_record *record = make_asking(1);
    struct new_answer given = answer_of(record, 0, GUIDANCE_RETRY);
    (void)rig_call(&rig, "DEL", "t:inbox");
    given.event_id = "slack:Ev7";
    assert_int_equal(answer(&given), ANSWER_ACCEPTED);
    assert_int_equal(answer(&given), ANSWER_ACCEPTED);
    given.event_id = "slack:Ev8";
    assert_int_equal(answer(&given), ANSWER_TOO_LATE);
    assert_string_equal(rig_call(&rig, "XLEN", "t:inbox"), "1");
    deployment_record_free(record);
}

static void an_answer_that_came_first_wins_over_the_leader_closing_the_question(void **state) {
    (void)state;
    struct deployment_record *record = make_asking(2);
    struct new_answer given = answer_of(record, 1, GUIDANCE_RETRY);
    assert_int_equal(answer(&given), ANSWER_ACCEPTED);
    struct event cancel = {.kind = EVENT_CANCEL, .now_ms = 6000, .actor = "carol"};
    assert_int_equal(lead(record->deployment, &cancel), COMMIT_REFUSED);
    assert_string_equal(rig_call(&rig, "HGET", "t:q:1", "state"), "open");
    deployment_record_free(record);
}

static void the_leader_fails_a_deployment_only_if_nobody_closed_it_before(void **state) {
    (void)state;
    struct deployment_record *record = make_asking(1);
    struct rig_result result = {0};
    struct new_answer fails = answer_of(record, 0, GUIDANCE_FAIL);
    assert_int_equal(answer(&fails), ANSWER_ACCEPTED);
    struct commit *commit = commit_create(rig.store, NULL);
    commit_put_closing(commit, record->deployment->id, CLOSING_FAILING, 7000);
    commit_send(commit, rig_committed, &result);
    assert_int_equal(rig_wait(&rig, &result), COMMIT_REFUSED);
    assert_string_equal(result.found, "failing");
    deployment_record_free(record);
}

static void the_leaders_own_failing_comes_back_to_it_through_the_inbox(void **state) {
    (void)state;
    struct deployment_record *record = make_asking(1);
    struct rig_result result = {0};
    struct commit *commit = commit_create(rig.store, NULL);
    commit_put_closing(commit, record->deployment->id, CLOSING_FAILING, 7000);
    commit_send(commit, rig_committed, &result);
    assert_int_equal(rig_wait(&rig, &result), COMMIT_DONE);
    assert_non_null(
        strstr(rig_call(&rig, "XREVRANGE", "t:inbox", "+", "-", "COUNT", "1"), "event failing deployment 1"));
    deployment_record_free(record);
}

/* --- take, cancel, check --- */

static enum answer_result take(const struct deployment_record *record, const char *actor, bool expect_nobody) {
    struct answered answered = {0};
    store_take(rig.store, record->deployment->id, record->questions[0].question.id, actor, "cli", expect_nobody,
               answer_came, &answered);
    return wait_for(&answered);
}

static void a_question_can_be_taken_and_taken_over(void **state) {
    (void)state;
    struct deployment_record *record = make_asking(1);
    assert_int_equal(take(record, "alice", true), ANSWER_ACCEPTED);
    assert_int_equal(take(record, "bob", true), ANSWER_CHANGED);
    assert_int_equal(take(record, "bob", false), ANSWER_ACCEPTED);
    struct deployment_record *after = load(record->deployment->id);
    assert_string_equal(after->questions[0].taken_by, "bob");
    const char *entry = rig_call(&rig, "XREVRANGE", "t:inbox", "+", "-", "COUNT", "1");
    assert_non_null(strstr(entry, "event taken deployment 1 at "));
    assert_non_null(strstr(entry, "question 1 actor bob via cli"));
    deployment_record_free(after);
    struct new_answer given = answer_of(record, 0, GUIDANCE_RETRY);
    assert_int_equal(answer(&given), ANSWER_ACCEPTED);
    assert_int_equal(take(record, "carol", false), ANSWER_TOO_LATE);
    deployment_record_free(record);
}

static enum answer_result cancel(uint64_t deployment, const char *event_id) {
    struct answered answered = {0};
    store_cancel(rig.store, deployment, "carol", "cli", "wrong version", event_id, answer_came, &answered);
    assert_false(answered.came);
    return wait_for(&answered);
}

static void a_deployment_is_canceled_once(void **state) {
    (void)state;
    struct deployment_record *record = make_asking(2);
    uint64_t id = record->deployment->id;
    (void)rig_call(&rig, "DEL", "t:inbox");
    assert_int_equal(cancel(id, NULL), ANSWER_ACCEPTED);
    assert_int_equal(cancel(id, NULL), ANSWER_TOO_LATE);
    struct new_answer given = answer_of(record, 0, GUIDANCE_RETRY);
    assert_int_equal(answer(&given), ANSWER_CLOSING);
    assert_string_equal(rig_call(&rig, "XLEN", "t:inbox"), "1");
    struct deployment_record *after = load(id);
    assert_int_equal(after->deployment->intake, CLOSING_CANCELING);
    struct event event = {.kind = EVENT_CANCEL, .now_ms = 6000, .actor = "carol"};
    do_lead(after->deployment, &event);
    check_stored(after->deployment);
    assert_int_equal(after->deployment->state, DEPLOYMENT_CANCELED);
    assert_int_equal(cancel(id, NULL), ANSWER_TOO_LATE);
    assert_int_equal(cancel(99, NULL), ANSWER_TOO_LATE);
    assert_string_equal(rig_call(&rig, "EXISTS", "t:dep:99"), "0");
    deployment_record_free(after);
    deployment_record_free(record);
}

static void a_failing_deployment_can_still_be_canceled(void **state) {
    (void)state;
    struct deployment_record *record = make_asking(2);
    struct new_answer fails = answer_of(record, 0, GUIDANCE_FAIL);
    assert_int_equal(answer(&fails), ANSWER_ACCEPTED);
    assert_int_equal(cancel(record->deployment->id, "e1"), ANSWER_ACCEPTED);
    assert_int_equal(cancel(record->deployment->id, "e1"), ANSWER_ACCEPTED); /* the same event */
    assert_string_equal(rig_call(&rig, "HGET", "t:dep:1", "closing"), "canceling");
    deployment_record_free(record);
}

static void a_question_about_a_late_cancel_can_be_answered(void **state) {
    (void)state;
    struct deployment_record *record = make_asking(1);
    (void)rig_call(&rig, "HSET", "t:dep:1", "closing", "canceling");
    struct new_answer given = answer_of(record, 0, GUIDANCE_FAIL);
    assert_int_equal(answer(&given), ANSWER_CLOSING);
    given.closing = CLOSING_CANCELING;
    assert_int_equal(answer(&given), ANSWER_ACCEPTED);
    assert_string_equal(rig_call(&rig, "HGET", "t:dep:1", "closing"), "canceling");
    deployment_record_free(record);
}

static enum answer_result check(const struct deployment_record *record) {
    struct answered answered = {0};
    store_check(rig.store, record->deployment, &record->deployment->questions[0], answer_came, &answered);
    return wait_for(&answered);
}

static void a_check_asks_the_host_of_the_run(void **state) {
    (void)state;
    struct deployment_record *record = make_asking(1);
    (void)rig_call(&rig, "HSET", "t:dep:1:claims", "0.0", "e:1:1");
    assert_int_equal(check(record), ANSWER_ACCEPTED);
    assert_string_equal(rig_call(&rig, "HGET", "t:dep:1:claims", "0.0"), "a:1:1");
    assert_non_null(strstr(rig_call(&rig, "XRANGE", "t:control:h1", "-", "+"), "owner w1"));
    assert_int_equal(check(record), ANSWER_ACCEPTED);
    assert_string_equal(rig_call(&rig, "XLEN", "t:control:h1"), "2");
    (void)rig_call(&rig, "HSET", "t:dep:1:claims", "0.0", "q:2:2");
    assert_int_equal(check(record), ANSWER_CHANGED);
    (void)rig_call(&rig, "HSET", "t:q:1", "state", "closed");
    assert_int_equal(check(record), ANSWER_TOO_LATE);
    assert_string_equal(rig_call(&rig, "XLEN", "t:control:h1"), "2");
    deployment_record_free(record);
}

/* --- lists --- */

struct ids {
    bool came;
    char text[256];
    uint64_t total;
    struct err err;
};

static void ids_came(const uint64_t *ids, size_t count, uint64_t total, const struct err *err, void *user) {
    struct ids *list = user;
    list->came = true;
    list->total = total;
    for (size_t i = 0; i < count; i++) {
        size_t size = strlen(list->text);
        (void)snprintf(list->text + size, sizeof list->text - size, "%s%llu", i > 0 ? " " : "",
                       (unsigned long long)ids[i]);
    }
    if (err != NULL) {
        list->err = *err;
    }
}

static bool has_ids(void *user) {
    return ((struct ids *)user)->came;
}

static void expect_ids(struct ids *list, const char *text, uint64_t total) {
    rig_until(&rig, has_ids, list);
    assert_int_equal(list->err.code, ERR_NONE);
    assert_string_equal(list->text, text);
    assert_int_equal(list->total, total);
    *list = (struct ids){0};
}

static void lists_are_in_order_and_in_pages(void **state) {
    (void)state;
    struct ids list = {0};
    store_list_deployments(rig.store, 0, 10, ids_came, &list);
    expect_ids(&list, "", 0);
    store_list_questions(rig.store, 0, 10, ids_came, &list);
    expect_ids(&list, "", 0);
    struct deployment_record *record = make_asking(5);
    for (int i = 0; i < 11; i++) {
        (void)create(make_plan(1, 1), NULL);
    }
    store_list_deployments(rig.store, 0, 3, ids_came, &list);
    expect_ids(&list, "12 11 10", 12);
    store_list_deployments(rig.store, 10, 5, ids_came, &list);
    expect_ids(&list, "2 1", 12);
    store_list_deployments(rig.store, 0, 0, ids_came, &list);
    expect_ids(&list, "", 12);
    store_list_pending(rig.store, 1, 3, ids_came, &list);
    expect_ids(&list, "2 3 4", 5);
    store_list_questions(rig.store, 0, 2, ids_came, &list);
    expect_ids(&list, "5 4", 5);
    store_list_questions(rig.store, 4, 9, ids_came, &list);
    expect_ids(&list, "1", 5);
    store_list_questions(rig.store, 9, 9, ids_came, &list);
    expect_ids(&list, "", 5);
    store_list_live(rig.store, ids_came, &list);
    expect_ids(&list, "1 2 3 4 5 6 7 8 9 10 11 12", 12);
    store_list_lane(rig.store, "shop", "production", ids_came, &list);
    expect_ids(&list, "1 2 3 4 5 6 7 8 9 10 11 12", 12);
    store_list_lane(rig.store, "shop", "test", ids_came, &list);
    expect_ids(&list, "", 0);
    deployment_record_free(record);
}

struct several {
    bool came;
    char text[1024];
    struct err err;
};

static void several_came(struct deployment_record **records, size_t count, const struct err *err, void *user) {
    struct several *several = user;
    several->came = true;
    for (size_t i = 0; i < count; i++) {
        size_t size = strlen(several->text);
        (void)snprintf(several->text + size, sizeof several->text - size, "%s%llu", i > 0 ? " " : "",
                       (unsigned long long)records[i]->deployment->id);
        deployment_record_free(records[i]);
    }
    if (err != NULL) {
        several->err = *err;
    }
}

static bool has_several(void *user) {
    return ((struct several *)user)->came;
}

static void several_are_read_in_the_order_asked_for(void **state) {
    (void)state;
    struct several several = {0};
    uint64_t ids[100];
    for (size_t i = 0; i < 100; i++) {
        ids[i] = 100 - i;
    }
    for (int i = 0; i < 50; i++) {
        (void)create(make_plan(1, 1), NULL);
    }
    store_load_deployments(rig.store, ids, 100, several_came, &several);
    assert_false(several.came);
    rig_until(&rig, has_several, &several);
    assert_int_equal(strncmp(several.text, "50 49 48 47", 11), 0);
    assert_non_null(strstr(several.text, " 3 2 1"));

    several = (struct several){0};
    store_load_deployments(rig.store, ids, 0, several_came, &several);
    assert_false(several.came);
    rig_until(&rig, has_several, &several);
    assert_int_equal(several.err.code, ERR_NONE);

    several = (struct several){0};
    struct store *mine = rig.store;
    struct store *other = rig_open_store(&rig);
    while (!store_is_ready(other)) {
        rig_run_ms(&rig, 1);
    }
    store_load_deployments(other, ids, 100, several_came, &several);
    store_destroy(other);
    assert_true(several.came);
    assert_int_equal(several.err.code, ERR_UNAVAILABLE);
    rig.store = mine;
}

static void what_is_not_there_is_not_found(void **state) {
    (void)state;
    struct loaded loaded = {0};
    store_load_deployment(rig.store, 7, record_came, &loaded);
    rig_until(&rig, is_loaded, &loaded);
    assert_int_equal(loaded.err.code, ERR_NOT_FOUND);
    assert_string_equal(loaded.err.text, "There is no deployment D7.");
    loaded = (struct loaded){0};
    store_load_question(rig.store, 7, record_came, &loaded);
    rig_until(&rig, is_loaded, &loaded);
    assert_int_equal(loaded.err.code, ERR_NOT_FOUND);
    loaded = (struct loaded){0};
    rig_server_kill(&rig);
    rig_run_ms(&rig, 30);
    store_load_question(rig.store, 7, record_came, &loaded);
    rig_until(&rig, is_loaded, &loaded);
    assert_int_equal(loaded.err.code, ERR_UNAVAILABLE);
}

static void a_question_leads_to_its_deployment(void **state) {
    (void)state;
    deployment_record_free(make_asking(1));
    struct deployment_record *record = make_asking(2);
    struct loaded loaded = {0};
    store_load_question(rig.store, 2, record_came, &loaded);
    rig_until(&rig, is_loaded, &loaded);
    assert_int_equal(loaded.record->deployment->id, 2);
    deployment_record_free(loaded.record);
    deployment_record_free(record);
}

static void what_is_broken_is_said_to_be_broken(void **state) {
    (void)state;
    static const char *const broken[][2] = {
        {"dep:%d:runs", "0.0"}, {"dep:%d:runs", "7.7"}, {"dep:%d", "state"}, {"dep:%d", "plan"}, {"q:%d", "step"}};
    for (size_t i = 0; i < sizeof broken / sizeof broken[0]; i++) {
        struct deployment_record *record = make_asking(1); /* its number is that of its question */
        struct loaded loaded = {0};
        char key[STORE_KEY_SIZE];
        (void)store_key(rig.store, key, broken[i][0], (int)record->deployment->id);
        (void)rig_call(&rig, "HSET", key, broken[i][1], "99");
        store_load_deployment(rig.store, record->deployment->id, record_came, &loaded);
        rig_until(&rig, is_loaded, &loaded);
        assert_null(loaded.record);
        assert_int_equal(loaded.err.code, ERR_IO);
        deployment_record_free(record);
    }
}

/* --- versions, audit, numbers --- */

static bool seen;
static char lines[4096];

static void versions_came(const struct version_row *rows, size_t count, const struct err *err, void *user) {
    (void)user;
    assert_null(err);
    for (size_t i = 0; i < count; i++) {
        size_t size = strlen(lines);
        (void)snprintf(lines + size, sizeof lines - size, "%s/%s/%s=%s by %llu at %lld;", rows[i].project,
                       rows[i].environment, rows[i].target, rows[i].confirmed.version,
                       (unsigned long long)rows[i].confirmed.deployment, (long long)rows[i].confirmed.when_ms);
    }
    seen = true;
}

static bool was_seen(void *user) {
    (void)user;
    return seen;
}

static void a_success_is_the_previous_version_of_the_next(void **state) {
    (void)state;
    struct deployment_record *record = load(create(make_plan(2, 1), NULL).id);
    do_lead(record->deployment, &(struct event){.kind = EVENT_ADMITTED, .now_ms = 1500});
    run_to_end(record->deployment, 0, 0, 0);
    run_to_end(record->deployment, 0, 1, 0);
    assert_int_equal(record->deployment->state, DEPLOYMENT_SUCCEEDED);
    deployment_record_free(record);
    record = load(create(make_plan(2, 1), NULL).id);
    assert_string_equal(record->deployment->previous_version, "1.4.2");
    deployment_record_free(record);
    seen = false;
    lines[0] = '\0';
    store_list_versions(rig.store, versions_came, NULL);
    rig_until(&rig, was_seen, NULL);
    assert_non_null(strstr(lines, "shop/production/web-1=1.4.2 by 1 at 3000;"));
    assert_non_null(strstr(lines, "shop/production/web-2=1.4.2 by 1 at 3000;"));
    assert_non_null(strstr(lines, "shop/production/=1.4.2 by 1 at 3000;"));
}

static const char *history;

static void history_came(const struct confirmed_row *rows, size_t count, const struct err *err, void *user) {
    static char text[256];
    (void)user;
    assert_null(err);
    text[0] = '\0';
    for (size_t i = 0; i < count; i++) {
        size_t size = strlen(text);
        (void)snprintf(text + size, sizeof text - size, "%llu%s ", (unsigned long long)rows[i].version.deployment,
                       rows[i].partial ? " partial" : "");
    }
    history = text;
}

static bool history_is_there(void *user) {
    (void)user;
    return history != NULL;
}

/* What it brought to some machines is written down, but the lane has what it had. */
static void what_succeeds_on_a_part_is_no_version_of_the_lane(void **state) {
    (void)state;
    struct plan *plan = make_plan(2, 1);
    plan->partial = true;
    struct deployment_record *record = load(create(plan, NULL).id);
    do_lead(record->deployment, &(struct event){.kind = EVENT_ADMITTED, .now_ms = 1500});
    run_to_end(record->deployment, 0, 0, 0);
    run_to_end(record->deployment, 0, 1, 0);
    assert_int_equal(record->deployment->state, DEPLOYMENT_SUCCEEDED);
    deployment_record_free(record);
    record = load(create(make_plan(2, 1), NULL).id);
    assert_null(record->deployment->previous_version);
    deployment_record_free(record);
    history = NULL;
    store_list_confirmed(rig.store, "shop", "production", history_came, NULL);
    rig_until(&rig, history_is_there, NULL);
    assert_string_equal(history, "1 partial ");
}

struct audited {
    const char *what, *head;
};

static void audit_came(const struct audit_entry *entries, size_t count, const struct err *err, void *user) {
    const struct audited *audited = user;
    bool found = false;
    assert_null(err);
    for (size_t i = 0; i < count; i++) {
        found = found || strstr(entries[i].what, audited->what) != NULL;
    }
    assert_string_equal(entries[count - 1].hash, audited->head);
    assert_true(count > 5);
    assert_string_equal(entries[0].what, "created");
    assert_string_equal(entries[0].actor, "alice");
    assert_true(found);
    seen = true;
}

static void the_audit_is_a_chain(void **state) {
    (void)state;
    struct deployment_record *record = make_asking(2);
    struct new_answer given = answer_of(record, 0, GUIDANCE_RETRY);
    lead_answer(record->deployment, &given);
    seen = false;
    struct audited audited = {.what = "answered Q1", .head = record->deployment->audit_head};
    store_read_audit(rig.store, record->deployment->id, audit_came, &audited);
    rig_until(&rig, was_seen, NULL);
    /* The chain is what anybody can compute: SHA-256 over the hash before and the line. */
    char line[4096];
    char head[ID_DIGEST_SIZE];
    (void)snprintf(line, sizeof line, "%s", rig_call(&rig, "LINDEX", "t:audit:1", "0"));
    assert_string_equal(line, "[1000,\"created\",\"alice\",\"cli\"]");
    id_digest(head, line, strlen(line));
    (void)snprintf(line, sizeof line, "%s%s", head, rig_call(&rig, "LINDEX", "t:audit:1", "1"));
    id_digest(head, line, strlen(line));
    for (int i = 2; i < 100; i++) {
        char index[16];
        (void)snprintf(index, sizeof index, "%d", i);
        const char *next = rig_call(&rig, "LINDEX", "t:audit:1", index);
        if (str_equal(next, "(nil)")) {
            break;
        }
        (void)snprintf(line, sizeof line, "%s%s", head, next);
        id_digest(head, line, strlen(line));
    }
    assert_string_equal(head, record->deployment->audit_head);
    deployment_record_free(record);
}

static void numbering_came(uint64_t next, const struct err *err, void *user) {
    assert_null(err);
    *(uint64_t *)user = next;
    seen = true;
}

static void questions_are_numbered_on(void **state) {
    (void)state;
    uint64_t next = 0;
    seen = false;
    store_load_numbering(rig.store, numbering_came, &next);
    rig_until(&rig, was_seen, NULL);
    assert_int_equal(next, 1);
    deployment_record_free(make_asking(3));
    seen = false;
    store_load_numbering(rig.store, numbering_came, &next);
    rig_until(&rig, was_seen, NULL);
    assert_int_equal(next, 4);
}

/* --- the inbox's words --- */

static void inbox_came(const struct redis_reply *reply, bool sent, void *user) {
    struct inbox_entry *entries = user;
    (void)sent;
    assert_int_equal(redis_count(reply), 5);
    for (size_t i = 0; i < redis_count(reply); i++) {
        inbox_decode(redis_at(redis_at(reply, i), 1), arena, &entries[i]);
    }
    seen = true;
}

static void inbox_entries_are_read_as_they_were_written(void **state) {
    (void)state;
    struct inbox_entry entries[5];
    const struct event full = {
        .kind = EVENT_ENDED,
        .now_ms = 1764000000123,
        .step = 3,
        .slot = 4,
        .attempt = 5,
        .epoch = 6,
        .worker = "w 1",
        .host = "h1",
        .outcome = {OUTCOME_SIGNAL, 9},
        .excerpt = "two\nlines",
        .question = 42,
        .guidance = GUIDANCE_ABORT,
        .actor = "alice",
        .via = "slack",
        .note = "-- yes",
    };
    struct rig_result result = {0};
    struct commit *commit = commit_create(rig.store, NULL);
    inbox_encode_event(commit, 311, &full);
    inbox_encode_event(commit, 7, &(struct event){.kind = EVENT_CANCEL});
    inbox_encode_lane(commit, "shop", "production");
    inbox_encode_worker_gone(commit, "w1");
    commit_add(commit, "XADD", "inbox", "*", "event", "slept", "deployment", "1", "run", "1.1.1.1");
    commit_send(commit, rig_committed, &result);
    assert_int_equal(rig_wait(&rig, &result), COMMIT_DONE);
    seen = false;
    redis_call(store_redis(rig.store), inbox_came, entries, "XRANGE", "t:inbox", "-", "+");
    rig_until(&rig, was_seen, NULL);

    const struct event *back = &entries[0].event;
    assert_int_equal(entries[0].kind, INBOX_EVENT);
    assert_int_equal(entries[0].deployment, 311);
    assert_int_equal(back->kind, EVENT_ENDED);
    assert_int_equal(back->now_ms, 1764000000123);
    assert_true(back->step == 3 && back->slot == 4 && back->attempt == 5 && back->epoch == 6);
    assert_string_equal(back->worker, "w 1");
    assert_string_equal(back->host, "h1");
    assert_true(back->outcome.kind == OUTCOME_SIGNAL && back->outcome.number == 9);
    assert_string_equal(back->excerpt, "two\nlines");
    assert_int_equal(back->question, 42);
    assert_int_equal(back->guidance, GUIDANCE_ABORT);
    assert_string_equal(back->actor, "alice");
    assert_string_equal(back->via, "slack");
    assert_string_equal(back->note, "-- yes");
    assert_int_equal(entries[1].kind, INBOX_EVENT);
    assert_int_equal(entries[1].event.kind, EVENT_CANCEL);
    assert_null(entries[1].event.worker);
    assert_null(entries[1].event.note);
    assert_int_equal(entries[2].kind, INBOX_LANE);
    assert_string_equal(entries[2].project, "shop");
    assert_string_equal(entries[2].environment, "production");
    assert_int_equal(entries[3].kind, INBOX_WORKER_GONE);
    assert_string_equal(entries[3].worker, "w1");
    assert_int_equal(entries[4].kind, INBOX_BROKEN);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_new_deployment_has_a_number_and_a_place_in_the_lane),
        TEST(a_paused_deployment_takes_no_more_than_four_kilobytes),
        TEST(a_deployment_is_read_as_it_was_created),
        TEST(the_same_request_twice_is_one_deployment),
        TEST(a_plan_that_is_too_large_is_refused),
        TEST(a_creation_waits_for_redis_to_come_back),
        TEST(a_creation_under_way_ends_with_the_store),
        TEST(after_every_commit_the_stored_deployment_is_the_leaders),
        TEST(a_large_deployment_is_read_whole),
        TEST(an_answer_is_written_with_its_event),
        TEST(of_simultaneous_answers_exactly_one_wins),
        TEST(racing_excludes_never_take_the_last_target),
        TEST(an_exclude_counts_those_accepted_before),
        TEST(after_an_accepted_fail_nothing_else_is_accepted),
        TEST(an_answer_checked_under_another_configuration_is_refused),
        TEST(the_same_click_twice_is_accepted_twice_and_done_once),
        TEST(an_answer_that_came_first_wins_over_the_leader_closing_the_question),
        TEST(the_leader_fails_a_deployment_only_if_nobody_closed_it_before),
        TEST(the_leaders_own_failing_comes_back_to_it_through_the_inbox),
        TEST(a_question_can_be_taken_and_taken_over),
        TEST(a_deployment_is_canceled_once),
        TEST(a_failing_deployment_can_still_be_canceled),
        TEST(a_question_about_a_late_cancel_can_be_answered),
        TEST(a_check_asks_the_host_of_the_run),
        TEST(lists_are_in_order_and_in_pages),
        TEST(several_are_read_in_the_order_asked_for),
        TEST(what_is_not_there_is_not_found),
        TEST(a_question_leads_to_its_deployment),
        TEST(what_is_broken_is_said_to_be_broken),
        TEST(a_success_is_the_previous_version_of_the_next),
        TEST(what_succeeds_on_a_part_is_no_version_of_the_lane),
        TEST(the_audit_is_a_chain),
        TEST(questions_are_numbered_on),
        TEST(inbox_entries_are_read_as_they_were_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
