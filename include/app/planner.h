#ifndef GP_APP_PLANNER_H
#define GP_APP_PLANNER_H

/* From the configuration and the words of a request to a frozen plan. */

#include "config/config.h"
#include "core/command.h"
#include "core/plan.h"

/* Checks names ("did you mean"), choices and inputs, and resolves guided failure for each step. Everything is copied into the arena.
 * ret_inputs: the inputs as a JSON object, defaults filled in; NULL if the project has none. */
int planner_build(const struct config *config, const struct command *command, struct arena *arena,
                  struct plan **ret_plan, const char **ret_inputs, struct err *err) MUST_USE;

/* What would run where, as text, for --dry-run. */
void planner_describe(const struct plan *plan, const char *version, struct buf *out);

#endif
