#ifndef GP_TESTS_FAKES_WS_PEER_H
#define GP_TESTS_FAKES_WS_PEER_H

/* A websocket server in a child process that does what it is told (ws_peer.py says what), with a certificate of an authority of
 * its own for "localhost". */

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "net/loop.h"

struct ws_peer;

struct ws_peer *ws_peer_start(void); /* NULL if python3 or openssl are missing */
void ws_peer_stop(struct ws_peer *peer);

const char *ws_peer_ca_file(const struct ws_peer *peer);
int ws_peer_port(const struct ws_peer *peer);       /* TLS */
int ws_peer_plain_port(const struct ws_peer *peer); /* without TLS */
int ws_peer_proxy_port(const struct ws_peer *peer);

void ws_peer_tell(struct ws_peer *peer, const char *format, ...) PRINTF_LIKE(2, 3);

/* Turns the loop until the peer has said a line that begins so; what comes before it is forgotten. Returns the whole
 * line, or NULL after the time. */
const char *ws_peer_await(struct ws_peer *peer, struct loop *loop, const char *beginning, int64_t ms);

/* The same without a wait: the next line of what was said, or NULL. */
const char *ws_peer_next(struct ws_peer *peer);

#endif
