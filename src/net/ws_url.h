#ifndef GP_NET_WS_URL_H
#define GP_NET_WS_URL_H

#include <stdbool.h>

#include "base/err.h"

enum { WS_URL_HOST_SIZE = 96, WS_URL_PATH_SIZE = 2048, WS_URL_LOGIN_SIZE = 96 };

/* The parts of a URL, without a fragment. */
struct ws_url {
    bool secure;
    char host[WS_URL_HOST_SIZE];
    int port;
    char authority[WS_URL_HOST_SIZE + 8]; /* host, and port if it is not the usual one */
    char path[WS_URL_PATH_SIZE];          /* with the query; at least "/" */
};

/* An HTTP proxy; host is "" if there is none to go through. */
struct ws_proxy {
    char host[WS_URL_HOST_SIZE];
    int port;
    char login[WS_URL_LOGIN_SIZE]; /* "user:password", decoded, or "" */
};

/* Reads ws:// and wss://. The host is a name or an IPv4 address. The error text doesn't show the URL. */
int ws_url_read(const char *url, struct ws_url *ret_url, struct err *err) MUST_USE;

/* Which proxy leads to the host, by what HTTPS_PROXY and NO_PROXY hold (or NULL). */
int ws_url_proxy(const char *host, const char *https_proxy, const char *no_proxy, struct ws_proxy *ret_proxy,
                 struct err *err) MUST_USE;

#endif
