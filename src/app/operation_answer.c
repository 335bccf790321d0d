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

/* False if the task was refused. An answer that is not possible for one machine of a card must not be recorded for it: it would close the
 * question and change nothing. */
static bool answer_choose(struct task *task, struct answering *state, const struct question_record *asked) {
    const struct deployment_record *record = task->record;
    uint32_t nth = 0;
    bool *used = arena_array(task->arena, task->op.command.targets.count + 1, sizeof *used);
    state->questions = arena_array(task->arena, record->question_count + 1, sizeof *state->questions);
    state->count = 0;
    state->next = 0;
    state->left_out = (struct err){0};
    for (size_t i = 0; i < record->question_count; i++) {
        const struct question_record *other = &record->questions[i];
        nth += other->question.card == asked->question.card;
        const char *target = plan_slot_name(record->deployment->plan, other->question.step, other->question.slot);
        if (!in_scope(task, asked, other, nth) || !target_named(task, target, used)) {
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

void task_answer(struct task *task) {
    struct answering *state = task->state = arena_alloc(task->arena, sizeof *state);
    state->targets = "";
    task->question = task->op.command.question;
    if (task->question == 0) {
        task_refuse(task, ERR_INVALID, "Which question? For example: %s Q42. See pending.", command_word(task));
        return;
    }
    answer_load(task);
}

/* --- take and check --------------------------------------------------------------------------------------------- */

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
