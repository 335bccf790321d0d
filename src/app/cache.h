#ifndef GP_APP_CACHE_H
#define GP_APP_CACHE_H

/*
 * The deployments that the leader has at hand, by number. Those with something under way stay here between two commits; of those that
 * rest, since they wait for people or for their turn, only a few, so that memory does not grow with their number.
 */

#include "store/records.h"

struct cache;

struct cache *cache_create(void);
void cache_destroy(struct cache *cache);
struct deployment_record *cache_find(const struct cache *cache, uint64_t id); /* or NULL */
void cache_put(struct cache *cache, struct deployment_record *record); /* takes the record; replaces an older one */
/* Nothing is under way in it: it stays until LIMIT_CACHE_RESTING others came to rest after it. A big one goes at once. */
void cache_rest(struct cache *cache, uint64_t id);
void cache_drop(struct cache *cache, uint64_t id);
void cache_clear(struct cache *cache);

#endif
