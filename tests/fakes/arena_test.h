#ifndef GP_TESTS_ARENA_TEST_H
#define GP_TESTS_ARENA_TEST_H

/* What a test begins with whose subject takes its memory from an arena: include it first, and run the tests
 * with arena_test(name), or give set_up and tear_down to their group. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"

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

#define arena_test(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

#endif
