#ifndef GP_APP_PLANNER_H
#define GP_APP_PLANNER_H

/* From the configuration and the words of a request to a frozen plan. */

#include "base/json.h"
#include "config/config.h"
#include "core/command.h"
#include "core/plan.h"

/* Checks names ("did you mean"), choices and inputs, and resolves guided failure for each step. Everything is copied into the arena.
 * ret_inputs: the inputs as a JSON object, defaults filled in; NULL if the project has none. Required inputs that are missing are asked
 * for with the whole command to write; a dry run may leave them out. */
int planner_build(const struct config *config, const struct command *command, struct arena *arena,
                  struct plan **ret_plan, const char **ret_inputs, struct err *err) MUST_USE;

/* Whether a step of the project runs on the machine in this environment. */
bool planner_wants(const struct config_project *project, const struct config_environment *environment,
                   const struct config_target *target);

/* What would run where, in which order, and what would not: as text, and as JSON (docs/API.md, Preview). The command is the one
 * that the plan was made of. */
void planner_describe(const struct config *config, const struct command *command, const struct plan *plan,
                      struct buf *out);
void planner_write_preview(const struct config *config, const struct command *command, const struct plan *plan,
                           struct json_out *out);

#endif
