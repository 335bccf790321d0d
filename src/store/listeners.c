#include "store/listeners.h"

#include <stdio.h>

#include "base/limits.h"
#include "base/mem.h"
#include "later.h"
#include "words.h"

/* The clocks of the servers may differ, so Redis' own counts. */
static const char listen_script[] = "local now = tonumber(redis.call('TIME')[1])\n"
                                    "redis.call('ZADD', KEYS[1], now + tonumber(ARGV[2]), ARGV[1])\n"
                                    "redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)\n"
                                    "redis.call('EXPIRE', KEYS[1], ARGV[2])\n"
                                    "return redis.call('ZCARD', KEYS[1])\n";

struct count {
    listeners_counted *done;
    void *user;
};

static void count_came(const struct redis_reply *reply, bool sent, void *user) {
    struct count *count = user;
    bool counted = redis_kind(reply) == REDIS_INTEGER;
    struct err err = {0};
    (void)sent;
    if (!counted) {
        later_unread(reply, &err);
    }
    count->done(counted ? (size_t)redis_integer(reply) : 0, counted ? NULL : &err, count->user);
    mem_free(count);
}

/* No commit: it is nobody else's field, and the next time says it again. */
void store_put_listener(struct store *store, const char *adapter, const char *id, int64_t seconds,
                        listeners_counted *done, void *user) {
    char key[STORE_KEY_SIZE], number[NUMBER_SIZE];
    struct count *count = mem_alloc(sizeof *count);
    count->done = done;
    count->user = user;
    redis_call(store_redis(store), count_came, count, "EVAL", listen_script, "1",
               store_key(store, key, "listeners:%s", adapter), id, words_i64(number, seconds));
}

void store_drop_listener(struct store *store, const char *adapter, const char *id) {
    char key[STORE_KEY_SIZE];
    redis_call(store_redis(store), NULL, NULL, "ZREM", store_key(store, key, "listeners:%s", adapter), id);
}

void store_people_changed(struct store *store, const char *adapter, const char *id, const char *who) {
    char length[NUMBER_SIZE], what[STORE_KEY_SIZE];
    struct commit *commit = commit_create(store, NULL);
    (void)snprintf(what, sizeof what, "%s:%s:%s", adapter, id, who);
    commit_add(commit, "XADD", "changes", "MAXLEN", "~", words_u64(length, LIMIT_CHANGES_LENGTH), "*", "people", what);
    commit_send(commit, NULL, NULL);
}
