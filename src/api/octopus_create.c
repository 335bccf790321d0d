/* Starting deployments, in the old way (ids, one environment) and in the way of newer clients (names, several
 * environments). */

#include "ask.h"
#include "base/str.h"
#include "octopus.h"
#include "octopus_shape.h"
#include "read.h"
#include "routes.h"

struct creating {
    struct operation operation;
    struct plan_names environments;
    size_t next;
    uint64_t *deployments; /* one for each environment that is through */
};

static void create_next(struct call *call);

static void created(struct call *call, const struct operation_reply *reply) {
    struct creating *creating = call->state;
    if (reply->err != NULL && creating->next == 0) {
        call_fail(call, reply->err);
    } else if (reply->err != NULL) {
        call_refuse(call, reply->err->code,
                    "The first %zu of %zu were started, the last as Deployments-%llu; then: %.300s", creating->next,
                    creating->environments.count, (unsigned long long)creating->deployments[creating->next - 1],
                    reply->err->text);
    } else {
        creating->deployments[creating->next++] = reply->deployment;
        create_next(call);
    }
}

static void write_created(struct call *call) {
    octopus_write_deployment(call, read_record(call)->deployment);
    call_answer(call, 201);
}

static void write_all_created(struct call *call, const struct creating *creating) {
    json_object_begin(&call->out, NULL);
    json_array_begin(&call->out, "DeploymentServerTasks");
    for (size_t i = 0; i < creating->environments.count; i++) {
        json_object_begin(&call->out, NULL);
        octopus_add_id(&call->out, "DeploymentId", "Deployments", creating->deployments[i]);
        octopus_add_id(&call->out, "ServerTaskId", "ServerTasks", creating->deployments[i]);
        json_object_end(&call->out);
    }
    json_array_end(&call->out);
    json_object_end(&call->out);
    call_answer(call, 201);
}

/* One environment after the other. */
static void create_next(struct call *call) {
    struct creating *creating = call->state;
    if (creating->next < creating->environments.count) {
        creating->operation.command.environment = creating->environments.items[creating->next];
        ask_operation(call, &creating->operation, created);
    } else if (call->route->handle == octopus_deployments_create) {
        write_all_created(call, creating);
    } else {
        read_deployment(call, creating->deployments[0], write_created);
    }
}

/* --- what is asked for -------------------------------------------------------------------------------------------- */

static struct plan_names read_names(const struct json *list, const char *kind, struct arena *arena) {
    struct plan_names names = {arena_array(arena, json_size(list) + 1, sizeof(char *)), 0};
    for (const struct json *item = json_first(list); item != NULL; item = json_next(item)) {
        if (!str_empty(json_string(item))) {
            names.items[names.count++] = octopus_name(kind, json_string(item));
        }
    }
    return names;
}

static void read_inputs(struct command *command, const struct json *values, struct arena *arena) {
    command->inputs = arena_array(arena, json_size(values) + 1, sizeof *command->inputs);
    for (const struct json *value = json_first(values); value != NULL; value = json_next(value)) {
        if (json_is_string(value)) {
            command->inputs[command->input_count++] = (struct command_input){json_key(value), json_string(value)};
        }
    }
}

static int read_guided(const struct json *value) {
    return json_is_bool(value) ? json_bool(value, false) : -1;
}

static void create(struct call *call, struct creating *creating) {
    creating->deployments = arena_array(call->arena, creating->environments.count + 1, sizeof(uint64_t));
    creating->operation.command.id = COMMAND_DEPLOY;
    creating->operation.command.guided = read_guided(json_get_nocase(call->body, "UseGuidedFailure"));
    create_next(call);
}

void octopus_deployment_create(struct call *call) {
    struct creating *creating = call->state = arena_alloc(call->arena, sizeof *creating);
    struct command *command = &creating->operation.command;
    const char *release = json_string(json_get_nocase(call->body, "ReleaseId"));
    const char *environment = json_string(json_get_nocase(call->body, "EnvironmentId"));
    if (str_empty(release) || str_empty(environment)) {
        call_refuse(call, ERR_INVALID, "ReleaseId and EnvironmentId are required.");
        return;
    }
    if (!octopus_release_parse(call, release, &command->project, &command->version)) {
        call_refuse(call, ERR_NOT_FOUND,
                    "'%.200s' names no release, or could name several: it is Releases-<project>-<version>.", release);
        return;
    }
    const char **name = arena_array(call->arena, 1, sizeof *name);
    name[0] = octopus_name("Environments", environment);
    creating->environments = (struct plan_names){name, 1};
    command->on = read_names(json_get_nocase(call->body, "SpecificMachineIds"), "Machines", call->arena);
    command->without = read_names(json_get_nocase(call->body, "ExcludedMachineIds"), "Machines", call->arena);
    command->skip = read_names(json_get_nocase(call->body, "SkipActions"), "Actions", call->arena);
    read_inputs(command, json_get_nocase(call->body, "FormValues"), call->arena);
    create(call, creating);
}

void octopus_deployments_create(struct call *call) {
    struct creating *creating = call->state = arena_alloc(call->arena, sizeof *creating);
    struct command *command = &creating->operation.command;
    const char *project = json_string(json_get_nocase(call->body, "ProjectName"));
    command->version = json_string(json_get_nocase(call->body, "ReleaseVersion"));
    creating->environments = read_names(json_get_nocase(call->body, "EnvironmentNames"), "Environments", call->arena);
    if (str_empty(project) || str_empty(command->version) || creating->environments.count == 0) {
        call_refuse(call, ERR_INVALID, "projectName, releaseVersion and environmentNames are required.");
        return;
    }
    command->project = octopus_name("Projects", project);
    command->on = read_names(json_get_nocase(call->body, "SpecificMachineNames"), "Machines", call->arena);
    command->without = read_names(json_get_nocase(call->body, "ExcludedMachineNames"), "Machines", call->arena);
    command->skip = read_names(json_get_nocase(call->body, "SkipStepNames"), "Actions", call->arena);
    read_inputs(command, json_get_nocase(call->body, "Variables"), call->arena);
    create(call, creating);
}
