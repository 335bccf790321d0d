#include "web_rig.h"

#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"
#include "net/loop.h"
#include "net/web.h"

static void answer_parts(struct web_request *request) {
    struct buf text = BUF_INIT(2 * LIMIT_HTTP_BODY_BYTES);
    size_t size = 0;
    const char *body = web_body(request, &size);
    const char *parts[] = {web_method(request),
                           web_path(request),
                           web_query(request, "q"),
                           web_query(request, "empty"),
                           web_query(request, "no"),
                           web_cookie(request, "__Host-id"),
                           web_cookie(request, "plain"),
                           web_header(request, "x-thing"),
                           web_peer(request)};
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        buf_printf(&text, "%s|", parts[i] != NULL ? parts[i] : "-");
    }
    buf_add(&text, body, size);
    web_answer(request, 201, &(struct web_header_line){"X-Reply", "yes"}, 1, text.data, text.size);
    buf_finish(&text);
}

static void stream_closed(struct web_stream *stream, void *user) {
    struct web_rig *rig = user;
    rig->closed++;
    for (size_t i = 0; i < rig->stream_count; i++) {
        if (rig->streams[i] == stream) {
            rig->streams[i] = NULL;
        }
    }
}

static void handle(struct web_request *request, void *user) {
    struct web_rig *rig = user;
    rig->handed++;
    const char *path = web_path(request);
    if (str_equal(path, "/hello")) {
        web_answer(request, 200, NULL, 0, "hello", 5);
    } else if (str_equal(path, "/size")) {
        char text[32];
        size_t size = 0;
        (void)web_body(request, &size);
        int length = snprintf(text, sizeof text, "%zu bytes", size);
        web_answer(request, 200, NULL, 0, text, (size_t)length);
    } else if (str_equal(path, "/later")) {
        assert_null(web_data(request));
        web_set_data(request, rig);
        rig->waiting[rig->waiting_count++] = request;
    } else if (str_equal(path, "/stream")) {
        const struct web_header_line type = {"Content-Type", "text/event-stream"};
        struct web_stream *stream = web_stream_begin(request, &type, 1, stream_closed, rig);
        rig->last_refused = stream == NULL;
        if (stream != NULL) {
            rig->streams[rig->stream_count++] = stream;
        }
    } else if (str_equal(path, "/split")) {
        const struct web_header_line split = {"X-Split", web_query(request, "v")};
        const struct web_header_line evil = {"X-Evil", "a\r\nSet-Cookie: b"};
        web_answer(request, 200, split.value != NULL ? &split : &evil, 1, "split", 5);
    } else {
        answer_parts(request);
    }
}

static void gone(struct web_request *request, void *user) {
    struct web_rig *rig = user;
    rig->gone++;
    assert_ptr_equal(web_data(request), rig);
}

void web_rig_open(struct web_rig *rig) {
    struct err err = {0};
    rig->loop = loop_create();
    rig->options.listen = rig->options.listen != NULL ? rig->options.listen : "127.0.0.1:0";
    rig->options.handle = handle;
    rig->options.gone = gone;
    rig->options.user = rig;
    if (web_create(rig->loop, &rig->options, &rig->web, &err) != 0) {
        fail_msg("%s", err.text);
    }
}

void web_rig_close(struct web_rig *rig) {
    web_destroy(rig->web);
    assert_true(loop_destroy(rig->loop));
}

void visitor_open_from(struct web_rig *rig, struct visitor *visitor, const char *source) {
    *visitor = (struct visitor){.fd = -1};
    buf_init(&visitor->in, 8 << 20);
    const char *where = web_address(rig->web);
    if (str_starts(where, "unix:")) {
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        (void)snprintf(address.sun_path, sizeof address.sun_path, "%s", where + 5);
        visitor->fd = socket(AF_UNIX, SOCK_STREAM, 0);
        assert_int_equal(connect(visitor->fd, (struct sockaddr *)&address, sizeof address), 0);
        return;
    }
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    uint64_t port = 0;
    assert_int_equal(str_to_u64(strchr(where, ':') + 1, &port, NULL), 0);
    address.sin_port = htons((uint16_t)port);
    visitor->fd = socket(AF_INET, SOCK_STREAM, 0);
    if (source != NULL) {
        struct sockaddr_in from = {.sin_family = AF_INET};
        assert_int_equal(inet_pton(AF_INET, source, &from.sin_addr), 1);
        assert_int_equal(bind(visitor->fd, (struct sockaddr *)&from, sizeof from), 0);
    }
    assert_int_equal(connect(visitor->fd, (struct sockaddr *)&address, sizeof address), 0);
}

void visitor_open(struct web_rig *rig, struct visitor *visitor) {
    visitor_open_from(rig, visitor, NULL);
}

void visitor_close(struct visitor *visitor) {
    close(visitor->fd);
    buf_finish(&visitor->in);
}

/* Takes what is there now. */
void visitor_read(struct visitor *visitor) {
    char piece[65536];
    ssize_t size = 0;
    while (!visitor->over && (size = recv(visitor->fd, piece, sizeof piece, MSG_DONTWAIT)) > 0) {
        buf_add(&visitor->in, piece, (size_t)size);
    }
    if (size == 0 || (size < 0 && errno != EAGAIN)) {
        visitor->over = true;
    }
}

/* Sends all, reading meanwhile, unless the server closes. */
void visitor_send_bytes(struct web_rig *rig, struct visitor *visitor, const char *data, size_t size) {
    size_t sent = 0;
    for (int64_t end_ms = clock_monotonic_ms() + TURNS_PATIENCE_MS; sent < size && !visitor->over;) {
        assert_true(clock_monotonic_ms() < end_ms);
        ssize_t count = send(visitor->fd, data + sent, size - sent, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (count > 0) {
            sent += (size_t)count;
        } else {
            if (errno != EAGAIN) {
                break;
            }
            turns_once(rig->loop);
            visitor_read(visitor);
        }
    }
}

void visitor_send(struct web_rig *rig, struct visitor *visitor, const char *text) {
    visitor_send_bytes(rig, visitor, text, strlen(text));
}

bool visitor_has(struct visitor *visitor, const char *text) {
    visitor_read(visitor);
    return strstr(visitor->in.data, text) != NULL;
}

void visitor_expect(struct web_rig *rig, struct visitor *visitor, const char *text) {
    for (int64_t end_ms = clock_monotonic_ms() + TURNS_PATIENCE_MS; !visitor_has(visitor, text);) {
        if (clock_monotonic_ms() > end_ms || visitor->over) {
            fail_msg("no '%s' in '%s'", text, visitor->in.data);
        }
        turns_once(rig->loop);
    }
}

void visitor_expect_over(struct web_rig *rig, struct visitor *visitor) {
    turns_until(rig->loop, (visitor_read(visitor), visitor->over));
}

/* One request on a connection of its own, until the server closes or has sent `until`. */
char *web_rig_ask(struct web_rig *rig, const char *request, size_t size, const char *until) {
    struct visitor visitor;
    visitor_open(rig, &visitor);
    visitor_send_bytes(rig, &visitor, request, size);
    turns_until(rig->loop, visitor_has(&visitor, until) || visitor.over);
    char *text = mem_strdup(visitor.in.data);
    visitor_close(&visitor);
    return text;
}
