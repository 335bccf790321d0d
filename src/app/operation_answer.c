/*
 * Answers. An answer names a question; where that question heads a card, it speaks for all open questions of the card that the answerer has seen,
 * or for the machines that are named. Each machine's answer is one compare-and-set of its own; excludes go one after
 * the other, because the last machine can't be excluded.
 */

#include <string.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/str.h"
#include "store/recent.h"
#include "task.h"

enum { ANSWER_TRIES = 5 };

struct answering {
    uint64_t *questions; /* those to answer */
    size_t count, next;
    size_t accepted;
    uint64_t answered;   /* the question that was accepted last */
    uint32_t excluded;   /* accepted excludes of this operation since the deployment was read */
    const char *targets; /* names of the machines answered for */
    struct err left_out; /* why the first of those that this answer is not possible for was left out */
    bool repeats;        /* looked whether an earlier send of this very request was accepted */
    bool recent;         /* the record is from memory: what speaks against the answer is not believed */
};

static void answer_load(struct task *task);

/* An approve step has answers and a permission of its own. */
static unsigned answer_permission(enum guidance guidance) {
    bool approves = guidance == GUIDANCE_PROCEED || guidance == GUIDANCE_ABORT;
    return approves ? PERMISSION_APPROVE : permission_parse(guidance_word(guidance));
}

static const char *command_word(const struct task *task) {
    return guidance_word(task->op.command.guidance);
}

/* --- which questions ------------------------------------------------------------------------------------------ */

/* A word names a machine of the deployment, or else the machines that have it as a tag. */
static bool word_names(const struct task *task, const char *word, const char *target) {
    const struct plan *plan = task->record->deployment->plan;
    for (size_t i = 0; i < plan->target_count; i++) {
        if (str_equal(plan->targets[i].name, word)) {
            return str_equal(word, target);
        }
    }
    const struct config_target *configured = config_find_target(task->config, target);
    return str_equal(word, target) || (configured != NULL && config_names_have(&configured->tags, word));
}

/* Notes in `used` which words of the answer have named a machine. */
static bool target_named(const struct task *task, const char *target, bool *used) {
    const struct plan_names *named = &task->op.command.targets;
    bool found = named->count == 0;
    for (size_t i = 0; i < named->count; i++) {
        bool names = word_names(task, named->items[i], target);
        used[i] = used[i] || names;
        found = found || names;
    }
    return found;
}

static bool in_scope(const struct task *task, const struct question_record *asked, const struct question_record *other,
                     uint32_t nth) {
    bool whole_card = !task->op.single && asked->question.card == asked->question.id;
    if (!whole_card) {
        return other == asked;
    }
    bool seen = task->op.card_revision == 0 || nth <= task->op.card_revision;
    return other->question.card == asked->question.id && seen;
}

bool task_acceptable(const struct task *task, const struct question_record *asked, enum guidance guidance,
                     struct err *err) {
    const struct deployment *d = task->record->deployment;
    const char *taker = asked->taken_by;
    if (d->plan->steps[asked->question.step].guided.claim_required && !str_equal(taker, task->op.actor.name)) {
        (void)err_set(err, ERR_CONFLICT,
                      taker == NULL ? "Take it first here: take Q%llu%s."
                                    : "Q%llu was taken by %s, who has to answer it.",
                      (unsigned long long)asked->question.id, taker == NULL ? "" : taker);
        return false;
    }
    return deployment_accepts(d, &asked->question, guidance, task->op.command.note, err);
}

/* What somebody mistyped must not be passed over: the answer covers exactly what it names. */
static bool all_words_used(struct task *task, const bool *used) {
    const struct plan_names *named = &task->op.command.targets;
    for (size_t i = 0; i < named->count; i++) {
        if (!used[i]) {
            task_refuse(task, ERR_NOT_FOUND,
                        "Q%llu asks about no machine or tag '%s', so nothing was answered. See show Q%llu.",
                        (unsigned long long)task->question, named->items[i], (unsigned long long)task->question);
            return false;
        }
    }
    return true;
}

static bool is_among(const uint64_t *questions, size_t count, uint64_t question) {
    for (size_t i = 0; i < count; i++) {
        if (questions[i] == question) {
            return true;
        }
    }
    return false;
}

/* False if the task was refused. Once a part is recorded, what was asked since is not answered with it. An answer that is not possible for one machine of a card must not be recorded for it: it would close the
 * question and change nothing. */
static bool answer_choose(struct task *task, struct answering *state, const struct question_record *asked) {
    const struct deployment_record *record = task->record;
    uint32_t nth = 0;
    bool *used = arena_array(task->arena, task->op.command.targets.count + 1, sizeof *used);
    const uint64_t *before = state->questions;
    size_t before_count = state->count;
    state->questions = arena_array(task->arena, record->question_count + 1, sizeof *state->questions);
    state->count = 0;
    state->next = 0;
    state->left_out = (struct err){0};
    for (size_t i = 0; i < record->question_count; i++) {
        const struct question_record *other = &record->questions[i];
        nth += other->question.card == asked->question.card;
        const char *target = plan_slot_name(record->deployment->plan, other->question.step, other->question.slot);
        bool fresh = state->accepted > 0 && !is_among(before, before_count, other->question.id);
        if (fresh || !in_scope(task, asked, other, nth) || !target_named(task, target, used)) {
            continue;
        }
        /* Fail ends the deployment with one answer and closes the other questions. */
        bool enough = task->op.command.guidance == GUIDANCE_FAIL && state->count > 0;
        struct err why;
        if (!other->open || enough) {
            continue;
        }
        if (task_acceptable(task, other, task->op.command.guidance, &why)) {
            state->questions[state->count++] = other->question.id;
        } else if (state->left_out.code == ERR_NONE) {
            state->left_out = why;
        }
    }
    return all_words_used(task, used);
}

void task_too_late(struct task *task, const struct question_record *asked) {
    struct buf text = BUF_INIT(ERR_TEXT_SIZE);
    question_over(asked, clock_wall_ms(), &text);
    json_object_begin(&task->out, NULL);
    json_add_string(&task->out, "answer", guidance_word(asked->answer));
    json_add_string(&task->out, "answered_by", asked->answered_by);
    json_add_int(&task->out, "answered_at", asked->answered_ms);
    json_object_end(&task->out);
    char *copy = arena_strdup(task->arena, text.data);
    buf_finish(&text);
    task_refuse(task, ERR_CONFLICT, "%s", copy);
}

/* --- recording ------------------------------------------------------------------------------------------------ */

static void answer_next(struct task *task);

static void answer_end(struct task *task) {
    struct answering *state = task->state;
    const struct deployment *d = task->record->deployment;
    const struct question_record *asked = record_question(task->record, task->question);
    if (state->accepted == 0) {
        task_too_late(task, asked);
        return;
    }
    buf_printf(&task->text, "Q%llu: %s by %s for ", (unsigned long long)task->question,
               guidance_title(task->op.command.guidance), task->op.actor.name);
    if (state->accepted == 1) {
        const struct question *answered = &record_question(task->record, state->answered)->question;
        buf_printf(&task->text, "%s. %s", plan_run_name(d->plan, answered->step, answered->slot, task->arena),
                   deployment_consequence(d, answered, task->op.command.guidance, task->arena));
    } else {
        buf_printf(&task->text, "%s on %s. %zu machines are answered.", d->plan->steps[asked->question.step].name,
                   state->targets, state->accepted);
    }
    if (state->left_out.code != ERR_NONE) {
        buf_printf(&task->text, " Not answered: %s", state->left_out.text);
    }
    json_object_begin(&task->out, NULL);
    json_add_int(&task->out, "accepted", (int64_t)state->accepted);
    json_add_string(&task->out, "guidance", command_word(task));
    json_object_end(&task->out);
    task_reply(task);
}

static void answer_stop(struct task *task, enum err_code code, const char *text) {
    struct answering *state = task->state;
    if (state->accepted > 0) {
        task_refuse(task, code, "%zu machines were answered; then: %s", state->accepted, text);
    } else {
        task_refuse(task, code, "%s", text);
    }
}

/* One machine's answer was recorded, or not. */
static void answer_recorded(enum answer_result result, void *user) {
    struct task *task = user;
    struct answering *state = task->state;
    const struct question_record *question = record_question(task->record, state->questions[state->next]);
    const struct deployment *d = task->record->deployment;
    switch (result) {
    case ANSWER_ACCEPTED:
        state->targets = arena_printf(task->arena, "%s%s%s", state->targets, state->accepted == 0 ? "" : ", ",
                                      plan_slot_name(d->plan, question->question.step, question->question.slot));
        state->answered = question->question.id;
        state->accepted++;
        state->excluded += task->op.command.guidance == GUIDANCE_EXCLUDE;
        state->next++;
        answer_next(task);
        break;
    case ANSWER_TOO_LATE:
        if (state->count == 1 || state->accepted == 0) {
            answer_load(task); /* Look again, to say who was first. */
            break;
        }
        state->next++;
        answer_next(task);
        break;
    case ANSWER_CHANGED:
        answer_load(task);
        break;
    case ANSWER_CLOSING:
        answer_stop(task, ERR_CONFLICT,
                    arena_printf(task->arena, "D%llu was failed or canceled before.", (unsigned long long)d->id));
        break;
    case ANSWER_GENERATION:
        if (task->operations->options.stale_config != NULL) {
            task->operations->options.stale_config(task->operations->options.user);
        }
        answer_stop(task, ERR_CONFLICT,
                    "The configuration has just changed, and who may answer with it. Nothing was recorded; try again.");
        break;
    case ANSWER_UNAVAILABLE:
        answer_stop(task, ERR_UNAVAILABLE, "Nothing was recorded: the store is away. Try again.");
        break;
    case ANSWER_UNKNOWN:
        answer_stop(task, ERR_UNKNOWN,
                    arena_printf(task->arena, "It is not known whether that was recorded. See show Q%llu.",
                                 (unsigned long long)task->question));
        break;
    }
}

static void answer_next(struct task *task) {
    struct answering *state = task->state;
    if (state->next == state->count) {
        answer_end(task);
        return;
    }
    const struct deployment *d = task->record->deployment;
    uint64_t question = state->questions[state->next];
    bool of_late_cancel = record_question(task->record, question)->question.late_cancel;
    const char *event_id = task->op.event_id == NULL
                               ? NULL
                               : arena_printf(task->arena, "%s/%llu", task->op.event_id, (unsigned long long)question);
    store_answer(task->operations->options.store,
                 &(struct new_answer){
                     .deployment = d->id,
                     .question = question,
                     .guidance = task->op.command.guidance,
                     .closing = of_late_cancel ? CLOSING_CANCELING : CLOSING_NO,
                     .excluded_seen = d->excluded_intake + state->excluded,
                     /* The leader applies the first while the others are recorded. */
                     .revision = state->recent && state->next == 0 ? d->revision : 0,
                     .actor = task->op.actor.name,
                     .via = task->op.actor.via,
                     .note = task->op.command.note,
                     .generation = task->config->generation,
                     .now_ms = clock_wall_ms(),
                     .event_id = event_id,
                 },
                 answer_recorded, task);
}

static bool leaves_one(const struct task *task, const struct answering *state) {
    const struct deployment *d = task->record->deployment;
    return task->op.command.guidance != GUIDANCE_EXCLUDE || d->excluded_intake + state->count < d->plan->target_count;
}

static void answer_refuse_last(struct task *task, const struct answering *state) {
    const struct question *q = &record_question(task->record, state->questions[0])->question;
    if (state->count == 1) {
        const char *target = plan_slot_name(task->record->deployment->plan, q->step, q->slot);
        answer_stop(
            task, ERR_CONFLICT,
            arena_printf(task->arena,
                         "%s is the last machine of this deployment and can't be excluded. To end it, answer Fail.",
                         target));
    } else {
        answer_stop(task, ERR_CONFLICT,
                    "That would exclude every machine, and the last one can't be excluded. Name some, or answer Fail.");
    }
}

static void answer_loaded(struct deployment_record *record, const struct err *err, void *user) {
    struct task *task = user;
    struct answering *state = task->state;
    if (err != NULL) {
        task_unread(task, err);
        return;
    }
    deployment_record_free(task->record);
    task->record = record;
    task->deployment = record->deployment->id;
    const struct deployment *d = record->deployment;
    const struct question_record *asked = record_question(record, task->question);
    state->excluded = 0;
    state->recent = false;
    if (!task_allowed(task, answer_permission(task->op.command.guidance), d->plan->project, d->plan->environment) ||
        !answer_choose(task, state, asked)) {
        return;
    }
    if (state->count > 0 && !leaves_one(task, state)) {
        answer_refuse_last(task, state);
    } else if (state->count > 0 || state->accepted > 0) {
        answer_next(task);
    } else if (state->left_out.code != ERR_NONE) {
        task_fail(task, &state->left_out);
    } else if (task->op.event_id != NULL && !state->repeats && asked->answer != GUIDANCE_NONE) {
        /* Perhaps by this very request, the reply to which was lost: its key tells. */
        state->repeats = true;
        state->questions[0] = task->question;
        state->count = 1;
        answer_next(task);
    } else {
        task_too_late(task, asked);
    }
}

static void answer_load(struct task *task) {
    if (++task->tries > ANSWER_TRIES) {
        answer_stop(task, ERR_CONFLICT, "Others answer at the same time. Look again, then answer again.");
        return;
    }
    store_load_question(task->operations->options.store, task->question, answer_loaded, task);
}

/* By what was read when the card was drawn, if nothing speaks against it there. The store compares: if anything has changed since
 * then, all is read anew. */
static bool answer_recent(struct task *task) {
    struct answering *state = task->state;
    struct deployment_record *record = recent_take(task->operations->options.store, task->question);
    if (record == NULL) {
        return false;
    }
    task->record = record;
    task->deployment = record->deployment->id;
    const struct plan *plan = record->deployment->plan;
    const struct question_record *asked = record_question(record, task->question);
    unsigned permission = answer_permission(task->op.command.guidance);
    unsigned granted = actor_permissions(task->config, &task->op.actor, plan->project, plan->environment);
    /* Who has taken it is no part of the revision. */
    if ((granted & permission) != permission || task->op.command.targets.count > 0 ||
        plan->steps[asked->question.step].guided.claim_required) {
        return false;
    }
    (void)answer_choose(task, state, asked);
    state->recent = state->count > 0 && state->left_out.code == ERR_NONE && leaves_one(task, state);
    if (state->recent) {
        answer_next(task);
    }
    return state->recent;
}

void task_answer(struct task *task) {
    struct answering *state = task->state = arena_alloc(task->arena, sizeof *state);
    state->targets = "";
    task->question = task->op.command.question;
    if (task->question == 0) {
        task_refuse(task, ERR_INVALID, "Which question? For example: %s Q42. See pending.", command_word(task));
        return;
    }
    if (!answer_recent(task)) {
        answer_load(task);
    }
}
