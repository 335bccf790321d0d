#include "core/view.h"

#include <assert.h>
#include <string.h>

#include "base/limits.h"
#include "base/str.h"
#include "view_parts.h"

/* What one card shows. A machine that failed again in the same way stands on it only once, with its newest question. */
struct group {
    const struct deployment *d;
    const struct plan_step *step;
    const struct question_record **shown; /* open ones first */
    size_t shown_count, open_count;
    int64_t now_ms;
    struct arena *arena;
    struct card *card;
    struct outlook *outlook; /* while one is open */
};

static void group_collect(struct group *g, const struct question_record *records, size_t count) {
    const struct question_record **newest = arena_array(g->arena, g->step->slot_count + 1, sizeof *newest);
    for (size_t i = 0; i < count; i++) {
        newest[records[i].question.slot] = &records[i];
    }
    g->shown = arena_array(g->arena, count, sizeof *g->shown);
    for (int open = 1; open >= 0; open--) {
        for (size_t i = 0; i < count; i++) {
            if (newest[records[i].question.slot] == &records[i] && records[i].open == (open == 1)) {
                g->shown[g->shown_count++] = &records[i];
                g->open_count += (size_t)open;
            }
        }
    }
}

static const struct question *first_question(const struct group *g) {
    return &g->shown[0]->question;
}

static const char *target_list(const struct group *g) {
    size_t *slots = arena_array(g->arena, g->shown_count, sizeof *slots);
    for (size_t i = 0; i < g->shown_count; i++) {
        slots[i] = g->shown[i]->question.slot;
    }
    return view_slots(g->d, first_question(g)->step, slots, g->shown_count, g->arena);
}

/* "on web-3", "on 7 of 40 machines" */
static const char *group_place(const struct group *g, size_t count) {
    const struct question *q = first_question(g);
    if (count == 1) {
        return view_place(g->d, q->step, q->slot, g->arena);
    }
    return arena_printf(g->arena, "on %zu of %s", count, view_machines(g->step->slot_count, g->arena));
}

/* --- while it is open ------------------------------------------------------------------------------------------ */

static const char *open_title(const struct group *g) {
    const struct question *q = first_question(g);
    const char *who = view_responsible(g->step, g->arena);
    const char *what = q->unknown                         ? "Outcome unknown: needs"
                       : q->late_cancel                   ? "Cancel is not complete: needs"
                       : q->approve                       ? "Approval: needs"
                       : g->d->state == DEPLOYMENT_PAUSED ? "Paused: needs"
                                                          : "Needs"; /* something of it still runs */
    return arena_printf(g->arena, "%s %s", what, who);
}

/* The first sentence, with the subject in brackets if there is one: "Install failed on web-3: exit code 100". */
static const char *open_what(const struct group *g, const char *subject) {
    const struct question *q = first_question(g);
    const char *place = group_place(g, g->open_count), *step = g->step->name;
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
    const char *failed = first_question(g)->unreachable ? "did not start" : "failed";
    return arena_printf(arena, "%s %s %s%s: %s", step, failed, place, subject,
                        outcome_text(g->shown[0]->outcome, arena));
}

static const char UNKNOWN_TEXT[] =
    "It may have finished, may still run, or may have stopped half-way. Nothing was repeated.";

static void add_attempt_fact(const struct group *g) {
    const struct question *q = first_question(g);
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
static void add_siblings_fact(const struct group *g) {
    const uint32_t *by_state = g->d->steps[first_question(g)->step].by_state;
    uint32_t done = by_state[RUN_SUCCEEDED] + by_state[RUN_WARNED];
    uint32_t running = by_state[RUN_QUEUED] + by_state[RUN_RUNNING] + by_state[RUN_LOST] + by_state[RUN_DELAYED];
    if (g->step->slot_count > 1) {
        view_fact(g->card,
                  arena_printf(g->arena, "%u of %s done · %u running", done,
                               view_machines(g->step->slot_count, g->arena), running),
                  g->arena);
    }
}

static void add_retry_facts(const struct group *g) {
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

static bool is_taken(const struct group *g) {
    for (size_t i = 0; i < g->open_count; i++) {
        if (!g->shown[i]->taken_by) {
            return false;
        }
    }
    return true;
}

static void add_taken_facts(const struct group *g) {
    const char *said = NULL;
    for (size_t i = 0; i < g->open_count; i++) {
        const char *by = g->shown[i]->taken_by;
        if (by && !str_equal(by, said)) {
            view_fact(g->card, arena_printf(g->arena, "%s is on it", by), g->arena);
            said = by;
        }
    }
    if (g->step->guided.claim_required && !is_taken(g)) {
        view_fact(
            g->card,
            arena_printf(g->arena, "Take it before you answer: take Q%llu", (unsigned long long)g->card->question),
            g->arena);
    }
}

/* When the deployment fails unless somebody answers; 0 = never. */
static int64_t group_deadline(const struct group *g) {
    int64_t earliest = 0;
    for (size_t i = 0; i < g->open_count && g->step->guided.fail_unanswered; i++) {
        const struct question *q = &g->shown[i]->question;
        if (q->deadline_ms != 0 && !q->late_cancel && (earliest == 0 || q->deadline_ms < earliest)) {
            earliest = q->deadline_ms;
        }
    }
    return earliest;
}

/* Since when nobody is reminded of those that are parked, and who wanted it so. */
static void add_parked_fact(const struct group *g) {
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

static void add_times_fact(const struct group *g) {
    const struct question *q = first_question(g);
    int64_t deadline = group_deadline(g);
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

static bool waits_for_back(const struct group *g, const struct question *q) {
    return q->back_by != NULL && q->back_until_ms > g->now_ms;
}

/* "Retries by itself when web-3 is back (chosen by bob), until 14:30" */
static void add_back_facts(const struct group *g) {
    size_t count = 0;
    const struct question *last = NULL;
    for (size_t i = 0; i < g->open_count; i++) {
        const struct question *q = &g->shown[i]->question;
        count += waits_for_back(g, q);
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

static void add_open_facts(const struct group *g) {
    const char *past = view_past(&g->shown[0]->past, g->arena);
    view_fact(g->card, open_what(g, ""), g->arena);
    if (first_question(g)->unknown) {
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
static const char *open_commands(const struct group *g) {
    unsigned long long id = (unsigned long long)g->card->question;
    const char *list = "", *some = "";
    struct arena *arena = g->arena;
    for (size_t i = 0; i < g->card->action_count; i++) {
        const struct card_action *action = &g->card->actions[i];
        enum guidance guidance = guidance_parse(action->verb);
        if (guidance == GUIDANCE_NONE && !str_equal(action->verb, "check")) {
            continue;
        }
        bool explain = first_question(g)->unknown && (guidance == GUIDANCE_IGNORE || guidance == GUIDANCE_RETRY);
        list = arena_printf(arena, "%s%s%s Q%llu%s%s%s", list, *list ? ", " : "", action->verb, id, explain ? " (" : "",
                            explain ? action->label : "", explain ? ")" : "");
        if (g->open_count > 1 && !*some && guidance != GUIDANCE_NONE && guidance != GUIDANCE_FAIL) {
            some = arena_printf(arena, "; for some: %s Q%llu %s", action->verb, id,
                                plan_slot_name(g->d->plan, first_question(g)->step, first_question(g)->slot));
        }
    }
    return *list ? arena_printf(arena, " Answer%s: %s%s.", g->open_count > 1 ? " for all" : "", list, some) : "";
}

static const char *open_text(const struct group *g) {
    const struct question *q = first_question(g);
    const struct plan *plan = g->d->plan;
    const char *subject = arena_printf(g->arena, " (%s %s to %s)", plan->project, g->d->version, plan->environment);
    const char *why = q->why_no_retry ? arena_printf(g->arena, " %s", q->why_no_retry) : "";
    int64_t deadline = group_deadline(g);
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

/* --- the choices ------------------------------------------------------------------------------------------------- */

/* Those of the open questions that would accept the answer now. */
static size_t accepting(const struct group *g, enum guidance guidance, const struct question **ret_questions) {
    size_t count = 0;
    for (size_t i = 0; i < g->open_count; i++) {
        const struct question *q = &g->shown[i]->question;
        /* Whether a note is needed is shown on the button; it does not take the button away. */
        if ((q->options & (unsigned)guidance) != 0 && deployment_accepts(g->d, q, guidance, "a note", NULL)) {
            ret_questions[count++] = q;
        }
    }
    return count;
}

static const char *action_label(const struct group *g, enum guidance guidance, const struct question *q, size_t count) {
    const char *title = guidance_title(guidance);
    if (guidance == GUIDANCE_FAIL) {
        return q->late_cancel ? "Fail: stop waiting" : "Fail deployment";
    }
    if (guidance == GUIDANCE_EXCLUDE) {
        return arena_printf(g->arena, "%s %s", title,
                            count == 1 ? plan_slot_name(g->d->plan, q->step, q->slot) : view_machines(count, g->arena));
    }
    if (q->unknown) {
        title = guidance == GUIDANCE_RETRY    ? "Run it again"
                : guidance == GUIDANCE_IGNORE ? "I checked: it worked"
                                              : title;
    }
    return count == g->open_count ? title : arena_printf(g->arena, "%s %s", title, view_machines(count, g->arena));
}

static struct card_action *add_action(const struct group *g, const char *verb, const char *label,
                                      const char *consequence) {
    struct card *card = g->card;
    card->actions = arena_push(g->arena, card->actions, card->action_count, sizeof *card->actions);
    struct card_action *action = &card->actions[card->action_count++];
    *action = (struct card_action){.verb = verb, .label = label, .consequence = consequence};
    return action;
}

static void add_answer(const struct group *g, enum guidance guidance) {
    const struct question **questions = arena_array(g->arena, g->open_count, sizeof *questions);
    size_t count = accepting(g, guidance, questions);
    if (count == 0) {
        return;
    }
    const struct question *q = questions[0];
    if (guidance == GUIDANCE_EXCLUDE && count > 1 && count >= deployment_remaining(g->d)) {
        view_fact(g->card, "Excluding all of them would leave no machine; to end the deployment, answer Fail.",
                  g->arena);
        g->card->excludes_some = true;
        return;
    }
    struct card_action *action =
        add_action(g, guidance_word(guidance), action_label(g, guidance, q, count),
                   deployment_consequence_of(g->outlook, questions, count, guidance, g->arena));
    const struct plan_guided *guided = &g->step->guided;
    bool take_first = guided->claim_required && !is_taken(g);
    action->primary = !q->unknown && !first_question(g)->unreachable && !take_first &&
                      (guidance == GUIDANCE_RETRY || guidance == GUIDANCE_PROCEED);
    action->danger = guidance == GUIDANCE_FAIL || guidance == GUIDANCE_ABORT;
    action->confirm = view_needs_confirm(g->step, q, guidance);
    action->note_required = (guided->note_required & (unsigned)guidance) != 0;
}

static void add_take(const struct group *g) {
    if (!is_taken(g)) {
        add_action(g, "take", "Take", "Tells the others that you are on it; nothing is decided.")->primary =
            g->step->guided.claim_required;
    }
}

/* Its clocks can be put off, by whoever may take it: the question stays open. */
static void add_put_off(const struct group *g) {
    size_t parked = 0;
    for (size_t i = 0; i < g->open_count; i++) {
        parked += g->shown[i]->question.parked_by != NULL;
    }
    if (group_deadline(g) != 0) {
        add_action(g, "extend", "Extend",
                   arena_printf(g->arena, "Gives it %s more from now.",
                                view_duration(g->step->guided.answer_within_ms, g->arena)));
    }
    const struct plan_guided *guided = &g->step->guided;
    if (parked == g->open_count) {
        add_action(g, "unpark", "Un-park", "Its clocks begin anew: deadline, reminders and escalation.");
    } else if (group_deadline(g) != 0 || guided->remind_every_ms > 0 || guided->rung_count > 0) {
        add_action(g, "park", "Park",
                   "Stops deadline, reminders and escalation; it stays open, and its lane stays held.");
    }
}

/* A note is typed: no button has room for it. */
static void add_when_back(const struct group *g, const struct question *q) {
    if ((g->step->guided.note_required & GUIDANCE_RETRY) != 0) {
        view_fact(g->card,
                  arena_printf(g->arena, "To have it retried when it is back, write: retry Q%llu when back -- why",
                               (unsigned long long)q->id),
                  g->arena);
    } else {
        add_action(g, "when-back", "Retry when back",
                   "Tries to reach it again and again, for 2 h, and retries by itself once it is back. The question "
                   "stays open until then.");
    }
}

/* For an unknown outcome looking comes first, and nothing is suggested. A machine that can't be reached is best left out,
 * or waited for. */
static void add_actions(const struct group *g) {
    enum { COUNT = 6 };
    static const enum guidance usual[COUNT] = {GUIDANCE_RETRY, GUIDANCE_IGNORE,  GUIDANCE_EXCLUDE,
                                               GUIDANCE_FAIL,  GUIDANCE_PROCEED, GUIDANCE_ABORT};
    static const enum guidance unknown[COUNT] = {GUIDANCE_IGNORE, GUIDANCE_RETRY, GUIDANCE_EXCLUDE, GUIDANCE_FAIL};
    static const enum guidance away[COUNT] = {GUIDANCE_EXCLUDE, GUIDANCE_RETRY, GUIDANCE_IGNORE, GUIDANCE_FAIL};
    const struct question *q = first_question(g);
    const enum guidance *order = q->unknown ? unknown : q->unreachable ? away : usual;
    if (q->unknown) {
        add_action(g, "check", "Check again", "Looks on the machine for the truth; changes nothing there.");
    }
    for (size_t i = 0; i < COUNT && order[i] != GUIDANCE_NONE; i++) {
        add_answer(g, order[i]);
        if (order[i] == GUIDANCE_RETRY && question_may_wait_for_back(q) && !waits_for_back(g, q)) {
            add_when_back(g, q);
        }
    }
    add_take(g);
    add_put_off(g);
}

/* --- when all is answered ----------------------------------------------------------------------------------- */

static void add_rows(const struct group *g) {
    for (size_t i = 0; i < g->shown_count && g->shown_count > 1; i++) {
        const struct question_record *record = g->shown[i];
        const struct question *q = &record->question;
        struct card_row row = {.name = plan_slot_name(g->d->plan, q->step, q->slot)};
        if (record->open) {
            row.state = run_state_word(q->unknown ? RUN_UNKNOWN : RUN_ASKING);
            row.detail = arena_printf(g->arena, "%s · attempt %u", outcome_text(record->outcome, g->arena), q->attempt);
        } else {
            row.state = run_state_word(deployment_run(g->d, q->step, q->slot)->state);
            row.detail = view_answer(g->d, record, g->arena);
        }
        view_row(g->card, row, g->arena);
    }
    view_rows_end(g->card, g->shown_count > 1 ? g->shown_count : 0, g->arena);
}

static void add_notes(const struct group *g) {
    const char *said = NULL;
    for (size_t i = g->open_count; i < g->shown_count; i++) {
        const struct question_record *record = g->shown[i];
        if (!str_empty(record->note) && !str_equal(record->note, said)) {
            said = record->note;
            view_fact(g->card, arena_printf(g->arena, "Note by %s: %s", record->answered_by, said), g->arena);
        }
    }
}

static void write_open(const struct group *g) {
    struct card *card = g->card;
    const struct question *q = first_question(g);
    card->place = arena_printf(g->arena, "%s %s", g->step->name, group_place(g, g->open_count));
    card->asked_ms = q->asked_ms;
    card->deadline_ms = group_deadline(g);
    card->state = q->unknown ? "unknown" : "paused";
    card->title = open_title(g);
    card->mention = g->step->guided.responsible;
    card->excerpt = str_empty(q->excerpt) || q->approve ? NULL : q->excerpt;
    add_open_facts(g);
    add_actions(g);
    card->text = open_text(g);
}

static void write_answered(const struct group *g) {
    struct card *card = g->card;
    const struct plan *plan = g->d->plan;
    const char *place = g->shown_count == 1 ? group_place(g, 1) : arena_printf(g->arena, "on %s", target_list(g));
    const char *where = arena_printf(g->arena, "%s %s", g->step->name, place);
    bool by_person = g->shown[0]->answer != GUIDANCE_NONE && !g->shown[0]->closed_why;
    card->state = by_person ? "answered" : "closed";
    card->place = where;
    card->title = by_person ? "Answered" : "Closed";
    card->outcome = view_answers(g->d, g->shown, g->shown_count, g->arena);
    view_fact(card, where, g->arena);
    const char *note = g->shown_count == 1 ? view_note(g->shown[0]->note, g->arena) : "";
    card->text = arena_printf(g->arena, "Q%llu: %s (%s %s to %s): %s%s", (unsigned long long)card->question, where,
                              plan->project, g->d->version, plan->environment, card->outcome, note);
}

struct card *view_question(const struct deployment *d, const struct question_record *questions, size_t count,
                           int64_t now_ms, struct arena *arena) {
    assert(count > 0);
    struct group g = {.d = d,
                      .step = &d->plan->steps[questions[0].question.step],
                      .now_ms = now_ms,
                      .arena = arena,
                      .card = view_card(CARD_QUESTION, d, arena)};
    group_collect(&g, questions, count);
    g.card->question = questions[0].question.id;
    g.card->revision = (uint32_t)count;
    if (g.open_count > 0) {
        g.outlook = deployment_outlook(d, arena);
        write_open(&g);
    } else {
        write_answered(&g);
    }
    add_rows(&g);
    add_notes(&g);
    return g.card;
}
