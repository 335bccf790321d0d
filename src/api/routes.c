#include "routes.h"

#include <string.h>

#include "base/str.h"
#include "health.h"
#include "octopus.h"
#include "page.h"
#include "streams.h"
#include "v1.h"

/* Of rows that fit the same path the first counts. */
static const struct route table[] = {
    {"GET", "/livez", ROUTE_OPEN, health_live},
    {"GET", "/healthz", ROUTE_OPEN, health_live},
    {"GET", "/readyz", ROUTE_OPEN, health_ready},
    {"GET", "/metrics", ROUTE_NEAR, health_metrics},

    {"POST", "/v1/session", ROUTE_OPEN, v1_sign_in},
    {"DELETE", "/v1/session", ROUTE_OPEN, v1_sign_out},
    {"GET", "/v1/me", ROUTE_SIGNED, v1_me},
    {"GET", "/v1/overview", ROUTE_SIGNED, v1_overview},
    {"GET", "/v1/deployments", ROUTE_SIGNED, v1_deployments},
    {"GET", "/v1/deployments/{}", ROUTE_SIGNED, v1_deployment},
    {"GET", "/v1/deployments/{}/log", ROUTE_SIGNED, v1_log},
    {"GET", "/v1/deployments/{}/audit", ROUTE_SIGNED, v1_audit},
    {"POST", "/v1/deployments/{}/resume", ROUTE_SIGNED, v1_resume},
    {"POST", "/v1/deployments/{}/again", ROUTE_SIGNED, v1_again},
    {"POST", "/v1/deployments/{}/catch-up", ROUTE_SIGNED, v1_catch_up},
    {"POST", "/v1/projects/{}/rollback", ROUTE_SIGNED, v1_rollback},
    {"POST", "/v1/projects/{}/promote", ROUTE_SIGNED, v1_promote},
    {"GET", "/v1/versions", ROUTE_SIGNED, v1_versions},
    {"GET", "/v1/freezes", ROUTE_SIGNED, v1_freezes},
    {"PUT", "/v1/freezes/{}", ROUTE_SIGNED, v1_freeze},
    {"DELETE", "/v1/freezes/{}", ROUTE_SIGNED, v1_unfreeze},
    {"GET", "/v1/freezes/{}/audit", ROUTE_SIGNED, v1_environment_audit},
    {"GET", "/v1/questions", ROUTE_SIGNED, v1_questions},
    {"GET", "/v1/questions/{}", ROUTE_SIGNED, v1_question},
    {"POST", "/v1/questions/{}/answer", ROUTE_SIGNED, v1_answer},
    {"POST", "/v1/questions/{}/take", ROUTE_SIGNED, v1_take},
    {"POST", "/v1/questions/{}/extend", ROUTE_SIGNED, v1_extend},
    {"POST", "/v1/questions/{}/park", ROUTE_SIGNED, v1_park},
    {"POST", "/v1/questions/{}/unpark", ROUTE_SIGNED, v1_unpark},
    {"POST", "/v1/questions/{}/when-back", ROUTE_SIGNED, v1_when_back},
    {"POST", "/v1/questions/{}/check", ROUTE_SIGNED, v1_check},
    {"POST", "/v1/store/rollback", ROUTE_SIGNED, v1_confirm_rollback},
    {"POST", "/v1/commands", ROUTE_SIGNED, v1_command},
    {"GET", "/v1/rooms/{}", ROUTE_SIGNED, v1_room},
    {"GET", "/v1/events", ROUTE_SIGNED, stream_events},

    {"GET", "/api", ROUTE_OPEN, octopus_root},
    {"GET", "/api/spaces", ROUTE_SIGNED, octopus_spaces},
    {"GET", "/api/spaces/all", ROUTE_SIGNED, octopus_spaces_all},
    {"GET", "/api/spaces/{}", ROUTE_SIGNED, octopus_space},
    {"GET", "/api/users", ROUTE_SIGNED, octopus_users},
    {"GET", "/api/users/all", ROUTE_SIGNED, octopus_users_all},
    {"GET", "/api/users/me", ROUTE_SIGNED, octopus_me},
    {"GET", "/api/users/{}", ROUTE_SIGNED, octopus_user},
    {"GET", "/api/users/{}/spaces", ROUTE_SIGNED, octopus_spaces_all},
    {"GET", "/api/teammembership", ROUTE_SIGNED, octopus_team_membership},
    {"GET", "/api/environments", ROUTE_SIGNED, octopus_environments},
    {"GET", "/api/environments/all", ROUTE_SIGNED, octopus_environments_all},
    {"GET", "/api/environments/{}", ROUTE_SIGNED, octopus_environment},
    {"GET", "/api/machines", ROUTE_SIGNED, octopus_machines},
    {"GET", "/api/machines/all", ROUTE_SIGNED, octopus_machines_all},
    {"GET", "/api/machines/{}", ROUTE_SIGNED, octopus_machine},
    {"GET", "/api/projects", ROUTE_SIGNED, octopus_projects},
    {"GET", "/api/projects/all", ROUTE_SIGNED, octopus_projects_all},
    {"GET", "/api/projects/{}", ROUTE_SIGNED, octopus_project},
    {"GET", "/api/projects/{}/deploymentsettings", ROUTE_SIGNED, octopus_project_settings},
    {"GET", "/api/projects/{}/releases", ROUTE_SIGNED, octopus_project_releases},
    {"GET", "/api/projects/{}/releases/{}", ROUTE_SIGNED, octopus_project_release},
    {"GET", "/api/releases", ROUTE_SIGNED, octopus_releases},
    {"POST", "/api/releases", ROUTE_SIGNED, octopus_release_create},
    {"GET", "/api/releases/{}", ROUTE_SIGNED, octopus_release},
    {"GET", "/api/releases/{}/deployments/preview/{}", ROUTE_SIGNED, octopus_deployment_preview},
    {"GET", "/api/deployments", ROUTE_SIGNED, octopus_deployments},
    {"POST", "/api/deployments", ROUTE_SIGNED, octopus_deployment_create},
    {"POST", "/api/deployments/create/untenanted/v1", ROUTE_SIGNED, octopus_deployments_create},
    {"GET", "/api/deployments/{}", ROUTE_SIGNED, octopus_deployment},
    {"GET", "/api/tasks", ROUTE_SIGNED, octopus_tasks},
    {"POST", "/api/tasks/rerun/{}", ROUTE_SIGNED, octopus_task_rerun},
    {"GET", "/api/tasks/{}", ROUTE_SIGNED, octopus_task},
    {"GET", "/api/tasks/{}/details", ROUTE_SIGNED, octopus_task_details},
    {"GET", "/api/tasks/{}/raw", ROUTE_SIGNED, octopus_task_raw},
    {"GET", "/api/tasks/{}/queued-behind", ROUTE_SIGNED, octopus_task_queued_behind},
    {"POST", "/api/tasks/{}/cancel", ROUTE_SIGNED, octopus_task_cancel},
    {"GET", "/api/interruptions", ROUTE_SIGNED, octopus_interruptions},
    {"GET", "/api/interruptions/all", ROUTE_SIGNED, octopus_interruptions_all},
    {"GET", "/api/interruptions/{}", ROUTE_SIGNED, octopus_interruption},
    {"GET", "/api/interruptions/{}/responsible", ROUTE_SIGNED, octopus_responsible},
    {"PUT", "/api/interruptions/{}/responsible", ROUTE_SIGNED, octopus_take},
    {"POST", "/api/interruptions/{}/submit", ROUTE_SIGNED, octopus_submit},
    {"GET", "/api/events", ROUTE_SIGNED, octopus_events},

    {"GET", "/schema/guidepost-1.json", ROUTE_OPEN, page_schema},

    {"GET", "/", ROUTE_OPEN, page_index},
    {"GET", "/login", ROUTE_OPEN, page_index},
    {"GET", "/d/{}", ROUTE_OPEN, page_index},
    {"GET", "/q/{}", ROUTE_OPEN, page_index},
    {"GET", "/rooms/{}", ROUTE_OPEN, page_index},
    {"GET", "/*", ROUTE_OPEN, page_file},
};

const struct route *route_table(size_t *ret_count) {
    *ret_count = sizeof table / sizeof table[0];
    return table;
}

/* --- matching ----------------------------------------------------------------------------------------------------- */

static bool part_is(const char *part, size_t size, const char *word) {
    return strlen(word) == size && strncasecmp(part, word, size) == 0;
}

/* The only space, by its id and by its name. */
static bool is_space(const char *part, size_t size) {
    return part_is(part, size, "Spaces-1") || part_is(part, size, "default");
}

const char *route_path(const char *path, struct arena *arena) {
    static const char api[] = "/api";
    size_t size = strlen(path);
    if (!str_starts_nocase(path, api) || (path[sizeof api - 1] != '/' && path[sizeof api - 1] != '\0')) {
        return path;
    }
    while (size > sizeof api - 1 && path[size - 1] == '/') {
        size--;
    }
    const char *trimmed = arena_strndup(arena, path, size), *rest = trimmed + sizeof api - 1;
    if (str_starts_nocase(rest, "/spaces/")) {
        /* /api/spaces/Spaces-1 is the space itself; what follows it lies in the space. */
        const char *space = rest + strlen("/spaces/");
        size_t space_size = strcspn(space, "/");
        bool inside = is_space(space, space_size) && space[space_size] == '/';
        return inside ? arena_printf(arena, "%s%s", api, space + space_size) : trimmed;
    }
    size_t first = rest[0] == '/' ? strcspn(rest + 1, "/") : 0;
    bool inside = first > 0 && is_space(rest + 1, first);
    return inside ? arena_printf(arena, "%s%s", api, rest + 1 + first) : trimmed;
}

static bool pattern_fits(const char *pattern, const char *path, struct arena *arena,
                         const char *ret_params[CALL_PARAMS]) {
    size_t params = 0;
    while (*pattern == '/' && *path == '/') {
        size_t pattern_size = strcspn(++pattern, "/"), size = strcspn(++path, "/");
        if (part_is(pattern, pattern_size, "*")) {
            return true;
        }
        if (part_is(pattern, pattern_size, "{}") && size > 0) {
            ret_params[params++] = arena_strndup(arena, path, size);
        } else if (pattern_size != size || strncasecmp(pattern, path, size) != 0) {
            return false;
        }
        pattern += pattern_size;
        path += size;
    }
    return *pattern == '\0' && *path == '\0';
}

const struct route *route_find(const char *method, const char *path, struct arena *arena,
                               const char *ret_params[CALL_PARAMS], bool *ret_other_method) {
    *ret_other_method = false;
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        const struct route *route = &table[i];
        bool rest = strchr(route->pattern, '*') != NULL;
        if ((rest && *ret_other_method) || !pattern_fits(route->pattern, path, arena, ret_params)) {
            continue;
        }
        if (str_equal(route->method, method) || (str_equal(route->method, "GET") && str_equal(method, "HEAD"))) {
            return route;
        }
        *ret_other_method = *ret_other_method || !rest;
    }
    return NULL;
}
