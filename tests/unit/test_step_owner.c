/* Who owns a run of guidepost-step, and who else must leave it alone. */

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "fakes/step_rig.h"

static void the_step_does_not_notice_the_death_of_its_starter(void **state) {
    struct step_run run;
    char path[STEP_PATH_BYTES];
    (void)state;

    step_make(&run, NULL);
    step_path(path, &run, "go");
    char script[STEP_PATH_BYTES * 2];
    (void)snprintf(script, sizeof script, "while ! [ -e %s ]; do sleep 0.01; done; echo on; exit 7", path);
    step_tell(&run, "script", script);
    step_tell(&run, "end", "");
    pid_t starter = fork();
    if (starter == 0) {
        step_start(&run);
        step_tell_end(&run);
        for (;;) {
            (void)pause();
        }
    }
    step_await_line(&run, "started");
    assert_int_equal(kill(starter, SIGKILL), 0);
    assert_int_equal(waitpid(starter, NULL, 0), starter);
    char started[256];
    assert_true(step_line(&run, "started", started));
    pid_t supervisor = (pid_t)strtol(started + strlen("started "), NULL, 10);
    static const int ignored[] = {SIGHUP, SIGINT, SIGPIPE, SIGQUIT};
    for (size_t i = 0; i < sizeof ignored / sizeof ignored[0]; i++) {
        assert_int_equal(kill(supervisor, ignored[i]), 0);
    }
    assert_false(step_lock_is_free(&run));
    step_put(&run, "go", "", 0);
    step_await_line(&run, "exit");
    struct step_ending ending = step_ending_of(&run);
    assert_string_equal(ending.word, "exit");
    assert_int_equal(ending.number, 7);
    assert_string_equal(step_output_of(&run), "on\n");
    while (!step_lock_is_free(&run)) {
        step_moment();
    }
    step_remove(&run);
}

static void a_killed_supervisor_leaves_no_end_and_a_free_lock(void **state) {
    struct step_run run;
    (void)state;

    step_make(&run, "echo shell=$$.; exec sleep 1000");
    step_go(&run);
    step_await_output(&run, "shell=");
    assert_false(step_lock_is_free(&run));
    assert_int_equal(kill(run.pid, SIGKILL), 0);
    assert_int_equal(step_wait(&run), -SIGKILL);
    assert_false(step_says(&run, "exit"));
    assert_true(step_lock_is_free(&run));
    assert_true(step_says(&run, "started"));
    pid_t shell = step_pid(&run, "shell");
    assert_true(step_lives(shell)); /* what was started may still run: that is why the outcome is unknown */
    assert_int_equal(kill(shell, SIGKILL), 0);
    step_remove(&run);
}

static void a_run_that_belongs_to_somebody_else_is_left_alone(void **state) {
    static const char *const records[] = {
        "boot b\nstarted 2 3 4\n",
        "boot b\nstarted 2 3 4\nexit exit 0 5 6 7\n",
        "boot b\nstarted 2 3 4\nexit exit 0 5 6 7\ntold\n",
        "boot b\nexit notstarted 22 5 6 7\nto",
        "boot b\nvoid\n",
        "boot b\nsomething new\n",
        "void\n",
        "void\nboot b\n",
        "boot b", /* it was never made */
        "",
        "\n",
        "\nboot b\n",
        "started 2 3 4\n",
    };
    struct step_run run;
    char path[STEP_PATH_BYTES];
    char text[1024];
    (void)state;

    for (size_t i = 0; i < sizeof records / sizeof records[0]; i++) {
        step_make(&run, "echo ran");
        step_put(&run, "record", records[i], strlen(records[i]));
        step_go(&run);
        assert_int_equal(step_wait(&run), 111);
        assert_false(step_has(&run, "out.0"));
        (void)step_get(&run, "record", text, sizeof text);
        assert_string_equal(text, records[i]);
        step_remove(&run);
    }
    step_make(&run, "echo ran");
    step_path(path, &run, "record");
    int fd = open(path, O_RDWR | O_CLOEXEC);
    assert_int_equal(flock(fd, LOCK_EX | LOCK_NB), 0);
    step_go(&run);
    assert_int_equal(step_wait(&run), 111);
    assert_false(step_has(&run, "out.0") || step_says(&run, "exit") || step_says(&run, "started"));
    (void)close(fd);
    step_remove(&run);
}

static void two_steps_never_run_on_one_target(void **state) {
    struct step_run first;
    struct step_run second;
    char target[STEP_PATH_BYTES];
    (void)state;

    step_make(&first, "echo begun; sleep 1000");
    step_path(target, &first, "target");
    step_tell(&first, "target-lock", target);
    step_go(&first);
    step_await_output(&first, "begun");

    step_make(&second, "echo ran");
    step_tell(&second, "target-lock", target);
    step_go(&second);
    step_assert_ended(&second, "notstarted", EWOULDBLOCK);
    assert_null(strstr(step_output_of(&second), "ran"));
    assert_false(step_says(&second, "started"));
    step_remove(&second);

    assert_int_equal(kill(first.pid, SIGTERM), 0);
    step_assert_ended(&first, "canceled", SIGTERM);
    step_make(&second, "sleep 1000 & echo ran; kill $!");
    step_tell(&second, "target-lock", target);
    step_go(&second);
    step_assert_ended(&second, "exit", 0);
    step_remove(&second);
    step_remove(&first);
}

static void a_target_stays_locked_while_the_script_of_a_killed_supervisor_runs(void **state) {
    struct step_run first;
    struct step_run second;
    char target[STEP_PATH_BYTES];
    (void)state;

    step_make(&first, "echo shell=$$.; exec sleep 1000");
    step_path(target, &first, "target");
    step_tell(&first, "target-lock", target);
    step_go(&first);
    step_await_output(&first, "shell=");
    assert_int_equal(kill(first.pid, SIGKILL), 0);
    assert_int_equal(waitpid(first.pid, NULL, 0), first.pid);

    step_make(&second, "echo ran");
    step_tell(&second, "target-lock", target);
    step_go(&second);
    step_assert_ended(&second, "notstarted", EWOULDBLOCK);
    step_remove(&second);

    pid_t shell = step_pid(&first, "shell");
    assert_int_equal(kill(shell, SIGKILL), 0);
    while (step_lives(shell)) {
        (void)usleep(1000);
    }
    step_make(&second, "echo ran");
    step_tell(&second, "target-lock", target);
    step_go(&second);
    step_assert_ended(&second, "exit", 0);
    step_remove(&second);
    step_remove(&first);
}

static void what_a_script_leaves_in_the_background_does_not_lock_its_target(void **state) {
    struct step_run first;
    struct step_run second;
    char target[STEP_PATH_BYTES];
    (void)state;

    step_make(&first, "sleep 1000 >/dev/null 2>&1 & echo background=$!.");
    step_path(target, &first, "target");
    step_tell(&first, "target-lock", target);
    step_go(&first);
    step_assert_ended(&first, "exit", 0);

    step_make(&second, "echo ran");
    step_tell(&second, "target-lock", target);
    step_go(&second);
    step_assert_ended(&second, "exit", 0);
    step_remove(&second);
    assert_int_equal(kill(step_pid(&first, "background"), SIGKILL), 0);
    step_remove(&first);
}

static void nothing_runs_where_there_is_no_record(void **state) {
    struct step_run run;
    char path[STEP_PATH_BYTES];
    (void)state;

    step_make(&run, "true");
    step_path(path, &run, "record");
    assert_int_equal(unlink(path), 0);
    step_go(&run);
    assert_int_equal(step_wait(&run), 111);
    assert_false(step_has(&run, "record") || step_has(&run, "out.0"));
    step_remove(&run);
}

static void of_two_supervisors_one_starts(void **state) {
    (void)state;

    for (int i = 0; i < 200; i++) {
        struct step_run first;
        step_make(&first, "echo ran");
        step_tell(&first, "end", "");
        (void)fflush(first.telling); /* so that the copy knows what is told */
        struct step_run second = first;
        step_start(&first);
        step_start(&second);
        step_tell_end(i % 2 ? &first : &second);
        step_tell_end(i % 2 ? &second : &first);
        int statuses[] = {step_wait(&first), step_wait(&second)};
        assert_int_equal(statuses[0] + statuses[1], 111); /* one of them is 0 */
        assert_true(statuses[0] == 0 || statuses[1] == 0);
        assert_string_equal(step_ending_of(&first).word, "exit");
        assert_string_equal(step_output_of(&first), "ran\n");
        step_remove(&first);
    }
}

/* An adopter could not write `void` whole: it has given up nothing. */
static void a_line_that_was_not_written_whole_is_cut_off(void **state) {
    static const char *const lines[] = {"void", "exit exit 0 1759000000000 123456 0",
                                        "started 1234567 1234568 1759000000000"};
    (void)state;

    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        for (int size = 1; size <= (int)strlen(lines[i]); size++) {
            struct step_run run;
            char text[1024];
            char line[256];
            int length = snprintf(text, sizeof text, "%s%.*s", STEP_BOOT, size, lines[i]);
            step_make(&run, "true");
            step_put(&run, "record", text, (size_t)length);
            step_go(&run);
            step_assert_ended(&run, "exit", 0);
            (void)step_get(&run, "record", text, sizeof text);
            assert_true(step_line(&run, "started", line));
            assert_int_equal(strncmp(text, STEP_BOOT, sizeof STEP_BOOT - 1), 0);
            assert_int_equal(strncmp(text + sizeof STEP_BOOT - 1, line, strlen(line)), 0);
            step_remove(&run);
        }
    }
}

/* Whoever looks at a lock holds it shared for an instant. */
static void who_only_looks_at_a_lock_is_no_holder(void **state) {
    static const char *const locks[] = {"record", "target"};
    (void)state;

    for (size_t i = 0; i < 2; i++) {
        struct step_run run;
        char target[STEP_PATH_BYTES];
        char path[STEP_PATH_BYTES];
        step_make(&run, "true");
        step_path(target, &run, "target");
        step_tell(&run, "target-lock", target);
        step_path(path, &run, locks[i]);
        int looking = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        assert_int_equal(flock(looking, LOCK_SH | LOCK_NB), 0);
        step_go(&run);
        for (int moments = 0; moments < 10; moments++) {
            step_moment();
        }
        assert_int_equal(waitpid(run.pid, NULL, WNOHANG), 0);
        (void)close(looking);
        step_assert_ended(&run, "exit", 0);
        step_remove(&run);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        STEP_TEST(the_step_does_not_notice_the_death_of_its_starter),
        STEP_TEST(a_killed_supervisor_leaves_no_end_and_a_free_lock),
        STEP_TEST(a_run_that_belongs_to_somebody_else_is_left_alone),
        STEP_TEST(two_steps_never_run_on_one_target),
        STEP_TEST(a_target_stays_locked_while_the_script_of_a_killed_supervisor_runs),
        STEP_TEST(what_a_script_leaves_in_the_background_does_not_lock_its_target),
        STEP_TEST(nothing_runs_where_there_is_no_record),
        STEP_TEST(of_two_supervisors_one_starts),
        STEP_TEST(a_line_that_was_not_written_whole_is_cut_off),
        STEP_TEST(who_only_looks_at_a_lock_is_no_holder),
    };
    return cmocka_run_group_tests(tests, step_set_up, NULL);
}
