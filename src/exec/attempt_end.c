/*
 * How an attempt ends for this worker: what is told of a run, its end above all, and how it is noticed that the end is there. What is told is
 * tried until the store has it.
 */

#include "attempt.h"

#include <errno.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"

/* A run of ours that is over sooner is not watched: its supervisor says so. */
enum { FIRST_LOOK_MS = 20 };

static const struct worker_options *options(const struct attempt *attempt) {
    return worker_options_of(attempt->worker);
}

/* --- facts that end nothing ------------------------------------------------------------------------------------ */

static void attempt_tell_again(void *user);

static void fact_told(const struct commit_reply *reply, void *user) {
    struct attempt *attempt = user;
    if (!attempt_knows(attempt, reply, attempt_tell_again)) {
        return;
    }
    if (reply->result == COMMIT_REFUSED && !attempt->owned) {
        queue_acknowledge(options(attempt)->store, &attempt->job);
    }
    if (attempt->remote && attempt->owned) {
        rundir_clear(attempt->dir); /* If it has an end, that nothing will ever be known, it is told. */
    }
    attempt_finish(attempt);
}

static void attempt_tell_again(void *user) {
    struct attempt *attempt = user;
    struct buf excerpt = BUF_INIT(LIMIT_EXCERPT_BYTES * 2);
    rundir_excerpt(attempt->dir, &excerpt); /* Whoever is asked what became of it sees what it said last. */
    attempt->pending++;
    queue_tell(options(attempt)->store, &attempt->job, worker_id(attempt->worker), options(attempt)->host,
               attempt->fact, excerpt.data, clock_wall_ms(), fact_told, attempt);
    buf_finish(&excerpt);
}

void attempt_tell(struct attempt *attempt, enum event_kind fact) {
    attempt->fact = fact;
    attempt_tell_again(attempt);
}

/* --- the end ------------------------------------------------------------------------------------------------- */

/* The end is recorded; or we were replaced; or the store is away. */
static void end_told(const struct commit_reply *reply, void *user) {
    struct attempt *attempt = user;
    if (attempt_resumed(attempt)) {
        return;
    }
    switch (reply->result) {
    case COMMIT_DONE:
        rundir_clear(attempt->dir);
        attempt_finish(attempt);
        break;
    case COMMIT_REFUSED:
        log_warn("replaced by another worker, letting go", LOG_DEPLOYMENT(attempt->job.deployment),
                 LOG_INT("step", attempt->job.step), LOG_STR("claim", reply->found), LOG_END);
        attempt_finish(attempt);
        break;
    case COMMIT_UNAVAILABLE:
    case COMMIT_UNKNOWN:
        /* The end waits in its run directory. */
        rundir_sync(attempt->dir);
        attempt_try_again(attempt, attempt_tell_end);
        break;
    }
}

static void attempt_end(struct attempt *attempt, struct outcome outcome, const char *excerpt) {
    if (!store_is_ready(options(attempt)->store)) {
        rundir_sync(attempt->dir); /* It will not be told at once, and until then has to outlast the power. */
    }
    attempt->pending++;
    queue_end(options(attempt)->store, &attempt->job, worker_id(attempt->worker), outcome, excerpt, clock_wall_ms(),
              end_told, attempt);
}

void attempt_tell_end(void *user) {
    struct attempt *attempt = user;
    struct outcome outcome;
    uint64_t bytes, left_out;
    if (attempt->why_never != NULL) {
        attempt_end(attempt, (struct outcome){OUTCOME_NOT_STARTED, EIO}, attempt->why_never);
        return;
    }
    if (!rundir_end(attempt->dir, &outcome, &bytes, &left_out)) {
        timer_start(attempt->again, ATTEMPT_AGAIN_MS);
        return;
    }
    if (outcome.kind == OUTCOME_UNKNOWN) { /* The target says that nobody will ever know it. */
        attempt_tell(attempt, EVENT_TRUTH_GONE);
        return;
    }
    if (attempt->remote && outcome.kind == OUTCOME_NOT_STARTED && outcome.number == ECONNABORTED) {
        attempt_tell(attempt, EVENT_NEVER_STARTED); /* The connection broke too early: no reason to ask anybody. */
        return;
    }
    struct buf excerpt = BUF_INIT(LIMIT_EXCERPT_BYTES * 2);
    if (!outcome_is_success(outcome)) {
        rundir_excerpt(attempt->dir, &excerpt);
    }
    attempt_end(attempt, outcome, excerpt.data);
    buf_finish(&excerpt);
}

/* The end is in the run directory and the output was told. */
static void attempt_ended(void *user) {
    struct attempt *attempt = user;
    attempt_unfollow(attempt);
    timer_destroy(attempt->again);
    attempt->again = loop_timer(options(attempt)->loop, attempt_tell_end, attempt);
    timer_start(attempt->again, 0);
}

void attempt_run_over(struct attempt *attempt) {
    attempt->pid = 0;
    if (attempt->follow != NULL) {
        follow_look(attempt->follow);
    }
}

/* The supervisor is dead. If it left no end, nobody will ever know it. Its directory was there: that it is missing now
 * proves nothing. */
void attempt_supervisor_gone(struct attempt *attempt) {
    attempt->pid = 0;
    if (attempt->follow == NULL) {
        return;
    }
    if (attempt->remote) {
        remote_supervisor_gone(attempt);
        return;
    }
    enum rundir_truth truth = rundir_look(attempt->dir, false);
    if (truth != RUNDIR_GONE && truth != RUNDIR_NEVER_STARTED) {
        follow_look(attempt->follow); /* The end is there: it is followed to. */
        return;
    }
    log_warn("a supervisor died without recording an end", LOG_DEPLOYMENT(attempt->job.deployment),
             LOG_INT("step", attempt->job.step), LOG_INT("slot", attempt->job.slot), LOG_END);
    attempt_unfollow(attempt);
    attempt_tell(attempt, truth == RUNDIR_GONE ? EVENT_TRUTH_GONE : EVENT_NEVER_STARTED);
}

void attempt_child_ended(struct attempt *attempt, int status) {
    if (attempt->job.kind == JOB_PROBE) {
        probe_ended(attempt, status);
    } else {
        attempt_supervisor_gone(attempt);
    }
}

/* Nothing has happened for a while: an adopted supervisor can have died without our being told. */
static void attempt_idle(void *user) {
    struct attempt *attempt = user;
    if (attempt->remote) {
        remote_look(attempt);
    } else if (attempt->pid == 0 && !rundir_is_locked(attempt->dir)) {
        attempt_supervisor_gone(attempt);
    }
}

void attempt_follow(struct attempt *attempt) {
    struct log_key key = {attempt->job.deployment, attempt->job.step, attempt->job.slot, attempt->job.attempt};
    bool begins = attempt->job.kind == JOB_START && !attempt->remote;
    attempt->follow = follow_create(options(attempt)->loop, options(attempt)->store, attempt->dir, &key,
                                    begins ? FIRST_LOOK_MS : 0, attempt_ended, attempt_idle, attempt);
}
