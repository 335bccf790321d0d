/* What rooms show when the platform does not take it: what is tried again, when, and that nobody else waits for it. */

#include "fakes/reconciler_test.h"

#include "app/spots.h"
#include "base/clock.h"
#include "base/log.h"

static bool hold_after_the_first(const struct fake_call *call) {
    (void)call;
    return fake->message_count > 0;
}

static enum err_code deny_c1(const struct fake_call *call) {
    return str_equal(call->room, "C1") ? ERR_DENIED : ERR_NONE;
}

static enum err_code be_away(const struct fake_call *call) {
    (void)call;
    return ERR_UNAVAILABLE;
}

static void a_card_that_fails_is_tried_after_growing_pauses_of_its_own(void **state) {
    (void)state;
    uint64_t id = leader_create(&leader, "deploys"), other = leader_create(&leader, "other");
    fake->verdict = be_away;
    tell(id);
    wait_for_calls(4);
    for (size_t i = 1; i < 4; i++) {
        int64_t pause = fake->calls[i].at_ms - fake->calls[i - 1].at_ms, least = (int64_t)125 << i;
        assert_in_range(pause, least - 5, least + 1500);
    }
    fake->verdict = NULL;
    tell(other);
    int64_t since = clock_monotonic_ms();
    wait_for("D2-status", NULL);
    assert_true(clock_monotonic_ms() - since < 1500);
    reconciler_retry(reconciler); /* else after 2 s */
    wait_for("D1-status", NULL);
    assert_true(clock_monotonic_ms() - since < 1500);
}

enum { CROWD = 60 };

/* Sixty deployments in a room that takes nothing, until their cards have been refused. */
static void crowd_a_dead_room(void) {
    for (size_t i = 0; i < CROWD; i++) {
        leader_create(&leader, "deploys");
    }
    fake->verdict = deny_c1;
    for (uint64_t id = 1; id <= CROWD; id++) {
        tell(id);
    }
    rig_run_ms(&rig, 2500);
}

static void a_dead_room_is_asked_by_one_card_and_disturbs_nobody(void **state) {
    (void)state;
    crowd_a_dead_room();
    size_t before = fake->call_count;
    assert_true(before < CROWD + 6);
    rig_run_ms(&rig, 2500);
    assert_in_range(fake->call_count, before, before + 2);
    char troubles[FAKE_TEXT];
    write_troubles(troubles, sizeof troubles);
    assert_string_equal(troubles, "fake room deploys: The fake refuses.\n");
    uint64_t other = leader_create(&leader, "other");
    tell(other);
    wait_for("D61-status", NULL);
    before = fake->call_count;
    tell(leader_create(&leader, "deploys"));
    rig_run_ms(&rig, 300);
    assert_in_range(fake->call_count, before, before + 1);
}

static bool is_answered(void *user) {
    const struct fake_call *call = user;
    return !call->open;
}

static void a_card_outlives_the_try_of_another_in_its_room(void **state) {
    (void)state;
    uint64_t first = leader_create(&leader, "deploys"), second = leader_create(&leader, "deploys"),
             other = leader_create(&leader, "other");
    fake->verdict = deny_c1;
    tell(first);
    tell(second);
    wait_for_calls(3);
    rig_until(&rig, is_answered, &fake->calls[2]); /* or it would be held, too */
    fake->holds = hold_all;
    wait_for_calls(4);
    rig_run_ms(&rig, 400);
    tell(other); /* The list is gone through. */
    wait_for_calls(5);
    fake->holds = NULL;
    fake->verdict = NULL;
    fake_chat_answer(fake);
    wait_for_messages(3);
}

static void a_room_that_takes_a_card_again_gets_all_of_them(void **state) {
    (void)state;
    crowd_a_dead_room();
    size_t before = fake->call_count;
    fake->verdict = NULL;
    fake->holds = hold_after_the_first;
    wait_for_calls(before + 1 + CROWD / 2); /* They do not wait for each other. */
    fake->holds = NULL;
    fake_chat_answer(fake);
    wait_for_messages(CROWD);
    rig_run_ms(&rig, 400);
    assert_int_equal(fake_chat_shown(fake, NULL), CROWD);
    char troubles[FAKE_TEXT];
    write_troubles(troubles, sizeof troubles);
    assert_string_equal(troubles, "");
}

static void a_changed_configuration_wakes_a_dead_room_at_once(void **state) {
    (void)state;
    uint64_t id = leader_create(&leader, "deploys");
    fake->verdict = deny_c1;
    tell(id);
    wait_for_calls(5); /* the next would come after 4 s */
    rooms[0].slack = "C3";
    reconciler_retry(reconciler);
    int64_t since = clock_monotonic_ms();
    wait_for_record(id, "fake:C3:status", "m1");
    assert_true(clock_monotonic_ms() - since < 2500);
    rig_run_ms(&rig, 400);
    char troubles[FAKE_TEXT];
    write_troubles(troubles, sizeof troubles);
    assert_string_equal(troubles, "");
}

int main(void) {
    log_set_level(LOG_ERROR);
    const struct CMUnitTest tests[] = {
        reconciler_test(a_card_that_fails_is_tried_after_growing_pauses_of_its_own),
        reconciler_test(a_dead_room_is_asked_by_one_card_and_disturbs_nobody),
        reconciler_test(a_card_outlives_the_try_of_another_in_its_room),
        reconciler_test(a_room_that_takes_a_card_again_gets_all_of_them),
        reconciler_test(a_changed_configuration_wakes_a_dead_room_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
