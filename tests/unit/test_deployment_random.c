/* Random plans in a random world: what must always hold holds, and whatever is answered leads to an end. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fakes/world.h"

enum { SEQUENCES = 30000, RACES = 5000, STEPS_MOST = 200 };

static struct world world;

static void in_every_world_the_promises_hold_and_everything_comes_to_an_end(void **state) {
    (void)state;
    struct arena *arena = arena_create();
    size_t events = 0;
    for (uint64_t seed = 1; seed <= SEQUENCES; seed++) {
        arena_reset(arena);
        world_create(&world, seed, arena);
        for (uint64_t i = world_random(&world, STEPS_MOST); i > 0; i--) {
            world_step(&world);
        }
        world_must(&world, world_finish(&world));
        events += world.events;
    }
    arena_destroy(arena);
    print_message("seeds 1 to %d, %zu events\n", SEQUENCES, events);
}

static bool can_exclude(const struct question *q) {
    return (q->options & GUIDANCE_EXCLUDE) != 0 && world.questions[q->id] == QUESTION_OPEN;
}

static size_t count_excludable(void) {
    size_t count = 0;
    for (size_t i = 0; i < world.d->question_count; i++) {
        count += can_exclude(&world.d->questions[i]);
    }
    return count;
}

/* All machines that ask are excluded at the same moment, before the leader has heard of any of it. */
static void racing_excludes_never_exclude_the_last_machine(void **state) {
    (void)state;
    struct arena *arena = arena_create();
    size_t races = 0;
    for (uint64_t seed = 1; seed <= RACES; seed++) {
        arena_reset(arena);
        world_create(&world, seed, arena);
        for (int i = 0; i < STEPS_MOST && count_excludable() < 2; i++) {
            world_step(&world);
        }
        races += count_excludable() > 1;
        for (size_t i = 0; i < world.d->question_count; i++) {
            if (can_exclude(&world.d->questions[i])) {
                (void)world_answer(&world, world.d->questions[i].id, GUIDANCE_EXCLUDE);
            }
        }
        world_must(&world, world.excluded < world.plan->target_count || world.plan->target_count == 0);
        world_must(&world, world_finish(&world)); /* looks after each event that a machine is left */
    }
    arena_destroy(arena);
    print_message("seeds 1 to %d, %zu races of several excludes\n", RACES, races);
    assert_true(races > RACES / 100);
}

static void every_edge_of_the_tables_is_taken(void **state) {
    (void)state;
    size_t missing;
    world_edges_report(&missing);
    assert_int_equal(missing, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(in_every_world_the_promises_hold_and_everything_comes_to_an_end),
        cmocka_unit_test(racing_excludes_never_exclude_the_last_machine),
        cmocka_unit_test(every_edge_of_the_tables_is_taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
