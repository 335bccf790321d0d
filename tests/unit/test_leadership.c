/* Who leads, against a real redis-server. Several leaderships on stores of their own are several processes. */

#include "fakes/store_test.h"

#include "base/clock.h"
#include "base/limits.h"
#include "base/str.h"
#include "store/inbox.h"

struct process {
    struct store *store;
    struct leadership *leadership;
    struct leadership_options options;
    int gained, lost;
    const char *dead; /* token that is surely dead */
};

static void gained(void *user) {
    struct process *process = user;
    process->gained++;
    assert_true(leadership_held(process->leadership));
}

static void lost(void *user) {
    struct process *process = user;
    process->lost++;
    assert_false(leadership_held(process->leadership));
}

static bool surely_dead(const char *token, void *user) {
    const struct process *process = user;
    return str_equal(token, process->dead);
}

static bool leads(void *user) {
    const struct process *process = user;
    return leadership_held(process->leadership);
}

static void process_start(struct process *process, const char *token) {
    *process = (struct process){.store = rig_open_store(&rig)};
    process->options = (struct leadership_options){token, surely_dead, gained, lost, process};
    process->leadership = leadership_create(rig.loop, process->store, &process->options);
}

/* As by kill -9: nothing is said. */
static void process_kill(struct process *process) {
    leadership_destroy(process->leadership);
    store_destroy(process->store);
    process->leadership = NULL;
    process->store = NULL;
}

static enum commit_result commit_as(struct process *process) {
    struct commit *commit = commit_create(process->store, NULL);
    (void)commit_require_leader(commit, process->leadership);
    commit_add(commit, "INCRBY", "effects", "1");
    return rig_commit(&rig, commit);
}

static void of_two_one_leads(void **state) {
    struct process a, b;
    (void)state;
    process_start(&a, "a");
    process_start(&b, "b");
    rig_run_ms(&rig, 500);
    assert_int_equal(a.gained + b.gained, 1);
    struct process *leader = a.gained ? &a : &b;
    struct process *other = a.gained ? &b : &a;
    assert_int_equal(commit_as(leader), COMMIT_DONE);
    assert_int_equal(commit_as(other), COMMIT_REFUSED);
    rig_run_ms(&rig, LIMIT_LEADER_SILENCE_MS + LIMIT_HEARTBEAT_MS);
    assert_true(leadership_held(leader->leadership));
    assert_int_equal(a.gained + b.gained, 1);
    process_kill(&a);
    process_kill(&b);
}

static void after_silence_another_leads_and_the_old_one_can_write_nothing(void **state) {
    struct process a, b;
    (void)state;
    process_start(&a, "a");
    rig_until(&rig, leads, &a);
    process_kill(&a);
    int64_t since_ms = clock_monotonic_ms();
    process_start(&b, "b");
    rig_until(&rig, leads, &b);
    assert_true(clock_monotonic_ms() - since_ms >= LIMIT_LEADER_SILENCE_MS);
    assert_true(clock_monotonic_ms() - since_ms < LIMIT_LEADER_SILENCE_MS + 5 * LIMIT_HEARTBEAT_MS);
    process_start(&a, "a"); /* it was only asleep, and still believes */
    assert_int_equal(commit_as(&a), COMMIT_REFUSED);
    assert_int_equal(commit_as(&b), COMMIT_DONE);
    process_kill(&a);
    process_kill(&b);
}

static void a_leader_that_was_replaced_is_told(void **state) {
    struct process a;
    (void)state;
    process_start(&a, "a");
    rig_until(&rig, leads, &a);
    (void)rig_call(&rig, "HSET", "t:leader", "token", "b");
    rig_run_ms(&rig, 2 * LIMIT_HEARTBEAT_MS);
    assert_int_equal(a.lost, 1);
    assert_false(leadership_held(a.leadership));
    process_kill(&a);
}

static void a_leader_that_is_surely_dead_is_not_waited_for(void **state) {
    struct process a, b;
    (void)state;
    process_start(&a, "a");
    rig_until(&rig, leads, &a);
    process_kill(&a);
    process_start(&b, "b");
    b.dead = "a";
    int64_t since_ms = clock_monotonic_ms();
    rig_until(&rig, leads, &b);
    assert_true(clock_monotonic_ms() - since_ms < 4 * LIMIT_HEARTBEAT_MS);
    process_kill(&b);
}

static void who_resigns_is_followed_at_once(void **state) {
    struct process a, b;
    (void)state;
    process_start(&a, "a");
    rig_until(&rig, leads, &a);
    process_start(&b, "b");
    leadership_resign(a.leadership);
    assert_false(leadership_held(a.leadership));
    rig_run_ms(&rig, 2 * LIMIT_HEARTBEAT_MS);
    assert_true(leadership_held(b.leadership));
    assert_int_equal(a.lost, 0);
    process_kill(&a);
    process_kill(&b);
}

static void a_leader_leads_on_after_redis_was_killed(void **state) {
    struct process a, b;
    (void)state;
    process_start(&a, "a");
    rig_until(&rig, leads, &a);
    process_start(&b, "b");
    rig_run_ms(&rig, 1500);
    rig_server_kill(&rig);
    rig_run_ms(&rig, 500);
    rig_server_start(&rig);
    rig_run_ms(&rig, 3 * LIMIT_HEARTBEAT_MS);
    assert_true(leadership_held(a.leadership));
    assert_int_equal(b.gained, 0);
    assert_int_equal(commit_as(&a), COMMIT_DONE);
    process_kill(&a);
    process_kill(&b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        store_test(of_two_one_leads),
        store_test(after_silence_another_leads_and_the_old_one_can_write_nothing),
        store_test(a_leader_that_was_replaced_is_told),
        store_test(a_leader_that_is_surely_dead_is_not_waited_for),
        store_test(who_resigns_is_followed_at_once),
        store_test(a_leader_leads_on_after_redis_was_killed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
