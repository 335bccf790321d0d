/*
 * Sees when a target is back, for a question that then retries by itself: by guidepost-ssh, or by the command that the step names. This changes
 * nothing on the target, and holds no slot. The job stays unacknowledged as long as it goes on, so that another worker gets it if this one dies.
 *
 * A probe pauses, asks whether the question still waits, is ready until its turn has come, runs, and tells that the target is back. What one
 * finds out counts for all that wait for the same, and only so many run at once.
 */

#include <signal.h>
#include <sys/wait.h>

#include "attempt.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/str.h"
#include "launch.h"

static void probe_again(void *user);

static const struct worker_options *options(const struct attempt *attempt) {
    return worker_options_of(attempt->worker);
}

static void probe_over(struct attempt *attempt) {
    queue_acknowledge(options(attempt)->store, &attempt->job);
    attempt_finish(attempt);
}

static void probe_pause(struct attempt *attempt, int64_t ms) {
    struct remote *ssh = &attempt->ssh;
    ssh->probing = PROBE_PAUSES;
    ssh->pause_ms = ms < LIMIT_PROBE_PAUSE_MAX_MS ? ms : LIMIT_PROBE_PAUSE_MAX_MS;
    timer_start(ssh->probe, ssh->pause_ms);
}

static int64_t next_pause(const struct attempt *attempt) {
    return attempt->ssh.pause_ms == 0 ? LIMIT_PROBE_PAUSE_MS : 2 * attempt->ssh.pause_ms;
}

/* --- what was found out ----------------------------------------------------------------------------------------- */

/* It was told, or nobody wants to know any more. */
static void back_told(const struct commit_reply *reply, void *user) {
    struct attempt *attempt = user;
    if (attempt_resumed(attempt)) {
        return;
    }
    if (reply->result == COMMIT_DONE || reply->result == COMMIT_REFUSED) {
        probe_over(attempt);
    } else {
        probe_pause(attempt, next_pause(attempt));
    }
}

static void probe_tell(struct attempt *attempt) {
    log_info("a target is back", LOG_DEPLOYMENT(attempt->job.deployment), LOG_QUESTION(attempt->job.question), LOG_END);
    timer_stop(attempt->ssh.probe);
    attempt->ssh.probing = PROBE_TELLS;
    attempt->pending++;
    queue_notice(options(attempt)->store, &attempt->job, worker_id(attempt->worker), options(attempt)->host, EVENT_BACK,
                 NULL, clock_wall_ms(), back_told, attempt);
}

static const struct plan_step *step_of(const struct attempt *attempt) {
    return &attempt->plan->plan->steps[attempt->job.step];
}

/* Whether the answer to one is the answer to the other. */
static bool is_same(const struct attempt *a, const struct attempt *b) {
    const struct plan *plan = a->plan->plan, *other = b->plan->plan;
    const char *command = step_of(a)->probe;
    if (!str_equal(command, step_of(b)->probe)) {
        return false;
    }
    if (command == NULL) {
        return str_equal(plan->targets[step_of(a)->targets[a->job.slot]].ssh,
                         other->targets[step_of(b)->targets[b->job.slot]].ssh);
    }
    return str_equal(plan->folder, other->folder) &&
           str_equal(plan_slot_name(plan, a->job.step, a->job.slot), plan_slot_name(other, b->job.step, b->job.slot));
}

static bool is_probe(const struct attempt *attempt) {
    return attempt->job.kind == JOB_PROBE && attempt->ssh.probe != NULL;
}

static void probes_go_on(const struct worker *worker);

/* As far as is known here: it may have been put off, so that the question is looked at again. */
static bool time_is_over(const struct attempt *attempt) {
    return clock_wall_ms() >= attempt->job.until_ms;
}

static void probe_found(struct attempt *attempt, bool back) {
    int64_t pause_ms = next_pause(attempt);
    struct attempt *next;
    for (struct attempt *other = worker_attempts(attempt->worker); other != NULL; other = next) {
        next = other->next;
        if (!is_probe(other) || (other->ssh.probing != PROBE_PAUSES && other->ssh.probing != PROBE_READY) ||
            !is_same(other, attempt)) {
            continue;
        }
        if (back && !time_is_over(other)) {
            probe_tell(other);
        } else {
            probe_pause(other, back ? 0 : pause_ms);
        }
    }
    probes_go_on(attempt->worker);
}

void probe_ended(struct attempt *attempt, int status) {
    attempt->pid = 0;
    if (attempt->ssh.probing == PROBE_DYING) {
        probe_pause(attempt, next_pause(attempt));
        return;
    }
    attempt->ssh.probing = PROBE_PAUSES;
    probe_found(attempt, WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/* --- one probe ---------------------------------------------------------------------------------------------------- */

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

static int probe_launch(struct attempt *attempt, struct err *err) {
    const char *command = step_of(attempt)->probe;
    int code;
    return command != NULL ? command_launch(attempt, command, err)
                           : attempt_launch(attempt, &attempt->job, "/", "probe", &attempt->pid, &code, err);
}

static void probe_run(struct attempt *attempt) {
    struct err err;
    attempt->ssh.probing = PROBE_RUNS;
    if (probe_launch(attempt, &err) < 0) {
        log_warn("a target can't be probed", LOG_ERR(&err), LOG_END);
        attempt->pid = 0;
        probe_pause(attempt, next_pause(attempt));
    } else {
        timer_start(attempt->ssh.probe, LIMIT_PROBE_RUN_MS);
    }
}

struct running {
    const struct attempt *probes[LIMIT_PROBES_AT_ONCE];
    size_t count;
};

static bool is_found_out(const struct running *running, const struct attempt *attempt) {
    bool found = false;
    for (size_t i = 0; i < running->count && !found; i++) {
        found = is_same(running->probes[i], attempt);
    }
    return found;
}

/* Whose turn it is: it has waited the longest, and the same is not being found out already. */
static struct attempt *next_ready(const struct worker *worker, const struct running *running) {
    struct attempt *next = NULL;
    for (struct attempt *each = worker_attempts(worker); each != NULL; each = each->next) {
        if (is_probe(each) && each->ssh.probing == PROBE_READY &&
            (next == NULL || each->ssh.ready_ms < next->ssh.ready_ms) && !is_found_out(running, each)) {
            next = each;
        }
    }
    return next;
}

static void probes_go_on(const struct worker *worker) {
    struct running running = {.count = 0};
    for (const struct attempt *each = worker_attempts(worker); each != NULL; each = each->next) {
        if (is_probe(each) && each->ssh.probing == PROBE_RUNS) {
            running.probes[running.count++] = each;
        }
    }
    struct attempt *next;
    while (running.count < LIMIT_PROBES_AT_ONCE && (next = next_ready(worker, &running)) != NULL) {
        if (time_is_over(next)) {
            probe_pause(next, 0);
            continue;
        }
        probe_run(next);
        if (next->ssh.probing == PROBE_RUNS) {
            running.probes[running.count++] = next;
        }
    }
}

/* The question says until when, and that may have been put off since the job was given. */
static void question_seen(int64_t until_ms, void *user) {
    struct attempt *attempt = user;
    if (attempt_resumed(attempt)) {
        return;
    }
    attempt->job.until_ms = until_ms >= 0 ? until_ms : attempt->job.until_ms;
    if (time_is_over(attempt)) {
        probe_over(attempt);
        return;
    }
    attempt->ssh.probing = PROBE_READY;
    attempt->ssh.ready_ms = clock_monotonic_ms();
    probes_go_on(attempt->worker);
}

/* The pause is over; or a probe takes too long. Its end follows, but perhaps not soon: a command may hang in the kernel, and others are
 * not to wait for that. */
static void probe_again(void *user) {
    struct attempt *attempt = user;
    if (attempt->ssh.probing == PROBE_RUNS) {
        (void)kill(-attempt->pid, SIGKILL);
        attempt->ssh.probing = PROBE_DYING;
        probe_found(attempt, false);
        return;
    }
    attempt->ssh.probing = PROBE_ASKS;
    attempt->pending++;
    store_question_waits(options(attempt)->store, attempt->job.question, question_seen, attempt);
}

void probe_begin(struct attempt *attempt) {
    if (!attempt->remote) { /* nothing to wait for, or no plan */
        probe_over(attempt);
        return;
    }
    attempt->ssh.probe = loop_timer(options(attempt)->loop, probe_again, attempt);
    timer_start(attempt->ssh.probe, 0);
}
