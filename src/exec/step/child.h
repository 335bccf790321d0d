#ifndef GP_EXEC_STEP_CHILD_H
#define GP_EXEC_STEP_CHILD_H

/*
 * The process that becomes the script's shell. It writes `started` itself, in the moment before it becomes the shell,
 * and until then it holds the run's lock as its supervisor does: whoever gets the lock while there is no `started` knows
 * that nothing runs, also when the supervisor was killed in the midst of starting.
 */

#include "account.h"
#include "instructions.h"

#include <sys/types.h>

struct child {
    pid_t pid;     /* also the id of its process group */
    int output_fd; /* reads what it and its children write; does not block */
};

/* What could not be done. */
enum child_stage { CHILD_PROCESS, CHILD_RECORD, CHILD_USER, CHILD_DIRECTORY, CHILD_SHELL };

/* Returns 0 when the shell runs, else a negative errno, *ret_stage, and nothing is left. Without an account the user
 * stays. */
int child_start(struct child *ret, const struct instructions *in, const struct account *account, mode_t umask_before,
                enum child_stage *ret_stage);

#endif
