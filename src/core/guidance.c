/* What an answer does, and what happens when nobody gives one or it is no longer needed. */

#include <assert.h>

#include "base/limits.h"
#include "base/str.h"
#include "transition.h"
#include "view_parts.h"

/* "alice answered Fail for Install on web-3: disk broken." */
static const char *answer_words(struct apply *apply, const struct question *q) {
    const struct event *event = apply->event;
    const struct deployment *d = apply->d;
    bool noted = !str_empty(event->note);
    return arena_printf(d->arena, "%s answered %s for %s%s%s.", event->actor, guidance_title(event->guidance),
                        plan_run_name(d->plan, q->step, q->slot, d->arena), noted ? ": " : "",
                        noted ? event->note : "");
}

/* The answered run gets no further attempt: it ends as what it was. */
static void end_as_it_was(struct apply *apply, const struct question *q) {
    run_enter(apply, q->step, q->slot, run_end_as_it_was(deployment_run(apply->d, q->step, q->slot)));
    schedule_advance(apply, q->step, q->slot);
}

/* Only an answer that did what it says is counted: one that came to something else, since others were first, is not. */
static void count_past(struct apply *apply, const struct question *q, enum guidance guidance) {
    if (q->past != 0) {
        struct effect *past = apply_effect(apply, EFFECT_PAST, q->step, q->slot);
        past->past = q->past;
        past->guidance = guidance;
    }
}

static void answer_fail(struct apply *apply, struct run *run, const struct question *q) {
    struct deployment *d = apply->d;
    count_past(apply, q, GUIDANCE_FAIL);
    if (q->late_cancel) {
        run->unknown = true;
        run_enter(apply, q->step, q->slot, RUN_CANCELED);
        schedule_advance(apply, q->step, q->slot);
        return;
    }
    d->intake = d->intake == CLOSING_NO ? CLOSING_FAILING : d->intake; /* It was recorded with the answer. */
    end_as_it_was(apply, q);
    closing_carry_out(apply, CLOSING_FAILING, answer_words(apply, q));
}

/* What else runs or queues there finishes. A question about it is moot, unless an answer to it was recorded first:
 * therefore it is closed by an event of its own. */
static void exclude_target(struct apply *apply, size_t target) {
    struct deployment *d = apply->d;
    d->excluded[target] = true;
    d->excluded_count++;
    for (size_t step = 0; step < d->plan->step_count; step++) {
        for (size_t slot = 0; slot < d->plan->steps[step].slot_count; slot++) {
            const struct run *run = deployment_run(d, step, slot);
            if (slot_target(d, step, slot) != (int)target) {
                continue;
            }
            bool undoes = run->unstarted > 0 && d->plan->steps[step].condition == PLAN_CLEANUP;
            if (run->state == RUN_DELAYED && !undoes) {
                run_enter(apply, step, slot, RUN_EXCLUDED);
                schedule_advance(apply, step, slot);
            } else if (run->state == RUN_ASKING) {
                struct effect *timer = apply_effect(apply, EFFECT_TIMER, step, slot);
                timer->timer = EVENT_MOOT;
                timer->attempt = run->attempt;
                timer->question = run->question;
                timer->at_ms = apply->event->now_ms;
            }
        }
    }
}

static void answer_exclude(struct apply *apply, const struct question *q) {
    struct deployment *d = apply->d;
    size_t target = d->plan->steps[q->step].targets[q->slot];
    if (!d->excluded[target] && deployment_remaining(d) <= 1) {
        closing_record(apply, answer_words(apply, q)); /* Others were excluded meanwhile, and the last one can't be. */
        end_as_it_was(apply, q);
        return;
    }
    count_past(apply, q, GUIDANCE_EXCLUDE);
    run_enter(apply, q->step, q->slot, RUN_EXCLUDED);
    if (!d->excluded[target]) {
        exclude_target(apply, target);
    }
    schedule_advance(apply, q->step, q->slot);
}

static void answer_ignore(struct apply *apply, const struct question *q) {
    count_past(apply, q, GUIDANCE_IGNORE);
    run_enter(apply, q->step, q->slot, RUN_WARNED);
    schedule_advance(apply, q->step, q->slot);
}

/* By a person, or by the step itself. */
static void answer_retry(struct apply *apply, struct run *run, const struct question *q, bool by_step) {
    if (slot_is_excluded(apply->d, q->step, q->slot)) {
        run_enter(apply, q->step, q->slot, RUN_EXCLUDED);
        schedule_advance(apply, q->step, q->slot);
        return;
    }
    if (by_step) {
        run->auto_retries++;
    } else {
        run->people_retries++;
        run->retried = q->past;
        count_past(apply, q, GUIDANCE_RETRY);
    }
    run_issue(apply, q->step, q->slot, false, "retry");
}

bool guidance_answered(struct apply *apply, struct run *run) {
    struct deployment *d = apply->d;
    const struct event *event = apply->event;
    const struct question *open = deployment_question(d, event->question);
    if (open == NULL || (open->options & (unsigned)event->guidance) == 0) {
        return false;
    }
    const struct question q = *open;
    run = deployment_run(d, q.step, q.slot);
    apply_audit(apply, "answered Q%llu %zu.%zu #%u %s", (unsigned long long)q.id, q.step, q.slot, q.attempt,
                guidance_word(event->guidance));
    question_close(apply, run, event->guidance, NULL);
    switch (event->guidance) {
    case GUIDANCE_RETRY:
        answer_retry(apply, run, &q, false);
        break;
    case GUIDANCE_IGNORE:
        answer_ignore(apply, &q);
        break;
    case GUIDANCE_EXCLUDE:
        answer_exclude(apply, &q);
        break;
    case GUIDANCE_PROCEED:
        run_enter(apply, q.step, q.slot, RUN_SUCCEEDED);
        schedule_advance(apply, q.step, q.slot);
        break;
    case GUIDANCE_FAIL:
    case GUIDANCE_ABORT:
        answer_fail(apply, run, &q);
        break;
    case GUIDANCE_NONE:
        break;
    }
    return true;
}

bool guidance_deadline(struct apply *apply, struct run *run) {
    struct deployment *d = apply->d;
    const struct question *open = deployment_question(d, apply->event->question);
    if (open == NULL || open->deadline_ms == 0 || open->deadline_ms > apply->event->now_ms ||
        !d->plan->steps[open->step].guided.fail_unanswered) {
        return false;
    }
    const struct question q = *open;
    struct buf waited = BUF_INIT(LIMIT_NAME_BYTES);
    str_duration(&waited, q.deadline_ms - q.asked_ms);
    const char *why = arena_printf(d->arena, "Nobody answered for %s (if_unanswered: fail).", waited.data);
    buf_finish(&waited);
    run = deployment_run(d, q.step, q.slot);
    question_close(apply, run, GUIDANCE_FAIL, why);
    closing_record(apply, why);
    end_as_it_was(apply, &q);
    return true;
}

/* Who is on it lies in the question, where it was recorded; here it is only written down. */
bool guidance_taken(struct apply *apply, struct run *run) {
    (void)run;
    apply_audit(apply, "taken Q%llu", (unsigned long long)apply->event->question);
    return true;
}

bool guidance_moot(struct apply *apply, struct run *run) {
    struct deployment *d = apply->d;
    const struct question *open = deployment_question(d, apply->event->question);
    if (open == NULL || !slot_is_excluded(d, open->step, open->slot)) {
        return false;
    }
    const struct question q = *open;
    run = deployment_run(d, q.step, q.slot);
    question_close(apply, run, GUIDANCE_EXCLUDE, "Its machine was excluded.");
    run_enter(apply, q.step, q.slot, RUN_EXCLUDED);
    schedule_advance(apply, q.step, q.slot);
    return true;
}

/* --- when its target is back -------------------------------------------------------------------------------------- */

bool question_may_wait_for_back(const struct question *question) {
    return question->unreachable && (question->options & GUIDANCE_RETRY) != 0;
}

/* q->back_note stands already. */
static void wait_for_back(struct apply *apply, struct question *q, const char *by, int64_t until_ms, bool first) {
    q->back_by = by;
    q->back_until_ms = until_ms;
    if (first) {
        q->probed = true;
        struct effect *probe = apply_effect(apply, EFFECT_PROBE, q->step, q->slot);
        probe->question = q->id;
        probe->attempt = q->attempt;
        probe->epoch = deployment_run(apply->d, q->step, q->slot)->epoch;
        probe->at_ms = until_ms;
    }
    apply_audit(apply, "when_back Q%llu %s", (unsigned long long)q->id, by);
}

/* Once: a machine that was back and could not be reached again is asked about. */
void question_wait_for_back(struct apply *apply, const struct run *run) {
    struct question *q = deployment_question(apply->d, run->question);
    const struct plan_step *step = &apply->d->plan->steps[q->step];
    if (step->when_back_ms > 0 && question_may_wait_for_back(q) && run->auto_retries <= (uint32_t)step->retry_times) {
        wait_for_back(apply, q, WHEN_BACK_BY_STEP, apply->event->now_ms + step->when_back_ms, true);
    }
}

/* That it was chosen lies in the question, where it was recorded. */
bool guidance_when_back(struct apply *apply, struct run *run) {
    (void)run;
    const struct event *event = apply->event;
    struct question *q = deployment_question(apply->d, event->question);
    if (q == NULL || !question_may_wait_for_back(q)) {
        return false;
    }
    /* Chosen again, it is waited for already, and who waits looks until when. A leader that has just read the question finds this choice, or
     * a later one, in it: it can't tell whether anybody looks, and one more does no harm. */
    bool waits = q->probed && q->back_until_ms > event->now_ms;
    q->back_note = arena_strdup(apply->d->arena, event->note);
    wait_for_back(apply, q, arena_strdup(apply->d->arena, event->actor), event->deadline_ms, !waits);
    return true;
}

/* It was chosen before, nobody has answered meanwhile, and its time is not over: this is that person's Retry. */
bool guidance_back(struct apply *apply, struct run *run) {
    struct deployment *d = apply->d;
    const struct question *open = deployment_question(d, run->question);
    if (run->state != RUN_ASKING || open == NULL || open->back_by == NULL ||
        apply->event->now_ms > open->back_until_ms) {
        return false;
    }
    const struct question q = *open;
    bool by_step = str_equal(q.back_by, WHEN_BACK_BY_STEP);
    question_close(apply, run, GUIDANCE_RETRY,
                   arena_printf(d->arena, "%s is back: retried by itself, as %s %s%s.",
                                plan_slot_name(d->plan, q.step, q.slot), by_step ? "its step" : q.back_by,
                                by_step ? "says" : "chose", by_step ? "" : view_note(q.back_note, d->arena)));
    answer_retry(apply, run, &q, by_step);
    return true;
}
