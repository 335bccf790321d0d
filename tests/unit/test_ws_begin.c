/* How a websocket begins: the way to the server, with or without a proxy, and what may fail on it. */

#include "fakes/ws_test.h"

#include "base/str.h"
#include "net/ws_url.h"

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
        turns_for(rig.loop, 30);
        int before = files();
        char url[128];
        (void)snprintf(url, sizeof url, "wss://%s:%d/link/?ticket=secret", cases[i].host, ws_peer_port(peer));
        start(&rig, (struct ws_options){.handshake_ms = str_equal(cases[i].status, "0") ? 500 : 0}, url);
        turns_until(rig.loop, rig.closed == 1);
        if (strstr(rig.reason.text, cases[i].says) == NULL) {
            fail_msg("case %zu: %s", i, rig.reason.text);
        }
        assert_int_equal(rig.opened, 0);
        for (const char *line; (line = ws_peer_next(peer)) != NULL;) {
            assert_false(str_starts(line, "open ")); /* a redirection is not followed */
        }
        turns_until(rig.loop, files() <= before);
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
        turns_until(rig.loop, rig.closed == 1);
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
        turns_until(rig.loop, rig.closed == 1);
        assert_string_equal(rig.reason.text,
                            "The connection to 255.255.255.255 could not be made: there is no way to it.");
        drop(&rig);
        char url[128];
        rig.opened = rig.closed = 0;
        (void)snprintf(url, sizeof url, "wss://localhost:%d/", ws_peer_port(peer));
        start(&rig, (struct ws_options){0}, url);
        turns_until(rig.loop, rig.opened == 1);
        drop(&rig);
        rig.opened = 0;
    }
    rig_close(&rig);
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
    turns_until(rig.loop, rig.opened + rig.closed == 1);
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

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(failures_of_the_handshake_are_told),
        cmocka_unit_test(a_server_that_is_not_there_is_told),
        cmocka_unit_test(no_way_to_the_server_is_told_and_does_no_harm),
        cmocka_unit_test(the_proxy_of_the_environment_is_used),
        cmocka_unit_test(the_environment_tells_which_way_to_go),
        cmocka_unit_test(bad_addresses_and_files_are_refused),
    };
    return cmocka_run_group_tests(tests, start_peer, stop_peer);
}
