#ifndef GP_CORE_VIEW_GROUP_H
#define GP_CORE_VIEW_GROUP_H

/* The questions of one card while it is drawn: view_question.c leads, view_facts.c says how things are, view_choices.c what
 * can be done. */

#include "core/view.h"

/* What one card shows. A machine that failed again in the same way stands on it only once, with its newest question. */
struct view_group {
    const struct deployment *d;
    const struct plan_step *step;
    const struct question_record **shown; /* open ones first */
    size_t shown_count, open_count;
    int64_t now_ms;
    struct arena *arena;
    struct card *card;
    struct outlook *outlook; /* while one is open */
};

const struct question *view_group_first(const struct view_group *g);
/* "on web-3", "on 7 of 40 machines" */
const char *view_group_place(const struct view_group *g, size_t count);
bool view_group_is_taken(const struct view_group *g); /* each of those that are open */
/* When the deployment fails unless somebody answers; 0 = never. */
int64_t view_group_deadline(const struct view_group *g);
bool view_group_waits_for_back(const struct view_group *g, const struct question *q);

/* While one is open. */
void view_facts(const struct view_group *g);
void view_choices(const struct view_group *g);
/* All of it in a line, with the commands for the choices, which come first. */
const char *view_open_text(const struct view_group *g);

#endif
