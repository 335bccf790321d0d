/* What people ask to see of what was: the last deployments of a project, and which version is where. */

#include "base/clock.h"
#include "base/str.h"
#include "core/view_json.h"
#include "store/rows_json.h"
#include "viewing.h"

enum { HISTORY_SHOWN = 10 };

/* --- history ------------------------------------------------------------------------------------------------------ */

static bool history_fits(const struct head *head, void *user) {
    const struct task *task = user;
    const struct command *c = &task->op.command;
    return str_equal(c->project, head->project) &&
           (c->environment == NULL || str_equal(c->environment, head->environment)) &&
           viewing_may(task, head->project, head->environment);
}

static void history_read(struct deployment_record **records, size_t count, const struct err *err, void *user) {
    struct task *task = user;
    const struct viewing *page = task->state;
    json_object_begin(&task->out, NULL);
    json_add_int(&task->out, "total", (int64_t)page->total);
    json_array_begin(&task->out, "items");
    for (size_t i = 0; i < count; i++) {
        viewing_say(task, records[i]->deployment);
        view_write_summary(&task->out, NULL, records[i]->deployment, NULL, clock_wall_ms(), task->arena);
        deployment_record_free(records[i]);
    }
    json_array_end(&task->out);
    json_object_end(&task->out);
    if (err != NULL) {
        task_fail(task, err);
        return;
    }
    if (page->total == 0) {
        buf_printf(&task->text, "%s was not deployed yet.", task->op.command.project);
    } else if (page->total > page->count) {
        buf_printf(&task->text, "and %llu before these\n", (unsigned long long)page->total - page->count);
    }
    task_reply(task);
}

void task_history(struct task *task) {
    if (config_find_project(task->config, task->op.command.project) == NULL) {
        task_refuse(task, ERR_NOT_FOUND, "There is no project '%s'.", task->op.command.project);
        return;
    }
    viewing_list(task, &(struct page_wish){.of = PAGE_DEPLOYMENTS, .newest_first = true, .take = HISTORY_SHOWN}, true,
                 history_fits, history_read);
}

/* --- versions ----------------------------------------------------------------------------------------------------- */

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
        if (!viewing_may_row(task, row)) {
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
