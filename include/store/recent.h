#ifndef GP_STORE_RECENT_H
#define GP_STORE_RECENT_H

/*
 * Deployments as they were read lately, to draw their cards: most answers come to cards that were just drawn, and need not wait for a
 * reading of their own. It may be out of date: whoever decides by it has the store compare the revision (new_answer.revision).
 */

#include "store/records.h"

/* Takes the record, and keeps it for a while if it has open questions and is small. NULL does nothing. */
void recent_put(struct store *store, struct deployment_record *record);

/* The one with this open question, now the caller's; or NULL. */
struct deployment_record *recent_take(struct store *store, uint64_t question);

#endif
