/*
 * Deployments whose views may be stale wait in a list; a few at a time are read, drawn as cards, and each card is held against the record of
 * what its room shows. What is equal costs nothing more; what differs is posted or edited, then recorded. If the process dies in
 * between, the next leader finds the difference again.
 */

#include "app/reconciler.h"

#include <string.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/id.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "base/str.h"
#include "core/view_json.h"
#include "store/feed.h"
#include "store/records.h"

enum {
    DRAWN_AT_ONCE = 8,
    PAUSE_MS = 250, /* between two drawings of one deployment */
    RECENT_LOOKED_AT = 100,
};

struct stale {
    struct stale *next;
    uint64_t deployment;
    int64_t not_before_ms; /* monotonic */
    bool drawing, again;
};

struct reconciler {
    struct reconciler_options options;
    struct timer *timer;
    struct stale *stale; /* in the order in which they became so */
    size_t drawing;
    bool leads;
};

/* One deployment being drawn. */
struct drawing {
    struct reconciler *reconciler;
    struct stale *stale;
    struct arena *arena;
    struct deployment_record *record;
    size_t waiting;
};

/* One card in one room. */
struct shown {
    struct drawing *drawing;
    struct chat *chat;
    const char *room, *view, *nonce, *message;
    const struct card *card;
    char digest[ID_DIGEST_SIZE];
};

static void reconciler_go(void *user);

struct reconciler *reconciler_create(const struct reconciler_options *options) {
    struct reconciler *reconciler = mem_alloc(sizeof *reconciler);
    reconciler->options = *options;
    reconciler->timer = loop_timer(options->loop, reconciler_go, reconciler);
    return reconciler;
}

static void stale_drop_idle(struct reconciler *reconciler) {
    struct stale **link = &reconciler->stale;
    while (*link != NULL) {
        struct stale *stale = *link;
        if (stale->drawing) {
            link = &stale->next;
        } else {
            *link = stale->next;
            mem_free(stale);
        }
    }
}

void reconciler_destroy(struct reconciler *reconciler) {
    if (reconciler == NULL) {
        return;
    }
    reconciler->leads = false;
    stale_drop_idle(reconciler);
    timer_destroy(reconciler->timer);
    mem_free(reconciler);
}

void reconciler_changed(struct reconciler *reconciler, uint64_t deployment) {
    if (!reconciler->leads) {
        return;
    }
    struct stale **link = &reconciler->stale;
    for (; *link != NULL; link = &(*link)->next) {
        if ((*link)->deployment == deployment) {
            (*link)->again = true;
            timer_start(reconciler->timer, 0);
            return;
        }
    }
    *link = mem_alloc(sizeof **link);
    (*link)->deployment = deployment;
    (*link)->again = true;
    timer_start(reconciler->timer, 0);
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
        store_list_deployments(reconciler->options.store, 0, RECENT_LOOKED_AT, look_at_all, reconciler);
    } else {
        stale_drop_idle(reconciler);
    }
}

/* --- drawing -------------------------------------------------------------------------------------------------- */

static void drawing_end(struct drawing *drawing) {
    struct reconciler *reconciler = drawing->reconciler;
    drawing->stale->drawing = false;
    drawing->stale->not_before_ms = clock_monotonic_ms() + PAUSE_MS;
    reconciler->drawing--;
    deployment_record_free(drawing->record);
    arena_destroy(drawing->arena);
    mem_free(drawing);
    timer_start(reconciler->timer, 0);
}

static void shown_end(struct shown *shown) {
    if (--shown->drawing->waiting == 0) {
        drawing_end(shown->drawing);
    }
}

static void shown_recorded(const struct commit_reply *reply, void *user) {
    struct shown *shown = user;
    if (reply->result != COMMIT_DONE) {
        shown->drawing->stale->again = true;
    }
    shown_end(shown);
}

/* The room shows the card, or refused it. */
static void shown_done(const char *message, const struct err *err, void *user) {
    struct shown *shown = user;
    metric_add(METRIC_CHAT_MESSAGES, 1, shown->chat->functions->name, err == NULL ? "ok" : "retried", NULL);
    if (err != NULL) {
        log_warn("a room could not be brought up to date, trying again",
                 LOG_STR("adapter", shown->chat->functions->name), LOG_STR("room", shown->room), LOG_ERR(err), LOG_END);
        shown->drawing->stale->again = true;
        shown_end(shown);
        return;
    }
    struct commit *commit = commit_create(shown->drawing->reconciler->options.store, NULL);
    commit_put_view(commit, shown->card->deployment, shown->view,
                    arena_printf(shown->drawing->arena, "%s %s", shown->digest, message));
    commit_send(commit, shown_recorded, shown);
}

/* What the room shows is known: "<digest> <message>", or nothing. */
static void shown_known(const char *text, const struct err *err, void *user) {
    struct shown *shown = user;
    const struct chat_functions *functions = shown->chat->functions;
    if (err != NULL) {
        shown->drawing->stale->again = true;
        shown_end(shown);
        return;
    }
    const char *space = text == NULL ? NULL : strchr(text, ' ');
    if (space == NULL) {
        functions->post(shown->chat, shown->room, shown->card, shown->nonce, shown_done, shown);
        return;
    }
    if (str_starts(text, shown->digest)) {
        shown_end(shown);
        return;
    }
    shown->message = arena_strdup(shown->drawing->arena, space + 1);
    functions->edit(shown->chat, shown->room, shown->message, shown->card, shown_done, shown);
}

static void show_card(struct drawing *drawing, struct chat *chat, const char *room, const struct card *card) {
    struct shown *shown = arena_alloc(drawing->arena, sizeof *shown);
    const char *name = card->kind == CARD_QUESTION
                           ? arena_printf(drawing->arena, "Q%llu", (unsigned long long)card->question)
                       : card->kind == CARD_STATUS ? "status"
                                                   : "closing";
    shown->drawing = drawing;
    shown->chat = chat;
    shown->room = room;
    shown->card = card;
    shown->nonce = arena_printf(drawing->arena, "D%llu-%s", (unsigned long long)card->deployment, name);
    shown->view = arena_printf(drawing->arena, "%s:%s:%s", chat->functions->name, room, name);
    struct buf json = BUF_INIT(LIMIT_MESSAGE_BYTES * 4);
    struct json_out out = {.buf = &json};
    view_write_card(&out, NULL, card);
    id_digest(shown->digest, json.data, json.size);
    buf_finish(&json);
    drawing->waiting++;
    store_get_view(drawing->reconciler->options.store, card->deployment, shown->view, shown_known, shown);
}

static void show_cards(struct drawing *drawing, struct chat *chat, const char *room) {
    const struct deployment *d = drawing->record->deployment;
    int64_t now = clock_wall_ms();
    size_t count = 0;
    struct card **cards =
        view_cards(d, drawing->record->questions, drawing->record->question_count, now, drawing->arena, &count);
    for (size_t i = 0; i < count; i++) {
        show_card(drawing, chat, room, cards[i]);
    }
    show_card(drawing, chat, room, view_status(d, now, drawing->arena));
    if (deployment_is_final(d->state)) {
        show_card(drawing, chat, room,
                  view_closing(d, drawing->record->questions, drawing->record->question_count, drawing->arena));
    }
}

static void drawing_loaded(struct deployment_record *record, const struct err *err, void *user) {
    struct drawing *drawing = user;
    struct reconciler *reconciler = drawing->reconciler;
    drawing->record = record;
    drawing->waiting = 1;
    if (record == NULL) {
        drawing->stale->again = err->code != ERR_NOT_FOUND;
    } else if (record->deployment->plan->room != NULL) {
        const struct config *config = reconciler->options.config(reconciler->options.user);
        const struct config_room *room = config_find_room(config, record->deployment->plan->room);
        for (size_t i = 0; room != NULL && i < reconciler->options.chat_count; i++) {
            struct chat *chat = reconciler->options.chats[i];
            const char *id = chat->functions->room(chat, room);
            if (id != NULL) {
                show_cards(drawing, chat, arena_strdup(drawing->arena, id));
            }
        }
    }
    if (--drawing->waiting == 0) {
        drawing_end(drawing);
    }
}

static void draw(struct reconciler *reconciler, struct stale *stale) {
    struct drawing *drawing = mem_alloc(sizeof *drawing);
    drawing->reconciler = reconciler;
    drawing->stale = stale;
    drawing->arena = arena_create();
    stale->drawing = true;
    stale->again = false;
    reconciler->drawing++;
    store_load_deployment(reconciler->options.store, stale->deployment, drawing_loaded, drawing);
}

/* Draws what may be drawn now, forgets what is up to date, and sleeps until the next may be drawn. */
static void reconciler_go(void *user) {
    struct reconciler *reconciler = user;
    int64_t now = clock_monotonic_ms();
    int64_t next = -1;
    struct stale **link = &reconciler->stale;
    while (*link != NULL) {
        struct stale *stale = *link;
        bool rested = stale->not_before_ms <= now;
        if (!stale->drawing && !reconciler->leads) {
            stale->again = false;
            rested = true;
        }
        if (!stale->drawing && !stale->again && rested) {
            *link = stale->next;
            mem_free(stale);
            continue;
        }
        if (!stale->drawing && stale->again && rested && reconciler->drawing < DRAWN_AT_ONCE) {
            draw(reconciler, stale);
        } else if (!stale->drawing && !rested && (next < 0 || stale->not_before_ms < next)) {
            next = stale->not_before_ms;
        }
        link = &stale->next;
    }
    if (next >= 0) {
        timer_start(reconciler->timer, next - now);
    }
}
