#ifndef GP_EXEC_FOLLOW_H
#define GP_EXEC_FOLLOW_H

/*
 * Follows the output in a run directory and tells it to the store in batches, from wherever the store stands, until the end is
 * recorded and everything was told.
 */

#include "net/loop.h"
#include "store/feed.h"

struct follow;

/* The end is recorded in the directory and its output was told (or given up after several tries). Runs once. */
typedef void follow_ended(void *user);

/* Nothing has come for a while, or the file `lost` came or went. May destroy the follow. */
typedef void follow_idle(void *user);

/* It looks first after that time, which a run may need to be over; follow_look is for who hears of its end before. */
struct follow *follow_create(struct loop *loop, struct store *store, const char *dir, const struct log_key *key,
                             int64_t after_ms, follow_ended *ended, follow_idle *idle, void *user);
void follow_look(struct follow *follow);    /* something has come */
void follow_destroy(struct follow *follow); /* NULL does nothing; lets go */

#endif
