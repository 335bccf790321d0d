#include "ws_internal.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"

enum { CONNECTIONS = 32, SWEEP_MS = 1 };

static char trouble[WS_TROUBLE_SIZE];

const char *ws_client_trouble(void) {
    return trouble;
}

void ws_client_forget_trouble(void) {
    trouble[0] = 0;
}

static void log_came(int level, const char *line) {
    size_t length = strcspn(line, "\n");
    /* A ticket is in the URL only. */
    if (strstr(line, "://") != NULL || strstr(line, "ticket") != NULL) {
        return;
    }
    struct buf text = BUF_INIT(8 * WS_TROUBLE_SIZE); /* what is not printable grows when it is shown */
    str_show(&text, line, str_utf8_cut(line, length, WS_TROUBLE_SIZE));
    log_debug("libwebsockets", LOG_INT("level", level), LOG_STR("says", text.data), LOG_END);
    if (level == LLL_ERR) {
        (void)snprintf(trouble, sizeof trouble, "%s", text.data);
    }
    buf_finish(&text);
}

static void sweep_came(void *user);

static struct lws_vhost *create_vhost(struct lws_context *context, const char *name, const char *ca_file) {
    struct lws_context_creation_info info = {
        .vhost_name = name,
        .port = CONTEXT_PORT_NO_LISTEN,
        .protocols = ws_protocols,
        .options = LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT | (ca_file != NULL ? LWS_SERVER_OPTION_DISABLE_OS_CA_CERTS : 0),
        .client_ssl_ca_filepath = ca_file,
        .http_proxy_address = ":0", /* none, whatever the environment says */
        /* Our own timers are shorter. If the library's for connecting came first, it would leak a handle. */
        .connect_timeout_secs = 1000,
    };
    return lws_create_vhost(context, &info);
}

/* The library takes authorities from its memory if it knows the path, so each time the same file gets another one. */
static struct buf fresh_path(const struct ws_client *client, const char *ca_file) {
    struct buf path = BUF_INIT(PATH_MAX);
    for (unsigned i = 0; i < client->trusts; i++) {
        buf_adds(&path, *ca_file == '/' ? "/" : "./");
    }
    buf_adds(&path, ca_file);
    return path;
}

static bool create_vhosts(struct ws_client *client, const char *ca_file) {
    struct buf path = fresh_path(client, ca_file != NULL ? ca_file : "");
    const char *file = ca_file != NULL ? path.data : NULL;
    trouble[0] = 0;
    struct lws_vhost *direct = create_vhost(client->context, "direct", file);
    struct lws_vhost *proxied = create_vhost(client->context, "proxied", file);
    bool ready = !path.overflow && direct != NULL && proxied != NULL && (ca_file == NULL || trouble[0] == 0);
    buf_finish(&path);
    if (ready) {
        client->direct = direct; /* The older ones end with the context, since their connections would end with them. */
        client->proxied = proxied;
        client->trusts++;
    }
    return ready;
}

static int refuse_authorities(const char *ca_file, struct err *err) {
    return err_set(err, ERR_INVALID, "The authorities in '%s' cannot be used%s%s.", ca_file != NULL ? ca_file : "",
                   trouble[0] != 0 ? ": " : "", trouble);
}

int ws_client_trust(struct ws_client *client, const char *ca_file, struct err *err) {
    return create_vhosts(client, ca_file) ? 0 : refuse_authorities(ca_file, err);
}

int ws_client_create(struct loop *loop, const char *ca_file, struct ws_client **ret_client, struct err *err) {
    struct ws_client *client = mem_alloc(sizeof *client);
    lws_set_log_level(LLL_ERR | LLL_WARN, log_came);
    trouble[0] = 0;
    struct lws_context_creation_info info = {
        .options = LWS_SERVER_OPTION_LIBUV | LWS_SERVER_OPTION_EXPLICIT_VHOSTS | LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT,
        .foreign_loops = (void *[]){loop_uv(loop)},
        .user = client,
        .pcontext = &client->context,
        .pt_serv_buf_size = WS_BUFFER_BYTES,
        .max_http_header_data = LIMIT_HTTP_HEADER_BYTES / 2,
        .timeout_secs = 1001,
        .fd_limit_per_thread = CONNECTIONS, /* else it makes tables for all files the process may open */
    };
    info.gid = (__typeof__(info.gid))-1; /* Not to be changed; signed in some versions of the library. */
    info.uid = (__typeof__(info.uid))-1;
    client->loop = loop;
    client->context = lws_create_context(&info);
    bool ready = client->context != NULL && create_vhosts(client, ca_file);
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
        return refuse_authorities(ca_file, err);
    }
    *ret_client = client;
    return 0;
}

void ws_client_destroy(struct ws_client *client) {
    if (client != NULL) {
        client->destroyed = true;
        ws_client_sweep_soon(client);
    }
}

void ws_client_sweep_soon(struct ws_client *client) {
    if (!timer_active(client->sweep)) {
        timer_start(client->sweep, SWEEP_MS);
    }
}

void ws_client_wake(struct ws_client *client) {
    lws_cancel_service(client->context);
}

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

/* The context is destroyed in two steps: the first closes everything, which takes some turns, the second frees and sets the
 * pointer to NULL. Newer versions of the library mark their handles otherwise, so that the second comes too early, and has to be
 * repeated. Until the pointer is NULL the library may call us. */
static void client_close(struct ws_client *client) {
    if (!client->closing) {
        if (client->first != NULL) {
            return; /* it is told when the last connection is gone */
        }
        client->closing = true;
        lws_context_destroy(client->context);
    }
    if (client->lookups > 0) {
        return; /* it is told when the last one has come back */
    }
    if (client->context != NULL && is_detached(client)) {
        lws_context_destroy(client->context);
    }
    if (client->context != NULL) {
        ws_client_sweep_soon(client);
        return;
    }
    timer_destroy(client->sweep);
    mem_free(client);
}

static void sweep_came(void *user) {
    struct ws_client *client = user;
    for (struct ws *ws = client->first, *next; ws != NULL; ws = next) {
        next = ws->next;
        ws_sweep(ws);
    }
    if (client->destroyed) {
        client_close(client);
    }
}
