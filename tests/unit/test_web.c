/* The server of HTTP against real sockets: requests and their answers, and where it listens. */

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"
#include "fakes/web_rig.h"
#include "net/loop.h"
#include "net/web.h"

static void a_request_is_answered(void **state) {
    (void)state;
    struct web_rig rig = {0};
    web_rig_open(&rig);
    assert_true(str_starts(web_address(rig.web), "127.0.0.1:"));
    struct visitor visitor;
    visitor_open(&rig, &visitor);
    visitor_send(&rig, &visitor, GET("/hello"));
    visitor_expect(&rig, &visitor, "\r\n\r\nhello");
    assert_true(str_starts(visitor.in.data, "HTTP/1.1 200 OK\r\n"));
    assert_non_null(strstr(visitor.in.data, "Content-Length: 5\r\n"));
    visitor_close(&visitor);
    web_rig_close(&rig);
}

static void the_parts_of_a_request_are_given(void **state) {
    (void)state;
    struct web_rig rig = {0};
    web_rig_open(&rig);
    static const struct {
        const char *request, *parts;
    } cases[] = {
        {"GET /a%20b/%C3%A4?q=1+2%263&empty&x=y HTTP/1.1\r\n" HOST
         "X-THING: Some Value\r\nCookie: __host-id=evil; __Host-id=good; plain=a=b\r\n\r\n",
         "GET|/a b/\xc3\xa4|1 2&3||-|good|a=b|Some Value|127.0.0.1|"},
        {"GET /+?q=first&q=second&=&&no%3d=1 HTTP/1.1\r\n" HOST "Cookie: ;;plain\r\n\r\n",
         "GET|/+|first|-|-|-||-|127.0.0.1|"},
        {"PUT /? HTTP/1.1\r\n" HOST "Content-Length: 3\r\n\r\nabc", "PUT|/|-|-|-|-|-|-|127.0.0.1|abc"},
        {"DELETE //x/../y HTTP/1.0\r\n\r\n", "DELETE|//x/../y|-|-|-|-|-|-|127.0.0.1|"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *reply = web_rig_ask(&rig, cases[i].request, strlen(cases[i].request), cases[i].parts);
        if (strstr(reply, cases[i].parts) == NULL) {
            fail_msg("%s", reply);
        }
        assert_non_null(strstr(reply, " 201 "));
        assert_non_null(strstr(reply, "X-Reply: yes\r\n"));
        mem_free(reply);
    }
    web_rig_close(&rig);
}

static void a_thousand_requests_on_one_connection(void **state) {
    (void)state;
    struct web_rig rig = {0};
    web_rig_open(&rig);
    struct visitor visitor;
    visitor_open(&rig, &visitor);
    for (int i = 0; i < 1000; i++) {
        buf_clear(&visitor.in);
        visitor_send(&rig, &visitor,
                     i % 2 == 0 ? GET("/hello") : "POST /x HTTP/1.1\r\n" HOST "Content-Length: 2\r\n\r\nok");
        visitor_expect(&rig, &visitor, i % 2 == 0 ? "\r\n\r\nhello" : "|ok");
    }
    assert_int_equal(rig.handed, 1000);
    visitor_close(&visitor);
    web_rig_close(&rig);
}

static void pipelined_requests_are_answered_in_order(void **state) {
    (void)state;
    struct web_rig rig = {0};
    web_rig_open(&rig);
    struct visitor visitor;
    visitor_open(&rig, &visitor);
    visitor_send(&rig, &visitor,
                 GET("/hello") "POST /1 HTTP/1.1\r\n" HOST "Content-Length: 3\r\n\r\none"
                               "POST /2 HTTP/1.1\r\n" HOST
                               "Transfer-Encoding: chunked\r\n\r\n3\r\ntwo\r\n0\r\n\r\n" GET(
                                   "/later") "POST /3 HTTP/1.1\r\n" HOST "Content-Length: 5\r\n\r\nthree");
    visitor_expect(&rig, &visitor, "|two");
    turns_for(rig.loop, 50);
    assert_false(visitor_has(&visitor, "three"));
    assert_int_equal(rig.waiting_count, 1);
    web_answer(rig.waiting[0], 200, NULL, 0, "waited", 6);
    visitor_expect(&rig, &visitor, "|three");
    const char *at = visitor.in.data;
    static const char *const order[] = {"hello", "|one", "|two", "waited", "|three"};
    for (size_t i = 0; i < 5; i++) {
        at = strstr(at, order[i]);
        assert_non_null(at);
    }
    visitor_close(&visitor);
    web_rig_close(&rig);
}

static void a_chunked_body_arrives_joined(void **state) {
    (void)state;
    struct web_rig rig = {0};
    web_rig_open(&rig);
    struct visitor visitor;
    visitor_open(&rig, &visitor);
    const char text[] = "POST /x HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n"
                        "1\r\na\r\n2\r\nbc\r\n0\r\nTrailer: x\r\n\r\n";
    for (size_t i = 0; i < sizeof text - 1; i++) {
        visitor_send_bytes(&rig, &visitor, text + i, 1);
        turns_once(rig.loop);
    }
    visitor_expect(&rig, &visitor, "127.0.0.1|abc");
    assert_int_equal(rig.handed, 1);
    visitor_close(&visitor);
    web_rig_close(&rig);
}

static void a_client_that_asks_before_it_sends_is_told_to_go_on(void **state) {
    (void)state;
    struct web_rig rig = {0};
    web_rig_open(&rig);
    struct visitor visitor;
    visitor_open(&rig, &visitor);
    visitor_send(&rig, &visitor, "POST /x HTTP/1.1\r\n" HOST "Expect: 100-continue\r\nContent-Length: 4\r\n\r\n");
    visitor_expect(&rig, &visitor, "HTTP/1.1 100 Continue\r\n\r\n");
    visitor_send(&rig, &visitor, "body");
    visitor_expect(&rig, &visitor, "127.0.0.1|body");
    visitor_close(&visitor);
    web_rig_close(&rig);
}

static void a_head_request_has_a_length_but_no_body(void **state) {
    (void)state;
    struct web_rig rig = {0};
    web_rig_open(&rig);
    struct visitor visitor;
    visitor_open(&rig, &visitor);
    visitor_send(&rig, &visitor, "HEAD /hello HTTP/1.1\r\n" HOST "\r\n" GET("/x"));
    visitor_expect(&rig, &visitor, "GET|/x");
    assert_non_null(strstr(visitor.in.data, "Content-Length: 5\r\n"));
    assert_null(strstr(visitor.in.data, "hello"));
    visitor_close(&visitor);
    web_rig_close(&rig);
}

static void a_client_that_leaves_while_its_request_waits_is_gone(void **state) {
    (void)state;
    struct web_rig rig = {0};
    web_rig_open(&rig);
    struct visitor visitors[3];
    for (size_t i = 0; i < 3; i++) {
        visitor_open(&rig, &visitors[i]);
        visitor_send(&rig, &visitors[i], GET("/later"));
        turns_until(rig.loop, rig.waiting_count == i + 1);
    }
    turns_for(rig.loop, 20);
    assert_int_equal(rig.gone, 0);
    visitor_close(&visitors[0]);
    turns_until(rig.loop, rig.gone == 1);
    assert_int_equal(shutdown(visitors[1].fd, SHUT_WR), 0);
    turns_until(rig.loop, rig.gone == 2);
    visitor_expect_over(&rig, &visitors[1]);
    web_answer(rig.waiting[2], 200, NULL, 0, "still here", 10);
    visitor_expect(&rig, &visitors[2], "still here");
    visitor_close(&visitors[1]);
    visitor_close(&visitors[2]);
    web_rig_close(&rig);
    assert_int_equal(rig.gone, 2);
}

static void a_header_that_would_split_the_answer_makes_it_a_500(void **state) {
    (void)state;
    struct web_rig rig = {0};
    web_rig_open(&rig);
    char *reply = web_rig_ask(&rig, GET("/split"), strlen(GET("/split")), "\n\r\n");
    assert_true(str_starts(reply, "HTTP/1.1 500 "));
    assert_null(strstr(reply, "Set-Cookie"));
    mem_free(reply);
    web_rig_close(&rig);
}

static void a_unix_socket_is_private_and_cleaned_up(void **state) {
    (void)state;
    char directory[] = "/tmp/test_web.XXXXXX", listen[64];
    assert_non_null(mkdtemp(directory));
    (void)snprintf(listen, sizeof listen, "unix:%s/sock", directory);
    struct web_rig rig = {.options.listen = listen};
    web_rig_open(&rig);
    struct stat status;
    assert_int_equal(stat(listen + 5, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0660);

    struct web *second = NULL;
    struct err err = {0};
    assert_int_equal(web_create(rig.loop, &rig.options, &second, &err), -(int)ERR_IO);
    assert_non_null(strstr(err.text, "in use"));
    web_rig_close(&rig);
    assert_int_not_equal(stat(listen + 5, &status), 0);

    /* What a killed server leaves behind. */
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    (void)snprintf(address.sun_path, sizeof address.sun_path, "%s", listen + 5);
    int stale = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(stale, (struct sockaddr *)&address, sizeof address), 0);
    close(stale);
    web_rig_open(&rig);
    web_rig_close(&rig);
    assert_int_equal(rmdir(directory), 0);
}

static void an_address_that_cannot_be_used_is_an_error(void **state) {
    (void)state;
    struct web_rig rig = {0};
    web_rig_open(&rig);
    const char *addresses[] = {"",
                               "8080",
                               ":8080",
                               "127.0.0.1",
                               "127.0.0.1:x",
                               "[::1:80",
                               "::1:80",
                               "[]:80",
                               "unix:relative",
                               "127.0.0.1:70000x",
                               "no host:80",
                               "192.0.2.1:0",
                               web_address(rig.web)};
    for (size_t i = 0; i < sizeof addresses / sizeof addresses[0]; i++) {
        struct web_options options = rig.options;
        options.listen = addresses[i];
        struct web *web = NULL;
        struct err err = {0};
        int result = web_create(rig.loop, &options, &web, &err);
        if (result == 0 || !str_starts(err.text, "Cannot listen on ")) {
            fail_msg("'%s': %s", addresses[i], err.text);
        }
    }
    struct web_options options = rig.options;
    options.certificate = options.key = "/nonexistent.pem";
    struct web *web = NULL;
    struct err err = {0};
    assert_true(web_create(rig.loop, &options, &web, &err) < 0);
    assert_non_null(strstr(err.text, "/nonexistent.pem"));
    options.certificate = options.key = "/etc/hostname";
    assert_true(web_create(rig.loop, &options, &web, &err) < 0);
    web_rig_close(&rig);
}

/* Runs a program while the server's loop turns; its output comes back. */
static char *run_program(struct web_rig *rig, const char *const *argv) {
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        (void)dup2(ends[1], STDOUT_FILENO);
        (void)close(STDERR_FILENO);
        execvp(argv[0], (char *const *)argv);
        _exit(127);
    }
    close(ends[1]);
    int status = 0;
    while (waitpid(child, &status, WNOHANG) == 0) {
        if (rig != NULL) {
            turns_once(rig->loop);
        }
    }
    char text[4096] = "";
    (void)!read(ends[0], text, sizeof text - 1);
    close(ends[0]);
    return status == 0 ? mem_strdup(text) : NULL;
}

static void it_serves_tls(void **state) {
    (void)state;
    char directory[] = "/tmp/test_web.XXXXXX", certificate[64], key[64], url[64];
    assert_non_null(mkdtemp(directory));
    (void)snprintf(certificate, sizeof certificate, "%s/cert.pem", directory);
    (void)snprintf(key, sizeof key, "%s/key.pem", directory);
    char *made = run_program(NULL, (const char *const[]){"openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                                                         "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", key,
                                                         "-out", certificate, "-days", "1", "-subj", "/CN=localhost",
                                                         "-addext", "subjectAltName=IP:127.0.0.1", NULL});
    assert_non_null(made);
    mem_free(made);
    struct web_rig rig = {.options.certificate = certificate, .options.key = key};
    web_rig_open(&rig);
    (void)snprintf(url, sizeof url, "https://%s/tls?q=1", web_address(rig.web));
    char *reply = run_program(&rig, (const char *const[]){"curl", "-s", "--noproxy", "*", "--cacert", certificate, "-d",
                                                          "body", url, url, NULL});
    assert_non_null(reply);
    assert_string_equal(reply, "POST|/tls|1|-|-|-|-|-|127.0.0.1|bodyPOST|/tls|1|-|-|-|-|-|127.0.0.1|body");
    mem_free(reply);
    assert_null(
        run_program(&rig, (const char *const[]){"curl", "-s", "--noproxy", "*", "--tls-max", "1.1", "-k", url, NULL}));
    web_rig_close(&rig);
    (void)unlink(certificate);
    (void)unlink(key);
    assert_int_equal(rmdir(directory), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_is_answered),
        cmocka_unit_test(the_parts_of_a_request_are_given),
        cmocka_unit_test(a_thousand_requests_on_one_connection),
        cmocka_unit_test(pipelined_requests_are_answered_in_order),
        cmocka_unit_test(a_chunked_body_arrives_joined),
        cmocka_unit_test(a_client_that_asks_before_it_sends_is_told_to_go_on),
        cmocka_unit_test(a_head_request_has_a_length_but_no_body),
        cmocka_unit_test(a_client_that_leaves_while_its_request_waits_is_gone),
        cmocka_unit_test(a_header_that_would_split_the_answer_makes_it_a_500),
        cmocka_unit_test(a_unix_socket_is_private_and_cleaned_up),
        cmocka_unit_test(an_address_that_cannot_be_used_is_an_error),
        cmocka_unit_test(it_serves_tls),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
