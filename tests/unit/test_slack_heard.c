/* What comes from Slack: slash commands, news of people and of the app, and anything that makes no sense. */

#include "fakes/heard_test.h"

#include "base/limits.h"

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
        heard_test(a_slash_command_is_its_text),
        heard_test(a_slash_command_that_makes_no_sense_is_nothing),
        heard_test(changed_people_and_groups_are_named),
        heard_test(the_end_of_the_app_is_heard),
        heard_test(what_is_for_another_app_is_nothing),
        heard_test(rubbish_is_nothing),
        heard_test(an_enormous_text_is_handed_on_and_an_enormous_id_is_none),
        heard_test(every_part_may_be_missing_or_of_another_type),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
