#ifndef GP_APP_ENGINE_EFFECTS_H
#define GP_APP_ENGINE_EFFECTS_H

/*
 * The decisions of one batch on their way into one commit. Private to the engine.
 */

#include <stdbool.h>

#include "core/deployment.h"
#include "store/inbox.h"
#include "store/store.h"

struct changed_deployment {
    uint64_t id;
    struct deployment *deployment; /* borrowed from the cache until the commit is sent */
    bool asked;                    /* a question of it is new in this commit */
};

struct closed_question {
    size_t precondition;
    uint64_t question;
};

struct changes {
    struct commit *commit;
    struct arena *arena;
    struct changed_deployment *deployments;
    size_t deployment_count;
    struct closed_question *closed;
    size_t closed_count;
    int64_t *timers; /* due times of new timers */
    size_t timer_count;
    size_t size; /* writes, roughly */
    bool asked;
    bool called; /* a rung has something to be called */
};

void changes_begin(struct changes *changes, struct store *store, struct leadership *leadership, struct arena *arena);
void changes_add(struct changes *changes, struct deployment *d, const struct event *event,
                 const struct decision *decision);
void changes_entry_done(struct changes *changes, const struct inbox_entry *entry);
void changes_postpone(struct changes *changes, const struct inbox_entry *timer, int64_t at_ms);
void changes_worker_gone(struct changes *changes, const char *worker);
bool changes_asked(const struct changes *changes, uint64_t deployment);
bool changes_full(const struct changes *changes);
bool changes_empty(const struct changes *changes);
void changes_drop(struct changes *changes);
void changes_commit(struct changes *changes, uint64_t next_question, commit_done *done, void *user);

/* The question whose precondition was refused, or 0. */
uint64_t changes_refused_question(const struct changes *changes, size_t precondition);

#endif
