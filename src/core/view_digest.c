/* Once a day, what still waits. */

#include "base/str.h"
#include "core/view.h"
#include "view_parts.h"

enum { SAID = 10 };

static const char *item_line(const struct digest_item *item, int64_t now_ms, const char *between, struct arena *arena) {
    const struct deployment *d = item->deployment;
    const char *taken = item->taken_by == NULL ? "" : arena_printf(arena, "%s%s is on it", between, item->taken_by);
    return arena_printf(arena, "%s %s to %s%s%s%ssince %s%s", d->plan->project, d->version, d->plan->environment,
                        between, item->question->place, between, view_clock(item->question->asked_ms, now_ms, arena),
                        taken);
}

struct card *view_digest(const struct digest_item *items, size_t count, int64_t now_ms, struct arena *arena) {
    struct card *card = arena_alloc(arena, sizeof *card);
    card->kind = CARD_DIGEST;
    card->state = "paused";
    card->subject = "";
    card->title = arena_printf(arena, "%zu question%s, oldest first", count, count == 1 ? " waits" : "s wait");
    card->text = arena_printf(arena, "%s.", card->title);
    for (size_t i = 0; i < count; i++) {
        const char *name = arena_printf(arena, "Q%llu", (unsigned long long)items[i].question->question);
        const struct card_row row = {
            .state = str_equal(items[i].question->state, "unknown") ? "unknown" : "asking",
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
