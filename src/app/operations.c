/*
 * The life of an operation: it is copied, its handler runs on the next turn of the loop, reads what it must from the store, has the
 * store record what was decided, and replies once. The handlers stand in operation_*.c.
 */

#include "app/operations.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "task.h"

static void (*const handlers[COMMAND_COUNT])(struct task *task) = {
    [COMMAND_ABORT] = task_answer,        [COMMAND_AGAIN] = task_again,    [COMMAND_CANCEL] = task_cancel,
    [COMMAND_CATCH] = task_catch_up,      [COMMAND_CHECK] = task_check,    [COMMAND_DEPLOY] = task_deploy,
    [COMMAND_EXCLUDE] = task_answer,      [COMMAND_EXTEND] = task_put_off, [COMMAND_FAIL] = task_answer,
    [COMMAND_FREEZE] = task_freeze,       [COMMAND_HELP] = task_help,      [COMMAND_HISTORY] = task_history,
    [COMMAND_IGNORE] = task_answer,       [COMMAND_LOG] = task_log,        [COMMAND_PARK] = task_put_off,
    [COMMAND_PENDING] = task_pending,     [COMMAND_PROCEED] = task_answer, [COMMAND_PROMOTE] = task_promote,
    [COMMAND_RESUME] = task_resume,       [COMMAND_RETRY] = task_answer,   [COMMAND_ROLLBACK] = task_rollback,
    [COMMAND_SHOW] = task_show,           [COMMAND_STATUS] = task_status,  [COMMAND_TAKE] = task_take,
    [COMMAND_UNFREEZE] = task_freeze,     [COMMAND_UNPARK] = task_put_off, [COMMAND_VERSIONS] = task_versions,
    [COMMAND_WHEN_BACK] = task_when_back, [COMMAND_WHO] = task_who,        [COMMAND_WHOAMI] = task_whoami,
};

struct operations *operations_create(const struct operations_options *options) {
    struct operations *operations = mem_alloc(sizeof *operations);
    operations->options = *options;
    return operations;
}

void operations_destroy(struct operations *operations) {
    if (operations == NULL) {
        return;
    }
    while (operations->tasks != NULL) {
        task_refuse(operations->tasks, ERR_UNKNOWN, "The server stops. Whether it was recorded shows in status.");
    }
    mem_free(operations);
}

static struct plan_names names_copy(const struct plan_names *names, struct arena *arena) {
    struct plan_names copy = {arena_array(arena, names->count + 1, sizeof(char *)), names->count};
    for (size_t i = 0; i < names->count; i++) {
        copy.items[i] = arena_strdup(arena, names->items[i]);
    }
    return copy;
}

static struct command command_copy(const struct command *command, struct arena *arena) {
    struct command copy = *command;
    copy.project = arena_strdup(arena, command->project);
    copy.version = arena_strdup(arena, command->version);
    copy.environment = arena_strdup(arena, command->environment);
    copy.from = arena_strdup(arena, command->from);
    copy.on = names_copy(&command->on, arena);
    copy.without = names_copy(&command->without, arena);
    copy.skip = names_copy(&command->skip, arena);
    copy.targets = names_copy(&command->targets, arena);
    copy.step = arena_strdup(arena, command->step);
    copy.target = arena_strdup(arena, command->target);
    copy.topic = arena_strdup(arena, command->topic);
    copy.note = arena_strdup(arena, command->note);
    copy.inputs = arena_array(arena, command->input_count + 1, sizeof *copy.inputs);
    for (size_t i = 0; i < command->input_count; i++) {
        copy.inputs[i].key = arena_strdup(arena, command->inputs[i].key);
        copy.inputs[i].value = arena_strdup(arena, command->inputs[i].value);
    }
    return copy;
}

static struct operation operation_copy(const struct operation *op, struct arena *arena) {
    struct operation copy = *op;
    copy.actor.name = arena_strdup(arena, op->actor.name);
    copy.actor.via = arena_strdup(arena, op->actor.via);
    copy.actor.teams = names_copy(&op->actor.teams, arena);
    copy.place.adapter = arena_strdup(arena, op->place.adapter);
    copy.place.room = arena_strdup(arena, op->place.room);
    copy.event_id = arena_strdup(arena, op->event_id);
    copy.command = command_copy(&op->command, arena);
    return copy;
}

/* The turn in which the operation came is over. */
static void task_begin(void *user) {
    struct task *task = user;
    task->soon = NULL;
    if (task->op.command.question == 0) {
        task->op.command.question = task->op.place.question;
    }
    if (handlers[task->op.command.id] == NULL) {
        task_refuse(task, ERR_INVALID, "Nothing was asked for. Say help for the commands.");
        return;
    }
    if (task->op.command.note != NULL && strlen(task->op.command.note) > LIMIT_NOTE_BYTES) {
        task_refuse(task, ERR_TOO_BIG, "The note is too long: %d bytes at most.", LIMIT_NOTE_BYTES);
        return;
    }
    handlers[task->op.command.id](task);
}

void operations_start(const struct operation *operation, operation_done *done, void *done_user, void *user) {
    struct operations *operations = user;
    struct task *task = mem_alloc(sizeof *task);
    task->operations = operations;
    task->arena = arena_create();
    task->op = operation_copy(operation, task->arena);
    task->config = config_ref(operations->options.config(operations->options.user));
    task->done = done;
    task->done_user = done_user;
    buf_init(&task->text, LIMIT_MESSAGE_BYTES);
    buf_init(&task->json, LIMIT_HTTP_RESPONSE_BYTES);
    task->out.buf = &task->json;
    task->next = operations->tasks;
    task->link = &operations->tasks;
    if (task->next != NULL) {
        task->next->link = &task->next;
    }
    operations->tasks = task;
    task->soon = loop_soon(operations->options.loop, task_begin, task);
}

void task_reply(struct task *task) {
    *task->link = task->next;
    if (task->next != NULL) {
        task->next->link = task->link;
    }
    if (task->soon != NULL) {
        loop_cancel_soon(task->soon);
    }
    if (task->text.overflow) {
        buf_clear(&task->text);
        buf_adds(&task->text, "The reply is too long to be shown here.");
    }
    struct operation_reply reply = {
        .err = task->err.code == ERR_NONE ? NULL : &task->err,
        .text = task->err.code == ERR_NONE ? task->text.data : task->err.text,
        .json = task->json.size == 0 || task->json.overflow ? NULL : task->json.data,
        .deployment = task->deployment,
        .question = task->question,
        .lacks_inputs = task->lacks_inputs,
    };
    task->done(&reply, task->done_user);
    deployment_record_free(task->record);
    config_unref(task->config);
    buf_finish(&task->text);
    buf_finish(&task->json);
    arena_destroy(task->arena);
    mem_free(task);
}

void task_fail(struct task *task, const struct err *err) {
    task->err = *err;
    task_reply(task);
}

void task_unread(struct task *task, const struct err *err) {
    if (err->code == ERR_UNAVAILABLE) {
        task_refuse(task, ERR_UNAVAILABLE, "Nothing was recorded: the store is away. Try again.");
    } else {
        task_fail(task, err);
    }
}

void task_refuse(struct task *task, enum err_code code, const char *format, ...) {
    char text[ERR_TEXT_SIZE];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    (void)err_set(&task->err, code, "%s", text);
    task_reply(task);
}

void task_stale(struct task *task, const char *sentence) {
    const struct operations_options *options = &task->operations->options;
    if (options->stale_config != NULL) {
        options->stale_config(options->user);
    }
    task_refuse(task, ERR_CONFLICT, "%s", sentence);
}

/* --- permission ---------------------------------------------------------------------------------------------- */

static bool names_have(const struct plan_names *names, const char *name) {
    for (size_t i = 0; i < names->count; i++) {
        if (str_equal(names->items[i], name)) {
            return true;
        }
    }
    return false;
}

unsigned actor_permissions(const struct config *config, const struct actor *actor, const char *project,
                           const char *environment) {
    if (actor->everything) {
        return PERMISSION_ALL;
    }
    if (config_find_person(config, actor->name) == NULL) {
        return 0;
    }
    struct arena *arena = arena_create();
    const char **names = arena_array(arena, config->team_count + 1, sizeof *names);
    struct permission_names mine = {names, 0};
    names[mine.count++] = actor->name;
    for (size_t i = 0; i < config->team_count; i++) {
        if (config_names_have(&config->teams[i].members, actor->name) ||
            names_have(&actor->teams, config->teams[i].name)) {
            names[mine.count++] = config->teams[i].name;
        }
    }
    struct permission_rule *rules = arena_array(arena, config->permission_count + 1, sizeof *rules);
    for (size_t i = 0; i < config->permission_count; i++) {
        const struct config_permission *from = &config->permissions[i];
        rules[i] = (struct permission_rule){
            .allow = from->allow,
            .to = {from->to.items, from->to.count},
            .projects = {from->projects.items, from->projects.count},
            .environments = {from->environments.items, from->environments.count},
        };
    }
    unsigned granted = permission_granted(rules, config->permission_count, &mine, project, environment);
    arena_destroy(arena);
    return granted;
}

/* What somebody may do by the configuration alone, or if they are in this team as well. */
static unsigned person_permissions(const struct config *config, const struct config_person *person, const char *team,
                                   const char *project, const char *environment) {
    struct actor actor = {.name = person->name, .teams = {&team, team != NULL}};
    return actor_permissions(config, &actor, project, environment);
}

void operations_who_may(const struct config *config, unsigned permission, const char *project, const char *environment,
                        struct buf *out) {
    size_t found = 0;
    for (size_t i = 0; i < config->person_count; i++) {
        const struct config_person *person = &config->people[i];
        if ((person_permissions(config, person, NULL, project, environment) & permission) == permission) {
            buf_printf(out, "%s%s", found++ == 0 ? "" : ", ", person->name);
        }
    }
    for (size_t t = 0; t < config->team_count; t++) {
        const struct config_team *team = &config->teams[t];
        bool adds = false; /* somebody may do it who may not without the group */
        for (size_t i = 0; i < config->person_count && team->slack_usergroup != NULL && !adds; i++) {
            const struct config_person *person = &config->people[i];
            unsigned with = person_permissions(config, person, team->name, project, environment);
            unsigned without = person_permissions(config, person, NULL, project, environment);
            adds = (with & permission) == permission && (without & permission) != permission;
        }
        if (adds) {
            buf_printf(out, "%sthe Slack group of %s", found++ == 0 ? "" : " and ", team->name);
        }
    }
}

static void list_permissions(unsigned bits, struct buf *out) {
    size_t found = 0;
    for (unsigned bit = 1; bit < PERMISSION_ALL; bit <<= 1) {
        if ((bits & bit) != 0) {
            buf_printf(out, "%s%s", found++ == 0 ? "" : ", ", permission_word(bit));
        }
    }
}

/* If not, says who may. */
static bool is_allowed(const struct config *config, const struct actor *actor, unsigned permission, const char *project,
                       const char *environment, struct buf *why) {
    unsigned mine = actor_permissions(config, actor, project, environment);
    if ((mine & permission) == permission) {
        return true;
    }
    struct buf may = BUF_INIT(ERR_TEXT_SIZE), others = BUF_INIT(ERR_TEXT_SIZE);
    list_permissions(mine, &may);
    operations_who_may(config, permission, project, environment, &others);
    const char *word = permission_word(permission);
    bool known = actor->everything || config_find_person(config, actor->name) != NULL;
    buf_printf(why, "%s may not %s%s%s%s%s. Nothing was changed. %s%s%s %s%s.",
               known ? actor->name : "Somebody unknown to the configuration", word == NULL ? "do this" : word,
               project == NULL ? "" : " in ", project == NULL ? "" : project, environment == NULL ? "" : " to ",
               environment == NULL ? "" : environment, may.size == 0 ? "" : "You may: ", may.data,
               may.size == 0 ? "" : ".", others.size == 0 ? "Nobody else may" : "These may: ", others.data);
    buf_finish(&may);
    buf_finish(&others);
    return false;
}

bool task_allowed(struct task *task, unsigned permission, const char *project, const char *environment) {
    struct buf why = BUF_INIT(ERR_TEXT_SIZE * 4);
    bool allowed = is_allowed(task->config, &task->op.actor, permission, project, environment, &why);
    if (!allowed) {
        task_refuse(task, ERR_DENIED, "%s", why.data);
    }
    buf_finish(&why);
    return allowed;
}

bool operations_may(const struct actor *actor, enum command_id command, const char *project, const char *environment,
                    struct buf *why, void *user) {
    const struct operations *operations = user;
    const struct config *config = operations->options.config(operations->options.user);
    return is_allowed(config, actor, command_entry(command)->permission, project, environment, why);
}

/* --- the small ones -------------------------------------------------------------------------------------------- */

void task_help(struct task *task) {
    struct err err;
    if (command_help(task->op.command.topic, &task->text, &err) < 0) {
        task_fail(task, &err);
        return;
    }
    task_reply(task);
}

void task_whoami(struct task *task) {
    const struct actor *actor = &task->op.actor;
    unsigned mine = actor_permissions(task->config, actor, NULL, NULL);
    struct buf words = BUF_INIT(ERR_TEXT_SIZE);
    list_permissions(mine, &words);
    buf_printf(&task->text, "You are %s, through %s. Somewhere at least you may: %s.", actor->name, actor->via,
               words.size == 0 ? "nothing" : words.data);
    buf_finish(&words);
    json_object_begin(&task->out, NULL);
    json_add_string(&task->out, "name", actor->name);
    json_add_string(&task->out, "via", actor->via);
    json_object_end(&task->out);
    task_reply(task);
}

struct question_record *record_question(const struct deployment_record *record, uint64_t question) {
    for (size_t i = 0; i < record->question_count; i++) {
        if (record->questions[i].question.id == question) {
            return &record->questions[i];
        }
    }
    return NULL;
}

void question_over(const struct question_record *question, int64_t now_ms, struct buf *out) {
    unsigned long long id = (unsigned long long)question->question.id;
    if (question->answer != GUIDANCE_NONE && question->answered_by != NULL) {
        buf_printf(out, "Q%llu was answered by %s ", id, question->answered_by);
        str_duration(out, now_ms > question->answered_ms ? now_ms - question->answered_ms : 0);
        buf_printf(out, " ago: %s.%s%s", guidance_title(question->answer),
                   str_empty(question->note) ? "" : " Note: ", str_empty(question->note) ? "" : question->note);
    } else {
        buf_printf(out, "Q%llu is closed. %s", id, question->closed_why == NULL ? "" : question->closed_why);
    }
}
