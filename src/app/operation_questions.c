/* What people ask to see of questions: the open ones, one, and who may answer it. */

#include "base/clock.h"
#include "base/limits.h"
#include "base/str.h"
#include "core/view_json.h"
#include "viewing.h"

enum { PENDING_SHOWN = 20 };

/* --- pending ------------------------------------------------------------------------------------------------------ */

static bool pending_fits(const struct head *head, void *user) {
    return viewing_may(user, head->project, head->environment);
}

/* "Q42 shop 1.4 to production, Install on web-3: 12 min, taken by alice" */
static void pending_say(struct task *task, const struct deployment *d, const struct question_record *q) {
    int64_t now = clock_wall_ms();
    buf_printf(&task->text, "Q%llu %s %s to %s, %s: ", (unsigned long long)q->question.id, d->plan->project, d->version,
               d->plan->environment, plan_run_name(d->plan, q->question.step, q->question.slot, task->arena));
    str_duration(&task->text, now > q->question.asked_ms ? now - q->question.asked_ms : 0);
    buf_printf(&task->text, "%s%s\n", q->taken_by == NULL ? "" : ", taken by ", q->taken_by == NULL ? "" : q->taken_by);
}

static void pending_begin(struct task *task, uint64_t total) {
    unsigned long long count = total;
    if (count == 0) {
        buf_adds(&task->text, "No question is open.");
    } else if (count <= PENDING_SHOWN) {
        buf_printf(&task->text, "%llu question%s, oldest first:\n", count, count == 1 ? " waits" : "s wait");
    } else {
        buf_printf(&task->text, "%llu questions wait, the oldest %d:\n", count, PENDING_SHOWN);
    }
}

/* A question that was answered meanwhile is left out. */
static void pending_read(struct deployment_record **records, size_t count, const struct err *err, void *user) {
    struct task *task = user;
    const struct viewing *page = task->state;
    size_t said = 0;
    pending_begin(task, page->total);
    json_object_begin(&task->out, NULL);
    json_add_int(&task->out, "total", (int64_t)page->total);
    json_array_begin(&task->out, "items");
    for (size_t i = 0; i < page->count; i++) {
        const struct deployment_record *record = viewing_find(records, count, page->heads[i].deployment);
        const struct question_record *q = record == NULL ? NULL : record_question(record, page->heads[i].question);
        if (q != NULL && q->open) {
            const struct deployment *d = record->deployment;
            view_write_question(&task->out, NULL, d, deployment_outlook(d, task->arena), q, task->arena);
            if (said++ < PENDING_SHOWN) {
                pending_say(task, d, q);
            }
        }
    }
    json_array_end(&task->out);
    json_object_end(&task->out);
    for (size_t i = 0; i < count; i++) {
        deployment_record_free(records[i]);
    }
    if (page->total > PENDING_SHOWN) {
        buf_printf(&task->text, "and %llu more\n", (unsigned long long)page->total - PENDING_SHOWN);
    }
    if (err != NULL) {
        task_fail(task, err);
    } else {
        task_reply(task);
    }
}

void task_pending(struct task *task) {
    viewing_list(task, &(struct page_wish){.of = PAGE_QUESTIONS, .take = LIMIT_OPEN_SHOWN}, false, pending_fits,
                 pending_read);
}

/* --- show --------------------------------------------------------------------------------------------------------- */

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

/* --- who ---------------------------------------------------------------------------------------------------------- */

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
