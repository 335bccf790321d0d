#ifndef GP_TESTS_VIEW_TEST_H
#define GP_TESTS_VIEW_TEST_H

/* What every test of cards begins with: include it first, and run the tests with view_test(name). */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/limits.h"
#include "base/str.h"
#include "core/view.h"

/* A small world: three web machines, driven by the real state machine; questions are recorded as the store does. */

enum { RECORDS_MAX = 200, FETCH = 0, INSTALL = 1, SMOKE = 2 };

static struct arena *arena;
static struct plan_step steps[3];
static struct plan_target targets[RECORDS_MAX];
static uint32_t target_index[RECORDS_MAX];
static struct plan plan;
static struct deployment d;
static struct question_record records[RECORDS_MAX];
static size_t record_count;
static uint64_t next_question;
static int64_t now_ms;

static const char *web_oncall[] = {"web-oncall"};

/* 21 September 2026, 14:00 UTC */
static const int64_t START_MS = 1789999200000;

static inline void give(struct event event);

static inline void make_world(size_t machines) {
    steps[FETCH] = (struct plan_step){
        .name = "Fetch package", .script = "true", .on_worker = true, .slot_count = 1, .max_parallel = 1};
    steps[INSTALL] = (struct plan_step){.name = "Install",
                                        .script = "true",
                                        .slot_count = machines,
                                        .targets = target_index,
                                        .max_parallel = RECORDS_MAX};
    steps[SMOKE] = (struct plan_step){
        .name = "Smoke test", .script = "true", .on_worker = true, .slot_count = 1, .max_parallel = 1};
    for (size_t i = 0; i < 3; i++) {
        steps[i].guided = (struct plan_guided){.enabled = true, .max_retries = 10, .responsible = {web_oncall, 1}};
    }
    for (size_t i = 0; i < machines; i++) {
        targets[i] = (struct plan_target){.name = arena_printf(arena, "web-%zu", i + 1)};
        target_index[i] = (uint32_t)i;
    }
    plan = (struct plan){.project = "webshop",
                         .environment = "production",
                         .targets = targets,
                         .target_count = machines,
                         .steps = steps,
                         .step_count = 3};
}

static inline void begin(void) {
    deployment_init(&d, &plan, arena);
    d.id = 311;
    d.version = "1.4.2";
    d.previous_version = "1.4.1";
    d.actor = "alice";
    d.created_ms = now_ms;
    give((struct event){.kind = EVENT_ADMITTED});
}

static inline int set_up(void **state) {
    (void)state;
    arena = arena_create();
    record_count = 0;
    next_question = 42;
    now_ms = START_MS;
    make_world(3);
    return 0;
}

static inline int tear_down(void **state) {
    (void)state;
    arena_destroy(arena);
    return 0;
}

static inline struct question_record *record_of(uint64_t question) {
    for (size_t i = 0; i < record_count; i++) {
        if (records[i].question.id == question) {
            return &records[i];
        }
    }
    fail_msg("no question %llu", (unsigned long long)question);
    return NULL;
}

static inline void give(struct event event) {
    struct decision decision;
    bool fails = false;
    event.now_ms = now_ms;
    deployment_apply(&d, &event, &next_question, arena, &decision);
    assert_false(decision.ignored);
    for (size_t i = 0; i < decision.count; i++) {
        const struct effect *effect = &decision.effects[i];
        if (effect->kind == EFFECT_ASK) {
            assert_true(record_count < RECORDS_MAX);
            struct question *q = deployment_question(&d, effect->question);
            records[record_count++] = (struct question_record){
                .question = *q, .open = true, .outcome = deployment_run(&d, q->step, q->slot)->outcome};
        } else if (effect->kind == EFFECT_CLOSE) {
            struct question_record *record = record_of(effect->question);
            record->open = false;
            record->answer = effect->guidance;
            record->closed_why = effect->text;
            record->answered_ms = now_ms;
        }
        fails = fails || effect->kind == EFFECT_CLOSING;
    }
    if (fails) {
        give((struct event){.kind = EVENT_FAILING});
    }
}

static inline void start(size_t step, size_t slot) {
    const struct run *run = deployment_run(&d, step, slot);
    give((struct event){.kind = EVENT_CLAIMED,
                        .step = step,
                        .slot = slot,
                        .attempt = run->attempt,
                        .epoch = run->epoch,
                        .worker = "w-2",
                        .host = "host-2"});
}

static inline void end(size_t step, size_t slot, struct outcome outcome, const char *excerpt) {
    const struct run *run = deployment_run(&d, step, slot);
    if (run->state == RUN_QUEUED) {
        start(step, slot);
    }
    give((struct event){.kind = EVENT_ENDED,
                        .step = step,
                        .slot = slot,
                        .attempt = run->attempt,
                        .epoch = run->epoch,
                        .outcome = outcome,
                        .excerpt = excerpt});
}

static inline void succeed(size_t step, size_t slot) {
    end(step, slot, (struct outcome){OUTCOME_EXIT, 0}, "");
}

static inline void break_down(size_t step, size_t slot) {
    end(step, slot, (struct outcome){OUTCOME_EXIT, 100}, "Unpacking\nNo space left on device\n");
}

static inline void lose(size_t step, size_t slot) {
    const struct run *run = deployment_run(&d, step, slot);
    if (run->state == RUN_QUEUED) {
        start(step, slot);
    }
    give((struct event){
        .kind = EVENT_WORKER_LOST, .step = step, .slot = slot, .attempt = run->attempt, .worker = "w-2"});
    give((struct event){.kind = EVENT_TRUTH_GONE,
                        .step = step,
                        .slot = slot,
                        .attempt = run->attempt,
                        .epoch = run->epoch,
                        .excerpt = "Restarting webshop"});
}

static inline void answer(uint64_t question, enum guidance guidance, const char *actor, const char *note) {
    struct question_record *record = record_of(question);
    assert_true(record->open);
    give((struct event){.kind = EVENT_ANSWERED,
                        .question = question,
                        .guidance = guidance,
                        .actor = actor,
                        .via = "console",
                        .note = note});
    record->open = false;
    record->answer = guidance;
    record->answered_by = actor;
    record->note = note;
    record->answered_ms = now_ms;
}

static inline const struct card *question_card(void) {
    return view_question(&d, records, record_count, now_ms, arena);
}

/* --- what a card says -------------------------------------------------------------------------------------------- */

static inline bool has_fact(const struct card *card, const char *fact) {
    for (size_t i = 0; i < card->fact_count; i++) {
        if (str_equal(card->facts[i], fact)) {
            return true;
        }
    }
    return false;
}

static inline void assert_fact(const struct card *card, const char *fact) {
    for (size_t i = 0; i < card->fact_count && !has_fact(card, fact); i++) {
        print_error("fact: %s\n", card->facts[i]);
    }
    assert_true(has_fact(card, fact));
}

/* "retry:Retry*! ..." where * is primary, ! danger, ? asks for a confirm, + needs a note. */
static inline const char *actions(const struct card *card) {
    const char *text = "";
    for (size_t i = 0; i < card->action_count; i++) {
        const struct card_action *a = &card->actions[i];
        assert_true(*a->consequence);
        text =
            arena_printf(arena, "%s%s%s:%s%s%s%s%s", text, i > 0 ? " | " : "", a->verb, a->label, a->primary ? "*" : "",
                         a->danger ? "!" : "", a->confirm ? "?" : "", a->note_required ? "+" : "");
    }
    return text;
}

static inline const char *rows(const struct card *card) {
    const char *text = "";
    for (size_t i = 0; i < card->row_count; i++) {
        text =
            arena_printf(arena, "%s%s [%s] %s\n", text, card->rows[i].name, card->rows[i].state, card->rows[i].detail);
    }
    return text;
}

#define view_test(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

#endif
