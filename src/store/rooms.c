/*
 * The console's rooms, and the texts that the reconciler keeps. A room is a sorted set, which gives the order and is
 * trimmed, and a hash of bodies; a body without a place in the order was trimmed and is removed by whoever reads the
 * room next.
 */

#include "store/feed.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"
#include "later.h"
#include "records_key.h"
#include "words.h"

void commit_room_put(struct commit *commit, const char *room, const char *message, const char *body, int64_t now_ms) {
    char order[STORE_KEY_SIZE], bodies[STORE_KEY_SIZE], now[NUMBER_SIZE], newest[NUMBER_SIZE], length[NUMBER_SIZE];

    (void)snprintf(order, sizeof order, "room:%s", room);
    (void)snprintf(bodies, sizeof bodies, "room:%s:bodies", room);
    commit_add(commit, "ZADD", order, "NX", words_i64(now, now_ms), message);
    commit_add(commit, "ZREMRANGEBYRANK", order, "0", words_i64(newest, -(LIMIT_ROOM_MESSAGES + 1)));
    commit_add(commit, "HSET", bodies, message, body);
    commit_add(commit, "XADD", "changes", "MAXLEN", "~", words_u64(length, LIMIT_CHANGES_LENGTH), "*", "room", room);
}

/* --- reading a room --- */

struct room_reading {
    struct store *store; /* borrowed */
    char *room;
    char **bodies;     /* message, body, message, body; owned */
    size_t body_count; /* pairs */
    room_done *done;
    void *user;
};

static void bodies_came(const struct redis_reply *reply, bool sent, void *user) {
    struct room_reading *reading = user;

    (void)sent;
    reading->body_count = redis_count(reply) / 2;
    reading->bodies = mem_array(2 * reading->body_count + 1, sizeof *reading->bodies);
    for (size_t i = 0; i < 2 * reading->body_count; i++) {
        reading->bodies[i] = mem_strdup(redis_text(redis_at(reply, i), NULL));
    }
}

static void order_came(const struct redis_reply *reply, bool sent, void *user);

void room_read(struct store *store, const char *room, room_done *done, void *user) {
    struct redis *redis = store_redis(store);
    char key[STORE_KEY_SIZE];
    struct room_reading *reading = mem_alloc(sizeof *reading);

    reading->store = store;
    reading->room = mem_strdup(room);
    reading->done = done;
    reading->user = user;
    /* Bodies first: a body that is missing in the later order was trimmed, not just posted. */
    redis_call(redis, bodies_came, reading, "HGETALL", store_key(store, key, "room:%s:bodies", room));
    redis_call(redis, order_came, reading, "ZRANGE", store_key(store, key, "room:%s", room), "0", "-1", "WITHSCORES");
}

static const char *room_body(const struct room_reading *reading, const char *message) {
    for (size_t i = 0; i < reading->body_count; i++) {
        if (str_equal(reading->bodies[2 * i], message)) {
            return reading->bodies[2 * i + 1];
        }
    }
    return NULL;
}

static bool room_has(const struct room_message *messages, size_t count, const char *message) {
    for (size_t i = 0; i < count; i++) {
        if (str_equal(messages[i].id, message)) {
            return true;
        }
    }
    return false;
}

static void remove_trimmed(const struct room_reading *reading, const struct room_message *messages, size_t count) {
    char key[STORE_KEY_SIZE];
    (void)store_key(reading->store, key, "room:%s:bodies", reading->room);
    for (size_t i = 0; i < reading->body_count; i++) {
        if (!room_has(messages, count, reading->bodies[2 * i])) {
            redis_call(store_redis(reading->store), NULL, NULL, "HDEL", key, reading->bodies[2 * i]);
        }
    }
}

static void order_came(const struct redis_reply *reply, bool sent, void *user) {
    struct room_reading *reading = user;
    struct room_message *messages = mem_array(redis_count(reply) / 2 + 1, sizeof *messages);
    struct err err = {0};
    size_t count = 0;

    (void)sent;
    for (size_t i = 0; i + 1 < redis_count(reply); i += 2) {
        const char *id = redis_text(redis_at(reply, i), NULL);
        const char *body = room_body(reading, id);
        if (body != NULL) {
            messages[count++] = (struct room_message){id, body, redis_integer(redis_at(reply, i + 1))};
        }
    }
    if (redis_kind(reply) == REDIS_ARRAY) {
        remove_trimmed(reading, messages, count);
    } else {
        later_unread(reply, &err);
    }
    reading->done(messages, count, err.code == ERR_NONE ? NULL : &err, reading->user);
    for (size_t i = 0; i < 2 * reading->body_count; i++) {
        mem_free(reading->bodies[i]);
    }
    mem_free(reading->bodies);
    mem_free(reading->room);
    mem_free(reading);
    mem_free(messages);
}

/* --- texts --- */

struct text_reading {
    text_done *done;
    void *user;
};

static void text_came(const struct redis_reply *reply, bool sent, void *user) {
    struct text_reading *reading = user;
    struct err err = {0};

    (void)sent;
    if (reply == NULL || redis_kind(reply) == REDIS_ERROR) {
        later_unread(reply, &err);
        reading->done(NULL, &err, reading->user);
    } else {
        reading->done(redis_text(reply, NULL), NULL, reading->user);
    }
    mem_free(reading);
}

static struct text_reading *text_reading_create(text_done *done, void *user) {
    struct text_reading *reading = mem_alloc(sizeof *reading);
    reading->done = done;
    reading->user = user;
    return reading;
}

void store_get_view(struct store *store, uint64_t deployment, const char *card, text_done *done, void *user) {
    char key[STORE_KEY_SIZE];
    redis_call(store_redis(store), text_came, text_reading_create(done, user), "HGET",
               store_key(store, key, "dep:%" PRIu64 ":views", deployment), card);
}

void commit_put_view(struct commit *commit, uint64_t deployment, const char *card, const char *text) {
    char key[RECORDS_KEY_SIZE], id[NUMBER_SIZE];
    (void)commit_require_field(commit, records_key(key, "dep", deployment, ""), "id", words_u64(id, deployment));
    commit_add(commit, "HSET", records_key(key, "dep", deployment, ":views"), card, text);
}

void commit_put_showing(struct commit *commit, const char *platform, uint64_t deployment, bool showing) {
    char key[STORE_KEY_SIZE], id[NUMBER_SIZE];
    (void)snprintf(key, sizeof key, "showing:%s", platform);
    (void)words_u64(id, deployment);
    if (showing) {
        commit_add(commit, "ZADD", key, id, id);
    } else {
        commit_add(commit, "ZREM", key, id);
    }
}

static void thread_key(char out[STORE_KEY_SIZE], const char *adapter, const char *room, const char *message) {
    (void)snprintf(out, STORE_KEY_SIZE, "thread:%s:%s:%s", adapter, room, message);
}

void commit_put_thread(struct commit *commit, const char *adapter, const char *room, const char *message,
                       uint64_t question) {
    char key[STORE_KEY_SIZE], number[NUMBER_SIZE];
    thread_key(key, adapter, room, message);
    commit_put_text(commit, key, words_u64(number, question), LIMIT_THREAD_SECONDS);
}

struct thread_reading {
    thread_done *done;
    void *user;
};

static void thread_came(const char *text, const struct err *err, void *user) {
    struct thread_reading *reading = user;
    uint64_t question = 0;
    if (text != NULL && str_to_u64(text, &question, NULL) < 0) {
        question = 0;
    }
    reading->done(question, err, reading->user);
    mem_free(reading);
}

void store_get_thread(struct store *store, const char *adapter, const char *room, const char *message,
                      thread_done *done, void *user) {
    char key[STORE_KEY_SIZE];
    struct thread_reading *reading = mem_alloc(sizeof *reading);
    reading->done = done;
    reading->user = user;
    thread_key(key, adapter, room, message);
    store_get_text(store, key, thread_came, reading);
}

void store_get_text(struct store *store, const char *key, text_done *done, void *user) {
    char full[STORE_KEY_SIZE];

    redis_call(store_redis(store), text_came, text_reading_create(done, user), "GET",
               store_key(store, full, "%s", key));
}

void commit_put_text(struct commit *commit, const char *key, const char *text, int64_t expire_s) {
    char seconds[NUMBER_SIZE];

    if (text == NULL) {
        commit_del(commit, key);
    } else if (expire_s == 0) {
        commit_add(commit, "SET", key, text);
    } else {
        commit_add(commit, "SET", key, text, "EX", words_i64(seconds, expire_s));
    }
}
