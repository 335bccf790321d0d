#ifndef GP_STORE_COMMITS_H
#define GP_STORE_COMMITS_H

/* The commits of one store that have no completion yet, and what they need of the store. */

#include "net/loop.h"
#include "store/store.h"

struct commits;

struct commits *commits_create(struct loop *loop, struct store *store);
void commits_destroy(struct commits *commits); /* completes each; the store's connection is gone already */
void commits_resume(struct commits *commits);  /* the store is ready: sends what waits */
/* Redis has gone back in time: what was meant for the state before must not be carried out in this one. */
void commits_give_up(struct commits *commits);

/* Of store.c. */
struct commits *store_commits(struct store *store);
const char *store_script_digest(const struct store *store);
void store_load_script(struct store *store); /* Redis has forgotten the script */
void store_saw(struct store *store, uint64_t seq);
void store_held(struct store *store); /* a commit was told that commits were lost */

#endif
