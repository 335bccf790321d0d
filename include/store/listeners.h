#ifndef GP_STORE_LISTENERS_H
#define GP_STORE_LISTENERS_H

/*
 * Which server processes listen to a chat platform, so that each can tell the others' connections from a stranger's:
 * `listeners:<adapter>`, ids by the time of Redis at which they are believed to be gone.
 */

#include "store/store.h"

typedef void listeners_counted(size_t count, const struct err *err, void *user);

/* This one listens, for so many seconds from now unless it says so again. Counts all, with this one. */
void store_put_listener(struct store *store, const char *adapter, const char *id, int64_t seconds,
                        listeners_counted *done, void *user);
void store_drop_listener(struct store *store, const char *adapter, const char *id);

/* The platform has told this one alone that a user or group is another now: all shall hear of it (CHANGE_PEOPLE). */
void store_people_changed(struct store *store, const char *adapter, const char *id, const char *who);

#endif
