#ifndef GP_TESTS_BAD_SERVER_H
#define GP_TESTS_BAD_SERVER_H

/*
 * A server of HTTP in a child process, one process a connection, that misbehaves as the path asks: /silent /half /huge
 * /headers /reset /shut /garbage are no whole replies, /twice and /again are one only the first time on a connection,
 * /close ends the connection after its reply, /moved redirects, /limited says 429. All else is answered "ok". It is
 * also a proxy.
 */

#include <stdint.h>

/* What it has seen since its start, in memory that is shared with it. */
struct bad_server_seen {
    int connections, requests, connects;
    char head[8192]; /* of the last request */
};

extern struct bad_server_seen *bad_server_seen;
extern uint16_t bad_server_port;
extern uint16_t
    bad_server_tunnel; /* the port where CONNECT leads to, whatever it names, 0 = it refuses; set before the start */

void bad_server_prepare(void); /* once, before the first start */
void bad_server_start(void);
void bad_server_stop(void);

/* A socket on a free port of 127.0.0.1. */
int bad_server_listen(uint16_t *ret_port);

#endif
