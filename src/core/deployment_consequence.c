/* What an answer will do. Each sentence says only what follows from the state and the plan by themselves. */

#include "core/deployment.h"

#include <string.h>

#include "base/str.h"
#include "transition.h"

/* A deployment looked at once, so that what is said of each of its questions costs no more than its own machine's runs. */
struct outlook {
    const struct deployment *d;
    size_t *first;            /* by target, then one for the worker and the end: where its runs begin in `places` */
    struct run_place *places; /* in the order of the steps */
    bool *asked;              /* by target: a question about it is open */
    size_t others, waiting;   /* targets that are not excluded; those of them that are asked about */
    const char *after_fail;   /* what runs once it has failed; NULL = not looked yet */
};

static size_t bucket_of(const struct deployment *d, size_t step, size_t slot) {
    int target = slot_target(d, step, slot);
    return target < 0 ? d->plan->target_count : (size_t)target;
}

/* Counts the runs of each target, then puts them into their places. */
static void outlook_sort(struct outlook *outlook, struct arena *arena) {
    const struct plan *plan = outlook->d->plan;
    size_t buckets = plan->target_count + 1;
    size_t *next = arena_array(arena, buckets + 1, sizeof *next);
    for (size_t step = 0; step < plan->step_count; step++) {
        for (size_t slot = 0; slot < plan->steps[step].slot_count; slot++) {
            next[bucket_of(outlook->d, step, slot) + 1]++;
        }
    }
    outlook->first = arena_array(arena, buckets + 1, sizeof *outlook->first);
    for (size_t i = 0; i < buckets; i++) {
        next[i + 1] += next[i];
        outlook->first[i + 1] = next[i + 1];
    }
    outlook->places = arena_array(arena, next[buckets] + 1, sizeof *outlook->places);
    for (size_t step = 0; step < plan->step_count; step++) {
        for (size_t slot = 0; slot < plan->steps[step].slot_count; slot++) {
            outlook->places[next[bucket_of(outlook->d, step, slot)]++] = (struct run_place){step, slot};
        }
    }
}

struct outlook *deployment_outlook(const struct deployment *d, struct arena *arena) {
    struct outlook *outlook = arena_alloc(arena, sizeof *outlook);
    outlook->d = d;
    outlook_sort(outlook, arena);
    outlook->asked = arena_array(arena, d->plan->target_count + 1, sizeof *outlook->asked);
    for (size_t i = 0; i < d->question_count; i++) {
        outlook->asked[bucket_of(d, d->questions[i].step, d->questions[i].slot)] = true;
    }
    for (size_t target = 0; target < d->plan->target_count; target++) {
        outlook->others += !d->excluded[target];
        outlook->waiting += !d->excluded[target] && outlook->asked[target];
    }
    return outlook;
}

/* --- what will run ------------------------------------------------------------------------------------------------- */

/* Whether a run that has not begun will, once the answer was given and if all goes well. `opened`: something before it in
 * its group has begun, or will. */
typedef bool will_run(const struct deployment *d, size_t step, size_t slot, bool opened);

static bool runs_as_planned(const struct deployment *d, size_t step, size_t slot, bool opened) {
    enum plan_condition condition = d->plan->steps[step].condition;
    if (deployment_run(d, step, slot)->state != RUN_PENDING) {
        return false;
    }
    if (condition == PLAN_CLEANUP) {
        return opened;
    }
    return condition != PLAN_FAILURE && !slot_is_excluded(d, step, slot);
}

static bool runs_after_fail(const struct deployment *d, size_t step, size_t slot, bool opened) {
    const struct plan_step *s = &d->plan->steps[step];
    enum run_state state = deployment_run(d, step, slot)->state;
    if (s->condition == PLAN_CLEANUP) {
        return state == RUN_QUEUED || (state == RUN_PENDING && opened);
    }
    return (state == RUN_QUEUED || state == RUN_PENDING) && s->condition != PLAN_SUCCESS && !s->approve &&
           !slot_is_excluded(d, step, slot);
}

static bool runs_on_excluded(const struct deployment *d, size_t step, size_t slot, bool opened) {
    return d->plan->steps[step].condition == PLAN_CLEANUP && deployment_run(d, step, slot)->state == RUN_PENDING &&
           opened;
}

/* What is queued will begin too, but not once the deployment fails. */
static bool will(const struct deployment *d, size_t step, size_t slot, will_run *rule) {
    bool opened = false;
    for (size_t s = d->stages[d->steps[step].stage].first; s < step; s++) {
        const struct run *run = deployment_run(d, s, slot);
        bool queued = run->state == RUN_QUEUED && rule != runs_after_fail;
        opened = opened || run->worker != NULL || queued || rule(d, s, slot, opened);
    }
    return rule(d, step, slot, opened);
}

/* What will clean up behind the step, in its own group. */
static bool runs_behind(const struct deployment *d, size_t step, size_t slot, const struct question *q) {
    return step > q->step && step <= d->stages[d->steps[q->step].stage].last && slot == q->slot &&
           will(d, step, slot, runs_on_excluded);
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

/* The steps that will run on any machine at all. */
static const char *steps_anywhere(const struct deployment *d, will_run *rule, struct arena *arena) {
    struct names names = {.text = "", .arena = arena};
    for (size_t step = 0; step < d->plan->step_count; step++) {
        bool runs = false;
        for (size_t slot = 0; slot < d->plan->steps[step].slot_count && !runs; slot++) {
            runs = will(d, step, slot, rule);
        }
        if (runs) {
            names_add(&names, d->plan->steps[step].name);
        }
    }
    return names_text(&names);
}

/* The steps that will run on any of the questions' machines. */
static const char *steps_there(const struct outlook *outlook, const struct question *const *questions, size_t count,
                               will_run *rule, struct arena *arena) {
    const struct deployment *d = outlook->d;
    struct names names = {.text = "", .arena = arena};
    bool *runs = arena_array(arena, d->plan->step_count + 1, sizeof *runs);
    for (size_t i = 0; i < count; i++) {
        size_t bucket = bucket_of(d, questions[i]->step, questions[i]->slot);
        for (size_t k = outlook->first[bucket]; k < outlook->first[bucket + 1]; k++) {
            const struct run_place *place = &outlook->places[k];
            runs[place->step] = runs[place->step] || will(d, place->step, place->slot, rule);
        }
    }
    for (size_t step = 0; step < d->plan->step_count; step++) {
        if (runs[step]) {
            names_add(&names, d->plan->steps[step].name);
        }
    }
    return names_text(&names);
}

/* " Next there: Restart." for a machine, " Next: Install." behind a step on the worker, which the machines wait for. */
static const char *next_text(const struct outlook *outlook, const struct question *const *questions, size_t count,
                             struct arena *arena) {
    bool on_worker = outlook->d->plan->steps[questions[0]->step].on_worker;
    const char *next = on_worker ? steps_anywhere(outlook->d, runs_as_planned, arena)
                                 : steps_there(outlook, questions, count, runs_as_planned, arena);
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

/* An attempt that may still run is kept apart from the next only on its own host. */
static bool host_is_lost(const struct deployment *d, const struct question *const *questions, size_t count) {
    for (size_t i = 0; i < count; i++) {
        const struct question *q = questions[i];
        if (q->unknown && deployment_run(d, q->step, q->slot)->host == NULL && !slot_is_remote(d, q->step, q->slot)) {
            return true;
        }
    }
    return false;
}

static const char *retry_text(const struct deployment *d, const struct question *const *questions, size_t count,
                              struct arena *arena) {
    const struct question *q = questions[0];
    const struct plan_step *step = &d->plan->steps[q->step];
    const char *where = runs_name(d, questions, count, arena) + strlen(step->name);
    const char *attempt = count == 1 ? arena_printf(arena, " as attempt %u", q->attempt + 1) : "";
    return arena_printf(arena, "Runs %s again%s%s. Steps before it are not repeated.%s%s", step->name, where, attempt,
                        q->unknown && !step->safe_to_rerun ? " It is not declared safe to run twice." : "",
                        host_is_lost(d, questions, count) ? " It is not known on which host it ran: look on each."
                                                          : "");
}

/* " The other 5 machines go on, but 2 of them wait for an answer first." The questions are about a machine each. */
static const char *others_text(const struct outlook *outlook, const struct question *const *questions, size_t count,
                               struct arena *arena) {
    size_t others = outlook->others, waiting = outlook->waiting;
    for (size_t i = 0; i < count; i++) {
        size_t target = bucket_of(outlook->d, questions[i]->step, questions[i]->slot);
        others -= !outlook->d->excluded[target];
        waiting -= !outlook->d->excluded[target] && outlook->asked[target];
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

static bool runs_there(const struct outlook *outlook, const struct question *q) {
    size_t bucket = bucket_of(outlook->d, q->step, q->slot);
    for (size_t k = outlook->first[bucket]; k < outlook->first[bucket + 1]; k++) {
        enum run_state state = deployment_run(outlook->d, outlook->places[k].step, outlook->places[k].slot)->state;
        if (state == RUN_QUEUED || state == RUN_RUNNING || state == RUN_LOST) {
            return true;
        }
    }
    return false;
}

static const char *exclude_text(const struct outlook *outlook, const struct question *const *questions, size_t count,
                                struct arena *arena) {
    const struct deployment *d = outlook->d;
    const char *cleanup = steps_there(outlook, questions, count, runs_on_excluded, arena);
    bool runs = false;
    for (size_t i = 0; i < count; i++) {
        runs = runs || runs_there(outlook, questions[i]);
    }
    bool one = count == 1;
    return arena_printf(arena, "%s get%s no further step in this deployment%s%s and do%s not count as having %s.%s%s",
                        one ? plan_slot_name(d->plan, questions[0]->step, questions[0]->slot) : machines(count, arena),
                        one ? "s" : "", cleanup[0] == '\0' ? "" : " but ",
                        cleanup[0] == '\0' ? "" : arena_printf(arena, "%s,", cleanup), one ? "es" : "", d->version,
                        runs ? " What runs there now finishes." : "", others_text(outlook, questions, count, arena));
}

/* Who ignores that a machine can't be reached is told what that means for the steps to come. */
static const char *ignore_text(const struct outlook *outlook, const struct question *const *questions, size_t count,
                               struct arena *arena) {
    const char *next = next_text(outlook, questions, count, arena);
    bool away = questions[0]->unreachable && next[0] != '\0';
    return arena_printf(arena, "Counts %s as done, with a warning.%s%s", runs_name(outlook->d, questions, count, arena),
                        next, away ? " That fails too unless the machine is back by then; Exclude leaves it out." : "");
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
static const char *fail_text(struct outlook *outlook, const struct question *q, struct arena *arena) {
    const struct deployment *d = outlook->d;
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
    if (outlook->after_fail == NULL) {
        outlook->after_fail = steps_anywhere(d, runs_after_fail, arena);
    }
    const char *after = outlook->after_fail;
    return arena_printf(arena, "Ends the deployment as failed.%s%s%s%s%s", others > 0 ? closed : "",
                        running > 0 ? " What runs now finishes first." : "",
                        after[0] == '\0' ? " Nothing is rolled back." : " Then still run: ", after,
                        after[0] == '\0' ? "" : ".");
}

const char *deployment_consequence_of(struct outlook *outlook, const struct question *const *questions, size_t count,
                                      enum guidance guidance, struct arena *arena) {
    const struct deployment *d = outlook->d;
    switch (guidance) {
    case GUIDANCE_RETRY:
        return retry_text(d, questions, count, arena);
    case GUIDANCE_IGNORE:
        return ignore_text(outlook, questions, count, arena);
    case GUIDANCE_EXCLUDE:
        return exclude_text(outlook, questions, count, arena);
    case GUIDANCE_PROCEED:
        return arena_printf(arena, "Approves %s.%s", runs_name(d, questions, count, arena),
                            next_text(outlook, questions, count, arena));
    case GUIDANCE_FAIL:
    case GUIDANCE_ABORT:
        return fail_text(outlook, questions[0], arena);
    case GUIDANCE_NONE:
        break;
    }
    return "";
}

const char *deployment_consequence(const struct deployment *d, const struct question *question, enum guidance guidance,
                                   struct arena *arena) {
    return deployment_consequence_of(deployment_outlook(d, arena), &question, 1, guidance, arena);
}
