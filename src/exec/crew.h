#ifndef GP_EXEC_CREW_H
#define GP_EXEC_CREW_H

/*
 * The guidepost-steps that serve this worker: each takes one run after the other, which costs less than to start one for
 * each run. One that has a run knows nothing of the others and outlives us as ever; one that has none leaves with us.
 */

#include <sys/types.h>

#include "launch.h"
#include "net/loop.h"

struct crew;

struct crew_events {
    void (*started)(pid_t pid, void *user); /* a process, to be collected when it ends */
    /* A supervisor's run is over; status: as guidepost-step exits. Not told when it dies: that shows by its pid. */
    void (*over)(pid_t pid, int status, void *user);
    void *user;
};

struct crew *crew_create(struct loop *loop, const struct crew_events *events);
void crew_destroy(struct crew *crew);

/* Like launch_supervisor, by a supervisor that is free, or else by a new one. */
int crew_launch(struct crew *crew, const struct launch *launch, pid_t *ret_pid, int *ret_code, struct err *err)
    MUST_USE;

#endif
