#ifndef GP_CLI_WATCH_H
#define GP_CLI_WATCH_H

/*
 * Waiting for a deployment. A server that goes away meanwhile is asked again; Ctrl-C stops the waiting, not the
 * deployment. The exit code says how the deployment ended (help.c has the list).
 */

#include <stdbool.h>
#include <stdint.h>

#include "client.h"
#include "verbs.h"

int watch_wait_run(struct invocation *invocation);
int watch_log_run(struct invocation *invocation);

/* For `deploy --wait` and `--follow`: with --follow also prints the output. */
int watch_until_end(struct invocation *invocation, struct client *client, uint64_t deployment);

#endif
