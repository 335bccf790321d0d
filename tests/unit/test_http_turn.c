/* Many requests at a time: whose turn it is, and how they end. */

#include "fakes/http_test.h"

#include "base/clock.h"
#include "base/limits.h"
#include "base/mem.h"

enum { MANY = LIMIT_REQUEST_CONNECTIONS + LIMIT_REQUEST_WAITING + 20 };

static void more_requests_than_connections_wait_and_too_many_are_refused(void **state) {
    (void)state;
    struct rig rig;
    bad_server_start();
    rig_open(&rig, NULL);
    struct result *results = mem_array(MANY, sizeof *results);
    char url[64];
    (void)snprintf(url, sizeof url, "http://127.0.0.1:%u/x", bad_server_port);
    for (int i = 0; i < MANY; i++) {
        ask(&rig, &(struct http_request){.method = "POST", .url = url, .timeout_ms = HTTP_PATIENCE_MS}, &results[i]);
    }
    rig_wait(&rig);
    for (int i = 0; i < MANY; i++) {
        assert_int_equal(results[i].count, 1);
        bool in_time = i < MANY - 20;
        if (in_time || results[i].status != 0) {
            assert_int_equal(results[i].status, 200);
        } else {
            assert_false(results[i].maybe);
            assert_string_equal(results[i].error, "Too many other requests are under way.");
        }
    }
    assert_true(results[MANY - 1].status == 0);
    assert_true(bad_server_seen->connections <= LIMIT_REQUEST_CONNECTIONS);
    mem_free(results);
    rig_close(&rig);
    bad_server_stop();
}

static void a_request_whose_turn_does_not_come_in_time_ends(void **state) {
    (void)state;
    struct rig rig;
    bad_server_start();
    rig_open(&rig, NULL);
    struct result results[LIMIT_REQUEST_CONNECTIONS + 3];
    const size_t count = sizeof results / sizeof results[0];
    char url[64];
    (void)snprintf(url, sizeof url, "http://127.0.0.1:%u/silent", bad_server_port);
    for (size_t i = 0; i < count; i++) {
        bool waits = i >= LIMIT_REQUEST_CONNECTIONS;
        int64_t timeout_ms = waits ? (i == LIMIT_REQUEST_CONNECTIONS ? 900 : 200) : 600;
        ask(&rig, &(struct http_request){.method = "POST", .url = url, .timeout_ms = timeout_ms}, &results[i]);
    }
    int64_t begun_ms = clock_monotonic_ms();
    struct timer *soon = loop_timer(rig.loop, (void (*)(void *))loop_stop, rig.loop);
    timer_start(soon, 350);
    loop_run(rig.loop);
    timer_destroy(soon);
    assert_int_equal(results[count - 1].count, 1);

    /* It was the last in the row; one more stands behind those that are left. */
    struct result late;
    (void)snprintf(url, sizeof url, "http://127.0.0.1:%u/x", bad_server_port);
    ask(&rig, &(struct http_request){.method = "POST", .url = url}, &late);
    rig_wait(&rig);
    assert_int_equal(late.status, 200);
    assert_true(clock_monotonic_ms() - begun_ms < 8000);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(results[i].status, 0);
        assert_int_equal(results[i].code, ERR_TIMEOUT);
        assert_true(results[i].maybe == (i <= LIMIT_REQUEST_CONNECTIONS));
    }
    rig_close(&rig);
    bad_server_stop();
}

static void sends_another(const struct http_reply *reply, void *user) {
    struct result *result = user;
    result->count++;
    result->maybe = reply->maybe;
    assert_int_equal(reply->status, 0);
    http_send(result->rig->http, &(struct http_request){.method = "GET", .url = "http://127.0.0.1/"}, came, result);
}

static void destroying_ends_what_is_under_way_and_what_waits(void **state) {
    (void)state;
    struct rig rig;
    bad_server_start();
    rig_open(&rig, NULL);
    struct result results[LIMIT_REQUEST_CONNECTIONS + 2], first;
    const size_t count = sizeof results / sizeof results[0];
    char url[64];
    (void)snprintf(url, sizeof url, "http://127.0.0.1:%u/silent", bad_server_port);
    for (size_t i = 0; i < count; i++) {
        results[i] = (struct result){.rig = &rig};
        http_send(rig.http, &(struct http_request){.method = "POST", .url = url}, sends_another, &results[i]);
    }
    while (__atomic_load_n(&bad_server_seen->requests, __ATOMIC_SEQ_CST) < LIMIT_REQUEST_CONNECTIONS) {
        struct timer *soon = loop_timer(rig.loop, (void (*)(void *))loop_stop, rig.loop);
        timer_start(soon, 10);
        loop_run(rig.loop);
        timer_destroy(soon);
    }
    rig_close(&rig);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(results[i].count, 1);
        assert_true(results[i].maybe == (i < LIMIT_REQUEST_CONNECTIONS));
    }

    /* Before the first turn of the loop, and while a name is looked up. */
    rig_open(&rig, NULL);
    ask(&rig, &(struct http_request){.method = "GET", .url = "http://slow.invalid/"}, &first);
    rig_close(&rig);
    assert_int_equal(first.count, 1);
    assert_false(first.maybe);
    http_destroy(NULL);
    bad_server_stop();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(more_requests_than_connections_wait_and_too_many_are_refused),
        cmocka_unit_test(a_request_whose_turn_does_not_come_in_time_ends),
        cmocka_unit_test(destroying_ends_what_is_under_way_and_what_waits),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
