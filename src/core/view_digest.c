/* Once a day, what still waits. */

#include "base/str.h"
#include "core/view.h"
#include "view_parts.h"

enum { SAID = 10 };

struct digest_item view_digest_item(const struct deployment *d, const struct card *question, const char *taken_by,
                                    struct arena *arena) {
    return (struct digest_item){
        .question = question->question,
        .project = arena_strdup(arena, d->plan->project),
        .version = arena_strdup(arena, d->version),
        .environment = arena_strdup(arena, d->plan->environment),
        .place = arena_strdup(arena, question->place),
        .taken_by = arena_strdup(arena, taken_by),
        .asked_ms = question->asked_ms,
        .unknown = str_equal(question->state, "unknown"),
    };
}

static const char *item_line(const struct digest_item *item, int64_t now_ms, const char *between, struct arena *arena) {
    const char *taken = item->taken_by == NULL ? "" : arena_printf(arena, "%s%s is on it", between, item->taken_by);
    return arena_printf(arena, "%s %s to %s%s%s%ssince %s%s", item->project, item->version, item->environment, between,
                        item->place, between, view_clock(item->asked_ms, now_ms, arena), taken);
}

struct card *view_digest(const struct digest_item *items, size_t count, int64_t now_ms, struct arena *arena) {
    struct card *card = arena_alloc(arena, sizeof *card);
    card->kind = CARD_DIGEST;
    card->state = "paused";
    card->subject = "";
    card->title = arena_printf(arena, "%zu question%s, oldest first", count, count == 1 ? " waits" : "s wait");
    card->text = arena_printf(arena, "%s.", card->title);
    for (size_t i = 0; i < count; i++) {
        const char *name = arena_printf(arena, "Q%llu", (unsigned long long)items[i].question);
        const struct card_row row = {
            .state = items[i].unknown ? "unknown" : "asking",
            .name = name,
            .detail = item_line(&items[i], now_ms, " · ", arena),
        };
        view_row(card, row, arena);
        if (i < SAID) {
            card->text = arena_printf(arena, "%s %s: %s.", card->text, name, item_line(&items[i], now_ms, ", ", arena));
        }
    }
    view_rows_end(card, count, arena);
    return card;
}
