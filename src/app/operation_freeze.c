/* freeze and unfreeze. */

#include "base/clock.h"
#include "base/str.h"
#include "store/freezes.h"
#include "task.h"

static void changed(const struct err *err, void *user) {
    struct task *task = user;
    const char *environment = task->op.command.environment;
    if (err != NULL) {
        task_fail(task, err);
        return;
    }
    bool freezes = task->op.command.id == COMMAND_FREEZE;
    if (freezes) {
        buf_printf(&task->text, "%s is frozen: nothing new starts there. What runs or waits in its lane goes on.",
                   environment);
    } else {
        buf_printf(&task->text, "%s is no longer frozen.", environment);
    }
    json_object_begin(&task->out, NULL);
    json_add_string(&task->out, "environment", environment);
    json_add_bool(&task->out, "frozen", freezes);
    json_object_end(&task->out);
    task_reply(task);
}

/* It stops every project there, so whoever does it must be allowed to for each of them. */
static bool allowed(struct task *task) {
    const struct config *config = task->config;
    for (size_t i = 0; i < config->project_count; i++) {
        const struct config_project *project = &config->projects[i];
        bool here =
            project->environments.count == 0 || config_names_have(&project->environments, task->op.command.environment);
        if (here && !task_allowed(task, PERMISSION_FREEZE, project->name, task->op.command.environment)) {
            return false;
        }
    }
    return config->project_count > 0 || task_allowed(task, PERMISSION_FREEZE, NULL, task->op.command.environment);
}

void task_freeze(struct task *task) {
    const struct command *c = &task->op.command;
    struct store *store = task->operations->options.store;
    if (config_find_environment(task->config, c->environment) == NULL) {
        task_refuse(task, ERR_NOT_FOUND, "There is no environment '%s'.", c->environment);
        return;
    }
    if (!allowed(task)) {
        return;
    }
    const struct freeze freeze = {
        .environment = c->environment,
        .actor = task->op.actor.name,
        .via = task->op.actor.via,
        .reason = c->note,
        .when_ms = clock_wall_ms(),
    };
    if (c->id == COMMAND_FREEZE) {
        store_freeze(store, &freeze, task->op.event_id, changed, task);
    } else {
        store_unfreeze(store, &freeze, task->op.event_id, changed, task);
    }
}
