#ifndef GP_CLI_DEMO_SERVER_H
#define GP_CLI_DEMO_SERVER_H

/* `guidepost up` as a child, on a free port, with a new state directory of its own; its log goes to a file in there. */

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "access.h"
#include "base/err.h"

struct demo_server;

/* Returns when it listens. Also on an error *ret_server is set if there is something to tell of
 * (demo_server_print_log) and to stop. */
int demo_server_start(const char *config_path, int64_t deadline_ms, struct demo_server **ret_server, struct err *err)
    MUST_USE;

const char *demo_server_folder(const struct demo_server *server);
const char *demo_server_link(const struct demo_server *server); /* signs its first user in */
struct access demo_server_access(const struct demo_server *server);

/* Waits, at most this long, for its end; a signal to us ends the wait early. True if it has ended. */
bool demo_server_ended(const struct demo_server *server, int wait_ms);

/* The last lines of its log. */
void demo_server_print_log(const struct demo_server *server, FILE *stream);

/* Asks it to stop, waits, and removes the directory. True if it stopped by itself and without an error. NULL is fine.
 * */
bool demo_server_stop(struct demo_server *server);
void demo_server_destroy(struct demo_server *server);

#endif
