/* guidepost-step when the disk does not do what it should. */

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "fakes/step_rig.h"

static void a_full_disk_stops_neither_the_script_nor_its_record(void **state) {
    struct rlimit before;
    struct step_run run;
    (void)state;

    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    step_make(&run, "printf '%0200d' 0; sleep 0.05; printf '%0300d' 0; exit 5");
    struct rlimit small = before;
    small.rlim_cur = 150;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    step_tell(&run, "end", "");
    step_start(&run);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    step_tell_end(&run);
    step_assert_ended(&run, "exit", 5);
    assert_int_equal(step_ending_of(&run).bytes, 500);
    assert_int_equal(step_ending_of(&run).left_out, 350);
    assert_int_equal(strlen(step_output_of(&run)), 150);
    step_remove(&run);
}

/* Lets the files of a running step grow to a size and no further, or to any size. */
static void limit_files(const struct step_run *run, rlim_t size) {
    struct rlimit limit;

    assert_int_equal(prlimit(run->pid, RLIMIT_FSIZE, NULL, &limit), 0);
    limit.rlim_cur = size < limit.rlim_max ? size : limit.rlim_max;
    assert_int_equal(prlimit(run->pid, RLIMIT_FSIZE, &limit, NULL), 0);
}

/* The line of the end fits not at all, or a part of it. */
static void an_end_that_cannot_be_recorded_is_tried_until_it_is(void **state) {
    (void)state;

    for (size_t room = 0; room < 30; room += 14) {
        struct step_run run;
        char text[1024];
        step_make(&run, "while ! [ -e \"$RUN/go\" ]; do sleep 0.01; done; exit 9");
        char variable[STEP_PATH_BYTES];
        (void)snprintf(variable, sizeof variable, "RUN=%s", run.directory);
        step_tell(&run, "env", variable);
        step_go(&run);
        step_await_line(&run, "started");
        size_t size = step_get(&run, "record", text, sizeof text);
        limit_files(&run, size + room);
        step_put(&run, "go", "", 0);
        while (!step_has(&run, "errors") || !strstr(step_errors_of(&run), "cannot record the end")) {
            step_moment();
        }
        assert_int_equal(step_get(&run, "record", text, sizeof text), size + room);
        assert_false(step_says(&run, "exit"));
        assert_false(step_lock_is_free(&run));
        assert_int_equal(waitpid(run.pid, NULL, WNOHANG), 0);
        assert_int_equal(kill(run.pid, SIGTERM), 0); /* too late: it changes nothing */
        limit_files(&run, RLIM_INFINITY);
        step_assert_ended(&run, "exit", 9);
        step_remove(&run);
    }
}

/* Then the script has not begun either. */
static void a_start_that_cannot_be_recorded_runs_nothing(void **state) {
    (void)state;

    for (size_t room = 0; room < 30; room += 14) {
        struct step_run run;
        step_make(&run, "echo ran");
        step_start(&run);
        while (step_lock_is_free(&run)) {
            step_moment();
        }
        limit_files(&run, sizeof STEP_BOOT - 1 + room);
        step_tell(&run, "end", "");
        step_tell_end(&run);
        while (!strstr(step_errors_of(&run), "cannot record the end")) {
            step_moment();
        }
        limit_files(&run, RLIM_INFINITY);
        assert_int_equal(step_wait(&run), 0);
        assert_string_equal(step_ending_of(&run).word, "notstarted");
        assert_false(step_says(&run, "started"));
        assert_null(strstr(step_output_of(&run), "ran"));
        step_remove(&run);
    }
}

static void a_deleted_directory_ends_the_trying(void **state) {
    static const char *const deleted[] = {"", "/record"};
    (void)state;

    for (size_t i = 0; i < 2; i++) {
        struct step_run run;
        char script[STEP_PATH_BYTES];
        step_make(&run, NULL);
        (void)snprintf(script, sizeof script, "rm -r %s%s", run.directory, deleted[i]);
        step_tell(&run, "script", script);
        step_go(&run);
        assert_int_equal(step_wait(&run), 1);
        assert_false(step_has(&run, "record"));
        step_remove(&run);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        STEP_TEST(a_full_disk_stops_neither_the_script_nor_its_record),
        STEP_TEST(an_end_that_cannot_be_recorded_is_tried_until_it_is),
        STEP_TEST(a_start_that_cannot_be_recorded_runs_nothing),
        STEP_TEST(a_deleted_directory_ends_the_trying),
    };
    return cmocka_run_group_tests(tests, step_set_up, NULL);
}
