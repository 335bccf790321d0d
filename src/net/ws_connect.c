#include "ws_internal.h"

#include <netdb.h>
#include <string.h>

#include "base/mem.h"

/* The question for a name, which libuv may give back after the one who asked is gone. */
struct ws_lookup {
    uv_getaddrinfo_t request;
    struct ws_client *client;
    struct ws *ws; /* NULL if nobody waits for it */
};

/* The library's own watch over a silent server is off: it counts only the answers to its own pings. */
static const lws_retry_bo_t no_watch = {.secs_since_valid_hangup = 0};

void ws_connect_next(struct ws *ws) {
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
        .retry_and_idle_policy = &no_watch,
        .local_protocol_name = ws_protocols[0].name,
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
    ws_client_forget_trouble();
    ws->again = false;
    ws->number = ++client->last_number;
    info.userdata = (void *)ws->number; /* NOLINT(performance-no-int-to-ptr) */
    struct lws *library = lws_client_connect_via_info(&info);
    if (library == NULL && ws->number != 0) {
        ws_connect_failed(ws, "there is no way to it", WS_TROUBLE_SIZE, 0);
    } else if (ws->number != 0) {
        ws->library = library;
    }
    ws_client_wake(client);
}

/* The addresses are there. The library would wait for them with the whole loop. */
static void looked_up(uv_getaddrinfo_t *request, int status, struct addrinfo *found) {
    struct ws_lookup *lookup = request->data;
    struct ws *ws = lookup->ws;
    lookup->client->lookups--;
    if (lookup->client->closing) {
        ws_client_sweep_soon(lookup->client);
    }
    if (ws != NULL) {
        ws->lookup = NULL;
        for (const struct addrinfo *item = found; item != NULL && ws->address_count < WS_ADDRESSES;
             item = item->ai_next) {
            char *address = ws->addresses[ws->address_count];
            ws->address_count += getnameinfo(item->ai_addr, item->ai_addrlen, address, sizeof ws->addresses[0], NULL, 0,
                                             NI_NUMERICHOST) == 0;
        }
        if (ws->finished || ws->left || ws->reason.code != ERR_NONE || ws->state == WS_CLOSING) {
            ws_client_sweep_soon(ws->client);
        } else if (ws->address_count == 0) {
            const char *why = status != 0 ? uv_strerror(status) : "the name has no address";
            (void)err_set(&ws->reason, ERR_UNAVAILABLE, "The connection to %s could not be made: %s%s%s.", ws->url.host,
                          why, ws->proxy.host[0] != 0 ? " of the proxy " : "", ws->proxy.host);
            ws_client_sweep_soon(ws->client);
        } else {
            ws_connect_next(ws);
        }
    }
    uv_freeaddrinfo(found);
    mem_free(lookup);
}

void ws_connect_look_up(struct ws *ws) {
    const char *host = ws->proxy.host[0] != 0 ? ws->proxy.host : ws->url.host;
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG};
    struct ws_lookup *lookup = mem_alloc(sizeof *lookup);
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
        ws_client_sweep_soon(ws->client);
    }
}

void ws_connect_cancel(struct ws *ws) {
    if (ws->lookup != NULL) {
        ws->lookup->ws = NULL;
        (void)uv_cancel((uv_req_t *)&ws->lookup->request);
        ws->lookup = NULL;
    }
}
