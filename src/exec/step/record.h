#ifndef GP_EXEC_STEP_RECORD_H
#define GP_EXEC_STEP_RECORD_H

/*
 * The record of a run, as the supervisor and its child write it: `started`, which counts from the moment it is there,
 * and only under its boot, so that it need not be on disk; and `exit`, which is on disk before the function returns.
 * Both hold the lock of the record, so that nobody else writes until the end is there.
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* How a run ended; the words are those of exec/rundir.h. */
struct ending {
    const char *word;
    int64_t number;
};

/*
 * Takes the record, open to read and write and locked, for the functions below. Only one that has nothing in it but the
 * boot is ours to go on with: else this run has been started or ended before, or was given up.
 */
bool record_begin(int fd);

/* Returns 0 or a negative errno. */
int record_started(pid_t supervisor, pid_t child);

/*
 * Writes the end, and tries again every second until it can: an end that nobody can read would be a lie about what
 * ran here. Returns false only when the record has been deleted, so that there is nobody left to tell.
 */
bool record_exit(struct ending ending, uint64_t bytes, uint64_t left_out);

#endif
