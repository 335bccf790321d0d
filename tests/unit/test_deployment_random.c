/* Random plans in a random world: what must always hold holds, and whatever is answered leads to an end. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fakes/world.h"

enum { SEQUENCES = 30000, STEPS_MOST = 200 };

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
    print_message("%d worlds, %zu events\n", SEQUENCES, events);
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
        cmocka_unit_test(every_edge_of_the_tables_is_taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
