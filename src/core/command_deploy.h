#ifndef GP_CORE_COMMAND_DEPLOY_H
#define GP_CORE_COMMAND_DEPLOY_H

/*
 * The words of deploy: project, version, `to`, environment, then clauses and inputs in any order.
 */

#include "command_reader.h"

int command_deploy_read(struct reader *r) MUST_USE;

/* key=value */
int command_deploy_add_input(struct reader *r, const char *text) MUST_USE;

/* Guided (1) or unguided (0); refuses both at once. */
int command_deploy_set_guided(struct reader *r, int guided) MUST_USE;

#endif
