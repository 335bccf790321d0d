/* A plan that is written to Redis and read again is the same, whatever it holds. */

#include "fakes/codec_test.h"

#include "base/limits.h"
#include "store/records.h"

/* Any text that a configuration can hold, the awkward ones first. */
static const char *any_text(void) {
    static const char *const texts[] = {
        "\"quoted\" \\ back",          "two\nlines\n", "tab\there", "h\xc3\xa9 \xe2\x9c\x93", "v:A=b=c", "-", "",
        "echo \"$VAR\" | sed 's/a/b/'"};
    return maybe() ? texts[pick(sizeof texts / sizeof texts[0])] : arena_printf(arena, "text %zu", pick(1000));
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

int main(void) {
    const struct CMUnitTest tests[] = {
        arena_test(any_plan_is_read_as_it_was_written), arena_test(the_largest_plan_can_be_read_again),
        arena_test(equal_plans_give_equal_texts),       arena_test(a_plan_that_is_none_is_refused),
        arena_test(an_older_plan_has_no_ladder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
