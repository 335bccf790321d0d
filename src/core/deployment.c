/*
 * The life of a deployment: one function an event. Read deployment_apply first; the functions behind it stand in the order of the
 * story: admitted, claimed, ended, lost and found, answered, failed, canceled.
 */

#include "core/deployment.h"

#include <assert.h>
#include <string.h>

#include "base/limits.h"
#include "base/str.h"
#include "transition.h"

typedef bool event_handler(struct apply *apply, struct run *run);

static event_handler on_admitted, on_claimed, on_ended, on_worker_lost, on_adopted, on_never_started, on_truth_gone,
    on_still_running, on_answered, on_retry_due, on_deadline, on_cancel, on_cancel_late;

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
    [EVENT_STILL_RUNNING] = {on_still_running, true},
    [EVENT_ANSWERED] = {on_answered, false},
    [EVENT_RETRY_DUE] = {on_retry_due, true},
    [EVENT_DEADLINE] = {on_deadline, false},
    [EVENT_CANCEL] = {on_cancel, false},
    [EVENT_CANCEL_LATE] = {on_cancel_late, false},
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

static void deployment_fail(struct apply *apply, const char *why);

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

/* The order of defence after a known failure: nothing more is asked once the deployment is failing or canceled; then
 * auto_retry, on_error: continue, a question; and without guided failure the deployment fails at once. */
static void run_failed(struct apply *apply, struct run *run) {
    struct deployment *d = apply->d;
    const struct event *event = apply->event;
    const struct plan_step *step = &d->plan->steps[event->step];
    if (d->closing == CLOSING_CANCELING && run->outcome.kind == OUTCOME_CANCELED) {
        run_settle(apply, RUN_CANCELED);
    } else if (d->closing != CLOSING_NO) {
        run_settle(apply, step->continue_on_error ? RUN_WARNED : RUN_FAILED);
    } else if (run->auto_retries < (uint32_t)step->retry_times) {
        run_delay(apply, run);
    } else if (step->continue_on_error) {
        run_settle(apply, RUN_WARNED);
    } else if (step->guided.enabled) {
        run_ask(apply, event->step, event->slot, ASK_FAILED, event->excerpt);
    } else {
        const char *why = arena_printf(d->arena, "%s failed on %s: %s.", step->name,
                                       plan_slot_name(d->plan, event->step, event->slot),
                                       outcome_text(run->outcome, d->arena));
        run_enter(apply, event->step, event->slot, RUN_FAILED);
        deployment_fail(apply, why);
        schedule_advance(apply, event->step, event->slot);
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
        question_close(apply, run, GUIDANCE_NONE,
                       arena_printf(apply->d->arena, "The truth came late: %s.",
                                    success ? "it had succeeded" : outcome_text(event->outcome, apply->d->arena)));
    }
    run->outcome = event->outcome;
    run->ended_ms = event->now_ms;
    run->unknown = false;
    apply_audit(apply, "ended %zu.%zu #%u %s %lld", event->step, event->slot, run->attempt,
                outcome_word(event->outcome.kind), (long long)event->outcome.number);
    if (success) {
        run_settle(apply, RUN_SUCCEEDED);
    } else {
        run_failed(apply, run);
    }
    return true;
}

/* --- a worker was lost, and the truth is looked for ------------------------------------------------------------- */

static void run_look(struct apply *apply, struct run *run) {
    const struct event *event = apply->event;
    run->epoch++;
    struct effect *adopt = apply_effect(apply, EFFECT_ADOPT, event->step, event->slot);
    adopt->attempt = run->attempt;
    adopt->epoch = run->epoch;
    adopt->host = run->host;
    struct effect *timer = apply_effect(apply, EFFECT_TIMER, event->step, event->slot);
    timer->timer = EVENT_TRUTH_GONE;
    timer->attempt = run->attempt;
    timer->epoch = run->epoch;
    timer->at_ms = event->now_ms + LIMIT_ADOPT_MS;
    run_enter(apply, event->step, event->slot, RUN_LOST);
}

static bool on_worker_lost(struct apply *apply, struct run *run) {
    const struct event *event = apply->event;
    if (run->state != RUN_RUNNING || !str_equal(run->worker, event->worker)) {
        return false;
    }
    apply_audit(apply, "lost %zu.%zu #%u with %s", event->step, event->slot, run->attempt, event->worker);
    run_look(apply, run);
    return true;
}

static bool on_adopted(struct apply *apply, struct run *run) {
    const struct event *event = apply->event;
    struct question *asked = deployment_question(apply->d, run->question);
    if (run->state == RUN_ASKING && asked != NULL && asked->late_cancel) {
        run_owned_by(apply, run); /* The question stays: it is still not stopped. */
        apply_effect(apply, EFFECT_STOP, event->step, event->slot)->host = run->host;
        return true;
    }
    bool waits_for_truth = run->state == RUN_ASKING && asked != NULL && asked->unknown;
    if (run->state != RUN_LOST && !waits_for_truth) {
        return false;
    }
    question_close(apply, run, GUIDANCE_NONE, "The truth came late: its machine answers again.");
    run->unknown = false;
    run_owned_by(apply, run);
    run_enter(apply, event->step, event->slot, RUN_RUNNING);
    apply_audit(apply, "adopted %zu.%zu #%u by %s", event->step, event->slot, run->attempt, event->worker);
    if (apply->d->closing == CLOSING_CANCELING) {
        apply_effect(apply, EFFECT_STOP, event->step, event->slot)->host = run->host;
    }
    return true;
}

/* The run directory proves that the attempt was not started and never will be: no person needs to decide. */
static bool on_never_started(struct apply *apply, struct run *run) {
    struct deployment *d = apply->d;
    const struct event *event = apply->event;
    struct question *asked = deployment_question(d, run->question);
    if (run->state == RUN_ASKING && (asked == NULL || !asked->unknown)) {
        return false;
    }
    if (run->state != RUN_RUNNING && run->state != RUN_LOST && run->state != RUN_ASKING) {
        return false;
    }
    question_close(apply, run, GUIDANCE_NONE, "The truth came late: it had never started.");
    run->unknown = false;
    apply_audit(apply, "never_started %zu.%zu #%u", event->step, event->slot, run->attempt);
    enum plan_condition condition = d->plan->steps[event->step].condition;
    if (d->closing == CLOSING_CANCELING && condition != PLAN_CLEANUP) {
        run_settle(apply, RUN_CANCELED);
    } else if (d->closing == CLOSING_FAILING && condition == PLAN_SUCCESS) {
        run_settle(apply, RUN_SKIPPED);
    } else {
        run_issue(apply, event->step, event->slot, false, "never_started");
    }
    return true;
}

static bool on_truth_gone(struct apply *apply, struct run *run) {
    struct deployment *d = apply->d;
    const struct event *event = apply->event;
    const struct plan_step *step = &d->plan->steps[event->step];
    bool from_worker = event->worker != NULL;
    const struct question *asked = deployment_question(d, run->question);
    bool late_cancel = run->state == RUN_ASKING && asked != NULL && asked->late_cancel && from_worker;
    bool by_owner = run->state == RUN_RUNNING && from_worker && run->epoch == event->epoch; /* its supervisor died */
    bool waits = late_cancel || by_owner || (run->state == RUN_LOST && (from_worker || run->epoch == event->epoch));
    if (!waits || (d->closing == CLOSING_CANCELING && !from_worker)) {
        return false; /* A cancel that nobody there can confirm is asked about when it is late. */
    }
    question_close(apply, run, GUIDANCE_NONE, "The truth came late: it no longer runs, and its outcome is unknown.");
    run->unknown = true;
    run->outcome = (struct outcome){.kind = OUTCOME_UNKNOWN};
    run->ended_ms = event->now_ms;
    apply_audit(apply, "unknown %zu.%zu #%u", event->step, event->slot, run->attempt);
    if (d->closing != CLOSING_NO) {
        run_settle(apply, RUN_UNKNOWN);
    } else if (step->safe_to_rerun && from_worker && run->lost_retries < LIMIT_LOST_RETRIES) {
        run->lost_retries++;
        run_issue(apply, event->step, event->slot, false, "safe_to_rerun");
    } else if (step->continue_on_error) {
        run_settle(apply, RUN_WARNED);
    } else if (step->guided.enabled) {
        run_ask(apply, event->step, event->slot, ASK_UNKNOWN, event->excerpt);
    } else {
        const char *why = arena_printf(d->arena, "The outcome of %s on %s is unknown.", step->name,
                                       plan_slot_name(d->plan, event->step, event->slot));
        run_enter(apply, event->step, event->slot, RUN_UNKNOWN);
        deployment_fail(apply, why);
        schedule_advance(apply, event->step, event->slot);
    }
    return true;
}

/* A new attempt was refused on the machine because the one before it still runs: that one is looked at again, and the answer
 * that asked for the new one was not used up. */
static bool on_still_running(struct apply *apply, struct run *run) {
    const struct event *event = apply->event;
    if (run->state != RUN_QUEUED || run->epoch != event->epoch || run->attempt < 2) {
        return false;
    }
    apply_audit(apply, "still_running %zu.%zu #%u", event->step, event->slot, run->attempt - 1);
    run->attempt--;
    run->people_retries -= run->people_retries > 0;
    run->unknown = true;
    run_look(apply, run);
    return true;
}

/* --- somebody answered ------------------------------------------------------------------------------------------ */

static const char *answer_words(struct apply *apply, const struct question *q) {
    const struct event *event = apply->event;
    const struct deployment *d = apply->d;
    return arena_printf(d->arena, "%s answered %s for %s on %s%s%s.", event->actor, guidance_title(event->guidance),
                        d->plan->steps[q->step].name, plan_slot_name(d->plan, q->step, q->slot),
                        str_empty(event->note) ? "" : ": ", str_empty(event->note) ? "" : event->note);
}

/* Every open question about a target that was excluded is moot. */
static void exclude_target(struct apply *apply, size_t step, size_t slot) {
    struct deployment *d = apply->d;
    int target = slot_target(d, step, slot);
    assert(target >= 0 && !d->excluded[target]);
    d->excluded[target] = true;
    d->excluded_count++;
    run_enter(apply, step, slot, RUN_EXCLUDED);
    schedule_advance(apply, step, slot);
    for (size_t i = 0; i < d->question_count;) {
        struct question q = d->questions[i];
        if (slot_target(d, q.step, q.slot) != target) {
            i++;
            continue;
        }
        question_close(apply, deployment_run(d, q.step, q.slot), GUIDANCE_EXCLUDE, "Its machine was excluded.");
        run_enter(apply, q.step, q.slot, RUN_EXCLUDED);
        schedule_advance(apply, q.step, q.slot);
        i = 0;
    }
}

static void answer_fail(struct apply *apply, struct run *run, const struct question *q) {
    struct deployment *d = apply->d;
    const char *why = answer_words(apply, q);
    question_close(apply, run, GUIDANCE_FAIL, NULL);
    if (q->late_cancel) {
        run->unknown = true;
        run_enter(apply, q->step, q->slot, RUN_CANCELED);
    } else {
        run_enter(apply, q->step, q->slot, run->unknown ? RUN_UNKNOWN : RUN_FAILED);
        d->intake = d->intake == CLOSING_NO ? CLOSING_FAILING : d->intake; /* recorded with the answer */
        deployment_fail(apply, why);
    }
    schedule_advance(apply, q->step, q->slot);
}

static bool on_answered(struct apply *apply, struct run *run) {
    struct deployment *d = apply->d;
    const struct event *event = apply->event;
    const struct question *open = deployment_question(d, event->question);
    if (open == NULL) {
        return false;
    }
    const struct question q = *open;
    run = deployment_run(d, q.step, q.slot);
    apply_audit(apply, "answered Q%llu %zu.%zu #%u %s", (unsigned long long)q.id, q.step, q.slot, q.attempt,
                guidance_word(event->guidance));
    switch (event->guidance) {
    case GUIDANCE_RETRY:
        question_close(apply, run, GUIDANCE_RETRY, NULL);
        run->people_retries++;
        run_issue(apply, q.step, q.slot, false, "retry");
        break;
    case GUIDANCE_IGNORE:
        question_close(apply, run, GUIDANCE_IGNORE, NULL);
        run_enter(apply, q.step, q.slot, RUN_WARNED);
        schedule_advance(apply, q.step, q.slot);
        break;
    case GUIDANCE_EXCLUDE:
        question_close(apply, run, GUIDANCE_EXCLUDE, NULL);
        exclude_target(apply, q.step, q.slot);
        break;
    case GUIDANCE_PROCEED:
        question_close(apply, run, GUIDANCE_PROCEED, NULL);
        run_enter(apply, q.step, q.slot, RUN_SUCCEEDED);
        schedule_advance(apply, q.step, q.slot);
        break;
    case GUIDANCE_FAIL:
    case GUIDANCE_ABORT:
        answer_fail(apply, run, &q);
        break;
    case GUIDANCE_NONE:
        return false;
    }
    return true;
}

static bool on_retry_due(struct apply *apply, struct run *run) {
    if (run->state != RUN_DELAYED) {
        return false;
    }
    run_issue(apply, apply->event->step, apply->event->slot, false, "auto_retry");
    return true;
}

static bool on_deadline(struct apply *apply, struct run *run) {
    struct deployment *d = apply->d;
    const struct question *open = deployment_question(d, apply->event->question);
    if (open == NULL || open->late_cancel || !d->plan->steps[open->step].guided.fail_unanswered) {
        return false;
    }
    const struct question q = *open;
    struct buf waited = BUF_INIT(LIMIT_NAME_BYTES);
    str_duration(&waited, q.deadline_ms - q.asked_ms);
    const char *why = arena_printf(d->arena, "Nobody answered for %s (if_unanswered: fail).", waited.data);
    buf_finish(&waited);
    run = deployment_run(d, q.step, q.slot);
    question_close(apply, run, GUIDANCE_FAIL, why);
    run_enter(apply, q.step, q.slot, run->unknown ? RUN_UNKNOWN : RUN_FAILED);
    deployment_fail(apply, why);
    schedule_advance(apply, q.step, q.slot);
    return true;
}

/* --- it fails, or is canceled ------------------------------------------------------------------------------------- */

/* The end of a run that waits, queues or delays while the deployment closes. Runs that were claimed go on or are stopped; a queued
 * one will never be claimed, since a claim is refused once the closing was recorded. */
static void run_close(struct apply *apply, size_t step, size_t slot, const char *why) {
    struct deployment *d = apply->d;
    struct run *run = deployment_run(d, step, slot);
    bool canceling = d->closing == CLOSING_CANCELING;
    switch (run->state) {
    case RUN_ASKING:
        question_close(apply, run, GUIDANCE_NONE, why);
        run_enter(apply, step, slot, canceling ? RUN_CANCELED : run->unknown ? RUN_UNKNOWN : RUN_FAILED);
        break;
    case RUN_DELAYED:
        run_enter(apply, step, slot, canceling ? RUN_CANCELED : RUN_FAILED);
        break;
    case RUN_QUEUED:
        if (d->plan->steps[step].condition == PLAN_CLEANUP || (!canceling && d->plan->steps[step].condition != PLAN_SUCCESS)) {
            run_issue(apply, step, slot, true, "closing");
            return;
        }
        run_enter(apply, step, slot, canceling ? RUN_CANCELED : RUN_SKIPPED);
        break;
    case RUN_RUNNING:
    case RUN_LOST:
        if (canceling && d->plan->steps[step].condition != PLAN_CLEANUP) {
            struct effect *stop = apply_effect(apply, EFFECT_STOP, step, slot);
            stop->host = run->host;
            stop->attempt = run->attempt;
        }
        return;
    case RUN_PENDING:
    case RUN_SUCCEEDED:
    case RUN_WARNED:
    case RUN_FAILED:
    case RUN_UNKNOWN:
    case RUN_EXCLUDED:
    case RUN_SKIPPED:
    case RUN_CANCELED:
    case RUN_STATE_COUNT:
        return;
    }
    schedule_advance(apply, step, slot);
}

/* First looks, then closes: closing one run can start the next of its slot, which must not be closed in turn. */
static void runs_close(struct apply *apply, const char *why) {
    struct deployment *d = apply->d;
    struct place {
        size_t step, slot;
    } *places = NULL;
    size_t count = 0;
    for (size_t step = 0; step < d->plan->step_count; step++) {
        for (size_t slot = 0; slot < d->plan->steps[step].slot_count; slot++) {
            enum run_state state = deployment_run(d, step, slot)->state;
            if (state != RUN_PENDING && !run_is_final(state)) {
                places = arena_push(apply->arena, places, count, sizeof *places);
                places[count++] = (struct place){step, slot};
            }
        }
    }
    for (size_t i = 0; i < count; i++) {
        run_close(apply, places[i].step, places[i].slot, why);
    }
}

static void deployment_fail(struct apply *apply, const char *why) {
    struct deployment *d = apply->d;
    if (d->closing != CLOSING_NO) {
        return;
    }
    d->closing = CLOSING_FAILING;
    d->closing_why = why;
    if (d->intake == CLOSING_NO) {
        d->intake = CLOSING_FAILING;
        (void)apply_effect(apply, EFFECT_CLOSING, 0, 0);
    }
    apply_audit(apply, "failing");
    runs_close(apply, arena_printf(d->arena, "The deployment failed: %s", why));
}

static bool on_cancel(struct apply *apply, struct run *run) {
    (void)run;
    struct deployment *d = apply->d;
    const struct event *event = apply->event;
    if (d->closing == CLOSING_CANCELING) {
        return false;
    }
    d->closing = CLOSING_CANCELING;
    d->intake = CLOSING_CANCELING;
    d->closing_why = arena_printf(d->arena, "%s canceled it%s%s.", event->actor, str_empty(event->note) ? "" : ": ",
                                  str_empty(event->note) ? "" : event->note);
    apply_audit(apply, "canceled");
    if (d->state == DEPLOYMENT_QUEUED) {
        deployment_enter(apply, DEPLOYMENT_CANCELED);
        return true;
    }
    deployment_enter(apply, DEPLOYMENT_CANCELING);
    struct effect *timer = apply_effect(apply, EFFECT_TIMER, 0, 0);
    timer->timer = EVENT_CANCEL_LATE;
    timer->at_ms = event->now_ms + LIMIT_CANCEL_MS;
    runs_close(apply, d->closing_why);
    return true;
}

static bool on_cancel_late(struct apply *apply, struct run *run) {
    struct deployment *d = apply->d;
    if (d->closing != CLOSING_CANCELING) {
        return false;
    }
    for (size_t step = 0; step < d->plan->step_count; step++) {
        for (size_t slot = 0; slot < d->plan->steps[step].slot_count; slot++) {
            run = deployment_run(d, step, slot);
            if (run->state == RUN_RUNNING || run->state == RUN_LOST) {
                run_ask(apply, step, slot, ASK_CANCEL, "");
            }
        }
    }
    return true;
}
