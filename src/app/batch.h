#ifndef GP_APP_BATCH_H
#define GP_APP_BATCH_H

/*
 * A batch of inbox entries on its way through the leader, and the engine whose it is. Private to engine.c (leading),
 * batch_gather.c (what must be read for the entries) and batch_apply.c (the pure core, then the commit).
 */

#include "app/engine.h"
#include "base/arena.h"
#include "cache.h"
#include "engine_effects.h"
#include "observer.h"
#include "store/inbox.h"

enum { BATCH_CONFLICTS_MAX = 64 };

struct engine {
    struct engine_options options;
    struct leadership *leadership;
    struct inbox *inbox;
    struct observer *observer;
    struct cache *cache;
    struct timer *sweep_timer;
    uint64_t sweep_after;  /* where the next sweep goes on */
    struct timer *prepare; /* asks for next_question again */
    struct timer *again;   /* begins anew */
    int64_t restart_ms;    /* the pause before that; 0 = the last batch was committed */
    uint64_t next_question;
    bool leads;
    unsigned generation; /* of the leadership or the restart: late replies of an earlier one are dropped */
    struct batch *batch; /* under way, or NULL */
    uint64_t conflicts[BATCH_CONFLICTS_MAX]; /* questions known to be answered though the answer was not applied yet */
    size_t conflict_count;
    bool passed_over; /* entries that wait for an answer were left behind in the inbox */
    bool
        set_aside; /* so were entries about deployments that can't be understood: they are tried again with the next sweep */
};

/* One entry of the batch, with what had to be read for it. */
struct batch_entry {
    struct inbox_entry entry; /* texts in the batch's arena */
    struct owned_run *owned;  /* of INBOX_WORKER_GONE */
    size_t owned_count;
    uint64_t head; /* of INBOX_LANE: first of the lane, or 0 */
    bool done, deferred;
    bool aside; /* about a deployment that can't be understood: it stays where it is */
};

struct batch {
    struct engine *engine;
    struct arena *arena;
    struct batch_entry *entries;
    size_t count;
    uint64_t *wanted; /* deployments that are read for it */
    size_t wanted_count;
    size_t next;    /* the first entry that is not in a commit yet */
    size_t waiting; /* reads under way */
    bool failed;    /* a read failed */
    bool solved;    /* a conflict: what was passed over can be applied */
    unsigned generation;
    struct changes changes; /* of the commit under way */
};

/* From the start, with nothing but what is stored; now, or after a pause that grows. */
void engine_restart(void *user);
void engine_restart_later(struct engine *engine);

/* The inbox has a batch for us; user is the engine. */
void batch_read(const struct inbox_entry *entries, size_t count, void *user);

/* Reads the deployments that the entries from batch->next on are about, then applies them. */
void batch_gather(struct batch *batch);
void batch_apply(struct batch *batch);

#endif
