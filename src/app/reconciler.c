/*
 * Deployments whose views may be stale wait in a list; a few at a time are read, drawn as cards, and each card is held
 * against the record of what its room shows. What is equal costs nothing more; what differs is posted or edited, then
 * recorded. If the process dies in between, the next leader finds the difference again.
 *
 * No card waits for another: a deployment is drawn again while cards of it are on their way, and only those are left
 * out, to be drawn once more when they have arrived. So a question is asked while an edit of the progress waits for
 * its turn. A card that could not be shown is tried again, as it is then, after pauses of its own.
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
    LOADED_AT_ONCE = 32,
    PAUSE_MS = 250, /* between two drawings of one deployment; doubled with each failure, up to: */
    PAUSE_MAX_MS = 30000,
    PAUSE_UNKNOWN_MS = 2000, /* a post may still be on its way into the room: then it would be looked for too soon */
    RECENT_LOOKED_AT = 100,
};

/* A card that is on its way to its room, or could not be shown there. */
struct spot {
    struct spot *next;
    char *view, *room; /* owned */
    bool busy, again;  /* on its way; has changed since */
    char *trouble;     /* owned; why it could not be shown last time, or NULL */
    int64_t pause_ms, not_before_ms;
};

struct stale {
    struct stale *next;
    uint64_t deployment;
    int64_t not_before_ms; /* monotonic */
    int64_t pause_ms;
    struct spot *spots;
    size_t drawings;
    bool loading, again;
};

#define POSTING "posting"
#define STORE_AWAY "The store is away."
#define DEPOSED "another process shows it"

struct reconciler {
    struct reconciler_options options;
    struct timer *timer;
    struct stale *stale; /* in the order in which they became so */
    size_t loading;
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
    struct spot *spot;
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

static void spot_drop(struct spot **link) {
    struct spot *spot = *link;
    *link = spot->next;
    mem_free(spot->view);
    mem_free(spot->room);
    mem_free(spot->trouble);
    mem_free(spot);
}

static void stale_drop(struct stale **link) {
    struct stale *stale = *link;
    *link = stale->next;
    while (stale->spots != NULL) {
        spot_drop(&stale->spots);
    }
    mem_free(stale);
}

static void stale_drop_idle(struct reconciler *reconciler) {
    struct stale **link = &reconciler->stale;
    while (*link != NULL) {
        if ((*link)->drawings > 0) {
            link = &(*link)->next;
        } else {
            stale_drop(link);
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

static int64_t longer_pause(int64_t pause_ms) {
    int64_t doubled = pause_ms == 0 ? PAUSE_MS : 2 * pause_ms;
    return doubled < PAUSE_MAX_MS ? doubled : PAUSE_MAX_MS;
}

static void drawing_end(struct drawing *drawing) {
    struct reconciler *reconciler = drawing->reconciler;
    drawing->stale->drawings--;
    deployment_record_free(drawing->record);
    arena_destroy(drawing->arena);
    mem_free(drawing);
    timer_start(reconciler->timer, 0);
}

static void shown_look(struct shown *shown);

static void shown_end(struct shown *shown) {
    struct drawing *drawing = shown->drawing;
    shown->spot->busy = false;
    drawing->stale->again = drawing->stale->again || shown->spot->again;
    if (--drawing->waiting == 0) {
        drawing_end(drawing);
    } else {
        timer_start(drawing->reconciler->timer, 0);
    }
}

/* It is shown: what belongs under it can be. */
static void shown_arrive(struct shown *shown) {
    struct spot *spot = shown->spot;
    mem_free(spot->trouble);
    spot->trouble = NULL;
    spot->pause_ms = 0;
    if (shown->under != NULL) {
        shown->under->thread = shown->message;
        shown_look(shown->under);
    }
    shown_end(shown);
}

/* It is not looked at: it comes with the next drawing of what it goes under. */
static void shown_leave(struct shown *shown) {
    mem_free(shown->spot->trouble);
    shown->spot->trouble = NULL;
    shown_end(shown);
}

static void shown_fail(struct shown *shown, const char *why) {
    struct spot *spot = shown->spot;
    char *trouble = mem_strdup(why);
    mem_free(spot->trouble);
    spot->trouble = trouble;
    spot->pause_ms = longer_pause(spot->pause_ms);
    spot->not_before_ms = clock_monotonic_ms() + spot->pause_ms;
    if (shown->under != NULL) {
        shown_leave(shown->under);
    }
    shown_end(shown);
}

static struct chat *shown_chat(const struct shown *shown) {
    return shown->drawing->reconciler->options.chat;
}

static void shown_record(struct shown *shown, const char *text, commit_done *done) {
    const struct chat_functions *functions = shown_chat(shown)->functions;
    struct commit *commit = commit_create(shown->drawing->reconciler->options.store, NULL);
    const struct reconciler_options *options = &shown->drawing->reconciler->options;
    options->fence(commit, options->user);
    commit_put_view(commit, shown->card->deployment, shown->view, text);
    if (shown->message != NULL && shown->card->kind == CARD_QUESTION) {
        commit_put_thread(commit, functions->name, shown->room, shown->message, shown->card->question);
    }
    commit_send(commit, done, shown);
}

/* Whoever does not lead any more leaves what is not done to who does, and the store may be gone. */
static bool may_show(const struct shown *shown) {
    const struct reconciler *reconciler = shown->drawing->reconciler;
    return reconciler->leads && reconciler->options.leads_surely(reconciler->options.user);
}

static void shown_recorded(const struct commit_reply *reply, void *user) {
    struct shown *shown = user;
    if (reply->result != COMMIT_DONE) {
        shown_fail(shown, STORE_AWAY);
    } else {
        shown_arrive(shown);
    }
}

static void shown_try_again(const struct commit_reply *reply, void *user);

/* The room shows the card, or refused it. */
static void shown_done(const char *message, const struct err *err, void *user) {
    struct shown *shown = user;
    const char *name = shown_chat(shown)->functions->name;
    metric_add(METRIC_CHAT_MESSAGES, 1, name, err == NULL ? "ok" : "retried", NULL);
    if (!shown->drawing->reconciler->leads) {
        shown_fail(shown, DEPOSED);
        return;
    }
    if (err != NULL && err->code == ERR_NOT_FOUND && shown->message != NULL) {
        shown->message = NULL; /* Somebody has deleted it: what people must see appears again. */
        shown_record(shown, POSTING, shown_try_again);
        return;
    }
    if (err != NULL) {
        log_warn("a room could not be brought up to date, trying again", LOG_STR("adapter", name),
                 LOG_STR("room", shown->room), LOG_ERR(err), LOG_END);
        if (err->code == ERR_UNKNOWN && shown->spot->pause_ms < PAUSE_UNKNOWN_MS / 2) {
            shown->spot->pause_ms = PAUSE_UNKNOWN_MS / 2; /* which is doubled now */
        }
        shown_fail(shown, err->text);
        return;
    }
    struct arena *arena = shown->drawing->arena;
    shown->message = arena_strdup(arena, message);
    shown_record(shown, arena_printf(arena, "%s %s", shown->digest, message), shown_recorded);
}

static void shown_post(struct shown *shown, bool again) {
    if (!may_show(shown)) {
        shown_fail(shown, DEPOSED);
        return;
    }
    const struct chat_post post = {shown->room, shown->thread, shown->card, shown->nonce, again};
    shown_chat(shown)->functions->post(shown_chat(shown), &post, shown_done, shown);
}

/* That it is tried is recorded: it may be posted. */
static void shown_first_try(const struct commit_reply *reply, void *user) {
    if (reply->result == COMMIT_DONE) {
        shown_post(user, false);
    } else {
        shown_fail(user, STORE_AWAY);
    }
}

static void shown_try_again(const struct commit_reply *reply, void *user) {
    if (reply->result == COMMIT_DONE) {
        shown_post(user, true);
    } else {
        shown_fail(user, STORE_AWAY);
    }
}

/* What the room shows is known: "<digest> <message>", "posting", or nothing. */
static void shown_known(const char *text, const struct err *err, void *user) {
    struct shown *shown = user;
    const struct chat_functions *functions = shown_chat(shown)->functions;
    if (err != NULL) {
        shown_fail(shown, STORE_AWAY);
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
        shown_arrive(shown);
    } else if (!may_show(shown)) {
        shown_fail(shown, DEPOSED);
    } else {
        functions->edit(shown_chat(shown), shown->room, shown->message, shown->card, shown_done, shown);
    }
}

static struct spot *spot_find_or_add(struct stale *stale, const char *view, const char *room) {
    struct spot **link = &stale->spots;
    while (*link != NULL && !str_equal((*link)->view, view)) {
        link = &(*link)->next;
    }
    if (*link == NULL) {
        *link = mem_alloc(sizeof **link);
        (*link)->view = mem_strdup(view);
        (*link)->room = mem_strdup(room);
    }
    return *link;
}

/* False if it is on its way already, or has to wait after a failure. */
static bool shown_take(struct shown *shown) {
    struct drawing *drawing = shown->drawing;
    struct spot *spot = spot_find_or_add(drawing->stale, shown->view, drawing->record->deployment->plan->room);
    bool taken = !spot->busy && spot->not_before_ms <= clock_monotonic_ms();
    spot->again = !taken;
    if (taken) {
        shown->spot = spot;
        spot->busy = true;
        drawing->waiting++;
    }
    return taken;
}

static void shown_look(struct shown *shown) {
    store_get_view(shown->drawing->reconciler->options.store, shown->card->deployment, shown->view, shown_known, shown);
}

/* Names the card among all of its deployment, for ever. */
static const char *card_name(const struct card *card, struct arena *arena) {
    unsigned long long question = (unsigned long long)card->question;
    switch (card->kind) {
    case CARD_STATUS:
        return "status";
    case CARD_QUESTION:
        return arena_printf(arena, "Q%llu", question);
    case CARD_CLOSING:
        return "closing";
    case CARD_REMINDER:
        return arena_printf(arena, "Q%llu-reminder", question);
    case CARD_ESCALATION:
        return arena_printf(arena, "Q%llu-escalation", question);
    }
    return "";
}

static struct shown *shown_create(struct drawing *drawing, const char *room, const struct card *card) {
    struct arena *arena = drawing->arena;
    struct shown *shown = arena_alloc(arena, sizeof *shown);
    const char *name = card_name(card, arena);
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
        struct shown *question = shown_create(drawing, room, cards[i]);
        if (shown_take(question)) {
            shown_look(question);
        }
    }
    struct shown *status = shown_create(drawing, room, view_status(d, now, drawing->arena));
    if (shown_take(status)) {
        if (deployment_is_final(d->state)) {
            struct shown *closing =
                shown_create(drawing, room, view_closing(d, record->questions, record->question_count, drawing->arena));
            status->under = shown_take(closing) ? closing : NULL;
        }
        shown_look(status);
    }
}

/* What was due and has not been taken is no part of the deployment, or of its room, any more. */
static void spots_forget(struct stale *stale, int64_t now_ms) {
    for (struct spot **link = &stale->spots; *link != NULL;) {
        if (!(*link)->busy && (*link)->not_before_ms <= now_ms) {
            spot_drop(link);
        } else {
            link = &(*link)->next;
        }
    }
}

static void drawing_loaded(struct deployment_record *record, const struct err *err, void *user) {
    struct drawing *drawing = user;
    struct stale *stale = drawing->stale;
    const struct reconciler_options *options = &drawing->reconciler->options;
    stale->loading = false;
    drawing->reconciler->loading--;
    drawing->record = record;
    drawing->waiting = 1;
    int64_t now_ms = clock_monotonic_ms();
    bool failed = record == NULL && err->code != ERR_NOT_FOUND;
    stale->again = stale->again || failed;
    stale->pause_ms = failed ? longer_pause(stale->pause_ms) : PAUSE_MS;
    stale->not_before_ms = now_ms + stale->pause_ms;
    if (record != NULL && record->deployment->plan->room != NULL) {
        const struct config_room *room =
            config_find_room(options->config(options->user), record->deployment->plan->room);
        const char *id = room == NULL ? NULL : options->chat->functions->room(options->chat, room);
        if (id != NULL) {
            show_cards(drawing, arena_strdup(drawing->arena, id));
        }
    }
    if (!failed) {
        spots_forget(stale, now_ms);
    }
    timer_start(drawing->reconciler->timer, 0); /* It may have changed while it was loaded, and others may load now. */
    if (--drawing->waiting == 0) {
        drawing_end(drawing);
    }
}

static void draw(struct reconciler *reconciler, struct stale *stale) {
    struct drawing *drawing = mem_alloc(sizeof *drawing);
    drawing->reconciler = reconciler;
    drawing->stale = stale;
    drawing->arena = arena_create();
    stale->loading = true;
    stale->again = false;
    stale->drawings++;
    reconciler->loading++;
    store_load_deployment(reconciler->options.store, stale->deployment, drawing_loaded, drawing);
}

/* Forgets what is shown, and tells when the first of the rest may be tried again; INT64_MAX = none has to. */
static int64_t spots_due_ms(struct stale *stale) {
    int64_t due_ms = INT64_MAX;
    for (struct spot **link = &stale->spots; *link != NULL;) {
        struct spot *spot = *link;
        if (!spot->busy && spot->trouble == NULL) {
            spot_drop(link);
            continue;
        }
        if (!spot->busy && spot->not_before_ms < due_ms) {
            due_ms = spot->not_before_ms;
        }
        link = &spot->next;
    }
    return due_ms;
}

/* When it is to be drawn; INT64_MAX = not before something changes. */
static int64_t stale_due_ms(struct stale *stale) {
    int64_t due_ms = spots_due_ms(stale);
    if (stale->loading) {
        return INT64_MAX;
    }
    if (stale->again) {
        due_ms = 0;
    }
    return due_ms > stale->not_before_ms ? due_ms : stale->not_before_ms;
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
        bool rested = stale->not_before_ms <= now || !reconciler->leads;
        if (due == INT64_MAX && rested && stale->drawings == 0) {
            stale_drop(link);
            continue;
        }
        if (due <= now && reconciler->loading < LOADED_AT_ONCE) {
            draw(reconciler, stale);
        } else if (!rested || (due > now && due < INT64_MAX)) {
            int64_t wake = rested ? due : stale->not_before_ms;
            next = wake < next ? wake : next;
        }
        link = &stale->next;
    }
    if (next < INT64_MAX) {
        timer_start(reconciler->timer, next - now);
    }
}

/* --- how it is --------------------------------------------------------------------------------------------------- */

/* Each room of which something could not be shown, with the first reason. */
void reconciler_write_troubles(const struct reconciler *reconciler, struct buf *out) {
    struct arena *arena = arena_create();
    const struct spot **told = NULL;
    size_t count = 0;
    for (const struct stale *stale = reconciler->stale; stale != NULL; stale = stale->next) {
        for (const struct spot *spot = stale->spots; spot != NULL; spot = spot->next) {
            size_t i = 0;
            while (i < count && !str_equal(told[i]->room, spot->room)) {
                i++;
            }
            if (spot->trouble != NULL && i == count) {
                told = arena_push(arena, told, count, sizeof *told);
                told[count++] = spot;
                buf_printf(out, "%s room %s: %s\n", reconciler->options.chat->functions->name, spot->room,
                           spot->trouble);
            }
        }
    }
    arena_destroy(arena);
}
