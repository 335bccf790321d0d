/* What the page reads and says under /v1. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/json.h"
#include "base/str.h"
#include "fakes/api_client.h"
#include "fakes/api_rig.h"
#include "fakes/leader.h"
#include "fakes/store_rig.h"
#include "store/feed.h"
#include "store/records.h"

static void the_first_page_has_it_all(void **state) {
    (void)state;
    api_rig_pause_one();
    assert_int_equal(leader_create(&api_rig.leader, "deploys"), 2);
    struct api_answer answer = api_get("/v1/overview", ALICE);
    assert_int_equal(answer.status, 200);
    assert_string_equal(api_text(&answer, "banner"), "Redis may lose what it has acknowledged.");
    const struct json *card = json_first(json_get(answer.json, "questions"));
    assert_int_equal(json_int(json_get(card, "question"), 0), 1);
    const struct json *live = json_get(answer.json, "live");
    assert_int_equal(json_size(live), 2);
    assert_string_equal(json_string(json_get(json_first(live), "state")), "paused");
    const char *waits = json_string(json_get(json_next(json_first(live)), "waits_for"));
    assert_true(str_starts(waits, "waits for D1, "));
    assert_string_equal(json_string(json_first(json_get(answer.json, "rooms"))), "deploys");
    const struct json *project = json_first(json_get(answer.json, "projects"));
    assert_int_equal(json_size(json_get(project, "environments")), 2);
    api_answer_free(&answer);
}

static void nothing_is_shown_to_who_may_not_view_it(void **state) {
    (void)state;
    api_rig_pause_one();
    struct api_answer answer = api_get("/v1/overview", CAROL);
    assert_int_equal(json_size(json_get(answer.json, "questions")), 0);
    assert_int_equal(json_size(json_get(answer.json, "live")), 0);
    assert_int_equal(json_size(json_get(answer.json, "projects")), 0);
    api_answer_free(&answer);
    static const char *const refused[] = {
        "/v1/deployments/1",
        "/v1/deployments/1/log?step=0",
        "/v1/deployments/1/audit",
        "/v1/questions/1",
        "/api/deployments/Deployments-1",
        "/api/tasks/1",
        "/api/tasks/1/details",
        "/api/tasks/1/raw",
        "/api/interruptions/1",
        "/api/interruptions/1/responsible",
        "/api/events?regarding=Deployments-1",
    };
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        api_expect("GET", refused[i], CAROL, NULL, 403);
        api_expect("GET", refused[i], "", NULL, 401);
    }
    static const char *const empty[] = {"/api/deployments",         "/api/tasks?active=true",
                                        "/api/interruptions",       "/api/interruptions?regarding=Deployments-1",
                                        "/api/interruptions?ids=1", "/api/projects",
                                        "/api/environments",        "/api/machines"};
    for (size_t i = 0; i < sizeof empty / sizeof empty[0]; i++) {
        answer = api_get(empty[i], CAROL);
        assert_int_equal(json_size(json_get(answer.json, "Items")), 0);
        api_answer_free(&answer);
    }
}

static void deployments_and_questions_are_shown(void **state) {
    (void)state;
    api_rig_pause_one();
    struct api_answer answer = api_get("/v1/deployments?take=1", BOB);
    assert_int_equal(api_number(&answer, "total"), 1);
    assert_string_equal(json_string(json_get(json_first(json_get(answer.json, "items")), "name")), "D1");
    api_answer_free(&answer);
    answer = api_get("/v1/deployments/D1", BOB);
    assert_int_equal(json_size(json_get(answer.json, "steps")), 1);
    api_answer_free(&answer);
    answer = api_get("/v1/deployments/1/audit", BOB);
    assert_true(json_size(json_get(answer.json, "entries")) > 3);
    api_answer_free(&answer);
    answer = api_get("/v1/questions", BOB);
    assert_string_equal(json_string(json_get(json_first(json_get(answer.json, "items")), "name")), "Q1");
    api_answer_free(&answer);
    answer = api_get("/v1/questions/Q1", BOB);
    assert_string_equal(api_text(&answer, "excerpt"), "E: no space left");
    api_answer_free(&answer);
    api_expect("GET", "/v1/deployments/7", BOB, NULL, 404);
    api_expect("GET", "/v1/deployments/x", BOB, NULL, 404);
    api_expect("GET", "/v1/questions/7", BOB, NULL, 404);
    api_expect("GET", "/v1/deployments?take=x", BOB, NULL, 400);
    api_expect("GET", "/v1/deployments/1/log?step=9", BOB, NULL, 404);
    static const char *const positions[] = {
        "x", "1", "-", "1-", "-1", "(1-1", "1-1-1", "1-x", "99999999999999999999-1"};
    for (size_t i = 0; i < sizeof positions / sizeof positions[0]; i++) {
        api_expect("GET", arena_printf(api_rig.arena, "/v1/deployments/1/log?after=%s", positions[i]), BOB, NULL, 400);
    }
    api_expect("GET", "/v1/deployments/1/log?after=1-1", BOB, NULL, 200);
}

static void output_is_read_from_where_one_left_off(void **state) {
    (void)state;
    api_rig_pause_one();
    const struct log_key key = {1, 0, 1, 1};
    for (int i = 0; i < 2; i++) {
        struct rig_result result = {0};
        log_append(api_rig.store.store, &key, i == 0 ? 0 : 13, i == 0 ? "one \033[31mred\n" : "two\n", i == 0 ? 13 : 4,
                   0, rig_committed, &result);
        assert_int_equal(rig_wait(&api_rig.store, &result), COMMIT_DONE);
    }
    struct api_answer answer = api_get("/v1/deployments/1/log?step=0&slot=1", BOB);
    const struct json *batches = json_get(answer.json, "batches");
    assert_int_equal(json_size(batches), 2);
    assert_string_equal(json_string(json_get(json_first(batches), "text")), "one red\n");
    const char *first = arena_strdup(api_rig.arena, json_string(json_get(json_first(batches), "id")));
    const char *next = arena_strdup(api_rig.arena, api_text(&answer, "next"));
    api_answer_free(&answer);
    answer = api_get(arena_printf(api_rig.arena, "/v1/deployments/1/log?step=0&slot=1&attempt=1&after=%s", first), BOB);
    assert_int_equal(json_size(json_get(answer.json, "batches")), 1);
    api_answer_free(&answer);
    answer = api_get(arena_printf(api_rig.arena, "/v1/deployments/1/log?step=0&slot=1&after=%s", next), BOB);
    assert_int_equal(json_size(json_get(answer.json, "batches")), 0);
    assert_string_equal(api_text(&answer, "next"), next);
    api_answer_free(&answer);
    answer = api_get("/api/tasks/ServerTasks-1/raw", BOB);
    assert_non_null(strstr(answer.body, "== Install on web-2, attempt 1\none red\ntwo\n"));
}

static void answers_go_up_as_they_were_given(void **state) {
    (void)state;
    api_rig_pause_one();
    api_expect("POST", "/v1/questions/1/answer", ALICE, "{\"guidance\": \"later\"}", 400);
    api_expect("POST", "/v1/questions/1/answer", ALICE, NULL, 400);
    assert_int_equal(api_rig.asked.count, 0);
    struct api_answer answer =
        api_ask("POST", "/v1/questions/Q1/answer", ALICE "Idempotency-Key: k1\r\n",
                "{\"guidance\": \"retry\", \"note\": \"disk freed\", \"revision\": 3, \"single\": true}");
    assert_int_equal(answer.status, 200);
    assert_string_equal(api_text(&answer, "text"), "Done.");
    assert_int_equal(api_number(&answer, "data.more"), 1);
    api_answer_free(&answer);
    assert_int_equal(api_rig.asked.id, COMMAND_RETRY);
    assert_int_equal(api_rig.asked.guidance, GUIDANCE_RETRY);
    assert_int_equal(api_rig.asked.question, 1);
    assert_int_equal(api_rig.asked.revision, 3);
    assert_true(api_rig.asked.single);
    assert_string_equal(api_rig.asked.actor, "alice");
    assert_string_equal(api_rig.asked.note, "disk freed");
    assert_true(str_starts(api_rig.asked.event_id, "api/alice/k1"));
    /* It was answered: the second is told so. */
    answer = api_ask("POST", "/v1/questions/1/answer", ALICE, "{\"guidance\": \"fail\"}");
    assert_int_equal(answer.status, 409);
    assert_string_equal(api_text(&answer, "title"), "conflict");
    assert_non_null(strstr(api_text(&answer, "detail"), "answered by alice"));
    api_answer_free(&answer);
}

static void commands_are_said_in_the_room_and_answered_there(void **state) {
    (void)state;
    struct api_answer answer = api_ask("POST", "/v1/commands", ALICE, "{\"line\": \"status\", \"room\": \"deploys\"}");
    assert_true(api_flag(&answer, "ok"));
    assert_int_equal(api_number(&answer, "exit_code"), 0);
    api_answer_free(&answer);
    assert_string_equal(api_rig.asked.room, "deploys");
    answer = api_ask("POST", "/v1/commands", ALICE, "{\"line\": \"retyr Q1\"}");
    assert_int_equal(answer.status, 200);
    assert_false(api_flag(&answer, "ok"));
    assert_string_equal(api_text(&answer, "error"), "invalid");
    assert_int_equal(api_number(&answer, "exit_code"), 2);
    assert_non_null(strstr(api_text(&answer, "text"), "retry"));
    api_answer_free(&answer);
    answer =
        api_ask("POST", "/v1/commands", ALICE, "{\"words\": [\"deploy\", \"shop\", \"1.0\", \"to\", \"staging\"]}");
    assert_true(api_flag(&answer, "ok"));
    api_answer_free(&answer);
    assert_string_equal(api_rig.asked.version, "1.0");
    api_expect("POST", "/v1/commands", ALICE, "{\"line\": \"status\", \"room\": \"nowhere\"}", 404);
    api_expect("POST", "/v1/commands", ALICE, "{}", 400);
    rig_run_ms(&api_rig.store, 50);
    answer = api_get("/v1/rooms/deploys", BOB);
    const struct json *messages = json_get(answer.json, "messages");
    assert_int_equal(json_size(messages), 2);
    assert_string_equal(json_string(json_get(json_first(messages), "author")), "alice");
    assert_string_equal(json_string(json_get(json_next(json_first(messages)), "text")), "Done.");
    api_answer_free(&answer);
    api_expect("GET", "/v1/rooms/nowhere", BOB, NULL, 404);
}

static void cards_in_a_room_are_for_who_may_view_them(void **state) {
    (void)state;
    api_rig_pause_one();
    struct commit *commit = commit_create(api_rig.store.store, NULL);
    commit_room_put(commit, "deploys", "m1", "{\"author\":\"guidepost\",\"text\":\"x\",\"card\":{\"deployment\":1}}",
                    1000);
    commit_room_put(commit, "deploys", "m2", "{\"author\":\"bob\",\"text\":\"hello\",\"card\":null}", 2000);
    assert_int_equal(rig_commit(&api_rig.store, commit), COMMIT_DONE);
    struct api_answer answer = api_get("/v1/rooms/deploys", BOB);
    assert_int_equal(json_size(json_get(answer.json, "messages")), 2);
    api_answer_free(&answer);
    answer = api_get("/v1/rooms/deploys", DAVE);
    assert_int_equal(json_size(json_get(answer.json, "messages")), 1);
    api_answer_free(&answer);
    api_expect("GET", "/v1/rooms/deploys", CAROL, NULL, 403);
    api_expect("POST", "/v1/commands", CAROL, "{\"line\": \"status\", \"room\": \"deploys\"}", 403);
}

static void a_wrong_number_is_helped(void **state) {
    (void)state;
    api_rig_pause_one();
    struct api_answer answer = api_ask("POST", "/v1/commands", ALICE, "{\"line\": \"retry D1\"}");
    assert_false(api_flag(&answer, "ok"));
    assert_non_null(strstr(api_text(&answer, "text"), "D1's open question is Q1."));
    api_answer_free(&answer);
    answer = api_ask("POST", "/v1/commands", CAROL, "{\"line\": \"retry D1\"}");
    assert_null(strstr(api_text(&answer, "text"), "Q1."));
    api_answer_free(&answer);
    answer = api_ask("POST", "/v1/commands", ALICE, "{\"line\": \"retry D99\"}");
    assert_string_equal(api_text(&answer, "error"), "invalid");
    api_answer_free(&answer);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        api_test(the_first_page_has_it_all),
        api_test(nothing_is_shown_to_who_may_not_view_it),
        api_test(deployments_and_questions_are_shown),
        api_test(output_is_read_from_where_one_left_off),
        api_test(answers_go_up_as_they_were_given),
        api_test(commands_are_said_in_the_room_and_answered_there),
        api_test(a_wrong_number_is_helped),
        api_test(cards_in_a_room_are_for_who_may_view_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
