#ifndef GP_EXEC_STEP_RECORD_H
#define GP_EXEC_STEP_RECORD_H

/*
 * The record of a run, as the supervisor and its child write it: `started`, which counts from the moment it is there,
 * and only under its boot, so that it need not be on disk; and `exit`, which is on disk before the function returns
 * unless whoever started us lives and tells it. Both hold the lock of the record, so that nobody else writes until the
 * end is there.
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* How a run ended; the words are those of exec/rundir.h. */
struct ending {
    const char *word;
    int64_t number;
};

enum record_take {
    RECORD_NEW,   /* nothing is in it but the boot: else this run has been started or ended before, or was given up */
    RECORD_AGAIN, /* it may also have been started: who goes on with a run whose truth is elsewhere */
};

/*
 * Opens and locks a record, which stays so until record_leave, for the functions below. False: it is not ours to go on
 * with. Who made the run directory made the record: nothing is started where it is missing.
 */
bool record_take(const char *name, enum record_take take);

/* Whether it has been started before, by who had it before us. */
bool record_is_started(void);

/* Returns 0 or a negative errno. When it is written again, it takes the place of the one before. */
int record_started(pid_t supervisor, pid_t child);

/*
 * Writes the end, and tries again every second until it can: an end that nobody can read would be a lie about what
 * ran here. Returns false only when the record has been deleted, so that there is nobody left to tell.
 */
bool record_exit(struct ending ending, uint64_t bytes, uint64_t left_out);

/* Unlocks and closes it. */
void record_leave(void);

#endif
