#include "guard.h"

#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "net/web.h"

struct site {
    const char *scheme; /* "http" or "https" */
    char *authority;    /* "127.0.0.1:8080"; without the port where it is the scheme's own */
};

struct guard {
    struct site *sites;
    size_t count;
};

struct guard *guard_create(void) {
    return mem_alloc(sizeof(struct guard));
}

void guard_destroy(struct guard *guard) {
    if (guard == NULL) {
        return;
    }
    for (size_t i = 0; i < guard->count; i++) {
        mem_free(guard->sites[i].authority);
    }
    mem_free(guard->sites);
    mem_free(guard);
}

static size_t size_without_own_port(const char *scheme, const char *authority) {
    const char *port = str_equal(scheme, "https") ? ":443" : ":80";
    size_t size = strlen(authority), port_size = strlen(port);
    return size > port_size && str_equal(authority + size - port_size, port) ? size - port_size : size;
}

static void allow(struct guard *guard, const char *scheme, const char *authority) {
    guard->sites = mem_grow(guard->sites, guard->count + 1, sizeof *guard->sites);
    guard->sites[guard->count++] =
        (struct site){scheme, mem_strndup(authority, size_without_own_port(scheme, authority))};
}

void guard_allow_url(struct guard *guard, const char *url) {
    const char *scheme = str_starts_nocase(url, "https://") ? "https" : "http";
    const char *from = strstr(url, "://");
    if (from != NULL) {
        from += strlen("://");
        char *authority = mem_strndup(from, strcspn(from, "/?#"));
        allow(guard, scheme, authority);
        mem_free(authority);
    }
}

static void allow_host(struct guard *guard, const char *scheme, const char *host, size_t host_size, const char *port) {
    struct buf authority = BUF_INIT(1024);
    buf_add(&authority, host, host_size);
    buf_adds(&authority, port);
    if (!authority.overflow) {
        allow(guard, scheme, authority.data);
    }
    buf_finish(&authority);
}

void guard_allow_listen(struct guard *guard, const char *listen, const char *address, bool tls) {
    const char *scheme = tls ? "https" : "http";
    if (str_starts(address, "unix:")) {
        allow(guard, scheme, "localhost");
        return;
    }
    static const char *const local[] = {"localhost", "127.0.0.1", "[::1]"};
    const char *port = strrchr(address, ':'), *configured = strrchr(listen, ':');
    for (size_t i = 0; i < sizeof local / sizeof local[0]; i++) {
        allow_host(guard, scheme, local[i], strlen(local[i]), port);
    }
    allow(guard, scheme, address);
    allow_host(guard, scheme, listen, (size_t)(configured - listen), port);
}

static bool site_has(const struct site *site, const char *authority) {
    size_t size = size_without_own_port(site->scheme, authority);
    return size == strlen(site->authority) && strncasecmp(site->authority, authority, size) == 0;
}

static bool host_allowed(const struct guard *guard, const char *host) {
    for (size_t i = 0; i < guard->count; i++) {
        if (site_has(&guard->sites[i], host)) {
            return true;
        }
    }
    return false;
}

static bool origin_allowed(const struct guard *guard, const char *origin) {
    const char *authority = strstr(origin, "://");
    for (size_t i = 0; authority != NULL && i < guard->count; i++) {
        const struct site *site = &guard->sites[i];
        if (strlen(site->scheme) == (size_t)(authority - origin) && str_starts_nocase(origin, site->scheme) &&
            site_has(site, authority + strlen("://"))) {
            return true;
        }
    }
    return false;
}

static bool is_safe(const char *method) {
    return str_equal(method, "GET") || str_equal(method, "HEAD") || str_equal(method, "OPTIONS");
}

/* A person who follows a link from elsewhere is welcome; a page that fetches from elsewhere is not. */
static bool is_foreign(const struct guard_request *request) {
    bool own = request->fetch_site == NULL || str_equal(request->fetch_site, "same-origin") ||
               str_equal(request->fetch_site, "none");
    return !own && !(is_safe(request->method) && str_equal(request->fetch_mode, "navigate"));
}

static bool is_json(const char *content_type) {
    static const char json[] = "application/json";
    return content_type != NULL && str_starts_nocase(content_type, json) &&
           strchr("; \t", content_type[sizeof json - 1]) != NULL;
}

int guard_check(const struct guard *guard, const struct guard_request *request, struct err *err) {
    if (request->host == NULL || !host_allowed(guard, request->host)) {
        return err_set(
            err, ERR_DENIED,
            "This server is not called '%.100s'. If it should be, name it in server.url of the configuration.",
            request->host == NULL ? "" : request->host);
    }
    if (request->origin != NULL && !origin_allowed(guard, request->origin)) {
        return err_set(err, ERR_DENIED, "Pages of '%.100s' may not speak to this server.", request->origin);
    }
    if (is_foreign(request)) {
        return err_set(err, ERR_DENIED, "Pages of other sites may not speak to this server.");
    }
    if (is_safe(request->method) || !request->by_cookie) {
        return 0;
    }
    if (request->origin == NULL || !is_json(request->content_type) || !str_equal(request->csrf, "1")) {
        return err_set(
            err, ERR_DENIED,
            "With a session's cookie this needs Origin, Content-Type: application/json and X-Csrf: 1; programs "
            "use a token.");
    }
    return 0;
}

bool guard_is_secure(const struct guard *guard, const char *host) {
    for (size_t i = 0; host != NULL && i < guard->count; i++) {
        if (str_equal(guard->sites[i].scheme, "https") && site_has(&guard->sites[i], host)) {
            return true;
        }
    }
    return false;
}

const struct web_header_line *guard_headers(size_t *ret_count) {
    static const struct web_header_line lines[] = {
        {"Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
                                    "img-src 'self'; base-uri 'none'; object-src 'none'; form-action 'self'; "
                                    "frame-ancestors 'none'"},
        {"X-Content-Type-Options", "nosniff"},
        {"Referrer-Policy", "no-referrer"},
        {"Cross-Origin-Opener-Policy", "same-origin"},
        {"Cross-Origin-Resource-Policy", "same-origin"},
    };
    *ret_count = sizeof lines / sizeof lines[0];
    return lines;
}
