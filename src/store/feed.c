/*
 * The stream of changes: each entry has one field, whose name says what changed and whose value says where. It is
 * trimmed, so a reader that was away too long is told to look at everything instead.
 */

#include "store/feed.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"
#include "feeds.h"
#include "later.h"
#include "words.h"

enum { ENTRY_SIZE = 48, FEED_BATCH = LIMIT_CHANGES_LENGTH / 2, SINCE_BATCH = 1000 };

#define START_ID "0-0"

/* "<deployment>:<step>.<slot>.<attempt>" */
static bool log_key_parse(const char *text, struct log_key *ret_key) {
    uint64_t step, slot, attempt;

    if (!words_number(&text, ':', &ret_key->deployment) || !words_number(&text, '.', &step) ||
        !words_number(&text, '.', &slot) || !words_number(&text, '\0', &attempt)) {
        return false;
    }
    ret_key->step = (size_t)step;
    ret_key->slot = (size_t)slot;
    ret_key->attempt = (uint32_t)attempt;
    return true;
}

static bool change_parse(const struct redis_reply *entry, struct change *ret_change) {
    const struct redis_reply *fields = redis_at(entry, 1);
    struct change change = {.id = redis_text(redis_at(entry, 0), NULL)};
    const char *log = words_field(fields, "log");

    change.deployment = words_field_u64(fields, "deployment");
    change.room = redis_text(redis_field(fields, "room"), NULL);
    change.environment = redis_text(redis_field(fields, "environment"), NULL);
    change.people = redis_text(redis_field(fields, "people"), NULL);
    if (change.room != NULL) {
        change.kind = CHANGE_ROOM;
    } else if (change.environment != NULL) {
        change.kind = CHANGE_ENVIRONMENT;
    } else if (change.people != NULL) {
        change.kind = CHANGE_PEOPLE;
    } else if (log[0] != '\0') {
        change.kind = CHANGE_LOG;
        if (!log_key_parse(log, &change.log)) {
            return false;
        }
        change.deployment = change.log.deployment;
    } else if (change.deployment != 0) {
        change.kind = CHANGE_DEPLOYMENT;
    } else {
        return false;
    }
    *ret_change = change;
    return true;
}

/* Freed by the caller; texts are borrowed from the reply. */
static struct change *changes_parse(const struct redis_reply *entries, size_t *ret_count) {
    struct change *changes = mem_array(redis_count(entries) + 1, sizeof *changes);
    size_t count = 0;

    for (size_t i = 0; i < redis_count(entries); i++) {
        count += change_parse(redis_at(entries, i), &changes[count]);
    }
    *ret_count = count;
    return changes;
}

/* The id of the first of some entries, "0-0" if there is none. */
static const char *first_id(const struct redis_reply *entries) {
    const char *id = redis_text(redis_at(redis_at(entries, 0), 0), NULL);
    return id != NULL ? id : START_ID;
}

static bool id_parse_parts(const char *id, uint64_t *ret_ms, uint64_t *ret_number) {
    return words_number(&id, '-', ret_ms) && words_number(&id, '\0', ret_number);
}

static bool id_before(const char *a, const char *b) {
    uint64_t a_ms = 0, a_number = 0, b_ms = 0, b_number = 0;
    (void)(id_parse_parts(a, &a_ms, &a_number) && id_parse_parts(b, &b_ms, &b_number));
    return a_ms < b_ms || (a_ms == b_ms && a_number < b_number);
}

/* --- following --- */

/* The one connection by which all feeds of a store follow. */
struct feeds {
    struct store *store; /* borrowed; NULL when it is gone */
    struct redis *redis; /* owned */
    struct timer *retry;
    char last[ENTRY_SIZE];
    bool follows; /* since `last` */
    struct feed *first;
};

struct feed {
    struct feeds *feeds;
    struct feed *next;
    struct timer *joined; /* planned, or NULL */
    feed_changed *changed;
    feed_reset *reset;
    void *user;
};

static void feeds_start(void *user);
static void feeds_read(struct feeds *feeds);

static struct feeds *feeds_create(struct loop *loop, struct store *store) {
    struct feeds *feeds = mem_alloc(sizeof *feeds);
    feeds->store = store;
    feeds->retry = loop_timer(loop, feeds_start, feeds);
    feeds->redis = store_open_blocking(store, feeds_start, feeds);
    return feeds;
}

void feeds_outlive(struct feeds *feeds) {
    if (feeds != NULL) {
        feeds->store = NULL;
    }
}

/* The connection is there already: whoever comes later begins here. */
static void feed_joined(void *user) {
    struct feed *feed = user;
    feed->joined = NULL;
    feed->reset(feed->user);
}

struct feed *feed_create(struct loop *loop, struct store *store, feed_changed *changed, feed_reset *reset, void *user) {
    struct feeds **feeds = store_feeds(store);
    struct feed *feed = mem_alloc(sizeof *feed);
    if (*feeds == NULL) {
        *feeds = feeds_create(loop, store);
    }
    *feed = (struct feed){.feeds = *feeds, .next = (*feeds)->first, .changed = changed, .reset = reset, .user = user};
    (*feeds)->first = feed;
    if ((*feeds)->follows) {
        feed->joined = loop_soon(loop, feed_joined, feed);
    }
    return feed;
}

void feed_destroy(struct feed *feed) {
    if (feed == NULL) {
        return;
    }
    struct feeds *feeds = feed->feeds;
    struct feed **link = &feeds->first;
    while (*link != feed) {
        link = &(*link)->next;
    }
    *link = feed->next;
    if (feed->joined != NULL) {
        loop_cancel_soon(feed->joined);
    }
    mem_free(feed);
    if (feeds->first == NULL) {
        if (feeds->store != NULL) {
            *store_feeds(feeds->store) = NULL;
        }
        redis_destroy(feeds->redis);
        timer_destroy(feeds->retry);
        mem_free(feeds);
    }
}

/* The newest entry is known: what comes after it will be told, what came before it may have been missed. */
static void newest_came(const struct redis_reply *reply, bool sent, void *user) {
    struct feeds *feeds = user;

    (void)sent;
    if (reply == NULL) {
        return; /* lost: feeds_start comes again */
    }
    if (redis_kind(reply) == REDIS_ERROR) {
        timer_start(feeds->retry, LIMIT_REDIS_RETRY_MS);
        return;
    }
    (void)snprintf(feeds->last, sizeof feeds->last, "%s", first_id(reply));
    feeds->follows = true;
    feeds_read(feeds);
    for (struct feed *feed = feeds->first; feed != NULL; feed = feed->next) {
        if (feed->joined == NULL) {
            feed->reset(feed->user);
        }
    }
}

static void feeds_start(void *user) {
    struct feeds *feeds = user;
    char key[STORE_KEY_SIZE];

    timer_stop(feeds->retry);
    feeds->follows = false;
    redis_call(feeds->redis, newest_came, feeds, "XREVRANGE", store_key(feeds->store, key, "changes"), "+", "-",
               "COUNT", "1");
}

static void changes_came(const struct redis_reply *reply, bool sent, void *user) {
    struct feeds *feeds = user;
    const struct redis_reply *entries = redis_at(redis_at(reply, 0), 1);
    size_t count, entry_count = redis_count(entries);

    (void)sent;
    if (reply == NULL) {
        return; /* lost: feeds_start comes again */
    }
    if (entry_count == 0) {
        timer_start(feeds->retry, LIMIT_REDIS_RETRY_MS);
        return;
    }
    if (entry_count == FEED_BATCH) {
        feeds_start(feeds); /* far behind: what was trimmed meanwhile does not show, so everything is looked at */
        return;
    }
    (void)snprintf(feeds->last, sizeof feeds->last, "%s",
                   redis_text(redis_at(redis_at(entries, entry_count - 1), 0), NULL));
    feeds_read(feeds);
    struct change *changes = changes_parse(entries, &count);
    for (struct feed *feed = feeds->first; count > 0 && feed != NULL; feed = feed->next) {
        feed->changed(changes, count, feed->user);
    }
    mem_free(changes);
}

static void feeds_read(struct feeds *feeds) {
    char key[STORE_KEY_SIZE], most[NUMBER_SIZE];
    redis_call(feeds->redis, changes_came, feeds, "XREAD", "COUNT", words_u64(most, FEED_BATCH), "BLOCK", "0",
               "STREAMS", store_key(feeds->store, key, "changes"), feeds->last);
}

/* --- since a position --- */

struct since {
    feed_since_done *done;
    void *user;
    char position[ENTRY_SIZE];
    bool gap;
};

static void oldest_came(const struct redis_reply *reply, bool sent, void *user) {
    struct since *since = user;
    (void)sent;
    since->gap = id_before(since->position, first_id(reply));
}

static void newest_since_came(const struct redis_reply *reply, bool sent, void *user) {
    struct since *since = user;
    (void)sent;
    since->gap = since->gap || id_before(first_id(reply), since->position);
}

static void since_came(const struct redis_reply *reply, bool sent, void *user) {
    struct since *since = user;
    struct err err = {0};
    size_t count;
    struct change *changes = changes_parse(reply, &count);

    (void)sent;
    if (redis_kind(reply) != REDIS_ARRAY) {
        later_unread(reply, &err);
    }
    bool gap = since->gap || redis_count(reply) == SINCE_BATCH;
    since->done(changes, gap ? 0 : count, gap, err.code == ERR_NONE ? NULL : &err, since->user);
    mem_free(changes);
    mem_free(since);
}

void feed_since(struct store *store, const char *position, feed_since_done *done, void *user) {
    struct redis *redis = store_redis(store);
    char key[STORE_KEY_SIZE], from[ENTRY_SIZE + 1], most[NUMBER_SIZE];
    struct since *since = mem_alloc(sizeof *since);
    uint64_t ms, number;

    since->done = done;
    since->user = user;
    /* What is no position of ours is older than everything. */
    (void)snprintf(since->position, sizeof since->position, "%s",
                   str_empty(position) || !id_parse_parts(position, &ms, &number) ? START_ID : position);
    (void)snprintf(from, sizeof from, "(%s", since->position);
    (void)store_key(store, key, "changes");
    redis_call(redis, oldest_came, since, "XRANGE", key, "-", "+", "COUNT", "1");
    redis_call(redis, newest_since_came, since, "XREVRANGE", key, "+", "-", "COUNT", "1");
    redis_call(redis, since_came, since, "XRANGE", key, from, "+", "COUNT", words_u64(most, SINCE_BATCH));
}
