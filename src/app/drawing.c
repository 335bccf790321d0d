/*
 * A deployment is read and drawn as cards, and each card is held against the record of what its room shows. What is equal
 * costs nothing more; what differs is posted or edited, then recorded. If the process dies in between, the next leader
 * finds the difference again.
 *
 * The record of a card is "<digest> <message>", or the word "posting" from before the first try to its success.
 */

#include "drawing.h"

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
#include "store/recent.h"
#include "store/records.h"

enum {
    PAUSE_UNKNOWN_MS = 2000
}; /* a post may still be on its way into the room: then it would be looked for too soon */

#define POSTING "posting"
#define STORE_AWAY "The store is away."
#define DEPOSED "Another process shows it."
#define ORPHANED "What it belongs under was deleted, and is shown anew first."

struct drawing {
    struct reconciler *reconciler;
    struct stale *stale;
    struct arena *arena;
    struct deployment_record *record;
    struct deployment_record *holder; /* of the lane that it waits for, or NULL */
    size_t waiting;
    bool gone; /* there is no such deployment any more */
};

/* One card in one room, on its way. */
struct shown {
    struct drawing *drawing;
    struct spot *spot; /* ours until the end */
    const char *room, *view, *nonce, *message;
    const struct card *card;
    struct shown *above; /* whose message this goes under; or NULL */
    struct shown *under; /* goes under this one's message, once that is known; or NULL */
    struct shown *next;  /* of those that go under the same */
    char digest[ID_DIGEST_SIZE];
};

/* Nothing of it will change by itself any more, and all of it is shown; or it is gone. */
static bool is_settled(const struct drawing *drawing) {
    const struct stale *stale = drawing->stale;
    bool over = drawing->gone || (drawing->record != NULL && deployment_is_final(drawing->record->deployment->state));
    return over && stale->drawings == 0 && !stale->again && spots_are_shown(stale->spots);
}

/* A leader to come need not look at it. */
static void drawing_settle(struct drawing *drawing) {
    const struct reconciler *reconciler = drawing->reconciler;
    const struct reconciler_options *options = &reconciler->options;
    if (drawing->stale->showing && is_settled(drawing) && reconciler->leads && options->leads_surely(options->user)) {
        struct commit *commit = commit_create(options->store, NULL);
        options->fence(commit, options->user);
        commit_put_showing(commit, options->chat->functions->name, drawing->stale->deployment, false);
        commit_send(commit, NULL, NULL);
        drawing->stale->showing = false;
    }
}

static void drawing_end(struct drawing *drawing) {
    drawing->stale->drawings--;
    drawing_settle(drawing);
    if (drawing->reconciler->leads) {
        recent_put(drawing->reconciler->options.store, drawing->record);
    } else {
        deployment_record_free(drawing->record); /* The store may be gone. */
    }
    deployment_record_free(drawing->holder);
    arena_destroy(drawing->arena);
    mem_free(drawing);
}

/* Something has come to its end: others may be drawn now. */
static void drawing_release(struct drawing *drawing) {
    timer_start(drawing->reconciler->timer, 0);
    if (--drawing->waiting == 0) {
        drawing_end(drawing);
    }
}

/* --- how a card ends --------------------------------------------------------------------------------------------- */

static void shown_look(struct shown *shown);

/* After the spot was told how. */
static void shown_end(struct shown *shown) {
    struct drawing *drawing = shown->drawing;
    drawing->stale->again = drawing->stale->again || shown->spot->again;
    for (struct shown *under = shown->under, *next = NULL; under != NULL; under = next) {
        next = under->next;
        spot_arrive(under->spot); /* Not looked at: it comes with the next drawing of what it goes under. */
        shown_end(under);
    }
    drawing_release(drawing);
}

/* It is shown: what belongs under it can be. */
static void shown_arrive(struct shown *shown) {
    struct shown *under = shown->under;
    shown->under = NULL;
    for (struct shown *next = NULL; under != NULL; under = next) {
        next = under->next;
        shown_look(under);
    }
    spot_arrive(shown->spot);
    shown_end(shown);
}

static void shown_fail(struct shown *shown, const char *why, int64_t pause_ms) {
    spot_fail(shown->spot, why, pause_ms, clock_monotonic_ms());
    shown_end(shown);
}

static void shown_not_recorded(struct shown *shown, const struct commit_reply *reply) {
    shown_fail(shown, reply->result == COMMIT_REFUSED ? DEPOSED : STORE_AWAY, PAUSE_MS);
}

/* --- recording and showing --------------------------------------------------------------------------------------- */

static struct chat *shown_chat(const struct shown *shown) {
    return shown->drawing->reconciler->options.chat;
}

/* Whoever does not lead any more leaves what is not done to who does, and the store may be gone. */
static bool may_show(const struct shown *shown) {
    const struct reconciler *reconciler = shown->drawing->reconciler;
    return reconciler->leads && reconciler->options.leads_surely(reconciler->options.user);
}

/* Has it recorded what the card's place in the room shows; refused if another process leads by then. */
static struct commit *shown_commit(struct shown *shown, const char *view, const char *text) {
    const struct reconciler_options *options = &shown->drawing->reconciler->options;
    struct commit *commit = commit_create(options->store, NULL);
    options->fence(commit, options->user);
    commit_put_view(commit, shown->card->deployment, view, text);
    commit_put_showing(commit, options->chat->functions->name, shown->card->deployment, true);
    shown->drawing->stale->showing = true;
    return commit;
}

static void shown_recorded(const struct commit_reply *reply, void *user) {
    if (reply->result == COMMIT_DONE) {
        shown_arrive(user);
    } else {
        shown_not_recorded(user, reply);
    }
}

static void shown_record(struct shown *shown, const char *message) {
    struct arena *arena = shown->drawing->arena;
    shown->message = arena_strdup(arena, message);
    struct commit *commit =
        shown_commit(shown, shown->view, arena_printf(arena, "%s %s", shown->digest, shown->message));
    if (shown->card->kind == CARD_QUESTION || shown->card->kind == CARD_ESCALATION) {
        commit_put_thread(commit, shown_chat(shown)->functions->name, shown->room, shown->message,
                          shown->card->question);
    }
    commit_send(commit, shown_recorded, shown);
}

static void shown_first_try(const struct commit_reply *reply, void *user);
static void shown_orphaned(const struct commit_reply *reply, void *user);

/* The room refused it. */
static void shown_refused(struct shown *shown, const struct err *err) {
    if (err->code == ERR_NOT_FOUND && shown->message != NULL) {
        shown->message = NULL; /* Somebody has deleted it: what people must see appears again. */
        commit_send(shown_commit(shown, shown->view, POSTING), shown_first_try, shown);
        return;
    }
    log_warn("a room could not be brought up to date, trying again",
             LOG_STR("adapter", shown_chat(shown)->functions->name), LOG_STR("room", shown->room), LOG_ERR(err),
             LOG_END);
    if (err->code == ERR_NOT_FOUND && shown->above != NULL) {
        commit_send(shown_commit(shown, shown->above->view, POSTING), shown_orphaned, shown);
    } else if (err->code == ERR_DENIED) {
        spot_refused(shown->spot, err->text, clock_monotonic_ms());
        shown_end(shown);
    } else {
        shown_fail(shown, err->text, err->code == ERR_UNKNOWN ? PAUSE_UNKNOWN_MS : PAUSE_MS);
    }
}

/* The room shows the card, or refused it. */
static void shown_done(const char *message, const struct err *err, void *user) {
    struct shown *shown = user;
    metric_add(METRIC_CHAT_MESSAGES, 1, shown_chat(shown)->functions->name, err == NULL ? "ok" : "retried", NULL);
    if (!shown->drawing->reconciler->leads) {
        shown_fail(shown, DEPOSED, PAUSE_MS);
    } else if (err != NULL) {
        shown_refused(shown, err);
    } else {
        spot_worked(shown->spot);
        shown_record(shown, message);
    }
}

/* Before what it tells had happened, nobody can have tried to post it. */
static int64_t shown_since_ms(const struct shown *shown) {
    const struct deployment_record *record = shown->drawing->record;
    for (size_t i = 0; i < record->question_count; i++) {
        if (record->questions[i].question.id == shown->card->question) {
            return record->questions[i].question.asked_ms;
        }
    }
    return shown->card->kind == CARD_CLOSING ? record->deployment->ended_ms : record->deployment->created_ms;
}

static void shown_post(struct shown *shown, bool again) {
    if (!may_show(shown)) {
        shown_fail(shown, DEPOSED, PAUSE_MS);
        return;
    }
    const char *thread = shown->above == NULL ? NULL : shown->above->message;
    const struct chat_post post = {
        .room = shown->room,
        .thread = thread,
        .card = shown->card,
        .nonce = shown->nonce,
        .again = again,
        .since_ms = shown_since_ms(shown),
    };
    shown_chat(shown)->functions->post(shown_chat(shown), &post, shown_done, shown);
}

static void shown_edit(struct shown *shown) {
    if (!may_show(shown)) {
        shown_fail(shown, DEPOSED, PAUSE_MS);
        return;
    }
    shown_chat(shown)->functions->edit(shown_chat(shown), shown->room, shown->message, shown->card, shown_done, shown);
}

/* That it is tried is recorded: it may be posted. */
static void shown_first_try(const struct commit_reply *reply, void *user) {
    if (reply->result == COMMIT_DONE) {
        shown_post(user, false);
    } else {
        shown_not_recorded(user, reply);
    }
}

/* That the message above is gone is recorded: both come with the next drawing. */
static void shown_orphaned(const struct commit_reply *reply, void *user) {
    if (reply->result == COMMIT_DONE) {
        shown_fail(user, ORPHANED, PAUSE_MS);
    } else {
        shown_not_recorded(user, reply);
    }
}

/* What the room shows is known: "<digest> <message>", "posting", or nothing. */
static void shown_known(const char *text, const struct err *err, void *user) {
    struct shown *shown = user;
    const char *space = text == NULL ? NULL : strchr(text, ' ');
    if (err != NULL) {
        shown_fail(shown, STORE_AWAY, PAUSE_MS);
        return;
    }
    shown->message = space == NULL ? NULL : arena_strdup(shown->drawing->arena, space + 1);
    if (space != NULL && str_starts(text, shown->digest)) {
        shown_arrive(shown);
    } else if (!spot_may_try(shown->spot, clock_monotonic_ms())) {
        spot_wait(shown->spot);
        shown_end(shown);
    } else if (space != NULL) {
        shown_edit(shown);
    } else if (text != NULL || shown_chat(shown)->functions->idempotent) {
        shown_post(shown, text != NULL);
    } else {
        commit_send(shown_commit(shown, shown->view, POSTING), shown_first_try, shown);
    }
}

static void shown_look(struct shown *shown) {
    store_get_view(shown->drawing->reconciler->options.store, shown->card->deployment, shown->view, shown_known, shown);
}

/* --- the cards of a deployment ----------------------------------------------------------------------------------- */

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
        return card->call != NULL ? arena_printf(arena, "Q%llu-call-%s", question, card->call)
                                  : arena_printf(arena, "Q%llu-reminder-%u", question, card->turn);
    case CARD_ESCALATION:
        return arena_printf(arena, "Q%llu-escalation-%u", question, card->turn);
    case CARD_DIGEST: /* It is of no deployment. */
        break;
    }
    return "";
}

/* NULL if the card is on its way already, or has to wait after a failure. */
static struct shown *shown_create(struct drawing *drawing, struct room *room, const struct card *card) {
    struct arena *arena = drawing->arena;
    const char *adapter = drawing->reconciler->options.chat->functions->name;
    const char *name = card_name(card, arena);
    const char *view = arena_printf(arena, "%s:%s:%s", adapter, room->id, name);
    struct spot *spot = spot_take(&drawing->stale->spots, room, view, clock_monotonic_ms());
    if (spot == NULL) {
        return NULL;
    }
    struct shown *shown = arena_alloc(arena, sizeof *shown);
    *shown = (struct shown){.drawing = drawing, .spot = spot, .room = room->id, .view = view, .card = card};
    shown->nonce = arena_printf(arena, "D%llu-%s", (unsigned long long)card->deployment, name);
    struct buf json = BUF_INIT(LIMIT_MESSAGE_BYTES * 4);
    struct json_out out = {.buf = &json};
    view_write_card(&out, NULL, card);
    id_digest(shown->digest, json.data, json.size);
    buf_finish(&json);
    drawing->waiting++;
    return shown;
}

/* The room of the configuration as this platform has it, or NULL if it has none. */
static struct room *find_room(const struct drawing *drawing, const char *name) {
    struct reconciler *reconciler = drawing->reconciler;
    const struct reconciler_options *options = &reconciler->options;
    const struct config_room *room = name == NULL ? NULL : config_find_room(options->config(options->user), name);
    const char *id = room == NULL ? NULL : options->chat->functions->room(options->chat, room);
    return id == NULL ? NULL : room_find_or_add(&reconciler->rooms, name, id);
}

static void put_under(struct shown *above, struct shown *shown) {
    if (shown != NULL) {
        shown->next = above->under;
        shown->above = above;
        above->under = shown;
    }
}

/* A question, its newest reminder and what else is said under it, and it once more for those who were asked next. What
 * goes under it comes with a drawing of it, since that says where. */
static void show_set(struct drawing *drawing, struct room *room, const struct card_set *set) {
    struct shown *question = room == NULL ? NULL : shown_create(drawing, room, set->question);
    if (question != NULL && set->reminder != NULL) {
        put_under(question, shown_create(drawing, room, set->reminder));
    }
    for (size_t i = 0; question != NULL && i < set->call_count; i++) {
        put_under(question, shown_create(drawing, room, set->calls[i]));
    }
    for (size_t i = 0; i < set->escalation_count; i++) {
        const char *name = set->escalations[i]->room;
        struct room *other = name == NULL ? room : find_room(drawing, name);
        struct shown *escalation = other == NULL ? NULL : shown_create(drawing, other, set->escalations[i]);
        if (escalation != NULL) {
            shown_look(escalation);
        }
    }
    if (question != NULL) {
        shown_look(question);
    }
}

static struct card *status_of(const struct drawing *drawing, int64_t now_ms) {
    struct card *card = view_status(drawing->record->deployment, now_ms, drawing->arena);
    if (drawing->holder != NULL) {
        view_status_waits(card, view_waits_for(drawing->holder->deployment, now_ms, drawing->arena), drawing->arena);
    }
    return card;
}

static void show_status(struct drawing *drawing, struct room *room, int64_t now_ms) {
    const struct deployment_record *record = drawing->record;
    const struct deployment *d = record->deployment;
    struct arena *arena = drawing->arena;
    struct shown *status = shown_create(drawing, room, status_of(drawing, now_ms));
    if (status != NULL && deployment_is_final(d->state)) {
        struct card *card = view_closing(d, record->questions, record->question_count, arena);
        put_under(status, shown_create(drawing, room, card));
    }
    if (status != NULL) {
        shown_look(status);
    }
}

/* The deployment may have no room on this platform, while others who are asked next have. */
static void show_cards(struct drawing *drawing) {
    const struct deployment_record *record = drawing->record;
    struct room *room = find_room(drawing, record->deployment->plan->room);
    int64_t now_ms = clock_wall_ms();
    size_t count = 0;
    const struct card_set *sets =
        view_card_sets(record->deployment, record->questions, record->question_count, now_ms, drawing->arena, &count);
    for (size_t i = 0; i < count; i++) {
        show_set(drawing, room, &sets[i]);
    }
    if (room != NULL) {
        show_status(drawing, room, now_ms);
    }
}

/* --- reading it, and its lane -------------------------------------------------------------------------------------- */

static void drawing_read(struct drawing *drawing, bool failed) {
    struct stale *stale = drawing->stale;
    int64_t now_ms = clock_monotonic_ms();
    stale->loading = false;
    drawing->reconciler->loading--;
    if (failed) {
        stale->again = true;
        pause_lengthen(&stale->pause, PAUSE_MS, PAUSE_MAX_MS, now_ms);
    } else {
        stale->pause = (struct pause){PAUSE_MS, now_ms + PAUSE_MS};
        if (drawing->record != NULL) {
            show_cards(drawing);
        }
        /* What is due and was not taken is no part of the deployment, or of its room, any more. */
        spots_drop_due(&stale->spots, now_ms);
    }
    drawing_release(drawing); /* It may have changed while it was read, and others may be read now. */
}

static void holder_loaded(struct deployment_record *record, const struct err *err, void *user) {
    struct drawing *drawing = user;
    drawing->holder = record;
    drawing_read(drawing, record == NULL && err->code != ERR_NOT_FOUND);
}

/* Those who wait for it are drawn again, since what they say of it may be another now. */
static void waiting_listed(const uint64_t *ids, size_t count, uint64_t total, const struct err *err, void *user) {
    struct drawing *drawing = user;
    (void)total;
    drawing->stale->again = drawing->stale->again || err != NULL;
    for (size_t i = 0; i < count && i < LIMIT_LANE_REDRAWN; i++) {
        if (ids[i] != drawing->record->deployment->id) {
            reconciler_changed(drawing->reconciler, ids[i]);
        }
    }
    drawing_release(drawing);
}

/* Whoever waits says for whom. */
static void lane_listed(const uint64_t *ids, size_t count, uint64_t total, const struct err *err, void *user) {
    struct drawing *drawing = user;
    (void)total;
    if (count > 0 && ids[0] != drawing->record->deployment->id) {
        store_load_deployment(drawing->reconciler->options.store, ids[0], holder_loaded, drawing);
    } else {
        drawing_read(drawing, err != NULL);
    }
}

static void drawing_loaded(struct deployment_record *record, const struct err *err, void *user) {
    struct drawing *drawing = user;
    struct store *store = drawing->reconciler->options.store;
    drawing->record = record;
    drawing->gone = record == NULL && err->code == ERR_NOT_FOUND;
    if (record == NULL) {
        drawing_read(drawing, err->code != ERR_NOT_FOUND);
        return;
    }
    const struct plan *plan = record->deployment->plan;
    if (record->deployment->state == DEPLOYMENT_QUEUED) {
        store_list_lane(store, plan->project, plan->environment, lane_listed, drawing);
    } else {
        drawing->waiting++;
        store_list_lane(store, plan->project, plan->environment, waiting_listed, drawing);
        drawing_read(drawing, false);
    }
}

void drawing_start(struct reconciler *reconciler, struct stale *stale) {
    struct drawing *drawing = mem_alloc(sizeof *drawing);
    drawing->reconciler = reconciler;
    drawing->stale = stale;
    drawing->arena = arena_create();
    drawing->waiting = 1;
    stale->loading = true;
    stale->again = false;
    stale->drawings++;
    reconciler->loading++;
    store_load_deployment(reconciler->options.store, stale->deployment, drawing_loaded, drawing);
}
