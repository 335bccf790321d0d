/* Deployments that ended long ago leave a real Redis, and nothing else does. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/str.h"
#include "fakes/store_rig.h"
#include "store/feed.h"
#include "store/records.h"
#include "store/retention.h"

enum { DAY_MS = 24 * 3600 * 1000 };

static struct store_rig rig;
static struct leadership *leadership;
static int64_t now_ms;

static struct plan_step steps[] = {
    {.name = "Install", .script = "true", .max_parallel = 1, .on_worker = true, .slot_count = 1}};
static struct plan plan = {
    .project = "web", .environment = "production", .folder = "/", .steps = steps, .step_count = 1};
static struct plan other_plan = {
    .project = "web", .environment = "staging", .folder = "/", .steps = steps, .step_count = 1};

/* --- deployments --- */

static struct new_deployment request_of(const struct plan *of) {
    return (struct new_deployment){
        .plan = of, .version = "1.2.3", .actor = "alice", .via = "cli", .guided_flag = -1, .now_ms = 1000};
}

static uint64_t create(const struct plan *of) {
    const struct new_deployment request = request_of(of);
    return rig_must_create(&rig, &request);
}

static void finish(uint64_t id, const struct plan *of, int64_t ended_ms) {
    struct commit *commit = commit_create(rig.store, NULL);
    const struct deployment d = {
        .id = id, .plan = of, .version = "1.2.3", .state = DEPLOYMENT_SUCCEEDED, .ended_ms = ended_ms};
    commit_finish(commit, &d);
    assert_int_equal(rig_commit(&rig, commit), COMMIT_DONE);
}

/* All that a deployment may have. Its question has its own number. */
static void furnish(uint64_t id) {
    char key[64], number[24];
    struct commit *commit = commit_create(rig.store, NULL);
    (void)snprintf(number, sizeof number, "%d", (int)id);
    commit_put_view(commit, id, "console:deploys:status", "digest message");
    (void)snprintf(key, sizeof key, "dep:%d:runs", (int)id);
    commit_add(commit, "HSET", key, "0.0", "succeeded 2.2 =exit:0");
    (void)snprintf(key, sizeof key, "dep:%d:claims", (int)id);
    commit_add(commit, "HSET", key, "0.0", "e:2:2");
    (void)snprintf(key, sizeof key, "dep:%d:questions", (int)id);
    commit_add(commit, "RPUSH", key, number);
    (void)snprintf(key, sizeof key, "q:%d", (int)id);
    commit_add(commit, "HSET", key, "state", "answered");
    for (int attempt = 1; attempt <= 2; attempt++) {
        (void)snprintf(key, sizeof key, "log:%d:0.0.%d", (int)id, attempt);
        commit_add(commit, "XADD", key, "*", "data", "x");
        (void)snprintf(key, sizeof key, "log:%d:0.0.%d:at", (int)id, attempt);
        commit_add(commit, "HSET", key, "position", "1");
    }
    assert_int_equal(rig_commit(&rig, commit), COMMIT_DONE);
}

/* How many keys have this number in the place of a deployment's or a question's. */
static size_t keys_of(uint64_t id) {
    static const char *const patterns[] = {"t:dep:%d", "t:dep:%d:*", "t:q:%d", "t:audit:%d", "t:log:%d:*"};
    size_t count = 0;
    for (size_t i = 0; i < sizeof patterns / sizeof patterns[0]; i++) {
        char pattern[64];
        (void)snprintf(pattern, sizeof pattern, patterns[i], (int)id);
        const char *keys = rig_call(&rig, "KEYS", pattern);
        count += keys[0] != '\0';
        for (; *keys != '\0'; keys++) {
            count += *keys == ' ';
        }
    }
    return count;
}

enum { KEYS_OF_ONE = 11 };

/* --- retiring --- */

struct told {
    bool came;
    size_t removed;
    enum err_code code;
};

static void retired(size_t removed, const struct err *err, void *user) {
    *(struct told *)user = (struct told){true, removed, err != NULL ? err->code : ERR_NONE};
}

static bool has_come(void *user) {
    return ((struct told *)user)->came;
}

static struct told retire(int64_t before_ms) {
    struct told told = {0};
    store_retire(rig.store, leadership, before_ms, retired, &told);
    assert_false(told.came);
    rig_until(&rig, has_come, &told);
    return told;
}

static void a_deployment_that_ended_long_ago_leaves_nothing(void **state) {
    (void)state;
    uint64_t old = create(&plan);
    uint64_t young = create(&plan);
    furnish(old);
    furnish(young);
    finish(old, &plan, now_ms - 3 * DAY_MS);
    finish(young, &plan, now_ms - DAY_MS);
    assert_int_equal(keys_of(old), KEYS_OF_ONE);
    assert_int_equal(retire(now_ms - 2 * DAY_MS).removed, 1);
    assert_int_equal(keys_of(old), 0);
    assert_int_equal(keys_of(young), KEYS_OF_ONE);
    assert_string_equal(rig_call(&rig, "ZRANGE", "t:deployments", "0", "-1"), "2");
    assert_string_equal(rig_call(&rig, "ZRANGE", "t:ended", "0", "-1"), "2");
    assert_int_equal(retire(now_ms - 2 * DAY_MS).removed, 0);
}

static void what_is_live_is_kept_however_old_it_is(void **state) {
    (void)state;
    uint64_t id = create(&plan);
    furnish(id);
    assert_int_equal(retire(now_ms + DAY_MS).removed, 0);
    /* Nor if it got into the list by mistake. */
    (void)rig_call(&rig, "ZADD", "t:ended", "1", "1");
    assert_int_equal(retire(now_ms).removed, 0);
    assert_int_equal(keys_of(id), KEYS_OF_ONE);
    assert_string_equal(rig_call(&rig, "ZRANGE", "t:live", "0", "-1"), "1");
}

static void logs_that_have_expired_by_then_are_not_looked_for(void **state) {
    (void)state;
    uint64_t id = create(&plan);
    furnish(id);
    finish(id, &plan, now_ms - 90 * (int64_t)DAY_MS);
    assert_int_equal(retire(now_ms - 60 * (int64_t)DAY_MS).removed, 1);
    assert_int_equal(keys_of(id), 4);
}

static void a_plan_goes_with_the_last_that_has_it(void **state) {
    (void)state;
    uint64_t first = create(&plan);
    uint64_t second = create(&plan);
    uint64_t other = create(&other_plan);
    finish(first, &plan, now_ms - 5 * DAY_MS);
    finish(other, &other_plan, now_ms);
    assert_int_equal(retire(now_ms - DAY_MS).removed, 1);
    assert_int_equal(strlen(rig_call(&rig, "KEYS", "t:plan:*")), 2 * (strlen("t:plan:") + 32) + 1);
    finish(second, &plan, now_ms - 5 * DAY_MS);
    assert_int_equal(retire(now_ms - DAY_MS).removed, 1);
    assert_int_equal(strlen(rig_call(&rig, "KEYS", "t:plan:*")), strlen("t:plan:") + 32);
    /* It is stored again when it is wanted again. */
    (void)create(&plan);
    assert_int_equal(strlen(rig_call(&rig, "KEYS", "t:plan:*")), 2 * (strlen("t:plan:") + 32) + 1);
}

static void record_came(struct deployment_record *record, const struct err *err, void *user) {
    assert_null(err);
    assert_string_equal(record->deployment->plan->steps[0].name, "Install");
    deployment_record_free(record);
    ((struct told *)user)->came = true;
}

static void a_plan_that_goes_while_another_deployment_is_made_is_stored_again(void **state) {
    const struct new_deployment request = request_of(&plan);
    struct rig_created created;
    struct told told = {0};
    struct told loaded = {0};
    (void)state;
    finish(create(&plan), &plan, now_ms - 5 * DAY_MS);
    rig_create_begin(&rig, &request, &created); /* has asked for the plan before it goes */
    store_retire(rig.store, leadership, now_ms, retired, &told);
    assert_int_equal(rig_created(&rig, &created).err.code, ERR_NONE);
    assert_int_equal(told.removed, 1);
    store_load_deployment(rig.store, created.id, record_came, &loaded);
    rig_until(&rig, has_come, &loaded);
    assert_int_equal(strlen(rig_call(&rig, "KEYS", "t:plan:*")), strlen("t:plan:") + 32);
}

static void no_more_than_a_batch_goes_at_once(void **state) {
    (void)state;
    for (int i = 0; i < LIMIT_RETIRE_BATCH + 3; i++) {
        finish(create(&plan), &plan, now_ms - 5 * DAY_MS);
    }
    assert_int_equal(retire(now_ms).removed, LIMIT_RETIRE_BATCH);
    assert_int_equal(retire(now_ms).removed, 3);
    assert_string_equal(rig_call(&rig, "KEYS", "t:dep:*"), "");
    assert_string_equal(rig_call(&rig, "KEYS", "t:plan:*"), "");
}

static void who_no_longer_leads_removes_nothing(void **state) {
    (void)state;
    uint64_t id = create(&plan);
    finish(id, &plan, now_ms - 5 * DAY_MS);
    (void)rig_call(&rig, "HSET", "t:leader", "token", "another");
    assert_int_equal(retire(now_ms).code, ERR_CONFLICT);
    assert_string_equal(rig_call(&rig, "EXISTS", "t:dep:1"), "1");
}

static void a_card_of_a_deployment_that_is_gone_is_not_recorded(void **state) {
    (void)state;
    struct commit *commit = commit_create(rig.store, NULL);
    commit_put_view(commit, 7, "console:deploys:status", "digest message");
    assert_int_equal(rig_commit(&rig, commit), COMMIT_REFUSED);
    assert_string_equal(rig_call(&rig, "EXISTS", "t:dep:7:views"), "0");
}

/* --- the rig --- */

static int open_rig(void **state) {
    (void)state;
    rig_open(&rig);
    now_ms = clock_wall_ms();
    leadership = rig_lead(&rig);
    return 0;
}

static int close_rig(void **state) {
    (void)state;
    leadership_destroy(leadership);
    rig_close(&rig);
    return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_rig, close_rig)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_deployment_that_ended_long_ago_leaves_nothing),
        TEST(what_is_live_is_kept_however_old_it_is),
        TEST(logs_that_have_expired_by_then_are_not_looked_for),
        TEST(a_plan_goes_with_the_last_that_has_it),
        TEST(a_plan_that_goes_while_another_deployment_is_made_is_stored_again),
        TEST(no_more_than_a_batch_goes_at_once),
        TEST(who_no_longer_leads_removes_nothing),
        TEST(a_card_of_a_deployment_that_is_gone_is_not_recorded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
