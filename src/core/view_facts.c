/* What the card of an open question says: what happened, what else is known, by when it wants an answer. */

#include <string.h>

#include "base/str.h"
#include "view_group.h"
#include "view_parts.h"

/* The first sentence, with the subject in brackets if there is one: "Install failed on web-3: exit code 100". */
static const char *open_what(const struct view_group *g, const char *subject) {
    const struct question *q = view_group_first(g);
    const char *place = view_group_place(g, g->open_count), *step = g->step->name;
    struct arena *arena = g->arena;
    if (q->unknown) {
        return arena_printf(arena, "%s started %s%s and nobody saw its end", step, place, subject);
    }
    if (q->late_cancel) {
        return arena_printf(arena, "The deployment was canceled, but %s may still be running %s%s", step, place,
                            subject);
    }
    if (q->approve) {
        return arena_printf(arena, "%s waits for an approval%s%s%s", step, subject, str_empty(q->excerpt) ? "" : ": ",
                            q->excerpt);
    }
    const char *failed = view_group_first(g)->unreachable ? "did not start" : "failed";
    return arena_printf(arena, "%s %s %s%s: %s", step, failed, place, subject,
                        outcome_text(g->shown[0]->outcome, arena));
}

static const char UNKNOWN_TEXT[] =
    "It may have finished, may still run, or may have stopped half-way. Nothing was repeated.";

static void add_attempt_fact(const struct view_group *g) {
    const struct question *q = view_group_first(g);
    const struct run *run = deployment_run(g->d, q->step, q->slot);
    if (q->approve || g->open_count > 1) {
        return;
    }
    const char *automatic = "";
    if (run->auto_retries > 0) {
        automatic =
            arena_printf(g->arena, " (%u automatic retr%s)", run->auto_retries, run->auto_retries == 1 ? "y" : "ies");
    }
    const char *worker = "";
    if (q->unknown && !str_empty(run->worker)) {
        worker = arena_printf(g->arena, " · ran on worker %s", run->worker);
    }
    view_fact(g->card, arena_printf(g->arena, "Attempt %u%s%s", q->attempt, automatic, worker), g->arena);
}

/* "33 of 40 machines done · 2 running" */
static void add_siblings_fact(const struct view_group *g) {
    const uint32_t *by_state = g->d->steps[view_group_first(g)->step].by_state;
    uint32_t done = by_state[RUN_SUCCEEDED] + by_state[RUN_WARNED];
    uint32_t running = by_state[RUN_QUEUED] + by_state[RUN_RUNNING] + by_state[RUN_LOST] + by_state[RUN_DELAYED];
    if (g->step->slot_count > 1) {
        view_fact(g->card,
                  arena_printf(g->arena, "%u of %s done · %u running", done,
                               view_machines(g->step->slot_count, g->arena), running),
                  g->arena);
    }
}

static void add_retry_facts(const struct view_group *g) {
    enum { SAID = 3 };
    size_t found = 0;
    for (size_t i = 0; i < g->open_count; i++) {
        const char *why = g->shown[i]->question.why_no_retry;
        if (why && ++found <= SAID) {
            view_fact(g->card, why, g->arena);
        }
    }
    if (found > SAID) {
        view_fact(g->card, arena_printf(g->arena, "The same holds for %s more.", view_machines(found - SAID, g->arena)),
                  g->arena);
    }
}

static void add_taken_facts(const struct view_group *g) {
    const char *said = NULL;
    for (size_t i = 0; i < g->open_count; i++) {
        const char *by = g->shown[i]->taken_by;
        if (by && !str_equal(by, said)) {
            view_fact(g->card, arena_printf(g->arena, "%s is on it", by), g->arena);
            said = by;
        }
    }
    if (g->step->guided.claim_required && !view_group_is_taken(g)) {
        view_fact(
            g->card,
            arena_printf(g->arena, "Take it before you answer: take Q%llu", (unsigned long long)g->card->question),
            g->arena);
    }
}

/* Since when nobody is reminded of those that are parked, and who wanted it so. */
static void add_parked_fact(const struct view_group *g) {
    size_t parked = 0;
    const struct question *by = NULL;
    for (size_t i = 0; i < g->open_count; i++) {
        const struct question *q = &g->shown[i]->question;
        parked += q->parked_by != NULL;
        by = q->parked_by != NULL ? q : by;
    }
    if (parked == 0) {
        return;
    }
    const char *which =
        parked == g->open_count ? "" : arena_printf(g->arena, " for %s", view_machines(parked, g->arena));
    view_fact(g->card,
              arena_printf(g->arena, "Parked by %s %s%s: no deadline and no reminders until unpark Q%llu",
                           by->parked_by, view_clock(by->parked_ms, g->now_ms, g->arena), which,
                           (unsigned long long)g->card->question),
              g->arena);
}

static void add_times_fact(const struct view_group *g) {
    const struct question *q = view_group_first(g);
    int64_t deadline = view_group_deadline(g);
    const char *asked = arena_printf(g->arena, "Q%llu · asked %s", (unsigned long long)g->card->question,
                                     view_clock(q->asked_ms, g->now_ms, g->arena));
    if (deadline != 0) {
        asked =
            arena_printf(g->arena, "%s · no answer by %s means fail", asked, view_clock(deadline, g->now_ms, g->arena));
    }
    view_fact(g->card, asked, g->arena);
}

const char *view_past(const struct past_answers *past, struct arena *arena) {
    const struct {
        uint32_t count;
        enum guidance guidance;
    } answers[] = {{past->retry, GUIDANCE_RETRY},
                   {past->ignore, GUIDANCE_IGNORE},
                   {past->exclude, GUIDANCE_EXCLUDE},
                   {past->fail, GUIDANCE_FAIL}};
    uint32_t sum = past->retry + past->ignore + past->exclude + past->fail;
    const char *text = arena_printf(arena, "Same error %u time%s here before", (unsigned)sum, sum == 1 ? "" : "s");
    bool first = true;
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
        if (answers[i].count > 0) {
            const char *title = guidance_title(answers[i].guidance);
            text = arena_printf(arena, "%s%s %s %ux", text, first ? ":" : ",", title, (unsigned)answers[i].count);
            first = false;
        }
        if (answers[i].guidance == GUIDANCE_RETRY && past->retry > 0) {
            text = arena_printf(arena, "%s (worked %ux)", text, (unsigned)past->retry_worked);
        }
    }
    return sum == 0 ? NULL : text;
}

/* "Retries by itself when web-3 is back (chosen by bob), until 14:30" */
static void add_back_facts(const struct view_group *g) {
    size_t count = 0;
    const struct question *last = NULL;
    for (size_t i = 0; i < g->open_count; i++) {
        const struct question *q = &g->shown[i]->question;
        count += view_group_waits_for_back(g, q);
        last = q->back_by != NULL ? q : last;
    }
    if (last == NULL) {
        return;
    }
    const char *until = view_clock(last->back_until_ms, g->now_ms, g->arena);
    if (count == 0) {
        view_fact(g->card,
                  arena_printf(g->arena, "%s was not back by %s, so it is not retried by itself",
                               plan_slot_name(g->d->plan, last->step, last->slot), until),
                  g->arena);
        return;
    }
    const char *who =
        str_equal(last->back_by, WHEN_BACK_BY_STEP)
            ? "as its step says"
            : arena_printf(g->arena, "chosen by %s%s", last->back_by, view_note(last->back_note, g->arena));
    const char *machines =
        count == 1 ? plan_slot_name(g->d->plan, last->step, last->slot) : view_machines(count, g->arena);
    view_fact(g->card,
              arena_printf(g->arena, "Retries by itself when %s %s back (%s), until %s", machines,
                           count == 1 ? "is" : "are", who, until),
              g->arena);
}

void view_facts(const struct view_group *g) {
    const char *past = view_past(&g->shown[0]->past, g->arena);
    view_fact(g->card, open_what(g, ""), g->arena);
    if (view_group_first(g)->unknown) {
        view_fact(g->card, UNKNOWN_TEXT, g->arena);
    }
    add_attempt_fact(g);
    add_siblings_fact(g);
    add_retry_facts(g);
    if (past != NULL) {
        view_fact(g->card, past, g->arena);
    }
    if (g->step->guided.hint) {
        view_fact(g->card, arena_printf(g->arena, "Hint: %s", g->step->guided.hint), g->arena);
    }
    if (g->step->guided.runbook) {
        view_fact(g->card, arena_printf(g->arena, "Runbook: %s", g->step->guided.runbook), g->arena);
    }
    add_back_facts(g);
    add_taken_facts(g);
    add_parked_fact(g);
    add_times_fact(g);
}

/* "Answer: retry Q42, ignore Q42, exclude Q42, fail Q42." */
static const char *open_commands(const struct view_group *g) {
    unsigned long long id = (unsigned long long)g->card->question;
    const char *list = "", *some = "";
    struct arena *arena = g->arena;
    for (size_t i = 0; i < g->card->action_count; i++) {
        const struct card_action *action = &g->card->actions[i];
        enum guidance guidance = guidance_parse(action->verb);
        if (guidance == GUIDANCE_NONE && !str_equal(action->verb, "check")) {
            continue;
        }
        bool explain = view_group_first(g)->unknown && (guidance == GUIDANCE_IGNORE || guidance == GUIDANCE_RETRY);
        list = arena_printf(arena, "%s%s%s Q%llu%s%s%s", list, *list ? ", " : "", action->verb, id, explain ? " (" : "",
                            explain ? action->label : "", explain ? ")" : "");
        if (g->open_count > 1 && !*some && guidance != GUIDANCE_NONE && guidance != GUIDANCE_FAIL) {
            some = arena_printf(arena, "; for some: %s Q%llu %s", action->verb, id,
                                plan_slot_name(g->d->plan, view_group_first(g)->step, view_group_first(g)->slot));
        }
    }
    return *list ? arena_printf(arena, " Answer%s: %s%s.", g->open_count > 1 ? " for all" : "", list, some) : "";
}

const char *view_open_text(const struct view_group *g) {
    const struct question *q = view_group_first(g);
    const struct plan *plan = g->d->plan;
    const char *subject = arena_printf(g->arena, " (%s %s to %s)", plan->project, g->d->version, plan->environment);
    const char *why = q->why_no_retry ? arena_printf(g->arena, " %s", q->why_no_retry) : "";
    int64_t deadline = view_group_deadline(g);
    const char *until = "";
    if (deadline != 0) {
        until = arena_printf(g->arena, " No answer by %s means fail.", view_clock(deadline, g->now_ms, g->arena));
    }
    const char *what = open_what(g, subject);
    /* What was written for people may end with a mark of its own. */
    const char *stop = strchr(".!?", what[strlen(what) - 1]) ? "" : ".";
    return arena_printf(g->arena, "Q%llu: %s%s%s%s%s%s%s%s", (unsigned long long)g->card->question,
                        q->unknown ? "Outcome unknown: " : "", what, stop, q->unknown ? " " : "",
                        q->unknown ? UNKNOWN_TEXT : "", why, open_commands(g), until);
}
