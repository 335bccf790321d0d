/* Lists of deployments and questions, in their order and in pages. */

#include "fakes/records_test.h"

#include <stdio.h>

struct ids {
    bool came;
    char text[256];
    uint64_t total;
    struct err err;
};

static void ids_came(const uint64_t *ids, size_t count, uint64_t total, const struct err *err, void *user) {
    struct ids *list = user;
    list->came = true;
    list->total = total;
    for (size_t i = 0; i < count; i++) {
        size_t size = strlen(list->text);
        (void)snprintf(list->text + size, sizeof list->text - size, "%s%llu", i > 0 ? " " : "",
                       (unsigned long long)ids[i]);
    }
    if (err != NULL) {
        list->err = *err;
    }
}

static bool has_ids(void *user) {
    return ((struct ids *)user)->came;
}

static void expect_ids(struct ids *list, const char *text, uint64_t total) {
    rig_until(&rig, has_ids, list);
    assert_int_equal(list->err.code, ERR_NONE);
    assert_string_equal(list->text, text);
    assert_int_equal(list->total, total);
    *list = (struct ids){0};
}

static void lists_are_in_order_and_in_pages(void **state) {
    (void)state;
    struct ids list = {0};
    store_list_deployments(rig.store, 0, 10, ids_came, &list);
    expect_ids(&list, "", 0);
    store_list_questions(rig.store, 0, 10, ids_came, &list);
    expect_ids(&list, "", 0);
    struct deployment_record *record = make_asking(5);
    for (int i = 0; i < 11; i++) {
        deployment_record_free(create(make_plan(1, 1)));
    }
    store_list_deployments(rig.store, 0, 3, ids_came, &list);
    expect_ids(&list, "12 11 10", 12);
    store_list_deployments(rig.store, 10, 5, ids_came, &list);
    expect_ids(&list, "2 1", 12);
    store_list_deployments(rig.store, 0, 0, ids_came, &list);
    expect_ids(&list, "", 12);
    store_list_questions(rig.store, 0, 2, ids_came, &list);
    expect_ids(&list, "5 4", 5);
    store_list_questions(rig.store, 4, 9, ids_came, &list);
    expect_ids(&list, "1", 5);
    store_list_questions(rig.store, 9, 9, ids_came, &list);
    expect_ids(&list, "", 5);
    store_list_live(rig.store, ids_came, &list);
    expect_ids(&list, "1 2 3 4 5 6 7 8 9 10 11 12", 12);
    store_list_lane(rig.store, "shop", "production", ids_came, &list);
    expect_ids(&list, "1 2 3 4 5 6 7 8 9 10 11 12", 12);
    store_list_lane(rig.store, "shop", "test", ids_came, &list);
    expect_ids(&list, "", 0);
    deployment_record_free(record);
}

struct several {
    bool came;
    char text[1024];
    struct err err;
};

static void several_came(struct deployment_record **records, size_t count, const struct err *err, void *user) {
    struct several *several = user;
    several->came = true;
    for (size_t i = 0; i < count; i++) {
        size_t size = strlen(several->text);
        (void)snprintf(several->text + size, sizeof several->text - size, "%s%llu", i > 0 ? " " : "",
                       (unsigned long long)records[i]->deployment->id);
        deployment_record_free(records[i]);
    }
    if (err != NULL) {
        several->err = *err;
    }
}

static bool has_several(void *user) {
    return ((struct several *)user)->came;
}

static void several_are_read_in_the_order_asked_for(void **state) {
    (void)state;
    struct several several = {0};
    uint64_t ids[100];
    for (size_t i = 0; i < 100; i++) {
        ids[i] = 100 - i;
    }
    for (int i = 0; i < 50; i++) {
        deployment_record_free(create(make_plan(1, 1)));
    }
    store_load_deployments(rig.store, ids, 100, several_came, &several);
    assert_false(several.came);
    rig_until(&rig, has_several, &several);
    assert_int_equal(strncmp(several.text, "50 49 48 47", 11), 0);
    assert_non_null(strstr(several.text, " 3 2 1"));

    several = (struct several){0};
    store_load_deployments(rig.store, ids, 0, several_came, &several);
    assert_false(several.came);
    rig_until(&rig, has_several, &several);
    assert_int_equal(several.err.code, ERR_NONE);

    several = (struct several){0};
    struct store *mine = rig.store;
    struct store *other = rig_open_store(&rig);
    while (!store_is_ready(other)) {
        rig_run_ms(&rig, 1);
    }
    store_load_deployments(other, ids, 100, several_came, &several);
    store_destroy(other);
    assert_true(several.came);
    assert_int_equal(several.err.code, ERR_UNAVAILABLE);
    rig.store = mine;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        records_test(lists_are_in_order_and_in_pages),
        records_test(several_are_read_in_the_order_asked_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
