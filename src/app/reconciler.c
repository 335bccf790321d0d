/*
 * Deployments whose views may be stale wait in a list; a few at a time are read and drawn (drawing.c). No card waits for
 * another: a deployment is drawn again while cards of it are on their way, and only those are left out, to be drawn once
 * more when they have arrived. So a question is asked while an edit of the progress waits for its turn. A card that could
 * not be shown is tried again, as it is then, after pauses of its own (spots.c).
 */

#include "app/reconciler.h"

#include "base/clock.h"
#include "base/mem.h"
#include "drawing.h"
#include "store/records.h"

enum {
    LOADED_AT_ONCE = 32,
    RECENT_LOOKED_AT = 100,
    FEW = 4, /* that changed lately are drawn as soon as the options say; if there are more, later */
    HOLD_MANY_MS = 25,
};

static void reconciler_go(void *user);

struct reconciler *reconciler_create(const struct reconciler_options *options) {
    struct reconciler *reconciler = mem_alloc(sizeof *reconciler);
    reconciler->options = *options;
    reconciler->last = &reconciler->stale;
    reconciler->timer = loop_timer(options->loop, reconciler_go, reconciler);
    return reconciler;
}

/* Where the chain has it, or ends. */
static struct stale **stale_find(struct reconciler *reconciler, uint64_t deployment) {
    struct stale **link = &reconciler->by_number[deployment % STALE_CHAINS];
    while (*link != NULL && (*link)->deployment != deployment) {
        link = &(*link)->chained;
    }
    return link;
}

static void stale_drop(struct reconciler *reconciler, struct stale **link) {
    struct stale *stale = *link;
    *stale_find(reconciler, stale->deployment) = stale->chained;
    *link = stale->next;
    if (reconciler->last == &stale->next) {
        reconciler->last = link;
    }
    reconciler->stale_count--;
    spots_drop(&stale->spots);
    mem_free(stale);
}

static void stale_drop_idle(struct reconciler *reconciler) {
    struct stale **link = &reconciler->stale;
    while (*link != NULL) {
        if ((*link)->drawings > 0) {
            link = &(*link)->next;
        } else {
            stale_drop(reconciler, link);
        }
    }
}

void reconciler_destroy(struct reconciler *reconciler) {
    if (reconciler == NULL) {
        return;
    }
    reconciler->leads = false;
    stale_drop_idle(reconciler);
    room_drop_all(&reconciler->rooms);
    timer_destroy(reconciler->timer);
    mem_free(reconciler);
}

static struct stale *stale_add(struct reconciler *reconciler, uint64_t deployment) {
    struct stale *stale = mem_alloc(sizeof *stale);
    int64_t hold_ms = reconciler->options.hold_ms;
    hold_ms = reconciler->stale_count >= FEW && hold_ms < HOLD_MANY_MS ? HOLD_MANY_MS : hold_ms;
    stale->deployment = deployment;
    stale->pause.until_ms = hold_ms > 0 ? clock_monotonic_ms() + hold_ms : 0;
    *stale_find(reconciler, deployment) = stale;
    *reconciler->last = stale;
    reconciler->last = &stale->next;
    reconciler->stale_count++;
    return stale;
}

static struct stale *reconciler_look(struct reconciler *reconciler, uint64_t deployment) {
    struct stale *found = *stale_find(reconciler, deployment);
    struct stale *stale = found != NULL ? found : stale_add(reconciler, deployment);
    stale->again = true;
    timer_start(reconciler->timer, 0);
    return stale;
}

void reconciler_changed(struct reconciler *reconciler, uint64_t deployment) {
    if (reconciler->leads) {
        (void)reconciler_look(reconciler, deployment);
    }
}

/* What a leader before has shown of these may not be what stays. */
static void look_at_shown(const uint64_t *ids, size_t count, uint64_t total, const struct err *err, void *user) {
    struct reconciler *reconciler = user;
    (void)total;
    for (size_t i = 0; err == NULL && i < count && reconciler->leads; i++) {
        reconciler_look(reconciler, ids[i])->showing = true;
    }
}

static void look_at_all(const uint64_t *ids, size_t count, uint64_t total, const struct err *err, void *user) {
    (void)total;
    for (size_t i = 0; err == NULL && i < count; i++) {
        reconciler_changed(user, ids[i]);
    }
}

void reconciler_lead(struct reconciler *reconciler, bool leads) {
    reconciler->leads = leads;
    if (leads) {
        store_list_live(reconciler->options.store, look_at_all, reconciler);
        store_list_showing(reconciler->options.store, reconciler->options.chat->functions->name, look_at_shown,
                           reconciler);
        store_list_deployments(reconciler->options.store, 0, RECENT_LOOKED_AT, look_at_all, reconciler);
    } else {
        stale_drop_idle(reconciler);
        room_forgive_all(reconciler->rooms);
    }
}

void reconciler_retry(struct reconciler *reconciler) {
    room_forgive_all(reconciler->rooms);
    for (struct stale *stale = reconciler->stale; stale != NULL; stale = stale->next) {
        spots_forgive(stale->spots);
    }
    timer_start(reconciler->timer, 0);
}

/* --- which is drawn when ----------------------------------------------------------------------------------------- */

/* When it is to be drawn; INT64_MAX = not before something changes. */
static int64_t stale_due_ms(struct stale *stale) {
    int64_t due_ms = spots_due_ms(&stale->spots);
    if (stale->loading) {
        return INT64_MAX;
    }
    if (stale->again) {
        due_ms = 0;
    }
    return due_ms > stale->pause.until_ms ? due_ms : stale->pause.until_ms;
}

/* Draws what may be drawn now, forgets what is up to date, and sleeps until the next may be drawn. */
static void reconciler_go(void *user) {
    struct reconciler *reconciler = user;
    int64_t now = clock_monotonic_ms();
    int64_t next = INT64_MAX;
    struct stale **link = &reconciler->stale;
    while (*link != NULL) {
        struct stale *stale = *link;
        int64_t due = reconciler->leads ? stale_due_ms(stale) : INT64_MAX;
        bool rested = stale->pause.until_ms <= now || !reconciler->leads;
        if (due == INT64_MAX && rested && stale->drawings == 0 && (stale->spots == NULL || !reconciler->leads)) {
            stale_drop(reconciler, link);
            continue;
        }
        if (due <= now && reconciler->loading < LOADED_AT_ONCE) {
            drawing_start(reconciler, stale);
        } else if (!rested || (due > now && due < INT64_MAX)) {
            int64_t wake = rested ? due : stale->pause.until_ms;
            next = wake < next ? wake : next;
        }
        link = &stale->next;
    }
    if (next < INT64_MAX) {
        timer_start(reconciler->timer, next - now);
    }
}

/* --- how it is --------------------------------------------------------------------------------------------------- */

static const char *room_trouble(const struct reconciler *reconciler, const struct room *room) {
    for (const struct stale *stale = reconciler->stale; stale != NULL; stale = stale->next) {
        for (const struct spot *spot = stale->spots; spot != NULL; spot = spot->next) {
            if (spot->room == room && spot->trouble != NULL) {
                return spot->trouble;
            }
        }
    }
    return NULL;
}

/* Each room of which something could not be shown, with the first reason. */
void reconciler_write_troubles(const struct reconciler *reconciler, struct buf *out) {
    for (const struct room *room = reconciler->rooms; room != NULL; room = room->next) {
        const char *trouble = room_trouble(reconciler, room);
        if (trouble != NULL) {
            buf_printf(out, "%s room %s: %s\n", reconciler->options.chat->functions->name, room->name, trouble);
        }
    }
}
