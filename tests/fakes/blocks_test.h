#ifndef GP_TESTS_BLOCKS_TEST_H
#define GP_TESTS_BLOCKS_TEST_H

/*
 * What every test of cards in Slack begins with: include it first, and run the tests with view_test(name). What is
 * drawn is checked against all limits that Slack sets.
 */

#include "fakes/view_test.h"

#include "base/json.h"
#include "chat/slack/blocks.h"
#include "fakes/pieces.h"
#include "unit/slack_limits.h"

enum { MESSAGE_BYTES = 4 << 20 };
static const char URL[] = "https://deploy.example.org";
static const char *carol_and_bob[] = {"carol", "bob"};

static inline const char *person_id(const char *person, void *user) {
    (void)user;
    return str_equal(person, "alice")     ? "U012ALICE"
           : str_equal(person, "carol")   ? "U012CAROL"
           : str_equal(person, "bob")     ? "U012BOB"
           : str_equal(person, "mallory") ? "U1> <!channel"
                                          : NULL;
}

static inline const char *group_id(const char *team, void *user) {
    (void)user;
    return str_equal(team, "web-oncall") ? "S0WEBONCALL" : NULL;
}

static inline struct plan_names members_of(const char *team, void *user) {
    (void)user;
    return str_equal(team, "release-managers") ? (struct plan_names){carol_and_bob, 2} : (struct plan_names){0};
}

static const struct slack_names names = {.person = person_id, .group = group_id, .members = members_of};

static inline const char *keep(struct buf *json) {
    assert_false(json->overflow);
    const char *text = arena_strdup(arena, json->data);
    buf_finish(json);
    const char *broken = slack_limits_message(text);
    if (broken != NULL) {
        fail_msg("%s in %.3000s", broken, text);
    }
    return text;
}

static inline const char *drawn(const struct card *card, const char *url) {
    struct buf json = BUF_INIT(MESSAGE_BYTES);
    struct json_out out = {.buf = &json};
    json_object_begin(&out, NULL);
    blocks_card(card, &names, url, &out);
    json_object_end(&out);
    return keep(&json);
}

static inline const char *replied(const char *text, enum command_id command, enum err_code code) {
    struct buf json = BUF_INIT(MESSAGE_BYTES);
    struct json_out out = {.buf = &json};
    struct err err = {.code = code};
    struct operation_reply reply = {.text = text, .err = code == ERR_NONE ? NULL : &err};
    json_object_begin(&out, NULL);
    blocks_reply(&reply, command, &out);
    json_object_end(&out);
    return keep(&json);
}

static inline void fail_on_web_3(void) {
    steps[INSTALL].guided.confirm = GUIDANCE_EXCLUDE | GUIDANCE_FAIL;
    steps[INSTALL].guided.note_required = GUIDANCE_IGNORE;
    steps[INSTALL].guided.runbook = "https://wiki.example.org/install?a=1&b=2";
    begin();
    succeed(FETCH, 0);
    succeed(INSTALL, 0);
    succeed(INSTALL, 1);
    break_down(INSTALL, 2);
}

#endif
