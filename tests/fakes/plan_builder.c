#include "plan_builder.h"

#include <assert.h>

struct plan *plan_builder_create(struct arena *arena, size_t target_count) {
    struct plan *plan = arena_alloc(arena, sizeof *plan);
    *plan =
        (struct plan){.project = "webshop", .environment = "production", .folder = "/", .target_count = target_count};
    plan->targets = arena_array(arena, target_count + 1, sizeof *plan->targets);
    plan->steps = arena_array(arena, PLAN_BUILDER_STEPS, sizeof *plan->steps);
    for (size_t i = 0; i < target_count; i++) {
        plan->targets[i].name = arena_printf(arena, "web-%zu", i + 1);
    }
    return plan;
}

struct plan_step *plan_builder_step(struct plan *plan, const char *name) {
    assert(plan->step_count < PLAN_BUILDER_STEPS);
    struct plan_step *step = &plan->steps[plan->step_count++];
    *step = (struct plan_step){
        .name = name,
        .script = "true",
        .on_worker = true,
        .slot_count = 1,
        .max_parallel = PLAN_BUILDER_PARALLEL,
        .guided = {.enabled = true, .max_retries = 10},
    };
    return step;
}

struct plan_step *plan_builder_step_on(struct plan *plan, const char *name, size_t first, size_t count,
                                       struct arena *arena) {
    struct plan_step *step = plan_builder_step(plan, name);
    step->on_worker = false;
    step->slot_count = count;
    step->left_empty = count == 0;
    step->targets = arena_array(arena, count + 1, sizeof *step->targets);
    for (size_t i = 0; i < count; i++) {
        step->targets[i] = (uint32_t)(first + i);
    }
    return step;
}

struct plan_step *plan_builder_step_on_all(struct plan *plan, const char *name, struct arena *arena) {
    return plan_builder_step_on(plan, name, 0, plan->target_count, arena);
}

void plan_builder_group(struct plan *plan, const char *group, size_t first, size_t last) {
    for (size_t step = first; step <= last; step++) {
        plan->steps[step].group = group;
    }
}
