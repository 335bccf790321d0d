/* Texts of a websocket, against a real server over TLS in a child process. */

#include "fakes/ws_test.h"

#include "base/limits.h"

static void a_text_goes_there_and_one_comes_back(void **state) {
    (void)state;
    struct rig rig = {0};
    connect_(&rig);
    struct err err = {0};
    assert_int_equal(ws_send(rig.ws, "{\"a\":1}", 7, &err), 0);
    char expected[64];
    (void)snprintf(expected, sizeof expected, "text %d whole {\"a\":1}", rig.number);
    assert_string_equal(await(&rig, "text "), expected);
    ws_peer_tell(peer, "text %d hello", rig.number);
    turns_until(rig.loop, rig.texts == 1);
    assert_string_equal(rig.last.data, "hello");
    rig_close(&rig);
}

static void the_request_names_the_host_and_wants_no_compression(void **state) {
    (void)state;
    struct rig rig = {0};
    rig_open(&rig, ws_peer_ca_file(peer));
    char url[128], expected[128];
    (void)snprintf(url, sizeof url, "wss://localhost:%d/link/?ticket=secret&app_id=A1", ws_peer_port(peer));
    start(&rig, (struct ws_options){0}, url);
    const char *line = await(&rig, "open ");
    (void)snprintf(expected, sizeof expected, " /link/?ticket=secret&app_id=A1 localhost:%d -", ws_peer_port(peer));
    assert_non_null(strstr(line, expected));
    rig_close(&rig);
}

static void a_message_comes_whole_however_it_is_cut(void **state) {
    (void)state;
    struct rig rig = {0};
    connect_(&rig);
    const char *text = "caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x9a\x80";
    ws_peer_tell(peer, "pieces %d %s", rig.number, text);
    turns_until(rig.loop, rig.texts == 1);
    assert_string_equal(rig.last.data, text);
    ws_peer_tell(peer, "fragments %d 1 %s", rig.number, text);
    turns_until(rig.loop, rig.texts == 2);
    assert_string_equal(rig.last.data, text);
    for (size_t i = 0; i < strlen(text); i++) {
        char expected[64];
        (void)snprintf(expected, sizeof expected, "pong %d between", rig.number);
        assert_string_equal(await(&rig, "pong "), expected);
    }
    ws_peer_tell(peer, "fill %d 100000", rig.number);
    turns_until(rig.loop, rig.texts == 3);
    assert_int_equal(rig.last.size, 100000);
    ws_peer_tell(peer, "fill %d %d", rig.number, LIMIT_WS_MESSAGE_BYTES);
    turns_until(rig.loop, rig.texts == 4);
    assert_int_equal(rig.last.size, LIMIT_WS_MESSAGE_BYTES);
    assert_int_equal(rig.closed, 0);
    rig_close(&rig);
}

static void a_message_may_come_together_with_the_servers_yes(void **state) {
    (void)state;
    static const int sizes[] = {5, 200, 6000, 100000};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct rig rig = {0};
        struct buf greeting = BUF_INIT(200000);
        for (int j = 0; j < sizes[i]; j++) {
            buf_addc(&greeting, 'g');
        }
        ws_peer_tell(peer, "greet %s", greeting.data);
        connect_(&rig);
        turns_until(rig.loop, rig.texts == 1);
        assert_string_equal(rig.last.data, greeting.data);
        buf_finish(&greeting);
        ws_peer_tell(peer, "greet");
        rig_close(&rig);
    }
}

static void a_message_that_is_too_long_ends_it_with_1009(void **state) {
    (void)state;
    struct rig rig = {0};
    connect_(&rig);
    ws_peer_tell(peer, "fill %d %d", rig.number, LIMIT_WS_MESSAGE_BYTES + 1);
    assert_non_null(strstr(await(&rig, "closed "), " 1009"));
    turns_until(rig.loop, rig.closed == 1);
    assert_int_equal(rig.reason.code, ERR_TOO_BIG);
    assert_int_equal(rig.texts, 0);
    rig_close(&rig);
}

static void broken_utf8_is_handed_over(void **state) {
    (void)state;
    struct rig rig = {0};
    connect_(&rig);
    ws_peer_tell(peer, "raw %d 8103610062", rig.number);
    turns_until(rig.loop, rig.texts == 1);
    assert_int_equal(rig.last.size, 3);
    ws_peer_tell(peer, "raw %d 8102fffe", rig.number);
    turns_until(rig.loop, rig.texts == 2);
    assert_int_equal(rig.last.size, 2);
    rig_close(&rig);
}

static void what_is_sent_is_one_frame_below_the_limit(void **state) {
    (void)state;
    struct rig rig = {0};
    connect_(&rig);
    static char text[LIMIT_WS_SEND_BYTES];
    memset(text, 'y', sizeof text);
    struct err err = {0};
    assert_int_equal(ws_send(rig.ws, text, sizeof text, &err), -ERR_TOO_BIG);
    for (int i = 0; i < 20; i++) {
        assert_int_equal(ws_send(rig.ws, text, sizeof text - 1, &err), 0);
    }
    for (int i = 0; i < 20; i++) {
        const char *line = await(&rig, "text ");
        const char *whole = strstr(line, " whole ");
        assert_non_null(whole);
        assert_int_equal(strlen(whole + strlen(" whole ")), sizeof text - 1);
    }
    rig_close(&rig);
}

static void nothing_can_be_sent_before_it_is_open_or_after_it_is_over(void **state) {
    (void)state;
    struct rig rig = {0};
    rig_open(&rig, ws_peer_ca_file(peer));
    char url[128];
    (void)snprintf(url, sizeof url, "ws://localhost:%d/", ws_peer_plain_port(peer));
    start(&rig, (struct ws_options){0}, url);
    struct err err = {0};
    assert_int_equal(ws_send(rig.ws, "x", 1, &err), -ERR_UNAVAILABLE);
    turns_until(rig.loop, rig.opened == 1);
    assert_int_equal(sscanf(await(&rig, "open "), "open %d", &rig.number), 1);
    ws_peer_tell(peer, "drop %d", rig.number);
    turns_until(rig.loop, rig.closed == 1);
    assert_int_equal(ws_send(rig.ws, "x", 1, &err), -ERR_UNAVAILABLE);
    rig_close(&rig);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_text_goes_there_and_one_comes_back),
        cmocka_unit_test(the_request_names_the_host_and_wants_no_compression),
        cmocka_unit_test(a_message_comes_whole_however_it_is_cut),
        cmocka_unit_test(a_message_may_come_together_with_the_servers_yes),
        cmocka_unit_test(a_message_that_is_too_long_ends_it_with_1009),
        cmocka_unit_test(broken_utf8_is_handed_over),
        cmocka_unit_test(what_is_sent_is_one_frame_below_the_limit),
        cmocka_unit_test(nothing_can_be_sent_before_it_is_open_or_after_it_is_over),
    };
    return cmocka_run_group_tests(tests, start_peer, stop_peer);
}
