#ifndef GP_TESTS_STORE_TEST_H
#define GP_TESTS_STORE_TEST_H

/* What a test on a store begins with: include it first, and run the tests with store_test(name). Each has a rig, and
 * so a redis-server, of its own. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "fakes/store_rig.h"

static struct store_rig rig;

static int set_up(void **state) {
    (void)state;
    rig_open(&rig);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    rig_close(&rig);
    return 0;
}

#define store_test(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

#endif
