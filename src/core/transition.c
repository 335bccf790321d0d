#include "transition.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "core/view.h"

static bool run_edge(enum run_state from, enum run_state to) {
#define X(f, t, why)                        \
    if (from == RUN_##f && to == RUN_##t) { \
        return true;                        \
    }
    RUN_EDGES(X)
#undef X
    return false;
}

static bool deployment_edge(enum deployment_state from, enum deployment_state to) {
#define X(f, t, why)                                      \
    if (from == DEPLOYMENT_##f && to == DEPLOYMENT_##t) { \
        return true;                                      \
    }
    DEPLOYMENT_EDGES(X)
#undef X
    return false;
}

static bool is_active(enum run_state state) {
    return state == RUN_QUEUED || state == RUN_RUNNING || state == RUN_LOST || state == RUN_DELAYED;
}

void run_touch(struct apply *apply, size_t step, size_t slot) {
    struct decision *decision = apply->decision;
    struct run *run = deployment_run(apply->d, step, slot);
    if (run->touched) {
        return;
    }
    run->touched = true;
    decision->touched = arena_push(apply->arena, decision->touched, decision->touched_count, sizeof *decision->touched);
    decision->touched[decision->touched_count++] = (struct run_place){step, slot};
}

void run_enter(struct apply *apply, size_t step, size_t slot, enum run_state next) {
    struct deployment *d = apply->d;
    struct run *run = deployment_run(d, step, slot);
    assert(run_edge(run->state, next));
    d->active -= is_active(run->state);
    d->active += is_active(next);
    d->steps[step].by_state[run->state]--;
    d->steps[step].by_state[next]++;
    run->state = next;
    run_touch(apply, step, slot);
    if (next == RUN_WARNED || next == RUN_EXCLUDED) {
        d->warned = true;
    }
}

void deployment_enter(struct apply *apply, enum deployment_state next) {
    struct deployment *d = apply->d;
    int64_t now = apply->event->now_ms;
    assert(deployment_edge(d->state, next));
    if (d->waiting_since_ms != 0) {
        d->waiting_ms += now - d->waiting_since_ms;
        d->waiting_since_ms = 0;
    }
    if (next == DEPLOYMENT_PAUSED) {
        d->waiting_since_ms = now;
    }
    if (d->started_ms == 0 && next == DEPLOYMENT_RUNNING) {
        d->started_ms = now;
    }
    d->state = next;
    if (deployment_is_final(next)) {
        d->ended_ms = now;
        apply_audit(apply, "finished %s", deployment_state_word(next));
        (void)apply_effect(apply, EFFECT_FINISH, 0, 0);
    }
}

struct effect *apply_effect(struct apply *apply, enum effect_kind kind, size_t step, size_t slot) {
    struct decision *decision = apply->decision;
    decision->effects = arena_push(apply->arena, decision->effects, decision->count, sizeof *decision->effects);
    struct effect *effect = &decision->effects[decision->count++];
    *effect = (struct effect){.kind = kind, .step = step, .slot = slot};
    return effect;
}

void apply_audit(struct apply *apply, const char *format, ...) {
    char line[256];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(line, sizeof line, format, args);
    va_end(args);
    apply_effect(apply, EFFECT_AUDIT, 0, 0)->text = arena_strdup(apply->arena, line);
}

int slot_target(const struct deployment *d, size_t step, size_t slot) {
    const struct plan_step *s = &d->plan->steps[step];
    return s->on_worker ? -1 : (int)s->targets[slot];
}

bool slot_is_remote(const struct deployment *d, size_t step, size_t slot) {
    int target = slot_target(d, step, slot);
    return target >= 0 && d->plan->targets[target].ssh != NULL;
}

const char *deployment_start_host(const struct deployment *d, size_t step, size_t slot) {
    const struct run *run = deployment_run(d, step, slot);
    int target = slot_target(d, step, slot);
    if (slot_is_remote(d, step, slot)) {
        return NULL;
    }
    /* An attempt whose end nobody saw may still run, and only its own host can tell. */
    return run->unknown || run->bound ? run->host : target < 0 ? NULL : d->plan->targets[target].host;
}

bool slot_is_excluded(const struct deployment *d, size_t step, size_t slot) {
    int target = slot_target(d, step, slot);
    return target >= 0 && d->excluded[target];
}

enum run_state run_end_as_it_was(struct run *run) {
    run->unknown = run->unknown || run_began(run).kind == OUTCOME_UNKNOWN;
    return run->unknown ? RUN_UNKNOWN : RUN_FAILED;
}

void run_stop(struct apply *apply, size_t step, size_t slot) {
    const struct run *run = deployment_run(apply->d, step, slot);
    if (apply->d->plan->steps[step].condition == PLAN_CLEANUP) {
        return;
    }
    struct effect *stop = apply_effect(apply, EFFECT_STOP, step, slot);
    stop->host = run->host;
    stop->attempt = run->attempt;
}

void run_issue(struct apply *apply, size_t step, size_t slot, bool again, const char *why) {
    struct deployment *d = apply->d;
    struct run *run = deployment_run(d, step, slot);
    run->attempt += again ? 0 : 1;
    run->epoch++;
    run->started_ms = 0;
    run->ended_ms = 0;
    struct effect *effect = apply_effect(apply, EFFECT_START, step, slot);
    effect->attempt = run->attempt;
    effect->epoch = run->epoch;
    effect->prove_gone = run->unknown;
    effect->host = deployment_start_host(d, step, slot);
    run_enter(apply, step, slot, RUN_QUEUED);
    apply_audit(apply, "issued %zu.%zu #%u %s", step, slot, run->attempt, why);
}

static unsigned question_options(const struct deployment *d, const struct question *q, const struct run *run) {
    const struct plan_step *step = &d->plan->steps[q->step];
    if (q->approve) {
        return GUIDANCE_PROCEED | GUIDANCE_ABORT;
    }
    unsigned options = GUIDANCE_FAIL;
    if (q->late_cancel) {
        return options;
    }
    if (run->people_retries < (uint32_t)step->guided.max_retries) {
        options |= GUIDANCE_RETRY;
    }
    /* After an unknown outcome "it worked" is a fact that somebody found out, not an excuse. */
    if (!step->required || q->unknown) {
        options |= GUIDANCE_IGNORE;
    }
    if (!step->required && !step->on_worker && deployment_remaining(d) > 1) {
        options |= GUIDANCE_EXCLUDE;
    }
    return options;
}

static const char *why_no_retry(const struct deployment *d, const struct question *q, const struct run *run) {
    const char *name = plan_run_name(d->plan, q->step, q->slot, d->arena);
    if (run->people_retries == 0) {
        return arena_printf(d->arena, "%s can't be retried here (max_retries: 0).", name);
    }
    return arena_printf(d->arena, "%s was retried %u time%s, the most that max_retries allows.", name,
                        run->people_retries, run->people_retries == 1 ? "" : "s");
}

static uint64_t question_card(const struct deployment *d, const struct question *q) {
    for (size_t i = 0; i < d->question_count; i++) {
        const struct question *other = &d->questions[i];
        if (other->step == q->step && !q->approve && str_equal(other->error_key, q->error_key)) {
            return other->card;
        }
    }
    return q->id;
}

/* FNV-1a of both texts. Numbers are only compared, never trusted: two errors that had the same would be counted as one. */
static uint64_t past_of(const char *step, const char *error_key) {
    const char *const texts[] = {step, "\n", error_key};
    uint64_t number = 14695981039346656037u;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        for (const char *at = texts[i]; *at != '\0'; at++) {
            number = (number ^ (uint8_t)*at) * 1099511628211u;
        }
    }
    return number == 0 ? 1 : number;
}

void run_ask(struct apply *apply, size_t step, size_t slot, enum ask_kind kind, const char *excerpt) {
    struct deployment *d = apply->d;
    struct run *run = deployment_run(d, step, slot);
    int64_t now = apply->event->now_ms;
    struct question q = {
        .id = (*apply->next_question)++,
        .step = step,
        .slot = slot,
        .attempt = run->attempt,
        .asked_ms = now,
        .unknown = kind == ASK_UNKNOWN,
        .unreachable = kind == ASK_FAILED && run->outcome.kind == OUTCOME_UNREACHABLE,
        .late_cancel = kind == ASK_CANCEL,
        .approve = kind == ASK_APPROVE,
        .excerpt = arena_strdup(d->arena, excerpt == NULL ? "" : excerpt),
    };
    q.deadline_ms = deployment_deadline(d, &q, now);
    q.options = question_options(d, &q, run);
    if (kind == ASK_FAILED || kind == ASK_UNKNOWN) {
        const char *name = plan_slot_name(d->plan, step, slot);
        q.error_key = kind == ASK_UNKNOWN ? "unknown" : view_error_key(run->outcome, q.excerpt, name, d->arena);
        q.past = past_of(d->plan->steps[step].name, q.error_key);
        if ((q.options & GUIDANCE_RETRY) == 0) {
            q.why_no_retry = why_no_retry(d, &q, run);
        }
    } else {
        q.error_key = kind == ASK_APPROVE ? "approve" : "cancel";
    }
    q.card = question_card(d, &q);

    run->question = q.id;
    run->retried = kind == ASK_FAILED ? 0 : run->retried; /* The Retry before it did not help. */
    run_enter(apply, step, slot, RUN_ASKING);
    d->questions = arena_push(d->arena, d->questions, d->question_count, sizeof *d->questions);
    d->questions[d->question_count++] = q;
    apply_effect(apply, EFFECT_ASK, step, slot)->question = q.id;
    apply_audit(apply, "asked Q%llu %zu.%zu #%u", (unsigned long long)q.id, step, slot, q.attempt);
    question_time(apply, &q);
    vigil_join(apply, &q);
}

void question_time(struct apply *apply, const struct question *q) {
    if (q->deadline_ms != 0 && apply->d->plan->steps[q->step].guided.fail_unanswered) {
        struct effect *timer = apply_effect(apply, EFFECT_TIMER, q->step, q->slot);
        timer->timer = EVENT_DEADLINE;
        timer->question = q->id;
        timer->attempt = q->attempt;
        timer->at_ms = q->deadline_ms;
    }
}

void question_close(struct apply *apply, struct run *run, enum guidance guidance, const char *why) {
    struct deployment *d = apply->d;
    struct question *q = deployment_question(d, run->question);
    if (q == NULL) {
        return;
    }
    if (why != NULL) {
        struct effect *effect = apply_effect(apply, EFFECT_CLOSE, q->step, q->slot);
        effect->question = q->id;
        effect->guidance = guidance;
        effect->at_ms = guidance == GUIDANCE_FAIL ? q->deadline_ms : 0;
        effect->text = why;
        apply_audit(apply, "closed Q%llu %s", (unsigned long long)q->id, guidance_word(guidance));
    }
    run_touch(apply, q->step, q->slot);
    vigil_leave(d, q);
    size_t index = (size_t)(q - d->questions);
    memmove(q, q + 1, (d->question_count - index - 1) * sizeof *q);
    d->question_count--;
    run->question = 0;
}
