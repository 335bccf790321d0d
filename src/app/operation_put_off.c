/*
 * Extend, park and unpark: what people do with the clocks of a question. They are no answers: it stays open, its
 * deployment waits, and nobody's lane is freed. Each question of a card is one compare-and-set of its own, as for take.
 */

#include "base/clock.h"
#include "base/str.h"
#include "core/view.h"
#include "task.h"

#define EXTEND_MAX_MS (365LL * 24 * 3600 * 1000)

struct putting {
    enum putting_off how;
    size_t next, done;
    int64_t deadline_ms;        /* of extend */
    enum answer_result refused; /* of the last that was not done */
};

static enum putting_off put_off_how(enum command_id id) {
    return id == COMMAND_EXTEND ? PUT_OFF_EXTEND : id == COMMAND_PARK ? PUT_OFF_PARK : PUT_OFF_UNPARK;
}

static const char *clock_text(struct task *task, int64_t wall_ms) {
    struct buf text = BUF_INIT(ERR_TEXT_SIZE);
    clock_short(&text, wall_ms, clock_wall_ms());
    const char *copy = arena_strdup(task->arena, text.data);
    buf_finish(&text);
    return copy;
}

static void put_off_say(struct task *task) {
    const struct putting *state = task->state;
    const struct deployment *d = task->record->deployment;
    unsigned long long id = (unsigned long long)task->question;
    const char *actor = task->op.actor.name;
    switch (state->how) {
    case PUT_OFF_EXTEND:
        buf_printf(&task->text, "Q%llu was extended by %s: no answer by %s means fail.", id, actor,
                   clock_text(task, state->deadline_ms));
        break;
    case PUT_OFF_PARK:
        buf_printf(&task->text,
                   "Q%llu was parked by %s: no deadline, reminders or escalation until unpark Q%llu. D%llu waits, and "
                   "holds %s to %s.",
                   id, actor, id, (unsigned long long)d->id, d->plan->project, d->plan->environment);
        break;
    case PUT_OFF_UNPARK:
        buf_printf(&task->text, "Q%llu was un-parked by %s: its clocks begin anew.", id, actor);
        break;
    }
    json_object_begin(&task->out, NULL);
    json_add_int(&task->out, "questions", (int64_t)state->done);
    json_add_int(&task->out, "deadline", state->how == PUT_OFF_EXTEND ? state->deadline_ms : 0);
    json_object_end(&task->out);
}

static void put_off_end(struct task *task) {
    const struct putting *state = task->state;
    unsigned long long id = (unsigned long long)task->question;
    if (state->refused == ANSWER_CLOSING) {
        /* Perhaps the deadline of a machine passed after that of another was put off. */
        task_refuse(task, ERR_CONFLICT, "D%llu was failed or canceled before.",
                    (unsigned long long)task->record->deployment->id);
    } else if (state->done > 0) {
        put_off_say(task);
        task_reply(task);
    } else if (state->refused == ANSWER_CHANGED) {
        task_refuse(task, ERR_CONFLICT, "Q%llu was parked by somebody else before. See show Q%llu.", id, id);
    } else if (state->refused == ANSWER_UNAVAILABLE || state->refused == ANSWER_UNKNOWN) {
        task_refuse(task, ERR_UNAVAILABLE, "The store is away. Try again.");
    } else {
        task_refuse(task, ERR_CONFLICT, "Q%llu is over. See show Q%llu.", id, id);
    }
}

/* What is as it should be already is left alone, and a deadline is never brought nearer. */
static bool put_off_fits(const struct putting *state, const struct question *q) {
    bool later = state->how != PUT_OFF_EXTEND || (q->deadline_ms != 0 && q->deadline_ms < state->deadline_ms);
    return later && (state->how == PUT_OFF_UNPARK) == (q->parked_by != NULL);
}

static void put_off_recorded(enum answer_result result, void *user);

static void put_off_next(struct task *task) {
    struct putting *state = task->state;
    const struct deployment *d = task->record->deployment;
    const struct question_record *asked = record_question(task->record, task->question);
    while (state->next < task->record->question_count) {
        const struct question *q = &task->record->questions[state->next++].question;
        if (!task_stands_for(task, asked, &task->record->questions[state->next - 1]) || !put_off_fits(state, q)) {
            continue;
        }
        int64_t deadline_ms =
            state->how == PUT_OFF_EXTEND ? state->deadline_ms : deployment_deadline(d, q, clock_wall_ms());
        store_put_off(task->operations->options.store,
                      &(struct new_put_off){
                          .deployment = d->id,
                          .question = q->id,
                          .how = state->how,
                          .deadline_ms = deadline_ms,
                          .closing = q->late_cancel ? CLOSING_CANCELING : CLOSING_NO,
                          .actor = task->op.actor.name,
                          .via = task->op.actor.via,
                      },
                      put_off_recorded, task);
        return;
    }
    put_off_end(task);
}

static void put_off_recorded(enum answer_result result, void *user) {
    struct task *task = user;
    struct putting *state = task->state;
    state->done += result == ANSWER_ACCEPTED;
    state->refused = result == ANSWER_ACCEPTED ? state->refused : result;
    if (result == ANSWER_CLOSING) {
        put_off_end(task);
    } else {
        put_off_next(task);
    }
}

static bool any_fits(const struct task *task, const struct putting *state, const struct question_record *asked) {
    for (size_t i = 0; i < task->record->question_count; i++) {
        const struct question_record *other = &task->record->questions[i];
        if (task_stands_for(task, asked, other) && put_off_fits(state, &other->question)) {
            return true;
        }
    }
    return false;
}

/* False if the task was refused: it fits none, and the first open one is named. */
static bool extend_begin(struct task *task, struct putting *state, const struct question_record *asked) {
    const struct question *q = &task_first_open(task, asked)->question;
    const struct plan_guided *guided = &task->record->deployment->plan->steps[q->step].guided;
    unsigned long long id = (unsigned long long)task->question;
    int64_t by_ms = task->op.command.extend_ms > 0 ? task->op.command.extend_ms : guided->answer_within_ms;
    state->deadline_ms = by_ms > EXTEND_MAX_MS ? 0 : clock_wall_ms() + by_ms;
    if (guided->fail_unanswered && any_fits(task, state, asked)) {
        return true;
    }
    if (q->parked_by != NULL) {
        task_refuse(task, ERR_CONFLICT,
                    "Q%llu is parked by %s, and has no deadline. To let its clocks run: unpark Q%llu", id, q->parked_by,
                    id);
    } else if (q->deadline_ms == 0 || !guided->fail_unanswered) {
        task_refuse(task, ERR_INVALID, "Q%llu has no deadline: it waits until somebody answers.", id);
    } else if (by_ms > EXTEND_MAX_MS) {
        task_refuse(task, ERR_INVALID, "A year is the most that a question can be extended by.");
    } else {
        task_refuse(task, ERR_INVALID, "Q%llu waits until %s already, which is later.", id,
                    clock_text(task, q->deadline_ms));
    }
    return false;
}

static bool park_begin(struct task *task, const struct putting *state, const struct question_record *asked) {
    unsigned long long id = (unsigned long long)task->question;
    if (any_fits(task, state, asked)) {
        return true;
    }
    const char *by = task_first_open(task, asked)->question.parked_by;
    task_refuse(task, ERR_CONFLICT, by == NULL ? "Q%llu is not parked.%s" : "Q%llu is parked already, by %s.", id,
                by == NULL ? "" : by);
    return false;
}

static void put_off_loaded(struct deployment_record *record, const struct err *err, void *user) {
    struct task *task = user;
    if (!task_question_came(task, PERMISSION_TAKE, record, err)) {
        return;
    }
    const struct question_record *asked = record_question(record, task->question);
    struct putting *state = task->state = arena_alloc(task->arena, sizeof *state);
    state->how = put_off_how(task->op.command.id);
    if (state->how == PUT_OFF_EXTEND ? extend_begin(task, state, asked) : park_begin(task, state, asked)) {
        put_off_next(task);
    }
}

void task_put_off(struct task *task) {
    task->question = task->op.command.question;
    if (task->question == 0) {
        task_refuse(task, ERR_INVALID, "Which question? For example: %s Q42. See pending.",
                    command_entry(task->op.command.id)->name);
        return;
    }
    store_load_question(task->operations->options.store, task->question, put_off_loaded, task);
}
