/*
 * Sees when a target is back, for a question that then retries by itself: by guidepost-ssh, or by the command that the step names. This changes
 * nothing on the target, and holds no slot. The job stays unacknowledged as long as it goes on, so that another worker gets it if this one dies.
 */

#include <signal.h>
#include <sys/wait.h>

#include "attempt.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "launch.h"

static void probe_again(void *user);

static const struct worker_options *options(const struct attempt *attempt) {
    return worker_options_of(attempt->worker);
}

static void probe_over(struct attempt *attempt) {
    queue_acknowledge(options(attempt)->store, &attempt->job);
    attempt_finish(attempt);
}

static void probe_later(struct attempt *attempt) {
    struct remote *ssh = &attempt->ssh;
    ssh->pause_ms = ssh->pause_ms == 0 ? LIMIT_PROBE_PAUSE_MS : 2 * ssh->pause_ms;
    ssh->pause_ms = ssh->pause_ms < LIMIT_PROBE_PAUSE_MAX_MS ? ssh->pause_ms : LIMIT_PROBE_PAUSE_MAX_MS;
    timer_start(ssh->probe, ssh->pause_ms);
}

/* It was told, or nobody wants to know any more. */
static void back_told(const struct commit_reply *reply, void *user) {
    struct attempt *attempt = user;
    if (attempt_resumed(attempt)) {
        return;
    }
    if (reply->result == COMMIT_DONE || reply->result == COMMIT_REFUSED) {
        probe_over(attempt);
    } else {
        probe_later(attempt);
    }
}

void probe_ended(struct attempt *attempt, int status) {
    attempt->pid = 0;
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        probe_later(attempt);
        return;
    }
    timer_stop(attempt->ssh.probe);
    log_info("a target is back", LOG_DEPLOYMENT(attempt->job.deployment), LOG_QUESTION(attempt->job.question), LOG_END);
    attempt->pending++;
    queue_notice(options(attempt)->store, &attempt->job, worker_id(attempt->worker), options(attempt)->host, EVENT_BACK,
                 NULL, clock_wall_ms(), back_told, attempt);
}

/* The shell reads the command as its script; the name of a target needs no quoting. */
static int command_launch(struct attempt *attempt, const char *command, struct err *err) {
    const struct plan *plan = attempt->plan->plan;
    struct buf script = BUF_INIT(LIMIT_SCRIPT_BYTES * 2);
    int code;
    buf_printf(&script, "GUIDEPOST_TARGET=%s\nexport GUIDEPOST_TARGET\n{\n%s\n} </dev/null\n",
               plan_slot_name(plan, attempt->job.step, attempt->job.slot), command);
    const struct launch launch = {"/bin/sh", plan->folder, &script, true};
    int r = launch_supervisor(&launch, &attempt->pid, &code, err);
    if (r == 0) {
        worker_spawned(attempt->worker, attempt->pid);
    }
    buf_finish(&script);
    return r;
}

static void probe_launch(struct attempt *attempt) {
    const char *command = attempt->plan->plan->steps[attempt->job.step].probe;
    struct err err;
    int code;
    int r = command != NULL ? command_launch(attempt, command, &err)
                            : attempt_launch(attempt, &attempt->job, "/", "probe", &attempt->pid, &code, &err);
    if (r < 0) {
        log_warn("a target can't be probed", LOG_ERR(&err), LOG_END);
        attempt->pid = 0;
        probe_later(attempt);
    } else {
        timer_start(attempt->ssh.probe, LIMIT_PROBE_RUN_MS);
    }
}

static void question_seen(bool open, void *user) {
    struct attempt *attempt = user;
    if (attempt_resumed(attempt)) {
        return;
    }
    if (!open || clock_wall_ms() >= attempt->job.until_ms) {
        probe_over(attempt);
    } else {
        probe_launch(attempt);
    }
}

/* The pause is over; or a probe takes too long, and its end follows. */
static void probe_again(void *user) {
    struct attempt *attempt = user;
    if (attempt->pid > 0) {
        (void)kill(-attempt->pid, SIGKILL);
        return;
    }
    attempt->pending++;
    store_question_is_open(options(attempt)->store, attempt->job.question, question_seen, attempt);
}

void probe_begin(struct attempt *attempt) {
    if (!attempt->remote) { /* nothing to wait for, or no plan */
        probe_over(attempt);
        return;
    }
    attempt->ssh.probe = loop_timer(options(attempt)->loop, probe_again, attempt);
    timer_start(attempt->ssh.probe, 0);
}
