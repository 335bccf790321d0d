/* What is written to Redis and read again is the same: plans, runs, claims, timers. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/limits.h"
#include "base/str.h"
#include "store/claim.h"
#include "store/codec_deployment.h"
#include "store/inbox_codec.h"
#include "store/records.h"

static struct arena *arena;

static int set_up(void **state) {
    (void)state;
    arena = arena_create();
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    arena_destroy(arena);
    return 0;
}

/* --- plans --- */

static uint64_t seed;

static size_t pick(size_t count) {
    seed = seed * 6364136223846793005U + 1442695040888963407U;
    return (size_t)(seed >> 33) % count;
}

static bool maybe(void) {
    return pick(2) == 0;
}

/* Any text that a configuration can hold, the awkward ones first. */
static const char *any_text(void) {
    static const char *const texts[] = {
        "\"quoted\" \\ back",          "two\nlines\n", "tab\there", "h\xc3\xa9 \xe2\x9c\x93", "v:A=b=c", "-", "",
        "echo \"$VAR\" | sed 's/a/b/'"};
    return maybe() ? texts[pick(sizeof texts / sizeof texts[0])] : arena_printf(arena, "text %zu", pick(1000));
}

static const char *any_name(const char *kind) {
    return arena_printf(arena, "%s-%zu", kind, pick(100000));
}

static const char *perhaps(const char *text) {
    return maybe() ? text : NULL;
}

static void any_variables(struct plan_step *step) {
    step->env_count = pick(5);
    step->env = arena_array(arena, step->env_count + 1, sizeof *step->env);
    for (size_t i = 0; i < step->env_count; i++) {
        struct plan_variable *variable = &step->env[i];
        variable->name = any_name("VAR");
        if (maybe()) {
            variable->value = any_text();
        } else {
            variable->secret_source = (int)pick(4);
            variable->secret_name = any_text();
        }
    }
}

static void any_names(struct plan_names *names, const char *kind) {
    names->count = pick(4);
    names->items = arena_array(arena, 4, sizeof(const char *));
    for (size_t i = 0; i < names->count; i++) {
        names->items[i] = any_name(kind);
    }
}

static void any_ladder(struct plan_guided *guided) {
    guided->rung_count = pick(LIMIT_RUNGS + 1);
    guided->ladder = arena_array(arena, LIMIT_RUNGS, sizeof *guided->ladder);
    for (size_t i = 0; i < guided->rung_count; i++) {
        struct plan_rung *rung = &guided->ladder[i];
        *rung = (struct plan_rung){
            .after_ms = (int64_t)pick(10000000),
            .room = perhaps(any_name("room")),
            .run = perhaps(any_text()),
            .webhook = perhaps(any_text()),
            .webhook_secret_source = (int)pick(4),
            .webhook_secret_name = perhaps(any_text()),
        };
        any_names(&rung->mention, "team");
    }
}

static void any_guided(struct plan_guided *guided) {
    *guided = (struct plan_guided){
        .enabled = maybe(),
        .max_retries = (int)pick(100),
        .claim_required = maybe(),
        .note_required = (unsigned)pick(64),
        .confirm = (unsigned)pick(64),
        .remind_every_ms = (int64_t)pick(10000000),
        .answer_within_ms = (int64_t)pick(10000000),
        .fail_unanswered = maybe(),
        .hint = perhaps(any_text()),
        .runbook = perhaps(any_text()),
    };
    any_names(&guided->responsible, "team");
    any_ladder(guided);
}

static void any_slots(const struct plan *plan, struct plan_step *step) {
    step->on_worker = plan->target_count == 0 || pick(4) == 0;
    if (step->on_worker) {
        step->slot_count = 1;
        return;
    }
    step->targets = arena_array(arena, plan->target_count, sizeof *step->targets);
    for (size_t target = 0; target < plan->target_count; target++) {
        if (pick(4) > 0) {
            step->targets[step->slot_count++] = (uint32_t)target;
        }
    }
    if (step->slot_count > 1 && maybe()) {
        uint32_t first = step->targets[0];
        step->targets[0] = step->targets[step->slot_count - 1];
        step->targets[step->slot_count - 1] = first;
    }
    step->left_empty = step->slot_count == 0;
    step->targets = step->slot_count == 0 ? NULL : step->targets;
}

static void any_step(const struct plan *plan, struct plan_step *step) {
    static const double backoffs[] = {0.0, 1.0, 1.5, 2.0, 1.1, 0.333333};
    *step = (struct plan_step){
        .name = any_text(),
        .script = perhaps(any_text()),
        .instructions = perhaps(any_text()),
        .work_dir = perhaps(any_text()),
        .group = perhaps(any_text()),
        .condition = (enum plan_condition)pick(4),
        .with_previous = maybe(),
        .required = maybe(),
        .safe_to_rerun = maybe(),
        .continue_on_error = maybe(),
        .approve = maybe(),
        .max_parallel = 1 + (int)pick(1000),
        .timeout_ms = (int64_t)pick(100000000),
        .quiet_ms = (int64_t)pick(100000000),
        .retry_times = (int)pick(20),
        .retry_delay_ms = (int64_t)pick(100000000),
        .retry_backoff = backoffs[pick(sizeof backoffs / sizeof backoffs[0])],
    };
    any_variables(step);
    any_guided(&step->guided);
    any_slots(plan, step);
}

static struct plan *any_plan(size_t target_count, size_t step_count) {
    struct plan *plan = arena_alloc(arena, sizeof *plan);
    plan->project = any_name("project");
    plan->environment = any_name("environment");
    plan->room = perhaps(any_text());
    plan->folder = perhaps("/srv/guide post");
    plan->run_as = perhaps("deploy");
    plan->partial = maybe();
    plan->target_count = target_count;
    plan->targets = arena_array(arena, target_count + 1, sizeof *plan->targets);
    for (size_t i = 0; i < target_count; i++) {
        plan->targets[i] = (struct plan_target){
            .name = arena_printf(arena, "web-%zu", i),
            .host = perhaps(any_name("host")),
            .ssh = perhaps("root@10.0.0.1"),
            .work_dir = perhaps("/srv/with\nnewline"),
            .skipped = maybe(),
        };
    }
    plan->step_count = step_count;
    plan->steps = arena_array(arena, step_count + 1, sizeof *plan->steps);
    for (size_t i = 0; i < step_count; i++) {
        any_step(plan, &plan->steps[i]);
    }
    return plan;
}

static void same_text(const char *a, const char *b) {
    if (!str_equal(a, b)) {
        fail_msg("'%s' became '%s' (seed %llu)", a == NULL ? "NULL" : a, b == NULL ? "NULL" : b,
                 (unsigned long long)seed);
    }
}

static void same_names(const struct plan_names *a, const struct plan_names *b) {
    assert_int_equal(a->count, b->count);
    for (size_t i = 0; i < a->count; i++) {
        same_text(a->items[i], b->items[i]);
    }
}

static void same_guided(const struct plan_guided *a, const struct plan_guided *b) {
    assert_int_equal(a->enabled, b->enabled);
    assert_int_equal(a->max_retries, b->max_retries);
    assert_int_equal(a->claim_required, b->claim_required);
    assert_int_equal(a->note_required, b->note_required);
    assert_int_equal(a->confirm, b->confirm);
    assert_int_equal(a->remind_every_ms, b->remind_every_ms);
    assert_int_equal(a->answer_within_ms, b->answer_within_ms);
    assert_int_equal(a->fail_unanswered, b->fail_unanswered);
    same_text(a->hint, b->hint);
    same_text(a->runbook, b->runbook);
    same_names(&a->responsible, &b->responsible);
    assert_int_equal(a->rung_count, b->rung_count);
    for (size_t i = 0; i < a->rung_count; i++) {
        const struct plan_rung *x = &a->ladder[i], *y = &b->ladder[i];
        assert_int_equal(x->after_ms, y->after_ms);
        same_names(&x->mention, &y->mention);
        same_text(x->room, y->room);
        same_text(x->run, y->run);
        same_text(x->webhook, y->webhook);
        assert_int_equal(x->webhook_secret_source, y->webhook_secret_source);
        same_text(x->webhook_secret_name, y->webhook_secret_name);
    }
}

static void same_step(const struct plan_step *a, const struct plan_step *b) {
    same_text(a->name, b->name);
    same_text(a->script, b->script);
    same_text(a->instructions, b->instructions);
    same_text(a->work_dir, b->work_dir);
    same_text(a->group, b->group);
    assert_int_equal(a->condition, b->condition);
    assert_int_equal(a->with_previous, b->with_previous);
    assert_int_equal(a->required, b->required);
    assert_int_equal(a->safe_to_rerun, b->safe_to_rerun);
    assert_int_equal(a->continue_on_error, b->continue_on_error);
    assert_int_equal(a->approve, b->approve);
    assert_int_equal(a->max_parallel, b->max_parallel);
    assert_int_equal(a->timeout_ms, b->timeout_ms);
    assert_int_equal(a->quiet_ms, b->quiet_ms);
    assert_int_equal(a->retry_times, b->retry_times);
    assert_int_equal(a->retry_delay_ms, b->retry_delay_ms);
    assert_true(a->retry_backoff == b->retry_backoff);
    assert_int_equal(a->env_count, b->env_count);
    for (size_t i = 0; i < a->env_count; i++) {
        same_text(a->env[i].name, b->env[i].name);
        same_text(a->env[i].value, b->env[i].value);
        same_text(a->env[i].secret_name, b->env[i].secret_name);
        assert_int_equal(a->env[i].secret_source, b->env[i].secret_source);
    }
    same_guided(&a->guided, &b->guided);
    assert_int_equal(a->on_worker, b->on_worker);
    assert_int_equal(a->left_empty, b->left_empty);
    assert_int_equal(a->slot_count, b->slot_count);
    for (size_t i = 0; i < a->slot_count && a->targets != NULL; i++) {
        assert_int_equal(a->targets[i], b->targets[i]);
    }
}

static void same_plan(const struct plan *a, const struct plan *b) {
    same_text(a->project, b->project);
    same_text(a->environment, b->environment);
    same_text(a->room, b->room);
    same_text(a->folder, b->folder);
    same_text(a->run_as, b->run_as);
    assert_int_equal(a->partial, b->partial);
    assert_int_equal(a->target_count, b->target_count);
    for (size_t i = 0; i < a->target_count; i++) {
        same_text(a->targets[i].name, b->targets[i].name);
        same_text(a->targets[i].host, b->targets[i].host);
        same_text(a->targets[i].ssh, b->targets[i].ssh);
        same_text(a->targets[i].work_dir, b->targets[i].work_dir);
        assert_int_equal(a->targets[i].skipped, b->targets[i].skipped);
    }
    assert_int_equal(a->step_count, b->step_count);
    for (size_t i = 0; i < a->step_count; i++) {
        same_step(&a->steps[i], &b->steps[i]);
    }
}

static const struct plan *there_and_back(const struct plan *plan) {
    struct err err = {0};
    struct buf text = BUF_INIT(LIMIT_PLAN_BYTES);
    plan_to_json(plan, &text);
    assert_false(text.overflow);
    const struct plan *back = plan_from_json(text.data, text.size, arena, &err);
    if (back == NULL) {
        fail_msg("%s\n%s", err.text, text.data);
    }
    buf_finish(&text);
    return back;
}

static void any_plan_is_read_as_it_was_written(void **state) {
    (void)state;
    for (uint64_t round = 0; round < 500; round++) {
        seed = round;
        const struct plan *plan = any_plan(pick(12), pick(8));
        same_plan(plan, there_and_back(plan));
        arena_reset(arena);
    }
}

static void the_largest_plan_can_be_read_again(void **state) {
    (void)state;
    seed = 1;
    struct plan *plan = any_plan(LIMIT_PLAN_TARGETS, 20);
    same_plan(plan, there_and_back(plan));
}

static void equal_plans_give_equal_texts(void **state) {
    (void)state;
    struct buf first = BUF_INIT(LIMIT_PLAN_BYTES);
    struct buf second = BUF_INIT(LIMIT_PLAN_BYTES);
    seed = 5;
    plan_to_json(any_plan(5, 5), &first);
    seed = 5;
    plan_to_json(any_plan(5, 5), &second);
    assert_string_equal(first.data, second.data);
    buf_finish(&first);
    buf_finish(&second);
}

/* As it was written before there were ladders. */
static void an_older_plan_has_no_ladder(void **state) {
    (void)state;
    static const char text[] = "{\"project\":\"a\",\"environment\":\"b\",\"targets\":[],\"steps\":[{\"name\":\"x\","
                               "\"condition\":\"success\",\"guided\":{\"enabled\":true,\"remind_every_ms\":900000},"
                               "\"on_worker\":true}]}";
    struct err err;
    const struct plan *old = plan_from_json(text, strlen(text), arena, &err);
    assert_non_null(old);
    assert_int_equal(old->steps[0].guided.rung_count, 0);
    assert_int_equal(old->steps[0].guided.remind_every_ms, 900000);
}

static void what_was_done_for_a_card_is_read_as_it_was_written(void **state) {
    (void)state;
    for (int round = 0; round < 100; round++) {
        struct vigil back = {0}, vigil = {
                                     .since_ms = (int64_t)pick(1000) * 1764000000,
                                     .reminders = (uint32_t)pick(1000),
                                     .reminded_ms = (int64_t)pick(1000) * 1764000000,
                                     .rungs = (uint32_t)pick(LIMIT_RUNGS + 1),
                                 };
        for (uint32_t i = 0; i < vigil.rungs; i++) {
            vigil.climbed_ms[i] = (int64_t)pick(1000) * 1764000000;
        }
        struct buf text = BUF_INIT(1000);
        vigil_encode(&text, &vigil);
        assert_true(vigil_decode(text.data, &back));
        assert_memory_equal(&back, &vigil, sizeof vigil);
        buf_finish(&text);
    }
    static const char *const wrong[] = {"", "1", "1 2", "1 2 x", "1 2 -3", "1 2 3 4 5 6 7 8 9 10 11 12"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct vigil vigil;
        assert_false(vigil_decode(wrong[i], &vigil));
    }
}

static void a_plan_that_is_none_is_refused(void **state) {
    (void)state;
    static const char *const texts[] = {
        "",
        "[]",
        "{}",
        "{\"project\":\"a\",\"environment\":\"b\",\"targets\":[7]}",
        "{\"project\":\"a\",\"environment\":\"b\",\"targets\":[\"\"]}",
        "{\"project\":\"a\",\"environment\":\"b\",\"steps\":[{}]}",
        "{\"project\":\"a\",\"environment\":\"b\",\"steps\":[{\"name\":\"x\",\"condition\":\"never\",\"targets\":\"\"}]"
        "}",
        "{\"project\":\"a\",\"environment\":\"b\",\"steps\":[{\"name\":\"x\",\"condition\":\"always\",\"targets\":"
        "\"0\"}]}",
        "{\"project\":\"a\",\"environment\":\"b\",\"targets\":[\"t\"],\"steps\":"
        "[{\"name\":\"x\",\"condition\":\"always\",\"targets\":\"0-\"}]}",
        "{\"project\":\"a\",\"environment\":\"b\",\"targets\":[\"t\"],\"steps\":"
        "[{\"name\":\"x\",\"condition\":\"always\",\"targets\":\"0,0\"}]}",
        "{\"project\":\"a\",\"environment\":\"b\",\"steps\":"
        "[{\"name\":\"x\",\"condition\":\"always\",\"on_worker\":true,\"env\":[\"x:A=b\"]}]}",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct err err = {0};
        if (plan_from_json(texts[i], strlen(texts[i]), arena, &err) != NULL) {
            fail_msg("read: %s", texts[i]);
        }
        assert_true(err.code != ERR_NONE);
        assert_true(err.text[0] != '\0');
    }
}

/* --- small words --- */

static void any_run_is_read_as_it_was_written(void **state) {
    (void)state;
    for (uint64_t round = 0; round < 2000; round++) {
        seed = round;
        struct run run = {
            .state = (enum run_state)pick(RUN_STATE_COUNT),
            .attempt = (uint32_t)pick(100),
            .epoch = (uint32_t)pick(1000),
            .people_retries = (uint32_t)pick(10),
            .auto_retries = (uint32_t)pick(10),
            .lost_retries = (uint32_t)pick(10),
            .unstarted = (uint32_t)pick(10),
            .bound = maybe(),
            .unknown = maybe(),
            .outcome = {(enum outcome_kind)pick(OUTCOME_CANCELED + 1), (int64_t)pick(1000) - 1},
            .question = pick(1000),
            .worker = perhaps(any_name("worker")),
            .host = perhaps(any_name("host")),
            .started_ms = (int64_t)pick(1000) * 1764000000,
            .ended_ms = (int64_t)pick(1000) * 1764000000,
        };
        char text[RUN_TEXT_SIZE];
        struct run back;
        run_encode(text, &run);
        assert_true(run_decode(text, maybe() ? &run : NULL, arena, &back));
        char again[RUN_TEXT_SIZE];
        run_encode(again, &back);
        assert_string_equal(again, text);
        same_text(run_is_final(run.state) ? NULL : run.worker, back.worker);
        same_text(run.host, back.host);
        assert_int_equal(run.state, back.state);
        assert_int_equal(run.attempt, back.attempt);
        assert_int_equal(run.epoch, back.epoch);
        assert_int_equal(run.people_retries, back.people_retries);
        assert_int_equal(run.auto_retries, back.auto_retries);
        assert_int_equal(run.lost_retries, back.lost_retries);
        assert_int_equal(run.unstarted, back.unstarted);
        assert_int_equal(run.bound, back.bound);
        assert_int_equal(run.unknown, back.unknown);
        assert_int_equal(run.question, back.question);
        assert_int_equal(run.started_ms, back.started_ms);
        assert_int_equal(run.ended_ms, back.ended_ms);
        assert_int_equal(run.outcome.kind, back.outcome.kind);
        assert_int_equal(run.outcome.kind == OUTCOME_NONE ? 0 : run.outcome.number, back.outcome.number);
    }
}

static void a_run_that_is_none_is_refused(void **state) {
    (void)state;
    static const char *const texts[] = {"",
                                        "pending",
                                        "sleeping 1.1",
                                        "pending 1",
                                        "pending 1.1.1",
                                        "pending 1.-1",
                                        "pending 1.1 x",
                                        "pending 1.1 r1.2",
                                        "pending 1.1 =exit",
                                        "pending 1.1 ??",
                                        "pending 1.1 =slept:1",
                                        "pending 4294967296.1",
                                        "pending 1.1 @",
                                        "pending 1.1 +x",
                                        "pending 1.1 of:h",
                                        "pending 1.1 Q-1",
                                        "pending 1.1  on:h"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct run run;
        if (run_decode(texts[i], NULL, arena, &run)) {
            fail_msg("read: %s", texts[i]);
        }
    }
}

static void claims_are_read_as_they_were_written(void **state) {
    (void)state;
    static const struct {
        const char *text;
        struct claim claim;
    } cases[] = {
        {"q:1:1", {'q', 1, 1, ""}},
        {"a:12:345", {'a', 12, 345, ""}},
        {"e:4294967295:1", {'e', UINT32_MAX, 1, ""}},
        {"r:2:3:host-a:1234/x y", {'r', 2, 3, "host-a:1234/x y"}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[CLAIM_SIZE];
        struct claim claim;
        const struct claim *wanted = &cases[i].claim;
        claim_format(text, wanted->letter, wanted->attempt, wanted->epoch, wanted->worker);
        assert_string_equal(text, cases[i].text);
        assert_true(claim_parse(text, &claim));
        assert_int_equal(claim.letter, wanted->letter);
        assert_int_equal(claim.attempt, wanted->attempt);
        assert_int_equal(claim.epoch, wanted->epoch);
        assert_string_equal(claim.worker, wanted->worker);
    }
    static const char *const wrong[] = {"",      "q",      "q:",      "q:1",    "q:1:",           "x:1:1",
                                        "r:1:1", "r:1:1:", "q:1:1:w", "q:-1:1", "q:1:4294967296", "q 1 1"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct claim claim;
        if (claim_parse(wrong[i], &claim)) {
            fail_msg("read: %s", wrong[i]);
        }
    }
    struct claim claim;
    assert_false(claim_parse(NULL, &claim));
}

static void places_of_runs_are_read_as_they_were_written(void **state) {
    (void)state;
    char field[RUN_FIELD_SIZE];
    char member[OWNED_SIZE];
    size_t step = 0;
    size_t slot = 0;
    uint64_t deployment = 0;
    run_field_format(field, 19, 999);
    assert_string_equal(field, "19.999");
    assert_true(run_field_parse(field, &step, &slot));
    assert_int_equal(step, 19);
    assert_int_equal(slot, 999);
    owned_format(member, UINT64_MAX, 0, 1);
    assert_true(owned_parse(member, &deployment, &step, &slot));
    assert_true(deployment == UINT64_MAX && step == 0 && slot == 1);
    assert_false(run_field_parse("1.", &step, &slot));
    assert_false(run_field_parse("1", &step, &slot));
    assert_false(run_field_parse("1.2 ", &step, &slot));
    assert_false(owned_parse("1.2.3", &deployment, &step, &slot));
    assert_false(owned_parse("7:2", &deployment, &step, &slot));
}

static void timers_are_read_as_they_were_written(void **state) {
    (void)state;
    static const enum event_kind kinds[] = {EVENT_RETRY_DUE, EVENT_DEADLINE, EVENT_TRUTH_GONE, EVENT_CANCEL_LATE};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        const struct effect effect = {
            .timer = kinds[i], .step = 3, .slot = 4999, .attempt = 7, .epoch = 8, .question = 1234567};
        char member[TIMER_MEMBER_SIZE];
        struct inbox_entry entry;
        timer_member_format(member, 311, &effect);
        timer_member_parse(member, &entry);
        assert_int_equal(entry.kind, INBOX_TIMER);
        assert_ptr_equal(entry.timer, member);
        assert_int_equal(entry.deployment, 311);
        assert_int_equal(entry.event.kind, kinds[i]);
        assert_int_equal(entry.event.step, 3);
        assert_int_equal(entry.event.slot, 4999);
        assert_int_equal(entry.event.attempt, 7);
        assert_int_equal(entry.event.epoch, 8);
        assert_int_equal(entry.event.question, 1234567);
    }
    static const char *const wrong[] = {"",
                                        "311",
                                        "311:sleep:1:1:1:1:1",
                                        "311:deadline:1:1:1:1",
                                        "311:deadline:1:1:1:1:1:1",
                                        "x:deadline:1:1:1:1:1",
                                        "311:deadline",
                                        "311:deadline:1:1:1:1:x"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct inbox_entry entry;
        timer_member_parse(wrong[i], &entry);
        if (entry.kind != INBOX_BROKEN) {
            fail_msg("read: %s", wrong[i]);
        }
        assert_ptr_equal(entry.timer, wrong[i]);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(any_plan_is_read_as_it_was_written, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_largest_plan_can_be_read_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(equal_plans_give_equal_texts, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_plan_that_is_none_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_older_plan_has_no_ladder, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_was_done_for_a_card_is_read_as_it_was_written, set_up, tear_down),
        cmocka_unit_test_setup_teardown(any_run_is_read_as_it_was_written, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_run_that_is_none_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(claims_are_read_as_they_were_written, set_up, tear_down),
        cmocka_unit_test_setup_teardown(places_of_runs_are_read_as_they_were_written, set_up, tear_down),
        cmocka_unit_test_setup_teardown(timers_are_read_as_they_were_written, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
