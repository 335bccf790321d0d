#include "world_check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"
#include "scene.h"

/* --- starts ------------------------------------------------------------------------------------------------------ */

static bool is_excluded(const struct deployment *d, size_t step, size_t slot) {
    const struct plan_step *s = &d->plan->steps[step];
    return !s->on_worker && d->excluded[s->targets[slot]];
}

static bool went_well(enum run_state state) {
    return state == RUN_SUCCEEDED || state == RUN_WARNED;
}

/* A step that is for success starts only if what comes before it on its way has ended well, or was put aside by
 * somebody. */
static void check_order(const struct world *world, const struct effect *start) {
    const struct deployment *d = world->d;
    size_t own_stage = d->steps[start->step].stage;
    bool for_success = d->plan->steps[start->step].condition == PLAN_SUCCESS;
    bool overlaps = false;
    for (size_t stage = own_stage; stage-- > 0;) {
        const struct plan_step *after = &d->plan->steps[d->stages[stage + 1].first];
        overlaps = (stage + 1 == own_stage || overlaps) && after->with_previous && after->condition != PLAN_FAILURE;
        for (size_t step = d->stages[stage].first; step <= d->stages[stage].last && !overlaps; step++) {
            for (size_t slot = 0; slot < d->plan->steps[step].slot_count; slot++) {
                enum run_state state = deployment_run(d, step, slot)->state;
                world_must(world, run_is_final(state));
                bool fine =
                    went_well(state) || state == RUN_EXCLUDED || state == RUN_SKIPPED || is_excluded(d, step, slot);
                world_must(world, fine || !for_success);
            }
        }
    }
    for (size_t step = d->stages[own_stage].first; step < start->step; step++) {
        enum run_state state = deployment_run(d, step, start->slot)->state;
        world_must(world, run_is_final(state));
        world_must(world, went_well(state) || state == RUN_SKIPPED || !for_success);
    }
}

/* Attempt n + 1 comes only of a recorded decision or of a proof that n never started. */
static void check_reason(const struct world *world, const struct deployment *before, const struct event *event,
                         const struct effect *start) {
    const struct run *was = deployment_run(before, start->step, start->slot);
    const struct plan_step *step = &world->plan->steps[start->step];
    const struct question *asked = deployment_question(before, event->question);
    if (start->attempt == was->attempt) {
        world_must(world, was->state == RUN_QUEUED && world->d->closing != CLOSING_NO);
        return;
    }
    world_must(world, start->attempt == was->attempt + 1);
    if (start->attempt == 1) {
        check_order(world, start);
        return;
    }
    bool retry = event->kind == EVENT_ANSWERED && event->guidance == GUIDANCE_RETRY && asked != NULL &&
                 asked->step == start->step && asked->slot == start->slot && asked->attempt == was->attempt;
    bool automatic = event->kind == EVENT_RETRY_DUE && was->state == RUN_DELAYED && !was->unknown &&
                     was->unstarted == 0 && was->auto_retries <= (uint32_t)step->retry_times;
    bool safe = event->kind == EVENT_TRUTH_GONE && event->worker != NULL && step->safe_to_rerun;
    bool paused = was->state == RUN_DELAYED && was->unstarted > 0;
    bool never = (event->kind == EVENT_NEVER_STARTED || paused) &&
                 world->runs[start->step][start->slot].processes[was->attempt].truth == TRUTH_NEVER;
    world_must(world, retry || automatic || safe || never);
    world_must(world, !retry || was->people_retries < (uint32_t)step->guided.max_retries);
}

static void check_start(const struct world *world, const struct deployment *before, const struct event *event,
                        const struct effect *start) {
    const struct deployment *d = world->d;
    const struct world_run *run = &world->runs[start->step][start->slot];
    enum plan_condition condition = d->plan->steps[start->step].condition;
    world_must(world, start->epoch > run->newest_epoch && start->attempt < WORLD_ATTEMPTS);
    world_must(world, !is_excluded(d, start->step, start->slot) || condition == PLAN_CLEANUP);
    world_must(world, d->closing != CLOSING_FAILING || condition != PLAN_SUCCESS);
    world_must(world, d->closing != CLOSING_CANCELING || condition == PLAN_CLEANUP);
    world_must(world, !d->plan->steps[start->step].approve);
    /* Nothing of it runs or can start, unless the worker is told to make sure of that. */
    for (uint32_t i = 0; i < WORLD_ATTEMPTS; i++) {
        bool proves = start->prove_gone && i + 1 == start->attempt;
        world_must(world, !run->processes[i].starts);
        world_must(world, run->processes[i].truth != TRUTH_RUNNING || proves);
    }
    check_reason(world, before, event, start);
}

static void check_deployed(const struct world *world, const struct effect *effect) {
    const struct deployment *d = world->d;
    uint32_t target = d->plan->steps[effect->step].targets[effect->slot];
    world_must(world, !d->excluded[target]);
    for (size_t step = 0; step < d->plan->step_count; step++) {
        for (size_t slot = 0; slot < d->plan->steps[step].slot_count; slot++) {
            const struct plan_step *s = &d->plan->steps[step];
            if (!s->on_worker && s->targets[slot] == target && s->condition == PLAN_SUCCESS) {
                world_must(world, went_well(deployment_run(d, step, slot)->state));
            }
        }
    }
}

void world_check_decision(const struct world *world, const struct deployment *before, const struct event *event) {
    const struct decision *decision = &world->last;
    if (decision->ignored) {
        scene_assert_same(world->d, before);
        return;
    }
    world_must(world, !deployment_is_final(before->state));
    for (size_t i = 0; i < decision->count; i++) {
        const struct effect *effect = &decision->effects[i];
        if (effect->kind == EFFECT_START) {
            check_start(world, before, event, effect);
        } else if (effect->kind == EFFECT_ASK) {
            const struct question *q = deployment_question(world->d, effect->question);
            world_must(world, q != NULL);
            world_must(world, q == NULL || world->d->closing == CLOSING_NO || q->late_cancel);
            world_must(world, q == NULL || q->approve || q->late_cancel || world->plan->steps[q->step].guided.enabled);
        } else if (effect->kind == EFFECT_DEPLOYED) {
            check_deployed(world, effect);
        } else if (effect->kind == EFFECT_STOP) {
            world_must(world, effect->attempt == deployment_run(world->d, effect->step, effect->slot)->attempt);
            world_must(world, world->plan->steps[effect->step].condition != PLAN_CLEANUP);
        }
    }
}

/* --- edges ------------------------------------------------------------------------------------------------------- */

static bool run_edges[RUN_STATE_COUNT][RUN_STATE_COUNT];
static bool deployment_edges[RUN_STATE_COUNT][RUN_STATE_COUNT];

static void note_edges(const struct world *world, const struct deployment *before) {
    const struct deployment *d = world->d;
    for (size_t step = 0; step < d->plan->step_count; step++) {
        for (size_t slot = 0; slot < d->plan->steps[step].slot_count; slot++) {
            const struct run *was = deployment_run(before, step, slot), *is = deployment_run(d, step, slot);
            bool moved = was->state != is->state || was->question != is->question ||
                         (is->state == RUN_QUEUED && was->epoch != is->epoch);
            run_edges[was->state][is->state] = run_edges[was->state][is->state] || moved;
        }
    }
    deployment_edges[before->state][d->state] = true;
}

void world_edges_report(size_t *ret_missing) {
    *ret_missing = 0;
#define X(from, to, why)                                          \
    if (!run_edges[RUN_##from][RUN_##to]) {                       \
        print_message("never taken: run " #from " -> " #to "\n"); \
        ++*ret_missing;                                           \
    }
    RUN_EDGES(X)
#undef X
#define X(from, to, why)                                                 \
    if (!deployment_edges[DEPLOYMENT_##from][DEPLOYMENT_##to]) {         \
        print_message("never taken: deployment " #from " -> " #to "\n"); \
        ++*ret_missing;                                                  \
    }
    DEPLOYMENT_EDGES(X)
#undef X
}

/* --- the state --------------------------------------------------------------------------------------------------- */

static void check_questions(const struct world *world) {
    const struct deployment *d = world->d;
    size_t asking = 0;
    for (size_t i = 0; i < d->question_count; i++) {
        const struct question *q = &d->questions[i];
        const struct run *run = deployment_run(d, q->step, q->slot);
        world_must(world, run->state == RUN_ASKING && run->question == q->id && run->attempt == q->attempt);
        world_must(world, q->unknown == (run->unknown && !q->late_cancel));
    }
    for (size_t step = 0; step < d->plan->step_count; step++) {
        asking += d->steps[step].by_state[RUN_ASKING];
    }
    world_must(world, asking == d->question_count);
}

static void check_runs(const struct world *world) {
    const struct deployment *d = world->d;
    bool over = deployment_is_final(d->state) && d->started_ms != 0;
    for (size_t step = 0; step < d->plan->step_count; step++) {
        for (size_t slot = 0; slot < d->plan->steps[step].slot_count; slot++) {
            const struct run *run = deployment_run(d, step, slot);
            const struct world_process *process = &world->runs[step][slot].processes[run->attempt];
            world_must(world, !over || run_is_final(run->state));
            world_must(world, (run->question != 0) == (run->state == RUN_ASKING));
            /* What is written down is true. */
            bool told = run->attempt > 0 && !run->unknown && !d->plan->steps[step].approve;
            if (told && run->state == RUN_SUCCEEDED) {
                world_must(world, process->truth == TRUTH_ENDED && outcome_is_success(process->outcome));
            }
            if (run->state == RUN_SKIPPED || run->state == RUN_PENDING) {
                world_must(world, process->truth == TRUTH_NONE || process->truth == TRUTH_NEVER);
                world_must(world, !process->starts);
            }
            world_must(world, run->state != RUN_FAILED || !run->unknown);
            world_must(world, run->state != RUN_UNKNOWN || run->unknown);
        }
    }
}

static void check_windows(const struct world *world) {
    const struct deployment *d = world->d;
    for (size_t i = 0; i < d->stage_count; i++) {
        const struct stage_state *stage = &d->stages[i];
        world_must(world, stage->open <= (size_t)d->plan->steps[stage->first].max_parallel);
        world_must(world, stage->open + stage->done == stage->next_slot && stage->next_slot <= stage->slot_count);
    }
}

void world_check_state(const struct world *world, const struct deployment *before) {
    const struct deployment *d = world->d;
    scene_assert_same(d, scene_restart(d, world->arena));
    check_questions(world);
    check_runs(world);
    check_windows(world);
    for (size_t target = 0; target < d->plan->target_count; target++) {
        world_must(world, !before->excluded[target] || d->excluded[target]);
    }
    world_must(world, d->plan->target_count == 0 || deployment_remaining(d) > 0);
    world_must(world, !deployment_is_final(d->state) || (d->question_count == 0 && d->active == 0));
    world_must(world, d->state != DEPLOYMENT_PAUSED || d->active == 0);
    note_edges(world, before);
}
