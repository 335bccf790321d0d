/* How guidepost-step ends what does not end by itself, and what it leaves alone. */

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "fakes/step_rig.h"

static void a_script_that_takes_too_long_is_ended(void **state) {
    struct step_run run;
    (void)state;

    step_make(&run, "echo begun; sleep 1000");
    step_tell(&run, "timeout-ms", "100");
    step_go(&run);
    step_assert_ended(&run, "timeout", 100);
    assert_string_equal(step_output_of(&run), "begun\n");
    step_remove(&run);
}

static void a_timeout_stays_a_timeout_when_the_script_ends_well_after_it(void **state) {
    struct step_run run;
    (void)state;

    step_make(&run, "trap 'echo cleaned; exit 0' TERM; while :; do sleep 0.01; done");
    step_tell(&run, "timeout-ms", "100");
    step_go(&run);
    step_assert_ended(&run, "timeout", 100);
    assert_non_null(strstr(step_output_of(&run), "cleaned\n"));
    step_remove(&run);
}

static void a_silent_script_is_ended_and_a_talking_one_is_not(void **state) {
    struct step_run run;
    (void)state;

    step_make(&run, "echo begun; sleep 1000");
    step_tell(&run, "quiet-ms", "200");
    step_go(&run);
    step_assert_ended(&run, "quiet", 200);
    step_remove(&run);

    step_make(&run, "for i in 1 2 3 4 5 6 7 8; do echo; sleep 0.2; done");
    step_tell(&run, "quiet-ms", "1200");
    step_go(&run);
    step_assert_ended(&run, "exit", 0);
    step_remove(&run);
}

static void a_cancel_ends_the_script(void **state) {
    static const struct {
        const char *script;
        const char *kill_ms;
        long number;
    } cases[] = {
        {"echo begun; sleep 1000", "100000", SIGTERM},
        {"trap 'exit 0' TERM; echo begun; while :; do sleep 0.01; done", "100000", SIGTERM},
        {"trap '' TERM; echo begun; while :; do sleep 0.01; done", "100", SIGKILL},
        {"trap '' TERM; echo begun; sleep 1000", "0", SIGKILL},
        {"echo begun; kill -STOP $$", "100000", SIGTERM},
        {"(trap '' TERM; echo begun; exec sleep 1000)", "100", SIGKILL},
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct step_run run;
        step_make(&run, cases[i].script);
        step_tell(&run, "kill-ms", cases[i].kill_ms);
        step_go(&run);
        step_await_output(&run, "begun");
        assert_int_equal(kill(run.pid, SIGTERM), 0);
        step_assert_ended(&run, "canceled", cases[i].number);
        step_remove(&run);
    }
}

static void a_cancel_ends_the_whole_group(void **state) {
    struct step_run run;
    (void)state;

    step_make(&run, "sleep 1000 & echo sleeper=$!.\n"
                    "sh -c 'trap \"\" TERM; sleep 1000 & echo grandchild=$!.; wait' &\n"
                    "(sh -c 'trap \"\" TERM; echo orphan=$$.; exec sleep 1000' &)\n"
                    "echo shell=$$.; wait");
    step_tell(&run, "kill-ms", "100");
    step_go(&run);
    step_await_output(&run, "shell=");
    step_await_output(&run, "orphan=");
    step_await_output(&run, "grandchild=");
    assert_int_equal(kill(run.pid, SIGTERM), 0);
    step_assert_ended(&run, "canceled", SIGKILL);
    assert_false(step_lives(step_pid(&run, "sleeper")) || step_lives(step_pid(&run, "grandchild")));
    assert_false(step_lives(step_pid(&run, "orphan")) || step_lives(step_pid(&run, "shell")));
    step_remove(&run);
}

/* The helper leaves a child in the group and the group itself, and never reaps that child. */
static _Noreturn void leave_group(void) {
    pid_t child = fork();

    if (child != 0) {
        (void)setsid();
        (void)printf("helper=%ld.\n", (long)getpid());
        (void)fflush(stdout);
    }
    for (;;) {
        (void)pause();
    }
}

static void a_dead_member_that_nobody_reaps_does_not_keep_the_end_away(void **state) {
    struct step_run run;
    char script[STEP_PATH_BYTES * 2];
    (void)state;

    (void)snprintf(script, sizeof script, "'%s' leave-group", step_self);
    step_make(&run, script);
    step_tell(&run, "kill-ms", "100");
    step_go(&run);
    step_await_output(&run, "helper=");
    assert_int_equal(kill(run.pid, SIGTERM), 0);
    step_assert_ended(&run, "canceled", SIGKILL);
    pid_t helper = step_pid(&run, "helper");
    assert_true(step_lives(helper));
    assert_int_equal(kill(helper, SIGKILL), 0);
    step_remove(&run);
}

/* Else it would run beside the next attempt. */
static void a_killed_shell_takes_along_what_it_waited_for(void **state) {
    struct step_run run;
    (void)state;

    step_make(&run, "echo shell=$$.; sh -c 'trap \"\" TERM; echo deaf=$$.; sleep 1000'; echo never");
    step_tell(&run, "kill-ms", "100");
    step_go(&run);
    step_await_output(&run, "deaf=");
    assert_int_equal(kill(step_pid(&run, "shell"), SIGKILL), 0);
    step_assert_ended(&run, "signal", SIGKILL);
    assert_false(step_lives(step_pid(&run, "deaf")));
    step_remove(&run);
}

static void a_process_in_the_background_outlives_its_script(void **state) {
    struct step_run run;
    (void)state;

    step_make(&run, "sleep 1000 & echo background=$!.; (sleep 0.05; echo late) &");
    step_go(&run);
    step_assert_ended(&run, "exit", 0);
    assert_non_null(strstr(step_output_of(&run), "late\n"));
    pid_t background = step_pid(&run, "background");
    assert_true(step_lives(background));
    assert_int_equal(kill(background, SIGKILL), 0);
    step_remove(&run);
}

static void a_talking_process_in_the_background_does_not_keep_the_end_away(void **state) {
    struct step_run run;
    (void)state;

    step_make(&run, "(while :; do echo x; sleep 0.01; done) & echo background=$!.");
    step_go(&run);
    step_assert_ended(&run, "exit", 0);
    step_remove(&run); /* the next echo finds the pipe closed, and -e ends the loop */
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        STEP_TEST(a_script_that_takes_too_long_is_ended),
        STEP_TEST(a_timeout_stays_a_timeout_when_the_script_ends_well_after_it),
        STEP_TEST(a_silent_script_is_ended_and_a_talking_one_is_not),
        STEP_TEST(a_cancel_ends_the_script),
        STEP_TEST(a_cancel_ends_the_whole_group),
        STEP_TEST(a_dead_member_that_nobody_reaps_does_not_keep_the_end_away),
        STEP_TEST(a_killed_shell_takes_along_what_it_waited_for),
        STEP_TEST(a_process_in_the_background_outlives_its_script),
        STEP_TEST(a_talking_process_in_the_background_does_not_keep_the_end_away),
    };
    if (argc > 1 && strcmp(argv[1], "leave-group") == 0) {
        leave_group();
    }
    return cmocka_run_group_tests(tests, step_set_up, NULL);
}
