/*
 * The life of a deployment: one function an event. Read deployment_apply first; the functions behind it stand in the
 * order of the story: admitted, claimed, ended, lost and found. It goes on in guidance.c (answered) and closing.c
 * (failed, canceled).
 */

#include "core/deployment.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "base/limits.h"
#include "base/str.h"
#include "transition.h"

static event_handler on_admitted, on_claimed, on_ended, on_retry_due, on_worker_lost, on_adopted, on_never_started,
    on_truth_gone, on_silent, on_heard, on_still_running, on_rolled_back;

/* `of_run`: the event speaks of one attempt of a run and is ignored if that is no longer the newest. */
static const struct {
    event_handler *handler;
    bool of_run;
} handlers[] = {
    [EVENT_ADMITTED] = {on_admitted, false},
    [EVENT_CLAIMED] = {on_claimed, true},
    [EVENT_ENDED] = {on_ended, true},
    [EVENT_WORKER_LOST] = {on_worker_lost, true},
    [EVENT_ADOPTED] = {on_adopted, true},
    [EVENT_NEVER_STARTED] = {on_never_started, true},
    [EVENT_TRUTH_GONE] = {on_truth_gone, true},
    [EVENT_SILENT] = {on_silent, true},
    [EVENT_HEARD] = {on_heard, true},
    [EVENT_STILL_RUNNING] = {on_still_running, true},
    [EVENT_ANSWERED] = {guidance_answered, false},
    [EVENT_RETRY_DUE] = {on_retry_due, true},
    [EVENT_DEADLINE] = {guidance_deadline, false},
    [EVENT_MOOT] = {guidance_moot, false},
    [EVENT_TAKEN] = {guidance_taken, false},
    [EVENT_EXTENDED] = {vigil_extended, false},
    [EVENT_PARKED] = {vigil_parked, false},
    [EVENT_UNPARKED] = {vigil_unparked, false},
    [EVENT_WHEN_BACK] = {guidance_when_back, false},
    [EVENT_BACK] = {guidance_back, true},
    [EVENT_REMIND] = {vigil_remind, false},
    [EVENT_ESCALATE] = {vigil_escalate, false},
    [EVENT_CALL_FAILS] = {vigil_call_fails, false},
    [EVENT_CALLED] = {vigil_called, false},
    [EVENT_ROLLED_BACK] = {on_rolled_back, false},
    [EVENT_FAILING] = {closing_failing, false},
    [EVENT_CANCEL] = {closing_cancel, false},
    [EVENT_CANCEL_LATE] = {closing_cancel_late, false},
};

void deployment_apply(struct deployment *d, const struct event *event, uint64_t *next_question, struct arena *arena,
                      struct decision *ret_decision) {
    *ret_decision = (struct decision){0};
    struct apply apply = {d, event, next_question, arena, ret_decision};
    struct run *run = NULL;
    if (deployment_is_final(d->state)) {
        ret_decision->ignored = true;
        return;
    }
    if (handlers[event->kind].of_run) {
        if (event->step >= d->plan->step_count || event->slot >= d->plan->steps[event->step].slot_count) {
            ret_decision->ignored = true;
            return;
        }
        run = deployment_run(d, event->step, event->slot);
        if (run->attempt != event->attempt || run_is_final(run->state)) {
            ret_decision->ignored = true;
            return;
        }
    }
    if (!handlers[event->kind].handler(&apply, run)) {
        ret_decision->ignored = true;
        return;
    }
    schedule_conclude(&apply);
    for (size_t i = 0; i < ret_decision->touched_count; i++) {
        deployment_run(d, ret_decision->touched[i].step, ret_decision->touched[i].slot)->touched = false;
    }
}

/* --- it begins --------------------------------------------------------------------------------------------- */

static bool on_admitted(struct apply *apply, struct run *run) {
    (void)run;
    if (apply->d->state != DEPLOYMENT_QUEUED) {
        return false;
    }
    deployment_enter(apply, DEPLOYMENT_RUNNING);
    apply_audit(apply, "admitted");
    return true;
}

static void run_owned_by(struct apply *apply, struct run *run) {
    const struct event *event = apply->event;
    run->worker = arena_strdup(apply->d->arena, event->worker);
    run->host = arena_strdup(apply->d->arena, event->host);
    run->epoch = event->epoch;
    run_touch(apply, event->step, event->slot);
}

static bool on_claimed(struct apply *apply, struct run *run) {
    const struct event *event = apply->event;
    if (run->state != RUN_QUEUED || run->epoch != event->epoch) {
        return false;
    }
    run_owned_by(apply, run);
    run->started_ms = event->now_ms;
    run->unknown = false;
    run_enter(apply, event->step, event->slot, RUN_RUNNING);
    apply_audit(apply, "claimed %zu.%zu #%u by %s", event->step, event->slot, run->attempt, event->worker);
    return true;
}

/* --- an attempt ended ---------------------------------------------------------------------------------------- */

static void run_settle(struct apply *apply, enum run_state final) {
    const struct event *event = apply->event;
    run_enter(apply, event->step, event->slot, final);
    schedule_advance(apply, event->step, event->slot);
}

static int64_t retry_delay(const struct plan_step *step, uint32_t retries_before) {
    double delay = (double)step->retry_delay_ms;
    for (uint32_t i = 0; i < retries_before && delay < 86400000.0; i++) {
        delay *= step->retry_backoff > 1.0 ? step->retry_backoff : 1.0;
    }
    return (int64_t)delay;
}

static void run_delay(struct apply *apply, struct run *run) {
    const struct event *event = apply->event;
    const struct plan_step *step = &apply->d->plan->steps[event->step];
    struct effect *timer = apply_effect(apply, EFFECT_TIMER, event->step, event->slot);
    timer->timer = EVENT_RETRY_DUE;
    timer->attempt = run->attempt;
    timer->at_ms = event->now_ms + retry_delay(step, run->auto_retries);
    run->auto_retries++;
    run_enter(apply, event->step, event->slot, RUN_DELAYED);
}

/* Nobody is to be asked: the failure is that of the deployment. */
static void run_fails_all(struct apply *apply, enum run_state final, const char *why) {
    const struct event *event = apply->event;
    run_enter(apply, event->step, event->slot, final);
    closing_record(apply, why);
    schedule_advance(apply, event->step, event->slot);
}

/* What an attempt before came to is kept if that one was started. */
static void run_concludes(struct run *run, struct outcome outcome, int64_t now_ms) {
    run->before = run_began(run);
    run->outcome = outcome;
    run->ended_ms = now_ms;
}

/* What was said of its newest attempt, that its outcome is unknown, does not hold any more. */
static void outcome_unsaid(struct run *run) {
    if (run->outcome.kind == OUTCOME_UNKNOWN) {
        run->outcome = run->before;
    }
}

/* The order of defence after a known failure: nothing more is asked once the deployment is failing or canceled, or
 * the target was excluded; then auto_retry, on_error: continue, a question; and without guided failure the deployment
 * fails at once. */
static void run_failed(struct apply *apply, struct run *run) {
    struct deployment *d = apply->d;
    const struct event *event = apply->event;
    const struct plan_step *step = &d->plan->steps[event->step];
    if (d->intake == CLOSING_CANCELING && run->outcome.kind == OUTCOME_CANCELED) {
        run_settle(apply, RUN_CANCELED);
    } else if (d->intake != CLOSING_NO || slot_is_excluded(d, event->step, event->slot)) {
        run_settle(apply, step->continue_on_error ? RUN_WARNED : run_end_as_it_was(run));
    } else if (run->auto_retries < (uint32_t)step->retry_times) {
        run_delay(apply, run);
    } else if (step->continue_on_error) {
        run_settle(apply, RUN_WARNED);
    } else if (step->guided.enabled) {
        run_ask(apply, event->step, event->slot, ASK_FAILED, event->excerpt);
        question_wait_for_back(apply, run);
    } else {
        run_fails_all(apply, run_end_as_it_was(run),
                      arena_printf(d->arena, "%s failed: %s.",
                                   plan_run_name(d->plan, event->step, event->slot, d->arena),
                                   outcome_text(run->outcome, d->arena)));
    }
}

static bool on_ended(struct apply *apply, struct run *run) {
    const struct event *event = apply->event;
    if (run->state != RUN_RUNNING && run->state != RUN_LOST && run->state != RUN_ASKING) {
        return false;
    }
    struct question *asked = deployment_question(apply->d, run->question);
    if (run->state == RUN_ASKING && (asked == NULL || asked->approve || !(asked->unknown || asked->late_cancel))) {
        return false;
    }
    bool success = outcome_is_success(event->outcome);
    if (asked != NULL) {
        if (asked->unknown) {
            outcome_unsaid(run);
        }
        question_close(apply, run, GUIDANCE_NONE,
                       arena_printf(apply->d->arena, "The truth came late: %s.",
                                    success ? "it had succeeded" : outcome_text(event->outcome, apply->d->arena)));
    }
    run_concludes(run, event->outcome, event->now_ms);
    run->unknown = false;
    run->unstarted = 0;
    run->bound = run->bound && !outcome_of_a_start(run->outcome);
    apply_audit(apply, "ended %zu.%zu #%u %s %lld", event->step, event->slot, run->attempt,
                outcome_word(event->outcome.kind), (long long)event->outcome.number);
    if (success && run->retried != 0) {
        apply_effect(apply, EFFECT_PAST, event->step, event->slot)->past = run->retried;
        run->retried = 0;
    }
    if (success) {
        run_settle(apply, RUN_SUCCEEDED);
    } else {
        run_failed(apply, run);
    }
    return true;
}

/* While the deployment holds, the end of the delay comes too late: the run is about to be closed. */
static bool on_retry_due(struct apply *apply, struct run *run) {
    if (run->state != RUN_DELAYED || deployment_holds(apply->d)) {
        return false;
    }
    run_issue(apply, apply->event->step, apply->event->slot, false,
              run->unstarted > 0 ? "never_started" : "auto_retry");
    return true;
}

/* --- a worker was lost, and the truth is looked for ------------------------------------------------------------- */

static void run_adopt(struct apply *apply, struct run *run, const char *host) {
    run->epoch++;
    run->host = host;
    struct effect *adopt = apply_effect(apply, EFFECT_ADOPT, apply->event->step, apply->event->slot);
    adopt->attempt = run->attempt;
    adopt->epoch = run->epoch;
    adopt->host = host;
}

/* A worker of its host is to say what became of it, or any worker (NULL). If none says it soon, that is an answer too. */
static void run_lose(struct apply *apply, struct run *run, const char *host) {
    const struct event *event = apply->event;
    run_adopt(apply, run, host);
    struct effect *timer = apply_effect(apply, EFFECT_TIMER, event->step, event->slot);
    timer->timer = EVENT_TRUTH_GONE;
    timer->attempt = run->attempt;
    timer->epoch = run->epoch;
    timer->at_ms = event->now_ms + LIMIT_ADOPT_MS;
    if (run->state != RUN_LOST) {
        run_enter(apply, event->step, event->slot, RUN_LOST);
    } else {
        run_touch(apply, event->step, event->slot);
    }
}

static bool run_asks_late_cancel(const struct deployment *d, const struct run *run) {
    const struct question *asked = deployment_question(d, run->question);
    return run->state == RUN_ASKING && asked != NULL && asked->late_cancel;
}

static bool run_asks_unknown(const struct deployment *d, const struct run *run) {
    const struct question *asked = deployment_question(d, run->question);
    return run->state == RUN_ASKING && asked != NULL && asked->unknown;
}

static bool on_worker_lost(struct apply *apply, struct run *run) {
    const struct event *event = apply->event;
    bool late_cancel = run_asks_late_cancel(apply->d, run);
    bool listens = run_asks_unknown(apply->d, run) && slot_is_remote(apply->d, event->step, event->slot);
    if ((run->state != RUN_RUNNING && !late_cancel && !listens) || !str_equal(run->worker, event->worker)) {
        return false;
    }
    apply_audit(apply, "lost %zu.%zu #%u with %s", event->step, event->slot, run->attempt, event->worker);
    if (late_cancel) {
        question_close(apply, run, GUIDANCE_NONE, "Its worker fell silent: the truth is looked for.");
        closing_time_cancel(apply);
    }
    if (listens) { /* for a late truth about a target that is silent; the question stays */
        run_adopt(apply, run, NULL);
        run_touch(apply, event->step, event->slot);
    } else {
        run_lose(apply, run, run->host);
    }
    return true;
}

static bool on_adopted(struct apply *apply, struct run *run) {
    struct deployment *d = apply->d;
    const struct event *event = apply->event;
    bool late_cancel = run_asks_late_cancel(d, run);
    if (run->epoch != event->epoch || (run->state != RUN_LOST && !run_asks_unknown(d, run) && !late_cancel)) {
        return false;
    }
    run_owned_by(apply, run);
    apply_audit(apply, "adopted %zu.%zu #%u by %s", event->step, event->slot, run->attempt, event->worker);
    /* A question stays while it is still not stopped; or while an ssh target was not heard, which its adopter listens to. */
    bool stays = late_cancel || (run->state == RUN_ASKING && slot_is_remote(d, event->step, event->slot));
    if (!stays) {
        if (run->state == RUN_ASKING) {
            outcome_unsaid(run);
        }
        question_close(apply, run, GUIDANCE_NONE, "The truth came late: its machine answers again.");
        run->unknown = false;
        run_enter(apply, event->step, event->slot, RUN_RUNNING);
    }
    if (d->closing == CLOSING_CANCELING) {
        run_stop(apply, event->step, event->slot);
    }
    return true;
}

/* What keeps breaking before it begins is an end like others after a while, since somebody has to look at its machine. */
static void run_gives_up_starting(struct apply *apply, struct run *run) {
    const struct event *event = apply->event;
    run->unstarted = 0;
    run_concludes(run, (struct outcome){OUTCOME_NOT_STARTED, ECONNABORTED}, event->now_ms);
    apply_audit(apply, "ended %zu.%zu #%u %s %lld", event->step, event->slot, run->attempt,
                outcome_word(run->outcome.kind), (long long)run->outcome.number);
    run_failed(apply, run);
}

/* The first time at once, since most often nothing is wrong with its machine; then after growing pauses. */
static void run_begin_anew(struct apply *apply, const struct run *run) {
    const struct event *event = apply->event;
    if (run->unstarted <= 1) {
        run_issue(apply, event->step, event->slot, false, "never_started");
        return;
    }
    struct effect *timer = apply_effect(apply, EFFECT_TIMER, event->step, event->slot);
    timer->timer = EVENT_RETRY_DUE;
    timer->attempt = run->attempt;
    timer->at_ms = event->now_ms + ((int64_t)LIMIT_UNSTARTED_PAUSE_MS << (run->unstarted - 2));
    run_enter(apply, event->step, event->slot, RUN_DELAYED);
}

/* The run directory proves that the attempt was not started and never will be: no person needs to decide. */
static bool on_never_started(struct apply *apply, struct run *run) {
    struct deployment *d = apply->d;
    const struct event *event = apply->event;
    bool asks = run_asks_unknown(d, run) || run_asks_late_cancel(d, run);
    if (run->epoch != event->epoch || (run->state != RUN_RUNNING && run->state != RUN_LOST && !asks)) {
        return false;
    }
    if (run_asks_unknown(d, run)) {
        outcome_unsaid(run);
    }
    question_close(apply, run, GUIDANCE_NONE, "The truth came late: it had never started.");
    run->unknown = false;
    run->unstarted++;
    enum plan_condition condition = d->plan->steps[event->step].condition;
    bool spared = closing_spares(d->intake, condition);
    bool excluded = slot_is_excluded(d, event->step, event->slot) && condition != PLAN_CLEANUP;
    if (spared && !excluded && run->unstarted >= LIMIT_UNSTARTED) {
        run_gives_up_starting(apply, run);
        return true;
    }
    apply_audit(apply, "never_started %zu.%zu #%u", event->step, event->slot, run->attempt);
    if (!spared) {
        run_settle(apply, closing_end_of_unclaimed(run, d->intake));
    } else if (excluded) {
        run_settle(apply, RUN_EXCLUDED);
    } else {
        run_begin_anew(apply, run);
    }
    return true;
}

/* Whether the word that the truth is not to be had still fits. A worker that looked, or whose own run it was, knows;
 * the timer says only that nobody came to look. */
static bool truth_is_missed(const struct deployment *d, const struct run *run, const struct event *event) {
    if (run->epoch != event->epoch) {
        return false;
    }
    bool owned = run->state == RUN_RUNNING && event->worker != NULL && str_equal(run->worker, event->worker);
    return run->state == RUN_LOST || owned || (run_asks_late_cancel(d, run) && event->worker != NULL);
}

/* The outcome is unknown, whether for now or for ever. */
static void run_becomes_unknown(struct apply *apply, struct run *run, bool may_rerun) {
    struct deployment *d = apply->d;
    const struct event *event = apply->event;
    const struct plan_step *step = &d->plan->steps[event->step];
    run->unknown = true;
    run_concludes(run, (struct outcome){.kind = OUTCOME_UNKNOWN}, event->now_ms);
    apply_audit(apply, "unknown %zu.%zu #%u", event->step, event->slot, run->attempt);
    if (d->intake != CLOSING_NO || slot_is_excluded(d, event->step, event->slot)) {
        run_settle(apply, RUN_UNKNOWN);
    } else if (may_rerun && run->lost_retries < LIMIT_LOST_RETRIES) {
        run->lost_retries++;
        run_issue(apply, event->step, event->slot, false, "safe_to_rerun");
    } else if (step->continue_on_error) {
        run_settle(apply, RUN_WARNED);
    } else if (step->guided.enabled) {
        run_ask(apply, event->step, event->slot, ASK_UNKNOWN, event->excerpt);
    } else {
        run_fails_all(apply, RUN_UNKNOWN,
                      arena_printf(d->arena, "The outcome of %s is unknown.",
                                   plan_run_name(d->plan, event->step, event->slot, d->arena)));
    }
}

/* An ssh target that was silent has answered, and it is not to be had there either. */
static void question_learns(struct apply *apply, const struct run *run) {
    const struct event *event = apply->event;
    struct question *question = deployment_question(apply->d, run->question);
    question->excerpt = arena_strdup(apply->d->arena, event->excerpt == NULL ? "" : event->excerpt);
    apply_effect(apply, EFFECT_EXCERPT, event->step, event->slot)->question = question->id;
    apply_audit(apply, "gone %zu.%zu #%u", event->step, event->slot, run->attempt);
}

static bool on_truth_gone(struct apply *apply, struct run *run) {
    struct deployment *d = apply->d;
    const struct event *event = apply->event;
    const struct plan_step *step = &d->plan->steps[event->step];
    bool from_worker = event->worker != NULL;
    if (from_worker && run->epoch == event->epoch && run_asks_unknown(d, run) &&
        slot_is_remote(d, event->step, event->slot)) {
        question_learns(apply, run);
        return true;
    }
    if (!truth_is_missed(d, run, event)) {
        return false;
    }
    if (!from_worker && run->host != NULL && slot_is_remote(d, event->step, event->slot)) {
        run_lose(apply, run, NULL); /* Nobody on that host; but the truth is on the target, where others can look. */
        return true;
    }
    if (d->closing == CLOSING_CANCELING && !from_worker) {
        run_ask(apply, event->step, event->slot, ASK_CANCEL, ""); /* It may still run, and nobody there can stop it. */
        return true;
    }
    question_close(apply, run, GUIDANCE_NONE, "The truth came late: it no longer runs, and its outcome is unknown.");
    run_becomes_unknown(apply, run, step->safe_to_rerun && from_worker);
    return true;
}

/* The target may come back, and what runs there may go on: nothing is repeated by itself. While the deployment is being
 * canceled that is asked about in its time. */
static bool on_silent(struct apply *apply, struct run *run) {
    const struct event *event = apply->event;
    if (run->epoch != event->epoch || run->state != RUN_RUNNING || apply->d->closing == CLOSING_CANCELING) {
        return false;
    }
    run_becomes_unknown(apply, run, false);
    return true;
}

static bool on_heard(struct apply *apply, struct run *run) {
    const struct event *event = apply->event;
    if (run->epoch != event->epoch || !run_asks_unknown(apply->d, run)) {
        return false;
    }
    outcome_unsaid(run);
    question_close(apply, run, GUIDANCE_NONE, "The truth came late: its machine answers again, and it still runs.");
    run->unknown = false;
    apply_audit(apply, "heard %zu.%zu #%u", event->step, event->slot, run->attempt);
    run_enter(apply, event->step, event->slot, RUN_RUNNING);
    return true;
}

static void past_taken_back(struct apply *apply, const struct run *run) {
    if (run->retried != 0) {
        struct effect *past = apply_effect(apply, EFFECT_PAST, apply->event->step, apply->event->slot);
        past->past = run->retried;
        past->guidance = GUIDANCE_RETRY;
        past->taken_back = true;
    }
}

/* A new attempt was refused on the machine because the one before it still runs: that one is looked at again, and the
 * answer that asked for the new one was not used up. Where safe_to_rerun may have asked for it, that cannot be told.
 * */
static bool on_still_running(struct apply *apply, struct run *run) {
    const struct event *event = apply->event;
    if (run->state != RUN_QUEUED || run->epoch != event->epoch || !run->unknown) {
        return false;
    }
    apply_audit(apply, "still_running %zu.%zu #%u", event->step, event->slot, run->attempt - 1);
    run->attempt--;
    outcome_unsaid(run);
    if (run->people_retries > 0 && run->lost_retries == 0) {
        run->people_retries--;
        past_taken_back(apply, run);
    }
    run->retried = 0;
    run_lose(apply, run, run->host);
    return true;
}

static bool waits_for_any_worker(const struct deployment *d, size_t step, size_t slot) {
    int target = slot_target(d, step, slot);
    return deployment_run(d, step, slot)->state == RUN_QUEUED && (target < 0 || d->plan->targets[target].host == NULL);
}

/* What Redis shows as running may have ended, and what waits for any worker may run somewhere: both are looked for. What waits for a
 * worker of its host is safe, since its run directory would be there. */
static bool on_rolled_back(struct apply *apply, struct run *none) {
    struct deployment *d = apply->d;
    (void)none;
    d->doubted = true;
    apply_audit(apply, "rolled_back");
    for (size_t step = 0; step < d->plan->step_count; step++) {
        for (size_t slot = 0; slot < d->plan->steps[step].slot_count; slot++) {
            struct run *run = deployment_run(d, step, slot);
            if (run->state != RUN_RUNNING && !waits_for_any_worker(d, step, slot)) {
                continue;
            }
            struct event event = {
                .kind = EVENT_WORKER_LOST, .now_ms = apply->event->now_ms, .step = step, .slot = slot};
            struct apply lost = *apply;
            lost.event = &event;
            run_lose(&lost, run, run->host);
        }
    }
    return true;
}
