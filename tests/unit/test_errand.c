/* Short commands that the server runs for itself. */

#include <inttypes.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/str.h"
#include "exec/errand.h"

static struct loop *loop;
static struct {
    size_t count;
    int status, signal;
    bool timed_out, failed, cut;
    char output[1100];
} end;

static void ended(const struct errand_end *how, void *user) {
    (void)user;
    end.count++;
    end.status = how->status;
    end.signal = how->signal;
    end.timed_out = how->timed_out;
    end.failed = how->err != NULL;
    end.cut = how->cut;
    (void)snprintf(end.output, sizeof end.output, "%s", how->output);
}

static int set_up(void **state) {
    (void)state;
    loop = loop_create();
    end.count = 0;
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    assert_true(loop_destroy(loop));
    return 0;
}

static void run(const char *script, const char *folder, int64_t limit_ms) {
    const char *const env[] = {"PATH=/usr/bin:/bin", "WORD=it's me"};
    (void)errand_start(loop,
                       &(struct errand_options){
                           .script = script, .work_dir = folder, .env = env, .env_count = 2, .limit_ms = limit_ms},
                       ended, NULL);
    assert_int_equal(end.count, 0);
    loop_run(loop);
    assert_int_equal(end.count, 1);
}

static void it_has_the_environment_that_it_was_given_and_no_more(void **state) {
    (void)state;
    assert_int_equal(setenv("CANARY", "sings", 1), 0);
    run("pwd; echo \"$WORD ${CANARY-silent}\"; echo oops >&2; exit 3", "/tmp", 10000);
    assert_int_equal(end.status, 3);
    assert_string_equal(end.output, "/tmp\nit's me silent\noops\n");
    assert_false(end.cut);
}

static void it_may_wait_for_all_its_children_and_does_not_hold_our_end(void **state) {
    (void)state;
    run("true & wait; [ -e /proc/$$/fd/3 ] || echo closed", "/", 20000);
    assert_false(end.timed_out);
    assert_string_equal(end.output, "closed\n");
}

static void only_the_last_of_its_output_is_kept(void **state) {
    (void)state;
    run("i=0; while [ $i -lt 3000 ]; do echo line $i; i=$((i+1)); done", "/", 20000);
    assert_int_equal(end.status, 0);
    assert_int_equal(strlen(end.output), 1000);
    assert_true(end.cut);
    assert_true(strstr(end.output, "line 2999\n") != NULL);
}

/* What nobody has collected yet does not run. */
static bool runs(uint64_t pid) {
    char path[64], text[200] = "";
    (void)snprintf(path, sizeof path, "/proc/%llu/stat", (unsigned long long)pid);
    FILE *file = fopen(path, "r");
    if (file == NULL) {
        return false;
    }
    (void)fgets(text, sizeof text, file);
    (void)fclose(file);
    return strstr(text, ") Z ") == NULL;
}

static void it_is_killed_after_its_limit_with_all_its_children(void **state) {
    (void)state;
    int64_t begun_ms = clock_monotonic_ms();
    run("sleep 1000 & echo $!; wait", "/", 200);
    assert_true(end.timed_out);
    assert_true(clock_monotonic_ms() - begun_ms < 20000);
    uint64_t pid = 0;
    *strchr(end.output, '\n') = '\0';
    assert_int_equal(str_to_u64(end.output, &pid, NULL), 0);
    for (int i = 0; i < 2000 && runs(pid); i++) {
        (void)usleep(10000);
    }
    assert_false(runs(pid));
}

/* A process that starts the command, writes down which processes it is made of, and is killed. */
static void it_is_killed_when_we_are(void **state) {
    (void)state;
    char line[64] = "";
    int pipe_fds[2];
    assert_int_equal(pipe(pipe_fds), 0);
    pid_t we = fork();
    if (we == 0) {
        struct loop *own = loop_create();
        char script[128];
        (void)snprintf(script, sizeof script, "sleep 1000 & echo $$ $! >/proc/%d/fd/%d; wait", (int)getpid(),
                       pipe_fds[1]);
        (void)errand_start(own, &(struct errand_options){.script = script, .work_dir = "/", .limit_ms = 1000000}, ended,
                           NULL);
        loop_run(own);
        _exit(1);
    }
    (void)close(pipe_fds[1]);
    assert_true(read(pipe_fds[0], line, sizeof line - 1) > 0);
    (void)close(pipe_fds[0]);
    assert_int_equal(kill(we, SIGKILL), 0);
    assert_int_equal(waitpid(we, NULL, 0), we);
    uint64_t shell = 0, child = 0;
    assert_int_equal(sscanf(line, "%" SCNu64 " %" SCNu64, &shell, &child), 2);
    for (int i = 0; i < 2000 && (runs(shell) || runs(child)); i++) {
        (void)usleep(10000);
    }
    assert_false(runs(shell));
    assert_false(runs(child));
}

static void what_it_leaves_behind_is_killed_at_its_end(void **state) {
    (void)state;
    run("sleep 1000 & exit 0", "/", 20000);
    assert_int_equal(end.status, 0);
    assert_false(end.timed_out);
}

static void what_can_not_be_started_is_told(void **state) {
    (void)state;
    run("true", "/does/not/exist", 1000);
    assert_true(end.failed);
}

static void what_is_given_up_is_killed_and_not_told(void **state) {
    (void)state;
    const struct errand_options options = {.script = "sleep 1000", .work_dir = "/", .limit_ms = 100000};
    errand_destroy(errand_start(loop, &options, ended, NULL));
    errand_destroy(
        errand_start(loop, &(struct errand_options){.script = "true", .work_dir = "/does/not/exist", .limit_ms = 1000},
                     ended, NULL));
    loop_run(loop);
    assert_int_equal(end.count, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(it_has_the_environment_that_it_was_given_and_no_more),
        TEST(it_may_wait_for_all_its_children_and_does_not_hold_our_end),
        TEST(only_the_last_of_its_output_is_kept),
        TEST(it_is_killed_after_its_limit_with_all_its_children),
        TEST(it_is_killed_when_we_are),
        TEST(what_it_leaves_behind_is_killed_at_its_end),
        TEST(what_can_not_be_started_is_told),
        TEST(what_is_given_up_is_killed_and_not_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
