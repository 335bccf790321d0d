#ifndef GP_CLI_ROLLBACK_H
#define GP_CLI_ROLLBACK_H

/* The verb that confirms that Redis has lost commits. */

#include "verbs.h"

int rollback_seen_run(struct invocation *invocation);

#endif
