#ifndef GP_EXEC_ATTEMPT_H
#define GP_EXEC_ATTEMPT_H

/*
 * One attempt of one step that this worker has a job about: from the claim, or the adoption, to the recorded end. Private to the worker.
 */

#include <sys/types.h>

#include "base/arena.h"
#include "exec/worker.h"
#include "follow.h"
#include "rundir.h"
#include "store/queue.h"

struct attempt {
    struct attempt *next;
    struct worker *worker;
    struct arena *arena;
    struct job job;    /* copied into the arena */
    struct plan *plan; /* in plan_arena; NULL until it is loaded */
    struct arena *plan_arena;
    struct follow *follow;
    struct timer *again; /* for what has to be tried again */
    char dir[RUNDIR_PATH_SIZE];
    pid_t pid;            /* of the supervisor, if we started it and it has not ended; else 0 */
    enum event_kind fact; /* that is being told */
    const char
        *why_never; /* it can't have a run directory, or a plan: nothing starts, and this is told as its end; or NULL */
    bool counts;    /* takes a slot */
    bool owned;     /* the claim is ours: what becomes of the run must be told, however often it takes */
    bool pending;   /* a completion of the store is due: the attempt can't be freed before it */
    bool gone;      /* to be freed when that has come */
    unsigned stop_tries;
};

/* Begins what the job asks for. */
void attempt_begin(struct worker *worker, const struct job *job);

/* Lets go without a word: whatever runs goes on and is adopted by another. */
void attempt_let_go(struct attempt *attempt);

/* Its supervisor has ended, or is found dead. */
void attempt_supervisor_gone(struct attempt *attempt);

/* worker.c: the attempts under way. */
void worker_add(struct worker *worker, struct attempt *attempt);
void worker_remove(struct worker *worker, struct attempt *attempt);
bool worker_is_draining(const struct worker *worker);
bool worker_has(const struct worker *worker, const struct job *job);
void worker_spawned(struct worker *worker, pid_t pid); /* to be collected when it ends */
/* Whether the worker with this id had this state directory, under this boot of the machine. */
bool worker_was_here(const struct worker *worker, const char *id);
const struct worker_options *worker_options_of(const struct worker *worker);

#endif
