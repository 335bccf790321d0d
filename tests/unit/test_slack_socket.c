/* Against a server over TLS in a child process that plays Slack's side of Socket Mode as the test tells it. */

#include "fakes/ws_peer_test.h"

#include <uv.h>

#include "base/buf.h"
#include "base/limits.h"
#include "base/metrics.h"
#include "base/str.h"
#include "chat/slack/socket.h"
#include "net/loop.h"

enum { MANY = 64 };

#define HELLO "{\"type\":\"hello\",\"num_connections\":%d,\"debug_info\":{\"approximate_connection_time\":3600}}"

struct rig {
    struct loop *loop;
    struct socket *socket;
    struct socket_options options;
    int opens;    /* asked for */
    int refusals; /* that come before a URL is given */
    struct socket_open_error refusal;
    const char *url; /* instead of the peer's */
    int envelopes;
    char ids[MANY][ENVELOPE_ID_SIZE];
    uint64_t tokens[MANY];
    bool acknowledge_at_once;
    enum socket_state state;
    char why[ERR_TEXT_SIZE];
    struct timer *answer;
};

static void answer_open(void *user) {
    struct rig *rig = user;
    if (rig->refusals > 0) {
        rig->refusals--;
        socket_opened(rig->socket, NULL, &rig->refusal);
        return;
    }
    char url[128];
    (void)snprintf(url, sizeof url, "wss://localhost:%d/link/?ticket=secret", ws_peer_port(peer));
    socket_opened(rig->socket, rig->url != NULL ? rig->url : url, NULL);
}

static void open_asked(void *user) {
    struct rig *rig = user;
    assert_false(timer_active(rig->answer)); /* never twice at a time */
    rig->opens++;
    timer_start(rig->answer, 5);
}

static void envelope_came(const struct envelope *envelope, uint64_t token, void *user) {
    struct rig *rig = user;
    assert_in_range(rig->envelopes, 0, MANY - 1);
    (void)snprintf(rig->ids[rig->envelopes], sizeof rig->ids[0], "%s", envelope->id);
    rig->tokens[rig->envelopes++] = token;
    if (rig->acknowledge_at_once) {
        socket_acknowledge(rig->socket, token);
    }
}

static void state_came(enum socket_state state, const char *why, void *user) {
    struct rig *rig = user;
    assert_true(state != rig->state || !str_equal(why, rig->why));
    assert_null(strstr(why, "secret"));
    rig->state = state;
    (void)snprintf(rig->why, sizeof rig->why, "%s", why);
}

static const char *await(struct rig *rig, const char *beginning) {
    return await_line(rig->loop, beginning, rig->why);
}

/* The number of the next connection at the peer. */
static int await_open(struct rig *rig) {
    int number = 0;
    assert_int_equal(sscanf(await(rig, "open "), "open %d", &number), 1);
    return number;
}

static void await_acknowledgement(struct rig *rig, int number, const char *id) {
    char expected[256];
    (void)snprintf(expected, sizeof expected, "text %d whole {\"envelope_id\":\"%s\"}", number, id);
    assert_string_equal(await(rig, "text "), expected);
}

static void rig_open(struct rig *rig) {
    struct err err = {0};
    forget_lines();
    rig->loop = loop_create();
    rig->answer = loop_timer(rig->loop, answer_open, rig);
    rig->options.loop = rig->loop;
    rig->options.ca_file = ws_peer_ca_file(peer);
    rig->options.open = open_asked;
    rig->options.envelope = envelope_came;
    rig->options.state = state_came;
    rig->options.user = rig;
    if (socket_create(&rig->options, &rig->socket, &err) != 0) {
        fail_msg("%s", err.text);
    }
    assert_int_equal(rig->opens, 0);
}

/* A rig whose connection has said hello. Returns the peer's number of it. */
static int rig_connect(struct rig *rig) {
    rig_open(rig);
    int number = await_open(rig);
    turns_for(rig->loop, 20);
    assert_int_equal(rig->state, SOCKET_CONNECTING); /* being let in is not enough */
    ws_peer_tell(peer, "text %d " HELLO, number, 1);
    turns_until(rig->loop, rig->state == SOCKET_CONNECTED);
    return number;
}

static void rig_close(struct rig *rig) {
    socket_destroy(rig->socket);
    timer_destroy(rig->answer);
    assert_true(loop_destroy(rig->loop));
    ws_peer_tell(peer, "status 101");
}

static void say_event(int number, const char *id) {
    ws_peer_tell(peer, "text %d {\"envelope_id\":\"%s\",\"type\":\"events_api\",\"payload\":{\"event_id\":\"Ev%s\"}}",
                 number, id, id);
}

static bool has_metric(const char *line) {
    struct buf page = BUF_INIT(1 << 20);
    metrics_write(&page);
    bool found = strstr(page.data, line) != NULL;
    buf_finish(&page);
    return found;
}

static void an_envelope_is_acknowledged_when_its_effect_is_recorded(void **state) {
    (void)state;
    struct rig rig = {0};
    int number = rig_connect(&rig);
    assert_true(has_metric("guidepost_chat_connected{adapter=\"slack\"} 1\n"));
    say_event(number, "e1");
    say_event(number, "e2");
    turns_until(rig.loop, rig.envelopes == 2);
    turns_for(rig.loop, 50);
    assert_null(ws_peer_next(peer));
    socket_acknowledge(rig.socket, rig.tokens[1]);
    await_acknowledgement(&rig, number, "e2");
    socket_acknowledge(rig.socket, rig.tokens[1]); /* twice is once */
    socket_acknowledge(rig.socket, rig.tokens[0]);
    await_acknowledgement(&rig, number, "e1");
    socket_acknowledge(rig.socket, 4711);
    turns_for(rig.loop, 50);
    assert_null(ws_peer_next(peer));
    rig_close(&rig);
    assert_true(has_metric("guidepost_chat_connected{adapter=\"slack\"} 0\n"));
}

static void an_envelope_is_acknowledged_in_time_whatever_happens(void **state) {
    (void)state;
    struct rig rig = {0};
    int number = rig_connect(&rig);
    int64_t start_ms = clock_monotonic_ms();
    say_event(number, "late");
    await_acknowledgement(&rig, number, "late");
    assert_in_range(clock_monotonic_ms() - start_ms, LIMIT_SLACK_ACKNOWLEDGE_MS - 100,
                    LIMIT_SLACK_ACKNOWLEDGE_MS + 2000);
    socket_acknowledge(rig.socket, rig.tokens[0]);
    turns_for(rig.loop, 50);
    assert_null(ws_peer_next(peer));
    rig_close(&rig);
}

static void what_is_not_understood_is_acknowledged_at_once(void **state) {
    (void)state;
    struct rig rig = {.acknowledge_at_once = true};
    int number = rig_connect(&rig);
    ws_peer_tell(peer, "text %d {\"envelope_id\":\"broken\",\"payload\":{\"a\":", number);
    await_acknowledgement(&rig, number, "broken");
    ws_peer_tell(peer, "raw %d 811a7b22656e76656c6f70655f6964223a226666222c2278223a22ff", number);
    await_acknowledgement(&rig, number, "ff"); /* also with broken UTF-8 */
    ws_peer_tell(peer, "text %d {\"type\":\"moon\"}", number);
    ws_peer_tell(peer, "text %d ping", number);
    ws_peer_tell(peer, "text %d {\"envelope_id\":\"new\",\"type\":\"moon\",\"payload\":{}}", number);
    await_acknowledgement(&rig, number, "new"); /* an unknown type is for the owner to look at */
    assert_int_equal(rig.envelopes, 1);
    rig_close(&rig);
}

static void envelopes_in_pieces_and_large_ones_come_whole(void **state) {
    (void)state;
    struct rig rig = {.acknowledge_at_once = true};
    int number = rig_connect(&rig);
    const char *text =
        "{\"envelope_id\":\"%s\",\"type\":\"slash_commands\",\"payload\":{\"text\":\"caf\xc3\xa9 \xf0\x9f\x9a\x80\"}}";
    struct buf one = BUF_INIT(512);
    buf_printf(&one, text, "p1");
    ws_peer_tell(peer, "pieces %d %s", number, one.data);
    await_acknowledgement(&rig, number, "p1");
    buf_clear(&one);
    buf_printf(&one, text, "p2");
    ws_peer_tell(peer, "fragments %d 3 %s", number, one.data);
    await_acknowledgement(&rig, number, "p2");
    buf_finish(&one);
    struct buf large = BUF_INIT(200000);
    for (int i = 0; i < 2; i++) {
        buf_printf(&large, "%s\"t%d\":\"", i > 0 ? "\"," : "", i);
        for (int j = 0; j < 50000; j++) {
            buf_addc(&large, 'x');
        }
    }
    ws_peer_tell(peer, "text %d {\"envelope_id\":\"p3\",\"type\":\"events_api\",\"payload\":{%s\"}}", number,
                 large.data);
    buf_finish(&large);
    await_acknowledgement(&rig, number, "p3");
    assert_int_equal(rig.envelopes, 3);
    rig_close(&rig);
}

static void a_refresh_leaves_no_gap(void **state) {
    (void)state;
    static const char *const reasons[] = {"warning", "refresh_requested"};
    for (size_t i = 0; i < 2; i++) {
        struct rig rig = {.options = {.drain_ms = 1000}};
        int old = rig_connect(&rig);
        say_event(old, "before");
        turns_until(rig.loop, rig.envelopes == 1);
        ws_peer_tell(peer, "text %d {\"type\":\"disconnect\",\"reason\":\"%s\"}", old, reasons[i]);
        int number = await_open(&rig);
        assert_int_equal(rig.state, SOCKET_CONNECTED);
        say_event(old, "between"); /* the new one has not said hello yet */
        turns_until(rig.loop, rig.envelopes == 2);
        socket_acknowledge(rig.socket, rig.tokens[1]);
        await_acknowledgement(&rig, old, "between");
        ws_peer_tell(peer, "text %d " HELLO, number, 2);
        turns_for(rig.loop, 30);
        say_event(old, "after"); /* and the old one goes on for a while */
        turns_until(rig.loop, rig.envelopes == 3);
        socket_acknowledge(rig.socket, rig.tokens[2]);
        await_acknowledgement(&rig, old, "after");
        socket_acknowledge(rig.socket, rig.tokens[0]);
        await_acknowledgement(&rig, old, "before");
        char closed[32];
        (void)snprintf(closed, sizeof closed, "closed %d 1001", old);
        assert_string_equal(await(&rig, "closed "), closed); /* given up after its time */
        say_event(number, "new");
        turns_until(rig.loop, rig.envelopes == 4);
        assert_int_equal(rig.opens, 2);
        assert_int_equal(rig.state, SOCKET_CONNECTED);
        assert_string_equal(rig.why, ""); /* the second connection was our own */
        rig_close(&rig);
    }
}

static void a_late_end_of_an_old_connection_changes_nothing(void **state) {
    (void)state;
    struct rig rig = {0};
    int old = rig_connect(&rig);
    say_event(old, "e1");
    turns_until(rig.loop, rig.envelopes == 1);
    ws_peer_tell(peer, "text %d {\"type\":\"disconnect\",\"reason\":\"refresh_requested\"}", old);
    int number = await_open(&rig);
    ws_peer_tell(peer, "text %d " HELLO, number, 1);
    turns_for(rig.loop, 30);
    ws_peer_tell(peer, "text %d {\"type\":\"disconnect\",\"reason\":\"warning\"}", old);
    ws_peer_tell(peer, "text %d {\"type\":\"disconnect\",\"reason\":\"too_many_websockets\"}", old);
    ws_peer_tell(peer, "close %d 1000 bye", old);
    await(&rig, "eof ");
    turns_for(rig.loop, 700);
    assert_int_equal(rig.opens, 2);
    assert_int_equal(rig.state, SOCKET_CONNECTED);
    socket_acknowledge(rig.socket, rig.tokens[0]); /* by the new one, since the old one is gone */
    await_acknowledgement(&rig, number, "e1");
    rig_close(&rig);
}

static void a_lost_connection_is_made_again_at_once(void **state) {
    (void)state;
    struct rig rig = {.options = {.lasting_ms = 1}};
    int number = rig_connect(&rig);
    say_event(number, "e1");
    turns_until(rig.loop, rig.envelopes == 1);
    for (int i = 0; i < 8; i++) {
        turns_for(rig.loop, 5);
        int64_t start_ms = clock_monotonic_ms();
        ws_peer_tell(peer, i == 1 ? "close %d 1006 x" : "drop %d", number);
        number = await_open(&rig);
        assert_in_range(clock_monotonic_ms() - start_ms, 0, 2500);
        assert_int_equal(rig.state, SOCKET_CONNECTING);
        assert_true(rig.why[0] != 0);
        socket_acknowledge(rig.socket, rig.tokens[0]); /* there is nothing to send it by, which is no harm */
        ws_peer_tell(peer, "text %d " HELLO, number, 1);
        turns_until(rig.loop, rig.state == SOCKET_CONNECTED);
    }
    assert_int_equal(rig.opens, 9);
    rig_close(&rig);
}

static void connections_that_do_not_last_are_no_storm(void **state) {
    (void)state;
    struct rig rig = {0};
    rig_open(&rig);
    int64_t end_ms = clock_monotonic_ms() + 4000;
    while (clock_monotonic_ms() < end_ms) {
        const char *line = ws_peer_await(peer, rig.loop, "open ", 50);
        int number = 0;
        if (line != NULL && sscanf(line, "open %d", &number) == 1) {
            ws_peer_tell(peer, "text %d " HELLO, number, 1);
            ws_peer_tell(peer, "text %d {\"type\":\"disconnect\",\"reason\":\"warning\"}", number);
            ws_peer_tell(peer, "drop %d", number);
        }
    }
    assert_in_range(rig.opens, 2, 12);
    rig_close(&rig);
}

static void an_upgrade_that_is_refused_is_tried_again(void **state) {
    (void)state;
    struct rig rig = {.url = NULL};
    ws_peer_tell(peer, "status 408");
    rig_open(&rig);
    turns_until(rig.loop, rig.opens == 3);
    assert_non_null(strstr(rig.why, "HTTP 408"));
    ws_peer_tell(peer, "status 101");
    int number = await_open(&rig);
    ws_peer_tell(peer, "text %d " HELLO, number, 1);
    turns_until(rig.loop, rig.state == SOCKET_CONNECTED);
    rig_close(&rig);
}

static void no_hello_is_no_connection(void **state) {
    (void)state;
    struct rig rig = {.options = {.hello_ms = 200}};
    rig_open(&rig);
    (void)await_open(&rig);
    assert_non_null(strstr(await(&rig, "closed "), " 1001"));
    int number = await_open(&rig);
    assert_string_equal(rig.why, "Slack did not say hello.");
    ws_peer_tell(peer, "text %d " HELLO, number, 1);
    turns_until(rig.loop, rig.state == SOCKET_CONNECTED);
    turns_for(rig.loop, 400);
    assert_int_equal(rig.opens, 2);
    rig_close(&rig);
}

static void a_half_open_connection_is_replaced(void **state) {
    (void)state;
    struct rig rig = {.options = {.ping_ms = 100, .idle_ms = 500}};
    int number = rig_connect(&rig);
    ws_peer_tell(peer, "freeze %d", number);
    int next = await_open(&rig);
    assert_int_not_equal(next, number);
    assert_non_null(strstr(rig.why, "nothing came"));
    rig_close(&rig);
}

static void too_many_connections_are_not_answered_with_more(void **state) {
    (void)state;
    struct rig rig = {.options = {.drain_ms = 200}};
    rig_open(&rig);
    int number = await_open(&rig);
    ws_peer_tell(peer, "text %d {\"type\":\"disconnect\",\"reason\":\"too_many_websockets\",\"num_connections\":11}",
                 number);
    turns_until(rig.loop, strstr(rig.why, "Too many") != NULL);
    assert_non_null(strstr(await(&rig, "closed "), " 1001"));
    turns_for(rig.loop, 2000);
    assert_int_equal(rig.opens, 1);
    assert_int_equal(rig.state, SOCKET_CONNECTING);
    assert_non_null(strstr(rig.why, "Too many"));
    rig_close(&rig);
}

static void a_link_that_is_switched_off_is_said_and_waited_for(void **state) {
    (void)state;
    struct rig rig = {.options = {.lasting_ms = 1}};
    int number = rig_connect(&rig);
    ws_peer_tell(peer, "text %d {\"type\":\"disconnect\",\"reason\":\"link_disabled\"}", number);
    turns_until(rig.loop, rig.state == SOCKET_CONNECTING);
    ws_peer_tell(peer, "close %d 1000 bye", number);
    turns_for(rig.loop, 1500);
    assert_int_equal(rig.opens, 1);
    assert_non_null(strstr(rig.why, "Socket Mode is switched off"));
    assert_int_equal(rig.state, SOCKET_CONNECTING);
    rig_close(&rig);
}

static void a_fatal_error_stops_it(void **state) {
    (void)state;
    struct rig rig = {.refusals = 1, .refusal = {.text = "The app token is not valid (invalid_auth).", .fatal = true}};
    rig_open(&rig);
    turns_until(rig.loop, rig.state == SOCKET_STOPPED);
    assert_string_equal(rig.why, "The app token is not valid (invalid_auth).");
    turns_for(rig.loop, 1000);
    assert_int_equal(rig.opens, 1);
    rig_close(&rig);

    /* At a refresh, what there is goes on until Slack ends it. */
    struct rig later = {.options = {.lasting_ms = 1}, .refusal = {.text = "revoked", .fatal = true}};
    int number = rig_connect(&later);
    later.refusals = 1;
    turns_for(later.loop, 5);
    ws_peer_tell(peer, "text %d {\"type\":\"disconnect\",\"reason\":\"warning\"}", number);
    turns_until(later.loop, later.state == SOCKET_STOPPED);
    say_event(number, "last");
    turns_until(later.loop, later.envelopes == 1);
    socket_acknowledge(later.socket, later.tokens[0]);
    await_acknowledgement(&later, number, "last");
    ws_peer_tell(peer, "drop %d", number);
    turns_for(later.loop, 1000);
    assert_int_equal(later.opens, 2);
    assert_int_equal(later.state, SOCKET_STOPPED);
    rig_close(&later);
}

static void a_pause_that_slack_asks_for_is_kept(void **state) {
    (void)state;
    struct rig rig = {.refusals = 1, .refusal = {.text = "ratelimited", .retry_after_ms = 1500}};
    rig_open(&rig);
    int64_t start_ms = clock_monotonic_ms();
    (void)await_open(&rig);
    assert_in_range(clock_monotonic_ms() - start_ms, 1500, 6000);
    assert_int_equal(rig.opens, 2);
    rig_close(&rig);
}

static void a_url_that_makes_no_sense_is_a_trouble_like_others(void **state) {
    (void)state;
    struct rig rig = {.url = "https://example.com/?ticket=secret"};
    rig_open(&rig);
    turns_until(rig.loop, rig.opens == 3);
    assert_int_equal(rig.state, SOCKET_CONNECTING);
    assert_non_null(strstr(rig.why, "wss://"));
    rig_close(&rig);
}

static void connections_that_are_not_ours_are_told(void **state) {
    (void)state;
    struct rig rig = {.options = {.lasting_ms = 1}};
    int number = rig_connect(&rig);
    socket_set_processes(rig.socket, 1);
    assert_true(has_metric("guidepost_chat_foreign_connections{adapter=\"slack\"} 0\n"));
    for (int connections = 2; connections <= 4; connections += 2) {
        turns_for(rig.loop, 5);
        ws_peer_tell(peer, "drop %d", number);
        number = await_open(&rig);
        ws_peer_tell(peer, "text %d " HELLO, number, connections);
        turns_until(rig.loop, rig.state == SOCKET_CONNECTED);
        assert_string_equal(rig.why, "");
        socket_set_processes(rig.socket, 2);
        assert_int_equal(strstr(rig.why, "not ours: 2.") != NULL, connections == 4);
        assert_true(has_metric(connections == 4 ? "guidepost_chat_foreign_connections{adapter=\"slack\"} 2\n"
                                                : "guidepost_chat_foreign_connections{adapter=\"slack\"} 0\n"));
    }
    rig_close(&rig);
}

/* Slack counts only at the hello. */
static void a_process_that_is_told_late_or_is_gone_is_no_stranger(void **state) {
    (void)state;
    struct rig rig = {0};
    rig_open(&rig);
    ws_peer_tell(peer, "text %d " HELLO, await_open(&rig), 3);
    turns_until(rig.loop, rig.state == SOCKET_CONNECTED);
    socket_set_processes(rig.socket, 2);
    assert_non_null(strstr(rig.why, "not ours: 1."));
    socket_set_processes(rig.socket, 3);
    assert_string_equal(rig.why, "");
    socket_set_processes(rig.socket, 1);
    assert_string_equal(rig.why, "");
    rig_close(&rig);
}

static void it_can_be_destroyed_at_any_moment(void **state) {
    (void)state;
    for (int64_t us = 0; us < 40000; us += us < 16000 ? 1000 : 8000) {
        struct rig rig = {0};
        rig_open(&rig);
        for (int64_t end_us = clock_monotonic_us() + us; clock_monotonic_us() < end_us;) {
            uv_run(loop_uv(rig.loop), UV_RUN_NOWAIT);
            const char *line = ws_peer_next(peer);
            int number = 0;
            if (line != NULL && sscanf(line, "open %d", &number) == 1) {
                ws_peer_tell(peer, "text %d " HELLO, number, 1);
                say_event(number, "e1");
            }
        }
        rig_close(&rig);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_envelope_is_acknowledged_when_its_effect_is_recorded),
        cmocka_unit_test(an_envelope_is_acknowledged_in_time_whatever_happens),
        cmocka_unit_test(what_is_not_understood_is_acknowledged_at_once),
        cmocka_unit_test(envelopes_in_pieces_and_large_ones_come_whole),
        cmocka_unit_test(a_refresh_leaves_no_gap),
        cmocka_unit_test(a_late_end_of_an_old_connection_changes_nothing),
        cmocka_unit_test(a_lost_connection_is_made_again_at_once),
        cmocka_unit_test(connections_that_do_not_last_are_no_storm),
        cmocka_unit_test(an_upgrade_that_is_refused_is_tried_again),
        cmocka_unit_test(no_hello_is_no_connection),
        cmocka_unit_test(a_half_open_connection_is_replaced),
        cmocka_unit_test(too_many_connections_are_not_answered_with_more),
        cmocka_unit_test(a_link_that_is_switched_off_is_said_and_waited_for),
        cmocka_unit_test(a_fatal_error_stops_it),
        cmocka_unit_test(a_pause_that_slack_asks_for_is_kept),
        cmocka_unit_test(a_url_that_makes_no_sense_is_a_trouble_like_others),
        cmocka_unit_test(connections_that_are_not_ours_are_told),
        cmocka_unit_test(a_process_that_is_told_late_or_is_gone_is_no_stranger),
        cmocka_unit_test(it_can_be_destroyed_at_any_moment),
    };
    return cmocka_run_group_tests(tests, start_peer, stop_peer);
}
