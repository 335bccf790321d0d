#ifndef GP_CLI_DAEMON_H
#define GP_CLI_DAEMON_H

/* The verbs that run a server or a worker until they are stopped, and the one that asks whether it lives. */

#include "verbs.h"

int daemon_serve_run(struct invocation *invocation);
int daemon_worker_run(struct invocation *invocation);
int daemon_up_run(struct invocation *invocation);
int daemon_healthcheck_run(struct invocation *invocation);

#endif
