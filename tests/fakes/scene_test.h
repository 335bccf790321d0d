#ifndef GP_TESTS_SCENE_TEST_H
#define GP_TESTS_SCENE_TEST_H

/* What every test of the state machine begins with: include it first, and run the tests with scene_test(name). */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/limits.h"
#include "base/str.h"
#include "fakes/plan_builder.h"
#include "fakes/scene.h"

static struct arena *arena;
static struct plan *plan;
static struct scene scene;

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

#define scene_test(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

#endif
