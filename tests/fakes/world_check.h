#ifndef GP_TESTS_WORLD_CHECK_H
#define GP_TESTS_WORLD_CHECK_H

/* What must hold after every event: of the decision before it is carried out, and of the state after. */

#include "world.h"

void world_check_decision(const struct world *world, const struct deployment *before, const struct event *event);
void world_check_state(const struct world *world, const struct deployment *before);

#endif
