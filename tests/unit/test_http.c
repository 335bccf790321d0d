/* Against real sockets: the project's own server for TLS, and a child process that misbehaves as the path asks. */

#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <cmocka.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"
#include "net/http.h"
#include "net/loop.h"
#include "net/web.h"

enum { PATIENCE_MS = 20000, BIG = 300000 };

static char folder[] = "/tmp/test_http.XXXXXX";
static char certificate[64], key[64], strange[64];

/* What the child has seen, in memory that it shares. */
static struct seen {
    int connections, requests, connects;
    char head[8192]; /* of the last request */
} * seen;

static pid_t server;
static uint16_t server_port;
static uint16_t tunnel_port; /* where CONNECT leads to, whatever it names; set before the child is made */

/* The server that misbehaves: one process a connection. */

static void say(int fd, const char *text) {
    (void)!write(fd, text, strlen(text));
}

/* Reads one request with its body. False at the end of the connection. */
static bool read_request(int fd, char *head, size_t capacity) {
    size_t size = 0;
    while (size < capacity - 1) {
        ssize_t got = read(fd, head + size, capacity - 1 - size);
        if (got <= 0) {
            return false;
        }
        size += (size_t)got;
        head[size] = '\0';
        const char *end = strstr(head, "\r\n\r\n");
        const char *length = strstr(head, "Content-Length: ");
        size_t body = length != NULL ? strtoul(length + strlen("Content-Length: "), NULL, 10) : 0;
        if (end != NULL && size >= (size_t)(end - head) + 4 + body) {
            return true;
        }
    }
    return false;
}

static void tunnel(int fd) {
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(tunnel_port)};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int other = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(other, (const struct sockaddr *)&to, sizeof to) != 0) {
        return;
    }
    say(fd, "HTTP/1.1 200 Connection established\r\n\r\n");
    struct pollfd both[2] = {{.fd = fd, .events = POLLIN}, {.fd = other, .events = POLLIN}};
    for (;;) {
        (void)poll(both, 2, -1);
        for (int i = 0; i < 2; i++) {
            char data[4096];
            ssize_t got = both[i].revents != 0 ? read(both[i].fd, data, sizeof data) : 1;
            if (got <= 0) {
                return;
            }
            if (both[i].revents != 0) {
                (void)!write(both[1 - i].fd, data, (size_t)got);
            }
        }
    }
}

static void reset(int fd) {
    struct linger linger = {.l_onoff = 1};
    (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
}

static void serve_connection(int fd) {
    char head[sizeof seen->head] = "";
    int served = 0;
    while (read_request(fd, head, sizeof head)) {
        __atomic_add_fetch(&seen->requests, 1, __ATOMIC_SEQ_CST);
        memcpy(seen->head, head, sizeof seen->head);
        bool again = served++ > 0;
        if (strncmp(head, "CONNECT ", 8) == 0) {
            __atomic_add_fetch(&seen->connects, 1, __ATOMIC_SEQ_CST);
            if (tunnel_port != 0) {
                tunnel(fd);
            } else {
                say(fd, "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n");
            }
            return;
        }
        if (strstr(head, "/silent") != NULL) {
            pause();
        } else if (strstr(head, "/half") != NULL) {
            say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"ok\":tr");
            return;
        } else if (strstr(head, "/huge") != NULL) {
            say(fd, "HTTP/1.1 200 OK\r\n\r\n");
            char block[4096];
            memset(block, 'x', sizeof block);
            while (write(fd, block, sizeof block) > 0) {
            }
            return;
        } else if (strstr(head, "/headers") != NULL) {
            say(fd, "HTTP/1.1 200 OK\r\n");
            for (int i = 0; i < 10000; i++) {
                say(fd, "X-Filler: 0123456789\r\n");
            }
            return;
        } else if (strstr(head, "/reset") != NULL || (again && strstr(head, "/twice") != NULL)) {
            reset(fd);
            return;
        } else if (strstr(head, "/shut") != NULL || (again && strstr(head, "/again") != NULL)) {
            return;
        } else if (strstr(head, "/garbage") != NULL) {
            say(fd, "*1\r\n$4\r\nPONG\r\n\r\n");
            return;
        } else if (strstr(head, "/moved") != NULL) {
            say(fd, "HTTP/1.1 302 Found\r\nLocation: /else\r\nContent-Length: 0\r\n\r\n");
        } else if (strstr(head, "/limited") != NULL) {
            say(fd, "HTTP/1.1 429 Too Many\r\nretry-AFTER: 7\r\nX-Two: a\r\nX-Two: b\r\nContent-Length: 4\r\n\r\nslow");
        } else if (strstr(head, "/close") != NULL) {
            say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"); /* and closes without having said so */
            return;
        } else {
            say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        }
    }
}

static void serve(int listener) {
    (void)signal(SIGCHLD, SIG_IGN);
    for (;;) {
        int fd = accept(listener, NULL, NULL);
        __atomic_add_fetch(&seen->connections, 1, __ATOMIC_SEQ_CST);
        if (fork() == 0) {
            (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
            close(listener);
            serve_connection(fd);
            _exit(0);
        }
        close(fd);
    }
}

static int listen_local(uint16_t *ret_port) {
    struct sockaddr_in address = {.sin_family = AF_INET};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(listener, (const struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(listener, 64), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &size), 0);
    *ret_port = ntohs(address.sin_port);
    return listener;
}

static void server_start(void) {
    memset(seen, 0, sizeof *seen);
    int listener = listen_local(&server_port);
    server = fork();
    if (server == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        serve(listener);
    }
    close(listener);
}

static void server_stop(void) {
    kill(server, SIGKILL);
    (void)waitpid(server, NULL, 0);
    tunnel_port = 0;
}

/* The client. */

struct rig {
    struct loop *loop;
    struct http *http;
    int wanted;
};

/* What came of a request. */
struct result {
    struct rig *rig;
    int count, status;
    bool maybe;
    char body[64], retry_after[32], two[32], error[ERR_TEXT_SIZE];
    size_t size;
    enum err_code code;
};

static void came(const struct http_reply *reply, void *user) {
    struct result *result = user;
    result->count++;
    result->status = reply->status;
    result->maybe = reply->maybe;
    result->size = reply->size;
    assert_true((reply->err == NULL) == (reply->status != 0));
    assert_int_equal(reply->body[reply->size], '\0');
    result->code = reply->err != NULL ? reply->err->code : ERR_NONE;
    const char *after = http_reply_header(reply, "Retry-After"), *two = http_reply_header(reply, "x-two");
    (void)snprintf(result->body, sizeof result->body, "%s", reply->body);
    (void)snprintf(result->retry_after, sizeof result->retry_after, "%s", after != NULL ? after : "-");
    (void)snprintf(result->two, sizeof result->two, "%s", two != NULL ? two : "-");
    (void)snprintf(result->error, sizeof result->error, "%s", reply->err != NULL ? reply->err->text : "");
    if (--result->rig->wanted == 0) {
        loop_stop(result->rig->loop);
    }
}

static void patience_ended(void *user) {
    (void)user;
    fail_msg("the loop did not get what it waited for");
}

static void rig_wait(struct rig *rig) {
    struct timer *patience = loop_timer(rig->loop, patience_ended, NULL);
    timer_start(patience, PATIENCE_MS);
    loop_run(rig->loop);
    timer_destroy(patience);
}

static void rig_open(struct rig *rig, const char *ca_file) {
    rig->wanted = 0;
    rig->loop = loop_create();
    rig->http = http_create(rig->loop, &(struct http_options){.ca_file = ca_file});
}

static void rig_close(struct rig *rig) {
    http_destroy(rig->http);
    assert_true(loop_destroy(rig->loop));
}

static void ask(struct rig *rig, const struct http_request *request, struct result *result) {
    *result = (struct result){.rig = rig};
    rig->wanted++;
    http_send(rig->http, request, came, result);
    assert_int_equal(result->count, 0);
}

/* One POST to the server that misbehaves. */
static void post(struct rig *rig, const char *path, struct result *result) {
    char url[128];
    (void)snprintf(url, sizeof url, "http://127.0.0.1:%u%s", server_port, path);
    const struct http_request request = {
        .method = "POST", .url = url, .body = "{}", .body_size = 2, .timeout_ms = 500, .reply_max = BIG};
    ask(rig, &request, result);
    rig_wait(rig);
    assert_int_equal(result->count, 1);
}

/* Faults of the peer. */

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
    server_start();
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
    assert_int_equal(seen->requests, sizeof cases / sizeof cases[0]);
    server_stop();
}

static void what_was_surely_not_sent_is_not_maybe(void **state) {
    (void)state;
    struct rig rig;
    struct result refused, nowhere, full, strange_protocol;
    rig_open(&rig, NULL);
    uint16_t port = 0;
    close(listen_local(&port)); /* so that nobody listens there */
    char url[128];
    (void)snprintf(url, sizeof url, "http://127.0.0.1:%u/secret?token=xoxb", port);
    ask(&rig, &(struct http_request){.method = "POST", .url = url}, &refused);
    ask(&rig, &(struct http_request){.method = "POST", .url = "http://no.such.host.invalid/secret"}, &nowhere);
    ask(&rig, &(struct http_request){.method = "GET", .url = "file:///etc/secret"}, &strange_protocol);

    /* A backlog that is full: the connection is never made. */
    struct sockaddr_in address = {.sin_family = AF_INET};
    int listener = listen_local(&port);
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
    server_start();
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        struct rig rig;
        struct result result;
        rig_open(&rig, NULL);
        post(&rig, paths[i], &result);
        assert_int_equal(result.status, 200);
        seen->requests = 0;
        post(&rig, paths[i], &result);
        print_message("%s\n", result.error);
        assert_int_equal(result.status, 0);
        assert_true(result.maybe);
        assert_int_equal(seen->requests, 1);
        rig_close(&rig);
    }
    server_stop();
}

static void a_kept_connection_that_the_server_has_closed_is_made_again(void **state) {
    (void)state;
    struct rig rig;
    struct result result;
    server_start();
    rig_open(&rig, NULL);
    for (int i = 0; i < 5; i++) {
        post(&rig, "/close", &result);
        assert_int_equal(result.status, 200);
        usleep(20000); /* for the FIN to arrive */
    }
    assert_int_equal(seen->requests, 5);
    assert_int_equal(seen->connections, 5);
    rig_close(&rig);
    server_stop();
}

static void headers_and_statuses_arrive_and_redirects_are_not_followed(void **state) {
    (void)state;
    struct rig rig;
    struct result result;
    server_start();
    rig_open(&rig, NULL);
    post(&rig, "/limited", &result);
    assert_int_equal(result.status, 429);
    assert_string_equal(result.body, "slow");
    assert_string_equal(result.retry_after, "7");
    assert_string_equal(result.two, "b");
    post(&rig, "/moved", &result);
    assert_int_equal(result.status, 302);
    assert_string_equal(result.retry_after, "-");
    assert_int_equal(seen->connections, 1);
    assert_int_equal(seen->requests, 2);
    rig_close(&rig);
    server_stop();
}

static void a_header_that_would_split_the_request_is_left_out(void **state) {
    (void)state;
    struct rig rig;
    struct result result;
    server_start();
    rig_open(&rig, NULL);
    char url[64];
    (void)snprintf(url, sizeof url, "http://127.0.0.1:%u/x", server_port);
    const struct http_header_line headers[] = {
        {"Authorization", "Bearer abc"}, {"X-Evil", "a\r\nX-Split: b"}, {"Content-Type", "text/plain"}};
    ask(&rig,
        &(struct http_request){
            .method = "PUT", .url = url, .headers = headers, .header_count = 3, .body = "a\0b", .body_size = 3},
        &result);
    rig_wait(&rig);
    assert_memory_equal(seen->head, "PUT /x HTTP/1.1\r\n", 17);
    assert_non_null(strstr(seen->head, "Authorization: Bearer abc\r\n"));
    assert_non_null(strstr(seen->head, "Content-Type: text/plain\r\n"));
    assert_non_null(strstr(seen->head, "Content-Length: 3\r\n"));
    assert_null(strstr(seen->head, "Split"));
    assert_null(strstr(seen->head, "Expect"));
    rig_close(&rig);
    server_stop();
}

/* Turns, and the end. */

enum { MANY = LIMIT_REQUEST_CONNECTIONS + LIMIT_REQUEST_WAITING + 20 };

static void more_requests_than_connections_wait_and_too_many_are_refused(void **state) {
    (void)state;
    struct rig rig;
    server_start();
    rig_open(&rig, NULL);
    struct result *results = mem_array(MANY, sizeof *results);
    char url[64];
    (void)snprintf(url, sizeof url, "http://127.0.0.1:%u/x", server_port);
    for (int i = 0; i < MANY; i++) {
        ask(&rig, &(struct http_request){.method = "POST", .url = url, .timeout_ms = PATIENCE_MS}, &results[i]);
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
    assert_true(seen->connections <= LIMIT_REQUEST_CONNECTIONS);
    mem_free(results);
    rig_close(&rig);
    server_stop();
}

static void a_request_whose_turn_does_not_come_in_time_ends(void **state) {
    (void)state;
    struct rig rig;
    server_start();
    rig_open(&rig, NULL);
    struct result results[LIMIT_REQUEST_CONNECTIONS + 3];
    const size_t count = sizeof results / sizeof results[0];
    char url[64];
    (void)snprintf(url, sizeof url, "http://127.0.0.1:%u/silent", server_port);
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
    (void)snprintf(url, sizeof url, "http://127.0.0.1:%u/x", server_port);
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
    server_stop();
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
    server_start();
    rig_open(&rig, NULL);
    struct result results[LIMIT_REQUEST_CONNECTIONS + 2], first;
    const size_t count = sizeof results / sizeof results[0];
    char url[64];
    (void)snprintf(url, sizeof url, "http://127.0.0.1:%u/silent", server_port);
    for (size_t i = 0; i < count; i++) {
        results[i] = (struct result){.rig = &rig};
        http_send(rig.http, &(struct http_request){.method = "POST", .url = url}, sends_another, &results[i]);
    }
    while (__atomic_load_n(&seen->requests, __ATOMIC_SEQ_CST) < LIMIT_REQUEST_CONNECTIONS) {
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
    server_stop();
}

/* TLS. */

static void answer(struct web_request *request, void *user) {
    (void)user;
    size_t size = 0;
    const char *body = web_body(request, &size);
    web_answer(request, 200, NULL, 0, body, size);
}

static void gone(struct web_request *request, void *user) {
    (void)request, (void)user;
}

static struct web *web_open(struct rig *rig) {
    struct web *web = NULL;
    struct err err = {0};
    const struct web_options options = {
        .listen = "127.0.0.1:0", .certificate = certificate, .key = key, .handle = answer, .gone = gone};
    if (web_create(rig->loop, &options, &web, &err) != 0) {
        fail_msg("%s", err.text);
    }
    return web;
}

static void ask_tls(struct rig *rig, const char *address, struct result *result) {
    char url[64];
    (void)snprintf(url, sizeof url, "https://%s/x", address);
    ask(rig, &(struct http_request){.method = "POST", .url = url, .body = "hello", .body_size = 5}, result);
    rig_wait(rig);
}

static void only_a_certificate_of_the_right_authority_and_name_is_taken(void **state) {
    (void)state;
    const struct {
        const char *ca_file, *host;
        bool good;
    } cases[] = {{certificate, "127.0.0.1", true},
                 {NULL, "127.0.0.1", false},
                 {strange, "127.0.0.1", false},
                 {certificate, "localhost", false},
                 {"/nowhere", "127.0.0.1", false}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct rig rig;
        struct result result;
        char address[64];
        rig_open(&rig, cases[i].ca_file);
        struct web *web = web_open(&rig);
        (void)snprintf(address, sizeof address, "%s%s", cases[i].host, strrchr(web_address(web), ':'));
        ask_tls(&rig, address, &result);
        print_message("%d %s\n", result.status, result.error);
        assert_int_equal(result.status, cases[i].good ? 200 : 0);
        assert_false(result.maybe);
        if (cases[i].good) {
            assert_string_equal(result.body, "hello");
        }
        web_destroy(web);
        rig_close(&rig);
    }
}

static void the_proxy_of_the_environment_is_used(void **state) {
    (void)state;
    struct rig rig;
    struct result result;
    char proxy[64];
    rig_open(&rig, certificate);
    struct web *web = web_open(&rig);
    for (int round = 0; round < 3; round++) {
        tunnel_port = round == 0 ? 0 : (uint16_t)strtoul(strrchr(web_address(web), ':') + 1, NULL, 10);
        server_start();
        (void)snprintf(proxy, sizeof proxy, "http://127.0.0.1:%u", server_port);
        setenv("HTTPS_PROXY", proxy, 1);
        if (round == 2) {
            setenv("NO_PROXY", "example.org,127.0.0.1", 1);
        }
        ask_tls(&rig, web_address(web), &result);
        unsetenv("HTTPS_PROXY");
        unsetenv("NO_PROXY");
        print_message("%d %s\n", result.status, result.error);
        assert_int_equal(result.status, round == 0 ? 0 : 200);
        assert_false(result.maybe);
        assert_int_equal(seen->connects, round < 2 ? 1 : 0);
        server_stop();
    }
    web_destroy(web);
    rig_close(&rig);
}

static void make_certificate(const char *file, const char *key_file) {
    char command[512];
    (void)snprintf(command, sizeof command,
                   "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=test "
                   "-addext subjectAltName=IP:127.0.0.1 -out %s -keyout %s 2>/dev/null",
                   file, key_file);
    assert_int_equal(system(command), 0);
}

static int set_up(void **state) {
    (void)state;
    static const char *const proxies[] = {"http_proxy",  "https_proxy", "all_proxy", "no_proxy",
                                          "HTTPS_PROXY", "ALL_PROXY",   "NO_PROXY"};
    for (size_t i = 0; i < sizeof proxies / sizeof proxies[0]; i++) {
        unsetenv(proxies[i]);
    }
    assert_non_null(mkdtemp(folder));
    (void)snprintf(certificate, sizeof certificate, "%s/cert.pem", folder);
    (void)snprintf(key, sizeof key, "%s/key.pem", folder);
    (void)snprintf(strange, sizeof strange, "%s/strange.pem", folder);
    make_certificate(strange, key);
    make_certificate(certificate, key);
    seen = mmap(NULL, sizeof *seen, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return seen == MAP_FAILED ? -1 : 0;
}

static int tear_down(void **state) {
    (void)state;
    (void)unlink(certificate);
    (void)unlink(key);
    (void)unlink(strange);
    return rmdir(folder);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_reply_that_is_not_whole_is_no_reply),
        cmocka_unit_test(what_was_surely_not_sent_is_not_maybe),
        cmocka_unit_test(nothing_is_sent_twice_where_a_kept_connection_breaks),
        cmocka_unit_test(a_kept_connection_that_the_server_has_closed_is_made_again),
        cmocka_unit_test(headers_and_statuses_arrive_and_redirects_are_not_followed),
        cmocka_unit_test(a_header_that_would_split_the_request_is_left_out),
        cmocka_unit_test(more_requests_than_connections_wait_and_too_many_are_refused),
        cmocka_unit_test(a_request_whose_turn_does_not_come_in_time_ends),
        cmocka_unit_test(destroying_ends_what_is_under_way_and_what_waits),
        cmocka_unit_test(only_a_certificate_of_the_right_authority_and_name_is_taken),
        cmocka_unit_test(the_proxy_of_the_environment_is_used),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
