#ifndef GP_NET_WS_INTERNAL_H
#define GP_NET_WS_INTERNAL_H

/*
 * What the parts of the websocket client share: ws_client.c has the library and its end, ws_connect.c makes a
 * connection, ws.c has its life.
 *
 * libwebsockets never holds a pointer of ours, but the number of an attempt to connect: its callbacks may come late, and
 * then they find nothing. What takes a connection down is called from our own timer only, never inside one of its
 * callbacks. A number of its habits (version 4.1.6) are worked around; each has its comment.
 */

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <libwebsockets.h>
#include <uv.h>

#include "base/buf.h"
#include "net/ws.h"

#include "ws_url.h"

enum { WS_ADDRESSES = 4, WS_BUFFER_BYTES = 16384, WS_TROUBLE_SIZE = 200 };

struct ws_client {
    struct loop *loop; /* borrowed */
    struct lws_context *context;
    struct lws_vhost *direct, *proxied;
    unsigned trusts; /* how often they were made */
    struct ws *first;
    struct timer *sweep;
    uintptr_t last_number;
    unsigned lookups; /* that libuv has not given back */
    bool destroyed, closing;
};

enum ws_state { WS_CONNECTING, WS_OPEN, WS_CLOSING };

struct ws_frame {
    struct ws_frame *next;
    size_t size;
    unsigned char room[]; /* LWS_PRE bytes for the library, then the text */
};

struct ws {
    struct ws_client *client;
    struct ws *next;
    struct ws_options options; /* without the url */
    struct ws_url url;
    struct ws_proxy proxy;
    struct ws_lookup *lookup;
    char addresses[WS_ADDRESSES][INET6_ADDRSTRLEN]; /* of the host or the proxy, to be tried one after another */
    unsigned address_count, address_next;
    uintptr_t number;    /* of the attempt */
    struct lws *library; /* NULL while there is none */
    enum ws_state state;
    struct timer *timer; /* the end of the handshake, then the next ping, then the end of the goodbye */
    struct ws_frame *frames, *last_frame;
    size_t backlog;
    struct buf message;
    struct err reason;          /* why it ends, if that is known before the library says it */
    enum lws_close_status code; /* for the close frame */
    bool ping_due;
    bool reached;  /* a server answered: there is no use in trying its next address */
    bool again;    /* the next address is to be tried */
    bool killing;  /* the library was told to end it */
    bool finished; /* the owner was told */
    bool left;     /* the owner has let go of it */
};

extern const struct lws_protocols ws_protocols[];

/* Has ws_sweep called for each connection, outside all callbacks of the library, and ends the client if it is destroyed. */
void ws_client_sweep_soon(struct ws_client *client);

/* Timers that the library starts outside its own callbacks are not seen by the loop until it is woken. */
void ws_client_wake(struct ws_client *client);

/* The last complaint of the library; it is the only place where it says what is wrong with a certificate. "" if there
 * was none since it was forgotten. */
const char *ws_client_trouble(void);
void ws_client_forget_trouble(void);

/* Ends what is to end; may free the connection. */
void ws_sweep(struct ws *ws);

void ws_connect_look_up(struct ws *ws); /* and then connects */
void ws_connect_cancel(struct ws *ws);  /* the looking up */
void ws_connect_next(struct ws *ws);    /* by the next address */

/* The attempt has failed: the next address is tried, or the owner is told. */
void ws_connect_failed(struct ws *ws, const char *why, size_t size, unsigned status);

#endif
