#include "core/view.h"

#include "base/limits.h"
#include "base/str.h"
#include "core/resume.h"
#include "view_parts.h"

/* Something that went on in spite of a failure: machines excluded or a step ignored, by one person with one note. */
struct warning {
    size_t step;
    enum guidance answer;
    bool unknown;
    const char *by, *note;
    size_t *slots;
    size_t slot_count;
};

struct warnings {
    struct warning *items;
    size_t count;
};

static struct warning *warnings_find(struct warnings *warnings, const struct question_record *record,
                                     struct arena *arena) {
    for (size_t i = 0; i < warnings->count; i++) {
        struct warning *w = &warnings->items[i];
        if (w->step == record->question.step && w->answer == record->answer && w->unknown == record->question.unknown &&
            str_equal(w->by, record->answered_by) && str_equal(w->note, record->note)) {
            return w;
        }
    }
    warnings->items = arena_push(arena, warnings->items, warnings->count, sizeof *warnings->items);
    struct warning *w = &warnings->items[warnings->count++];
    *w = (struct warning){.step = record->question.step,
                          .answer = record->answer,
                          .unknown = record->question.unknown,
                          .by = record->answered_by,
                          .note = record->note};
    return w;
}

static struct warnings warnings_collect(const struct question_record *records, size_t count, struct arena *arena) {
    struct warnings warnings = {0};
    for (size_t i = 0; i < count; i++) {
        const struct question_record *record = &records[i];
        bool counts = record->answer == GUIDANCE_IGNORE || record->answer == GUIDANCE_EXCLUDE;
        if (!counts || !record->answered_by || record->closed_why) {
            continue;
        }
        struct warning *w = warnings_find(&warnings, record, arena);
        w->slots = arena_push(arena, w->slots, w->slot_count, sizeof *w->slots);
        w->slots[w->slot_count++] = record->question.slot;
    }
    return warnings;
}

/* What was confirmed before is said, never what runs there now: a step that broke off may have changed anything. */
static struct card_row excluded_row(const struct deployment *d, const struct warning *w, struct arena *arena) {
    const char *step = d->plan->steps[w->step].name;
    const char *before = "";
    if (!str_empty(d->previous_version)) {
        before = arena_printf(arena, ", last confirmed %s", d->previous_version);
    }
    const char *now = w->unknown ? arena_printf(arena, "the outcome of %s is unknown", step)
                                 : arena_printf(arena, "%s did not finish", step);
    return (struct card_row){
        .state = run_state_word(RUN_EXCLUDED),
        .name = view_slots(d, w->step, w->slots, w->slot_count, arena),
        .detail = arena_printf(arena, "excluded by %s%s%s; %s", w->by, view_note(w->note, arena), before, now),
    };
}

static struct card_row ignored_row(const struct deployment *d, const struct warning *w, struct arena *arena) {
    const struct plan_step *step = &d->plan->steps[w->step];
    const char *name = step->name;
    if (!step->on_worker) {
        name = arena_printf(arena, "%s on %s", name, view_slots(d, w->step, w->slots, w->slot_count, arena));
    }
    return (struct card_row){
        .state = run_state_word(RUN_WARNED),
        .name = name,
        .detail = arena_printf(arena, "%s by %s%s", w->unknown ? "checked and taken as done" : "ignored", w->by,
                               view_note(w->note, arena)),
    };
}

/* Warnings that nobody was asked about. */
static void add_quiet_warnings(struct card *card, const struct deployment *d, struct arena *arena) {
    for (size_t i = 0; i < d->plan->step_count; i++) {
        const struct plan_step *step = &d->plan->steps[i];
        const char *detail = NULL;
        if (step->left_empty) {
            detail = "skipped, since none of its machines is part of this deployment";
        } else if (step->continue_on_error && d->steps[i].by_state[RUN_WARNED] > 0) {
            detail = "failed and was passed over (on_error: continue)";
        }
        if (detail) {
            view_row(card, (struct card_row){run_state_word(RUN_WARNED), step->name, detail}, arena);
        }
    }
}

static void add_warnings(struct card *card, const struct deployment *d, const struct question_record *records,
                         size_t count, struct arena *arena) {
    struct warnings warnings = warnings_collect(records, count, arena);
    for (size_t i = 0; i < warnings.count; i++) {
        const struct warning *w = &warnings.items[i];
        view_row(card, w->answer == GUIDANCE_EXCLUDE ? excluded_row(d, w, arena) : ignored_row(d, w, arena), arena);
    }
    add_quiet_warnings(card, d, arena);
}

/* " web-3 excluded by alice; ...", at most ten of them. */
static const char *rows_text(const struct card *card, struct arena *arena) {
    enum { SAID = 10 };
    const char *text = "";
    for (size_t i = 0; i < card->row_count && i < SAID; i++) {
        text = arena_printf(arena, "%s%s%s %s", text, i > 0 ? "; " : " ", card->rows[i].name, card->rows[i].detail);
    }
    if (card->row_count > SAID) {
        text = arena_printf(arena, "%s; and %zu more", text, card->row_count - SAID);
    }
    return *text ? arena_printf(arena, "%s.", text) : "";
}

/* " web-1 done, web-2 unknown at Install.", or for many machines only how many stand how. */
static const char *standings_text(const struct deployment *d, const struct view_standing *standings,
                                  struct arena *arena) {
    enum { NAMED = 10 };
    static const struct {
        const char *state, *words;
    } sums[] = {{"succeeded", "done"},    {"failed", "failed"},         {"unknown", "unknown"},
                {"excluded", "excluded"}, {"canceled", "done in part"}, {"pending", "not started"}};
    const char *text = "";
    size_t count = d->plan->target_count;
    for (size_t i = 0; i < count && count <= NAMED; i++) {
        text = arena_printf(arena, "%s%s%s %s", text, i > 0 ? ", " : " ", d->plan->targets[i].name, standings[i].text);
    }
    for (size_t sum = 0; sum < sizeof sums / sizeof *sums && count > NAMED; sum++) {
        size_t found = 0;
        for (size_t i = 0; i < count; i++) {
            found += str_equal(standings[i].state, sums[sum].state);
        }
        if (found > 0) {
            text = arena_printf(arena, "%s%s%s %s", text, *text ? ", " : " ", view_machines(found, arena),
                                sums[sum].words);
        }
    }
    return *text ? arena_printf(arena, "%s.", text) : "";
}

static void add_standings(struct card *card, const struct deployment *d, const struct view_standing *standings,
                          struct arena *arena) {
    for (size_t i = 0; i < d->plan->target_count; i++) {
        view_row(card, (struct card_row){standings[i].state, d->plan->targets[i].name, standings[i].text}, arena);
    }
    view_rows_end(card, d->plan->target_count, arena);
}

/* " Migrate database failed on db-1: exit code 1.": what the answer Fail was about. */
static const char *failed_question(const struct deployment *d, const struct question_record *records, size_t count,
                                   struct arena *arena) {
    for (size_t i = 0; i < count; i++) {
        const struct question *q = &records[i].question;
        if (records[i].answer == GUIDANCE_FAIL && !q->late_cancel) {
            const char *what = q->unknown ? "has an unknown outcome" : "failed";
            const char *why = q->unknown ? "" : arena_printf(arena, ": %s", outcome_text(records[i].outcome, arena));
            return arena_printf(arena, " %s %s %s%s.", d->plan->steps[q->step].name, what,
                                view_place(d, q->step, q->slot, arena), why);
        }
    }
    return "";
}

/* " To go on with Install on web-3: resume D311.", while nothing else goes on from it. */
static const char *resume_text(const struct deployment *d, const struct resume_outlook *outlook, struct arena *arena) {
    if (outlook->place == NULL) {
        return "";
    }
    return arena_printf(arena, " To go on with %s: resume D%llu%s.", outlook->place, (unsigned long long)d->id,
                        outlook->unknown != NULL ? ", after a look at what is unknown" : "");
}

static void add_resume(struct card *card, const struct resume_outlook *outlook, struct arena *arena) {
    if (outlook->place != NULL) {
        card->actions = arena_push(arena, NULL, 0, sizeof *card->actions);
        card->actions[card->action_count++] = (struct card_action){
            .verb = outlook->verb,
            .label = outlook->label,
            .consequence = outlook->consequence,
            .danger = outlook->unknown != NULL,
            .confirm = true,
        };
    }
}

/* " What was excluded is owed 1.4.2: catch up D311." */
static const char *owed_text(const struct deployment *d, struct arena *arena) {
    return d->excluded_count == 0 ? ""
                                  : arena_printf(arena, " What was excluded is owed %s: catch up D%llu.", d->version,
                                                 (unsigned long long)d->id);
}

struct card *view_closing(const struct deployment *d, const struct question_record *questions, size_t count,
                          struct arena *arena) {
    struct card *card = view_card(CARD_CLOSING, d, arena);
    card->state = deployment_state_word(d->state);
    card->title = view_state_title(d->state);
    const char *result = view_result(d, arena);
    const char *why = d->closing_why ? arena_printf(arena, " %s", d->closing_why) : "";
    if (d->state == DEPLOYMENT_FAILED || d->state == DEPLOYMENT_CANCELED) {
        const struct view_standing *standings = view_standings(d, arena);
        const struct resume_outlook outlook = resume_look(d, arena);
        const char *failed = d->state == DEPLOYMENT_FAILED ? failed_question(d, questions, count, arena) : "";
        add_standings(card, d, standings, arena);
        card->text = arena_printf(arena, "%s.%s%s%s%s", result, failed, why, standings_text(d, standings, arena),
                                  resume_text(d, &outlook, arena));
        add_resume(card, &outlook, arena);
    } else {
        add_warnings(card, d, questions, count, arena);
        card->text = arena_printf(arena, "%s.%s%s", result, rows_text(card, arena), owed_text(d, arena));
    }
    card->outcome = card->text;
    card->mention = (struct plan_names){.items = arena_alloc(arena, sizeof(char *)), .count = 1};
    card->mention.items[0] = d->actor;
    return card;
}
