/* resume and again: a new deployment with the frozen plan of one before it. */

#include "base/clock.h"
#include "base/str.h"
#include "core/resume.h"
#include "task.h"

static enum resume_unknown said_of_unknown(const struct task *task) {
    const struct command *c = &task->op.command;
    return c->rerun_unknown ? RESUME_RERUN : c->unknown_worked ? RESUME_WORKED : RESUME_UNSAID;
}

static void begin(struct task *task, const struct deployment *begun, enum origin origin, const char *more) {
    const struct deployment *of = task->record->deployment;
    task_start(task, &(struct task_start){
                         .plan = of->plan,
                         .version = of->version,
                         .inputs = of->inputs,
                         .guided = of->guided_flag,
                         .origin = origin,
                         .origin_id = of->id,
                         .rolls_back = of->rolls_back,
                         .begun = begun,
                         .decision = origin == ORIGIN_RESUME ? resume_word(said_of_unknown(task)) : NULL,
                         .more = more,
                     });
}

/* "web-3, web-4" */
static const char *excluded_names(const struct deployment *d, struct arena *arena) {
    const char *names = "";
    for (size_t i = 0; i < d->plan->target_count; i++) {
        if (d->excluded[i]) {
            names = arena_printf(arena, "%s%s%s", names, *names == '\0' ? "" : ", ", d->plan->targets[i].name);
        }
    }
    return names;
}

static void resume_permitted(struct task *task) {
    struct deployment *of = task->record->deployment;
    struct err err;
    if (!resume_possible(of, said_of_unknown(task), task->arena, &err)) {
        task_not_started(task, &err);
        return;
    }
    const struct deployment *begun = resume_begin(of, said_of_unknown(task), task->arena);
    const char *place = resume_place(begun, task->arena);
    const char *left_out = begun->excluded_count == 0
                               ? ""
                               : arena_printf(task->arena, " Still excluded: %s.", excluded_names(begun, task->arena));
    begin(task, begun, ORIGIN_RESUME,
          arena_printf(task->arena, "It goes on from D%llu with %s. %s%s", (unsigned long long)of->id,
                       place != NULL ? place : "nothing more to run", resume_repeats(of, begun), left_out));
}

static void again_permitted(struct task *task) {
    const struct deployment *of = task->record->deployment;
    bool all = task->op.command.with_excluded || of->excluded_count == 0;
    const struct deployment *begun = resume_again(of, all, task->arena);
    const char *names = excluded_names(of, task->arena);
    const char *more = of->excluded_count == 0 ? "It does all of D%llu again."
                       : all                   ? "It does all of D%llu again, also on what was excluded there: %s."
                             : "It does all of D%llu again, without what was excluded there: %s. To have "
                               "that too: again D%llu with excluded";
    more = arena_printf(task->arena, more, (unsigned long long)of->id, names, (unsigned long long)of->id);
    begin(task, begun, ORIGIN_AGAIN,
          arena_printf(task->arena, "%s%s", resume_again_unknown(of, begun, task->arena), more));
}

static void loaded(struct deployment_record *record, const struct err *err, void *user) {
    struct task *task = user;
    if (err != NULL) {
        task_unread(task, err);
        return;
    }
    task->record = record;
    const struct plan *plan = record->deployment->plan;
    task_may_deploy(task, plan->project, plan->environment,
                    task->op.command.id == COMMAND_RESUME ? resume_permitted : again_permitted);
}

void task_resume(struct task *task) {
    task->deployment = task->op.command.deployment;
    store_load_deployment(task->operations->options.store, task->deployment, loaded, task);
}

static void again_refused(struct task *task, const struct deployment *d) {
    task_refuse(task, ERR_CONFLICT, "D%llu is not over: it is %s.", (unsigned long long)d->id,
                deployment_state_word(d->state));
}

static void again_loaded(struct deployment_record *record, const struct err *err, void *user) {
    struct task *task = user;
    if (err == NULL && !deployment_is_final(record->deployment->state)) {
        task->record = record;
        again_refused(task, record->deployment);
    } else {
        loaded(record, err, user);
    }
}

void task_again(struct task *task) {
    task->deployment = task->op.command.deployment;
    store_load_deployment(task->operations->options.store, task->deployment, again_loaded, task);
}
