/* A question that waits too long is told once more: in its room, and to those who are asked next. */

#include "base/str.h"
#include "view_parts.h"

static const char *waited(const struct card *card, int64_t now_ms, struct arena *arena) {
    return view_duration(now_ms > card->asked_ms ? now_ms - card->asked_ms : 0, arena);
}

static const char *taken_text(const struct question_record *questions, size_t count, struct arena *arena) {
    for (size_t i = 0; i < count; i++) {
        if (questions[i].open && questions[i].question.parked_by) {
            return arena_printf(arena, "%s has parked it", questions[i].question.parked_by);
        }
        if (questions[i].open && questions[i].taken_by) {
            return arena_printf(arena, "%s is on it", questions[i].taken_by);
        }
    }
    return "Nobody is on it yet";
}

/* A line under the question, which ends like it. */
static struct card *line_under(const struct deployment *d, const struct question_record *questions, size_t count,
                               int64_t now_ms, struct arena *arena) {
    const struct card *asked = view_question(d, questions, count, now_ms, arena);
    struct card *card = view_card(CARD_REMINDER, d, arena);
    card->question = asked->question;
    card->revision = asked->revision;
    card->state = asked->state;
    card->place = asked->place;
    if (asked->outcome) {
        card->title = arena_printf(arena, "Q%llu is over", (unsigned long long)card->question);
        card->text = asked->text;
        card->outcome = asked->outcome;
    } else {
        card->asked_ms = asked->asked_ms;
        card->deadline_ms = asked->deadline_ms;
    }
    return card;
}

struct card *view_reminder(const struct deployment *d, const struct question_record *questions, size_t count,
                           const struct plan_names *next, int64_t next_ms, int64_t now_ms, struct arena *arena) {
    struct card *card = line_under(d, questions, count, now_ms, arena);
    const char *then = "", *until = "";
    if (next && next_ms != 0) {
        const char *whom = next->count > 0 ? view_list(next->items, next->count, arena) : "others";
        then = arena_printf(arena, "; it goes to %s at %s", whom, view_clock(next_ms, now_ms, arena));
    }
    if (card->outcome) {
        return card;
    }
    if (card->deadline_ms != 0) {
        until = arena_printf(arena, " No answer by %s means fail.", view_clock(card->deadline_ms, now_ms, arena));
    }
    card->title =
        arena_printf(arena, "Q%llu has waited %s", (unsigned long long)card->question, waited(card, now_ms, arena));
    card->text = arena_printf(arena, "%s: %s (%s %s to %s). %s%s.%s", card->title, card->place, d->plan->project,
                              d->version, d->plan->environment, taken_text(questions, count, arena), then, until);
    return card;
}

struct card *view_call(const struct deployment *d, const struct question_record *questions, size_t count, uint32_t rung,
                       enum call_kind kind, enum call_told told, int64_t now_ms, struct arena *arena) {
    struct card *card = line_under(d, questions, count, now_ms, arena);
    unsigned long long question = (unsigned long long)card->question;
    const char *what = kind == CALL_RUN ? "command" : "webhook";
    card->call = arena_printf(arena, "%u-%s", rung + 1, call_kind_word(kind));
    if (card->outcome) {
        return card;
    }
    if (told == CALL_TOLD_FAILS) {
        card->title = arena_printf(arena, "Nobody could be called for Q%llu", question);
        card->text =
            arena_printf(arena,
                         "%s: the %s of rung %u of its escalation fails. It is tried again for as long as Q%llu "
                         "waits. The audit of D%llu says what is wrong.",
                         card->title, what, rung + 1, question, (unsigned long long)d->id);
    } else {
        card->title = arena_printf(arena, "The call for Q%llu got through", question);
        card->text =
            arena_printf(arena, "%s: the %s of rung %u of its escalation works again.", card->title, what, rung + 1);
    }
    return card;
}

struct card *view_escalation(const struct deployment *d, const struct question_record *questions, size_t count,
                             const struct plan_names *mention, int64_t now_ms, struct arena *arena) {
    struct card *card = view_question(d, questions, count, now_ms, arena);
    card->kind = CARD_ESCALATION;
    if (!card->outcome) {
        const char *waiting = waited(card, now_ms, arena),
                   *unknown = str_equal(card->state, "unknown") ? "Outcome unknown, n" : "N";
        card->mention = *mention;
        const char *whom = mention->count > 0 ? view_list(mention->items, mention->count, arena) : "an answer";
        card->title = arena_printf(arena, "%so answer for %s: needs %s", unknown, waiting, whom);
        card->text = mention->count > 0
                         ? arena_printf(arena, "No answer for %s, so now %s: %s", waiting, whom, card->text)
                         : arena_printf(arena, "No answer for %s: %s", waiting, card->text);
    }
    return card;
}
