#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/limits.h"
#include "fuzz/heard_check.h"

/* JSON is written with ' instead of " here, so that it can be read. */

static const struct heard_self SELF = {.app_id = "A1", .team = "T1", .user = "UBOT", .command = "/guidepost"};

static struct arena *arena;
static struct json *root;

static int set_up(void **state) {
    (void)state;
    arena = arena_create();
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    json_free(root);
    root = NULL;
    arena_destroy(arena);
    return 0;
}

static struct heard hear_as(const char *type, const char *json, const struct heard_self *self) {
    char *text = arena_strdup(arena, json);
    for (char *quote = strchr(text, '\''); quote; quote = strchr(quote, '\'')) {
        *quote = '"';
    }
    struct err err = {0};
    json_free(root);
    root = NULL;
    if (json_parse(text, strlen(text), &root, &err) < 0) {
        fail_msg("%s: %s", text, err.text);
    }
    struct heard heard;
    heard_parse(type, root, self, arena, &heard);
    const char *wrong = heard_check(&heard);
    if (wrong) {
        fail_msg("%s: %s", text, wrong);
    }
    return heard;
}

/* Members of the event are added to those that every message has. */
static const char *message(const char *type, const char *members) {
    return arena_printf(arena,
                        "{'type': 'event_callback', 'api_app_id': 'A1', 'team_id': 'T1', 'event_id': 'Ev1', 'event': "
                        "{'type': '%s', 'ts': '17.01', 'team': 'T1', %s}}",
                        type, members);
}

static struct heard hear_message(const char *type, const char *members) {
    return hear_as("events_api", message(type, members), &SELF);
}

static struct heard hear_slash(const char *members) {
    return hear_as("slash_commands", arena_printf(arena, "{'api_app_id': 'A1', 'team_id': 'T1', %s}", members), &SELF);
}

static struct heard hear_action(const char *action, const char *value) {
    return hear_as(
        "interactive",
        arena_printf(arena,
                     "{'type': 'block_actions', 'api_app_id': 'A1', 'team': {'id': 'T1'}, 'user': {'id': 'UALICE', "
                     "'team_id': 'T1'}, 'trigger_id': '1.2.abc', 'response_url': 'https://hooks.example.org/a', "
                     "'container': {'type': 'message', 'message_ts': '17.02', 'channel_id': 'C1'}, "
                     "'actions': [{'action_id': '%s', 'value': '%s', 'action_ts': '17.03'}]}",
                     action, value),
        &SELF);
}

/* messages */

#define ALICE "'user': 'UALICE', "
#define IN_CHANNEL ALICE "'channel': 'C1', "
#define IN_THREAD IN_CHANNEL "'thread_ts': '16.00', "
#define IN_DIRECT ALICE "'channel': 'D1', 'channel_type': 'im', "

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

/* slash commands */

static void a_slash_command_is_its_text(void **state) {
    (void)state;
    struct heard heard = hear_slash("'command': '/guidepost', 'text': 'deploy a &amp; <https://b.example|b>', "
                                    "'user_id': 'UALICE', 'channel_id': 'C1', 'trigger_id': '1.2.abc', "
                                    "'response_url': 'https://hooks.example.org/c', 'is_enterprise_install': 'false'");
    assert_int_equal(heard.kind, HEARD_COMMAND);
    assert_string_equal(heard.line, "deploy a & b");
    assert_string_equal(heard.user, "UALICE");
    assert_string_equal(heard.team, "T1");
    assert_string_equal(heard.channel, "C1");
    assert_string_equal(heard.key, "slash:T1:1.2.abc");
    assert_string_equal(heard.trigger_id, "1.2.abc");
    assert_string_equal(heard.response_url, "https://hooks.example.org/c");
    assert_true(heard.addressed && !heard.direct && !heard.foreign);
    assert_null(heard.message);

    heard = hear_slash("'command': '/guidepost', 'user_id': 'UALICE', 'channel_id': 'D1', 'trigger_id': '1', "
                       "'response_url': 'file:///etc/passwd'");
    assert_string_equal(heard.line, "");
    assert_true(heard.direct);
    assert_null(heard.response_url);
}

static void a_slash_command_that_makes_no_sense_is_nothing(void **state) {
    (void)state;
    static const char *const CASES[] = {
        "'command': '/other', 'user_id': 'U1', 'trigger_id': '1'",
        "'command': 'guidepost', 'user_id': 'U1', 'trigger_id': '1'",
        "'user_id': 'U1', 'trigger_id': '1'",
        "'command': '/guidepost', 'trigger_id': '1'",
        "'command': '/guidepost', 'user_id': 'U1'",
        "'command': '/guidepost', 'user_id': 'U1', 'trigger_id': 1",
    };
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        assert_int_equal(hear_slash(CASES[i]).kind, HEARD_NOTHING);
    }
}

/* buttons and modals */

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

/* the rest */

static void changed_people_and_groups_are_named(void **state) {
    (void)state;
    static const struct {
        const char *event, *user, *group;
    } CASES[] = {
        {"'type': 'user_change', 'user': {'id': 'UALICE', 'deleted': true}", "UALICE", NULL},
        {"'type': 'team_join', 'user': {'id': 'UBOB'}", "UBOB", NULL},
        {"'type': 'subteam_members_changed', 'subteam_id': 'S1'", NULL, "S1"},
        {"'type': 'subteam_updated', 'subteam': {'id': 'S1'}", NULL, "S1"},
        {"'type': 'user_change', 'user': 'UALICE'", NULL, NULL},
        {"'type': 'subteam_updated'", NULL, NULL},
        {"'type': 'reaction_added', 'user': 'UALICE'", NULL, NULL},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        struct heard heard =
            hear_as("events_api", arena_printf(arena, "{'team_id': 'T1', 'event': {%s}}", CASES[i].event), &SELF);
        assert_int_equal(heard.kind, CASES[i].user || CASES[i].group ? HEARD_CHANGED : HEARD_NOTHING);
        assert_true(str_equal(heard.user, CASES[i].user));
        assert_true(str_equal(heard.group, CASES[i].group));
    }
}

static void the_end_of_the_app_is_heard(void **state) {
    (void)state;
    static const struct {
        const char *event;
        enum heard_kind kind;
    } CASES[] = {
        {"'type': 'app_uninstalled'", HEARD_REVOKED},
        {"'type': 'tokens_revoked', 'tokens': {'oauth': ['U1'], 'bot': ['UBOT']}", HEARD_REVOKED},
        {"'type': 'tokens_revoked', 'tokens': {'oauth': ['U1'], 'bot': []}", HEARD_NOTHING},
        {"'type': 'tokens_revoked'", HEARD_NOTHING},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        struct heard heard =
            hear_as("events_api", arena_printf(arena, "{'team_id': 'T1', 'event': {%s}}", CASES[i].event), &SELF);
        assert_int_equal(heard.kind, CASES[i].kind);
    }
}

static void what_is_for_another_app_is_nothing(void **state) {
    (void)state;
    struct heard_self other = SELF;
    other.app_id = "A2";
    const char *members = IN_DIRECT "'text': 'status'";
    assert_int_equal(hear_as("events_api", message("message", members), &other).kind, HEARD_NOTHING);
    other.app_id = NULL;
    assert_int_equal(hear_as("events_api", message("message", members), &other).kind, HEARD_COMMAND);
}

static void rubbish_is_nothing(void **state) {
    (void)state;
    static const char *const TYPES[] = {"events_api", "slash_commands", "interactive", "hello", "", NULL};
    static const char *const CASES[] = {"{}",
                                        "[]",
                                        "1",
                                        "null",
                                        "'x'",
                                        "{'event': 1}",
                                        "{'event': {'type': []}}",
                                        "[{'event': {}}]",
                                        "{'user': []}",
                                        "{'user': 'x', 'type': 'block_actions', 'actions': {}}"};
    struct heard heard;
    for (size_t i = 0; i < sizeof TYPES / sizeof *TYPES; i++) {
        for (size_t j = 0; j < sizeof CASES / sizeof *CASES; j++) {
            heard = hear_as(TYPES[i], CASES[j], &SELF);
            assert_int_equal(heard.kind, HEARD_NOTHING);
        }
        heard_parse(TYPES[i], NULL, &(struct heard_self){0}, arena, &heard);
        assert_int_equal(heard.kind, HEARD_NOTHING);
        assert_null(heard_check(&heard));
    }
}

static void an_enormous_text_is_handed_on_and_an_enormous_id_is_none(void **state) {
    (void)state;
    enum { SIZE = 60000 };
    char *text = arena_alloc(arena, SIZE + 1);
    memset(text, 'x', SIZE);
    struct heard heard = hear_message("message", arena_printf(arena, IN_DIRECT "'text': '%s'", text));
    assert_int_equal(heard.kind, HEARD_COMMAND);
    assert_int_equal(strlen(heard.line), SIZE);
    heard = hear_message("message", arena_printf(arena, "'user': '%s', 'channel': 'D1', 'text': 'x'", text));
    assert_int_equal(heard.kind, HEARD_NOTHING);
    text[LIMIT_SLACK_ID_BYTES] = '\0';
    heard = hear_message("message", arena_printf(arena, "'user': '%s', 'channel': 'D1', 'text': 'x'", text));
    assert_int_equal(heard.kind, HEARD_COMMAND);
}

/* Copies a tree, but puts `other` in the place of its nth node, or leaves it out if other is NULL. */
static void copy_changed(const struct json *node, const char *key, size_t *nth, const char *other,
                         struct json_out *out) {
    if ((*nth)-- == 0) {
        if (other) {
            json_add_raw(out, key, other);
        }
    } else if (json_is_object(node) || json_is_array(node)) {
        bool object = json_is_object(node);
        (object ? json_object_begin : json_array_begin)(out, key);
        for (const struct json *child = json_first(node); child; child = json_next(child)) {
            copy_changed(child, json_key(child), nth, other, out);
        }
        (object ? json_object_end : json_array_end)(out);
    } else {
        json_add_node(out, key, node);
    }
}

static size_t count_nodes(const struct json *node) {
    size_t count = 1;
    for (const struct json *child = json_first(node); child; child = json_next(child)) {
        count += count_nodes(child);
    }
    return count;
}

static void every_part_may_be_missing_or_of_another_type(void **state) {
    (void)state;
    static const struct {
        const char *type, *payload;
    } GOOD[] = {
        {"events_api",
         "{'api_app_id': 'A1', 'team_id': 'T1', 'enterprise_id': 'E1', 'is_ext_shared_channel': true, 'event': "
         "{'type': "
         "'message', 'ts': '1.0', 'thread_ts': '0.9', 'user': 'U1', 'team': 'T1', 'user_team': 'T2', 'channel': 'C1', "
         "'channel_type': 'channel', 'subtype': 'file_share', 'text': 'retry'}}"},
        {"events_api", "{'team_id': 'T1', 'event': {'type': 'subteam_updated', 'subteam': {'id': 'S1'}}}"},
        {"slash_commands",
         "{'command': '/guidepost', 'text': 'x', 'team_id': 'T1', 'user_id': 'U1', 'trigger_id': '1', "
         "'channel_id': 'C1', 'response_url': 'https://hooks.example.org/c'}"},
        {"interactive",
         "{'type': 'block_actions', 'team': {'id': 'T1'}, 'user': {'id': 'U1', 'team_id': 'T1'}, 'trigger_id': '1', "
         "'enterprise': {'id': 'E1'}, 'response_url': 'https://hooks.example.org/c', 'channel': {'id': 'C1'}, "
         "'container': {'message_ts': '1.0', 'channel_id': 'C1', 'thread_ts': '0.9', 'is_ephemeral': false}, "
         "'actions': [{'action_id': 'gp.retry.note', 'value': 'Q1:1', 'action_ts': '1.1'}]}"},
        {"interactive", "{'type': 'view_submission', 'team': {'id': 'T1'}, 'user': {'id': 'U1'}, 'view': {'id': 'V1', "
                        "'hash': '1', 'callback_id': 'gp.answer', 'private_metadata': 'x', 'state': {}}}"},
    };
    static const char *const OTHERS[] = {NULL, "null", "true", "-1.5", "\"\"", "\"x y\"", "[]", "{}", "[{}]", "\"Q\""};
    for (size_t i = 0; i < sizeof GOOD / sizeof *GOOD; i++) {
        assert_int_not_equal(hear_as(GOOD[i].type, GOOD[i].payload, &SELF).kind, HEARD_NOTHING);
        struct json *good = root;
        root = NULL;
        for (size_t n = 0; n < count_nodes(good); n++) {
            for (size_t j = 0; j < sizeof OTHERS / sizeof *OTHERS; j++) {
                size_t nth = n;
                struct buf text = BUF_INIT(LIMIT_MESSAGE_BYTES);
                copy_changed(good, NULL, &nth, OTHERS[j], &(struct json_out){.buf = &text});
                if (text.size > 0) {
                    (void)hear_as(GOOD[i].type, text.data, &SELF);
                }
                buf_finish(&text);
            }
        }
        json_free(good);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_message_is_a_command_where_it_is_said_to_us, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_reply_in_a_thread_counts_if_it_begins_like_an_answer, set_up, tear_down),
        cmocka_unit_test_setup_teardown(only_fresh_words_of_people_are_commands, set_up, tear_down),
        cmocka_unit_test_setup_teardown(twins_and_repetitions_have_one_key, set_up, tear_down),
        cmocka_unit_test_setup_teardown(who_comes_from_elsewhere_is_marked, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_message_without_a_place_is_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_slash_command_is_its_text, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_slash_command_that_makes_no_sense_is_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_button_says_what_it_is_for, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_value_of_a_button_is_read_strictly, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_click_tells_who_and_where, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_modal_needs_a_trigger, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_modal_that_is_sent_again_after_a_correction_is_another_act, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_modal_comes_back_whole, set_up, tear_down),
        cmocka_unit_test_setup_teardown(changed_people_and_groups_are_named, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_end_of_the_app_is_heard, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_for_another_app_is_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(rubbish_is_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_enormous_text_is_handed_on_and_an_enormous_id_is_none, set_up, tear_down),
        cmocka_unit_test_setup_teardown(every_part_may_be_missing_or_of_another_type, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
