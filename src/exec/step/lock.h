#ifndef GP_EXEC_STEP_LOCK_H
#define GP_EXEC_STEP_LOCK_H

#include <stdbool.h>

/*
 * Takes a lock without waiting for another step. Somebody who only looks whether it is held (base/lockfile.h) takes it
 * shared for an instant, which is no reason to fail. False: it is held, or errno.
 */
bool lock_take(int fd);

#endif
