/* What has to be started comes before what is shown of it. */

#include "fakes/reconciler_test.h"

#include "base/clock.h"

static size_t count_calls_from(int64_t since_ms) {
    size_t count = 0;
    for (size_t i = 0; i < fake->call_count; i++) {
        count += fake->calls[i].at_ms >= since_ms;
    }
    return count;
}

static void of_many_that_change_at_once_all_but_a_few_are_drawn_later(void **state) {
    (void)state;
    for (int i = 0; i < 10; i++) {
        leader_create(&leader, "deploys");
    }
    int64_t since = clock_monotonic_ms();
    for (uint64_t id = 1; id <= 10; id++) {
        tell(id);
    }
    wait_for_messages(10);
    assert_in_range(count_calls_from(since + 24), 6, 10);
}

static void a_platform_may_be_drawn_a_while_after_a_change(void **state) {
    (void)state;
    reconciler_destroy(reconciler);
    reconciler = reconciler_create(&(struct reconciler_options){.loop = rig.loop,
                                                                .store = rig.store,
                                                                .chat = &fake->chat,
                                                                .hold_ms = 50,
                                                                .config = the_config,
                                                                .leads_surely = leads_surely,
                                                                .fence = fence});
    reconciler_lead(reconciler, true);
    int64_t since = clock_monotonic_ms();
    tell(leader_create(&leader, "deploys"));
    wait_for("D1-status", NULL);
    assert_int_equal(count_calls_from(since + 49), 1);
    assert_int_equal(fake->call_count, 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        reconciler_test(of_many_that_change_at_once_all_but_a_few_are_drawn_later),
        reconciler_test(a_platform_may_be_drawn_a_while_after_a_change),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
