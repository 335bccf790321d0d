#ifndef GP_CLI_SERVER_H
#define GP_CLI_SERVER_H

/*
 * The daemon: `serve` (chat, API, page; one of them leads), `worker` (runs steps), `up` (both, with a private redis-server).
 */

#include <stdbool.h>

struct server_options {
    const char *config_path; /* file or folder */
    const char *state_dir;   /* made if it is missing */
    const char *listen;      /* instead of the configuration's addresses; or NULL */
    const char *web_dir;     /* serve the page from here; or NULL */
    bool serves, works;
    bool private_redis; /* start redis-server if the configuration names none */
    bool announce;      /* print the address and a one-time link on standard output */
};

/* Runs until SIGTERM or SIGINT; SIGHUP reads the configuration again. Returns an exit code; what was wrong was printed. */
int server_run(const struct server_options *options);

#endif
