#include "store/numbering.h"

#include "base/mem.h"
#include "later.h"
#include "words.h"

struct numbering {
    numbering_done *done;
    void *user;
};

static void number_came(const struct redis_reply *reply, bool sent, void *user) {
    struct numbering *numbering = user;
    struct err err;
    (void)sent;
    if (reply == NULL || redis_kind(reply) == REDIS_ERROR) {
        later_unread(reply, &err);
        numbering->done(0, &err, numbering->user);
    } else {
        numbering->done((uint64_t)redis_integer(reply) + 1, NULL, numbering->user);
    }
    mem_free(numbering);
}

void store_load_numbering(struct store *store, numbering_done *done, void *user) {
    char key[STORE_KEY_SIZE];
    struct numbering *numbering = mem_alloc(sizeof *numbering);
    numbering->done = done;
    numbering->user = user;
    redis_call(store_redis(store), number_came, numbering, "HGET", store_key(store, key, "ids"), "question");
}

void commit_put_numbering(struct commit *commit, uint64_t next_question) {
    char number[NUMBER_SIZE];
    commit_add(commit, "HSET", "ids", "question", words_u64(number, next_question - 1));
}
