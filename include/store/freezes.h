#ifndef GP_STORE_FREEZES_H
#define GP_STORE_FREEZES_H

/*
 * Environments in which nothing new is started: `freezes`, a hash of environment -> who, from where, when and why. A
 * deployment is created only if its environment is not there, checked in the same commit; what was created before goes
 * on. Who froze and unfroze what is written down in `audit:env:<environment>`, chained as a deployment's audit is, with
 * the head of the chain in the hash `audit:env`.
 */

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "store/records.h"
#include "store/store.h"

struct freeze {
    const char *environment, *actor, *via;
    const char *reason; /* may be "" */
    int64_t when_ms;
};

/* "production is frozen by carol since 3 h: release week." */
void freeze_describe(const struct freeze *freeze, int64_t now_ms, struct buf *out);

typedef void freezes_done(const struct freeze *freezes, size_t count, const struct err *err, void *user);
void store_list_freezes(struct store *store, freezes_done *done, void *user);

/* err: ERR_CONFLICT if it is frozen already, or not frozen; the sentence says by whom. `freeze->reason` of an unfreeze
 * is its note. */
typedef void frozen_done(const struct err *err, void *user);
void store_freeze(struct store *store, const struct freeze *freeze, const char *event_id, frozen_done *done,
                  void *user);
void store_unfreeze(struct store *store, const struct freeze *freeze, const char *event_id, frozen_done *done,
                    void *user);

/* The precondition that the environment is not frozen; its number. */
size_t commit_require_thawed(struct commit *commit, const char *environment);
/* What such a precondition found there, as a sentence. */
void freeze_refusal(const char *environment, const char *found, struct err *err);

#endif
