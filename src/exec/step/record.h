#ifndef GP_EXEC_STEP_RECORD_H
#define GP_EXEC_STEP_RECORD_H

/*
 * The two records of a run, `started` and `exit`, in the current directory. `exit` appears whole or not at all, and is
 * on disk before the function returns. `started` counts from the moment its name appears, and only under the boot it was
 * written under, so that it need not be on disk.
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* How a run ended; the words are those of exec/rundir.h. */
struct ending {
    const char *word;
    int64_t number;
};

/* Whether this run has been started or ended before, or was given up. */
bool record_exists(void);

/* Returns 0 or a negative errno. */
int record_started(pid_t supervisor, pid_t child);

/*
 * Writes the end, and tries again every second until it can: an end that nobody can read would be a lie about what
 * ran here. Returns false only when the directory has been deleted, so that there is nobody left to tell.
 */
bool record_exit(struct ending ending, uint64_t bytes, uint64_t left_out);

#endif
