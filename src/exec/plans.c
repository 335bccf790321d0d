#include "plans.h"

#include <string.h>

#include "base/mem.h"
#include "base/str.h"

enum { PLANS_KEPT = 16 };

struct plans {
    struct shared_plan *kept[PLANS_KEPT]; /* the latest first; held; NULL behind the last */
};

struct plans *plans_create(void) {
    return mem_alloc(sizeof(struct plans));
}

void plans_destroy(struct plans *plans) {
    for (size_t i = 0; i < PLANS_KEPT; i++) {
        plan_release(plans->kept[i]);
    }
    mem_free(plans);
}

/* Puts a plan in front of those before `end`. */
static void plans_put_first(struct plans *plans, struct shared_plan *plan, size_t end) {
    memmove(plans->kept + 1, plans->kept, end * sizeof *plans->kept);
    plans->kept[0] = plan;
}

struct shared_plan *plans_find(struct plans *plans, const char *hash) {
    for (size_t i = 0; i < PLANS_KEPT && plans->kept[i] != NULL; i++) {
        struct shared_plan *plan = plans->kept[i];
        if (str_equal(plan->hash, hash)) {
            plans_put_first(plans, plan, i);
            plan->holders++;
            return plan;
        }
    }
    return NULL;
}

struct shared_plan *plans_add(struct plans *plans, const char *hash, const struct plan *plan, struct arena *arena) {
    struct shared_plan *there = plans_find(plans, hash);
    if (there != NULL) { /* It was asked for several times at once. */
        arena_destroy(arena);
        return there;
    }
    struct shared_plan *added = arena_alloc(arena, sizeof *added);
    *added = (struct shared_plan){plan, arena, arena_strdup(arena, hash), 2};
    plan_release(plans->kept[PLANS_KEPT - 1]);
    plans_put_first(plans, added, PLANS_KEPT - 1);
    return added;
}

void plan_release(struct shared_plan *plan) {
    if (plan != NULL && --plan->holders == 0) {
        arena_destroy(plan->arena);
    }
}
