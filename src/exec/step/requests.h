#ifndef GP_EXEC_STEP_REQUESTS_H
#define GP_EXEC_STEP_REQUESTS_H

/*
 * The requests of a worker for one run after the other (`serve` in exec/rundir.h). They come through the socket that was
 * standard input; while a run goes on, its instructions are standard input.
 */

#include <limits.h>
#include <stdbool.h>

/* What the files of a run are called: its record, and what comes before the names of the others. */
struct request_names {
    char record[NAME_MAX + 1], prefix[NAME_MAX + 1];
};

/* Begins to serve. Returns the socket, or a negative errno. */
int requests_open(void);

/*
 * Waits for the next one, changes to the directory of its files and makes its instructions standard input. False: nobody
 * will ask any more, or SIGTERM came.
 */
bool requests_take(int socket, int signal_fd, struct request_names *ret_names);

/* The run is over, with what would have been the exit status. */
void requests_answer(int socket, int status);

#endif
