/* Drives the real guidepost-step, the way a worker does: what a script finds, how its end is recorded, and what runs
 * nothing. */

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "fakes/step_rig.h"

static void the_end_of_the_shell_is_recorded(void **state) {
    static const struct {
        const char *script;
        const char *word;
        long number;
    } cases[] = {
        {":", "exit", 0},
        {"true", "exit", 0},
        {"exit 3", "exit", 3},
        {"exit 255", "exit", 255},
        {"false; echo not reached", "exit", 1}, /* -e */
        {"no-such-program", "exit", 127},
        {"if", "exit", 2},
        {"kill -9 $$", "signal", 9},
        {"kill -15 $$", "signal", 15},
        {"exec sleep 0", "exit", 0},
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct step_run run;
        step_make(&run, cases[i].script);
        step_go(&run);
        step_assert_ended(&run, cases[i].word, cases[i].number);
        assert_null(strstr(step_output_of(&run), "not reached"));
        assert_true(step_lock_is_free(&run));
        step_remove(&run);
    }
}

static void both_outputs_come_in_order(void **state) {
    struct step_run run;
    (void)state;

    step_make(&run, "echo a; echo b >&2; echo c; printf d");
    step_go(&run);
    step_assert_ended(&run, "exit", 0);
    assert_string_equal(step_output_of(&run), "a\nb\nc\nd");
    assert_int_equal(step_ending_of(&run).bytes, 7);
    assert_int_equal(step_ending_of(&run).left_out, 0);
    step_remove(&run);
}

static void the_script_finds_only_what_it_was_given(void **state) {
    struct step_run run;
    int leaked[2];
    (void)state;

    assert_int_equal(setenv("STEP_CANARY", "from the worker", 1), 0);
    assert_int_equal(pipe(leaked), 0);
    mode_t mask = umask(027);
    step_make(&run, "tr '\\0' '\\n' </proc/$$/environ; cat; echo fds $(ls /proc/self/fd); umask; ulimit -c; pwd;"
                    /* 32 and 33 are glibc's own: posix_spawn of whoever started us leaves them ignored. */
                    "grep SigBlk /proc/self/status; i=0x$(sed -n 's/^SigIgn:.//p' /proc/self/status);"
                    "echo ignored $((i & ~0x180000000))");
    step_tell(&run, "env", "RELEASE=1.2; $(id)");
    step_tell(&run, "work-dir", "/usr");
    (void)signal(SIGUSR1, SIG_IGN);
    step_go(&run);
    (void)signal(SIGUSR1, SIG_DFL);
    (void)umask(mask);
    (void)close(leaked[0]);
    (void)close(leaked[1]);
    step_assert_ended(&run, "exit", 0);
    assert_string_equal(step_output_of(&run), "PATH=/usr/bin:/bin\nRELEASE=1.2; $(id)\nfds 0 1 2 3\n0027\n0\n/usr\n"
                                              "SigBlk:\t0000000000000000\nignored 0\n");
    step_remove(&run);
}

static void the_start_is_recorded_before_the_script_runs(void **state) {
    struct step_run run;
    char wanted[64];
    (void)state;

    step_make(&run, "echo $PPID $$; grep started \"$RUN/record\"");
    char variable[STEP_PATH_BYTES];
    (void)snprintf(variable, sizeof variable, "RUN=%s", run.directory);
    step_tell(&run, "env", variable);
    step_go(&run);
    step_assert_ended(&run, "exit", 0);
    const char *second = strchr(step_output_of(&run), '\n') + 1;
    (void)snprintf(wanted, sizeof wanted, "started %.*s ", (int)(second - step_output - 1), step_output);
    assert_int_equal(strncmp(second, wanted, strlen(wanted)), 0);
    assert_int_equal(strtol(step_output, NULL, 10), run.pid);
    step_remove(&run);
}

static void files_are_for_their_owner_alone(void **state) {
    static const char *const names[] = {"record", "out.0"};
    struct step_run run;
    (void)state;

    step_make(&run, "echo x");
    step_go(&run);
    step_assert_ended(&run, "exit", 0);
    for (size_t i = 0; i < 2; i++) {
        char path[STEP_PATH_BYTES];
        struct stat file;
        step_path(path, &run, names[i]);
        assert_int_equal(stat(path, &file), 0);
        assert_int_equal(file.st_mode & 07777, 0600);
    }
    step_remove(&run);
}

static void a_missing_directory_is_named(void **state) {
    struct step_run run;
    (void)state;

    step_make(&run, "echo ran");
    step_tell(&run, "work-dir", "/srv/no such place");
    step_go(&run);
    step_assert_ended(&run, "notstarted", ENOENT);
    assert_non_null(strstr(step_output_of(&run), "/srv/no such place"));
    assert_null(strstr(step_output_of(&run), "ran"));
    step_remove(&run);
}

static void the_script_runs_as_its_user(void **state) {
    struct step_run run;
    (void)state;

    step_make(&run, "id -un; id -Gn; cat \"$RUN/record\" || echo locked out");
    step_tell(&run, "user", "nobody");
    char variable[STEP_PATH_BYTES];
    (void)snprintf(variable, sizeof variable, "RUN=%s", run.directory);
    step_tell(&run, "env", variable);
    step_go(&run);
    if (getuid() == 0) {
        step_assert_ended(&run, "exit", 0);
        assert_non_null(strstr(step_output_of(&run), "nobody\nnogroup\n"));
        assert_non_null(strstr(step_output_of(&run), "locked out"));
    } else {
        step_assert_ended(&run, "notstarted", EPERM);
    }
    step_remove(&run);

    step_make(&run, "echo ran");
    step_tell(&run, "user", "no-such-user");
    step_go(&run);
    step_assert_ended(&run, "notstarted", ENOENT);
    assert_non_null(strstr(step_output_of(&run), "no-such-user"));
    step_remove(&run);
}

static void bad_instructions_run_nothing(void **state) {
    struct step_run run;
    (void)state;

    step_make(&run, "echo ran");
    step_tell(&run, "colour", "red");
    step_go(&run);
    step_assert_ended(&run, "notstarted", EINVAL);
    assert_null(strstr(step_output_of(&run), "ran"));
    step_remove(&run);

    step_make(&run, "echo ran"); /* no end: the worker died while it wrote */
    step_start(&run);
    step_tell_end(&run);
    step_assert_ended(&run, "notstarted", EINVAL);
    assert_null(strstr(step_output_of(&run), "ran"));
    assert_false(step_says(&run, "started"));
    step_remove(&run);
}

static void a_cancel_before_the_start_runs_nothing(void **state) {
    struct step_run run;
    (void)state;

    step_make(&run, "echo ran");
    step_start(&run);
    while (step_lock_is_free(&run)) {
        step_moment();
    }
    assert_int_equal(kill(run.pid, SIGTERM), 0);
    step_assert_ended(&run, "notstarted", ECANCELED);
    (void)close(run.input);
    step_remove(&run);
}

static void a_hundred_steps_one_after_another_leave_nothing_behind(void **state) {
    (void)state;

    for (int i = 0; i < 100; i++) {
        struct step_run run;
        step_make(&run, "true");
        step_go(&run);
        step_assert_ended(&run, "exit", 0);
        step_remove(&run);
    }
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        STEP_TEST(the_end_of_the_shell_is_recorded),
        STEP_TEST(both_outputs_come_in_order),
        STEP_TEST(the_script_finds_only_what_it_was_given),
        STEP_TEST(the_start_is_recorded_before_the_script_runs),
        STEP_TEST(files_are_for_their_owner_alone),
        STEP_TEST(a_missing_directory_is_named),
        STEP_TEST(the_script_runs_as_its_user),
        STEP_TEST(bad_instructions_run_nothing),
        STEP_TEST(a_cancel_before_the_start_runs_nothing),
        STEP_TEST(a_hundred_steps_one_after_another_leave_nothing_behind),
    };
    return cmocka_run_group_tests(tests, step_set_up, NULL);
}
