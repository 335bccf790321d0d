/* The server of HTTP at rest, and at its stop. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <uv.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/mem.h"
#include "fakes/web_rig.h"
#include "net/loop.h"
#include "net/web.h"

static void stop_loop(void *user) {
    loop_stop(user);
}

static void the_loop_sleeps_while_clients_wait(void **state) {
    (void)state;
    struct web_rig rig = {0};
    web_rig_open(&rig);
    static const char *const requests[] = {
        GET("/hello"), /* keeps its connection */
        GET("/later"),
        GET("/later") GET("/hello"),
        GET("/later") "GET /hel",
        GET("/stream"), /* nothing to send */
        GET("/stream"), /* does not read */
        "GET /hel",
        "POST /x HTTP/1.1\r\n" HOST "Content-Length: 10\r\n\r\nabc",
        "POST /x HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\na\r\nabc",
    };
    enum { COUNT = sizeof requests / sizeof requests[0] };
    struct visitor visitors[COUNT];
    for (size_t i = 0; i < COUNT; i++) {
        visitor_open(&rig, &visitors[i]);
        visitor_send(&rig, &visitors[i], requests[i]);
        turns_for(rig.loop, 10);
    }
    char *block = mem_alloc(65536);
    size_t written = 0;
    do { /* how much does it take before it is dropped? */
        web_stream_write(rig.streams[1], block, 65536);
        written += 65536;
        turns_for(rig.loop, 5);
    } while (rig.streams[1] != NULL);
    assert_int_equal(rig.closed, 1);
    visitor_close(&visitors[5]);
    visitor_open(&rig, &visitors[5]);
    visitor_send(&rig, &visitors[5], GET("/stream"));
    turns_for(rig.loop, 10);
    for (size_t left = written - LIMIT_HTTP_STREAM_BACKLOG / 2; left > 0; left -= 65536) { /* the socket is full */
        web_stream_write(rig.streams[2], block, 65536);
        turns_for(rig.loop, 5);
    }
    assert_int_equal(rig.closed, 1);

    struct timer *timer = loop_timer(rig.loop, stop_loop, rig.loop);
    timer_start(timer, 500);
    clock_t start = clock();
    loop_run(rig.loop);
    assert_true(clock() - start < CLOCKS_PER_SEC / 20);
    timer_destroy(timer);
    assert_int_equal(rig.waiting_count, 3);
    assert_int_equal(rig.closed, 1);
    for (size_t i = 0; i < COUNT; i++) {
        visitor_close(&visitors[i]);
    }
    mem_free(block);
    web_rig_close(&rig);
}

static void has_stopped(void *user) {
    ((struct web_rig *)user)->stopped++;
}

static void a_stop_waits_for_answers_under_way(void **state) {
    (void)state;
    struct web_rig rig = {0};
    web_rig_open(&rig);
    struct visitor idle, early, late, half, stream;
    visitor_open(&rig, &idle);
    visitor_send(&rig, &idle, GET("/hello"));
    visitor_expect(&rig, &idle, "hello");
    visitor_open(&rig, &early);
    visitor_send(&rig, &early, GET("/later"));
    turns_until(rig.loop, rig.waiting_count == 1);
    visitor_open(&rig, &late);
    visitor_send(&rig, &late, GET("/later"));
    visitor_open(&rig, &half);
    visitor_send(&rig, &half, "GET /hel");
    visitor_open(&rig, &stream);
    visitor_send(&rig, &stream, GET("/stream"));
    visitor_expect(&rig, &stream, "\r\n\r\n");
    web_stream_write(rig.streams[0], "bye", 3);

    web_stop(rig.web, has_stopped, &rig);
    int64_t start_ms = clock_monotonic_ms();
    visitor_expect_over(&rig, &idle);
    visitor_expect_over(&rig, &half);
    visitor_expect_over(&rig, &stream);
    assert_int_equal(rig.closed, 1);
    assert_true(visitor_has(&stream, "bye\r\n0\r\n\r\n"));
    assert_int_equal(rig.gone, 0);
    web_answer(rig.waiting[0], 200, NULL, 0, "in time", 7);
    visitor_expect(&rig, &early, "in time");
    visitor_expect(&rig, &early, "Connection: close");
    assert_int_equal(rig.stopped, 0);
    visitor_expect_over(&rig, &late);
    turns_until(rig.loop, rig.stopped == 1);
    int64_t spent_ms = clock_monotonic_ms() - start_ms;
    assert_true(spent_ms >= 900 && spent_ms < 5000);
    assert_int_equal(rig.gone, 1);
    struct visitor *all[] = {&idle, &early, &late, &half, &stream};
    for (size_t i = 0; i < 5; i++) {
        visitor_close(all[i]);
    }
    web_rig_close(&rig);
}

static void destroy_web(void *user) {
    struct web_rig *rig = user;
    rig->stopped++;
    web_destroy(rig->web);
    rig->web = NULL;
}

static void a_stop_without_work_is_quick_and_may_destroy(void **state) {
    (void)state;
    struct web_rig rig = {0};
    web_rig_open(&rig);
    struct visitor idle;
    visitor_open(&rig, &idle);
    visitor_send(&rig, &idle, GET("/hello"));
    visitor_expect(&rig, &idle, "hello");
    int64_t start_ms = clock_monotonic_ms();
    web_stop(rig.web, destroy_web, &rig);
    loop_run(rig.loop); /* nothing is left to wait for */
    assert_int_equal(rig.stopped, 1);
    assert_true(clock_monotonic_ms() - start_ms < 3000);
    visitor_close(&idle);
    web_rig_close(&rig);
}

static void destroying_ends_whatever_is_open(void **state) {
    (void)state;
    struct web_rig rig = {0};
    web_rig_open(&rig);
    static const char *const requests[] = {
        GET("/later"),
        GET("/stream"),
        GET("/hello"),
        "GET /hel",
        "POST /x HTTP/1.1\r\n" HOST "Content-Length: 10\r\n\r\nabc",
        GET("/later") GET("/later"),
    };
    enum { COUNT = sizeof requests / sizeof requests[0] };
    struct visitor visitors[2 * COUNT];
    for (size_t i = 0; i < 2 * COUNT; i++) {
        visitor_open(&rig, &visitors[i]);
        visitor_send(&rig, &visitors[i], requests[i % COUNT]);
        if (i < COUNT) {
            turns_for(rig.loop, 10); /* of the others the server has not heard yet, or only half */
        } else if (i == COUNT) {
            uv_run(loop_uv(rig.loop), UV_RUN_NOWAIT);
        }
    }
    web_stop(rig.web, has_stopped, &rig);
    web_destroy(rig.web);
    rig.web = NULL;
    assert_int_equal(rig.stopped, 0);
    assert_int_equal(rig.gone, rig.waiting_count);
    assert_int_equal(rig.closed, rig.stream_count);
    assert_true(rig.gone >= 2 && rig.closed >= 1);
    for (size_t i = 0; i < 2 * COUNT; i++) {
        visitor_close(&visitors[i]);
    }
    web_rig_close(&rig);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_loop_sleeps_while_clients_wait),
        cmocka_unit_test(a_stop_waits_for_answers_under_way),
        cmocka_unit_test(a_stop_without_work_is_quick_and_may_destroy),
        cmocka_unit_test(destroying_ends_whatever_is_open),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
