/* What can be done about an open question, each with what would follow. */

#include "base/str.h"
#include "view_group.h"
#include "view_parts.h"

/* Those of the open questions that would accept the answer now. */
static size_t accepting(const struct view_group *g, enum guidance guidance, const struct question **ret_questions) {
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

static const char *action_label(const struct view_group *g, enum guidance guidance, const struct question *q,
                                size_t count) {
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

static struct card_action *add_action(const struct view_group *g, const char *verb, const char *label,
                                      const char *consequence) {
    struct card *card = g->card;
    card->actions = arena_push(g->arena, card->actions, card->action_count, sizeof *card->actions);
    struct card_action *action = &card->actions[card->action_count++];
    *action = (struct card_action){.verb = verb, .label = label, .consequence = consequence};
    return action;
}

static void add_answer(const struct view_group *g, enum guidance guidance) {
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
    bool take_first = guided->claim_required && !view_group_is_taken(g);
    action->primary = !q->unknown && !view_group_first(g)->unreachable && !take_first &&
                      (guidance == GUIDANCE_RETRY || guidance == GUIDANCE_PROCEED);
    action->danger = guidance == GUIDANCE_FAIL || guidance == GUIDANCE_ABORT;
    action->confirm = view_needs_confirm(g->step, q, guidance);
    action->note_required = (guided->note_required & (unsigned)guidance) != 0;
}

static void add_take(const struct view_group *g) {
    if (!view_group_is_taken(g)) {
        add_action(g, "take", "Take", "Tells the others that you are on it; nothing is decided.")->primary =
            g->step->guided.claim_required;
    }
}

/* Its clocks can be put off, by whoever may take it: the question stays open. */
static void add_put_off(const struct view_group *g) {
    size_t parked = 0;
    for (size_t i = 0; i < g->open_count; i++) {
        parked += g->shown[i]->question.parked_by != NULL;
    }
    if (view_group_deadline(g) != 0) {
        add_action(g, "extend", "Extend",
                   arena_printf(g->arena, "Gives it %s more from now.",
                                view_duration(g->step->guided.answer_within_ms, g->arena)));
    }
    const struct plan_guided *guided = &g->step->guided;
    if (parked == g->open_count) {
        add_action(g, "unpark", "Un-park", "Its clocks begin anew: deadline, reminders and escalation.");
    } else if (view_group_deadline(g) != 0 || guided->remind_every_ms > 0 || guided->rung_count > 0) {
        add_action(g, "park", "Park",
                   "Stops deadline, reminders and escalation; it stays open, and its lane stays held.");
    }
}

/* A note is typed: no button has room for it. */
static void add_when_back(const struct view_group *g, const struct question *q) {
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
void view_choices(const struct view_group *g) {
    enum { COUNT = 6 };
    static const enum guidance usual[COUNT] = {GUIDANCE_RETRY, GUIDANCE_IGNORE,  GUIDANCE_EXCLUDE,
                                               GUIDANCE_FAIL,  GUIDANCE_PROCEED, GUIDANCE_ABORT};
    static const enum guidance unknown[COUNT] = {GUIDANCE_IGNORE, GUIDANCE_RETRY, GUIDANCE_EXCLUDE, GUIDANCE_FAIL};
    static const enum guidance away[COUNT] = {GUIDANCE_EXCLUDE, GUIDANCE_RETRY, GUIDANCE_IGNORE, GUIDANCE_FAIL};
    const struct question *q = view_group_first(g);
    const enum guidance *order = q->unknown ? unknown : q->unreachable ? away : usual;
    if (q->unknown) {
        add_action(g, "check", "Check again", "Looks on the machine for the truth; changes nothing there.");
    }
    for (size_t i = 0; i < COUNT && order[i] != GUIDANCE_NONE; i++) {
        add_answer(g, order[i]);
        if (order[i] == GUIDANCE_RETRY && question_may_wait_for_back(q) && !view_group_waits_for_back(g, q)) {
            add_when_back(g, q);
        }
    }
    add_take(g);
    add_put_off(g);
}
