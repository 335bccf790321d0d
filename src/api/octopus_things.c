/* Environments, projects, machines and users: what the configuration names. All lists of names work alike, so a kind
 * of them is a row. */

#include <string.h>

#include "base/str.h"
#include "core/permission.h"
#include "octopus.h"
#include "octopus_shape.h"

struct kind {
    struct octopus_list list;
    const char *prefix; /* of ids */
    size_t (*count)(const struct config *config);
    const char *(*name)(const struct config *config, size_t index);
    bool (*visible)(const struct call *call, size_t index);
    void (*write)(struct call *call, const char *key, size_t index);
};

/* --- environments ------------------------------------------------------------------------------------------------- */

static size_t environment_count(const struct config *config) {
    return config->environment_count;
}

static const char *environment_name(const struct config *config, size_t index) {
    return config->environments[index].name;
}

static bool environment_visible(const struct call *call, size_t index) {
    return (call_permissions(call, NULL, call->config->environments[index].name) & PERMISSION_VIEW) != 0;
}

static void environment_write(struct call *call, const char *key, size_t index) {
    const struct config_environment *environment = &call->config->environments[index];
    struct json_out *out = &call->out;
    json_object_begin(out, key);
    octopus_add_name(out, "Id", "Environments", environment->name);
    json_add_string(out, "SpaceId", OCTOPUS_SPACE);
    json_add_string(out, "Name", environment->name);
    json_add_string(out, "Slug", environment->name);
    json_add_string(out, "Description", "");
    json_add_int(out, "SortOrder", environment->order);
    json_add_bool(out, "UseGuidedFailure", environment->guided.enabled == SWITCH_ON);
    json_add_bool(out, "AllowDynamicInfrastructure", false);
    json_object_begin(out, "Links");
    octopus_add_text(out, "Self", OCTOPUS_HOME "/environments/Environments-%s", environment->name);
    json_object_end(out);
    json_object_end(out);
}

/* --- projects ----------------------------------------------------------------------------------------------------- */

static size_t project_count(const struct config *config) {
    return config->project_count;
}

static const char *project_name(const struct config *config, size_t index) {
    return config->projects[index].name;
}

static bool project_visible(const struct call *call, size_t index) {
    return (call_permissions(call, call->config->projects[index].name, NULL) & PERMISSION_VIEW) != 0;
}

static const char *guided_mode(const struct config_project *project) {
    switch (project->guided.enabled) {
    case SWITCH_ON:
        return "On";
    case SWITCH_OFF:
        return "Off";
    case SWITCH_INHERIT:
        return "EnvironmentDefault";
    }
    return "";
}

static void project_write(struct call *call, const char *key, size_t index) {
    const struct config_project *project = &call->config->projects[index];
    struct json_out *out = &call->out;
    json_object_begin(out, key);
    octopus_add_name(out, "Id", "Projects", project->name);
    json_add_string(out, "SpaceId", OCTOPUS_SPACE);
    json_add_string(out, "Name", project->name);
    json_add_string(out, "Slug", project->name);
    json_add_string(out, "Description", project->description == NULL ? "" : project->description);
    json_add_bool(out, "IsDisabled", false);
    json_add_bool(out, "IsVersionControlled", false);
    json_add_string(out, "ProjectGroupId", "ProjectGroups-1");
    json_add_string(out, "LifecycleId", "Lifecycles-1");
    octopus_add_name(out, "DeploymentProcessId", "deploymentprocess", project->name);
    json_add_string(out, "TenantedDeploymentMode", "Untenanted");
    json_add_string(out, "DefaultGuidedFailureMode", guided_mode(project));
    json_object_begin(out, "Links");
    octopus_add_text(out, "Self", OCTOPUS_HOME "/projects/Projects-%s", project->name);
    octopus_add_text(out, "Releases",
                     OCTOPUS_HOME "/projects/Projects-%s/releases{/version}{?skip,take,searchByVersion}",
                     project->name);
    octopus_add_text(out, "DeploymentSettings", OCTOPUS_HOME "/projects/Projects-%s/deploymentsettings", project->name);
    json_object_end(out);
    json_object_end(out);
}

/* --- machines ----------------------------------------------------------------------------------------------------- */

static size_t machine_count(const struct config *config) {
    return config->target_count;
}

static const char *machine_name(const struct config *config, size_t index) {
    return config->targets[index].name;
}

static bool machine_visible(const struct call *call, size_t index) {
    const struct config_names *in = &call->config->targets[index].environments;
    bool visible = in->count == 0 && (call_permissions(call, NULL, NULL) & PERMISSION_VIEW) != 0;
    for (size_t i = 0; !visible && i < in->count; i++) {
        visible = (call_permissions(call, NULL, in->items[i]) & PERMISSION_VIEW) != 0;
    }
    return visible;
}

static void machine_write(struct call *call, const char *key, size_t index) {
    const struct config_target *target = &call->config->targets[index];
    struct json_out *out = &call->out;
    json_object_begin(out, key);
    octopus_add_name(out, "Id", "Machines", target->name);
    json_add_string(out, "SpaceId", OCTOPUS_SPACE);
    json_add_string(out, "Name", target->name);
    json_add_bool(out, "IsDisabled", false);
    json_add_string(out, "HealthStatus", "Unknown");
    octopus_add_words(out, "Roles", NULL, target->tags.items, target->tags.count);
    json_array_begin(out, "EnvironmentIds");
    for (size_t i = 0; i < call->config->environment_count; i++) {
        const char *environment = call->config->environments[i].name;
        if (target->environments.count == 0 || config_names_have(&target->environments, environment)) {
            octopus_add_name(out, NULL, "Environments", environment);
        }
    }
    json_array_end(out);
    json_object_begin(out, "Links");
    octopus_add_text(out, "Self", OCTOPUS_HOME "/machines/Machines-%s", target->name);
    json_object_end(out);
    json_object_end(out);
}

/* --- users -------------------------------------------------------------------------------------------------------- */

static size_t user_count(const struct config *config) {
    return config->person_count;
}

static const char *user_name(const struct config *config, size_t index) {
    return config->people[index].name;
}

static bool user_visible(const struct call *call, size_t index) {
    (void)call;
    (void)index;
    return true;
}

static void user_write(struct call *call, const char *key, size_t index) {
    octopus_write_user(call, key, call->config->people[index].name);
}

/* --- what all have in common -------------------------------------------------------------------------------------- */

static const struct kind environments = {
    {"Environment", "/environments", "name,ids,partialName"},
    "Environments",
    environment_count,
    environment_name,
    environment_visible,
    environment_write,
};
static const struct kind projects = {
    {"Project", "/projects", "name,ids,partialName"},
    "Projects",
    project_count,
    project_name,
    project_visible,
    project_write,
};
static const struct kind machines = {
    {"DeploymentTarget", "/machines", "name,ids,partialName"},
    "Machines",
    machine_count,
    machine_name,
    machine_visible,
    machine_write,
};
static const struct kind users = {
    {"User", "/users", "ids,filter"}, "Users", user_count, user_name, user_visible, user_write,
};

static bool is_wanted(const struct call *call, const struct kind *kind, size_t index) {
    const char *name = kind->name(call->config, index);
    const char *exact = web_query(call->request, "name"), *part = web_query(call->request, "partialName");
    return octopus_list_has(web_query(call->request, "ids"), kind->prefix, name) &&
           (str_empty(exact) || str_equal_nocase(name, exact)) && (str_empty(part) || strcasestr(name, part) != NULL) &&
           kind->visible(call, index);
}

static void things_list(struct call *call, const struct kind *kind) {
    struct octopus_page page;
    uint64_t total = 0, seen = 0;
    if (!octopus_page_read(call, &page)) {
        return;
    }
    for (size_t i = 0; i < kind->count(call->config); i++) {
        total += is_wanted(call, kind, i);
    }
    octopus_list_begin(call, &kind->list, &page, total);
    for (size_t i = 0; i < kind->count(call->config); i++) {
        if (is_wanted(call, kind, i) && seen++ >= page.skip && seen <= page.skip + page.take) {
            kind->write(call, NULL, i);
        }
    }
    octopus_list_end(call, &kind->list, &page, total);
    call_answer(call, 200);
}

static void things_all(struct call *call, const struct kind *kind) {
    json_array_begin(&call->out, NULL);
    for (size_t i = 0; i < kind->count(call->config); i++) {
        if (is_wanted(call, kind, i)) {
            kind->write(call, NULL, i);
        }
    }
    json_array_end(&call->out);
    call_answer(call, 200);
}

/* False: refused. */
static bool thing_find(struct call *call, const struct kind *kind, size_t *ret_index) {
    const char *bare = octopus_name(kind->prefix, call->params[0]);
    for (size_t i = 0; i < kind->count(call->config); i++) {
        const char *name = kind->name(call->config, i);
        if ((str_equal(name, bare) || str_equal(name, call->params[0])) && kind->visible(call, i)) {
            *ret_index = i;
            return true;
        }
    }
    call_refuse(call, ERR_NOT_FOUND, "The resource '%.100s' was not found.", call->params[0]);
    return false;
}

static void thing_get(struct call *call, const struct kind *kind) {
    size_t index = 0;
    if (thing_find(call, kind, &index)) {
        kind->write(call, NULL, index);
        call_answer(call, 200);
    }
}

void octopus_environments(struct call *call) {
    things_list(call, &environments);
}

void octopus_environments_all(struct call *call) {
    things_all(call, &environments);
}

void octopus_environment(struct call *call) {
    thing_get(call, &environments);
}

void octopus_projects(struct call *call) {
    things_list(call, &projects);
}

void octopus_projects_all(struct call *call) {
    things_all(call, &projects);
}

void octopus_project(struct call *call) {
    thing_get(call, &projects);
}

void octopus_machines(struct call *call) {
    things_list(call, &machines);
}

void octopus_machines_all(struct call *call) {
    things_all(call, &machines);
}

void octopus_machine(struct call *call) {
    thing_get(call, &machines);
}

void octopus_users(struct call *call) {
    things_list(call, &users);
}

void octopus_users_all(struct call *call) {
    things_all(call, &users);
}

/* The local user stands in no configuration. */
void octopus_user(struct call *call) {
    if (str_equal(octopus_name("Users", call->params[0]), call->actor.name)) {
        octopus_me(call);
    } else {
        thing_get(call, &users);
    }
}

void octopus_project_settings(struct call *call) {
    size_t index = 0;
    if (!thing_find(call, &projects, &index)) {
        return;
    }
    const struct config_project *project = &call->config->projects[index];
    json_object_begin(&call->out, NULL);
    octopus_add_name(&call->out, "Id", "deploymentsettings-Projects", project->name);
    json_add_string(&call->out, "SpaceId", OCTOPUS_SPACE);
    octopus_add_name(&call->out, "ProjectId", "Projects", project->name);
    json_add_string(&call->out, "DefaultGuidedFailureMode", guided_mode(project));
    json_object_begin(&call->out, "Links");
    octopus_add_text(&call->out, "Self", OCTOPUS_HOME "/projects/Projects-%s/deploymentsettings", project->name);
    json_object_end(&call->out);
    json_object_end(&call->out);
    call_answer(call, 200);
}
