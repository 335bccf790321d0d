#ifndef GP_EXEC_STEP_CHILD_H
#define GP_EXEC_STEP_CHILD_H

/*
 * The process that becomes the script's shell. It is made in two moves, so that `started` is on disk before anything
 * of the script can run: child_create leaves it waiting, child_release lets it go. If its supervisor dies in between,
 * it ends without a trace.
 */

#include "account.h"
#include "instructions.h"

#include <sys/types.h>

struct child {
    pid_t pid;     /* also the id of its process group */
    int output_fd; /* reads what it and its children write */
    int report_fd; /* reads one struct child_report when it could not become the shell, else end of file */
    int go_fd;
};

enum child_stage { CHILD_USER, CHILD_DIRECTORY, CHILD_SHELL };

struct child_report {
    enum child_stage stage;
    int code; /* errno */
};

/* Returns 0 or a negative errno. Without an account the user stays. The descriptors to read do not block. */
int child_create(struct child *ret, const struct instructions *in, const struct account *account, mode_t umask_before);
void child_release(struct child *child);
void child_abandon(struct child *child); /* the waiting child ends and is reaped */

#endif
