/* Jobs and facts, against a real redis-server. */

#include "fakes/store_test.h"

#include <stdio.h>

#include "base/limits.h"
#include "base/str.h"
#include "store/queue.h"

/* Jobs that a reader was given. */
struct seen {
    struct job jobs[64];
    char entries[64][48], streams[64][64];
    size_t count, batches, wanted;
};

static void jobs_seen(const struct job *jobs, size_t count, void *user) {
    struct seen *seen = user;
    seen->batches++;
    for (size_t i = 0; i < count; i++) {
        assert_true(seen->count < 64);
        struct job *job = &seen->jobs[seen->count];
        *job = jobs[i];
        (void)snprintf(seen->entries[seen->count], 48, "%s", jobs[i].entry);
        (void)snprintf(seen->streams[seen->count], 64, "%s", jobs[i].stream);
        job->entry = seen->entries[seen->count];
        job->stream = seen->streams[seen->count];
        seen->count++;
    }
}

static bool seen_enough(void *user) {
    const struct seen *seen = user;
    return seen->count >= seen->wanted;
}

static void wait_for_jobs(struct seen *seen, size_t count) {
    seen->wanted = count;
    rig_until(&rig, seen_enough, seen);
    assert_int_equal(seen->count, count);
}

static const struct job start = {
    .kind = JOB_START,
    .deployment = 7,
    .step = 1,
    .slot = 2,
    .attempt = 3,
    .epoch = 4,
    .plan_hash = "abc",
    .version = "1.2.3",
    .actor = "alice",
};

static void set_claim(const char *claim) {
    (void)rig_call(&rig, "HSET", "t:dep:7:claims", "1.2", claim);
}

static const char *get_claim(void) {
    return rig_call(&rig, "HGET", "t:dep:7:claims", "1.2");
}

static void push(const struct job *job) {
    struct commit *commit = commit_create(rig.store, NULL);
    commit_push_job(commit, job);
    assert_int_equal(rig_commit(&rig, commit), COMMIT_DONE);
}

/* --- facts --- */

static enum commit_result claim_by(const char *worker, const struct job *job) {
    struct rig_result result = {0};
    queue_claim(rig.store, job, worker, "host", 1000, rig_committed, &result);
    return rig_wait(&rig, &result);
}

static enum commit_result end_by(const char *worker, const struct job *job) {
    struct rig_result result = {0};
    queue_end(rig.store, job, worker, (struct outcome){OUTCOME_EXIT, 100}, "E: Unable to fetch", 2000, rig_committed,
              &result);
    return rig_wait(&rig, &result);
}

static enum commit_result adopt_by(const char *worker, const struct job *job) {
    struct rig_result result = {0};
    queue_adopt(rig.store, job, worker, "host", 1500, rig_committed, &result);
    return rig_wait(&rig, &result);
}

static enum commit_result tell_by(const char *worker, const struct job *job, enum event_kind fact) {
    struct rig_result result = {0};
    queue_tell(rig.store, job, worker, "host", fact, NULL, 1500, rig_committed, &result);
    return rig_wait(&rig, &result);
}

static void of_two_workers_that_claim_one_wins(void **state) {
    struct rig_result results[2] = {0};
    (void)state;
    set_claim("q:3:4");
    queue_claim(rig.store, &start, "w1", "host", 1000, rig_committed, &results[0]);
    queue_claim(rig.store, &start, "w2", "host", 1000, rig_committed, &results[1]);
    assert_int_equal(rig_wait(&rig, &results[0]), COMMIT_DONE);
    assert_int_equal(rig_wait(&rig, &results[1]), COMMIT_REFUSED);
    assert_string_equal(results[1].found, "r:3:4:w1");
    assert_string_equal(get_claim(), "r:3:4:w1");
    assert_string_equal(rig_call(&rig, "SMEMBERS", "t:owned:w1"), "7:1.2");
    assert_string_equal(rig_call(&rig, "XLEN", "t:inbox"), "1");
}

static void a_claim_that_is_told_again_has_one_effect(void **state) {
    struct rig_result result = {0};
    (void)state;
    set_claim("q:3:4");
    assert_int_equal(claim_by("w1", &start), COMMIT_DONE);
    queue_claim(rig.store, &start, "w1", "host", 1001, rig_committed, &result);
    assert_int_equal(rig_wait(&rig, &result), COMMIT_DONE);
    assert_true(result.again);
    assert_string_equal(rig_call(&rig, "XLEN", "t:inbox"), "1");
}

static void forget_events(void) {
    (void)rig_call(&rig, "EVAL", "return redis.call('DEL', unpack(redis.call('KEYS', 't:done:*')))", "0");
}

static void a_claim_whose_event_is_forgotten_is_still_the_workers(void **state) {
    struct rig_result result = {0};
    (void)state;
    set_claim("q:3:4");
    assert_int_equal(claim_by("w1", &start), COMMIT_DONE);
    forget_events();
    queue_claim(rig.store, &start, "w1", "host", 1001, rig_committed, &result);
    assert_int_equal(rig_wait(&rig, &result), COMMIT_DONE);
    assert_true(result.again);
    assert_int_equal(claim_by("w2", &start), COMMIT_REFUSED);
    assert_string_equal(rig_call(&rig, "XLEN", "t:inbox"), "1");
}

static void an_end_whose_event_is_forgotten_is_still_told(void **state) {
    (void)state;
    set_claim("r:3:4:w1");
    assert_int_equal(end_by("w1", &start), COMMIT_DONE);
    forget_events();
    assert_int_equal(end_by("w1", &start), COMMIT_DONE);
    assert_string_equal(rig_call(&rig, "XLEN", "t:inbox"), "1");
}

static void a_fact_is_not_remembered_for_long(void **state) {
    (void)state;
    set_claim("q:3:4");
    assert_int_equal(claim_by("w1", &start), COMMIT_DONE);
    char key[256];
    int64_t seconds = 0;
    (void)snprintf(key, sizeof key, "%s", rig_call(&rig, "KEYS", "t:done:claim:*"));
    assert_int_equal(str_to_i64(rig_call(&rig, "TTL", key), &seconds, NULL), 0);
    assert_in_range(seconds, 1, LIMIT_FACT_SECONDS);
}

static void a_claim_under_another_attempt_or_epoch_is_refused(void **state) {
    static const char *const claims[] = {"q:3:5", "q:3:3", "q:4:4", "a:3:4", "e:3:4"};
    (void)state;
    for (size_t i = 0; i < sizeof claims / sizeof *claims; i++) {
        set_claim(claims[i]);
        assert_int_equal(claim_by("w1", &start), COMMIT_REFUSED);
        assert_string_equal(get_claim(), claims[i]);
    }
}

static void a_claim_is_refused_once_the_deployment_closes(void **state) {
    struct job cleanup = start;
    (void)state;
    set_claim("q:3:4");
    (void)rig_call(&rig, "HSET", "t:dep:7", "closing", "failing");
    assert_int_equal(claim_by("w1", &start), COMMIT_REFUSED);
    cleanup.closing = CLOSING_FAILING;
    assert_int_equal(claim_by("w1", &cleanup), COMMIT_DONE);
}

static void an_end_frees_the_run_and_tells_the_leader(void **state) {
    (void)state;
    set_claim("q:3:4");
    assert_int_equal(claim_by("w1", &start), COMMIT_DONE);
    assert_int_equal(end_by("w1", &start), COMMIT_DONE);
    assert_string_equal(get_claim(), "e:3:4");
    assert_string_equal(rig_call(&rig, "EXISTS", "t:owned:w1"), "0");
    const char *entry = rig_call(&rig, "XREVRANGE", "t:inbox", "+", "-", "COUNT", "1");
    assert_non_null(strstr(entry, "ended"));
    assert_non_null(strstr(entry, "exit 100"));
    assert_non_null(strstr(entry, "E: Unable to fetch"));
}

static void an_end_by_a_replaced_worker_is_refused(void **state) {
    struct job adopt = start;
    (void)state;
    set_claim("q:3:4");
    assert_int_equal(claim_by("w1", &start), COMMIT_DONE);
    set_claim("a:3:5");
    assert_int_equal(end_by("w1", &start), COMMIT_REFUSED);
    adopt.kind = JOB_ADOPT;
    adopt.epoch = 5;
    assert_int_equal(adopt_by("w2", &adopt), COMMIT_DONE);
    assert_string_equal(get_claim(), "r:3:5:w2");
    assert_int_equal(end_by("w1", &start), COMMIT_REFUSED);
    assert_int_equal(end_by("w2", &adopt), COMMIT_DONE);
}

static void a_fact_fits_every_claim_that_is_not_anothers(void **state) {
    static const struct {
        const char *claim;
        enum job_kind kind;
        enum commit_result result;
    } cases[] = {
        {"q:3:4", JOB_START, COMMIT_DONE},    {"a:3:4", JOB_ADOPT, COMMIT_DONE},
        {"q:3:4", JOB_ADOPT, COMMIT_DONE},    {"a:3:4", JOB_START, COMMIT_DONE},
        {"r:3:4:w1", JOB_START, COMMIT_DONE}, {"r:3:4:w2", JOB_START, COMMIT_REFUSED},
        {"a:3:5", JOB_ADOPT, COMMIT_REFUSED}, {"e:3:4", JOB_CHECK, COMMIT_REFUSED},
        {"q:4:4", JOB_START, COMMIT_REFUSED},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct job job = start;
        job.kind = cases[i].kind;
        (void)rig_call(&rig, "DEL", "t:done:truth_gone:7:1.2:3:4:w1:"); /* each case is the first time */
        set_claim(cases[i].claim);
        assert_int_equal(tell_by("w1", &job, EVENT_TRUTH_GONE), cases[i].result);
        assert_string_equal(get_claim(), cases[i].result == COMMIT_DONE ? "e:3:4" : cases[i].claim);
    }
}

/* A person may ask for a check as often as they like, and the epoch stays the same. */
static void an_attempt_that_is_checked_twice_can_be_adopted_twice(void **state) {
    struct job job = start;
    (void)state;
    job.kind = JOB_CHECK;
    job.stream = "control:h1";
    job.entry = "1-0";
    set_claim("a:3:4");
    assert_int_equal(adopt_by("w1", &job), COMMIT_DONE);
    assert_int_equal(adopt_by("w1", &job), COMMIT_DONE);
    set_claim("a:3:4");
    job.entry = "2-0";
    assert_int_equal(adopt_by("w1", &job), COMMIT_DONE);
    assert_string_equal(get_claim(), "r:3:4:w1");
    assert_string_equal(rig_call(&rig, "XLEN", "t:inbox"), "2");
}

static void facts_survive_that_redis_is_killed(void **state) {
    struct rig_result result = {0};
    (void)state;
    set_claim("q:3:4");
    rig_server_kill(&rig);
    queue_claim(rig.store, &start, "w1", "host", 1000, rig_committed, &result);
    rig_run_ms(&rig, 50);
    assert_false(result.came);
    rig_server_start(&rig);
    assert_int_equal(rig_wait(&rig, &result), COMMIT_DONE);
    assert_string_equal(get_claim(), "r:3:4:w1");
    assert_string_equal(rig_call(&rig, "XLEN", "t:inbox"), "1");
}

/* --- reading --- */

static void a_job_arrives_as_it_was_pushed_and_goes_with_its_claim(void **state) {
    struct seen seen = {0};
    struct job job = start;
    (void)state;
    job.prove_gone = true;
    job.closing = CLOSING_CANCELING;
    set_claim("q:3:4");
    (void)rig_call(&rig, "HSET", "t:dep:7", "closing", "canceling");
    struct job_reader *reader = job_reader_create(rig.loop, rig.store, "w1", "h1", jobs_seen, &seen);
    job_reader_want(reader, 5);
    push(&job);
    wait_for_jobs(&seen, 1);
    assert_int_equal(seen.jobs[0].kind, JOB_START);
    assert_int_equal(seen.jobs[0].deployment, 7);
    assert_int_equal(seen.jobs[0].step, 1);
    assert_int_equal(seen.jobs[0].slot, 2);
    assert_int_equal(seen.jobs[0].attempt, 3);
    assert_int_equal(seen.jobs[0].epoch, 4);
    assert_int_equal(seen.jobs[0].closing, CLOSING_CANCELING);
    assert_true(seen.jobs[0].prove_gone);
    assert_string_equal(seen.streams[0], "jobs:any");
    assert_int_equal(claim_by("w1", &seen.jobs[0]), COMMIT_DONE);
    assert_string_equal(rig_call(&rig, "XLEN", "t:jobs:any"), "0");
    assert_string_equal(rig_call(&rig, "XPENDING", "t:jobs:any", "workers"), "0 (nil) (nil) (nil)");
    job_reader_destroy(reader);
}

static void a_batch_is_asked_for_each_time(void **state) {
    struct seen seen = {0};
    (void)state;
    struct job_reader *reader = job_reader_create(rig.loop, rig.store, "w1", "h1", jobs_seen, &seen);
    for (int i = 0; i < 3; i++) {
        push(&start);
    }
    rig_run_ms(&rig, 50);
    assert_int_equal(seen.count, 0);
    job_reader_want(reader, 1);
    wait_for_jobs(&seen, 1);
    rig_run_ms(&rig, 50);
    assert_int_equal(seen.count, 1);
    job_reader_want(reader, 2);
    wait_for_jobs(&seen, 3);
    job_reader_destroy(reader);
}

static void a_busy_worker_hears_a_stop(void **state) {
    struct seen seen = {0};
    struct job stop = {.kind = JOB_STOP, .deployment = 7, .attempt = 1, .host = "h1"};
    (void)state;
    struct job_reader *reader = job_reader_create(rig.loop, rig.store, "w1", "h1", jobs_seen, &seen);
    job_reader_want(reader, 0);
    push(&stop);
    wait_for_jobs(&seen, 1);
    assert_int_equal(seen.jobs[0].kind, JOB_STOP);
    queue_acknowledge(rig.store, &seen.jobs[0]);
    rig_run_ms(&rig, 50);
    assert_string_equal(rig_call(&rig, "XLEN", "t:control:h1"), "0");
    job_reader_destroy(reader);
}

static void jobs_of_a_host_go_to_its_workers_only(void **state) {
    struct seen here = {0}, there = {0};
    struct job job = start;
    (void)state;
    struct job_reader *reader = job_reader_create(rig.loop, rig.store, "w1", "h1", jobs_seen, &here);
    struct job_reader *other = job_reader_create(rig.loop, rig.store, "w2", "h2", jobs_seen, &there);
    job_reader_want(reader, 9);
    job_reader_want(other, 9);
    rig_run_ms(&rig, 50);
    job.host = "h2";
    push(&job);
    wait_for_jobs(&there, 1);
    assert_int_equal(here.count, 0);
    job_reader_destroy(reader);
    job_reader_destroy(other);
}

/* What Redis noted as delivered, and the connection took away with it, is read after the next connect. */
static void a_job_whose_delivery_was_lost_is_read_again(void **state) {
    struct seen seen = {0};
    (void)state;
    push(&start);
    (void)rig_call(&rig, "XGROUP", "CREATE", "t:jobs:any", "workers", "0");
    (void)rig_call(&rig, "XREADGROUP", "GROUP", "workers", "w1", "STREAMS", "t:jobs:any", ">");
    struct job_reader *reader = job_reader_create(rig.loop, rig.store, "w1", "h1", jobs_seen, &seen);
    job_reader_want(reader, 1);
    wait_for_jobs(&seen, 1);
    job_reader_destroy(reader);
}

static void reading_goes_on_after_redis_was_killed(void **state) {
    struct seen seen = {0};
    (void)state;
    struct job_reader *reader = job_reader_create(rig.loop, rig.store, "w1", "h1", jobs_seen, &seen);
    job_reader_want(reader, 5);
    push(&start);
    wait_for_jobs(&seen, 1);
    job_reader_want(reader, 5);
    rig_run_ms(&rig, 20);
    rig_server_kill(&rig);
    rig_server_start(&rig);
    rig_run_ms(&rig, 20);
    rig_ready(&rig);
    push(&start);
    wait_for_jobs(&seen, 2);
    assert_string_equal(seen.entries[0], seen.entries[1]); /* not acknowledged: a worker that has it lets it go */
    job_reader_want(reader, 5);
    wait_for_jobs(&seen, 3);
    assert_string_not_equal(seen.entries[1], seen.entries[2]);
    job_reader_destroy(reader);
}

static void streams_that_were_lost_are_made_again(void **state) {
    struct seen seen = {0};
    (void)state;
    struct job_reader *reader = job_reader_create(rig.loop, rig.store, "w1", "h1", jobs_seen, &seen);
    job_reader_want(reader, 5);
    rig_run_ms(&rig, 50);
    (void)rig_call(&rig, "DEL", "t:jobs:any");
    push(&start);
    wait_for_jobs(&seen, 1);
    (void)rig_call(&rig, "DEL", "t:jobs:h1", "t:control:any");
    job_reader_want(reader, 5);
    push(&start);
    wait_for_jobs(&seen, 2);
    job_reader_destroy(reader);
}

/* --- presence --- */

static void workers_listed(const struct worker_info *workers, size_t count, const struct err *err, void *user) {
    assert_null(err);
    assert_int_equal(count, 1);
    assert_string_equal(workers[0].id, "w1");
    assert_string_equal(workers[0].host, "h1");
    assert_int_equal(workers[0].beat, 41);
    assert_int_equal(workers[0].slots, 8);
    assert_int_equal(workers[0].busy, 3);
    assert_true(workers[0].draining);
    *(bool *)user = true;
}

static void owned_listed(const struct owned_run *runs, size_t count, const struct err *err, void *user) {
    assert_null(err);
    assert_int_equal(count, 1);
    assert_int_equal(runs[0].deployment, 7);
    assert_int_equal(runs[0].step, 1);
    assert_int_equal(runs[0].slot, 2);
    *(bool *)user = true;
}

static bool is_true(void *user) {
    return *(bool *)user;
}

static void workers_and_what_they_own_are_listed(void **state) {
    bool listed = false, owned = false;
    struct rig_result gone = {0};
    (void)state;
    queue_beat(rig.store,
               &(struct worker_info){.id = "w1", .host = "h1", .beat = 41, .slots = 8, .busy = 3, .draining = true});
    store_list_workers(rig.store, workers_listed, &listed);
    rig_until(&rig, is_true, &listed);
    set_claim("q:3:4");
    assert_int_equal(claim_by("w1", &start), COMMIT_DONE);
    store_list_owned(rig.store, "w1", owned_listed, &owned);
    rig_until(&rig, is_true, &owned);
    queue_worker_gone(rig.store, "w1", rig_committed, &gone);
    assert_int_equal(rig_wait(&rig, &gone), COMMIT_DONE);
    assert_non_null(strstr(rig_call(&rig, "XRANGE", "t:inbox", "-", "+"), "gone w1"));
}

struct waits {
    int64_t until_ms;
    bool told;
};

static void waits_came(int64_t until_ms, void *user) {
    *(struct waits *)user = (struct waits){until_ms, true};
}

static bool waits_told(void *user) {
    return ((const struct waits *)user)->told;
}

static int64_t waits_until(uint64_t question) {
    struct waits waits = {0};
    store_question_waits(rig.store, question, waits_came, &waits);
    rig_until(&rig, waits_told, &waits);
    return waits.until_ms;
}

static void a_question_says_until_when_it_waits_for_its_target(void **state) {
    (void)state;
    assert_int_equal(waits_until(8), 0);
    (void)rig_call(&rig, "HSET", "t:q:8", "state", "open");
    assert_int_equal(waits_until(8), 0);
    (void)rig_call(&rig, "HSET", "t:q:8", "back_until", "1764000000000");
    assert_true(waits_until(8) == 1764000000000);
    (void)rig_call(&rig, "HSET", "t:q:8", "state", "closed");
    assert_int_equal(waits_until(8), 0);
    (void)rig_call(&rig, "SET", "t:q:9", "no hash");
    assert_int_equal(waits_until(9), -1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        store_test(of_two_workers_that_claim_one_wins),
        store_test(a_claim_that_is_told_again_has_one_effect),
        store_test(a_claim_whose_event_is_forgotten_is_still_the_workers),
        store_test(an_end_whose_event_is_forgotten_is_still_told),
        store_test(a_fact_is_not_remembered_for_long),
        store_test(a_claim_under_another_attempt_or_epoch_is_refused),
        store_test(a_claim_is_refused_once_the_deployment_closes),
        store_test(an_end_frees_the_run_and_tells_the_leader),
        store_test(an_end_by_a_replaced_worker_is_refused),
        store_test(a_fact_fits_every_claim_that_is_not_anothers),
        store_test(an_attempt_that_is_checked_twice_can_be_adopted_twice),
        store_test(facts_survive_that_redis_is_killed),
        store_test(a_job_arrives_as_it_was_pushed_and_goes_with_its_claim),
        store_test(a_batch_is_asked_for_each_time),
        store_test(a_busy_worker_hears_a_stop),
        store_test(jobs_of_a_host_go_to_its_workers_only),
        store_test(a_job_whose_delivery_was_lost_is_read_again),
        store_test(reading_goes_on_after_redis_was_killed),
        store_test(streams_that_were_lost_are_made_again),
        store_test(workers_and_what_they_own_are_listed),
        store_test(a_question_says_until_when_it_waits_for_its_target),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
