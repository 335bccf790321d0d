/* What runs when: order, windows, groups, conditions, targets left out, and what fails without being asked. */

#include "fakes/scene_test.h"

/* --- order and windows ------------------------------------------------------------------------------------------ */

static void the_next_step_starts_only_when_this_one_is_settled_on_all_its_targets(void **state) {
    (void)state;
    plan = plan_builder_create(arena, 3);
    plan_builder_step(plan, "Fetch package");
    plan_builder_step_on_all(plan, "Install", arena);
    plan_builder_step(plan, "Smoke test");
    scene_begin(&scene, plan, arena);
    assert_picture(&scene, "running q ... .");
    scene_succeed(&scene, 0, 0);
    assert_picture(&scene, "running S qqq .");
    scene_succeed(&scene, 1, 0);
    scene_fail(&scene, 1, 1);
    scene_succeed(&scene, 1, 2);
    assert_picture(&scene, "paused S S?S .");
    assert_true(scene_answer(&scene, 1, 1, GUIDANCE_RETRY));
    scene_succeed(&scene, 1, 1);
    assert_picture(&scene, "running S SSS q");
    scene_succeed(&scene, 2, 0);
    assert_picture(&scene, "succeeded S SSS S");
}

static void a_rolling_step_runs_on_max_parallel_machines_at_most(void **state) {
    (void)state;
    plan = plan_builder_create(arena, 5);
    plan_builder_step_on_all(plan, "Install", arena)->max_parallel = 2;
    scene_begin(&scene, plan, arena);
    assert_picture(&scene, "running qq...");
    scene_succeed(&scene, 0, 1);
    assert_picture(&scene, "running qSq..");
    scene_run(&scene);
    assert_picture(&scene, "succeeded SSSSS");
}

static void a_run_that_asks_keeps_its_place_in_the_window_and_its_siblings_go_on(void **state) {
    (void)state;
    plan = plan_builder_create(arena, 4);
    plan_builder_step_on_all(plan, "Install", arena)->max_parallel = 2;
    scene_begin(&scene, plan, arena);
    scene_fail(&scene, 0, 0);
    scene_run(&scene);
    assert_picture(&scene, "paused ?SSS");
    assert_true(scene_answer(&scene, 0, 0, GUIDANCE_IGNORE));
    assert_picture(&scene, "succeeded_with_warnings WSSS");
}

static void ISS_5891_exclude_in_a_rolling_step_sticks_and_lets_the_next_machine_in(void **state) {
    (void)state;
    plan = plan_builder_create(arena, 3);
    plan_builder_step_on_all(plan, "Install", arena)->max_parallel = 1;
    plan_builder_step_on_all(plan, "Restart", arena)->max_parallel = 1;
    scene_begin(&scene, plan, arena);
    scene_fail(&scene, 0, 0);
    assert_picture(&scene, "paused ?.. ...");
    assert_true(scene_answer(&scene, 0, 0, GUIDANCE_EXCLUDE));
    assert_picture(&scene, "running Xq. ...");
    scene_run(&scene);
    assert_picture(&scene, "succeeded_with_warnings XSS XSS");
}

static void steps_of_a_group_run_machine_by_machine(void **state) {
    (void)state;
    plan = plan_builder_create(arena, 3);
    plan_builder_step_on_all(plan, "Stop", arena)->max_parallel = 1;
    plan_builder_step_on_all(plan, "Install", arena);
    plan_builder_step_on_all(plan, "Start", arena);
    plan_builder_group(plan, "rolling", 0, 2);
    scene_begin(&scene, plan, arena);
    static const char *const expected[] = {
        "running q.. ... ...", "running S.. q.. ...", "running S.. S.. q..",
        "running Sq. S.. S..", "running SS. Sq. S..",
    };
    for (size_t i = 0; i < 5; i++) {
        assert_picture(&scene, expected[i]);
        scene_succeed(&scene, i % 3, i / 3);
    }
    scene_run(&scene);
    assert_picture(&scene, "succeeded SSS SSS SSS");
}

static void the_window_of_a_group_is_that_of_its_first_step(void **state) {
    (void)state;
    plan = plan_builder_create(arena, 3);
    plan_builder_step_on_all(plan, "Stop", arena)->max_parallel = 2;
    plan_builder_step_on_all(plan, "Start", arena)->max_parallel = 1;
    plan_builder_group(plan, "rolling", 0, 1);
    scene_begin(&scene, plan, arena);
    scene_succeed(&scene, 0, 0);
    scene_succeed(&scene, 0, 1);
    assert_picture(&scene, "running SS. qq.");
}

static void ISS_5891_exclude_in_a_group_ends_the_group_for_that_machine(void **state) {
    (void)state;
    plan = plan_builder_create(arena, 2);
    plan_builder_step_on_all(plan, "Stop", arena)->max_parallel = 1;
    plan_builder_step_on_all(plan, "Install", arena);
    plan_builder_step_on_all(plan, "Start", arena)->condition = PLAN_CLEANUP;
    plan_builder_group(plan, "rolling", 0, 2);
    plan_builder_step_on_all(plan, "Warm", arena);
    scene_begin(&scene, plan, arena);
    scene_succeed(&scene, 0, 0);
    scene_fail(&scene, 1, 0);
    assert_true(scene_answer(&scene, 1, 0, GUIDANCE_EXCLUDE));
    assert_picture(&scene, "running S. X. q. ..");
    scene_run(&scene);
    assert_picture(&scene, "succeeded_with_warnings SS XS SS XS");
}

/* --- conditions ------------------------------------------------------------------------------------------------- */

static struct plan *plan_of_conditions(void) {
    plan = plan_builder_create(arena, 2);
    plan_builder_step_on_all(plan, "Install", arena);
    plan_builder_step(plan, "Announce");
    plan_builder_step_on_all(plan, "Roll back", arena)->condition = PLAN_FAILURE;
    plan_builder_step(plan, "Tidy")->condition = PLAN_ALWAYS;
    return plan;
}

static void when_all_goes_well_failure_steps_are_skipped_and_always_steps_run(void **state) {
    (void)state;
    scene_begin(&scene, plan_of_conditions(), arena);
    scene_run(&scene);
    assert_picture(&scene, "succeeded SS S -- S");
}

static void an_ignored_failure_is_none_to_a_failure_step(void **state) {
    (void)state;
    scene_begin(&scene, plan_of_conditions(), arena);
    scene_fail(&scene, 0, 0);
    assert_true(scene_answer(&scene, 0, 0, GUIDANCE_IGNORE));
    scene_run(&scene);
    assert_picture(&scene, "succeeded_with_warnings WS S -- S");
}

static void after_fail_only_failure_and_always_steps_run(void **state) {
    (void)state;
    scene_begin(&scene, plan_of_conditions(), arena);
    scene_fail(&scene, 0, 0);
    scene_succeed(&scene, 0, 1);
    assert_true(scene_answer(&scene, 0, 0, GUIDANCE_FAIL));
    assert_picture(&scene, "running FS - qq .");
    scene_run(&scene);
    assert_picture(&scene, "failed FS - SS S");
}

static void failures_after_fail_are_recorded_and_never_asked_about(void **state) {
    (void)state;
    plan_of_conditions();
    plan->steps[2].retry_times = 3;
    scene_begin(&scene, plan, arena);
    scene_fail(&scene, 0, 0);
    scene_succeed(&scene, 0, 1);
    assert_true(scene_answer(&scene, 0, 0, GUIDANCE_FAIL));
    scene_fail(&scene, 2, 0);
    scene_truth_gone(&scene, 2, 1, true);
    scene_fail(&scene, 3, 0);
    assert_picture(&scene, "failed FS - FU F");
}

static void an_always_step_that_was_queued_is_issued_anew_when_the_deployment_fails(void **state) {
    (void)state;
    plan = plan_builder_create(arena, 2);
    plan_builder_step_on_all(plan, "Install", arena);
    struct plan_step *collect = plan_builder_step_on_all(plan, "Collect", arena);
    collect->condition = PLAN_ALWAYS;
    collect->with_previous = true;
    scene_begin(&scene, plan, arena);
    scene_claim(&scene, 1, 1);
    scene_fail(&scene, 0, 0);
    struct event old_claim = scene_event(&scene, EVENT_CLAIMED, 1, 0);
    assert_true(scene_answer(&scene, 0, 0, GUIDANCE_FAIL));
    assert_picture(&scene, "running F- qr");
    const struct effect *start = scene_effect(&scene, EFFECT_START, 1, 0);
    assert_non_null(start);
    assert_int_equal(start->attempt, 1);
    assert_int_equal(start->epoch, 2);
    assert_null(scene_effect(&scene, EFFECT_START, 1, 1));
    assert_false(scene_give(&scene, old_claim));
    scene_run(&scene);
    assert_picture(&scene, "failed F- SS");
}

static void what_is_issued_anew_still_proves_that_the_attempt_before_is_gone(void **state) {
    (void)state;
    plan = plan_builder_create(arena, 2);
    plan_builder_step_on_all(plan, "Install", arena);
    struct plan_step *collect = plan_builder_step_on_all(plan, "Collect", arena);
    collect->condition = PLAN_ALWAYS;
    collect->with_previous = true;
    scene_begin(&scene, plan, arena);
    scene_truth_gone(&scene, 1, 0, false);
    scene_fail(&scene, 0, 0);
    assert_true(scene_answer(&scene, 1, 0, GUIDANCE_RETRY));
    assert_true(scene_effect(&scene, EFFECT_START, 1, 0)->prove_gone);
    assert_true(scene_answer(&scene, 0, 0, GUIDANCE_FAIL));
    const struct effect *start = scene_effect(&scene, EFFECT_START, 1, 0);
    assert_int_equal(start->attempt, 2);
    assert_true(start->prove_gone);
    assert_string_equal(start->host, "host-1");
}

static void a_cleanup_step_runs_in_order_when_all_goes_well(void **state) {
    (void)state;
    plan = plan_builder_create(arena, 1);
    plan_builder_step_on_all(plan, "Drain", arena);
    plan_builder_step_on_all(plan, "Undrain", arena)->condition = PLAN_CLEANUP;
    plan_builder_group(plan, "rolling", 0, 1);
    scene_begin(&scene, plan, arena);
    scene_run(&scene);
    assert_picture(&scene, "succeeded S S");
}

static void after_fail_cleanup_runs_only_where_its_group_was_opened(void **state) {
    (void)state;
    plan = plan_builder_create(arena, 3);
    plan_builder_step_on_all(plan, "Drain", arena)->max_parallel = 2;
    plan_builder_step_on_all(plan, "Install", arena);
    plan_builder_step_on_all(plan, "Undrain", arena)->condition = PLAN_CLEANUP;
    plan_builder_group(plan, "rolling", 0, 2);
    scene_begin(&scene, plan, arena);
    scene_succeed(&scene, 0, 0);
    scene_fail(&scene, 1, 0);
    assert_picture(&scene, "running Sq. ?.. ...");
    assert_true(scene_answer(&scene, 1, 0, GUIDANCE_FAIL));
    assert_picture(&scene, "running S-- F-- q--");
    scene_run(&scene);
    assert_picture(&scene, "failed S-- F-- S--");
}

static void a_cleanup_step_of_its_own_has_nothing_to_clean_up(void **state) {
    (void)state;
    plan = plan_builder_create(arena, 1);
    plan_builder_step_on_all(plan, "Install", arena);
    plan_builder_step_on_all(plan, "Tidy", arena)->condition = PLAN_CLEANUP;
    scene_begin(&scene, plan, arena);
    scene_run(&scene);
    assert_picture(&scene, "succeeded S -");
}

static void a_cleanup_step_that_fails_on_an_excluded_machine_is_recorded_and_not_asked_about(void **state) {
    (void)state;
    plan = plan_builder_create(arena, 2);
    plan_builder_step_on_all(plan, "Install", arena);
    struct plan_step *undrain = plan_builder_step_on_all(plan, "Undrain", arena);
    undrain->condition = PLAN_CLEANUP;
    undrain->retry_times = 2;
    plan_builder_group(plan, "rolling", 0, 1);
    scene_begin(&scene, plan, arena);
    scene_fail(&scene, 0, 0);
    assert_true(scene_answer(&scene, 0, 0, GUIDANCE_EXCLUDE));
    assert_picture(&scene, "running Xq q.");
    scene_fail(&scene, 1, 0);
    scene_run(&scene);
    assert_picture(&scene, "succeeded_with_warnings XS FS");
}

/* --- with_previous, left_empty ---------------------------------------------------------------------------------- */

static void a_step_with_previous_starts_together_with_the_one_before_it(void **state) {
    (void)state;
    plan = plan_builder_create(arena, 2);
    plan_builder_step(plan, "Fetch");
    plan_builder_step_on_all(plan, "Install", arena);
    plan_builder_step(plan, "Warm")->with_previous = true;
    plan_builder_step(plan, "Smoke test");
    scene_begin(&scene, plan, arena);
    assert_picture(&scene, "running q .. . .");
    scene_succeed(&scene, 0, 0);
    assert_picture(&scene, "running S qq q .");
    scene_succeed(&scene, 2, 0);
    scene_succeed(&scene, 1, 0);
    assert_picture(&scene, "running S Sq S .");
    scene_succeed(&scene, 1, 1);
    assert_picture(&scene, "running S SS S q");
}

static void a_failure_step_never_starts_with_the_one_before_it(void **state) {
    (void)state;
    plan = plan_builder_create(arena, 1);
    plan_builder_step(plan, "Install");
    struct plan_step *back = plan_builder_step(plan, "Roll back");
    back->condition = PLAN_FAILURE;
    back->with_previous = true;
    scene_begin(&scene, plan, arena);
    assert_picture(&scene, "running q .");
    scene_fail(&scene, 0, 0);
    assert_true(scene_answer(&scene, 0, 0, GUIDANCE_FAIL));
    assert_picture(&scene, "running F q");
}

static void a_step_that_was_left_without_machines_is_skipped_with_a_warning(void **state) {
    (void)state;
    plan = plan_builder_create(arena, 2);
    plan_builder_step_on(plan, "Install", 0, 2, arena);
    plan_builder_step_on(plan, "Backup", 0, 0, arena);
    plan_builder_step(plan, "Smoke test");
    scene_begin(&scene, plan, arena);
    scene_run(&scene);
    assert_picture(&scene, "succeeded_with_warnings SS  S");
}

static void a_step_whose_machines_were_all_excluded_is_passed_over(void **state) {
    (void)state;
    plan = plan_builder_create(arena, 2);
    plan_builder_step_on_all(plan, "Install", arena);
    plan_builder_step_on(plan, "Backup", 0, 1, arena);
    plan_builder_step(plan, "Smoke test");
    scene_begin(&scene, plan, arena);
    scene_fail(&scene, 0, 0);
    assert_true(scene_answer(&scene, 0, 0, GUIDANCE_EXCLUDE));
    scene_run(&scene);
    assert_picture(&scene, "succeeded_with_warnings XS X S");
}

/* --- not asked -------------------------------------------------------------------------------------------------- */

static void without_guided_failure_a_failed_run_fails_the_deployment_at_once(void **state) {
    (void)state;
    plan = plan_builder_create(arena, 2);
    plan_builder_step_on_all(plan, "Install", arena)->guided.enabled = false;
    plan_builder_step_on_all(plan, "Restart", arena);
    plan_builder_step(plan, "Tidy")->condition = PLAN_ALWAYS;
    scene_begin(&scene, plan, arena);
    scene_fail(&scene, 0, 0);
    assert_string_equal(scene.d->closing_why, "Install on web-1 failed: exit code 100.");
    assert_picture(&scene, "running F- -- q");
    scene_run(&scene);
    assert_picture(&scene, "failed F- -- S");
}

static void without_guided_failure_an_unknown_outcome_fails_the_deployment_and_stays_unknown(void **state) {
    (void)state;
    plan = plan_builder_create(arena, 1);
    plan_builder_step(plan, "Migrate")->guided.enabled = false;
    scene_begin(&scene, plan, arena);
    scene_truth_gone(&scene, 0, 0, true);
    assert_string_equal(scene.d->closing_why, "The outcome of Migrate on the worker is unknown.");
    assert_picture(&scene, "failed U");
}

static void what_was_claimed_before_the_failure_was_recorded_is_not_overlooked(void **state) {
    (void)state;
    plan = plan_builder_create(arena, 3);
    plan_builder_step_on_all(plan, "Install", arena)->guided.enabled = false;
    plan_builder_step_on_all(plan, "Restart", arena);
    scene_begin(&scene, plan, arena);
    scene.by_hand = true;
    scene_fail(&scene, 0, 0);
    assert_int_equal(scene_count(&scene, EFFECT_CLOSING), 1);
    assert_picture(&scene, "running Fqq ...");
    scene_claim(&scene, 0, 1);
    assert_true(scene_give(&scene, (struct event){.kind = EVENT_FAILING}));
    assert_picture(&scene, "running Fr- ...");
    assert_false(scene_give(&scene, (struct event){.kind = EVENT_FAILING}));
    scene_succeed(&scene, 0, 1);
    assert_picture(&scene, "failed FS- ---");
}

static void while_a_failure_is_being_recorded_nothing_begins_and_nobody_is_asked(void **state) {
    (void)state;
    plan = plan_builder_create(arena, 3);
    plan_builder_step_on_all(plan, "Install", arena)->guided.enabled = false;
    plan_builder_step_on_all(plan, "Check", arena);
    plan_builder_step_on_all(plan, "Undrain", arena)->condition = PLAN_CLEANUP;
    plan_builder_group(plan, "rolling", 0, 2);
    scene_begin(&scene, plan, arena);
    scene_succeed(&scene, 0, 2);
    scene_claim(&scene, 1, 2);
    scene.by_hand = true;
    scene_fail(&scene, 0, 0);
    scene_succeed(&scene, 0, 1);
    scene_fail(&scene, 1, 2);
    assert_picture(&scene, "running FSS ..F ...");
    assert_true(scene_give(&scene, (struct event){.kind = EVENT_FAILING}));
    assert_picture(&scene, "running FSS --F qqq");
    scene_run(&scene);
    assert_picture(&scene, "failed FSS --F SSS");
}

static void nobody_recorded_that_it_fails_so_it_does_not(void **state) {
    (void)state;
    plan = plan_builder_create(arena, 1);
    plan_builder_step(plan, "Install");
    scene_begin(&scene, plan, arena);
    assert_false(scene_give(&scene, (struct event){.kind = EVENT_FAILING}));
}

static void on_error_continue_goes_on_with_a_warning_and_asks_nobody(void **state) {
    (void)state;
    plan = plan_builder_create(arena, 1);
    plan_builder_step_on_all(plan, "Warm", arena)->continue_on_error = true;
    plan_builder_step_on_all(plan, "Check", arena);
    plan->steps[0].retry_times = 1;
    scene_begin(&scene, plan, arena);
    scene_fail(&scene, 0, 0);
    assert_picture(&scene, "running d .");
    assert_true(scene_give(&scene, scene_event(&scene, EVENT_RETRY_DUE, 0, 0)));
    scene_fail(&scene, 0, 0);
    assert_picture(&scene, "running W q");
    scene_run(&scene);
    assert_picture(&scene, "succeeded_with_warnings W S");
}

static void auto_retry_waits_longer_each_time_and_then_a_person_is_asked(void **state) {
    (void)state;
    plan = plan_builder_create(arena, 1);
    struct plan_step *install = plan_builder_step_on_all(plan, "Install", arena);
    install->retry_times = 3;
    install->retry_delay_ms = 1000;
    install->retry_backoff = 2.0;
    scene_begin(&scene, plan, arena);
    for (unsigned i = 0; i < 3; i++) {
        scene_fail(&scene, 0, 0);
        assert_picture(&scene, "running d");
        const struct effect *timer = scene_effect(&scene, EFFECT_TIMER, 0, 0);
        assert_int_equal(timer->timer, EVENT_RETRY_DUE);
        assert_int_equal(timer->at_ms, scene.now_ms + (1000 << i));
        assert_true(scene_give(&scene, scene_event(&scene, EVENT_RETRY_DUE, 0, 0)));
        assert_int_equal(deployment_run(scene.d, 0, 0)->attempt, i + 2);
    }
    scene_fail(&scene, 0, 0);
    assert_picture(&scene, "paused ?");
}

static void auto_retry_is_for_known_failures_only(void **state) {
    (void)state;
    plan = plan_builder_create(arena, 1);
    plan_builder_step_on_all(plan, "Install", arena)->retry_times = 3;
    scene_begin(&scene, plan, arena);
    scene_truth_gone(&scene, 0, 0, true);
    assert_picture(&scene, "paused ?");
}

static void a_delayed_retry_does_not_outlive_the_deployment(void **state) {
    (void)state;
    plan = plan_builder_create(arena, 2);
    plan_builder_step_on_all(plan, "Install", arena)->retry_times = 1;
    scene_begin(&scene, plan, arena);
    scene_fail(&scene, 0, 0);
    scene_fail(&scene, 0, 1);
    struct event due = scene_event(&scene, EVENT_RETRY_DUE, 0, 0);
    assert_true(scene_give(&scene, scene_event(&scene, EVENT_RETRY_DUE, 0, 1)));
    scene_fail(&scene, 0, 1);
    assert_true(scene_answer(&scene, 0, 1, GUIDANCE_FAIL));
    assert_picture(&scene, "failed FF");
    assert_false(scene_give(&scene, due));
}

/* --- who decides whether to ask ---------------------------------------------------------------------------------- */

static void ISS_1074_5619_6919_9564_the_nearest_level_that_says_so_decides_in_all_81_cases(void **state) {
    (void)state;
    for (int i = 0; i < 81; i++) {
        int level[4] = {i / 27 % 3 - 1, i / 9 % 3 - 1, i / 3 % 3 - 1, i % 3 - 1};
        bool expected = false;
        for (int k = 3; k >= 0; k--) {
            expected = level[k] == -1 ? expected : level[k] == 1;
        }
        assert_int_equal(guided_resolve(level[0], level[1], level[2], level[3]), expected);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        scene_test(the_next_step_starts_only_when_this_one_is_settled_on_all_its_targets),
        scene_test(a_rolling_step_runs_on_max_parallel_machines_at_most),
        scene_test(a_run_that_asks_keeps_its_place_in_the_window_and_its_siblings_go_on),
        scene_test(ISS_5891_exclude_in_a_rolling_step_sticks_and_lets_the_next_machine_in),
        scene_test(steps_of_a_group_run_machine_by_machine),
        scene_test(the_window_of_a_group_is_that_of_its_first_step),
        scene_test(ISS_5891_exclude_in_a_group_ends_the_group_for_that_machine),
        scene_test(when_all_goes_well_failure_steps_are_skipped_and_always_steps_run),
        scene_test(an_ignored_failure_is_none_to_a_failure_step),
        scene_test(after_fail_only_failure_and_always_steps_run),
        scene_test(failures_after_fail_are_recorded_and_never_asked_about),
        scene_test(an_always_step_that_was_queued_is_issued_anew_when_the_deployment_fails),
        scene_test(what_is_issued_anew_still_proves_that_the_attempt_before_is_gone),
        scene_test(a_cleanup_step_runs_in_order_when_all_goes_well),
        scene_test(after_fail_cleanup_runs_only_where_its_group_was_opened),
        scene_test(a_cleanup_step_of_its_own_has_nothing_to_clean_up),
        scene_test(a_cleanup_step_that_fails_on_an_excluded_machine_is_recorded_and_not_asked_about),
        scene_test(a_step_with_previous_starts_together_with_the_one_before_it),
        scene_test(a_failure_step_never_starts_with_the_one_before_it),
        scene_test(a_step_that_was_left_without_machines_is_skipped_with_a_warning),
        scene_test(a_step_whose_machines_were_all_excluded_is_passed_over),
        scene_test(without_guided_failure_a_failed_run_fails_the_deployment_at_once),
        scene_test(without_guided_failure_an_unknown_outcome_fails_the_deployment_and_stays_unknown),
        scene_test(what_was_claimed_before_the_failure_was_recorded_is_not_overlooked),
        scene_test(while_a_failure_is_being_recorded_nothing_begins_and_nobody_is_asked),
        scene_test(nobody_recorded_that_it_fails_so_it_does_not),
        scene_test(on_error_continue_goes_on_with_a_warning_and_asks_nobody),
        scene_test(auto_retry_waits_longer_each_time_and_then_a_person_is_asked),
        scene_test(auto_retry_is_for_known_failures_only),
        scene_test(a_delayed_retry_does_not_outlive_the_deployment),
        scene_test(ISS_1074_5619_6919_9564_the_nearest_level_that_says_so_decides_in_all_81_cases),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
