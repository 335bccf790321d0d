/*
 * The story of an attempt. It begins with the plan. A start: prove that the attempt before is gone if that is not known, claim, make the run
 * directory, start the supervisor, follow, record the end (attempt_end.c). An adoption: look at the run directory, take over what lives or has ended, tell what
 * never started or is lost. Nothing is started that was not claimed, and nothing is started twice: whoever did not make the run directory starts
 * nothing. What is different for a target that is reached by ssh is in remote.c.
 */

#include "attempt.h"

#include <errno.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "script_env.h"
#include "launch.h"

enum { STOP_TRIES = 20 };

static const struct worker_options *options(const struct attempt *attempt) {
    return worker_options_of(attempt->worker);
}

static void attempt_free(struct attempt *attempt) {
    remote_finish(attempt);
    follow_destroy(attempt->follow);
    timer_destroy(attempt->again);
    plan_release(attempt->plan);
    arena_destroy(attempt->arena);
    mem_free(attempt);
}

void attempt_unfollow(struct attempt *attempt) {
    follow_destroy(attempt->follow);
    attempt->follow = NULL;
}

static void attempt_release(struct attempt *attempt) {
    if (attempt->pending > 0) {
        attempt->gone = true;
        attempt_unfollow(attempt);
        remote_finish(attempt);
        timer_stop(attempt->again);
    } else {
        attempt_free(attempt);
    }
}

void attempt_let_go(struct attempt *attempt) {
    if (attempt->owned) {
        rundir_sync(attempt->dir); /* An end may be there that its supervisor has left to us. */
    }
    attempt_release(attempt);
}

/* The attempt is over for this worker. */
void attempt_finish(struct attempt *attempt) {
    worker_remove(attempt->worker, attempt);
    attempt_release(attempt);
}

bool attempt_resumed(struct attempt *attempt) {
    attempt->pending--;
    if (attempt->gone && attempt->pending == 0) {
        attempt_free(attempt);
        return true;
    }
    return attempt->gone;
}

void attempt_try_again(struct attempt *attempt, void (*what)(void *user)) {
    if (!attempt->owned && worker_is_draining(attempt->worker)) {
        attempt_finish(attempt);
        return;
    }
    timer_destroy(attempt->again);
    attempt->again = loop_timer(options(attempt)->loop, what, attempt);
    timer_start(attempt->again, ATTEMPT_AGAIN_MS);
}

bool attempt_knows(struct attempt *attempt, const struct commit_reply *reply, void (*again)(void *user)) {
    if (attempt_resumed(attempt)) {
        return false;
    }
    if (reply->result != COMMIT_DONE && reply->result != COMMIT_REFUSED) {
        attempt_try_again(attempt, again);
        return false;
    }
    return true;
}

/* --- a start ------------------------------------------------------------------------------------------------- */

/* Nothing was started: that is an end like others, and is written down before it is told. */
static void attempt_cannot_start(struct attempt *attempt, int code, const struct err *why) {
    struct err err;
    struct buf text = BUF_INIT(ERR_TEXT_SIZE * 2);
    buf_printf(&text, "guidepost: %s\n", why->text);
    if (rundir_not_started(attempt->dir, code, text.data, &err) < 0) {
        log_error("an end can't be written down", LOG_ERR(&err), LOG_END);
    }
    buf_finish(&text);
}

int attempt_launch(struct attempt *attempt, const struct job *job, const char *dir, const char *work, pid_t *ret_pid,
                   int *ret_code, struct err *err) {
    const struct worker_options *o = options(attempt);
    const struct worker_ssh ssh = o->ssh == NULL ? (struct worker_ssh){0} : o->ssh(o->user);
    const struct script_place place = {o->state_dir, o->url, work, &ssh, worker_installation(attempt->worker)};
    struct buf instructions;
    const struct launch launch = {attempt->remote ? o->ssh_program : o->step_program, dir, &instructions,
                                  attempt->remote};
    *ret_code = EINVAL;
    int r = script_instructions(attempt->plan->plan, job, &place, &instructions, err);
    if (r == 0 && attempt->remote) {
        r = launch_supervisor(&launch, ret_pid, ret_code, err);
        if (r == 0) {
            worker_spawned(attempt->worker, *ret_pid);
        }
    } else if (r == 0) {
        r = crew_launch(worker_crew(attempt->worker), &launch, ret_pid, ret_code, err);
    }
    script_clear(&instructions);
    return r;
}

static void attempt_start(struct attempt *attempt) {
    struct err err;
    int code;
    remote_begin(attempt, false);
    if (attempt_launch(attempt, &attempt->job, attempt->dir, "start", &attempt->pid, &code, &err) < 0) {
        attempt_cannot_start(attempt, code, &err);
    }
    attempt_follow(attempt);
}

static void attempt_never_starts(struct attempt *attempt, const struct err *why) {
    log_error("an attempt can't be started", LOG_DEPLOYMENT(attempt->job.deployment),
              LOG_INT("step", attempt->job.step), LOG_ERR(why), LOG_END);
    attempt->why_never = arena_strdup(attempt->arena, why->text);
}

/* The claim is recorded: from here on the attempt is ours, and its directory decides whether it starts. */
static void attempt_claimed(struct attempt *attempt) {
    struct err err;
    attempt->owned = true;
    if (attempt->why_never != NULL) {
        attempt_tell_end(attempt);
        return;
    }
    int r = attempt->remote ? rundir_make_directory(attempt->dir, &err) : rundir_make(attempt->dir, &err);
    if (r == 0) {
        attempt_start(attempt);
    } else if (err.code == ERR_CONFLICT) {
        /* By who replaced us, who has told what is the matter; or since Redis forgot a run that this machine remembers. */
        log_warn("the run directory was there before, starting nothing", LOG_STR("dir", attempt->dir), LOG_END);
        attempt_tell(attempt, EVENT_TRUTH_GONE);
    } else {
        /* Without its directory nothing may start, here or later: the state directory is full or broken. */
        attempt_never_starts(attempt, &err);
        attempt_tell_end(attempt);
    }
}

static void attempt_claim(void *user);

static void claim_told(const struct commit_reply *reply, void *user) {
    struct attempt *attempt = user;
    if (attempt->gone && reply->result == COMMIT_DONE) {
        log_warn("claimed while stopping: the next worker of this host looks at it",
                 LOG_DEPLOYMENT(attempt->job.deployment), LOG_END);
    }
    if (attempt_resumed(attempt)) {
        return;
    }
    switch (reply->result) {
    case COMMIT_DONE:
        attempt_claimed(attempt);
        break;
    case COMMIT_REFUSED:
        queue_acknowledge(options(attempt)->store, &attempt->job);
        attempt_finish(attempt);
        break;
    case COMMIT_UNAVAILABLE:
    case COMMIT_UNKNOWN:
        attempt_try_again(attempt, attempt_claim);
        break;
    }
}

/* A claim that was recorded without our knowing is told as done when it is made again. */
static void attempt_claim(void *user) {
    struct attempt *attempt = user;
    attempt->pending++;
    queue_claim(options(attempt)->store, &attempt->job, worker_id(attempt->worker), options(attempt)->host,
                clock_wall_ms(), claim_told, attempt);
}

static bool before_still_runs(const struct attempt *attempt) {
    char before[RUNDIR_PATH_SIZE];
    rundir_path(before, options(attempt)->state_dir, attempt->job.deployment, attempt->job.step, attempt->job.slot,
                attempt->job.attempt - 1);
    return attempt->job.prove_gone && rundir_still_runs(before);
}

/* It is known whether the attempt before still runs. */
void attempt_prove_and_claim(struct attempt *attempt, bool still_runs) {
    if (still_runs) {
        attempt_tell(attempt, EVENT_STILL_RUNNING);
    } else {
        attempt_claim(attempt);
    }
}

static void attempt_before(struct attempt *attempt) {
    if (attempt->remote && attempt->job.prove_gone) {
        remote_prove_gone(attempt);
    } else {
        attempt_prove_and_claim(attempt, before_still_runs(attempt));
    }
}

/* --- the plan ------------------------------------------------------------------------------------------------- */

static void attempt_look(void *user);
static void attempt_load_plan(void *user);

static void attempt_ready(struct attempt *attempt) {
    switch (attempt->job.kind) {
    case JOB_START:
        attempt_before(attempt);
        break;
    case JOB_ADOPT:
    case JOB_CHECK:
        attempt_look(attempt);
        break;
    case JOB_PROBE:
        probe_begin(attempt);
        break;
    case JOB_STOP: /* needs no plan */
        break;
    }
}

static void installation_came(const char *name, void *user) {
    struct attempt *attempt = user;
    if (attempt_resumed(attempt)) {
        return;
    }
    if (name == NULL) {
        attempt_try_again(attempt, attempt_load_plan);
        return;
    }
    worker_name_installation(attempt->worker, name);
    attempt_ready(attempt);
}

/* It is there, or never will be. */
static void attempt_planned(struct attempt *attempt, const struct err *missing) {
    const struct plan *plan = attempt->plan != NULL ? attempt->plan->plan : NULL;
    struct err no_step;
    (void)err_set(&no_step, ERR_INVALID, "The plan has no such step.");
    if (plan == NULL || attempt->job.step >= plan->step_count ||
        attempt->job.slot >= plan->steps[attempt->job.step].slot_count) {
        attempt_never_starts(attempt, plan == NULL ? missing : &no_step);
        attempt_ready(attempt);
        return;
    }
    attempt->remote = script_is_remote(plan, &attempt->job);
    if (attempt->remote && worker_installation(attempt->worker) == NULL) {
        attempt->pending++;
        store_installation(options(attempt)->store, installation_came, attempt);
        return;
    }
    attempt_ready(attempt);
}

static void plan_came(struct plan *plan, struct arena *arena, const struct err *err, void *user) {
    struct attempt *attempt = user;
    if (attempt_resumed(attempt)) {
        arena_destroy(arena);
        return;
    }
    if (plan != NULL) {
        attempt->plan = plans_add(worker_plans(attempt->worker), attempt->job.plan_hash, plan, arena);
    } else if (err->code == ERR_UNAVAILABLE) {
        attempt_try_again(attempt, attempt_load_plan);
        return;
    }
    attempt_planned(attempt, err);
}

static void attempt_load_plan(void *user) {
    struct attempt *attempt = user;
    plan_release(attempt->plan);
    attempt->plan = plans_find(worker_plans(attempt->worker), attempt->job.plan_hash);
    if (attempt->plan != NULL) {
        attempt_planned(attempt, NULL);
        return;
    }
    attempt->pending++;
    store_load_plan(options(attempt)->store, attempt->job.plan_hash, plan_came, attempt);
}

/* --- an adoption ---------------------------------------------------------------------------------------------- */

static void adopt_told(const struct commit_reply *reply, void *user) {
    struct attempt *attempt = user;
    if (!attempt_knows(attempt, reply, attempt_look)) {
        return;
    }
    if (reply->result == COMMIT_DONE) {
        attempt->owned = true;
        log_info("adopted a run", LOG_DEPLOYMENT(attempt->job.deployment), LOG_INT("step", attempt->job.step),
                 LOG_INT("slot", attempt->job.slot), LOG_END);
        remote_begin(attempt, true);
        attempt_follow(attempt); /* An end that is there already is found at once. */
        return;
    }
    queue_acknowledge(options(attempt)->store, &attempt->job);
    attempt_finish(attempt);
}

static void attempt_adopt(struct attempt *attempt) {
    attempt->pending++;
    queue_adopt(options(attempt)->store, &attempt->job, worker_id(attempt->worker), options(attempt)->host,
                clock_wall_ms(), adopt_told, attempt);
}

static void attempt_look(void *user) {
    struct attempt *attempt = user;
    switch (rundir_look(attempt->dir, worker_was_here(attempt->worker, attempt->job.owner))) {
    case RUNDIR_NEVER_STARTED:
        attempt_tell(attempt, EVENT_NEVER_STARTED);
        break;
    case RUNDIR_GONE:
        if (attempt->remote) {
            attempt_adopt(attempt); /* The truth is on the target. */
        } else {
            attempt_tell(attempt, EVENT_TRUTH_GONE);
        }
        break;
    case RUNDIR_RUNNING:
    case RUNDIR_ENDED:
        attempt_adopt(attempt);
        break;
    case RUNDIR_UNREADABLE:
        log_error("a run directory can't be read, leaving the job", LOG_STR("dir", attempt->dir), LOG_END);
        attempt_finish(attempt);
        break;
    }
}

/* --- a stop --------------------------------------------------------------------------------------------------- */

/* The supervisor may be about to start, and a signal is lost while another one is pending: it is told until the end is there, but not for
 * ever. */
static void stop_try(void *user) {
    struct attempt *attempt = user;
    struct outcome outcome;
    uint64_t bytes, left_out;
    bool over = rundir_end(attempt->dir, &outcome, &bytes, &left_out);
    bool told = !over && rundir_stop(attempt->dir);
    bool leaves = told && worker_is_draining(attempt->worker);
    if (!over && !leaves && ++attempt->stop_tries < STOP_TRIES) {
        timer_start(attempt->again, ATTEMPT_AGAIN_MS);
        return;
    }
    queue_acknowledge(options(attempt)->store, &attempt->job);
    attempt_finish(attempt);
}

void attempt_begin(struct worker *worker, const struct job *job) {
    struct attempt *attempt = mem_alloc(sizeof *attempt);
    attempt->worker = worker;
    attempt->arena = arena_create();
    attempt->job = job_copy(job, attempt->arena);
    attempt->counts = job->kind == JOB_START;
    rundir_path(attempt->dir, options(attempt)->state_dir, job->deployment, job->step, job->slot, job->attempt);
    worker_add(worker, attempt);
    switch (job->kind) {
    case JOB_START:
    case JOB_ADOPT:
    case JOB_CHECK:
    case JOB_PROBE:
        attempt_load_plan(attempt);
        break;
    case JOB_STOP:
        attempt->again = loop_timer(options(attempt)->loop, stop_try, attempt);
        timer_start(attempt->again, 0);
        break;
    }
}
