/* Against a real server over TLS in a child process. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <dirent.h>

#include <cmocka.h>
#include <uv.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/str.h"
#include "fakes/ws_peer.h"
#include "net/loop.h"
#include "net/ws.h"
#include "net/ws_url.h"

enum { PATIENCE_MS = 20000 };

static struct ws_peer *peer;

struct rig {
    struct loop *loop;
    struct ws_client *client;
    struct ws *ws;
    int number; /* the peer's of the connection */
    int opened, closed, texts;
    struct buf last; /* text */
    struct err reason;
    bool destroy_on_text, destroy_on_open, destroy_on_close;
};

static void drop(struct rig *rig) {
    ws_destroy(rig->ws);
    rig->ws = NULL;
}

static void opened(void *user) {
    struct rig *rig = user;
    rig->opened++;
    if (rig->destroy_on_open) {
        drop(rig);
    }
}

static void text_came(const char *text, size_t size, void *user) {
    struct rig *rig = user;
    rig->texts++;
    assert_int_equal(text[size], 0);
    if (rig->destroy_on_text) {
        drop(rig);
    }
    buf_clear(&rig->last);
    buf_add(&rig->last, text, size); /* still there */
}

static void closed(const struct err *reason, void *user) {
    struct rig *rig = user;
    rig->closed++;
    assert_int_not_equal(reason->code, ERR_NONE);
    rig->reason = *reason;
    assert_null(strstr(reason->text, "secret"));
    if (rig->destroy_on_close) {
        drop(rig);
    }
}

static void turn(struct rig *rig) {
    uv_run(loop_uv(rig->loop), UV_RUN_NOWAIT);
    usleep(300);
}

#define turn_until(rig, condition)                                              \
    for (int64_t end_ms_ = clock_monotonic_ms() + PATIENCE_MS; !(condition);) { \
        assert_true(clock_monotonic_ms() < end_ms_);                            \
        turn(rig);                                                              \
    }

static void turn_for(struct rig *rig, int64_t ms) {
    for (int64_t end_ms = clock_monotonic_ms() + ms; clock_monotonic_ms() < end_ms;) {
        turn(rig);
    }
}

static const char *await(struct rig *rig, const char *beginning) {
    const char *line = ws_peer_await(peer, rig->loop, beginning, PATIENCE_MS);
    if (line == NULL) {
        fail_msg("the peer does not say '%s'; %s", beginning, rig->reason.text);
    }
    return line;
}

static void rig_open(struct rig *rig, const char *ca_file) {
    struct err err = {0};
    while (ws_peer_next(peer) != NULL) {
    }
    rig->loop = loop_create();
    buf_init(&rig->last, 4 << 20);
    if (ws_client_create(rig->loop, ca_file, &rig->client, &err) != 0) {
        fail_msg("%s", err.text);
    }
}

static int files(void) {
    int count = 0;
    DIR *directory = opendir("/proc/self/fd");
    assert_non_null(directory);
    while (readdir(directory) != NULL) {
        count++;
    }
    (void)closedir(directory);
    return count;
}

static void rig_close(struct rig *rig) {
    ws_destroy(rig->ws);
    ws_client_destroy(rig->client);
    assert_true(loop_destroy(rig->loop));
    buf_finish(&rig->last);
    ws_peer_tell(peer, "status 101");
}

static void start(struct rig *rig, struct ws_options options, const char *url) {
    struct err err = {0};
    options.url = url;
    options.opened = opened;
    options.text = text_came;
    options.closed = closed;
    options.user = rig;
    if (ws_create(rig->client, &options, &rig->ws, &err) != 0) {
        fail_msg("%s", err.text);
    }
    assert_int_equal(rig->opened + rig->closed + rig->texts, 0);
}

/* A rig with an open connection. */
static void connect_with(struct rig *rig, struct ws_options options) {
    rig_open(rig, ws_peer_ca_file(peer));
    char url[128];
    (void)snprintf(url, sizeof url, "wss://localhost:%d/link/?ticket=secret", ws_peer_port(peer));
    start(rig, options, url);
    turn_until(rig, rig->opened + rig->closed > 0);
    if (rig->opened != 1) {
        fail_msg("%s", rig->reason.text);
    }
    assert_int_equal(sscanf(await(rig, "open "), "open %d", &rig->number), 1);
}

static void connect_(struct rig *rig) {
    connect_with(rig, (struct ws_options){0});
}

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
    turn_until(&rig, rig.texts == 1);
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
    turn_until(&rig, rig.texts == 1);
    assert_string_equal(rig.last.data, text);
    ws_peer_tell(peer, "fragments %d 1 %s", rig.number, text);
    turn_until(&rig, rig.texts == 2);
    assert_string_equal(rig.last.data, text);
    for (size_t i = 0; i < strlen(text); i++) {
        char expected[64];
        (void)snprintf(expected, sizeof expected, "pong %d between", rig.number);
        assert_string_equal(await(&rig, "pong "), expected);
    }
    ws_peer_tell(peer, "fill %d 100000", rig.number);
    turn_until(&rig, rig.texts == 3);
    assert_int_equal(rig.last.size, 100000);
    ws_peer_tell(peer, "fill %d %d", rig.number, LIMIT_WS_MESSAGE_BYTES);
    turn_until(&rig, rig.texts == 4);
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
        turn_until(&rig, rig.texts == 1);
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
    turn_until(&rig, rig.closed == 1);
    assert_int_equal(rig.reason.code, ERR_TOO_BIG);
    assert_int_equal(rig.texts, 0);
    rig_close(&rig);
}

static void broken_utf8_is_handed_over(void **state) {
    (void)state;
    struct rig rig = {0};
    connect_(&rig);
    ws_peer_tell(peer, "raw %d 8103610062", rig.number);
    turn_until(&rig, rig.texts == 1);
    assert_int_equal(rig.last.size, 3);
    ws_peer_tell(peer, "raw %d 8102fffe", rig.number);
    turn_until(&rig, rig.texts == 2);
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
    turn_until(&rig, rig.opened == 1);
    assert_int_equal(sscanf(await(&rig, "open "), "open %d", &rig.number), 1);
    ws_peer_tell(peer, "drop %d", rig.number);
    turn_until(&rig, rig.closed == 1);
    assert_int_equal(ws_send(rig.ws, "x", 1, &err), -ERR_UNAVAILABLE);
    rig_close(&rig);
}

static void the_servers_goodbye_is_told_with_its_reason(void **state) {
    (void)state;
    struct rig rig = {0};
    connect_(&rig);
    ws_peer_tell(peer, "close %d 1009 Max frame length of 20480 has been exceeded", rig.number);
    assert_non_null(strstr(await(&rig, "closed "), " 1009"));
    turn_until(&rig, rig.closed == 1);
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
    turn_until(&rig, rig.closed == 1);
    await(&rig, "eof ");
    rig_close(&rig);
}

static void a_goodbye_that_nobody_answers_ends_all_the_same(void **state) {
    (void)state;
    struct rig rig = {0};
    connect_(&rig);
    int before = files();
    ws_peer_tell(peer, "deaf %d", rig.number);
    turn_for(&rig, 50);
    int64_t start_ms = clock_monotonic_ms();
    ws_close(rig.ws);
    assert_non_null(strstr(await(&rig, "closed "), " 1000"));
    turn_until(&rig, rig.closed == 1);
    assert_in_range(clock_monotonic_ms() - start_ms, LIMIT_WS_CLOSE_MS / 2, 4 * LIMIT_WS_CLOSE_MS);
    await(&rig, "eof ");
    turn_until(&rig, files() == before - 1);
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
        turn_until(&rig, rig.opened == 1);
        int before = files();
        ws_peer_tell(peer, "freeze %d", rig.number);
        turn_for(&rig, 20);
        struct err err = {0};
        for (int refused = 0; refused < 50;) { /* until the socket is full, and what we keep for it too */
            refused = ws_send(rig.ws, text, size, &err) == 0 ? 0 : refused + 1;
            turn(&rig);
        }
        assert_int_equal(err.code, ERR_UNAVAILABLE);
        int64_t start_ms = clock_monotonic_ms();
        ws_close(rig.ws);
        turn_until(&rig, rig.closed == 1 && files() == before - 1);
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
    const char *line = ws_peer_await(peer, NULL, "closed ", PATIENCE_MS);
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
    turn_until(&rig, rig.closed == 1);
    assert_in_range(clock_monotonic_ms() - start_ms, 500, 1200 + 4 * LIMIT_WS_CLOSE_MS);
    assert_int_equal(rig.reason.code, ERR_TIMEOUT);
    turn_until(&rig, files() == before - 1);
    rig_close(&rig);
}

static void pings_of_the_server_alone_keep_it_alive(void **state) {
    (void)state;
    struct rig rig = {0};
    connect_with(&rig, (struct ws_options){.ping_ms = 100, .idle_ms = 500});
    ws_peer_tell(peer, "deaf %d", rig.number);
    for (int i = 0; i < 10; i++) {
        ws_peer_tell(peer, "ping %d Ping from applink-2", rig.number);
        turn_for(&rig, 150);
    }
    assert_non_null(strstr(await(&rig, "pong "), "Ping from applink-2"));
    assert_int_equal(rig.closed, 0);
    turn_until(&rig, rig.closed == 1); /* now it is silent */
    rig_close(&rig);
}

static void failures_of_the_handshake_are_told(void **state) {
    (void)state;
    static const struct {
        const char *status, *host, *says;
        bool without_ca;
    } cases[] = {
        {"408", "localhost", "HTTP 408", false},
        {"404", "localhost", "HTTP 404", false},
        {"503", "localhost", "HTTP 503", false},
        {"301", "localhost", "The connection to localhost could not be made", false},
        {"0", "localhost", "no answer within", false},
        {"101", "localhost", "certificate", true},
        {"101", "127.0.0.1", "mismatch", false},
        {"101", "no-such-host.invalid", "could not be made", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct rig rig = {.destroy_on_close = i % 2 == 0};
        rig_open(&rig, cases[i].without_ca ? NULL : ws_peer_ca_file(peer));
        ws_peer_tell(peer, "status %s", cases[i].status);
        turn_for(&rig, 30);
        int before = files();
        char url[128];
        (void)snprintf(url, sizeof url, "wss://%s:%d/link/?ticket=secret", cases[i].host, ws_peer_port(peer));
        start(&rig, (struct ws_options){.handshake_ms = str_equal(cases[i].status, "0") ? 500 : 0}, url);
        turn_until(&rig, rig.closed == 1);
        if (strstr(rig.reason.text, cases[i].says) == NULL) {
            fail_msg("case %zu: %s", i, rig.reason.text);
        }
        assert_int_equal(rig.opened, 0);
        for (const char *line; (line = ws_peer_next(peer)) != NULL;) {
            assert_false(str_starts(line, "open ")); /* a redirection is not followed */
        }
        turn_until(&rig, files() <= before);
        rig_close(&rig);
    }
}

static void a_server_that_is_not_there_is_told(void **state) {
    (void)state;
    struct rig rig = {0};
    rig_open(&rig, ws_peer_ca_file(peer));
    for (int i = 0; i < 20; i++) {
        rig.closed = 0;
        start(&rig, (struct ws_options){0}, "wss://localhost:1/");
        turn_until(&rig, rig.closed == 1);
        drop(&rig);
    }
    rig_close(&rig);
}

/* The library would leave a dead handle in the loop, and break over it when the number of the file is used again. */
static void no_way_to_the_server_is_told_and_does_no_harm(void **state) {
    (void)state;
    struct rig rig = {0};
    rig_open(&rig, ws_peer_ca_file(peer));
    for (int i = 0; i < 5; i++) {
        rig.closed = 0;
        start(&rig, (struct ws_options){0}, "wss://255.255.255.255/");
        turn_until(&rig, rig.closed == 1);
        assert_string_equal(rig.reason.text,
                            "The connection to 255.255.255.255 could not be made: there is no way to it.");
        drop(&rig);
        char url[128];
        rig.opened = rig.closed = 0;
        (void)snprintf(url, sizeof url, "wss://localhost:%d/", ws_peer_port(peer));
        start(&rig, (struct ws_options){0}, url);
        turn_until(&rig, rig.opened == 1);
        drop(&rig);
        rig.opened = 0;
    }
    rig_close(&rig);
}

static void many_connections_one_after_another_leave_nothing_open(void **state) {
    (void)state;
    struct rig rig = {0};
    connect_(&rig);
    drop(&rig);
    turn_for(&rig, 50);
    int before = files();
    char url[128];
    (void)snprintf(url, sizeof url, "wss://localhost:%d/", ws_peer_port(peer));
    for (int i = 0; i < 60; i++) {
        rig.opened = 0;
        start(&rig, (struct ws_options){0}, url);
        turn_until(&rig, rig.opened == 1);
        drop(&rig);
    }
    turn_until(&rig, files() <= before);
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
        turn_for(&rig, 3);
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

static void the_proxy_of_the_environment_is_used(void **state) {
    (void)state;
    char proxy[64];
    (void)snprintf(proxy, sizeof proxy, "http://bob:pass%%40word@localhost:%d/", ws_peer_proxy_port(peer));
    assert_int_equal(setenv("HTTPS_PROXY", proxy, 1), 0);
    struct rig rig = {0};
    rig_open(&rig, ws_peer_ca_file(peer));
    start(&rig, (struct ws_options){0}, "wss://localhost:4433/");
    assert_string_equal(await(&rig, "proxy "), "proxy localhost:4433 Ym9iOnBhc3NAd29yZA==");
    turn_until(&rig, rig.opened + rig.closed == 1);
    assert_int_equal(rig.opened, 1);
    rig_close(&rig);

    assert_int_equal(setenv("NO_PROXY", "example.com,localhost", 1), 0);
    assert_int_equal(setenv("http_proxy", "http://127.0.0.1:1", 1), 0); /* is for http:// only */
    struct rig direct = {0};
    connect_(&direct);
    rig_close(&direct);
    assert_int_equal(unsetenv("http_proxy"), 0);
    assert_int_equal(unsetenv("NO_PROXY"), 0);
    assert_int_equal(unsetenv("HTTPS_PROXY"), 0);
}

static void the_environment_tells_which_way_to_go(void **state) {
    (void)state;
    static const struct {
        const char *host, *https_proxy, *no_proxy, *proxy, *login;
        int port;
    } cases[] = {
        {"a.example.com", NULL, NULL, "", "", 0},
        {"a.example.com", "", NULL, "", "", 0},
        {"a.example.com", "http://proxy:3128", NULL, "proxy", "", 3128},
        {"a.example.com", "http://proxy:3128/", "", "proxy", "", 3128},
        {"a.example.com", "proxy", "b.example.com", "proxy", "", 1080},
        {"a.example.com", "HTTP://bob:p%40ss%3a@10.0.0.1:8080", NULL, "10.0.0.1", "bob:p@ss:", 8080},
        {"a.example.com", "http://proxy", "example.com", "", "", 0},
        {"a.example.com", "http://proxy", "localhost, .example.com", "", "", 0},
        {"a.example.com", "http://proxy", "A.Example.Com:443", "", "", 0},
        {"a.example.com", "http://proxy", "*", "", "", 0},
        {"a.example.com", "http://proxy", "ample.com,,x,", "proxy", "", 1080},
        {"example.com", "http://proxy", "a.example.com", "proxy", "", 1080},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct ws_proxy proxy;
        struct err err = {0};
        assert_int_equal(ws_url_proxy(cases[i].host, cases[i].https_proxy, cases[i].no_proxy, &proxy, &err), 0);
        assert_string_equal(proxy.host, cases[i].proxy);
        assert_string_equal(proxy.login, cases[i].login);
        assert_true(cases[i].port == 0 || proxy.port == cases[i].port);
    }
    static const char *const bad[] = {"https://proxy", "socks5://proxy", "http://",         "http://a:b@",
                                      "http://a b",    "http://p:0",     "http://u%zz@p:1", "http://u%00@p:1"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct ws_proxy proxy;
        struct err err = {0};
        assert_int_equal(ws_url_proxy("a", bad[i], NULL, &proxy, &err), -ERR_INVALID);
    }
}

static void bad_addresses_and_files_are_refused(void **state) {
    (void)state;
    struct rig rig = {0};
    rig_open(&rig, NULL);
    static const char *const urls[] = {"",
                                       "https://a/",
                                       "wss://",
                                       "wss://a:0/",
                                       "wss://a:66000/",
                                       "wss://a b/",
                                       "wss://a/b c",
                                       "wss://a/\r\nb",
                                       "wss://a:/",
                                       "wss://u@a/",
                                       "wss://[::1]/",
                                       "wss://a/#secret"};
    for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++) {
        struct err err = {0};
        struct ws *ws = NULL;
        assert_int_equal(ws_create(rig.client, &(struct ws_options){.url = urls[i]}, &ws, &err), -ERR_INVALID);
        assert_null(strstr(err.text, "secret"));
    }
    rig_close(&rig);

    struct loop *loop = loop_create();
    struct ws_client *client = NULL;
    struct err err = {0};
    assert_int_equal(ws_client_create(loop, "/no/such/file.pem", &client, &err), -ERR_INVALID);
    assert_non_null(strstr(err.text, "/no/such/file.pem"));
    assert_true(loop_destroy(loop));
}

static int start_peer(void **state) {
    (void)state;
    (void)unsetenv("HTTPS_PROXY");
    (void)unsetenv("https_proxy");
    (void)unsetenv("NO_PROXY");
    (void)unsetenv("no_proxy");
    peer = ws_peer_start();
    return peer != NULL ? 0 : -1;
}

static int stop_peer(void **state) {
    (void)state;
    ws_peer_stop(peer);
    return 0;
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
        cmocka_unit_test(the_servers_goodbye_is_told_with_its_reason),
        cmocka_unit_test(our_goodbye_is_said_and_answered),
        cmocka_unit_test(a_goodbye_that_nobody_answers_ends_all_the_same),
        cmocka_unit_test(a_server_that_does_not_read_is_not_waited_for),
        cmocka_unit_test(destroying_says_goodbye_too),
        cmocka_unit_test(the_end_of_the_program_says_goodbye_too),
        cmocka_unit_test(a_half_open_connection_is_found_and_its_file_closed),
        cmocka_unit_test(pings_of_the_server_alone_keep_it_alive),
        cmocka_unit_test(failures_of_the_handshake_are_told),
        cmocka_unit_test(a_server_that_is_not_there_is_told),
        cmocka_unit_test(no_way_to_the_server_is_told_and_does_no_harm),
        cmocka_unit_test(many_connections_one_after_another_leave_nothing_open),
        cmocka_unit_test(a_connection_can_be_destroyed_at_any_moment),
        cmocka_unit_test(a_connection_can_be_destroyed_inside_its_callbacks),
        cmocka_unit_test(the_proxy_of_the_environment_is_used),
        cmocka_unit_test(the_environment_tells_which_way_to_go),
        cmocka_unit_test(bad_addresses_and_files_are_refused),
    };
    return cmocka_run_group_tests(tests, start_peer, stop_peer);
}
