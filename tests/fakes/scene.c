#include "scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"

/* --- restart ---------------------------------------------------------------------------------------------------- */

struct deployment *scene_restart(const struct deployment *d, struct arena *arena) {
    struct deployment *copy = arena_alloc(arena, sizeof *copy);
    deployment_init(copy, d->plan, arena);
    copy->id = d->id;
    copy->version = d->version;
    copy->previous_version = d->previous_version;
    copy->actor = d->actor;
    copy->via = d->via;
    copy->guided_flag = d->guided_flag;
    copy->created_ms = d->created_ms;
    copy->started_ms = d->started_ms;
    copy->ended_ms = d->ended_ms;
    copy->waiting_ms = d->waiting_ms;
    copy->waiting_since_ms = d->waiting_since_ms;
    copy->state = d->state;
    copy->intake = d->intake;
    copy->closing = d->closing;
    copy->closing_why = d->closing_why;
    copy->warned = d->warned;
    copy->doubted = d->doubted;
    copy->excluded_intake = d->excluded_intake;
    copy->revision = d->revision;
    for (size_t step = 0; step < d->plan->step_count; step++) {
        for (size_t slot = 0; slot < d->plan->steps[step].slot_count; slot++) {
            struct run *run = deployment_run(copy, step, slot);
            *run = *deployment_run(d, step, slot);
            run->worker = run_is_final(run->state) ? NULL : run->worker; /* Of what is over only the host is stored. */
        }
    }
    for (size_t i = 0; i < d->question_count; i++) {
        copy->questions = arena_push(arena, copy->questions, i, sizeof *copy->questions);
        copy->questions[copy->question_count++] = d->questions[i];
    }
    deployment_restore(copy);
    assert_int_equal(copy->vigil_count, d->vigil_count);
    for (size_t i = 0; i < d->vigil_count; i++) {
        assert_int_equal(copy->vigils[i].card, d->vigils[i].card);
        assert_int_equal(copy->vigils[i].open, d->vigils[i].open);
        assert_int_equal(copy->vigils[i].parked, d->vigils[i].parked);
        copy->vigils[i] = d->vigils[i];
    }
    return copy;
}

static void assert_same_run(const struct run *a, const struct run *b) {
    assert_string_equal(run_state_word(a->state), run_state_word(b->state));
    assert_int_equal(a->attempt, b->attempt);
    assert_int_equal(a->epoch, b->epoch);
    assert_int_equal(a->people_retries, b->people_retries);
    assert_int_equal(a->auto_retries, b->auto_retries);
    assert_int_equal(a->lost_retries, b->lost_retries);
    assert_int_equal(a->unstarted, b->unstarted);
    assert_int_equal(a->bound, b->bound);
    assert_int_equal(a->unknown, b->unknown);
    assert_int_equal(a->outcome.kind, b->outcome.kind);
    assert_int_equal(a->question, b->question);
    assert_int_equal(a->started_ms, b->started_ms);
    assert_int_equal(a->ended_ms, b->ended_ms);
    assert_true(run_is_final(a->state) || str_equal(a->worker, b->worker));
    assert_true(str_equal(a->host, b->host));
    assert_int_equal(a->retried, b->retried);
    assert_int_equal(a->earlier, b->earlier);
    assert_false(a->touched);
    assert_false(b->touched);
}

static void assert_same_question(const struct question *a, const struct question *b) {
    assert_int_equal(a->id, b->id);
    assert_int_equal(a->step, b->step);
    assert_int_equal(a->slot, b->slot);
    assert_int_equal(a->attempt, b->attempt);
    assert_int_equal(a->options, b->options);
    assert_int_equal(a->card, b->card);
    assert_int_equal(a->deadline_ms, b->deadline_ms);
    assert_true(a->unknown == b->unknown && a->late_cancel == b->late_cancel && a->approve == b->approve);
    assert_true(str_equal(a->error_key, b->error_key) && str_equal(a->why_no_retry, b->why_no_retry));
}

void scene_assert_same(const struct deployment *a, const struct deployment *b) {
    assert_string_equal(deployment_state_word(a->state), deployment_state_word(b->state));
    assert_int_equal(a->intake, b->intake);
    assert_int_equal(a->closing, b->closing);
    assert_true(str_equal(a->closing_why, b->closing_why));
    assert_int_equal(a->warned, b->warned);
    assert_int_equal(a->doubted, b->doubted);
    assert_int_equal(a->active, b->active);
    assert_int_equal(a->excluded_count, b->excluded_count);
    assert_int_equal(a->waiting_ms, b->waiting_ms);
    assert_int_equal(a->waiting_since_ms, b->waiting_since_ms);
    assert_int_equal(a->started_ms, b->started_ms);
    assert_int_equal(a->ended_ms, b->ended_ms);
    assert_int_equal(a->question_count, b->question_count);
    for (size_t i = 0; i < a->question_count; i++) {
        assert_same_question(&a->questions[i], &b->questions[i]);
    }
    for (size_t i = 0; i < a->plan->target_count; i++) {
        assert_int_equal(a->excluded[i], b->excluded[i]);
    }
    for (size_t step = 0; step < a->plan->step_count; step++) {
        assert_memory_equal(a->steps[step].by_state, b->steps[step].by_state, sizeof a->steps[step].by_state);
        for (size_t slot = 0; slot < a->plan->steps[step].slot_count; slot++) {
            assert_same_run(deployment_run(a, step, slot), deployment_run(b, step, slot));
        }
    }
    assert_int_equal(a->stage_count, b->stage_count);
    for (size_t i = 0; i < a->stage_count; i++) {
        assert_memory_equal(&a->stages[i], &b->stages[i], sizeof a->stages[i]);
    }
}

void scene_assert_same_decision(const struct decision *a, const struct decision *b) {
    assert_int_equal(a->ignored, b->ignored);
    assert_int_equal(a->count, b->count);
    assert_int_equal(a->touched_count, b->touched_count);
    for (size_t i = 0; i < a->count; i++) {
        const struct effect *x = &a->effects[i], *y = &b->effects[i];
        assert_int_equal(x->kind, y->kind);
        assert_int_equal(x->step, y->step);
        assert_int_equal(x->slot, y->slot);
        assert_int_equal(x->attempt, y->attempt);
        assert_int_equal(x->epoch, y->epoch);
        assert_int_equal(x->prove_gone, y->prove_gone);
        assert_int_equal(x->question, y->question);
        assert_int_equal(x->timer, y->timer);
        assert_int_equal(x->at_ms, y->at_ms);
        assert_int_equal(x->guidance, y->guidance);
        assert_true(str_equal(x->host, y->host) && str_equal(x->text, y->text));
    }
    for (size_t i = 0; i < a->touched_count; i++) {
        assert_int_equal(a->touched[i].step, b->touched[i].step);
        assert_int_equal(a->touched[i].slot, b->touched[i].slot);
    }
}

/* --- events ----------------------------------------------------------------------------------------------------- */

void scene_init(struct scene *scene, const struct plan *plan, struct arena *arena) {
    *scene = (struct scene){.arena = arena, .next_question = 42, .now_ms = 1789999200000};
    scene->d = arena_alloc(arena, sizeof *scene->d);
    deployment_init(scene->d, plan, arena);
    scene->d->id = 311;
    scene->d->version = "1.4.2";
    scene->d->actor = "alice";
    scene->d->created_ms = scene->now_ms;
}

void scene_begin(struct scene *scene, const struct plan *plan, struct arena *arena) {
    scene_init(scene, plan, arena);
    assert_true(scene_give(scene, (struct event){.kind = EVENT_ADMITTED}));
}

static void take_effects(struct scene *scene) {
    for (size_t i = 0; i < scene->last.count; i++) {
        const struct effect *effect = &scene->last.effects[i];
        if (effect->kind == EFFECT_TIMER) {
            assert_true(scene->timer_count < sizeof scene->timers / sizeof scene->timers[0]);
            scene->timers[scene->timer_count++] = *effect;
        }
        scene->owes_failing = scene->owes_failing || effect->kind == EFFECT_CLOSING;
    }
}

static void give_what_follows(struct scene *scene) {
    if (scene->owes_failing) {
        scene->owes_failing = false;
        (void)scene_give(scene, (struct event){.kind = EVENT_FAILING});
    }
    for (size_t i = 0; i < scene->timer_count; i++) {
        struct effect timer = scene->timers[i];
        if (timer.timer == EVENT_MOOT) {
            scene->timers[i].timer = EVENT_ADMITTED; /* given */
            (void)scene_give(scene, (struct event){.kind = EVENT_MOOT, .question = timer.question});
        }
    }
}

bool scene_give(struct scene *scene, struct event event) {
    struct deployment *twin = scene_restart(scene->d, scene->arena);
    uint64_t twins_question = scene->next_question;
    struct decision twins;
    scene->now_ms += 1000;
    event.now_ms = scene->now_ms;
    deployment_apply(scene->d, &event, &scene->next_question, scene->arena, &scene->last);
    deployment_apply(twin, &event, &twins_question, scene->arena, &twins);
    scene_assert_same_decision(&scene->last, &twins);
    scene_assert_same(scene->d, twin);
    scene->d = twin;
    bool applied = !scene->last.ignored;
    take_effects(scene);
    if (!scene->by_hand) {
        struct decision last = scene->last;
        give_what_follows(scene);
        scene->last = last;
    }
    return applied;
}

struct event scene_event(const struct scene *scene, enum event_kind kind, size_t step, size_t slot) {
    const struct run *run = deployment_run(scene->d, step, slot);
    return (struct event){
        .kind = kind,
        .step = step,
        .slot = slot,
        .attempt = run->attempt,
        .epoch = run->epoch,
        .worker = "w-1",
        .host = "host-1",
    };
}

void scene_claim(struct scene *scene, size_t step, size_t slot) {
    assert_true(scene_give(scene, scene_event(scene, EVENT_CLAIMED, step, slot)));
}

void scene_end(struct scene *scene, size_t step, size_t slot, struct outcome outcome) {
    if (deployment_run(scene->d, step, slot)->state == RUN_QUEUED) {
        scene_claim(scene, step, slot);
    }
    struct event event = scene_event(scene, EVENT_ENDED, step, slot);
    event.outcome = outcome;
    event.excerpt = outcome_is_success(outcome) ? "" : "No space left on device\n";
    assert_true(scene_give(scene, event));
}

void scene_succeed(struct scene *scene, size_t step, size_t slot) {
    scene_end(scene, step, slot, (struct outcome){OUTCOME_EXIT, 0});
}

void scene_fail(struct scene *scene, size_t step, size_t slot) {
    scene_end(scene, step, slot, (struct outcome){OUTCOME_EXIT, 100});
}

void scene_lose(struct scene *scene, size_t step, size_t slot) {
    if (deployment_run(scene->d, step, slot)->state == RUN_QUEUED) {
        scene_claim(scene, step, slot);
    }
    assert_true(scene_give(scene, scene_event(scene, EVENT_WORKER_LOST, step, slot)));
}

void scene_truth_gone(struct scene *scene, size_t step, size_t slot, bool somebody_looked) {
    if (deployment_run(scene->d, step, slot)->state != RUN_LOST) {
        scene_lose(scene, step, slot);
    }
    struct event event = scene_event(scene, EVENT_TRUTH_GONE, step, slot);
    event.worker = somebody_looked ? "w-2" : NULL;
    assert_true(scene_give(scene, event));
}

void scene_succeed_all(struct scene *scene, size_t step) {
    for (size_t slot = 0; slot < scene->d->plan->steps[step].slot_count; slot++) {
        enum run_state state = deployment_run(scene->d, step, slot)->state;
        if (state == RUN_QUEUED || state == RUN_RUNNING) {
            scene_succeed(scene, step, slot);
        }
    }
}

void scene_run(struct scene *scene) {
    bool moved = true;
    while (moved) {
        moved = false;
        for (size_t step = 0; step < scene->d->plan->step_count; step++) {
            const uint32_t *by_state = scene->d->steps[step].by_state;
            moved = moved || by_state[RUN_QUEUED] + by_state[RUN_RUNNING] > 0;
            scene_succeed_all(scene, step);
        }
    }
}

const struct question *scene_question(const struct scene *scene, size_t step, size_t slot) {
    return deployment_question(scene->d, deployment_run(scene->d, step, slot)->question);
}

bool scene_answer_to(struct scene *scene, uint64_t question, enum guidance guidance) {
    return scene_give(
        scene,
        (struct event){
            .kind = EVENT_ANSWERED, .question = question, .guidance = guidance, .actor = "alice", .via = "console"});
}

bool scene_answer(struct scene *scene, size_t step, size_t slot, enum guidance guidance) {
    const struct question *question = scene_question(scene, step, slot);
    assert_non_null(question);
    return scene_answer_to(scene, question->id, guidance);
}

void scene_cancel(struct scene *scene) {
    assert_true(scene_give(scene, (struct event){.kind = EVENT_CANCEL, .actor = "carol", .via = "console"}));
}

/* --- what came of it -------------------------------------------------------------------------------------------- */

size_t scene_count(const struct scene *scene, enum effect_kind kind) {
    size_t count = 0;
    for (size_t i = 0; i < scene->last.count; i++) {
        count += scene->last.effects[i].kind == kind;
    }
    return count;
}

const struct effect *scene_effect(const struct scene *scene, enum effect_kind kind, size_t step, size_t slot) {
    for (size_t i = 0; i < scene->last.count; i++) {
        const struct effect *effect = &scene->last.effects[i];
        if (effect->kind == kind && effect->step == step && effect->slot == slot) {
            return effect;
        }
    }
    return NULL;
}

static char letter(enum run_state state) {
    static const char letters[RUN_STATE_COUNT] = {
        [RUN_PENDING] = '.',  [RUN_QUEUED] = 'q',    [RUN_RUNNING] = 'r',  [RUN_LOST] = 'l',   [RUN_DELAYED] = 'd',
        [RUN_ASKING] = '?',   [RUN_SUCCEEDED] = 'S', [RUN_WARNED] = 'W',   [RUN_FAILED] = 'F', [RUN_UNKNOWN] = 'U',
        [RUN_EXCLUDED] = 'X', [RUN_SKIPPED] = '-',   [RUN_CANCELED] = 'C',
    };
    return letters[state];
}

const char *scene_picture(const struct scene *scene) {
    const struct deployment *d = scene->d;
    const char *text = deployment_state_word(d->state);
    for (size_t step = 0; step < d->plan->step_count; step++) {
        char *word = arena_alloc(scene->arena, d->plan->steps[step].slot_count + 1);
        for (size_t slot = 0; slot < d->plan->steps[step].slot_count; slot++) {
            word[slot] = letter(deployment_run(d, step, slot)->state);
        }
        text = arena_printf(scene->arena, "%s %s", text, word);
    }
    return text;
}
