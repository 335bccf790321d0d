#include "store/retention.h"

#include "base/clock.h"
#include "base/limits.h"
#include "base/mem.h"
#include "later.h"
#include "leadership.h"
#include "lua.h"
#include "words.h"

struct retirement {
    retired_done *done;
    void *user;
};

static void retired(const struct redis_reply *reply, bool sent, void *user) {
    struct retirement *retirement = user;
    struct err err = {0};
    (void)sent;
    if (redis_kind(reply) != REDIS_INTEGER) {
        later_unread(reply, &err);
    } else if (redis_integer(reply) < 0) {
        err_set(&err, ERR_CONFLICT, "Another process leads.");
    }
    bool failed = err.code != ERR_NONE;
    retirement->done(failed ? 0 : (size_t)redis_integer(reply), failed ? &err : NULL, retirement->user);
    mem_free(retirement);
}

/* No commit: it needs no marker, since a second call finds nothing more of what the first one removed. */
void store_retire(struct store *store, const struct leadership *leadership, int64_t before_ms, retired_done *done,
                  void *user) {
    char ended[STORE_KEY_SIZE];
    char before[NUMBER_SIZE];
    char most[NUMBER_SIZE];
    bool logs_expired = before_ms <= clock_wall_ms() - (int64_t)LIMIT_LOG_SECONDS * 1000;
    struct retirement *retirement = mem_alloc(sizeof *retirement);
    retirement->done = done;
    retirement->user = user;
    redis_call(store_redis(store), retired, retirement, "EVAL", store_script_retire, "1",
               store_key(store, ended, "ended"), store_prefix(store), leadership_token(leadership),
               words_i64(before, before_ms), words_u64(most, LIMIT_RETIRE_BATCH), logs_expired ? "no" : "yes");
}
