#ifndef GP_STORE_UNREADABLE_H
#define GP_STORE_UNREADABLE_H

/* Which stored deployments this process could not understand when it read them last (store/records.h says what for). */

#include <stdint.h>

#include "store/store.h"

struct unreadable_list;

struct unreadable_list *unreadable_list_create(void);
void unreadable_list_destroy(struct unreadable_list *list);

/* why NULL: it could be read. */
void unreadable_list_note(struct unreadable_list *list, uint64_t deployment, const char *why);

/* That of the store. */
struct unreadable_list *store_unreadable(struct store *store);

#endif
