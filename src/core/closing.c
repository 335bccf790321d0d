/*
 * How a deployment comes to fail or to be canceled. That is recorded first, so that no worker can claim anything
 * more, and carried out by the event that recorded it. What was claimed just before is heard before that event, so
 * nothing that runs is overlooked. In between the deployment holds: no slot goes on, and nobody is asked.
 */

#include "base/limits.h"
#include "base/str.h"
#include "transition.h"

bool deployment_holds(const struct deployment *d) {
    return d->intake != d->closing;
}

void closing_record(struct apply *apply, const char *why) {
    struct deployment *d = apply->d;
    if (d->intake != CLOSING_NO) {
        return; /* Somebody was first, and their event is on its way. */
    }
    d->intake = CLOSING_FAILING;
    d->closing_why = why;
    (void)apply_effect(apply, EFFECT_CLOSING, 0, 0);
}

enum run_state closing_end_of_unclaimed(struct run *run, enum closing closing) {
    if (closing == CLOSING_CANCELING) {
        return RUN_CANCELED;
    }
    enum run_state end = run_end_as_it_was(run);
    return end == RUN_FAILED && run->outcome.kind == OUTCOME_NONE ? RUN_SKIPPED : end;
}

bool closing_spares(enum closing closing, enum plan_condition condition) {
    return condition == PLAN_CLEANUP || closing == CLOSING_NO ||
           (closing == CLOSING_FAILING && condition != PLAN_SUCCESS);
}

/* What is spared goes on: the claim that it waits with is refused from now on; and a pause is cut short, since the end of it may have come
 * while the deployment held. */
static void close_unclaimed(struct apply *apply, size_t step, size_t slot) {
    struct deployment *d = apply->d;
    enum plan_condition condition = d->plan->steps[step].condition;
    bool excluded = slot_is_excluded(d, step, slot) && condition != PLAN_CLEANUP;
    if (closing_spares(d->closing, condition) && !excluded) {
        bool queued = deployment_run(d, step, slot)->state == RUN_QUEUED;
        run_issue(apply, step, slot, queued, queued ? "closing" : "never_started");
        return;
    }
    run_enter(apply, step, slot, closing_end_of_unclaimed(deployment_run(d, step, slot), d->closing));
    schedule_advance(apply, step, slot);
}

/* Ends a run that waits, queues or delays. Runs that were claimed go on, or are stopped. */
static void run_close(struct apply *apply, size_t step, size_t slot) {
    struct deployment *d = apply->d;
    struct run *run = deployment_run(d, step, slot);
    bool canceling = d->closing == CLOSING_CANCELING;
    switch (run->state) {
    case RUN_ASKING:
        question_close(apply, run, GUIDANCE_NONE,
                       canceling ? d->closing_why
                                 : arena_printf(d->arena, "The deployment failed: %s", d->closing_why));
        run_enter(apply, step, slot, canceling ? RUN_CANCELED : run_end_as_it_was(run));
        schedule_advance(apply, step, slot);
        break;
    case RUN_DELAYED:
        if (run->unstarted > 0) {
            close_unclaimed(apply, step, slot);
            break;
        }
        run_enter(apply, step, slot, canceling ? RUN_CANCELED : run_end_as_it_was(run));
        schedule_advance(apply, step, slot);
        break;
    case RUN_QUEUED:
        close_unclaimed(apply, step, slot);
        break;
    case RUN_RUNNING:
    case RUN_LOST:
        if (canceling) {
            run_stop(apply, step, slot);
        }
        break;
    case RUN_PENDING:
    case RUN_SUCCEEDED:
    case RUN_WARNED:
    case RUN_FAILED:
    case RUN_UNKNOWN:
    case RUN_EXCLUDED:
    case RUN_SKIPPED:
    case RUN_CANCELED:
    case RUN_STATE_COUNT:
        break;
    }
}

/* First looks, then closes: closing one run can start the next of its slot, which must not be closed in turn. */
static void runs_close(struct apply *apply) {
    struct deployment *d = apply->d;
    struct run_place *places = NULL;
    size_t count = 0;
    for (size_t step = 0; step < d->plan->step_count; step++) {
        for (size_t slot = 0; slot < d->plan->steps[step].slot_count; slot++) {
            enum run_state state = deployment_run(d, step, slot)->state;
            if (state != RUN_PENDING && !run_is_final(state)) {
                places = arena_push(apply->arena, places, count, sizeof *places);
                places[count++] = (struct run_place){step, slot};
            }
        }
    }
    for (size_t i = 0; i < count; i++) {
        run_close(apply, places[i].step, places[i].slot);
    }
}

void closing_carry_out(struct apply *apply, enum closing closing, const char *why) {
    struct deployment *d = apply->d;
    d->closing = closing;
    d->intake = d->intake > closing ? d->intake : closing;
    d->closing_why = why;
    apply_audit(apply, closing == CLOSING_FAILING ? "failing" : "canceled");
    runs_close(apply);
    schedule_resume(apply);
}

void closing_time_cancel(struct apply *apply) {
    struct effect *timer = apply_effect(apply, EFFECT_TIMER, 0, 0);
    timer->timer = EVENT_CANCEL_LATE;
    timer->at_ms = apply->event->now_ms + LIMIT_CANCEL_MS;
}

/* --- events --------------------------------------------------------------------------------------------------- */

bool closing_failing(struct apply *apply, struct run *run) {
    (void)run;
    struct deployment *d = apply->d;
    if (d->closing != CLOSING_NO || d->intake == CLOSING_NO) {
        return false;
    }
    closing_carry_out(apply, CLOSING_FAILING, d->closing_why);
    return true;
}

bool closing_cancel(struct apply *apply, struct run *run) {
    (void)run;
    struct deployment *d = apply->d;
    const struct event *event = apply->event;
    if (d->closing == CLOSING_CANCELING) {
        return false;
    }
    bool noted = !str_empty(event->note);
    const char *why =
        arena_printf(d->arena, "%s canceled it%s%s.", event->actor, noted ? ": " : "", noted ? event->note : "");
    bool begun = d->state != DEPLOYMENT_QUEUED;
    closing_carry_out(apply, CLOSING_CANCELING, why);
    deployment_enter(apply, begun ? DEPLOYMENT_CANCELING : DEPLOYMENT_CANCELED);
    if (begun) {
        closing_time_cancel(apply);
    }
    return true;
}

/* What has not stopped by now is asked about: the deployment does not hang for ever. */
bool closing_cancel_late(struct apply *apply, struct run *run) {
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
