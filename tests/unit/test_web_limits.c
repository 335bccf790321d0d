/* What the server of HTTP refuses, and whom it cuts off. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"
#include "fakes/pieces.h"
#include "fakes/web_rig.h"
#include "net/web.h"

static void what_can_be_read_in_two_ways_is_refused(void **state) {
    (void)state;
    static const char *const requests[] = {
        "POST /x HTTP/1.1\r\n" HOST "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "GET /x HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
        "POST /x HTTP/1.1\r\n" HOST "Content-Length: 2\r\nContent-Length: 2\r\n\r\nok",
        "PATCH /x HTTP/1.1\r\n" HOST "Content-Length: 2\r\ncontent-length: 3\r\n\r\nok",
        "POST /x HTTP/1.1\r\n" HOST "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        "POST /x HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST /x HTTP/1.1\r\n" HOST "Transfer-Encoding: \r\n\r\n0\r\n\r\n",
        "POST /x HTTP/1.0\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "GET /x HTTP/1.1\r\n" HOST HOST "\r\n",
        "GET /x HTTP/1.1\r\n" HOST "Bad Name: 1\r\n\r\n",
        "POST /x HTTP/1.1\r\n" HOST "Content-Length : 2\r\n\r\nok",
        "GET /%00 HTTP/1.1\r\n" HOST "\r\n",
        "GET /%0a HTTP/1.1\r\n" HOST "\r\n",
        "GET /%zz HTTP/1.1\r\n" HOST "\r\n",
        "GET /% HTTP/1.1\r\n" HOST "\r\n",
        "GET /x?a=%00 HTTP/1.1\r\n" HOST "\r\n",
        "GET /x?a=%f HTTP/1.1\r\n" HOST "\r\n",
        "GET /%ff HTTP/1.1\r\n" HOST "\r\n",
        "GET /x#y HTTP/1.1\r\n" HOST "\r\n",
        "OPTIONS * HTTP/1.1\r\n" HOST "\r\n",
        "GET http://example/x HTTP/1.1\r\n" HOST "\r\n",
    };
    struct web_rig rig = {0};
    web_rig_open(&rig);
    for (size_t i = 0; i < sizeof requests / sizeof requests[0]; i++) {
        char *reply = web_rig_ask(&rig, requests[i], strlen(requests[i]), "never");
        if (!str_starts(reply, "HTTP/1.1 400 ") && !str_starts(reply, "HTTP/1.0 400 ")) {
            fail_msg("'%s' led to '%s'", requests[i], reply);
        }
        assert_int_equal(pieces_count(reply, "HTTP/1."), 1);
        /* Newer versions of the library refuse some of these by themselves, with a fixed text. */
        if (strstr(reply, "<html><head><title>") == NULL) {
            assert_non_null(strstr(reply, "Content-Type: text/plain; charset=utf-8\r\n"));
            assert_non_null(strstr(reply, "X-Content-Type-Options: nosniff\r\n"));
            assert_non_null(strstr(reply, "Cache-Control: no-store\r\n"));
        }
        mem_free(reply);
    }
    assert_int_equal(rig.handed, 0);
    web_rig_close(&rig);
}

static void what_the_library_refuses_is_never_handed_over(void **state) {
    (void)state;
    static const char *const requests[] = {
        "GET /x HTTP/1.1\r\n\r\n",
        "POST /x HTTP/1.1\r\n" HOST "Content-Length: -1\r\n\r\n",
        "POST /x HTTP/1.1\r\n" HOST "Content-Length: +2\r\n\r\nok",
        "POST /x HTTP/1.1\r\n" HOST "Content-Length: 2, 2\r\n\r\nok",
        "POST /x HTTP/1.1\r\n" HOST "Content-Length: 0x2\r\n\r\nok",
        "POST /x HTTP/1.1\r\n" HOST "Content-Length: 99999999999999999999\r\n\r\nok",
        "POST /x HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\nzz\r\nok\r\n0\r\n\r\n",
        "POST /x HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n-1\r\nok\r\n0\r\n\r\n",
        "GET /x HTTP/2.0\r\n" HOST "\r\n",
        "GET /x y HTTP/1.1\r\n" HOST "\r\n",
        "GET /x\r\n\r\n",
        "nonsense\r\n\r\n",
        "\x16\x03\x01\x02\x01\r\n\r\n",
    };
    struct web_rig rig = {0};
    web_rig_open(&rig);
    for (size_t i = 0; i < sizeof requests / sizeof requests[0]; i++) {
        char *reply = web_rig_ask(&rig, requests[i], strlen(requests[i]), "never");
        assert_true(reply[0] == '\0' || str_starts(reply + 8, " 4") || str_starts(reply + 8, " 505"));
        mem_free(reply);
    }
    assert_int_equal(rig.handed, 0);
    web_rig_close(&rig);
}

static void headers_that_are_too_large_are_refused(void **state) {
    (void)state;
    struct web_rig rig = {0};
    web_rig_open(&rig);
    static const struct {
        int target, fields, field;
        const char *status;
    } cases[] = {{8000, 0, 0, " 201 "},   {9000, 0, 0, " 414 "},   {10, 60, 10, " 201 "},  {10, 64, 10, " 431 "},
                 {10, 1, 16000, " 201 "}, {10, 1, 17000, " 431 "}, {10, 30, 600, " 431 "}, {10, 1, 200000, " 431 "}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct buf text = BUF_INIT(1 << 20);
        buf_printf(&text, "GET /%0*d HTTP/1.1\r\n" HOST, cases[i].target, 0);
        for (int field = 0; field < cases[i].fields; field++) {
            buf_printf(&text, "X: %0*d\r\n", cases[i].field, 0);
        }
        buf_adds(&text, "\r\n");
        char *reply = web_rig_ask(&rig, text.data, text.size, "HTTP/1.1");
        if (strncmp(reply + 8, cases[i].status, 5) != 0) {
            fail_msg("case %zu: %s", i, reply);
        }
        mem_free(reply);
        buf_finish(&text);
    }
    web_rig_close(&rig);
}

static char *ask_with_body(struct web_rig *rig, const char *header, size_t size, size_t chunk) {
    struct buf text = BUF_INIT(8 << 20);
    buf_adds(&text, header);
    char *zeros = mem_alloc(size + 1);
    memset(zeros, '0', size);
    if (chunk == 0) {
        buf_add(&text, zeros, size);
    }
    for (size_t left = size; chunk > 0 && left > 0; left -= chunk) {
        buf_printf(&text, "%zx\r\n%.*s\r\n", chunk, (int)chunk, zeros);
    }
    buf_adds(&text, chunk > 0 ? "0\r\n\r\n" : "");
    char *reply = web_rig_ask(rig, text.data, text.size, "HTTP/1.1");
    buf_finish(&text);
    mem_free(zeros);
    return reply;
}

static void a_body_may_be_as_large_as_the_limit_and_no_larger(void **state) {
    (void)state;
    struct web_rig rig = {0};
    web_rig_open(&rig);
#define POST_SIZE "POST /size HTTP/1.1\r\n" HOST
    static const struct {
        const char *header;
        size_t size, chunk;
        const char *reply;
    } cases[] = {
        {POST_SIZE "Content-Length: 1048576\r\n\r\n", 1048576, 0, "1048576 bytes"},
        {POST_SIZE "Content-Length: 1048577\r\n\r\n", 1048577, 0, " 413 "},
        {POST_SIZE "Transfer-Encoding: chunked\r\n\r\n", 1048576, 65536, "1048576 bytes"},
        {POST_SIZE "Transfer-Encoding: chunked\r\n\r\n", 1114112, 65536, " 413 "},
        {POST_SIZE "Content-Length: 1048577\r\nExpect: 100-continue\r\n\r\n", 0, 0, " 413 "},
        {POST_SIZE "Content-Length: 99999999999\r\n\r\n", 0, 0, " 413 "},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *reply = ask_with_body(&rig, cases[i].header, cases[i].size, cases[i].chunk);
        if (strstr(reply, cases[i].reply) == NULL) {
            fail_msg("case %zu: %s", i, reply);
        }
        assert_null(strstr(reply, "100 Continue"));
        mem_free(reply);
    }
    assert_int_equal(rig.handed, 2);
    web_rig_close(&rig);
}

static void one_address_cannot_take_all_connections(void **state) {
    (void)state;
    struct web_rig rig = {0};
    web_rig_open(&rig);
    struct visitor *visitors = mem_array(LIMIT_HTTP_CONNECTIONS + 1, sizeof *visitors);
    size_t count = 0;
    for (int source = 2; count < LIMIT_HTTP_CONNECTIONS; source++) {
        char name[32];
        (void)snprintf(name, sizeof name, "127.0.0.%d", source);
        for (int i = 0; i < LIMIT_HTTP_CONNECTIONS_PER_IP; i++, count++) {
            visitor_open_from(&rig, &visitors[count], name);
            visitor_send(&rig, &visitors[count], GET("/hello"));
            visitor_expect(&rig, &visitors[count], "hello");
        }
        if (source == 2) {
            struct visitor extra;
            visitor_open_from(&rig, &extra, name);
            visitor_expect_over(&rig, &extra);
            visitor_close(&extra);
        }
    }
    /* The server is full: the next one waits for a place. */
    visitor_open_from(&rig, &visitors[count], "127.0.0.99");
    visitor_send(&rig, &visitors[count], GET("/hello"));
    turns_for(rig.loop, 50);
    assert_false(visitor_has(&visitors[count], "hello"));
    visitor_close(&visitors[0]);
    int64_t start_ms = clock_monotonic_ms();
    visitor_expect(&rig, &visitors[count], "hello");
    assert_true(clock_monotonic_ms() - start_ms < 2000);
    for (size_t i = 1; i <= count; i++) {
        visitor_close(&visitors[i]);
    }
    mem_free(visitors);
    web_rig_close(&rig);
}

static void slow_clients_are_cut_and_others_are_not(void **state) {
    (void)state;
    struct web_rig rig = {0};
    web_rig_open(&rig);
    struct visitor header, body, stuck, waiting;
    visitor_open(&rig, &header);
    visitor_open(&rig, &body);
    visitor_open(&rig, &stuck);
    visitor_open(&rig, &waiting);
    visitor_send(&rig, &header, "GET /hello HTTP/1.1\r\n" HOST "X: ");
    visitor_send(&rig, &body, "POST /x HTTP/1.1\r\n" HOST "Content-Length: 100000\r\n\r\n");
    visitor_send(&rig, &waiting, GET("/later"));
    int64_t start_ms = clock_monotonic_ms(), header_ms = 0, body_ms = 0, stuck_ms = 0;
    while (header_ms == 0 || body_ms == 0 || stuck_ms == 0) {
        assert_true(clock_monotonic_ms() - start_ms < LIMIT_HTTP_HEADER_MS + 10000);
        visitor_send(&rig, &header, "x");
        visitor_send(&rig, &body, "x");
        turns_for(rig.loop, 200);
        visitor_read(&header);
        visitor_read(&body);
        visitor_read(&stuck);
        int64_t spent_ms = clock_monotonic_ms() - start_ms;
        header_ms = header_ms == 0 && header.over ? spent_ms : header_ms;
        body_ms = body_ms == 0 && body.over ? spent_ms : body_ms;
        stuck_ms = stuck_ms == 0 && stuck.over ? spent_ms : stuck_ms;
    }
    assert_true(header_ms >= LIMIT_HTTP_HEADER_MS && stuck_ms >= LIMIT_HTTP_HEADER_MS);
    assert_true(body_ms >= 5000 && body_ms < 9900);
    web_answer(rig.waiting[0], 200, NULL, 0, "patience", 8);
    visitor_expect(&rig, &waiting, "patience");
    assert_int_equal(rig.handed, 1);
    visitor_close(&header);
    visitor_close(&body);
    visitor_close(&stuck);
    visitor_close(&waiting);
    web_rig_close(&rig);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_can_be_read_in_two_ways_is_refused),
        cmocka_unit_test(what_the_library_refuses_is_never_handed_over),
        cmocka_unit_test(headers_that_are_too_large_are_refused),
        cmocka_unit_test(a_body_may_be_as_large_as_the_limit_and_no_larger),
        cmocka_unit_test(one_address_cannot_take_all_connections),
        cmocka_unit_test(slow_clients_are_cut_and_others_are_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
