/*
 * Apply: the entries of a batch go through the pure core, one after the other, and what follows from them into one commit. If
 * that was refused, everything begins anew from what is stored.
 */

#include "batch.h"

#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "store/records.h"

enum { SWEEP_SOON_MS = 50 };

enum applied { APPLIED, APPLIED_FULL, APPLIED_WAIT, APPLIED_ASIDE };

static void batch_free(struct batch *batch) {
    arena_destroy(batch->arena);
    mem_free(batch);
}

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

/* While it still has the question. */
static void note_answer(const struct deployment *d, const struct event *event) {
    const struct question *question = deployment_question(d, event->question);
    if (question != NULL && event->now_ms >= question->asked_ms) {
        metric_observe(METRIC_ANSWER_SECONDS, (double)(event->now_ms - question->asked_ms) / 1000, d->plan->environment,
                       NULL, NULL);
    }
}

static enum applied apply_event(struct batch *batch, uint64_t id, const struct event *event) {
    struct engine *engine = batch->engine;
    struct deployment_record *record = cache_find(engine->cache, id);
    if (record == NULL) {
        bool there = store_why_unreadable(engine->options.store, id) != NULL;
        return there ? APPLIED_ASIDE : APPLIED; /* If it is gone, nothing can follow from the fact. */
    }
    struct deployment *d = record->deployment;
    if (must_wait(engine, d, event)) {
        return APPLIED_WAIT;
    }
    if (changes_asked(&batch->changes, id)) {
        return APPLIED_FULL; /* A question must be stored before anything can close it. */
    }
    if (event->kind == EVENT_ANSWERED) {
        note_answer(d, event);
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

static enum applied apply_lost(struct batch *batch, const struct owned_run *run, const char *worker) {
    struct deployment_record *record = cache_find(batch->engine->cache, run->deployment);
    struct event event = {
        .kind = EVENT_WORKER_LOST,
        .now_ms = clock_wall_ms(),
        .step = run->step,
        .slot = run->slot,
        .worker = worker,
    };
    if (record != NULL) {
        const struct plan *plan = record->deployment->plan;
        if (run->step >= plan->step_count || run->slot >= plan->steps[run->step].slot_count) {
            return APPLIED;
        }
        event.attempt = deployment_run(record->deployment, run->step, run->slot)->attempt;
    }
    return apply_event(batch, run->deployment, &event);
}

/* One after the other; those that are set aside are kept for later. */
static enum applied apply_worker_gone(struct batch *batch, struct batch_entry *e) {
    size_t aside = 0;
    while (e->owned_count > aside) {
        struct owned_run *run = &e->owned[e->owned_count - 1];
        enum applied applied = apply_lost(batch, run, e->entry.worker);
        if (applied == APPLIED_ASIDE) {
            const struct owned_run kept = *run;
            *run = e->owned[aside];
            e->owned[aside++] = kept;
            continue;
        }
        if (applied != APPLIED) {
            return applied;
        }
        e->owned_count--;
    }
    if (aside > 0) {
        return APPLIED_ASIDE;
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

/* An entry stays in the inbox, and a timer comes again: whoever can read the deployment one day has lost nothing. */
static void entry_set_aside(struct batch *batch, struct batch_entry *e) {
    e->aside = true;
    batch->engine->set_aside = true;
    if (e->entry.timer != NULL) {
        changes_postpone(&batch->changes, &e->entry, clock_wall_ms() + LIMIT_SWEEP_MS);
    }
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
void batch_apply(struct batch *batch) {
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
            if (e->done || e->aside || (round == 1 && !e->deferred)) {
                continue;
            }
            enum applied applied = apply_entry(batch, e);
            full = applied == APPLIED_FULL || changes_full(&batch->changes);
            e->deferred = applied == APPLIED_WAIT;
            e->done = applied == APPLIED;
            if (e->done) {
                changes_entry_done(&batch->changes, &e->entry);
            } else if (applied == APPLIED_ASIDE) {
                entry_set_aside(batch, e);
            }
        }
    }
    while (batch->next < batch->count && (batch->entries[batch->next].done || batch->entries[batch->next].aside)) {
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
        if (record != NULL && deployment_is_final(record->deployment->state)) {
            cache_drop(engine->cache, id);
        } else if (record != NULL && record->deployment->active == 0) {
            cache_rest(engine->cache, id);
        }
    }
    if (batch->changes.called && engine->options.escalates != NULL) {
        engine->options.escalates(engine->options.user);
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
            batch_gather(batch);
        } else {
            batch_over(batch);
        }
        return;
    }
    uint64_t question =
        reply->result == COMMIT_REFUSED ? changes_refused_question(&batch->changes, reply->precondition) : 0;
    bool learned = question != 0 && !conflict_known(engine, question) && engine->conflict_count < BATCH_CONFLICTS_MAX;
    if (learned) {
        engine->conflicts[engine->conflict_count++] = question;
    }
    log_debug("a commit was not done: from the start", LOG_INT("result", reply->result),
              LOG_INT("precondition", reply->precondition), LOG_QUESTION(question), LOG_END);
    batch_end(batch, learned ? BATCH_ANEW : BATCH_FAILED);
}
