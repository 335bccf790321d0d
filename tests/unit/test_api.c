/* The door of the API: who may come in, what strangers hear, and what is there for all. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/json.h"
#include "base/str.h"
#include "fakes/api_client.h"
#include "fakes/api_rig.h"

static void the_door_is_watched_before_anything_else(void **state) {
    (void)state;
    api_expect("GET", "/livez", "Host: evil.example\r\n", NULL, 403);
    api_expect("GET", "/api/tasks", "Host: evil.example\r\n" ALICE, NULL, 403);
    api_expect("GET", "/v1/me", "Origin: http://evil.example\r\n" ALICE, NULL, 403);
    api_expect("GET", "/v1/events", "Origin: null\r\n" ALICE, NULL, 403);
    api_expect("GET", "/nothing", "Sec-Fetch-Site: cross-site\r\n", NULL, 403);
    api_expect("GET", "/livez", "", NULL, 200);
}

static void errors_have_the_shape_of_their_family(void **state) {
    (void)state;
    struct api_answer answer = api_get("/v1/nothing", "");
    assert_int_equal(answer.status, 404);
    assert_string_equal(api_text(&answer, "title"), "not_found");
    assert_non_null(strcasestr(answer.head, "application/problem+json"));
    api_answer_free(&answer);
    answer = api_get("/api/nothing", "");
    assert_int_equal(answer.status, 404);
    assert_non_null(api_text(&answer, "ErrorMessage"));
    assert_true(json_is_array(json_get(answer.json, "Errors")));
    api_answer_free(&answer);
    answer = api_get("/nothing.css", "");
    assert_int_equal(answer.status, 404);
    assert_null(answer.json);
    api_expect("PUT", "/v1/me", ALICE, NULL, 405);
    api_expect("POST", "/v1/commands", ALICE, "{\"line\": ", 400);
    api_expect("POST", "/v1/commands", ALICE, "{\"line\":\"a\",\"line\":\"b\"}", 400);
}

static void strangers_all_hear_the_same(void **state) {
    (void)state;
    static const char *const strangers[] = {"", "X-Octopus-ApiKey: \r\n", "X-Octopus-ApiKey: alice-toke\r\n",
                                            "Authorization: Bearer nobody\r\n",
                                            "Authorization: Basic YWxpY2U6eA==\r\n"};
    const char *first = NULL;
    for (size_t i = 0; i < sizeof strangers / sizeof strangers[0]; i++) {
        struct api_answer answer = api_get("/v1/overview", strangers[i]);
        assert_int_equal(answer.status, 401);
        first = first == NULL ? answer.body : first;
        assert_string_equal(answer.body, first);
        api_answer_free(&answer);
    }
}

static void tokens_say_who_asks(void **state) {
    (void)state;
    struct api_answer answer = api_get("/v1/me", ALICE);
    assert_string_equal(api_text(&answer, "name"), "alice");
    assert_string_equal(api_text(&answer, "via"), "api");
    assert_string_equal(json_string(json_first(json_get(answer.json, "teams"))), "oncall");
    api_answer_free(&answer);
    answer = api_get("/v1/me", BOB "User-Agent: guidepost/0.1.0\r\n");
    assert_string_equal(api_text(&answer, "via"), "cli");
    assert_int_equal(json_size(json_get(answer.json, "permissions")), 1);
    api_answer_free(&answer);
    answer = api_get("/v1/me", "Authorization: Bearer local-token\r\n");
    assert_true(str_starts(api_text(&answer, "name"), "local:"));
    api_answer_free(&answer);
}

static void metrics_are_for_this_machine_or_who_is_signed_in(void **state) {
    (void)state;
    api_expect("GET", "/v1/me", ALICE, NULL, 200);
    struct api_answer answer = api_get("/metrics", "");
    assert_int_equal(answer.status, 200);
    assert_non_null(strstr(answer.body, "guidepost_http_requests_total{method=\"GET\",route=\"/v1/me\",code=\"200\"}"));
    api_expect("GET", "/metrics", "X-Forwarded-For: 203.0.113.9\r\n", NULL, 401);
    api_expect("GET", "/metrics", "X-Forwarded-For: 203.0.113.9\r\n" BOB, NULL, 200);
    answer = api_get("/readyz?verbose", "");
    assert_string_equal(answer.body, "redis: ok\nleads: yes\nnote: Redis may lose what it has acknowledged.\nok\n");
}

static void files_come_from_the_folder_and_only_from_there(void **state) {
    (void)state;
    char path[128];
    api_rig_close();
    (void)snprintf(path, sizeof path, "%s/index.html", api_rig.store.directory);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    (void)fputs("<!doctype html>hello", file);
    (void)fclose(file);
    api_rig_open("local-token", api_rig.store.directory);
    struct api_answer answer = api_get("/d/311", "");
    assert_string_equal(answer.body, "<!doctype html>hello");
    const char *tag = strcasestr(answer.head, "etag: ");
    assert_non_null(tag);
    const char *known = arena_printf(api_rig.arena, "If-None-Match: %s\r\n",
                                     arena_strndup(api_rig.arena, tag + 6, strcspn(tag + 6, "\r")));
    answer = api_get("/", known);
    assert_int_equal(answer.status, 304);
    assert_string_equal(answer.body, "");
    api_expect("GET", "/%2e%2e/redis.sock", "", NULL, 404);
    api_expect("GET", "/../etc/passwd", "", NULL, 404);
    api_expect("GET", "/..%2f..%2fetc/passwd", "", NULL, 404);
    api_expect("GET", "/", "", NULL, 200);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        api_test(the_door_is_watched_before_anything_else),
        api_test(errors_have_the_shape_of_their_family),
        api_test(strangers_all_hear_the_same),
        api_test(tokens_say_who_asks),
        api_test(metrics_are_for_this_machine_or_who_is_signed_in),
        api_test(files_come_from_the_folder_and_only_from_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
