/* Deployments and their questions as they lie in a real Redis. */

#include "fakes/records_test.h"

#include "store/numbering.h"
#include "store/queue.h"

struct loaded {
    bool came;
    struct deployment_record *record;
    struct err err;
};

static void record_came(struct deployment_record *record, const struct err *err, void *user) {
    struct loaded *loaded = user;
    loaded->came = true;
    loaded->record = record;
    if (err != NULL) {
        loaded->err = *err;
    }
}

static bool is_loaded(void *user) {
    return ((struct loaded *)user)->came;
}

static size_t memory_of(const char *pattern) {
    static const char script[] = "local size = 0\n"
                                 "for _, key in ipairs(redis.call('KEYS', ARGV[1])) do\n"
                                 "    size = size + redis.call('MEMORY', 'USAGE', key, 'SAMPLES', '0')\n"
                                 "end\n"
                                 "return size\n";
    uint64_t size = 0;
    assert_int_equal(str_to_u64(rig_call(&rig, "EVAL", script, "0", pattern), &size, NULL), 0);
    return (size_t)size;
}

/* Nine runs, of which one failed and is asked about. The setting is that of the private redis-server. */
static void a_paused_deployment_takes_no_more_than_four_kilobytes(void **state) {
    (void)state;
    static const char worker[] = "build-7.example.com-1f2e3d4c-12345-a1b2c3d4";
    static const char *const parts[] = {"t:dep:1", "t:dep:1:runs", "t:dep:1:claims", "t:dep:1:questions", "t:q:1"};
    (void)rig_call(&rig, "CONFIG", "SET", "hash-max-listpack-value", "2048");
    struct deployment_record *record = create(make_plan(3, 3));
    struct deployment *d = record->deployment;
    give(d, &(struct event){.kind = EVENT_ADMITTED, .now_ms = 1700000000000});
    for (size_t i = 0; i < 6; i++) {
        size_t step = i / 3;
        size_t slot = i % 3;
        const struct run *run = deployment_run(d, step, slot);
        const struct job job = {.deployment = 1, .step = step, .slot = slot, .attempt = 1, .epoch = 1};
        struct event event = {.kind = EVENT_CLAIMED,
                              .now_ms = 1700000000000,
                              .step = step,
                              .slot = slot,
                              .attempt = run->attempt,
                              .epoch = run->epoch,
                              .worker = worker,
                              .host = "build-7.example.com"};
        struct rig_result result = {0};
        queue_claim(rig.store, &job, worker, event.host, event.now_ms, rig_committed, &result);
        assert_int_equal(rig_wait(&rig, &result), COMMIT_DONE);
        give(d, &event);
        event.kind = EVENT_ENDED;
        event.now_ms += 12345;
        event.outcome = (struct outcome){OUTCOME_EXIT, i == 5 ? 100 : 0};
        event.excerpt = "Reading package lists...\nE: Unable to fetch http://deb.example.com/pool/main/w/webshop.deb\n"
                        "E: You don't have enough free space in /var/cache/apt/archives/.";
        result = (struct rig_result){0};
        queue_end(rig.store, &job, worker, event.outcome, event.excerpt, event.now_ms, rig_committed, &result);
        assert_int_equal(rig_wait(&rig, &result), COMMIT_DONE);
        give(d, &event);
    }
    assert_int_equal(d->state, DEPLOYMENT_PAUSED);
    deployment_record_free(record);
    size_t all = memory_of("t:dep:1*") + memory_of("t:q:*") + memory_of("t:pending");
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        print_message("  %-20s %zu bytes\n", parts[i], memory_of(parts[i]));
    }
    print_message(
        "a paused deployment with 9 runs: %zu bytes, its plan %zu, its audit %zu, markers %zu for 10 minutes\n", all,
        memory_of("t:plan:*"), memory_of("t:audit:*"), memory_of("t:done:*"));
    assert_in_range(all, 1, 4096);
}

static void after_every_commit_the_stored_deployment_is_the_leaders(void **state) {
    (void)state;
    struct plan *plan = make_plan(3, 2);
    plan->steps[0].guided.answer_within_ms = 600000;
    plan->steps[0].guided.fail_unanswered = true;
    plan->steps[0].guided.max_retries = 1;
    struct deployment_record *record = create(plan);
    struct deployment *d = record->deployment;
    give(d, &(struct event){.kind = EVENT_ADMITTED, .now_ms = 1500});
    stored_assert_same(&rig, d);
    run_to_end(d, 0, 0, 0);
    stored_assert_same(&rig, d);
    run_to_end(d, 0, 1, 100);
    stored_assert_same(&rig, d);
    run_to_end(d, 0, 2, 7);
    stored_assert_same(&rig, d);
    assert_int_equal(d->state, DEPLOYMENT_PAUSED);
    struct new_answer retry = {
        .question = d->questions[0].id, .guidance = GUIDANCE_RETRY, .actor = "bob", .now_ms = 9000};
    lead_answer(d, &retry);
    stored_assert_same(&rig, d);
    run_to_end(d, 0, 1, 100);
    stored_assert_same(&rig, d);
    assert_non_null(d->questions[1].why_no_retry);
    struct new_answer ignore = {
        .question = d->questions[1].id, .guidance = GUIDANCE_IGNORE, .actor = "bob", .now_ms = 9000};
    lead_answer(d, &ignore);
    stored_assert_same(&rig, d);
    struct new_answer exclude = {
        .question = d->questions[0].id, .guidance = GUIDANCE_EXCLUDE, .actor = "bob", .now_ms = 9000};
    lead_answer(d, &exclude);
    stored_assert_same(&rig, d);
    assert_int_equal(d->excluded_count, 1);
    run_to_end(d, 1, 0, 0);
    run_to_end(d, 1, 1, 0);
    stored_assert_same(&rig, d);
    assert_int_equal(d->state, DEPLOYMENT_SUCCEEDED_WITH_WARNINGS);
    assert_string_equal(rig_call(&rig, "EXISTS", "t:lane:shop/production", "t:live"), "0");
    deployment_record_free(record);
}

static void a_large_deployment_is_read_whole(void **state) {
    (void)state;
    struct deployment_record *record = create(make_plan(1000, 20));
    struct deployment *d = record->deployment;
    for (size_t step = 0; step < 20; step++) {
        struct commit *commit = commit_create(rig.store, NULL);
        for (size_t slot = 0; slot < 1000; slot++) {
            struct run *run = deployment_run(d, step, slot);
            *run = (struct run){.state = RUN_SUCCEEDED, .attempt = 1, .epoch = 1, .worker = "w1", .host = "h1"};
            commit_put_run(commit, d, step, slot);
        }
        assert_int_equal(rig_commit(&rig, commit), COMMIT_DONE);
    }
    struct deployment_record *stored = rig_load(&rig, d->id);
    for (size_t step = 0; step < 20; step++) {
        assert_int_equal(stored->deployment->steps[step].by_state[RUN_SUCCEEDED], 1000);
    }
    deployment_record_free(stored);
    deployment_record_free(record);
}

static void what_is_not_there_is_not_found(void **state) {
    (void)state;
    struct loaded loaded = {0};
    store_load_deployment(rig.store, 7, record_came, &loaded);
    rig_until(&rig, is_loaded, &loaded);
    assert_int_equal(loaded.err.code, ERR_NOT_FOUND);
    assert_string_equal(loaded.err.text, "There is no deployment D7.");
    loaded = (struct loaded){0};
    store_load_question(rig.store, 7, record_came, &loaded);
    rig_until(&rig, is_loaded, &loaded);
    assert_int_equal(loaded.err.code, ERR_NOT_FOUND);
    loaded = (struct loaded){0};
    rig_server_kill(&rig);
    rig_run_ms(&rig, 30);
    store_load_question(rig.store, 7, record_came, &loaded);
    rig_until(&rig, is_loaded, &loaded);
    assert_int_equal(loaded.err.code, ERR_UNAVAILABLE);
}

static void a_question_leads_to_its_deployment(void **state) {
    (void)state;
    deployment_record_free(make_asking(1));
    struct deployment_record *record = make_asking(2);
    struct loaded loaded = {0};
    store_load_question(rig.store, 2, record_came, &loaded);
    rig_until(&rig, is_loaded, &loaded);
    assert_int_equal(loaded.record->deployment->id, 2);
    deployment_record_free(loaded.record);
    deployment_record_free(record);
}

static void what_is_broken_is_said_to_be_broken(void **state) {
    (void)state;
    static const char *const broken[][2] = {
        {"dep:%d:runs", "0.0"}, {"dep:%d:runs", "7.7"}, {"dep:%d", "state"}, {"dep:%d", "plan"}, {"q:%d", "step"}};
    for (size_t i = 0; i < sizeof broken / sizeof broken[0]; i++) {
        struct deployment_record *record = make_asking(1); /* its number is that of its question */
        struct loaded loaded = {0};
        char key[STORE_KEY_SIZE];
        (void)store_key(rig.store, key, broken[i][0], (int)record->deployment->id);
        (void)rig_call(&rig, "HSET", key, broken[i][1], "99");
        store_load_deployment(rig.store, record->deployment->id, record_came, &loaded);
        rig_until(&rig, is_loaded, &loaded);
        assert_null(loaded.record);
        assert_int_equal(loaded.err.code, ERR_IO);
        deployment_record_free(record);
    }
}

static bool seen;

static bool was_seen(void *user) {
    (void)user;
    return seen;
}

static void numbering_came(uint64_t next, const struct err *err, void *user) {
    assert_null(err);
    *(uint64_t *)user = next;
    seen = true;
}

static void questions_are_numbered_on(void **state) {
    (void)state;
    uint64_t next = 0;
    seen = false;
    store_load_numbering(rig.store, numbering_came, &next);
    rig_until(&rig, was_seen, NULL);
    assert_int_equal(next, 1);
    deployment_record_free(make_asking(3));
    seen = false;
    store_load_numbering(rig.store, numbering_came, &next);
    rig_until(&rig, was_seen, NULL);
    assert_int_equal(next, 4);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        records_test(a_paused_deployment_takes_no_more_than_four_kilobytes),
        records_test(after_every_commit_the_stored_deployment_is_the_leaders),
        records_test(a_large_deployment_is_read_whole),
        records_test(what_is_not_there_is_not_found),
        records_test(a_question_leads_to_its_deployment),
        records_test(what_is_broken_is_said_to_be_broken),
        records_test(questions_are_numbered_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
