/* What the first page shows of many deployments, and how much it says that it leaves out. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/json.h"
#include "base/limits.h"
#include "fakes/api_client.h"
#include "fakes/api_rig.h"

static void admit(uint64_t id) {
    assert_int_equal(leader_create(&api_rig.leader, "deploys"), id);
    leader_give(&api_rig.leader, id, (struct event){.kind = EVENT_ADMITTED});
}

static int64_t left_out(const struct api_answer *answer, const char *key) {
    return json_int(json_get(answer->json, key), -1);
}

/* Q1 and Q3 are of D1, Q2 is of D2. */
static void a_deployment_is_shown_once_however_its_questions_stand(void **state) {
    (void)state;
    admit(1);
    admit(2);
    leader_end_run(&api_rig.leader, 1, 0, 100);
    leader_end_run(&api_rig.leader, 2, 0, 100);
    leader_end_run(&api_rig.leader, 1, 1, 100);
    assert_string_equal(rig_call(&api_rig.store, "ZRANGE", "t:pending", "0", "-1"), "1 2 3");
    struct api_answer answer = api_get("/v1/overview", ALICE);
    assert_int_equal(json_size(json_get(answer.json, "questions")), 2);
    assert_int_equal(json_size(json_get(answer.json, "live")), 2);
    api_answer_free(&answer);
    /* Two that are open, and that nobody has heard of, are left out. */
    (void)rig_call(&api_rig.store, "ZADD", "t:pending", "8", "8", "9", "9");
    answer = api_get("/v1/overview", ALICE);
    assert_int_equal(left_out(&answer, "questions_left_out"), 2);
    assert_int_equal(left_out(&answer, "left_out"), 0);
    api_answer_free(&answer);
}

/* The holder is neither among the oldest nor among the newest. */
static void who_holds_a_lane_is_shown_and_not_left_out(void **state) {
    (void)state;
    enum { HOLDER = LIMIT_LIVE_SHOWN + 1, ALL = LIMIT_LIVE_SHOWN + 22 };
    char holder[24];
    for (uint64_t id = 1; id <= ALL; id++) {
        assert_int_equal(leader_create(&api_rig.leader, "deploys"), id);
    }
    (void)snprintf(holder, sizeof holder, "%d", HOLDER);
    (void)rig_call(&api_rig.store, "DEL", "t:lane:shop/production");
    (void)rig_call(&api_rig.store, "RPUSH", "t:lane:shop/production", holder);
    struct api_answer answer = api_get("/v1/overview", ALICE);
    int64_t shown = (int64_t)json_size(json_get(answer.json, "live"));
    assert_int_equal(shown, LIMIT_LIVE_SHOWN + 1 + 20);
    assert_int_equal(left_out(&answer, "left_out"), ALL - shown);
    api_answer_free(&answer);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        api_test(a_deployment_is_shown_once_however_its_questions_stand),
        api_test(who_holds_a_lane_is_shown_and_not_left_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
