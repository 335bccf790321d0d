#ifndef GP_NET_WEB_LISTEN_H
#define GP_NET_WEB_LISTEN_H

/* The listening socket of the HTTP server. For web.c only. */

#include "base/err.h"

/* Opens "host:port", "[::1]:port" or "unix:/path". ret_address is what it really is ("127.0.0.1:43211"), owned by
 * the caller. Looks names up, and blocks meanwhile. */
int web_listen_open(const char *where, int *ret_socket, char **ret_address, struct err *err) MUST_USE;

/* Closes the socket and removes the path of a unix socket. */
void web_listen_close(int socket, const char *address);

#endif
