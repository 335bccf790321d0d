/* What stands in the way of a new deployment, checked in the commit that would create it; and what is settled in it from
 * the start. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"
#include "core/resume.h"
#include "fakes/plan_builder.h"
#include "fakes/store_rig.h"
#include "store/freezes.h"
#include "store/records.h"

static struct store_rig rig;
static struct arena *arena;
static struct plan *plan;

static int set_up(void **state) {
    (void)state;
    rig_open(&rig);
    arena = arena_create();
    plan = plan_builder_create(arena, 3);
    plan_builder_step_on_all(plan, "Install", arena);
    plan_builder_step_on_all(plan, "Restart", arena);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    rig_close(&rig);
    arena_destroy(arena);
    return 0;
}

static struct new_deployment request_of(enum origin origin, uint64_t about, const struct deployment *begun) {
    return (struct new_deployment){
        .plan = plan,
        .version = "1.4.2",
        .actor = "alice",
        .via = "cli",
        .guided_flag = -1,
        .origin = origin,
        .origin_id = about,
        .begun = begun,
        .now_ms = 1000,
    };
}

static struct rig_created deploy(void) {
    const struct new_deployment request = request_of(ORIGIN_DEPLOY, 0, NULL);
    return rig_create(&rig, &request);
}

struct came {
    bool done;
    struct err err;
};

static bool is_done(void *user) {
    return ((struct came *)user)->done;
}

static void frozen(const struct err *err, void *user) {
    struct came *came = user;
    *came = (struct came){.done = true};
    if (err != NULL) {
        came->err = *err;
    }
}

static struct came freeze(bool freezes, const char *event_id) {
    struct came came = {0};
    const struct freeze what = {
        .environment = "production", .actor = "carol", .via = "slack", .reason = "release week", .when_ms = 1};
    (freezes ? store_freeze : store_unfreeze)(rig.store, &what, event_id, frozen, &came);
    rig_until(&rig, is_done, &came);
    return came;
}

static void nothing_is_created_where_it_is_frozen(void **state) {
    (void)state;
    assert_int_equal(deploy().id, 1);
    assert_int_equal(freeze(true, NULL).err.code, ERR_NONE);
    struct rig_created refused = deploy();
    assert_int_equal(refused.err.code, ERR_CONFLICT);
    assert_non_null(strstr(refused.err.text, "production is frozen by carol since "));
    assert_non_null(strstr(refused.err.text, ": release week. Nothing was started."));
    assert_string_equal(rig_call(&rig, "ZCARD", "t:deployments"), "1");
    assert_string_equal(rig_call(&rig, "LLEN", "t:lane:webshop/production"), "1");
    plan->environment = "staging";
    assert_int_equal(deploy().err.code, ERR_NONE);
    plan->environment = "production";
    assert_int_equal(freeze(false, NULL).err.code, ERR_NONE);
    assert_int_equal(deploy().err.code, ERR_NONE);
}

/* It was changed by another server after permission was checked here. */
static void nothing_is_created_by_a_configuration_that_is_no_longer_in_force(void **state) {
    (void)state;
    struct new_deployment request = request_of(ORIGIN_DEPLOY, 0, NULL);
    request.generation = "g1";
    request.event_id = "key-1";
    (void)rig_call(&rig, "SET", "t:config", "g2");
    struct rig_created refused = rig_create(&rig, &request);
    assert_int_equal(refused.err.code, ERR_DENIED);
    assert_string_equal(
        refused.err.text,
        "The configuration has just changed, and who may deploy with it. Nothing was started; try again.");
    assert_string_equal(rig_call(&rig, "ZCARD", "t:deployments"), "0");
    request.generation = "g2";
    struct rig_created created = rig_create(&rig, &request);
    assert_int_equal(created.err.code, ERR_NONE);
    request.generation = "g1"; /* The same request once more is told what became of it. */
    assert_int_equal(rig_create(&rig, &request).id, created.id);
}

static void a_freeze_is_made_once_and_ended_once(void **state) {
    (void)state;
    assert_string_equal(freeze(false, NULL).err.text, "production is not frozen.");
    assert_string_equal(freeze(false, "key-0").err.text, "production is not frozen.");
    assert_int_equal(freeze(true, "key-1").err.code, ERR_NONE);
    assert_int_equal(freeze(true, "key-1").err.code, ERR_NONE); /* the same request, sent again */
    assert_int_equal(freeze(true, "key-2").err.code, ERR_CONFLICT);
    assert_int_equal(freeze(true, NULL).err.code, ERR_CONFLICT);
    assert_int_equal(freeze(false, "key-3").err.code, ERR_NONE);
    assert_int_equal(freeze(false, "key-3").err.code, ERR_NONE);
    assert_string_equal(rig_call(&rig, "HLEN", "t:freezes"), "0");
}

struct audited {
    bool done;
    size_t count;
    char what[2][32], hash[65];
};

static bool was_audited(void *user) {
    return ((struct audited *)user)->done;
}

static void audit_came(const struct audit_entry *entries, size_t count, const struct err *err, void *user) {
    struct audited *audited = user;
    assert_null(err);
    audited->done = true;
    audited->count = count;
    for (size_t i = 0; i < count && i < 2; i++) {
        (void)snprintf(audited->what[i], sizeof audited->what[i], "%s by %s", entries[i].what, entries[i].actor);
        (void)snprintf(audited->hash, sizeof audited->hash, "%s", entries[i].hash);
    }
}

static void who_froze_what_is_written_down_in_a_chain(void **state) {
    (void)state;
    struct audited audited = {0};
    (void)freeze(true, NULL);
    (void)freeze(false, NULL);
    store_read_environment_audit(rig.store, "production", audit_came, &audited);
    rig_until(&rig, was_audited, &audited);
    assert_int_equal(audited.count, 2);
    assert_string_equal(audited.what[0], "frozen by carol");
    assert_string_equal(audited.what[1], "unfrozen by carol");
    assert_string_equal(rig_call(&rig, "HGET", "t:audit:env", "production"), audited.hash);
}

/* web-1 was done, web-2 excluded. */
static struct deployment *begin(void) {
    struct deployment *of = arena_alloc(arena, sizeof *of);
    deployment_init(of, plan, arena);
    deployment_run(of, 0, 0)->state = RUN_SUCCEEDED;
    deployment_run(of, 0, 1)->state = RUN_EXCLUDED;
    deployment_run(of, 0, 2)->state = RUN_FAILED;
    deployment_restore(of);
    return resume_begin(of, RESUME_UNSAID, arena);
}

static void what_is_settled_from_the_start_is_stored_with_the_deployment(void **state) {
    (void)state;
    uint64_t first = deploy().id;
    const struct new_deployment request = request_of(ORIGIN_RESUME, first, begin());
    struct rig_created created = rig_create(&rig, &request);
    assert_int_equal(created.err.code, ERR_NONE);
    struct deployment_record *record = rig_load(&rig, created.id);
    const struct deployment *d = record->deployment;
    assert_int_equal(d->origin, ORIGIN_RESUME);
    assert_int_equal(d->origin_id, first);
    assert_true(d->warned);
    assert_int_equal(d->excluded_count, 1);
    assert_int_equal(d->excluded_intake, 1);
    assert_int_equal(deployment_run(d, 0, 0)->state, RUN_SUCCEEDED);
    assert_true(deployment_run(d, 0, 0)->earlier);
    assert_int_equal(deployment_run(d, 0, 1)->state, RUN_EXCLUDED);
    assert_int_equal(deployment_run(d, 1, 1)->state, RUN_EXCLUDED);
    assert_int_equal(deployment_run(d, 0, 2)->state, RUN_PENDING);
    assert_int_equal(d->steps[0].earlier, 2);
    deployment_record_free(record);
    record = rig_load(&rig, first);
    assert_int_equal(record->deployment->resumed_by, created.id);
    deployment_record_free(record);
}

static void of_two_resumes_the_second_is_refused_and_so_is_one_that_something_followed(void **state) {
    (void)state;
    uint64_t first = deploy().id;
    struct new_deployment request = request_of(ORIGIN_RESUME, first, begin());
    struct rig_created one, other;
    rig_create_begin(&rig, &request, &one);
    rig_create_begin(&rig, &request, &other);
    (void)rig_created(&rig, &one);
    (void)rig_created(&rig, &other);
    assert_true((one.err.code == ERR_NONE) != (other.err.code == ERR_NONE));
    assert_string_equal(rig_call(&rig, "ZCARD", "t:deployments"), "2");
    uint64_t third = deploy().id;
    (void)deploy();
    request.origin_id = third;
    struct rig_created late = rig_create(&rig, &request);
    assert_int_equal(late.err.code, ERR_CONFLICT);
    assert_non_null(strstr(late.err.text, "came after D"));
    assert_non_null(strstr(late.err.text, "deploy webshop 1.4.2 to production"));
}

/* More than fit into one command of the script. */
static void very_many_settled_runs_are_stored(void **state) {
    (void)state;
    enum { TARGETS = 2500 };
    plan = plan_builder_create(arena, TARGETS);
    plan_builder_step_on_all(plan, "Install", arena);
    plan_builder_step_on_all(plan, "Restart", arena);
    uint64_t first = deploy().id;
    struct deployment *of = arena_alloc(arena, sizeof *of);
    deployment_init(of, plan, arena);
    for (size_t slot = 0; slot < TARGETS; slot++) {
        deployment_run(of, 0, slot)->state = RUN_SUCCEEDED;
        deployment_run(of, 1, slot)->state = slot == 7 ? RUN_FAILED : RUN_SUCCEEDED;
    }
    deployment_restore(of);
    const struct new_deployment request = request_of(ORIGIN_RESUME, first, resume_begin(of, RESUME_UNSAID, arena));
    struct rig_created created = rig_create(&rig, &request);
    assert_int_equal(created.err.code, ERR_NONE);
    assert_string_equal(rig_call(&rig, "HLEN", arena_printf(arena, "t:dep:%llu:runs", (unsigned long long)created.id)),
                        "4999");
    struct deployment_record *record = rig_load(&rig, created.id);
    assert_int_equal(record->deployment->steps[1].by_state[RUN_PENDING], 1);
    deployment_record_free(record);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(nothing_is_created_where_it_is_frozen),
        TEST(nothing_is_created_by_a_configuration_that_is_no_longer_in_force),
        TEST(a_freeze_is_made_once_and_ended_once),
        TEST(who_froze_what_is_written_down_in_a_chain),
        TEST(what_is_settled_from_the_start_is_stored_with_the_deployment),
        TEST(of_two_resumes_the_second_is_refused_and_so_is_one_that_something_followed),
        TEST(very_many_settled_runs_are_stored),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
