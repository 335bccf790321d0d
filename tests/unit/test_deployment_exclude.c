/* Exclude: it sticks, also beside what runs or asks there already, and never for the last machine. */

#include "fakes/scene_test.h"

static void the_last_machine_cannot_be_excluded(void **state) {
    (void)state;
    struct err err;
    plan = plan_builder_create(arena, 2);
    plan_builder_step_on_all(plan, "Install", arena);
    scene_begin(&scene, plan, arena);
    scene_fail(&scene, 0, 0);
    scene_fail(&scene, 0, 1);
    assert_true(scene_answer(&scene, 0, 0, GUIDANCE_EXCLUDE));
    const struct question *q = scene_question(&scene, 0, 1);
    assert_false(deployment_accepts(scene.d, q, GUIDANCE_EXCLUDE, NULL, &err));
    assert_string_equal(err.text,
                        "web-2 is the last machine of this deployment and can't be excluded. To end it, answer Fail.");
    assert_true(scene_answer(&scene, 0, 1, GUIDANCE_RETRY));
    scene_fail(&scene, 0, 1);
    assert_int_equal(scene_question(&scene, 0, 1)->options, GUIDANCE_RETRY | GUIDANCE_IGNORE | GUIDANCE_FAIL);
}

/* The store lets only one of them through; but the core does not rely on it. */
static void of_two_excludes_that_would_leave_no_machine_the_second_is_fail(void **state) {
    (void)state;
    plan = plan_builder_create(arena, 2);
    plan_builder_step_on_all(plan, "Install", arena);
    plan_builder_step_on_all(plan, "Restart", arena);
    scene_begin(&scene, plan, arena);
    scene_fail(&scene, 0, 0);
    scene_fail(&scene, 0, 1);
    uint64_t second = scene_question(&scene, 0, 1)->id;
    assert_true(scene_answer(&scene, 0, 0, GUIDANCE_EXCLUDE));
    assert_true(scene_answer_to(&scene, second, GUIDANCE_EXCLUDE));
    assert_picture(&scene, "failed XF X-");
    assert_int_equal(deployment_remaining(scene.d), 1);
}

static void ISS_3420_an_excluded_machine_does_not_have_the_version(void **state) {
    (void)state;
    plan = plan_builder_create(arena, 3);
    plan_builder_step_on_all(plan, "Install", arena);
    plan_builder_step_on_all(plan, "Check", arena);
    scene_begin(&scene, plan, arena);
    scene_succeed(&scene, 0, 0);
    scene_succeed(&scene, 0, 1);
    scene_fail(&scene, 0, 2);
    assert_true(scene_answer(&scene, 0, 2, GUIDANCE_RETRY));
    scene_succeed(&scene, 0, 2);
    scene_fail(&scene, 1, 2); /* installed, and excluded after that */
    scene_succeed(&scene, 1, 0);
    scene_succeed(&scene, 1, 1);
    assert_true(scene_answer(&scene, 1, 2, GUIDANCE_EXCLUDE));
    assert_int_equal(scene_count(&scene, EFFECT_DEPLOYED), 2);
    assert_null(scene_effect(&scene, EFFECT_DEPLOYED, 1, 2));
}

/* Collect runs together with Install on the same machines. */
static void begin_overlapping(void) {
    plan = plan_builder_create(arena, 2);
    plan_builder_step_on_all(plan, "Install", arena);
    plan_builder_step_on_all(plan, "Collect", arena)->with_previous = true;
    plan_builder_step_on_all(plan, "Restart", arena);
    plan->steps[1].retry_times = 1;
    scene_begin(&scene, plan, arena);
}

static void what_runs_beside_an_excluded_step_finishes_and_is_not_asked_about(void **state) {
    (void)state;
    begin_overlapping();
    scene_claim(&scene, 1, 0);
    scene_fail(&scene, 0, 0);
    assert_true(scene_answer(&scene, 0, 0, GUIDANCE_EXCLUDE));
    assert_picture(&scene, "running Xq rq ..");
    scene_fail(&scene, 1, 0);
    assert_picture(&scene, "running Xq Fq ..");
    scene_run(&scene);
    assert_picture(&scene, "succeeded_with_warnings XS FS XS");
}

static void an_automatic_retry_on_an_excluded_machine_does_not_come(void **state) {
    (void)state;
    begin_overlapping();
    scene_fail(&scene, 1, 0);
    struct event due = scene_event(&scene, EVENT_RETRY_DUE, 1, 0);
    scene_fail(&scene, 0, 0);
    assert_picture(&scene, "running ?q dq ..");
    assert_true(scene_answer(&scene, 0, 0, GUIDANCE_EXCLUDE));
    assert_false(scene_give(&scene, due));
    assert_picture(&scene, "running Xq Xq ..");
}

static void another_question_about_an_excluded_machine_is_closed(void **state) {
    (void)state;
    begin_overlapping();
    plan->steps[1].retry_times = 0;
    scene_fail(&scene, 1, 0);
    scene_fail(&scene, 0, 0);
    scene.by_hand = true;
    uint64_t other = scene_question(&scene, 1, 0)->id;
    assert_true(scene_answer(&scene, 0, 0, GUIDANCE_EXCLUDE));
    assert_int_equal(scene_count(&scene, EFFECT_CLOSE), 0); /* an answer to it may have been recorded first */
    const struct effect *timer = scene_effect(&scene, EFFECT_TIMER, 1, 0);
    assert_int_equal(timer->timer, EVENT_MOOT);
    assert_int_equal(timer->question, other);
    struct err err;
    assert_false(deployment_accepts(scene.d, scene_question(&scene, 1, 0), GUIDANCE_RETRY, NULL, &err));
    assert_string_equal(err.text, "web-1 was excluded meanwhile, so that Collect needs no answer.");
    assert_true(deployment_accepts(scene.d, scene_question(&scene, 1, 0), GUIDANCE_FAIL, NULL, &err));
    assert_true(scene_give(&scene, (struct event){.kind = EVENT_MOOT, .question = other}));
    assert_string_equal(scene_effect(&scene, EFFECT_CLOSE, 1, 0)->text, "Its machine was excluded.");
    assert_picture(&scene, "running Xq Xq ..");
    assert_false(scene_give(&scene, (struct event){.kind = EVENT_MOOT, .question = other}));
}

static void an_answer_given_beside_an_exclude_starts_nothing_on_that_machine(void **state) {
    (void)state;
    static const struct {
        enum guidance answer;
        const char *picture;
    } cases[] = {
        {GUIDANCE_RETRY, "running Xq Xq .."},
        {GUIDANCE_IGNORE, "running Xq Wq .."},
        {GUIDANCE_EXCLUDE, "running Xq Xq .."},
        {GUIDANCE_FAIL, "failed X- F- X-"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        begin_overlapping();
        plan->steps[1].retry_times = 0;
        scene_fail(&scene, 1, 0);
        scene_fail(&scene, 0, 0);
        scene.by_hand = true;
        assert_true(scene_answer(&scene, 0, 0, GUIDANCE_EXCLUDE));
        assert_true(scene_answer(&scene, 1, 0, cases[i].answer));
        assert_picture(&scene, cases[i].picture);
        assert_int_equal(scene.d->excluded_count, 1);
    }
}

/* A machine that no step brings the version to is owed none; the one that is owed it is named rightly. */
static void only_what_a_step_would_have_brought_is_owed(void **state) {
    (void)state;
    plan = plan_builder_create(arena, 3);
    plan_builder_step_on(plan, "Install", 0, 2, arena);
    plan_builder_step_on(plan, "Drain", 2, 1, arena)->condition = PLAN_ALWAYS;
    scene_begin(&scene, plan, arena);
    scene_succeed(&scene, 0, 0);
    scene_fail(&scene, 0, 1);
    assert_true(scene_answer(&scene, 0, 1, GUIDANCE_EXCLUDE));
    scene_fail(&scene, 1, 0);
    assert_true(scene_answer(&scene, 1, 0, GUIDANCE_EXCLUDE));
    assert_picture(&scene, "succeeded_with_warnings SX X");
    assert_int_equal(scene_count(&scene, EFFECT_OWED), 1);
    assert_non_null(scene_effect(&scene, EFFECT_OWED, 0, 1));
}

static void where_a_step_was_left_out_by_request_the_version_is_not_confirmed(void **state) {
    (void)state;
    plan = plan_builder_create(arena, 2);
    plan_builder_step_on_all(plan, "Install", arena);
    plan->targets[1].skipped = true;
    scene_begin(&scene, plan, arena);
    scene_run(&scene);
    assert_picture(&scene, "succeeded SS");
    assert_int_equal(scene_count(&scene, EFFECT_DEPLOYED), 1);
    assert_non_null(scene_effect(&scene, EFFECT_DEPLOYED, 0, 0));
    assert_string_equal(scene_effect(&scene, EFFECT_UNCONFIRMED, 0, 1)->text, "unfinished");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        scene_test(the_last_machine_cannot_be_excluded),
        scene_test(of_two_excludes_that_would_leave_no_machine_the_second_is_fail),
        scene_test(ISS_3420_an_excluded_machine_does_not_have_the_version),
        scene_test(what_runs_beside_an_excluded_step_finishes_and_is_not_asked_about),
        scene_test(an_automatic_retry_on_an_excluded_machine_does_not_come),
        scene_test(another_question_about_an_excluded_machine_is_closed),
        scene_test(an_answer_given_beside_an_exclude_starts_nothing_on_that_machine),
        scene_test(only_what_a_step_would_have_brought_is_owed),
        scene_test(where_a_step_was_left_out_by_request_the_version_is_not_confirmed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
