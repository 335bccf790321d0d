#include "fakes/view_test.h"

#include "base/json.h"
#include "chat/slack/blocks.h"
#include "fuzz/heard_check.h"
#include "slack_limits.h"

enum { MESSAGE_BYTES = 1 << 20 };

static const struct card *closing_card(void) {
    return view_closing(&d, records, record_count, arena);
}

static void fail_install(bool unknown) {
    begin();
    succeed(FETCH, 0);
    succeed(INSTALL, 0);
    succeed(INSTALL, 1);
    if (unknown) {
        lose(INSTALL, 2);
    } else {
        break_down(INSTALL, 2);
    }
    answer(42, GUIDANCE_FAIL, "alice", NULL);
    assert_int_equal(d.state, DEPLOYMENT_FAILED);
}

static const char *drawn(const struct card *card) {
    struct buf json = BUF_INIT(MESSAGE_BYTES);
    struct json_out out = {.buf = &json};
    json_object_begin(&out, NULL);
    blocks_card(card, NULL, "https://deploy.example.org", &out);
    json_object_end(&out);
    const char *text = arena_strdup(arena, json.data);
    buf_finish(&json);
    assert_null(slack_limits_message(text));
    return text;
}

static struct heard clicked(const char *action, const char *value) {
    struct json *root = NULL;
    struct heard heard;
    const char *text = arena_printf(
        arena,
        "{\"type\": \"block_actions\", \"team\": {\"id\": \"T1\"}, \"user\": {\"id\": \"U1\"}, \"container\": "
        "{\"message_ts\": \"1.2\", \"channel_id\": \"C1\"}, \"actions\": [{\"action_id\": \"%s\", \"value\": \"%s\", "
        "\"action_ts\": \"1.3\"}]}",
        action, value);
    assert_int_equal(json_parse(text, strlen(text), &root, NULL), 0);
    heard_parse("interactive", root, &(struct heard_self){.team = "T1"}, arena, &heard);
    assert_null(heard_check(&heard));
    json_free(root);
    return heard;
}

static void what_failed_offers_to_go_on(void **state) {
    (void)state;
    fail_install(false);
    const struct card *card = closing_card();
    assert_int_equal(card->action_count, 1);
    const struct card_action *action = &card->actions[0];
    assert_string_equal(action->verb, "resume");
    assert_string_equal(action->label, "Resume");
    assert_true(action->confirm && !action->danger);
    assert_string_equal(action->consequence, "Goes on with Install on web-3 in a new deployment of 1.4.2. What was "
                                             "done is not repeated.");
}

static void what_is_unknown_is_said_before_it_runs_again(void **state) {
    (void)state;
    fail_install(true);
    const struct card_action *action = &closing_card()->actions[0];
    assert_string_equal(action->verb, "rerun-unknown");
    assert_string_equal(action->label, "Resume, run it again");
    assert_true(action->confirm && action->danger);
    assert_non_null(strstr(action->consequence, "The outcome of Install on web-3 is unknown: it may have happened"));
}

static void what_was_resumed_or_worked_offers_nothing(void **state) {
    (void)state;
    fail_install(false);
    d.resumed_by = 312;
    assert_int_equal(closing_card()->action_count, 0);
    record_count = 0;
    begin();
    succeed(FETCH, 0);
    for (size_t i = 0; i < 3; i++) {
        succeed(INSTALL, i);
    }
    succeed(SMOKE, 0);
    assert_int_equal(d.state, DEPLOYMENT_SUCCEEDED);
    assert_int_equal(closing_card()->action_count, 0);
}

static void its_button_names_the_deployment(void **state) {
    (void)state;
    fail_install(false);
    const char *json = drawn(closing_card());
    assert_non_null(strstr(json, "\"action_id\":\"gp.resume\",\"value\":\"D311\""));
    assert_non_null(strstr(json, "Goes on with Install on web-3 in a new deployment of 1.4.2."));
    assert_non_null(strstr(json, "\"text\":\"Leave it\""));
    assert_null(strstr(json, "gp.choose"));
    assert_non_null(strstr(json, "resume D311"));
}

static void its_click_is_heard(void **state) {
    (void)state;
    struct heard heard = clicked("gp.resume", "D311");
    assert_int_equal(heard.kind, HEARD_RESUME);
    assert_string_equal(heard.verb, "resume");
    assert_int_equal(heard.deployment, 311);
    heard = clicked("gp.rerun-unknown", "D311");
    assert_int_equal(heard.kind, HEARD_RESUME);
    assert_string_equal(heard.verb, "rerun-unknown");
}

static void a_click_that_names_no_deployment_is_nothing(void **state) {
    (void)state;
    static const char *const values[] = {"Q42:3", "D0", "D", "D311:1", "D311 ", "d311", "311", ""};
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        assert_int_equal(clicked("gp.resume", values[i]).kind, HEARD_NOTHING);
    }
    assert_int_equal(clicked("gp.retry", "D311").kind, HEARD_NOTHING);
    assert_int_equal(clicked("gp.resume.note", "D311").kind, HEARD_NOTHING);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        view_test(what_failed_offers_to_go_on),
        view_test(what_is_unknown_is_said_before_it_runs_again),
        view_test(what_was_resumed_or_worked_offers_nothing),
        view_test(its_button_names_the_deployment),
        view_test(its_click_is_heard),
        view_test(a_click_that_names_no_deployment_is_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
