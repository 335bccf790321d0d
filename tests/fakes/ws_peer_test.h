#ifndef GP_TESTS_WS_PEER_TEST_H
#define GP_TESTS_WS_PEER_TEST_H

/* What every test against the websocket server of fakes/ws_peer.h begins with: include it first, and give start_peer
 * and stop_peer to the group. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fakes/turns.h"
#include "fakes/ws_peer.h"

static struct ws_peer *peer;

/* Without a proxy that the environment of the test may have. */
static int start_peer(void **state) {
    (void)state;
    static const char *const names[] = {"HTTPS_PROXY", "https_proxy", "NO_PROXY", "no_proxy"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        (void)unsetenv(names[i]);
    }
    peer = ws_peer_start();
    return peer != NULL ? 0 : -1;
}

static int stop_peer(void **state) {
    (void)state;
    ws_peer_stop(peer);
    return 0;
}

/* The peer's next line that begins so. `why` is what is known if it does not come. */
static inline const char *await_line(struct loop *loop, const char *beginning, const char *why) {
    const char *line = ws_peer_await(peer, loop, beginning, TURNS_PATIENCE_MS);
    if (line == NULL) {
        fail_msg("the peer does not say '%s'; %s", beginning, why);
    }
    return line;
}

/* What it said before counts no longer. */
static inline void forget_lines(void) {
    while (ws_peer_next(peer) != NULL) {
    }
}

#endif
