#include "later.h"

void later_unread(const struct redis_reply *reply, struct err *err) {
    if (redis_kind(reply) == REDIS_ERROR) {
        (void)err_set(err, ERR_UNAVAILABLE, "Redis does not answer the question: %s", redis_text(reply, NULL));
    } else {
        (void)err_set(err, ERR_UNAVAILABLE, "Redis cannot be reached; try again.");
    }
}

void later_uncommitted(enum commit_result result, struct err *err) {
    if (result == COMMIT_UNKNOWN) {
        (void)err_set(
            err, ERR_UNKNOWN,
            "Redis went away in the middle: it is not known whether this was recorded. Look before you repeat it.");
    } else {
        (void)err_set(err, ERR_UNAVAILABLE, "Nothing was recorded, because Redis cannot be reached; try again.");
    }
}

/* Redis' reply to PING comes later by nature, and is dropped in the right way. */
void later_call(struct store *store, redis_done *call, void *user) {
    redis_call(store_redis(store), call, user, "PING");
}
