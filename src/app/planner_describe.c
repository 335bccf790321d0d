/* What a plan would do, for people and programs that ask before they deploy. */

#include "app/planner.h"

#include "base/str.h"

enum { NAMES_SHOWN = 20 };

static void names_write(const struct plan *plan, size_t step, struct buf *out) {
    size_t count = plan->steps[step].slot_count;
    for (size_t slot = 0; slot < count && slot < NAMES_SHOWN; slot++) {
        buf_printf(out, "%s%s", slot == 0 ? "" : ", ", plan_slot_name(plan, step, slot));
    }
    if (count > NAMES_SHOWN) {
        buf_printf(out, " and %zu more", count - NAMES_SHOWN);
    }
}

static const char *condition_text(enum plan_condition condition) {
    switch (condition) {
    case PLAN_SUCCESS:
        return "";
    case PLAN_FAILURE:
        return "; only after a failure";
    case PLAN_ALWAYS:
        return "; after a failure too";
    case PLAN_CLEANUP:
        return "; wherever its group was begun, whatever happens";
    }
    return "";
}

static bool in_one_stage(const struct plan *plan, size_t step) {
    return step > 0 && plan->steps[step].group != NULL &&
           str_equal(plan->steps[step].group, plan->steps[step - 1].group);
}

static void step_describe(const struct plan *plan, size_t index, struct buf *out) {
    const struct plan_step *step = &plan->steps[index];
    buf_printf(out, "%zu. %s: ", index + 1, step->name);
    if (step->left_empty) {
        buf_adds(out, "no machine left, skipped with a warning\n");
        return;
    }
    if (step->approve) {
        buf_adds(out, "asks for approval");
    } else if (step->on_worker) {
        buf_adds(out, "once, on the worker");
    } else {
        names_write(plan, index, out);
    }
    if (in_one_stage(plan, index)) {
        buf_printf(out, "; on each machine right after %s", plan->steps[index - 1].name);
    } else if (!step->on_worker && (size_t)step->max_parallel < step->slot_count) {
        buf_printf(out, "; %d at a time", step->max_parallel);
    }
    if (step->with_previous && index > 0 && !in_one_stage(plan, index)) {
        buf_adds(out, "; together with the step before it");
    }
    buf_adds(out, condition_text(step->condition));
    buf_adds(out, step->required ? "; required" : "");
    buf_printf(out, "%s\n", step->guided.enabled && !step->approve ? "; asks when it fails" : "");
}

static const struct plan_step *find_step(const struct plan *plan, const char *name) {
    for (size_t i = 0; i < plan->step_count; i++) {
        if (str_equal(plan->steps[i].name, name)) {
            return &plan->steps[i];
        }
    }
    return NULL;
}

static const char *input_given(const struct command *command, const struct config_input *input) {
    for (size_t i = 0; i < command->input_count; i++) {
        if (str_equal(command->inputs[i].key, input->name)) {
            return command->inputs[i].value;
        }
    }
    return input->fallback;
}

void planner_describe(const struct config *config, const struct command *command, const struct plan *plan,
                      struct buf *out) {
    const struct config_project *project = config_find_project(config, plan->project);
    buf_printf(out, "%s %s to %s would run %zu step%s on %zu machine%s:\n", plan->project, command->version,
               plan->environment, plan->step_count, plan->step_count == 1 ? "" : "s", plan->target_count,
               plan->target_count == 1 ? "" : "s");
    for (size_t i = 0; i < plan->step_count; i++) {
        step_describe(plan, i, out);
    }
    for (size_t i = 0; i < project->step_count; i++) {
        if (find_step(plan, project->steps[i].name) == NULL) {
            buf_printf(out, "Left out: %s\n", project->steps[i].name);
        }
    }
    for (size_t i = 0; i < project->input_count; i++) {
        const char *value = input_given(command, &project->inputs[i]);
        if (value != NULL) {
            buf_printf(out, "Input %s: %s\n", project->inputs[i].name, value);
        } else if (project->inputs[i].required) {
            buf_printf(out, "Input %s is missing and required\n", project->inputs[i].name);
        }
    }
}

static const char *condition_word(enum plan_condition condition) {
    static const char *const words[] = {"success", "failure", "always", "cleanup"};
    return words[condition];
}

static void preview_step(const struct plan *plan, size_t index, struct json_out *out) {
    const struct plan_step *step = &plan->steps[index];
    json_object_begin(out, NULL);
    json_add_string(out, "name", step->name);
    json_add_string(out, "group", step->group);
    json_add_string(out, "condition", condition_word(step->condition));
    json_add_bool(out, "with_previous", step->with_previous);
    json_add_bool(out, "approve", step->approve);
    json_add_bool(out, "required", step->required);
    json_add_bool(out, "guided", step->guided.enabled);
    json_add_bool(out, "on_worker", step->on_worker);
    json_add_int(out, "max_parallel", step->max_parallel);
    json_array_begin(out, "targets");
    for (size_t slot = 0; slot < step->slot_count && !step->on_worker; slot++) {
        json_add_string(out, NULL, plan_slot_name(plan, index, slot));
    }
    json_array_end(out);
    json_object_end(out);
}

void planner_write_preview(const struct config *config, const struct command *command, const struct plan *plan,
                           struct json_out *out) {
    const struct config_project *project = config_find_project(config, plan->project);
    json_object_begin(out, NULL);
    json_add_string(out, "project", plan->project);
    json_add_string(out, "version", command->version);
    json_add_string(out, "environment", plan->environment);
    json_array_begin(out, "steps");
    for (size_t i = 0; i < plan->step_count; i++) {
        preview_step(plan, i, out);
    }
    json_array_end(out);
    json_array_begin(out, "left_out");
    for (size_t i = 0; i < project->step_count; i++) {
        if (find_step(plan, project->steps[i].name) == NULL) {
            json_add_string(out, NULL, project->steps[i].name);
        }
    }
    json_array_end(out);
    json_array_begin(out, "inputs");
    for (size_t i = 0; i < project->input_count; i++) {
        json_object_begin(out, NULL);
        json_add_string(out, "name", project->inputs[i].name);
        json_add_string(out, "label", project->inputs[i].label);
        json_add_bool(out, "required", project->inputs[i].required);
        json_add_string(out, "value", input_given(command, &project->inputs[i]));
        json_object_end(out);
    }
    json_array_end(out);
    json_object_end(out);
}
