/* What was shown of deployments that have ended while nobody was there to show it. */

#include "fakes/reconciler_test.h"

enum { OTHERS = 105 }; /* more than the newest that a leader looks at anyhow */

/* "1 7": the deployments of which something that is shown may not stay. */
static const char *showing(void) {
    return rig_call(&rig, "EVAL", "return table.concat(redis.call('ZRANGE', KEYS[1], 0, -1), ' ')", "1",
                    "t:showing:fake");
}

static void wait_showing(const char *wanted) {
    for (size_t i = 0; !str_equal(showing(), wanted); i++) {
        assert_true(i < 5000);
        rig_run_ms(&rig, 1);
    }
}

static void what_ended_behind_many_others_is_shown_as_it_ended(void **state) {
    (void)state;
    uint64_t id = show_one();
    admit(id);
    tell(id);
    wait_for("D1-status", "Running");
    reconciler_lead(reconciler, false);
    leader_end_run(&leader, id, 0, 0);
    leader_end_run(&leader, id, 1, 0);
    for (size_t i = 0; i < OTHERS; i++) {
        finish(leader_create(&leader, "nowhere"));
    }
    reconciler_lead(reconciler, true);
    wait_for("D1-status", "Succeeded");
    wait_for("D1-closing", "Succeeded");
    wait_showing("");
}

static void what_is_shown_of_a_deployment_may_change_until_its_end_is_shown(void **state) {
    (void)state;
    uint64_t id = show_one();
    wait_showing("1");
    fake->holds = hold_all;
    finish(id);
    tell(id);
    wait_for_calls(2);
    rig_run_ms(&rig, 50);
    assert_string_equal(showing(), "1");
    fake->holds = NULL;
    fake_chat_answer(fake);
    wait_for("D1-closing", "Succeeded");
    wait_showing("");
}

static enum err_code refuses_closings(const struct fake_call *call) {
    return call->kind == CARD_CLOSING ? ERR_UNAVAILABLE : ERR_NONE;
}

static void an_end_that_could_not_be_shown_is_not_forgotten(void **state) {
    (void)state;
    uint64_t id = show_one();
    fake->verdict = refuses_closings;
    finish(id);
    tell(id);
    wait_for("D1-status", "Succeeded");
    rig_run_ms(&rig, 100);
    assert_string_equal(showing(), "1");
    fake->verdict = NULL;
    reconciler_retry(reconciler);
    wait_for("D1-closing", "Succeeded");
    wait_showing("");
}

static void what_was_taken_away_meanwhile_is_forgotten(void **state) {
    (void)state;
    (void)show_one();
    wait_showing("1");
    reconciler_lead(reconciler, false);
    (void)rig_call(&rig, "DEL", "t:dep:1");
    reconciler_lead(reconciler, true);
    wait_showing("");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        reconciler_test(what_ended_behind_many_others_is_shown_as_it_ended),
        reconciler_test(what_is_shown_of_a_deployment_may_change_until_its_end_is_shown),
        reconciler_test(an_end_that_could_not_be_shown_is_not_forgotten),
        reconciler_test(what_was_taken_away_meanwhile_is_forgotten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
