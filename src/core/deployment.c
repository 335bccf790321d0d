/*
 * The life of a deployment: one function an event. Read deployment_apply first; the functions behind it stand in the
 * order of the story: admitted, claimed, ended. It goes on in lost.c (lost and found), guidance.c (answered) and
 * closing.c (failed, canceled).
 */

#include "core/deployment.h"

#include <assert.h>
#include <string.h>

#include "base/limits.h"
#include "base/str.h"
#include "transition.h"

static event_handler on_admitted, on_claimed, on_ended, on_retry_due;

/* `of_run`: the event speaks of one attempt of a run and is ignored if that is no longer the newest. */
static const struct {
    event_handler *handler;
    bool of_run;
} handlers[] = {
    [EVENT_ADMITTED] = {on_admitted, false},
    [EVENT_CLAIMED] = {on_claimed, true},
    [EVENT_ENDED] = {on_ended, true},
    [EVENT_WORKER_LOST] = {lost_worker, true},
    [EVENT_ADOPTED] = {lost_adopted, true},
    [EVENT_NEVER_STARTED] = {lost_never_started, true},
    [EVENT_TRUTH_GONE] = {lost_truth_gone, true},
    [EVENT_SILENT] = {lost_silent, true},
    [EVENT_HEARD] = {lost_heard, true},
    [EVENT_STILL_RUNNING] = {lost_still_running, true},
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
    [EVENT_ROLLED_BACK] = {lost_rolled_back, false},
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

void run_owned_by(struct apply *apply, struct run *run) {
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

void run_settle(struct apply *apply, enum run_state final) {
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

void run_fails_all(struct apply *apply, enum run_state final, const char *why) {
    const struct event *event = apply->event;
    run_enter(apply, event->step, event->slot, final);
    closing_record(apply, why);
    schedule_advance(apply, event->step, event->slot);
}

void run_concludes(struct run *run, struct outcome outcome, int64_t now_ms) {
    run->before = run_began(run);
    run->outcome = outcome;
    run->ended_ms = now_ms;
}

void run_unsay_outcome(struct run *run) {
    if (run->outcome.kind == OUTCOME_UNKNOWN) {
        run->outcome = run->before;
    }
}

/* The order of defence after a known failure: nothing more is asked once the deployment is failing or canceled, or
 * the target was excluded; then auto_retry, on_error: continue, a question; and without guided failure the deployment
 * fails at once. */
void run_failed(struct apply *apply, struct run *run) {
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
            run_unsay_outcome(run);
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
