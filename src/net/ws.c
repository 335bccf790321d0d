#include "ws_internal.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"

static struct ws *find(struct ws_client *client, const void *number) {
    struct ws *ws = number != NULL ? client->first : NULL;
    while (ws != NULL && ws->number != (uintptr_t)number) {
        ws = ws->next;
    }
    return ws;
}

static void drop_frame(struct ws *ws) {
    struct ws_frame *frame = ws->frames;
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
    ws_connect_cancel(ws);
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
    ws_client_wake(ws->client);
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
    ws_client_sweep_soon(ws->client);
}

void ws_sweep(struct ws *ws) {
    bool ends = ws->left || ws->state == WS_CLOSING || ws->reason.code != ERR_NONE;
    if (ws->library != NULL && ends && !ws->killing && (ws->state == WS_CONNECTING || ws->frames == NULL)) {
        kill_library(ws);
    } else if (ws->library == NULL && ends) {
        finish(ws, ERR_UNAVAILABLE, "it was given up"); /* it had not got as far as the library */
    } else if (ws->again) {
        ws_connect_next(ws);
    }
    if (ws->left && ws->library == NULL) {
        ws_free(ws);
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
        ws_client_sweep_soon(ws->client);
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
        struct ws_frame *frame = ws->frames;
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
        ws_client_sweep_soon(ws->client);
    }
    return true;
}

/* Somebody waits for it, so it does not wait for the next turn if there is room. A connection that turns out to be broken is found
 * so when the frame is written from the queue. */
static bool write_now(struct ws *ws, struct ws_frame *frame) {
    bool free = ws->frames == NULL && !ws->ping_due && !ws->killing && lws_send_pipe_choked(ws->library) == 0;
    return free && lws_write(ws->library, frame->room + LWS_PRE, frame->size, LWS_WRITE_TEXT) >= 0;
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
    ws_client_sweep_soon(ws->client);
}

void ws_connect_failed(struct ws *ws, const char *why, size_t size, unsigned status) {
    library_gone(ws);
    if (!ws->reached && !ws->left && ws->reason.code == ERR_NONE && ws->address_next < ws->address_count) {
        ws->again = true;
        return;
    }
    struct buf text = BUF_INIT(ERR_TEXT_SIZE);
    const char *trouble = ws_client_trouble();
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
        ws_connect_failed(ws, data != NULL ? data : "it was closed", data != NULL ? size : WS_TROUBLE_SIZE,
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
        ws_connect_failed(ws, "there is no way to it", WS_TROUBLE_SIZE, 0);
        return 0;
    case LWS_CALLBACK_CLIENT_CLOSED:
        library_gone(ws);
        finish(ws, ERR_UNAVAILABLE, "it broke");
        return 0;
    default:
        return 0;
    }
}

const struct lws_protocols ws_protocols[] = {
    {.name = "text", .callback = event_came, .rx_buffer_size = WS_BUFFER_BYTES},
    {.name = NULL},
};

/* --- What the owner asks for ----------------------------------------------------------------------------------------- */

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
    ws_connect_look_up(ws);
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
    struct ws_frame *frame = mem_alloc(sizeof *frame + LWS_PRE + size);
    frame->size = size;
    memcpy(frame->room + LWS_PRE, text, size);
    if (write_now(ws, frame)) {
        mem_free(frame);
        return 0;
    }
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
