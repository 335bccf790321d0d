/* What an answer will do. Each sentence says only what follows from the state and the plan by themselves. */

#include "core/deployment.h"

#include <string.h>

#include "base/str.h"
#include "transition.h"

/* Whether a run that has not begun will, once the answer was given and if all goes well. */
typedef bool will_run(const struct deployment *d, size_t step, size_t slot);

static will_run runs_as_planned, runs_after_fail, runs_on_excluded;

/* Something before it in its group has begun, or will. What is queued will begin too, but not once the deployment
 * fails. */
static bool is_opened(const struct deployment *d, size_t step, size_t slot, will_run *will) {
    bool opened = schedule_was_opened(d, step, slot);
    for (size_t s = d->stages[d->steps[step].stage].first; s < step; s++) {
        bool queued = deployment_run(d, s, slot)->state == RUN_QUEUED;
        opened = opened || will(d, s, slot) || (queued && will != runs_after_fail);
    }
    return opened;
}

static bool runs_as_planned(const struct deployment *d, size_t step, size_t slot) {
    enum plan_condition condition = d->plan->steps[step].condition;
    if (deployment_run(d, step, slot)->state != RUN_PENDING) {
        return false;
    }
    if (condition == PLAN_CLEANUP) {
        return is_opened(d, step, slot, runs_as_planned);
    }
    return condition != PLAN_FAILURE && !slot_is_excluded(d, step, slot);
}

static bool runs_after_fail(const struct deployment *d, size_t step, size_t slot) {
    const struct plan_step *s = &d->plan->steps[step];
    enum run_state state = deployment_run(d, step, slot)->state;
    if (s->condition == PLAN_CLEANUP) {
        return state == RUN_QUEUED || (state == RUN_PENDING && is_opened(d, step, slot, runs_after_fail));
    }
    return (state == RUN_QUEUED || state == RUN_PENDING) && s->condition != PLAN_SUCCESS && !s->approve &&
           !slot_is_excluded(d, step, slot);
}

static bool runs_on_excluded(const struct deployment *d, size_t step, size_t slot) {
    return d->plan->steps[step].condition == PLAN_CLEANUP && deployment_run(d, step, slot)->state == RUN_PENDING &&
           is_opened(d, step, slot, runs_on_excluded);
}

/* What will clean up behind the step, in its own group. */
static bool runs_behind(const struct deployment *d, size_t step, size_t slot, const struct question *q) {
    return step > q->step && step <= d->stages[d->steps[q->step].stage].last && slot == q->slot &&
           runs_on_excluded(d, step, slot);
}

/* --- lists of steps ---------------------------------------------------------------------------------------------- */

/* A list of names that grows; at most three are said. */
struct names {
    const char *text;
    size_t count;
    struct arena *arena;
};

static void names_add(struct names *names, const char *name) {
    if (++names->count <= 3) {
        names->text = arena_printf(names->arena, "%s%s%s", names->text, names->count > 1 ? ", " : "", name);
    }
}

static const char *names_text(const struct names *names) {
    return names->count > 3 ? arena_printf(names->arena, "%s and %zu more", names->text, names->count - 3)
                            : names->text;
}

/* The steps that will run on any of the questions' machines; with no question, on any at all. */
static const char *steps_that(const struct deployment *d, const struct question *const *questions, size_t count,
                              will_run *will, struct arena *arena) {
    struct names names = {.text = "", .arena = arena};
    for (size_t step = 0; step < d->plan->step_count; step++) {
        bool runs = false;
        for (size_t slot = 0; slot < d->plan->steps[step].slot_count; slot++) {
            bool there = count == 0;
            for (size_t i = 0; i < count && !there; i++) {
                there = slot_target(d, step, slot) == slot_target(d, questions[i]->step, questions[i]->slot);
            }
            runs = runs || (there && will(d, step, slot));
        }
        if (runs) {
            names_add(&names, d->plan->steps[step].name);
        }
    }
    return names_text(&names);
}

/* " Next there: Restart." for a machine, " Next: Install." behind a step on the worker, which the machines wait for. */
static const char *next_text(const struct deployment *d, const struct question *const *questions, size_t count,
                             struct arena *arena) {
    bool on_worker = d->plan->steps[questions[0]->step].on_worker;
    const char *next = steps_that(d, questions, on_worker ? 0 : count, runs_as_planned, arena);
    return next[0] == '\0' ? "" : arena_printf(arena, " Next%s: %s.", on_worker ? "" : " there", next);
}

/* --- each answer -------------------------------------------------------------------------------------------------- */

static const char *machines(size_t count, struct arena *arena) {
    return arena_printf(arena, "%zu machine%s", count, count == 1 ? "" : "s");
}

/* "Install on web-3", "Install on 7 machines" */
static const char *runs_name(const struct deployment *d, const struct question *const *questions, size_t count,
                             struct arena *arena) {
    const struct question *q = questions[0];
    if (count == 1) {
        return plan_run_name(d->plan, q->step, q->slot, arena);
    }
    return arena_printf(arena, "%s on %s", d->plan->steps[q->step].name, machines(count, arena));
}

static const char *retry_text(const struct deployment *d, const struct question *const *questions, size_t count,
                              struct arena *arena) {
    const struct question *q = questions[0];
    const struct plan_step *step = &d->plan->steps[q->step];
    const char *where = runs_name(d, questions, count, arena) + strlen(step->name);
    const char *attempt = count == 1 ? arena_printf(arena, " as attempt %u", q->attempt + 1) : "";
    return arena_printf(arena, "Runs %s again%s%s. Steps before it are not repeated.%s", step->name, where, attempt,
                        q->unknown && !step->safe_to_rerun ? " It is not declared safe to run twice." : "");
}

static bool is_asked_about(const struct deployment *d, int target) {
    for (size_t i = 0; i < d->question_count; i++) {
        if (slot_target(d, d->questions[i].step, d->questions[i].slot) == target) {
            return true;
        }
    }
    return false;
}

/* " The other 5 machines go on, but 2 of them wait for an answer first." */
static const char *others_text(const struct deployment *d, const struct question *const *questions, size_t count,
                               struct arena *arena) {
    size_t others = 0, waiting = 0;
    for (size_t target = 0; target < d->plan->target_count; target++) {
        bool answered = d->excluded[target];
        for (size_t i = 0; i < count; i++) {
            answered = answered || slot_target(d, questions[i]->step, questions[i]->slot) == (int)target;
        }
        others += !answered;
        waiting += !answered && is_asked_about(d, (int)target);
    }
    const char *who = others == 1 ? "The other machine" : arena_printf(arena, "The other %zu machines", others);
    if (others == 0) {
        return "";
    }
    if (waiting == 0) {
        return arena_printf(arena, " %s go%s on.", who, others == 1 ? "es" : "");
    }
    if (waiting == others) {
        return arena_printf(arena, " %s wait%s for an answer first.", who, others == 1 ? "s" : "");
    }
    return arena_printf(arena, " %s go on, but %zu of them wait%s for an answer first.", who, waiting,
                        waiting == 1 ? "s" : "");
}

static bool runs_there(const struct deployment *d, const struct question *q) {
    for (size_t step = 0; step < d->plan->step_count; step++) {
        for (size_t slot = 0; slot < d->plan->steps[step].slot_count; slot++) {
            enum run_state state = deployment_run(d, step, slot)->state;
            bool runs = state == RUN_QUEUED || state == RUN_RUNNING || state == RUN_LOST;
            if (runs && slot_target(d, step, slot) == slot_target(d, q->step, q->slot)) {
                return true;
            }
        }
    }
    return false;
}

static const char *exclude_text(const struct deployment *d, const struct question *const *questions, size_t count,
                                struct arena *arena) {
    const char *cleanup = steps_that(d, questions, count, runs_on_excluded, arena);
    bool runs = false;
    for (size_t i = 0; i < count; i++) {
        runs = runs || runs_there(d, questions[i]);
    }
    bool one = count == 1;
    return arena_printf(arena, "%s get%s no further step in this deployment%s%s and do%s not count as having %s.%s%s",
                        one ? plan_slot_name(d->plan, questions[0]->step, questions[0]->slot) : machines(count, arena),
                        one ? "s" : "", cleanup[0] == '\0' ? "" : " but ",
                        cleanup[0] == '\0' ? "" : arena_printf(arena, "%s,", cleanup), one ? "es" : "", d->version,
                        runs ? " What runs there now finishes." : "", others_text(d, questions, count, arena));
}

static const char *late_cancel_text(const struct deployment *d, const struct question *q, struct arena *arena) {
    struct names names = {.text = "", .arena = arena};
    for (size_t step = 0; step < d->plan->step_count; step++) {
        if (q->slot < d->plan->steps[step].slot_count && runs_behind(d, step, q->slot, q)) {
            names_add(&names, d->plan->steps[step].name);
        }
    }
    return arena_printf(arena, "Stops waiting for %s. Whether it still runs there is not known.%s%s%s",
                        plan_run_name(d->plan, q->step, q->slot, arena),
                        names.count == 0 ? "" : " Next there: ", names_text(&names), names.count == 0 ? "" : ".");
}

/* One answer ends the deployment, however many questions it was given for. */
static const char *fail_text(const struct deployment *d, const struct question *q, struct arena *arena) {
    if (q->late_cancel) {
        return late_cancel_text(d, q, arena);
    }
    uint32_t running = 0;
    for (size_t step = 0; step < d->plan->step_count; step++) {
        running += d->steps[step].by_state[RUN_RUNNING];
    }
    size_t others = d->question_count - 1;
    const char *closed =
        arena_printf(arena, " %zu other open question%s closed with it.", others, others == 1 ? " is" : "s are");
    const char *after = steps_that(d, NULL, 0, runs_after_fail, arena);
    return arena_printf(arena, "Ends the deployment as failed.%s%s%s%s%s", others > 0 ? closed : "",
                        running > 0 ? " What runs now finishes first." : "",
                        after[0] == '\0' ? " Nothing is rolled back." : " Then still run: ", after,
                        after[0] == '\0' ? "" : ".");
}

const char *deployment_consequence_of(const struct deployment *d, const struct question *const *questions, size_t count,
                                      enum guidance guidance, struct arena *arena) {
    switch (guidance) {
    case GUIDANCE_RETRY:
        return retry_text(d, questions, count, arena);
    case GUIDANCE_IGNORE:
        return arena_printf(arena, "Counts %s as done, with a warning.%s", runs_name(d, questions, count, arena),
                            next_text(d, questions, count, arena));
    case GUIDANCE_EXCLUDE:
        return exclude_text(d, questions, count, arena);
    case GUIDANCE_PROCEED:
        return arena_printf(arena, "Approves %s.%s", runs_name(d, questions, count, arena),
                            next_text(d, questions, count, arena));
    case GUIDANCE_FAIL:
    case GUIDANCE_ABORT:
        return fail_text(d, questions[0], arena);
    case GUIDANCE_NONE:
        break;
    }
    return "";
}

const char *deployment_consequence(const struct deployment *d, const struct question *question, enum guidance guidance,
                                   struct arena *arena) {
    return deployment_consequence_of(d, &question, 1, guidance, arena);
}
