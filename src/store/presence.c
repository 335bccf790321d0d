/* Which workers there are, and what they own. */

#include "store/queue.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/mem.h"
#include "base/str.h"
#include "claim.h"
#include "inbox_codec.h"
#include "later.h"
#include "words.h"

enum { BEAT_SIZE = 320 };

/* A beat needs no commit: it is nobody else's field, and the next one says it again. */
void queue_beat(struct store *store, const struct worker_info *info) {
    char key[STORE_KEY_SIZE], value[BEAT_SIZE];
    (void)snprintf(value, sizeof value, "%" PRIu64 " %u %u %d %s", info->beat, info->slots, info->busy, info->draining,
                   info->host);
    redis_call(store_redis(store), NULL, NULL, "HSET", store_key(store, key, "workers"), info->id, value);
}

/* Has no event id: the leader may be told of the same worker more than once. */
void queue_worker_gone(struct store *store, const char *worker, commit_done *done, void *user) {
    struct commit *commit = commit_create(store, NULL);
    inbox_encode_worker_gone(commit, worker);
    commit_send(commit, done, user);
}

void commit_forget_worker(struct commit *commit, const char *worker) {
    commit_add(commit, "HDEL", "workers", worker);
}

/* --- reading --- */

struct list {
    workers_done *workers_done;
    owned_done *owned_done;
    void *user;
};

static const struct err *list_failed(const struct redis_reply *reply, struct err *err) {
    if (redis_kind(reply) == REDIS_ARRAY) {
        return NULL;
    }
    later_unread(reply, err);
    return err;
}

/* "<beat> <slots> <busy> <draining> <host>" */
static bool worker_parse(const char *text, struct worker_info *ret_info) {
    uint64_t beat, slots, busy, draining;

    if (text == NULL || !words_number(&text, ' ', &beat) || !words_number(&text, ' ', &slots) ||
        !words_number(&text, ' ', &busy) || !words_number(&text, ' ', &draining)) {
        return false;
    }
    ret_info->beat = beat;
    ret_info->slots = (unsigned)slots;
    ret_info->busy = (unsigned)busy;
    ret_info->draining = draining != 0;
    ret_info->host = text;
    return true;
}

static void workers_came(const struct redis_reply *reply, bool sent, void *user) {
    struct list *list = user;
    struct err err;
    const struct err *failed = list_failed(reply, &err);
    struct worker_info *workers = mem_array(redis_count(reply) / 2 + 1, sizeof *workers);
    size_t count = 0;

    (void)sent;
    for (size_t i = 0; i + 1 < redis_count(reply); i += 2) {
        struct worker_info *info = &workers[count];
        info->id = redis_text(redis_at(reply, i), NULL);
        count += worker_parse(redis_text(redis_at(reply, i + 1), NULL), info);
    }
    list->workers_done(workers, count, failed, list->user);
    mem_free(workers);
    mem_free(list);
}

void store_list_workers(struct store *store, workers_done *done, void *user) {
    char key[STORE_KEY_SIZE];
    struct list *list = mem_alloc(sizeof *list);

    list->workers_done = done;
    list->user = user;
    redis_call(store_redis(store), workers_came, list, "HGETALL", store_key(store, key, "workers"));
}

static void owned_came(const struct redis_reply *reply, bool sent, void *user) {
    struct list *list = user;
    struct err err;
    const struct err *failed = list_failed(reply, &err);
    struct owned_run *runs = mem_array(redis_count(reply) + 1, sizeof *runs);
    size_t count = 0;

    (void)sent;
    for (size_t i = 0; i < redis_count(reply); i++) {
        struct owned_run *run = &runs[count];
        count += owned_parse(redis_text(redis_at(reply, i), NULL), &run->deployment, &run->step, &run->slot);
    }
    list->owned_done(runs, count, failed, list->user);
    mem_free(runs);
    mem_free(list);
}

void store_list_owned(struct store *store, const char *worker, owned_done *done, void *user) {
    char key[STORE_KEY_SIZE];
    struct list *list = mem_alloc(sizeof *list);

    list->owned_done = done;
    list->user = user;
    redis_call(store_redis(store), owned_came, list, "SMEMBERS", store_key(store, key, "owned:%s", worker));
}
