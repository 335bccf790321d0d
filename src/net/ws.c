#include "net/ws.h"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <libwebsockets.h>
#include <uv.h>

#include "base/buf.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"

#include "ws_url.h"

/*
 * libwebsockets never holds a pointer of ours, but the number of an attempt to connect: its callbacks may come late, and then they find
 * nothing. What takes a connection down is called from our own timer only, never inside one of its callbacks. A number
 * of its habits (version 4.1.6) are worked around here; each has its comment.
 */

enum { ADDRESSES = 4, CONNECTIONS = 32, SWEEP_MS = 1, BUFFER_BYTES = 16384, TROUBLE_SIZE = 200 };

struct ws_client {
    struct loop *loop; /* borrowed */
    struct lws_context *context;
    struct lws_vhost *direct, *proxied;
    struct ws *first;
    struct timer *sweep;
    uintptr_t last_number;
    unsigned lookups; /* that libuv has not given back */
    bool destroyed, closing;
};

enum ws_state { WS_CONNECTING, WS_OPEN, WS_CLOSING };

struct frame {
    struct frame *next;
    size_t size;
    unsigned char room[]; /* LWS_PRE bytes for the library, then the text */
};

/* The question for a name, which libuv may give back after the one who asked is gone. */
struct lookup {
    uv_getaddrinfo_t request;
    struct ws_client *client;
    struct ws *ws; /* NULL if nobody waits for it */
};

struct ws {
    struct ws_client *client;
    struct ws *next;
    struct ws_options options; /* without the url */
    struct ws_url url;
    struct ws_proxy proxy;
    struct lookup *lookup;
    char addresses[ADDRESSES][INET6_ADDRSTRLEN]; /* of the host or the proxy, to be tried one after another */
    unsigned address_count, address_next;
    uintptr_t number;    /* of the attempt */
    struct lws *library; /* NULL while there is none */
    enum ws_state state;
    struct timer *timer; /* the end of the handshake, then the next ping, then the end of the goodbye */
    struct frame *frames, *last_frame;
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

/* The last complaint of the library; it is the only place where it says what is wrong with a certificate. */
static char trouble[TROUBLE_SIZE];

static void connect_next(struct ws *ws);

static void log_came(int level, const char *line) {
    size_t length = strcspn(line, "\n");
    /* A ticket is in the URL only. */
    if (strstr(line, "://") != NULL || strstr(line, "ticket") != NULL) {
        return;
    }
    struct buf text = BUF_INIT(8 * TROUBLE_SIZE); /* what is not printable grows when it is shown */
    str_show(&text, line, str_utf8_cut(line, length, TROUBLE_SIZE));
    log_debug("libwebsockets", LOG_INT("level", level), LOG_STR("says", text.data), LOG_END);
    if (level == LLL_ERR) {
        (void)snprintf(trouble, sizeof trouble, "%s", text.data);
    }
    buf_finish(&text);
}

static void sweep_soon(struct ws_client *client) {
    if (!timer_active(client->sweep)) {
        timer_start(client->sweep, SWEEP_MS);
    }
}

/* Timers that the library starts outside its own callbacks are not seen by the loop until it is woken. */
static void wake(struct ws_client *client) {
    lws_cancel_service(client->context);
}

static struct ws *find(struct ws_client *client, const void *number) {
    struct ws *ws = number != NULL ? client->first : NULL;
    while (ws != NULL && ws->number != (uintptr_t)number) {
        ws = ws->next;
    }
    return ws;
}

static void drop_frame(struct ws *ws) {
    struct frame *frame = ws->frames;
    ws->frames = frame->next;
    if (ws->frames == NULL) {
        ws->last_frame = NULL;
    }
    ws->backlog -= frame->size;
    mem_free(frame);
}

static void ws_free(struct ws *ws) {
    struct ws **link = &ws->client->first;
    while (*link != ws) {
        link = &(*link)->next;
    }
    *link = ws->next;
    if (ws->lookup != NULL) {
        ws->lookup->ws = NULL;
        (void)uv_cancel((uv_req_t *)&ws->lookup->request);
    }
    while (ws->frames != NULL) {
        drop_frame(ws);
    }
    timer_destroy(ws->timer);
    buf_finish(&ws->message);
    mem_free(ws);
}

/* Tells the owner that it is over. The connection may be destroyed by it, but is freed by the sweep only. */
static void finish(struct ws *ws, enum err_code code, const char *why) {
    if (ws->finished) {
        return;
    }
    ws->finished = true;
    timer_stop(ws->timer);
    if (ws->reason.code == ERR_NONE) {
        const char *what = ws->state == WS_CONNECTING ? "could not be made" : "is lost";
        (void)err_set(&ws->reason, code, "The connection to %s %s: %s.", ws->url.host, what, why);
    }
    if (!ws->left) {
        ws->options.closed(&ws->reason, ws->options.user);
    }
}

/* The server is to be told, if it can be; the second call waits for nothing any more. */
static void kill_library(struct ws *ws) {
    if (!ws->killing && ws->state != WS_CONNECTING) {
        ws->state = WS_CLOSING;
        lws_close_reason(ws->library, ws->code, NULL, 0);
        timer_start(ws->timer, LIMIT_WS_CLOSE_MS);
    }
    ws->killing = true;
    /* Ending it by the return value of a callback sends no close frame, since Debian's build closes twice then. */
    lws_set_timeout(ws->library, PENDING_TIMEOUT_CLOSE_SEND, LWS_TO_KILL_SYNC);
    wake(ws->client);
}

/* Ends it from the sweep on, with a close frame if it is open. */
static void begin_close(struct ws *ws, enum lws_close_status code) {
    if (ws->state == WS_OPEN) {
        ws->state = WS_CLOSING;
        timer_start(ws->timer, LIMIT_WS_CLOSE_MS);
    }
    if (!ws->killing) {
        ws->code = code;
    }
    sweep_soon(ws->client);
}

/* --- The end of the library's context -------------------------------------------------------------------------------- */

static void count_handle(uv_handle_t *handle, void *user) {
    const struct ws_client *client = ((const void **)user)[0];
    bool *found = ((void **)user)[1];
    *found = *found || handle->data == client->context;
}

/* True if the library has no handle in the loop any more. It marks those of a context by its address. */
static bool is_detached(const struct ws_client *client) {
    bool found = false;
    uv_walk(loop_uv(client->loop), count_handle, (const void *[]){client, &found});
    return !found;
}

/* The context is destroyed in two steps: the first closes everything, which takes some turns, the second frees. */
static void client_close(struct ws_client *client) {
    if (!client->closing) {
        if (client->first != NULL) {
            return; /* it is told when the last connection is gone */
        }
        client->closing = true;
        lws_context_destroy(client->context);
    }
    if (client->lookups > 0 || !is_detached(client)) {
        sweep_soon(client);
        return;
    }
    lws_context_destroy(client->context);
    timer_destroy(client->sweep);
    mem_free(client);
}

/* The library is not inside any callback now: what is to end, ends. */
static void sweep_came(void *user) {
    struct ws_client *client = user;
    for (struct ws *ws = client->first, *next; ws != NULL; ws = next) {
        next = ws->next;
        bool ends = ws->left || ws->state == WS_CLOSING || ws->reason.code != ERR_NONE;
        if (ws->library != NULL && ends && !ws->killing && (ws->state == WS_CONNECTING || ws->frames == NULL)) {
            kill_library(ws);
        } else if (ws->library == NULL && ends) {
            finish(ws, ERR_UNAVAILABLE, "it was given up"); /* it had not got as far as the library */
        } else if (ws->again) {
            connect_next(ws);
        }
        if (ws->left && ws->library == NULL) {
            ws_free(ws);
        }
    }
    if (client->destroyed) {
        client_close(client);
    }
}

/* --- What the library tells ------------------------------------------------------------------------------------------ */

/* For how long nothing at all came; the kernel knows, also of what the library does not tell: pings of the server. */
static int64_t silence_ms(const struct ws *ws) {
    struct tcp_info info = {0};
    socklen_t size = sizeof info;
    int fd = lws_get_socket_fd(ws->library);
    return getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) == 0 ? (int64_t)info.tcpi_last_data_recv : 0;
}

static void timer_came(void *user) {
    struct ws *ws = user;
    switch (ws->state) {
    case WS_CONNECTING:
        (void)err_set(&ws->reason, ERR_TIMEOUT, "The connection to %s could not be made: no answer within %lld s.",
                      ws->url.host, (long long)(ws->options.handshake_ms / 1000));
        sweep_soon(ws->client);
        return;
    case WS_OPEN:
        if (silence_ms(ws) >= ws->options.idle_ms) {
            (void)err_set(&ws->reason, ERR_TIMEOUT, "The connection to %s is lost: nothing came for %lld s.",
                          ws->url.host, (long long)(ws->options.idle_ms / 1000));
            begin_close(ws, LWS_CLOSE_STATUS_GOINGAWAY);
            return;
        }
        ws->ping_due = true;
        (void)lws_callback_on_writable(ws->library);
        timer_start(ws->timer, ws->options.ping_ms);
        return;
    case WS_CLOSING:
        ws->killing = true;
        if (ws->library != NULL) {
            /* What could not be sent by now is not waited for; the library would, for 5 s, if it has begun with it. */
            (void)shutdown(lws_get_socket_fd(ws->library), SHUT_RDWR);
            kill_library(ws);
        }
        return;
    }
}

static void opened(struct ws *ws) {
    if (ws->state == WS_CONNECTING && !ws->left) {
        ws->state = WS_OPEN;
        timer_start(ws->timer, ws->options.ping_ms);
        ws->options.opened(ws->options.user);
    }
}

static void text_came(struct ws *ws, const char *data, size_t size) {
    if (ws->state != WS_OPEN || ws->left) {
        return;
    }
    buf_add(&ws->message, data, size);
    if (ws->message.overflow) {
        (void)err_set(&ws->reason, ERR_TOO_BIG, "The connection to %s is closed: a message is longer than %d bytes.",
                      ws->url.host, LIMIT_WS_MESSAGE_BYTES);
        begin_close(ws, LWS_CLOSE_STATUS_MESSAGE_TOO_LARGE);
    } else if (lws_is_final_fragment(ws->library) && lws_remaining_packet_payload(ws->library) == 0) {
        struct buf message = ws->message; /* stays while the owner reads, also if it destroys the connection */
        buf_init(&ws->message, LIMIT_WS_MESSAGE_BYTES);
        ws->options.text(message.data, message.size, ws->options.user);
        buf_finish(&message);
    }
}

/* One frame a time: the library wants to be asked again before the next. False if the connection is broken. */
static bool write_next(struct ws *ws) {
    if (ws->frames != NULL && !ws->killing) {
        struct frame *frame = ws->frames;
        int sent = lws_write(ws->library, frame->room + LWS_PRE, frame->size, LWS_WRITE_TEXT);
        if (sent < 0) {
            return false;
        }
        drop_frame(ws);
    } else if (ws->ping_due && ws->state == WS_OPEN) {
        unsigned char ping[LWS_PRE + 1];
        ws->ping_due = false;
        if (lws_write(ws->library, ping + LWS_PRE, 0, LWS_WRITE_PING) < 0) {
            return false;
        }
    }
    if (ws->frames != NULL || (ws->ping_due && ws->state == WS_OPEN)) {
        (void)lws_callback_on_writable(ws->library);
    } else if (ws->state == WS_CLOSING) {
        sweep_soon(ws->client);
    }
    return true;
}

/* The server closes: two bytes of code, and a text. */
static void goodbye_came(struct ws *ws, const unsigned char *data, size_t size) {
    if (ws->reason.code != ERR_NONE || ws->state != WS_OPEN) {
        return;
    }
    struct buf text = BUF_INIT(ERR_TEXT_SIZE);
    if (size > 2) {
        str_show(&text, (const char *)data + 2, size - 2);
    }
    int code = size >= 2 ? data[0] * 256 + data[1] : 0;
    (void)err_set(&ws->reason, ERR_UNAVAILABLE, "%s has closed the connection (%d%s%s).", ws->url.host, code,
                  text.size > 0 ? ", " : "", text.data);
    buf_finish(&text);
}

/* The library has let go of the connection. */
static void library_gone(struct ws *ws) {
    ws->library = NULL;
    ws->number = 0;
    sweep_soon(ws->client);
}

static void connect_failed(struct ws *ws, const char *why, size_t size, unsigned status) {
    library_gone(ws);
    if (!ws->reached && !ws->left && ws->reason.code == ERR_NONE && ws->address_next < ws->address_count) {
        ws->again = true;
        return;
    }
    struct buf text = BUF_INIT(ERR_TEXT_SIZE);
    const char *certificate = "SSL error: ";
    if (status != 0) {
        buf_printf(&text, "the server says HTTP %u", status);
    } else if (str_starts(trouble, certificate)) {
        const char *what = trouble + strlen(certificate);
        buf_printf(&text, "its certificate is not accepted: %.*s", (int)strcspn(what, "("), what);
    } else {
        str_show(&text, why, strnlen(why, size));
        if (trouble[0] != 0) {
            buf_printf(&text, " (%s)", trouble);
        }
    }
    while (text.size > 0 && text.data[text.size - 1] == ' ') {
        text.data[--text.size] = 0;
    }
    finish(ws, ERR_UNAVAILABLE, text.data);
    buf_finish(&text);
}

static void leftover_closed(uv_handle_t *handle) {
    mem_free(handle);
}

static void close_leftover(uv_handle_t *handle, void *library) {
    if (handle->type == UV_POLL && handle->data == library && !uv_is_closing(handle)) {
        uv_close(handle, leftover_closed);
    }
}

static int event_came(struct lws *library, enum lws_callback_reasons what, void *number, void *data, size_t size) {
    struct ws_client *client = lws_context_user(lws_get_context(library));
    struct ws *ws = client != NULL ? find(client, number) : NULL;
    if (client != NULL && what == LWS_CALLBACK_WSI_DESTROY) {
        /* If the kernel refuses to connect at once (no network), the library closes the file but forgets its handle. */
        uv_walk(loop_uv(client->loop), close_leftover, library);
    }
    if (ws == NULL) {
        /* It is of no connection, or of one that is given up: then it shall not come about any more. */
        return number != NULL && what == LWS_CALLBACK_CLIENT_ESTABLISHED ? -1 : 0;
    }
    switch ((int)what) { /* a few of the many */
    case LWS_CALLBACK_CLIENT_APPEND_HANDSHAKE_HEADER:
        ws->reached = true;
        return 0;
    case LWS_CALLBACK_CLIENT_CONNECTION_ERROR:
        connect_failed(ws, data != NULL ? data : "it was closed", data != NULL ? size : TROUBLE_SIZE,
                       lws_http_client_http_response(library));
        return 0;
    case LWS_CALLBACK_CLIENT_ESTABLISHED:
        opened(ws);
        return 0;
    case LWS_CALLBACK_CLIENT_RECEIVE:
        text_came(ws, data, size);
        return 0;
    case LWS_CALLBACK_CLIENT_WRITEABLE:
        return write_next(ws) ? 0 : -1;
    case LWS_CALLBACK_WS_PEER_INITIATED_CLOSE:
        goodbye_came(ws, data, size);
        return 0;
    case LWS_CALLBACK_WSI_DESTROY: /* only if it ends before it has begun */
        connect_failed(ws, "there is no way to it", TROUBLE_SIZE, 0);
        return 0;
    case LWS_CALLBACK_CLIENT_CLOSED:
        library_gone(ws);
        finish(ws, ERR_UNAVAILABLE, "it broke");
        return 0;
    default:
        return 0;
    }
}

/* --- Connecting ------------------------------------------------------------------------------------------------------ */

static const struct lws_protocols protocols[] = {
    {.name = "text", .callback = event_came, .rx_buffer_size = BUFFER_BYTES},
    {.name = NULL},
};

static void connect_next(struct ws *ws) {
    struct ws_client *client = ws->client;
    const char *address = ws->addresses[ws->address_next++];
    struct lws_client_connect_info info = {
        .context = client->context,
        .vhost = client->direct,
        .address = address,
        .port = ws->url.port,
        .host = ws->url.authority,
        .path = ws->url.path,
        .ssl_connection = (ws->url.secure ? LCCSCF_USE_SSL : 0) | LCCSCF_HTTP_NO_FOLLOW_REDIRECT,
        .alpn = "http/1.1",
        .local_protocol_name = protocols[0].name,
    };
    if (ws->proxy.host[0] != 0) {
        struct buf proxy = BUF_INIT(2 * WS_URL_HOST_SIZE + WS_URL_LOGIN_SIZE);
        buf_printf(&proxy, "%s%s", ws->proxy.login, ws->proxy.login[0] != 0 ? "@" : "");
        buf_printf(&proxy, strchr(address, ':') != NULL ? "[%s]:%d" : "%s:%d", address, ws->proxy.port);
        (void)lws_set_proxy(client->proxied, proxy.data);
        buf_finish(&proxy);
        info.vhost = client->proxied;
        info.address = ws->url.host; /* the proxy looks it up */
    }
    trouble[0] = 0;
    ws->again = false;
    ws->number = ++client->last_number;
    info.userdata = (void *)ws->number; /* NOLINT(performance-no-int-to-ptr) */
    struct lws *library = lws_client_connect_via_info(&info);
    if (library == NULL && ws->number != 0) {
        connect_failed(ws, "there is no way to it", TROUBLE_SIZE, 0);
    } else if (ws->number != 0) {
        ws->library = library;
    }
    wake(client);
}

/* The addresses are there. The library would wait for them with the whole loop. */
static void looked_up(uv_getaddrinfo_t *request, int status, struct addrinfo *found) {
    struct lookup *lookup = request->data;
    struct ws *ws = lookup->ws;
    lookup->client->lookups--;
    if (lookup->client->closing) {
        sweep_soon(lookup->client);
    }
    if (ws != NULL) {
        ws->lookup = NULL;
        for (const struct addrinfo *item = found; item != NULL && ws->address_count < ADDRESSES; item = item->ai_next) {
            char *address = ws->addresses[ws->address_count];
            ws->address_count += getnameinfo(item->ai_addr, item->ai_addrlen, address, sizeof ws->addresses[0], NULL, 0,
                                             NI_NUMERICHOST) == 0;
        }
        if (ws->finished || ws->left || ws->reason.code != ERR_NONE || ws->state == WS_CLOSING) {
            sweep_soon(ws->client);
        } else if (ws->address_count == 0) {
            const char *why = status != 0 ? uv_strerror(status) : "the name has no address";
            (void)err_set(&ws->reason, ERR_UNAVAILABLE, "The connection to %s could not be made: %s%s%s.", ws->url.host,
                          why, ws->proxy.host[0] != 0 ? " of the proxy " : "", ws->proxy.host);
            sweep_soon(ws->client);
        } else {
            connect_next(ws);
        }
    }
    uv_freeaddrinfo(found);
    mem_free(lookup);
}

static void look_up(struct ws *ws) {
    const char *host = ws->proxy.host[0] != 0 ? ws->proxy.host : ws->url.host;
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG};
    struct lookup *lookup = mem_alloc(sizeof *lookup);
    lookup->client = ws->client;
    lookup->ws = ws;
    lookup->request.data = lookup;
    ws->lookup = lookup;
    ws->client->lookups++;
    int status = uv_getaddrinfo(loop_uv(ws->client->loop), &lookup->request, looked_up, host, NULL, &hints);
    if (status != 0) { /* only if the name is too long or memory is gone */
        ws->lookup = NULL;
        ws->client->lookups--;
        mem_free(lookup);
        (void)err_set(&ws->reason, ERR_UNAVAILABLE, "The connection to %s could not be made: %s.", ws->url.host,
                      uv_strerror(status));
        sweep_soon(ws->client);
    }
}

/* --- What the owner asks for ----------------------------------------------------------------------------------------- */

static struct lws_vhost *create_vhost(struct lws_context *context, const char *name, const char *ca_file) {
    struct lws_context_creation_info info = {
        .vhost_name = name,
        .port = CONTEXT_PORT_NO_LISTEN,
        .protocols = protocols,
        .options = LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT | (ca_file != NULL ? LWS_SERVER_OPTION_DISABLE_OS_CA_CERTS : 0),
        .client_ssl_ca_filepath = ca_file,
        .http_proxy_address = ":0", /* none, whatever the environment says */
        /* Our own timers are shorter. If the library's for connecting came first, it would leak a handle. */
        .connect_timeout_secs = 1000,
    };
    return lws_create_vhost(context, &info);
}

int ws_client_create(struct loop *loop, const char *ca_file, struct ws_client **ret_client, struct err *err) {
    struct ws_client *client = mem_alloc(sizeof *client);
    lws_set_log_level(LLL_ERR | LLL_WARN, log_came);
    trouble[0] = 0;
    struct lws_context_creation_info info = {
        .options = LWS_SERVER_OPTION_LIBUV | LWS_SERVER_OPTION_EXPLICIT_VHOSTS | LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT,
        .foreign_loops = (void *[]){loop_uv(loop)},
        .user = client,
        .gid = -1,
        .uid = -1,
        .pt_serv_buf_size = BUFFER_BYTES,
        .max_http_header_data = LIMIT_HTTP_HEADER_BYTES / 2,
        .timeout_secs = 1001,
        .fd_limit_per_thread = CONNECTIONS, /* else it makes tables for all files the process may open */
    };
    client->loop = loop;
    client->context = lws_create_context(&info);
    if (client->context != NULL) {
        client->direct = create_vhost(client->context, "direct", ca_file);
        client->proxied = create_vhost(client->context, "proxied", ca_file);
    }
    bool ready = client->direct != NULL && client->proxied != NULL && (ca_file == NULL || trouble[0] == 0);
    if (client->context == NULL) {
        mem_free(client);
        return err_set(err, ERR_IO,
                       "libwebsockets does not start%s%s. It needs its plugin for libuv: in Debian the package "
                       "libwebsockets-evlib-uv.",
                       trouble[0] != 0 ? ": " : "", trouble);
    }
    client->sweep = loop_timer(loop, sweep_came, client);
    if (!ready) {
        ws_client_destroy(client);
        return err_set(err, ERR_INVALID, "The authorities in '%s' cannot be used%s%s.", ca_file != NULL ? ca_file : "",
                       trouble[0] != 0 ? ": " : "", trouble);
    }
    *ret_client = client;
    return 0;
}

void ws_client_destroy(struct ws_client *client) {
    if (client != NULL) {
        client->destroyed = true;
        sweep_soon(client);
    }
}

int ws_create(struct ws_client *client, const struct ws_options *options, struct ws **ret_ws, struct err *err) {
    struct ws_url url;
    struct ws_proxy proxy = {.host = ""};
    int result = ws_url_read(options->url, &url, err);
    if (result == 0 && url.secure) {
        const char *https_proxy = getenv("https_proxy"), *no_proxy = getenv("no_proxy");
        result = ws_url_proxy(url.host, https_proxy != NULL ? https_proxy : getenv("HTTPS_PROXY"),
                              no_proxy != NULL ? no_proxy : getenv("NO_PROXY"), &proxy, err);
    }
    if (result != 0) {
        return result;
    }
    struct ws *ws = mem_alloc(sizeof *ws);
    ws->client = client;
    ws->url = url;
    ws->proxy = proxy;
    ws->options = *options;
    ws->options.url = NULL;
    ws->options.handshake_ms = options->handshake_ms > 0 ? options->handshake_ms : LIMIT_WS_HANDSHAKE_MS;
    ws->options.ping_ms = options->ping_ms > 0 ? options->ping_ms : LIMIT_WS_PING_MS;
    ws->options.idle_ms = options->idle_ms > 0 ? options->idle_ms : LIMIT_WS_IDLE_MS;
    ws->code = LWS_CLOSE_STATUS_GOINGAWAY;
    buf_init(&ws->message, LIMIT_WS_MESSAGE_BYTES);
    ws->timer = loop_timer(client->loop, timer_came, ws);
    timer_start(ws->timer, ws->options.handshake_ms);
    ws->next = client->first;
    client->first = ws;
    look_up(ws);
    *ret_ws = ws;
    return 0;
}

int ws_send(struct ws *ws, const char *text, size_t size, struct err *err) {
    if (size >= LIMIT_WS_SEND_BYTES) {
        return err_set(err, ERR_TOO_BIG, "A message of %zu bytes is too long to be sent to %s.", size, ws->url.host);
    }
    if (ws->state != WS_OPEN || ws->library == NULL || ws->left) {
        return err_set(err, ERR_UNAVAILABLE, "There is no connection to %s.", ws->url.host);
    }
    if (ws->backlog + size > LIMIT_WS_BACKLOG_BYTES) {
        return err_set(err, ERR_UNAVAILABLE, "%s does not read what is sent to it.", ws->url.host);
    }
    struct frame *frame = mem_alloc(sizeof *frame + LWS_PRE + size);
    frame->size = size;
    memcpy(frame->room + LWS_PRE, text, size);
    if (ws->last_frame != NULL) {
        ws->last_frame->next = frame;
    } else {
        ws->frames = frame;
    }
    ws->last_frame = frame;
    ws->backlog += size;
    (void)lws_callback_on_writable(ws->library);
    return 0;
}

void ws_close(struct ws *ws) {
    if (ws->reason.code == ERR_NONE) {
        (void)err_set(&ws->reason, ERR_UNAVAILABLE, "The connection to %s was closed by us.", ws->url.host);
    }
    begin_close(ws, LWS_CLOSE_STATUS_NORMAL);
}

void ws_destroy(struct ws *ws) {
    if (ws != NULL) {
        ws->left = true;
        begin_close(ws, LWS_CLOSE_STATUS_GOINGAWAY);
    }
}
