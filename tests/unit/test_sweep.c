/* Streams that lost what the hashes demand, against a real redis-server. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/str.h"
#include "fakes/store_rig.h"
#include "store/claim.h"
#include "store/codec_deployment.h"
#include "store/inbox.h"
#include "store/inbox_codec.h"
#include "store/records.h"

static struct store_rig rig;
static struct leadership *leadership;

static struct plan_target targets[] = {
    {.name = "web-1", .host = "h1"}, {.name = "web-2", .host = "h1"}, {.name = "web-3"}};
static uint32_t all_targets[] = {0, 1, 2};
static struct plan_step steps[] = {
    {
        .name = "Install packages",
        .script = "apt-get update",
        .max_parallel = 3,
        .targets = all_targets,
        .slot_count = 3,
        .guided = {.enabled = true, .fail_unanswered = true, .answer_within_ms = 60000},
    },
    {.name = "Tell", .script = "true", .max_parallel = 1, .on_worker = true, .slot_count = 1},
};
static const struct plan plan = {.project = "web",
                                 .environment = "production",
                                 .folder = "/",
                                 .targets = targets,
                                 .target_count = 3,
                                 .steps = steps,
                                 .step_count = 2};

/* --- a deployment in a state of the test's choice --- */

/* A new deployment whose word to the leader was read. */
static uint64_t create(void) {
    const struct new_deployment request = {
        .plan = &plan, .version = "1.2.3", .actor = "alice", .via = "cli", .guided_flag = -1, .now_ms = 1000};
    uint64_t id = rig_must_create(&rig, &request);
    assert_int_equal(id, 1);
    (void)rig_call(&rig, "DEL", "t:inbox");
    return id;
}

static void set_state(const char *state) {
    (void)rig_call(&rig, "HSET", "t:dep:1", "state", state);
}

static void set_run(const char *field, const struct run *run, const char *claim) {
    char text[RUN_TEXT_SIZE];
    run_encode(text, run);
    (void)rig_call(&rig, "HSET", "t:dep:1:runs", field, text);
    (void)rig_call(&rig, "HSET", "t:dep:1:claims", field, claim);
}

static void beat(const char *worker, const char *host) {
    queue_beat(rig.store, &(struct worker_info){.id = worker, .host = host, .beat = 1, .slots = 4});
}

/* --- a sweep --- */

struct swept {
    bool came, failed;
    struct sweep_counts counts;
};

static void sweep_came(const struct sweep_counts *counts, const struct err *err, void *user) {
    struct swept *swept = user;
    swept->came = true;
    swept->failed = err != NULL;
    swept->counts = *counts;
}

static bool has_come(void *user) {
    const struct swept *swept = user;
    return swept->came;
}

static struct sweep_counts sweep_behind(uint64_t after) {
    struct swept swept = {0};
    store_sweep(rig.store, leadership, after, sweep_came, &swept);
    rig_until(&rig, has_come, &swept);
    assert_false(swept.failed);
    return swept.counts;
}

static struct sweep_counts sweep(void) {
    return sweep_behind(SWEEP_ALL);
}

static void assert_clean(void) {
    struct sweep_counts counts = sweep();
    assert_int_equal(counts.jobs, 0);
    assert_int_equal(counts.lanes, 0);
    assert_int_equal(counts.entries, 0);
    assert_int_equal(counts.timers, 0);
}

/* --- what is put back --- */

static void a_lost_start_is_put_back_as_it_was(void **state) {
    (void)state;
    create();
    set_state("running");
    set_run("0.0", &(struct run){.state = RUN_QUEUED, .attempt = 1, .epoch = 1}, "q:1:1");
    set_run("0.2", &(struct run){.state = RUN_QUEUED, .attempt = 2, .epoch = 3}, "q:2:3");
    assert_int_equal(sweep().jobs, 2);
    const char *job = rig_call(&rig, "XRANGE", "t:jobs:h1", "-", "+");
    assert_non_null(strstr(job, "kind start deployment 1 attempt 1 epoch 1 host h1 plan "));
    assert_non_null(strstr(job, "version 1.2.3 actor alice"));
    job = rig_call(&rig, "XRANGE", "t:jobs:any", "-", "+");
    assert_non_null(strstr(job, "slot 2 attempt 2 epoch 3 plan "));
    assert_clean();
    assert_string_equal(rig_call(&rig, "XLEN", "t:jobs:any"), "1");
    (void)rig_call(&rig, "DEL", "t:jobs:any");
    assert_int_equal(sweep().jobs, 1);
}

static void a_retry_after_an_unknown_outcome_still_goes_to_the_host_that_can_tell(void **state) {
    (void)state;
    create();
    set_state("running");
    set_run("0.2",
            &(struct run){.state = RUN_QUEUED, .attempt = 2, .epoch = 3, .unknown = true, .worker = "w1", .host = "h9"},
            "q:2:3");
    assert_int_equal(sweep().jobs, 1);
    const char *job = rig_call(&rig, "XRANGE", "t:jobs:h9", "-", "+");
    assert_non_null(strstr(job, "prove_gone 1"));
    assert_clean();
}

static void a_start_that_a_closing_overtook_is_left_to_the_leader(void **state) {
    (void)state;
    create();
    set_state("running");
    (void)rig_call(&rig, "HSET", "t:dep:1", "closing", "failing");
    set_run("0.0", &(struct run){.state = RUN_QUEUED, .attempt = 1, .epoch = 1}, "q:1:1");
    assert_clean();
}

static void a_lost_adoption_is_put_back_and_gets_its_timer(void **state) {
    (void)state;
    create();
    set_state("running");
    set_run("0.1", &(struct run){.state = RUN_LOST, .attempt = 1, .epoch = 2, .worker = "w1", .host = "h1"}, "a:1:2");
    struct sweep_counts counts = sweep();
    assert_int_equal(counts.jobs, 1);
    assert_int_equal(counts.timers, 1);
    assert_non_null(strstr(rig_call(&rig, "XRANGE", "t:control:h1", "-", "+"), "kind adopt"));
    assert_non_null(strstr(rig_call(&rig, "ZRANGE", "t:timers", "0", "-1"), "truth_gone"));
    assert_clean();
}

static void a_queued_deployment_at_the_head_of_its_lane_is_told(void **state) {
    (void)state;
    create();
    assert_int_equal(sweep().lanes, 1);
    assert_non_null(strstr(rig_call(&rig, "XRANGE", "t:inbox", "-", "+"), "lane web/production"));
    (void)rig_call(&rig, "LPUSH", "t:lane:web/production", "99");
    assert_int_equal(sweep().lanes, 0);
}

static void what_waits_for_a_time_gets_its_timer_back(void **state) {
    (void)state;
    create();
    set_state("running");
    set_run("0.0", &(struct run){.state = RUN_DELAYED, .attempt = 1, .epoch = 1}, "e:1:1");
    set_run("0.1", &(struct run){.state = RUN_ASKING, .attempt = 1, .epoch = 1, .question = 5}, "e:1:1");
    const struct question question = {.id = 5,
                                      .step = 0,
                                      .slot = 1,
                                      .attempt = 1,
                                      .asked_ms = 1000,
                                      .deadline_ms = 777000,
                                      .options = GUIDANCE_FAIL,
                                      .card = 5,
                                      .error_key = "x",
                                      .excerpt = ""};
    struct commit *commit = commit_create(rig.store, NULL);
    struct arena *arena = arena_create();
    struct deployment d = {0};
    deployment_init(&d, &plan, arena);
    d.id = 1;
    commit_ask(commit, &d, &question);
    assert_int_equal(rig_commit(&rig, commit), COMMIT_DONE);
    arena_destroy(arena);
    assert_int_equal(sweep().timers, 2);
    assert_non_null(strstr(rig_call(&rig, "ZRANGE", "t:timers", "0", "-1"), "retry_due"));
    assert_string_equal(rig_call(&rig, "ZRANGE", "t:timers", "0", "0", "WITHSCORES"), "1:deadline:0:1:1:0:5 777000");
    assert_clean();
}

/* --- what is removed --- */

static void entries_whose_claim_moved_on_are_removed(void **state) {
    const struct job jobs[] = {
        {.kind = JOB_START, .deployment = 1, .slot = 0, .attempt = 1, .epoch = 1, .host = "h1"}, /* claimed */
        {.kind = JOB_START,
         .deployment = 50,
         .slot = 0,
         .attempt = 1,
         .epoch = 1,
         .host = "h1"},                                                             /* of a deployment that is gone */
        {.kind = JOB_STOP, .deployment = 1, .slot = 0, .attempt = 1, .host = "h1"}, /* still has a purpose */
        {.kind = JOB_STOP, .deployment = 1, .slot = 1, .attempt = 1, .host = "h1"}, /* of a run that has ended */
    };
    (void)state;
    create();
    set_state("running");
    beat("w1", "h1");
    set_run("0.0", &(struct run){.state = RUN_RUNNING, .attempt = 1, .epoch = 1, .worker = "w1", .host = "h1"},
            "r:1:1:w1");
    set_run("0.1", &(struct run){.state = RUN_SUCCEEDED, .attempt = 1, .epoch = 1}, "e:1:1");
    struct commit *commit = commit_create(rig.store, NULL);
    for (size_t i = 0; i < sizeof jobs / sizeof *jobs; i++) {
        commit_push_job(commit, &jobs[i]);
    }
    assert_int_equal(rig_commit(&rig, commit), COMMIT_DONE);
    assert_int_equal(sweep().entries, 3);
    assert_string_equal(rig_call(&rig, "XLEN", "t:jobs:h1"), "0");
    assert_string_equal(rig_call(&rig, "XLEN", "t:control:h1"), "1");
    assert_clean();
}

static void a_job_that_a_dead_worker_took_along_is_given_to_the_next(void **state) {
    (void)state;
    create();
    set_state("running");
    set_run("0.2", &(struct run){.state = RUN_QUEUED, .attempt = 1, .epoch = 1}, "q:1:1");
    assert_int_equal(sweep().jobs, 1);
    beat("w1", "h1");
    (void)rig_call(&rig, "XGROUP", "CREATE", "t:jobs:any", "workers", "0");
    (void)rig_call(&rig, "XREADGROUP", "GROUP", "workers", "w1", "STREAMS", "t:jobs:any", ">");
    assert_clean(); /* it may still claim it */
    (void)rig_call(&rig, "HDEL", "t:workers", "w1");
    assert_int_equal(sweep().jobs, 1);
    assert_string_equal(rig_call(&rig, "XLEN", "t:jobs:any"), "1");
    assert_string_equal(rig_call(&rig, "XPENDING", "t:jobs:any", "workers"), "0 (nil) (nil) (nil)");
    rig_run_ms(&rig, 20);
    assert_string_equal(rig_call(&rig, "XINFO", "CONSUMERS", "t:jobs:any", "workers"), "");
    assert_non_null(
        strstr(rig_call(&rig, "XREADGROUP", "GROUP", "workers", "w2", "STREAMS", "t:jobs:any", ">"), "kind start"));
}

static void a_run_whose_owner_nobody_knows_is_told(void **state) {
    (void)state;
    create();
    set_state("running");
    set_run("0.0", &(struct run){.state = RUN_RUNNING, .attempt = 1, .epoch = 1, .worker = "w1", .host = "h1"},
            "r:1:1:w1");
    beat("w1", "h1");
    assert_clean();
    (void)rig_call(&rig, "HDEL", "t:workers", "w1");
    assert_int_equal(sweep().entries, 1);
    assert_non_null(strstr(rig_call(&rig, "XRANGE", "t:inbox", "-", "+"), "gone w1"));
}

static void who_no_longer_leads_puts_nothing_back(void **state) {
    (void)state;
    create();
    set_state("running");
    set_run("0.0", &(struct run){.state = RUN_QUEUED, .attempt = 1, .epoch = 1}, "q:1:1");
    (void)rig_call(&rig, "HSET", "t:leader", "token", "somebody else");
    assert_int_equal(sweep().jobs, 0);
    assert_string_equal(rig_call(&rig, "XLEN", "t:jobs:h1"), "0");
}

/* Each of them lacks a job, so that the number of jobs says how many were looked at. */
static void paused_deployments_are_looked_at_in_turn(void **state) {
    enum { MORE = 7, RUNNING = LIMIT_SWEEP_PAUSED + 2 };
    char header[32], runs[40], claims[40], text[RUN_TEXT_SIZE];
    (void)state;
    run_encode(text, &(struct run){.state = RUN_QUEUED, .attempt = 1, .epoch = 1});
    for (uint64_t id = create(); id <= LIMIT_SWEEP_PAUSED + MORE; id++) {
        (void)snprintf(header, sizeof header, "t:dep:%d", (int)id);
        (void)snprintf(runs, sizeof runs, "%s:runs", header);
        (void)snprintf(claims, sizeof claims, "%s:claims", header);
        const struct new_deployment request = {
            .plan = &plan, .version = "1.2.3", .actor = "alice", .via = "cli", .guided_flag = -1, .now_ms = 1000};
        assert_true(id == 1 || rig_must_create(&rig, &request) == id);
        (void)rig_call(&rig, "HSET", header, "state", id == RUNNING ? "running" : "paused");
        (void)rig_call(&rig, "HSET", runs, "0.0", text);
        (void)rig_call(&rig, "HSET", claims, "0.0", "q:1:1");
    }
    struct sweep_counts counts = sweep_behind(0);
    assert_int_equal(counts.jobs, LIMIT_SWEEP_PAUSED + 1); /* What runs is always looked at. */
    assert_int_equal(counts.after, LIMIT_SWEEP_PAUSED);
    counts = sweep_behind(counts.after);
    assert_int_equal(counts.jobs, MORE - 1);
    assert_int_equal(counts.after, 0);
    (void)rig_call(&rig, "DEL", "t:jobs:h1");
    assert_int_equal(sweep().jobs, LIMIT_SWEEP_PAUSED + MORE);
}

/* Else a new leader's one look at everything that is paused would count as done. */
static void what_could_not_be_put_back_is_looked_at_again(void **state) {
    (void)state;
    create();
    set_state("paused");
    set_run("0.0", &(struct run){.state = RUN_QUEUED, .attempt = 1, .epoch = 1}, "q:1:1");
    (void)rig_call(&rig, "SET", "t:jobs:h1", "no stream");
    struct sweep_counts counts = sweep();
    assert_int_equal(counts.jobs, 0);
    assert_true(counts.after == SWEEP_ALL);
    (void)rig_call(&rig, "DEL", "t:jobs:h1");
    counts = sweep();
    assert_int_equal(counts.jobs, 1);
    assert_int_equal(counts.after, 0);
}

static void a_sweep_that_loses_redis_says_so(void **state) {
    struct swept swept = {0};
    (void)state;
    create();
    set_state("running");
    store_sweep(rig.store, leadership, SWEEP_ALL, sweep_came, &swept);
    rig_server_kill(&rig);
    rig_until(&rig, has_come, &swept);
    assert_true(swept.failed);
}

/* --- the rig --- */

static int open_rig(void **state) {
    (void)state;
    rig_open(&rig);
    leadership = rig_lead(&rig);
    return 0;
}

static int close_rig(void **state) {
    (void)state;
    leadership_destroy(leadership);
    rig_close(&rig);
    return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_rig, close_rig)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_lost_start_is_put_back_as_it_was),
        TEST(a_retry_after_an_unknown_outcome_still_goes_to_the_host_that_can_tell),
        TEST(a_start_that_a_closing_overtook_is_left_to_the_leader),
        TEST(a_lost_adoption_is_put_back_and_gets_its_timer),
        TEST(a_queued_deployment_at_the_head_of_its_lane_is_told),
        TEST(what_waits_for_a_time_gets_its_timer_back),
        TEST(entries_whose_claim_moved_on_are_removed),
        TEST(a_job_that_a_dead_worker_took_along_is_given_to_the_next),
        TEST(a_run_whose_owner_nobody_knows_is_told),
        TEST(who_no_longer_leads_puts_nothing_back),
        TEST(paused_deployments_are_looked_at_in_turn),
        TEST(what_could_not_be_put_back_is_looked_at_again),
        TEST(a_sweep_that_loses_redis_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
