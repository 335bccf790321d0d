#ifndef GP_SRC_CONFIG_COPY_H
#define GP_SRC_CONFIG_COPY_H

#include "base/arena.h"
#include "config/config.h"

/* A copy that can still be changed, with one reference. It borrows everything from `base`, which it holds; what is new in
 * it lives in its arena. */
struct config *config_copy(struct config *base, struct arena **ret_arena);

#endif
