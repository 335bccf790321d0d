#include "core/resume.h"

#include "base/str.h"
#include "transition.h"

static bool run_is_done(const struct run *run) {
    return run->state == RUN_SUCCEEDED || run->state == RUN_WARNED;
}

/* Whether an attempt of it may have happened, and may still run: here, or in the deployment that this one goes on from. */
static bool is_unknown(const struct run *run) {
    return run->unknown || run->bound;
}

/* And nobody has said that it worked. */
static bool is_open(const struct deployment *of, size_t step, size_t slot) {
    const struct run *run = deployment_run(of, step, slot);
    bool checked = run_is_done(run) && (run->earlier || !of->plan->steps[step].continue_on_error);
    return is_unknown(run) && !checked;
}

static bool leaves_work(enum plan_condition condition) {
    return condition == PLAN_SUCCESS || condition == PLAN_ALWAYS;
}

const char *resume_word(enum resume_unknown unknown) {
    return unknown == RESUME_RERUN ? "rerun-unknown" : unknown == RESUME_WORKED ? "unknown-worked" : "";
}

/* Settles the run as it was there, or leaves it pending. `left`: something before it is left to do. Returns whether it
 * is left to do itself. */
static bool settle(const struct deployment *of, struct deployment *begun, size_t step, size_t slot, bool left) {
    const struct run *was = deployment_run(of, step, slot);
    struct run *run = deployment_run(begun, step, slot);
    enum plan_condition condition = of->plan->steps[step].condition;
    bool kept = run_is_done(was) && (condition == PLAN_SUCCESS || (condition != PLAN_FAILURE && !left));
    if (kept || slot_is_excluded(of, step, slot)) {
        run->state = kept ? was->state : RUN_EXCLUDED;
        run->earlier = true;
        begun->warned = begun->warned || run->state != RUN_SUCCEEDED;
        return false;
    }
    if (is_unknown(was)) {
        run->bound = true;
        run->host = was->host;
    }
    return leaves_work(condition);
}

static struct deployment *begin(const struct deployment *of, struct arena *arena) {
    struct deployment *begun = arena_alloc(arena, sizeof *begun);
    deployment_init(begun, of->plan, arena);
    return begun;
}

/* Like a question about it that was answered with "I checked: it worked". */
static void settle_unknown(const struct deployment *of, struct deployment *begun) {
    for (size_t step = 0; step < of->plan->step_count; step++) {
        for (size_t slot = 0; slot < of->plan->steps[step].slot_count; slot++) {
            struct run *run = deployment_run(begun, step, slot);
            if (is_unknown(deployment_run(of, step, slot)) && run->state == RUN_PENDING) {
                *run = (struct run){.state = RUN_WARNED, .unknown = true, .earlier = true};
                begun->warned = true;
            }
        }
    }
}

/* The cleanup of its group undid what was done there before it: that is needed again by what is left to do. */
static bool was_undone(const struct deployment *of, const struct stage_state *stage, size_t slot,
                       enum resume_unknown unknown) {
    bool left = false;
    for (size_t step = stage->first; step <= stage->last; step++) {
        const struct run *was = deployment_run(of, step, slot);
        enum plan_condition condition = of->plan->steps[step].condition;
        bool done = run_is_done(was) || (is_unknown(was) && unknown == RESUME_WORKED);
        if (condition == PLAN_CLEANUP && was->attempt > 0 && left) {
            return true;
        }
        left = left || (condition == PLAN_SUCCESS && !done);
    }
    return false;
}

/* An approval that was given stays given. */
static void begin_anew(struct deployment *begun, const struct stage_state *stage, size_t slot) {
    for (size_t step = stage->first; step <= stage->last; step++) {
        struct run *run = deployment_run(begun, step, slot);
        if (!begun->plan->steps[step].approve) {
            *run = (struct run){.state = RUN_PENDING, .bound = run->bound, .host = run->host};
        }
    }
}

struct deployment *resume_begin(const struct deployment *of, enum resume_unknown unknown, struct arena *arena) {
    struct deployment *begun = begin(of, arena);
    bool left = false; /* in the stages before */
    for (size_t i = 0; i < of->stage_count; i++) {
        const struct stage_state *stage = &of->stages[i];
        bool left_here = false;
        for (size_t slot = 0; slot < stage->slot_count; slot++) {
            bool left_in_slot = left;
            for (size_t step = stage->first; step <= stage->last; step++) {
                left_in_slot = settle(of, begun, step, slot, left_in_slot) || left_in_slot;
            }
            if (!slot_is_excluded(of, stage->first, slot) && was_undone(of, stage, slot, unknown)) {
                begin_anew(begun, stage, slot);
            }
            left_here = left_here || left_in_slot;
        }
        left = left || left_here;
    }
    if (unknown == RESUME_WORKED) {
        settle_unknown(of, begun);
    }
    deployment_restore(begun);
    return begun;
}

struct deployment *resume_again(const struct deployment *of, bool with_excluded, struct arena *arena) {
    struct deployment *begun = begin(of, arena);
    for (size_t step = 0; step < of->plan->step_count; step++) {
        for (size_t slot = 0; slot < of->plan->steps[step].slot_count; slot++) {
            struct run *run = deployment_run(begun, step, slot);
            if (slot_is_excluded(of, step, slot) && !with_excluded) {
                *run = (struct run){.state = RUN_EXCLUDED, .earlier = true};
                begun->warned = true;
            } else if (is_open(of, step, slot)) {
                run->bound = true;
                run->host = deployment_run(of, step, slot)->host;
            }
        }
    }
    deployment_restore(begun);
    return begun;
}

const char *resume_place(const struct deployment *begun, struct arena *arena) {
    for (size_t step = 0; step < begun->plan->step_count; step++) {
        const struct plan_step *s = &begun->plan->steps[step];
        uint32_t pending = begun->steps[step].by_state[RUN_PENDING];
        if (pending == 0 || !leaves_work(s->condition)) {
            continue;
        }
        for (size_t slot = 0; pending == 1 && slot < s->slot_count; slot++) {
            if (deployment_run(begun, step, slot)->state == RUN_PENDING) {
                return plan_run_name(begun->plan, step, slot, arena);
            }
        }
        return arena_printf(arena, "%s on %u machines", s->name, pending);
    }
    return NULL;
}

/* Runs that would start again though their outcome is unknown. */
struct unknowns {
    size_t count;
    const char *places; /* "Install on web-1, Install on web-2 and 3 more"; NULL if there are none */
    bool lost;          /* of one of them it is not even known on which host it ran */
};

static struct unknowns unknowns_of(const struct deployment *of, const struct deployment *begun, struct arena *arena) {
    struct unknowns found = {0};
    const char *first = NULL, *second = NULL;
    for (size_t step = 0; step < of->plan->step_count; step++) {
        for (size_t slot = 0; slot < of->plan->steps[step].slot_count; slot++) {
            const struct run *was = deployment_run(of, step, slot);
            if (!is_open(of, step, slot) || deployment_run(begun, step, slot)->earlier) {
                continue;
            }
            found.lost = found.lost || (was->host == NULL && !slot_is_remote(of, step, slot));
            const char **name = found.count == 0 ? &first : &second;
            *name = *name == NULL ? plan_run_name(of->plan, step, slot, arena) : *name;
            found.count++;
        }
    }
    found.places = found.count <= 1   ? first
                   : found.count == 2 ? arena_printf(arena, "%s and %s", first, second)
                                      : arena_printf(arena, "%s, %s and %zu more", first, second, found.count - 2);
    return found;
}

/* "The outcome of Install on web-2 is unknown: it may have happened, and may still run." */
static const char *unknown_text(const struct unknowns *unknowns, const char *where, struct arena *arena) {
    return arena_printf(arena, "The outcome of %s%s is unknown: %s may have happened, and may still run%s.",
                        unknowns->places, where, unknowns->count == 1 ? "it" : "each",
                        unknowns->lost ? ", and on which host is not known" : "");
}

const char *resume_again_unknown(const struct deployment *of, const struct deployment *begun, struct arena *arena) {
    const struct unknowns unknowns = unknowns_of(of, begun, arena);
    return unknowns.count == 0
               ? ""
               : arena_printf(
                     arena, "%s Look there. ",
                     unknown_text(&unknowns, arena_printf(arena, " in D%llu", (unsigned long long)of->id), arena));
}

const char *resume_repeats(const struct deployment *of, const struct deployment *begun) {
    for (size_t step = 0; step < of->plan->step_count; step++) {
        for (size_t slot = 0; slot < of->plan->steps[step].slot_count; slot++) {
            if (run_is_done(deployment_run(of, step, slot)) && !deployment_run(begun, step, slot)->earlier &&
                of->plan->steps[step].condition != PLAN_FAILURE) {
                return "Steps that always run, or that a cleanup has undone, run again; nothing else that was done is "
                       "repeated.";
            }
        }
    }
    return "What was done is not repeated.";
}

/* What is unknown comes first, since a long text is cut at its end. */
static const char *consequence(const struct deployment *d, const struct deployment *begun, const char *place,
                               const struct unknowns *unknowns, struct arena *arena) {
    const char *first = unknowns->count == 0
                            ? ""
                            : arena_printf(arena, "%s %s run again. ", unknown_text(unknowns, "", arena),
                                           unknowns->count == 1 ? "It is" : "All of them are");
    return arena_printf(arena, "%sGoes on with %s in a new deployment of %s. %s%s", first, place, d->version,
                        resume_repeats(d, begun), d->excluded_count == 0 ? "" : " What was excluded stays excluded.");
}

/* Why it is not resumed without a word about them, and what can be said. */
static const char *why_unknown(const struct deployment *d, const struct unknowns *unknowns, struct arena *arena) {
    unsigned long long id = d->id;
    bool one = unknowns->count == 1;
    return arena_printf(arena,
                        "%s Look there first. To have %s run again: resume D%llu rerun-unknown. If %s worked: resume "
                        "D%llu unknown-worked",
                        unknown_text(unknowns, arena_printf(arena, " in D%llu", id), arena), one ? "it" : "them all",
                        id, one ? "it" : "all of them", id);
}

struct resume_outlook resume_look(const struct deployment *d, struct arena *arena) {
    if ((d->state != DEPLOYMENT_FAILED && d->state != DEPLOYMENT_CANCELED) || d->resumed_by != 0) {
        return (struct resume_outlook){0};
    }
    const struct deployment *begun = resume_begin(d, RESUME_UNSAID, arena);
    const char *place = resume_place(begun, arena);
    const struct unknowns unknowns = unknowns_of(d, begun, arena);
    bool known = unknowns.count == 0;
    if (place == NULL) {
        return (struct resume_outlook){0};
    }
    return (struct resume_outlook){
        .place = place,
        .unknown = known ? NULL : unknown_text(&unknowns, "", arena),
        .refusal = known ? NULL : why_unknown(d, &unknowns, arena),
        .verb = known ? "resume" : resume_word(RESUME_RERUN),
        .label = known                 ? "Resume"
                 : unknowns.count == 1 ? "Resume, run it again"
                                       : "Resume, run them again",
        .consequence = consequence(d, begun, place, &unknowns, arena),
    };
}

bool resume_possible(const struct deployment *d, enum resume_unknown unknown, struct arena *arena, struct err *err) {
    unsigned long long id = d->id;
    if (!deployment_is_final(d->state)) {
        (void)err_set(err, ERR_CONFLICT, "D%llu is not over: it is %s. Only what failed or was canceled is resumed.",
                      id, deployment_state_word(d->state));
        return false;
    }
    if (d->state != DEPLOYMENT_FAILED && d->state != DEPLOYMENT_CANCELED) {
        (void)err_set(err, ERR_CONFLICT, "D%llu succeeded, so nothing of it is left to do.%s", id,
                      d->excluded_count == 0 ? "" : arena_printf(arena, " For what was excluded: catch up D%llu", id));
        return false;
    }
    if (d->resumed_by != 0) {
        (void)err_set(err, ERR_CONFLICT, "D%llu was resumed before, by D%llu. See: status D%llu", id,
                      (unsigned long long)d->resumed_by, (unsigned long long)d->resumed_by);
        return false;
    }
    const struct resume_outlook outlook = resume_look(d, arena);
    if (outlook.place == NULL) {
        (void)err_set(err, ERR_CONFLICT, "Everything of D%llu was done, so nothing of it is left to do.%s", id,
                      d->excluded_count == 0 ? "" : arena_printf(arena, " For what was excluded: catch up D%llu", id));
        return false;
    }
    if (unknown == RESUME_UNSAID && outlook.unknown != NULL) {
        (void)err_set(err, ERR_CONFLICT, "%s", outlook.refusal);
        return false;
    }
    return true;
}
