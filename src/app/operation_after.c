/*
 * catch up, rollback, promote: the version is found in what the machines have, and then it is `deploy <project> <version>
 * to <environment>` with the configuration of today and the inputs of the deployment that the version comes from.
 */

#include <string.h>

#include "app/planner.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/str.h"
#include "core/rollback.h"
#include "task.h"

struct choice {
    enum origin origin;
    uint64_t about;  /* the deployment that the new one is about */
    uint64_t source; /* whose inputs are taken */
    bool rolls_back;
    const char *more;
};

/* --- from the choice to the deployment --- */

/* Inputs that the project no longer has are left out. */
static void take_inputs(struct task *task, const char *text) {
    struct command *c = &task->op.command;
    const struct config_project *project = config_find_project(task->config, c->project);
    struct json *root = NULL;
    if (text == NULL || json_parse(text, strlen(text), &root, NULL) != 0) {
        return;
    }
    for (const struct json *each = json_first(root); each != NULL; each = json_next(each)) {
        for (size_t i = 0; i < project->input_count; i++) {
            if (str_equal(project->inputs[i].name, json_key(each)) && json_is_string(each)) {
                c->inputs = arena_push(task->arena, c->inputs, c->input_count, sizeof *c->inputs);
                c->inputs[c->input_count++] = (struct command_input){arena_strdup(task->arena, json_key(each)),
                                                                     arena_strdup(task->arena, json_string(each))};
            }
        }
    }
    json_free(root);
}

static void source_loaded(struct deployment_record *record, const struct err *err, void *user) {
    struct task *task = user;
    const struct choice *choice = task->state;
    if (err != NULL && err->code != ERR_NOT_FOUND) {
        task_unread(task, err);
        return;
    }
    if (record != NULL) {
        take_inputs(task, record->deployment->inputs);
        deployment_record_free(record);
    }
    task_deploy_as(task, choice->origin, choice->about, choice->rolls_back, choice->more);
}

static void choose(struct task *task, const struct choice *choice, const char *version) {
    struct choice *kept = task->state = arena_alloc(task->arena, sizeof *kept);
    *kept = *choice;
    task->op.command.version = arena_strdup(task->arena, version);
    store_load_deployment(task->operations->options.store, choice->source, source_loaded, task);
}

static void refuse(struct task *task, const char *sentence) {
    struct err err;
    (void)err_set(&err, ERR_CONFLICT, "%s", sentence);
    task_not_started(task, &err);
}

/* False if a name is not there: refused. */
static bool names_known(struct task *task, const char *environment) {
    const char *project = task->op.command.project;
    if (config_find_project(task->config, project) == NULL) {
        task_refuse(task, ERR_NOT_FOUND, "There is no project '%s'.", project);
        return false;
    }
    if (config_find_environment(task->config, environment) == NULL) {
        task_refuse(task, ERR_NOT_FOUND, "There is no environment '%s'.", environment);
        return false;
    }
    return true;
}

static bool in_lane(const struct version_row *row, const char *project, const char *environment) {
    return str_equal(row->project, project) && str_equal(row->environment, environment);
}

/* The machine of the row, if the project still runs on it there. */
static bool row_counts(const struct task *task, const struct version_row *row, const char *environment) {
    const struct config_target *target = config_find_target(task->config, row->target);
    return target != NULL && in_lane(row, task->op.command.project, environment) &&
           planner_wants(config_find_project(task->config, row->project),
                         config_find_environment(task->config, environment), target);
}

/* --- catch up --- */

static void owed_came(const struct version_row *rows, size_t count, const struct err *err, void *user) {
    struct task *task = user;
    struct command *c = &task->op.command;
    const struct version_row *lane = NULL;
    const char *names = "";
    if (err != NULL) {
        task_unread(task, err);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        if (in_lane(&rows[i], c->project, c->environment) && str_empty(rows[i].target)) {
            lane = &rows[i];
        } else if (rows[i].owed.version != NULL && row_counts(task, &rows[i], c->environment)) {
            c->on.items = arena_push(task->arena, c->on.items, c->on.count, sizeof *c->on.items);
            c->on.items[c->on.count] = arena_strdup(task->arena, rows[i].target);
            names = arena_printf(task->arena, "%s%s%s", names, c->on.count == 0 ? "" : ", ", rows[i].target);
            c->on.count++;
        }
    }
    if (c->on.count == 0) {
        refuse(task, arena_printf(task->arena, "No machine of %s in %s is owed anything.", c->project, c->environment));
    } else if (lane == NULL) {
        refuse(task,
               arena_printf(task->arena, "No version of %s is confirmed in %s yet, so there is none to catch up with.",
                            c->project, c->environment));
    } else {
        choose(task,
               &(struct choice){.origin = ORIGIN_CATCH_UP,
                                .about = lane->confirmed.deployment,
                                .source = lane->confirmed.deployment,
                                .more = arena_printf(task->arena, "It catches up on %s.", names)},
               lane->confirmed.version);
    }
}

static void catch_up_permitted(struct task *task) {
    store_list_versions(task->operations->options.store, owed_came, task);
}

static void catch_up_in_lane(struct task *task) {
    const struct command *c = &task->op.command;
    if (names_known(task, c->environment)) {
        task_may_deploy(task, c->project, c->environment, catch_up_permitted);
    }
}

static void catch_up_loaded(struct deployment_record *record, const struct err *err, void *user) {
    struct task *task = user;
    if (err != NULL) {
        task_unread(task, err);
        return;
    }
    task->op.command.project = arena_strdup(task->arena, record->deployment->plan->project);
    task->op.command.environment = arena_strdup(task->arena, record->deployment->plan->environment);
    deployment_record_free(record);
    catch_up_in_lane(task);
}

void task_catch_up(struct task *task) {
    if (task->op.command.deployment != 0) {
        store_load_deployment(task->operations->options.store, task->op.command.deployment, catch_up_loaded, task);
    } else {
        catch_up_in_lane(task);
    }
}

/* --- rollback --- */

static void confirmed_came(const struct confirmed_row *rows, size_t count, const struct err *err, void *user) {
    struct task *task = user;
    const struct command *c = &task->op.command;
    if (err != NULL) {
        task_unread(task, err);
        return;
    }
    struct rollback_entry *entries = arena_array(task->arena, count + 1, sizeof *entries);
    for (size_t i = 0; i < count; i++) {
        entries[i] = (struct rollback_entry){rows[i].version.version, rows[i].rolls_back, rows[i].partial};
    }
    size_t at = rollback_choose(entries, count);
    if (at == count) {
        refuse(task, arena_printf(task->arena, "No version of %s was confirmed in %s before %s.", c->project,
                                  c->environment, count == 0 ? "" : rows[0].version.version));
        return;
    }
    choose(task,
           &(struct choice){.origin = ORIGIN_ROLLBACK,
                            .about = rows[0].version.deployment,
                            .source = rows[at].version.deployment,
                            .rolls_back = true,
                            .more = arena_printf(task->arena, "It goes back from %s (D%llu).", rows[0].version.version,
                                                 (unsigned long long)rows[0].version.deployment)},
           rows[at].version.version);
}

static void rollback_permitted(struct task *task) {
    const struct command *c = &task->op.command;
    store_list_confirmed(task->operations->options.store, c->project, c->environment, confirmed_came, task);
}

void task_rollback(struct task *task) {
    const struct command *c = &task->op.command;
    if (names_known(task, c->environment)) {
        task_may_deploy(task, c->project, c->environment, rollback_permitted);
    }
}

/* --- promote --- */

/* "1.4.2 on web-1; nothing confirmed on web-2", at most ten machines. */
struct standings {
    const char *text;
    size_t count;
    const struct version *version; /* of the first machine */
    bool differ;
};

static void note_machine(struct task *task, struct standings *all, const char *name, const struct version_row *row) {
    enum { NAMED = 10 };
    bool settled =
        row != NULL && row->confirmed.version != NULL && row->owed.version == NULL && row->unconfirmed.version == NULL;
    const char *has = row == NULL || row->confirmed.version == NULL ? "nothing confirmed"
                                                                    : arena_strdup(task->arena, row->confirmed.version);
    const char *but = row == NULL ? ""
                      : row->unconfirmed.version != NULL
                          ? arena_printf(task->arena, " (%s %s there)", row->unconfirmed.version,
                                         row->unknown ? "may be" : "did not finish")
                      : row->owed.version != NULL ? arena_printf(task->arena, " (owed %s)", row->owed.version)
                                                  : "";
    all->differ =
        all->differ || !settled || (all->version != NULL && !str_equal(all->version->version, row->confirmed.version));
    all->version = all->version == NULL && settled ? &row->confirmed : all->version;
    if (++all->count <= NAMED) {
        all->text = arena_printf(task->arena, "%s%s%s on %s%s", all->text, all->count == 1 ? "" : "; ", has, name, but);
    } else if (all->count == NAMED + 1) {
        all->text = arena_printf(task->arena, "%s; ...", all->text);
    }
}

static const struct version_row *row_of(const struct task *task, const struct version_row *rows, size_t count,
                                        const char *target) {
    for (size_t i = 0; i < count; i++) {
        if (in_lane(&rows[i], task->op.command.project, task->op.command.from) && str_equal(rows[i].target, target)) {
            return &rows[i];
        }
    }
    return NULL;
}

static void promoted_came(const struct version_row *rows, size_t count, const struct err *err, void *user) {
    struct task *task = user;
    const struct command *c = &task->op.command;
    const struct config_project *project = config_find_project(task->config, c->project);
    const struct config_environment *from = config_find_environment(task->config, c->from);
    struct standings all = {.text = ""};
    if (err != NULL) {
        task_unread(task, err);
        return;
    }
    for (size_t i = 0; i < task->config->target_count; i++) {
        const struct config_target *target = &task->config->targets[i];
        if (planner_wants(project, from, target)) {
            note_machine(task, &all, target->name, row_of(task, rows, count, target->name));
        }
    }
    if (all.count == 0) {
        note_machine(task, &all, "the whole", row_of(task, rows, count, "")); /* It has no machines there. */
    }
    if (all.differ || all.version == NULL) {
        refuse(task, arena_printf(task->arena, "%s in %s has no version that is confirmed everywhere: %s.", c->project,
                                  c->from, all.text));
        return;
    }
    choose(task,
           &(struct choice){.origin = ORIGIN_PROMOTE,
                            .about = all.version->deployment,
                            .source = all.version->deployment,
                            .more = arena_printf(task->arena, "It is what %s has.", c->from)},
           all.version->version);
}

static void promote_permitted(struct task *task) {
    store_list_versions(task->operations->options.store, promoted_came, task);
}

void task_promote(struct task *task) {
    const struct command *c = &task->op.command;
    if (names_known(task, c->from) && names_known(task, c->environment) &&
        task_allowed(task, PERMISSION_VIEW, c->project, c->from)) {
        task_may_deploy(task, c->project, c->environment, promote_permitted);
    }
}
