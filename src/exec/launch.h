#ifndef GP_EXEC_LAUNCH_H
#define GP_EXEC_LAUNCH_H

/* Starts guidepost-step in a run directory. */

#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"

/* Instructions are records "<key> <size>\n<bytes>\n" (exec/rundir.h). */
void instruction_add(struct buf *out, const char *key, const char *value);
void instruction_add_number(struct buf *out, const char *key, int64_t value);
void instruction_end(struct buf *out);

/* The child is a session of its own and outlives us; ret_pid is for collecting it when it ends. On failure surely nothing was
 * started, and ret_code is the errno. */
int launch_step(const char *program, const char *dir, const struct buf *instructions, pid_t *ret_pid, int *ret_code,
                struct err *err) MUST_USE;

#endif
