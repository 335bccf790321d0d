/* Requests to a server that misbehaves: what is told of them, and what is sent again. */

#include "fakes/http_test.h"

#include <arpa/inet.h>
#include <sys/socket.h>

static void a_reply_that_is_not_whole_is_no_reply(void **state) {
    (void)state;
    static const struct {
        const char *path, *error;
        enum err_code code;
    } cases[] = {
        {"/silent", "127.0.0.1 did not answer in time.", ERR_TIMEOUT},
        {"/half", "No reply from 127.0.0.1: ", ERR_UNKNOWN},
        {"/reset", "No reply from 127.0.0.1: ", ERR_UNKNOWN},
        {"/shut", "No reply from 127.0.0.1: ", ERR_UNKNOWN},
        {"/garbage", "No reply from 127.0.0.1: ", ERR_UNKNOWN},
        {"/huge", "The reply of 127.0.0.1 is too large.", ERR_UNKNOWN},
        {"/headers", "The reply of 127.0.0.1 is too large.", ERR_UNKNOWN},
    };
    bad_server_start();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct rig rig;
        struct result result;
        rig_open(&rig, NULL);
        post(&rig, cases[i].path, &result);
        print_message("%s: %s\n", cases[i].path, result.error);
        assert_int_equal(result.status, 0);
        assert_true(result.maybe);
        assert_int_equal(result.size, 0);
        assert_int_equal(result.code, cases[i].code);
        assert_memory_equal(result.error, cases[i].error, strlen(cases[i].error));
        rig_close(&rig);
    }
    assert_int_equal(bad_server_seen->requests, sizeof cases / sizeof cases[0]);
    bad_server_stop();
}

static void what_was_surely_not_sent_is_not_maybe(void **state) {
    (void)state;
    struct rig rig;
    struct result refused, nowhere, full, strange_protocol;
    rig_open(&rig, NULL);
    uint16_t port = 0;
    close(bad_server_listen(&port)); /* so that nobody listens there */
    char url[128];
    (void)snprintf(url, sizeof url, "http://127.0.0.1:%u/secret?token=xoxb", port);
    ask(&rig, &(struct http_request){.method = "POST", .url = url}, &refused);
    ask(&rig, &(struct http_request){.method = "POST", .url = "http://no.such.host.invalid/secret"}, &nowhere);
    ask(&rig, &(struct http_request){.method = "GET", .url = "file:///etc/secret"}, &strange_protocol);

    /* A backlog that is full: the connection is never made. */
    struct sockaddr_in address = {.sin_family = AF_INET};
    int listener = bad_server_listen(&port);
    assert_int_equal(listen(listener, 0), 0);
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fill[4];
    for (size_t i = 0; i < sizeof fill / sizeof fill[0]; i++) {
        fill[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        (void)connect(fill[i], (const struct sockaddr *)&address, sizeof address);
    }
    (void)snprintf(url, sizeof url, "http://127.0.0.1:%u/secret", port);
    ask(&rig, &(struct http_request){.method = "POST", .url = url, .timeout_ms = 300}, &full);
    rig_wait(&rig);

    const struct result *results[] = {&refused, &nowhere, &strange_protocol, &full};
    for (size_t i = 0; i < sizeof results / sizeof results[0]; i++) {
        print_message("%s\n", results[i]->error);
        assert_int_equal(results[i]->status, 0);
        assert_false(results[i]->maybe);
        assert_null(strstr(results[i]->error, "secret"));
    }
    assert_int_equal(full.code, ERR_TIMEOUT);
    assert_int_equal(refused.code, ERR_UNAVAILABLE);
    for (size_t i = 0; i < sizeof fill / sizeof fill[0]; i++) {
        close(fill[i]);
    }
    close(listener);
    rig_close(&rig);
}

/* libcurl itself sends a request again when a kept connection breaks before the reply: a message would appear twice. */
static void nothing_is_sent_twice_where_a_kept_connection_breaks(void **state) {
    (void)state;
    static const char *const paths[] = {"/again", "/twice"};
    bad_server_start();
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        struct rig rig;
        struct result result;
        rig_open(&rig, NULL);
        post(&rig, paths[i], &result);
        assert_int_equal(result.status, 200);
        bad_server_seen->requests = 0;
        post(&rig, paths[i], &result);
        print_message("%s\n", result.error);
        assert_int_equal(result.status, 0);
        assert_true(result.maybe);
        assert_int_equal(bad_server_seen->requests, 1);
        rig_close(&rig);
    }
    bad_server_stop();
}

static void a_kept_connection_that_the_server_has_closed_is_made_again(void **state) {
    (void)state;
    struct rig rig;
    struct result result;
    bad_server_start();
    rig_open(&rig, NULL);
    for (int i = 0; i < 5; i++) {
        post(&rig, "/close", &result);
        assert_int_equal(result.status, 200);
        usleep(20000); /* for the FIN to arrive */
    }
    assert_int_equal(bad_server_seen->requests, 5);
    assert_int_equal(bad_server_seen->connections, 5);
    rig_close(&rig);
    bad_server_stop();
}

static void headers_and_statuses_arrive_and_redirects_are_not_followed(void **state) {
    (void)state;
    struct rig rig;
    struct result result;
    bad_server_start();
    rig_open(&rig, NULL);
    post(&rig, "/limited", &result);
    assert_int_equal(result.status, 429);
    assert_string_equal(result.body, "slow");
    assert_string_equal(result.retry_after, "7");
    assert_string_equal(result.two, "b");
    post(&rig, "/moved", &result);
    assert_int_equal(result.status, 302);
    assert_string_equal(result.retry_after, "-");
    assert_int_equal(bad_server_seen->connections, 1);
    assert_int_equal(bad_server_seen->requests, 2);
    rig_close(&rig);
    bad_server_stop();
}

static void a_header_that_would_split_the_request_is_left_out(void **state) {
    (void)state;
    struct rig rig;
    struct result result;
    bad_server_start();
    rig_open(&rig, NULL);
    char url[64];
    (void)snprintf(url, sizeof url, "http://127.0.0.1:%u/x", bad_server_port);
    const struct http_header_line headers[] = {
        {"Authorization", "Bearer abc"}, {"X-Evil", "a\r\nX-Split: b"}, {"Content-Type", "text/plain"}};
    ask(&rig,
        &(struct http_request){
            .method = "PUT", .url = url, .headers = headers, .header_count = 3, .body = "a\0b", .body_size = 3},
        &result);
    rig_wait(&rig);
    assert_memory_equal(bad_server_seen->head, "PUT /x HTTP/1.1\r\n", 17);
    assert_non_null(strstr(bad_server_seen->head, "Authorization: Bearer abc\r\n"));
    assert_non_null(strstr(bad_server_seen->head, "Content-Type: text/plain\r\n"));
    assert_non_null(strstr(bad_server_seen->head, "Content-Length: 3\r\n"));
    assert_null(strstr(bad_server_seen->head, "Split"));
    assert_null(strstr(bad_server_seen->head, "Expect"));
    rig_close(&rig);
    bad_server_stop();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_reply_that_is_not_whole_is_no_reply),
        cmocka_unit_test(what_was_surely_not_sent_is_not_maybe),
        cmocka_unit_test(nothing_is_sent_twice_where_a_kept_connection_breaks),
        cmocka_unit_test(a_kept_connection_that_the_server_has_closed_is_made_again),
        cmocka_unit_test(headers_and_statuses_arrive_and_redirects_are_not_followed),
        cmocka_unit_test(a_header_that_would_split_the_request_is_left_out),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
