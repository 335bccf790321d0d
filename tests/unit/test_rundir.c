/* What a run directory proves, and how long it is kept. */

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "../src/exec/rundir.h"

static char state[64], dir[RUNDIR_PATH_SIZE];

static int setup(void **context) {
    (void)context;
    char runs[128];
    (void)snprintf(state, sizeof state, "/tmp/guidepost-rundir-XXXXXX");
    assert_non_null(mkdtemp(state));
    (void)snprintf(runs, sizeof runs, "%s/runs", state);
    assert_int_equal(mkdir(runs, 0700), 0);
    rundir_path(dir, state, 7, 0, 0, 1);
    return 0;
}

static int teardown(void **context) {
    (void)context;
    return file_remove_tree(state) ? 0 : -1;
}

static bool is_there(const char *path) {
    return access(path, F_OK) == 0;
}

static void put(const char *name, const char *text) {
    char path[RUNDIR_PATH_SIZE + 64];
    struct err err;
    (void)snprintf(path, sizeof path, "%s/%s", dir, name);
    assert_int_equal(file_write_atomic(path, text, strlen(text), 0600, false, &err), 0);
}

static void a_missing_directory_proves_that_nothing_started_where_its_owner_was(void **context) {
    (void)context;
    assert_int_equal(rundir_look(dir, true), RUNDIR_NEVER_STARTED);
    assert_int_equal(rundir_look(dir, true), RUNDIR_NEVER_STARTED);
}

static void a_missing_directory_proves_nothing_elsewhere_however_often_one_looks(void **context) {
    (void)context;
    assert_int_equal(rundir_look(dir, false), RUNDIR_GONE);
    assert_int_equal(rundir_look(dir, false), RUNDIR_GONE);
}

static void make_week_old(void) {
    char deployment[128];
    const struct timespec old[2] = {{.tv_sec = time(NULL) - 8 * 24 * 3600}, {.tv_sec = time(NULL) - 8 * 24 * 3600}};
    (void)snprintf(deployment, sizeof deployment, "%s/runs/7", state);
    assert_int_equal(utimensat(AT_FDCWD, deployment, old, 0), 0);
}

static bool swept_when(const char *started, const char *end, bool told) {
    struct err err;
    assert_int_equal(rundir_make(dir, &err), 0);
    if (started != NULL) {
        put("started", started);
    }
    if (end != NULL) {
        put("exit", end);
    }
    if (told) {
        rundir_clear(dir);
    }
    make_week_old();
    rundir_sweep(state);
    bool gone = !is_there(dir);
    (void)file_remove_tree(dir);
    return gone;
}

static void the_sweep_keeps_what_was_not_told(void **context) {
    (void)context;
    assert_false(swept_when(NULL, NULL, false));
    assert_false(swept_when("2 3 4\n", NULL, false));
    assert_false(swept_when("2 3 4\n", "exit 0 5 0 0\n", false));
    assert_true(swept_when("2 3 4\n", "exit 0 5 0 0\n", true));
    assert_true(swept_when(NULL, "notstarted 2 5 0 0\n", false));
}

static void an_end_that_was_told_is_still_an_end(void **context) {
    (void)context;
    struct err err;
    assert_int_equal(rundir_make(dir, &err), 0);
    put("started", "2 3 4\n");
    put("exit", "exit 0 5 6 0\n");
    put("out.0", "abc");
    put("out.17", "def");
    rundir_clear(dir);
    assert_int_equal(rundir_last_segment(dir), 0);
    assert_int_equal(rundir_look(dir, true), RUNDIR_ENDED);
    assert_false(rundir_still_runs(dir));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_missing_directory_proves_that_nothing_started_where_its_owner_was, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_missing_directory_proves_nothing_elsewhere_however_often_one_looks, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(the_sweep_keeps_what_was_not_told, setup, teardown),
        cmocka_unit_test_setup_teardown(an_end_that_was_told_is_still_an_end, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
