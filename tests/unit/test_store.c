/* Commits against a real redis-server that dies, is stopped, or forgets. */

#include "fakes/store_test.h"

#include <signal.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/limits.h"

/* A commit that counts in `key`. */
static struct commit *counting(const char *event_id, const char *key) {
    struct commit *commit = commit_create(rig.store, event_id);
    commit_add(commit, "INCRBY", key, "1");
    return commit;
}

/* --- what a commit does --- */

static void a_commit_writes_all_and_counts(void **state) {
    (void)state;
    struct commit *commit = counting(NULL, "a");
    static const char bytes[] = "with\0zero";
    const char *const value[] = {"f", bytes};
    const size_t sizes[] = {1, sizeof bytes};
    commit_op(commit, "HSET", "h", 2, value, sizes);
    commit_add(commit, "XADD", "stream", "*", "k", "two\nlines");
    commit_add(commit, "SET", "gone", "x");
    commit_del(commit, "gone");
    assert_int_equal(rig_send(&rig, commit).result, COMMIT_DONE);
    assert_string_equal(rig_call(&rig, "GET", "t:a"), "1");
    assert_string_equal(rig_call(&rig, "HSTRLEN", "t:h", "f"), "10");
    assert_string_equal(rig_call(&rig, "XLEN", "t:stream"), "1");
    assert_string_equal(rig_call(&rig, "EXISTS", "t:gone"), "0");
    assert_string_equal(rig_call(&rig, "GET", "t:seq"), "1");
    assert_int_equal(rig_send(&rig, commit_create(rig.store, NULL)).result, COMMIT_DONE);
    assert_string_equal(rig_call(&rig, "GET", "t:seq"), "2");
}

static void a_precondition_that_does_not_hold_is_named_and_nothing_is_written(void **state) {
    (void)state;
    (void)rig_call(&rig, "SET", "t:value", "blue");
    (void)rig_call(&rig, "HSET", "t:hash", "field", "old", "empty", "");
    static const struct {
        const char *key, *field, *expected;
        bool holds;
        const char *found;
    } cases[] = {
        {"value", "", "blue", true, ""},
        {"value", "", "red", false, "blue"},
        {"value", "", NULL, false, "blue"},
        {"none", "", NULL, true, ""},
        {"none", "", "", true, ""},
        {"none", "", "x", false, ""},
        {"hash", "field", "old", true, ""},
        {"hash", "field", "", false, "old"},
        {"hash", "none", "", true, ""},
        {"hash", "empty", NULL, true, ""},
        {"hash", "none", "x", false, ""},
        {"none", "none", NULL, true, ""},
        {"hash", "field", "oldest", false, "old"},
    };
    int done = 0;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct commit *commit = counting(NULL, "count");
        assert_int_equal(commit_require_value(commit, "value", "blue"), 0);
        assert_int_equal(commit_require_field(commit, cases[i].key, cases[i].field, cases[i].expected), 1);
        struct rig_result result = rig_send(&rig, commit);
        assert_int_equal(result.result, cases[i].holds ? COMMIT_DONE : COMMIT_REFUSED);
        assert_string_equal(result.found, cases[i].found);
        done += cases[i].holds;
    }
    char expected[8];
    (void)snprintf(expected, sizeof expected, "%d", done);
    assert_string_equal(rig_call(&rig, "GET", "t:count"), expected);
    assert_string_equal(rig_call(&rig, "GET", "t:seq"), expected);
}

struct noted {
    bool came, again;
    size_t precondition;
    enum commit_result result;
    uint64_t seq;
    char note[64];
};

static void note_came(const struct commit_reply *reply, void *user) {
    *(struct noted *)user = (struct noted){true, reply->again, reply->precondition, reply->result, reply->seq, ""};
    (void)snprintf(((struct noted *)user)->note, sizeof((struct noted *)user)->note, "%s", reply->note);
}

static bool noted_came(void *user) {
    return ((struct noted *)user)->came;
}

static void the_same_event_is_done_once_and_told_the_same_again(void **state) {
    (void)state;
    struct noted first = {0};
    struct noted second = {0};
    struct commit *commit = counting("slack:Ev1", "a");
    commit_note(commit, "D311 and more\n");
    commit_send(commit, note_came, &first);
    commit = counting("slack:Ev1", "a");
    commit_note(commit, "D312");
    (void)commit_require_value(commit, "a", "never looked at");
    commit_send(commit, note_came, &second);
    rig_until(&rig, noted_came, &second);
    assert_true(first.came);
    assert_int_equal(first.result, COMMIT_DONE);
    assert_false(first.again);
    assert_int_equal(second.result, COMMIT_DONE);
    assert_true(second.again);
    assert_string_equal(second.note, "D311 and more\n");
    assert_int_equal(second.seq, first.seq);
    assert_string_equal(rig_call(&rig, "GET", "t:a"), "1");
    assert_true(atoll(rig_call(&rig, "TTL", "t:done:slack:Ev1")) > LIMIT_DONE_SECONDS - 60);
}

static void a_refusal_is_not_remembered(void **state) {
    (void)state;
    struct commit *commit = counting("e1", "a");
    (void)commit_require_value(commit, "door", "open");
    assert_int_equal(rig_send(&rig, commit).result, COMMIT_REFUSED);
    (void)rig_call(&rig, "SET", "t:door", "open");
    commit = counting("e1", "a");
    (void)commit_require_value(commit, "door", "open");
    assert_int_equal(rig_send(&rig, commit).result, COMMIT_DONE);
}

static void an_event_is_remembered_as_long_as_asked(void **state) {
    (void)state;
    struct commit *commit = counting("e1", "a");
    commit_remember(commit, 100);
    (void)rig_send(&rig, commit);
    assert_true(atoll(rig_call(&rig, "TTL", "t:done:e1")) <= 100);
}

static void a_large_commit_is_one_commit(void **state) {
    (void)state;
    struct commit *commit = commit_create(rig.store, NULL);
    for (int i = 0; i < LIMIT_COMMIT_OPS; i++) {
        commit_add(commit, "RPUSH", "list", "some value that is not short at all");
    }
    assert_int_equal(rig_send(&rig, commit).result, COMMIT_DONE);
    assert_string_equal(rig_call(&rig, "LLEN", "t:list"), "4000");
    assert_string_equal(rig_call(&rig, "GET", "t:seq"), "1");
}

/* --- Redis dies --- */

enum { BURST = 200 };

static bool all_came(void *user) {
    const struct rig_result *results = user;
    for (int i = 0; i < BURST; i++) {
        if (!results[i].came) {
            return false;
        }
    }
    return true;
}

static struct rig_result *send_burst(void) {
    static struct rig_result results[BURST];
    memset(results, 0, sizeof results);
    for (int i = 0; i < BURST; i++) {
        char field[16];
        (void)snprintf(field, sizeof field, "%d", i);
        struct commit *commit = commit_create(rig.store, i % 2 == 0 ? NULL : field);
        commit_add(commit, "HINCRBY", "counts", field, "1");
        commit_send(commit, rig_committed, &results[i]);
    }
    return results;
}

/* What was said to be done is there once; nothing is there twice; and after a restart in time everything is done. */
static void a_kill_with_commits_under_way_loses_and_doubles_nothing(void **state) {
    (void)state;
    for (int round = 0; round < 15; round++) {
        (void)rig_call(&rig, "DEL", "t:counts");
        for (int i = 1; i < BURST; i += 2) {
            char key[32];
            (void)snprintf(key, sizeof key, "t:done:%d", i);
            (void)rig_call(&rig, "DEL", key);
        }
        struct rig_result *results = send_burst();
        rig_run_ms(&rig, round % 5);
        rig_server_kill(&rig);
        rig_run_ms(&rig, 20);
        rig_server_start(&rig);
        rig_until(&rig, all_came, results);
        rig_ready(&rig);
        for (int i = 0; i < BURST; i++) {
            char field[16];
            (void)snprintf(field, sizeof field, "%d", i);
            assert_int_equal(results[i].result, COMMIT_DONE);
            assert_false(results[i].again);
            assert_string_equal(rig_call(&rig, "HGET", "t:counts", field), "1");
        }
    }
}

static void a_commit_waits_for_redis_to_come_back(void **state) {
    (void)state;
    rig_server_kill(&rig);
    rig_run_ms(&rig, 50);
    assert_false(store_is_ready(rig.store));
    struct rig_result result = {0};
    commit_send(counting(NULL, "a"), rig_committed, &result);
    rig_run_ms(&rig, 100);
    assert_false(result.came);
    rig_server_start(&rig);
    assert_int_equal(rig_wait(&rig, &result), COMMIT_DONE);
    assert_string_equal(rig_call(&rig, "GET", "t:a"), "1");
}

static void a_stopped_redis_is_told_honestly(void **state) {
    (void)state;
    struct rig_result before = {0};
    struct rig_result after = {0};
    int64_t since_ms = clock_monotonic_ms();
    assert_int_equal(kill(rig.server, SIGSTOP), 0);
    commit_send(counting(NULL, "before"), rig_committed, &before);
    rig_run_ms(&rig, LIMIT_REDIS_SILENCE_MS + 500);
    commit_send(counting(NULL, "after"), rig_committed, &after);
    assert_int_equal(rig_wait(&rig, &before), COMMIT_UNKNOWN);
    int64_t waited_ms = clock_monotonic_ms() - since_ms;
    assert_true(waited_ms >= LIMIT_COMMIT_MS && waited_ms < LIMIT_COMMIT_MS + 5000);
    assert_int_equal(rig_wait(&rig, &after), COMMIT_UNAVAILABLE);
    assert_int_equal(kill(rig.server, SIGCONT), 0);
    rig_ready(&rig);
    assert_string_equal(rig_call(&rig, "EXISTS", "t:after"), "0");
}

static void a_stop_that_is_short_is_only_a_delay(void **state) {
    (void)state;
    struct rig_result *results;
    assert_int_equal(kill(rig.server, SIGSTOP), 0);
    results = send_burst();
    rig_run_ms(&rig, LIMIT_REDIS_SILENCE_MS + 1000); /* the connection was given up, and there is a new one */
    assert_int_equal(kill(rig.server, SIGCONT), 0);
    rig_until(&rig, all_came, results);
    for (int i = 0; i < BURST; i++) {
        char field[16];
        (void)snprintf(field, sizeof field, "%d", i);
        assert_int_equal(results[i].result, COMMIT_DONE);
        assert_string_equal(rig_call(&rig, "HGET", "t:counts", field), "1");
    }
}

static void a_destroyed_store_completes_what_was_under_way(void **state) {
    (void)state;
    struct store *other = rig_open_store(&rig);
    struct rig_result never = {0};
    struct rig_result maybe = {0};
    commit_send(commit_create(other, NULL), rig_committed, &never);
    store_destroy(other);
    assert_true(never.came);
    assert_int_equal(never.result, COMMIT_UNAVAILABLE);

    other = rig_open_store(&rig);
    while (!store_is_ready(other)) {
        rig_run_ms(&rig, 1);
    }
    commit_send(commit_create(other, NULL), rig_committed, &maybe);
    store_destroy(other);
    assert_true(maybe.came);
    assert_int_equal(maybe.result, COMMIT_UNKNOWN);
}

/* --- Redis refuses --- */

static void a_forgotten_script_is_loaded_again(void **state) {
    (void)state;
    (void)rig_call(&rig, "SCRIPT", "FLUSH");
    assert_int_equal(rig_send(&rig, counting(NULL, "a")).result, COMMIT_DONE);
    assert_string_equal(rig_call(&rig, "GET", "t:a"), "1");
}

static void a_full_redis_records_nothing_and_says_so(void **state) {
    (void)state;
    (void)rig_call(&rig, "CONFIG", "SET", "maxmemory", "1");
    struct commit *commit = counting("e1", "a");
    assert_int_equal(rig_send(&rig, commit).result, COMMIT_UNAVAILABLE);
    (void)rig_call(&rig, "CONFIG", "SET", "maxmemory", "0");
    assert_string_equal(rig_call(&rig, "EXISTS", "t:a", "t:seq"), "0");
    assert_int_equal(rig_send(&rig, counting("e1", "a")).result, COMMIT_DONE);
}

static void a_write_that_fails_in_the_middle_is_unknown(void **state) {
    (void)state;
    (void)rig_call(&rig, "SET", "t:text", "x");
    struct commit *commit = counting(NULL, "a");
    commit_add(commit, "HSET", "text", "f", "v");
    assert_int_equal(rig_send(&rig, commit).result, COMMIT_UNKNOWN);
}

static void a_replica_that_does_not_write_is_unavailable(void **state) {
    (void)state;
    (void)rig_call(&rig, "REPLICAOF", "127.0.0.1", "1");
    assert_int_equal(rig_send(&rig, counting(NULL, "a")).result, COMMIT_UNAVAILABLE);
    (void)rig_call(&rig, "REPLICAOF", "NO", "ONE");
    assert_int_equal(rig_send(&rig, counting(NULL, "a")).result, COMMIT_DONE);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        store_test(a_commit_writes_all_and_counts),
        store_test(a_precondition_that_does_not_hold_is_named_and_nothing_is_written),
        store_test(the_same_event_is_done_once_and_told_the_same_again),
        store_test(a_refusal_is_not_remembered),
        store_test(an_event_is_remembered_as_long_as_asked),
        store_test(a_large_commit_is_one_commit),
        store_test(a_kill_with_commits_under_way_loses_and_doubles_nothing),
        store_test(a_commit_waits_for_redis_to_come_back),
        store_test(a_stopped_redis_is_told_honestly),
        store_test(a_stop_that_is_short_is_only_a_delay),
        store_test(a_destroyed_store_completes_what_was_under_way),
        store_test(a_forgotten_script_is_loaded_again),
        store_test(a_full_redis_records_nothing_and_says_so),
        store_test(a_write_that_fails_in_the_middle_is_unknown),
        store_test(a_replica_that_does_not_write_is_unavailable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
