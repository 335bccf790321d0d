/* deploy and cancel. */

#include <string.h>

#include "app/planner.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/str.h"
#include "task.h"

struct deploying {
    struct plan *plan;
    const char *inputs;
    size_t ahead;
};

static void deploy_say(struct task *task) {
    struct deploying *state = task->state;
    buf_printf(&task->text, "D%llu: %s %s to %s", (unsigned long long)task->deployment, state->plan->project,
               task->op.command.version, state->plan->environment);
    if (state->ahead == 0) {
        buf_adds(&task->text, " starts.");
    } else {
        buf_printf(&task->text, " waits in its lane for %zu other deployment%s.", state->ahead,
                   state->ahead == 1 ? "" : "s");
    }
    json_object_begin(&task->out, NULL);
    json_add_int(&task->out, "deployment", (int64_t)task->deployment);
    json_add_int(&task->out, "ahead", (int64_t)state->ahead);
    json_object_end(&task->out);
    task_reply(task);
}

static void deploy_created(uint64_t id, size_t ahead, const struct err *err, void *user) {
    struct task *task = user;
    if (err != NULL) {
        task_fail(task, err);
        return;
    }
    struct deploying *state = task->state;
    state->ahead = ahead;
    task->deployment = id;
    deploy_say(task);
}

static bool deploy_allowed(struct task *task) {
    const struct command *c = &task->op.command;
    /* Names that do not exist get their own sentence from the planner. */
    bool known = config_find_project(task->config, c->project) != NULL &&
                 config_find_environment(task->config, c->environment) != NULL;
    return !known || task_allowed(task, PERMISSION_DEPLOY, c->project, c->environment);
}

void task_deploy(struct task *task) {
    struct deploying *state = task->state = arena_alloc(task->arena, sizeof *state);
    struct err err;
    if (!deploy_allowed(task)) {
        return;
    }
    if (planner_build(task->config, &task->op.command, task->arena, &state->plan, &state->inputs, &err) < 0) {
        task_fail(task, &err);
        return;
    }
    if (task->op.command.dry_run) {
        planner_describe(task->config, &task->op.command, state->plan, &task->text);
        planner_write_preview(task->config, &task->op.command, state->plan, &task->out);
        task_reply(task);
        return;
    }
    store_create_deployment(task->operations->options.store,
                            &(struct new_deployment){
                                .plan = state->plan,
                                .version = task->op.command.version,
                                .actor = task->op.actor.name,
                                .via = task->op.actor.via,
                                .inputs = state->inputs,
                                .guided_flag = task->op.command.guided,
                                .now_ms = clock_wall_ms(),
                                .event_id = task->op.event_id,
                            },
                            deploy_created, task);
}

static void cancel_recorded(enum answer_result result, void *user) {
    struct task *task = user;
    unsigned long long id = (unsigned long long)task->deployment;
    switch (result) {
    case ANSWER_ACCEPTED:
        buf_printf(&task->text, "D%llu is being canceled. What runs is stopped; what was done stays done.", id);
        task_reply(task);
        break;
    case ANSWER_UNAVAILABLE:
        task_refuse(task, ERR_UNAVAILABLE, "Nothing was recorded: the store is away. Try again.");
        break;
    case ANSWER_UNKNOWN:
        task_refuse(task, ERR_UNKNOWN, "It is not known whether that was recorded. See status D%llu.", id);
        break;
    case ANSWER_TOO_LATE:
    case ANSWER_CLOSING:
    case ANSWER_CHANGED:
    case ANSWER_GENERATION:
        task_refuse(task, ERR_CONFLICT, "D%llu is over or was canceled before.", id);
        break;
    }
}

static void cancel_loaded(struct deployment_record *record, const struct err *err, void *user) {
    struct task *task = user;
    if (err != NULL) {
        task_unread(task, err);
        return;
    }
    task->record = record;
    const struct deployment *d = record->deployment;
    if (!task_allowed(task, PERMISSION_CANCEL, d->plan->project, d->plan->environment)) {
        return;
    }
    if (deployment_is_final(d->state)) {
        task_refuse(task, ERR_CONFLICT, "D%llu is over: %s.", (unsigned long long)d->id,
                    deployment_state_word(d->state));
        return;
    }
    store_cancel(task->operations->options.store, d->id, task->op.actor.name, task->op.actor.via, task->op.command.note,
                 task->op.event_id, cancel_recorded, task);
}

void task_cancel(struct task *task) {
    task->deployment = task->op.command.deployment;
    store_load_deployment(task->operations->options.store, task->deployment, cancel_loaded, task);
}
