/* Attempts that surely never started are begun again: at once, then after growing pauses, and not for ever. */

#include "fakes/scene_test.h"

/* Install on two ssh targets, then Tell, whatever became of it. */
static void begin(void) {
    plan = plan_builder_create(arena, 2);
    plan->targets[0].ssh = "web-1.example.org";
    plan->targets[1].ssh = "web-2.example.org";
    plan_builder_step_on_all(plan, "Install", arena);
    plan_builder_step_on_all(plan, "Tell", arena)->condition = PLAN_ALWAYS;
    scene_begin(&scene, plan, arena);
}

static void never_starts(size_t step, size_t slot) {
    scene_claim(&scene, step, slot);
    struct event event = scene_event(&scene, EVENT_NEVER_STARTED, step, slot);
    event.excerpt = "nothing was started on web-1: the connection broke";
    assert_true(scene_give(&scene, event));
}

/* The pause that it waits for now; -1: it does not wait. */
static int64_t pause_of(size_t step, size_t slot) {
    const struct effect *timer = scene_effect(&scene, EFFECT_TIMER, step, slot);
    return timer != NULL && timer->timer == EVENT_RETRY_DUE ? timer->at_ms - scene.now_ms : -1;
}

static void pause_ends(size_t step, size_t slot) {
    assert_true(scene_give(&scene, scene_event(&scene, EVENT_RETRY_DUE, step, slot)));
}

static void never_starts_until_it_pauses(size_t step, size_t slot) {
    never_starts(step, slot);
    never_starts(step, slot);
    assert_int_equal(deployment_run(scene.d, step, slot)->state, RUN_DELAYED);
}

static void what_never_starts_is_begun_anew_after_growing_pauses_and_then_asked_about(void **state) {
    (void)state;
    begin();
    never_starts(0, 0);
    assert_picture(&scene, "running qq ..");
    for (unsigned i = 2; i < LIMIT_UNSTARTED; i++) {
        never_starts(0, 0);
        assert_picture(&scene, "running dq ..");
        assert_int_equal(pause_of(0, 0), (int64_t)LIMIT_UNSTARTED_PAUSE_MS << (i - 2));
        pause_ends(0, 0);
        assert_int_equal(scene_effect(&scene, EFFECT_START, 0, 0)->attempt, i + 1);
        assert_false(scene_effect(&scene, EFFECT_START, 0, 0)->prove_gone);
    }
    never_starts(0, 0);
    assert_picture(&scene, "running ?q ..");
    assert_string_equal(outcome_text(deployment_run(scene.d, 0, 0)->outcome, arena),
                        "not started: again and again its connection broke, or its worker died, before it began");
    const struct question *asked = scene_question(&scene, 0, 0);
    assert_string_equal(asked->excerpt, "nothing was started on web-1: the connection broke");
    assert_false(asked->unknown);
    assert_int_equal(deployment_run(scene.d, 0, 0)->people_retries, 0);
}

static void a_retry_begins_to_count_anew(void **state) {
    (void)state;
    begin();
    for (unsigned i = 1; i <= LIMIT_UNSTARTED; i++) {
        never_starts(0, 0);
        if (deployment_run(scene.d, 0, 0)->state == RUN_DELAYED) {
            pause_ends(0, 0);
        }
    }
    assert_true(scene_answer(&scene, 0, 0, GUIDANCE_RETRY));
    never_starts(0, 0);
    assert_picture(&scene, "running qq ..");
}

static void what_ended_meanwhile_begins_to_count_anew(void **state) {
    (void)state;
    begin();
    never_starts_until_it_pauses(0, 0);
    pause_ends(0, 0);
    scene_fail(&scene, 0, 0);
    assert_true(scene_answer(&scene, 0, 0, GUIDANCE_RETRY));
    never_starts(0, 0);
    assert_picture(&scene, "running qq ..");
}

static void keeps_never_starting(size_t step, size_t slot) {
    while (deployment_run(scene.d, step, slot)->state != RUN_ASKING) {
        never_starts(step, slot);
        if (deployment_run(scene.d, step, slot)->state == RUN_DELAYED) {
            pause_ends(step, slot);
        }
    }
}

/* Whatever the attempts behind it came to: that one may have changed the machine. */
static void an_attempt_that_was_started_is_not_forgotten_over_those_that_were_not(void **state) {
    (void)state;
    static const struct {
        bool unknown, unreachable, twice;
        enum run_state end;
        const char *unconfirmed;
    } cases[] = {
        {false, false, false, RUN_FAILED, "unfinished"}, {true, false, false, RUN_UNKNOWN, "unknown"},
        {false, true, false, RUN_FAILED, "unfinished"},  {true, true, false, RUN_UNKNOWN, "unknown"},
        {false, false, true, RUN_FAILED, "unfinished"},  {true, false, true, RUN_UNKNOWN, "unknown"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        begin();
        scene_succeed(&scene, 0, 1);
        scene_claim(&scene, 0, 0);
        if (cases[i].unknown) {
            assert_true(scene_give(&scene, scene_event(&scene, EVENT_SILENT, 0, 0)));
        } else {
            scene_end(&scene, 0, 0, (struct outcome){OUTCOME_EXIT, 1});
        }
        for (int round = 0; round <= cases[i].twice; round++) {
            assert_true(scene_answer(&scene, 0, 0, GUIDANCE_RETRY));
            if (cases[i].unreachable) {
                scene_end(&scene, 0, 0, (struct outcome){OUTCOME_UNREACHABLE, 0});
            } else {
                keeps_never_starting(0, 0);
            }
        }
        assert_true(scene_answer(&scene, 0, 0, GUIDANCE_FAIL));
        assert_int_equal(deployment_run(scene.d, 0, 0)->state, cases[i].end);
        assert_int_equal(deployment_run(scene.d, 0, 0)->unknown, cases[i].unknown);
        scene_run(&scene);
        assert_non_null(scene_effect(&scene, EFFECT_UNCONFIRMED, 0, 0));
        assert_string_equal(scene_effect(&scene, EFFECT_UNCONFIRMED, 0, 0)->text, cases[i].unconfirmed);
    }
}

static void auto_retry_follows_as_after_other_failures(void **state) {
    (void)state;
    begin();
    plan->steps[0].retry_times = 1;
    plan->steps[0].retry_delay_ms = 60000;
    for (unsigned i = 1; i < LIMIT_UNSTARTED; i++) {
        never_starts(0, 0);
        if (deployment_run(scene.d, 0, 0)->state == RUN_DELAYED) {
            pause_ends(0, 0);
        }
    }
    never_starts(0, 0);
    assert_picture(&scene, "running dq ..");
    assert_int_equal(pause_of(0, 0), 60000);
    assert_int_equal(deployment_run(scene.d, 0, 0)->auto_retries, 1);
}

static void a_cancel_ends_the_pause(void **state) {
    (void)state;
    begin();
    never_starts_until_it_pauses(0, 0);
    scene_cancel(&scene);
    assert_int_equal(deployment_run(scene.d, 0, 0)->state, RUN_CANCELED);
    assert_false(scene_give(&scene, scene_event(&scene, EVENT_RETRY_DUE, 0, 0)));
}

static void when_the_deployment_fails_what_pauses_is_skipped_since_it_never_ran(void **state) {
    (void)state;
    begin();
    never_starts_until_it_pauses(0, 0);
    scene_fail(&scene, 0, 1);
    assert_true(scene_answer(&scene, 0, 1, GUIDANCE_FAIL));
    assert_int_equal(deployment_run(scene.d, 0, 0)->state, RUN_SKIPPED);
}

static void a_step_that_runs_in_any_case_is_begun_at_once_when_the_deployment_fails(void **state) {
    (void)state;
    begin();
    scene_succeed_all(&scene, 0);
    never_starts_until_it_pauses(1, 0);
    uint32_t attempt = deployment_run(scene.d, 1, 0)->attempt;
    scene_fail(&scene, 1, 1);
    assert_true(scene_answer(&scene, 1, 1, GUIDANCE_FAIL));
    assert_int_equal(deployment_run(scene.d, 1, 0)->state, RUN_QUEUED);
    assert_int_equal(deployment_run(scene.d, 1, 0)->attempt, attempt + 1);
    scene_run(&scene);
    assert_int_equal(scene.d->state, DEPLOYMENT_FAILED);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        scene_test(what_never_starts_is_begun_anew_after_growing_pauses_and_then_asked_about),
        scene_test(a_retry_begins_to_count_anew),
        scene_test(what_ended_meanwhile_begins_to_count_anew),
        scene_test(an_attempt_that_was_started_is_not_forgotten_over_those_that_were_not),
        scene_test(auto_retry_follows_as_after_other_failures),
        scene_test(a_cancel_ends_the_pause),
        scene_test(when_the_deployment_fails_what_pauses_is_skipped_since_it_never_ran),
        scene_test(a_step_that_runs_in_any_case_is_begun_at_once_when_the_deployment_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
