#include "check.h"

#include <string.h>

#include "base/limits.h"
#include "base/str.h"
#include "pattern.h"

static void check_steps(struct binder *binder, const struct config *config, const struct config_project *project,
                        const struct node *steps);
static void check_work_dirs(struct binder *binder, const struct config *config, const struct config_project *project,
                            const struct node *node, const struct node *steps);

static void check_input(struct binder *binder, const struct config_input *input, const struct node *node,
                        const char *path) {
    if ((input->type == INPUT_CHOICE) != (input->choices.count > 0)) {
        problem_error(binder->problems, check_place(node, input->type == INPUT_CHOICE ? "type" : "choices"),
                      "%s: 'type: choice' and 'choices: [...]' belong together", path);
    }
    bool wrong =
        input->fallback != NULL &&
        ((input->type == INPUT_CHOICE && !config_names_have(&input->choices, input->fallback)) ||
         (input->type == INPUT_BOOLEAN && !str_equal(input->fallback, "true") && !str_equal(input->fallback, "false")));
    if (wrong) {
        problem_error(binder->problems, check_place(node, "default"), "%s.default: '%s' is not what the type allows",
                      path, input->fallback);
    }
}

static void check_inputs(struct binder *binder, const struct config_project *project, const struct node *node) {
    const struct node *list = node_get(node, "inputs");
    struct check_unique *names = arena_array(binder->scratch, project->input_count + 1, sizeof *names);
    size_t count = 0;
    for (size_t i = 0; i < project->input_count; i++) {
        const char *path = arena_printf(binder->scratch, "projects.%s.inputs[%zu]", project->name, i);
        check_input(binder, &project->inputs[i], list->items[i], path);
        if (project->inputs[i].name != NULL) {
            names[count++] = (struct check_unique){project->inputs[i].name, path, check_place(list->items[i], "name")};
        }
    }
    check_unique(binder, names, count);
}

void check_project(struct binder *binder, const struct config *config, struct config_project *project,
                   const struct node *node) {
    check_guided(binder, &project->guided, node, arena_printf(binder->scratch, "projects.%s", project->name));
    if (project->version_pattern != NULL) {
        const char *problem;
        project->version_pattern = pattern_compile(binder->arena, project->version_pattern, &problem);
        if (problem != NULL) {
            problem_error(binder->problems, check_place(node, "version_pattern"), "projects.%s.version_pattern: %s",
                          project->name, problem);
        }
    }
    check_inputs(binder, project, node);
    const struct node *steps = node_get(node, "steps");
    if (steps == NULL || steps->kind != NODE_LIST) {
        return;
    }
    if (steps->count == 0 || steps->count > LIMIT_PLAN_STEPS) {
        problem_error(binder->problems, steps->place, "projects.%s.steps: needs 1 to %d steps", project->name,
                      LIMIT_PLAN_STEPS);
        return;
    }
    check_steps(binder, config, project, steps);
    check_work_dirs(binder, config, project, node, steps);
}

/* A step either runs something or asks a person. */
static void check_kind(struct binder *binder, const struct node *node, const char *path) {
    const struct node *run = node_get(node, "run"), *approve = node_get(node, "approve");
    static const char *const needs_run[] = {"targets",    "group",         "max_parallel", "quiet_timeout",
                                            "auto_retry", "safe_to_rerun", "env",          "work_dir"};
    if (run == NULL && approve == NULL) {
        problem_error(binder->problems, node->place, "%s: needs 'run: SCRIPT' or 'approve: {}'", path);
    } else if (run != NULL && approve != NULL) {
        problem_error(binder->problems, approve->place, "%s: cannot have both run and approve; make it two steps",
                      path);
    } else if (approve != NULL) {
        for (size_t i = 0; i < sizeof needs_run / sizeof *needs_run; i++) {
            if (node_get(node, needs_run[i]) != NULL) {
                problem_error(binder->problems, check_place(node, needs_run[i]),
                              "%s.%s: means nothing in a step that asks for approval", path, needs_run[i]);
            }
        }
    }
}

static void check_auto_retry(struct binder *binder, const struct node *node, const char *path) {
    const struct node *retry = node_get(node, "auto_retry");
    if (retry == NULL || retry->kind != NODE_MAP) {
        return;
    }
    if (node_get(retry, "times") == NULL && node_get(retry, "when_back") == NULL) {
        problem_error(binder->problems, retry->place, "%s.auto_retry: needs 'times: NUMBER' or 'when_back: true'",
                      path);
    }
    if (node_get(retry, "probe") != NULL && node_get(retry, "when_back") == NULL) {
        problem_error(binder->problems, check_place(retry, "probe"),
                      "%s.auto_retry.probe: means nothing without when_back", path);
    }
}

static void check_step(struct binder *binder, const struct config_step *step, const struct node *node,
                       const char *path) {
    check_auto_retry(binder, node, path);
    check_kind(binder, node, path);
    check_guided(binder, &step->guided, node, path);
    if (step->required && step->continue_on_error) {
        problem_error(binder->problems, check_place(node, "on_error"),
                      "%s.on_error: continue contradicts required: true", path);
    }
    if (step->max_parallel > 0 && node_get(node, "targets") == NULL) {
        problem_error(binder->problems, check_place(node, "max_parallel"), "%s.max_parallel: needs targets", path);
    }
    if (step->group != NULL && node_get(node, "targets") == NULL) {
        problem_error(binder->problems, check_place(node, "group"), "%s.group: needs targets to go through", path);
    }
    if (step->quiet_timeout_ms > 0 && step->timeout_ms > 0 && step->quiet_timeout_ms > step->timeout_ms) {
        problem_warn(binder->problems, check_place(node, "quiet_timeout"),
                     "%s.quiet_timeout: is longer than timeout, so it never ends a step", path);
    }
}

static bool step_names(const struct config_step *step, const struct config_target *target) {
    for (size_t k = 0; k < step->targets.count; k++) {
        if (str_equal(step->targets.items[k], target->name) ||
            config_names_have(&target->tags, step->targets.items[k])) {
            return true;
        }
    }
    return false;
}

static bool has_target(const struct config *config, const struct config_step *step, const char *environment) {
    for (size_t i = 0; i < config->target_count; i++) {
        const struct config_target *target = &config->targets[i];
        bool here = target->environments.count == 0 || config_names_have(&target->environments, environment);
        if (here && step_names(step, target)) {
            return true;
        }
    }
    return false;
}

/* A target of the step on another machine; `placed`: also one that says itself where scripts run on it. */
static const struct config_target *remote_target(const struct config *config, const struct config_step *step,
                                                 bool placed) {
    for (size_t i = 0; i < config->target_count; i++) {
        const struct config_target *target = &config->targets[i];
        if (target->ssh != NULL && (placed || target->work_dir == NULL) && step_names(step, target)) {
            return target;
        }
    }
    return NULL;
}

static const struct node *relative_work_dir(const struct node *node) {
    const struct node *work_dir = node_get(node, "work_dir");
    return work_dir != NULL && work_dir->kind == NODE_SCALAR && work_dir->text[0] != '/' ? work_dir : NULL;
}

/* A path that begins at this file means nothing on another machine. */
static void check_work_dirs(struct binder *binder, const struct config *config, const struct config_project *project,
                            const struct node *node, const struct node *steps) {
    const struct node *of_project = relative_work_dir(node);
    for (size_t i = 0; i < project->step_count; i++) {
        const struct config_step *step = &project->steps[i];
        const struct node *of_step = relative_work_dir(steps->items[i]);
        const struct config_target *target = remote_target(config, step, true);
        if (of_step != NULL && target != NULL) {
            problem_error(binder->problems, of_step->place,
                          "projects.%s.steps[%zu].work_dir: must begin with / because %s is another machine",
                          project->name, i, target->name);
        }
        target = step->work_dir != NULL ? NULL : remote_target(config, step, false);
        if (of_project != NULL && target != NULL) {
            problem_error(binder->problems, of_project->place,
                          "projects.%s.work_dir: must begin with / because %s, a target of steps[%zu], is another "
                          "machine",
                          project->name, target->name, i);
            of_project = NULL;
        }
    }
}

static bool inventory_serves(const struct config *config, const char *environment) {
    for (size_t i = 0; i < config->inventory_count; i++) {
        const struct config_names *environments = &config->inventories[i].environments;
        if (environments->count == 0 || config_names_have(environments, environment)) {
            return true;
        }
    }
    return false;
}

/* Every name of the step exists somewhere; those that do not are reported as references. */
static bool targets_known(const struct config *config, const struct config_step *step) {
    for (size_t k = 0; k < step->targets.count; k++) {
        bool known = config_find_target(config, step->targets.items[k]) != NULL;
        for (size_t i = 0; i < config->target_count && !known; i++) {
            known = config_names_have(&config->targets[i].tags, step->targets.items[k]);
        }
        if (!known) {
            return false;
        }
    }
    return true;
}

static void check_machines(struct binder *binder, const struct config *config, const struct config_project *project,
                           const struct config_step *step, const struct node *node, const char *path) {
    const struct node *targets = node_get(node, "targets");
    if (targets == NULL || targets->kind != NODE_LIST) {
        return;
    }
    if (targets->count == 0) {
        problem_error(binder->problems, targets->place,
                      "%s.targets: is empty; leave it out for a step that runs once, on the worker", path);
        return;
    }
    if (!targets_known(config, step)) {
        return;
    }
    for (size_t i = 0; i < config->environment_count; i++) {
        const char *environment = config->environments[i].name;
        bool here = (project->environments.count == 0 || config_names_have(&project->environments, environment)) &&
                    (step->environments.count == 0 || config_names_have(&step->environments, environment));
        if (here && !inventory_serves(config, environment) && !has_target(config, step, environment)) {
            problem_error(binder->problems, targets->place,
                          "%s.targets: matches no target in %s; add one, or say where the step belongs with "
                          "'environments: [...]'",
                          path, environment);
        }
    }
}

static bool same_names(const struct config_names *a, const struct config_names *b) {
    for (size_t i = 0; i < a->count; i++) {
        if (!config_names_have(b, a->items[i])) {
            return false;
        }
    }
    return a->count == b->count;
}

/* The steps of a group stand together and go through the same machines in the same environments. */
static void check_group(struct binder *binder, const struct config_project *project, size_t index,
                        const struct node *node, const char *path) {
    const struct config_step *step = &project->steps[index];
    if (step->group == NULL || index == 0) {
        return;
    }
    const struct config_step *before = step - 1;
    if (str_equal(before->group, step->group)) {
        if (!same_names(&before->targets, &step->targets)) {
            problem_error(binder->problems, check_place(node, "targets"),
                          "%s.targets: differ from those of the step before it in group '%s'", path, step->group);
        }
        if (node_get(node, "max_parallel") != NULL) {
            problem_warn(binder->problems, check_place(node, "max_parallel"),
                         "%s.max_parallel: only that of the first step of a group counts", path);
        }
        return;
    }
    for (size_t i = 0; i + 1 < index; i++) {
        if (str_equal(project->steps[i].group, step->group)) {
            problem_error(binder->problems, check_place(node, "group"),
                          "%s.group: the other steps of group '%s' do not stand beside it", path, step->group);
            return;
        }
    }
}

static void check_steps(struct binder *binder, const struct config *config, const struct config_project *project,
                        const struct node *steps) {
    struct check_unique *names = arena_array(binder->scratch, project->step_count + 1, sizeof *names);
    size_t count = 0;
    for (size_t i = 0; i < project->step_count; i++) {
        struct config_step *step = &project->steps[i];
        const struct node *node = steps->items[i];
        const char *path = arena_printf(binder->scratch, "projects.%s.steps[%zu]", project->name, i);
        step->line = node->place.line;
        if (node->kind != NODE_MAP) {
            continue;
        }
        check_step(binder, step, node, path);
        check_machines(binder, config, project, step, node, path);
        check_group(binder, project, i, node, path);
        if (i == 0 && step->with_previous) {
            problem_error(binder->problems, check_place(node, "start"),
                          "%s.start: the first step has no previous one to start with", path);
        }
        if (step->name != NULL) {
            names[count++] = (struct check_unique){step->name, arena_printf(binder->scratch, "%s.name", path),
                                                   check_place(node, "name")};
        }
    }
    check_unique(binder, names, count);
}
