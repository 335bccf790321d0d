#ifndef GP_EXEC_STEP_SUPERVISE_H
#define GP_EXEC_STEP_SUPERVISE_H

/*
 * Runs the script of the instructions to its end: reads its output, and ends its
 * process group when it takes too long, is silent too long or is canceled. Returns how it ended, when no more output
 * will be taken and, unless the script ended by itself, nothing of its process group is left.
 */

#include "instructions.h"
#include "output.h"
#include "record.h"

/* `signal_fd` reads SIGTERM and SIGCHLD, both blocked. */
struct ending supervise(const struct instructions *in, struct output *output, int signal_fd, mode_t umask_before);

#endif
