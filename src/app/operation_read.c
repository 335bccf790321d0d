/* What people ask to see: status, pending, show, who, log, history, versions. Each reads, then writes text and data. */

#include <string.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/str.h"
#include "core/view_json.h"
#include "lane.h"
#include "store/feed.h"
#include "store/freezes.h"
#include "store/rows_json.h"
#include "task.h"

enum { STATUS_SHOWN = 20, HISTORY_LOOKED_AT = 200, HISTORY_SHOWN = 10, LOG_BATCHES = 200, LOG_SHOWN_BYTES = 6000 };

static bool may_view(const struct task *task, const struct deployment *d) {
    return (actor_permissions(task->config, &task->op.actor, d->plan->project, d->plan->environment) &
            PERMISSION_VIEW) != 0;
}

static void say_status(struct task *task, const struct deployment *d) {
    const struct card *card = view_status(d, clock_wall_ms(), task->arena);
    const char *origin = view_origin(d, task->arena);
    buf_printf(&task->text, "D%llu %s: %s%s%s", (unsigned long long)d->id, card->subject, card->title,
               origin == NULL ? "" : ". ", origin == NULL ? "" : origin);
    if (d->resumed_by != 0) {
        buf_printf(&task->text, ". Goes on in D%llu", (unsigned long long)d->resumed_by);
    }
    if (d->excluded_count > 0) {
        buf_printf(&task->text, ". Excluded: %u of %zu machines", d->excluded_count, d->plan->target_count);
    }
    buf_adds(&task->text, "\n");
}

/* False if the task is over: the deployment could not be read, or others may see it. */
static bool viewing_came(struct task *task, struct deployment_record *record, const struct err *err) {
    if (err != NULL) {
        task_fail(task, err);
        return false;
    }
    task->record = record;
    task->deployment = record->deployment->id;
    const struct plan *plan = record->deployment->plan;
    return task_allowed(task, PERMISSION_VIEW, plan->project, plan->environment);
}

static bool may_view_row(const struct task *task, const struct version_row *row) {
    const char *project = task->op.command.topic;
    unsigned mine = actor_permissions(task->config, &task->op.actor, row->project, row->environment);
    return (mine & PERMISSION_VIEW) != 0 && (project == NULL || str_equal(project, row->project));
}

/* --- status --------------------------------------------------------------------------------------------------- */

/* holder: of the lane that it waits for; or NULL. */
static void status_say(struct deployment_record *holder, void *user) {
    struct task *task = user;
    const struct deployment_record *record = task->record;
    const struct deployment *d = record->deployment;
    const char *waits = holder == NULL ? NULL : view_waits_for(holder->deployment, clock_wall_ms(), task->arena);
    deployment_record_free(holder);
    const struct card *card = view_status(d, clock_wall_ms(), task->arena);
    say_status(task, d);
    if (waits != NULL) {
        buf_printf(&task->text, "  It %s.\n", waits);
    }
    for (size_t i = 0; i < card->row_count; i++) {
        buf_printf(&task->text, "  %s: %s%s%s\n", card->rows[i].name, card->rows[i].state,
                   card->rows[i].detail[0] == '\0' ? "" : ", ", card->rows[i].detail);
    }
    size_t count = 0;
    struct card **cards =
        view_cards(d, record->questions, record->question_count, clock_wall_ms(), task->arena, &count);
    for (size_t i = 0; i < count; i++) {
        buf_printf(&task->text, "%s\n", cards[i]->outcome == NULL ? cards[i]->text : cards[i]->outcome);
    }
    view_write_deployment(&task->out, NULL, d, record->questions, record->question_count, waits, clock_wall_ms(),
                          task->arena);
    task_reply(task);
}

static void status_loaded(struct deployment_record *record, const struct err *err, void *user) {
    struct task *task = user;
    if (!viewing_came(task, record, err)) {
        return;
    }
    const struct deployment *d = record->deployment;
    if (d->state == DEPLOYMENT_QUEUED) {
        lane_read_holder(task->operations->options.store, d->plan, d->id, status_say, task);
    } else {
        status_say(NULL, task);
    }
}

/* Debts are told as long as they are not paid. */
static void status_versions(const struct version_row *rows, size_t count, const struct err *err, void *user) {
    struct task *task = user;
    if (err != NULL) {
        task_fail(task, err);
        return;
    }
    json_array_begin(&task->out, "owed");
    for (size_t i = 0; i < count; i++) {
        if (rows[i].owed.version != NULL && may_view_row(task, &rows[i])) {
            buf_printf(&task->text, "Owed since D%llu: %s on %s. To pay: catch up %s in %s\n",
                       (unsigned long long)rows[i].owed.deployment, rows[i].project, rows[i].target, rows[i].project,
                       rows[i].environment);
            version_write(&task->out, NULL, &rows[i]);
        }
    }
    json_array_end(&task->out);
    json_object_end(&task->out);
    task_reply(task);
}

static void status_freezes(const struct freeze *freezes, size_t count, const struct err *err, void *user) {
    struct task *task = user;
    if (err != NULL) {
        task_fail(task, err);
        return;
    }
    json_array_begin(&task->out, "freezes");
    for (size_t i = 0; i < count; i++) {
        freeze_describe(&freezes[i], clock_wall_ms(), &task->text);
        buf_adds(&task->text, "\n");
        freeze_write(&task->out, NULL, &freezes[i]);
    }
    json_array_end(&task->out);
    store_list_versions(task->operations->options.store, status_versions, task);
}

static void status_listed(struct deployment_record **records, size_t count, const struct err *err, void *user) {
    struct task *task = user;
    const char *project = task->op.command.topic;
    size_t shown = 0;
    json_object_begin(&task->out, NULL);
    json_array_begin(&task->out, "items");
    for (size_t i = 0; i < count; i++) {
        const struct deployment *d = records[i]->deployment;
        if (may_view(task, d) && (project == NULL || str_equal(project, d->plan->project))) {
            view_write_summary(&task->out, NULL, d, NULL, clock_wall_ms(), task->arena);
            if (shown++ < STATUS_SHOWN) {
                say_status(task, d);
            }
        }
        deployment_record_free(records[i]);
    }
    json_array_end(&task->out);
    if (err != NULL) {
        task_fail(task, err);
        return;
    }
    if (shown == 0) {
        buf_adds(&task->text, "Nothing runs and nothing waits.\n");
    } else if (shown > STATUS_SHOWN) {
        buf_printf(&task->text, "and %zu more\n", shown - STATUS_SHOWN);
    }
    store_list_freezes(task->operations->options.store, status_freezes, task);
}

static void status_ids(const uint64_t *ids, size_t count, uint64_t total, const struct err *err, void *user) {
    (void)total;
    struct task *task = user;
    if (err != NULL) {
        task_fail(task, err);
        return;
    }
    store_load_deployments(task->operations->options.store, ids, count, status_listed, task);
}

void task_status(struct task *task) {
    const struct command *c = &task->op.command;
    task->deployment = c->deployment;
    if (c->deployment != 0) {
        store_load_deployment(task->operations->options.store, c->deployment, status_loaded, task);
    } else if (c->topic != NULL && config_find_project(task->config, c->topic) == NULL) {
        task_refuse(task, ERR_NOT_FOUND, "There is no project '%s'.", c->topic);
    } else {
        store_list_live(task->operations->options.store, status_ids, task);
    }
}

/* --- pending --------------------------------------------------------------------------------------------------- */

struct pending {
    struct pending_item {
        struct task *task;
        uint64_t question;
        struct deployment_record *record;
    } * items;
    size_t count;
};

static void pending_say(struct task *task) {
    struct pending *pending = task->state;
    size_t shown = 0;
    int64_t now = clock_wall_ms();
    struct buf lines = BUF_INIT(LIMIT_MESSAGE_BYTES);
    json_object_begin(&task->out, NULL);
    json_array_begin(&task->out, "items");
    for (size_t i = 0; i < pending->count; i++) {
        struct deployment_record *record = pending->items[i].record;
        const struct question_record *q = record == NULL ? NULL : record_question(record, pending->items[i].question);
        if (q != NULL && q->open && may_view(task, record->deployment)) {
            const struct plan *plan = record->deployment->plan;
            shown++;
            buf_printf(&lines, "Q%llu %s %s to %s, %s: ", (unsigned long long)q->question.id, plan->project,
                       record->deployment->version, plan->environment,
                       plan_run_name(plan, q->question.step, q->question.slot, task->arena));
            str_duration(&lines, now > q->question.asked_ms ? now - q->question.asked_ms : 0);
            buf_printf(&lines, "%s%s\n", q->taken_by == NULL ? "" : ", taken by ",
                       q->taken_by == NULL ? "" : q->taken_by);
            view_write_question(&task->out, NULL, record->deployment,
                                deployment_outlook(record->deployment, task->arena), q, task->arena);
        }
        deployment_record_free(record);
    }
    json_array_end(&task->out);
    json_object_end(&task->out);
    if (shown == 0) {
        buf_adds(&task->text, "No question is open.");
    } else {
        buf_printf(&task->text, "%zu question%s, oldest first:\n%s", shown, shown == 1 ? " waits" : "s wait",
                   lines.data);
    }
    buf_finish(&lines);
    task_reply(task);
}

static void pending_loaded(struct deployment_record *record, const struct err *err, void *user) {
    (void)err; /* A question that went meanwhile is left out. */
    struct pending_item *item = user;
    struct task *task = item->task;
    item->record = record;
    if (--task->waiting == 0) {
        pending_say(task);
    }
}

static void pending_ids(const uint64_t *ids, size_t count, uint64_t total, const struct err *err, void *user) {
    (void)total;
    struct task *task = user;
    if (err != NULL) {
        task_fail(task, err);
        return;
    }
    struct pending *pending = task->state = arena_alloc(task->arena, sizeof *pending);
    pending->items = arena_array(task->arena, count + 1, sizeof *pending->items);
    pending->count = count;
    task->waiting = count;
    if (count == 0) {
        pending_say(task);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        pending->items[i] = (struct pending_item){.task = task, .question = ids[i]};
        store_load_question(task->operations->options.store, ids[i], pending_loaded, &pending->items[i]);
    }
}

void task_pending(struct task *task) {
    store_list_pending(task->operations->options.store, 0, STATUS_SHOWN, pending_ids, task);
}

/* --- show and who ----------------------------------------------------------------------------------------------- */

static void show_loaded(struct deployment_record *record, const struct err *err, void *user) {
    struct task *task = user;
    if (!viewing_came(task, record, err)) {
        return;
    }
    const struct deployment *d = record->deployment;
    const struct plan *plan = d->plan;
    const struct question_record *q = record_question(record, task->question);
    buf_printf(&task->text, "Q%llu: %s, %s %s to %s (D%llu): %s, attempt %u\n", (unsigned long long)q->question.id,
               plan_run_name(plan, q->question.step, q->question.slot, task->arena), plan->project, d->version,
               plan->environment, (unsigned long long)d->id, outcome_text(q->outcome, task->arena),
               q->question.attempt);
    if (!str_empty(q->question.excerpt)) {
        buf_printf(&task->text, "\n%s\n\n", q->question.excerpt);
    }
    const char *past = view_past(&q->past, task->arena);
    if (!q->open) {
        question_over(q, clock_wall_ms(), &task->text);
    } else if (past != NULL) {
        buf_printf(&task->text, "%s\n", past);
    }
    for (unsigned bit = GUIDANCE_RETRY; q->open && bit <= GUIDANCE_ABORT; bit <<= 1) {
        if ((q->question.options & bit) != 0) {
            buf_printf(&task->text, "%s Q%llu: %s\n", guidance_word((enum guidance)bit),
                       (unsigned long long)q->question.id,
                       deployment_consequence(d, &q->question, (enum guidance)bit, task->arena));
        }
    }
    view_write_question(&task->out, NULL, d, deployment_outlook(d, task->arena), q, task->arena);
    task_reply(task);
}

static bool needs_question(struct task *task, const char *word) {
    task->question = task->op.command.question;
    if (task->question == 0) {
        task_refuse(task, ERR_INVALID, "Which question? For example: %s Q42. See pending.", word);
        return false;
    }
    return true;
}

void task_show(struct task *task) {
    if (needs_question(task, "show")) {
        store_load_question(task->operations->options.store, task->question, show_loaded, task);
    }
}

static void who_loaded(struct deployment_record *record, const struct err *err, void *user) {
    struct task *task = user;
    if (!viewing_came(task, record, err)) {
        return;
    }
    const struct deployment *d = record->deployment;
    const struct question_record *q = record_question(record, task->question);
    if (!q->open) {
        question_over(q, clock_wall_ms(), &task->text);
        task_reply(task);
        return;
    }
    buf_printf(&task->text, "Q%llu %s%s.", (unsigned long long)q->question.id,
               q->taken_by == NULL ? "is taken by nobody" : "was taken by ", q->taken_by == NULL ? "" : q->taken_by);
    for (unsigned bit = GUIDANCE_RETRY; bit <= GUIDANCE_FAIL; bit <<= 1) {
        if ((q->question.options & bit) != 0) {
            struct buf names = BUF_INIT(ERR_TEXT_SIZE);
            const char *word = guidance_word((enum guidance)bit);
            operations_who_may(task->config, permission_parse(word), d->plan->project, d->plan->environment, &names);
            buf_printf(&task->text, " %s: %s.", guidance_title((enum guidance)bit),
                       names.size == 0 ? "nobody but the local user" : names.data);
            buf_finish(&names);
        }
    }
    task_reply(task);
}

void task_who(struct task *task) {
    if (needs_question(task, "who")) {
        store_load_question(task->operations->options.store, task->question, who_loaded, task);
    }
}

/* --- log --------------------------------------------------------------------------------------------------------- */

static void log_came(const struct log_batch *batches, size_t count, const struct err *err, void *user) {
    struct task *task = user;
    if (err != NULL) {
        task_fail(task, err);
        return;
    }
    struct buf all = BUF_INIT(LIMIT_OUTPUT_BYTES * 2);
    for (size_t i = 0; i < count; i++) {
        if (batches[i].left_out > 0) {
            buf_printf(&all, "\n(%llu bytes left out)\n", (unsigned long long)batches[i].left_out);
        }
        str_show(&all, batches[i].data, batches[i].size);
    }
    size_t from = all.size > LOG_SHOWN_BYTES ? all.size - LOG_SHOWN_BYTES : 0;
    while (from > 0 && from < all.size && all.data[from - 1] != '\n') {
        from++; /* begin with a whole line */
    }
    buf_printf(&task->text, "%s%s", from > 0 ? "...\n" : "", all.size == 0 ? "No output." : all.data + from);
    buf_finish(&all);
    task_reply(task);
}

/* The run that people mean when they name none: one that asks, else one that failed, else the last that began. */
static bool log_pick(const struct task *task, const struct deployment *d, size_t *ret_step, size_t *ret_slot) {
    const struct command *c = &task->op.command;
    int best = -1;
    for (size_t step = 0; step < d->plan->step_count; step++) {
        if (c->step != NULL && !str_equal_nocase(c->step, d->plan->steps[step].name)) {
            continue;
        }
        for (size_t slot = 0; slot < d->plan->steps[step].slot_count; slot++) {
            const struct run *run = deployment_run(d, step, slot);
            if (run->attempt == 0 ||
                (c->target != NULL && !str_equal(c->target, plan_slot_name(d->plan, step, slot)))) {
                continue;
            }
            int rank = run->state == RUN_ASKING ? 3 : run->state == RUN_FAILED || run->state == RUN_UNKNOWN ? 2 : 1;
            if (rank >= best) {
                best = rank;
                *ret_step = step;
                *ret_slot = slot;
            }
        }
    }
    return best >= 0;
}

static void log_loaded(struct deployment_record *record, const struct err *err, void *user) {
    struct task *task = user;
    if (!viewing_came(task, record, err)) {
        return;
    }
    const struct deployment *d = record->deployment;
    struct log_key key = {.deployment = d->id};
    if (!log_pick(task, d, &key.step, &key.slot)) {
        task_refuse(task, ERR_NOT_FOUND, "Nothing of that has run in D%llu.", (unsigned long long)d->id);
        return;
    }
    key.attempt = deployment_run(d, key.step, key.slot)->attempt;
    buf_printf(&task->text, "D%llu, %s, attempt %u:\n", (unsigned long long)d->id,
               plan_run_name(d->plan, key.step, key.slot, task->arena), key.attempt);
    json_object_begin(&task->out, NULL);
    json_add_int(&task->out, "deployment", (int64_t)d->id);
    json_add_int(&task->out, "step", (int64_t)key.step);
    json_add_int(&task->out, "slot", (int64_t)key.slot);
    json_add_int(&task->out, "attempt", key.attempt);
    json_object_end(&task->out);
    log_read(task->operations->options.store, &key, NULL, LOG_BATCHES, log_came, task);
}

void task_log(struct task *task) {
    task->deployment = task->op.command.deployment;
    store_load_deployment(task->operations->options.store, task->deployment, log_loaded, task);
}

/* --- history and versions --------------------------------------------------------------------------------------------- */

static void history_loaded(struct deployment_record **records, size_t count, const struct err *err, void *user) {
    struct task *task = user;
    const struct command *c = &task->op.command;
    size_t shown = 0;
    json_object_begin(&task->out, NULL);
    json_array_begin(&task->out, "items");
    for (size_t i = 0; i < count; i++) {
        const struct deployment *d = records[i]->deployment;
        bool fits = str_equal(c->project, d->plan->project) &&
                    (c->environment == NULL || str_equal(c->environment, d->plan->environment));
        if (fits && may_view(task, d) && shown++ < HISTORY_SHOWN) {
            say_status(task, d);
            view_write_summary(&task->out, NULL, d, NULL, clock_wall_ms(), task->arena);
        }
        deployment_record_free(records[i]);
    }
    json_array_end(&task->out);
    json_object_end(&task->out);
    if (err != NULL) {
        task_fail(task, err);
        return;
    }
    if (shown == 0) {
        buf_printf(&task->text, "%s was not deployed yet.", c->project);
    }
    task_reply(task);
}

static void history_ids(const uint64_t *ids, size_t count, uint64_t total, const struct err *err, void *user) {
    (void)total;
    struct task *task = user;
    if (err != NULL) {
        task_fail(task, err);
        return;
    }
    store_load_deployments(task->operations->options.store, ids, count, history_loaded, task);
}

void task_history(struct task *task) {
    if (config_find_project(task->config, task->op.command.project) == NULL) {
        task_refuse(task, ERR_NOT_FOUND, "There is no project '%s'.", task->op.command.project);
        return;
    }
    store_list_deployments(task->operations->options.store, 0, HISTORY_LOOKED_AT, history_ids, task);
}

/* "; owed 1.4.2 since D311 (2 h)", "; 1.4.2 did not finish there (D311)" */
static void say_standing(struct task *task, const struct version_row *row, int64_t now_ms) {
    if (row->confirmed.version == NULL) {
        buf_adds(&task->text, "nothing confirmed");
    } else {
        buf_printf(&task->text, "%s since ", row->confirmed.version);
        str_duration(&task->text, now_ms > row->confirmed.when_ms ? now_ms - row->confirmed.when_ms : 0);
        buf_printf(&task->text, " (D%llu)", (unsigned long long)row->confirmed.deployment);
    }
    if (row->unconfirmed.version != NULL) {
        buf_printf(&task->text,
                   row->unknown ? "; unknown: %s may be there (D%llu)" : "; %s did not finish there (D%llu)",
                   row->unconfirmed.version, (unsigned long long)row->unconfirmed.deployment);
    }
    if (row->owed.version != NULL) {
        buf_printf(&task->text, "; excluded, owed %s since D%llu", row->owed.version,
                   (unsigned long long)row->owed.deployment);
    }
}

static void versions_came(const struct version_row *rows, size_t count, const struct err *err, void *user) {
    struct task *task = user;
    if (err != NULL) {
        task_fail(task, err);
        return;
    }
    json_object_begin(&task->out, NULL);
    json_array_begin(&task->out, "items");
    for (size_t i = 0; i < count; i++) {
        const struct version_row *row = &rows[i];
        if (!may_view_row(task, row)) {
            continue;
        }
        buf_printf(&task->text, "%s in %s%s%s: ", row->project, row->environment, row->target[0] == '\0' ? "" : " on ",
                   row->target);
        say_standing(task, row, clock_wall_ms());
        buf_adds(&task->text, "\n");
        version_write(&task->out, NULL, row);
    }
    json_array_end(&task->out);
    json_object_end(&task->out);
    if (task->text.size == 0) {
        buf_adds(&task->text, "Nothing was deployed yet.");
    }
    task_reply(task);
}

void task_versions(struct task *task) {
    store_list_versions(task->operations->options.store, versions_came, task);
}
