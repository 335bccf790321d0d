/* The deployment as a value: how it begins, how it is restored from what was stored, and what can be asked of it. */

#include <string.h>

#include "base/str.h"
#include "core/deployment.h"
#include "transition.h"

static const char *const deployment_words[] = {
#define X(name, word) [DEPLOYMENT_##name] = word,
    DEPLOYMENT_STATES(X)
#undef X
};

static const char *const run_words[] = {
#define X(name, word) [RUN_##name] = word,
    RUN_STATES(X)
#undef X
};

static const char *const outcome_words[] = {
#define X(name, word) [OUTCOME_##name] = word,
    OUTCOMES(X)
#undef X
};

static const char *const event_words[] = {
#define X(name, word) [EVENT_##name] = word,
    EVENTS(X)
#undef X
};

static const char *const origin_words[] = {
#define X(name, word) [ORIGIN_##name] = word,
    ORIGINS(X)
#undef X
};

const char *deployment_state_word(enum deployment_state state) {
    return deployment_words[state];
}

const char *run_state_word(enum run_state state) {
    return run_words[state];
}

const char *outcome_word(enum outcome_kind kind) {
    return outcome_words[kind];
}

const char *event_word(enum event_kind kind) {
    return event_words[kind];
}

enum deployment_state deployment_state_parse(const char *word) {
    for (size_t i = 0; i < sizeof deployment_words / sizeof deployment_words[0]; i++) {
        if (str_equal(word, deployment_words[i])) {
            return (enum deployment_state)i;
        }
    }
    return (enum deployment_state) - 1;
}

const char *origin_word(enum origin origin) {
    return origin_words[origin];
}

enum origin origin_parse(const char *word) {
    for (size_t i = 0; i < sizeof origin_words / sizeof origin_words[0]; i++) {
        if (str_equal(word, origin_words[i])) {
            return (enum origin)i;
        }
    }
    return ORIGIN_DEPLOY;
}

bool deployment_is_final(enum deployment_state state) {
    return state == DEPLOYMENT_SUCCEEDED || state == DEPLOYMENT_SUCCEEDED_WITH_WARNINGS || state == DEPLOYMENT_FAILED ||
           state == DEPLOYMENT_CANCELED;
}

bool run_is_final(enum run_state state) {
    return state == RUN_SUCCEEDED || state == RUN_WARNED || state == RUN_FAILED || state == RUN_UNKNOWN ||
           state == RUN_EXCLUDED || state == RUN_SKIPPED || state == RUN_CANCELED;
}

bool outcome_of_a_start(struct outcome outcome) {
    return outcome.kind != OUTCOME_NONE && outcome.kind != OUTCOME_NOT_STARTED && outcome.kind != OUTCOME_UNREACHABLE;
}

struct outcome run_began(const struct run *run) {
    return outcome_of_a_start(run->outcome) ? run->outcome : run->before;
}

bool outcome_is_success(struct outcome outcome) {
    return outcome.kind == OUTCOME_EXIT && outcome.number == 0;
}

struct run *deployment_run(const struct deployment *d, size_t step, size_t slot) {
    return &d->steps[step].runs[slot];
}

struct question *deployment_question(const struct deployment *d, uint64_t id) {
    for (size_t i = 0; i < d->question_count; i++) {
        if (id != 0 && d->questions[i].id == id) {
            return &d->questions[i];
        }
    }
    return NULL;
}

uint32_t deployment_remaining(const struct deployment *d) {
    return (uint32_t)d->plan->target_count - d->excluded_count;
}

static bool same_group(const struct plan_step *a, const struct plan_step *b) {
    return a->group != NULL && str_equal(a->group, b->group) && a->slot_count == b->slot_count;
}

static void stages_find(struct deployment *d) {
    const struct plan *plan = d->plan;
    d->stages = arena_array(d->arena, plan->step_count + 1, sizeof *d->stages);
    d->stage_count = 0;
    for (size_t step = 0; step < plan->step_count; step++) {
        if (step == 0 || !same_group(&plan->steps[step - 1], &plan->steps[step])) {
            d->stages[d->stage_count++] =
                (struct stage_state){.first = step, .slot_count = plan->steps[step].slot_count};
        }
        d->stages[d->stage_count - 1].last = step;
        d->steps[step].stage = d->stage_count - 1;
    }
}

void deployment_init(struct deployment *d, const struct plan *plan, struct arena *arena) {
    *d = (struct deployment){.plan = plan, .arena = arena, .guided_flag = -1};
    d->steps = arena_array(arena, plan->step_count + 1, sizeof *d->steps);
    d->excluded = arena_array(arena, plan->target_count + 1, sizeof *d->excluded);
    for (size_t step = 0; step < plan->step_count; step++) {
        d->steps[step].runs = arena_array(arena, plan->steps[step].slot_count + 1, sizeof(struct run));
        d->steps[step].by_state[RUN_PENDING] = (uint32_t)plan->steps[step].slot_count;
        d->warned = d->warned || plan->steps[step].left_empty;
    }
    stages_find(d);
}

/* What was settled before the deployment began does not open a slot, but lets it be through. */
static void stage_restore(struct deployment *d, struct stage_state *stage) {
    for (size_t slot = 0; slot < stage->slot_count; slot++) {
        bool opened = false;
        for (size_t step = stage->first; step <= stage->last; step++) {
            const struct run *run = deployment_run(d, step, slot);
            opened = opened || (run->state != RUN_PENDING && !run->earlier);
        }
        bool through = slot_is_through(d, stage, slot);
        stage->done += through;
        stage->open += opened && !through;
        if (opened) {
            stage->next_slot = slot + 1;
        }
    }
}

void deployment_restore(struct deployment *d) {
    d->active = 0;
    d->excluded_count = 0;
    for (size_t step = 0; step < d->plan->step_count; step++) {
        struct step_state *s = &d->steps[step];
        memset(s->by_state, 0, sizeof s->by_state);
        s->earlier = 0;
        for (size_t slot = 0; slot < d->plan->steps[step].slot_count; slot++) {
            enum run_state state = s->runs[slot].state;
            s->by_state[state]++;
            s->earlier += s->runs[slot].earlier;
            if (state == RUN_EXCLUDED && !d->plan->steps[step].on_worker) {
                d->excluded[d->plan->steps[step].targets[slot]] = true;
            }
        }
        d->active +=
            s->by_state[RUN_QUEUED] + s->by_state[RUN_RUNNING] + s->by_state[RUN_LOST] + s->by_state[RUN_DELAYED];
    }
    for (size_t target = 0; target < d->plan->target_count; target++) {
        d->excluded_count += d->excluded[target];
    }
    stages_find(d);
    for (size_t i = 0; i < d->stage_count; i++) {
        stage_restore(d, &d->stages[i]);
    }
    vigil_restore_all(d);
}
