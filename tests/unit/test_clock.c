#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"

static void times_are_shown_as_the_rest_api_does(void **state) {
    (void)state;
    static const struct {
        int64_t ms;
        const char *text;
    } cases[] = {
        {0, "1970-01-01T00:00:00.000+00:00"},
        {1767607200000, "2026-01-05T10:00:00.000+00:00"},
        {1767607200007, "2026-01-05T10:00:00.007+00:00"},
        {1709210096999, "2024-02-29T12:34:56.999+00:00"},
        {-1, "1969-12-31T23:59:59.999+00:00"},
        {-1000, "1969-12-31T23:59:59.000+00:00"},
        {253402300800000, "10000-01-01T00:00:00.000+00:00"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct buf out = BUF_INIT(100);
        clock_iso(&out, cases[i].ms);
        assert_string_equal(out.data, cases[i].text);
        buf_finish(&out);
    }
}

static void every_number_of_milliseconds_can_be_shown(void **state) {
    (void)state;
    struct buf out = BUF_INIT(100);
    clock_iso(&out, INT64_MAX);
    clock_iso(&out, INT64_MIN);
    assert_false(out.overflow);
    buf_finish(&out);
}

static void a_short_time_names_the_day_only_if_it_is_another(void **state) {
    (void)state;
    const int64_t now = 1767607200000; /* 2026-01-05 10:00 */
    const int64_t day = 86400000;
    static const struct {
        int64_t ms;
        const char *text;
    } cases[] = {
        {1767607200000 + 6 * 3600000 + 2 * 60000, "16:02 UTC"}, {1767607200000 - 10 * 3600000, "00:00 UTC"},
        {1767607200000 - 10 * 3600000 - 1, "4 Jan 23:59 UTC"},  {1767607200000 + 14 * 3600000, "6 Jan 00:00 UTC"},
        {1767607200000 + 365LL * 86400000, "5 Jan 10:00 UTC"}, /* the same day of another year */
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct buf out = BUF_INIT(100);
        clock_short(&out, cases[i].ms, now);
        assert_string_equal(out.data, cases[i].text);
        buf_finish(&out);
    }
    struct buf out = BUF_INIT(100);
    clock_short(&out, now + 330 * day, now);
    assert_string_equal(out.data, "1 Dec 10:00 UTC");
    buf_finish(&out);
}

static void clocks_go_forward(void **state) {
    (void)state;
    int64_t us = clock_monotonic_us();
    int64_t ms = clock_monotonic_ms();
    assert_true(us / 1000 <= ms);
    assert_true(ms <= clock_monotonic_us() / 1000);
    assert_true(clock_wall_ms() > 1600000000000);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(times_are_shown_as_the_rest_api_does),
        cmocka_unit_test(every_number_of_milliseconds_can_be_shown),
        cmocka_unit_test(a_short_time_names_the_day_only_if_it_is_another),
        cmocka_unit_test(clocks_go_forward),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
