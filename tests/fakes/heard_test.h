#ifndef GP_TESTS_HEARD_TEST_H
#define GP_TESTS_HEARD_TEST_H

/*
 * What every test of what Slack says begins with: include it first, and run the tests with heard_test(name). JSON is
 * written with ' instead of " in these tests, so that it can be read. All that is heard is checked as the fuzzer does.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "fuzz/heard_check.h"

static const struct heard_self SELF = {.app_id = "A1", .team = "T1", .user = "UBOT", .command = "/guidepost"};

static struct arena *arena;
static struct json *root;

static inline int set_up(void **state) {
    (void)state;
    arena = arena_create();
    return 0;
}

static inline int tear_down(void **state) {
    (void)state;
    json_free(root);
    root = NULL;
    arena_destroy(arena);
    return 0;
}

#define heard_test(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

/* Whose words they are, and where: members of a message. */
#define ALICE "'user': 'UALICE', "
#define IN_DIRECT ALICE "'channel': 'D1', 'channel_type': 'im', "

static inline struct heard hear_as(const char *type, const char *json, const struct heard_self *self) {
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
static inline const char *message(const char *type, const char *members) {
    return arena_printf(arena,
                        "{'type': 'event_callback', 'api_app_id': 'A1', 'team_id': 'T1', 'event_id': 'Ev1', 'event': "
                        "{'type': '%s', 'ts': '17.01', 'team': 'T1', %s}}",
                        type, members);
}

static inline struct heard hear_message(const char *type, const char *members) {
    return hear_as("events_api", message(type, members), &SELF);
}

static inline struct heard hear_slash(const char *members) {
    return hear_as("slash_commands", arena_printf(arena, "{'api_app_id': 'A1', 'team_id': 'T1', %s}", members), &SELF);
}

static inline struct heard hear_action(const char *action, const char *value) {
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

#endif
