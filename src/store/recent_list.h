#ifndef GP_STORE_RECENT_LIST_H
#define GP_STORE_RECENT_LIST_H

/* Where the store keeps what store/recent.h is about. */

#include "store/recent.h"

struct recent_list;

struct recent_list *recent_list_create(void);
void recent_list_destroy(struct recent_list *list);

/* That of the store. */
struct recent_list *store_recent(struct store *store);

#endif
