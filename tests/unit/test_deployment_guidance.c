/* What each answer does, after every kind of failure, once and many times, alone and beside other questions. */

#include "fakes/scene_test.h"

enum { INSTALL = 0, SMOKE = 1 };

/* Install and Smoke test on all machines. */
static void begin(size_t machines) {
    plan = plan_builder_create(arena, machines);
    plan_builder_step_on_all(plan, "Install", arena);
    plan_builder_step_on_all(plan, "Smoke test", arena);
    scene_begin(&scene, plan, arena);
}

/* --- every class of failure x every answer x how often x how many questions ------------------------------------- */

static const struct outcome CLASSES[] = {
    {OUTCOME_EXIT, 1},         {OUTCOME_SIGNAL, 9},      {OUTCOME_TIMEOUT, 300000}, {OUTCOME_QUIET, 60000},
    {OUTCOME_NOT_STARTED, 13}, {OUTCOME_UNREACHABLE, 0}, {OUTCOME_UNKNOWN, 0},      {OUTCOME_CANCELED, 0},
};
enum { CLASS_COUNT = sizeof CLASSES / sizeof CLASSES[0] };

static void go_wrong(size_t slot, struct outcome outcome) {
    if (outcome.kind == OUTCOME_UNKNOWN) {
        scene_truth_gone(&scene, INSTALL, slot, true);
    } else {
        scene_end(&scene, INSTALL, slot, outcome);
    }
}

static void begin_with_open_questions(size_t open, struct outcome outcome) {
    begin(open + 1); /* one machine more, on which all goes well */
    for (size_t slot = 0; slot < open; slot++) {
        go_wrong(slot, outcome);
        assert_non_null(scene_question(&scene, INSTALL, slot));
    }
    scene_succeed(&scene, INSTALL, open);
    assert_int_equal(scene.d->state, DEPLOYMENT_PAUSED);
    assert_int_equal(scene.d->question_count, open);
}

static void answer_the_others(size_t open) {
    for (size_t slot = 1; slot < open; slot++) {
        assert_true(scene_answer(&scene, INSTALL, slot, GUIDANCE_RETRY));
    }
    scene_run(&scene);
}

static void check_retry(struct outcome outcome, unsigned times, size_t open) {
    begin_with_open_questions(open, outcome);
    const struct run *run = NULL;
    for (unsigned i = 1; i <= times && i <= 10; i++) {
        assert_true(scene_answer(&scene, INSTALL, 0, GUIDANCE_RETRY));
        const struct effect *start = scene_effect(&scene, EFFECT_START, INSTALL, 0);
        assert_non_null(start);
        assert_int_equal(start->attempt, i + 1);
        assert_int_equal(start->prove_gone, outcome.kind == OUTCOME_UNKNOWN);
        run = deployment_run(scene.d, INSTALL, 0);
        assert_int_equal(run->people_retries, i);
        if (i < times) {
            go_wrong(0, outcome);
        }
    }
    assert_int_equal(scene.d->steps[SMOKE].by_state[RUN_PENDING], open + 1);
    if (times > 10) {
        const struct question *q = scene_question(&scene, INSTALL, 0);
        assert_int_equal(q->options & GUIDANCE_RETRY, 0);
        assert_string_equal(q->why_no_retry,
                            "Install on web-1 was retried 10 times, the most that max_retries allows.");
        assert_false(scene_answer(&scene, INSTALL, 0, GUIDANCE_RETRY));
        assert_int_equal(scene.d->steps[SMOKE].by_state[RUN_PENDING], open + 1);
        assert_true(scene_answer(&scene, INSTALL, 0, GUIDANCE_FAIL));
        assert_int_equal(scene.d->state, DEPLOYMENT_FAILED);
        return;
    }
    answer_the_others(open);
    assert_int_equal(scene.d->state, DEPLOYMENT_SUCCEEDED);
}

static void check_ignore(struct outcome outcome, unsigned times, size_t open) {
    begin_with_open_questions(open, outcome);
    for (unsigned i = 1; i < times && i < 10; i++) {
        assert_true(scene_answer(&scene, INSTALL, 0, GUIDANCE_RETRY));
        go_wrong(0, outcome);
    }
    assert_true(scene_answer(&scene, INSTALL, 0, GUIDANCE_IGNORE));
    assert_int_equal(deployment_run(scene.d, INSTALL, 0)->state, RUN_WARNED);
    answer_the_others(open);
    assert_int_equal(deployment_run(scene.d, SMOKE, 0)->state, RUN_SUCCEEDED);
    assert_int_equal(scene.d->state, DEPLOYMENT_SUCCEEDED_WITH_WARNINGS);
    assert_int_equal(scene_count(&scene, EFFECT_DEPLOYED), open + 1);
}

static void check_exclude(struct outcome outcome, unsigned times, size_t open) {
    begin_with_open_questions(open, outcome);
    for (unsigned i = 1; i < times && i < 10; i++) {
        assert_true(scene_answer(&scene, INSTALL, 0, GUIDANCE_RETRY));
        go_wrong(0, outcome);
    }
    assert_true(scene_answer(&scene, INSTALL, 0, GUIDANCE_EXCLUDE));
    answer_the_others(open);
    assert_int_equal(deployment_run(scene.d, INSTALL, 0)->state, RUN_EXCLUDED);
    assert_int_equal(deployment_run(scene.d, SMOKE, 0)->state, RUN_EXCLUDED);
    assert_int_equal(scene.d->state, DEPLOYMENT_SUCCEEDED_WITH_WARNINGS);
    assert_int_equal(scene_count(&scene, EFFECT_DEPLOYED), open);
    assert_null(scene_effect(&scene, EFFECT_DEPLOYED, SMOKE, 0));
}

static void check_fail(struct outcome outcome, unsigned times, size_t open) {
    begin_with_open_questions(open, outcome);
    for (unsigned i = 1; i < times && i < 10; i++) {
        assert_true(scene_answer(&scene, INSTALL, 0, GUIDANCE_RETRY));
        go_wrong(0, outcome);
    }
    assert_true(scene_answer(&scene, INSTALL, 0, GUIDANCE_FAIL));
    assert_int_equal(scene_count(&scene, EFFECT_CLOSE), open - 1);
    assert_int_equal(scene_count(&scene, EFFECT_START), 0);
    assert_int_equal(scene.d->question_count, 0);
    enum run_state expected = outcome.kind == OUTCOME_UNKNOWN ? RUN_UNKNOWN : RUN_FAILED;
    for (size_t slot = 0; slot < open; slot++) {
        assert_int_equal(deployment_run(scene.d, INSTALL, slot)->state, expected);
    }
    assert_int_equal(scene.d->steps[SMOKE].by_state[RUN_SKIPPED], open + 1);
    assert_int_equal(scene.d->state, DEPLOYMENT_FAILED);
}

static void ISS_8719_every_class_of_failure_is_asked_about_and_takes_every_answer(void **state) {
    (void)state;
    static void (*const checks[])(struct outcome, unsigned, size_t) = {check_retry, check_ignore, check_exclude,
                                                                       check_fail};
    static const unsigned times[] = {1, 2, 11};
    static const size_t open[] = {1, 2, 5};
    for (size_t class = 0; class < CLASS_COUNT; class ++) {
        for (size_t answer = 0; answer < 4; answer++) {
            for (size_t i = 0; i < 9; i++) {
                checks[answer](CLASSES[class], times[i / 3], open[i % 3]);
                arena_reset(arena);
            }
        }
    }
}

/* --- Retry ------------------------------------------------------------------------------------------------------ */

static void ISS_707_a_retry_is_a_new_attempt_of_this_step_on_this_machine_only(void **state) {
    (void)state;
    begin(2);
    scene_fail(&scene, INSTALL, 0);
    scene_succeed(&scene, INSTALL, 1);
    assert_true(scene_answer(&scene, INSTALL, 0, GUIDANCE_RETRY));
    assert_int_equal(scene_count(&scene, EFFECT_START), 1);
    assert_picture(&scene, "running qS ..");
    assert_int_equal(deployment_run(scene.d, INSTALL, 1)->attempt, 1);
}

static void ISS_2885_the_eleventh_retry_is_not_offered_and_nothing_goes_on(void **state) {
    (void)state;
    begin(1);
    for (unsigned i = 0; i < 10; i++) {
        scene_fail(&scene, INSTALL, 0);
        assert_true(scene_answer(&scene, INSTALL, 0, GUIDANCE_RETRY));
    }
    scene_fail(&scene, INSTALL, 0);
    assert_picture(&scene, "paused ? .");
    assert_int_equal(scene_question(&scene, INSTALL, 0)->options, GUIDANCE_IGNORE | GUIDANCE_FAIL);
    assert_false(scene_answer(&scene, INSTALL, 0, GUIDANCE_RETRY));
    assert_picture(&scene, "paused ? .");
}

static void why_there_is_no_retry_reads_well(void **state) {
    (void)state;
    static const char *const expected[] = {
        "Install on web-1 can't be retried here (max_retries: 0).",
        "Install on web-1 was retried 1 time, the most that max_retries allows.",
        "Install on web-1 was retried 2 times, the most that max_retries allows.",
    };
    for (int most = 0; most < 3; most++) {
        plan = plan_builder_create(arena, 1);
        plan_builder_step_on_all(plan, "Install", arena)->guided.max_retries = most;
        scene_begin(&scene, plan, arena);
        for (int i = 0; i < most; i++) {
            scene_fail(&scene, INSTALL, 0);
            assert_true(scene_answer(&scene, INSTALL, 0, GUIDANCE_RETRY));
        }
        scene_fail(&scene, INSTALL, 0);
        assert_string_equal(scene_question(&scene, INSTALL, 0)->why_no_retry, expected[most]);
    }
}

static void automatic_retries_do_not_count_against_those_of_people(void **state) {
    (void)state;
    begin(1);
    plan->steps[INSTALL].retry_times = 2;
    plan->steps[INSTALL].guided.max_retries = 1;
    for (int i = 0; i < 2; i++) {
        scene_fail(&scene, INSTALL, 0);
        assert_true(scene_give(&scene, scene_event(&scene, EVENT_RETRY_DUE, INSTALL, 0)));
    }
    scene_fail(&scene, INSTALL, 0);
    assert_true(scene_answer(&scene, INSTALL, 0, GUIDANCE_RETRY));
    assert_picture(&scene, "running q .");
}

/* --- an answer counts for what it was given to ------------------------------------------------------------------- */

static void an_answer_to_an_older_question_never_answers_a_newer_one(void **state) {
    (void)state;
    begin(1);
    scene_fail(&scene, INSTALL, 0);
    uint64_t older = scene_question(&scene, INSTALL, 0)->id;
    assert_true(scene_answer_to(&scene, older, GUIDANCE_RETRY));
    assert_false(scene_answer_to(&scene, older, GUIDANCE_IGNORE));
    scene_fail(&scene, INSTALL, 0);
    assert_true(scene_question(&scene, INSTALL, 0)->id > older);
    assert_int_equal(scene_question(&scene, INSTALL, 0)->attempt, 2);
    for (unsigned bit = GUIDANCE_RETRY; bit <= GUIDANCE_FAIL; bit <<= 1) {
        assert_false(scene_answer_to(&scene, older, (enum guidance)bit));
    }
    assert_picture(&scene, "paused ? .");
}

static void ISS_6576_an_answer_covers_only_the_machine_of_its_question(void **state) {
    (void)state;
    begin(3);
    for (size_t slot = 0; slot < 3; slot++) {
        scene_fail(&scene, INSTALL, slot);
    }
    assert_true(scene_answer(&scene, INSTALL, 1, GUIDANCE_IGNORE));
    assert_picture(&scene, "paused ?W? ...");
}

static void ISS_4646_several_questions_wait_at_once_and_each_can_be_answered(void **state) {
    (void)state;
    begin(3);
    for (size_t slot = 0; slot < 3; slot++) {
        scene_fail(&scene, INSTALL, slot);
    }
    assert_true(scene_answer(&scene, INSTALL, 2, GUIDANCE_RETRY));
    assert_true(scene_answer(&scene, INSTALL, 0, GUIDANCE_EXCLUDE));
    assert_true(scene_answer(&scene, INSTALL, 1, GUIDANCE_IGNORE));
    assert_picture(&scene, "running XWq ...");
    scene_run(&scene);
    assert_picture(&scene, "succeeded_with_warnings XWS XSS");
}

static void ISS_2121_each_question_names_its_step_and_machine(void **state) {
    (void)state;
    begin(2);
    scene_fail(&scene, INSTALL, 0);
    scene_fail(&scene, INSTALL, 1);
    for (size_t slot = 0; slot < 2; slot++) {
        const struct question *q = scene_question(&scene, INSTALL, slot);
        assert_int_equal(q->step, INSTALL);
        assert_int_equal(q->slot, slot);
        assert_string_equal(plan_run_name(plan, q->step, q->slot, arena),
                            slot == 0 ? "Install on web-1" : "Install on web-2");
    }
}

static void questions_of_one_step_with_one_error_share_a_card(void **state) {
    (void)state;
    begin(4);
    scene_fail(&scene, INSTALL, 0);
    scene_end(&scene, INSTALL, 1, (struct outcome){OUTCOME_SIGNAL, 9});
    scene_fail(&scene, INSTALL, 2);
    scene_truth_gone(&scene, INSTALL, 3, true);
    uint64_t first = scene_question(&scene, INSTALL, 0)->id;
    assert_int_equal(scene_question(&scene, INSTALL, 0)->card, first);
    assert_int_equal(scene_question(&scene, INSTALL, 2)->card, first);
    assert_int_equal(scene_question(&scene, INSTALL, 1)->card, scene_question(&scene, INSTALL, 1)->id);
    assert_int_equal(scene_question(&scene, INSTALL, 3)->card, scene_question(&scene, INSTALL, 3)->id);
}

static void an_answer_that_was_not_offered_changes_nothing(void **state) {
    (void)state;
    plan = plan_builder_create(arena, 2);
    plan_builder_step(plan, "Migrate");
    plan_builder_step_on_all(plan, "Install", arena);
    scene_begin(&scene, plan, arena);
    scene_fail(&scene, 0, 0);
    static const enum guidance wrong[] = {GUIDANCE_EXCLUDE, GUIDANCE_PROCEED, GUIDANCE_ABORT, GUIDANCE_NONE};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_false(scene_answer(&scene, 0, 0, wrong[i]));
        assert_int_equal(scene.last.count, 0);
    }
    assert_picture(&scene, "paused ? ..");
}

/* --- required --------------------------------------------------------------------------------------------------- */

static void a_refusal_names_the_step_as_people_do(void **state) {
    (void)state;
    struct err err;
    plan = plan_builder_create(arena, 1);
    plan_builder_step(plan, "Migrate");
    plan_builder_step(plan, "Approval")->approve = true;
    scene_begin(&scene, plan, arena);
    scene_fail(&scene, 0, 0);
    assert_false(deployment_accepts(scene.d, scene_question(&scene, 0, 0), GUIDANCE_EXCLUDE, NULL, &err));
    assert_string_equal(
        err.text, "Migrate on the worker can't be answered with Exclude. It does not run on a machine of its own. "
                  "Possible: Retry, Ignore or Fail.");
    assert_true(scene_answer(&scene, 0, 0, GUIDANCE_IGNORE));
    assert_false(deployment_accepts(scene.d, scene_question(&scene, 1, 0), GUIDANCE_RETRY, NULL, &err));
    assert_string_equal(err.text, "Approval can't be answered with Retry. Possible: Proceed or Abort.");
}

static void ISS_4941_a_required_step_takes_only_retry_and_fail(void **state) {
    (void)state;
    begin(2);
    plan->steps[INSTALL].required = true;
    scene_fail(&scene, INSTALL, 0);
    const struct question *q = scene_question(&scene, INSTALL, 0);
    struct err err;
    assert_int_equal(q->options, GUIDANCE_RETRY | GUIDANCE_FAIL);
    assert_false(deployment_accepts(scene.d, q, GUIDANCE_IGNORE, NULL, &err));
    assert_string_equal(
        err.text, "Install on web-1 can't be answered with Ignore. It is a required step. Possible: Retry or Fail.");
    assert_false(deployment_accepts(scene.d, q, GUIDANCE_EXCLUDE, NULL, &err));
    assert_false(scene_answer(&scene, INSTALL, 0, GUIDANCE_IGNORE));
    assert_false(scene_answer(&scene, INSTALL, 0, GUIDANCE_EXCLUDE));
    assert_picture(&scene, "running ?q ..");
}

static void after_an_unknown_outcome_of_a_required_step_it_worked_is_a_fact(void **state) {
    (void)state;
    begin(2);
    plan->steps[INSTALL].required = true;
    scene_truth_gone(&scene, INSTALL, 0, true);
    assert_int_equal(scene_question(&scene, INSTALL, 0)->options, GUIDANCE_RETRY | GUIDANCE_IGNORE | GUIDANCE_FAIL);
}

static void a_required_step_without_retries_left_can_only_fail(void **state) {
    (void)state;
    begin(1);
    plan->steps[INSTALL].required = true;
    plan->steps[INSTALL].guided.max_retries = 0;
    scene_fail(&scene, INSTALL, 0);
    assert_int_equal(scene_question(&scene, INSTALL, 0)->options, GUIDANCE_FAIL);
}

/* --- Ignore ----------------------------------------------------------------------------------------------------- */

static void ISS_1452_ignore_keeps_the_later_steps_of_that_machine(void **state) {
    (void)state;
    plan = plan_builder_create(arena, 2);
    plan_builder_step_on_all(plan, "Stop", arena);
    plan_builder_step_on_all(plan, "Install", arena);
    plan_builder_step_on_all(plan, "Start", arena);
    plan_builder_group(plan, "rolling", 0, 2);
    plan->steps[0].max_parallel = 1;
    scene_begin(&scene, plan, arena);
    scene_succeed(&scene, 0, 0);
    scene_fail(&scene, 1, 0);
    assert_true(scene_answer(&scene, 1, 0, GUIDANCE_IGNORE));
    assert_picture(&scene, "running S. W. q.");
    scene_run(&scene);
    assert_picture(&scene, "succeeded_with_warnings SS WS SS");
}

static void ISS_4669_an_ignored_failure_and_then_another_are_two_questions(void **state) {
    (void)state;
    begin(1);
    scene_end(&scene, INSTALL, 0, (struct outcome){OUTCOME_UNREACHABLE, 0});
    assert_true(scene_answer(&scene, INSTALL, 0, GUIDANCE_IGNORE));
    scene_end(&scene, SMOKE, 0, (struct outcome){OUTCOME_UNREACHABLE, 0});
    assert_picture(&scene, "paused W ?");
    assert_true(scene_answer(&scene, SMOKE, 0, GUIDANCE_IGNORE));
    assert_picture(&scene, "succeeded_with_warnings W W");
}

/* --- Fail ------------------------------------------------------------------------------------------------------- */

static void ISS_5208_the_first_fail_fails(void **state) {
    (void)state;
    begin(2);
    scene_fail(&scene, INSTALL, 0);
    scene_succeed(&scene, INSTALL, 1);
    assert_true(scene_answer(&scene, INSTALL, 0, GUIDANCE_FAIL));
    assert_int_equal(scene_count(&scene, EFFECT_START), 0);
    assert_picture(&scene, "failed FS --");
    assert_string_equal(scene.d->closing_why, "alice answered Fail for Install on web-1.");
    assert_false(scene_give(&scene, (struct event){.kind = EVENT_CANCEL, .actor = "bob"}));
}

static void fail_lets_running_siblings_finish_and_asks_nothing_about_them(void **state) {
    (void)state;
    begin(5);
    for (size_t slot = 1; slot < 5; slot++) {
        scene_claim(&scene, INSTALL, slot);
    }
    scene_fail(&scene, INSTALL, 0);
    assert_true(scene_answer(&scene, INSTALL, 0, GUIDANCE_FAIL));
    assert_int_equal(scene_count(&scene, EFFECT_STOP), 0);
    assert_picture(&scene, "running Frrrr .....");
    scene_succeed(&scene, INSTALL, 1);
    scene_fail(&scene, INSTALL, 2);
    scene_truth_gone(&scene, INSTALL, 3, false);
    assert_int_equal(scene.d->question_count, 0);
    scene_truth_gone(&scene, INSTALL, 4, true);
    assert_picture(&scene, "failed FSFUU -----");
    assert_non_null(scene_effect(&scene, EFFECT_FINISH, 0, 0));
}

static void fail_skips_what_was_not_claimed_and_remembers_what_had_failed(void **state) {
    (void)state;
    begin(4);
    scene_fail(&scene, INSTALL, 0);
    scene_fail(&scene, INSTALL, 1);
    scene_truth_gone(&scene, INSTALL, 2, true);
    assert_true(scene_answer(&scene, INSTALL, 1, GUIDANCE_RETRY));
    assert_true(scene_answer(&scene, INSTALL, 2, GUIDANCE_RETRY));
    assert_picture(&scene, "running ?qqq ....");
    assert_true(scene_answer(&scene, INSTALL, 0, GUIDANCE_FAIL));
    assert_picture(&scene, "failed FFU- ----");
    assert_true(deployment_run(scene.d, INSTALL, 2)->unknown);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        scene_test(ISS_8719_every_class_of_failure_is_asked_about_and_takes_every_answer),
        scene_test(ISS_707_a_retry_is_a_new_attempt_of_this_step_on_this_machine_only),
        scene_test(ISS_2885_the_eleventh_retry_is_not_offered_and_nothing_goes_on),
        scene_test(why_there_is_no_retry_reads_well),
        scene_test(automatic_retries_do_not_count_against_those_of_people),
        scene_test(an_answer_to_an_older_question_never_answers_a_newer_one),
        scene_test(ISS_6576_an_answer_covers_only_the_machine_of_its_question),
        scene_test(ISS_4646_several_questions_wait_at_once_and_each_can_be_answered),
        scene_test(ISS_2121_each_question_names_its_step_and_machine),
        scene_test(questions_of_one_step_with_one_error_share_a_card),
        scene_test(an_answer_that_was_not_offered_changes_nothing),
        scene_test(a_refusal_names_the_step_as_people_do),
        scene_test(ISS_4941_a_required_step_takes_only_retry_and_fail),
        scene_test(after_an_unknown_outcome_of_a_required_step_it_worked_is_a_fact),
        scene_test(a_required_step_without_retries_left_can_only_fail),
        scene_test(ISS_1452_ignore_keeps_the_later_steps_of_that_machine),
        scene_test(ISS_4669_an_ignored_failure_and_then_another_are_two_questions),
        scene_test(ISS_5208_the_first_fail_fails),
        scene_test(fail_lets_running_siblings_finish_and_asks_nothing_about_them),
        scene_test(fail_skips_what_was_not_claimed_and_remembers_what_had_failed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
