#ifndef GP_CORE_VIEW_PARTS_H
#define GP_CORE_VIEW_PARTS_H

/* What the cards are made of: small texts, facts and rows, and the standing of a step or of a machine. */

#include "core/view.h"

struct card *view_card(enum card_kind kind, const struct deployment *d, struct arena *arena);
void view_fact(struct card *card, const char *fact, struct arena *arena);
/* Adds a row, up to LIMIT_CARD_ROWS; view_rows_end lets the last one say how many of the wanted ones are not shown. */
void view_row(struct card *card, struct card_row row, struct arena *arena);
void view_rows_end(struct card *card, size_t wanted, struct arena *arena);

const char *view_duration(int64_t ms, struct arena *arena);
const char *view_clock(int64_t wall_ms, int64_t now_ms, struct arena *arena);

/* "web-1, web-2 and 5 more" */
const char *view_list(const char *const *names, size_t count, struct arena *arena);
/* The same of the machines of a step in the plan's order, into which `slots` is brought. */
const char *view_slots(const struct deployment *d, size_t step, size_t *slots, size_t count, struct arena *arena);
/* "1 machine", "7 machines" */
const char *view_machines(size_t count, struct arena *arena);
/* "web-oncall", "web-oncall or carol"; "an answer" if nobody is named. */
const char *view_responsible(const struct plan_step *step, struct arena *arena);
/* "on web-3", "on the worker" */
const char *view_place(const struct deployment *d, size_t step, size_t slot, struct arena *arena);
/* ": “known flake”", or "" */
const char *view_note(const char *note, struct arena *arena);

/* True if people are to be asked once more: the configuration wants it, or it may do harm after an unknown outcome. */
bool view_needs_confirm(const struct plan_step *step, const struct question *question, enum guidance guidance);

/* How a machine stands: the word for the icon, and "done", "stopped at Install", "not started". */
struct view_standing {
    const char *state, *text;
};
/* Of each target of the plan. */
const struct view_standing *view_standings(const struct deployment *d, struct arena *arena);

/* What became of a closed question: "Retry by alice after 4 min · worked on attempt 2"; and of several. */
const char *view_answer(const struct deployment *d, const struct question_record *record, struct arena *arena);
const char *view_answers(const struct deployment *d, const struct question_record *const *records, size_t count,
                         struct arena *arena);

/* "Succeeded: webshop 1.4.2 to production, 3 machines, 6 min 40 s (4 min waiting for people)" */
const char *view_result(const struct deployment *d, struct arena *arena);

/* "Succeeded with warnings" */
const char *view_state_title(enum deployment_state state);

#endif
