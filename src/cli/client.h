#ifndef GP_CLI_CLIENT_H
#define GP_CLI_CLIENT_H

/*
 * Requests to a server, one after the other. They block: the client is a process of its own. An error of the server
 * comes back as the struct err that it was there; ERR_UNAVAILABLE means that surely nothing was done, ERR_UNKNOWN
 * that the answer to a change got lost.
 */

#include "access.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"

struct client;

/* Copies what it needs. */
int client_open(const struct access *access, struct client **ret_client, struct err *err) MUST_USE;
void client_close(struct client *client); /* NULL does nothing */
const char *client_server(const struct client *client);

/* The body goes to `out`. A stop (terminal_catch_stop) ends a request: ERR_UNAVAILABLE or ERR_UNKNOWN. */
int client_get_text(struct client *client, const char *path, struct buf *out, struct err *err) MUST_USE;
int client_get(struct client *client, const char *path, struct json **ret_reply, struct err *err) MUST_USE;
int client_post(struct client *client, const char *path, const char *body, struct json **ret_reply, struct err *err)
    MUST_USE;

#endif
