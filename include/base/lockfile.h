#ifndef GP_BASE_LOCKFILE_H
#define GP_BASE_LOCKFILE_H

/*
 * A file that one process at a time holds with flock(2). The kernel lets go of it when the last copy of
 * the descriptor is closed, so a lock never outlives its holder. The file itself stays.
 */

#include <stdbool.h>

#include "base/err.h"

/* Creates the file (0600) if needed. ERR_CONFLICT if somebody holds it. The caller closes *ret_fd to let go;
 * the descriptor is closed on exec. */
int lockfile_take(const char *path, int *ret_fd, struct err *err) MUST_USE;

/* The same for a file that is open already. A look by lockfile_is_held at the same moment does not make it fail,
 * as it would a plain flock(2). */
int lockfile_take_open(int fd, struct err *err) MUST_USE;

/* False if the file is absent, cannot be opened, or nobody holds it. */
bool lockfile_is_held(const char *path);

#endif
