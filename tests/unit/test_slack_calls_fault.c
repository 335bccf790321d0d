/* Calls to Slack that meet a limit or a fault: what is tried again, and what must not be. */

#include "fakes/calls_test.h"

static void retry_after_holds_the_channel_or_the_method_and_nothing_else(void **state) {
    (void)state;
    static const struct line script[] = {{429, "{\"ok\":false,\"error\":\"ratelimited\"}", "1"}};
    for (int round = 0; round < 2; round++) {
        struct rig rig = {.script = script, .script_count = 1};
        struct result limited, same, other;
        rig_open(&rig, round == 1);
        if (round == 0) {
            post(&rig, "C1", CALL_REPLY, "{}", &limited);
            rig_until(&rig, 1);
            rig_run_for(&rig, 100);
            post(&rig, "C1", CALL_QUESTION, "{}", &same);
            post(&rig, "C2", CALL_PROGRESS, "{}", &other);
        } else {
            update(&rig, "C1/1", "{}", &limited);
            rig_until(&rig, 1);
            rig_run_for(&rig, 100);
            update(&rig, "C2/1", "{}", &same);
            post(&rig, "C1", CALL_REPLY, "{}", &other);
        }
        rig_wait(&rig);
        assert_true(limited.ok && same.ok && other.ok);
        assert_true(other.at_ms < same.at_ms);
        assert_true(same.at_ms - rig.seen[0].at_ms >= 980);
        assert_true(limited.at_ms - rig.seen[0].at_ms >= 980);
        rig_close(&rig);
    }
}

static void a_limit_that_outlasts_the_deadline_ends_the_call_at_once(void **state) {
    (void)state;
    static const struct line script[] = {{429, "", NULL}, {429, "", NULL}};
    struct rig rig = {.script = script, .script_count = 2};
    struct result said, view;
    rig_open(&rig, false);
    call(&rig, (struct call){.method = CALL_CHAT_POST_MESSAGE, .channel = "C1", .deadline_ms = 5000}, &said);
    call(&rig, (struct call){.method = CALL_VIEWS_OPEN}, &view);
    int64_t begun_ms = clock_monotonic_ms();
    rig_wait(&rig);
    assert_true(clock_monotonic_ms() - begun_ms < 4000);
    assert_string_equal(said.error, "ratelimited");
    assert_false(said.maybe);
    assert_string_equal(view.error, "ratelimited");
    rig_close(&rig);
}

static void a_fault_is_tried_again_until_it_is_over(void **state) {
    (void)state;
    static const struct line script[] = {
        {500, "", NULL}, {200, "<html>", NULL}, {200, "{\"ok\":false,\"error\":\"internal_error\"}", NULL}};
    struct rig rig = {.script = script, .script_count = 3};
    struct result result;
    rig_open(&rig, false);
    update(&rig, NULL, "{\"n\":1}", &result);
    rig_wait(&rig);
    assert_true(result.ok);
    assert_false(result.maybe);
    assert_int_equal(rig.seen_count, 4);
    rig_close(&rig);
}

static void a_call_that_is_made_once_waits_for_a_limit_and_for_no_fault(void **state) {
    (void)state;
    static const struct line script[] = {{429, "", "1"}, {500, "", NULL}};
    struct rig rig = {.script = script, .script_count = 2};
    struct result result;
    rig_open(&rig, false);
    call(&rig, (struct call){.method = CALL_CHAT_UPDATE, .json = "{}", .once = true}, &result);
    rig_wait(&rig);
    assert_string_equal(result.error, "http_500");
    assert_int_equal(rig.seen_count, 2);
    rig_close(&rig);
}

static void an_attempt_that_may_have_done_it_is_not_forgotten(void **state) {
    (void)state;
    static const struct line limited[] = {{500, "", NULL}, {429, "", NULL}};
    static const struct line refused[] = {{500, "", NULL},
                                          {200, "{\"ok\":false,\"error\":\"cant_update_message\"}", NULL}};
    for (int round = 0; round < 2; round++) {
        struct rig rig = {.script = round == 0 ? limited : refused, .script_count = 2};
        struct result result;
        rig_open(&rig, true);
        call(&rig, (struct call){.method = CALL_CHAT_UPDATE, .deadline_ms = 5000}, &result);
        rig_wait(&rig);
        assert_string_equal(result.error, round == 0 ? "ratelimited" : "cant_update_message");
        assert_true(result.maybe == (round == 0));
        rig_close(&rig);
    }
}

static void a_post_of_unknown_end_is_reported_and_not_repeated(void **state) {
    (void)state;
    static const struct {
        struct line line;
        const char *error;
    } cases[] = {
        {{500, "", NULL}, "http_500"},
        {{503, "<html>", "1"}, "http_503"},
        {{200, "<html>", NULL}, "bad_reply"},
        {{200, "{\"ok\":tr", NULL}, "bad_reply"},
        {{200, "{\"ok\":false,\"error\":\"fatal_error\"}", NULL}, "fatal_error"},
        {{0, NULL, NULL}, "no_reply"},
    };
    static const enum call_method methods[] = {CALL_CHAT_POST_MESSAGE, CALL_CHAT_POST_EPHEMERAL, CALL_VIEWS_OPEN};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct rig rig = {.script = &cases[i].line, .script_count = 1};
        struct result result;
        rig_open(&rig, false);
        call(&rig, (struct call){.method = methods[i % 3], .deadline_ms = 800}, &result);
        rig_wait(&rig);
        rig_run_for(&rig, 50);
        assert_int_equal(rig.seen_count, 1);
        assert_int_equal(result.count, 1);
        assert_string_equal(result.error, cases[i].error);
        assert_true(result.maybe);
        assert_false(result.fatal);
        rig_close(&rig);
    }
}

static void a_post_that_surely_did_not_happen_is_repeated(void **state) {
    (void)state;
    static const struct line script[] = {{403, "<html>the proxy says no</html>", NULL}, {302, "", NULL}};
    struct rig rig = {.script = script, .script_count = 2};
    struct result result, away;
    rig_open(&rig, false);
    post(&rig, "C1", CALL_QUESTION, "{}", &result);
    rig_wait(&rig);
    assert_true(result.ok);
    assert_int_equal(rig.seen_count, 3);

    /* Nobody listens. */
    web_destroy(rig.web);
    rig.web = NULL;
    call(&rig, (struct call){.method = CALL_CHAT_POST_MESSAGE, .deadline_ms = 400}, &away);
    int64_t begun_ms = clock_monotonic_ms();
    rig_wait(&rig);
    assert_true(clock_monotonic_ms() - begun_ms < 4000);
    assert_string_equal(away.error, "no_reply");
    assert_false(away.maybe);
    rig_close(&rig);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(retry_after_holds_the_channel_or_the_method_and_nothing_else),
        cmocka_unit_test(a_limit_that_outlasts_the_deadline_ends_the_call_at_once),
        cmocka_unit_test(a_fault_is_tried_again_until_it_is_over),
        cmocka_unit_test(a_call_that_is_made_once_waits_for_a_limit_and_for_no_fault),
        cmocka_unit_test(an_attempt_that_may_have_done_it_is_not_forgotten),
        cmocka_unit_test(a_post_of_unknown_end_is_reported_and_not_repeated),
        cmocka_unit_test(a_post_that_surely_did_not_happen_is_repeated),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
