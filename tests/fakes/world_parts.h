#ifndef GP_TESTS_WORLD_PARTS_H
#define GP_TESTS_WORLD_PARTS_H

/* What the parts of a world need of each other: world.c has the leader, the people and what happens next, world_plan.c
 * the plan, world_workers.c the workers with their processes. */

#include "world.h"

bool world_chance(struct world *world, uint64_t percent);
struct world_run *world_run_of(struct world *world, size_t step, size_t slot);
const char *world_worker_name(struct world *world, uint32_t worker);

/* Any plan. */
void world_plan_choose(struct world *world);

/* The leader applies it, and carries out what follows; again, if something else was recorded before. */
void world_lead(struct world *world, struct event event);

/* One thing that the run's claim and process let happen. False if there is none. */
bool world_run_moves(struct world *world, size_t step, size_t slot);

#endif
