#include "world_parts.h"

#include "plan_builder.h"

static void choose_options(struct world *world, struct plan_step *step) {
    step->max_parallel = (int)world_random(world, 3) + 1;
    step->with_previous = world_chance(world, 35);
    step->required = world_chance(world, 15);
    step->safe_to_rerun = world_chance(world, 20);
    step->continue_on_error = !step->required && world_chance(world, 10);
    step->retry_times = world_chance(world, 35) ? (int)world_random(world, 3) : 0;
    step->guided.enabled = world_chance(world, 85);
    step->guided.max_retries = (int)world_random(world, 4);
    step->guided.answer_within_ms = world_chance(world, 30) ? 60000 : 0;
    step->guided.fail_unanswered = world_chance(world, 50);
}

static void choose_condition(struct world *world, struct plan_step *step) {
    uint64_t kind = world_random(world, 10);
    step->condition = kind < 6 ? PLAN_SUCCESS : kind < 7 ? PLAN_FAILURE : kind < 8 ? PLAN_ALWAYS : PLAN_CLEANUP;
}

static void choose_step(struct world *world, size_t index) {
    static const char *const names[WORLD_STEPS] = {"Alpha", "Bravo", "Charlie", "Delta", "Echo", "Foxtrot"};
    struct plan *plan = world->plan;
    size_t targets = plan->target_count;
    struct plan_step *step = NULL;
    if (targets == 0 || (index > 0 && world_chance(world, 30))) {
        step = plan_builder_step(plan, names[index]);
        step->approve = world_chance(world, 20);
    } else {
        size_t first = index == 0 ? 0 : world_random(world, targets);
        size_t count = index == 0 || first == 0 ? targets : world_random(world, targets - first + 1);
        step = plan_builder_step_on(plan, names[index], first, count, world->arena);
    }
    choose_options(world, step);
    choose_condition(world, step);
    struct plan_step *before = index > 0 ? step - 1 : NULL;
    bool same = before != NULL && !step->on_worker && !before->on_worker && before->slot_count == step->slot_count &&
                step->slot_count > 0 && before->targets[0] == step->targets[0];
    if (same && world_chance(world, 70)) {
        before->group = before->group != NULL ? before->group : names[index - 1];
        step->group = before->group;
    }
}

void world_plan_choose(struct world *world) {
    size_t targets = world_random(world, WORLD_TARGETS + 1);
    world->plan = plan_builder_create(world->arena, targets);
    size_t steps = world_random(world, WORLD_STEPS) + 1;
    for (size_t i = 0; i < steps; i++) {
        choose_step(world, i);
    }
}
