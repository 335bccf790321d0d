/* Whatever happened to a deployment, what goes on from it does what is left, once. */

#include "fakes/resume_test.h"

static uint64_t seed;

static uint32_t below(uint32_t limit) {
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(seed >> 33) % limit;
}

static void build_any_plan(void) {
    static const enum plan_condition conditions[] = {PLAN_SUCCESS, PLAN_SUCCESS, PLAN_SUCCESS,
                                                     PLAN_ALWAYS,  PLAN_FAILURE, PLAN_CLEANUP};
    plan = plan_builder_create(arena, 1 + below(4));
    size_t steps = 1 + below(5);
    for (size_t i = 0; i < steps; i++) {
        struct plan_step *step =
            below(4) == 0 ? plan_builder_step(plan, "Step") : plan_builder_step_on_all(plan, "Step", arena);
        step->condition = conditions[below(6)];
        step->max_parallel = (int)(1 + below(3));
    }
    if (steps > 2 && below(2) == 0) {
        plan_builder_group(plan, "group", 0, 1 + below((uint32_t)steps - 1));
    }
}

static bool play_any(size_t step, size_t slot) {
    switch (deployment_run(scene.d, step, slot)->state) {
    case RUN_QUEUED:
    case RUN_RUNNING:
        if (below(3) > 0) {
            scene_succeed(&scene, step, slot);
        } else {
            scene_fail(&scene, step, slot);
        }
        return true;
    case RUN_ASKING: {
        static const enum guidance answers[] = {GUIDANCE_RETRY, GUIDANCE_IGNORE, GUIDANCE_EXCLUDE, GUIDANCE_FAIL};
        return scene_answer(&scene, step, slot, answers[below(4)]);
    }
    case RUN_PENDING:
    case RUN_LOST:
    case RUN_DELAYED:
    case RUN_SUCCEEDED:
    case RUN_WARNED:
    case RUN_FAILED:
    case RUN_UNKNOWN:
    case RUN_EXCLUDED:
    case RUN_SKIPPED:
    case RUN_CANCELED:
    case RUN_STATE_COUNT:
        break;
    }
    return false;
}

static void play_to_the_end(void) {
    for (unsigned turn = 0; turn < 4000 && !deployment_is_final(scene.d->state); turn++) {
        if (below(60) == 0 && scene.d->state != DEPLOYMENT_CANCELING) {
            scene_cancel(&scene);
            continue;
        }
        size_t step = below((uint32_t)plan->step_count);
        if (plan->steps[step].slot_count > 0) {
            (void)play_any(step, below((uint32_t)plan->steps[step].slot_count));
        }
    }
}

/* What its cleanup has undone is done again. */
static bool has_cleanup(const struct stage_state *stage) {
    for (size_t step = stage->first; step <= stage->last; step++) {
        if (plan->steps[step].condition == PLAN_CLEANUP) {
            return true;
        }
    }
    return false;
}

/* What is done stays done, what is left has a reason, and when all goes well it ends well and repeats nothing. */
static void check_resumed(const struct deployment *of) {
    for (size_t step = 0; step < plan->step_count; step++) {
        for (size_t slot = 0; slot < plan->steps[step].slot_count; slot++) {
            const struct run *was = deployment_run(of, step, slot), *is = deployment_run(scene.d, step, slot);
            bool done = was->state == RUN_SUCCEEDED || was->state == RUN_WARNED;
            assert_int_equal(is->attempt, 0);
            assert_int_equal(is->earlier, is->state != RUN_PENDING);
            assert_true(is->state == RUN_PENDING || is->state == was->state ||
                        (is->state == RUN_EXCLUDED && of->excluded[plan->steps[step].targets[slot]]));
            bool anew = has_cleanup(&of->stages[of->steps[step].stage]);
            assert_false(done && plan->steps[step].condition == PLAN_SUCCESS && is->state == RUN_PENDING && !anew);
        }
    }
    assert_int_equal(scene.d->excluded_count, of->excluded_count);
    assert_true(scene_give(&scene, (struct event){.kind = EVENT_ADMITTED}));
    scene_run(&scene);
    assert_true(scene.d->state == DEPLOYMENT_SUCCEEDED || scene.d->state == DEPLOYMENT_SUCCEEDED_WITH_WARNINGS);
    for (size_t step = 0; step < plan->step_count; step++) {
        for (size_t slot = 0; slot < plan->steps[step].slot_count; slot++) {
            const struct run *run = deployment_run(scene.d, step, slot);
            assert_true(run->earlier ? run->attempt == 0 : run->attempt <= 1);
        }
    }
}

static void whatever_failed_ends_well_without_repeating_anything(void **state) {
    (void)state;
    unsigned resumed = 0;
    for (uint64_t n = 1; n <= 3000; n++) {
        arena_destroy(arena);
        arena = arena_create();
        seed = n;
        build_any_plan();
        scene_begin(&scene, plan, arena);
        play_to_the_end();
        const struct deployment *of = scene.d;
        if (*why_not(true) == '\0') {
            resumed++;
            resume(false);
            check_resumed(of);
        }
    }
    assert_true(resumed > 500);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        scene_test(whatever_failed_ends_well_without_repeating_anything),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
