/* Reminders, the ladder, and clocks that are put off, on a clock that is only a number. */

#include "fakes/scene_test.h"

enum { INSTALL, SECOND = 1000, MINUTE = 60 * SECOND, RESTARTS = 100 };

static struct plan_rung ladder[] = {
    {.after_ms = 5 * MINUTE, .room = "alerts"},
    {.after_ms = 10 * MINUTE, .webhook = "https://pager.example.org/hook"},
    {.after_ms = 10 * MINUTE, .run = "./page.sh"},
};
enum { RUNGS = sizeof ladder / sizeof ladder[0] };

static struct plan_guided *begin(size_t machines) {
    plan = plan_builder_create(arena, machines);
    struct plan_step *install = plan_builder_step_on_all(plan, "Install", arena);
    install->guided.remind_every_ms = 4 * MINUTE;
    install->guided.ladder = ladder;
    install->guided.rung_count = RUNGS;
    scene_begin(&scene, plan, arena);
    return &install->guided;
}

/* The newest timer of this kind; NULL if there is none. */
static const struct effect *timer(enum event_kind kind) {
    for (size_t i = scene.timer_count; i > 0; i--) {
        if (scene.timers[i - 1].timer == kind) {
            return &scene.timers[i - 1];
        }
    }
    return NULL;
}

static size_t timers(enum event_kind kind) {
    size_t count = 0;
    for (size_t i = 0; i < scene.timer_count; i++) {
        count += scene.timers[i].timer == kind;
    }
    return count;
}

/* Its time has come. */
static bool due(const struct effect *timer) {
    struct event event = {.kind = timer->timer, .question = timer->question, .epoch = timer->epoch};
    scene.now_ms = timer->at_ms - SECOND; /* scene_give takes a second */
    return scene_give(&scene, event);
}

static bool put_off(enum event_kind kind, uint64_t question, int64_t deadline_ms) {
    return scene_give(&scene,
                      (struct event){.kind = kind, .question = question, .deadline_ms = deadline_ms, .actor = "bob"});
}

static uint64_t question(size_t slot) {
    return scene_question(&scene, INSTALL, slot)->id;
}

static void many_machines_with_one_error_have_one_reminder_and_one_ladder(void **state) {
    (void)state;
    begin(3);
    scene_fail(&scene, INSTALL, 0);
    scene_fail(&scene, INSTALL, 1);
    scene_fail(&scene, INSTALL, 2);
    assert_int_equal(scene.d->vigil_count, 1);
    assert_int_equal(timers(EVENT_REMIND), 1);
    assert_int_equal(timers(EVENT_ESCALATE), 1);
}

static void it_is_reminded_of_again_and_again(void **state) {
    (void)state;
    begin(2);
    scene_fail(&scene, INSTALL, 0);
    int64_t first_ms = timer(EVENT_REMIND)->at_ms;
    assert_int_equal(first_ms, scene_question(&scene, INSTALL, 0)->asked_ms + 4 * MINUTE);
    struct effect stale = *timer(EVENT_REMIND);
    assert_true(due(&stale));
    assert_int_equal(scene.d->vigils[0].reminders, 1);
    assert_int_equal(timer(EVENT_REMIND)->at_ms, first_ms + 4 * MINUTE);
    assert_false(due(&stale)); /* That one was given. */
    assert_true(due(timer(EVENT_REMIND)));
    assert_int_equal(scene.d->vigils[0].reminders, 2);
}

static void the_ladder_is_climbed_rung_by_rung_and_ends(void **state) {
    (void)state;
    begin(2);
    scene_fail(&scene, INSTALL, 0);
    for (uint32_t i = 0; i < RUNGS; i++) {
        assert_int_equal(timer(EVENT_ESCALATE)->epoch, i);
        assert_int_equal(timer(EVENT_ESCALATE)->at_ms, scene.d->vigils[0].since_ms + ladder[i].after_ms);
        assert_true(due(timer(EVENT_ESCALATE)));
        assert_int_equal(scene_count(&scene, EFFECT_CALL), ladder[i].run != NULL || ladder[i].webhook != NULL);
    }
    assert_int_equal(timers(EVENT_ESCALATE), RUNGS);
    struct effect over = *timer(EVENT_ESCALATE);
    over.epoch = RUNGS;
    assert_false(due(&over));
}

/* A crash between deciding and committing throws the decision away; one after it may give the same timer again, or an older
 * one that was read before. */
static void each_rung_is_climbed_once_over_a_hundred_restarts(void **state) {
    (void)state;
    for (unsigned round = 0; round < RESTARTS; round++) {
        begin(2);
        scene_fail(&scene, INSTALL, 0);
        size_t climbed = 0, called = 0;
        for (unsigned step = 0; climbed < RUNGS; step++) {
            struct effect next = *timer((round >> (step % 7)) % 2 == 0 ? EVENT_ESCALATE : EVENT_REMIND);
            struct event event = {
                .kind = next.timer, .question = next.question, .epoch = next.epoch, .now_ms = next.at_ms};
            struct deployment *lost = scene_restart(scene.d, arena);
            uint64_t lost_number = scene.next_question;
            struct decision nothing;
            deployment_apply(lost, &event, &lost_number, arena, &nothing);
            assert_false(nothing.ignored);
            assert_true(due(&next));
            climbed += next.timer == EVENT_ESCALATE;
            called += scene_count(&scene, EFFECT_CALL);
            for (size_t i = 0; i < scene.timer_count - 1; i++) {
                struct effect old = scene.timers[i];
                bool current =
                    old.epoch == (old.timer == EVENT_REMIND ? scene.d->vigils[0].reminders : scene.d->vigils[0].rungs);
                assert_true(current || !due(&old));
            }
            scene.timer_count = scene.timer_count > 40 ? 40 : scene.timer_count;
        }
        assert_int_equal(climbed, RUNGS);
        assert_int_equal(called, 2);
        assert_int_equal(scene.d->vigils[0].rungs, RUNGS);
        tear_down(NULL);
        set_up(NULL);
    }
}

static void what_is_answered_is_forgotten(void **state) {
    (void)state;
    begin(2);
    scene_fail(&scene, INSTALL, 0);
    scene_fail(&scene, INSTALL, 1);
    struct effect reminder = *timer(EVENT_REMIND), rung = *timer(EVENT_ESCALATE);
    assert_true(scene_answer(&scene, INSTALL, 0, GUIDANCE_RETRY));
    assert_int_equal(scene.d->vigil_count, 1); /* The other still waits. */
    assert_true(due(&reminder));
    assert_true(scene_answer(&scene, INSTALL, 1, GUIDANCE_RETRY));
    assert_int_equal(scene.d->vigil_count, 0);
    assert_false(due(&rung));
}

static void another_error_has_a_ladder_of_its_own(void **state) {
    (void)state;
    begin(2);
    scene_fail(&scene, INSTALL, 0);
    scene_end(&scene, INSTALL, 1, (struct outcome){OUTCOME_TIMEOUT, 300000});
    assert_int_equal(scene.d->vigil_count, 2);
    assert_true(scene.d->vigils[0].card < scene.d->vigils[1].card);
}

static void a_parked_question_has_no_clocks_until_it_is_unparked(void **state) {
    (void)state;
    struct plan_guided *guided = begin(2);
    guided->answer_within_ms = 20 * MINUTE;
    guided->fail_unanswered = true;
    scene_fail(&scene, INSTALL, 0);
    struct effect reminder = *timer(EVENT_REMIND), rung = *timer(EVENT_ESCALATE), deadline = *timer(EVENT_DEADLINE);
    assert_true(due(&rung));
    rung = *timer(EVENT_ESCALATE);
    assert_true(put_off(EVENT_PARKED, question(0), 0));
    assert_string_equal(scene_question(&scene, INSTALL, 0)->parked_by, "bob");
    assert_false(due(&reminder));
    assert_false(due(&rung));
    assert_false(due(&deadline));
    int64_t now_ms = scene.now_ms;
    assert_true(put_off(EVENT_UNPARKED, question(0), now_ms + 20 * MINUTE));
    assert_null(scene_question(&scene, INSTALL, 0)->parked_by);
    assert_int_equal(timer(EVENT_DEADLINE)->at_ms, now_ms + 20 * MINUTE);
    assert_int_equal(timer(EVENT_ESCALATE)->epoch, 1); /* not the first once more */
    assert_true(timer(EVENT_ESCALATE)->at_ms >= now_ms + ladder[1].after_ms);
    assert_true(due(timer(EVENT_REMIND)));
}

static void one_more_machine_wakes_a_parked_card(void **state) {
    (void)state;
    begin(2);
    scene_fail(&scene, INSTALL, 0);
    assert_true(put_off(EVENT_PARKED, question(0), 0));
    size_t before = timers(EVENT_REMIND);
    scene_fail(&scene, INSTALL, 1);
    assert_int_equal(timers(EVENT_REMIND), before + 1);
    assert_true(due(timer(EVENT_REMIND)));
}

static void a_deadline_that_was_put_off_passes_later(void **state) {
    (void)state;
    struct plan_guided *guided = begin(1);
    guided->answer_within_ms = 2 * MINUTE;
    guided->fail_unanswered = true;
    scene_fail(&scene, INSTALL, 0);
    struct effect first = *timer(EVENT_DEADLINE);
    assert_true(put_off(EVENT_EXTENDED, question(0), first.at_ms + MINUTE));
    assert_false(due(&first));
    assert_int_equal(timer(EVENT_DEADLINE)->at_ms, first.at_ms + MINUTE);
    assert_true(due(timer(EVENT_DEADLINE)));
    assert_int_equal(scene_effect(&scene, EFFECT_CLOSE, INSTALL, 0)->at_ms, first.at_ms + MINUTE);
    assert_picture(&scene, "failed F");
    assert_false(put_off(EVENT_EXTENDED, 1, 0));
}

#define TEST(name) scene_test(name)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(many_machines_with_one_error_have_one_reminder_and_one_ladder),
        TEST(it_is_reminded_of_again_and_again),
        TEST(the_ladder_is_climbed_rung_by_rung_and_ends),
        TEST(each_rung_is_climbed_once_over_a_hundred_restarts),
        TEST(what_is_answered_is_forgotten),
        TEST(another_error_has_a_ladder_of_its_own),
        TEST(a_parked_question_has_no_clocks_until_it_is_unparked),
        TEST(one_more_machine_wakes_a_parked_card),
        TEST(a_deadline_that_was_put_off_passes_later),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
