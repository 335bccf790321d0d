/* What past answers did is counted when it is done: each answer of a person once, and only what came of it. */

#include "fakes/scene_test.h"

enum { INSTALL };

static void begin(size_t machines) {
    plan = plan_builder_create(arena, machines);
    plan_builder_step_on_all(plan, "Install", arena);
    scene_begin(&scene, plan, arena);
}

/* What the newest event has counted for the run: "retry", "worked", "-retry" when it is taken back, or "". */
static const char *counted(size_t slot) {
    const struct effect *past = scene_effect(&scene, EFFECT_PAST, INSTALL, slot);
    if (past == NULL) {
        return "";
    }
    assert_int_equal(scene_count(&scene, EFFECT_PAST), 1);
    const char *word = past->guidance == GUIDANCE_NONE ? "worked" : guidance_word(past->guidance);
    return arena_printf(arena, "%s%s", past->taken_back ? "-" : "", word);
}

static void each_answer_is_counted_as_what_it_is(void **state) {
    (void)state;
    static const enum guidance answers[] = {GUIDANCE_RETRY, GUIDANCE_IGNORE, GUIDANCE_EXCLUDE, GUIDANCE_FAIL};
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        begin(2);
        scene_fail(&scene, INSTALL, 0);
        uint64_t error = scene_question(&scene, INSTALL, 0)->past;
        assert_true(scene_answer(&scene, INSTALL, 0, answers[i]));
        assert_string_equal(counted(0), guidance_word(answers[i]));
        assert_int_equal(scene_effect(&scene, EFFECT_PAST, INSTALL, 0)->past, error);
    }
}

/* --- answers that came to something else --- */

static void an_exclude_that_became_the_end_is_not_counted(void **state) {
    (void)state;
    begin(2);
    scene_fail(&scene, INSTALL, 0);
    scene_fail(&scene, INSTALL, 1);
    assert_true(scene_answer(&scene, INSTALL, 0, GUIDANCE_EXCLUDE));
    assert_string_equal(counted(0), "exclude");
    assert_true(scene_answer(&scene, INSTALL, 1, GUIDANCE_EXCLUDE)); /* the last machine */
    assert_string_equal(counted(1), "");
}

static void a_retry_on_a_machine_that_was_excluded_meanwhile_is_not_counted(void **state) {
    (void)state;
    plan = plan_builder_create(arena, 2);
    plan_builder_step_on_all(plan, "Install", arena);
    plan_builder_step_on_all(plan, "Warm up", arena)->with_previous = true;
    scene_begin(&scene, plan, arena);
    scene.by_hand = true; /* the answer comes before the question is found to be moot */
    scene_fail(&scene, 0, 0);
    scene_fail(&scene, 1, 0);
    assert_true(scene_answer(&scene, 1, 0, GUIDANCE_EXCLUDE));
    assert_true(scene_answer(&scene, INSTALL, 0, GUIDANCE_RETRY));
    assert_int_equal(deployment_run(scene.d, INSTALL, 0)->state, RUN_EXCLUDED);
    assert_string_equal(counted(0), "");
}

static void a_retry_that_finds_the_old_attempt_alive_is_taken_back(void **state) {
    (void)state;
    begin(2);
    scene_claim(&scene, INSTALL, 0);
    scene_lose(&scene, INSTALL, 0);
    scene_truth_gone(&scene, INSTALL, 0, true);
    uint64_t error = scene_question(&scene, INSTALL, 0)->past;
    assert_true(scene_answer(&scene, INSTALL, 0, GUIDANCE_RETRY));
    assert_string_equal(counted(0), "retry");
    assert_true(scene_give(&scene, scene_event(&scene, EVENT_STILL_RUNNING, INSTALL, 0)));
    assert_string_equal(counted(0), "-retry");
    assert_int_equal(scene_effect(&scene, EFFECT_PAST, INSTALL, 0)->past, error);
    assert_true(scene_give(&scene, scene_event(&scene, EVENT_ADOPTED, INSTALL, 0)));
    scene_end(&scene, INSTALL, 0, (struct outcome){OUTCOME_EXIT, 0});
    assert_string_equal(counted(0), ""); /* No Retry has done it. */
}

/* --- when it is back --- */

static void end_unreachable(void) {
    scene_end(&scene, INSTALL, 0, (struct outcome){OUTCOME_UNREACHABLE, 3});
}

static void a_retry_when_back_counts_as_that_of_who_chose_it(void **state) {
    (void)state;
    begin(2);
    end_unreachable();
    const struct question *q = scene_question(&scene, INSTALL, 0);
    const struct event chosen = {
        .kind = EVENT_WHEN_BACK, .question = q->id, .deadline_ms = scene.now_ms + 7200000, .actor = "bob"};
    uint64_t error = q->past;
    assert_true(scene_give(&scene, chosen));
    assert_string_equal(counted(0), "");
    assert_true(scene_give(&scene, scene_event(&scene, EVENT_BACK, INSTALL, 0)));
    assert_string_equal(counted(0), "retry");
    assert_int_equal(scene_effect(&scene, EFFECT_PAST, INSTALL, 0)->past, error);
    scene_succeed(&scene, INSTALL, 0);
    assert_string_equal(counted(0), "worked");
    assert_int_equal(scene_effect(&scene, EFFECT_PAST, INSTALL, 0)->past, error);
}

static void a_retry_by_the_step_itself_is_nobodys_answer(void **state) {
    (void)state;
    begin(2);
    plan->steps[INSTALL].when_back_ms = 60000;
    end_unreachable();
    assert_true(scene_give(&scene, scene_event(&scene, EVENT_BACK, INSTALL, 0)));
    assert_string_equal(counted(0), "");
    const struct run *run = deployment_run(scene.d, INSTALL, 0);
    assert_int_equal(run->people_retries, 0);
    assert_int_equal(run->auto_retries, 1);
    scene_succeed(&scene, INSTALL, 0);
    assert_string_equal(counted(0), "");
}

/* A person's Retry before it keeps its count. */
static void a_retry_by_the_step_takes_none_from_people(void **state) {
    (void)state;
    begin(2);
    scene_fail(&scene, INSTALL, 0);
    assert_true(scene_answer(&scene, INSTALL, 0, GUIDANCE_RETRY));
    plan->steps[INSTALL].when_back_ms = 60000;
    end_unreachable();
    scene.by_hand = true;
    assert_true(scene_give(&scene, scene_event(&scene, EVENT_BACK, INSTALL, 0)));
    assert_int_equal(deployment_run(scene.d, INSTALL, 0)->people_retries, 1);
    assert_int_equal(deployment_run(scene.d, INSTALL, 0)->auto_retries, 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        scene_test(each_answer_is_counted_as_what_it_is),
        scene_test(an_exclude_that_became_the_end_is_not_counted),
        scene_test(a_retry_on_a_machine_that_was_excluded_meanwhile_is_not_counted),
        scene_test(a_retry_that_finds_the_old_attempt_alive_is_taken_back),
        scene_test(a_retry_when_back_counts_as_that_of_who_chose_it),
        scene_test(a_retry_by_the_step_itself_is_nobodys_answer),
        scene_test(a_retry_by_the_step_takes_none_from_people),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
