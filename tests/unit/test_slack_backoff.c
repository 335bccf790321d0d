#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "chat/slack/backoff.h"

static void pauses_are_drawn_from_the_range_of_the_trouble(void **state) {
    (void)state;
    static const struct {
        enum backoff_cause cause;
        unsigned failures;
        int64_t retry_after_ms, least_ms, most_ms;
    } cases[] = {
        {BACKOFF_DROPPED, 0, 0, 0, 500},
        {BACKOFF_DROPPED, 1, 0, 200, 1000}, /* it did not last */
        {BACKOFF_NETWORK, 0, 0, 200, 500},
        {BACKOFF_NETWORK, 1, 0, 200, 1000},
        {BACKOFF_NETWORK, 3, 0, 200, 4000},
        {BACKOFF_NETWORK, 6, 0, 200, 30000},
        {BACKOFF_NETWORK, 4000000000U, 0, 200, 30000},
        {BACKOFF_TOO_MANY, 0, 0, 30000, 60000},
        {BACKOFF_TOO_MANY, 100, 0, 30000, 300000},
        {BACKOFF_LINK_DISABLED, 0, 0, 60000, 120000},
        {BACKOFF_LINK_DISABLED, 100, 0, 60000, 600000},
        {BACKOFF_NETWORK, 0, 30000, 30200, 30500}, /* what Slack asks for, and not all at once */
        {BACKOFF_LINK_DISABLED, 0, 5000, 60000, 120000},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        static const uint32_t randoms[] = {0, UINT32_MAX, UINT32_MAX / 2};
        int64_t pauses_ms[3];
        for (size_t j = 0; j < 3; j++) {
            struct backoff backoff = {.failures = cases[i].failures};
            pauses_ms[j] = backoff_next_ms(&backoff, cases[i].cause, cases[i].retry_after_ms, randoms[j]);
            assert_int_equal(backoff.gravest, cases[i].cause);
        }
        if (pauses_ms[0] != cases[i].least_ms || pauses_ms[1] != cases[i].most_ms) {
            fail_msg("case %zu: %lld to %lld", i, (long long)pauses_ms[0], (long long)pauses_ms[1]);
        }
        assert_in_range(pauses_ms[2], cases[i].least_ms, cases[i].most_ms + 1000);
    }
}

static void a_grave_trouble_is_remembered_until_a_connection_lasts(void **state) {
    (void)state;
    struct backoff backoff = {0};
    assert_int_equal(backoff_next_ms(&backoff, BACKOFF_NETWORK, 0, 0), 200);
    assert_int_equal(backoff_next_ms(&backoff, BACKOFF_TOO_MANY, 0, 0), 30000);
    /* At most three attempts a minute, whatever goes wrong in between. */
    assert_int_equal(backoff_next_ms(&backoff, BACKOFF_NETWORK, 0, 0), 30000);
    assert_int_equal(backoff_next_ms(&backoff, BACKOFF_DROPPED, 0, 0), 30000);
    assert_int_equal(backoff_next_ms(&backoff, BACKOFF_LINK_DISABLED, 0, 0), 60000);
    assert_int_equal(backoff_next_ms(&backoff, BACKOFF_TOO_MANY, 0, 0), 60000);
    assert_int_equal(backoff.failures, 6);
    backoff = (struct backoff){0};
    assert_int_equal(backoff_next_ms(&backoff, BACKOFF_DROPPED, 0, 0), 0);
    assert_int_equal(backoff_next_ms(&backoff, BACKOFF_DROPPED, 0, 0), 200);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pauses_are_drawn_from_the_range_of_the_trouble),
        cmocka_unit_test(a_grave_trouble_is_remembered_until_a_connection_lasts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
