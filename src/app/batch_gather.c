/* Gather: what the entries of a batch are about is read before any of them is applied. */

#include "batch.h"

#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "store/queue.h"
#include "store/records.h"

static void batch_read_done(struct batch *batch) {
    if (--batch->waiting == 0) {
        batch_gather(batch);
    }
}

struct gather { /* a read for one entry */
    struct batch *batch;
    size_t index;
};

static struct gather *gather_create(struct batch *batch, size_t index) {
    struct gather *gather = arena_alloc(batch->arena, sizeof *gather);
    *gather = (struct gather){batch, index};
    batch->waiting++;
    return gather;
}

static void gather_lane(const uint64_t *ids, size_t count, uint64_t total, const struct err *err, void *user) {
    (void)total;
    struct gather *gather = user;
    gather->batch->failed = gather->batch->failed || err != NULL;
    gather->batch->entries[gather->index].head = count > 0 ? ids[0] : 0;
    batch_read_done(gather->batch);
}

static void gather_owned(const struct owned_run *runs, size_t count, const struct err *err, void *user) {
    struct gather *gather = user;
    struct batch_entry *entry = &gather->batch->entries[gather->index];
    gather->batch->failed = gather->batch->failed || err != NULL;
    entry->owned = arena_array(gather->batch->arena, count + 1, sizeof *runs);
    if (count > 0) {
        memcpy(entry->owned, runs, count * sizeof *runs);
    }
    entry->owned_count = count;
    batch_read_done(gather->batch);
}

/* Set aside: the others go on, and what is known of it stays in the inbox until it can be read, perhaps by a newer program. */
static void tell_unreadable(struct batch *batch) {
    struct store *store = batch->engine->options.store;
    for (size_t i = 0; i < batch->wanted_count; i++) {
        const char *why = store_why_unreadable(store, batch->wanted[i]);
        if (why != NULL) {
            log_error("a deployment is set aside", LOG_DEPLOYMENT(batch->wanted[i]), LOG_STR("why", why), LOG_END);
        }
    }
}

static void gather_records(struct deployment_record **records, size_t count, const struct err *err, void *user) {
    struct batch *batch = user;
    if (err != NULL) {
        log_error("what the inbox is about can't be read, trying again", LOG_ERR(err), LOG_END);
        batch->failed = true;
    }
    for (size_t i = 0; i < count; i++) {
        if (batch->generation == batch->engine->generation) {
            cache_put(batch->engine->cache, records[i]);
        } else {
            deployment_record_free(records[i]);
        }
    }
    tell_unreadable(batch);
    batch_apply(batch);
}

static void batch_want(struct batch *batch, uint64_t id) {
    if (id == 0 || cache_find(batch->engine->cache, id) != NULL) {
        return;
    }
    for (size_t i = 0; i < batch->wanted_count; i++) {
        if (batch->wanted[i] == id) {
            return;
        }
    }
    batch->wanted = arena_push(batch->arena, batch->wanted, batch->wanted_count, sizeof *batch->wanted);
    batch->wanted[batch->wanted_count++] = id;
}

/* Lanes and owned runs are known, or could not be read; now the deployments themselves. */
void batch_gather(struct batch *batch) {
    batch->wanted = NULL;
    batch->wanted_count = 0;
    for (size_t i = batch->next; i < batch->count && !batch->failed; i++) {
        struct batch_entry *e = &batch->entries[i];
        batch_want(batch, e->entry.deployment);
        batch_want(batch, e->head);
        for (size_t k = 0; k < e->owned_count; k++) {
            batch_want(batch, e->owned[k].deployment);
        }
    }
    if (batch->wanted_count == 0) {
        batch_apply(batch);
    } else {
        store_load_deployments(batch->engine->options.store, batch->wanted, batch->wanted_count, gather_records, batch);
    }
}

static struct inbox_entry entry_copy(const struct inbox_entry *entry, struct arena *arena) {
    struct inbox_entry copy = *entry;
    copy.id = arena_strdup(arena, entry->id);
    copy.timer = arena_strdup(arena, entry->timer);
    copy.project = arena_strdup(arena, entry->project);
    copy.environment = arena_strdup(arena, entry->environment);
    copy.worker = arena_strdup(arena, entry->worker);
    copy.event.worker = arena_strdup(arena, entry->event.worker);
    copy.event.host = arena_strdup(arena, entry->event.host);
    copy.event.excerpt = arena_strdup(arena, entry->event.excerpt);
    copy.event.actor = arena_strdup(arena, entry->event.actor);
    copy.event.via = arena_strdup(arena, entry->event.via);
    copy.event.note = arena_strdup(arena, entry->event.note);
    return copy;
}

/* The inbox has a batch for us. */
void batch_read(const struct inbox_entry *entries, size_t count, void *user) {
    struct engine *engine = user;
    struct batch *batch = mem_alloc(sizeof *batch);
    batch->engine = engine;
    batch->arena = arena_create();
    batch->generation = engine->generation;
    batch->entries = arena_array(batch->arena, count + 1, sizeof *batch->entries);
    batch->count = count;
    batch->waiting = 1;
    engine->batch = batch;
    for (size_t i = 0; i < count; i++) {
        struct batch_entry *e = &batch->entries[i];
        e->entry = entry_copy(&entries[i], batch->arena);
        if (entries[i].kind == INBOX_LANE) {
            store_list_lane(engine->options.store, e->entry.project, e->entry.environment, gather_lane,
                            gather_create(batch, i));
        } else if (entries[i].kind == INBOX_WORKER_GONE) {
            store_list_owned(engine->options.store, e->entry.worker, gather_owned, gather_create(batch, i));
        }
    }
    batch_read_done(batch);
}
