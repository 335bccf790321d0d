/* /api, for the clients of another deployment server. */

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
#include "store/records.h"

static void clients_find_their_way_from_the_root(void **state) {
    (void)state;
    struct api_answer answer = api_get("/api", "");
    assert_string_equal(api_text(&answer, "ApiVersion"), "3.0.0");
    assert_int_equal(strlen(api_text(&answer, "InstallationId")), 36);
    assert_non_null(strstr(api_text(&answer, "Links.Interruptions"), "{?skip,take,regarding,pendingOnly,ids}"));
    api_answer_free(&answer);
    answer = api_get("/api/users/me", ALICE);
    assert_string_equal(api_text(&answer, "Id"), "Users-alice");
    const char *spaces = arena_strdup(api_rig.arena, api_text(&answer, "Links.Spaces"));
    api_answer_free(&answer);
    answer = api_get(spaces, ALICE);
    assert_string_equal(json_string(json_path(json_first(answer.json), "Links.SpaceHome")), "/api/Spaces-1");
    api_answer_free(&answer);
    static const char *const same[] = {"/api/projects", "/api/Spaces-1/projects", "/api/spaces/Spaces-1/projects",
                                       "/api/spaces/default/projects/"};
    for (size_t i = 0; i < sizeof same / sizeof same[0]; i++) {
        answer = api_get(same[i], ALICE);
        assert_int_equal(api_number(&answer, "TotalResults"), 2);
        api_answer_free(&answer);
    }
    api_expect("GET", "/api/Spaces-2/projects", ALICE, NULL, 404);
    api_expect("GET", "/api/spaces/Spaces-2", ALICE, NULL, 404);
}

static void lists_have_pages(void **state) {
    (void)state;
    struct api_answer answer = api_get("/api/machines?take=1&partialName=WEB", ALICE);
    assert_int_equal(api_number(&answer, "TotalResults"), 2);
    assert_int_equal(api_number(&answer, "ItemsPerPage"), 1);
    assert_int_equal(api_number(&answer, "NumberOfPages"), 2);
    assert_int_equal(json_size(json_get(answer.json, "Items")), 1);
    const struct json *next = json_get(json_get(answer.json, "Links"), "Page.Next");
    const char *target = arena_strdup(api_rig.arena, json_string(next));
    api_answer_free(&answer);
    assert_string_equal(target, "/api/Spaces-1/machines?skip=1&take=1&partialName=WEB");
    answer = api_get(target, ALICE);
    assert_string_equal(json_string(json_get(json_first(json_get(answer.json, "Items")), "Id")), "Machines-web-2");
    assert_null(json_get(json_get(answer.json, "Links"), "Page.Next"));
    api_answer_free(&answer);
    answer = api_get("/api/machines?take=2147483647", ALICE);
    assert_int_equal(json_size(json_get(answer.json, "Items")), 2);
    api_answer_free(&answer);
    answer = api_get("/api/environments/all", ALICE);
    assert_int_equal(json_size(answer.json), 2);
    api_answer_free(&answer);
    answer = api_get("/api/environments/Environments-production", ALICE);
    assert_true(api_flag(&answer, "UseGuidedFailure"));
    api_answer_free(&answer);
    api_expect("GET", "/api/projects/shop", ALICE, NULL, 200);
    api_expect("GET", "/api/projects/Projects-none", ALICE, NULL, 404);
    api_expect("GET", "/api/projects/shop/deploymentsettings", ALICE, NULL, 200);
    answer = api_get("/api/teammembership?userId=Users-alice", BOB);
    assert_string_equal(json_string(json_get(json_first(answer.json), "TeamId")), "Teams-oncall");
    api_answer_free(&answer);
}

static void nobody_is_told_how_much_is_asked_where_they_may_not_view(void **state) {
    (void)state;
    api_rig_pause_one();
    static const char *const targets[] = {"/api/interruptions", "/api/interruptions?pendingOnly=true",
                                          "/api/interruptions?regarding=Projects-shop"};
    for (size_t i = 0; i < sizeof targets / sizeof targets[0]; i++) {
        struct api_answer answer = api_get(targets[i], DAVE);
        assert_int_equal(json_int(json_get(answer.json, "TotalResults"), -1), 0);
        api_answer_free(&answer);
    }
}

static void an_interruption_is_found_in_every_way(void **state) {
    (void)state;
    api_rig_pause_one();
    static const char *const targets[] = {
        "/api/interruptions",
        "/api/interruptions?pendingOnly=True",
        "/api/interruptions?regarding=&pendingOnly=False",
        "/api/Spaces-1/interruptions?regarding=Deployments-1&pendingOnly=true",
        "/api/interruptions?regarding=ServerTasks-1",
        "/api/interruptions?regarding=Projects-shop",
        "/api/interruptions?regarding=Environments-production&pendingOnly=true",
        "/api/interruptions?ids=Interruptions-1,Interruptions-77",
        "/api/interruptions?skip=0&take=2147483647",
    };
    for (size_t i = 0; i < sizeof targets / sizeof targets[0]; i++) {
        struct api_answer answer = api_get(targets[i], BOB);
        const struct json *item = json_first(json_get(answer.json, "Items"));
        if (!str_equal(json_string(json_get(item, "Id")), "Interruptions-1")) {
            fail_msg("%s: %s", targets[i], answer.body);
        }
        api_answer_free(&answer);
    }
    static const char *const others[] = {"/api/interruptions?regarding=Deployments-2",
                                         "/api/interruptions?regarding=Projects-other", "/api/interruptions?skip=1"};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        struct api_answer answer = api_get(others[i], BOB);
        assert_int_equal(json_size(json_get(answer.json, "Items")), 0);
        api_answer_free(&answer);
    }
}

static void an_interruption_has_the_shape_that_clients_expect(void **state) {
    (void)state;
    api_rig_pause_one();
    struct api_answer answer = api_get("/api/interruptions/Interruptions-1", ALICE);
    assert_string_equal(api_text(&answer, "Title"),
                        "Deploy shop release 1.4.2 to production requires failure guidance");
    assert_string_equal(api_text(&answer, "Type"), "GuidedFailure");
    assert_string_equal(api_text(&answer, "TaskId"), "ServerTasks-1");
    assert_true(api_flag(&answer, "IsPending"));
    assert_true(api_flag(&answer, "CanTakeResponsibility"));
    assert_false(api_flag(&answer, "HasResponsibility"));
    assert_true(json_is_null(json_path(answer.json, "Form.Values.Guidance")));
    assert_true(json_is_null(json_path(answer.json, "ResponsibleUserId")));
    const struct json *elements = json_path(answer.json, "Form.Elements");
    const struct json *last = json_next(json_next(json_first(elements)));
    assert_string_equal(json_string(json_get(last, "Name")), "Guidance");
    const struct json *buttons = json_path(last, "Control.Buttons");
    static const char *const values[] = {"Fail", "Retry", "Ignore", "Exclude"};
    const struct json *button = json_first(buttons);
    for (size_t i = 0; i < 4; i++, button = json_next(button)) {
        assert_string_equal(json_string(json_get(button, "Value")), values[i]);
    }
    const char *correlation = arena_strdup(api_rig.arena, api_text(&answer, "CorrelationId"));
    api_answer_free(&answer);
    /* The node of the run in the task's log has the same id. */
    answer = api_get("/api/tasks/ServerTasks-1/details", BOB);
    const struct json *step = json_first(json_get(json_first(json_get(answer.json, "ActivityLogs")), "Children"));
    const struct json *run = json_next(json_first(json_get(step, "Children")));
    assert_string_equal(json_string(json_get(run, "Id")), correlation);
    assert_string_equal(api_text(&answer, "Task.State"), "Executing");
    assert_true(api_flag(&answer, "Task.HasPendingInterruptions"));
    assert_string_equal(json_string(json_first(json_path(answer.json, "Task.PendingInterruptionTypes"))),
                        "GuidedFailure");
    api_answer_free(&answer);
}

#define TAKE "/api/Spaces-1/interruptions/Interruptions-1/responsible"
#define SUBMIT "/api/Spaces-1/interruptions/Interruptions-1/submit"

static void the_way_of_the_net_client_works(void **state) {
    (void)state;
    api_rig_pause_one();
    api_expect("GET", TAKE, ALICE, NULL, 404);
    struct api_answer answer = api_ask("POST", TAKE, ALICE "X-HTTP-Method-Override: PUT\r\n", NULL);
    assert_int_equal(answer.status, 200);
    assert_string_equal(api_text(&answer, "Id"), "Users-alice");
    api_answer_free(&answer);
    answer = api_get(TAKE, BOB);
    assert_string_equal(api_text(&answer, "Username"), "alice");
    api_answer_free(&answer);
    /* It posts all values of the form back. */
    answer = api_ask("POST", SUBMIT, ALICE "Content-Type: application/x-www-form-urlencoded\r\n",
                     "{\"Instructions\":null,\"Notes\":\"disk freed\",\"Guidance\":\" retry \",\"Extra\":[1]}");
    assert_int_equal(answer.status, 200);
    assert_false(api_flag(&answer, "IsPending"));
    assert_string_equal(api_text(&answer, "Form.Values.Guidance"), "Retry");
    assert_string_equal(api_text(&answer, "Form.Values.Notes"), "disk freed");
    assert_string_equal(api_text(&answer, "ResponsibleUserId"), "Users-alice");
    api_answer_free(&answer);
    assert_true(api_rig.asked.single);
    assert_string_equal(api_rig.asked.via, "api");
    answer = api_ask("POST", SUBMIT, BOB, "{\"Guidance\":\"Fail\"}");
    assert_int_equal(answer.status, 400);
    assert_non_null(strstr(api_text(&answer, "ErrorMessage"), "already been submitted"));
    assert_non_null(strstr(api_text(&answer, "ErrorMessage"), "alice"));
    api_answer_free(&answer);
}

static void a_put_without_a_body_is_taken_and_abort_means_fail(void **state) {
    (void)state;
    api_rig_pause_one();
    api_expect("PUT", TAKE, ALICE "Content-Type: application/x-www-form-urlencoded\r\n", NULL, 200);
    static const char *const bad[] = {NULL,
                                      "{}",
                                      "[]",
                                      "\"Retry\"",
                                      "{\"Guidance\": null}",
                                      "{\"Guidance\": \"Maybe\"}",
                                      "{\"Result\": \"Retry\"}",
                                      "{\"Guidance\": 1}"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        api_expect("POST", SUBMIT, ALICE, bad[i], 400);
    }
    assert_int_equal(api_rig.asked.count, 1);
    api_expect("POST", SUBMIT, ALICE, "{\"guidance\": \"ABORT\"}", 200);
    assert_int_equal(api_rig.asked.guidance, GUIDANCE_FAIL);
    assert_int_equal(api_rig.asked.id, COMMAND_FAIL);
}

static void refusals_are_handed_on(void **state) {
    (void)state;
    api_rig_pause_one();
    api_rig.refusal = (struct err){ERR_DENIED, "bob may not retry."};
    api_expect("POST", SUBMIT, BOB, "{\"Guidance\":\"Retry\"}", 403);
    api_expect("POST", "/v1/questions/1/answer", BOB, "{\"guidance\":\"retry\"}", 403);
    api_rig.refusal = (struct err){ERR_UNAVAILABLE, "Nothing was recorded."};
    api_expect("POST", SUBMIT, BOB, "{\"Guidance\":\"Retry\"}", 503);
    api_rig.refusal = (struct err){ERR_UNKNOWN, "It is not known."};
    api_expect("POST", SUBMIT, BOB, "{\"Guidance\":\"Retry\"}", 504);
}

static void deployments_are_started_in_both_ways(void **state) {
    (void)state;
    assert_int_equal(leader_create(&api_rig.leader, "deploys"), 1);
    struct api_answer answer =
        api_ask("POST", "/api/Spaces-1/deployments", ALICE,
                "{\"ReleaseId\":\"Releases-shop-1.4.2\",\"EnvironmentId\":\"Environments-production\","
                "\"SpecificMachineIds\":[\"Machines-web-2\"],\"UseGuidedFailure\":false}");
    assert_int_equal(answer.status, 201);
    assert_string_equal(api_text(&answer, "TaskId"), "ServerTasks-1");
    assert_string_equal(api_text(&answer, "ReleaseId"), "Releases-shop-1.4.2");
    api_answer_free(&answer);
    assert_int_equal(api_rig.asked.id, COMMAND_DEPLOY);
    assert_string_equal(api_rig.asked.project, "shop");
    assert_string_equal(api_rig.asked.version, "1.4.2");
    assert_string_equal(api_rig.asked.environment, "production");
    assert_string_equal(api_rig.asked.on, "web-2");
    assert_int_equal(api_rig.asked.guided, 0);
    answer = api_ask(
        "POST", "/api/Spaces-1/deployments/create/untenanted/v1", ALICE,
        "{\"projectName\":\"shop\",\"releaseVersion\":\"2.0\",\"environmentNames\":[\"staging\",\"production\"],"
        "\"useGuidedFailure\":null}");
    assert_int_equal(answer.status, 201);
    assert_int_equal(json_size(json_get(answer.json, "DeploymentServerTasks")), 2);
    api_answer_free(&answer);
    assert_int_equal(api_rig.asked.count, 3);
    assert_int_equal(api_rig.asked.guided, -1);
    assert_string_equal(api_rig.asked.environment, "production");
    api_expect("POST", "/api/deployments", ALICE, "{}", 400);
    api_expect("POST", "/api/deployments", ALICE, "{\"ReleaseId\":\"Releases-none-1\",\"EnvironmentId\":\"x\"}", 404);
    /* Version admin-1 of shop, or version 1 of shop-admin? */
    api_expect("POST", "/api/deployments", ALICE,
               "{\"ReleaseId\":\"Releases-shop-admin-1\",\"EnvironmentId\":\"staging\"}", 404);
    assert_int_equal(api_rig.asked.count, 3);
}

static void releases_are_there_when_they_are_named(void **state) {
    (void)state;
    assert_int_equal(leader_create(&api_rig.leader, "deploys"), 1);
    struct api_answer answer =
        api_ask("POST", "/api/Spaces-1/releases", ALICE, "{\"ProjectId\":\"Projects-shop\",\"Version\":\"3.0\"}");
    assert_int_equal(answer.status, 201);
    assert_string_equal(api_text(&answer, "Id"), "Releases-shop-3.0");
    api_answer_free(&answer);
    api_expect("GET", "/api/releases/Releases-shop-3.0", ALICE, NULL, 200);
    api_expect("GET", "/api/projects/Projects-shop/releases/3.0", ALICE, NULL, 200);
    answer = api_get("/api/projects/Projects-shop/releases", ALICE);
    assert_string_equal(json_string(json_get(json_first(json_get(answer.json, "Items")), "Version")), "1.4.2");
    api_answer_free(&answer);
}

static void tasks_and_deployments_are_listed_by_conditions(void **state) {
    (void)state;
    api_rig_pause_one();
    assert_int_equal(leader_create(&api_rig.leader, "deploys"), 2);
    static const struct {
        const char *target;
        int64_t total;
        const char *first;
    } cases[] = {
        {"/api/tasks", 2, "ServerTasks-2"},
        {"/api/tasks?take=1", 2, "ServerTasks-2"},
        {"/api/tasks?ids=ServerTasks-1", 1, "ServerTasks-1"},
        {"/api/tasks?ids=ServerTasks-1,ServerTasks-2,ServerTasks-9", 2, "ServerTasks-2"},
        {"/api/tasks?states=Executing", 1, "ServerTasks-1"},
        {"/api/tasks?states=Queued,Executing&take=1&skip=1", 2, "ServerTasks-1"},
        {"/api/tasks?states=Success", 0, NULL},
        {"/api/tasks?active=True&project=Projects-shop", 2, "ServerTasks-2"},
        {"/api/tasks?hasPendingInterruptions=true", 1, "ServerTasks-1"},
        {"/api/tasks?environment=staging", 0, NULL},
        {"/api/tasks/ServerTasks-2/queued-behind", 1, "ServerTasks-1"},
        {"/api/tasks/ServerTasks-1/queued-behind", 0, NULL},
        {"/api/deployments?projects=Projects-shop&environments=Environments-production&taskState=Executing", 1,
         "Deployments-1"},
        {"/api/deployments?taskState=Queued", 1, "Deployments-2"},
        {"/api/deployments?projects=other", 0, NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct api_answer answer = api_get(cases[i].target, BOB);
        const struct json *first = json_first(json_get(answer.json, "Items"));
        if (api_number(&answer, "TotalResults") != cases[i].total ||
            !str_equal(json_string(json_get(first, "Id")), cases[i].first)) {
            fail_msg("%s: %s", cases[i].target, answer.body);
        }
        api_answer_free(&answer);
    }
    struct api_answer answer = api_ask("POST", "/api/spaces/Spaces-1/tasks/ServerTasks-1/cancel", ALICE, NULL);
    assert_int_equal(answer.status, 200);
    assert_string_equal(api_text(&answer, "Id"), "ServerTasks-1");
    api_answer_free(&answer);
    assert_int_equal(api_rig.asked.id, COMMAND_CANCEL);
    assert_int_equal(api_rig.asked.deployment, 1);
}

static void a_warning_is_a_success_with_warnings(void **state) {
    (void)state;
    api_rig_pause_one();
    leader_give(&api_rig.leader, 1,
                (struct event){.kind = EVENT_ANSWERED,
                               .slot = 1,
                               .question = 1,
                               .guidance = GUIDANCE_IGNORE,
                               .actor = "alice",
                               .via = "api"});
    struct api_answer answer = api_get("/api/tasks/ServerTasks-1", BOB);
    assert_string_equal(api_text(&answer, "State"), "Success");
    assert_true(api_flag(&answer, "IsCompleted"));
    assert_true(api_flag(&answer, "FinishedSuccessfully"));
    assert_true(api_flag(&answer, "HasWarningsOrErrors"));
    api_answer_free(&answer);
}

static void events_tell_what_happened(void **state) {
    (void)state;
    api_rig_pause_one();
    struct api_answer answer =
        api_get("/api/events?regarding=Deployments-1&eventCategories=GuidedFailureInterruptionRaised", BOB);
    assert_int_equal(api_number(&answer, "TotalResults"), 1);
    const struct json *event = json_first(json_get(answer.json, "Items"));
    assert_string_equal(json_string(json_first(json_get(event, "RelatedDocumentIds"))), "Deployments-1");
    api_answer_free(&answer);
    leader_give(&api_rig.leader, 1,
                (struct event){.kind = EVENT_ANSWERED,
                               .slot = 1,
                               .question = 1,
                               .guidance = GUIDANCE_IGNORE,
                               .actor = "alice",
                               .via = "api"});
    answer = api_get("/api/events?regarding=ServerTasks-1", BOB);
    bool submitted = false;
    for (event = json_first(json_get(answer.json, "Items")); event != NULL; event = json_next(event)) {
        submitted = submitted || (str_starts(json_string(json_get(event, "Message")), "Submitted interruption") &&
                                  str_equal(json_string(json_get(event, "Username")), "alice"));
    }
    assert_true(submitted);
    api_answer_free(&answer);
    api_expect("GET", "/api/events", BOB, NULL, 200);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        api_test(clients_find_their_way_from_the_root),
        api_test(lists_have_pages),
        api_test(nobody_is_told_how_much_is_asked_where_they_may_not_view),
        api_test(an_interruption_is_found_in_every_way),
        api_test(an_interruption_has_the_shape_that_clients_expect),
        api_test(the_way_of_the_net_client_works),
        api_test(a_put_without_a_body_is_taken_and_abort_means_fail),
        api_test(refusals_are_handed_on),
        api_test(deployments_are_started_in_both_ways),
        api_test(releases_are_there_when_they_are_named),
        api_test(tasks_and_deployments_are_listed_by_conditions),
        api_test(a_warning_is_a_success_with_warnings),
        api_test(events_tell_what_happened),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
