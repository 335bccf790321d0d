#ifndef GP_STORE_RETENTION_H
#define GP_STORE_RETENTION_H

/* Deployments that ended long ago leave Redis, and plans that no deployment uses any more. Nothing live is touched. */

#include <stddef.h>
#include <stdint.h>

#include "store/inbox.h"
#include "store/store.h"

typedef void retired_done(size_t removed, const struct err *err, void *user);
/* Removes at most LIMIT_RETIRE_BATCH of those that ended before `before_ms` (wall time), if the leadership is held. */
void store_retire(struct store *store, const struct leadership *leadership, int64_t before_ms, retired_done *done,
                  void *user);

#endif
