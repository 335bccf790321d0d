/* The output of a script as guidepost-step keeps it. */

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/limits.h"
#include "fakes/step_rig.h"

static void a_flood_without_a_newline_keeps_its_head_and_tail(void **state) {
    enum { SIZE = 10 << 20 };
    struct step_run run;
    (void)state;

    step_make(&run, "printf head; head -c 10485752 /dev/zero | tr '\\0' x; printf tail");
    step_go(&run);
    step_assert_ended(&run, "exit", 0);
    struct step_ending ending = step_ending_of(&run);
    assert_int_equal(ending.bytes, SIZE);
    size_t size = strlen(step_output_of(&run));
    assert_int_equal(size, SIZE - ending.left_out);
    assert_in_range(size, LIMIT_OUTPUT_BYTES - LIMIT_OUTPUT_SEGMENT, LIMIT_OUTPUT_BYTES);
    assert_int_equal(strncmp(step_output, "headxxx", 7), 0);
    assert_string_equal(step_output + size - 7, "xxxtail");
    step_remove(&run);
}

static void a_hundred_thousand_lines_come_whole(void **state) {
    struct step_run run;
    char *at = step_output;
    (void)state;

    step_make(&run, "seq 100000");
    step_tell(&run, "secret", "not in it");
    step_tell(&run, "segment-bytes", "100000");
    step_tell(&run, "head-segments", "10");
    step_go(&run);
    step_assert_ended(&run, "exit", 0);
    (void)step_output_of(&run);
    for (long i = 1; i <= 100000; i++) {
        assert_int_equal(strtol(at, &at, 10), i);
        assert_int_equal(*at++, '\n');
    }
    assert_int_equal(*at, '\0');
    assert_int_equal(step_ending_of(&run).left_out, 0);
    step_remove(&run);
}

static void any_bytes_come_as_they_are(void **state) {
    struct step_run run;
    char bytes[4096];
    char script[STEP_PATH_BYTES * 2];
    (void)state;

    for (size_t i = 0; i < sizeof bytes; i++) {
        bytes[i] = (char)(i * 7 + i / 256);
    }
    step_make(&run, NULL);
    step_put(&run, "bytes", bytes, sizeof bytes);
    (void)snprintf(script, sizeof script, "cat %s/bytes", run.directory);
    step_tell(&run, "script", script);
    step_tell(&run, "secret", "hunter22");
    step_go(&run);
    step_assert_ended(&run, "exit", 0);
    assert_int_equal(step_get(&run, "out.0", step_output, sizeof step_output), sizeof bytes);
    assert_memory_equal(step_output, bytes, sizeof bytes);
    step_remove(&run);
}

static void a_secret_written_in_two_pieces_is_masked(void **state) {
    struct step_run run;
    (void)state;

    step_make(&run, "for at in 1 2 3 4 5 6 7; do\n"
                    "printf '<'; printf %s \"$SECRET\" | head -c $at; sleep 0.02\n"
                    "printf %s \"$SECRET\" | tail -c $((8 - at)); echo '>'; done\n"
                    "set -x; echo \"$SECRET\"; printf %s \"$SECRET\" | base64; printf 'hunter'");
    step_tell(&run, "env", "SECRET=hunter22");
    step_tell(&run, "secret", "hunter22");
    step_go(&run);
    step_assert_ended(&run, "exit", 0);
    const char *at = step_output_of(&run);
    for (int i = 0; i < 7; i++) {
        assert_int_equal(strncmp(at, "<***>\n", 6), 0);
        at += 6;
    }
    assert_null(strstr(at, "hunter22"));
    assert_null(strstr(at, "aHVudGVyMjI"));
    assert_non_null(strstr(at, "+ echo ***\n***\n"));
    assert_string_equal(at + strlen(at) - 7, "\nhunter"); /* what was held back comes at the end */
    step_remove(&run);
}

static void output_is_there_while_the_script_runs(void **state) {
    struct step_run run;
    (void)state;

    step_make(&run, "printf 'Proceed? '; sleep 1000");
    step_tell(&run, "secret", "hunter22");
    step_go(&run);
    step_await_output(&run, "Proceed? ");
    assert_int_equal(kill(run.pid, SIGTERM), 0);
    step_assert_ended(&run, "canceled", SIGTERM);
    step_remove(&run);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        STEP_TEST(a_flood_without_a_newline_keeps_its_head_and_tail),
        STEP_TEST(a_hundred_thousand_lines_come_whole),
        STEP_TEST(any_bytes_come_as_they_are),
        STEP_TEST(a_secret_written_in_two_pieces_is_masked),
        STEP_TEST(output_is_there_while_the_script_runs),
    };
    return cmocka_run_group_tests(tests, step_set_up, NULL);
}
