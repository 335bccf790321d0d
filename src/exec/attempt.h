#ifndef GP_EXEC_ATTEMPT_H
#define GP_EXEC_ATTEMPT_H

/*
 * One attempt of one step that this worker has a job about: from the claim, or the adoption, to the recorded end. Private to the worker.
 */

#include <sys/types.h>

#include "base/arena.h"
#include "crew.h"
#include "exec/worker.h"
#include "follow.h"
#include "plans.h"
#include "rundir.h"
#include "store/queue.h"

/* What a JOB_PROBE does now; see probe.c. */
enum probing { PROBE_PAUSES, PROBE_ASKS, PROBE_READY, PROBE_RUNS, PROBE_DYING, PROBE_TELLS };

/* Beside, of a run on an ssh target: see remote.c. */
struct remote {
    struct timer *attach;   /* goes on with the run when a supervisor has died */
    int64_t attached_ms;    /* monotonic; the last time; 0 = ours from the start */
    int64_t pause_ms;       /* before the next time */
    enum event_kind told;   /* SILENT or HEARD: what the leader believes; else neither was told */
    enum event_kind notice; /* the one that is being told */
    int64_t notice_ms;      /* wall; 0 = none */
    bool telling;
    struct before *before; /* while it is asked whether the attempt before is gone */
    enum probing probing;  /* of a JOB_PROBE */
    struct timer *probe;   /* the next one, or the end of one that takes too long */
    int64_t ready_ms;      /* monotonic: since when it waits for its turn */
};

enum { ATTEMPT_AGAIN_MS = 500 };

struct attempt {
    struct attempt *next;
    struct worker *worker;
    struct arena *arena;
    struct job job;           /* copied into the arena */
    struct shared_plan *plan; /* held; NULL until it is there */
    struct follow *follow;
    struct timer *again; /* for what has to be tried again */
    char dir[RUNDIR_PATH_SIZE];
    pid_t pid;            /* of the supervisor, if we started it and it has not ended; else 0 */
    enum event_kind fact; /* that is being told */
    const char
        *why_never; /* it can't have a run directory, or a plan: nothing starts, and this is told as its end; or NULL */
    bool remote;    /* on an ssh target; known with the plan */
    bool counts;    /* takes a slot */
    bool owned;     /* the claim is ours: what becomes of the run must be told, however often it takes */
    unsigned pending; /* completions of the store that are due: the attempt can't be freed before them */
    bool gone;        /* to be freed when they have come */
    unsigned stop_tries;
    struct remote ssh;
};

/* Begins what the job asks for. */
void attempt_begin(struct worker *worker, const struct job *job);

/* Lets go without a word: whatever runs goes on and is adopted by another. */
void attempt_let_go(struct attempt *attempt);

/* Its supervisor has recorded the end, and is free. */
void attempt_run_over(struct attempt *attempt);

/* Its supervisor is found dead; a child of it has ended, with this status of wait(2). */
void attempt_supervisor_gone(struct attempt *attempt);
void attempt_child_ended(struct attempt *attempt, int status);

/* attempt.c */
bool attempt_resumed(struct attempt *attempt); /* a completion has come; true if nobody wants to know any more */
void attempt_finish(struct attempt *attempt);
void attempt_unfollow(struct attempt *attempt);
/* The store was away, or it is not known what came of a commit. Nobody else has this job, so it is tried until that is known; only a
 * worker that stops leaves to others what it does not own. */
void attempt_try_again(struct attempt *attempt, void (*what)(void *user));
/* A commit has come back, and it is known what came of it; else false, and `again` is tried again if anybody wants to know. */
bool attempt_knows(struct attempt *attempt, const struct commit_reply *reply, void (*again)(void *user));
void attempt_prove_and_claim(struct attempt *attempt, bool still_runs);
int attempt_launch(struct attempt *attempt, const struct job *job, const char *dir, const char *work, pid_t *ret_pid,
                   int *ret_code, struct err *err) MUST_USE;

/* attempt_end.c */
void attempt_follow(struct attempt *attempt);                     /* tells the output, then the end */
void attempt_tell_end(void *user);                                /* user: the attempt, the end of which is there */
void attempt_tell(struct attempt *attempt, enum event_kind fact); /* that ends it here */

/* remote.c */

/* Ours from the start, or from now on. */
void remote_begin(struct attempt *attempt, bool adopted);
/* Starts a supervisor that goes on with a run which may have been started; it starts nothing on the target. */
void remote_attach(struct attempt *attempt);
/* The supervisor is dead and left no end. */
void remote_supervisor_gone(struct attempt *attempt);
/* Something may have changed: the target fell silent, was heard again, or nobody is there to listen. */
void remote_look(struct attempt *attempt);
/* Asks the target whether the attempt before still runs, then calls attempt_prove_and_claim. */
void remote_prove_gone(struct attempt *attempt);
void remote_finish(struct attempt *attempt);

/* probe.c: again and again, until the target is back, the question is over, or its time is. */
void probe_begin(struct attempt *attempt);
void probe_ended(struct attempt *attempt, int status);

/* worker.c: the attempts under way. */
void worker_add(struct worker *worker, struct attempt *attempt);
void worker_remove(struct worker *worker, struct attempt *attempt);
bool worker_is_draining(const struct worker *worker);
struct attempt *worker_attempts(const struct worker *worker); /* the first; NULL = there are none */
void worker_spawned(struct worker *worker, pid_t pid);        /* to be collected when it ends */
/* Whether the worker with this id had this state directory, under this boot of the machine. */
bool worker_was_here(const struct worker *worker, const char *id);
const struct worker_options *worker_options_of(const struct worker *worker);
struct plans *worker_plans(const struct worker *worker);
struct crew *worker_crew(const struct worker *worker);
const char *worker_installation(const struct worker *worker); /* NULL: not yet known */
void worker_name_installation(struct worker *worker, const char *name);

#endif
