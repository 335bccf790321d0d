#ifndef GP_NET_WEB_H
#define GP_NET_WEB_H

/*
 * The HTTP server (RFC 9112) on the one loop, over libmicrohttpd. A request is handed over when its body
 * has arrived whole; it is answered once, at once or later. The limits are those of base/limits.h; requests
 * that break them, and those that a proxy could read in another way (more than one Content-Length or one beside a
 * Transfer-Encoding, no or more than one Host, odd header names), are refused here with 4xx and never handed over.
 * Slow clients are cut.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "net/loop.h"

struct web;
struct web_request;
struct web_stream;

struct web_options {
    const char *listen;            /* "127.0.0.1:8080", "[::1]:0", "unix:/path"; port 0 = any free one */
    const char *certificate, *key; /* PEM files, or NULL */
    /* Must lead to exactly one web_answer or web_stream_begin. */
    void (*handle)(struct web_request *request, void *user);
    /* The client has gone (or the server closes) before the answer: the request must not be used after this returns.
     * A client that shuts only its sending side counts as gone. */
    void (*gone)(struct web_request *request, void *user);
    void *user;
};

int web_create(struct loop *loop, const struct web_options *options, struct web **ret_web, struct err *err) MUST_USE;

/* Refuses new connections, ends streams, waits up to 1 s for answers under way, then closes. `stopped` runs
 * when nothing is left (may be NULL; may destroy the server). To be called once. */
void web_stop(struct web *web, void (*stopped)(void *user), void *user);

/* NULL does nothing. Closes at once what a stop has not closed yet; then `stopped` is not called. Must not be called
 * inside handle, gone or a stream's closed. */
void web_destroy(struct web *web);

/* The real address: "127.0.0.1:43211". */
const char *web_address(const struct web *web);

/* Parts of a request; borrowed until it is answered. Header names without regard to case. NULL if absent. */
const char *web_method(const struct web_request *request);
const char *web_path(const struct web_request *request); /* percent-decoded; never contains NUL */
const char *web_header(const struct web_request *request, const char *name);
const char *web_query(const struct web_request *request, const char *name); /* decoded; "" if it has no value */
const char *web_cookie(const struct web_request *request, const char *name);
const char *web_body(const struct web_request *request, size_t *ret_size);
const char *web_peer(const struct web_request *request); /* "127.0.0.1", "unix" */
bool web_is_tls(const struct web_request *request);

/* A place for the handler's own state about this request. */
void web_set_data(struct web_request *request, void *data);
void *web_data(const struct web_request *request);

struct web_header_line {
    const char *name, *value;
};

/* Copies everything. headers may be NULL with count 0. Content-Length is set here. HEAD sends no body. A header that
 * cannot be sent, as one with a line end in it, makes the answer a 500. */
void web_answer(struct web_request *request, int status, const struct web_header_line *headers, size_t header_count,
                const char *body, size_t body_size);

/* Answers 200 with an endless body, for example text/event-stream. The request is finished with; use the
 * stream. `closed` runs when the client has gone or lagged by more than LIMIT_HTTP_STREAM_BACKLOG, or on stop,
 * never inside another function of the stream; the stream must not be used after it. NULL if there are
 * LIMIT_HTTP_STREAMS already or the server stops: the request was answered with 503. */
struct web_stream *web_stream_begin(struct web_request *request, const struct web_header_line *headers,
                                    size_t header_count, void (*closed)(struct web_stream *stream, void *user),
                                    void *user);
void web_stream_write(struct web_stream *stream, const char *data, size_t size);
void web_stream_end(struct web_stream *stream); /* closed is not called for it */

#endif
