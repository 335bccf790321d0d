/*
 * A frozen plan as JSON. What comes in thousands (targets, variables, slots) takes one string each or less, because a
 * reader counts values: a target is "name\nhost\nssh\nwork_dir" with empty ends left out, the slots of a step are
 * "0-2,5".
 */

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/limits.h"
#include "base/str.h"
#include "store/records.h"
#include "words.h"

static const char *const condition_words[] = {
    [PLAN_SUCCESS] = "success",
    [PLAN_FAILURE] = "failure",
    [PLAN_ALWAYS] = "always",
    [PLAN_CLEANUP] = "cleanup",
};

static const double BACKOFF_UNIT = 1e6; /* a factor is written as a whole number of millionths */

/* --- writing --- */

/* What is not set is left out. */
static void write_text(struct json_out *out, const char *key, const char *value) {
    if (value != NULL) {
        json_add_string(out, key, value);
    }
}

static void write_number(struct json_out *out, const char *key, int64_t value) {
    if (value != 0) {
        json_add_int(out, key, value);
    }
}

static void write_flag(struct json_out *out, const char *key, bool value) {
    if (value) {
        json_add_bool(out, key, true);
    }
}

static void write_targets(struct json_out *out, const struct plan *plan) {
    struct buf line = BUF_INIT(LIMIT_JSON_STRING);
    json_array_begin(out, "targets");
    for (size_t i = 0; i < plan->target_count; i++) {
        const struct plan_target *target = &plan->targets[i];
        const char *const parts[] = {target->name, target->host, target->ssh, target->work_dir};
        size_t end = 0;
        buf_clear(&line);
        for (size_t part = 0; part < sizeof parts / sizeof parts[0]; part++) {
            buf_printf(&line, "%s%s", part > 0 ? "\n" : "", parts[part] != NULL ? parts[part] : "");
            end = str_empty(parts[part]) ? end : line.size;
        }
        json_add_bytes(out, NULL, line.data, end);
    }
    json_array_end(out);
    buf_finish(&line);
}

static void write_slots(struct json_out *out, const struct plan_step *step) {
    struct buf slots = BUF_INIT(LIMIT_JSON_STRING);
    for (size_t first = 0, last; first < step->slot_count; first = last + 1) {
        last = first;
        while (last + 1 < step->slot_count && step->targets[last + 1] == step->targets[last] + 1) {
            last++;
        }
        buf_printf(&slots, "%s%" PRIu32, first > 0 ? "," : "", step->targets[first]);
        if (last > first) {
            buf_printf(&slots, "-%" PRIu32, step->targets[last]);
        }
    }
    json_add_string(out, "targets", slots.data);
    buf_finish(&slots);
}

/* "v:NAME=value", or "s<source>:NAME=name of the secret". */
static void write_variables(struct json_out *out, const struct plan_step *step) {
    struct buf text = BUF_INIT(LIMIT_PLAN_BYTES);
    json_array_begin(out, "env");
    for (size_t i = 0; i < step->env_count; i++) {
        const struct plan_variable *variable = &step->env[i];
        buf_clear(&text);
        if (variable->value != NULL) {
            buf_printf(&text, "v:%s=%s", variable->name, variable->value);
        } else {
            buf_printf(&text, "s%d:%s=%s", variable->secret_source, variable->name,
                       variable->secret_name != NULL ? variable->secret_name : "");
        }
        json_add_string(out, NULL, text.data);
    }
    json_array_end(out);
    buf_finish(&text);
}

static void write_names(struct json_out *out, const char *key, const struct plan_names *names) {
    if (names->count > 0) {
        json_array_begin(out, key);
        for (size_t i = 0; i < names->count; i++) {
            json_add_string(out, NULL, names->items[i]);
        }
        json_array_end(out);
    }
}

static void write_ladder(struct json_out *out, const struct plan_guided *guided) {
    if (guided->rung_count == 0) {
        return;
    }
    json_array_begin(out, "ladder");
    for (size_t i = 0; i < guided->rung_count; i++) {
        const struct plan_rung *rung = &guided->ladder[i];
        json_object_begin(out, NULL);
        write_number(out, "after_ms", rung->after_ms);
        write_names(out, "mention", &rung->mention);
        write_text(out, "room", rung->room);
        write_text(out, "run", rung->run);
        write_text(out, "webhook", rung->webhook);
        write_number(out, "secret_source", rung->webhook_secret_source);
        write_text(out, "secret_name", rung->webhook_secret_name);
        json_object_end(out);
    }
    json_array_end(out);
}

static void write_guided(struct json_out *out, const struct plan_guided *guided) {
    json_object_begin(out, "guided");
    write_flag(out, "enabled", guided->enabled);
    write_number(out, "max_retries", guided->max_retries);
    write_flag(out, "claim_required", guided->claim_required);
    write_number(out, "note_required", guided->note_required);
    write_number(out, "confirm", guided->confirm);
    write_number(out, "remind_every_ms", guided->remind_every_ms);
    write_number(out, "answer_within_ms", guided->answer_within_ms);
    write_flag(out, "fail_unanswered", guided->fail_unanswered);
    write_names(out, "responsible", &guided->responsible);
    write_ladder(out, guided);
    write_text(out, "hint", guided->hint);
    write_text(out, "runbook", guided->runbook);
    json_object_end(out);
}

/* One digit a target, if any is 1. */
static void write_skipped(struct json_out *out, const struct plan *plan) {
    struct buf digits = BUF_INIT(LIMIT_JSON_STRING);
    bool any = false;
    for (size_t i = 0; i < plan->target_count; i++) {
        buf_adds(&digits, plan->targets[i].skipped ? "1" : "0");
        any = any || plan->targets[i].skipped;
    }
    write_text(out, "skipped", any ? digits.data : NULL);
    buf_finish(&digits);
}

static void write_step(struct json_out *out, const struct plan_step *step) {
    json_object_begin(out, NULL);
    json_add_string(out, "name", step->name);
    write_text(out, "script", step->script);
    write_text(out, "instructions", step->instructions);
    write_text(out, "work_dir", step->work_dir);
    write_text(out, "group", step->group);
    write_text(out, "condition", step->condition == PLAN_SUCCESS ? NULL : condition_words[step->condition]);
    write_flag(out, "with_previous", step->with_previous);
    write_flag(out, "required", step->required);
    write_flag(out, "safe_to_rerun", step->safe_to_rerun);
    write_flag(out, "continue_on_error", step->continue_on_error);
    write_flag(out, "approve", step->approve);
    write_number(out, "max_parallel", step->max_parallel);
    write_number(out, "timeout_ms", step->timeout_ms);
    write_number(out, "quiet_ms", step->quiet_ms);
    write_number(out, "retry_times", step->retry_times);
    write_number(out, "retry_delay_ms", step->retry_delay_ms);
    write_number(out, "when_back_ms", step->when_back_ms);
    write_text(out, "probe", step->probe);
    write_number(out, "retry_backoff_millionths", (int64_t)(step->retry_backoff * BACKOFF_UNIT + 0.5));
    if (step->env_count > 0) {
        write_variables(out, step);
    }
    write_guided(out, &step->guided);
    write_flag(out, "on_worker", step->on_worker);
    write_flag(out, "left_empty", step->left_empty);
    if (!step->on_worker) {
        write_slots(out, step);
    }
    json_object_end(out);
}

void plan_to_json(const struct plan *plan, struct buf *out) {
    struct json_out json = {.buf = out};
    json_object_begin(&json, NULL);
    json_add_string(&json, "project", plan->project);
    json_add_string(&json, "environment", plan->environment);
    write_text(&json, "room", plan->room);
    write_text(&json, "folder", plan->folder);
    write_text(&json, "run_as", plan->run_as);
    write_flag(&json, "partial", plan->partial);
    write_targets(&json, plan);
    write_skipped(&json, plan);
    json_array_begin(&json, "steps");
    for (size_t i = 0; i < plan->step_count; i++) {
        write_step(&json, &plan->steps[i]);
    }
    json_array_end(&json);
    json_object_end(&json);
}

/* --- reading --- */

struct reader {
    struct arena *arena;
    const char *wrong; /* the first thing that could not be understood, or NULL */
};

static void reader_fail(struct reader *reader, const char *what) {
    if (reader->wrong == NULL) {
        reader->wrong = what;
    }
}

static const char *read_text(struct reader *reader, const struct json *object, const char *key) {
    return arena_strdup(reader->arena, json_string(json_get(object, key)));
}

static const char *read_name(struct reader *reader, const struct json *object, const char *key) {
    const char *text = read_text(reader, object, key);
    if (text == NULL) {
        reader_fail(reader, key);
    }
    return text;
}

static int64_t read_number(const struct json *object, const char *key) {
    return json_int(json_get(object, key), 0);
}

static bool read_flag(const struct json *object, const char *key) {
    return json_bool(json_get(object, key), false);
}

static void read_target(struct reader *reader, const char *line, struct plan_target *target) {
    const char *parts[4] = {NULL};
    if (line == NULL) {
        reader_fail(reader, "targets");
        return;
    }
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        /* The last part may contain anything. */
        size_t length = i + 1 < sizeof parts / sizeof parts[0] ? strcspn(line, "\n") : strlen(line);
        parts[i] = length > 0 ? arena_strndup(reader->arena, line, length) : NULL;
        line += length + (line[length] == '\n');
    }
    *target = (struct plan_target){.name = parts[0], .host = parts[1], .ssh = parts[2], .work_dir = parts[3]};
    if (target->name == NULL) {
        reader_fail(reader, "targets");
    }
}

static void read_targets(struct reader *reader, const struct json *list, struct plan *plan) {
    plan->target_count = json_size(list);
    plan->targets = arena_array(reader->arena, plan->target_count + 1, sizeof *plan->targets);
    size_t count = 0;
    for (const struct json *each = json_first(list); each != NULL; each = json_next(each)) {
        read_target(reader, json_string(each), &plan->targets[count++]);
    }
}

/* Reads "first" or "first-last" and steps over the comma behind it. */
static bool read_range(const char **text, size_t target_count, uint64_t *ret_first, uint64_t *ret_last) {
    size_t length = strcspn(*text, ",");
    bool range = memchr(*text, '-', length) != NULL;
    if (!words_number(text, range ? '-' : ',', ret_first)) {
        return false;
    }
    *ret_last = *ret_first;
    if (range && !words_number(text, ',', ret_last)) {
        return false;
    }
    return *ret_first <= *ret_last && *ret_last < target_count;
}

static void read_slots(struct reader *reader, const char *text, const struct plan *plan, struct plan_step *step) {
    uint64_t first = 0;
    uint64_t last = 0;
    size_t count = 0;
    bool valid = text != NULL;
    for (const char *at = text; valid && at[0] != '\0';) {
        valid = read_range(&at, plan->target_count, &first, &last);
        count += valid ? (size_t)(last - first) + 1 : 0;
        valid = valid && count <= plan->target_count;
    }
    if (!valid) {
        reader_fail(reader, "steps.targets");
        return;
    }
    step->targets = count > 0 ? arena_array(reader->arena, count, sizeof *step->targets) : NULL;
    while (text[0] != '\0' && read_range(&text, plan->target_count, &first, &last)) {
        for (uint64_t target = first; target <= last; target++) {
            step->targets[step->slot_count++] = (uint32_t)target;
        }
    }
}

static void read_variable(struct reader *reader, const char *text, struct plan_variable *variable) {
    const char *colon = text != NULL ? strchr(text, ':') : NULL;
    const char *equals = colon != NULL ? strchr(colon, '=') : NULL;
    uint64_t source = 0;
    const char *digits = text != NULL ? text + 1 : NULL;
    if (equals == NULL || (text[0] != 'v' && text[0] != 's') ||
        (text[0] == 's' && (!words_number(&digits, ':', &source) || source > INT32_MAX))) {
        reader_fail(reader, "steps.env");
        return;
    }
    const char *value = arena_strdup(reader->arena, equals + 1);
    variable->name = arena_strndup(reader->arena, colon + 1, (size_t)(equals - colon - 1));
    if (text[0] == 'v') {
        variable->value = value;
    } else {
        variable->secret_source = (int)source;
        variable->secret_name = value;
    }
}

static void read_names(struct reader *reader, const struct json *list, struct plan_names *names) {
    names->items = arena_array(reader->arena, json_size(list) + 1, sizeof(const char *));
    for (const struct json *each = json_first(list); each != NULL; each = json_next(each)) {
        const char *name = json_string(each);
        names->items[names->count++] = arena_strdup(reader->arena, name != NULL ? name : "");
    }
}

static void read_ladder(struct reader *reader, const struct json *list, struct plan_guided *guided) {
    if (json_size(list) > LIMIT_RUNGS) {
        reader_fail(reader, "steps.guided.ladder");
        return;
    }
    guided->ladder = arena_array(reader->arena, json_size(list) + 1, sizeof *guided->ladder);
    for (const struct json *each = json_first(list); each != NULL; each = json_next(each)) {
        struct plan_rung *rung = &guided->ladder[guided->rung_count++];
        rung->after_ms = read_number(each, "after_ms");
        read_names(reader, json_get(each, "mention"), &rung->mention);
        rung->room = read_text(reader, each, "room");
        rung->run = read_text(reader, each, "run");
        rung->webhook = read_text(reader, each, "webhook");
        rung->webhook_secret_source = (int)read_number(each, "secret_source");
        rung->webhook_secret_name = read_text(reader, each, "secret_name");
    }
}

static void read_guided(struct reader *reader, const struct json *object, struct plan_guided *guided) {
    guided->enabled = read_flag(object, "enabled");
    guided->max_retries = (int)read_number(object, "max_retries");
    guided->claim_required = read_flag(object, "claim_required");
    guided->note_required = (unsigned)read_number(object, "note_required");
    guided->confirm = (unsigned)read_number(object, "confirm");
    guided->remind_every_ms = read_number(object, "remind_every_ms");
    guided->answer_within_ms = read_number(object, "answer_within_ms");
    guided->fail_unanswered = read_flag(object, "fail_unanswered");
    guided->hint = read_text(reader, object, "hint");
    guided->runbook = read_text(reader, object, "runbook");
    read_ladder(reader, json_get(object, "ladder"), guided);
    read_names(reader, json_get(object, "responsible"), &guided->responsible);
}

/* Left out it is "success". */
static void read_condition(struct reader *reader, const char *word, struct plan_step *step) {
    if (word == NULL) {
        step->condition = PLAN_SUCCESS;
        return;
    }
    for (size_t i = 0; i < sizeof condition_words / sizeof condition_words[0]; i++) {
        if (str_equal(word, condition_words[i])) {
            step->condition = (enum plan_condition)i;
            return;
        }
    }
    reader_fail(reader, "steps.condition");
}

static void read_step(struct reader *reader, const struct json *object, const struct plan *plan,
                      struct plan_step *step) {
    const struct json *env = json_get(object, "env");
    step->name = read_name(reader, object, "name");
    step->script = read_text(reader, object, "script");
    step->instructions = read_text(reader, object, "instructions");
    step->work_dir = read_text(reader, object, "work_dir");
    step->group = read_text(reader, object, "group");
    read_condition(reader, json_string(json_get(object, "condition")), step);
    step->with_previous = read_flag(object, "with_previous");
    step->required = read_flag(object, "required");
    step->safe_to_rerun = read_flag(object, "safe_to_rerun");
    step->continue_on_error = read_flag(object, "continue_on_error");
    step->approve = read_flag(object, "approve");
    step->max_parallel = (int)read_number(object, "max_parallel");
    step->timeout_ms = read_number(object, "timeout_ms");
    step->quiet_ms = read_number(object, "quiet_ms");
    step->retry_times = (int)read_number(object, "retry_times");
    step->retry_delay_ms = read_number(object, "retry_delay_ms");
    step->when_back_ms = read_number(object, "when_back_ms");
    step->probe = read_text(reader, object, "probe");
    step->retry_backoff = (double)read_number(object, "retry_backoff_millionths") / BACKOFF_UNIT;
    step->env_count = json_size(env);
    step->env = arena_array(reader->arena, step->env_count + 1, sizeof *step->env);
    size_t count = 0;
    for (const struct json *each = json_first(env); each != NULL; each = json_next(each)) {
        read_variable(reader, json_string(each), &step->env[count++]);
    }
    read_guided(reader, json_get(object, "guided"), &step->guided);
    step->on_worker = read_flag(object, "on_worker");
    step->left_empty = read_flag(object, "left_empty");
    if (step->on_worker) {
        step->slot_count = 1;
    } else {
        read_slots(reader, json_string(json_get(object, "targets")), plan, step);
    }
}

static void read_skipped(struct reader *reader, const char *digits, struct plan *plan) {
    if (digits != NULL && strlen(digits) != plan->target_count) {
        reader_fail(reader, "skipped");
        return;
    }
    for (size_t i = 0; digits != NULL && i < plan->target_count; i++) {
        plan->targets[i].skipped = digits[i] == '1';
    }
}

static struct plan *read_plan(struct reader *reader, const struct json *root) {
    const struct json *steps = json_get(root, "steps");
    struct plan *plan = arena_alloc(reader->arena, sizeof *plan);
    plan->project = read_name(reader, root, "project");
    plan->environment = read_name(reader, root, "environment");
    plan->room = read_text(reader, root, "room");
    plan->folder = read_text(reader, root, "folder");
    plan->run_as = read_text(reader, root, "run_as");
    plan->partial = read_flag(root, "partial");
    read_targets(reader, json_get(root, "targets"), plan);
    read_skipped(reader, json_string(json_get(root, "skipped")), plan);
    plan->step_count = json_size(steps);
    plan->steps = arena_array(reader->arena, plan->step_count + 1, sizeof *plan->steps);
    size_t count = 0;
    for (const struct json *each = json_first(steps); each != NULL; each = json_next(each)) {
        read_step(reader, each, plan, &plan->steps[count++]);
    }
    return plan;
}

struct plan *plan_from_json(const char *text, size_t size, struct arena *arena, struct err *err) {
    struct json *root = NULL;
    struct reader reader = {.arena = arena};
    if (json_parse(text, size, &root, err) != 0) {
        return NULL;
    }
    struct plan *plan = read_plan(&reader, root);
    json_free(root);
    if (reader.wrong != NULL) {
        (void)err_set(err, ERR_INVALID, "The stored plan cannot be understood: '%s' is missing or wrong.",
                      reader.wrong);
        return NULL;
    }
    return plan;
}
