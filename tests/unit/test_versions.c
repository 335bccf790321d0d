/* Which version a lane and its machines have, after deployments that succeeded. */

#include "fakes/records_test.h"

#include <stdio.h>

static bool seen;
static char lines[4096];

static void versions_came(const struct version_row *rows, size_t count, const struct err *err, void *user) {
    (void)user;
    assert_null(err);
    for (size_t i = 0; i < count; i++) {
        size_t size = strlen(lines);
        (void)snprintf(lines + size, sizeof lines - size, "%s/%s/%s=%s by %llu at %lld;", rows[i].project,
                       rows[i].environment, rows[i].target, rows[i].confirmed.version,
                       (unsigned long long)rows[i].confirmed.deployment, (long long)rows[i].confirmed.when_ms);
    }
    seen = true;
}

static bool was_seen(void *user) {
    (void)user;
    return seen;
}

static void a_success_is_the_previous_version_of_the_next(void **state) {
    (void)state;
    struct deployment_record *record = create(make_plan(2, 1));
    give(record->deployment, &(struct event){.kind = EVENT_ADMITTED, .now_ms = 1500});
    run_to_end(record->deployment, 0, 0, 0);
    run_to_end(record->deployment, 0, 1, 0);
    assert_int_equal(record->deployment->state, DEPLOYMENT_SUCCEEDED);
    deployment_record_free(record);
    record = create(make_plan(2, 1));
    assert_string_equal(record->deployment->previous_version, "1.4.2");
    deployment_record_free(record);
    seen = false;
    lines[0] = '\0';
    store_list_versions(rig.store, versions_came, NULL);
    rig_until(&rig, was_seen, NULL);
    assert_non_null(strstr(lines, "shop/production/web-1=1.4.2 by 1 at 3000;"));
    assert_non_null(strstr(lines, "shop/production/web-2=1.4.2 by 1 at 3000;"));
    assert_non_null(strstr(lines, "shop/production/=1.4.2 by 1 at 3000;"));
}

static const char *history;

static void history_came(const struct confirmed_row *rows, size_t count, const struct err *err, void *user) {
    static char text[256];
    (void)user;
    assert_null(err);
    text[0] = '\0';
    for (size_t i = 0; i < count; i++) {
        size_t size = strlen(text);
        (void)snprintf(text + size, sizeof text - size, "%llu%s ", (unsigned long long)rows[i].version.deployment,
                       rows[i].partial ? " partial" : "");
    }
    history = text;
}

static bool history_is_there(void *user) {
    (void)user;
    return history != NULL;
}

/* What it brought to some machines is written down, but the lane has what it had. */
static void what_succeeds_on_a_part_is_no_version_of_the_lane(void **state) {
    (void)state;
    struct plan *plan = make_plan(2, 1);
    plan->partial = true;
    struct deployment_record *record = create(plan);
    give(record->deployment, &(struct event){.kind = EVENT_ADMITTED, .now_ms = 1500});
    run_to_end(record->deployment, 0, 0, 0);
    run_to_end(record->deployment, 0, 1, 0);
    assert_int_equal(record->deployment->state, DEPLOYMENT_SUCCEEDED);
    deployment_record_free(record);
    record = create(make_plan(2, 1));
    assert_null(record->deployment->previous_version);
    deployment_record_free(record);
    history = NULL;
    store_list_confirmed(rig.store, "shop", "production", history_came, NULL);
    rig_until(&rig, history_is_there, NULL);
    assert_string_equal(history, "1 partial ");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        records_test(a_success_is_the_previous_version_of_the_next),
        records_test(what_succeeds_on_a_part_is_no_version_of_the_lane),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
