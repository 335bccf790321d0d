#include "check.h"

#include <string.h>

#include "base/limits.h"
#include "base/str.h"
#include "core/permission.h"

/* http to another host than this one, as far as its name says. */
static bool is_plain(const char *url) {
    static const char *const here[] = {"127.0.0.1", "localhost", "[::1]"};
    static const char scheme[] = "http://";
    if (!str_starts(url, scheme)) {
        return false;
    }
    const char *host = url + strlen(scheme);
    size_t size = strcspn(host, "/?#");
    for (size_t i = 0; i < sizeof here / sizeof here[0]; i++) {
        size_t length = strlen(here[i]);
        bool same = str_starts(host, here[i]) && length + strspn(host + length, ":0123456789") == size;
        if (same && (length == size || host[length] == ':')) {
            return false;
        }
    }
    return true;
}

void check_guided(struct binder *binder, const struct config_guided *guided, const struct node *owner,
                  const char *path) {
    const struct node *section = node_get(owner, "guided_failure");
    const struct node *list = node_get(section, "escalate");
    if (guided->escalate_count > LIMIT_RUNGS) {
        problem_error(binder->problems, list->place, "%s.guided_failure.escalate: has more than %d rungs", path,
                      LIMIT_RUNGS);
    }
    for (size_t i = 0; i < guided->escalate_count; i++) {
        const struct config_escalation *escalation = &guided->escalate[i];
        const struct node *node = list->items[i];
        if (node->kind == NODE_MAP && node_get(node, "mention") == NULL && node_get(node, "room") == NULL &&
            node_get(node, "run") == NULL && node_get(node, "webhook") == NULL) {
            problem_error(binder->problems, node->place,
                          "%s.guided_failure.escalate[%zu]: needs mention, room, run or webhook", path, i);
        }
        if (escalation->webhook != NULL && is_plain(escalation->webhook) && !escalation->webhook_plain) {
            problem_error(binder->problems, check_place(node, "webhook"),
                          "%s.guided_failure.escalate[%zu].webhook: is plain http, which everybody on the way can read "
                          "(webhook_plain: true allows it)",
                          path, i);
        }
        if (i > 0 && escalation->after_ms < guided->escalate[i - 1].after_ms) {
            problem_error(binder->problems, check_place(node, "after"),
                          "%s.guided_failure.escalate[%zu].after: comes before the one above it", path, i);
        }
        if (guided->answer_within_ms > 0 && escalation->after_ms >= guided->answer_within_ms) {
            problem_error(binder->problems, check_place(node, "after"),
                          "%s.guided_failure.escalate[%zu].after: is not before the deadline, answer_within", path, i);
        }
    }
    bool waits_for_ever = guided->answer_within_ms <= 0 && node_get(section, "answer_within") != NULL;
    if (guided->fail_unanswered == SWITCH_ON && waits_for_ever) {
        problem_error(binder->problems, check_place(section, "if_unanswered"),
                      "%s.guided_failure.if_unanswered: means nothing without answer_within", path);
    }
}

static bool covers(const struct config_names *names, const char *name) {
    return names->count == 0 || config_names_have(names, "*") || config_names_have(names, name);
}

/* Whether a rule means at least one person. */
static bool has_somebody(const struct config *config, const struct config_names *to) {
    for (size_t i = 0; i < to->count; i++) {
        const struct config_team *team = config_find_team(config, to->items[i]);
        if (config_find_person(config, to->items[i]) != NULL || (team != NULL && team->members.count > 0) ||
            (str_equal(to->items[i], "*") && config->person_count > 0)) {
            return true;
        }
    }
    return false;
}

static bool somebody_may_fail(const struct config *config, const char *project, const char *environment) {
    for (size_t i = 0; i < config->permission_count; i++) {
        const struct config_permission *rule = &config->permissions[i];
        if ((rule->allow & PERMISSION_FAIL) != 0 && covers(&rule->projects, project) &&
            covers(&rule->environments, environment) && has_somebody(config, &rule->to)) {
            return true;
        }
    }
    return false;
}

/* Whether a step of the project can ask in the environment, without a word about it in the deployment. */
static bool can_ask(const struct config_project *project, const struct config_environment *environment) {
    if (!covers(&project->environments, environment->name)) {
        return false;
    }
    enum config_switch outer =
        project->guided.enabled != SWITCH_INHERIT ? project->guided.enabled : environment->guided.enabled;
    for (size_t i = 0; i < project->step_count; i++) {
        const struct config_step *step = &project->steps[i];
        enum config_switch own = step->guided.enabled != SWITCH_INHERIT ? step->guided.enabled : outer;
        bool fails_here = covers(&step->environments, environment->name) && !step->approve && !step->continue_on_error;
        if (own == SWITCH_ON && fails_here) {
            return true;
        }
    }
    return false;
}

void check_answerable(struct binder *binder, const struct config *config, const struct node *root) {
    const struct node *environments = node_get(root, "environments");
    for (size_t i = 0; i < config->environment_count; i++) {
        const char *environment = config->environments[i].name;
        for (size_t k = 0; k < config->project_count; k++) {
            const char *project = config->projects[k].name;
            if (can_ask(&config->projects[k], &config->environments[i]) &&
                !somebody_may_fail(config, project, environment)) {
                problem_warn(binder->problems, environments->keys[i]->place,
                             "environments.%s: %s can ask here, but no permission lets anybody answer fail",
                             environment, project);
            }
        }
    }
}
