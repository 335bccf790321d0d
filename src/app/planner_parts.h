#ifndef GP_APP_PLANNER_PARTS_H
#define GP_APP_PLANNER_PARTS_H

/* A plan in the making. Private to the planner. */

#include "app/planner.h"

struct planner {
    const struct config *config;
    const struct command *command;
    const struct config_project *project;
    const struct config_environment *environment;
    struct arena *arena;
    struct plan *plan;
    uint32_t *index_of_target; /* config index -> plan index + 1; 0 = not in the plan */
    struct err *err;
};

/* Refuses a name that is none of the candidates: names the nearest, or some of them. */
int planner_unknown_name(struct planner *p, const char *kind, const char *name, const char *const *candidates,
                         size_t count);
bool planner_names_have(const struct plan_names *names, const char *name);

/* The inputs as a JSON object, as planner_build gives them. */
int planner_inputs(struct planner *p, const char **ret_inputs);

#endif
