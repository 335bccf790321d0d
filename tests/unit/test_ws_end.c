/* How a websocket ends: by a goodbye of either side, without one, or because it is half open. */

#include "fakes/ws_test.h"

#include <uv.h>

#include "base/clock.h"
#include "base/limits.h"

static void the_servers_goodbye_is_told_with_its_reason(void **state) {
    (void)state;
    struct rig rig = {0};
    connect_(&rig);
    ws_peer_tell(peer, "close %d 1009 Max frame length of 20480 has been exceeded", rig.number);
    assert_non_null(strstr(await(&rig, "closed "), " 1009"));
    turns_until(rig.loop, rig.closed == 1);
    assert_string_equal(rig.reason.text,
                        "localhost has closed the connection (1009, Max frame length of 20480 has been exceeded).");
    rig_close(&rig);
}

static void our_goodbye_is_said_and_answered(void **state) {
    (void)state;
    struct rig rig = {0};
    connect_(&rig);
    struct err err = {0};
    assert_int_equal(ws_send(rig.ws, "last", 4, &err), 0);
    ws_close(rig.ws);
    ws_close(rig.ws);
    assert_int_equal(rig.closed, 0);
    assert_non_null(strstr(await(&rig, "text "), "last"));
    assert_non_null(strstr(await(&rig, "closed "), " 1000"));
    turns_until(rig.loop, rig.closed == 1);
    await(&rig, "eof ");
    rig_close(&rig);
}

static void a_goodbye_that_nobody_answers_ends_all_the_same(void **state) {
    (void)state;
    struct rig rig = {0};
    connect_(&rig);
    int before = files();
    ws_peer_tell(peer, "deaf %d", rig.number);
    turns_for(rig.loop, 50);
    int64_t start_ms = clock_monotonic_ms();
    ws_close(rig.ws);
    assert_non_null(strstr(await(&rig, "closed "), " 1000"));
    turns_until(rig.loop, rig.closed == 1);
    assert_in_range(clock_monotonic_ms() - start_ms, LIMIT_WS_CLOSE_MS / 2, 4 * LIMIT_WS_CLOSE_MS);
    await(&rig, "eof ");
    turns_until(rig.loop, files() == before - 1);
    rig_close(&rig);
}

static void a_server_that_does_not_read_is_not_waited_for(void **state) {
    (void)state;
    static char text[LIMIT_WS_SEND_BYTES - 1];
    memset(text, 'y', sizeof text);
    for (size_t size = sizeof text; size > 5000; size -= 6000) {
        struct rig rig = {0};
        rig_open(&rig, ws_peer_ca_file(peer));
        char url[128];
        (void)snprintf(url, sizeof url, "ws://localhost:%d/", ws_peer_plain_port(peer));
        start(&rig, (struct ws_options){0}, url);
        assert_int_equal(sscanf(await(&rig, "open "), "open %d", &rig.number), 1);
        turns_until(rig.loop, rig.opened == 1);
        int before = files();
        ws_peer_tell(peer, "freeze %d", rig.number);
        turns_for(rig.loop, 20);
        struct err err = {0};
        for (int refused = 0; refused < 50;) { /* until the socket is full, and what we keep for it too */
            refused = ws_send(rig.ws, text, size, &err) == 0 ? 0 : refused + 1;
            turns_once(rig.loop);
        }
        assert_int_equal(err.code, ERR_UNAVAILABLE);
        int64_t start_ms = clock_monotonic_ms();
        ws_close(rig.ws);
        turns_until(rig.loop, rig.closed == 1 && files() == before - 1);
        assert_in_range(clock_monotonic_ms() - start_ms, 0, 4 * LIMIT_WS_CLOSE_MS);
        rig_close(&rig);
    }
}

static void destroying_says_goodbye_too(void **state) {
    (void)state;
    struct rig rig = {0};
    connect_(&rig);
    drop(&rig);
    assert_non_null(strstr(await(&rig, "closed "), " 1001"));
    await(&rig, "eof ");
    assert_int_equal(rig.closed, 0);
    rig_close(&rig);
}

static void the_end_of_the_program_says_goodbye_too(void **state) {
    (void)state;
    struct rig rig = {0};
    connect_(&rig);
    rig_close(&rig);
    const char *line = ws_peer_await(peer, NULL, "closed ", TURNS_PATIENCE_MS);
    assert_non_null(line);
    assert_non_null(strstr(line, " 1001"));
}

static void a_half_open_connection_is_found_and_its_file_closed(void **state) {
    (void)state;
    struct rig rig = {0};
    connect_with(&rig, (struct ws_options){.ping_ms = 200, .idle_ms = 800});
    int before = files();
    await(&rig, "ping ");
    ws_peer_tell(peer, "freeze %d", rig.number);
    int64_t start_ms = clock_monotonic_ms();
    turns_until(rig.loop, rig.closed == 1);
    assert_in_range(clock_monotonic_ms() - start_ms, 500, 1200 + 4 * LIMIT_WS_CLOSE_MS);
    assert_int_equal(rig.reason.code, ERR_TIMEOUT);
    turns_until(rig.loop, files() == before - 1);
    rig_close(&rig);
}

static void pings_of_the_server_alone_keep_it_alive(void **state) {
    (void)state;
    struct rig rig = {0};
    connect_with(&rig, (struct ws_options){.ping_ms = 100, .idle_ms = 500});
    ws_peer_tell(peer, "deaf %d", rig.number);
    for (int i = 0; i < 10; i++) {
        ws_peer_tell(peer, "ping %d Ping from applink-2", rig.number);
        turns_for(rig.loop, 150);
    }
    assert_non_null(strstr(await(&rig, "pong "), "Ping from applink-2"));
    assert_int_equal(rig.closed, 0);
    turns_until(rig.loop, rig.closed == 1); /* now it is silent */
    rig_close(&rig);
}

static void many_connections_one_after_another_leave_nothing_open(void **state) {
    (void)state;
    struct rig rig = {0};
    connect_(&rig);
    drop(&rig);
    turns_for(rig.loop, 50);
    int before = files();
    char url[128];
    (void)snprintf(url, sizeof url, "wss://localhost:%d/", ws_peer_port(peer));
    for (int i = 0; i < 60; i++) {
        rig.opened = 0;
        start(&rig, (struct ws_options){0}, url);
        turns_until(rig.loop, rig.opened == 1);
        drop(&rig);
    }
    turns_until(rig.loop, files() <= before);
    rig_close(&rig);
}

static void a_connection_can_be_destroyed_at_any_moment(void **state) {
    (void)state;
    for (int64_t us = 0; us < 30000; us += us < 6000 ? 500 : 4000) {
        struct rig rig = {0};
        rig_open(&rig, ws_peer_ca_file(peer));
        char url[128];
        (void)snprintf(url, sizeof url, "wss://localhost:%d/", ws_peer_port(peer));
        start(&rig, (struct ws_options){0}, url);
        for (int64_t end_us = clock_monotonic_us() + us; clock_monotonic_us() < end_us;) {
            uv_run(loop_uv(rig.loop), UV_RUN_NOWAIT);
        }
        int happened = rig.opened;
        drop(&rig);
        turns_for(rig.loop, 3);
        assert_int_equal(rig.opened + rig.closed + rig.texts, happened);
        rig_close(&rig);
    }
}

static void a_connection_can_be_destroyed_inside_its_callbacks(void **state) {
    (void)state;
    struct rig rig = {.destroy_on_text = true};
    connect_(&rig);
    ws_peer_tell(peer, "text %d one", rig.number);
    ws_peer_tell(peer, "text %d two", rig.number);
    assert_non_null(strstr(await(&rig, "closed "), " 1001"));
    assert_int_equal(rig.texts, 1);
    assert_string_equal(rig.last.data, "one");
    rig_close(&rig);

    struct rig early = {.destroy_on_open = true};
    rig_open(&early, ws_peer_ca_file(peer));
    char url[128];
    (void)snprintf(url, sizeof url, "wss://localhost:%d/", ws_peer_port(peer));
    start(&early, (struct ws_options){0}, url);
    assert_non_null(strstr(await(&early, "closed "), " 1001"));
    assert_int_equal(early.opened, 1);
    assert_int_equal(early.closed, 0);
    rig_close(&early);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_servers_goodbye_is_told_with_its_reason),
        cmocka_unit_test(our_goodbye_is_said_and_answered),
        cmocka_unit_test(a_goodbye_that_nobody_answers_ends_all_the_same),
        cmocka_unit_test(a_server_that_does_not_read_is_not_waited_for),
        cmocka_unit_test(destroying_says_goodbye_too),
        cmocka_unit_test(the_end_of_the_program_says_goodbye_too),
        cmocka_unit_test(a_half_open_connection_is_found_and_its_file_closed),
        cmocka_unit_test(pings_of_the_server_alone_keep_it_alive),
        cmocka_unit_test(many_connections_one_after_another_leave_nothing_open),
        cmocka_unit_test(a_connection_can_be_destroyed_at_any_moment),
        cmocka_unit_test(a_connection_can_be_destroyed_inside_its_callbacks),
    };
    return cmocka_run_group_tests(tests, start_peer, stop_peer);
}
