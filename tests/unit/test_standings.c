/* What outlives a deployment about machines: what they are owed, and since when. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "fakes/plan_builder.h"
#include "fakes/store_rig.h"
#include "store/records.h"

static struct store_rig rig;
static struct arena *arena;
static struct plan *plan;

static int set_up(void **state) {
    (void)state;
    rig_open(&rig);
    arena = arena_create();
    plan = plan_builder_create(arena, 1);
    plan_builder_step_on_all(plan, "Install", arena);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    rig_close(&rig);
    arena_destroy(arena);
    return 0;
}

static bool seen;
static char line[512];

static bool was_seen(void *user) {
    (void)user;
    return seen;
}

static void committed(const struct commit_reply *reply, void *user) {
    (void)user;
    assert_int_equal(reply->result, COMMIT_DONE);
    seen = true;
}

typedef void standing(struct commit *commit, const struct deployment *d, const char *target, int64_t now_ms);

/* The deployment of this number and version did it to web-1. */
static void lead(standing *what, uint64_t id, const char *version, int64_t now_ms) {
    struct deployment d;
    deployment_init(&d, plan, arena);
    d.id = id;
    d.version = version;
    struct commit *commit = commit_create(rig.store, NULL);
    what(commit, &d, "web-1", now_ms);
    seen = false;
    commit_send(commit, committed, NULL);
    rig_until(&rig, was_seen, NULL);
}

static void rows_came(const struct version_row *rows, size_t count, const struct err *err, void *user) {
    (void)user;
    assert_null(err);
    assert_int_equal(count, 1);
    const struct version *owed = &rows[0].owed;
    (void)snprintf(line, sizeof line, "%s", "nothing");
    if (owed->version != NULL) {
        (void)snprintf(line, sizeof line, "%s since D%llu at %lld", owed->version, (unsigned long long)owed->deployment,
                       (long long)owed->when_ms);
    }
    seen = true;
}

static const char *owed(void) {
    seen = false;
    store_list_versions(rig.store, rows_came, NULL);
    rig_until(&rig, was_seen, NULL);
    return line;
}

static void a_debt_is_as_old_as_the_first_exclude_and_about_the_newest_version(void **state) {
    (void)state;
    lead(commit_owed, 311, "1.4.2", 1000);
    assert_string_equal(owed(), "1.4.2 since D311 at 1000");
    lead(commit_owed, 312, "1.4.1", 2000); /* a rollback that excluded it again */
    assert_string_equal(owed(), "1.4.1 since D311 at 1000");
    lead(commit_deployed, 313, "1.4.1", 3000);
    assert_string_equal(owed(), "nothing");
    lead(commit_owed, 314, "1.4.3", 4000);
    assert_string_equal(owed(), "1.4.3 since D314 at 4000");
}

/* As it was stored before versions were told apart from dates. */
static void a_debt_of_old_is_read(void **state) {
    (void)state;
    (void)rig_call(&rig, "HSET", "t:owed", "shop/production/web-1", "1.4.2 311 1000");
    assert_string_equal(owed(), "1.4.2 since D311 at 1000");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_debt_is_as_old_as_the_first_exclude_and_about_the_newest_version, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_debt_of_old_is_read, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
