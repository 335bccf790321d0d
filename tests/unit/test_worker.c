/* A worker with a real redis-server and the real guidepost-step: what becomes of a job, and when the end of a run is put on disk (ADR 0014). */

#include "fakes/store_test.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../src/exec/rundir.h"
#include "base/str.h"
#include "exec/worker.h"
#include "fakes/plan_builder.h"
#include "store/queue.h"
#include "store/records.h"

static char step_program[4096], state_dir[128], run_dir[RUNDIR_PATH_SIZE];
static struct worker *worker;
static struct arena *arena;
static size_t syncs; /* of the record, by the worker */

/* In place of that of the C library. */
int fdatasync(int fd) {
    char link[64], path[RUNDIR_PATH_SIZE + 16] = "";
    (void)snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t size = readlink(link, path, sizeof path - 1);
    syncs += size > 0 && str_starts(path, run_dir);
    return (int)syscall(SYS_fdatasync, fd);
}

/* --- what a test needs --- */

static void worker_open(void) {
    const struct worker_options options = {.loop = rig.loop,
                                           .store = rig.store,
                                           .state_dir = state_dir,
                                           .step_program = step_program,
                                           .host = "h1",
                                           .slots = 4,
                                           .heartbeat_ms = 1000};
    struct err err;
    if (worker_create(&options, &worker, &err) < 0) {
        fail_msg("%s", err.text);
    }
}

static int stage_open(void **state) {
    (void)set_up(state);
    arena = arena_create();
    syncs = 0;
    (void)snprintf(state_dir, sizeof state_dir, "%s/state", rig.directory);
    (void)snprintf(run_dir, sizeof run_dir, "%s/runs/7/0.0.1", state_dir);
    worker_open();
    return 0;
}

static int stage_close(void **state) {
    worker_destroy(worker);
    worker = NULL;
    arena_destroy(arena);
    return tear_down(state);
}

/* A plan of one step on the worker, which works in the rig's directory. */
static void put_plan(const char *script) {
    struct plan *plan = plan_builder_create(arena, 0);
    struct buf text = BUF_INIT(65536);
    plan->folder = rig.directory;
    plan_builder_step(plan, "Install")->script = script;
    plan_to_json(plan, &text);
    (void)rig_call(&rig, "HSET", "t:plan:abc", "text", text.data);
    buf_finish(&text);
}

static const struct job start = {.kind = JOB_START,
                                 .deployment = 7,
                                 .attempt = 1,
                                 .epoch = 1,
                                 .plan_hash = "abc",
                                 .version = "1.2.3",
                                 .actor = "alice"};

static void give(const struct job *job, const char *claim) {
    struct commit *commit = commit_create(rig.store, NULL);
    if (claim != NULL) {
        (void)rig_call(&rig, "HSET", "t:dep:7:claims", "0.0", claim);
    }
    commit_push_job(commit, job);
    assert_int_equal(rig_commit(&rig, commit), COMMIT_DONE);
}

static bool claim_is(void *user) {
    return str_equal(rig_call(&rig, "HGET", "t:dep:7:claims", "0.0"), user);
}

/* Whether the leader was told that. */
static bool is_told(const char *words) {
    return strstr(rig_call(&rig, "XRANGE", "t:inbox", "-", "+"), words) != NULL;
}

static void wait_for_claim(const char *claim) {
    rig_until(&rig, claim_is, (void *)claim);
}

static const char *in_rig(const char *name) {
    return arena_printf(arena, "%s/%s", rig.directory, name);
}

static bool is_there(void *name) {
    return access(in_rig(name), F_OK) == 0;
}

static void touch(const char *name) {
    int fd = open(in_rig(name), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    (void)close(fd);
}

static bool has_end(void *user) {
    struct outcome outcome;
    uint64_t bytes, left_out;
    (void)user;
    return rundir_end(run_dir, &outcome, &bytes, &left_out);
}

static bool is_synced(void *user) {
    return has_end(user) && syncs > 0;
}

#define WAITING "touch runs; while [ -e runs ] && [ ! -e go ]; do sleep 0.02; done; exit 3"

static void begin_a_run_that_waits(void) {
    put_plan(WAITING);
    give(&start, "q:1:1");
    rig_until(&rig, is_there, "runs");
}

/* --- jobs --- */

static void a_job_is_claimed_run_and_told(void **state) {
    (void)state;
    put_plan("echo done >>ran");
    give(&start, "q:1:1");
    wait_for_claim("e:1:1");
    assert_true(is_told("claimed") && is_told("ended") && is_told("exit 0"));
    assert_true(is_there("ran"));
    assert_string_equal(rig_call(&rig, "XLEN", "t:jobs:any"), "0");
}

static void a_job_that_is_given_twice_starts_once(void **state) {
    (void)state;
    put_plan("echo x >>ran; sleep 0.2; [ $(wc -l <ran) = 1 ]");
    give(&start, "q:1:1");
    give(&start, NULL);
    wait_for_claim("e:1:1");
    rig_run_ms(&rig, 100);
    assert_true(is_told("exit 0"));
    assert_string_equal(rig_call(&rig, "XLEN", "t:jobs:any"), "0");
}

static void where_the_run_directory_was_there_before_nothing_starts(void **state) {
    struct err err;
    (void)state;
    put_plan("touch ran");
    assert_int_equal(rundir_make(run_dir, &err), 0);
    give(&start, "q:1:1");
    wait_for_claim("e:1:1");
    assert_true(is_told("truth_gone"));
    assert_false(is_there("ran"));
}

static void a_job_whose_plan_is_gone_ends_without_a_start(void **state) {
    (void)state;
    give(&start, "q:1:1");
    wait_for_claim("e:1:1");
    assert_true(is_told("not_started") && is_told("The plan of this deployment is gone"));
}

static void a_stop_ends_the_script(void **state) {
    struct job stop = start;
    (void)state;
    begin_a_run_that_waits();
    stop.kind = JOB_STOP;
    stop.host = "h1";
    give(&stop, NULL);
    wait_for_claim("e:1:1");
    assert_true(is_told("canceled"));
}

static void what_another_worker_left_behind_is_adopted_and_told(void **state) {
    struct job adopt = start;
    (void)state;
    begin_a_run_that_waits();
    worker_destroy(worker);
    worker_open();
    adopt.kind = JOB_ADOPT;
    adopt.epoch = 2;
    give(&adopt, "a:1:2");
    touch("go");
    wait_for_claim("e:1:2");
    assert_true(is_told("adopted") && is_told("exit 3"));
}

static void what_never_started_is_proved_by_the_directory_that_is_missing(void **state) {
    struct job adopt = start;
    (void)state;
    put_plan("touch ran");
    adopt.kind = JOB_ADOPT;
    adopt.epoch = 2;
    adopt.owner = worker_id(worker);
    give(&adopt, "a:1:2");
    wait_for_claim("e:1:2");
    assert_true(is_told("never_started"));
    assert_false(is_there("ran"));
}

/* --- when an end is put on disk --- */

static void an_end_that_is_told_at_once_is_not_put_on_disk(void **state) {
    (void)state;
    begin_a_run_that_waits();
    touch("go");
    wait_for_claim("e:1:1");
    assert_int_equal(syncs, 0);
}

static void an_end_that_cannot_be_told_is_put_on_disk(void **state) {
    (void)state;
    begin_a_run_that_waits();
    rig_server_kill(&rig);
    touch("go");
    rig_until(&rig, is_synced, NULL);
    rig_server_start(&rig);
    rig_ready(&rig);
    wait_for_claim("e:1:1");
    assert_true(is_told("exit 3"));
}

/* Even if it can't be told for the sake of its output, which comes first. */
static void an_end_whose_output_cannot_be_told_is_put_on_disk(void **state) {
    (void)state;
    put_plan("touch runs; while [ -e runs ] && [ ! -e go ]; do sleep 0.02; done; echo last words; exit 3");
    give(&start, "q:1:1");
    rig_until(&rig, is_there, "runs");
    rig_server_kill(&rig);
    touch("go");
    rig_until(&rig, is_synced, NULL);
    rig_server_start(&rig);
    rig_ready(&rig);
    wait_for_claim("e:1:1");
}

static void what_is_let_go_of_is_put_on_disk(void **state) {
    (void)state;
    begin_a_run_that_waits();
    assert_int_equal(syncs, 0);
    worker_destroy(worker);
    worker = NULL;
    assert_int_equal(syncs, 1);
    touch("go");
    rig_until(&rig, has_end, NULL);
}

static int programs_find(void **state) {
    const char *build = getenv("GUIDEPOST_BUILD");
    char self[2048];
    ssize_t size = readlink("/proc/self/exe", self, sizeof self - 1);
    (void)state;
    if (size < 0) {
        return -1;
    }
    self[size] = '\0';
    if (build != NULL) {
        (void)snprintf(step_program, sizeof step_program, "%s/guidepost-step", build);
    } else { /* the test lies in <build>/tests/unit */
        (void)snprintf(step_program, sizeof step_program, "%.*s/../../guidepost-step", (int)(strrchr(self, '/') - self),
                       self);
    }
    return access(step_program, X_OK);
}

#define worker_test(name) cmocka_unit_test_setup_teardown(name, stage_open, stage_close)

int main(void) {
    const struct CMUnitTest tests[] = {
        worker_test(a_job_is_claimed_run_and_told),
        worker_test(a_job_that_is_given_twice_starts_once),
        worker_test(where_the_run_directory_was_there_before_nothing_starts),
        worker_test(a_job_whose_plan_is_gone_ends_without_a_start),
        worker_test(a_stop_ends_the_script),
        worker_test(what_another_worker_left_behind_is_adopted_and_told),
        worker_test(what_never_started_is_proved_by_the_directory_that_is_missing),
        worker_test(an_end_that_is_told_at_once_is_not_put_on_disk),
        worker_test(an_end_that_cannot_be_told_is_put_on_disk),
        worker_test(an_end_whose_output_cannot_be_told_is_put_on_disk),
        worker_test(what_is_let_go_of_is_put_on_disk),
    };
    return cmocka_run_group_tests(tests, programs_find, NULL);
}
