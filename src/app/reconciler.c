/*
 * Deployments whose views may be stale wait in a list; a few at a time are read, drawn as cards, and each card is held
 * against the record of what its room shows. What is equal costs nothing more; what differs is posted or edited, then
 * recorded. If the process dies in between, the next leader finds the difference again.
 *
 * The record of a card is "<digest> <message>", or the word "posting" from before the first try to its success.
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
    DRAWN_AT_ONCE = 32, /* so many that a question can overtake the progress of others in the adapter */
    PAUSE_MS = 250,     /* between two drawings of one deployment; doubled with each failure, up to: */
    PAUSE_MAX_MS = 30000,
    RECENT_LOOKED_AT = 100,
};

struct stale {
    struct stale *next;
    uint64_t deployment;
    int64_t not_before_ms; /* monotonic */
    int64_t pause_ms;
    bool drawing, again, failed;
};

#define POSTING "posting"

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
    const char *room, *view, *nonce, *message;
    const char *thread;
    const struct card *card;
    struct shown *under; /* goes under this one's message, once that is known; or NULL */
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
    struct stale *stale = drawing->stale;
    int64_t doubled = stale->pause_ms == 0 ? PAUSE_MS : 2 * stale->pause_ms;
    stale->drawing = false;
    stale->pause_ms = !stale->failed ? PAUSE_MS : doubled < PAUSE_MAX_MS ? doubled : PAUSE_MAX_MS;
    stale->not_before_ms = clock_monotonic_ms() + stale->pause_ms;
    reconciler->drawing--;
    deployment_record_free(drawing->record);
    arena_destroy(drawing->arena);
    mem_free(drawing);
    timer_start(reconciler->timer, 0);
}

static void shown_look(struct shown *shown);

/* It is shown: what belongs under it can be. */
static void shown_end(struct shown *shown) {
    struct drawing *drawing = shown->drawing;
    if (shown->under != NULL && shown->message != NULL) {
        shown->under->thread = shown->message;
        shown_look(shown->under);
    }
    if (--drawing->waiting == 0) {
        drawing_end(drawing);
    }
}

static void shown_fail(struct shown *shown) {
    shown->message = NULL;
    shown->drawing->stale->again = true;
    shown->drawing->stale->failed = true;
    shown_end(shown);
}

static struct chat *shown_chat(const struct shown *shown) {
    return shown->drawing->reconciler->options.chat;
}

static void shown_record(struct shown *shown, const char *text, commit_done *done) {
    const struct chat_functions *functions = shown_chat(shown)->functions;
    struct commit *commit = commit_create(shown->drawing->reconciler->options.store, NULL);
    commit_put_view(commit, shown->card->deployment, shown->view, text);
    if (shown->message != NULL && shown->card->kind == CARD_QUESTION) {
        commit_put_thread(commit, functions->name, shown->room, shown->message, shown->card->question);
    }
    commit_send(commit, done, shown);
}

static void shown_recorded(const struct commit_reply *reply, void *user) {
    struct shown *shown = user;
    if (reply->result != COMMIT_DONE) {
        shown_fail(shown);
    } else {
        shown_end(shown);
    }
}

static void shown_try_again(const struct commit_reply *reply, void *user);

/* The room shows the card, or refused it. */
static void shown_done(const char *message, const struct err *err, void *user) {
    struct shown *shown = user;
    const char *name = shown_chat(shown)->functions->name;
    metric_add(METRIC_CHAT_MESSAGES, 1, name, err == NULL ? "ok" : "retried", NULL);
    if (err != NULL && err->code == ERR_NOT_FOUND && shown->message != NULL) {
        shown->message = NULL; /* Somebody has deleted it: what people must see appears again. */
        shown_record(shown, POSTING, shown_try_again);
        return;
    }
    if (err != NULL) {
        log_warn("a room could not be brought up to date, trying again", LOG_STR("adapter", name),
                 LOG_STR("room", shown->room), LOG_ERR(err), LOG_END);
        shown_fail(shown);
        return;
    }
    struct arena *arena = shown->drawing->arena;
    shown->message = arena_strdup(arena, message);
    shown_record(shown, arena_printf(arena, "%s %s", shown->digest, message), shown_recorded);
}

static void shown_post(struct shown *shown, bool again) {
    const struct chat_post post = {shown->room, shown->thread, shown->card, shown->nonce, again};
    shown_chat(shown)->functions->post(shown_chat(shown), &post, shown_done, shown);
}

/* That it is tried is recorded: it may be posted. */
static void shown_first_try(const struct commit_reply *reply, void *user) {
    if (reply->result == COMMIT_DONE) {
        shown_post(user, false);
    } else {
        shown_fail(user);
    }
}

static void shown_try_again(const struct commit_reply *reply, void *user) {
    if (reply->result == COMMIT_DONE) {
        shown_post(user, true);
    } else {
        shown_fail(user);
    }
}

/* What the room shows is known: "<digest> <message>", "posting", or nothing. */
static void shown_known(const char *text, const struct err *err, void *user) {
    struct shown *shown = user;
    const struct chat_functions *functions = shown_chat(shown)->functions;
    if (err != NULL) {
        shown_fail(shown);
        return;
    }
    const char *space = text == NULL ? NULL : strchr(text, ' ');
    if (space == NULL && (text != NULL || functions->idempotent)) {
        shown_post(shown, text != NULL);
        return;
    }
    if (space == NULL) {
        shown_record(shown, POSTING, shown_first_try);
        return;
    }
    shown->message = arena_strdup(shown->drawing->arena, space + 1);
    if (str_starts(text, shown->digest)) {
        shown_end(shown);
    } else {
        functions->edit(shown_chat(shown), shown->room, shown->message, shown->card, shown_done, shown);
    }
}

static void shown_look(struct shown *shown) {
    struct drawing *drawing = shown->drawing;
    drawing->waiting++;
    store_get_view(drawing->reconciler->options.store, shown->card->deployment, shown->view, shown_known, shown);
}

static struct shown *shown_create(struct drawing *drawing, const char *room, const struct card *card) {
    struct arena *arena = drawing->arena;
    struct shown *shown = arena_alloc(arena, sizeof *shown);
    const char *name = card->kind == CARD_QUESTION ? arena_printf(arena, "Q%llu", (unsigned long long)card->question)
                       : card->kind == CARD_STATUS ? "status"
                                                   : "closing";
    shown->drawing = drawing;
    shown->room = room;
    shown->card = card;
    shown->nonce = arena_printf(arena, "D%llu-%s", (unsigned long long)card->deployment, name);
    shown->view = arena_printf(arena, "%s:%s:%s", shown_chat(shown)->functions->name, room, name);
    struct buf json = BUF_INIT(LIMIT_MESSAGE_BYTES * 4);
    struct json_out out = {.buf = &json};
    view_write_card(&out, NULL, card);
    id_digest(shown->digest, json.data, json.size);
    buf_finish(&json);
    return shown;
}

static void show_cards(struct drawing *drawing, const char *room) {
    const struct deployment_record *record = drawing->record;
    const struct deployment *d = record->deployment;
    int64_t now = clock_wall_ms();
    size_t count = 0;
    struct card **cards = view_cards(d, record->questions, record->question_count, now, drawing->arena, &count);
    for (size_t i = 0; i < count; i++) {
        shown_look(shown_create(drawing, room, cards[i]));
    }
    struct shown *status = shown_create(drawing, room, view_status(d, now, drawing->arena));
    if (deployment_is_final(d->state)) {
        status->under =
            shown_create(drawing, room, view_closing(d, record->questions, record->question_count, drawing->arena));
    }
    shown_look(status);
}

static void drawing_loaded(struct deployment_record *record, const struct err *err, void *user) {
    struct drawing *drawing = user;
    const struct reconciler_options *options = &drawing->reconciler->options;
    drawing->record = record;
    drawing->waiting = 1;
    if (record == NULL) {
        drawing->stale->again = drawing->stale->failed = err->code != ERR_NOT_FOUND;
    } else if (record->deployment->plan->room != NULL) {
        const struct config_room *room =
            config_find_room(options->config(options->user), record->deployment->plan->room);
        const char *id = room == NULL ? NULL : options->chat->functions->room(options->chat, room);
        if (id != NULL) {
            show_cards(drawing, arena_strdup(drawing->arena, id));
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
    stale->again = stale->failed = false;
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
