/*
 * A release is no more than a version of a project: it is there as soon as somebody names it, and its id says all of
 * it. Lists show the versions that were deployed lately.
 */

#include <string.h>

#include "base/str.h"
#include "core/permission.h"
#include "octopus.h"
#include "octopus_scan.h"
#include "octopus_shape.h"

enum { LOOKED_AT = 200 };

const char *octopus_release_id(const char *project, const char *version, struct arena *arena) {
    return arena_printf(arena, "Releases-%s-%s", project, version);
}

/* Names may have dashes in them, so an id could be read in two ways; then it is better to deploy nothing. */
bool octopus_release_parse(const struct call *call, const char *id, const char **ret_project,
                           const char **ret_version) {
    const char *rest = octopus_name("Releases", id);
    size_t found = 0;
    for (size_t i = 0; i < call->config->project_count; i++) {
        const char *name = call->config->projects[i].name;
        size_t size = strlen(name);
        if (str_starts(rest, name) && rest[size] == '-' && str_is_name(rest + size + 1)) {
            *ret_project = name;
            *ret_version = rest + size + 1;
            found++;
        }
    }
    return found == 1;
}

void octopus_write_release(struct call *call, const char *key, const char *project, const char *version,
                           int64_t when_ms) {
    struct json_out *out = &call->out;
    const char *id = octopus_release_id(project, version, call->arena);
    json_object_begin(out, key);
    json_add_string(out, "Id", id);
    json_add_string(out, "SpaceId", OCTOPUS_SPACE);
    json_add_string(out, "Version", version);
    octopus_add_name(out, "ProjectId", "Projects", project);
    octopus_add_name(out, "ChannelId", "Channels", project);
    json_add_string(out, "ReleaseNotes", "");
    octopus_add_time(out, "Assembled", when_ms);
    octopus_add_words(out, "SelectedPackages", NULL, NULL, 0);
    json_object_begin(out, "Links");
    octopus_add_text(out, "Self", OCTOPUS_HOME "/releases/%s", id);
    octopus_add_text(out, "Project", OCTOPUS_HOME "/projects/Projects-%s", project);
    json_object_end(out);
    json_object_end(out);
}

static bool may_see(const struct call *call, const char *project) {
    return config_find_project(call->config, project) != NULL &&
           (call_permissions(call, project, NULL) & PERMISSION_VIEW) != 0;
}

static void release_answer(struct call *call, const char *project, const char *version, int status) {
    if (!may_see(call, project) || !str_is_name(version)) {
        call_refuse(call, ERR_NOT_FOUND, "There is no release '%.100s' of a project '%.100s'.", version, project);
        return;
    }
    octopus_write_release(call, NULL, project, version, 0);
    call_answer(call, status);
}

void octopus_release(struct call *call) {
    const char *project = NULL, *version = NULL;
    if (octopus_release_parse(call, call->params[0], &project, &version)) {
        release_answer(call, project, version, 200);
    } else {
        call_refuse(call, ERR_NOT_FOUND,
                    "'%.200s' names no release, or could name several: it is Releases-<project>-<version>.",
                    call->params[0]);
    }
}

void octopus_project_release(struct call *call) {
    release_answer(call, octopus_name("Projects", call->params[0]), call->params[1], 200);
}

void octopus_release_create(struct call *call) {
    const char *project = json_string(json_get_nocase(call->body, "ProjectId"));
    const char *version = json_string(json_get_nocase(call->body, "Version"));
    if (str_empty(project) || str_empty(version)) {
        call_refuse(call, ERR_INVALID, "ProjectId and Version are required.");
        return;
    }
    release_answer(call, octopus_name("Projects", project), version, 201);
}

/* --- lists -------------------------------------------------------------------------------------------------------- */

static bool is_first_of_version(const struct call *call, size_t index) {
    const struct deployment *d = call->records[index]->deployment;
    for (size_t i = 0; i < index; i++) {
        const struct deployment *newer = call->records[i]->deployment;
        if (str_equal(newer->version, d->version) && str_equal(newer->plan->project, d->plan->project)) {
            return false;
        }
    }
    return true;
}

static void releases_write(struct call *call) {
    static const struct octopus_list list = {"Release", "/releases", ""};
    struct octopus_page page;
    uint64_t total = 0, seen = 0;
    if (!octopus_page_read(call, &page)) {
        return;
    }
    for (size_t i = 0; i < call->record_count; i++) {
        total += is_first_of_version(call, i);
    }
    octopus_list_begin(call, &list, &page, total);
    for (size_t i = 0; i < call->record_count; i++) {
        const struct deployment *d = call->records[i]->deployment;
        if (is_first_of_version(call, i) && seen++ >= page.skip && seen <= page.skip + page.take) {
            octopus_write_release(call, NULL, d->plan->project, d->version, d->created_ms);
        }
    }
    octopus_list_end(call, &list, &page, total);
    call_answer(call, 200);
}

void octopus_releases(struct call *call) {
    const struct octopus_scan scan = {.page = {0, LOOKED_AT}};
    octopus_scan(call, &scan, releases_write);
}

void octopus_project_releases(struct call *call) {
    const struct octopus_scan scan = {.projects = call->params[0], .page = {0, LOOKED_AT}};
    octopus_scan(call, &scan, releases_write);
}
