/* Messages of Slack: which of them are commands, and who says them where. */

#include "fakes/heard_test.h"

#define IN_CHANNEL ALICE "'channel': 'C1', "
#define IN_THREAD IN_CHANNEL "'thread_ts': '16.00', "

static void a_message_is_a_command_where_it_is_said_to_us(void **state) {
    (void)state;
    static const struct {
        const char *type, *members, *line; /* NULL = nothing is heard */
        bool addressed;
    } CASES[] = {
        {"app_mention", IN_CHANNEL "'text': '<@UBOT> retry 42'", "retry 42", true},
        {"app_mention", IN_CHANNEL "'text': ' <@UBOT>: retry 42'", "retry 42", true},
        {"app_mention", IN_CHANNEL "'text': '<@UBOT|guidepost>, retry 42'", "retry 42", true},
        {"app_mention", IN_CHANNEL "'text': '<@UBOT>\xC2\xA0`retry 42`'", "retry 42", true},
        {"app_mention", IN_CHANNEL "'text': '<@UBOT> /guidepost retry 42'", "retry 42", true},
        {"app_mention", IN_CHANNEL "'text': '<@UBOT>'", "", true},
        {"app_mention", IN_THREAD "'text': '<@UBOT> what is this'", "what is this", true},
        {"app_mention", IN_CHANNEL "'text': '<@UBOT> ask <@UBOT>'", "ask <@UBOT>", true},
        {"app_mention", IN_CHANNEL "'text': 'hey <@UBOT> retry 42'", NULL, false},
        {"app_mention", IN_CHANNEL "'text': '<@UBOTX> retry 42'", NULL, false},
        {"app_mention", IN_CHANNEL "'text': '<@UBO> retry 42'", NULL, false},
        {"app_mention", IN_CHANNEL "'text': '<@UBOT retry 42'", NULL, false},
        {"app_mention", IN_CHANNEL "'text': '&lt;@UBOT&gt; retry 42'", NULL, false},
        {"message", IN_CHANNEL "'text': '<@UBOT> retry 42'", "retry 42", true},
        {"message", IN_CHANNEL "'text': 'retry 42'", NULL, false},
        {"message", IN_CHANNEL "'text': 'guidepost retry 42'", NULL, false},
        {"message", IN_CHANNEL "'thread_ts': '17.01', 'text': 'retry 42'", NULL, false},
        {"message", IN_DIRECT "'text': 'what is this'", "what is this", true},
        {"message", IN_DIRECT "'text': '<@UBOT> status'", "status", true},
        {"message", IN_DIRECT "'text': 'Guidepost: status'", "status", true},
        {"message", IN_DIRECT "'text': 'deploy guidepost 1 to prod'", "deploy guidepost 1 to prod", true},
        {"message", ALICE "'channel': 'D1', 'text': 'status'", "status", true},
        {"message", ALICE "'channel': 'G1', 'channel_type': 'mpim', 'text': 'status'", NULL, false},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        struct heard heard = hear_message(CASES[i].type, CASES[i].members);
        if (!str_equal(heard.line, CASES[i].line) || heard.addressed != CASES[i].addressed) {
            print_error("%s -> %s (%s)\n", CASES[i].members, heard.line ? heard.line : "nothing", heard.why);
        }
        assert_true(str_equal(heard.line, CASES[i].line));
        assert_int_equal(heard.kind, CASES[i].line ? HEARD_COMMAND : HEARD_NOTHING);
        assert_int_equal(heard.addressed, CASES[i].addressed);
    }
}

static void a_reply_in_a_thread_counts_if_it_begins_like_an_answer(void **state) {
    (void)state;
    static const struct {
        const char *text, *line;
    } CASES[] = {
        {"retry", "retry"},
        {"Retry, please", "Retry, please"},
        {"exclude web-3 -- disk", "exclude web-3 -- disk"},
        {"`ignore`", "ignore"},
        {"fail\\nthe note", "fail\nthe note"},
        {"proceed", "proceed"},
        {"abort", "abort"},
        {"take", "take"},
        {"take Q42", "take Q42"},
        {"who 42", "who 42"},
        {"guidepost who", "who"},
        {"/guidepost status", "status"},
        {"guidepost", ""},
        {"take your time", NULL},
        {"who did this?", NULL},
        {"show Quentin", NULL},
        {"check that", NULL},
        {"retrying now", NULL},
        {"retry.", NULL},
        {"status", NULL},
        {"deploy webshop 1 to production", NULL},
        {"&gt; retry", NULL},
        {"I would retry", NULL},
        {"guidepost-2 is down", NULL},
        {"", NULL},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        struct heard heard = hear_message(
            "message", arena_printf(arena, IN_THREAD "'channel_type': 'channel', 'text': '%s'", CASES[i].text));
        if (!str_equal(heard.line, CASES[i].line)) {
            print_error("%s -> %s\n", CASES[i].text, heard.line ? heard.line : "nothing");
        }
        assert_true(str_equal(heard.line, CASES[i].line));
        assert_false(heard.addressed);
        assert_true(!heard.line || str_equal(heard.thread, "16.00"));
    }
}

static void only_fresh_words_of_people_are_commands(void **state) {
    (void)state;
    static const struct {
        const char *members;
        bool heard;
    } CASES[] = {
        {ALICE "'subtype': 'thread_broadcast', 'thread_ts': '16.00'", true},
        {ALICE "'subtype': 'file_share', 'files': []", true},
        {ALICE "'subtype': null, 'bot_id': '', 'app_id': null, 'edited': null, 'hidden': false", true},
        {ALICE "'edited': {'user': 'UALICE', 'ts': '18.00'}", false},
        {ALICE "'edited': {}", false},
        {ALICE "'subtype': 'message_changed', 'message': {'user': 'UALICE', 'text': '<@UBOT> retry 42'}", false},
        {ALICE "'subtype': 'message_deleted', 'deleted_ts': '16.00'", false},
        {ALICE "'subtype': 'me_message'", false},
        {ALICE "'subtype': 'channel_join'", false},
        {ALICE "'subtype': 7", false},
        {ALICE "'subtype': {}", false},
        {ALICE "'hidden': true", false},
        {ALICE "'bot_id': 'B1'", false},
        {ALICE "'bot_id': 7", false},
        {ALICE "'app_id': 'A2'", false},
        {ALICE "'bot_profile': {'id': 'B1'}", false},
        {"'user': 'UBOT'", false},
        {"'user': 'USLACKBOT'", false},
        {"'user': ''", false},
        {"'user': {'id': 'UALICE'}", false},
        {"'user': 'U1|alice>'", false},
        {"'username': 'alice'", false},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        const char *members = arena_printf(arena, "%s, 'channel': 'C1', 'text': '<@UBOT> retry 42'", CASES[i].members);
        static const char *const TYPES[] = {"message", "app_mention"};
        for (size_t j = 0; j < sizeof TYPES / sizeof *TYPES; j++) {
            struct heard heard = hear_message(TYPES[j], members);
            if ((heard.kind == HEARD_COMMAND) != CASES[i].heard) {
                print_error("%s (%s)\n", members, heard.why);
            }
            assert_int_equal(heard.kind, CASES[i].heard ? HEARD_COMMAND : HEARD_NOTHING);
        }
    }
}

static void twins_and_repetitions_have_one_key(void **state) {
    (void)state;
    struct heard mention = hear_message("app_mention", IN_THREAD "'text': '<@UBOT> retry 42'");
    struct heard twin = hear_message("message", IN_THREAD
                                     "'channel_type': 'channel', 'client_msg_id': '1-2', 'text': '<@UBOT> retry 42'");
    struct heard again = hear_as("events_api",
                                 "{'event_id': 'Ev9', 'team_id': 'T1', 'event_time': 5, 'event': {'type': 'message', "
                                 "'ts': '17.01', " IN_THREAD "'text': '<@UBOT> retry 42'}}",
                                 &SELF);
    struct heard later = hear_as("events_api",
                                 "{'team_id': 'T1', 'event': {'type': 'message', 'ts': '17.02', " IN_THREAD
                                 "'text': '<@UBOT> retry 42'}}",
                                 &SELF);
    assert_string_equal(mention.key, "T1:C1:17.01");
    assert_string_equal(twin.key, mention.key);
    assert_string_equal(twin.line, mention.line);
    assert_string_equal(twin.thread, mention.thread);
    assert_int_equal(twin.addressed, mention.addressed);
    assert_string_equal(again.key, mention.key);
    assert_string_not_equal(later.key, mention.key);
}

static void who_comes_from_elsewhere_is_marked(void **state) {
    (void)state;
    struct heard home = hear_message("app_mention", IN_CHANNEL "'text': '<@UBOT>'");
    assert_string_equal(home.team, "T1");
    assert_false(home.foreign || home.direct);

    struct heard stranger =
        hear_as("events_api",
                "{'team_id': 'T1', 'enterprise_id': 'E1', 'is_ext_shared_channel': true, 'event': {'type': 'message', "
                "'ts': '1.0', 'team': 'T1', 'user_team': 'T2', 'channel': 'D1', 'user': 'UMALLORY', 'text': 'status'}}",
                &SELF);
    assert_string_equal(stranger.team, "T2");
    assert_string_equal(stranger.key, "T1:D1:1.0");
    assert_true(stranger.foreign && stranger.direct);

    struct heard source = hear_message("app_mention", IN_CHANNEL "'source_team': 'T3', 'text': '<@UBOT>'");
    assert_string_equal(source.team, "T3");
    assert_true(source.foreign);

    struct heard_self unknown = {.user = "UBOT"};
    struct heard nobody =
        hear_as("events_api", message("message", IN_DIRECT "'user_team': 'T2', 'text': 'x'"), &unknown);
    assert_false(nobody.foreign);
}

static void a_message_without_a_place_is_nothing(void **state) {
    (void)state;
    static const char *const CASES[] = {
        "{'team_id': 'T1', 'event': {'type': 'message', 'user': 'U1', 'channel': 'D1', 'text': 'x'}}",
        "{'team_id': 'T1', 'event': {'type': 'message', 'user': 'U1', 'ts': '1.0', 'text': 'x'}}",
        "{'team_id': 'T1', 'event': {'type': 'message', 'user': 'U1', 'ts': '1.0', 'channel': 'D1'}}",
        "{'team_id': 'T1', 'event': {'type': 'message', 'user': 'U1', 'ts': 1.0, 'channel': 'D1', 'text': 'x'}}",
        "{'event': {'type': 'message', 'user': 'U1', 'ts': '1.0', 'channel': 'D1', 'text': 'x'}}",
        "{'team_id': 'T1', 'event': {'type': 'message', 'user': 'U1', 'ts': '1 0', 'channel': 'D1', 'text': 'x'}}",
    };
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        assert_int_equal(hear_as("events_api", CASES[i], &SELF).kind, HEARD_NOTHING);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        heard_test(a_message_is_a_command_where_it_is_said_to_us),
        heard_test(a_reply_in_a_thread_counts_if_it_begins_like_an_answer),
        heard_test(only_fresh_words_of_people_are_commands),
        heard_test(twins_and_repetitions_have_one_key),
        heard_test(who_comes_from_elsewhere_is_marked),
        heard_test(a_message_without_a_place_is_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
