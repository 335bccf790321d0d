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
#include "store/pages.h"
#include "store/records.h"

enum {
    LOOK_MS = 20000,
    FIRST_LOOK_MS = 500,
    PAUSE_MS = 2000, /* after a first failure; doubled with each that follows */
    PAUSE_MAX_MS = 600000,
    SETTLED_MS = LIMIT_REQUEST_MS + 1000, /* a request has ended by then */
    LOADED_AT_ONCE = 32,
    DAY_MS = 24 * 3600 * 1000,
};

struct digest {
    struct digest_options options;
    struct timer *timer;
    struct telling *tellings;
    struct patience *patience;
    int64_t settled_ms; /* what another process has sent before has arrived or never will */
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
    uint64_t *asking;   /* deployments that have open questions */
    size_t asking_count, at;
    struct digest_item *items;
    size_t item_count;
    struct card *card;
};

/* A room that could not be told is left alone for a while, and longer each time. */
struct patience {
    struct patience *next;
    char *name;
    int64_t pause_ms, until_ms;
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

/* --- rooms that can't be told ----------------------------------------------------------------------------------------- */

static struct patience **patience_of(struct digest *digest, const char *name) {
    struct patience **link = &digest->patience;
    while (*link != NULL && !str_equal((*link)->name, name)) {
        link = &(*link)->next;
    }
    return link;
}

static void patience_end(struct digest *digest, const char *name) {
    struct patience **link = patience_of(digest, name), *patience = *link;
    if (patience != NULL) {
        *link = patience->next;
        mem_free(patience->name);
        mem_free(patience);
    }
}

static void patience_end_all(struct digest *digest) {
    while (digest->patience != NULL) {
        patience_end(digest, digest->patience->name);
    }
}

/* How long. */
static int64_t be_patient(struct digest *digest, const char *name) {
    struct patience **link = patience_of(digest, name);
    if (*link == NULL) {
        *link = mem_alloc(sizeof **link);
        (*link)->name = mem_strdup(name);
    }
    int64_t doubled = 2 * (*link)->pause_ms;
    (*link)->pause_ms = doubled == 0 ? PAUSE_MS : doubled < PAUSE_MAX_MS ? doubled : PAUSE_MAX_MS;
    (*link)->until_ms = clock_monotonic_ms() + (*link)->pause_ms;
    if ((*link)->pause_ms < LOOK_MS) {
        timer_start(digest->timer, (*link)->pause_ms);
    }
    return (*link)->pause_ms;
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
        int64_t pause_ms = be_patient(telling->digest, telling->name);
        log_warn("a digest could not be posted, trying again", LOG_STR("room", telling->name),
                 LOG_INT("in_ms", pause_ms), LOG_END);
        telling_end(telling);
    } else {
        patience_end(telling->digest, telling->name);
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

static void gather(struct telling *telling);

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
    return x->question < y->question ? -1 : x->question > y->question;
}

/* Of a deployment no more is kept than its lines: there may be thousands. */
static void note(struct telling *telling, const struct deployment_record *record) {
    const struct deployment *d = record->deployment;
    struct arena *arena = telling->arena;
    size_t count = 0;
    const struct card_set *sets =
        view_card_sets(d, record->questions, record->question_count, clock_wall_ms(), record->arena, &count);
    for (size_t i = 0; i < count; i++) {
        const struct card *card = sets[i].question;
        if (shown_in(telling, d, &sets[i])) {
            telling->items = arena_push(arena, telling->items, telling->item_count, sizeof *telling->items);
            telling->items[telling->item_count++] = view_digest_item(d, card, taker(record, card->question), arena);
        }
    }
}

static void some_loaded(struct deployment_record **records, size_t count, const struct err *err, void *user) {
    struct telling *telling = user;
    for (size_t i = 0; i < count; i++) {
        note(telling, records[i]);
        deployment_record_free(records[i]);
    }
    if (err != NULL) {
        telling_end(telling);
    } else {
        gather(telling);
    }
}

static void gathered(struct telling *telling) {
    if (telling->item_count == 0) {
        telling_record(telling, "done", done_recorded); /* Nothing is open, or no longer. */
        return;
    }
    qsort(telling->items, telling->item_count, sizeof *telling->items, item_compare);
    telling->card = view_digest(telling->items, telling->item_count, clock_wall_ms(), telling->arena);
    telling_record(telling, "posting", posting_recorded);
}

/* A few at a time, so that the rest goes on meanwhile. */
static void gather(struct telling *telling) {
    size_t rest = telling->asking_count - telling->at, count = rest < LOADED_AT_ONCE ? rest : LOADED_AT_ONCE;
    if (!telling->digest->leads) {
        telling_end(telling);
    } else if (count == 0) {
        gathered(telling);
    } else {
        telling->at += count;
        store_load_deployments(telling->digest->options.store, &telling->asking[telling->at - count], count,
                               some_loaded, telling);
    }
}

static bool asks(const struct head *head, void *user) {
    (void)user;
    return head->asks;
}

static void asking_listed(const struct head *heads, size_t count, uint64_t total, const struct err *err, void *user) {
    struct telling *telling = user;
    (void)total;
    if (err != NULL) {
        telling_end(telling);
        return;
    }
    telling->asking = arena_array(telling->arena, count + 1, sizeof *telling->asking);
    telling->asking_count = count;
    for (size_t i = 0; i < count; i++) {
        telling->asking[i] = heads[i].deployment;
    }
    gather(telling);
}

/* A post of the leader before may still be on its way into the room: then it would be looked for too soon. */
static bool may_be_under_way(const struct telling *telling) {
    const struct digest *digest = telling->digest;
    return telling->again && !digest->options.chat->functions->idempotent && clock_monotonic_ms() < digest->settled_ms;
}

static void record_known(const char *text, const struct err *err, void *user) {
    struct telling *telling = user;
    const struct page_wish wish = {.of = PAGE_LIVE, .asks = true, .take = SIZE_MAX, .fits = asks};
    bool today = text != NULL && str_starts(text, telling->day);
    telling->again = today;
    if (err != NULL || (today && strstr(text, " done") != NULL)) {
        telling_end(telling);
        return;
    }
    if (may_be_under_way(telling)) {
        timer_start(telling->digest->timer, telling->digest->settled_ms - clock_monotonic_ms());
        telling_end(telling);
        return;
    }
    telling->before = text == NULL ? "" : arena_strdup(telling->arena, text);
    store_read_page(telling->digest->options.store, &wish, asking_listed, telling);
}

/* --- when --------------------------------------------------------------------------------------------------------------- */

/* It is being told, or is to be left alone. */
static bool is_busy(struct digest *digest, const char *name) {
    const struct patience *patience = *patience_of(digest, name);
    if (patience != NULL && clock_monotonic_ms() < patience->until_ms) {
        return true;
    }
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
    if (id == NULL || is_busy(digest, room->name)) {
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
    patience_end_all(digest);
    if (leads) {
        digest->settled_ms = clock_monotonic_ms() + SETTLED_MS;
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
    patience_end_all(digest);
    timer_destroy(digest->timer);
    mem_free(digest);
}
