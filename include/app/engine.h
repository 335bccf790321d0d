#ifndef GP_APP_ENGINE_H
#define GP_APP_ENGINE_H

/*
 * The leader's work: drain the inbox, apply the core, commit. Every server process has an engine; only the one that holds the
 * leadership works. A commit that is refused throws the values away and begins again from what is stored.
 */

#include <stdbool.h>
#include <stdint.h>

#include "net/loop.h"
#include "store/store.h"

struct engine_options {
    struct loop *loop;
    struct store *store;
    const char *token;     /* of this process, for the leadership */
    int64_t lost_after_ms; /* a worker silent for so long is lost */
    int64_t retention_ms;  /* how long a deployment is kept after its end; 0 = for ever */
    bool (*surely_dead)(const char *token, void *user);
    /* This process leads from now on, or no longer. May be NULL. */
    void (*leads)(bool leads, void *user);
    /* A rung was climbed that has something to call. May be NULL. */
    void (*escalates)(void *user);
    void *user;
};

struct engine;
struct engine *engine_create(const struct engine_options *options);

/* Begins no more work and gives the leadership up, so that another process can take over at once. */
void engine_stop(struct engine *engine);

/* After the store was destroyed: work under way has ended with it. */
void engine_destroy(struct engine *engine);
bool engine_leads(const struct engine *engine);
/* It leads, and no other process can have taken over unseen. */
bool engine_leads_surely(const struct engine *engine);
/* The commit is refused if another process leads by then. */
void engine_fence(const struct engine *engine, struct commit *commit);
/* The store is ready again: silence is counted anew. After a rollback what is known of deployments is forgotten. */
void engine_ready(struct engine *engine, bool rolled_back);

#endif
