/* What people ask to see of deployments that are under way: one, or all of them. */

#include "base/clock.h"
#include "base/limits.h"
#include "base/str.h"
#include "core/view_json.h"
#include "lane.h"
#include "store/freezes.h"
#include "store/rows_json.h"
#include "viewing.h"

enum { STATUS_SHOWN = 20 };

/* --- one ---------------------------------------------------------------------------------------------------------- */

/* holder: of the lane that it waits for; or NULL. */
static void status_say(struct deployment_record *holder, void *user) {
    struct task *task = user;
    const struct deployment_record *record = task->record;
    const struct deployment *d = record->deployment;
    const char *waits = holder == NULL ? NULL : view_waits_for(holder->deployment, clock_wall_ms(), task->arena);
    deployment_record_free(holder);
    const struct card *card = view_status(d, clock_wall_ms(), task->arena);
    viewing_say(task, d);
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

/* --- all ---------------------------------------------------------------------------------------------------------- */

/* Debts are told as long as they are not paid. */
static void status_versions(const struct version_row *rows, size_t count, const struct err *err, void *user) {
    struct task *task = user;
    if (err != NULL) {
        task_fail(task, err);
        return;
    }
    json_array_begin(&task->out, "owed");
    for (size_t i = 0; i < count; i++) {
        if (rows[i].owed.version != NULL && viewing_may_row(task, &rows[i])) {
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

static bool status_fits(const struct head *head, void *user) {
    const struct task *task = user;
    const char *project = task->op.command.topic;
    return viewing_may(task, head->project, head->environment) &&
           (project == NULL || str_equal(project, head->project));
}

static void status_listed(struct deployment_record **records, size_t count, const struct err *err, void *user) {
    struct task *task = user;
    const struct viewing *page = task->state;
    json_object_begin(&task->out, NULL);
    json_add_int(&task->out, "total", (int64_t)page->total);
    json_array_begin(&task->out, "items");
    for (size_t i = 0; i < count; i++) {
        const struct deployment *d = records[i]->deployment;
        view_write_summary(&task->out, NULL, d, NULL, clock_wall_ms(), task->arena);
        if (i < STATUS_SHOWN) {
            viewing_say(task, d);
        }
        deployment_record_free(records[i]);
    }
    json_array_end(&task->out);
    if (err != NULL) {
        task_fail(task, err);
        return;
    }
    if (page->total == 0) {
        buf_adds(&task->text, "Nothing runs and nothing waits.\n");
    } else if (page->total > STATUS_SHOWN) {
        buf_printf(&task->text, "and %llu more\n", (unsigned long long)page->total - STATUS_SHOWN);
    }
    store_list_freezes(task->operations->options.store, status_freezes, task);
}

void task_status(struct task *task) {
    const struct command *c = &task->op.command;
    task->deployment = c->deployment;
    if (c->deployment != 0) {
        store_load_deployment(task->operations->options.store, c->deployment, status_loaded, task);
    } else if (c->topic != NULL && config_find_project(task->config, c->topic) == NULL) {
        task_refuse(task, ERR_NOT_FOUND, "There is no project '%s'.", c->topic);
    } else {
        viewing_list(task, &(struct page_wish){.of = PAGE_LIVE, .take = LIMIT_LIVE_SHOWN}, c->topic != NULL,
                     status_fits, status_listed);
    }
}
