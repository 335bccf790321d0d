#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/limits.h"
#include "base/mem.h"
#include "chat/slack/pacing.h"

enum { MINUTE_MS = 60000 };

static void a_meter_lets_a_burst_through_and_then_one_an_interval(void **state) {
    (void)state;
    static const struct {
        struct pacing_rate rate;
        int64_t at_ms, when_ms; /* each is taken at when_ms */
    } steps[] = {
        {{1000, 3}, 0, 0},       {{1000, 3}, 0, 0},       {{1000, 3}, 0, 0},         {{1000, 3}, 0, 1000},
        {{1000, 3}, 1000, 2000}, {{1000, 3}, 2500, 3000}, {{1000, 3}, 6500, 6500},   {{1000, 3}, 6500, 6500},
        {{1000, 3}, 6500, 6500}, {{1000, 3}, 6501, 7500}, {{1000, 3}, 60000, 60000},
    };
    struct pacing *pacing = pacing_create();
    uint64_t meter = pacing_meter("channel", "C1");
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        assert_int_equal(pacing_when(pacing, meter, &steps[i].rate, steps[i].at_ms), steps[i].when_ms);
        pacing_take(pacing, meter, &steps[i].rate, steps[i].when_ms);
    }
    /* Its neighbour is another. */
    assert_int_equal(pacing_when(pacing, pacing_meter("channel", "C2"), &steps[0].rate, 60000), 60000);
    pacing_destroy(pacing);
}

/* Whoever takes all that he gets never has more than the rate in any minute, and not much less either. */
static void no_minute_has_more_than_the_rate(void **state) {
    (void)state;
    static const int64_t rates[] = {1, 2, 5, 20, 50, 100, 300};
    for (size_t i = 0; i < sizeof rates / sizeof rates[0]; i++) {
        struct pacing *pacing = pacing_create();
        struct pacing_rate rate = pacing_per_minute(rates[i]);
        int64_t taken_ms[4000];
        int64_t count = 0;
        for (int64_t now_ms = 0; now_ms < 10 * MINUTE_MS;) {
            now_ms = pacing_when(pacing, 7, &rate, now_ms);
            pacing_take(pacing, 7, &rate, now_ms);
            taken_ms[count++] = now_ms;
        }
        for (int64_t each = rates[i]; each < count; each++) {
            assert_true(taken_ms[each] - taken_ms[each - rates[i]] >= MINUTE_MS);
        }
        assert_true(count >= 10 * rates[i] * 3 / 4);
        pacing_destroy(pacing);
    }
}

static void a_hold_counts_whatever_the_rate_and_ends(void **state) {
    (void)state;
    struct pacing *pacing = pacing_create();
    const struct pacing_rate rate = {1000, 1};
    pacing_hold(pacing, 7, 5000, 100);
    assert_int_equal(pacing_when(pacing, 7, &rate, 200), 5000);
    assert_int_equal(pacing_when(pacing, 7, NULL, 200), 5000);
    pacing_hold(pacing, 7, 3000, 300); /* the longer one counts */
    assert_int_equal(pacing_when(pacing, 7, &rate, 300), 5000);
    assert_int_equal(pacing_when(pacing, 7, &rate, 5000), 5000);
    pacing_take(pacing, 7, &rate, 5000);
    assert_int_equal(pacing_when(pacing, 7, &rate, 5001), 6000);
    assert_int_equal(pacing_when(pacing, 7, NULL, 5001), 5001);
    pacing_destroy(pacing);
}

static void meters_that_remember_nothing_are_forgotten_and_the_others_are_not(void **state) {
    (void)state;
    struct pacing *pacing = pacing_create();
    const struct pacing_rate rate = {1000, 1}, long_rate = {1000000, 1};
    pacing_take(pacing, pacing_meter("long", ""), &long_rate, 0);
    for (int64_t i = 0; i < 100000; i++) {
        char name[32];
        (void)snprintf(name, sizeof name, "C%d", (int)i);
        uint64_t meter = pacing_meter("channel", name);
        pacing_take(pacing, meter, &rate, i);
        assert_int_equal(pacing_when(pacing, meter, &rate, i), i + 1000);
        assert_true(pacing_count(pacing) < 5000); /* 1000 of them are of the last second */
    }
    assert_int_equal(pacing_when(pacing, pacing_meter("long", ""), &long_rate, 100000), 1000000);
    for (int i = 99100; i < 100000; i++) {
        char name[32];
        (void)snprintf(name, sizeof name, "C%d", i);
        assert_int_equal(pacing_when(pacing, pacing_meter("channel", name), &rate, 100000), i + 1000);
    }
    pacing_destroy(pacing);
    pacing_destroy(NULL);
}

static void kind_and_name_make_the_meter(void **state) {
    (void)state;
    assert_true(pacing_meter("a", "bc") == pacing_meter("a", "bc"));
    assert_true(pacing_meter("a", "bc") != pacing_meter("ab", "c"));
    assert_true(pacing_meter("a", "") != pacing_meter("", "a"));
    assert_true(pacing_meter("", "") != 0);
}

static void pauses_double_up_to_the_longest_and_are_drawn_from_the_whole(void **state) {
    (void)state;
    static const struct {
        unsigned attempts;
        int64_t most_ms;
    } cases[] = {{1, 500}, {2, 1000}, {3, 2000}, {6, 16000}, {7, 30000}, {1000000, 30000}};
    assert_int_equal(LIMIT_SLACK_PAUSE_MS, 500);
    assert_int_equal(LIMIT_SLACK_PAUSE_MAX_MS, 30000);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(pacing_pause_ms(cases[i].attempts, 0), 0);
        assert_int_equal(pacing_pause_ms(cases[i].attempts, (uint64_t)cases[i].most_ms), cases[i].most_ms);
        for (uint64_t random = 0; random < 1000; random++) {
            assert_in_range(pacing_pause_ms(cases[i].attempts, random * 6364136223846793005U), 0, cases[i].most_ms);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_meter_lets_a_burst_through_and_then_one_an_interval),
        cmocka_unit_test(no_minute_has_more_than_the_rate),
        cmocka_unit_test(a_hold_counts_whatever_the_rate_and_ends),
        cmocka_unit_test(meters_that_remember_nothing_are_forgotten_and_the_others_are_not),
        cmocka_unit_test(kind_and_name_make_the_meter),
        cmocka_unit_test(pauses_double_up_to_the_longest_and_are_drawn_from_the_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
