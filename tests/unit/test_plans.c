/* The plans that a worker keeps. What is freed too early or never the sanitizer finds. */

#include "exec/plans.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

enum { KEPT = 16 };

static const char *hash(unsigned number) {
    static char text[16];
    (void)snprintf(text, sizeof text, "plan-%u", number);
    return text;
}

static struct shared_plan *add(struct plans *plans, unsigned number) {
    struct arena *arena = arena_create();
    struct plan *plan = arena_alloc(arena, sizeof *plan);
    plan->project = arena_strdup(arena, hash(number));
    return plans_add(plans, hash(number), plan, arena);
}

/* As for a run that needs it for a moment. */
static bool find(struct plans *plans, unsigned number) {
    struct shared_plan *found = plans_find(plans, hash(number));
    if (found != NULL) {
        assert_string_equal(found->plan->project, hash(number));
    }
    plan_release(found);
    return found != NULL;
}

static void what_was_added_is_found_under_its_name(void **state) {
    (void)state;
    struct plans *plans = plans_create();
    assert_false(find(plans, 1));
    plan_release(add(plans, 1));
    assert_true(find(plans, 1));
    assert_false(find(plans, 2));
    plans_destroy(plans);
}

static void what_was_asked_for_several_times_at_once_is_kept_once(void **state) {
    (void)state;
    struct plans *plans = plans_create();
    struct shared_plan *first = add(plans, 1), *second = add(plans, 1);
    assert_ptr_equal(first, second);
    plan_release(first);
    assert_string_equal(second->plan->project, "plan-1");
    plan_release(second);
    plans_destroy(plans);
}

static void what_was_needed_longest_ago_goes(void **state) {
    (void)state;
    struct plans *plans = plans_create();
    for (unsigned i = 0; i < KEPT; i++) {
        plan_release(add(plans, i));
    }
    assert_true(find(plans, 0));
    plan_release(add(plans, KEPT));
    assert_false(find(plans, 1));
    assert_true(find(plans, 0));
    for (unsigned i = 2; i <= KEPT; i++) {
        assert_true(find(plans, i));
    }
    plans_destroy(plans);
}

static void what_is_held_stays_however_many_come_after_it(void **state) {
    (void)state;
    struct plans *plans = plans_create();
    struct shared_plan *held = add(plans, 0);
    for (unsigned i = 1; i <= 2 * KEPT; i++) {
        plan_release(add(plans, i));
    }
    assert_false(find(plans, 0));
    assert_string_equal(held->plan->project, "plan-0");
    struct shared_plan *last = plans_find(plans, hash(2 * KEPT));
    plans_destroy(plans);
    assert_string_equal(held->plan->project, "plan-0");
    assert_string_equal(last->plan->project, hash(2 * KEPT));
    plan_release(held);
    plan_release(last);
    plan_release(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_added_is_found_under_its_name),
        cmocka_unit_test(what_was_asked_for_several_times_at_once_is_kept_once),
        cmocka_unit_test(what_was_needed_longest_ago_goes),
        cmocka_unit_test(what_is_held_stays_however_many_come_after_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
