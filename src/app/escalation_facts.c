#include "escalation_facts.h"

#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/str.h"
#include "config/config.h"
#include "core/view.h"

static void target_add(struct escalation_facts *facts, size_t *bytes, const char *name) {
    *bytes += strlen(name) + 1;
    if (*bytes > LIMIT_CALL_TARGETS_BYTES) {
        facts->left_out++;
    } else {
        facts->targets.items[facts->targets.count++] = name;
    }
}

bool escalation_facts_read(const struct deployment_record *record, const struct call *call, const char *url,
                           struct arena *arena, struct escalation_facts *ret_facts) {
    const struct deployment *d = record->deployment;
    struct question_record *of_card = arena_array(arena, record->question_count + 1, sizeof *of_card);
    char id[CALL_ID_SIZE];
    size_t count = 0, bytes = 0;
    struct escalation_facts facts = {.deployment = d, .url = url, .number = call->rung + 1, .parked = true};
    facts.targets.items = arena_array(arena, record->question_count + 1, sizeof *facts.targets.items);
    for (size_t i = 0; i < record->question_count; i++) {
        const struct question_record *q = &record->questions[i];
        if (q->question.card != call->card) {
            continue;
        }
        of_card[count++] = *q;
        if (q->open) {
            facts.question = facts.question == NULL ? q : facts.question;
            facts.parked = facts.parked && q->question.parked_by != NULL;
            target_add(&facts, &bytes, plan_slot_name(d->plan, q->question.step, q->question.slot));
        }
    }
    if (facts.question == NULL) {
        return false;
    }
    const struct plan_guided *guided = &d->plan->steps[facts.question->question.step].guided;
    if (call->rung >= guided->rung_count) {
        return false;
    }
    facts.rung = &guided->ladder[call->rung];
    facts.id = arena_strdup(arena, call_id(id, call));
    facts.card = view_question(d, of_card, count, clock_wall_ms(), arena);
    *ret_facts = facts;
    return true;
}

/* "web-1 web-2 and 3 more" */
static const char *names_line(const struct plan_names *names, size_t left_out, struct arena *arena) {
    struct buf line = BUF_INIT(2 * LIMIT_CALL_TARGETS_BYTES);
    for (size_t i = 0; i < names->count; i++) {
        buf_printf(&line, "%s%s", i == 0 ? "" : " ", names->items[i]);
    }
    if (left_out > 0) {
        buf_printf(&line, " and %zu more", left_out);
    }
    const char *copy = arena_strdup(arena, line.data);
    buf_finish(&line);
    return copy;
}

static const char *page_of(const struct escalation_facts *facts, struct arena *arena) {
    return facts->url == NULL ? ""
                              : arena_printf(arena, "%s/d/%llu", facts->url, (unsigned long long)facts->deployment->id);
}

const char *const *escalation_facts_env(const struct escalation_facts *facts, struct arena *arena, size_t *ret_count) {
    const struct deployment *d = facts->deployment;
    const char *const pairs[][2] = {
        {"PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"},
        {"LANG", "C.UTF-8"},
        {"GUIDEPOST", "1"},
        {"GUIDEPOST_ID", facts->id},
        {"GUIDEPOST_RUNG", arena_printf(arena, "%u", facts->number)},
        {"GUIDEPOST_DEPLOYMENT", arena_printf(arena, "D%llu", (unsigned long long)d->id)},
        {"GUIDEPOST_PROJECT", d->plan->project},
        {"GUIDEPOST_ENVIRONMENT", d->plan->environment},
        {"GUIDEPOST_VERSION", d->version},
        {"GUIDEPOST_QUESTION", arena_printf(arena, "Q%llu", (unsigned long long)facts->card->question)},
        {"GUIDEPOST_STEP", facts->question->step_name},
        {"GUIDEPOST_TARGETS", names_line(&facts->targets, facts->left_out, arena)},
        {"GUIDEPOST_TEXT", facts->card->text},
        {"GUIDEPOST_MENTION", names_line(&facts->rung->mention, 0, arena)},
        {"GUIDEPOST_TAKEN_BY", facts->question->taken_by == NULL ? "" : facts->question->taken_by},
        {"GUIDEPOST_URL", page_of(facts, arena)},
    };
    size_t count = sizeof pairs / sizeof pairs[0];
    const char **env = arena_array(arena, count, sizeof *env);
    for (size_t i = 0; i < count; i++) {
        env[i] = arena_printf(arena, "%s=%s", pairs[i][0], pairs[i][1]);
    }
    *ret_count = count;
    return env;
}

static void write_time(struct json_out *out, const char *key, int64_t wall_ms) {
    struct buf text = BUF_INIT(ERR_TEXT_SIZE);
    if (wall_ms != 0) {
        clock_iso(&text, wall_ms);
    }
    json_add_string(out, key, wall_ms == 0 ? NULL : text.data);
    buf_finish(&text);
}

static void write_names(struct json_out *out, const char *key, const struct plan_names *names) {
    json_array_begin(out, key);
    for (size_t i = 0; i < names->count; i++) {
        json_add_string(out, NULL, names->items[i]);
    }
    json_array_end(out);
}

void escalation_facts_json(const struct escalation_facts *facts, struct buf *buf) {
    const struct deployment *d = facts->deployment;
    const struct question_record *q = facts->question;
    struct arena *arena = arena_create();
    struct json_out out = {.buf = buf};
    json_object_begin(&out, NULL);
    json_add_string(&out, "event", "escalation");
    json_add_string(&out, "id", facts->id);
    json_add_int(&out, "rung", facts->number);
    write_names(&out, "mention", &facts->rung->mention);
    json_add_string(&out, "url", facts->url == NULL ? NULL : page_of(facts, arena));
    json_object_begin(&out, "deployment");
    json_add_string(&out, "name", arena_printf(arena, "D%llu", (unsigned long long)d->id));
    json_add_string(&out, "project", d->plan->project);
    json_add_string(&out, "environment", d->plan->environment);
    json_add_string(&out, "version", d->version);
    json_add_string(&out, "actor", d->actor);
    json_object_end(&out);
    json_object_begin(&out, "question");
    json_add_string(&out, "name", arena_printf(arena, "Q%llu", (unsigned long long)facts->card->question));
    json_add_string(&out, "title", facts->card->title);
    json_add_string(&out, "text", facts->card->text);
    json_add_string(&out, "step", q->step_name);
    write_names(&out, "targets", &facts->targets);
    json_add_int(&out, "targets_left_out", (int64_t)facts->left_out);
    write_names(&out, "responsible", &d->plan->steps[q->question.step].guided.responsible);
    json_add_string(&out, "taken_by", q->taken_by);
    write_time(&out, "asked", facts->card->asked_ms);
    write_time(&out, "deadline", facts->card->deadline_ms);
    json_object_end(&out);
    json_object_end(&out);
    arena_destroy(arena);
}

/* One that can't be read here is none that a command could have read here. */
static void mask(int source, const char *name) {
    const struct config_secret secret = {(enum secret_source)source, name};
    char *value = NULL;
    struct err err;
    if (secret.source != SECRET_NONE && secret_read(&secret, &value, &err) == 0) {
        log_mask(value);
        secret_free(value);
    }
}

void escalation_facts_mask(const struct escalation_facts *facts) {
    const struct plan *plan = facts->deployment->plan;
    for (size_t i = 0; i < plan->step_count; i++) {
        const struct plan_step *step = &plan->steps[i];
        for (size_t k = 0; k < step->env_count; k++) {
            mask(step->env[k].secret_source, step->env[k].secret_name);
        }
        for (size_t k = 0; k < step->guided.rung_count; k++) {
            mask(step->guided.ladder[k].webhook_secret_source, step->guided.ladder[k].webhook_secret_name);
        }
    }
}
