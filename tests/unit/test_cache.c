#include "app/cache.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/limits.h"

static struct cache *cache;

static int set_up(void **state) {
    (void)state;
    cache = cache_create();
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    cache_destroy(cache);
    return 0;
}

static struct deployment_record *put(uint64_t id) {
    struct arena *arena = arena_create();
    struct deployment_record *record = arena_alloc(arena, sizeof *record);
    record->arena = arena;
    record->deployment = arena_alloc(arena, sizeof *record->deployment);
    record->deployment->id = id;
    cache_put(cache, record);
    return record;
}

static void a_few_that_rest_stay_at_hand(void **state) {
    (void)state;
    for (uint64_t id = 1; id <= LIMIT_CACHE_RESTING; id++) {
        (void)put(id);
        cache_rest(cache, id);
    }
    for (uint64_t id = 1; id <= LIMIT_CACHE_RESTING; id++) {
        assert_non_null(cache_find(cache, id));
    }
}

static void who_rests_longest_makes_room(void **state) {
    (void)state;
    for (uint64_t id = 1; id <= 3 * LIMIT_CACHE_RESTING; id++) {
        (void)put(id);
        cache_rest(cache, id);
    }
    for (uint64_t id = 1; id <= 3 * LIMIT_CACHE_RESTING; id++) {
        assert_true((cache_find(cache, id) != NULL) == (id > 2 * LIMIT_CACHE_RESTING));
    }
}

static void who_is_active_again_is_not_driven_out(void **state) {
    (void)state;
    struct deployment_record *active = put(1);
    cache_rest(cache, 1);
    active->deployment->active = 1;
    for (uint64_t id = 2; id <= 3 * LIMIT_CACHE_RESTING; id++) {
        (void)put(id);
        cache_rest(cache, id);
    }
    assert_ptr_equal(cache_find(cache, 1), active);
    active->deployment->active = 0;
    cache_rest(cache, 1);
    assert_ptr_equal(cache_find(cache, 1), active);
}

static void who_comes_to_rest_again_and_again_stays(void **state) {
    (void)state;
    const struct deployment_record *record = put(1);
    for (int i = 0; i < 3 * LIMIT_CACHE_RESTING; i++) {
        cache_rest(cache, 1);
    }
    assert_ptr_equal(cache_find(cache, 1), record);
}

static void a_big_one_does_not_stay(void **state) {
    (void)state;
    struct deployment_record *record = put(1);
    (void)arena_alloc(record->arena, LIMIT_CACHE_RESTING_BYTES);
    cache_rest(cache, 1);
    assert_null(cache_find(cache, 1));
    cache_rest(cache, 2); /* that was never there */
    assert_null(cache_find(cache, 2));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_few_that_rest_stay_at_hand, set_up, tear_down),
        cmocka_unit_test_setup_teardown(who_rests_longest_makes_room, set_up, tear_down),
        cmocka_unit_test_setup_teardown(who_is_active_again_is_not_driven_out, set_up, tear_down),
        cmocka_unit_test_setup_teardown(who_comes_to_rest_again_and_again_stays, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_big_one_does_not_stay, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
