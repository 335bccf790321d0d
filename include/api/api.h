#ifndef GP_API_API_H
#define GP_API_API_H

/*
 * Programs and the page talking to us: REST in the shape of Octopus Deploy's API under /api for what that has, /v1 for
 * the rest (docs/API.md), the page's files, event streams, health and metrics. One table of routes; Host, Origin and
 * CSRF are checked in one place before it.
 */

#include <stdbool.h>

#include "base/err.h"
#include "chat/chat.h"
#include "config/config.h"
#include "net/loop.h"
#include "net/web.h"
#include "store/store.h"

struct api_status { /* for /readyz?verbose and the page */
    bool leads;
    const char *banner; /* weak durability, a config that was not taken over: shown on every page; or NULL */
};

struct api_options {
    struct loop *loop;
    struct store *store;
    struct config *(*config)(void *user); /* the one in force */
    struct chat_up up;                    /* where commands and answers go */
    struct api_status (*status)(void *user);
    void (*health)(struct buf *out,
                   void *user); /* writes a line for each part of the server, for /readyz?verbose; or NULL */
    /* What this person may do in a place (enum permission bits); project and environment NULL = anywhere. */
    unsigned (*permissions)(const struct actor *actor, const char *project, const char *environment, void *user);
    void *user;
    const char *local_token; /* value of local.token: acts as local:<OS user> and may do everything; or NULL */
    const char *web_dir;     /* serve the page's files from here instead of the built-in ones; or NULL */
};

struct api;

/* Reads the people's tokens and passwords of the config; ones that cannot be read are an error. Follows the store's
 * changes from now on. */
int api_create(const struct api_options *options, struct api **ret_api, struct err *err) MUST_USE;
/* NULL does nothing. Completions of the store and of operations may still come after it: they do nothing. */
void api_destroy(struct api *api);

/* After a reload: read the secrets and the url again. On error the old ones stay. */
int api_reload(struct api *api, struct err *err) MUST_USE;

/* Starts listening on one more address. */
int api_listen(struct api *api, const char *listen, const char *certificate, const char *key, struct err *err) MUST_USE;
const char *api_address(const struct api *api, size_t index); /* "127.0.0.1:8080" */

/* A link that signs its first user in as local:<OS user>; good once, for LIMIT_LOGIN_LINK_SECONDS.
 * "/login#<secret>": what stands in the fragment is never sent to a server by itself, so it is in no log. */
void api_make_link(struct api *api, char out[128]);

/* Ends streams and answers, then calls stopped. */
void api_stop(struct api *api, void (*stopped)(void *user), void *user);

#endif
