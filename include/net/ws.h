#ifndef GP_NET_WS_H
#define GP_NET_WS_H

/*
 * WebSocket connections to a server (RFC 6455) on the one loop, over libwebsockets. Certificates are always checked and the
 * name of the server is sent. HTTPS_PROXY and NO_PROXY of the environment are honoured. Nothing is compressed. Whether
 * a text is UTF-8 is not looked at: whoever reads it does that. URLs are never logged nor put into an error, since
 * they may carry a ticket.
 */

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "net/loop.h"

struct ws_client; /* what connections have in common */
struct ws;        /* one connection */

/* ca_file: a PEM file with the authorities that are trusted instead of those of the system, or NULL.
 * One client a process: the library keeps in a global what belongs to TLS. */
int ws_client_create(struct loop *loop, const char *ca_file, struct ws_client **ret_client, struct err *err) MUST_USE;

/* The same for connections to come; those that there are stay. */
int ws_client_trust(struct ws_client *client, const char *ca_file, struct err *err) MUST_USE;

/* All of its connections must have been destroyed. It is gone some turns of the loop later. NULL does nothing. */
void ws_client_destroy(struct ws_client *client);

struct ws_options {
    const char *url;      /* "wss://host[:port]/path?query"; ws:// is for tests; copied */
    int64_t handshake_ms; /* from the look-up of the name to the server's yes; 0 = LIMIT_WS_HANDSHAKE_MS */
    int64_t ping_ms;      /* 0 = LIMIT_WS_PING_MS */
    int64_t idle_ms;      /* nothing at all came for so long: closed; looked at with each ping; 0 = LIMIT_WS_IDLE_MS */

    /* Any of them may destroy the connection, and others of the same client, and make new ones. */
    void (*opened)(void *user);
    /* A whole message. It is followed by a NUL that is not counted. Borrowed until the callback returns. */
    void (*text)(const char *text, size_t size, void *user);
    /* It did not come about, or is over. At most once, then nothing comes any more; also after ws_close. */
    void (*closed)(const struct err *reason, void *user);
    void *user;
};

/* Starts to connect; never calls back before it has returned. err is about a URL that cannot be understood. A message
 * longer than LIMIT_WS_MESSAGE_BYTES ends the connection with 1009. */
int ws_create(struct ws_client *client, const struct ws_options *options, struct ws **ret_ws, struct err *err) MUST_USE;

/* Sends one text frame. ERR_TOO_BIG from LIMIT_WS_SEND_BYTES on; ERR_UNAVAILABLE if the connection is not open or has
 * more than LIMIT_WS_BACKLOG_BYTES unsent. */
int ws_send(struct ws *ws, const char *text, size_t size, struct err *err) MUST_USE;

/* Says goodbye with a close frame (1000) after what is still to be sent; `closed` follows when the server has answered it, at the latest
 * LIMIT_WS_CLOSE_MS later. */
void ws_close(struct ws *ws);

/* No callback comes after it. An open connection still sends what is to be sent, and a close frame (1001).
 * NULL does nothing. */
void ws_destroy(struct ws *ws);

#endif
