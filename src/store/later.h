#ifndef GP_STORE_LATER_H
#define GP_STORE_LATER_H

/* Sentences about a Redis that is away, and completions that are known at once but must come later. */

#include "store/store.h"

/* err says that a read got no reply, or an error. */
void later_unread(const struct redis_reply *reply, struct err *err);
/* err says what became of a commit that was not DONE. */
void later_uncommitted(enum commit_result result, struct err *err);

/* Calls `call` from the loop, at the latest when the store is destroyed. */
void later_call(struct store *store, redis_done *call, void *user);

#endif
