#ifndef GP_TESTS_SCENE_TEST_H
#define GP_TESTS_SCENE_TEST_H

/* What every test of the state machine begins with: include it first, and run the tests with scene_test(name). */

#include "fakes/arena_test.h"

#include "base/limits.h"
#include "base/str.h"
#include "fakes/plan_builder.h"
#include "fakes/scene.h"

static struct plan *plan;
static struct scene scene;

#define scene_test(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

#endif
