/* What is shown of all questions of a deployment: they are put together by card, and each card gets what belongs to it. */

#include "core/view.h"
#include "base/str.h"
#include "view_parts.h"

/* The questions of one card, in the order they were asked. */
struct group {
    struct question_record *records;
    size_t count;
    uint64_t card;
    bool open;
};

struct groups {
    struct group *items; /* by card, which is the order of their first questions */
    size_t count;
};

static struct group *group_find(const struct groups *groups, uint64_t card) {
    size_t low = 0, high = groups->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (groups->items[middle].card < card) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < groups->count && groups->items[low].card == card ? &groups->items[low] : NULL;
}

/* Counts first, so that all groups share one array. */
static struct groups groups_make(const struct question_record *questions, size_t count, struct arena *arena) {
    struct groups groups = {.items = arena_array(arena, count + 1, sizeof *groups.items)};
    for (size_t i = 0; i < count; i++) {
        if (questions[i].question.card == questions[i].question.id) {
            groups.items[groups.count++].card = questions[i].question.id;
        }
    }
    for (size_t i = 0; i < count; i++) {
        struct group *group = group_find(&groups, questions[i].question.card);
        if (group != NULL) {
            group->count++;
        }
    }
    struct question_record *room = arena_array(arena, count + 1, sizeof *room);
    for (size_t i = 0; i < groups.count; i++) {
        groups.items[i].records = room;
        room += groups.items[i].count;
        groups.items[i].count = 0;
    }
    for (size_t i = 0; i < count; i++) {
        struct group *group = group_find(&groups, questions[i].question.card);
        if (group != NULL) {
            group->records[group->count++] = questions[i];
            group->open = group->open || questions[i].open;
        }
    }
    return groups;
}

/* --- once more --------------------------------------------------------------------------------------------------- */

/* Whoever has said that they are on it; else those who should be. */
static struct plan_names reminded(const struct deployment *d, const struct group *group, struct arena *arena) {
    const char *taker = NULL;
    for (size_t i = 0; i < group->count; i++) {
        const struct question_record *record = &group->records[i];
        if (record->open && record->taken_by == NULL) {
            return d->plan->steps[record->question.step].guided.responsible;
        }
        taker = record->open ? record->taken_by : taker;
    }
    struct plan_names names = {arena_alloc(arena, sizeof *names.items), 1};
    names.items[0] = taker;
    return names;
}

static bool all_parked(const struct group *group) {
    for (size_t i = 0; i < group->count; i++) {
        if (group->records[i].open && group->records[i].question.parked_by == NULL) {
            return false;
        }
    }
    return true;
}

static struct card *reminder_of(const struct deployment *d, const struct group *group, const struct vigil *vigil,
                                struct arena *arena) {
    const struct plan_guided *guided = &d->plan->steps[vigil->step].guided;
    const struct plan_rung *next =
        vigil->rungs < guided->rung_count && !all_parked(group) ? &guided->ladder[vigil->rungs] : NULL;
    struct card *card = view_reminder(d, group->records, group->count, next == NULL ? NULL : &next->mention,
                                      next == NULL ? 0 : vigil->since_ms + next->after_ms, vigil->reminded_ms, arena);
    card->turn = vigil->reminders;
    if (card->outcome == NULL) {
        card->mention = reminded(d, group, arena);
    }
    return card;
}

static void add_calls(const struct deployment *d, const struct group *group, const struct vigil *vigil, int64_t now_ms,
                      struct card_set *set, struct arena *arena) {
    for (uint32_t i = 0; i < vigil->rungs; i++) {
        for (enum call_kind kind = 0; kind < CALL_KINDS; kind++) {
            enum call_told told = vigil->calls[i][kind];
            if (told == CALL_TOLD_NOTHING) {
                continue;
            }
            struct card *card = view_call(d, group->records, group->count, i, kind, told, now_ms, arena);
            if (card->outcome == NULL && told == CALL_TOLD_FAILS) {
                card->mention = reminded(d, group, arena);
            }
            set->calls[set->call_count++] = card;
        }
    }
}

static void add_escalations(const struct deployment *d, const struct group *group, const struct vigil *vigil,
                            struct card_set *set, struct arena *arena) {
    const struct plan_guided *guided = &d->plan->steps[vigil->step].guided;
    for (uint32_t i = 0; i < vigil->rungs && i < guided->rung_count; i++) {
        const struct plan_rung *rung = &guided->ladder[i];
        if (rung->mention.count == 0 && rung->room == NULL) {
            continue; /* It calls a program only. */
        }
        struct card *card = view_escalation(d, group->records, group->count,
                                            rung->mention.count > 0 ? &rung->mention : &guided->responsible,
                                            vigil->climbed_ms[i], arena);
        card->room = rung->room;
        card->turn = i + 1;
        set->escalations[set->escalation_count++] = card;
    }
}

struct card_set *view_card_sets(const struct deployment *d, const struct question_record *questions, size_t count,
                                int64_t now_ms, struct arena *arena, size_t *ret_count) {
    const struct groups groups = groups_make(questions, count, arena);
    struct card_set *sets = arena_array(arena, groups.count + 1, sizeof *sets);
    *ret_count = 0;
    for (int open = 1; open >= 0; open--) {
        for (size_t i = 0; i < groups.count; i++) {
            const struct group *group = &groups.items[i];
            const struct vigil *vigil = group->records[0].vigil;
            if (group->open != (open == 1)) {
                continue;
            }
            struct card_set *set = &sets[(*ret_count)++];
            set->question = view_question(d, group->records, group->count, now_ms, arena);
            if (vigil != NULL && vigil->reminders > 0) {
                set->reminder = reminder_of(d, group, vigil, arena);
            }
            if (vigil != NULL) {
                add_calls(d, group, vigil, now_ms, set, arena);
                add_escalations(d, group, vigil, set, arena);
            }
        }
    }
    return sets;
}

struct card **view_cards(const struct deployment *d, const struct question_record *questions, size_t count,
                         int64_t now_ms, struct arena *arena, size_t *ret_count) {
    const struct card_set *sets = view_card_sets(d, questions, count, now_ms, arena, ret_count);
    struct card **cards = arena_array(arena, *ret_count + 1, sizeof *cards);
    for (size_t i = 0; i < *ret_count; i++) {
        cards[i] = sets[i].question;
    }
    return cards;
}
