#include <fcntl.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/metrics.h"

static struct buf page = BUF_INIT(4 << 20);

/* The value of the sample with this name and these labels, or NAN. */
static double sample(const char *name) {
    buf_clear(&page);
    metrics_write(&page);
    assert_false(page.overflow);
    size_t length = strlen(name);
    for (const char *line = page.data; *line != 0; line = strchr(line, '\n') + 1) {
        if (strncmp(line, name, length) == 0 && line[length] == ' ') {
            return strtod(line + length, NULL);
        }
    }
    return NAN;
}

static void counters_add_up_for_each_combination_of_labels(void **state) {
    (void)state;
    metric_add(METRIC_ANSWERS, 1, "retry", "console", NULL);
    metric_add(METRIC_ANSWERS, 2, "retry", "console", NULL);
    metric_add(METRIC_ANSWERS, 1, "retry", "api", NULL);
    assert_true(sample("guidepost_guidance_answers_total{answer=\"retry\",via=\"console\"}") == 3);
    assert_true(sample("guidepost_guidance_answers_total{answer=\"retry\",via=\"api\"}") == 1);
    assert_true(isnan(sample("guidepost_guidance_answers_total{answer=\"fail\",via=\"api\"}")));
    assert_non_null(strstr(page.data, "# HELP guidepost_guidance_answers_total Answers accepted.\n"
                                      "# TYPE guidepost_guidance_answers_total counter\n"));
}

static void gauges_are_set_and_moved(void **state) {
    (void)state;
    assert_null(strstr(page.data, "guidepost_guidance_pending"));
    metric_set(METRIC_PENDING, 5, NULL, NULL, NULL);
    metric_add(METRIC_PENDING, -2, NULL, NULL, NULL);
    assert_true(sample("guidepost_guidance_pending") == 3);
    metric_set(METRIC_OLDEST, 1767607200.125, NULL, NULL, NULL);
    assert_non_null(
        strstr((metrics_write(&page), page.data), "guidepost_guidance_oldest_timestamp_seconds 1767607200.125\n"));
}

static void what_is_only_counted_begins_with_zero(void **state) {
    (void)state;
    assert_true(sample("guidepost_redis_reconnects_total") == 0);
    assert_true(sample("guidepost_redis_command_duration_seconds_count") == 0);
}

static void histograms_are_cumulative(void **state) {
    (void)state;
    const double seconds[] = {0.001, 0.0011, 0.03, 10, 11, -5};
    for (size_t i = 0; i < sizeof seconds / sizeof seconds[0]; i++) {
        metric_observe(METRIC_HTTP_SECONDS, seconds[i], "/api", NULL, NULL);
    }
    static const struct {
        const char *border;
        double count;
    } cases[] = {{"0.001", 2}, {"0.0025", 3}, {"0.025", 3}, {"0.05", 4}, {"5", 4}, {"10", 5}, {"+Inf", 6}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char name[200];
        (void)snprintf(name, sizeof name, "guidepost_http_request_duration_seconds_bucket{route=\"/api\",le=\"%s\"}",
                       cases[i].border);
        assert_true(sample(name) == cases[i].count);
    }
    assert_true(sample("guidepost_http_request_duration_seconds_count{route=\"/api\"}") == 6);
    assert_true(fabs(sample("guidepost_http_request_duration_seconds_sum{route=\"/api\"}") - 21.0321) < 1e-9);
}

static void people_are_measured_in_minutes(void **state) {
    (void)state;
    metric_observe(METRIC_ANSWER_SECONDS, 90, "prod", NULL, NULL);
    metric_observe(METRIC_ANSWER_SECONDS, 90000, "prod", NULL, NULL);
    assert_true(sample("guidepost_guidance_answer_seconds_bucket{environment=\"prod\",le=\"60\"}") == 0);
    assert_true(sample("guidepost_guidance_answer_seconds_bucket{environment=\"prod\",le=\"120\"}") == 1);
    assert_true(sample("guidepost_guidance_answer_seconds_bucket{environment=\"prod\",le=\"86400\"}") == 1);
    assert_true(sample("guidepost_guidance_answer_seconds_bucket{environment=\"prod\",le=\"+Inf\"}") == 2);
}

static void any_text_can_be_a_label(void **state) {
    (void)state;
    metric_set(METRIC_CHAT_CONNECTED, 1, "a\"b\\c\nd\xFF\x1b[31m", NULL, NULL);
    assert_true(sample("guidepost_chat_connected{adapter=\"a\\\"b\\\\c\\nd\xEF\xBF\xBD\"}") == 1);
    metric_set(METRIC_CHAT_CONNECTED, 1, NULL, NULL, NULL);
    assert_true(sample("guidepost_chat_connected{adapter=\"\"}") == 1);
}

static void this_process_is_described(void **state) {
    (void)state;
    double now = (double)clock_wall_ms() / 1000;
    double started = sample("process_start_time_seconds");
    assert_true(started > now - 600 && started <= now + 1);
    assert_true(sample("process_cpu_seconds_total") > 0);
    assert_true(sample("process_resident_memory_bytes") > 100000);
    double before = sample("process_open_fds");
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_true(sample("process_open_fds") == before + 1);
    (void)close(fd);
}

static void every_line_has_its_form(void **state) {
    (void)state;
    (void)sample("");
    const char *name = "";
    for (const char *line = page.data; *line != 0; line = strchr(line, '\n') + 1) {
        if (strncmp(line, "# HELP ", 7) == 0) {
            name = line + 7;
        } else if (strncmp(line, "# TYPE ", 7) != 0) {
            assert_memory_equal(line, name, strcspn(name, " "));
            char *end;
            (void)strtod(strrchr(line, ' ') == NULL ? line : line + strcspn(line, "\n") - 1, &end);
            assert_int_equal(*end, '\n');
        }
    }
}

/* The last test, because it uses up the series. */
static void too_many_series_are_counted_as_other(void **state) {
    (void)state;
    for (int i = 0; i < LIMIT_METRIC_SERIES + 100; i++) {
        char project[32];
        (void)snprintf(project, sizeof project, "project-%d", i);
        metric_add(METRIC_DEPLOYMENTS, 1, project, "prod", "success");
    }
    metric_add(METRIC_DEPLOYMENTS, 1, "project-0", "prod", "success");
    assert_true(sample("guidepost_deployments_total{project=\"project-0\",environment=\"prod\",outcome=\"success\"}") ==
                2);
    double other = sample("guidepost_deployments_total{project=\"other\",environment=\"other\",outcome=\"other\"}");
    assert_true(other >= 100 && other < 200);
    metric_add(METRIC_WORKERS, 7, "alive", NULL, NULL);
    assert_true(sample("guidepost_workers{state=\"other\"}") == 7);
    metric_set(METRIC_PENDING, 9, NULL, NULL, NULL); /* one without labels is never another */
    assert_true(sample("guidepost_guidance_pending") == 9);
}

static int finish(void **state) {
    (void)state;
    buf_finish(&page);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counters_add_up_for_each_combination_of_labels),
        cmocka_unit_test(gauges_are_set_and_moved),
        cmocka_unit_test(what_is_only_counted_begins_with_zero),
        cmocka_unit_test(histograms_are_cumulative),
        cmocka_unit_test(people_are_measured_in_minutes),
        cmocka_unit_test(any_text_can_be_a_label),
        cmocka_unit_test(this_process_is_described),
        cmocka_unit_test(every_line_has_its_form),
        cmocka_unit_test(too_many_series_are_counted_as_other),
    };
    return cmocka_run_group_tests(tests, NULL, finish);
}
