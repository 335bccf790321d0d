/* deploy and cancel. */

#include <string.h>

#include "app/planner.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/str.h"
#include "core/view.h"
#include "lane.h"
#include "store/freezes.h"
#include "task.h"

struct starting {
    const struct plan *plan;
    const char *version, *more;
    size_t ahead;
};

/* waits_for: a sentence, or NULL. */
static void start_say(struct task *task, const struct starting *state, const char *waits_for) {
    buf_printf(&task->text, "D%llu: %s %s to %s", (unsigned long long)task->deployment, state->plan->project,
               state->version, state->plan->environment);
    if (state->ahead == 0) {
        buf_adds(&task->text, " starts.");
    } else {
        buf_printf(&task->text, " waits in its lane for %zu other deployment%s.", state->ahead,
                   state->ahead == 1 ? "" : "s");
    }
    if (waits_for != NULL) {
        buf_printf(&task->text, " It %s.", waits_for);
    }
    buf_printf(&task->text, "%s%s", state->more == NULL ? "" : " ", state->more == NULL ? "" : state->more);
    json_object_begin(&task->out, NULL);
    json_add_int(&task->out, "deployment", (int64_t)task->deployment);
    json_add_int(&task->out, "ahead", (int64_t)state->ahead);
    json_add_string(&task->out, "version", state->version);
    json_object_end(&task->out);
    task_reply(task);
}

static void recalled(uint64_t id, void *user) {
    struct task *task = user;
    if (id != 0) {
        task->err = (struct err){0};
        task->deployment = id;
        buf_printf(&task->text, "D%llu was started by this request before.", (unsigned long long)id);
        json_object_begin(&task->out, NULL);
        json_add_int(&task->out, "deployment", (int64_t)id);
        json_object_end(&task->out);
    }
    task_reply(task);
}

void task_not_started(struct task *task, const struct err *err) {
    task->err = *err;
    if (task->op.event_id == NULL) {
        task_reply(task);
    } else {
        store_recall_deployment(task->operations->options.store, task->op.event_id, recalled, task);
    }
}

static void start_behind(struct deployment_record *holder, void *user) {
    struct task *task = user;
    start_say(task, task->state,
              holder == NULL ? NULL : view_waits_for(holder->deployment, clock_wall_ms(), task->arena));
    deployment_record_free(holder);
}

static void start_created(uint64_t id, size_t ahead, const struct err *err, void *user) {
    struct task *task = user;
    struct starting *state = task->state;
    if (err != NULL && err->code == ERR_DENIED) {
        task_stale(task, err->text);
        return;
    }
    if (err != NULL) {
        task_fail(task, err);
        return;
    }
    state->ahead = ahead;
    task->deployment = id;
    if (ahead > 0) {
        lane_read_holder(task->operations->options.store, state->plan, id, start_behind, task);
    } else {
        start_say(task, state, NULL);
    }
}

void task_start(struct task *task, const struct task_start *start) {
    struct starting *state = task->state = arena_alloc(task->arena, sizeof *state);
    *state = (struct starting){.plan = start->plan, .version = start->version, .more = start->more};
    store_create_deployment(task->operations->options.store,
                            &(struct new_deployment){
                                .plan = start->plan,
                                .version = start->version,
                                .actor = task->op.actor.name,
                                .via = task->op.actor.via,
                                .inputs = start->inputs,
                                .guided_flag = start->guided,
                                .origin = start->origin,
                                .origin_id = start->origin_id,
                                .rolls_back = start->rolls_back,
                                .begun = start->begun,
                                .decision = start->decision,
                                .now_ms = clock_wall_ms(),
                                .generation = task->config->generation,
                                .event_id = task->op.event_id,
                            },
                            start_created, task);
}

/* --- whether anything may start there -------------------------------------------------------------------------- */

struct permitting {
    const char *environment;
    void (*next)(struct task *task);
    struct err lacking; /* what is said of inputs that are missing, if it is not frozen */
};

static void freezes_came(const struct freeze *freezes, size_t count, const struct err *err, void *user) {
    struct task *task = user;
    const struct permitting *state = task->state;
    if (err != NULL) {
        task_unread(task, err);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        if (str_equal(freezes[i].environment, state->environment)) {
            struct buf text = BUF_INIT(ERR_TEXT_SIZE);
            freeze_describe(&freezes[i], clock_wall_ms(), &text);
            char *copy = arena_strdup(task->arena, text.data);
            buf_finish(&text);
            task_refuse(task, ERR_CONFLICT, "%s Nothing was started. To end that: unfreeze %s", copy,
                        state->environment);
            return;
        }
    }
    state->next(task);
}

static void look_for_freeze(struct task *task, const struct permitting *permitting) {
    struct permitting *state = task->state = arena_alloc(task->arena, sizeof *state);
    *state = *permitting;
    state->environment = arena_strdup(task->arena, permitting->environment);
    store_list_freezes(task->operations->options.store, freezes_came, task);
}

/* A request that is sent again is told what became of it the first time: the commit alone knows whether it is one. */
void task_may_deploy(struct task *task, const char *project, const char *environment, void (*next)(struct task *task)) {
    if (!task_allowed(task, PERMISSION_DEPLOY, project, environment)) {
        return;
    }
    if (task->op.event_id != NULL || task->op.command.dry_run) {
        next(task);
        return;
    }
    look_for_freeze(task, &(struct permitting){.environment = environment, .next = next});
}

/* --- deploy ---------------------------------------------------------------------------------------------------- */

/* A dry run may leave inputs out: if that is possible, nothing else is wrong. */
static bool lacks_only_inputs(const struct task *task) {
    struct command dry = task->op.command;
    struct plan *plan = NULL;
    const char *inputs = NULL;
    struct err err;
    dry.dry_run = true;
    return planner_build(task->config, &dry, task->arena, &plan, &inputs, &err) == 0;
}

static void lacks_inputs(struct task *task) {
    const struct permitting *state = task->state;
    task->lacks_inputs = true;
    task_fail(task, &state->lacking);
}

void task_deploy_as(struct task *task, enum origin origin, uint64_t origin_id, bool rolls_back, const char *more) {
    struct command *c = &task->op.command;
    struct plan *plan = NULL;
    const char *inputs = NULL;
    struct err err;
    if (planner_build(task->config, c, task->arena, &plan, &inputs, &err) < 0) {
        if (lacks_only_inputs(task)) {
            /* Nobody is to be asked for them where the commit would refuse what they are for. */
            look_for_freeze(task,
                            &(struct permitting){.environment = c->environment, .next = lacks_inputs, .lacking = err});
        } else {
            task_fail(task, &err);
        }
        return;
    }
    if (c->dry_run) {
        planner_describe(task->config, c, plan, &task->text);
        planner_write_preview(task->config, c, plan, &task->out);
        task_reply(task);
        return;
    }
    task_start(task, &(struct task_start){
                         .plan = plan,
                         .version = c->version,
                         .inputs = inputs,
                         .guided = c->guided,
                         .origin = origin,
                         .origin_id = origin_id,
                         .rolls_back = rolls_back,
                         .more = more,
                     });
}

static void deploy_permitted(struct task *task) {
    task_deploy_as(task, ORIGIN_DEPLOY, 0, false, NULL);
}

void task_deploy(struct task *task) {
    const struct command *c = &task->op.command;
    /* Names that do not exist get their own sentence from the planner. */
    bool known = config_find_project(task->config, c->project) != NULL &&
                 config_find_environment(task->config, c->environment) != NULL;
    if (known) {
        task_may_deploy(task, c->project, c->environment, deploy_permitted);
    } else {
        deploy_permitted(task);
    }
}

/* --- cancel ---------------------------------------------------------------------------------------------------- */

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
