#include "core/plan.h"

#include <string.h>

#include "base/str.h"

static const struct {
    enum guidance guidance;
    const char *word, *title;
} guidance_names[] = {
    {GUIDANCE_RETRY, "retry", "Retry"},       {GUIDANCE_IGNORE, "ignore", "Ignore"},
    {GUIDANCE_EXCLUDE, "exclude", "Exclude"}, {GUIDANCE_FAIL, "fail", "Fail"},
    {GUIDANCE_PROCEED, "proceed", "Proceed"}, {GUIDANCE_ABORT, "abort", "Abort"},
};

enum { GUIDANCE_NAME_COUNT = sizeof guidance_names / sizeof guidance_names[0] };

const char *guidance_word(enum guidance guidance) {
    for (size_t i = 0; i < GUIDANCE_NAME_COUNT; i++) {
        if (guidance_names[i].guidance == guidance) {
            return guidance_names[i].word;
        }
    }
    return "";
}

const char *guidance_title(enum guidance guidance) {
    for (size_t i = 0; i < GUIDANCE_NAME_COUNT; i++) {
        if (guidance_names[i].guidance == guidance) {
            return guidance_names[i].title;
        }
    }
    return "";
}

static bool is_blank(char c) {
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

enum guidance guidance_parse(const char *word) {
    if (word == NULL) {
        return GUIDANCE_NONE;
    }
    while (is_blank(*word)) {
        word++;
    }
    size_t size = strlen(word);
    while (size > 0 && is_blank(word[size - 1])) {
        size--;
    }
    for (size_t i = 0; i < GUIDANCE_NAME_COUNT; i++) {
        const char *name = guidance_names[i].word;
        if (strlen(name) == size && str_starts_nocase(word, name)) {
            return guidance_names[i].guidance;
        }
    }
    return GUIDANCE_NONE;
}

const char *plan_slot_name(const struct plan *plan, size_t step, size_t slot) {
    const struct plan_step *s = &plan->steps[step];
    return s->on_worker ? "worker" : plan->targets[s->targets[slot]].name;
}

const char *plan_run_name(const struct plan *plan, size_t step, size_t slot, struct arena *arena) {
    const struct plan_step *s = &plan->steps[step];
    if (s->approve) {
        return s->name;
    }
    return arena_printf(arena, "%s on %s%s", s->name, s->on_worker ? "the " : "", plan_slot_name(plan, step, slot));
}

int plan_find_slot(const struct plan *plan, size_t step, const char *target) {
    const struct plan_step *s = &plan->steps[step];
    if (s->on_worker) {
        return str_equal(target, "worker") ? 0 : -1;
    }
    for (size_t slot = 0; slot < s->slot_count; slot++) {
        if (str_equal(plan->targets[s->targets[slot]].name, target)) {
            return (int)slot;
        }
    }
    return -1;
}

bool guided_resolve(int deployment, int step, int project, int environment) {
    const int levels[] = {deployment, step, project, environment};
    for (size_t i = 0; i < sizeof levels / sizeof levels[0]; i++) {
        if (levels[i] >= 0) {
            return levels[i] > 0;
        }
    }
    return false;
}
