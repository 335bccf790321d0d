/* Against a small Slack in the same process: what one person alone shall read, and what is logged when that fails. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/str.h"
#include "chat/slack/whisper.h"
#include "net/loop.h"
#include "net/web.h"

enum { MANY = 8, ENOUGH_MS = 300 };

#define OK "{\"ok\":true}"

struct rig {
    struct loop *loop;
    struct web *web;
    struct calls *calls;
    int status;           /* of the response_url */
    const char *response; /* its answer */
    const char *answer;   /* of the methods */
    char paths[MANY][64], bodies[MANY][512];
    size_t seen;
    char url[64];
    char log[4096]; /* what was logged meanwhile */
};

static void handle(struct web_request *request, void *user) {
    struct rig *rig = user;
    bool method = str_starts(web_path(request), "/api/");
    const char *body = method ? rig->answer : rig->response;
    assert_true(rig->seen < MANY);
    (void)snprintf(rig->paths[rig->seen], sizeof rig->paths[0], "%s", web_path(request));
    (void)snprintf(rig->bodies[rig->seen++], sizeof rig->bodies[0], "%s", web_body(request, NULL));
    web_answer(request, method ? 200 : rig->status, NULL, 0, body, strlen(body));
}

static void stop(void *user) {
    loop_stop(user);
}

/* Says it, gives it time, and ends. */
static void run(struct rig *rig, struct whisper whisper, bool by_url) {
    struct err err = {0};
    char api[64];
    rig->loop = loop_create();
    const struct web_options web = {.listen = "127.0.0.1:0", .handle = handle, .user = rig};
    assert_int_equal(web_create(rig->loop, &web, &rig->web, &err), 0);
    (void)snprintf(api, sizeof api, "http://%s/api", web_address(rig->web));
    (void)snprintf(rig->url, sizeof rig->url, "http://%s/respond", web_address(rig->web));
    rig->calls = calls_create(rig->loop, &(struct calls_options){.api_url = api, .bot_token = "xoxb-secret"});
    FILE *log = tmpfile();
    int standard = dup(STDERR_FILENO);
    (void)fflush(stderr);
    assert_true(dup2(fileno(log), STDERR_FILENO) >= 0);

    whisper.response_url = by_url ? rig->url : NULL;
    whisper_send(rig->calls, &whisper, &(struct operation_reply){.text = "Nothing was done."}, COMMAND_NONE);
    struct timer *timer = loop_timer(rig->loop, stop, rig->loop);
    timer_start(timer, ENOUGH_MS);
    loop_run(rig->loop);
    timer_destroy(timer);
    calls_destroy(rig->calls);
    web_destroy(rig->web);
    assert_true(loop_destroy(rig->loop));

    (void)fflush(stderr);
    assert_true(dup2(standard, STDERR_FILENO) >= 0);
    (void)close(standard);
    rewind(log);
    rig->log[fread(rig->log, 1, sizeof rig->log - 1, log)] = '\0';
    (void)fclose(log);
}

static void the_address_of_a_click_is_enough(void **state) {
    (void)state;
    struct rig rig = {.status = 200, .response = "ok", .answer = OK};
    run(&rig, (struct whisper){.user = "U1", .channel = "C1"}, true);
    assert_int_equal(rig.seen, 1);
    assert_string_equal(rig.paths[0], "/respond");
    assert_non_null(strstr(rig.bodies[0], "\"response_type\":\"ephemeral\""));
}

static void without_one_it_is_said_where_they_are(void **state) {
    (void)state;
    struct rig rig = {.answer = OK};
    run(&rig, (struct whisper){.user = "U1", .channel = "C1", .thread = "1.2"}, false);
    assert_string_equal(rig.paths[0], "/api/chat.postEphemeral");
    assert_non_null(strstr(rig.bodies[0], "\"channel\":\"C1\",\"user\":\"U1\",\"thread_ts\":\"1.2\""));
}

static void who_is_nowhere_is_told_directly(void **state) {
    (void)state;
    struct rig rig = {.answer = OK};
    run(&rig, (struct whisper){.user = "U1"}, false);
    assert_string_equal(rig.paths[0], "/api/chat.postMessage");
    assert_non_null(strstr(rig.bodies[0], "\"channel\":\"U1\""));
}

static void an_address_that_is_used_up_is_no_reason_for_silence(void **state) {
    (void)state;
    struct rig rig = {.status = 404, .response = "{\"ok\":false,\"error\":\"used_url\"}", .answer = OK};
    run(&rig, (struct whisper){.user = "U1", .channel = "C1"}, true);
    assert_int_equal(rig.seen, 2);
    assert_string_equal(rig.paths[1], "/api/chat.postEphemeral");
    assert_non_null(strstr(rig.log, "used_url"));
}

static void what_slack_refuses_to_show_is_logged(void **state) {
    (void)state;
    struct rig rig = {.answer = "{\"ok\":false,\"error\":\"user_not_in_channel\"}"};
    run(&rig, (struct whisper){.user = "U1", .channel = "C1"}, false);
    assert_non_null(strstr(rig.log, "could not be shown where it was asked for"));
    assert_non_null(strstr(rig.log, "chat.postMessage"));
    assert_non_null(strstr(rig.log, "user_not_in_channel"));
}

static void where_we_are_no_member_they_are_told_directly(void **state) {
    (void)state;
    static const struct {
        const char *channel, *path;
        bool direct;
    } cases[] = {{"C1", "/api/chat.postEphemeral", false}, {"D1", "/api/chat.postMessage", true}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct rig rig = {.answer = "{\"ok\":false,\"error\":\"not_in_channel\"}"};
        run(&rig,
            (struct whisper){.user = "U1", .channel = cases[i].channel, .thread = "1.2", .direct = cases[i].direct},
            false);
        assert_int_equal(rig.seen, 2);
        assert_string_equal(rig.paths[0], cases[i].path);
        assert_string_equal(rig.paths[1], "/api/chat.postMessage");
        assert_non_null(strstr(rig.bodies[1], "{\"channel\":\"U1\",\"text\""));
        assert_non_null(strstr(rig.bodies[1], "Nothing was done."));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_address_of_a_click_is_enough),
        cmocka_unit_test(without_one_it_is_said_where_they_are),
        cmocka_unit_test(who_is_nowhere_is_told_directly),
        cmocka_unit_test(an_address_that_is_used_up_is_no_reason_for_silence),
        cmocka_unit_test(what_slack_refuses_to_show_is_logged),
        cmocka_unit_test(where_we_are_no_member_they_are_told_directly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
