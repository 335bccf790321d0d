#ifndef GP_TESTS_RECORDS_TEST_H
#define GP_TESTS_RECORDS_TEST_H

/*
 * What every test of stored deployments begins with: include it first, and run the tests with records_test(name). Each
 * has a rig and a leader of its own; the generation of the configuration is "g1".
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"
#include "fakes/leader.h"
#include "fakes/store_rig.h"
#include "fakes/stored.h"
#include "store/records.h"

static struct store_rig rig;
static struct arena *arena;
static struct leader leader;

static inline int set_up(void **state) {
    (void)state;
    rig_open(&rig);
    arena = arena_create();
    leader = (struct leader){.rig = &rig, .next_question = 1};
    (void)rig_call(&rig, "SET", "t:config", "g1");
    return 0;
}

static inline int tear_down(void **state) {
    (void)state;
    rig_close(&rig);
    arena_destroy(arena);
    return 0;
}

#define records_test(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

/* --- deployments of shop 1.4.2 to production ---------------------------------------------------------------------- */

/* Every step runs on all targets: web-1, web-2, ... */
static inline struct plan *make_plan(size_t target_count, size_t step_count) {
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

static inline struct new_deployment request_of(const struct plan *plan, const char *event_id) {
    return (struct new_deployment){
        .plan = plan,
        .version = "1.4.2",
        .actor = "alice",
        .via = "cli",
        .inputs = "{\"a\":1}",
        .guided_flag = 1,
        .now_ms = 1000,
        .event_id = event_id,
    };
}

/* Created and read, for the test to free. */
static inline struct deployment_record *create(const struct plan *plan) {
    const struct new_deployment request = request_of(plan, NULL);
    return rig_load(&rig, rig_must_create(&rig, &request));
}

/* --- what the leader does ----------------------------------------------------------------------------------------- */

static inline void give(struct deployment *d, const struct event *event) {
    assert_int_equal(rig_commit(&rig, leader_apply(&leader, d, event)), COMMIT_DONE);
}

static inline void run_to_end(struct deployment *d, size_t step, size_t slot, int64_t exit_code) {
    const struct run *run = deployment_run(d, step, slot);
    struct event event = {.kind = EVENT_CLAIMED,
                          .now_ms = 2000,
                          .step = step,
                          .slot = slot,
                          .attempt = run->attempt,
                          .epoch = run->epoch,
                          .worker = "w1",
                          .host = "h1"};
    give(d, &event);
    event.kind = EVENT_ENDED;
    event.now_ms = 3000;
    event.outcome = (struct outcome){OUTCOME_EXIT, exit_code};
    event.excerpt = "E: no space left\non device";
    give(d, &event);
}

/* A deployment whose first step failed on all its targets. */
static inline struct deployment_record *make_asking(size_t target_count) {
    struct deployment_record *record = create(make_plan(target_count, 2));
    struct deployment *d = record->deployment;
    give(d, &(struct event){.kind = EVENT_ADMITTED, .now_ms = 1500});
    for (size_t slot = 0; slot < target_count; slot++) {
        run_to_end(d, 0, slot, 100);
    }
    uint64_t id = d->id;
    deployment_record_free(record);
    return rig_load(&rig, id);
}

/* The leader reads what was answered, and applies it. */
static inline void lead_answer(struct deployment *d, const struct new_answer *given) {
    give(d, &(struct event){.kind = EVENT_ANSWERED,
                            .now_ms = given->now_ms,
                            .question = given->question,
                            .guidance = given->guidance,
                            .actor = given->actor,
                            .via = given->via,
                            .note = given->note});
}

/* --- what people say ---------------------------------------------------------------------------------------------- */

static inline struct new_answer answer_of(const struct deployment_record *record, size_t question,
                                          enum guidance guidance) {
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

#endif
