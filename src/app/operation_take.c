/* Who takes a question, and who has its machine asked again: of a card, all open questions. */

#include "base/str.h"
#include "task.h"

bool task_stands_for(const struct task *task, const struct question_record *asked,
                     const struct question_record *other) {
    bool whole_card = !task->op.single && asked->question.card == asked->question.id;
    return other->open && (whole_card ? other->question.card == asked->question.id : other == asked);
}

struct taking {
    size_t next, taken;
    enum answer_result refused; /* of the last that was not taken */
};

static void take_end(struct task *task) {
    const struct taking *state = task->state;
    unsigned long long id = (unsigned long long)task->question;
    if (state->taken > 0) {
        buf_printf(&task->text, "Q%llu is taken by %s.", id, task->op.actor.name);
        task_reply(task);
    } else if (state->refused == ANSWER_CHANGED) {
        task_refuse(task, ERR_CONFLICT, "Q%llu was taken by somebody else before. See show Q%llu.", id, id);
    } else if (state->refused == ANSWER_UNAVAILABLE || state->refused == ANSWER_UNKNOWN) {
        task_refuse(task, ERR_UNAVAILABLE, "The store is away. Try again.");
    } else {
        task_refuse(task, ERR_CONFLICT, "Q%llu is over. See show Q%llu.", id, id);
    }
}

static void take_recorded(enum answer_result result, void *user);

static void take_next(struct task *task) {
    struct taking *state = task->state;
    const struct deployment *d = task->record->deployment;
    const struct question_record *asked = record_question(task->record, task->question);
    while (state->next < task->record->question_count) {
        const struct question_record *other = &task->record->questions[state->next++];
        if (task_stands_for(task, asked, other)) {
            bool claim_required = d->plan->steps[asked->question.step].guided.claim_required;
            store_take(task->operations->options.store, d->id, other->question.id, task->op.actor.name,
                       task->op.actor.via, claim_required, take_recorded, task);
            return;
        }
    }
    take_end(task);
}

static void take_recorded(enum answer_result result, void *user) {
    struct task *task = user;
    struct taking *state = task->state;
    bool accepted = result == ANSWER_ACCEPTED;
    state->taken += accepted;
    state->refused = accepted ? state->refused : result;
    take_next(task);
}

const struct question_record *task_first_open(const struct task *task, const struct question_record *asked) {
    for (size_t i = 0; i < task->record->question_count; i++) {
        if (task_stands_for(task, asked, &task->record->questions[i])) {
            return &task->record->questions[i];
        }
    }
    return NULL;
}

bool task_question_came(struct task *task, unsigned permission, struct deployment_record *record,
                        const struct err *err) {
    if (err != NULL) {
        task_unread(task, err);
        return false;
    }
    task->record = record;
    task->deployment = record->deployment->id;
    const struct plan *plan = record->deployment->plan;
    const struct question_record *asked = record_question(record, task->question);
    if (!task_allowed(task, permission, plan->project, plan->environment)) {
        return false;
    }
    if (task_first_open(task, asked) == NULL) {
        task_too_late(task, asked);
        return false;
    }
    return true;
}

static void take_loaded(struct deployment_record *record, const struct err *err, void *user) {
    struct task *task = user;
    if (task_question_came(task, PERMISSION_TAKE, record, err)) {
        task->state = arena_alloc(task->arena, sizeof(struct taking));
        take_next(task);
    }
}

void task_take(struct task *task) {
    task->question = task->op.command.question;
    if (task->question == 0) {
        task_refuse(task, ERR_INVALID, "Which question? For example: take Q42. See pending.");
        return;
    }
    store_load_question(task->operations->options.store, task->question, take_loaded, task);
}

struct checking {
    size_t next, asked;
};

static void check_end(struct task *task) {
    const struct checking *state = task->state;
    unsigned long long id = (unsigned long long)task->question;
    if (state->asked == 1) {
        buf_printf(&task->text,
                   "Q%llu: its machine is asked again. If the truth is there, the question closes by itself.", id);
    } else {
        buf_printf(&task->text,
                   "Q%llu: %zu machines are asked again. Where the truth is there, the question closes by itself.", id,
                   state->asked);
    }
    task_reply(task);
}

static bool can_check(const struct task *task, const struct question_record *other) {
    const struct question_record *asked = record_question(task->record, task->question);
    return task_stands_for(task, asked, other) && (other->question.unknown || other->question.late_cancel);
}

static void check_recorded(enum answer_result result, void *user);

/* Of a card every machine whose outcome is not known. */
static void check_next(struct task *task) {
    struct checking *state = task->state;
    while (state->next < task->record->question_count) {
        const struct question_record *other = &task->record->questions[state->next++];
        if (can_check(task, other)) {
            store_check(task->operations->options.store, task->record->deployment, &other->question, check_recorded,
                        task);
            return;
        }
    }
    if (state->asked > 0) {
        check_end(task);
    } else {
        task_refuse(task, ERR_INVALID, "Q%llu is about a known outcome: there is nothing to look for.",
                    (unsigned long long)task->question);
    }
}

static void check_recorded(enum answer_result result, void *user) {
    struct task *task = user;
    struct checking *state = task->state;
    /* CHANGED: a worker listens to its ssh target all the time, and has the claim. */
    if (result == ANSWER_ACCEPTED || result == ANSWER_CHANGED) {
        state->asked++;
        check_next(task);
    } else {
        task_refuse(task, ERR_UNAVAILABLE, "The store is away. Try again.");
    }
}

static void check_loaded(struct deployment_record *record, const struct err *err, void *user) {
    struct task *task = user;
    if (task_question_came(task, PERMISSION_TAKE, record, err)) {
        task->state = arena_alloc(task->arena, sizeof(struct checking));
        check_next(task);
    }
}

void task_check(struct task *task) {
    task->question = task->op.command.question;
    if (task->question == 0) {
        task_refuse(task, ERR_INVALID, "Which question? For example: check Q42. See pending.");
        return;
    }
    store_load_question(task->operations->options.store, task->question, check_loaded, task);
}
