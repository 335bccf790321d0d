#ifndef GP_STORE_QUEUE_H
#define GP_STORE_QUEUE_H

/*
 * Jobs for workers and facts from them. Streams only wake somebody up; the truth is the claim in dep:<id>:claims, which
 * is compared and set in the same commit that acknowledges the stream entry and tells the leader.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "core/deployment.h"
#include "store/store.h"

enum job_kind {
    JOB_START, /* claim and start an attempt */
    JOB_ADOPT, /* look at the run directory of an attempt whose owner is gone */
    JOB_CHECK, /* the same, on request, for a question about an unknown outcome */
    JOB_STOP,  /* end the run: SIGTERM to its supervisor */
    JOB_PROBE, /* see when the target of an attempt that never started is back */
};

struct job {
    enum job_kind kind;
    uint64_t deployment;
    size_t step, slot;
    uint32_t attempt, epoch;
    enum closing closing; /* a claim is refused when the deployment's is another one by now */
    bool prove_gone;      /* first prove that attempt - 1 no longer runs here */
    const char *host;     /* the stream it goes to; NULL = any */
    const char *owner;    /* ADOPT, CHECK: the worker that had claimed the attempt; NULL = not known */
    uint64_t question;    /* PROBE: as long as it is open, */
    int64_t until_ms;     /* and until then (wall time), unless the question says more by now */
    const char *plan_hash, *version, *previous_version, *actor, *inputs;
    const char *stream, *entry; /* of a job that was read: where to acknowledge */
};

/* With all its texts. */
struct job job_copy(const struct job *job, struct arena *arena);

/* For the leader. */
void commit_push_job(struct commit *commit, const struct job *job);

/* Reads jobs one batch at a time. A batch holds either starts, or what needs no slot: to adopt, to check, to stop.
 * The latter come at any time, so that a busy worker hears them. */
struct job_reader;
typedef void jobs_read(const struct job *jobs, size_t count, void *user); /* borrowed until it returns */

/* Reads as `worker` from jobs:any and jobs:<host>, and from control:any and control:<host>; makes the streams and
 * groups if they are missing, also after Redis lost them. After a lost connection a job may come twice: a worker that
 * has it already lets it go. */
struct job_reader *job_reader_create(struct loop *loop, struct store *store, const char *worker, const char *host,
                                     jobs_read *read, void *user);
void job_reader_destroy(struct job_reader *reader); /* NULL does nothing; not inside jobs_read */

/* Asks for one batch of starts: `count` of each of the two streams at most, so up to twice as many in all. Each batch
 * is asked for anew. 0 asks for none and ends a wait; a batch that is on its way is still handed over. */
void job_reader_want(struct job_reader *reader, size_t count);

/* A worker's facts. `job` says which run, attempt, epoch and which entry to acknowledge (entry NULL = none). The
 * completion says DONE, REFUSED (replaced: let go, kill nothing), UNAVAILABLE (try again) or UNKNOWN. The event ids
 * are derived from the fact, so that telling it again is safe. */
void queue_claim(struct store *store, const struct job *job, const char *worker, const char *host, int64_t now_ms,
                 commit_done *done, void *user);
/* The end of an attempt owned by `worker` (claim r:attempt:epoch:worker). The entry was acknowledged when it became that. */
void queue_end(struct store *store, const struct job *job, const char *worker, struct outcome outcome,
               const char *excerpt, int64_t now_ms, commit_done *done, void *user);
/* Takes over an attempt whose claim is a:attempt:epoch; the new claim is r:attempt:epoch:worker. */
void queue_adopt(struct store *store, const struct job *job, const char *worker, const char *host, int64_t now_ms,
                 commit_done *done, void *user);
/* What a worker found out about an attempt that it does not own, and that ends nothing: NEVER_STARTED, TRUTH_GONE,
 * STILL_RUNNING. The claim must still be q or a (or r by this worker) with the job's attempt and epoch; it becomes e.
 * Acknowledges the entry. The excerpt (last lines of output, or NULL) is for the question that may follow. */
void queue_tell(struct store *store, const struct job *job, const char *worker, const char *host, enum event_kind fact,
                const char *excerpt, int64_t now_ms, commit_done *done, void *user);
/* What is found out and changes no claim: SILENT and HEARD, by the owner of a run on an ssh target while it goes on; BACK, of
 * the target of one that never started. Each is a fact of its own, told apart by now_ms, which stays the same when it is told again. */
void queue_notice(struct store *store, const struct job *job, const char *worker, const char *host,
                  enum event_kind fact, const char *excerpt, int64_t now_ms, commit_done *done, void *user);
/* Acknowledges an entry that has no work in it (a stop that was carried out, a job that is over); NULL does nothing. */
void queue_acknowledge(struct store *store, const struct job *job);

/* Presence. A beat is a counter; its silence is judged by the reader's own monotonic clock. */
struct worker_info {
    const char *id, *host;
    uint64_t beat;
    unsigned slots, busy;
    bool draining;
};
void queue_beat(struct store *store, const struct worker_info *info);
/* Tells the leader that this worker is surely gone (its lock on this host is free, or it says good-bye itself). */
void queue_worker_gone(struct store *store, const char *worker, commit_done *done, void *user);
typedef void workers_done(const struct worker_info *workers, size_t count, const struct err *err, void *user);
void store_list_workers(struct store *store, workers_done *done, void *user);
void commit_forget_worker(struct commit *commit, const char *worker); /* only when it owns nothing */

/* Runs that a worker owns. */
struct owned_run {
    uint64_t deployment;
    size_t step, slot;
};
typedef void owned_done(const struct owned_run *runs, size_t count, const struct err *err, void *user);
void store_list_owned(struct store *store, const char *worker, owned_done *done, void *user);

/* A frozen plan by its hash; arena is the receiver's (free it). */
typedef void plan_done(struct plan *plan, struct arena *arena, const struct err *err, void *user);
void store_load_plan(struct store *store, const char *hash, plan_done *done, void *user);

/* The name of everything that lies in this Redis, made with the first question for it: by it the runs that lie on a target
 * are told from those of others. NULL if the store is away. */
typedef void installation_done(const char *name, void *user);
void store_installation(struct store *store, installation_done *done, void *user);

/* Until when (wall time) a question waits for its target to be back: 0 = it is over, or does not; -1 = that can't be read. */
typedef void waits_done(int64_t until_ms, void *user);
void store_question_waits(struct store *store, uint64_t question, waits_done *done, void *user);

#endif
