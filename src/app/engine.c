/*
 * The leader. A batch goes through four steps: gather (read the deployments that its entries are about), apply (the pure core, one
 * entry after the other), commit (one atomic script), and either the next batch or, when the commit was refused, everything anew from
 * what is stored. Nothing else in the program changes a deployment.
 */

#include "app/engine.h"

#include <string.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "base/str.h"
#include "cache.h"
#include "engine_effects.h"
#include "observer.h"
#include "store/inbox.h"
#include "store/numbering.h"
#include "store/queue.h"
#include "store/records.h"
#include "store/retention.h"

enum {
    CONFLICTS_MAX = 64,
    SWEEP_SOON_MS = 50,
    RESTART_MS = 20, /* after a first failure; doubled with each that follows */
    RESTART_MAX_MS = 1000,
};

struct engine {
    struct engine_options options;
    struct leadership *leadership;
    struct inbox *inbox;
    struct observer *observer;
    struct cache *cache;
    struct timer *sweep_timer;
    struct timer *prepare; /* asks for next_question again */
    struct timer *again;   /* begins anew */
    int64_t restart_ms;    /* the pause before that; 0 = the last batch was committed */
    uint64_t next_question;
    bool leads;
    unsigned generation; /* of the leadership or the restart: late replies of an earlier one are dropped */
    struct batch *batch; /* under way, or NULL */
    uint64_t conflicts[CONFLICTS_MAX]; /* questions known to be answered though the answer was not applied yet */
    size_t conflict_count;
    bool passed_over; /* entries that wait for an answer were left behind in the inbox */
};

/* One entry of the batch, with what had to be read for it. */
struct batch_entry {
    struct inbox_entry entry; /* texts in the batch's arena */
    struct owned_run *owned;  /* of INBOX_WORKER_GONE */
    size_t owned_count;
    uint64_t head; /* of INBOX_LANE: first of the lane, or 0 */
    bool done, deferred;
};

struct batch {
    struct engine *engine;
    struct arena *arena;
    struct batch_entry *entries;
    size_t count;
    size_t next;    /* the first entry that is not in a commit yet */
    size_t waiting; /* reads under way */
    bool failed;    /* a read failed */
    bool solved;    /* a conflict: what was passed over can be applied */
    unsigned generation;
    struct changes changes; /* of the commit under way */
};

static void batch_gathered(struct batch *batch);
static void batch_apply(struct batch *batch);

/* --- leading ------------------------------------------------------------------------------------------------ */

static void batch_free(struct batch *batch) {
    arena_destroy(batch->arena);
    mem_free(batch);
}

/* From the start, with nothing but what is stored. */
static void engine_restart(void *user) {
    struct engine *engine = user;
    cache_clear(engine->cache);
    engine->generation++;
    engine->passed_over = false;
    inbox_restart(engine->inbox);
}

/* While Redis can't be read or written there is no use in asking it without a pause. */
static void engine_restart_later(struct engine *engine) {
    int64_t doubled = 2 * engine->restart_ms;
    engine->restart_ms = doubled == 0 ? RESTART_MS : doubled < RESTART_MAX_MS ? doubled : RESTART_MAX_MS;
    timer_start(engine->again, engine->restart_ms);
}

static void engine_retired(size_t removed, const struct err *err, void *user) {
    (void)user;
    if (err == NULL && removed > 0) {
        log_info("old deployments were removed", LOG_INT("count", removed), LOG_END);
    }
}

static void engine_swept(const struct sweep_counts *counts, const struct err *err, void *user) {
    struct engine *engine = user;
    if (err == NULL && counts->jobs + counts->lanes + counts->entries + counts->timers > 0) {
        log_info("sweeper put back what the streams lacked", LOG_INT("jobs", counts->jobs),
                 LOG_INT("lanes", counts->lanes), LOG_INT("entries", counts->entries),
                 LOG_INT("timers", counts->timers), LOG_END);
    }
    if (!engine->leads) {
        return;
    }
    timer_start(engine->sweep_timer, LIMIT_SWEEP_MS);
    if (engine->options.retention_ms > 0) {
        store_retire(engine->options.store, engine->leadership, clock_wall_ms() - engine->options.retention_ms,
                     engine_retired, NULL);
    }
}

static void engine_sweep(void *user) {
    struct engine *engine = user;
    if (engine->leads) {
        store_sweep(engine->options.store, engine->leadership, engine_swept, engine);
    }
}

static void engine_begin(uint64_t next_question, const struct err *err, void *user);

static void engine_prepare(void *user) {
    struct engine *engine = user;
    store_load_numbering(engine->options.store, engine_begin, engine);
}

/* The number of the next question has come: the engine can begin. */
static void engine_begin(uint64_t next_question, const struct err *err, void *user) {
    struct engine *engine = user;
    if (!engine->leads) {
        return;
    }
    if (err != NULL) {
        timer_start(engine->prepare, RESTART_MAX_MS);
        return;
    }
    engine->next_question = next_question;
    engine->conflict_count = 0;
    engine->restart_ms = 0;
    engine_restart(engine);
    observer_start(engine->observer);
    timer_start(engine->sweep_timer, 0);
    if (engine->options.leads != NULL) {
        engine->options.leads(true, engine->options.user);
    }
}

static void engine_gained(void *user) {
    struct engine *engine = user;
    log_info("leads", LOG_STR("token", engine->options.token), LOG_END);
    engine->leads = true;
    engine_prepare(engine);
}

static void engine_deposed(void *user) {
    struct engine *engine = user;
    if (!engine->leads) {
        return;
    }
    log_info("no longer leads", LOG_STR("token", engine->options.token), LOG_END);
    engine->leads = false;
    engine->generation++;
    inbox_pause(engine->inbox);
    observer_stop(engine->observer);
    timer_stop(engine->sweep_timer);
    timer_stop(engine->prepare);
    timer_stop(engine->again);
    cache_clear(engine->cache);
    if (engine->options.leads != NULL) {
        engine->options.leads(false, engine->options.user);
    }
}

static bool engine_surely_dead(const char *token, void *user) {
    struct engine *engine = user;
    return engine->options.surely_dead != NULL && engine->options.surely_dead(token, engine->options.user);
}

/* --- gather ------------------------------------------------------------------------------------------------- */

static void batch_read_done(struct batch *batch) {
    if (--batch->waiting == 0) {
        batch_gathered(batch);
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
    batch_apply(batch);
}

static void batch_want(struct batch *batch, uint64_t **ids, size_t *count, uint64_t id) {
    if (id == 0 || cache_find(batch->engine->cache, id) != NULL) {
        return;
    }
    for (size_t i = 0; i < *count; i++) {
        if ((*ids)[i] == id) {
            return;
        }
    }
    *ids = arena_push(batch->arena, *ids, *count, sizeof **ids);
    (*ids)[(*count)++] = id;
}

/* Lanes and owned runs are known, or could not be read; now the deployments themselves. */
static void batch_gathered(struct batch *batch) {
    uint64_t *ids = NULL;
    size_t count = 0;
    for (size_t i = batch->next; i < batch->count && !batch->failed; i++) {
        struct batch_entry *e = &batch->entries[i];
        batch_want(batch, &ids, &count, e->entry.deployment);
        batch_want(batch, &ids, &count, e->head);
        for (size_t k = 0; k < e->owned_count; k++) {
            batch_want(batch, &ids, &count, e->owned[k].deployment);
        }
    }
    if (count == 0) {
        batch_apply(batch);
    } else {
        store_load_deployments(batch->engine->options.store, ids, count, gather_records, batch);
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
static void engine_read(const struct inbox_entry *entries, size_t count, void *user) {
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

/* --- apply -------------------------------------------------------------------------------------------------- */

static bool conflict_known(const struct engine *engine, uint64_t question) {
    for (size_t i = 0; i < engine->conflict_count; i++) {
        if (engine->conflicts[i] == question) {
            return true;
        }
    }
    return false;
}

static bool conflict_solved(struct engine *engine, uint64_t question) {
    for (size_t i = 0; i < engine->conflict_count; i++) {
        if (engine->conflicts[i] == question) {
            engine->conflicts[i] = engine->conflicts[--engine->conflict_count];
            return true;
        }
    }
    return false;
}

/* A fact that could close a question whose answer was accepted first must wait until that answer was applied. */
static bool must_wait(const struct engine *engine, const struct deployment *d, const struct event *event) {
    if (event->kind == EVENT_ANSWERED || event->kind == EVENT_CLAIMED || engine->conflict_count == 0) {
        return false;
    }
    for (size_t i = 0; i < d->question_count; i++) {
        if (conflict_known(engine, d->questions[i].id)) {
            return true;
        }
    }
    return false;
}

enum applied { APPLIED, APPLIED_FULL, APPLIED_WAIT };

static enum applied apply_event(struct batch *batch, uint64_t id, const struct event *event) {
    struct engine *engine = batch->engine;
    struct deployment_record *record = cache_find(engine->cache, id);
    if (record == NULL) {
        return APPLIED; /* It is gone: nothing can follow from the fact. */
    }
    struct deployment *d = record->deployment;
    if (must_wait(engine, d, event)) {
        return APPLIED_WAIT;
    }
    if (changes_asked(&batch->changes, id)) {
        return APPLIED_FULL; /* A question must be stored before anything can close it. */
    }
    struct decision decision;
    deployment_apply(d, event, &engine->next_question, batch->arena, &decision);
    if (event->kind == EVENT_ANSWERED && conflict_solved(engine, event->question)) {
        batch->solved = true;
    }
    if (event->kind == EVENT_CLAIMED || event->kind == EVENT_ADOPTED) {
        observer_expect(engine->observer, event->worker);
    }
    changes_add(&batch->changes, d, event, &decision);
    return APPLIED;
}

static enum applied apply_worker_gone(struct batch *batch, struct batch_entry *e) {
    for (; e->owned_count > 0; e->owned_count--) {
        const struct owned_run *run = &e->owned[e->owned_count - 1];
        struct deployment_record *record = cache_find(batch->engine->cache, run->deployment);
        if (record == NULL || run->step >= record->deployment->plan->step_count ||
            run->slot >= record->deployment->plan->steps[run->step].slot_count) {
            continue;
        }
        struct event event = {
            .kind = EVENT_WORKER_LOST,
            .now_ms = clock_wall_ms(),
            .step = run->step,
            .slot = run->slot,
            .attempt = deployment_run(record->deployment, run->step, run->slot)->attempt,
            .worker = e->entry.worker,
        };
        enum applied applied = apply_event(batch, run->deployment, &event);
        if (applied != APPLIED) {
            return applied;
        }
    }
    changes_worker_gone(&batch->changes, e->entry.worker);
    observer_forget(batch->engine->observer, e->entry.worker);
    /* What it had read and not claimed lies in its list of pending jobs, which only the sweep looks into. */
    timer_start(batch->engine->sweep_timer, SWEEP_SOON_MS);
    return APPLIED;
}

static enum applied apply_entry(struct batch *batch, struct batch_entry *e) {
    switch (e->entry.kind) {
    case INBOX_EVENT:
        return apply_event(batch, e->entry.deployment, &e->entry.event);
    case INBOX_TIMER: {
        struct event event = e->entry.event;
        event.now_ms = clock_wall_ms();
        return apply_event(batch, e->entry.deployment, &event);
    }
    case INBOX_LANE: {
        struct event event = {.kind = EVENT_ADMITTED, .now_ms = clock_wall_ms()};
        return e->head == 0 ? APPLIED : apply_event(batch, e->head, &event);
    }
    case INBOX_WORKER_GONE:
        return apply_worker_gone(batch, e);
    case INBOX_BROKEN:
        log_error("an inbox entry could not be understood, ignoring", LOG_STR("entry", e->entry.id), LOG_END);
        return APPLIED;
    }
    return APPLIED;
}

static void batch_committed(const struct commit_reply *reply, void *user);

enum batch_fate { BATCH_OVER, BATCH_ANEW, BATCH_FAILED };

static void batch_end(struct batch *batch, enum batch_fate fate) {
    struct engine *engine = batch->engine;
    bool current = batch->generation == engine->generation && engine->leads;
    if (engine->batch == batch) {
        engine->batch = NULL;
    }
    batch_free(batch);
    if (!current) {
        return;
    }
    switch (fate) {
    case BATCH_OVER:
        engine->restart_ms = 0;
        inbox_next(engine->inbox);
        break;
    case BATCH_ANEW:
        engine_restart(engine);
        break;
    case BATCH_FAILED:
        engine_restart_later(engine);
        break;
    }
}

/* What is left waits for an answer that is further on in the inbox. Once that was applied, all is read again. */
static void batch_over(struct batch *batch) {
    struct engine *engine = batch->engine;
    engine->passed_over = engine->passed_over || batch->next < batch->count;
    batch_end(batch, engine->passed_over && batch->solved ? BATCH_ANEW : BATCH_OVER);
}

/* Entries in order until the commit is full; what had to wait for an answer further on comes after it. */
static void batch_apply(struct batch *batch) {
    struct engine *engine = batch->engine;
    if (batch->failed || batch->generation != engine->generation || !engine->leads) {
        batch_end(batch, BATCH_FAILED);
        return;
    }
    changes_begin(&batch->changes, engine->options.store, engine->leadership, batch->arena);
    bool full = false;
    for (int round = 0; round < 2 && !full; round++) {
        for (size_t i = batch->next; i < batch->count && !full; i++) {
            struct batch_entry *e = &batch->entries[i];
            if (e->done || (round == 1 && !e->deferred)) {
                continue;
            }
            enum applied applied = apply_entry(batch, e);
            full = applied == APPLIED_FULL || changes_full(&batch->changes);
            e->deferred = applied == APPLIED_WAIT;
            e->done = applied == APPLIED;
            if (e->done) {
                changes_entry_done(&batch->changes, &e->entry);
            }
        }
    }
    while (batch->next < batch->count && batch->entries[batch->next].done) {
        batch->next++;
    }
    if (changes_empty(&batch->changes)) {
        changes_drop(&batch->changes);
        if (batch->entries[batch->count - 1].entry.timer != NULL) {
            batch_end(batch, BATCH_FAILED); /* Nothing but timers, which come with each batch: not without a pause. */
        } else {
            batch_over(batch);
        }
        return;
    }
    changes_commit(&batch->changes, engine->next_question, batch_committed, batch);
}

/* --- commit --------------------------------------------------------------------------------------------------- */

static void batch_made_known(struct batch *batch) {
    struct engine *engine = batch->engine;
    for (size_t i = 0; i < batch->changes.deployment_count; i++) {
        uint64_t id = batch->changes.deployments[i].id;
        struct deployment_record *record = cache_find(engine->cache, id);
        if (record != NULL && record->deployment->active == 0) {
            cache_drop(engine->cache, id);
        }
    }
    for (size_t i = 0; i < batch->changes.timer_count; i++) {
        inbox_timer_hint(engine->inbox, batch->changes.timers[i]);
    }
}

static void batch_committed(const struct commit_reply *reply, void *user) {
    struct batch *batch = user;
    struct engine *engine = batch->engine;
    if (batch->generation != engine->generation) {
        batch_end(batch, BATCH_ANEW);
        return;
    }
    if (reply->result == COMMIT_DONE) {
        batch_made_known(batch);
        if (batch->next < batch->count) {
            batch->waiting = 0;
            batch_gathered(batch);
        } else {
            batch_over(batch);
        }
        return;
    }
    uint64_t question =
        reply->result == COMMIT_REFUSED ? changes_refused_question(&batch->changes, reply->precondition) : 0;
    bool learned = question != 0 && !conflict_known(engine, question) && engine->conflict_count < CONFLICTS_MAX;
    if (learned) {
        engine->conflicts[engine->conflict_count++] = question;
    }
    log_debug("a commit was not done: from the start", LOG_INT("result", reply->result),
              LOG_INT("precondition", reply->precondition), LOG_QUESTION(question), LOG_END);
    batch_end(batch, learned ? BATCH_ANEW : BATCH_FAILED);
}

/* --- the outside ------------------------------------------------------------------------------------------------ */

struct engine *engine_create(const struct engine_options *options) {
    struct engine *engine = mem_alloc(sizeof *engine);
    engine->options = *options;
    engine->cache = cache_create();
    engine->sweep_timer = loop_timer(options->loop, engine_sweep, engine);
    engine->prepare = loop_timer(options->loop, engine_prepare, engine);
    engine->again = loop_timer(options->loop, engine_restart, engine);
    engine->observer = observer_create(options->loop, options->store, options->lost_after_ms);
    engine->inbox = inbox_create(options->loop, options->store, engine_read, engine);
    engine->leadership = leadership_create(options->loop, options->store,
                                           &(struct leadership_options){
                                               .token = options->token,
                                               .surely_dead = engine_surely_dead,
                                               .gained = engine_gained,
                                               .lost = engine_deposed,
                                               .user = engine,
                                           });
    return engine;
}

void engine_stop(struct engine *engine) {
    engine_deposed(engine);
    leadership_resign(engine->leadership);
}

void engine_destroy(struct engine *engine) {
    if (engine == NULL) {
        return;
    }
    leadership_destroy(engine->leadership);
    inbox_destroy(engine->inbox);
    observer_destroy(engine->observer);
    timer_destroy(engine->sweep_timer);
    timer_destroy(engine->prepare);
    timer_destroy(engine->again);
    cache_destroy(engine->cache);
    mem_free(engine);
}

bool engine_leads(const struct engine *engine) {
    return engine->leads;
}

void engine_ready(struct engine *engine, bool rolled_back) {
    if (engine->leads && rolled_back) {
        store_load_numbering(engine->options.store, engine_begin, engine);
    } else if (engine->leads) {
        observer_start(engine->observer);
    }
}
