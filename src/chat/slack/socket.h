#ifndef GP_CHAT_SLACK_SOCKET_H
#define GP_CHAT_SLACK_SOCKET_H

/*
 * Slack's Socket Mode: a connection that keeps itself alive, and the envelopes that come by it.
 *
 * It is connected when Slack has said hello. Slack recycles connections every few hours: then a new one is made first,
 * and the old one is read and acknowledged until it closes, at most LIMIT_SLACK_DRAIN_MS after the new hello. After a
 * trouble it waits as backoff.h says. Only an error of `open` that is fatal ends it.
 *
 * An envelope is handed up at once. It is acknowledged when the owner says that its effect is recorded, but no later
 * than LIMIT_SLACK_ACKNOWLEDGE_MS after it came: after 3 s Slack would show an error to the person, and send an event
 * (not a click) again. So a crash before the acknowledgement loses no event; one after the automatic acknowledgement
 * may, if the effect could not be recorded within 2 s.
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "net/loop.h"

#include "envelope.h"

struct socket;

enum socket_state {
    SOCKET_CONNECTING, /* the first time, or again; `why` is what ended the last one, "" at the start */
    SOCKET_CONNECTED,
    SOCKET_STOPPED, /* for good: a person must change something */
};

/* What apps.connections.open answered instead of a URL. */
struct socket_open_error {
    const char *text;       /* for a person */
    bool fatal;             /* the token is wrong, or lacks the right: trying again is of no use */
    int64_t retry_after_ms; /* 0 if Slack asks for no pause */
};

struct socket_options {
    struct loop *loop;
    const char *ca_file; /* authorities instead of those of the system, or NULL; copied */

    /* Asks apps.connections.open for a URL. Must lead to exactly one socket_opened, not before it has returned. Never
     * asked twice at a time. */
    void (*open)(void *user);

    /* A delivery, borrowed until the callback returns. To be acknowledged by its token. */
    void (*envelope)(const struct envelope *envelope, uint64_t token, void *user);

    /* Told on each change, and again if the reason changes. */
    void (*state)(enum socket_state state, const char *why, void *user);
    void *user;

    int64_t acknowledge_ms, drain_ms, lasting_ms, hello_ms, ping_ms, idle_ms; /* 0 = the limits; for tests */
};

/* Starts to connect; the callbacks come from the next turn on, and may not destroy the socket. */
int socket_create(const struct socket_options *options, struct socket **ret_socket, struct err *err) MUST_USE;
void socket_destroy(struct socket *socket); /* says goodbye; NULL does nothing */

/* The authorities of connections to come. */
int socket_trust(struct socket *socket, const char *ca_file, struct err *err) MUST_USE;

/* There are other tokens, and this is the URL of a connection by them: it replaces those that there are, once it has said
 * hello. A socket that was stopped for good connects again. */
void socket_renew(struct socket *socket, const char *url);

/* The answer to `open`: a URL, or an error (then url is NULL). Borrowed. */
void socket_opened(struct socket *socket, const char *url, const struct socket_open_error *error);

/* The effect of the envelope is recorded. A token that was acknowledged already does nothing. */
void socket_acknowledge(struct socket *socket, uint64_t token);

/* The same with an answer in it (a JSON object, short): only for a window that was sent, where nothing else can say what
 * was entered wrongly. */
void socket_respond(struct socket *socket, uint64_t token, const char *payload);

/* How many processes serve this app. To be told after each hello, and when it changes: what Slack counted beyond that
 * takes envelopes from us, which is the reason then that goes with SOCKET_CONNECTED. */
void socket_set_processes(struct socket *socket, int64_t processes);

#endif
