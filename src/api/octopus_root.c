/* Where clients begin: what there is, who they are, and the one space. */

#include <string.h>

#include "base/id.h"
#include "base/str.h"
#include "octopus.h"
#include "octopus_shape.h"

/* Clients ask for at least 2022.3.5512 before they deploy. It is the shape of the answers that has this version. */
#define COMPATIBLE_VERSION "2024.1.0"

/* Of a client's parameters only those that a template names are ever sent. */
static const struct {
    const char *name, *link;
} links[] = {
    {"Self", "/api"},
    {"CurrentUser", "/api/users/me"},
    {"Spaces", "/api/spaces{/id}{?skip,ids,take,partialName}"},
    {"SpaceHome", "/api/{spaceId}"},
    {"Users", "/api/users{/id}{?skip,take,ids,filter}"},
    {"Teams", "/api/teams{/id}{?skip,take,ids,partialName,spaces,includeSystem}"},
    {"TeamMembership", "/api/teammembership{?userId,spaces,includeSystem}"},
    {"Deployments", OCTOPUS_HOME "/deployments{/id}{?skip,take,ids,projects,environments,tenants,channels,taskState,"
                                 "partialName}"},
    {"Environments", OCTOPUS_HOME "/environments{/id}{?name,skip,ids,take,partialName}"},
    {"Events", "/api/events{/id}{?skip,regarding,regardingAny,eventCategories,spaces,includeSystem,take}"},
    {"Interruptions", OCTOPUS_HOME "/interruptions{/id}{?skip,take,regarding,pendingOnly,ids}"},
    {"Machines", OCTOPUS_HOME "/machines{/id}{?skip,take,name,ids,partialName}"},
    {"Projects", OCTOPUS_HOME "/projects{/id}{?name,skip,ids,take,partialName}"},
    {"Releases", OCTOPUS_HOME "/releases{/id}{?skip,take,ids}"},
    {"Tasks", "/api/tasks{/id}{?skip,active,environment,tenant,runbook,project,name,node,running,states,"
              "hasPendingInterruptions,hasWarningsOrErrors,take,ids,partialName,spaces,includeSystem}"},
    {"Web", "/"},
};

/* The shape of a UUID, the same for the same configuration file. */
static void add_installation_id(struct call *call) {
    char digest[ID_DIGEST_SIZE];
    const char *path = call->config->path;
    id_digest(digest, path, strlen(path));
    octopus_add_text(&call->out, "InstallationId", "%.8s-%.4s-%.4s-%.4s-%.12s", digest, digest + 8, digest + 12,
                     digest + 16, digest + 20);
}

void octopus_root(struct call *call) {
    json_object_begin(&call->out, NULL);
    json_add_string(&call->out, "Application", "guidepost");
    json_add_string(&call->out, "Version", COMPATIBLE_VERSION);
    json_add_string(&call->out, "ApiVersion", "3.0.0");
    add_installation_id(call);
    json_add_bool(&call->out, "IsEarlyAccessProgram", false);
    json_object_begin(&call->out, "Links");
    for (size_t i = 0; i < sizeof links / sizeof links[0]; i++) {
        json_add_string(&call->out, links[i].name, links[i].link);
    }
    json_object_end(&call->out);
    json_object_end(&call->out);
    call_answer(call, 200);
}

/* --- the space ---------------------------------------------------------------------------------------------------- */

static void write_space(struct call *call) {
    struct json_out *out = &call->out;
    json_object_begin(out, NULL);
    json_add_string(out, "Id", OCTOPUS_SPACE);
    json_add_string(out, "Name", "Default");
    json_add_string(out, "Slug", "default");
    json_add_string(out, "Description", "");
    json_add_bool(out, "IsDefault", true);
    json_add_bool(out, "TaskQueueStopped", false);
    octopus_add_words(out, "SpaceManagersTeams", NULL, NULL, 0);
    octopus_add_words(out, "SpaceManagersTeamMembers", NULL, NULL, 0);
    json_object_begin(out, "Links");
    json_add_string(out, "Self", "/api/spaces/" OCTOPUS_SPACE);
    json_add_string(out, "SpaceHome", OCTOPUS_HOME);
    json_add_string(out, "Web", "/");
    json_object_end(out);
    json_object_end(out);
}

void octopus_spaces(struct call *call) {
    static const struct octopus_list list = {"Space", "/spaces", "ids,partialName"};
    const char *part = web_query(call->request, "partialName");
    bool wanted = octopus_list_has(web_query(call->request, "ids"), "Spaces", "1") &&
                  (str_empty(part) || strcasestr("Default", part) != NULL);
    struct octopus_page page;
    if (!octopus_page_read(call, &page)) {
        return;
    }
    octopus_list_begin(call, &list, &page, wanted);
    if (wanted && page.skip == 0) {
        write_space(call);
    }
    octopus_list_end(call, &list, &page, wanted);
    call_answer(call, 200);
}

void octopus_spaces_all(struct call *call) {
    json_array_begin(&call->out, NULL);
    write_space(call);
    json_array_end(&call->out);
    call_answer(call, 200);
}

void octopus_space(struct call *call) {
    if (str_equal_nocase(call->params[0], OCTOPUS_SPACE) || str_equal_nocase(call->params[0], "default")) {
        write_space(call);
        call_answer(call, 200);
    } else {
        call_refuse(call, ERR_NOT_FOUND, "There is no space '%.100s'; there is one, " OCTOPUS_SPACE ".",
                    call->params[0]);
    }
}

/* --- who ---------------------------------------------------------------------------------------------------------- */

void octopus_write_user(struct call *call, const char *key, const char *name) {
    struct json_out *out = &call->out;
    const struct config_person *person = config_find_person(call->config, name);
    json_object_begin(out, key);
    octopus_add_name(out, "Id", "Users", name);
    json_add_string(out, "Username", name);
    json_add_string(out, "DisplayName", name);
    json_add_bool(out, "IsActive", true);
    json_add_bool(out, "IsService", false);
    json_add_string(out, "EmailAddress", person == NULL ? NULL : person->email);
    json_add_bool(out, "CanPasswordBeEdited", false);
    json_add_bool(out, "IsRequestor", str_equal(name, call->actor.name));
    octopus_add_words(out, "Identities", NULL, NULL, 0);
    json_object_begin(out, "Links");
    octopus_add_text(out, "Self", "/api/users/Users-%s", name);
    octopus_add_text(out, "Spaces", "/api/users/Users-%s/spaces", name);
    json_object_end(out);
    json_object_end(out);
}

void octopus_me(struct call *call) {
    octopus_write_user(call, NULL, call->actor.name);
    call_answer(call, 200);
}

void octopus_team_membership(struct call *call) {
    const char *id = web_query(call->request, "userId");
    const char *name = str_empty(id) ? call->actor.name : octopus_name("Users", id);
    json_array_begin(&call->out, NULL);
    for (size_t i = 0; i < call->config->team_count; i++) {
        const struct config_team *team = &call->config->teams[i];
        if (config_names_have(&team->members, name)) {
            json_object_begin(&call->out, NULL);
            octopus_add_name(&call->out, "UserId", "Users", name);
            octopus_add_name(&call->out, "TeamId", "Teams", team->name);
            json_add_string(&call->out, "TeamName", team->name);
            json_object_end(&call->out);
        }
    }
    json_array_end(&call->out);
    call_answer(call, 200);
}
