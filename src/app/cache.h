#ifndef GP_APP_CACHE_H
#define GP_APP_CACHE_H

/*
 * The deployments that the leader has at hand, by number. Only those with something under way stay here between two commits, so that
 * memory does not grow with the number of deployments that wait for people.
 */

#include "store/records.h"

struct cache;

struct cache *cache_create(void);
void cache_destroy(struct cache *cache);
struct deployment_record *cache_find(const struct cache *cache, uint64_t id); /* or NULL */
void cache_put(struct cache *cache, struct deployment_record *record); /* takes the record; replaces an older one */
void cache_drop(struct cache *cache, uint64_t id);
void cache_clear(struct cache *cache);

#endif
