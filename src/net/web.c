#include "net/web.h"

#include <assert.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include <uv.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/mem.h"
#include "web_internal.h"
#include "web_listen.h"

enum {
    POOL_BYTES = 64 << 10, /* of a connection in the library; above our own limits, so that ours are met first */
    SWEEP_MS = 1000,
    STOP_MS = 1000,
    RATE_GRACE_MS = 5000,
    REPLY_BYTES_PER_MS = 16, /* a client must take its reply at least this fast */
    PEM_BYTES = 1 << 20,
};

struct library_poll {
    uv_poll_t handle;
};

static void run(void *user);
static void sweep_came(void *user);
static void stop_now(void *user);
static void library_ready(uv_poll_t *poll, int status, int events);
static void connection_changed(void *user, struct MHD_Connection *connection, void **context,
                               enum MHD_ConnectionNotificationCode what);

/* Starting. */

/* The library says why it does not start; later on it says what clients do wrong, which is not news. */
__attribute__((format(printf, 2, 0))) static void library_complains(void *user, const char *format, va_list args) {
    struct web *web = user;
    (void)vsnprintf(web->complaint, sizeof web->complaint, format, args);
    web->complaint[strcspn(web->complaint, "\n")] = '\0';
}

static struct MHD_Daemon *start_library(struct web *web, const struct MHD_OptionItem *tls) {
    unsigned flags = MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG | (web->tls ? MHD_USE_TLS : 0);
    return MHD_start_daemon(flags, 0, NULL, NULL, web_request_came, web, MHD_OPTION_EXTERNAL_LOGGER, library_complains,
                            web, MHD_OPTION_LISTEN_SOCKET, web->socket, MHD_OPTION_URI_LOG_CALLBACK,
                            web_request_target_came, web, MHD_OPTION_NOTIFY_COMPLETED, web_request_ended, web,
                            MHD_OPTION_NOTIFY_CONNECTION, connection_changed, web, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
                            (size_t)POOL_BYTES, MHD_OPTION_CONNECTION_LIMIT, (unsigned)LIMIT_HTTP_CONNECTIONS,
                            MHD_OPTION_PER_IP_CONNECTION_LIMIT, (unsigned)LIMIT_HTTP_CONNECTIONS_PER_IP,
                            MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)LIMIT_HTTP_IDLE_MS / 1000,
                            MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_ARRAY, tls, MHD_OPTION_END);
}

static int start_daemon(struct web *web, struct err *err) {
    struct buf certificate = BUF_INIT(PEM_BYTES), key = BUF_INIT(PEM_BYTES);
    struct MHD_OptionItem tls[4] = {{MHD_OPTION_END, 0, NULL}};
    int result = 0;
    if (web->tls) {
        result = file_read(web->options.certificate, PEM_BYTES, &certificate, err);
        result = result != 0 ? result : file_read(web->options.key, PEM_BYTES, &key, err);
        tls[0] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_MEM_CERT, 0, certificate.data};
        tls[1] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_MEM_KEY, 0, key.data};
        tls[2] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_PRIORITIES, 0, "NORMAL:-VERS-TLS1.0:-VERS-TLS1.1"};
        tls[3] = (struct MHD_OptionItem){MHD_OPTION_END, 0, NULL};
    }
    if (result == 0) {
        web->daemon = start_library(web, tls);
        if (web->daemon == NULL) {
            result = err_set(err, ERR_IO, "Cannot serve HTTP on %s: %s", web->address, web->complaint);
        }
    }
    explicit_bzero(key.data, key.size);
    buf_finish(&certificate);
    buf_finish(&key);
    return result;
}

int web_create(struct loop *loop, const struct web_options *options, struct web **ret_web, struct err *err) {
    struct web *web = mem_alloc(sizeof *web);
    web->loop = loop;
    web->options = *options;
    web->tls = options->certificate != NULL && options->key != NULL;
    web->socket = -1;
    web->ready_end = &web->ready;
    web->over_end = &web->over;
    web->again = loop_timer(loop, run, web);
    web->sweep = loop_timer(loop, sweep_came, web);
    web->stop_limit = loop_timer(loop, stop_now, web);
    int result = web_listen_open(options->listen, &web->socket, &web->address, err);
    result = result != 0 ? result : start_daemon(web, err);
    if (result != 0) {
        web_destroy(web);
        return result;
    }
    web->poll = mem_alloc(sizeof *web->poll);
    int epoll_fd = MHD_get_daemon_info(web->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
    result = uv_poll_init(loop_uv(loop), &web->poll->handle, epoll_fd);
    assert(result == 0); /* a descriptor that nobody else watches */
    web->poll->handle.data = web;
    uv_poll_start(&web->poll->handle, UV_READABLE, library_ready);
    *ret_web = web;
    return 0;
}

const char *web_address(const struct web *web) {
    return web->address;
}

/* Connections. */

void web_client_enter(struct client *client, enum phase phase) {
    client->phase = phase;
    client->since_ms = clock_monotonic_ms();
    client->bytes = 0;
}

/* The library finds the socket closed, and tells us the end as it does for any client that leaves. */
void web_client_cut(struct client *client) {
    (void)shutdown(client->fd, SHUT_RDWR);
}

static void client_add(struct web *web, struct MHD_Connection *connection, void **context) {
    struct client *client = mem_alloc(sizeof *client);
    *context = client;
    client->web = web;
    client->fd = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
    web_client_enter(client, PHASE_HEADER);
    client->next = web->clients;
    if (client->next != NULL) {
        client->next->previous = client;
    }
    web->clients = client;
    web->client_count++;
    /* A client whose machine has died says nothing more. (Of no effect on a unix socket.) */
    unsigned limit_ms = LIMIT_HTTP_IDLE_MS;
    (void)setsockopt(client->fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &limit_ms, sizeof limit_ms);
    if (!timer_active(web->sweep)) {
        timer_start(web->sweep, SWEEP_MS);
    }
}

static void client_remove(struct web *web, struct client *client) {
    if (client->previous != NULL) {
        client->previous->next = client->next;
    } else {
        web->clients = client->next;
    }
    if (client->next != NULL) {
        client->next->previous = client->previous;
    }
    mem_free(client);
    web->client_count--;
    web_plan_run(web); /* one may wait to be accepted, or a stop to be finished */
}

static void connection_changed(void *user, struct MHD_Connection *connection, void **context,
                               enum MHD_ConnectionNotificationCode what) {
    if (what == MHD_CONNECTION_NOTIFY_STARTED) {
        client_add(user, connection, context);
    } else {
        client_remove(user, *context);
        *context = NULL;
    }
}

static bool is_slow(const struct client *client, int64_t now_ms) {
    int64_t spent_ms = now_ms - client->since_ms;
    switch (client->phase) {
    case PHASE_IDLE:
        return spent_ms > LIMIT_HTTP_IDLE_MS;
    case PHASE_HEADER:
        return spent_ms > LIMIT_HTTP_HEADER_MS;
    case PHASE_BODY:
        return spent_ms > LIMIT_HTTP_BODY_MS ||
               (spent_ms > RATE_GRACE_MS && (int64_t)client->bytes * 1000 < spent_ms * LIMIT_HTTP_BODY_RATE);
    case PHASE_REPLY:
        return spent_ms > LIMIT_HTTP_IDLE_MS + (int64_t)client->bytes / REPLY_BYTES_PER_MS;
    case PHASE_HANDLER:
    case PHASE_STREAM:
        return false;
    }
    return false;
}

static void sweep_came(void *user) {
    struct web *web = user;
    int64_t now_ms = clock_monotonic_ms();
    for (struct client *client = web->clients; client != NULL; client = client->next) {
        if (is_slow(client, now_ms)) {
            web_client_cut(client);
        }
    }
    if (web->clients != NULL) {
        timer_start(web->sweep, SWEEP_MS);
    }
}

/* The work of a turn. */

void web_plan_run(struct web *web) {
    if (web->soon == NULL) {
        web->soon = loop_soon(web->loop, run, web);
    }
}

static void forget_plan(struct web *web) {
    if (web->soon != NULL) {
        loop_cancel_soon(web->soon);
        web->soon = NULL;
    }
}

/* Lets the library work, then calls the owner about what came of it. */
static void run(void *user) {
    struct web *web = user;
    forget_plan(web);
    MHD_run(web->daemon);
    web->calling = true;
    web_request_hand_over(web);
    web_stream_settle(web);
    web->calling = false;

    unsigned long long wait_ms = 0;
    if (web->stopping && web->client_count == 0) {
        timer_start(web->stop_limit, 0);
    } else if (MHD_get_timeout(web->daemon, &wait_ms) == MHD_NO) {
        timer_stop(web->again);
    } else if (wait_ms == 0) {
        web_plan_run(web);
    } else {
        timer_start(web->again, (int64_t)wait_ms);
    }
}

static void library_ready(uv_poll_t *poll, int status, int events) {
    (void)status;
    (void)events;
    run(poll->data);
}

/* Stopping. */

static void poll_closed(uv_handle_t *handle) {
    mem_free(handle);
}

static void stop_listening(struct web *web) {
    if (web->daemon != NULL && web->socket >= 0) {
        (void)MHD_quiesce_daemon(web->daemon);
    }
    if (web->socket >= 0) {
        web_listen_close(web->socket, web->address);
        web->socket = -1;
    }
}

/* Ends everything that is under way; afterwards the library and all handles are closed. */
static void close_all(struct web *web) {
    stop_listening(web);
    web->ready = NULL;
    web->ready_end = &web->ready;
    for (struct client *client = web->clients; client != NULL; client = client->next) {
        if (client->request != NULL) {
            web_request_give_up(client->request);
        }
    }
    if (web->poll != NULL) {
        uv_close((uv_handle_t *)&web->poll->handle, poll_closed);
        web->poll = NULL;
    }
    if (web->daemon != NULL) {
        MHD_stop_daemon(web->daemon);
        web->daemon = NULL;
    }
    web->calling = true;
    web_stream_settle(web);
    web->calling = false;
    forget_plan(web);
    timer_destroy(web->again);
    timer_destroy(web->sweep);
    timer_destroy(web->stop_limit);
    web->again = web->sweep = web->stop_limit = NULL;
}

static void stop_now(void *user) {
    struct web *web = user;
    close_all(web);
    if (web->stopped != NULL) {
        web->stopped(web->stopped_user); /* may destroy the server */
    }
}

void web_stop(struct web *web, void (*stopped)(void *user), void *user) {
    assert(!web->stopping);
    web->stopping = true;
    web->stopped = stopped;
    web->stopped_user = user;
    stop_listening(web);
    for (struct client *client = web->clients; client != NULL; client = client->next) {
        if (client->phase == PHASE_STREAM) {
            web_stream_stop(client->request->stream);
        } else if (client->phase != PHASE_HANDLER && client->phase != PHASE_REPLY) {
            web_client_cut(client);
        }
    }
    timer_start(web->stop_limit, STOP_MS);
    web_plan_run(web);
}

void web_destroy(struct web *web) {
    if (web == NULL) {
        return;
    }
    assert(!web->calling);
    close_all(web);
    mem_free(web->address);
    mem_free(web);
}
