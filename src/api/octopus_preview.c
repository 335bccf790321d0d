/* What a deployment of a release to an environment would do: a dry run, in Octopus Deploy's shape. */

#include <string.h>

#include "ask.h"
#include "base/str.h"
#include "octopus.h"
#include "octopus_shape.h"

static const struct config_step *find_step(const struct config_project *project, const char *name) {
    for (size_t i = 0; i < project->step_count; i++) {
        if (str_equal(project->steps[i].name, name)) {
            return &project->steps[i];
        }
    }
    return NULL;
}

static void write_step(struct call *call, const struct config_project *project, const struct json *step,
                       size_t number) {
    struct json_out *out = &call->out;
    const char *name = json_string(json_get(step, "name"));
    const struct json *targets = json_get(step, "targets");
    const struct config_step *configured = find_step(project, name);
    bool on_worker = json_bool(json_get(step, "on_worker"), false);
    json_object_begin(out, NULL);
    json_add_string(out, "ActionId", name);
    json_add_string(out, "ActionName", name);
    octopus_add_text(out, "ActionNumber", "%zu", number);
    json_array_begin(out, "Roles");
    for (size_t i = 0; configured != NULL && i < configured->targets.count; i++) {
        json_add_string(out, NULL, configured->targets.items[i]);
    }
    json_array_end(out);
    json_array_begin(out, "MachineNames");
    for (const struct json *target = json_first(targets); target != NULL; target = json_next(target)) {
        json_add_string(out, NULL, json_string(target));
    }
    json_array_end(out);
    json_array_begin(out, "Machines");
    for (const struct json *target = json_first(targets); target != NULL; target = json_next(target)) {
        json_object_begin(out, NULL);
        octopus_add_name(out, "Id", "Machines", json_string(target));
        json_add_string(out, "DisplayName", json_string(target));
        json_object_end(out);
    }
    json_array_end(out);
    json_add_bool(out, "HasNoApplicableMachines", !on_worker && json_size(targets) == 0);
    json_add_bool(out, "CanBeSkipped", !json_bool(json_get(step, "required"), false));
    json_add_bool(out, "IsDisabled", false);
    json_object_end(out);
}

static void write_form(struct call *call, const struct json *inputs) {
    struct json_out *out = &call->out;
    json_object_begin(out, "Form");
    json_object_begin(out, "Values");
    for (const struct json *input = json_first(inputs); input != NULL; input = json_next(input)) {
        json_add_string(out, json_string(json_get(input, "name")), json_string(json_get(input, "value")));
    }
    json_object_end(out);
    json_array_begin(out, "Elements");
    for (const struct json *input = json_first(inputs); input != NULL; input = json_next(input)) {
        const char *name = json_string(json_get(input, "name"));
        json_object_begin(out, NULL);
        json_add_string(out, "Name", name);
        json_object_begin(out, "Control");
        json_add_string(out, "Type", "VariableValue");
        json_add_string(out, "Name", name);
        json_add_string(out, "Label", json_string(json_get(input, "label")));
        json_add_null(out, "Description");
        json_add_bool(out, "IsSecure", false);
        json_object_end(out);
        json_add_bool(out, "IsValueRequired", json_bool(json_get(input, "required"), false));
        json_object_end(out);
    }
    json_array_end(out);
    json_object_end(out);
}

static bool guided_by_default(const struct config_project *project, const struct config_environment *environment) {
    enum config_switch at_project = project->guided.enabled, at_environment = environment->guided.enabled;
    return at_project == SWITCH_INHERIT ? at_environment == SWITCH_ON : at_project == SWITCH_ON;
}

static void preview_came(struct call *call, const struct operation_reply *reply) {
    struct json *plan = NULL;
    struct err err;
    if (reply->err != NULL) {
        call_fail(call, reply->err);
        return;
    }
    if (json_parse_reply(reply->json, strlen(reply->json), &plan, &err) < 0) {
        call_fail(call, &err);
        return;
    }
    const struct config_project *project = config_find_project(call->config, json_string(json_get(plan, "project")));
    const struct config_environment *environment =
        config_find_environment(call->config, json_string(json_get(plan, "environment")));
    if (project == NULL || environment == NULL) {
        json_free(plan);
        call_refuse(call, ERR_CONFLICT, "The configuration has just changed. Try again.");
        return;
    }
    size_t number = 0;
    json_object_begin(&call->out, NULL);
    json_array_begin(&call->out, "StepsToExecute");
    for (const struct json *step = json_first(json_get(plan, "steps")); step != NULL; step = json_next(step)) {
        write_step(call, project, step, ++number);
    }
    json_array_end(&call->out);
    write_form(call, json_get(plan, "inputs"));
    json_add_bool(&call->out, "UseGuidedFailureModeByDefault", guided_by_default(project, environment));
    json_object_end(&call->out);
    json_free(plan);
    call_answer(call, 200);
}

void octopus_deployment_preview(struct call *call) {
    struct operation operation = {.command = {.id = COMMAND_DEPLOY, .guided = -1, .dry_run = true}};
    struct command *command = &operation.command;
    if (!octopus_release_parse(call, call->params[0], &command->project, &command->version)) {
        call_refuse(call, ERR_NOT_FOUND,
                    "'%.200s' names no release, or could name several: it is Releases-<project>-<version>.",
                    call->params[0]);
        return;
    }
    command->environment = octopus_name("Environments", call->params[1]);
    ask_operation(call, &operation, preview_came);
}
