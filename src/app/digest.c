/*
 * The record of a room is "<day> posting" from before the first try to its success, and "<day> done" from then on, or if there was
 * nothing to tell. What did not come to its end is tried again at the next look.
 */

#include "app/digest.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "core/view.h"
#include "store/feed.h"
#include "store/records.h"

enum { LOOK_MS = 20000, FIRST_LOOK_MS = 500 };

struct digest {
    struct digest_options options;
    struct timer *timer;
    struct telling *tellings;
    bool leads;
};

/* A room whose time of the day has come. */
struct telling {
    struct telling *next;
    struct digest *digest;
    struct arena *arena;
    const char *name, *room, *key; /* of the configuration, of the platform; of the record */
    char day[CLOCK_DAY_SIZE];
    const char *before; /* what the record says; "" = nothing */
    bool again;         /* it may have been posted */
    struct card *card;
};

static void telling_end(struct telling *telling) {
    struct telling **link = &telling->digest->tellings;
    while (*link != telling) {
        link = &(*link)->next;
    }
    *link = telling->next;
    arena_destroy(telling->arena);
    mem_free(telling);
}

/* True if the word was sent to be recorded behind the day. */
static void telling_record(struct telling *telling, const char *word, commit_done *done) {
    const struct digest_options *options = &telling->digest->options;
    const char *text = arena_printf(telling->arena, "%s %s", telling->day, word);
    struct commit *commit = commit_create(options->store, NULL);
    options->fence(commit, options->user);
    (void)commit_require_value(commit, telling->key, telling->before);
    commit_put_text(commit, telling->key, text, 0);
    telling->before = text;
    commit_send(commit, done, telling);
}

/* --- telling --------------------------------------------------------------------------------------------------------- */

static void done_recorded(const struct commit_reply *reply, void *user) {
    (void)reply; /* If not, the next look finds the message. */
    telling_end(user);
}

static void posted(const char *message, const struct err *err, void *user) {
    struct telling *telling = user;
    (void)message;
    if (err != NULL || !telling->digest->leads) {
        log_warn("a digest could not be posted, trying again", LOG_STR("room", telling->name), LOG_END);
        telling_end(telling);
    } else {
        telling_record(telling, "done", done_recorded);
    }
}

static void posting_recorded(const struct commit_reply *reply, void *user) {
    struct telling *telling = user;
    const struct digest_options *options = &telling->digest->options;
    if (reply->result != COMMIT_DONE || !telling->digest->leads || !options->leads_surely(options->user)) {
        telling_end(telling);
        return;
    }
    const struct chat_post post = {
        .room = telling->room,
        .card = telling->card,
        .nonce = arena_printf(telling->arena, "digest-%s-%s", telling->name, telling->day),
        .again = telling->again,
        .since_ms = clock_wall_ms() - 24 * 3600 * 1000,
    };
    options->chat->functions->post(options->chat, &post, posted, telling);
}

/* --- what is open there ------------------------------------------------------------------------------------------------ */

static bool shown_in(const struct telling *telling, const struct deployment *d, const struct card_set *set) {
    bool shown = str_equal(d->plan->room, telling->name);
    for (size_t i = 0; i < set->escalation_count; i++) {
        shown = shown || str_equal(set->escalations[i]->room, telling->name);
    }
    return shown && set->question->outcome == NULL;
}

static const char *taker(const struct deployment_record *record, uint64_t card) {
    for (size_t i = 0; i < record->question_count; i++) {
        const struct question_record *q = &record->questions[i];
        if (q->open && q->question.card == card && q->taken_by != NULL) {
            return q->taken_by;
        }
    }
    return NULL;
}

static int item_compare(const void *a, const void *b) {
    const struct digest_item *x = a, *y = b;
    return x->question->question < y->question->question ? -1 : x->question->question > y->question->question;
}

static struct card *draw(const struct telling *telling, struct deployment_record **records, size_t count) {
    struct digest_item *items = NULL;
    size_t item_count = 0;
    int64_t now_ms = clock_wall_ms();
    for (size_t i = 0; i < count; i++) {
        size_t set_count = 0;
        const struct deployment_record *record = records[i];
        const struct card_set *sets = view_card_sets(record->deployment, record->questions, record->question_count,
                                                     now_ms, telling->arena, &set_count);
        for (size_t k = 0; k < set_count; k++) {
            if (shown_in(telling, record->deployment, &sets[k])) {
                items = arena_push(telling->arena, items, item_count, sizeof *items);
                items[item_count++] = (struct digest_item){record->deployment, sets[k].question,
                                                           taker(record, sets[k].question->question)};
            }
        }
    }
    if (item_count == 0) {
        return NULL;
    }
    qsort(items, item_count, sizeof *items, item_compare);
    return view_digest(items, item_count, now_ms, telling->arena);
}

static void live_loaded(struct deployment_record **records, size_t count, const struct err *err, void *user) {
    struct telling *telling = user;
    telling->card = err == NULL ? draw(telling, records, count) : NULL;
    for (size_t i = 0; i < count; i++) {
        deployment_record_free(records[i]);
    }
    if (err != NULL) {
        telling_end(telling);
    } else if (telling->card == NULL) {
        telling_record(telling, "done", done_recorded); /* Nothing is open, or no longer. */
    } else {
        telling_record(telling, "posting", posting_recorded);
    }
}

static void live_listed(const uint64_t *ids, size_t count, uint64_t total, const struct err *err, void *user) {
    struct telling *telling = user;
    (void)total;
    if (err != NULL) {
        telling_end(telling);
    } else {
        store_load_deployments(telling->digest->options.store, ids, count, live_loaded, telling);
    }
}

static void record_known(const char *text, const struct err *err, void *user) {
    struct telling *telling = user;
    bool today = text != NULL && str_starts(text, telling->day);
    if (err != NULL || (today && strstr(text, " done") != NULL)) {
        telling_end(telling);
        return;
    }
    telling->before = text == NULL ? "" : arena_strdup(telling->arena, text);
    telling->again = today;
    store_list_live(telling->digest->options.store, live_listed, telling);
}

/* --- when --------------------------------------------------------------------------------------------------------------- */

static bool is_told(const struct digest *digest, const char *name) {
    for (const struct telling *telling = digest->tellings; telling != NULL; telling = telling->next) {
        if (str_equal(telling->name, name)) {
            return true;
        }
    }
    return false;
}

static void tell(struct digest *digest, const struct config_room *room, const char *day) {
    struct chat *chat = digest->options.chat;
    const char *id = chat->functions->room(chat, room);
    if (id == NULL || is_told(digest, room->name)) {
        return;
    }
    struct telling *telling = mem_alloc(sizeof *telling);
    *telling = (struct telling){.digest = digest, .arena = arena_create(), .next = digest->tellings};
    telling->name = arena_strdup(telling->arena, room->name);
    telling->room = arena_strdup(telling->arena, id);
    telling->key = arena_printf(telling->arena, "digest:%s:%s", chat->functions->name, room->name);
    memcpy(telling->day, day, sizeof telling->day);
    digest->tellings = telling;
    store_get_text(digest->options.store, telling->key, record_known, telling);
}

/* "09:00" -> 540 */
static int minute_of(const char *time) {
    return ((time[0] - '0') * 10 + time[1] - '0') * 60 + (time[3] - '0') * 10 + time[4] - '0';
}

static void digest_look(void *user) {
    struct digest *digest = user;
    const struct config *config = digest->options.config(digest->options.user);
    char day[CLOCK_DAY_SIZE] = {0};
    int minute = 0;
    clock_day(clock_wall_ms(), day, &minute);
    for (size_t i = 0; i < config->room_count && digest->leads; i++) {
        const struct config_room *room = &config->rooms[i];
        if (room->digest != NULL && minute >= minute_of(room->digest)) {
            tell(digest, room, day);
        }
    }
    timer_start(digest->timer, LOOK_MS);
}

/* --- the outside ---------------------------------------------------------------------------------------------------------- */

struct digest *digest_create(const struct digest_options *options) {
    struct digest *digest = mem_alloc(sizeof *digest);
    digest->options = *options;
    digest->timer = loop_timer(options->loop, digest_look, digest);
    return digest;
}

void digest_lead(struct digest *digest, bool leads) {
    digest->leads = leads;
    if (leads) {
        timer_start(digest->timer, FIRST_LOOK_MS);
    } else {
        timer_stop(digest->timer);
    }
}

void digest_destroy(struct digest *digest) {
    if (digest == NULL) {
        return;
    }
    digest->leads = false;
    while (digest->tellings != NULL) {
        telling_end(digest->tellings);
    }
    timer_destroy(digest->timer);
    mem_free(digest);
}
