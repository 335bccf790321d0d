/* Streams of the server of HTTP, and clients that leave them or read slowly. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/mem.h"
#include "fakes/web_rig.h"
#include "net/web.h"

static void a_stream_carries_what_is_written_at_once(void **state) {
    (void)state;
    struct web_rig rig = {0};
    web_rig_open(&rig);
    struct visitor visitor;
    visitor_open(&rig, &visitor);
    visitor_send(&rig, &visitor, GET("/stream"));
    int64_t start_ms = clock_monotonic_ms();
    visitor_expect(&rig, &visitor, "Content-Type: text/event-stream\r\n"); /* before anything was written */
    for (int i = 0; i < 20; i++) {
        char text[32];
        int size = snprintf(text, sizeof text, "data: %d\n\n", i);
        web_stream_write(rig.streams[0], text, (size_t)size);
        visitor_expect(&rig, &visitor, text);
    }
    assert_true(clock_monotonic_ms() - start_ms < 3000);
    web_stream_write(rig.streams[0], "last", 4);
    web_stream_end(rig.streams[0]);
    visitor_expect(&rig, &visitor, "last\r\n0\r\n\r\n");
    visitor_send(&rig, &visitor, GET("/hello"));
    visitor_expect(&rig, &visitor, "hello");
    assert_int_equal(rig.closed, 0);
    visitor_close(&visitor);
    web_rig_close(&rig);
}

static void a_stream_whose_client_leaves_is_closed(void **state) {
    (void)state;
    struct web_rig rig = {0};
    web_rig_open(&rig);
    struct visitor visitor;
    visitor_open(&rig, &visitor);
    visitor_send(&rig, &visitor, GET("/stream"));
    visitor_expect(&rig, &visitor, "\r\n\r\n");
    turns_for(rig.loop, 20);
    assert_int_equal(rig.closed, 0);
    visitor_close(&visitor);
    turns_until(rig.loop, rig.closed == 1);

    visitor_open(&rig, &visitor);
    visitor_send(&rig, &visitor, "HEAD /stream HTTP/1.1\r\n" HOST "\r\n");
    turns_until(rig.loop, rig.closed == 2);
    visitor_close(&visitor);
    web_rig_close(&rig);
    assert_int_equal(rig.closed, 2);
}

static void a_slow_reader_is_dropped_and_nineteen_others_miss_nothing(void **state) {
    (void)state;
    struct web_rig rig = {0};
    web_rig_open(&rig);
    struct visitor visitors[20];
    for (size_t i = 0; i < 20; i++) {
        visitor_open(&rig, &visitors[i]);
        visitor_send(&rig, &visitors[i], GET("/stream"));
        visitor_expect(&rig, &visitors[i], "\r\n\r\n");
    }
    char *block = mem_alloc(65536);
    memset(block, 'x', 65536);
    int rounds = 0;
    for (; rig.closed == 0; rounds++) {
        assert_true(rounds < 1000);
        for (size_t i = 0; i < 20; i++) {
            if (rig.streams[i] != NULL) {
                web_stream_write(rig.streams[i], block, 65536);
                web_stream_write(rig.streams[i], "END", 3);
            }
        }
        for (size_t i = 1; i < 20; i++) {
            visitor_expect(&rig, &visitors[i], "END"); /* all but the first read */
            buf_clear(&visitors[i].in);
        }
    }
    assert_null(rig.streams[0]);
    for (size_t i = 1; i < 20; i++) {
        web_stream_end(rig.streams[i]);
        visitor_expect(&rig, &visitors[i], "0\r\n\r\n");
        visitor_close(&visitors[i]);
    }
    visitor_expect_over(&rig, &visitors[0]);
    visitor_close(&visitors[0]);
    mem_free(block);
    web_rig_close(&rig);
    assert_int_equal(rig.closed, 1);
}

static void more_streams_than_the_limit_are_refused(void **state) {
    (void)state;
    char directory[] = "/tmp/test_web.XXXXXX", listen[64];
    assert_non_null(mkdtemp(directory));
    (void)snprintf(listen, sizeof listen, "unix:%s/sock", directory);
    struct web_rig rig = {.options.listen = listen};
    web_rig_open(&rig);
    struct visitor visitors[LIMIT_HTTP_STREAMS + 1];
    for (size_t i = 0; i <= LIMIT_HTTP_STREAMS; i++) {
        visitor_open(&rig, &visitors[i]);
        visitor_send(&rig, &visitors[i], GET("/stream"));
        visitor_expect(&rig, &visitors[i], "\r\n\r\n");
    }
    assert_true(rig.last_refused);
    visitor_expect(&rig, &visitors[LIMIT_HTTP_STREAMS], "HTTP/1.1 503 ");
    visitor_expect(&rig, &visitors[LIMIT_HTTP_STREAMS], "nosniff");
    visitor_send(&rig, &visitors[LIMIT_HTTP_STREAMS], GET("/peer"));
    visitor_expect(&rig, &visitors[LIMIT_HTTP_STREAMS], "|unix|");
    for (size_t i = 0; i <= LIMIT_HTTP_STREAMS; i++) {
        visitor_close(&visitors[i]);
    }
    turns_until(rig.loop, rig.closed == LIMIT_HTTP_STREAMS);
    web_rig_close(&rig);
    assert_int_equal(rmdir(directory), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stream_carries_what_is_written_at_once),
        cmocka_unit_test(a_stream_whose_client_leaves_is_closed),
        cmocka_unit_test(a_slow_reader_is_dropped_and_nineteen_others_miss_nothing),
        cmocka_unit_test(more_streams_than_the_limit_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
