/* Redis has lost commits, and a person has seen it: what may run or have run somewhere is looked for. */

#include "fakes/scene_test.h"

/* Install on web-1 of any host and web-2 of its own host, and Tell on the worker, all at once. */
static void begin(void) {
    plan = plan_builder_create(arena, 2);
    plan_builder_step_on_all(plan, "Install", arena);
    plan->targets[1].host = "h2";
    plan_builder_step(plan, "Tell");
    scene_begin(&scene, plan, arena);
}

static void rolled_back(void) {
    assert_true(scene_give(
        &scene, (struct event){.kind = EVENT_ROLLED_BACK, .actor = "alice", .note = "Redis lost 5 commits"}));
}

static void what_runs_is_looked_for_and_asked_about_if_nobody_can_tell(void **state) {
    (void)state;
    begin();
    scene_claim(&scene, 0, 0);
    scene_claim(&scene, 0, 1);
    rolled_back();
    assert_picture(&scene, "running ll .");
    assert_true(scene.d->doubted);
    assert_string_equal(scene_effect(&scene, EFFECT_AUDIT, 0, 0)->text, "rolled_back");
    assert_int_equal(scene_count(&scene, EFFECT_ADOPT), 2);
    assert_int_equal(scene_effect(&scene, EFFECT_ADOPT, 0, 1)->epoch, 2);
    assert_int_equal(scene_count(&scene, EFFECT_TIMER), 2);
    struct event gone = scene_event(&scene, EVENT_TRUTH_GONE, 0, 0);
    assert_true(scene_give(&scene, gone));
    assert_true(scene_question(&scene, 0, 0)->unknown);
    assert_picture(&scene, "running ?l .");
}

static void what_waits_for_any_worker_may_run_with_one_already(void **state) {
    (void)state;
    begin();
    assert_picture(&scene, "running qq .");
    rolled_back();
    assert_picture(&scene, "running lq .");
    struct event late = scene_event(&scene, EVENT_CLAIMED, 0, 0);
    late.epoch = 1;
    assert_false(scene_give(&scene, late));
}

static void what_asks_or_is_over_stays_as_it_is(void **state) {
    (void)state;
    begin();
    scene_fail(&scene, 0, 0);
    scene_succeed(&scene, 0, 1);
    assert_picture(&scene, "paused ?S .");
    rolled_back();
    assert_picture(&scene, "paused ?S .");
    assert_true(scene_answer(&scene, 0, 0, GUIDANCE_RETRY));
    assert_picture(&scene, "running qS .");
}

static void a_deployment_that_is_over_hears_nothing_of_it(void **state) {
    (void)state;
    begin();
    scene_run(&scene);
    assert_picture(&scene, "succeeded SS S");
    assert_false(scene_give(&scene, (struct event){.kind = EVENT_ROLLED_BACK}));
}

static void a_question_that_was_taken_is_written_down(void **state) {
    (void)state;
    begin();
    scene_fail(&scene, 0, 0);
    uint64_t question = scene_question(&scene, 0, 0)->id;
    assert_true(scene_give(&scene, (struct event){.kind = EVENT_TAKEN, .question = question, .actor = "alice"}));
    assert_int_equal(scene.last.count, 1);
    assert_int_equal(scene.last.effects[0].kind, EFFECT_AUDIT);
    assert_string_equal(scene.last.effects[0].text, "taken Q42");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        scene_test(what_runs_is_looked_for_and_asked_about_if_nobody_can_tell),
        scene_test(what_waits_for_any_worker_may_run_with_one_already),
        scene_test(what_asks_or_is_over_stays_as_it_is),
        scene_test(a_deployment_that_is_over_hears_nothing_of_it),
        scene_test(a_question_that_was_taken_is_written_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
