#ifndef GP_EXEC_SSH_VALUES_H
#define GP_EXEC_SSH_VALUES_H

/*
 * The values of a run as lines for supervise.sh, "value <key> <bytes>": what a line or a shell's `read` does not carry as it
 * is goes as \0ooo. A value is never text of the shell.
 */

#include "../step/instructions.h"
#include "outbox.h"

/* NULL, or what is wrong with the instructions for a step over ssh, in words fit to show to a person. */
const char *values_refusal(const struct instructions *in);

void values_write(struct outbox *outbox, const struct instructions *in);

#endif
