#ifndef GP_EXEC_PLANS_H
#define GP_EXEC_PLANS_H

/*
 * The plans that were needed last, so that not every run of a deployment reads and parses its plan. The name of a plan
 * is the digest of its text: what it names never changes.
 */

#include "base/arena.h"
#include "core/plan.h"

struct shared_plan {
    const struct plan *plan;
    struct arena *arena; /* owned; the hash and the plan lie in it */
    const char *hash;
    unsigned holders;
};

struct plans;

struct plans *plans_create(void);
void plans_destroy(struct plans *plans); /* What is still held stays until it is released. */

/* Both hold the plan for the caller, and make it the latest. NULL: it must be loaded. plans_add takes the arena over. */
struct shared_plan *plans_find(struct plans *plans, const char *hash);
struct shared_plan *plans_add(struct plans *plans, const char *hash, const struct plan *plan, struct arena *arena);
void plan_release(struct shared_plan *plan); /* NULL is fine */

#endif
