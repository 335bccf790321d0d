#ifndef GP_NET_REDIS_SERVER_H
#define GP_NET_REDIS_SERVER_H

/*
 * A private redis-server on a unix socket, for `up` and `demo`: nothing to install, set up or secure. Its settings are the durable ones
 * (append-only file, fsync always). It is started when nobody listens on the socket, and again whenever it is gone; one that a
 * killed process left behind is used as it is. It is a session of its own, so that Ctrl-C in a terminal does not take it away first.
 */

#include "base/err.h"
#include "net/loop.h"

struct redis_server;

/* folder is made (0700) and holds the settings, the data and the socket (elsewhere if its path is too long for one). */
int redis_server_create(struct loop *loop, const char *folder, struct redis_server **ret_server, struct err *err)
    MUST_USE;
const char *redis_server_url(const struct redis_server *server); /* "unix:/path" */

/* Asks it to save and end (SIGTERM), waits for it, and calls stopped. It is not started again. */
void redis_server_stop(struct redis_server *server, void (*stopped)(void *user), void *user);
void redis_server_destroy(struct redis_server *server); /* NULL does nothing; leaves the process alone */

#endif
