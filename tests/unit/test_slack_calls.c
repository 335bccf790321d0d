/* Calls of the Web API of Slack: how they look, how they end, and what is final. */

#include "fakes/calls_test.h"

#include "base/limits.h"
#include "base/mem.h"

static void a_reply_tells_the_scopes_of_the_token(void **state) {
    (void)state;
    static const struct line script[] = {{200, OK, NULL}, {200, "{\"ok\":false,\"error\":\"missing_scope\"}", NULL}};
    struct rig rig = {.script = script, .script_count = 2, .scopes = "chat:write,users:read"};
    struct result said, refused, silent;
    rig_open(&rig, false);
    call(&rig, (struct call){.method = CALL_AUTH_TEST}, &said);
    rig_wait(&rig);
    call(&rig, (struct call){.method = CALL_AUTH_TEST}, &refused);
    rig_wait(&rig);
    rig.scopes = NULL;
    call(&rig, (struct call){.method = CALL_AUTH_TEST}, &silent);
    rig_wait(&rig);
    assert_string_equal(said.scopes, "chat:write,users:read");
    assert_false(refused.ok);
    assert_string_equal(refused.scopes, "chat:write,users:read");
    assert_true(silent.ok);
    assert_string_equal(silent.scopes, "");
    rig_close(&rig);
}

static void a_method_has_its_token_and_its_form(void **state) {
    (void)state;
    struct rig rig = {0};
    struct result open, info, said;
    rig_open(&rig, false);
    call(&rig, (struct call){.method = CALL_APPS_CONNECTIONS_OPEN}, &open);
    rig_wait(&rig);
    const struct call_field fields[] = {{"channel", "C1 & \xc3\xa9=+/~"}, {"include_all_metadata", "true"}};
    call(&rig, (struct call){.method = CALL_CONVERSATIONS_HISTORY, .fields = fields, .field_count = 2}, &info);
    rig_wait(&rig);
    post(&rig, "C1", CALL_REPLY, "{\"text\":\"hi\"}", &said);
    rig_wait(&rig);
    static const struct seen want[] = {
        {0, "/api/apps.connections.open", "", "Bearer xapp-secret", "application/x-www-form-urlencoded"},
        {0, "/api/conversations.history", "channel=C1%20%26%20%C3%A9%3D%2B%2F~&include_all_metadata=true",
         "Bearer xoxb-secret", "application/x-www-form-urlencoded"},
        {0, "/api/chat.postMessage", "{\"text\":\"hi\"}", "Bearer xoxb-secret", "application/json; charset=utf-8"},
    };
    assert_int_equal(rig.seen_count, 3);
    for (size_t i = 0; i < 3; i++) {
        assert_string_equal(rig.seen[i].path, want[i].path);
        assert_string_equal(rig.seen[i].body, want[i].body);
        assert_string_equal(rig.seen[i].authorization, want[i].authorization);
        assert_string_equal(rig.seen[i].type, want[i].type);
    }
    assert_true(said.ok && said.count == 1);
    assert_string_equal(said.ts, "1.1");
    rig_close(&rig);
}

static void a_response_url_works_five_times_without_a_token(void **state) {
    (void)state;
    static const struct line script[] = {{200, "ok", NULL}, {404, "{\"ok\":false,\"error\":\"used_url\"}", NULL}};
    struct rig rig = {.script = script, .script_count = 2};
    struct result results[LIMIT_SLACK_RESPONSES + 1];
    rig_open(&rig, false);
    char url[64];
    (void)snprintf(url, sizeof url, "http://%s/respond/T1/secret", web_address(rig.web));
    for (size_t i = 0; i <= LIMIT_SLACK_RESPONSES; i++) {
        results[i] = (struct result){.rig = &rig};
        rig.wanted++;
        calls_respond(rig.calls, url, "{\"text\":\"x\"}", came, &results[i]);
        assert_int_equal(results[i].count, 0);
        rig_wait(&rig);
    }
    assert_int_equal(rig.seen_count, LIMIT_SLACK_RESPONSES);
    assert_string_equal(rig.seen[0].path, "/respond/T1/secret");
    assert_string_equal(rig.seen[0].authorization, "");
    assert_true(results[0].ok);
    assert_string_equal(results[1].error, "used_url");
    assert_true(results[2].ok);
    assert_string_equal(results[LIMIT_SLACK_RESPONSES].error, "used_up");
    rig_close(&rig);
}

static void a_no_is_final_and_an_end_of_the_token_is_fatal(void **state) {
    (void)state;
    static const struct line script[] = {
        {200, "{\"ok\":false,\"error\":\"channel_not_found\"}", NULL},
        {200, "{\"ok\":false,\"error\":\"missing_scope\",\"needed\":\"usergroups:read\"}", NULL},
        {200, "{\"ok\":false,\"error\":\"token_revoked\"}", NULL}};
    struct rig rig = {.script = script, .script_count = 3};
    struct result said, group, test;
    rig_open(&rig, false);
    post(&rig, "C9", CALL_REPLY, "{}", &said);
    rig_wait(&rig);
    call(&rig, (struct call){.method = CALL_USERGROUPS_USERS_LIST}, &group);
    rig_wait(&rig);
    call(&rig, (struct call){.method = CALL_AUTH_TEST}, &test);
    rig_wait(&rig);
    assert_int_equal(rig.seen_count, 3);
    assert_string_equal(said.error, "channel_not_found");
    assert_false(said.fatal || said.maybe || group.fatal);
    assert_string_equal(group.detail, "needs the scope usergroups:read");
    assert_string_equal(test.error, "token_revoked");
    assert_true(test.fatal);
    rig_close(&rig);
}

static void sends_another(const struct call_reply *reply, void *user) {
    struct result *result = user;
    came(reply, result);
    calls_send(result->rig->calls, &(struct call){.method = CALL_AUTH_TEST}, NULL, NULL);
}

static void destroying_ends_every_call(void **state) {
    (void)state;
    struct line script[MANY] = {{0}};
    struct rig rig = {.script = script, .script_count = MANY};
    struct result results[LIMIT_SLACK_IN_FLIGHT + 4];
    const size_t count = sizeof results / sizeof results[0];
    rig_open(&rig, true);
    for (size_t i = 0; i < count; i++) {
        results[i] = (struct result){.rig = &rig};
        rig.wanted++;
        calls_send(rig.calls, &(struct call){.method = CALL_CHAT_POST_MESSAGE}, sends_another, &results[i]);
    }
    rig_until(&rig, LIMIT_SLACK_IN_FLIGHT);
    calls_destroy(rig.calls);
    rig.calls = NULL;
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(results[i].count, 1);
        assert_string_equal(results[i].error, "closed");
        assert_true(results[i].maybe == (i < LIMIT_SLACK_IN_FLIGHT));
    }
    calls_destroy(NULL);
    rig_close(&rig);

    /* With a turn of the loop asked for. */
    rig = (struct rig){0};
    rig_open(&rig, false);
    struct result replaced, waits;
    update(&rig, "m", "{}", &replaced);
    update(&rig, "m", "{}", &waits);
    rig_close(&rig);
    assert_string_equal(replaced.error, "replaced");
    assert_string_equal(waits.error, "closed");
    assert_false(waits.maybe);
}

static void too_many_calls_are_refused(void **state) {
    (void)state;
    struct rig rig = {0};
    rig_open(&rig, false);
    struct result last, *waiting = mem_array(LIMIT_SLACK_WAITING, sizeof *waiting);
    for (size_t i = 0; i < LIMIT_SLACK_WAITING; i++) {
        post(&rig, "C1", CALL_PROGRESS, "{}", &waiting[i]);
    }
    rig.wanted = 0;
    post(&rig, "C1", CALL_QUESTION, "{}", &last);
    rig_wait(&rig);
    assert_string_equal(last.error, "full");
    assert_false(last.maybe);
    rig_close(&rig);
    for (size_t i = 0; i < LIMIT_SLACK_WAITING; i++) {
        assert_int_equal(waiting[i].count, 1);
    }
    mem_free(waiting);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_reply_tells_the_scopes_of_the_token),
        cmocka_unit_test(a_method_has_its_token_and_its_form),
        cmocka_unit_test(a_response_url_works_five_times_without_a_token),
        cmocka_unit_test(a_no_is_final_and_an_end_of_the_token_is_fatal),
        cmocka_unit_test(destroying_ends_every_call),
        cmocka_unit_test(too_many_calls_are_refused),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
