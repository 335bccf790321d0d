/* What a deployment begins with that goes on from one before it, and how it goes on. */

#include "fakes/resume_test.h"

/* Its worker is lost, and whoever looks finds nothing. */
static void leave_unknown(size_t step, size_t slot, enum guidance guidance) {
    scene_claim(&scene, step, slot);
    scene_lose(&scene, step, slot);
    scene_truth_gone(&scene, step, slot, true);
    assert_true(scene_answer(&scene, step, slot, guidance));
}

/* Fetch, Install, Restart, Tidy (always), on three machines; Install fails on web-3 and is answered Fail. */
static void fail_at_install(void) {
    plan = plan_builder_create(arena, 3);
    plan_builder_step(plan, "Fetch");
    plan_builder_step_on_all(plan, "Install", arena);
    plan_builder_step_on_all(plan, "Restart", arena);
    plan_builder_step(plan, "Tidy")->condition = PLAN_ALWAYS;
    scene_begin(&scene, plan, arena);
    scene_succeed(&scene, 0, 0);
    scene_succeed(&scene, 1, 0);
    scene_succeed(&scene, 1, 1);
    scene_fail(&scene, 1, 2);
    assert_true(scene_answer(&scene, 1, 2, GUIDANCE_FAIL));
    scene_run(&scene);
    assert_picture(&scene, "failed S SSF --- S");
}

static void install_is_unknown_on_web_2(void) {
    plan = plan_builder_create(arena, 2);
    plan_builder_step_on_all(plan, "Install", arena);
    scene_begin(&scene, plan, arena);
    scene_succeed(&scene, 0, 0);
    leave_unknown(0, 1, GUIDANCE_FAIL);
}

static void steps_before_the_failed_one_are_done_and_those_behind_it_are_not(void **state) {
    (void)state;
    fail_at_install();
    assert_string_equal(why_not(false), "");
    resume(false);
    assert_picture(&scene, "queued S SS. ... .");
    assert_string_equal(resume_place(scene.d, arena), "Install on web-3");
    assert_true(scene_give(&scene, (struct event){.kind = EVENT_ADMITTED}));
    assert_picture(&scene, "running S SSq ... .");
    assert_int_equal(scene_count(&scene, EFFECT_START), 1);
    scene_succeed(&scene, 1, 2);
    assert_int_equal(scene_count(&scene, EFFECT_START), 3);
    scene_run(&scene);
    assert_picture(&scene, "succeeded S SSS SSS S");
    assert_int_equal(scene_count(&scene, EFFECT_DEPLOYED), 3);
    assert_false(scene.d->warned);
}

static void what_failed_again_is_resumed_again(void **state) {
    (void)state;
    fail_at_install();
    resume(true);
    scene_succeed(&scene, 1, 2);
    scene_succeed(&scene, 2, 0);
    scene_fail(&scene, 2, 1);
    scene_succeed(&scene, 2, 2);
    assert_true(scene_answer(&scene, 2, 1, GUIDANCE_FAIL));
    scene_run(&scene);
    assert_picture(&scene, "failed S SSS SFS S");
    resume(false);
    assert_picture(&scene, "queued S SSS S.S .");
    assert_string_equal(resume_place(scene.d, arena), "Restart on web-2");
}

static void an_excluded_machine_stays_excluded_and_is_owed(void **state) {
    (void)state;
    plan = plan_builder_create(arena, 3);
    plan_builder_step_on_all(plan, "Install", arena);
    plan_builder_step_on_all(plan, "Restart", arena);
    scene_begin(&scene, plan, arena);
    scene_succeed(&scene, 0, 0);
    scene_fail(&scene, 0, 1);
    scene_fail(&scene, 0, 2);
    assert_true(scene_answer(&scene, 0, 1, GUIDANCE_EXCLUDE));
    assert_true(scene_answer(&scene, 0, 2, GUIDANCE_FAIL));
    assert_picture(&scene, "failed SXF -X-");
    assert_int_equal(scene_count(&scene, EFFECT_OWED), 1);
    assert_int_equal(scene_count(&scene, EFFECT_UNCONFIRMED), 3);
    resume(true);
    assert_picture(&scene, "running SXq .X.");
    assert_int_equal(deployment_remaining(scene.d), 2);
    scene_run(&scene);
    assert_picture(&scene, "succeeded_with_warnings SXS SXS");
    assert_int_equal(scene_count(&scene, EFFECT_DEPLOYED), 2);
    assert_int_equal(scene_count(&scene, EFFECT_OWED), 0);        /* That is known from before, too. */
    assert_int_equal(scene_count(&scene, EFFECT_UNCONFIRMED), 0); /* What was begun there is known from before. */
}

/* web-1 and web-3 are through; between them web-2 is not. */
static void a_rolling_group_goes_on_machine_by_machine(void **state) {
    (void)state;
    plan = plan_builder_create(arena, 4);
    plan_builder_step_on_all(plan, "Drain", arena)->max_parallel = 1;
    plan_builder_step_on_all(plan, "Install", arena);
    plan_builder_step_on_all(plan, "Clean", arena)->condition = PLAN_CLEANUP;
    plan_builder_step_on_all(plan, "Enable", arena)->condition = PLAN_ALWAYS;
    plan_builder_group(plan, "roll", 0, 3);
    plan->steps[0].max_parallel = 1;
    scene_begin(&scene, plan, arena);
    for (size_t step = 0; step < 4; step++) {
        scene_succeed(&scene, step, 0);
    }
    scene_succeed(&scene, 0, 1);
    scene_fail(&scene, 1, 1);
    assert_true(scene_answer(&scene, 1, 1, GUIDANCE_FAIL));
    scene_run(&scene);
    /* `always` runs on the machines that were not reached, too. */
    assert_picture(&scene, "failed SS-- SF-- SS-- SSSS");
    resume(true);
    /* Of web-1 all is done; of web-2 the group begins anew, since its cleanup has undone the Drain. */
    assert_picture(&scene, "running Sq.. S... S... S...");
    assert_string_equal(resume_place(scene.d, arena), "Drain on 2 machines");
    scene_succeed(&scene, 0, 1);
    assert_picture(&scene, "running SS.. Sq.. S... S...");
    scene_succeed(&scene, 1, 1);
    scene_succeed(&scene, 2, 1);
    scene_succeed(&scene, 3, 1);
    assert_picture(&scene, "running SSq. SS.. SS.. SS..");
    scene_run(&scene);
    assert_picture(&scene, "succeeded SSSS SSSS SSSS SSSS");
}

static void an_excluded_machine_does_not_begin_its_group_anew(void **state) {
    (void)state;
    plan = plan_builder_create(arena, 2);
    plan_builder_step_on_all(plan, "Drain", arena);
    plan_builder_step_on_all(plan, "Install", arena);
    plan_builder_step_on_all(plan, "Undrain", arena)->condition = PLAN_CLEANUP;
    plan_builder_group(plan, "roll", 0, 2);
    scene_begin(&scene, plan, arena);
    scene_succeed_all(&scene, 0);
    scene_fail(&scene, 1, 0);
    scene_fail(&scene, 1, 1);
    assert_true(scene_answer(&scene, 1, 0, GUIDANCE_EXCLUDE));
    assert_true(scene_answer(&scene, 1, 1, GUIDANCE_FAIL));
    scene_run(&scene);
    assert_picture(&scene, "failed SS XF SS");
    resume(false);
    assert_picture(&scene, "queued S. X. S.");
}

static void an_ignored_run_stays_ignored_and_a_failure_step_waits_for_a_new_failure(void **state) {
    (void)state;
    plan = plan_builder_create(arena, 2);
    plan_builder_step_on_all(plan, "Install", arena);
    plan_builder_step(plan, "Alarm")->condition = PLAN_FAILURE;
    plan_builder_step(plan, "Smoke");
    scene_begin(&scene, plan, arena);
    scene_fail(&scene, 0, 0);
    scene_succeed(&scene, 0, 1);
    assert_true(scene_answer(&scene, 0, 0, GUIDANCE_IGNORE));
    scene_fail(&scene, 2, 0);
    assert_true(scene_answer(&scene, 2, 0, GUIDANCE_FAIL));
    scene_run(&scene);
    assert_picture(&scene, "failed WS - F");
    resume(true);
    assert_picture(&scene, "running WS - q");
    scene_run(&scene);
    assert_picture(&scene, "succeeded_with_warnings WS - S");
}

static void an_unknown_outcome_is_not_run_again_unless_that_was_said(void **state) {
    (void)state;
    install_is_unknown_on_web_2();
    assert_picture(&scene, "failed SU");
    assert_string_equal(scene_effect(&scene, EFFECT_UNCONFIRMED, 0, 1)->text, "unknown");
    assert_string_equal(why_not(false),
                        "The outcome of Install on web-2 in D311 is unknown: it may have happened, and may still run. "
                        "Look there first. To have it run again: resume D311 rerun-unknown. If it worked: resume D311 "
                        "unknown-worked");
    assert_string_equal(why_not(true), "");
    resume(true);
    assert_picture(&scene, "running Sq");
}

static const char *consequence_now(void) {
    return resume_look(scene.d, arena).consequence;
}

static void every_unknown_outcome_is_told_before_they_are_run_again(void **state) {
    (void)state;
    static const struct {
        size_t unknown;
        bool excluded, lost;
        const char *label, *consequence;
    } cases[] = {
        {1, false, false, "Resume, run it again",
         "The outcome of Install on web-1 is unknown: it may have happened, and may still run. It is run again. Goes "
         "on "
         "with Install on web-1 in a new deployment of 1.4.2. What was done is not repeated."},
        {1, true, false, "Resume, run it again",
         "The outcome of Install on web-1 is unknown: it may have happened, and may still run. It is run again. Goes "
         "on "
         "with Install on web-1 in a new deployment of 1.4.2. What was done is not repeated. What was excluded stays "
         "excluded."},
        {2, false, false, "Resume, run them again",
         "The outcome of Install on web-1 and Install on web-2 is unknown: each may have happened, and may still run. "
         "All "
         "of them are run again. Goes on with Install on 2 machines in a new deployment of 1.4.2. What was done is not "
         "repeated."},
        {4, false, true, "Resume, run them again",
         "The outcome of Install on web-1, Install on web-2 and 2 more is unknown: each may have happened, and may "
         "still run, and on which host is not known. All of them are run again. Goes on with Install on 4 machines in "
         "a "
         "new deployment of 1.4.2. What was done is not repeated."},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        plan = plan_builder_create(arena, 5);
        plan_builder_step_on_all(plan, "Install", arena);
        scene_begin(&scene, plan, arena);
        for (size_t slot = 0; slot < cases[i].unknown; slot++) {
            scene_claim(&scene, 0, slot);
            scene_lose(&scene, 0, slot);
            scene_truth_gone(&scene, 0, slot, true);
        }
        for (size_t slot = cases[i].unknown; slot < 4; slot++) {
            scene_succeed(&scene, 0, slot);
        }
        scene_fail(&scene, 0, 4);
        assert_true(scene_answer(&scene, 0, 4, cases[i].excluded ? GUIDANCE_EXCLUDE : GUIDANCE_IGNORE));
        assert_true(scene_answer(&scene, 0, 0, GUIDANCE_FAIL));
        if (cases[i].lost) {
            deployment_run(scene.d, 0, 1)->host = NULL;
        }
        assert_string_equal(consequence_now(), cases[i].consequence);
        assert_string_equal(resume_look(scene.d, arena).label, cases[i].label);
    }
    assert_string_equal(
        why_not(false),
        "The outcome of Install on web-1, Install on web-2 and 2 more in D311 is unknown: each may have "
        "happened, and may still run, and on which host is not known. Look there first. To have them all "
        "run again: resume D311 rerun-unknown. If all of them worked: resume D311 unknown-worked");
}

static void what_is_done_again_all_the_same_is_told(void **state) {
    (void)state;
    static const struct {
        enum plan_condition last;
        bool group, again;
    } cases[] = {{PLAN_SUCCESS, false, false},
                 {PLAN_ALWAYS, false, true},
                 {PLAN_CLEANUP, true, true},
                 {PLAN_FAILURE, false, false}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        plan = plan_builder_create(arena, 1);
        plan_builder_step_on_all(plan, "Drain", arena);
        plan_builder_step_on_all(plan, "Install", arena);
        plan_builder_step_on_all(plan, "Undrain", arena)->condition = cases[i].last;
        if (cases[i].group) {
            plan_builder_group(plan, "roll", 0, 2);
        }
        scene_begin(&scene, plan, arena);
        scene_succeed(&scene, 0, 0);
        scene_fail(&scene, 1, 0);
        assert_true(scene_answer(&scene, 1, 0, GUIDANCE_FAIL));
        scene_run(&scene);
        bool told = strstr(consequence_now(), "Steps that always run, or that a cleanup has undone, run again; "
                                              "nothing else that was done is repeated.") != NULL;
        assert_int_equal(told, cases[i].again);
        assert_int_equal(strstr(consequence_now(), "What was done is not repeated.") != NULL, !cases[i].again);
    }
}

/* There the lock of its target keeps the new attempt from running beside one that goes on. */
static void what_may_still_run_begins_on_its_host_until_an_attempt_has_run_there(void **state) {
    (void)state;
    install_is_unknown_on_web_2();
    resume_as(RESUME_RERUN, true);
    assert_string_equal(scene_effect(&scene, EFFECT_START, 0, 1)->host, "host-1");
    assert_false(scene_effect(&scene, EFFECT_START, 0, 1)->prove_gone);
    scene_claim(&scene, 0, 1);
    assert_true(scene_give(&scene, scene_event(&scene, EVENT_NEVER_STARTED, 0, 1)));
    assert_string_equal(scene_effect(&scene, EFFECT_START, 0, 1)->host, "host-1");
    scene_end(&scene, 0, 1, (struct outcome){OUTCOME_NOT_STARTED, 11});
    assert_true(scene_answer(&scene, 0, 1, GUIDANCE_RETRY));
    assert_string_equal(scene_effect(&scene, EFFECT_START, 0, 1)->host, "host-1");
    scene_fail(&scene, 0, 1);
    assert_true(scene_answer(&scene, 0, 1, GUIDANCE_RETRY));
    assert_null(scene_effect(&scene, EFFECT_START, 0, 1)->host);
}

static void what_was_not_begun_again_is_as_unknown_as_before(void **state) {
    (void)state;
    install_is_unknown_on_web_2();
    resume_as(RESUME_RERUN, true);
    scene_cancel(&scene);
    assert_picture(&scene, "canceled SC");
    assert_non_null(strstr(why_not(false), "The outcome of Install on web-2 in D312 is unknown"));
    resume_as(RESUME_RERUN, true);
    assert_string_equal(scene_effect(&scene, EFFECT_START, 0, 1)->host, "host-1");
}

/* Then it has the version by that word, even if nothing is left to run. */
static void an_unknown_outcome_that_somebody_has_looked_at_is_done(void **state) {
    (void)state;
    install_is_unknown_on_web_2();
    struct err err;
    assert_true(resume_possible(scene.d, RESUME_WORKED, arena, &err));
    resume_as(RESUME_WORKED, false);
    assert_picture(&scene, "queued SW");
    assert_null(resume_place(scene.d, arena));
    assert_true(scene_give(&scene, (struct event){.kind = EVENT_ADMITTED}));
    assert_picture(&scene, "succeeded_with_warnings SW");
    assert_int_equal(scene_count(&scene, EFFECT_DEPLOYED), 1);
    assert_non_null(scene_effect(&scene, EFFECT_DEPLOYED, 0, 1));
}

/* Somebody has looked: that is known. */
static void an_unknown_outcome_that_was_checked_is_done(void **state) {
    (void)state;
    plan = plan_builder_create(arena, 2);
    plan_builder_step_on_all(plan, "Install", arena);
    plan_builder_step_on_all(plan, "Restart", arena);
    scene_begin(&scene, plan, arena);
    scene_succeed(&scene, 0, 0);
    leave_unknown(0, 1, GUIDANCE_IGNORE);
    scene_fail(&scene, 1, 0);
    scene_succeed(&scene, 1, 1);
    assert_true(scene_answer(&scene, 1, 0, GUIDANCE_FAIL));
    assert_string_equal(why_not(false), "");
    resume(false);
    assert_picture(&scene, "queued SW .S");
}

static void only_what_failed_or_was_canceled_and_is_left_is_resumed(void **state) {
    (void)state;
    fail_at_install();
    struct deployment *d = scene.d;
    static const struct {
        enum deployment_state state;
        const char *why;
    } cases[] = {
        {DEPLOYMENT_RUNNING, "D311 is not over: it is running. Only what failed or was canceled is resumed."},
        {DEPLOYMENT_PAUSED, "D311 is not over: it is paused. Only what failed or was canceled is resumed."},
        {DEPLOYMENT_SUCCEEDED, "D311 succeeded, so nothing of it is left to do."},
        {DEPLOYMENT_CANCELED, ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        d->state = cases[i].state;
        assert_string_equal(why_not(false), cases[i].why);
    }
    d->resumed_by = 400;
    assert_string_equal(why_not(true), "D311 was resumed before, by D400. See: status D400");
    d->resumed_by = 0;
    for (size_t step = 0; step < plan->step_count; step++) {
        for (size_t slot = 0; slot < plan->steps[step].slot_count; slot++) {
            deployment_run(d, step, slot)->state = RUN_SUCCEEDED;
        }
    }
    deployment_restore(d);
    assert_string_equal(why_not(true), "Everything of D311 was done, so nothing of it is left to do.");
}

static void the_same_again_leaves_out_what_was_excluded(void **state) {
    (void)state;
    plan = plan_builder_create(arena, 2);
    plan_builder_step(plan, "Fetch");
    plan_builder_step_on_all(plan, "Install", arena);
    scene_begin(&scene, plan, arena);
    scene_succeed(&scene, 0, 0);
    scene_fail(&scene, 1, 1);
    assert_true(scene_answer(&scene, 1, 1, GUIDANCE_EXCLUDE));
    scene_run(&scene);
    assert_int_equal(scene_count(&scene, EFFECT_OWED), 1);
    struct deployment *begun = resume_again(scene.d, false, arena);
    scene_init(&scene, plan, arena);
    begun->id = 312;
    begun->version = "1.4.2";
    begun->excluded_intake = begun->excluded_count;
    scene.d = begun;
    assert_picture(&scene, "queued . .X");
    /* What was paid meanwhile is not owed again. */
    assert_true(scene_give(&scene, (struct event){.kind = EVENT_ADMITTED}));
    scene_run(&scene);
    assert_picture(&scene, "succeeded_with_warnings S SX");
    assert_int_equal(scene_count(&scene, EFFECT_OWED), 0);
}

/* Unless somebody has looked, it may still run, and starts where the lock of its target is. */
static void the_same_again_begins_what_is_unknown_where_it_ran(void **state) {
    (void)state;
    static const struct {
        bool continues, checked, with_excluded, told;
    } cases[] = {{false, false, false, true},
                 {false, false, true, true},
                 {false, true, false, false},
                 {true, false, false, true}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        plan = plan_builder_create(arena, 2);
        plan_builder_step(plan, "Migrate")->continue_on_error = cases[i].continues;
        scene_begin(&scene, plan, arena);
        scene_claim(&scene, 0, 0);
        const char *host = deployment_run(scene.d, 0, 0)->host;
        scene_lose(&scene, 0, 0);
        scene_truth_gone(&scene, 0, 0, true);
        if (!cases[i].continues) {
            assert_true(scene_answer(&scene, 0, 0, cases[i].checked ? GUIDANCE_IGNORE : GUIDANCE_FAIL));
        }
        const struct deployment *begun = resume_again(scene.d, cases[i].with_excluded, arena);
        assert_int_equal(deployment_run(begun, 0, 0)->bound, cases[i].told);
        if (cases[i].told) {
            assert_string_equal(deployment_start_host(begun, 0, 0), host);
        }
        assert_string_equal(
            resume_again_unknown(scene.d, begun, arena),
            !cases[i].told ? ""
                           : "The outcome of Migrate on the worker in D311 is unknown: it may have happened, and may "
                             "still run. Look there. ");
    }
}

static void a_retry_that_worked_is_told_and_one_that_did_not_is_not(void **state) {
    (void)state;
    plan = plan_builder_create(arena, 2);
    plan_builder_step_on_all(plan, "Install", arena)->retry_times = 0;
    scene_begin(&scene, plan, arena);
    scene_succeed(&scene, 0, 1);
    scene_fail(&scene, 0, 0);
    uint64_t first = scene_question(&scene, 0, 0)->past;
    assert_true(scene_answer(&scene, 0, 0, GUIDANCE_RETRY));
    assert_int_equal(scene_effect(&scene, EFFECT_PAST, 0, 0)->guidance, GUIDANCE_RETRY);
    scene_fail(&scene, 0, 0);
    assert_int_equal(scene_count(&scene, EFFECT_PAST), 0);
    uint64_t error = scene_question(&scene, 0, 0)->past;
    assert_int_equal(error, first);
    assert_true(scene_answer(&scene, 0, 0, GUIDANCE_RETRY));
    /* Its outcome is unknown for a while, and then it turns out that it had worked. */
    scene_claim(&scene, 0, 0);
    scene_lose(&scene, 0, 0);
    scene_truth_gone(&scene, 0, 0, false);
    assert_non_null(scene_question(&scene, 0, 0));
    assert_true(scene_give(&scene, scene_event(&scene, EVENT_ADOPTED, 0, 0)));
    scene_end(&scene, 0, 0, (struct outcome){OUTCOME_EXIT, 0});
    const struct effect *past = scene_effect(&scene, EFFECT_PAST, 0, 0);
    assert_non_null(past);
    assert_int_equal(past->past, error);
    assert_int_equal(past->guidance, GUIDANCE_NONE);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        scene_test(steps_before_the_failed_one_are_done_and_those_behind_it_are_not),
        scene_test(what_failed_again_is_resumed_again),
        scene_test(an_excluded_machine_stays_excluded_and_is_owed),
        scene_test(a_rolling_group_goes_on_machine_by_machine),
        scene_test(an_excluded_machine_does_not_begin_its_group_anew),
        scene_test(an_ignored_run_stays_ignored_and_a_failure_step_waits_for_a_new_failure),
        scene_test(an_unknown_outcome_is_not_run_again_unless_that_was_said),
        scene_test(every_unknown_outcome_is_told_before_they_are_run_again),
        scene_test(what_is_done_again_all_the_same_is_told),
        scene_test(what_may_still_run_begins_on_its_host_until_an_attempt_has_run_there),
        scene_test(what_was_not_begun_again_is_as_unknown_as_before),
        scene_test(an_unknown_outcome_that_somebody_has_looked_at_is_done),
        scene_test(an_unknown_outcome_that_was_checked_is_done),
        scene_test(only_what_failed_or_was_canceled_and_is_left_is_resumed),
        scene_test(the_same_again_leaves_out_what_was_excluded),
        scene_test(the_same_again_begins_what_is_unknown_where_it_ran),
        scene_test(a_retry_that_worked_is_told_and_one_that_did_not_is_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
