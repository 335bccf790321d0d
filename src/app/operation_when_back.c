/*
 * Retry when the target is back: no answer yet, but the promise of one. It is recorded in the question together with who gave it; a
 * worker sees when the target is back, and then it is that person's Retry. Anybody may answer before.
 */

#include "base/clock.h"
#include "base/limits.h"
#include "base/str.h"
#include "task.h"

struct waiting {
    size_t next, done;
    int64_t until_ms;
    const char *targets;        /* those of which it is recorded */
    const char *target;         /* of the one that is being recorded */
    const char *before;         /* who had chosen it before, for one that still waits; or NULL */
    enum answer_result refused; /* of the last that was not done */
    struct err left_out;        /* why the first was that a Retry is not possible for */
};

/* What stands behind who chose it, if it had been chosen before. */
static const char *after_whom(const struct task *task) {
    const char *before = ((const struct waiting *)task->state)->before;
    if (before == NULL || str_equal(before, task->op.actor.name)) {
        return before == NULL ? "" : " again";
    }
    bool by_step = str_equal(before, WHEN_BACK_BY_STEP);
    return arena_printf(task->arena, " after %s", by_step ? "its step" : before);
}

static void when_back_end(struct task *task) {
    const struct waiting *state = task->state;
    unsigned long long id = (unsigned long long)task->question;
    if (state->done > 0) {
        struct buf until = BUF_INIT(ERR_TEXT_SIZE);
        clock_short(&until, state->until_ms, clock_wall_ms());
        buf_printf(&task->text,
                   "Q%llu retries by itself when %s is back (chosen by %s%s), until %s. It can be answered before.", id,
                   state->targets, task->op.actor.name, after_whom(task), until.data);
        buf_finish(&until);
        json_object_begin(&task->out, NULL);
        json_add_int(&task->out, "questions", (int64_t)state->done);
        json_add_int(&task->out, "until", state->until_ms);
        json_object_end(&task->out);
        task_reply(task);
    } else if (state->left_out.code != ERR_NONE) {
        task_fail(task, &state->left_out);
    } else if (state->refused == ANSWER_GENERATION) {
        task_stale(task, "The configuration has just changed. Nothing was recorded; try again.");
    } else if (state->refused == ANSWER_UNAVAILABLE || state->refused == ANSWER_UNKNOWN) {
        task_refuse(task, ERR_UNAVAILABLE, "The store is away. Try again.");
    } else {
        task_refuse(task, ERR_CONFLICT, "Q%llu is over. See show Q%llu.", id, id);
    }
}

static void when_back_recorded(enum answer_result result, void *user);

/* What is promised here is a Retry, so that its rules count: notes, who has taken it, how often. */
static bool may_retry(struct task *task, const struct question_record *asked) {
    struct waiting *state = task->state;
    const struct plan_guided *guided = &task->record->deployment->plan->steps[asked->question.step].guided;
    struct err why;
    bool may = false;
    if ((guided->note_required & GUIDANCE_RETRY) != 0 && str_empty(task->op.command.note)) {
        (void)err_set(&why, ERR_INVALID, "Retry needs a note here: retry Q%llu when back -- why.",
                      (unsigned long long)task->question);
    } else {
        may = task_acceptable(task, asked, GUIDANCE_RETRY, &why);
    }
    if (!may && state->left_out.code == ERR_NONE) {
        state->left_out = why;
    }
    return may;
}

/* Chosen again, it is put off, and never brought nearer. */
static void when_back_record(struct task *task, const struct question *q) {
    struct waiting *state = task->state;
    if (q->back_by != NULL && q->back_until_ms > clock_wall_ms()) {
        state->before = q->back_by;
        state->until_ms = q->back_until_ms > state->until_ms ? q->back_until_ms : state->until_ms;
    }
    store_when_back(task->operations->options.store,
                    &(struct new_when_back){
                        .deployment = task->record->deployment->id,
                        .question = q->id,
                        .until_ms = state->until_ms,
                        .actor = task->op.actor.name,
                        .via = task->op.actor.via,
                        .note = task->op.command.note,
                        .generation = task->config->generation,
                    },
                    when_back_recorded, task);
}

/* Each machine of a card is one compare-and-set of its own, as for take. */
static void when_back_next(struct task *task) {
    struct waiting *state = task->state;
    const struct question_record *asked = record_question(task->record, task->question);
    while (state->next < task->record->question_count) {
        const struct question_record *other = &task->record->questions[state->next++];
        if (task_stands_for(task, asked, other) && question_may_wait_for_back(&other->question) &&
            may_retry(task, other)) {
            state->target = other->target_name;
            when_back_record(task, &other->question);
            return;
        }
    }
    when_back_end(task);
}

static void when_back_recorded(enum answer_result result, void *user) {
    struct task *task = user;
    struct waiting *state = task->state;
    if (result == ANSWER_ACCEPTED) {
        state->targets =
            arena_printf(task->arena, "%s%s%s", state->targets, state->done == 0 ? "" : ", ", state->target);
        state->done++;
    } else {
        state->refused = result;
    }
    when_back_next(task);
}

static void when_back_loaded(struct deployment_record *record, const struct err *err, void *user) {
    struct task *task = user;
    if (!task_question_came(task, PERMISSION_RETRY, record, err)) {
        return;
    }
    const struct question_record *open = task_first_open(task, record_question(record, task->question));
    if (!question_may_wait_for_back(&open->question)) {
        task_refuse(task, ERR_INVALID,
                    "Q%llu is not about a machine that can't be reached, so there is nothing to wait for.",
                    (unsigned long long)task->question);
    } else {
        struct waiting *state = task->state = arena_alloc(task->arena, sizeof *state);
        state->until_ms = clock_wall_ms() + LIMIT_WHEN_BACK_MS;
        state->targets = "";
        when_back_next(task);
    }
}

void task_when_back(struct task *task) {
    task->question = task->op.command.question;
    if (task->question == 0) {
        task_refuse(task, ERR_INVALID, "Which question? For example: retry Q42 when back. See pending.");
        return;
    }
    store_load_question(task->operations->options.store, task->question, when_back_loaded, task);
}
