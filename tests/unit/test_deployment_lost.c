/* A worker is lost: the truth is looked for, asked about if it is not to be had, and adopted whenever it comes. */

#include "fakes/scene_test.h"

/* Install on two machines, then Restart; web-1's worker falls silent while it installs. */
static void begin(void) {
    plan = plan_builder_create(arena, 2);
    plan_builder_step_on_all(plan, "Install", arena);
    plan_builder_step_on_all(plan, "Restart", arena);
    scene_begin(&scene, plan, arena);
}

static void begin_unknown(void) {
    begin();
    scene_truth_gone(&scene, 0, 0, false);
    assert_true(scene_question(&scene, 0, 0)->unknown);
    assert_picture(&scene, "running ?q ..");
}

static struct event ended(int64_t code) {
    struct event event = scene_event(&scene, EVENT_ENDED, 0, 0);
    event.outcome = (struct outcome){OUTCOME_EXIT, code};
    return event;
}

static void a_silent_worker_is_looked_for_before_anybody_is_asked(void **state) {
    (void)state;
    begin();
    scene_lose(&scene, 0, 0);
    assert_picture(&scene, "running lq ..");
    const struct effect *adopt = scene_effect(&scene, EFFECT_ADOPT, 0, 0);
    assert_int_equal(adopt->attempt, 1);
    assert_int_equal(adopt->epoch, 2);
    assert_string_equal(adopt->host, "host-1");
    const struct effect *timer = scene_effect(&scene, EFFECT_TIMER, 0, 0);
    assert_int_equal(timer->timer, EVENT_TRUTH_GONE);
    assert_int_equal(timer->epoch, 2);
    assert_int_equal(timer->at_ms, scene.now_ms + LIMIT_ADOPT_MS);
    assert_int_equal(scene.d->question_count, 0);
}

static void only_the_owner_of_a_run_can_be_lost(void **state) {
    (void)state;
    begin();
    scene_claim(&scene, 0, 0);
    struct event event = scene_event(&scene, EVENT_WORKER_LOST, 0, 0);
    event.worker = "w-2";
    assert_false(scene_give(&scene, event));
    assert_true(scene_give(&scene, scene_event(&scene, EVENT_WORKER_LOST, 0, 0)));
    assert_false(scene_give(&scene, scene_event(&scene, EVENT_WORKER_LOST, 0, 0)));
}

static void what_still_runs_is_adopted_and_nobody_is_asked(void **state) {
    (void)state;
    begin();
    scene_lose(&scene, 0, 0);
    struct event stale = scene_event(&scene, EVENT_TRUTH_GONE, 0, 0);
    stale.worker = NULL;
    struct event adopted = scene_event(&scene, EVENT_ADOPTED, 0, 0);
    adopted.worker = "w-2";
    assert_true(scene_give(&scene, adopted));
    assert_picture(&scene, "running rq ..");
    assert_string_equal(deployment_run(scene.d, 0, 0)->worker, "w-2");
    assert_false(scene_give(&scene, stale)); /* its timer is still set */
    scene_run(&scene);
    assert_picture(&scene, "succeeded SS SS");
}

static void an_adoption_under_an_older_epoch_is_not_taken(void **state) {
    (void)state;
    begin();
    scene_lose(&scene, 0, 0);
    struct event first = scene_event(&scene, EVENT_ADOPTED, 0, 0);
    assert_true(scene_give(&scene, first));
    scene_lose(&scene, 0, 0);
    assert_false(scene_give(&scene, first));
    assert_picture(&scene, "running lq ..");
}

static void an_end_that_was_recorded_before_its_worker_was_lost_counts(void **state) {
    (void)state;
    begin();
    scene_claim(&scene, 0, 0);
    struct event end = ended(0);
    scene_lose(&scene, 0, 0);
    assert_true(scene_give(&scene, end));
    assert_picture(&scene, "running Sq ..");
}

static void a_supervisor_that_died_leaves_an_unknown_outcome_also_while_its_worker_lives(void **state) {
    (void)state;
    begin();
    scene_claim(&scene, 0, 0);
    struct event gone = scene_event(&scene, EVENT_TRUTH_GONE, 0, 0);
    gone.worker = "w-2";
    assert_false(scene_give(&scene, gone)); /* not its run */
    gone.worker = NULL;
    assert_false(scene_give(&scene, gone)); /* a timer knows nothing about a run that runs */
    gone.worker = "w-1";
    assert_true(scene_give(&scene, gone));
    assert_picture(&scene, "running ?q ..");
    assert_true(scene_question(&scene, 0, 0)->unknown);
}

/* --- the truth, before an answer --------------------------------------------------------------------------------- */

static void unknown_is_never_called_failed_or_succeeded(void **state) {
    (void)state;
    begin_unknown();
    const struct run *run = deployment_run(scene.d, 0, 0);
    assert_int_equal(run->outcome.kind, OUTCOME_UNKNOWN);
    assert_true(run->unknown);
    assert_int_equal(scene_question(&scene, 0, 0)->options,
                     GUIDANCE_RETRY | GUIDANCE_IGNORE | GUIDANCE_EXCLUDE | GUIDANCE_FAIL);
    assert_true(scene_answer(&scene, 0, 0, GUIDANCE_FAIL));
    assert_int_equal(deployment_run(scene.d, 0, 0)->state, RUN_UNKNOWN);
}

static void a_late_truth_that_it_succeeded_closes_the_question(void **state) {
    (void)state;
    begin_unknown();
    assert_true(scene_give(&scene, ended(0)));
    assert_string_equal(scene_effect(&scene, EFFECT_CLOSE, 0, 0)->text, "The truth came late: it had succeeded.");
    assert_picture(&scene, "running Sq ..");
    assert_false(deployment_run(scene.d, 0, 0)->unknown);
}

static void a_late_truth_that_it_failed_is_asked_about_anew(void **state) {
    (void)state;
    begin_unknown();
    uint64_t before = scene_question(&scene, 0, 0)->id;
    assert_true(scene_give(&scene, ended(3)));
    assert_string_equal(scene_effect(&scene, EFFECT_CLOSE, 0, 0)->text, "The truth came late: exit code 3.");
    assert_true(scene_question(&scene, 0, 0)->id > before);
    assert_false(scene_question(&scene, 0, 0)->unknown);
    assert_false(scene_answer_to(&scene, before, GUIDANCE_RETRY));
}

static void a_late_truth_that_it_failed_is_retried_where_auto_retry_says_so(void **state) {
    (void)state;
    begin();
    plan->steps[0].retry_times = 1;
    scene_truth_gone(&scene, 0, 0, false);
    assert_true(scene_give(&scene, ended(3)));
    assert_picture(&scene, "running dq ..");
}

static void a_late_truth_that_it_still_runs_closes_the_question(void **state) {
    (void)state;
    begin_unknown();
    assert_true(scene_give(&scene, scene_event(&scene, EVENT_ADOPTED, 0, 0)));
    assert_picture(&scene, "running rq ..");
    assert_int_equal(scene.d->question_count, 0);
}

static void what_never_started_is_issued_again_without_asking(void **state) {
    (void)state;
    begin();
    scene_lose(&scene, 0, 0);
    assert_true(scene_give(&scene, scene_event(&scene, EVENT_NEVER_STARTED, 0, 0)));
    const struct effect *start = scene_effect(&scene, EFFECT_START, 0, 0);
    assert_int_equal(start->attempt, 2);
    assert_false(start->prove_gone);

    begin_unknown();
    assert_true(scene_give(&scene, scene_event(&scene, EVENT_NEVER_STARTED, 0, 0)));
    assert_picture(&scene, "running qq ..");
    assert_int_equal(scene.d->question_count, 0);
}

static void what_never_started_is_not_issued_again_when_it_is_no_longer_wanted(void **state) {
    (void)state;
    begin();
    scene_lose(&scene, 0, 0);
    scene_fail(&scene, 0, 1);
    assert_true(scene_answer(&scene, 0, 1, GUIDANCE_FAIL));
    assert_true(scene_give(&scene, scene_event(&scene, EVENT_NEVER_STARTED, 0, 0)));
    assert_picture(&scene, "failed -F --");

    begin();
    scene_lose(&scene, 0, 0);
    scene_fail(&scene, 0, 1);
    scene_cancel(&scene);
    assert_true(scene_give(&scene, scene_event(&scene, EVENT_NEVER_STARTED, 0, 0)));
    assert_picture(&scene, "canceled CC CC");
}

/* Nothing of it is unknown any more, whatever becomes of the deployment meanwhile. */
static void what_turned_out_never_to_have_started_is_not_unknown(void **state) {
    (void)state;
    static const struct {
        bool failed_before, fails_first;
        enum run_state end;
    } cases[] = {
        {false, false, RUN_SKIPPED}, {false, true, RUN_SKIPPED}, {true, false, RUN_FAILED}, {true, true, RUN_FAILED}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        begin();
        if (cases[i].failed_before) {
            scene_fail(&scene, 0, 0);
            assert_true(scene_answer(&scene, 0, 0, GUIDANCE_RETRY));
        }
        scene_claim(&scene, 0, 0);
        scene_truth_gone(&scene, 0, 0, true);
        scene_fail(&scene, 0, 1);
        if (cases[i].fails_first) { /* and the event of it is on its way */
            scene.d->intake = CLOSING_FAILING;
            scene.d->closing_why = "alice answered Fail.";
        }
        assert_true(scene_give(&scene, scene_event(&scene, EVENT_NEVER_STARTED, 0, 0)));
        if (!cases[i].fails_first) {
            assert_true(scene_answer(&scene, 0, 1, GUIDANCE_FAIL));
        }
        assert_int_equal(deployment_run(scene.d, 0, 0)->state, cases[i].end);
        assert_false(deployment_run(scene.d, 0, 0)->unknown);
    }
}

/* --- the truth, after an answer ----------------------------------------------------------------------------------- */

static void after_a_retry_the_late_end_of_the_older_attempt_changes_nothing(void **state) {
    (void)state;
    begin_unknown();
    struct event late[] = {ended(0), ended(1), scene_event(&scene, EVENT_ADOPTED, 0, 0),
                           scene_event(&scene, EVENT_NEVER_STARTED, 0, 0), scene_event(&scene, EVENT_TRUTH_GONE, 0, 0)};
    assert_true(scene_answer(&scene, 0, 0, GUIDANCE_RETRY));
    for (size_t i = 0; i < sizeof late / sizeof late[0]; i++) {
        assert_false(scene_give(&scene, late[i]));
    }
    scene_claim(&scene, 0, 0);
    for (size_t i = 0; i < sizeof late / sizeof late[0]; i++) {
        assert_false(scene_give(&scene, late[i]));
    }
    assert_picture(&scene, "running rq ..");
    assert_int_equal(deployment_run(scene.d, 0, 0)->attempt, 2);
}

static void after_ignore_exclude_or_fail_a_late_truth_changes_nothing(void **state) {
    (void)state;
    static const enum guidance answers[] = {GUIDANCE_IGNORE, GUIDANCE_EXCLUDE, GUIDANCE_FAIL};
    for (size_t i = 0; i < 3; i++) {
        begin_unknown();
        struct event late = ended(0);
        assert_true(scene_answer(&scene, 0, 0, answers[i]));
        const char *before = scene_picture(&scene);
        assert_false(scene_give(&scene, late));
        assert_picture(&scene, before);
    }
}

static void a_second_end_of_an_attempt_changes_nothing(void **state) {
    (void)state;
    begin();
    scene_fail(&scene, 0, 0);
    assert_false(scene_give(&scene, ended(0)));
    assert_picture(&scene, "running ?q ..");
}

static void a_retry_after_an_unknown_outcome_first_proves_that_it_is_gone(void **state) {
    (void)state;
    begin_unknown();
    assert_true(scene_answer(&scene, 0, 0, GUIDANCE_RETRY));
    const struct effect *start = scene_effect(&scene, EFFECT_START, 0, 0);
    assert_int_equal(start->attempt, 2);
    assert_true(start->prove_gone);
    assert_string_equal(start->host, "host-1");
}

static void a_retry_that_finds_the_old_attempt_alive_is_not_used_up(void **state) {
    (void)state;
    begin_unknown();
    assert_true(scene_answer(&scene, 0, 0, GUIDANCE_RETRY));
    assert_true(scene_give(&scene, scene_event(&scene, EVENT_STILL_RUNNING, 0, 0)));
    const struct run *run = deployment_run(scene.d, 0, 0);
    assert_picture(&scene, "running lq ..");
    assert_int_equal(run->attempt, 1);
    assert_int_equal(run->people_retries, 0);
    const struct effect *adopt = scene_effect(&scene, EFFECT_ADOPT, 0, 0);
    assert_int_equal(adopt->attempt, 1);
    assert_int_equal(adopt->epoch, run->epoch);
    assert_true(scene_give(&scene, scene_event(&scene, EVENT_ADOPTED, 0, 0)));
    assert_true(scene_give(&scene, ended(0)));
    assert_picture(&scene, "running Sq ..");
}

static void nothing_can_still_run_behind_a_known_failure(void **state) {
    (void)state;
    begin();
    scene_fail(&scene, 0, 0);
    assert_true(scene_answer(&scene, 0, 0, GUIDANCE_RETRY));
    assert_false(scene_effect(&scene, EFFECT_START, 0, 0)->prove_gone);
    assert_false(scene_give(&scene, scene_event(&scene, EVENT_STILL_RUNNING, 0, 0)));
}

/* --- safe_to_rerun ------------------------------------------------------------------------------------------------ */

static void what_is_safe_to_rerun_runs_again_by_itself_a_few_times_and_then_asks(void **state) {
    (void)state;
    begin();
    plan->steps[0].safe_to_rerun = true;
    for (unsigned i = 1; i <= LIMIT_LOST_RETRIES; i++) {
        scene_truth_gone(&scene, 0, 0, true);
        assert_int_equal(scene_effect(&scene, EFFECT_START, 0, 0)->attempt, i + 1);
        assert_true(scene_effect(&scene, EFFECT_START, 0, 0)->prove_gone);
    }
    scene_truth_gone(&scene, 0, 0, true);
    assert_picture(&scene, "running ?q ..");
}

static void where_nobody_looked_even_what_is_safe_to_rerun_is_asked_about(void **state) {
    (void)state;
    begin();
    plan->steps[0].safe_to_rerun = true;
    scene_truth_gone(&scene, 0, 0, false);
    assert_picture(&scene, "running ?q ..");
}

static void retries_of_people_stay_bounded_where_the_program_reruns_too(void **state) {
    (void)state;
    begin();
    plan->steps[0].safe_to_rerun = true;
    scene_fail(&scene, 0, 0);
    assert_true(scene_answer(&scene, 0, 0, GUIDANCE_RETRY));
    scene_truth_gone(&scene, 0, 0, true);
    assert_true(scene_give(&scene, scene_event(&scene, EVENT_STILL_RUNNING, 0, 0)));
    assert_int_equal(deployment_run(scene.d, 0, 0)->people_retries, 1);
}

static void an_ended_attempt_is_not_lost(void **state) {
    (void)state;
    begin();
    scene_fail(&scene, 0, 0);
    assert_false(scene_give(&scene, scene_event(&scene, EVENT_WORKER_LOST, 0, 0)));
    assert_false(scene_give(&scene, scene_event(&scene, EVENT_TRUTH_GONE, 0, 0)));
    assert_picture(&scene, "running ?q ..");
}

static void ISS_4846_6372_another_host_may_take_the_retry_of_a_known_failure(void **state) {
    (void)state;
    begin();
    scene_fail(&scene, 0, 0);
    assert_true(scene_answer(&scene, 0, 0, GUIDANCE_RETRY));
    assert_null(scene_effect(&scene, EFFECT_START, 0, 0)->host);
    struct event claimed = scene_event(&scene, EVENT_CLAIMED, 0, 0);
    claimed.worker = "w-9";
    claimed.host = "host-9";
    assert_true(scene_give(&scene, claimed));
    assert_string_equal(deployment_run(scene.d, 0, 0)->host, "host-9");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        scene_test(a_silent_worker_is_looked_for_before_anybody_is_asked),
        scene_test(only_the_owner_of_a_run_can_be_lost),
        scene_test(what_still_runs_is_adopted_and_nobody_is_asked),
        scene_test(an_adoption_under_an_older_epoch_is_not_taken),
        scene_test(an_end_that_was_recorded_before_its_worker_was_lost_counts),
        scene_test(a_supervisor_that_died_leaves_an_unknown_outcome_also_while_its_worker_lives),
        scene_test(unknown_is_never_called_failed_or_succeeded),
        scene_test(a_late_truth_that_it_succeeded_closes_the_question),
        scene_test(a_late_truth_that_it_failed_is_asked_about_anew),
        scene_test(a_late_truth_that_it_failed_is_retried_where_auto_retry_says_so),
        scene_test(a_late_truth_that_it_still_runs_closes_the_question),
        scene_test(what_never_started_is_issued_again_without_asking),
        scene_test(what_never_started_is_not_issued_again_when_it_is_no_longer_wanted),
        scene_test(what_turned_out_never_to_have_started_is_not_unknown),
        scene_test(after_a_retry_the_late_end_of_the_older_attempt_changes_nothing),
        scene_test(after_ignore_exclude_or_fail_a_late_truth_changes_nothing),
        scene_test(a_second_end_of_an_attempt_changes_nothing),
        scene_test(a_retry_after_an_unknown_outcome_first_proves_that_it_is_gone),
        scene_test(a_retry_that_finds_the_old_attempt_alive_is_not_used_up),
        scene_test(nothing_can_still_run_behind_a_known_failure),
        scene_test(what_is_safe_to_rerun_runs_again_by_itself_a_few_times_and_then_asks),
        scene_test(where_nobody_looked_even_what_is_safe_to_rerun_is_asked_about),
        scene_test(retries_of_people_stay_bounded_where_the_program_reruns_too),
        scene_test(an_ended_attempt_is_not_lost),
        scene_test(ISS_4846_6372_another_host_may_take_the_retry_of_a_known_failure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
