#include "core/view.h"

#include <assert.h>

#include "base/str.h"
#include "view_group.h"
#include "view_parts.h"

/* --- the questions of a card -------------------------------------------------------------------------------------- */

static void group_collect(struct view_group *g, const struct question_record *records, size_t count) {
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

const struct question *view_group_first(const struct view_group *g) {
    return &g->shown[0]->question;
}

const char *view_group_place(const struct view_group *g, size_t count) {
    const struct question *q = view_group_first(g);
    if (count == 1) {
        return view_place(g->d, q->step, q->slot, g->arena);
    }
    return arena_printf(g->arena, "on %zu of %s", count, view_machines(g->step->slot_count, g->arena));
}

bool view_group_is_taken(const struct view_group *g) {
    for (size_t i = 0; i < g->open_count; i++) {
        if (!g->shown[i]->taken_by) {
            return false;
        }
    }
    return true;
}

int64_t view_group_deadline(const struct view_group *g) {
    int64_t earliest = 0;
    for (size_t i = 0; i < g->open_count && g->step->guided.fail_unanswered; i++) {
        const struct question *q = &g->shown[i]->question;
        if (q->deadline_ms != 0 && !q->late_cancel && (earliest == 0 || q->deadline_ms < earliest)) {
            earliest = q->deadline_ms;
        }
    }
    return earliest;
}

bool view_group_waits_for_back(const struct view_group *g, const struct question *q) {
    return q->back_by != NULL && q->back_until_ms > g->now_ms;
}

/* --- while one is open -------------------------------------------------------------------------------------------- */

static const char *open_title(const struct view_group *g) {
    const struct question *q = view_group_first(g);
    const char *who = view_responsible(g->step, g->arena);
    const char *what = q->unknown                         ? "Outcome unknown: needs"
                       : q->late_cancel                   ? "Cancel is not complete: needs"
                       : q->approve                       ? "Approval: needs"
                       : g->d->state == DEPLOYMENT_PAUSED ? "Paused: needs"
                                                          : "Needs"; /* something of it still runs */
    return arena_printf(g->arena, "%s %s", what, who);
}

static void write_open(const struct view_group *g) {
    struct card *card = g->card;
    const struct question *q = view_group_first(g);
    card->place = arena_printf(g->arena, "%s %s", g->step->name, view_group_place(g, g->open_count));
    card->asked_ms = q->asked_ms;
    card->deadline_ms = view_group_deadline(g);
    card->state = q->unknown ? "unknown" : "paused";
    card->title = open_title(g);
    card->mention = g->step->guided.responsible;
    card->excerpt = str_empty(q->excerpt) || q->approve ? NULL : q->excerpt;
    view_facts(g);
    view_choices(g);
    card->text = view_open_text(g);
}

/* --- when all is answered ----------------------------------------------------------------------------------------- */

static const char *target_list(const struct view_group *g) {
    size_t *slots = arena_array(g->arena, g->shown_count, sizeof *slots);
    for (size_t i = 0; i < g->shown_count; i++) {
        slots[i] = g->shown[i]->question.slot;
    }
    return view_slots(g->d, view_group_first(g)->step, slots, g->shown_count, g->arena);
}

static void write_answered(const struct view_group *g) {
    struct card *card = g->card;
    const struct plan *plan = g->d->plan;
    const char *place = g->shown_count == 1 ? view_group_place(g, 1) : arena_printf(g->arena, "on %s", target_list(g));
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

/* --- the whole ---------------------------------------------------------------------------------------------------- */

static void add_rows(const struct view_group *g) {
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

static void add_notes(const struct view_group *g) {
    const char *said = NULL;
    for (size_t i = g->open_count; i < g->shown_count; i++) {
        const struct question_record *record = g->shown[i];
        if (!str_empty(record->note) && !str_equal(record->note, said)) {
            said = record->note;
            view_fact(g->card, arena_printf(g->arena, "Note by %s: %s", record->answered_by, said), g->arena);
        }
    }
}

struct card *view_question(const struct deployment *d, const struct question_record *questions, size_t count,
                           int64_t now_ms, struct arena *arena) {
    assert(count > 0);
    struct view_group g = {.d = d,
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
