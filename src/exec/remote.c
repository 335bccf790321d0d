/*
 * What a run on an ssh target needs beside the story in attempt.c. The truth about it lies on the target, so a supervisor that died here is only
 * replaced by one that goes on; while the target is silent the outcome is unknown, and that is told before the end is known; and whether the
 * attempt before still runs only the target can say.
 */

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "attempt.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/id.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/mem.h"
#include "exec/rundir.h"

enum { LOOK_MS = 200, SETTLE_MS = 2000 };

static const struct worker_options *options(const struct attempt *attempt) {
    return worker_options_of(attempt->worker);
}

/* --- going on ------------------------------------------------------------------------------------------------- */

/* What was adopted is in doubt until the target was heard; a supervisor that lives knows whether it was. */
void remote_begin(struct attempt *attempt, bool adopted) {
    attempt->ssh.told = adopted ? EVENT_ADOPTED : EVENT_HEARD;
    attempt->ssh.attached_ms = adopted ? clock_monotonic_ms() : 0;
    attempt->ssh.pause_ms = LIMIT_SSH_PAUSE_MS;
}

static void attach_later(void *user) {
    remote_attach(user);
}

/* The first time at once; then with growing pauses, until one lasts. */
static void attach_soon(struct attempt *attempt) {
    struct remote *ssh = &attempt->ssh;
    if (ssh->attach == NULL) {
        ssh->attach = loop_timer(options(attempt)->loop, attach_later, attempt);
        timer_start(ssh->attach, 0);
        return;
    }
    bool lasted = ssh->attached_ms == 0 || clock_monotonic_ms() - ssh->attached_ms > LIMIT_SSH_LOST_MS;
    ssh->pause_ms = lasted ? LIMIT_SSH_PAUSE_MS : 2 * ssh->pause_ms;
    ssh->pause_ms = ssh->pause_ms < LIMIT_SSH_PAUSE_MAX_MS ? ssh->pause_ms : LIMIT_SSH_PAUSE_MAX_MS;
    timer_start(ssh->attach, ssh->pause_ms);
}

void remote_attach(struct attempt *attempt) {
    struct err err;
    int code;
    int r = rundir_make_adopted(attempt->dir, &err);
    if (r == 0 && !rundir_is_lost(attempt->dir)) {
        attempt->ssh.attached_ms = clock_monotonic_ms();
        rundir_lose(attempt->dir, "The connection is being made again.\n");
    }
    const char *work = rundir_is_stopped(attempt->dir) ? "stop" : "attach";
    r = r < 0 ? r : attempt_launch(attempt, &attempt->job, attempt->dir, work, &attempt->pid, &code, &err);
    if (r < 0) {
        log_error("a run on an ssh target can't be gone on with, trying again", LOG_DEPLOYMENT(attempt->job.deployment),
                  LOG_ERR(&err), LOG_END);
        attempt->pid = 0;
        attach_soon(attempt);
    }
}

void remote_supervisor_gone(struct attempt *attempt) {
    switch (rundir_look(attempt->dir, false)) {
    case RUNDIR_NEVER_STARTED:
        attempt_unfollow(attempt);
        attempt_tell(attempt, EVENT_NEVER_STARTED);
        break;
    case RUNDIR_GONE:
        if (rundir_is_void(attempt->dir)) {
            attempt_unfollow(attempt);
            attempt_tell(attempt, EVENT_TRUTH_GONE);
            break;
        }
        log_warn("guidepost-ssh died, going on with its run", LOG_DEPLOYMENT(attempt->job.deployment),
                 LOG_INT("step", attempt->job.step), LOG_INT("slot", attempt->job.slot), LOG_END);
        attach_soon(attempt);
        break;
    case RUNDIR_UNREADABLE:
        attach_soon(attempt);
        break;
    case RUNDIR_RUNNING: /* under the supervisor of somebody else */
    case RUNDIR_ENDED:   /* It is followed to. */
        break;
    }
}

/* --- silence --------------------------------------------------------------------------------------------------- */

static void notice_told(const struct commit_reply *reply, void *user) {
    struct attempt *attempt = user;
    struct remote *ssh = &attempt->ssh;
    if (attempt_resumed(attempt)) {
        return;
    }
    ssh->telling = false;
    if (reply->result == COMMIT_REFUSED) {
        log_info("replaced, letting go of a run on an ssh target", LOG_DEPLOYMENT(attempt->job.deployment),
                 LOG_STR("claim", reply->found), LOG_END);
        rundir_sync(attempt->dir);
        attempt_finish(attempt);
    } else if (reply->result == COMMIT_DONE) {
        ssh->told = ssh->notice;
        ssh->notice_ms = 0;
        remote_look(attempt); /* It may have changed meanwhile. */
    }
}

static void notice_tell(struct attempt *attempt, enum event_kind fact) {
    struct remote *ssh = &attempt->ssh;
    struct buf excerpt = BUF_INIT(LIMIT_EXCERPT_BYTES * 2);
    if (ssh->notice_ms == 0 || ssh->notice != fact) {
        ssh->notice_ms = clock_wall_ms();
        ssh->notice = fact;
    }
    if (fact == EVENT_SILENT) {
        rundir_excerpt(attempt->dir, &excerpt);
    }
    ssh->telling = true;
    attempt->pending++;
    queue_notice(options(attempt)->store, &attempt->job, worker_id(attempt->worker), options(attempt)->host, fact,
                 excerpt.data, ssh->notice_ms, notice_told, attempt);
    buf_finish(&excerpt);
}

/* Whether the target was silent for so long that it must be told. What an adopter or a new supervisor noted itself gets its time. */
static bool is_silent(const struct attempt *attempt) {
    return rundir_is_lost(attempt->dir) &&
           (attempt->ssh.attached_ms == 0 || clock_monotonic_ms() - attempt->ssh.attached_ms >= LIMIT_SSH_LOST_MS);
}

/* What has an end no longer waits for its target either; so the end, which comes first, is looked for last. */
static bool is_heard(const struct attempt *attempt) {
    struct outcome outcome;
    uint64_t bytes, left_out;
    return !rundir_is_lost(attempt->dir) && !rundir_end(attempt->dir, &outcome, &bytes, &left_out);
}

void remote_look(struct attempt *attempt) {
    struct remote *ssh = &attempt->ssh;
    if (attempt->follow == NULL) {
        return;
    }
    bool listens = attempt->pid != 0 || rundir_is_locked(attempt->dir);
    bool silent = is_silent(attempt), heard = listens && is_heard(attempt);
    if (!ssh->telling && silent && ssh->told != EVENT_SILENT) {
        notice_tell(attempt, EVENT_SILENT);
    } else if (!ssh->telling && heard && ssh->told != EVENT_HEARD) {
        notice_tell(attempt, EVENT_HEARD);
    }
    bool waits = ssh->attach != NULL && timer_active(ssh->attach);
    if (!listens && !waits) {
        remote_supervisor_gone(attempt);
    }
}

/* --- the attempt before ----------------------------------------------------------------------------------------- */

/* It is asked about through a directory of its own, which knows nothing, beside whoever still follows it. */
struct before {
    struct job job;
    char dir[RUNDIR_PATH_SIZE];
    pid_t pid;
    struct timer *timer;
    int64_t begun_ms, heard_ms; /* monotonic; heard 0 = not yet */
};

static void before_finish(struct attempt *attempt) {
    struct before *before = attempt->ssh.before;
    if (before != NULL) {
        if (before->pid > 0) {
            (void)kill(before->pid, SIGKILL); /* It only listens. */
        }
        timer_destroy(before->timer);
        (void)file_remove_tree(before->dir);
        mem_free(before);
        attempt->ssh.before = NULL;
    }
}

static void before_over(struct attempt *attempt, bool still_runs) {
    before_finish(attempt);
    attempt_prove_and_claim(attempt, still_runs);
}

static bool before_heard(const struct before *before) {
    char contact[RUNDIR_PATH_SIZE];
    return snprintf(contact, sizeof contact, "%s/contact", before->dir) < (int)sizeof contact &&
           access(contact, F_OK) == 0;
}

/* What cannot be proved gone may run. */
static void before_look(void *user) {
    struct attempt *attempt = user;
    struct before *before = attempt->ssh.before;
    struct outcome outcome;
    uint64_t bytes, left_out;
    int64_t now = clock_monotonic_ms();
    if (rundir_end(before->dir, &outcome, &bytes, &left_out)) {
        before_over(attempt, false);
        return;
    }
    before->heard_ms = before->heard_ms == 0 && before_heard(before) ? now : before->heard_ms;
    bool runs = before->heard_ms != 0 && now - before->heard_ms > SETTLE_MS;
    if (runs || now - before->begun_ms > LIMIT_SSH_PROVE_MS) {
        before_over(attempt, true);
        return;
    }
    timer_start(before->timer, LOOK_MS);
}

void remote_prove_gone(struct attempt *attempt) {
    struct before *before = mem_alloc(sizeof *before);
    char random[ID_RANDOM_SIZE], own[RUNDIR_PATH_SIZE];
    struct outcome outcome;
    uint64_t bytes, left_out;
    struct err err;
    int code;
    before->job = attempt->job;
    before->job.attempt--;
    attempt->ssh.before = before;
    rundir_path(own, options(attempt)->state_dir, before->job.deployment, before->job.step, before->job.slot,
                before->job.attempt);
    if (rundir_end(own, &outcome, &bytes, &left_out)) {
        before_over(attempt, false);
        return;
    }
    id_random(random);
    (void)snprintf(before->dir, sizeof before->dir, "%s/looks/%s", options(attempt)->state_dir, random);
    int r = rundir_make_adopted(before->dir, &err);
    r = r < 0 ? r : attempt_launch(attempt, &before->job, before->dir, "look", &before->pid, &code, &err);
    if (r < 0) {
        log_error("the target can't be asked whether an attempt still runs", LOG_ERR(&err), LOG_END);
        before->pid = 0;
        before_over(attempt, true);
        return;
    }
    before->begun_ms = clock_monotonic_ms();
    before->timer = loop_timer(options(attempt)->loop, before_look, attempt);
    timer_start(before->timer, LOOK_MS);
}

void remote_finish(struct attempt *attempt) {
    before_finish(attempt);
    if (attempt->job.kind == JOB_PROBE && attempt->pid > 0) {
        (void)kill(-attempt->pid, SIGKILL);
        attempt->pid = 0;
    }
    timer_destroy(attempt->ssh.attach);
    attempt->ssh.attach = NULL;
    timer_destroy(attempt->ssh.probe);
    attempt->ssh.probe = NULL;
}
