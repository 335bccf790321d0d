/* What a run has written. */

#include "base/limits.h"
#include "base/str.h"
#include "store/feed.h"
#include "viewing.h"

enum { LOG_BATCHES = 200, LOG_SHOWN_BYTES = 6000 };

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
