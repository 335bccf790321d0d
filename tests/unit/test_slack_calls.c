/* Against a small Slack in the same process, which answers each request with the next line of a script. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "chat/slack/calls.h"
#include "net/loop.h"
#include "net/web.h"

enum { MANY = 64, PATIENCE_MS = 20000 };

#define OK "{\"ok\":true,\"ts\":\"1.1\"}"

/* An answer of the script. */
struct line {
    int status; /* 0 = never */
    const char *body, *retry_after;
};

/* What Slack has seen. */
struct seen {
    int64_t at_ms;
    char path[64], body[256], authorization[64], type[64];
};

struct rig {
    struct loop *loop;
    struct web *web;
    struct calls *calls;
    const struct line *script; /* what is beyond it is answered OK */
    size_t script_count;
    const char *scopes; /* of the token, as each answer says; or NULL */
    struct seen seen[MANY];
    size_t seen_count;
    int wanted;
    struct web_request *held[MANY]; /* those that are never answered, until they are let go */
    size_t held_count;
};

/* What came of a call. */
struct result {
    struct rig *rig;
    int count;
    bool ok, maybe, fatal;
    char error[64], detail[128], ts[16], scopes[64];
    int order; /* 1 = the first callback */
    int64_t at_ms;
};

static int callbacks;

static void note(char *out, size_t capacity, const char *text) {
    (void)snprintf(out, capacity, "%s", text != NULL ? text : "");
}

static void handle(struct web_request *request, void *user) {
    struct rig *rig = user;
    assert_true(rig->seen_count < MANY);
    size_t index = rig->seen_count++;
    struct seen *seen = &rig->seen[index];
    seen->at_ms = clock_monotonic_ms();
    note(seen->path, sizeof seen->path, web_path(request));
    note(seen->body, sizeof seen->body, web_body(request, NULL));
    note(seen->authorization, sizeof seen->authorization, web_header(request, "Authorization"));
    note(seen->type, sizeof seen->type, web_header(request, "Content-Type"));
    assert_string_equal(web_method(request), "POST");
    const struct line line = index < rig->script_count ? rig->script[index] : (struct line){200, OK, NULL};
    if (line.status == 0) {
        rig->held[rig->held_count++] = request;
    } else {
        struct web_header_line headers[2];
        size_t count = 0;
        if (line.retry_after != NULL) {
            headers[count++] = (struct web_header_line){"Retry-After", line.retry_after};
        }
        if (rig->scopes != NULL) {
            headers[count++] = (struct web_header_line){"x-oauth-scopes", rig->scopes};
        }
        web_answer(request, line.status, headers, count, line.body, strlen(line.body));
    }
}

static void gone(struct web_request *request, void *user) {
    struct rig *rig = user;
    for (size_t i = 0; i < rig->held_count; i++) {
        rig->held[i] = rig->held[i] == request ? NULL : rig->held[i];
    }
}

static void rig_open(struct rig *rig, bool unpaced) {
    struct err err = {0};
    char url[64];
    callbacks = 0;
    rig->loop = loop_create();
    if (web_create(rig->loop,
                   &(struct web_options){.listen = "127.0.0.1:0", .handle = handle, .gone = gone, .user = rig},
                   &rig->web, &err) != 0) {
        fail_msg("%s", err.text);
    }
    (void)snprintf(url, sizeof url, "http://%s/api", web_address(rig->web));
    const struct calls_options options = {
        .api_url = url, .app_token = "xapp-secret", .bot_token = "xoxb-secret", .unpaced = unpaced};
    rig->calls = calls_create(rig->loop, &options);
}

static void rig_close(struct rig *rig) {
    calls_destroy(rig->calls);
    web_destroy(rig->web);
    assert_true(loop_destroy(rig->loop));
}

static void patience_ended(void *user) {
    (void)user;
    fail_msg("the loop did not get what it waited for");
}

static void rig_wait(struct rig *rig) {
    struct timer *patience = loop_timer(rig->loop, patience_ended, NULL);
    timer_start(patience, PATIENCE_MS);
    if (rig->wanted > 0) {
        loop_run(rig->loop);
    }
    timer_destroy(patience);
}

static void stop(void *user) {
    loop_stop(user);
}

static void rig_run_for(struct rig *rig, int64_t ms) {
    struct timer *timer = loop_timer(rig->loop, stop, rig->loop);
    timer_start(timer, ms);
    loop_run(rig->loop);
    timer_destroy(timer);
}

/* Until Slack has got so many requests. */
static void rig_until(struct rig *rig, size_t requests) {
    int64_t begun_ms = clock_monotonic_ms();
    while (rig->seen_count < requests) {
        assert_true(clock_monotonic_ms() - begun_ms < PATIENCE_MS);
        rig_run_for(rig, 5);
    }
}

static void came(const struct call_reply *reply, void *user) {
    struct result *result = user;
    result->count++;
    result->ok = reply->ok;
    result->maybe = reply->maybe;
    result->fatal = reply->fatal;
    result->order = ++callbacks;
    result->at_ms = clock_monotonic_ms();
    assert_true(reply->ok == (reply->error == NULL));
    note(result->error, sizeof result->error, reply->error);
    (void)snprintf(result->detail, sizeof result->detail, "%.127s", reply->detail);
    note(result->scopes, sizeof result->scopes, reply->scopes);
    note(result->ts, sizeof result->ts, json_string(json_get(reply->body, "ts")));
    if (--result->rig->wanted == 0) {
        loop_stop(result->rig->loop);
    }
}

static void call(struct rig *rig, struct call given, struct result *result) {
    *result = (struct result){.rig = rig};
    rig->wanted++;
    calls_send(rig->calls, &given, came, result);
    assert_int_equal(result->count, 0);
}

static void post(struct rig *rig, const char *channel, enum call_priority priority, const char *json,
                 struct result *result) {
    call(rig, (struct call){.method = CALL_CHAT_POST_MESSAGE, .json = json, .channel = channel, .priority = priority},
         result);
}

static void update(struct rig *rig, const char *key, const char *json, struct result *result) {
    call(rig, (struct call){.method = CALL_CHAT_UPDATE, .json = json, .key = key}, result);
}

/* How a call looks. */

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

/* Order and pace. */

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

/* Limits and faults. */

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

/* The end. */

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

static int set_up(void **state) {
    (void)state;
    unsetenv("http_proxy");
    unsetenv("all_proxy");
    unsetenv("ALL_PROXY");
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_reply_tells_the_scopes_of_the_token),
        cmocka_unit_test(a_method_has_its_token_and_its_form),
        cmocka_unit_test(a_response_url_works_five_times_without_a_token),
        cmocka_unit_test(questions_go_before_replies_and_replies_before_progress),
        cmocka_unit_test(a_channel_has_a_burst_and_then_one_message_a_second),
        cmocka_unit_test(edits_of_a_message_are_coalesced_and_the_last_is_sent),
        cmocka_unit_test(an_edit_waits_for_the_one_before_it_and_takes_over_when_that_fails),
        cmocka_unit_test(a_call_takes_the_place_and_the_pause_of_the_one_that_it_replaces),
        cmocka_unit_test(views_open_waits_for_nobody),
        cmocka_unit_test(without_a_pace_nothing_waits),
        cmocka_unit_test(retry_after_holds_the_channel_or_the_method_and_nothing_else),
        cmocka_unit_test(a_limit_that_outlasts_the_deadline_ends_the_call_at_once),
        cmocka_unit_test(a_fault_is_tried_again_until_it_is_over),
        cmocka_unit_test(a_call_that_is_made_once_waits_for_a_limit_and_for_no_fault),
        cmocka_unit_test(an_attempt_that_may_have_done_it_is_not_forgotten),
        cmocka_unit_test(a_post_of_unknown_end_is_reported_and_not_repeated),
        cmocka_unit_test(a_post_that_surely_did_not_happen_is_repeated),
        cmocka_unit_test(a_no_is_final_and_an_end_of_the_token_is_fatal),
        cmocka_unit_test(destroying_ends_every_call),
        cmocka_unit_test(too_many_calls_are_refused),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
