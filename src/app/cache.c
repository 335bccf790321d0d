#include "cache.h"

#include "base/limits.h"
#include "base/mem.h"

enum { CACHE_BUCKETS = 1024 };

struct cache_entry {
    struct cache_entry *next;
    struct deployment_record *record; /* owned */
};

struct cache {
    struct cache_entry *buckets[CACHE_BUCKETS];
    uint64_t resting[LIMIT_CACHE_RESTING]; /* a ring; an id may be gone, or active again */
    size_t next;
};

struct cache *cache_create(void) {
    return mem_alloc(sizeof(struct cache));
}

void cache_destroy(struct cache *cache) {
    if (cache != NULL) {
        cache_clear(cache);
        mem_free(cache);
    }
}

/* The link that points to the entry of `id`, or to where it would be. */
static struct cache_entry **cache_link(struct cache *cache, uint64_t id) {
    struct cache_entry **link = &cache->buckets[id % CACHE_BUCKETS];
    while (*link != NULL && (*link)->record->deployment->id != id) {
        link = &(*link)->next;
    }
    return link;
}

struct deployment_record *cache_find(const struct cache *cache, uint64_t id) {
    for (struct cache_entry *entry = cache->buckets[id % CACHE_BUCKETS]; entry != NULL; entry = entry->next) {
        if (entry->record->deployment->id == id) {
            return entry->record;
        }
    }
    return NULL;
}

void cache_put(struct cache *cache, struct deployment_record *record) {
    cache_drop(cache, record->deployment->id);
    struct cache_entry **link = cache_link(cache, record->deployment->id);
    *link = mem_alloc(sizeof **link);
    (*link)->record = record;
}

/* The click that ends the rest often comes soon. The place of one that was active in between is not a newer one: then it goes
 * a little early. */
void cache_rest(struct cache *cache, uint64_t id) {
    const struct deployment_record *record = cache_find(cache, id);
    if (record == NULL || arena_used(record->arena) > LIMIT_CACHE_RESTING_BYTES) {
        cache_drop(cache, id);
        return;
    }
    const struct deployment_record *oldest = cache_find(cache, cache->resting[cache->next]);
    if (oldest != NULL && oldest != record && oldest->deployment->active == 0) {
        cache_drop(cache, cache->resting[cache->next]);
    }
    cache->resting[cache->next] = id;
    cache->next = (cache->next + 1) % LIMIT_CACHE_RESTING;
}

void cache_drop(struct cache *cache, uint64_t id) {
    struct cache_entry **link = cache_link(cache, id);
    struct cache_entry *entry = *link;
    if (entry != NULL) {
        *link = entry->next;
        deployment_record_free(entry->record);
        mem_free(entry);
    }
}

void cache_clear(struct cache *cache) {
    for (size_t i = 0; i < CACHE_BUCKETS; i++) {
        while (cache->buckets[i] != NULL) {
            cache_drop(cache, cache->buckets[i]->record->deployment->id);
        }
    }
}
