#ifndef GP_CLI_DEMO_H
#define GP_CLI_DEMO_H

/*
 * `demo`: a real server with a state directory that is removed at the end, and a deployment that fails on one
 * machine. A person at the terminal answers by a key or on the page; without one the demo answers through the API, as
 * a script would, and ends by itself.
 */

#include "verbs.h"

int demo_run(struct invocation *invocation);

#endif
