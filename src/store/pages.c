#include "store/pages.h"

#include "base/arena.h"
#include "later.h"
#include "lua.h"
#include "words.h"

enum { HEADS_AT_ONCE = 500 }; /* of one call: nobody waits longer than for these */

struct reading {
    struct store *store;
    struct arena *arena; /* it lives in it */
    struct page_wish wish;
    const char **ids; /* to look at, in the order of the list */
    size_t id_count, at;
    struct head *heads; /* of the page */
    size_t count;
    uint64_t fitting, total;
    struct err err;
    page_done *done;
    void *user;
};

static void reading_end(struct reading *reading) {
    bool failed = reading->err.code != ERR_NONE;
    reading->done(failed ? NULL : reading->heads, failed ? 0 : reading->count, failed ? 0 : reading->total,
                  failed ? &reading->err : NULL, reading->user);
    arena_destroy(reading->arena);
}

static bool reading_failed(struct reading *reading, const struct redis_reply *reply) {
    if (reply == NULL || redis_kind(reply) == REDIS_ERROR) {
        later_unread(reply, &reading->err);
    }
    return reading->err.code != ERR_NONE;
}

/* --- heads -------------------------------------------------------------------------------------------------------- */

static void heads_read(struct reading *reading);

/* Of a list that is told apart here, the page begins behind what is to be skipped. */
static void head_take(struct reading *reading, const struct head *head) {
    const struct page_wish *wish = &reading->wish;
    if (wish->fits != NULL) {
        if (!wish->fits(head, reading->user)) {
            return;
        }
        reading->total = ++reading->fitting;
        if (reading->fitting <= wish->skip || reading->count >= wish->take) {
            return;
        }
    }
    struct head *kept = &reading->heads[reading->count++];
    *kept = *head;
    kept->project = arena_strdup(reading->arena, head->project);
    kept->environment = arena_strdup(reading->arena, head->environment);
}

static void heads_came(const struct redis_reply *reply, bool sent, void *user) {
    struct reading *reading = user;
    (void)sent;
    if (reading_failed(reading, reply)) {
        reading_end(reading);
        return;
    }
    for (size_t i = 0; i < redis_count(reply); i++) {
        const struct redis_reply *row = redis_at(reply, i);
        const char *state = redis_text(redis_at(row, 3), NULL);
        if (state != NULL) {
            const char *project = redis_text(redis_at(row, 1), NULL);
            const char *environment = redis_text(redis_at(row, 2), NULL);
            head_take(reading, &(struct head){
                                   .deployment = (uint64_t)redis_integer(redis_at(row, 0)),
                                   .question = (uint64_t)redis_integer(redis_at(row, 5)),
                                   .asked_ms = redis_integer(redis_at(row, 6)),
                                   .project = project == NULL ? "" : project,
                                   .environment = environment == NULL ? "" : environment,
                                   .state = deployment_state_parse(state),
                                   .asks = redis_text(redis_at(row, 4), NULL)[0] != '\0',
                               });
        }
    }
    heads_read(reading);
}

static void heads_read(struct reading *reading) {
    const char *words[7 + HEADS_AT_ONCE];
    char key[STORE_KEY_SIZE];
    size_t count = 0, rest = reading->id_count - reading->at;
    if (rest == 0) {
        reading_end(reading);
        return;
    }
    words[count++] = "EVAL";
    words[count++] = store_script_heads;
    words[count++] = "1";
    words[count++] = store_key(reading->store, key, "live");
    words[count++] = store_prefix(reading->store);
    words[count++] = reading->wish.of == PAGE_QUESTIONS ? "question" : "deployment";
    words[count++] = reading->wish.asks ? "asks" : "";
    for (size_t i = 0; i < rest && i < HEADS_AT_ONCE; i++) {
        words[count++] = reading->ids[reading->at++];
    }
    redis_command(store_redis(reading->store), heads_came, reading, count, words, NULL);
}

/* --- numbers ------------------------------------------------------------------------------------------------------ */

static void ids_came(const struct redis_reply *reply, bool sent, void *user) {
    struct reading *reading = user;
    (void)sent;
    if (!reading_failed(reading, reply)) {
        size_t count = redis_count(reply), most = count < reading->wish.take ? count : reading->wish.take;
        reading->ids = arena_array(reading->arena, count + 1, sizeof *reading->ids);
        reading->heads = arena_array(reading->arena, most + 1, sizeof *reading->heads);
        for (size_t i = 0; i < count; i++) {
            const char *id = redis_text(redis_at(reply, i), NULL);
            reading->ids[i] = arena_strdup(reading->arena, id == NULL ? "0" : id);
        }
        reading->id_count = count;
    }
}

static void total_came(const struct redis_reply *reply, bool sent, void *user) {
    struct reading *reading = user;
    (void)sent;
    if (reading_failed(reading, reply)) {
        reading_end(reading);
        return;
    }
    reading->total = reading->wish.fits == NULL ? (uint64_t)redis_integer(reply) : 0;
    heads_read(reading);
}

void store_read_page(struct store *store, const struct page_wish *wish, page_done *done, void *user) {
    static const char *const names[] = {
        [PAGE_LIVE] = "live", [PAGE_DEPLOYMENTS] = "deployments", [PAGE_QUESTIONS] = "pending"};
    struct arena *arena = arena_create();
    struct reading *reading = arena_alloc(arena, sizeof *reading);
    char key[STORE_KEY_SIZE], first[NUMBER_SIZE], last[NUMBER_SIZE];
    bool all = wish->fits != NULL, none = wish->take == 0;
    *reading = (struct reading){.store = store, .arena = arena, .wish = *wish, .done = done, .user = user};
    (void)store_key(store, key, "%s", names[wish->of]);
    (void)words_u64(first, all ? 0 : none ? 1 : wish->skip); /* from 1 to 0 is nothing */
    (void)words_i64(last, all ? -1 : none ? 0 : (int64_t)(wish->skip + wish->take - 1));
    redis_call(store_redis(store), ids_came, reading, wish->newest_first ? "ZREVRANGE" : "ZRANGE", key, first, last);
    redis_call(store_redis(store), total_came, reading, "ZCARD", key);
}
