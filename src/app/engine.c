/*
 * The leader. A batch goes through four steps: gather (read the deployments that its entries are about), apply (the pure core, one
 * entry after the other), commit (one atomic script), and either the next batch or, when the commit was refused, everything anew from
 * what is stored. Nothing else in the program changes a deployment.
 */

#include "app/engine.h"

#include "batch.h"

#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/mem.h"
#include "store/numbering.h"
#include "store/records.h"
#include "store/retention.h"

enum {
    RESTART_MS = 20, /* after a first failure; doubled with each that follows */
    RESTART_MAX_MS = 1000,
};

/* --- leading ------------------------------------------------------------------------------------------------ */

/* From the start, with nothing but what is stored. */
void engine_restart(void *user) {
    struct engine *engine = user;
    cache_clear(engine->cache);
    engine->generation++;
    engine->passed_over = false;
    engine->set_aside = false;
    inbox_restart(engine->inbox);
}

/* While Redis can't be read or written there is no use in asking it without a pause. */
void engine_restart_later(struct engine *engine) {
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
    if (err == NULL) {
        engine->sweep_after = counts->after;
    }
    timer_start(engine->sweep_timer, LIMIT_SWEEP_MS);
    if (engine->set_aside) {
        engine_restart(engine);
    }
    if (engine->options.retention_ms > 0) {
        store_retire(engine->options.store, engine->leadership, clock_wall_ms() - engine->options.retention_ms,
                     engine_retired, NULL);
    }
}

static void engine_sweep(void *user) {
    struct engine *engine = user;
    if (engine->leads) {
        store_sweep(engine->options.store, engine->leadership, engine->sweep_after, engine_swept, engine);
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
    engine->sweep_after = SWEEP_ALL;
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

/* --- the outside ------------------------------------------------------------------------------------------------ */

struct engine *engine_create(const struct engine_options *options) {
    struct engine *engine = mem_alloc(sizeof *engine);
    engine->options = *options;
    engine->cache = cache_create();
    engine->sweep_timer = loop_timer(options->loop, engine_sweep, engine);
    engine->prepare = loop_timer(options->loop, engine_prepare, engine);
    engine->again = loop_timer(options->loop, engine_restart, engine);
    engine->observer = observer_create(options->loop, options->store, options->lost_after_ms);
    engine->inbox = inbox_create(options->loop, options->store, batch_read, engine);
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

bool engine_leads_surely(const struct engine *engine) {
    return engine->leads && leadership_is_sure(engine->leadership);
}

void engine_fence(const struct engine *engine, struct commit *commit) {
    (void)commit_require_leader(commit, engine->leadership);
}

void engine_ready(struct engine *engine, bool rolled_back) {
    if (engine->leads && rolled_back) {
        store_load_numbering(engine->options.store, engine_begin, engine);
    } else if (engine->leads) {
        observer_start(engine->observer);
    }
}
