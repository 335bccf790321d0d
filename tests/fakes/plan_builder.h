#ifndef GP_TESTS_PLAN_BUILDER_H
#define GP_TESTS_PLAN_BUILDER_H

/* Plans for tests of what lies above them: each step is on, guided with 10 retries and runs everything at once, until
 * the test says otherwise on the step that it is given. */

#include "core/plan.h"

enum { PLAN_BUILDER_STEPS = 16, PLAN_BUILDER_PARALLEL = 100 };

/* "webshop to production" with targets web-1, web-2, ... */
struct plan *plan_builder_create(struct arena *arena, size_t target_count);

/* A step on the worker, and one on all targets. */
struct plan_step *plan_builder_step(struct plan *plan, const char *name);
struct plan_step *plan_builder_step_on_all(struct plan *plan, const char *name, struct arena *arena);

/* A step on the targets [first, first + count). */
struct plan_step *plan_builder_step_on(struct plan *plan, const char *name, size_t first, size_t count,
                                       struct arena *arena);

/* The steps [first, last] are a group. */
void plan_builder_group(struct plan *plan, const char *group, size_t first, size_t last);

#endif
