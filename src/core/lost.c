/* A worker was lost, and the truth about its runs is looked for: on its machine, by whoever comes there. */

#include <errno.h>

#include "base/limits.h"
#include "base/str.h"
#include "transition.h"

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

bool lost_worker(struct apply *apply, struct run *run) {
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

bool lost_adopted(struct apply *apply, struct run *run) {
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
            run_unsay_outcome(run);
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
bool lost_never_started(struct apply *apply, struct run *run) {
    struct deployment *d = apply->d;
    const struct event *event = apply->event;
    bool asks = run_asks_unknown(d, run) || run_asks_late_cancel(d, run);
    if (run->epoch != event->epoch || (run->state != RUN_RUNNING && run->state != RUN_LOST && !asks)) {
        return false;
    }
    if (run_asks_unknown(d, run)) {
        run_unsay_outcome(run);
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

bool lost_truth_gone(struct apply *apply, struct run *run) {
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
bool lost_silent(struct apply *apply, struct run *run) {
    const struct event *event = apply->event;
    if (run->epoch != event->epoch || run->state != RUN_RUNNING || apply->d->closing == CLOSING_CANCELING) {
        return false;
    }
    run_becomes_unknown(apply, run, false);
    return true;
}

bool lost_heard(struct apply *apply, struct run *run) {
    const struct event *event = apply->event;
    if (run->epoch != event->epoch || !run_asks_unknown(apply->d, run)) {
        return false;
    }
    run_unsay_outcome(run);
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
bool lost_still_running(struct apply *apply, struct run *run) {
    const struct event *event = apply->event;
    if (run->state != RUN_QUEUED || run->epoch != event->epoch || !run->unknown) {
        return false;
    }
    apply_audit(apply, "still_running %zu.%zu #%u", event->step, event->slot, run->attempt - 1);
    run->attempt--;
    run_unsay_outcome(run);
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
bool lost_rolled_back(struct apply *apply, struct run *none) {
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
