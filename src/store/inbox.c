/*
 * The leader's reading. One fetch looks at the timers first and then at the entries behind the last one that was
 * handed over; if there is nothing, two things can end the wait: the doorbell, a blocking read on a connection of its
 * own, and a timer for the next due time. What the doorbell brings is handed over if nothing is due.
 */

#include "store/inbox.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"
#include "inbox_codec.h"
#include "words.h"

enum {
    ENTRY_SIZE = 48,
    TIMERS_BATCH = LIMIT_INBOX_BATCH / 4,
    ENTRIES_BATCH = LIMIT_INBOX_BATCH - TIMERS_BATCH,
    LOOK_AGAIN_MS = 100,
};

enum inbox_state {
    INBOX_PAUSED,
    INBOX_FETCHING,
    INBOX_HANDED, /* the reader has a batch */
    INBOX_WAITING,
};

struct inbox {
    struct loop *loop;   /* borrowed */
    struct store *store; /* borrowed */
    struct redis *bell;  /* owned */
    bool bell_armed;
    char bell_after[ENTRY_SIZE]; /* it rings for what comes behind this entry */
    struct timer *timer;         /* the next due time, or to look again after a failure */
    int64_t next_due_ms;         /* wall time; 0 = none is known */
    struct arena *arena;         /* the batch */
    struct inbox_entry *entries; /* that the bell brought, until `soon` */
    size_t count;
    struct timer *soon; /* planned, or NULL */
    enum inbox_state state;
    char last[ENTRY_SIZE];
    struct fetch *fetch; /* on its way, or NULL */
    inbox_read *read;
    void *user;
};

/* Two replies, timers and entries. What was asked before a restart, pause or destroy is not handed over. */
struct fetch {
    struct inbox *inbox;         /* NULL = nobody waits for it */
    struct inbox_entry *entries; /* in the inbox's arena */
    size_t count;
    int64_t now_ms;
};

static void bell_connected(void *user);
static void timer_came(void *user);

struct inbox *inbox_create(struct loop *loop, struct store *store, inbox_read *read, void *user) {
    struct inbox *inbox = mem_alloc(sizeof *inbox);

    inbox->loop = loop;
    inbox->store = store;
    inbox->read = read;
    inbox->user = user;
    inbox->arena = arena_create();
    inbox->timer = loop_timer(loop, timer_came, inbox);
    inbox->bell = store_open_blocking(store, bell_connected, inbox);
    (void)snprintf(inbox->last, sizeof inbox->last, "0-0");
    return inbox;
}

/* What is on its way to the reader is not handed over. */
static void forget_fetch(struct inbox *inbox) {
    if (inbox->fetch != NULL) {
        inbox->fetch->inbox = NULL;
        inbox->fetch = NULL;
    }
    if (inbox->soon != NULL) {
        loop_cancel_soon(inbox->soon);
        inbox->soon = NULL;
    }
}

void inbox_destroy(struct inbox *inbox) {
    if (inbox == NULL) {
        return;
    }
    forget_fetch(inbox);
    redis_destroy(inbox->bell);
    timer_destroy(inbox->timer);
    arena_destroy(inbox->arena);
    mem_free(inbox);
}

static void inbox_fetch(struct inbox *inbox);

void inbox_next(struct inbox *inbox) {
    if (inbox->state == INBOX_HANDED && inbox->soon == NULL) {
        inbox_fetch(inbox);
    }
}

void inbox_restart(struct inbox *inbox) {
    (void)snprintf(inbox->last, sizeof inbox->last, "0-0");
    inbox_fetch(inbox);
}

void inbox_pause(struct inbox *inbox) {
    forget_fetch(inbox);
    timer_stop(inbox->timer);
    inbox->state = INBOX_PAUSED;
}

/* --- a fetch --- */

static void timers_came(const struct redis_reply *reply, bool sent, void *user);
static void entries_came(const struct redis_reply *reply, bool sent, void *user);

static void inbox_fetch(struct inbox *inbox) {
    struct redis *redis = store_redis(inbox->store);
    struct fetch *fetch = mem_alloc(sizeof *fetch);
    char key[STORE_KEY_SIZE], timers[NUMBER_SIZE], entries[NUMBER_SIZE], after[ENTRY_SIZE + 1];

    forget_fetch(inbox);
    timer_stop(inbox->timer);
    arena_reset(inbox->arena);
    inbox->state = INBOX_FETCHING;
    inbox->fetch = fetch;
    fetch->inbox = inbox;
    fetch->now_ms = clock_wall_ms();
    (void)snprintf(after, sizeof after, "(%s", inbox->last);
    /* One more timer than a batch has room for, to know when the next is due. */
    redis_call(redis, timers_came, fetch, "ZRANGE", store_key(inbox->store, key, "timers"), "0",
               words_u64(timers, TIMERS_BATCH), "WITHSCORES");
    redis_call(redis, entries_came, fetch, "XRANGE", store_key(inbox->store, key, "inbox"), after, "+", "COUNT",
               words_u64(entries, ENTRIES_BATCH));
}

/* The scores are in order, so the first that is not due is the next one. */
static void timers_came(const struct redis_reply *reply, bool sent, void *user) {
    struct fetch *fetch = user;
    struct inbox *inbox = fetch->inbox;

    (void)sent;
    if (inbox == NULL) {
        return;
    }
    fetch->entries = arena_array(inbox->arena, LIMIT_INBOX_BATCH, sizeof *fetch->entries);
    inbox->next_due_ms = 0;
    for (size_t i = 0; i + 1 < redis_count(reply); i += 2) {
        int64_t due_ms = redis_integer(redis_at(reply, i + 1));
        if (due_ms > fetch->now_ms || fetch->count == TIMERS_BATCH) {
            inbox->next_due_ms = due_ms;
            break;
        }
        struct inbox_entry *entry = &fetch->entries[fetch->count++];
        timer_member_parse(arena_strdup(inbox->arena, redis_text(redis_at(reply, i), NULL)), entry);
        entry->event.now_ms = fetch->now_ms;
    }
}

static void inbox_wait(struct inbox *inbox);

/* Entries of the stream, behind `count` timers that are in `entries` already. Gives how many there are now. */
static size_t inbox_decode_all(struct inbox *inbox, struct inbox_entry *entries, size_t count,
                               const struct redis_reply *reply) {
    for (size_t i = 0; i < redis_count(reply); i++) {
        const struct redis_reply *entry = redis_at(reply, i);
        const char *id = redis_text(redis_at(entry, 0), NULL);
        inbox_decode(redis_at(entry, 1), inbox->arena, &entries[count]);
        entries[count++].id = arena_strdup(inbox->arena, id);
        (void)snprintf(inbox->last, sizeof inbox->last, "%s", id);
    }
    return count;
}

static void entries_came(const struct redis_reply *reply, bool sent, void *user) {
    struct fetch *fetch = user;
    struct inbox *inbox = fetch->inbox;
    struct inbox_entry *entries = fetch->entries;
    size_t count = fetch->count;

    (void)sent;
    mem_free(fetch);
    if (inbox == NULL) {
        return;
    }
    inbox->fetch = NULL;
    if (redis_kind(reply) != REDIS_ARRAY) {
        inbox->state = INBOX_WAITING;
        timer_start(inbox->timer, LOOK_AGAIN_MS);
        return;
    }
    count = inbox_decode_all(inbox, entries, count, reply);
    if (count == 0) {
        inbox_wait(inbox);
    } else {
        inbox->state = INBOX_HANDED;
        inbox->read(entries, count, inbox->user);
    }
}

/* --- nothing is there: the doorbell and the timer --- */

/* The turn in which the bell rang is over: whoever waits for the reply to what rang it, as a person does, has it. */
static void bell_rang_before(void *user) {
    struct inbox *inbox = user;
    inbox->soon = NULL;
    inbox->read(inbox->entries, inbox->count, inbox->user);
}

static void bell_rang(const struct redis_reply *reply, bool sent, void *user) {
    struct inbox *inbox = user;

    (void)sent;
    if (reply == NULL) {
        return; /* lost: bell_connected comes again */
    }
    inbox->bell_armed = false;
    if (inbox->state != INBOX_WAITING) {
        return;
    }
    const struct redis_reply *brought = redis_at(redis_at(reply, 0), 1);
    bool due = inbox->next_due_ms != 0 && inbox->next_due_ms <= clock_wall_ms();
    if (redis_kind(reply) == REDIS_ERROR) {
        timer_start(inbox->timer, LOOK_AGAIN_MS);
    } else if (due || redis_count(brought) == 0 || !str_equal(inbox->bell_after, inbox->last)) {
        inbox_fetch(inbox);
    } else {
        timer_stop(inbox->timer);
        arena_reset(inbox->arena);
        inbox->entries = arena_array(inbox->arena, ENTRIES_BATCH, sizeof *inbox->entries);
        inbox->count = inbox_decode_all(inbox, inbox->entries, 0, brought);
        inbox->state = INBOX_HANDED;
        inbox->soon = loop_soon(inbox->loop, bell_rang_before, inbox);
    }
}

/* A bell that is still armed from before rings for any new entry as well. */
static void arm_bell(struct inbox *inbox) {
    char key[STORE_KEY_SIZE], entries[NUMBER_SIZE];
    if (!inbox->bell_armed && redis_is_connected(inbox->bell)) {
        inbox->bell_armed = true;
        (void)snprintf(inbox->bell_after, sizeof inbox->bell_after, "%s", inbox->last);
        redis_call(inbox->bell, bell_rang, inbox, "XREAD", "COUNT", words_u64(entries, ENTRIES_BATCH), "BLOCK", "0",
                   "STREAMS", store_key(inbox->store, key, "inbox"), inbox->last);
    }
}

/* Not longer than a sweep, so that a wall clock that was set is noticed. */
static void arm_timer(struct inbox *inbox) {
    int64_t wait_ms = LIMIT_SWEEP_MS;
    if (inbox->next_due_ms != 0) {
        int64_t due_in_ms = inbox->next_due_ms - clock_wall_ms();
        wait_ms = due_in_ms < 0 ? 0 : due_in_ms < wait_ms ? due_in_ms : wait_ms;
    }
    timer_start(inbox->timer, wait_ms);
}

static void inbox_wait(struct inbox *inbox) {
    inbox->state = INBOX_WAITING;
    arm_bell(inbox);
    arm_timer(inbox);
}

static void bell_connected(void *user) {
    struct inbox *inbox = user;
    inbox->bell_armed = false;
    if (inbox->state == INBOX_WAITING) {
        inbox_fetch(inbox);
    }
}

static void timer_came(void *user) {
    struct inbox *inbox = user;
    if (inbox->state == INBOX_WAITING) {
        inbox_fetch(inbox);
    }
}

void inbox_timer_hint(struct inbox *inbox, int64_t at_ms) {
    if (inbox->next_due_ms == 0 || at_ms < inbox->next_due_ms) {
        inbox->next_due_ms = at_ms;
        if (inbox->state == INBOX_WAITING) {
            arm_timer(inbox);
        }
    }
}

/* --- the end of an entry --- */

void commit_inbox_done(struct commit *commit, const struct inbox_entry *entry) {
    if (entry->timer != NULL) {
        commit_add(commit, "ZREM", "timers", entry->timer);
    } else {
        commit_add(commit, "XDEL", "inbox", entry->id);
    }
}

void commit_postpone(struct commit *commit, const struct inbox_entry *timer, int64_t at_ms) {
    char due[NUMBER_SIZE];
    commit_add(commit, "ZADD", "timers", words_i64(due, at_ms), timer->timer);
}
