/* What a store thinks of its redis-server: whether it is set up well, and whether it went back in time. */

#include "fakes/store_test.h"

#include <stdio.h>

/* A commit that counts in `key`. */
static struct commit *counting(const char *event_id, const char *key) {
    struct commit *commit = commit_create(rig.store, event_id);
    commit_add(commit, "INCRBY", key, "1");
    return commit;
}

/* --- start-up checks --- */

struct verdict {
    int ready, refused, weak;
    struct err err;
    char weakness[ERR_TEXT_SIZE];
};

static void verdict_ready(void *user) {
    ((struct verdict *)user)->ready++;
}

static void verdict_refused(const struct err *err, void *user) {
    ((struct verdict *)user)->refused++;
    ((struct verdict *)user)->err = *err;
}

static void verdict_weak(const char *text, void *user) {
    ((struct verdict *)user)->weak++;
    (void)snprintf(((struct verdict *)user)->weakness, ERR_TEXT_SIZE, "%s", text);
}

static bool has_verdict(void *user) {
    const struct verdict *verdict = user;
    return verdict->ready + verdict->refused > 0;
}

static bool has_become_ready(void *user) {
    return ((struct verdict *)user)->ready > 0;
}

static struct store *open_judged(struct verdict *verdict, bool accept_loss, const char *witness) {
    struct store *store = NULL;
    struct err err = {0};
    *verdict = (struct verdict){0};
    const struct store_options options = {
        .url = rig.url,
        .prefix = "t:",
        .accept_loss = accept_loss,
        .witness_path = witness,
        .ready = verdict_ready,
        .refused = verdict_refused,
        .weak = verdict_weak,
        .user = verdict,
    };
    assert_int_equal(store_create(rig.loop, &options, &store, &err), 0);
    rig_until(&rig, has_verdict, verdict);
    return store;
}

static void weak_settings_are_refused_with_the_lines_to_write(void **state) {
    (void)state;
    static const struct {
        const char *name, *weak, *strong;
    } cases[] = {
        {"appendonly", "no", "yes"},
        {"appendfsync", "everysec", "always"},
        {"no-appendfsync-on-rewrite", "yes", "no"},
        {"maxmemory-policy", "allkeys-lru", "noeviction"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct verdict verdict;
        char line[64];
        (void)snprintf(line, sizeof line, "\n%s %s", cases[i].name, cases[i].strong);
        (void)rig_call(&rig, "CONFIG", "SET", cases[i].name, cases[i].weak);
        struct store *store = open_judged(&verdict, false, NULL);
        assert_int_equal(verdict.ready, 0);
        assert_false(store_is_ready(store));
        assert_int_equal(verdict.err.code, ERR_INVALID);
        assert_non_null(strstr(verdict.err.text, line));
        store_destroy(store);

        store = open_judged(&verdict, true, NULL);
        assert_int_equal(verdict.ready, 1);
        assert_int_equal(verdict.refused, 0);
        assert_int_equal(verdict.weak, 1);
        assert_non_null(strstr(verdict.weakness, line));
        store_destroy(store);
        (void)rig_call(&rig, "CONFIG", "SET", cases[i].name, cases[i].strong);
    }
}

static void settings_that_were_put_right_are_found_without_a_restart(void **state) {
    (void)state;
    struct verdict verdict;
    (void)rig_call(&rig, "CONFIG", "SET", "appendfsync", "everysec");
    struct store *store = open_judged(&verdict, false, NULL);
    rig_run_ms(&rig, 1200);
    assert_int_equal(verdict.refused, 1); /* told once */
    (void)rig_call(&rig, "CONFIG", "SET", "appendfsync", "always");
    rig_until(&rig, has_become_ready, &verdict);
    store_destroy(store);
}

static void nothing_is_recorded_while_redis_is_refused(void **state) {
    (void)state;
    struct verdict verdict;
    (void)rig_call(&rig, "CONFIG", "SET", "appendonly", "no");
    struct store *store = open_judged(&verdict, false, NULL);
    struct rig_result result = {0};
    struct commit *commit = commit_create(store, NULL);
    commit_add(commit, "SET", "a", "1");
    commit_send(commit, rig_committed, &result);
    rig_run_ms(&rig, 200);
    assert_false(result.came);
    store_destroy(store);
    assert_int_equal(result.result, COMMIT_UNAVAILABLE);
    assert_string_equal(rig_call(&rig, "EXISTS", "t:a"), "0");
}

/* --- a state that went back in time --- */

static void confirmed(uint64_t lost, const struct err *err, void *user) {
    assert_null(err);
    *(int64_t *)user = (int64_t)lost;
}

static bool is_confirmed(void *user) {
    return *(int64_t *)user >= 0;
}

static uint64_t confirm(struct store *store) {
    int64_t lost = -1;
    store_confirm_rollback(store, "alice", "cli", confirmed, &lost);
    assert_int_equal(lost, -1);
    rig_until(&rig, is_confirmed, &lost);
    return (uint64_t)lost;
}

static void lost_commits_stop_everything_until_a_person_has_seen_it(void **state) {
    (void)state;
    struct verdict verdict;
    char path[128];
    (void)snprintf(path, sizeof path, "%s/witness", rig.directory);
    struct store *store = open_judged(&verdict, false, path);
    for (int i = 0; i < 5; i++) {
        struct rig_result result = {0};
        commit_send(commit_create(store, NULL), rig_committed, &result);
        assert_int_equal(rig_wait(&rig, &result), COMMIT_DONE);
    }
    store_destroy(store);

    (void)rig_call(&rig, "SET", "t:seq", "2");
    store = open_judged(&verdict, false, path);
    assert_int_equal(verdict.ready, 0);
    assert_int_equal(verdict.err.code, ERR_CONFLICT);
    assert_non_null(strstr(verdict.err.text, "lost 3 commits"));
    rig_run_ms(&rig, 1200);
    assert_int_equal(verdict.ready, 0);
    assert_int_equal(verdict.refused, 1);

    assert_int_equal(store_lost_commits(store), 3);
    assert_int_equal(confirm(store), 3);
    rig_until(&rig, has_become_ready, &verdict);
    assert_int_equal(store_lost_commits(store), 0);
    assert_int_equal(confirm(store), 0);
    struct rig_result result = {0};
    commit_send(commit_create(store, NULL), rig_committed, &result);
    assert_int_equal(rig_wait(&rig, &result), COMMIT_DONE);
    store_destroy(store);

    store = open_judged(&verdict, false, path);
    assert_int_equal(verdict.ready, 1);
    store_destroy(store);
}

static void commits_of_all_are_held_up_until_the_loss_is_confirmed(void **state) {
    (void)state;
    struct verdict verdict;
    struct rig_result result = {0};
    char path[128];
    (void)snprintf(path, sizeof path, "%s/witness", rig.directory);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fprintf(file, "%020d\n", 50) > 0);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(rig_send(&rig, commit_create(rig.store, NULL)).result, COMMIT_DONE);

    /* Another process knows better than we. */
    struct store *store = open_judged(&verdict, false, path);
    assert_int_equal(verdict.ready, 0);
    commit_send(counting(NULL, "a"), rig_committed, &result);
    assert_int_equal(rig_wait(&rig, &result), COMMIT_UNAVAILABLE);
    assert_string_equal(rig_call(&rig, "EXISTS", "t:a"), "0");
    assert_false(store_is_ready(rig.store));
    assert_int_equal(store_lost_commits(rig.store), 49);

    (void)rig_call(&rig, "ZADD", "t:live", "7", "7");
    (void)rig_call(&rig, "HSET", "t:ids", "deployment", "7", "question", "3");
    assert_int_equal(confirm(rig.store), 49);
    rig_until(&rig, has_become_ready, &verdict);
    rig_ready(&rig);
    assert_int_equal(rig_send(&rig, counting(NULL, "a")).result, COMMIT_DONE);
    assert_string_equal(rig_call(&rig, "EXISTS", "t:rollback"), "0");
    /* Numbers of what was lost are not given again, and the leader hears of what is live. */
    assert_string_equal(rig_call(&rig, "HMGET", "t:ids", "deployment", "question"), "1056 1052");
    const char *entry = rig_call(&rig, "XRANGE", "t:inbox", "-", "+");
    assert_non_null(strstr(entry, "event rolled_back deployment 7 at "));
    assert_non_null(strstr(entry, "actor alice via cli note Redis lost 49 commits"));
    store_destroy(store);
}

static void who_commits_nothing_remembers_what_others_did(void **state) {
    (void)state;
    struct verdict verdict;
    struct store *idle = open_judged(&verdict, false, NULL);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(rig_send(&rig, commit_create(rig.store, NULL)).result, COMMIT_DONE);
    }
    rig_run_ms(&rig, 1500);
    (void)rig_call(&rig, "SET", "t:seq", "2");
    rig_run_ms(&rig, 1500);
    assert_int_equal(verdict.err.code, ERR_CONFLICT);
    assert_int_equal(store_lost_commits(idle), 3);
    store_destroy(idle);
}

static void a_rollback_under_a_running_process_is_noticed(void **state) {
    (void)state;
    struct verdict verdict;
    struct store *store = open_judged(&verdict, false, NULL);
    for (int i = 0; i < 5; i++) {
        struct rig_result result = {0};
        commit_send(commit_create(store, NULL), rig_committed, &result);
        (void)rig_wait(&rig, &result);
    }
    (void)rig_call(&rig, "FLUSHALL");
    struct rig_result result = {0};
    commit_send(commit_create(store, NULL), rig_committed, &result);
    (void)rig_wait(&rig, &result);
    verdict.ready = 0;
    rig_until(&rig, has_verdict, &verdict);
    assert_int_equal(verdict.err.code, ERR_CONFLICT);
    assert_false(store_is_ready(store));
    store_destroy(store);
}

static void a_witness_that_cannot_be_kept_is_an_error(void **state) {
    (void)state;
    struct store *store = NULL;
    struct err err = {0};
    const struct store_options options = {.url = rig.url, .prefix = "t:", .witness_path = "/nowhere/witness"};
    assert_int_equal(store_create(rig.loop, &options, &store, &err), -ERR_IO);
    assert_non_null(strstr(err.text, "/nowhere/witness"));
    const struct store_options wrong = {.url = "http://redis", .prefix = "t:"};
    assert_int_equal(store_create(rig.loop, &wrong, &store, &err), -ERR_INVALID);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        store_test(weak_settings_are_refused_with_the_lines_to_write),
        store_test(settings_that_were_put_right_are_found_without_a_restart),
        store_test(nothing_is_recorded_while_redis_is_refused),
        store_test(lost_commits_stop_everything_until_a_person_has_seen_it),
        store_test(commits_of_all_are_held_up_until_the_loss_is_confirmed),
        store_test(who_commits_nothing_remembers_what_others_did),
        store_test(a_rollback_under_a_running_process_is_noticed),
        store_test(a_witness_that_cannot_be_kept_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
