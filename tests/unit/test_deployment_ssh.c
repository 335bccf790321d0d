/* What is different for a target that is reached by ssh: it may fall silent and be heard again, and it holds the truth. */

#include "fakes/scene_test.h"

#include "core/view.h"

/* Install on two ssh targets, then Restart; web-1 runs it. */
static void begin(void) {
    plan = plan_builder_create(arena, 2);
    plan->targets[0].ssh = "web-1.example.org";
    plan->targets[1].ssh = "web-2.example.org";
    plan_builder_step_on_all(plan, "Install", arena);
    plan_builder_step_on_all(plan, "Restart", arena);
    scene_begin(&scene, plan, arena);
}

static bool give(enum event_kind kind) {
    return scene_give(&scene, scene_event(&scene, kind, 0, 0));
}

static void a_silent_target_is_asked_about_and_stays_with_its_owner(void **state) {
    (void)state;
    begin();
    plan->steps[0].safe_to_rerun = true; /* It may go on there: nothing runs again by itself. */
    scene_claim(&scene, 0, 0);
    struct event other = scene_event(&scene, EVENT_SILENT, 0, 0);
    other.epoch++;
    assert_false(scene_give(&scene, other));
    assert_true(give(EVENT_SILENT));
    assert_picture(&scene, "running ?q ..");
    assert_true(scene_question(&scene, 0, 0)->unknown);
    assert_int_equal(scene_count(&scene, EFFECT_ADOPT), 0);
    assert_false(give(EVENT_SILENT));
}

static void a_target_that_is_heard_again_closes_the_question(void **state) {
    (void)state;
    begin();
    scene_claim(&scene, 0, 0);
    assert_false(give(EVENT_HEARD));
    assert_true(give(EVENT_SILENT));
    assert_true(give(EVENT_HEARD));
    assert_picture(&scene, "running rq ..");
    assert_int_equal(scene.d->question_count, 0);
    assert_true(give(EVENT_SILENT)); /* as often as it falls silent */
    scene_succeed(&scene, 0, 0);
    assert_picture(&scene, "running Sq ..");
    assert_int_equal(scene.d->question_count, 0);
}

static void a_retry_may_be_started_by_any_host_and_first_proves_that_it_is_gone(void **state) {
    (void)state;
    begin();
    scene_claim(&scene, 0, 0);
    assert_true(give(EVENT_SILENT));
    assert_true(scene_answer(&scene, 0, 0, GUIDANCE_RETRY));
    const struct effect *start = scene_effect(&scene, EFFECT_START, 0, 0);
    assert_true(start->prove_gone);
    assert_null(start->host);
}

static void who_listened_to_a_silent_target_is_replaced_and_the_question_stays(void **state) {
    (void)state;
    begin();
    scene_claim(&scene, 0, 0);
    assert_true(give(EVENT_SILENT));
    assert_true(give(EVENT_WORKER_LOST));
    assert_picture(&scene, "running ?q ..");
    const struct effect *adopt = scene_effect(&scene, EFFECT_ADOPT, 0, 0);
    assert_null(adopt->host);
    assert_int_equal(adopt->epoch, 2);
    struct event adopted = scene_event(&scene, EVENT_ADOPTED, 0, 0);
    adopted.worker = "w-2";
    assert_true(scene_give(&scene, adopted));
    assert_picture(&scene, "running ?q .."); /* It has not heard anything yet. */
    assert_true(give(EVENT_HEARD));
    assert_picture(&scene, "running rq ..");
}

static void where_nobody_of_its_host_comes_any_host_looks_before_a_person_is_asked(void **state) {
    (void)state;
    begin();
    scene_lose(&scene, 0, 0);
    assert_string_equal(scene_effect(&scene, EFFECT_ADOPT, 0, 0)->host, "host-1");
    struct event nobody = scene_event(&scene, EVENT_TRUTH_GONE, 0, 0);
    nobody.worker = NULL;
    assert_true(scene_give(&scene, nobody));
    assert_picture(&scene, "running lq ..");
    assert_null(scene_effect(&scene, EFFECT_ADOPT, 0, 0)->host);
    assert_false(scene_give(&scene, nobody)); /* of the first time */
    nobody = scene_event(&scene, EVENT_TRUTH_GONE, 0, 0);
    nobody.worker = NULL;
    assert_true(scene_give(&scene, nobody));
    assert_picture(&scene, "running ?q ..");
}

static void a_target_that_comes_back_without_the_truth_leaves_the_question_and_says_so(void **state) {
    (void)state;
    begin();
    scene_claim(&scene, 0, 0);
    struct event silent = scene_event(&scene, EVENT_SILENT, 0, 0);
    silent.excerpt = "web-1 cannot be reached";
    assert_true(scene_give(&scene, silent));
    uint64_t asked = scene_question(&scene, 0, 0)->id;
    struct event gone = scene_event(&scene, EVENT_TRUTH_GONE, 0, 0);
    gone.excerpt = "web-1 was rebooted";
    gone.worker = NULL;
    assert_false(scene_give(&scene, gone)); /* a timer of before: nobody has looked */
    gone.worker = "w-1";
    assert_true(scene_give(&scene, gone));
    assert_picture(&scene, "running ?q ..");
    assert_int_equal(scene_effect(&scene, EFFECT_EXCERPT, 0, 0)->question, asked);
    assert_int_equal(scene_count(&scene, EFFECT_ASK), 0);
    assert_int_equal(scene_question(&scene, 0, 0)->id, asked);
    assert_string_equal(scene_question(&scene, 0, 0)->excerpt, "web-1 was rebooted");
    gone.epoch++;
    assert_false(scene_give(&scene, gone));
}

static void a_silent_target_of_a_canceled_deployment_is_asked_about_in_its_time(void **state) {
    (void)state;
    begin();
    scene_claim(&scene, 0, 0);
    scene_claim(&scene, 0, 1);
    scene_cancel(&scene);
    assert_false(give(EVENT_SILENT));
    assert_int_equal(deployment_run(scene.d, 0, 0)->state, RUN_RUNNING);
    assert_true(give(EVENT_CANCEL_LATE));
    assert_true(scene_question(&scene, 0, 0)->late_cancel);
}

/* --- when it is back ---------------------------------------------------------------------------------------------- */

static void end_unreachable(void) {
    scene_end(&scene, 0, 0, (struct outcome){OUTCOME_UNREACHABLE, 3});
}

static bool choose_when_back(void) {
    struct event event = {.kind = EVENT_WHEN_BACK,
                          .now_ms = scene.now_ms,
                          .question = scene_question(&scene, 0, 0)->id,
                          .deadline_ms = scene.now_ms + 7200000,
                          .actor = "bob"};
    return scene_give(&scene, event);
}

static void an_unreachable_machine_is_retried_once_when_it_is_back(void **state) {
    (void)state;
    begin();
    end_unreachable();
    assert_true(scene_question(&scene, 0, 0)->unreachable);
    assert_false(give(EVENT_BACK)); /* Nobody has chosen it. */
    const int64_t until_ms = scene.now_ms + 7200000;
    assert_true(choose_when_back());
    const struct effect *probe = scene_effect(&scene, EFFECT_PROBE, 0, 0);
    assert_int_equal(probe->attempt, 1);
    assert_int_equal(probe->at_ms, until_ms);
    struct event back = scene_event(&scene, EVENT_BACK, 0, 0);
    assert_true(scene_give(&scene, back));
    const struct effect *close = scene_effect(&scene, EFFECT_CLOSE, 0, 0);
    assert_int_equal(close->guidance, GUIDANCE_RETRY);
    assert_string_equal(close->text, "web-1 is back: retried by itself, as bob chose.");
    assert_int_equal(scene_effect(&scene, EFFECT_START, 0, 0)->attempt, 2);
    assert_int_equal(deployment_run(scene.d, 0, 0)->people_retries, 1);
    assert_false(scene_give(&scene, back));
    end_unreachable();
    assert_null(scene_question(&scene, 0, 0)->back_by);
}

static void who_has_chosen_it_until_then_has_not_chosen_it_for_later(void **state) {
    (void)state;
    begin();
    end_unreachable();
    assert_true(choose_when_back());
    struct event back = scene_event(&scene, EVENT_BACK, 0, 0);
    scene.now_ms = scene_question(&scene, 0, 0)->back_until_ms;
    assert_false(scene_give(&scene, back));
    assert_non_null(scene_question(&scene, 0, 0));
}

static void somebody_may_answer_before_it_is_back(void **state) {
    (void)state;
    begin();
    end_unreachable();
    assert_true(choose_when_back());
    struct event back = scene_event(&scene, EVENT_BACK, 0, 0);
    assert_true(scene_answer(&scene, 0, 0, GUIDANCE_EXCLUDE));
    assert_false(scene_give(&scene, back));
}

static void only_a_question_about_an_unreachable_machine_can_wait_for_it(void **state) {
    (void)state;
    begin();
    scene_fail(&scene, 0, 0);
    assert_false(choose_when_back());
}

static void a_step_may_choose_it_by_itself_once(void **state) {
    (void)state;
    begin();
    plan->steps[0].when_back_ms = 60000;
    end_unreachable();
    assert_string_equal(scene_question(&scene, 0, 0)->back_by, WHEN_BACK_BY_STEP);
    assert_int_equal(scene_count(&scene, EFFECT_PROBE), 1);
    assert_true(give(EVENT_BACK));
    assert_int_equal(deployment_run(scene.d, 0, 0)->people_retries, 0);
    end_unreachable();
    assert_null(scene_question(&scene, 0, 0)->back_by);
    assert_int_equal(scene_count(&scene, EFFECT_PROBE), 0);
}

/* Who looks for the target reads until when; a second one is sent only where the first has given up. */
static void chosen_again_it_is_put_off_and_looked_for_by_the_same(void **state) {
    (void)state;
    begin();
    end_unreachable();
    const int64_t hour_ms = 3600 * 1000, begun_ms = scene.now_ms;
    struct event chosen = scene_event(&scene, EVENT_WHEN_BACK, 0, 0);
    chosen.question = scene_question(&scene, 0, 0)->id;
    chosen.actor = "bob";
    chosen.deadline_ms = begun_ms + hour_ms;
    assert_true(scene_give(&scene, chosen));
    assert_int_equal(scene_count(&scene, EFFECT_PROBE), 1);
    chosen.actor = "carol";
    chosen.deadline_ms = begun_ms + 2 * hour_ms;
    assert_true(scene_give(&scene, chosen));
    assert_int_equal(scene_count(&scene, EFFECT_PROBE), 0);
    assert_string_equal(scene_question(&scene, 0, 0)->back_by, "carol");
    assert_int_equal(scene_question(&scene, 0, 0)->back_until_ms, chosen.deadline_ms);
    scene.now_ms = chosen.deadline_ms;
    chosen.deadline_ms += hour_ms;
    assert_true(scene_give(&scene, chosen));
    assert_int_equal(scene_effect(&scene, EFFECT_PROBE, 0, 0)->at_ms, chosen.deadline_ms);
    assert_true(give(EVENT_BACK));
    assert_string_equal(scene_effect(&scene, EFFECT_CLOSE, 0, 0)->text,
                        "web-1 is back: retried by itself, as carol chose.");
}

/* A leader that reads the question after two choices finds the second in it, and hears of both. */
static void chosen_twice_before_it_is_read_somebody_looks(void **state) {
    (void)state;
    begin();
    end_unreachable();
    struct question *q = deployment_question(scene.d, scene_question(&scene, 0, 0)->id);
    const int64_t first_ms = scene.now_ms + 3600000, second_ms = first_ms + 1000;
    q->back_by = "carol";
    q->back_until_ms = second_ms;
    struct event chosen = scene_event(&scene, EVENT_WHEN_BACK, 0, 0);
    chosen.question = q->id;
    chosen.actor = "bob";
    chosen.deadline_ms = first_ms;
    assert_true(scene_give(&scene, chosen));
    assert_int_equal(scene_count(&scene, EFFECT_PROBE), 1);
    chosen.actor = "carol";
    chosen.deadline_ms = second_ms;
    assert_true(scene_give(&scene, chosen));
    assert_int_equal(scene_count(&scene, EFFECT_PROBE), 0);
    assert_int_equal(scene_question(&scene, 0, 0)->back_until_ms, second_ms);
}

static void why_a_machine_is_away_is_said_in_words(void **state) {
    (void)state;
    begin();
    assert_string_equal(outcome_text((struct outcome){OUTCOME_UNREACHABLE, 8}, arena),
                        "unreachable: its host key has changed");
    assert_string_equal(outcome_text((struct outcome){OUTCOME_UNREACHABLE, 99}, arena),
                        "unreachable: there is no connection");
    assert_string_equal(outcome_text((struct outcome){OUTCOME_NOT_STARTED, 11}, arena),
                        "not started: another step still runs there");
    end_unreachable();
    const char *ignore = deployment_consequence(scene.d, scene_question(&scene, 0, 0), GUIDANCE_IGNORE, arena);
    assert_non_null(strstr(ignore, "fails too unless the machine is back"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        scene_test(a_silent_target_is_asked_about_and_stays_with_its_owner),
        scene_test(a_target_that_is_heard_again_closes_the_question),
        scene_test(a_retry_may_be_started_by_any_host_and_first_proves_that_it_is_gone),
        scene_test(who_listened_to_a_silent_target_is_replaced_and_the_question_stays),
        scene_test(where_nobody_of_its_host_comes_any_host_looks_before_a_person_is_asked),
        scene_test(a_target_that_comes_back_without_the_truth_leaves_the_question_and_says_so),
        scene_test(a_silent_target_of_a_canceled_deployment_is_asked_about_in_its_time),
        scene_test(an_unreachable_machine_is_retried_once_when_it_is_back),
        scene_test(who_has_chosen_it_until_then_has_not_chosen_it_for_later),
        scene_test(somebody_may_answer_before_it_is_back),
        scene_test(only_a_question_about_an_unreachable_machine_can_wait_for_it),
        scene_test(a_step_may_choose_it_by_itself_once),
        scene_test(chosen_again_it_is_put_off_and_looked_for_by_the_same),
        scene_test(chosen_twice_before_it_is_read_somebody_looks),
        scene_test(why_a_machine_is_away_is_said_in_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
