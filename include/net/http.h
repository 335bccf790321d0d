#ifndef GP_NET_HTTP_H
#define GP_NET_HTTP_H

/*
 * A client for HTTP and HTTPS (RFC 9112) on the one loop, over libcurl. Connections are kept and used again; at most
 * LIMIT_REQUEST_CONNECTIONS requests are under way, the others wait their turn. Certificates are always checked,
 * redirects are not followed, and the proxies of the environment (HTTPS_PROXY, http_proxy, NO_PROXY) are used.
 * Neither a URL nor a header appears in a log or an error text: both hold secrets.
 *
 * A request is sent at most once, also where a kept connection turns out to be dead: whether it may be sent again is
 * for the caller to know.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "net/loop.h"

struct http;

struct http_options {
    const char *ca_file; /* PEM; trusts these authorities instead of the system's; or NULL. Copied. */
};

struct http_header_line {
    const char *name, *value; /* a value with a line end in it is left out */
};

/* Everything is copied. */
struct http_request {
    const char *method; /* "GET", "POST", "PUT", "DELETE" */
    const char *url;
    const struct http_header_line *headers;
    size_t header_count;
    const char *body; /* or NULL: none */
    size_t body_size;
    int64_t timeout_ms; /* for the whole of it, the wait for a turn too; 0 = LIMIT_REQUEST_MS */
    size_t reply_max;   /* bytes; 0 = LIMIT_REQUEST_REPLY_BYTES */
};

/* What came of a request; borrowed until the callback returns. A reply counts only if it is whole. */
struct http_reply {
    int status;            /* 200, 404, ...; 0 = no reply */
    bool maybe;            /* no reply came, but the request may have reached the server */
    const char *body;      /* ends with a NUL that is not counted; never NULL */
    size_t size;           /* of the body */
    const struct err *err; /* why there is no reply; NULL if there is one */
    const void *source;    /* for http_reply_header */
};

typedef void http_done(const struct http_reply *reply, void *user);

struct http *http_create(struct loop *loop, const struct http_options *options); /* options may be NULL */

/* What is not done yet gets its callback, without a reply, before this returns; a request made by one of them is
 * dropped without a callback. NULL does nothing. Must not be called inside an http_done callback. */
void http_destroy(struct http *http);

/* Each request gets exactly one callback, never inside http_send. */
void http_send(struct http *http, const struct http_request *request, http_done *done, void *user);

/* The (last) header of that name, without regard to case, or NULL; borrowed until the callback returns. */
const char *http_reply_header(const struct http_reply *reply, const char *name);

#endif
