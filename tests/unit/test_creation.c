/* New deployments, as they come to lie in a real Redis. */

#include "fakes/records_test.h"

#include "base/limits.h"

static void a_new_deployment_has_a_number_and_a_place_in_the_lane(void **state) {
    (void)state;
    const struct plan *plan = make_plan(3, 3);
    const struct new_deployment request = request_of(plan, NULL);
    struct rig_created first = rig_create(&rig, &request);
    struct rig_created second = rig_create(&rig, &request);
    assert_int_equal(first.err.code, ERR_NONE);
    assert_int_equal(first.id, 1);
    assert_int_equal(first.ahead, 0);
    assert_int_equal(second.id, 2);
    assert_int_equal(second.ahead, 1);
    assert_string_equal(rig_call(&rig, "LRANGE", "t:lane:shop/production", "0", "-1"), "1 2");
    assert_string_equal(rig_call(&rig, "ZRANGE", "t:live", "0", "-1"), "1 2");
    assert_string_equal(rig_call(&rig, "HMGET", "t:dep:1", "project", "state", "actor", "guided", "excluded"),
                        "shop queued alice on 0");
    assert_int_equal(strlen(rig_call(&rig, "KEYS", "t:plan:*")), strlen("t:plan:") + 32); /* one for both */
    assert_string_equal(rig_call(&rig, "XLEN", "t:inbox"), "2");
}

static void a_deployment_is_read_as_it_was_created(void **state) {
    (void)state;
    struct deployment_record *record = create(make_plan(3, 2));
    const struct deployment *d = record->deployment;
    assert_int_equal(d->id, 1);
    assert_int_equal(d->state, DEPLOYMENT_QUEUED);
    assert_string_equal(d->plan->steps[1].name, "Step 2");
    assert_string_equal(d->version, "1.4.2");
    assert_null(d->previous_version);
    assert_string_equal(d->actor, "alice");
    assert_string_equal(d->via, "cli");
    assert_string_equal(d->inputs, "{\"a\":1}");
    assert_int_equal(d->guided_flag, 1);
    assert_int_equal(d->created_ms, 1000);
    assert_int_equal(d->revision, 1);
    assert_int_equal(d->steps[0].by_state[RUN_PENDING], 3);
    assert_int_equal(record->question_count, 0);
    deployment_record_free(record);
}

static void the_same_request_twice_is_one_deployment(void **state) {
    (void)state;
    const struct plan *plan = make_plan(1, 1);
    const struct new_deployment request = request_of(plan, "rest:key-1");
    struct rig_created first;
    struct rig_created second;
    rig_create_begin(&rig, &request, &first);
    rig_create_begin(&rig, &request, &second);
    assert_int_equal(rig_created(&rig, &first).id, rig_created(&rig, &second).id);
    assert_int_equal(rig_create(&rig, &request).id, first.id);
    assert_string_equal(rig_call(&rig, "LLEN", "t:lane:shop/production"), "1");
}

static void a_plan_that_is_too_large_is_refused(void **state) {
    (void)state;
    struct plan *plan = make_plan(1, 20);
    char *script = arena_alloc(arena, LIMIT_SCRIPT_BYTES + 1);
    memset(script, 'x', LIMIT_SCRIPT_BYTES);
    for (size_t i = 0; i < plan->step_count; i++) {
        plan->steps[i].script = script;
    }
    const struct new_deployment request = request_of(plan, NULL);
    assert_int_equal(rig_create(&rig, &request).err.code, ERR_TOO_BIG);
    assert_string_equal(rig_call(&rig, "EXISTS", "t:deployments"), "0");
}

static void a_creation_waits_for_redis_to_come_back(void **state) {
    (void)state;
    const struct new_deployment request = request_of(make_plan(1, 1), NULL);
    struct rig_created lost;
    struct rig_created waiting;
    rig_create_begin(&rig, &request, &lost);
    rig_server_kill(&rig);
    rig_run_ms(&rig, 50);
    rig_create_begin(&rig, &request, &waiting);
    rig_run_ms(&rig, 50);
    assert_false(waiting.came);
    rig_server_start(&rig);
    assert_int_equal(rig_created(&rig, &lost).err.code, ERR_NONE);
    assert_int_equal(rig_created(&rig, &waiting).err.code, ERR_NONE);
    assert_true(lost.id != waiting.id);
    assert_string_equal(rig_call(&rig, "LLEN", "t:lane:shop/production"), "2");
}

static void a_creation_under_way_ends_with_the_store(void **state) {
    (void)state;
    struct store *mine = rig.store;
    const struct new_deployment request = request_of(make_plan(1, 1), NULL);
    struct rig_created created;
    rig.store = rig_open_store(&rig);
    rig_ready(&rig);
    rig_create_begin(&rig, &request, &created);
    store_destroy(rig.store);
    rig.store = mine;
    assert_true(created.came);
    assert_int_equal(created.err.code, ERR_UNAVAILABLE);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        records_test(a_new_deployment_has_a_number_and_a_place_in_the_lane),
        records_test(a_deployment_is_read_as_it_was_created),
        records_test(the_same_request_twice_is_one_deployment),
        records_test(a_plan_that_is_too_large_is_refused),
        records_test(a_creation_waits_for_redis_to_come_back),
        records_test(a_creation_under_way_ends_with_the_store),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
