/* The order and the pace of calls to Slack. */

#include "fakes/calls_test.h"

#include "base/limits.h"

static void questions_go_before_replies_and_replies_before_progress(void **state) {
    (void)state;
    struct rig rig = {0};
    struct result results[6];
    rig_open(&rig, false);
    static const enum call_priority priorities[] = {CALL_PROGRESS, CALL_REPLY,    CALL_QUESTION,
                                                    CALL_PROGRESS, CALL_QUESTION, CALL_REPLY};
    static const char *const bodies[] = {"{\"n\":0}", "{\"n\":1}", "{\"n\":2}", "{\"n\":3}", "{\"n\":4}", "{\"n\":5}"};
    static const int order[] = {2, 4, 1, 5, 0, 3};
    for (size_t i = 0; i < 6; i++) {
        post(&rig, "C1", priorities[i], bodies[i], &results[i]);
    }
    rig_wait(&rig);
    for (size_t i = LIMIT_SLACK_BURST; i < 6; i++) { /* the first ones go at the same time, by several connections */
        assert_string_equal(rig.seen[i].body, bodies[order[i]]);
    }
    rig_close(&rig);
}

static void a_channel_has_a_burst_and_then_one_message_a_second(void **state) {
    (void)state;
    struct rig rig = {0};
    struct result slow[LIMIT_SLACK_BURST + 2], other;
    rig_open(&rig, false);
    int64_t begun_ms = clock_monotonic_ms();
    for (size_t i = 0; i < LIMIT_SLACK_BURST + 2; i++) {
        post(&rig, "C1", CALL_REPLY, "{}", &slow[i]);
    }
    post(&rig, "C2", CALL_PROGRESS, "{}", &other);
    rig_wait(&rig);
    assert_int_equal(rig.seen_count, LIMIT_SLACK_BURST + 3);
    assert_true(other.at_ms < slow[LIMIT_SLACK_BURST].at_ms);
    assert_true(slow[LIMIT_SLACK_BURST - 1].at_ms < slow[LIMIT_SLACK_BURST].at_ms);
    assert_in_range(slow[LIMIT_SLACK_BURST].at_ms - begun_ms, 990, 15000);
    assert_in_range(slow[LIMIT_SLACK_BURST + 1].at_ms - begun_ms, 1990, 15000);
    rig_close(&rig);
}

static void edits_of_a_message_are_coalesced_and_the_last_is_sent(void **state) {
    (void)state;
    struct rig rig = {0};
    struct result results[10], other;
    rig_open(&rig, false);
    for (int i = 0; i < 10; i++) {
        char json[32];
        (void)snprintf(json, sizeof json, "{\"n\":%d}", i);
        update(&rig, "C1/1.1", json, &results[i]);
        if (i % 3 == 0) {
            rig_until(&rig, 1);
            rig_run_for(&rig, 50);
        }
    }
    update(&rig, "C1/2.2", "{}", &other);
    rig_wait(&rig);
    assert_int_equal(rig.seen_count, 3); /* the first, the last and the other one */
    assert_string_equal(rig.seen[0].body, "{\"n\":0}");
    assert_string_equal(rig.seen[2].body, "{\"n\":9}");
    assert_true(rig.seen[2].at_ms - rig.seen[0].at_ms >= LIMIT_SLACK_EDIT_MS - 20);
    for (int i = 0; i < 10; i++) {
        bool sent = i == 0 || i == 9;
        assert_int_equal(results[i].count, 1);
        assert_true(results[i].ok == sent);
        assert_string_equal(results[i].error, sent ? "" : "replaced");
        assert_false(results[i].maybe);
    }
    rig_close(&rig);
}

static void an_edit_waits_for_the_one_before_it_and_takes_over_when_that_fails(void **state) {
    (void)state;
    static const struct line script[] = {{0, NULL, NULL}};
    struct rig rig = {.script = script, .script_count = 1};
    struct result first, second, third;
    rig_open(&rig, true);
    call(&rig, (struct call){.method = CALL_CHAT_UPDATE, .json = "{\"n\":1}", .key = "m", .deadline_ms = 5000}, &first);
    rig_until(&rig, 1);
    update(&rig, "m", "{\"n\":2}", &second);
    update(&rig, "m", "{\"n\":3}", &third);
    rig_run_for(&rig, 200);
    assert_int_equal(rig.seen_count, 1); /* even without a pace */
    assert_string_equal(second.error, "replaced");
    int64_t begun_ms = clock_monotonic_ms();
    web_answer(rig.held[0], 500, &(struct web_header_line){"Retry-After", "1"}, 1, "", 0);
    rig.held[0] = NULL;
    rig_wait(&rig);
    assert_true(third.at_ms - begun_ms >= 980);
    assert_string_equal(first.error, "replaced");
    assert_true(first.maybe);
    assert_true(third.ok);
    assert_int_equal(rig.seen_count, 2);
    assert_string_equal(rig.seen[1].body, "{\"n\":3}");
    rig_close(&rig);
}

/* Else a message that changes all the time would be shown last, and hammer a server that asks for quiet. */
static void a_call_takes_the_place_and_the_pause_of_the_one_that_it_replaces(void **state) {
    (void)state;
    struct line script[LIMIT_SLACK_IN_FLIGHT] = {{0}};
    struct rig rig = {.script = script, .script_count = LIMIT_SLACK_IN_FLIGHT};
    struct result stuck[LIMIT_SLACK_IN_FLIGHT], results[5];
    rig_open(&rig, true);
    for (size_t i = 0; i < LIMIT_SLACK_IN_FLIGHT; i++) {
        post(&rig, NULL, CALL_QUESTION, "{}", &stuck[i]);
    }
    rig_until(&rig, LIMIT_SLACK_IN_FLIGHT);
    static const struct call waiting[] = {
        {.method = CALL_CHAT_UPDATE, .json = "{\"n\":0}", .key = "a"},
        {.method = CALL_CHAT_UPDATE, .json = "{\"n\":1}", .key = "b"},
        {.method = CALL_CHAT_UPDATE, .json = "{\"n\":2}", .key = "c", .priority = CALL_QUESTION},
        {.method = CALL_CHAT_UPDATE, .json = "{\"n\":3}", .key = "a"},
        {.method = CALL_CHAT_UPDATE, .json = "{\"n\":4}", .key = "c"},
    };
    for (size_t i = 0; i < 5; i++) {
        call(&rig, waiting[i], &results[i]);
    }
    web_answer(rig.held[0], 200, NULL, 0, OK, strlen(OK));
    rig.held[0] = NULL;
    rig_until(&rig, LIMIT_SLACK_IN_FLIGHT + 3);
    static const char *const order[] = {"{\"n\":4}", "{\"n\":3}", "{\"n\":1}"};
    assert_int_equal(rig.seen_count, LIMIT_SLACK_IN_FLIGHT + 3);
    for (size_t i = 0; i < 3; i++) {
        assert_string_equal(rig.seen[LIMIT_SLACK_IN_FLIGHT + i].body, order[i]);
    }
    rig_close(&rig);

    static const struct line limited[] = {{503, "", "1"}};
    struct rig pausing = {.script = limited, .script_count = 1};
    struct result first, second;
    rig_open(&pausing, true);
    update(&pausing, "m", "{\"n\":1}", &first);
    rig_until(&pausing, 1);
    rig_run_for(&pausing, 100);
    update(&pausing, "m", "{\"n\":2}", &second);
    rig_wait(&pausing);
    assert_string_equal(first.error, "replaced");
    assert_true(second.ok);
    assert_true(pausing.seen[1].at_ms - pausing.seen[0].at_ms >= 980);
    rig_close(&pausing);
}

static void views_open_waits_for_nobody(void **state) {
    (void)state;
    struct line script[LIMIT_SLACK_IN_FLIGHT] = {{0}}; /* Slack does not answer at all */
    struct rig rig = {.script = script, .script_count = LIMIT_SLACK_IN_FLIGHT};
    struct result stuck[LIMIT_SLACK_IN_FLIGHT + 3], view;
    rig_open(&rig, true);
    for (size_t i = 0; i < LIMIT_SLACK_IN_FLIGHT + 3; i++) {
        post(&rig, NULL, CALL_QUESTION, "{}", &stuck[i]);
    }
    rig_until(&rig, LIMIT_SLACK_IN_FLIGHT);
    rig_run_for(&rig, 100);
    assert_int_equal(rig.seen_count, LIMIT_SLACK_IN_FLIGHT);
    rig.wanted = 0;
    call(&rig, (struct call){.method = CALL_VIEWS_OPEN, .json = "{}"}, &view);
    rig_wait(&rig);
    assert_true(view.ok);
    rig_close(&rig);
}

static void without_a_pace_nothing_waits(void **state) {
    (void)state;
    struct rig rig = {0};
    struct result results[40];
    rig_open(&rig, true);
    int64_t begun_ms = clock_monotonic_ms();
    for (size_t i = 0; i < 40; i++) {
        post(&rig, "C1", CALL_REPLY, "{}", &results[i]);
    }
    for (size_t i = 0; i < 5; i++) {
        rig_wait(&rig);
        update(&rig, "m", "{}", &results[i]);
    }
    rig_wait(&rig);
    assert_int_equal(rig.seen_count, 45);
    assert_true(clock_monotonic_ms() - begun_ms < 15000);
    rig_close(&rig);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(questions_go_before_replies_and_replies_before_progress),
        cmocka_unit_test(a_channel_has_a_burst_and_then_one_message_a_second),
        cmocka_unit_test(edits_of_a_message_are_coalesced_and_the_last_is_sent),
        cmocka_unit_test(an_edit_waits_for_the_one_before_it_and_takes_over_when_that_fails),
        cmocka_unit_test(a_call_takes_the_place_and_the_pause_of_the_one_that_it_replaces),
        cmocka_unit_test(views_open_waits_for_nobody),
        cmocka_unit_test(without_a_pace_nothing_waits),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
