#ifndef GP_API_GUARD_H
#define GP_API_GUARD_H

/*
 * What a request must show before it is routed, whatever it asks for. Pure.
 *
 * A browser does for any page in it what that page asks, and adds our cookie. So the name that it called us by must be
 * ours (against DNS rebinding), a page that speaks to us must be our own (Origin, Sec-Fetch-Site), and what changes
 * something and is signed by the cookie alone must look like no form can (JSON and a header of ours).
 */

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

struct guard;

struct guard *guard_create(void);
void guard_destroy(struct guard *guard); /* NULL does nothing */

/* We are called by this name too: "https://deploy.example.com", "http://127.0.0.1:8080". A path behind it is of no
 * account. */
void guard_allow_url(struct guard *guard, const char *url);
/* The names of an address that is listened on: `listen` as configured, `address` as it really is. */
void guard_allow_listen(struct guard *guard, const char *listen, const char *address, bool tls);

/* Header fields are NULL if absent. */
struct guard_request {
    const char *method, *host, *origin, *fetch_site, *fetch_mode, *content_type, *csrf;
    bool by_cookie; /* signed by a session's cookie and nothing else */
};

/* 0, or ERR_DENIED. */
int guard_check(const struct guard *guard, const struct guard_request *request, struct err *err) MUST_USE;

/* True if browsers reach us by TLS under this name, be it that a proxy ends it: then cookies are marked so. */
bool guard_is_secure(const struct guard *guard, const char *host);

/* The header fields of every answer. */
struct web_header_line;
const struct web_header_line *guard_headers(size_t *ret_count);

#endif
