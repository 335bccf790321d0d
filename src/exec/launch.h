#ifndef GP_EXEC_LAUNCH_H
#define GP_EXEC_LAUNCH_H

/* Starts a supervisor (guidepost-step, guidepost-ssh) in a run directory. */

#include <stdbool.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"

/* Instructions are records "<key> <size>\n<bytes>\n" (exec/rundir.h). */
void instruction_add(struct buf *out, const char *key, const char *value);
void instruction_add_number(struct buf *out, const char *key, int64_t value);
void instruction_end(struct buf *out);

/* A file in memory that holds them, so that no pipe can fill up and no secret lies on a disk. -1 with errno. */
int launch_instructions(const struct buf *instructions) MUST_USE;

/* The child is a session of its own and outlives us; ret_pid is for collecting it when it ends. On failure surely nothing was
 * started, and ret_code is the errno. */
struct launch {
    const char *program, *dir;
    const struct buf *instructions;
    bool as_ssh; /* it gets what ssh needs of our environment; else nothing */
};
int launch_supervisor(const struct launch *launch, pid_t *ret_pid, int *ret_code, struct err *err) MUST_USE;

/* Starts a program like that with an argument, or NULL, with this input; returns 0 or an errno. */
int launch_program(const struct launch *launch, const char *argument, int input, pid_t *ret_pid) MUST_USE;

#endif
