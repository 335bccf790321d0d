#include "codec_deployment.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "claim.h"

/* --- header
 * ----------------------------------------------------------------------------------------------------------- */

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
    field_list_set(list, "excluded", "0");
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

    d->state = deployment_state_parse(words_field(fields, "state"));
    d->started_ms = words_field_i64(fields, "started");
    d->ended_ms = words_field_i64(fields, "ended");
    d->waiting_ms = words_field_i64(fields, "waiting");
    d->waiting_since_ms = words_field_i64(fields, "waiting_since");
    d->intake = closing_parse(words_field(fields, "closing"));
    d->closing = closing_parse(words_field(fields, "phase"));
    d->closing_why = text_of(fields, "closing_why", d->arena);
    d->warned = str_equal(words_field(fields, "warned"), "yes");
    (void)snprintf(d->audit_head, sizeof d->audit_head, "%s", words_field(fields, "audit"));
    d->revision = words_field_u64(fields, "revision");
    return d->id != 0 && (int)d->state >= 0;
}

/* --- runs
 * ------------------------------------------------------------------------------------------------------------- */

static const char *word_or_dash(const char *word) {
    return str_empty(word) ? "-" : word;
}

void run_encode(char out[RUN_TEXT_SIZE], const struct run *run) {
    char outcome[OUTCOME_SIZE];
    words_outcome_format(outcome, run->outcome);
    (void)snprintf(out, RUN_TEXT_SIZE,
                   "%s %" PRIu32 " %" PRIu32 " %" PRIu32 " %" PRIu32 " %" PRIu32 " %d %s %" PRIu64 " %" PRId64
                   " %" PRId64 " %s %s",
                   run_state_word(run->state), run->attempt, run->epoch, run->people_retries, run->auto_retries,
                   run->lost_retries, run->unknown, outcome, run->question, run->started_ms, run->ended_ms,
                   word_or_dash(run->worker), word_or_dash(run->host));
}

static bool state_parse(const char *word, size_t length, enum run_state *ret_state) {
    for (enum run_state state = RUN_PENDING; state < RUN_STATE_COUNT; state++) {
        const char *candidate = run_state_word(state);
        if (strlen(candidate) == length && memcmp(candidate, word, length) == 0) {
            *ret_state = state;
            return true;
        }
    }
    return false;
}

/* Takes the word before the next blank; `end` is behind it. */
static const char *word_take(const char **text, const char **ret_end) {
    const char *word = *text;
    *ret_end = word + strcspn(word, " ");
    *text = **ret_end == ' ' ? *ret_end + 1 : *ret_end;
    return word;
}

static const char *name_take(const char **text, const char *like, struct arena *arena) {
    const char *end = NULL;
    const char *word = word_take(text, &end);
    size_t length = (size_t)(end - word);
    if (length == 1 && word[0] == '-') {
        return NULL;
    }
    bool same = like != NULL && strlen(like) == length && memcmp(like, word, length) == 0;
    return same ? like : arena_strndup(arena, word, length);
}

static bool number_take(const char **text, uint64_t most, uint64_t *ret_number) {
    return words_number(text, ' ', ret_number) && *ret_number <= most;
}

bool run_decode(const char *text, const struct run *like, struct arena *arena, struct run *ret_run) {
    struct run run = {0};
    uint64_t counts[5] = {0};
    uint64_t unknown = 0;
    uint64_t started = 0;
    uint64_t ended = 0;
    const char *end = NULL;
    const char *word = word_take(&text, &end);
    bool valid = state_parse(word, (size_t)(end - word), &run.state);
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        valid = valid && number_take(&text, UINT32_MAX, &counts[i]);
    }
    valid = valid && number_take(&text, 1, &unknown);
    if (!valid) {
        return false;
    }
    /* An outcome is two words. */
    char outcome[OUTCOME_SIZE];
    const char *begin = text;
    (void)word_take(&text, &end);
    (void)word_take(&text, &end);
    (void)snprintf(outcome, sizeof outcome, "%.*s", (int)(end - begin), begin);
    if (!number_take(&text, UINT64_MAX, &run.question) || !number_take(&text, INT64_MAX, &started) ||
        !number_take(&text, INT64_MAX, &ended)) {
        return false;
    }
    run.attempt = (uint32_t)counts[0];
    run.epoch = (uint32_t)counts[1];
    run.people_retries = (uint32_t)counts[2];
    run.auto_retries = (uint32_t)counts[3];
    run.lost_retries = (uint32_t)counts[4];
    run.unknown = unknown != 0;
    run.outcome = words_outcome(outcome);
    run.started_ms = (int64_t)started;
    run.ended_ms = (int64_t)ended;
    run.worker = name_take(&text, like != NULL ? like->worker : NULL, arena);
    run.host = name_take(&text, like != NULL ? like->host : NULL, arena);
    *ret_run = run;
    return true;
}

/* --- questions
 * -------------------------------------------------------------------------------------------------------- */

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
    words_outcome_format(text, outcome);
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
    field_list_text(list, "late_cancel", question->late_cancel ? "yes" : "");
    field_list_text(list, "approve", question->approve ? "yes" : "");
    field_list_number(list, "card", question->card);
    field_list_text(list, "error_key", question->error_key);
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
        .late_cancel = is_yes(fields, "late_cancel"),
        .approve = is_yes(fields, "approve"),
        .card = words_field_u64(fields, "card"),
        .error_key = text_or_empty(fields, "error_key", arena),
        .excerpt = text_or_empty(fields, "excerpt", arena),
        .why_no_retry = text_of(fields, "why_no_retry", arena),
    };
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
        .outcome = words_outcome(words_field(fields, "outcome")),
        .revision = (uint32_t)words_field_u64(fields, "revision"),
        .taken_by = text_of(fields, "taken", arena),
        .answer = guidance_parse(words_field(fields, "answer")),
        .answered_by = text_of(fields, "by", arena),
        .answered_via = text_of(fields, "via", arena),
        .note = text_of(fields, "note", arena),
        .answered_ms = words_field_i64(fields, "at"),
        .closed_why = text_of(fields, "closed_why", arena),
    };
    return true;
}
