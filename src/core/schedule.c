/*
 * What runs next. A stage is a step, or the adjacent steps of a group; each of its slots goes through the steps of
 * the stage on its own, at most `max_parallel` slots at a time, and the next stage begins when all slots are through.
 * A step on its own is a stage of one step, so that rolling windows, groups and plain steps are one mechanism.
 */

#include "transition.h"

#include "base/str.h"

bool schedule_was_opened(const struct deployment *d, size_t step, size_t slot) {
    const struct stage_state *stage = &d->stages[d->steps[step].stage];
    for (size_t s = stage->first; s < step; s++) {
        /* Who claimed a run that is over is not stored, but of which host it was. */
        const struct run *run = deployment_run(d, s, slot);
        if (run->worker != NULL || run->host != NULL) {
            return true;
        }
    }
    return false;
}

/* The state a pending run takes when its turn has come: QUEUED if it is to run, else the final state that says why
 * not. */
static enum run_state slot_turn(const struct deployment *d, size_t step, size_t slot) {
    enum plan_condition condition = d->plan->steps[step].condition;
    if (condition == PLAN_CLEANUP && schedule_was_opened(d, step, slot)) {
        return RUN_QUEUED;
    }
    if (slot_is_excluded(d, step, slot)) {
        return RUN_EXCLUDED;
    }
    if (d->closing == CLOSING_CANCELING) {
        return RUN_CANCELED;
    }
    bool failing = d->closing == CLOSING_FAILING;
    if (failing && d->plan->steps[step].approve) {
        return RUN_SKIPPED; /* Nothing more is asked. */
    }
    bool runs =
        condition == PLAN_ALWAYS || (condition == PLAN_SUCCESS && !failing) || (condition == PLAN_FAILURE && failing);
    return runs ? RUN_QUEUED : RUN_SKIPPED;
}

bool slot_is_through(const struct deployment *d, const struct stage_state *stage, size_t slot) {
    for (size_t step = stage->first; step <= stage->last; step++) {
        if (!run_is_final(deployment_run(d, step, slot)->state)) {
            return false;
        }
    }
    return true;
}

/* The slot goes on at `step`: starts the first run of its stage from there that is to run, or is through. While the
 * deployment holds it stays where it is. */
static void slot_continue(struct apply *apply, struct stage_state *stage, size_t step, size_t slot) {
    struct deployment *d = apply->d;
    for (; step <= stage->last; step++) {
        if (deployment_holds(d)) {
            return;
        }
        if (run_is_final(deployment_run(d, step, slot)->state)) {
            continue; /* Settled before the deployment began. */
        }
        enum run_state turn = slot_turn(d, step, slot);
        if (turn == RUN_QUEUED && d->plan->steps[step].approve) {
            run_ask(apply, step, slot, ASK_APPROVE, d->plan->steps[step].instructions);
            return;
        }
        if (turn == RUN_QUEUED) {
            run_issue(apply, step, slot, false, "plan");
            return;
        }
        run_enter(apply, step, slot, turn);
    }
    stage->open--;
    stage->done++;
}

void schedule_advance(struct apply *apply, size_t step, size_t slot) {
    slot_continue(apply, &apply->d->stages[apply->d->steps[step].stage], step + 1, slot);
}

void schedule_resume(struct apply *apply) {
    struct deployment *d = apply->d;
    for (size_t i = 0; i < d->stage_count; i++) {
        struct stage_state *stage = &d->stages[i];
        for (size_t slot = 0; slot < stage->next_slot; slot++) {
            size_t step = stage->first;
            while (step <= stage->last && run_is_final(deployment_run(d, step, slot)->state)) {
                step++;
            }
            if (step <= stage->last && deployment_run(d, step, slot)->state == RUN_PENDING) {
                slot_continue(apply, stage, step, slot);
            }
        }
    }
}

static void stage_fill(struct apply *apply, struct stage_state *stage) {
    size_t window = (size_t)apply->d->plan->steps[stage->first].max_parallel;
    while (stage->next_slot < stage->slot_count && stage->open < window) {
        size_t slot = stage->next_slot++;
        if (!slot_is_through(apply->d, stage, slot)) {
            stage->open++;
            slot_continue(apply, stage, stage->first, slot);
        }
    }
}

/* Opens what may be opened. True if every stage is through. */
static bool stages_fill(struct apply *apply) {
    struct deployment *d = apply->d;
    bool all_done = true;
    for (size_t i = 0; i < d->stage_count; i++) {
        struct stage_state *stage = &d->stages[i];
        const struct plan_step *step = &d->plan->steps[stage->first];
        /* Whether something failed is known only when what came before is over. */
        bool may_overlap = step->with_previous && step->condition != PLAN_FAILURE;
        if (!all_done && !may_overlap) {
            return false;
        }
        stage_fill(apply, stage);
        all_done = all_done && stage->done == stage->slot_count;
    }
    return all_done;
}

/* What became of a target in this deployment. */
struct target_sum {
    bool here;             /* a run of it was settled here, not before */
    bool done, undone;     /* a step that brings the version went well there; one did not */
    bool changed, unknown; /* something ran there; with an outcome that is not known */
    bool excluded;         /* here, not before: what was excluded before was told then */
    size_t step, slot;     /* the last of its steps that bring the version */
};

static void sum_run(struct target_sum *sum, const struct run *run) {
    bool done = run->state == RUN_SUCCEEDED || run->state == RUN_WARNED;
    sum->here = sum->here || !run->earlier || run->unknown; /* or it was said here that it had worked */
    sum->done = sum->done || done;
    sum->undone = sum->undone || !done;
    sum->changed = sum->changed || run->unknown || (!run->earlier && run_began(run).kind != OUTCOME_NONE);
    sum->unknown = sum->unknown || (run->unknown && !done);
}

/* A target has the version when every step that brings it there went well, ignored ones included, and none was left out.
 * One that no step brings the version to has none, and is owed none. */
static void announce_targets(struct apply *apply) {
    struct deployment *d = apply->d;
    const struct plan *plan = d->plan;
    struct target_sum *sums = arena_array(apply->arena, plan->target_count + 1, sizeof *sums);
    for (size_t step = 0; step < plan->step_count; step++) {
        for (size_t slot = 0; slot < plan->steps[step].slot_count; slot++) {
            int target = slot_target(d, step, slot);
            if (target < 0) {
                continue;
            }
            const struct run *run = deployment_run(d, step, slot);
            sums[target].excluded = sums[target].excluded || (run->state == RUN_EXCLUDED && !run->earlier);
            if (plan->steps[step].condition == PLAN_SUCCESS) {
                sum_run(&sums[target], run);
                sums[target].step = step;
                sums[target].slot = slot;
            }
        }
    }
    for (size_t target = 0; target < plan->target_count; target++) {
        const struct target_sum *sum = &sums[target];
        bool confirmed = sum->done && !sum->undone && !plan->targets[target].skipped && !d->excluded[target];
        if (confirmed && sum->here) {
            (void)apply_effect(apply, EFFECT_DEPLOYED, sum->step, sum->slot);
        } else if (!confirmed && sum->changed) {
            apply_effect(apply, EFFECT_UNCONFIRMED, sum->step, sum->slot)->text =
                sum->unknown ? "unknown" : "unfinished";
        }
        if (sum->excluded && (sum->done || sum->undone)) {
            (void)apply_effect(apply, EFFECT_OWED, sum->step, sum->slot);
        }
    }
}

static enum deployment_state final_state(const struct deployment *d) {
    if (d->closing == CLOSING_CANCELING) {
        return DEPLOYMENT_CANCELED;
    }
    if (d->closing == CLOSING_FAILING) {
        return DEPLOYMENT_FAILED;
    }
    return d->warned ? DEPLOYMENT_SUCCEEDED_WITH_WARNINGS : DEPLOYMENT_SUCCEEDED;
}

void schedule_conclude(struct apply *apply) {
    struct deployment *d = apply->d;
    if (d->state == DEPLOYMENT_QUEUED || deployment_is_final(d->state)) {
        return;
    }
    if (!deployment_holds(d) && stages_fill(apply)) {
        announce_targets(apply);
        deployment_enter(apply, final_state(d));
    } else if (d->state == DEPLOYMENT_RUNNING && d->active == 0 && d->question_count > 0) {
        deployment_enter(apply, DEPLOYMENT_PAUSED);
    } else if (d->state == DEPLOYMENT_PAUSED && d->active > 0) {
        deployment_enter(apply, DEPLOYMENT_RUNNING);
    }
}
