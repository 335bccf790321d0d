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
        int64_t least_ms = backoff_ms(cases[i].cause, cases[i].failures, cases[i].retry_after_ms, 0);
        int64_t most_ms = backoff_ms(cases[i].cause, cases[i].failures, cases[i].retry_after_ms, UINT32_MAX);
        if (least_ms != cases[i].least_ms || most_ms != cases[i].most_ms) {
            fail_msg("case %zu: %lld to %lld", i, (long long)least_ms, (long long)most_ms);
        }
        int64_t half_ms = backoff_ms(cases[i].cause, cases[i].failures, cases[i].retry_after_ms, UINT32_MAX / 2);
        assert_in_range(half_ms, least_ms, most_ms + 1000);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pauses_are_drawn_from_the_range_of_the_trouble),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
