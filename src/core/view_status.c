#include "core/view.h"

#include "base/limits.h"
#include "base/str.h"
#include "view_parts.h"

/* One word for all runs of a step: what waits for a person first, then what moves, then the worst that happened. */
static enum run_state step_state(const struct deployment *d, size_t step) {
    static const enum run_state weight[] = {RUN_FAILED, RUN_UNKNOWN,  RUN_CANCELED,
                                            RUN_WARNED, RUN_EXCLUDED, RUN_SKIPPED};
    const uint32_t *n = d->steps[step].by_state;
    size_t slots = d->plan->steps[step].slot_count;
    if (d->plan->steps[step].left_empty || slots == 0) {
        return RUN_SKIPPED;
    }
    if (n[RUN_ASKING] > 0) {
        return RUN_ASKING;
    }
    if (n[RUN_PENDING] > 0 && n[RUN_PENDING] + d->steps[step].earlier == slots) {
        return RUN_PENDING;
    }
    if (n[RUN_PENDING] + n[RUN_QUEUED] + n[RUN_RUNNING] + n[RUN_LOST] + n[RUN_DELAYED] > 0) {
        return RUN_RUNNING;
    }
    for (size_t i = 0; i < sizeof weight / sizeof *weight; i++) {
        if (n[weight[i]] > 0) {
            return weight[i];
        }
    }
    return RUN_SUCCEEDED;
}

static const char *run_took(const struct run *run, struct arena *arena) {
    bool known = run->started_ms != 0 && run->ended_ms > run->started_ms;
    return known ? view_duration(run->ended_ms - run->started_ms, arena) : "";
}

/* Another host can't tell what became of an attempt whose end nobody saw. */
static const char *waits_on(const struct deployment *d, const struct run *run, const char *host, struct arena *arena) {
    const char *text = arena_printf(arena, "waits for a worker on %s", host);
    return !run->unknown && !run->bound
               ? text
               : arena_printf(
                     arena,
                     "%s, where it may still run. If that machine is gone for good: cancel D%llu, and see what "
                     "it did; then resume it with unknown-worked, or deploy anew",
                     text, (unsigned long long)d->id);
}

static const char *run_detail(const struct deployment *d, size_t step, size_t slot, int64_t now_ms,
                              struct arena *arena) {
    const struct run *run = deployment_run(d, step, slot);
    const char *host = deployment_start_host(d, step, slot);
    if (run->earlier) {
        return run->state == RUN_EXCLUDED ? "left out from the start" : "done before this deployment";
    }
    switch (run->state) {
    case RUN_QUEUED:
        return host == NULL ? "waits for a worker" : waits_on(d, run, host, arena);
    case RUN_RUNNING:
        return arena_printf(arena, "since %s", view_clock(run->started_ms, now_ms, arena));
    case RUN_LOST:
        return "its worker fell silent; looking for the truth";
    case RUN_DELAYED:
        return arena_printf(arena, "%s; runs again by itself",
                            run->unstarted > 0 ? "it could not begin" : outcome_text(run->outcome, arena));
    case RUN_ASKING:
        return arena_printf(arena, "waits for an answer to Q%llu", (unsigned long long)run->question);
    case RUN_SUCCEEDED:
        return run_took(run, arena);
    case RUN_WARNED:
    case RUN_FAILED:
        return run->outcome.kind == OUTCOME_NONE ? "" : outcome_text(run->outcome, arena);
    case RUN_UNKNOWN:
        return "outcome unknown";
    case RUN_CANCELED:
        return run->started_ms != 0 ? "stopped" : "not started";
    case RUN_PENDING:
    case RUN_EXCLUDED:
    case RUN_SKIPPED:
    case RUN_STATE_COUNT:
        break;
    }
    return "";
}

static uint32_t done_before(const struct deployment *d, size_t step) {
    uint32_t count = 0;
    for (size_t slot = 0; d->steps[step].earlier > 0 && slot < d->plan->steps[step].slot_count; slot++) {
        const struct run *run = deployment_run(d, step, slot);
        count += run->earlier && run->state != RUN_EXCLUDED;
    }
    return count;
}

/* "2 of 3 machines · 1 asks" */
static const char *count_detail(const struct deployment *d, size_t step, struct arena *arena) {
    const uint32_t *n = d->steps[step].by_state;
    const struct {
        uint32_t count;
        const char *word;
    } others[] = {
        {n[RUN_ASKING], "waiting for an answer"},
        {n[RUN_QUEUED] + n[RUN_RUNNING] + n[RUN_LOST] + n[RUN_DELAYED], "running"},
        {n[RUN_WARNED], "with a warning"},
        {n[RUN_EXCLUDED], "excluded"},
        {n[RUN_FAILED], "failed"},
        {n[RUN_UNKNOWN], "unknown"},
        {n[RUN_CANCELED], "canceled"},
        {n[RUN_SKIPPED], "skipped"},
    };
    uint32_t done = n[RUN_SUCCEEDED] + n[RUN_WARNED];
    size_t slots = d->plan->steps[step].slot_count;
    if (n[RUN_PENDING] == slots) {
        return "";
    }
    const char *text = done == slots ? view_machines(slots, arena)
                                     : arena_printf(arena, "%u of %s", done, view_machines(slots, arena));
    uint32_t before = done_before(d, step);
    if (before > 0) {
        text = arena_printf(arena, "%s · %u of them before this deployment", text, before);
    }
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        if (others[i].count > 0) {
            text = arena_printf(arena, "%s · %u %s", text, others[i].count, others[i].word);
        }
    }
    return text;
}

static void add_step_row(struct card *card, const struct deployment *d, size_t step, int64_t now_ms,
                         struct arena *arena) {
    const struct plan_step *s = &d->plan->steps[step];
    struct card_row row = {.state = run_state_word(step_state(d, step)), .name = s->name};
    if (s->left_empty || s->slot_count == 0) {
        row.detail = "none of its machines is part of this deployment";
    } else if (s->slot_count > 1) {
        row.detail = count_detail(d, step, arena);
    } else {
        const char *detail = run_detail(d, step, 0, now_ms, arena);
        const char *name = s->on_worker ? "" : plan_slot_name(d->plan, step, 0);
        row.detail = arena_printf(arena, "%s%s%s", name, *name && *detail ? " · " : "", detail);
    }
    view_row(card, row, arena);
}

/* The step that a short text speaks of: the first that asks, else the first that is not over. -1 if there is none. */
static int current_step(const struct deployment *d) {
    if (d->question_count > 0) {
        return (int)d->questions[0].step;
    }
    for (size_t step = 0; step < d->plan->step_count; step++) {
        enum run_state state = step_state(d, step);
        if (state == RUN_RUNNING || state == RUN_PENDING) {
            return (int)step;
        }
    }
    return -1;
}

static const char *responsible(const struct deployment *d, struct arena *arena) {
    return view_responsible(&d->plan->steps[d->questions[0].step], arena);
}

/* "Install on web-3", "Install on 7 machines": the questions of the step that asks first. */
static const char *asking_place(const struct deployment *d, struct arena *arena) {
    const struct question *q = &d->questions[0];
    uint32_t asking = d->steps[q->step].by_state[RUN_ASKING];
    const char *place = asking > 1 ? arena_printf(arena, "on %s", view_machines(asking, arena))
                                   : view_place(d, q->step, q->slot, arena);
    return arena_printf(arena, "%s %s", d->plan->steps[q->step].name, place);
}

static const char *status_title(const struct deployment *d, struct arena *arena) {
    if (d->state == DEPLOYMENT_PAUSED && d->question_count > 0) {
        return arena_printf(arena, "Paused: needs %s", responsible(d, arena));
    }
    if (d->state == DEPLOYMENT_RUNNING && d->closing == CLOSING_FAILING) {
        return "Running: ends as failed";
    }
    return view_state_title(d->state);
}

/* ", step 4 of 8, Install, 2 of 3 machines" */
static const char *progress(const struct deployment *d, struct arena *arena) {
    int step = current_step(d);
    if (step < 0) {
        return "";
    }
    const char *detail = d->plan->steps[step].slot_count > 1 ? count_detail(d, (size_t)step, arena) : "";
    return arena_printf(arena, ", step %d of %zu, %s%s%s", step + 1, d->plan->step_count, d->plan->steps[step].name,
                        *detail ? ", " : "", detail);
}

static const char *status_text(const struct deployment *d, struct arena *arena) {
    const struct plan *plan = d->plan;
    const char *subject = arena_printf(arena, "%s %s to %s", plan->project, d->version, plan->environment);
    if (deployment_is_final(d->state)) {
        return arena_printf(arena, "%s.%s%s", view_result(d, arena), d->closing_why ? " " : "",
                            d->closing_why ? d->closing_why : "");
    }
    if (d->state == DEPLOYMENT_QUEUED) {
        return arena_printf(arena, "Queued: %s. Asked for by %s.", subject, d->actor);
    }
    if (d->state == DEPLOYMENT_PAUSED && d->question_count > 0) {
        return arena_printf(arena, "Paused: %s needs %s for %s (Q%llu). Started by %s.", subject, responsible(d, arena),
                            asking_place(d, arena), (unsigned long long)d->questions[0].id, d->actor);
    }
    return arena_printf(arena, "%s: %s%s.%s%s Started by %s.", status_title(d, arena), subject, progress(d, arena),
                        d->closing_why ? " " : "", d->closing_why ? d->closing_why : "", d->actor);
}

static void add_status_facts(struct card *card, const struct deployment *d, int64_t now_ms, struct arena *arena) {
    const char *did = d->state == DEPLOYMENT_QUEUED ? "asked for" : "started";
    view_fact(card,
              arena_printf(arena, "D%llu · %s by %s %s", (unsigned long long)d->id, did, d->actor,
                           view_clock(d->created_ms, now_ms, arena)),
              arena);
    if (d->question_count > 0) {
        const char *more = "";
        if (d->question_count > 1) {
            more = arena_printf(arena, " and %zu more", d->question_count - 1);
        }
        view_fact(card,
                  arena_printf(arena, "Open: Q%llu%s · %s", (unsigned long long)d->questions[0].id, more,
                               asking_place(d, arena)),
                  arena);
    }
    if (d->closing_why) {
        view_fact(card, d->closing_why, arena);
    }
    const char *origin = view_origin(d, arena);
    if (origin != NULL) {
        view_fact(card, origin, arena);
    }
    if (d->resumed_by != 0) {
        view_fact(card, arena_printf(arena, "Goes on in D%llu", (unsigned long long)d->resumed_by), arena);
    }
}

struct card *view_status(const struct deployment *d, int64_t now_ms, struct arena *arena) {
    struct card *card = view_card(CARD_STATUS, d, arena);
    card->state = deployment_state_word(d->state);
    card->title = status_title(d, arena);
    card->text = status_text(d, arena);
    add_status_facts(card, d, now_ms, arena);
    for (size_t step = 0; step < d->plan->step_count; step++) {
        add_step_row(card, d, step, now_ms, arena);
    }
    view_rows_end(card, d->plan->step_count, arena);
    if (deployment_is_final(d->state)) {
        card->outcome = view_result(d, arena);
    }
    return card;
}

const char *view_waits_for(const struct deployment *holder, int64_t now_ms, struct arena *arena) {
    const char *id = arena_printf(arena, "waits for D%llu", (unsigned long long)holder->id);
    int step = current_step(holder);
    if (holder->state == DEPLOYMENT_PAUSED && holder->question_count > 0) {
        const struct question *q = &holder->questions[0];
        const char *parked = q->parked_by == NULL ? "" : arena_printf(arena, ", parked by %s", q->parked_by);
        return arena_printf(arena, "%s, paused since %s at %s for %s (Q%llu)%s", id,
                            view_clock(holder->waiting_since_ms, now_ms, arena), asking_place(holder, arena),
                            responsible(holder, arena), (unsigned long long)q->id, parked);
    }
    if (holder->state == DEPLOYMENT_RUNNING && step >= 0) {
        return arena_printf(arena, "%s, running since %s, at %s", id, view_clock(holder->started_ms, now_ms, arena),
                            holder->plan->steps[step].name);
    }
    return holder->state == DEPLOYMENT_QUEUED      ? arena_printf(arena, "%s, which waits too", id)
           : holder->state == DEPLOYMENT_CANCELING ? arena_printf(arena, "%s, which is being canceled", id)
                                                   : id;
}

void view_status_waits(struct card *status, const char *waits_for, struct arena *arena) {
    view_fact(status, arena_printf(arena, "It %s", waits_for), arena);
    status->text = arena_printf(arena, "%s It %s.", status->text, waits_for);
}
