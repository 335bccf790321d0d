#ifndef GP_NET_WEB_INTERNAL_H
#define GP_NET_WEB_INTERNAL_H

/*
 * What web.c (the server), web_request.c and web_stream.c share.
 *
 * libmicrohttpd (0.9.75) runs without a thread of its own: its epoll descriptor is watched by the loop. Callbacks of
 * the library only note what happened; the owner of the server is called after the library has returned. A request
 * waits suspended until it is answered.
 *
 * What the library leaves to us:
 *  - It does not see that the client of a suspended request has gone: a watch on the same socket does. The socket
 *    cannot be closed meanwhile, because the library does not touch suspended connections.
 *  - Its one time limit starts again with every byte. The sweep cuts slow clients by shutting their socket.
 *  - It lets both kinds of body length through in one request, and much more that web_request.c refuses.
 */

#include <netinet/in.h>
#include <sys/socket.h>

#include <microhttpd.h>

#include "base/buf.h"
#include "base/err.h"
#include "net/web.h"
#include "web_parse.h"

enum phase { PHASE_IDLE, PHASE_HEADER, PHASE_BODY, PHASE_HANDLER, PHASE_REPLY, PHASE_STREAM };

/* A connection. */
struct client {
    struct web *web;
    struct client *previous, *next;
    int fd; /* borrowed from the library until the connection is closed */
    enum phase phase;
    int64_t since_ms;            /* of the phase */
    size_t bytes;                /* received of the body, or to be sent in reply */
    struct web_request *request; /* the current one, or NULL */
};

enum request_state {
    REQUEST_RECEIVING,
    REQUEST_READY,  /* suspended; to be handed over after the library has returned */
    REQUEST_HANDED, /* suspended; the owner works on it */
    REQUEST_ANSWERED,
    REQUEST_GONE, /* the client is not there any more */
};

struct web_request {
    struct client *client;
    struct MHD_Connection *connection; /* borrowed from the library until the request has ended */
    enum request_state state;
    bool judged, malformed;
    size_t target_size;
    char *path; /* owned, as all below */
    struct web_pairs query, cookies;
    struct buf body;
    char peer[INET6_ADDRSTRLEN];
    const char *method;  /* borrowed from the library */
    void *data;          /* the owner's */
    struct watch *watch; /* while suspended, or NULL */
    struct MHD_Response *response;
    int status;
    struct web_stream *stream; /* not owned: it lives on until its owner knows that it is over */
    struct web_request *next_ready;
};

struct web_stream {
    struct web *web;
    struct web_request *request; /* NULL when the library is done with it */
    struct buf backlog;
    void (*closed)(struct web_stream *stream, void *user);
    void *user;
    bool suspended; /* nothing to send */
    bool ended;     /* after the backlog */
    bool lost;      /* at once */
    bool told;      /* the owner knows that it is over */
    bool queued;    /* in the queue of those that are over */
    struct web_stream *next_over;
};

struct web {
    struct loop *loop;
    struct web_options options; /* the callbacks; its texts are not kept */
    bool tls;
    char *address;
    int socket;                /* -1 when the stop has begun */
    struct MHD_Daemon *daemon; /* NULL when everything is closed */
    struct library_poll *poll; /* of the library's epoll descriptor */
    struct timer *again, *sweep, *stop_limit;
    struct timer *soon; /* the next run, or NULL */
    struct client *clients;
    unsigned client_count, stream_count;
    struct web_request *ready, **ready_end;
    struct web_stream *over, **over_end;
    bool calling; /* the owner; it must not destroy the server then */
    bool stopping;
    void (*stopped)(void *user);
    void *stopped_user;
    char complaint[ERR_TEXT_SIZE]; /* the last message of the library */
};

/* web.c */
void web_plan_run(struct web *web); /* at the end of this turn */
void web_client_enter(struct client *client, enum phase phase);
void web_client_cut(struct client *client);

/* web_request.c: the library's callbacks */
void *web_request_target_came(void *user, const char *target, struct MHD_Connection *connection);
enum MHD_Result web_request_came(void *user, struct MHD_Connection *connection, const char *url, const char *method,
                                 const char *version, const char *piece, size_t *piece_size, void **context);
void web_request_ended(void *user, struct MHD_Connection *connection, void **context,
                       enum MHD_RequestTerminationCode how);

/* Hands the ready ones to the owner. */
void web_request_hand_over(struct web *web);

/* The client has gone, or the server closes: what is suspended is given up. */
void web_request_give_up(struct web_request *request);

/* While suspended, the client's going leads to web_request_give_up. */
void web_request_watch(struct web_request *request);
void web_request_resume(struct web_request *request);

/* Adds the headers; NULL (and the response destroyed) if one cannot be sent. */
struct MHD_Response *web_request_headers(struct web *web, struct MHD_Response *response,
                                         const struct web_header_line *headers, size_t count);
/* A response of NULL makes a refusal of that status. */
void web_request_respond(struct web_request *request, int status, struct MHD_Response *response);

/* web_stream.c */
void web_stream_stop(struct web_stream *stream); /* ends it after its backlog, and tells its owner */
void web_stream_lose(struct web_stream *stream);
void web_stream_finish(struct web_stream *stream); /* the library is done with it */
void web_stream_settle(struct web *web);           /* tells and frees those that are over */

#endif
