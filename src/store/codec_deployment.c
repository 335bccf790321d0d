#include "codec_deployment.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "claim.h"

/* --- header --- */

static const char *guided_word(int flag) {
    return flag < 0 ? "" : flag > 0 ? "on" : "off";
}

void deployment_encode_fixed(struct field_list *list, const struct deployment *d) {
    field_list_number(list, "id", d->id);
    field_list_text(list, "project", d->plan->project);
    field_list_text(list, "environment", d->plan->environment);
    field_list_text(list, "version", d->version);
    field_list_text(list, "previous", d->previous_version);
    field_list_text(list, "actor", d->actor);
    field_list_text(list, "via", d->via);
    field_list_text(list, "inputs", d->inputs);
    field_list_text(list, "guided", guided_word(d->guided_flag));
    field_list_text(list, "plan", d->plan_hash);
    field_list_number(list, "created", (uint64_t)d->created_ms);
    field_list_text(list, "origin", d->origin != ORIGIN_DEPLOY ? origin_word(d->origin) : "");
    field_list_number(list, "origin_id", d->origin_id);
    field_list_text(list, "rolls_back", d->rolls_back ? "yes" : "");
    field_list_set(list, "excluded", words_u64(list->numbers[list->number_count++], d->excluded_count));
}

void deployment_encode_state(struct field_list *list, const struct deployment *d) {
    field_list_set(list, "state", deployment_state_word(d->state));
    field_list_number(list, "started", (uint64_t)d->started_ms);
    field_list_number(list, "ended", (uint64_t)d->ended_ms);
    field_list_number(list, "waiting", (uint64_t)d->waiting_ms);
    field_list_set(list, "waiting_since", words_i64(list->numbers[list->number_count++], d->waiting_since_ms));
    field_list_text(list, "phase", closing_word(d->closing));
    field_list_text(list, "closing_why", d->closing_why);
    field_list_text(list, "warned", d->warned ? "yes" : "");
    field_list_text(list, "doubted", d->doubted ? "yes" : "");
    field_list_text(list, "audit", d->audit_head);
    field_list_number(list, "revision", d->revision);
}

/* The text of a field, or NULL. */
static const char *text_of(const struct redis_reply *fields, const char *name, struct arena *arena) {
    const char *text = words_field(fields, name);
    return text[0] != '\0' ? arena_strdup(arena, text) : NULL;
}

static const char *text_or_empty(const struct redis_reply *fields, const char *name, struct arena *arena) {
    return arena_strdup(arena, words_field(fields, name));
}

bool deployment_decode(const struct redis_reply *fields, struct deployment *d) {
    const char *guided = words_field(fields, "guided");
    d->id = words_field_u64(fields, "id");
    d->plan_hash = text_or_empty(fields, "plan", d->arena);
    d->version = text_or_empty(fields, "version", d->arena);
    d->previous_version = text_of(fields, "previous", d->arena);
    d->actor = text_or_empty(fields, "actor", d->arena);
    d->via = text_or_empty(fields, "via", d->arena);
    d->inputs = text_of(fields, "inputs", d->arena);
    d->guided_flag = str_equal(guided, "on") ? 1 : str_equal(guided, "off") ? 0 : -1;
    d->created_ms = words_field_i64(fields, "created");
    d->excluded_intake = (uint32_t)words_field_u64(fields, "excluded");
    d->origin = origin_parse(words_field(fields, "origin"));
    d->origin_id = words_field_u64(fields, "origin_id");
    d->rolls_back = str_equal(words_field(fields, "rolls_back"), "yes");
    d->resumed_by = words_field_u64(fields, "resumed_by");

    d->state = deployment_state_parse(words_field(fields, "state"));
    d->started_ms = words_field_i64(fields, "started");
    d->ended_ms = words_field_i64(fields, "ended");
    d->waiting_ms = words_field_i64(fields, "waiting");
    d->waiting_since_ms = words_field_i64(fields, "waiting_since");
    d->intake = closing_parse(words_field(fields, "closing"));
    d->closing = closing_parse(words_field(fields, "phase"));
    d->closing_why = text_of(fields, "closing_why", d->arena);
    d->warned = str_equal(words_field(fields, "warned"), "yes");
    d->doubted = str_equal(words_field(fields, "doubted"), "yes");
    (void)snprintf(d->audit_head, sizeof d->audit_head, "%s", words_field(fields, "audit"));
    d->revision = words_field_u64(fields, "revision");
    return d->id != 0 && (int)d->state >= 0;
}

/* --- runs --- */

/* The worker of a run that is over is of no use any more, and its name is long. */
static const char *owner_of(const struct run *run) {
    return run_is_final(run->state) ? NULL : run->worker;
}

void run_encode(char out[RUN_TEXT_SIZE], const struct run *run) {
    struct buf text = BUF_INIT(RUN_TEXT_SIZE - 1);
    buf_printf(&text, "%s %" PRIu32 ".%" PRIu32, run_state_word(run->state), run->attempt, run->epoch);
    if (run->people_retries + run->auto_retries + run->lost_retries > 0) {
        buf_printf(&text, " r%" PRIu32 ".%" PRIu32 ".%" PRIu32, run->people_retries, run->auto_retries,
                   run->lost_retries);
    }
    if (run->unstarted > 0) {
        buf_printf(&text, " n%" PRIu32, run->unstarted);
    }
    if (run->unknown) {
        buf_adds(&text, " ?");
    }
    if (run->outcome.kind != OUTCOME_NONE) {
        char outcome[OUTCOME_SIZE];
        words_outcome_format(outcome, run->outcome, ':');
        buf_printf(&text, " =%s", outcome);
    }
    if (run->before.kind != OUTCOME_NONE) {
        char before[OUTCOME_SIZE];
        words_outcome_format(before, run->before, ':');
        buf_printf(&text, " ~%s", before);
    }
    if (run->question != 0) {
        buf_printf(&text, " Q%" PRIu64, run->question);
    }
    if (run->retried != 0) {
        buf_printf(&text, " w%" PRIu64, run->retried);
    }
    if (run->earlier) {
        buf_adds(&text, " earlier");
    }
    if (run->bound) {
        buf_adds(&text, " bound");
    }
    if (run->started_ms != 0) {
        buf_printf(&text, " @%" PRId64, run->started_ms);
    }
    if (run->ended_ms != 0) {
        buf_printf(&text, " +%" PRId64, run->ended_ms - run->started_ms);
    }
    if (run->host != NULL) {
        buf_printf(&text, " on:%s", run->host);
    }
    if (owner_of(run) != NULL) {
        buf_printf(&text, " by:%s", owner_of(run));
    }
    assert(!text.overflow);
    memcpy(out, text.data, text.size + 1);
    buf_finish(&text);
}

static bool state_parse(const char *word, enum run_state *ret_state) {
    for (enum run_state state = RUN_PENDING; state < RUN_STATE_COUNT; state++) {
        if (str_equal(run_state_word(state), word)) {
            *ret_state = state;
            return true;
        }
    }
    return false;
}

/* Reads "1.2" or "1.2.3": as many numbers as there are places for. */
static bool numbers_parse(const char *word, size_t count, uint32_t *const *places) {
    for (size_t i = 0; i < count; i++) {
        uint64_t number = 0;
        if (!words_number(&word, i + 1 < count ? '.' : '\0', &number) || number > UINT32_MAX) {
            return false;
        }
        *places[i] = (uint32_t)number;
    }
    return true;
}

static bool time_parse(const char *word, int64_t from_ms, int64_t *ret_ms) {
    int64_t ms = 0;
    if (!words_signed(word, &ms)) {
        return false;
    }
    *ret_ms = from_ms + ms;
    return true;
}

static bool outcome_parse(const char *word, struct outcome *ret_outcome) {
    *ret_outcome = words_outcome(word, ':');
    return ret_outcome->kind != OUTCOME_NONE;
}

static bool name_parse(const char *word, const char *prefix, const char *like, struct arena *arena,
                       const char **ret_name) {
    if (!str_starts(word, prefix)) {
        return false;
    }
    const char *name = word + strlen(prefix);
    *ret_name = str_equal(name, like) ? like : arena_strdup(arena, name);
    return true;
}

/* One of the words that may follow the state and the attempt. */
static bool word_parse(const char *word, const struct run *like, struct arena *arena, struct run *run) {
    switch (word[0]) {
    case 'r':
        return numbers_parse(word + 1, 3,
                             (uint32_t *const[]){&run->people_retries, &run->auto_retries, &run->lost_retries});
    case 'n':
        return numbers_parse(word + 1, 1, (uint32_t *const[]){&run->unstarted});
    case '?':
        run->unknown = true;
        return word[1] == '\0';
    case '=':
        return outcome_parse(word + 1, &run->outcome);
    case '~':
        return outcome_parse(word + 1, &run->before);
    case 'Q':
        return str_to_u64(word + 1, &run->question, NULL) == 0;
    case 'w':
        return str_to_u64(word + 1, &run->retried, NULL) == 0;
    case 'e':
        run->earlier = true;
        return str_equal(word, "earlier");
    case '@':
        return time_parse(word + 1, 0, &run->started_ms);
    case '+':
        return time_parse(word + 1, run->started_ms, &run->ended_ms);
    case 'o':
        return name_parse(word, "on:", like != NULL ? like->host : NULL, arena, &run->host);
    case 'b':
        if (str_equal(word, "bound")) {
            run->bound = true;
            return true;
        }
        return name_parse(word, "by:", like != NULL ? like->worker : NULL, arena, &run->worker);
    default:
        return false;
    }
}

/* Takes the word before the next blank, "" at the end. */
static bool word_take(const char **text, char word[RUN_TEXT_SIZE]) {
    size_t length = strcspn(*text, " ");
    if (length >= RUN_TEXT_SIZE) {
        return false;
    }
    memcpy(word, *text, length);
    word[length] = '\0';
    *text += length + ((*text)[length] == ' ');
    return true;
}

bool run_decode(const char *text, const struct run *like, struct arena *arena, struct run *ret_run) {
    char word[RUN_TEXT_SIZE];
    struct run run = {0};
    bool valid = word_take(&text, word) && state_parse(word, &run.state) && word_take(&text, word) &&
                 numbers_parse(word, 2, (uint32_t *const[]){&run.attempt, &run.epoch});
    while (valid && text[0] != '\0') {
        valid = word_take(&text, word) && word_parse(word, like, arena, &run);
    }
    *ret_run = run;
    return valid;
}

/* --- what was done for a card --- */

/* By what was told. */
static const char *const call_letters[CALL_KINDS] = {[CALL_RUN] = "-rR", [CALL_WEBHOOK] = "-wW"};

void vigil_encode(struct buf *out, const struct vigil *vigil) {
    buf_printf(out, "%" PRId64 " %" PRIu32 " %" PRId64, vigil->since_ms, vigil->reminders, vigil->reminded_ms);
    for (uint32_t i = 0; i < vigil->rungs; i++) {
        buf_printf(out, " %" PRId64, vigil->climbed_ms[i]);
    }
    for (uint32_t i = 0; i < vigil->rungs; i++) {
        for (size_t kind = 0; kind < CALL_KINDS; kind++) {
            if (vigil->calls[i][kind] != CALL_TOLD_NOTHING) {
                buf_printf(out, " %c%" PRIu32, call_letters[kind][vigil->calls[i][kind]], i);
            }
        }
    }
}

/* Such as "w2": the webhook of rung 2 (from 0) is known to fail. */
static bool calls_decode(const char *text, struct vigil *vigil) {
    while (text[0] != '\0') {
        enum call_kind kind = strchr(call_letters[CALL_RUN] + 1, text[0]) != NULL ? CALL_RUN : CALL_WEBHOOK;
        const char *told = strchr(call_letters[kind] + 1, text[0]);
        uint64_t rung = 0;
        text++;
        if (told == NULL || !words_number(&text, ' ', &rung) || rung >= vigil->rungs) {
            return false;
        }
        vigil->calls[rung][kind] = (enum call_told)(told - call_letters[kind]);
    }
    return true;
}

bool vigil_decode(const char *text, struct vigil *vigil) {
    uint64_t numbers[3 + LIMIT_RUNGS] = {0};
    size_t count = 0;
    while (text[0] >= '0' && text[0] <= '9' && count < sizeof numbers / sizeof numbers[0]) {
        if (!words_number(&text, ' ', &numbers[count++])) {
            return false;
        }
    }
    if (count < 3) {
        return false;
    }
    vigil->since_ms = (int64_t)numbers[0];
    vigil->reminders = (uint32_t)numbers[1];
    vigil->reminded_ms = (int64_t)numbers[2];
    vigil->rungs = (uint32_t)(count - 3);
    for (uint32_t i = 0; i < vigil->rungs; i++) {
        vigil->climbed_ms[i] = (int64_t)numbers[3 + i];
    }
    return calls_decode(text, vigil);
}

static const struct vigil *vigil_of(const struct redis_reply *fields, const struct question *q, struct arena *arena) {
    struct vigil vigil = {.card = q->id, .step = q->step};
    const char *text = words_field(fields, "vigil");
    if (text[0] == '\0' || !vigil_decode(text, &vigil)) {
        return NULL;
    }
    struct vigil *copy = arena_alloc(arena, sizeof *copy);
    *copy = vigil;
    return copy;
}

/* --- questions --- */

static const enum guidance all_guidance[] = {GUIDANCE_RETRY, GUIDANCE_IGNORE,  GUIDANCE_EXCLUDE,
                                             GUIDANCE_FAIL,  GUIDANCE_PROCEED, GUIDANCE_ABORT};
enum { GUIDANCE_COUNT = sizeof all_guidance / sizeof all_guidance[0] };

/* "retry fail" */
static const char *options_text(unsigned options, struct arena *arena) {
    const char *text = "";
    for (size_t i = 0; i < GUIDANCE_COUNT; i++) {
        if ((options & all_guidance[i]) != 0) {
            text = arena_printf(arena, "%s%s%s", text, text[0] != '\0' ? " " : "", guidance_word(all_guidance[i]));
        }
    }
    return text;
}

static unsigned options_parse(const char *text) {
    unsigned options = 0;
    for (size_t i = 0; i < GUIDANCE_COUNT; i++) {
        const char *word = guidance_word(all_guidance[i]);
        options |= strstr(text, word) != NULL ? all_guidance[i] : 0;
    }
    return options;
}

static const char *outcome_copy(struct outcome outcome, struct arena *arena) {
    char text[OUTCOME_SIZE];
    words_outcome_format(text, outcome, ' ');
    return arena_strdup(arena, text);
}

void question_encode(struct field_list *list, const struct deployment *d, const struct question *question) {
    field_list_number(list, "id", question->id);
    field_list_number(list, "deployment", d->id);
    field_list_number(list, "step", question->step);
    field_list_number(list, "slot", question->slot);
    field_list_number(list, "attempt", question->attempt);
    field_list_number(list, "asked", (uint64_t)question->asked_ms);
    field_list_number(list, "deadline", (uint64_t)question->deadline_ms);
    field_list_text(list, "options", options_text(question->options, d->arena));
    field_list_text(list, "unknown", question->unknown ? "yes" : "");
    field_list_text(list, "unreachable", question->unreachable ? "yes" : "");
    field_list_text(list, "back", question->back_by);
    field_list_number(list, "back_until", (uint64_t)question->back_until_ms);
    field_list_text(list, "late_cancel", question->late_cancel ? "yes" : "");
    field_list_text(list, "approve", question->approve ? "yes" : "");
    field_list_number(list, "card", question->card != question->id ? question->card : 0);
    field_list_text(list, "error_key", question->error_key);
    field_list_number(list, "past", question->past);
    field_list_text(list, "excerpt", question->excerpt);
    field_list_text(list, "why_no_retry", question->why_no_retry);
    field_list_text(list, "outcome",
                    outcome_copy(deployment_run(d, question->step, question->slot)->outcome, d->arena));
    field_list_set(list, "state", "open");
    field_list_set(list, "revision", "1");
}

static bool is_yes(const struct redis_reply *fields, const char *name) {
    return str_equal(words_field(fields, name), "yes");
}

bool question_decode(const struct redis_reply *fields, const struct deployment *d, struct question_record *ret_record) {
    struct arena *arena = d->arena;
    struct question question = {
        .id = words_field_u64(fields, "id"),
        .step = (size_t)words_field_u64(fields, "step"),
        .slot = (size_t)words_field_u64(fields, "slot"),
        .attempt = (uint32_t)words_field_u64(fields, "attempt"),
        .asked_ms = words_field_i64(fields, "asked"),
        .deadline_ms = words_field_i64(fields, "deadline"),
        .options = options_parse(words_field(fields, "options")),
        .unknown = is_yes(fields, "unknown"),
        .unreachable = is_yes(fields, "unreachable"),
        .late_cancel = is_yes(fields, "late_cancel"),
        .approve = is_yes(fields, "approve"),
        .back_by = text_of(fields, "back", arena),
        .back_note = text_of(fields, "back_note", arena),
        .back_until_ms = words_field_i64(fields, "back_until"),
        .parked_by = text_of(fields, "parked", arena),
        .parked_ms = words_field_i64(fields, "parked_at"),
        .card = words_field_u64(fields, "card"),
        .error_key = text_or_empty(fields, "error_key", arena),
        .past = words_field_u64(fields, "past"),
        .excerpt = text_or_empty(fields, "excerpt", arena),
        .why_no_retry = text_of(fields, "why_no_retry", arena),
    };
    question.card = question.card != 0 ? question.card : question.id;
    if (question.id == 0 || question.step >= d->plan->step_count ||
        question.slot >= d->plan->steps[question.step].slot_count) {
        return false;
    }
    *ret_record = (struct question_record){
        .question = question,
        .deployment = d->id,
        .open = str_equal(words_field(fields, "state"), "open"),
        .step_name = d->plan->steps[question.step].name,
        .target_name = plan_slot_name(d->plan, question.step, question.slot),
        .outcome = words_outcome(words_field(fields, "outcome"), ' '),
        .revision = (uint32_t)words_field_u64(fields, "revision"),
        .taken_by = text_of(fields, "taken", arena),
        .vigil = vigil_of(fields, &question, arena),
        .answer = guidance_parse(words_field(fields, "answer")),
        .answered_by = text_of(fields, "by", arena),
        .answered_via = text_of(fields, "via", arena),
        .note = text_of(fields, "note", arena),
        .answered_ms = words_field_i64(fields, "at"),
        .closed_why = text_of(fields, "closed_why", arena),
    };
    return true;
}
