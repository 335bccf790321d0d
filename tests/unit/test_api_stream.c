/* Replies that come later than their request: changes that are streamed, and operations that take their time. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "api/api.h"
#include "base/arena.h"
#include "fakes/api_client.h"
#include "fakes/api_rig.h"
#include "fakes/leader.h"
#include "fakes/store_rig.h"

static void stream_open(struct api_client *client, const char *more) {
    const char *text = arena_printf(api_rig.arena, "GET /v1/events HTTP/1.1\r\nHost: %s\r\n" BOB "%s\r\n",
                                    api_address(api_rig.api, 0), more);
    api_client_open(client, text, strlen(text));
}

static void stream_wait(struct api_client *client, const char *wanted) {
    client->wanted = wanted;
    rig_until(&api_rig.store, api_client_has, client);
    assert_false(client->over);
}

static void changes_are_streamed_and_resumed(void **state) {
    (void)state;
    struct api_client client;
    stream_open(&client, "");
    stream_wait(&client, "event: reset");
    assert_non_null(strcasestr(client.got.data, "text/event-stream"));
    assert_non_null(strcasestr(client.got.data, "x-accel-buffering: no"));
    rig_run_ms(&api_rig.store, 100);
    assert_int_equal(leader_create(&api_rig.leader, "deploys"), 1);
    stream_wait(&client, "event: deployment\ndata: {\"id\":1}\n\n");
    const char *id = strstr(client.got.data, "id: ");
    const char *last = arena_strndup(api_rig.arena, id + 4, strcspn(id + 4, "\n"));
    api_client_close(&client);
    assert_int_equal(leader_create(&api_rig.leader, "deploys"), 2);
    stream_open(&client, arena_printf(api_rig.arena, "Last-Event-ID: %s\r\n", last));
    stream_wait(&client, "data: {\"id\":2}");
    assert_null(strstr(client.got.data, "{\"id\":1}"));
    api_client_close(&client);
    stream_open(&client, "Last-Event-ID: 99999999999999-0\r\n");
    stream_wait(&client, "event: reset");
    api_client_close(&client);
}

/* A command whose reply is held back. */
static void ask_and_be_held(struct api_client *client) {
    api_rig.hold = true;
    const char *text = arena_printf(api_rig.arena,
                                    "POST /v1/commands HTTP/1.1\r\nHost: %s\r\n" ALICE
                                    "Content-Length: 18\r\n\r\n{\"line\": \"status\"}",
                                    api_address(api_rig.api, 0));
    api_client_open(client, text, strlen(text));
    api_rig.held = NULL;
    while (api_rig.held == NULL) {
        rig_run_ms(&api_rig.store, 5);
    }
}

static void a_stop_ends_streams_and_forgets_requests(void **state) {
    (void)state;
    struct api_client stream, request;
    stream_open(&stream, "");
    stream_wait(&stream, "event: reset");
    ask_and_be_held(&request);
    api_rig_close();
    /* The reply comes when nobody is there any more. */
    const struct operation_reply reply = {.text = "Late."};
    api_rig.held(&reply, api_rig.held_user);
    api_client_close(&stream);
    api_client_close(&request);
}

static void a_reply_to_a_client_that_has_gone_does_no_harm(void **state) {
    (void)state;
    struct api_client client;
    ask_and_be_held(&client);
    api_client_close(&client);
    rig_run_ms(&api_rig.store, 50);
    const struct operation_reply reply = {.text = "Late."};
    api_rig.held(&reply, api_rig.held_user);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        api_test(changes_are_streamed_and_resumed),
        api_test(a_stop_ends_streams_and_forgets_requests),
        api_test(a_reply_to_a_client_that_has_gone_does_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
