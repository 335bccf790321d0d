#include "viewing.h"

#include "base/clock.h"
#include "base/str.h"
#include "core/view.h"

bool viewing_may(const struct task *task, const char *project, const char *environment) {
    return (actor_permissions(task->config, &task->op.actor, project, environment) & PERMISSION_VIEW) != 0;
}

bool viewing_came(struct task *task, struct deployment_record *record, const struct err *err) {
    if (err != NULL) {
        task_fail(task, err);
        return false;
    }
    task->record = record;
    task->deployment = record->deployment->id;
    const struct plan *plan = record->deployment->plan;
    return task_allowed(task, PERMISSION_VIEW, plan->project, plan->environment);
}

bool viewing_may_row(const struct task *task, const struct version_row *row) {
    const char *project = task->op.command.topic;
    return viewing_may(task, row->project, row->environment) && (project == NULL || str_equal(project, row->project));
}

/* --- lists -------------------------------------------------------------------------------------------------------- */

struct listing {
    struct viewing page;
    records_done *done;
};

static void page_came(const struct head *heads, size_t count, uint64_t total, const struct err *err, void *user) {
    struct task *task = user;
    struct listing *listing = task->state;
    if (err != NULL) {
        task_fail(task, err);
        return;
    }
    uint64_t *wanted = arena_array(task->arena, count + 1, sizeof *wanted);
    size_t wanted_count = 0;
    listing->page = (struct viewing){arena_array(task->arena, count + 1, sizeof *heads), count, total};
    for (size_t i = 0; i < count; i++) {
        bool again = false;
        for (size_t k = 0; k < wanted_count && !again; k++) {
            again = wanted[k] == heads[i].deployment;
        }
        listing->page.heads[i] = heads[i];
        listing->page.heads[i].project = listing->page.heads[i].environment = NULL;
        if (!again) {
            wanted[wanted_count++] = heads[i].deployment;
        }
    }
    store_load_deployments(task->operations->options.store, wanted, wanted_count, listing->done, task);
}

void viewing_list(struct task *task, const struct page_wish *wish, bool some,
                  bool (*fits)(const struct head *head, void *task), records_done *done) {
    struct listing *listing = task->state = arena_alloc(task->arena, sizeof *listing);
    struct page_wish whole = *wish;
    /* No rule names a place "*": whoever may view that may view everything. */
    whole.fits = some || !viewing_may(task, "*", "*") ? fits : NULL;
    listing->done = done;
    store_read_page(task->operations->options.store, &whole, page_came, task);
}

struct deployment_record *viewing_find(struct deployment_record *const *records, size_t count, uint64_t id) {
    for (size_t i = 0; i < count; i++) {
        if (records[i]->deployment->id == id) {
            return records[i];
        }
    }
    return NULL;
}

/* --- words -------------------------------------------------------------------------------------------------------- */

void viewing_say(struct task *task, const struct deployment *d) {
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
