#include "socket.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/id.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "base/str.h"
#include "net/ws.h"

#include "backoff.h"

/*
 * There may be several connections: one that works, one that is to replace it, and old ones that end. Each has its own
 * callbacks with its own state, so that what an old one tells late cannot be taken for the new one's.
 */

static const char adapter[] = "slack"; /* in the metrics */

struct connection {
    struct connection *next; /* older ones */
    struct socket *socket;
    struct ws *ws;
    int64_t hello_ms;    /* when it said hello; 0 = not yet */
    bool retiring;       /* it is to be replaced, or is replaced */
    struct timer *timer; /* until the hello, later until an old one is given up */
};

/* An envelope that is not acknowledged yet. */
struct pending {
    struct pending *next; /* younger ones */
    uint64_t token;
    struct connection *connection; /* by which it came; NULL if it is gone */
    int64_t deadline_ms;
    char id[ENVELOPE_ID_SIZE];
};

struct socket {
    struct socket_options options;
    struct ws_client *client;
    struct connection *first;   /* the newest */
    struct connection *current; /* the newest that has said hello, or NULL */
    bool opening;               /* `open` was asked */
    struct timer *reconnect;
    struct backoff backoff;
    struct pending *pending, *last_pending;
    size_t pending_count;
    uint64_t last_token;
    struct timer *acknowledge; /* the deadline of the oldest */
    enum socket_state state;
    struct err why; /* of the state, only the text */
    int64_t hellos;
    int64_t others;    /* connections that Slack counted at the last hello beside ours */
    int64_t explained; /* so many of them may be of other processes of ours */
    int64_t foreign;   /* the rest, as it was told */
};

static void begin_open(void *user);
static void acknowledge_late(void *user);
static void create_connection(struct socket *socket, const char *url);

int socket_create(const struct socket_options *options, struct socket **ret_socket, struct err *err) {
    struct socket *socket = mem_alloc(sizeof *socket);
    int result = ws_client_create(options->loop, options->ca_file, &socket->client, err);
    if (result != 0) {
        mem_free(socket);
        return result;
    }
    socket->options = *options;
    socket->options.ca_file = NULL;
    socket->options.acknowledge_ms = options->acknowledge_ms > 0 ? options->acknowledge_ms : LIMIT_SLACK_ACKNOWLEDGE_MS;
    socket->options.drain_ms = options->drain_ms > 0 ? options->drain_ms : LIMIT_SLACK_DRAIN_MS;
    socket->options.lasting_ms = options->lasting_ms > 0 ? options->lasting_ms : LIMIT_SLACK_LASTING_MS;
    socket->options.hello_ms = options->hello_ms > 0 ? options->hello_ms : LIMIT_SLACK_HELLO_MS;
    socket->reconnect = loop_timer(options->loop, begin_open, socket);
    socket->acknowledge = loop_timer(options->loop, acknowledge_late, socket);
    timer_start(socket->reconnect, 0);
    metric_set(METRIC_CHAT_CONNECTED, 0, adapter, NULL, NULL);
    *ret_socket = socket;
    return 0;
}

static void tell_state(struct socket *socket, enum socket_state state, const char *why) {
    if (socket->state == SOCKET_STOPPED || (socket->state == state && str_equal(socket->why.text, why))) {
        return;
    }
    socket->state = state;
    (void)snprintf(socket->why.text, sizeof socket->why.text, "%s", why);
    metric_set(METRIC_CHAT_CONNECTED, state == SOCKET_CONNECTED, adapter, NULL, NULL);
    socket->options.state(state, socket->why.text, socket->options.user);
}

/* --- When to connect -------------------------------------------------------------------------------------------------- */

static uint32_t random_number(void) {
    char digits[ID_RANDOM_SIZE];
    uint32_t number = 0;
    id_random(digits);
    for (int i = 0; i < 8; i++) {
        number = number << 4 | (uint32_t)(digits[i] <= '9' ? digits[i] - '0' : digits[i] - 'a' + 10);
    }
    return number;
}

/* True if some connection works or will, as far as is known. */
static bool is_served(const struct socket *socket) {
    for (const struct connection *connection = socket->first; connection != NULL; connection = connection->next) {
        if (!connection->retiring) {
            return true;
        }
    }
    return socket->opening;
}

/* Sees to it that a new connection is made, unless one is under way. A cause that is graver than what it is waited for
 * already lengthens the wait. */
static void want_connection(struct socket *socket, enum backoff_cause cause, int64_t retry_after_ms) {
    bool graver = cause > socket->backoff.gravest && cause > BACKOFF_NETWORK;
    if (socket->state == SOCKET_STOPPED || is_served(socket) || (timer_active(socket->reconnect) && !graver)) {
        return;
    }
    int64_t pause_ms = backoff_next_ms(&socket->backoff, cause, retry_after_ms, random_number());
    timer_start(socket->reconnect, pause_ms);
    log_debug("slack: a connection will be asked for", LOG_INT("in_ms", pause_ms),
              LOG_INT("failures", socket->backoff.failures), LOG_END);
}

static void begin_open(void *user) {
    struct socket *socket = user;
    if (!is_served(socket)) {
        socket->opening = true;
        socket->options.open(socket->options.user);
    }
}

void socket_opened(struct socket *socket, const char *url, const struct socket_open_error *error) {
    socket->opening = false;
    if (socket->state == SOCKET_STOPPED) {
        return;
    }
    if (url != NULL) {
        create_connection(socket, url);
    } else if (error->fatal) {
        log_error("slack: the connection is given up: correct the cause, then reload guidepost",
                  LOG_STR("error", error->text), LOG_END);
        tell_state(socket, SOCKET_STOPPED, error->text);
    } else {
        log_warn("slack: no connection is opened", LOG_STR("error", error->text), LOG_END);
        want_connection(socket, BACKOFF_NETWORK, error->retry_after_ms);
        if (socket->current == NULL) {
            tell_state(socket, SOCKET_CONNECTING, error->text);
        }
    }
}

/* If the connection was a good one, the troubles before it are forgotten. */
static void judge(struct connection *connection) {
    struct socket *socket = connection->socket;
    if (connection->hello_ms != 0 && clock_monotonic_ms() - connection->hello_ms >= socket->options.lasting_ms) {
        socket->backoff = (struct backoff){0};
    }
}

/* --- Acknowledging ---------------------------------------------------------------------------------------------------- */

/* On the connection by which it came, else on the one that works now. If there is none, Slack sends the envelope again, and is
 * answered then. */
static void send_acknowledgement(struct socket *socket, struct connection *connection, const char *id,
                                 const char *payload) {
    struct buf text = BUF_INIT(LIMIT_WS_SEND_BYTES);
    struct err err = {0};
    if (payload != NULL) {
        envelope_write_response(&text, id, payload);
    } else {
        envelope_write_acknowledgement(&text, id);
    }
    int result = connection != NULL ? ws_send(connection->ws, text.data, text.size, &err) : -ERR_UNAVAILABLE;
    if (result != 0 && socket->current != NULL && socket->current != connection) {
        result = ws_send(socket->current->ws, text.data, text.size, &err);
    }
    if (result != 0) {
        log_debug("slack: an envelope could not be acknowledged", LOG_STR("envelope", id), LOG_ERR(&err), LOG_END);
    }
    buf_finish(&text);
}

/* Takes the one behind the link out of the list and acknowledges it. */
static void settle(struct socket *socket, struct pending *before, const char *payload) {
    struct pending *pending = before != NULL ? before->next : socket->pending;
    if (before != NULL) {
        before->next = pending->next;
    } else {
        socket->pending = pending->next;
    }
    if (socket->last_pending == pending) {
        socket->last_pending = before;
    }
    socket->pending_count--;
    send_acknowledgement(socket, pending->connection, pending->id, payload);
    mem_free(pending);
}

static void start_acknowledge_timer(struct socket *socket) {
    timer_stop(socket->acknowledge);
    if (socket->pending != NULL) {
        timer_start(socket->acknowledge, socket->pending->deadline_ms - clock_monotonic_ms());
    }
}

/* Nobody said that the effect is recorded; the person who clicked shall not be shown an error for it. */
static void acknowledge_late(void *user) {
    struct socket *socket = user;
    while (socket->pending != NULL && socket->pending->deadline_ms <= clock_monotonic_ms()) {
        log_debug("slack: acknowledged before it was recorded", LOG_STR("envelope", socket->pending->id), LOG_END);
        settle(socket, NULL, NULL);
    }
    start_acknowledge_timer(socket);
}

void socket_acknowledge(struct socket *socket, uint64_t token) {
    socket_respond(socket, token, NULL);
}

void socket_respond(struct socket *socket, uint64_t token, const char *payload) {
    struct pending *before = NULL;
    for (struct pending *pending = socket->pending; pending != NULL; pending = pending->next) {
        if (pending->token == token) {
            settle(socket, before, payload);
            start_acknowledge_timer(socket);
            return;
        }
        before = pending;
    }
}

static uint64_t add_pending(struct connection *connection, const char *id) {
    struct socket *socket = connection->socket;
    if (socket->pending_count == LIMIT_SLACK_PENDING) {
        settle(socket, NULL, NULL);
    }
    struct pending *pending = mem_alloc(sizeof *pending);
    pending->token = ++socket->last_token;
    pending->connection = connection;
    pending->deadline_ms = clock_monotonic_ms() + socket->options.acknowledge_ms;
    (void)snprintf(pending->id, sizeof pending->id, "%s", id);
    if (socket->last_pending != NULL) {
        socket->last_pending->next = pending;
    } else {
        socket->pending = pending;
    }
    socket->last_pending = pending;
    socket->pending_count++;
    start_acknowledge_timer(socket);
    return pending->token;
}

/* --- What comes by a connection --------------------------------------------------------------------------------------- */

static struct connection *newest_working(const struct socket *socket) {
    struct connection *connection = socket->first;
    while (connection != NULL && connection->hello_ms == 0) {
        connection = connection->next;
    }
    return connection;
}

static void remove_connection(struct connection *connection) {
    struct socket *socket = connection->socket;
    struct connection **link = &socket->first;
    while (*link != connection) {
        link = &(*link)->next;
    }
    *link = connection->next;
    for (struct pending *pending = socket->pending; pending != NULL; pending = pending->next) {
        if (pending->connection == connection) {
            pending->connection = NULL;
        }
    }
    socket->current = newest_working(socket);
    ws_destroy(connection->ws);
    timer_destroy(connection->timer);
    mem_free(connection);
}

/* It is over, or did not come about. */
static void end_connection(struct connection *connection, const char *why) {
    struct socket *socket = connection->socket;
    bool worked = connection->hello_ms != 0;
    bool expected = connection->retiring;
    judge(connection);
    remove_connection(connection);
    if (expected) {
        log_debug("slack: an old connection has ended", LOG_STR("error", why), LOG_END);
    } else {
        log_warn("slack: a connection is lost", LOG_STR("error", why), LOG_END);
    }
    want_connection(socket, worked ? BACKOFF_DROPPED : BACKOFF_NETWORK, 0);
    /* What the server said before it closed (switched off, too many) is the better reason. */
    if (socket->current == NULL && socket->state != SOCKET_STOPPED &&
        !(expected && socket->state == SOCKET_CONNECTING)) {
        tell_state(socket, SOCKET_CONNECTING, why);
    }
}

/* Either it has not said hello in time, or it is old and was given its time. */
static void time_is_up(void *user) {
    struct connection *connection = user;
    end_connection(connection, connection->hello_ms == 0 ? "Slack did not say hello." : "It was old.");
}

static void upgraded(void *user) {
    struct connection *connection = user;
    timer_start(connection->timer, connection->socket->options.hello_ms);
}

static void closed(const struct err *reason, void *user) {
    end_connection(user, reason->text);
}

static void count_others(struct socket *socket, int64_t num_connections) {
    socket->others = num_connections;
    for (const struct connection *connection = socket->first; connection != NULL; connection = connection->next) {
        socket->others -= connection->hello_ms != 0;
    }
    socket->explained = 0;
    socket->foreign = 0;
}

static void hello_came(struct connection *connection, const struct envelope *envelope) {
    struct socket *socket = connection->socket;
    if (connection->hello_ms != 0) {
        return;
    }
    timer_stop(connection->timer);
    connection->hello_ms = clock_monotonic_ms();
    socket->current = newest_working(socket);
    for (struct connection *old = connection->next; old != NULL; old = old->next) {
        old->retiring = true;
        timer_start(old->timer, socket->options.drain_ms);
    }
    if (socket->hellos++ > 0) {
        metric_add(METRIC_CHAT_RECONNECTS, 1, adapter, NULL, NULL);
    }
    log_info("slack: connected", LOG_INT("connections", envelope->num_connections),
             LOG_INT("seconds", envelope->connection_seconds), LOG_END);
    count_others(socket, envelope->num_connections);
    tell_state(socket, SOCKET_CONNECTED, "");
}

static void disconnect_came(struct connection *connection, enum envelope_reason reason) {
    struct socket *socket = connection->socket;
    if (connection->retiring) {
        return;
    }
    connection->retiring = true;
    judge(connection);
    log_info("slack: the connection is to be replaced", LOG_STR("reason", envelope_reason_word(reason)), LOG_END);
    switch (reason) {
    case ENVELOPE_REASON_WARNING:
    case ENVELOPE_REASON_REFRESH_REQUESTED:
    case ENVELOPE_REASON_OTHER:
        want_connection(socket, BACKOFF_DROPPED, 0);
        return;
    case ENVELOPE_REASON_TOO_MANY_WEBSOCKETS:
        log_error("slack: too many connections of this app are open; another program uses its token", LOG_END);
        want_connection(socket, BACKOFF_TOO_MANY, 0);
        tell_state(socket, SOCKET_CONNECTING,
                   "Too many connections of this app are open. Slack allows 10: stop the other programs that use its "
                   "app token.");
        break;
    case ENVELOPE_REASON_LINK_DISABLED:
        log_error(
            "slack: Socket Mode is switched off in the settings of the app; nothing can be answered in Slack until "
            "it is switched on",
            LOG_END);
        want_connection(socket, BACKOFF_LINK_DISABLED, 0);
        tell_state(
            socket, SOCKET_CONNECTING,
            "Socket Mode is switched off in the settings of the Slack app. Switch it on there; it is tried again "
            "by itself.");
        break;
    }
    timer_start(connection->timer, socket->options.drain_ms); /* Slack closes it, or we do */
}

static void text_came(const char *text, size_t size, void *user) {
    struct connection *connection = user;
    struct socket *socket = connection->socket;
    struct envelope envelope;
    envelope_read(&envelope, text, size);
    switch (envelope.kind) {
    case ENVELOPE_HELLO:
        hello_came(connection, &envelope);
        break;
    case ENVELOPE_DISCONNECT:
        disconnect_came(connection, envelope.reason);
        break;
    case ENVELOPE_DELIVERY:
        socket->options.envelope(&envelope, add_pending(connection, envelope.id), socket->options.user);
        break;
    case ENVELOPE_UNKNOWN:
        log_warn("slack: what came was not understood", LOG_INT("bytes", size), LOG_STR("envelope", envelope.id),
                 LOG_END);
        if (envelope.id[0] != 0) { /* else it would come for ever */
            send_acknowledgement(socket, connection, envelope.id, NULL);
        }
        break;
    }
    envelope_finish(&envelope);
}

static void create_connection(struct socket *socket, const char *url) {
    struct connection *connection = mem_alloc(sizeof *connection);
    const struct ws_options options = {
        .url = url,
        .ping_ms = socket->options.ping_ms,
        .idle_ms = socket->options.idle_ms,
        .opened = upgraded,
        .text = text_came,
        .closed = closed,
        .user = connection,
    };
    struct err err = {0};
    connection->socket = socket;
    if (ws_create(socket->client, &options, &connection->ws, &err) != 0) {
        mem_free(connection);
        log_warn("slack: no connection can be made", LOG_ERR(&err), LOG_END);
        want_connection(socket, BACKOFF_NETWORK, 0);
        if (socket->current == NULL) {
            tell_state(socket, SOCKET_CONNECTING, err.text);
        }
        return;
    }
    connection->timer = loop_timer(socket->options.loop, time_is_up, connection);
    connection->next = socket->first;
    socket->first = connection;
}

/* ---------------------------------------------------------------------------------------------------------------------- */

int socket_trust(struct socket *socket, const char *ca_file, struct err *err) {
    return ws_client_trust(socket->client, ca_file, err);
}

void socket_renew(struct socket *socket, const char *url) {
    timer_stop(socket->reconnect);
    socket->backoff = (struct backoff){0};
    for (struct connection *connection = socket->first; connection != NULL; connection = connection->next) {
        connection->retiring = true;
    }
    if (socket->state == SOCKET_STOPPED) {
        socket->state = SOCKET_CONNECTED; /* that it is none is told by the next line */
        tell_state(socket, SOCKET_CONNECTING, "");
    }
    create_connection(socket, url);
}

/* Envelopes go to any socket of the app, so another program with our token takes away some of our clicks. Slack counted at
 * the hello: a process that is gone since then was counted, too. */
void socket_set_processes(struct socket *socket, int64_t processes) {
    socket->explained = processes - 1 > socket->explained ? processes - 1 : socket->explained;
    int64_t foreign = socket->others > socket->explained ? socket->others - socket->explained : 0;
    if (socket->state != SOCKET_CONNECTED) {
        return;
    }
    metric_set(METRIC_CHAT_FOREIGN, (double)foreign, adapter, NULL, NULL);
    struct buf why = BUF_INIT(ERR_TEXT_SIZE);
    if (foreign > 0) {
        buf_printf(
            &why,
            "Connections of this app that are not ours: %lld. Another program with the same app token, or a dead "
            "connection that Slack has not noticed yet, takes some of the commands and clicks.",
            (long long)foreign);
    }
    if (foreign > 0 && foreign != socket->foreign) {
        log_warn("slack: connections of this app are not ours", LOG_INT("foreign", foreign), LOG_END);
    }
    socket->foreign = foreign;
    tell_state(socket, SOCKET_CONNECTED, why.data);
    buf_finish(&why);
}

void socket_destroy(struct socket *socket) {
    if (socket == NULL) {
        return;
    }
    while (socket->first != NULL) {
        remove_connection(socket->first);
    }
    while (socket->pending != NULL) {
        struct pending *pending = socket->pending;
        socket->pending = pending->next;
        mem_free(pending); /* not recorded, so Slack shall send it again */
    }
    timer_destroy(socket->reconnect);
    timer_destroy(socket->acknowledge);
    ws_client_destroy(socket->client);
    metric_set(METRIC_CHAT_CONNECTED, 0, adapter, NULL, NULL);
    mem_free(socket);
}
