/* Cancel in every state, approvals, and deadlines. */

#include "fakes/scene_test.h"

enum { DRAIN, INSTALL, UNDRAIN, TIDY };

/* Drain, Install and the cleanup Undrain go through the machines together; then Tidy, always. */
static void begin(void) {
    plan = plan_builder_create(arena, 3);
    plan_builder_step_on_all(plan, "Drain", arena)->max_parallel = 2;
    plan_builder_step_on_all(plan, "Install", arena);
    plan_builder_step_on_all(plan, "Undrain", arena)->condition = PLAN_CLEANUP;
    plan_builder_group(plan, "rolling", DRAIN, UNDRAIN);
    plan_builder_step(plan, "Tidy")->condition = PLAN_ALWAYS;
    scene_begin(&scene, plan, arena);
}

static bool cancel_late(void) {
    return scene_give(&scene, (struct event){.kind = EVENT_CANCEL_LATE});
}

static void stopped(size_t step, size_t slot) {
    scene_end(&scene, step, slot, (struct outcome){OUTCOME_CANCELED, 0});
}

static void a_deployment_that_waits_in_its_lane_is_canceled_at_once(void **state) {
    (void)state;
    plan = plan_builder_create(arena, 1);
    plan_builder_step_on_all(plan, "Install", arena);
    scene_init(&scene, plan, arena);
    scene_cancel(&scene);
    assert_picture(&scene, "canceled .");
    assert_non_null(scene_effect(&scene, EFFECT_FINISH, 0, 0));
    assert_false(scene_give(&scene, (struct event){.kind = EVENT_ADMITTED}));
}

static void cancel_stops_what_runs_and_cleans_up_what_was_opened(void **state) {
    (void)state;
    begin();
    scene_claim(&scene, DRAIN, 0);
    scene_cancel(&scene);
    const struct effect *stop = scene_effect(&scene, EFFECT_STOP, DRAIN, 0);
    assert_int_equal(stop->attempt, 1);
    assert_string_equal(stop->host, "host-1");
    assert_int_equal(scene_count(&scene, EFFECT_STOP), 1);
    assert_string_equal(scene.d->closing_why, "carol canceled it.");
    assert_picture(&scene, "canceling rCC .CC .CC .");
    stopped(DRAIN, 0);
    assert_picture(&scene, "canceling CCC CCC qCC .");
    scene_succeed(&scene, UNDRAIN, 0);
    assert_picture(&scene, "canceled CCC CCC SCC C");
}

static void cleanup_is_not_for_machines_on_which_nothing_was_started(void **state) {
    (void)state;
    begin();
    assert_picture(&scene, "running qq. ... ... .");
    scene_cancel(&scene);
    assert_picture(&scene, "canceled CCC CCC CCC C");
}

static void cancel_does_not_stop_a_cleanup_that_runs(void **state) {
    (void)state;
    begin();
    scene_succeed(&scene, DRAIN, 0);
    scene_succeed(&scene, INSTALL, 0);
    scene_claim(&scene, UNDRAIN, 0);
    scene_cancel(&scene);
    assert_null(scene_effect(&scene, EFFECT_STOP, UNDRAIN, 0));
    scene_lose(&scene, UNDRAIN, 0);
    assert_true(scene_give(&scene, scene_event(&scene, EVENT_ADOPTED, UNDRAIN, 0)));
    assert_int_equal(scene_count(&scene, EFFECT_STOP), 0);
    scene_run(&scene);
    assert_picture(&scene, "canceled SCC SCC SCC C");
}

static void ISS_4708_cancel_closes_every_open_question(void **state) {
    (void)state;
    plan = plan_builder_create(arena, 3);
    plan_builder_step_on_all(plan, "Install", arena);
    scene_begin(&scene, plan, arena);
    scene_fail(&scene, 0, 0);
    scene_truth_gone(&scene, 0, 1, false);
    scene_fail(&scene, 0, 2);
    assert_int_equal(scene.d->state, DEPLOYMENT_PAUSED);
    scene_cancel(&scene);
    assert_int_equal(scene_count(&scene, EFFECT_CLOSE), 3);
    assert_string_equal(scene_effect(&scene, EFFECT_CLOSE, 0, 0)->text, "carol canceled it.");
    assert_picture(&scene, "canceled CCC");
    assert_true(deployment_run(scene.d, 0, 1)->unknown);
    assert_false(deployment_run(scene.d, 0, 0)->unknown);
}

static void cancel_ends_delays_and_what_is_queued(void **state) {
    (void)state;
    plan = plan_builder_create(arena, 3);
    plan_builder_step_on_all(plan, "Install", arena)->retry_times = 1;
    scene_begin(&scene, plan, arena);
    scene_fail(&scene, 0, 0);
    scene_succeed(&scene, 0, 1);
    assert_picture(&scene, "running dSq");
    struct event claim = scene_event(&scene, EVENT_CLAIMED, 0, 2);
    scene_cancel(&scene);
    assert_picture(&scene, "canceled CSC");
    assert_false(scene_give(&scene, claim));
}

static void what_ended_well_before_it_could_be_stopped_is_not_called_canceled(void **state) {
    (void)state;
    plan = plan_builder_create(arena, 2);
    plan_builder_step_on_all(plan, "Install", arena);
    plan_builder_step_on_all(plan, "Restart", arena);
    scene_begin(&scene, plan, arena);
    scene_claim(&scene, 0, 0);
    scene_claim(&scene, 0, 1);
    scene_cancel(&scene);
    scene_succeed(&scene, 0, 0);
    scene_fail(&scene, 0, 1);
    assert_picture(&scene, "canceled SF CC");
    assert_int_equal(scene_count(&scene, EFFECT_DEPLOYED), 0);
}

static void a_second_cancel_changes_nothing(void **state) {
    (void)state;
    begin();
    scene_claim(&scene, DRAIN, 0);
    scene_cancel(&scene);
    assert_false(scene_give(&scene, (struct event){.kind = EVENT_CANCEL, .actor = "bob"}));
    assert_string_equal(scene.d->closing_why, "carol canceled it.");
}

static void a_deployment_that_fails_can_still_be_canceled(void **state) {
    (void)state;
    begin();
    scene_claim(&scene, DRAIN, 1);
    scene_fail(&scene, DRAIN, 0);
    assert_true(scene_answer(&scene, DRAIN, 0, GUIDANCE_FAIL));
    assert_picture(&scene, "running Fr. -.. q.. .");
    scene_cancel(&scene);
    assert_picture(&scene, "canceling Fr. -.. q.. .");
    assert_int_equal(scene_effect(&scene, EFFECT_START, UNDRAIN, 0)->epoch, 2); /* under the new closing */
    stopped(DRAIN, 1);
    scene_run(&scene);
    assert_picture(&scene, "canceled FCC -CC SSC C");
}

static void ISS_4646_a_cancel_that_was_recorded_first_holds_what_comes_before_it_is_heard(void **state) {
    (void)state;
    begin();
    scene_claim(&scene, DRAIN, 0);
    scene_claim(&scene, DRAIN, 1);
    scene.d->intake = CLOSING_CANCELING; /* as the store has it by now */
    scene_succeed(&scene, DRAIN, 0);
    scene_fail(&scene, DRAIN, 1);
    assert_picture(&scene, "running SF. ... ... .");
    scene_cancel(&scene);
    assert_picture(&scene, "canceling SF. CC. qq. .");
    scene_run(&scene);
    assert_picture(&scene, "canceled SFC CCC SSC C");
}

/* --- a cancel that does not come through ------------------------------------------------------------------------- */

static void ISS_10230_what_has_not_stopped_in_time_is_asked_about(void **state) {
    (void)state;
    begin();
    scene_claim(&scene, DRAIN, 0);
    scene_claim(&scene, DRAIN, 1);
    scene_cancel(&scene);
    const struct effect *timer = &scene.timers[scene.timer_count - 1];
    assert_int_equal(timer->timer, EVENT_CANCEL_LATE);
    assert_int_equal(timer->at_ms, scene.now_ms + LIMIT_CANCEL_MS);
    scene_give(&scene, (struct event){.kind = EVENT_CANCEL_LATE});
    assert_int_equal(scene_count(&scene, EFFECT_ASK), 2);
    assert_int_equal(scene_question(&scene, DRAIN, 0)->card, scene_question(&scene, DRAIN, 1)->card);
}

static void begin_late(void) {
    plan = plan_builder_create(arena, 2);
    plan_builder_step_on_all(plan, "Install", arena);
    plan->steps[0].guided.answer_within_ms = 1000;
    plan->steps[0].guided.fail_unanswered = true;
    plan_builder_step_on_all(plan, "Restart", arena);
    scene_begin(&scene, plan, arena);
    scene_claim(&scene, 0, 0);
    scene_succeed(&scene, 0, 1);
    scene_cancel(&scene);
    assert_true(cancel_late());
    const struct question *q = scene_question(&scene, 0, 0);
    assert_true(q->late_cancel);
    assert_int_equal(q->options, GUIDANCE_FAIL);
    assert_int_equal(q->deadline_ms, 0);
    assert_picture(&scene, "canceling ?S ..");
}

static void fail_ends_the_wait_and_says_that_the_outcome_is_unknown(void **state) {
    (void)state;
    begin_late();
    assert_true(scene_answer(&scene, 0, 0, GUIDANCE_FAIL));
    assert_picture(&scene, "canceled CS CC");
    assert_true(deployment_run(scene.d, 0, 0)->unknown);
}

static void a_late_end_closes_the_question_of_a_late_cancel(void **state) {
    (void)state;
    static const struct {
        struct outcome outcome;
        const char *picture;
    } cases[] = {
        {{OUTCOME_CANCELED, 0}, "canceled CS CC"},
        {{OUTCOME_EXIT, 0}, "canceled SS CC"},
        {{OUTCOME_EXIT, 1}, "canceled FS CC"},
    };
    for (size_t i = 0; i < 3; i++) {
        begin_late();
        scene_end(&scene, 0, 0, cases[i].outcome);
        assert_int_equal(scene_count(&scene, EFFECT_CLOSE), 1);
        assert_picture(&scene, cases[i].picture);
    }
}

static void whatever_is_found_out_closes_the_question_of_a_late_cancel(void **state) {
    (void)state;
    begin_late();
    assert_true(scene_give(&scene, scene_event(&scene, EVENT_TRUTH_GONE, 0, 0)));
    assert_picture(&scene, "canceled US CC");
    begin_late();
    assert_true(scene_give(&scene, scene_event(&scene, EVENT_NEVER_STARTED, 0, 0)));
    assert_picture(&scene, "canceled CS CC");
}

static void a_worker_that_is_lost_behind_a_late_cancel_is_looked_for(void **state) {
    (void)state;
    begin_late();
    struct event lost = scene_event(&scene, EVENT_WORKER_LOST, 0, 0);
    assert_true(scene_give(&scene, lost));
    assert_picture(&scene, "canceling lS ..");
    assert_int_equal(scene_count(&scene, EFFECT_CLOSE), 1);
    assert_non_null(scene_effect(&scene, EFFECT_ADOPT, 0, 0));
    assert_false(scene_give(&scene, lost));
    assert_true(scene_give(&scene, scene_event(&scene, EVENT_ADOPTED, 0, 0)));
    assert_int_equal(scene_effect(&scene, EFFECT_STOP, 0, 0)->attempt, 1);
    assert_picture(&scene, "canceling rS ..");
    assert_true(cancel_late()); /* its time was set anew */
    assert_picture(&scene, "canceling ?S ..");
    stopped(0, 0);
    assert_picture(&scene, "canceled CS CC");
}

static void an_adopted_run_is_stopped_too(void **state) {
    (void)state;
    begin();
    scene_lose(&scene, DRAIN, 0);
    scene_cancel(&scene);
    assert_true(scene_give(&scene, scene_event(&scene, EVENT_ADOPTED, DRAIN, 0)));
    assert_int_equal(scene_effect(&scene, EFFECT_STOP, DRAIN, 0)->attempt, 1);
}

static void where_nobody_can_look_a_canceled_run_is_asked_about_also_after_the_time_for_it(void **state) {
    (void)state;
    begin();
    scene_claim(&scene, DRAIN, 0);
    scene_cancel(&scene);
    stopped(DRAIN, 0);
    assert_true(cancel_late()); /* nothing runs now, and no second one comes */
    scene_truth_gone(&scene, UNDRAIN, 0, false);
    assert_true(scene_question(&scene, UNDRAIN, 0)->late_cancel);
    assert_true(scene_answer(&scene, UNDRAIN, 0, GUIDANCE_FAIL));
    assert_picture(&scene, "canceled CCC CCC CCC C");
}

static void a_deployment_that_is_not_canceled_has_no_late_cancel(void **state) {
    (void)state;
    begin();
    assert_false(cancel_late());
}

/* --- approvals ---------------------------------------------------------------------------------------------------- */

static void begin_approval(void) {
    plan = plan_builder_create(arena, 1);
    struct plan_step *approve = plan_builder_step(plan, "Approve");
    approve->approve = true;
    approve->script = NULL;
    approve->instructions = "Is the backup there?";
    plan_builder_step_on_all(plan, "Install", arena);
    scene_begin(&scene, plan, arena);
}

static void an_approval_waits_and_holds_no_worker(void **state) {
    (void)state;
    begin_approval();
    assert_picture(&scene, "paused ? .");
    const struct question *q = scene_question(&scene, 0, 0);
    assert_int_equal(q->options, GUIDANCE_PROCEED | GUIDANCE_ABORT);
    assert_string_equal(q->excerpt, "Is the backup there?");
    assert_int_equal(scene.d->active, 0);
    assert_true(scene_answer(&scene, 0, 0, GUIDANCE_PROCEED));
    assert_picture(&scene, "running S q");
    scene_run(&scene);
    assert_picture(&scene, "succeeded S S");
}

static void ISS_154_7454_an_abort_raises_no_question(void **state) {
    (void)state;
    begin_approval();
    assert_true(scene_answer(&scene, 0, 0, GUIDANCE_ABORT));
    assert_int_equal(scene_count(&scene, EFFECT_ASK), 0);
    assert_picture(&scene, "failed F -");
    assert_string_equal(scene.d->closing_why, "alice answered Abort for Approve.");
}

/* Its answer would be refused, since the deployment is failing: it would wait for ever. */
static void an_approval_is_not_asked_for_once_the_deployment_fails(void **state) {
    (void)state;
    plan = plan_builder_create(arena, 1);
    plan_builder_step(plan, "Install");
    struct plan_step *approve = plan_builder_step(plan, "Approve");
    approve->approve = true;
    approve->condition = PLAN_ALWAYS;
    plan_builder_step(plan, "Tidy")->condition = PLAN_ALWAYS;
    scene_begin(&scene, plan, arena);
    scene_fail(&scene, 0, 0);
    assert_true(scene_answer(&scene, 0, 0, GUIDANCE_FAIL));
    assert_picture(&scene, "running F - q");
}

/* --- deadlines ---------------------------------------------------------------------------------------------------- */

static void begin_deadline(bool fail) {
    plan = plan_builder_create(arena, 2);
    struct plan_step *install = plan_builder_step_on_all(plan, "Install", arena);
    install->guided.answer_within_ms = 2 * 3600 * 1000;
    install->guided.fail_unanswered = fail;
    scene_begin(&scene, plan, arena);
    scene_fail(&scene, 0, 0);
    scene_fail(&scene, 0, 1);
}

static void a_deadline_fails_where_the_plan_says_so(void **state) {
    (void)state;
    begin_deadline(true);
    assert_int_equal(scene.timer_count, 2);
    assert_int_equal(scene.timers[0].timer, EVENT_DEADLINE);
    assert_int_equal(scene.timers[0].at_ms, scene_question(&scene, 0, 0)->deadline_ms);
    uint64_t question = scene_question(&scene, 0, 0)->id;
    struct event deadline = {.kind = EVENT_DEADLINE, .question = question};
    assert_false(scene_give(&scene, deadline)); /* It has been put off, or a clock was set back. */
    scene.now_ms = scene.timers[0].at_ms;
    assert_true(scene_give(&scene, deadline));
    const struct effect *close = scene_effect(&scene, EFFECT_CLOSE, 0, 0);
    assert_int_equal(close->guidance, GUIDANCE_FAIL);
    assert_string_equal(close->text, "Nobody answered for 2 h (if_unanswered: fail).");
    assert_picture(&scene, "failed FF");
    assert_false(scene_give(&scene, deadline));
    assert_false(scene_answer_to(&scene, question, GUIDANCE_RETRY));
}

static void a_deadline_waits_where_the_plan_says_so_and_never_turns_into_anything_else(void **state) {
    (void)state;
    begin_deadline(false);
    assert_int_equal(scene.timer_count, 0);
    uint64_t question = scene_question(&scene, 0, 0)->id;
    assert_false(scene_give(&scene, (struct event){.kind = EVENT_DEADLINE, .question = question}));
    assert_picture(&scene, "paused ??");
}

static void the_deadline_of_an_answered_question_changes_nothing(void **state) {
    (void)state;
    begin_deadline(true);
    uint64_t question = scene_question(&scene, 0, 0)->id;
    assert_true(scene_answer(&scene, 0, 0, GUIDANCE_RETRY));
    assert_false(scene_give(&scene, (struct event){.kind = EVENT_DEADLINE, .question = question}));
    scene_fail(&scene, 0, 0);
    assert_false(scene_give(&scene, (struct event){.kind = EVENT_DEADLINE, .question = question}));
    assert_picture(&scene, "paused ??");
}

static void the_time_spent_waiting_for_people_is_counted_apart(void **state) {
    (void)state;
    plan = plan_builder_create(arena, 1);
    plan_builder_step_on_all(plan, "Install", arena);
    scene_begin(&scene, plan, arena);
    scene_fail(&scene, 0, 0);
    assert_int_equal(scene.d->waiting_since_ms, scene.now_ms);
    scene.now_ms += 60000;
    assert_true(scene_answer(&scene, 0, 0, GUIDANCE_RETRY));
    assert_int_equal(scene.d->waiting_ms, 61000);
    assert_int_equal(scene.d->waiting_since_ms, 0);
    scene_run(&scene);
    assert_int_equal(scene.d->waiting_ms, 61000);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        scene_test(a_deployment_that_waits_in_its_lane_is_canceled_at_once),
        scene_test(cancel_stops_what_runs_and_cleans_up_what_was_opened),
        scene_test(cleanup_is_not_for_machines_on_which_nothing_was_started),
        scene_test(cancel_does_not_stop_a_cleanup_that_runs),
        scene_test(ISS_4708_cancel_closes_every_open_question),
        scene_test(cancel_ends_delays_and_what_is_queued),
        scene_test(what_ended_well_before_it_could_be_stopped_is_not_called_canceled),
        scene_test(a_second_cancel_changes_nothing),
        scene_test(a_deployment_that_fails_can_still_be_canceled),
        scene_test(ISS_4646_a_cancel_that_was_recorded_first_holds_what_comes_before_it_is_heard),
        scene_test(ISS_10230_what_has_not_stopped_in_time_is_asked_about),
        scene_test(fail_ends_the_wait_and_says_that_the_outcome_is_unknown),
        scene_test(a_late_end_closes_the_question_of_a_late_cancel),
        scene_test(whatever_is_found_out_closes_the_question_of_a_late_cancel),
        scene_test(a_worker_that_is_lost_behind_a_late_cancel_is_looked_for),
        scene_test(an_adopted_run_is_stopped_too),
        scene_test(where_nobody_can_look_a_canceled_run_is_asked_about_also_after_the_time_for_it),
        scene_test(a_deployment_that_is_not_canceled_has_no_late_cancel),
        scene_test(an_approval_waits_and_holds_no_worker),
        scene_test(ISS_154_7454_an_abort_raises_no_question),
        scene_test(an_approval_is_not_asked_for_once_the_deployment_fails),
        scene_test(a_deadline_fails_where_the_plan_says_so),
        scene_test(a_deadline_waits_where_the_plan_says_so_and_never_turns_into_anything_else),
        scene_test(the_deadline_of_an_answered_question_changes_nothing),
        scene_test(the_time_spent_waiting_for_people_is_counted_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
