/* Buttons and modals of Slack: what a click or a form says. */

#include "fakes/heard_test.h"

static void a_button_says_what_it_is_for(void **state) {
    (void)state;
    static const struct {
        const char *action;
        enum heard_kind kind;
        const char *verb;
    } CASES[] = {
        {"gp.retry", HEARD_ANSWER_CLICK, "retry"},
        {"gp.ignore", HEARD_ANSWER_CLICK, "ignore"},
        {"gp.exclude", HEARD_ANSWER_CLICK, "exclude"},
        {"gp.fail", HEARD_ANSWER_CLICK, "fail"},
        {"gp.proceed", HEARD_ANSWER_CLICK, "proceed"},
        {"gp.abort", HEARD_ANSWER_CLICK, "abort"},
        {"gp.take", HEARD_ANSWER_CLICK, "take"},
        {"gp.check", HEARD_ANSWER_CLICK, "check"},
        {"gp.exclude.note", HEARD_NOTE, "exclude"},
        {"gp.choose", HEARD_CHOOSE, NULL},
        {"gp.take.note", HEARD_NOTHING, NULL},
        {"gp.open", HEARD_NOTHING, NULL},
        {"gp.deploy", HEARD_NOTHING, NULL},
        {"gp.cancel", HEARD_NOTHING, NULL},
        {"gp.Retry", HEARD_NOTHING, NULL},
        {"gp.retry.", HEARD_NOTHING, NULL},
        {"gp.retry.note.note", HEARD_NOTHING, NULL},
        {"gp. retry", HEARD_NOTHING, NULL},
        {"gp.", HEARD_NOTHING, NULL},
        {"gp..note", HEARD_NOTHING, NULL},
        {"retry", HEARD_NOTHING, NULL},
        {"xgp.retry", HEARD_NOTHING, NULL},
        {"", HEARD_NOTHING, NULL},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        struct heard heard = hear_action(CASES[i].action, "Q42:3");
        if (heard.kind != CASES[i].kind) {
            print_error("%s (%s)\n", CASES[i].action, heard.why);
        }
        assert_int_equal(heard.kind, CASES[i].kind);
        assert_true(str_equal(heard.verb, CASES[i].verb));
        assert_int_equal(heard.question, CASES[i].kind == HEARD_NOTHING ? 0 : 42);
        assert_int_equal(heard.revision, CASES[i].kind == HEARD_NOTHING ? 0 : 3);
    }
}

static void the_value_of_a_button_is_read_strictly(void **state) {
    (void)state;
    static const struct {
        const char *value;
        uint64_t question;
        uint32_t revision;
    } CASES[] = {
        {"Q1:1", 1, 1},
        {"Q18446744073709551615:4294967295", UINT64_MAX, UINT32_MAX},
        {"Q18446744073709551616:1", 0, 0},
        {"Q1:4294967296", 0, 0},
        {"Q99999999999999999999999999:1", 0, 0},
        {"Q0:1", 0, 0},
        {"Q1:0", 0, 0},
        {"Q01:1", 0, 0},
        {"Q1:01", 0, 0},
        {"Q1", 0, 0},
        {"Q1:", 0, 0},
        {"Q:1", 0, 0},
        {"q1:1", 0, 0},
        {"1:1", 0, 0},
        {"D1:1", 0, 0},
        {"Q1:1 ", 0, 0},
        {" Q1:1", 0, 0},
        {"Q+1:1", 0, 0},
        {"Q-1:1", 0, 0},
        {"Q1:1:g1", 0, 0},
        {"Interruptions-1:1", 0, 0},
        {"", 0, 0},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        struct heard heard = hear_action("gp.retry", CASES[i].value);
        if (heard.question != CASES[i].question) {
            print_error("%s -> %llu\n", CASES[i].value, (unsigned long long)heard.question);
        }
        assert_true(heard.question == CASES[i].question);
        assert_int_equal(heard.revision, CASES[i].revision);
    }
}

static void a_click_tells_who_and_where(void **state) {
    (void)state;
    struct heard heard = hear_action("gp.retry", "Q42:3");
    assert_string_equal(heard.user, "UALICE");
    assert_string_equal(heard.team, "T1");
    assert_string_equal(heard.channel, "C1");
    assert_string_equal(heard.message, "17.02");
    assert_string_equal(heard.key, "click:C1:17.02:17.03:UALICE");
    assert_string_equal(heard.trigger_id, "1.2.abc");
    assert_string_equal(heard.response_url, "https://hooks.example.org/a");
    assert_false(heard.foreign || heard.thread_reply);

    heard = hear_as("interactive",
                    "{'type': 'block_actions', 'team': {'id': 'T1'}, 'user': {'id': 'UMALLORY', 'team_id': 'T2'}, "
                    "'enterprise': {'id': 'E1'}, 'container': {'message_ts': '17.02', 'is_ephemeral': true, "
                    "'thread_ts': '16.00'}, 'channel': {'id': 'D1'}, "
                    "'actions': [{'action_id': 'gp.fail', 'value': 'Q1:1', 'action_ts': '17.03'}]}",
                    &SELF);
    assert_int_equal(heard.kind, HEARD_ANSWER_CLICK);
    assert_string_equal(heard.channel, "D1");
    assert_string_equal(heard.thread, "16.00");
    assert_true(heard.foreign && heard.direct);
    assert_null(heard.trigger_id);
    assert_null(heard.response_url);
}

static void a_modal_needs_a_trigger(void **state) {
    (void)state;
    static const char *const ACTIONS[] = {"gp.choose", "gp.retry.note"};
    for (size_t i = 0; i < sizeof ACTIONS / sizeof *ACTIONS; i++) {
        struct heard heard = hear_as("interactive",
                                     arena_printf(arena,
                                                  "{'type': 'block_actions', 'user': {'id': 'UALICE'}, 'container': "
                                                  "{'message_ts': '17.02', 'channel_id': 'C1'}, 'actions': "
                                                  "[{'action_id': '%s', 'value': 'Q1:1', 'action_ts': '17.03'}]}",
                                                  ACTIONS[i]),
                                     &SELF);
        assert_int_equal(heard.kind, HEARD_NOTHING);
    }
}

static void a_modal_that_is_sent_again_after_a_correction_is_another_act(void **state) {
    (void)state;
    static const char payload[] = "{'type': 'view_submission', 'user': {'id': 'UALICE'}, 'trigger_id': '%s', "
                                  "'view': {'id': 'V1', 'hash': '1', 'callback_id': 'gp.answer'}}";
    struct heard first = hear_as("interactive", arena_printf(arena, payload, "1.1"), &SELF);
    struct heard twice = hear_as("interactive", arena_printf(arena, payload, "1.1"), &SELF);
    struct heard corrected = hear_as("interactive", arena_printf(arena, payload, "1.2"), &SELF);
    assert_string_equal(first.key, twice.key);
    assert_string_not_equal(first.key, corrected.key);
    assert_string_equal(first.window, corrected.window);
}

static void a_modal_comes_back_whole(void **state) {
    (void)state;
    struct heard heard = hear_as("interactive",
                                 "{'type': 'view_submission', 'team': {'id': 'T1'}, 'user': {'id': 'UALICE'}, "
                                 "'trigger_id': '1.2.abc', 'view': {'id': 'V1', 'hash': '1.aB+/=', 'callback_id': "
                                 "'gp.answer', 'private_metadata': 'x', 'state': {'values': {}}}}",
                                 &SELF);
    assert_int_equal(heard.kind, HEARD_SUBMISSION);
    assert_string_equal(heard.user, "UALICE");
    assert_string_equal(heard.key, "view:V1:1.aB+/=:1.2.abc");
    assert_string_equal(json_string(json_get(heard.view, "private_metadata")), "x");

    static const char *const CASES[] = {
        "{'type': 'view_submission', 'user': {'id': 'U1'}, 'view': {'id': 'V1', 'hash': '1', 'callback_id': 'other'}}",
        "{'type': 'view_submission', 'user': {'id': 'U1'}, 'view': {'id': 'V1', 'callback_id': 'gp.answer'}}",
        "{'type': 'view_submission', 'view': {'id': 'V1', 'hash': '1', 'callback_id': 'gp.answer'}}",
        "{'type': 'view_submission', 'user': {'id': 'U1'}, 'view': 'gp.answer'}",
        "{'type': 'view_closed', 'user': {'id': 'U1'}, 'view': {'id': 'V1', 'hash': '1', 'callback_id': 'gp.answer'}}",
        "{'type': 'shortcut', 'user': {'id': 'U1'}}",
    };
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        assert_int_equal(hear_as("interactive", CASES[i], &SELF).kind, HEARD_NOTHING);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        heard_test(a_button_says_what_it_is_for),
        heard_test(the_value_of_a_button_is_read_strictly),
        heard_test(a_click_tells_who_and_where),
        heard_test(a_modal_needs_a_trigger),
        heard_test(a_modal_that_is_sent_again_after_a_correction_is_another_act),
        heard_test(a_modal_comes_back_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
