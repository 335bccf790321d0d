#include "ws_url.h"

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"

enum { PORT_WS = 80, PORT_WSS = 443, PORT_PROXY = 1080 };

static bool is_host(const char *text, size_t length) {
    const char *allowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_";
    return length > 0 && length < WS_URL_HOST_SIZE && strspn(text, allowed) >= length;
}

/* Reads "host" or "host:port" of the given length. */
static bool read_authority(const char *text, size_t length, int usual_port, char *ret_host, int *ret_port) {
    const char *colon = memchr(text, ':', length);
    size_t host_length = colon != NULL ? (size_t)(colon - text) : length;
    if (!is_host(text, host_length)) {
        return false;
    }
    *ret_port = usual_port;
    if (colon != NULL) {
        char digits[6] = "";
        uint64_t port = 0;
        size_t count = length - host_length - 1;
        if (count >= sizeof digits) {
            return false;
        }
        memcpy(digits, colon + 1, count);
        if (str_to_u64(digits, &port, NULL) != 0 || port == 0 || port > UINT16_MAX) {
            return false;
        }
        *ret_port = (int)port;
    }
    memcpy(ret_host, text, host_length);
    ret_host[host_length] = 0;
    return true;
}

/* What is printable and not a blank goes into the request as it is. */
static bool is_path(const char *path) {
    for (const char *c = path; *c != 0; c++) {
        if (*c <= ' ' || *c > '~' || *c == '#') {
            return false;
        }
    }
    return strlen(path) < WS_URL_PATH_SIZE - 1;
}

int ws_url_read(const char *url, struct ws_url *ret_url, struct err *err) {
    struct ws_url read = {.secure = str_starts_nocase(url, "wss://")};
    if (!read.secure && !str_starts_nocase(url, "ws://")) {
        return err_set(err, ERR_INVALID, "The address of a websocket must begin with wss://.");
    }
    const char *authority = url + strlen(read.secure ? "wss://" : "ws://");
    size_t length = strcspn(authority, "/?");
    const char *path = authority + length;
    int usual_port = read.secure ? PORT_WSS : PORT_WS;
    if (!read_authority(authority, length, usual_port, read.host, &read.port)) {
        return err_set(err, ERR_INVALID, "The address of the websocket has no host that can be understood.");
    }
    if (!is_path(path)) {
        return err_set(err, ERR_INVALID,
                       "The path in the address of the websocket at %s is too long or has characters "
                       "that must not be there.",
                       read.host);
    }
    (void)snprintf(read.path, sizeof read.path, "%s%s", path[0] == '/' ? "" : "/", path);
    if (read.port == usual_port) {
        (void)snprintf(read.authority, sizeof read.authority, "%s", read.host);
    } else {
        (void)snprintf(read.authority, sizeof read.authority, "%s:%d", read.host, read.port);
    }
    *ret_url = read;
    return 0;
}

/* True if the host is the entry or below it: "example.com" and ".example.com" both hold for "a.example.com". */
static bool is_below(const char *host, const char *entry, size_t length) {
    if (length == 1 && entry[0] == '*') {
        return true;
    }
    if (length > 0 && entry[0] == '.') {
        entry++;
        length--;
    }
    const char *colon = memchr(entry, ':', length);
    length = colon != NULL ? (size_t)(colon - entry) : length;
    size_t host_length = strlen(host);
    if (length == 0 || length > host_length || strncasecmp(host + host_length - length, entry, length) != 0) {
        return false;
    }
    return length == host_length || host[host_length - length - 1] == '.';
}

static bool is_excepted(const char *host, const char *no_proxy) {
    for (const char *entry = no_proxy; entry != NULL && *entry != 0;) {
        size_t length = strcspn(entry, ", ");
        if (is_below(host, entry, length)) {
            return true;
        }
        entry += length;
        entry += strspn(entry, ", ");
    }
    return false;
}

/* 0 to 15, or -1. */
static int hex_value(char c) {
    const char *digits = "0123456789abcdef0123456789ABCDEF";
    const char *found = c != 0 ? strchr(digits, c) : NULL;
    return found != NULL ? (int)((found - digits) % 16) : -1;
}

/* "user:pass%40word" without the percent signs. False if it is broken or too long. */
static bool read_login(const char *text, size_t length, char *ret_login) {
    size_t size = 0;
    for (size_t i = 0; i < length; i++) {
        int byte = (unsigned char)text[i];
        if (byte == '%') {
            int high = i + 2 < length ? hex_value(text[i + 1]) : -1;
            int low = high >= 0 ? hex_value(text[i + 2]) : -1;
            byte = low >= 0 ? high * 16 + low : 0;
            i += 2;
        }
        if (byte == 0 || size + 1 >= WS_URL_LOGIN_SIZE) {
            return false;
        }
        ret_login[size++] = (char)byte;
    }
    ret_login[size] = 0;
    return true;
}

int ws_url_proxy(const char *host, const char *https_proxy, const char *no_proxy, struct ws_proxy *ret_proxy,
                 struct err *err) {
    struct ws_proxy proxy = {.port = PORT_PROXY};
    if (!str_empty(https_proxy) && !is_excepted(host, no_proxy)) {
        const char *rest = strstr(https_proxy, "://");
        if (rest != NULL && !str_starts_nocase(https_proxy, "http://")) {
            return err_set(err, ERR_INVALID,
                           "HTTPS_PROXY names a proxy that is not spoken to by plain HTTP; a proxy "
                           "looks like http://host:port.");
        }
        rest = rest != NULL ? rest + strlen("://") : https_proxy;
        size_t length = strcspn(rest, "/?#");
        const char *at = memrchr(rest, '@', length);
        bool understood = at == NULL || read_login(rest, (size_t)(at - rest), proxy.login);
        if (at != NULL) {
            length -= (size_t)(at + 1 - rest);
            rest = at + 1;
        }
        if (!understood || !read_authority(rest, length, PORT_PROXY, proxy.host, &proxy.port)) {
            return err_set(err, ERR_INVALID, "HTTPS_PROXY cannot be understood; it looks like http://host:port.");
        }
    }
    *ret_proxy = proxy;
    return 0;
}
