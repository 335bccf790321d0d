#ifndef GP_TESTS_WEB_RIG_H
#define GP_TESTS_WEB_RIG_H

/*
 * A server of HTTP on a real socket, and its visitors. They live in the same process and let the server's loop turn
 * while they wait.
 *
 *     struct web_rig rig = {0};
 *     web_rig_open(&rig);
 *     struct visitor visitor;
 *     visitor_open(&rig, &visitor);
 *     visitor_send(&rig, &visitor, GET("/hello"));
 *     visitor_expect(&rig, &visitor, "hello");
 *     visitor_close(&visitor);
 *     web_rig_close(&rig);
 *
 * Its pages: /hello says so, /size says how large the body was, /later leaves the request in `waiting`, /stream begins
 * one of `streams`, /split answers with a header that holds a line break; all else is told its parts, in status 201.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "fakes/turns.h"
#include "net/loop.h"
#include "net/web.h"

enum { WEB_RIG_MANY = 300 };

#define HOST "Host: example\r\n"
#define GET(path) "GET " path " HTTP/1.1\r\n" HOST "\r\n"

/* A server, and what happened there. */
struct web_rig {
    struct loop *loop;
    struct web *web;
    struct web_options options;
    int handed, gone, closed, stopped;
    struct web_request *waiting[WEB_RIG_MANY]; /* of /later */
    size_t waiting_count;
    struct web_stream *streams[WEB_RIG_MANY]; /* of /stream; NULL when closed */
    size_t stream_count;
    bool last_refused;
};

/* On a port of 127.0.0.1, unless the options say otherwise. */
void web_rig_open(struct web_rig *rig);
void web_rig_close(struct web_rig *rig);

/* One request on a connection of its own, until the server closes or has sent `until`. For the test to free. */
char *web_rig_ask(struct web_rig *rig, const char *request, size_t size, const char *until);

struct visitor {
    int fd;
    struct buf in;
    bool over; /* the server has closed */
};

/* From an address of this machine; NULL = any. */
void visitor_open_from(struct web_rig *rig, struct visitor *visitor, const char *source);
void visitor_open(struct web_rig *rig, struct visitor *visitor);
void visitor_close(struct visitor *visitor);

/* Sends all, reading meanwhile, unless the server closes. */
void visitor_send_bytes(struct web_rig *rig, struct visitor *visitor, const char *data, size_t size);
void visitor_send(struct web_rig *rig, struct visitor *visitor, const char *text);

/* Takes what is there now. */
void visitor_read(struct visitor *visitor);
bool visitor_has(struct visitor *visitor, const char *text);

/* Waits for the text, or for the end; the test fails if it does not come. */
void visitor_expect(struct web_rig *rig, struct visitor *visitor, const char *text);
void visitor_expect_over(struct web_rig *rig, struct visitor *visitor);

#endif
