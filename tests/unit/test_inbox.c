/* The leader's inbox and timers, against a real redis-server. */

#include "fakes/store_test.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/str.h"
#include "store/inbox.h"
#include "store/inbox_codec.h"

/* Batches as they came. */
struct seen {
    struct inbox_entry entries[2 * LIMIT_INBOX_BATCH];
    char ids[2 * LIMIT_INBOX_BATCH][48], timers[2 * LIMIT_INBOX_BATCH][TIMER_MEMBER_SIZE];
    size_t count, batches, wanted, largest;
};

static struct seen seen;

static void batch_seen(const struct inbox_entry *entries, size_t count, void *user) {
    (void)user;
    seen.batches++;
    seen.largest = count > seen.largest ? count : seen.largest;
    for (size_t i = 0; i < count; i++) {
        assert_true(seen.count < 2 * LIMIT_INBOX_BATCH);
        struct inbox_entry *entry = &seen.entries[seen.count];
        *entry = entries[i];
        if (entries[i].id != NULL) {
            entry->id = seen.ids[seen.count];
            (void)snprintf(seen.ids[seen.count], 48, "%s", entries[i].id);
        }
        if (entries[i].timer != NULL) {
            entry->timer = seen.timers[seen.count];
            (void)snprintf(seen.timers[seen.count], TIMER_MEMBER_SIZE, "%s", entries[i].timer);
        }
        seen.count++;
    }
}

static bool seen_enough(void *user) {
    (void)user;
    return seen.count >= seen.wanted;
}

static void wait_for(size_t count) {
    seen.wanted = count;
    rig_until(&rig, seen_enough, NULL);
    assert_int_equal(seen.count, count);
}

static void put_event(uint64_t deployment, enum event_kind kind) {
    struct commit *commit = commit_create(rig.store, NULL);
    inbox_encode_event(commit, deployment,
                       &(struct event){.kind = kind, .now_ms = 5, .step = 1, .slot = 2, .attempt = 3});
    assert_int_equal(rig_commit(&rig, commit), COMMIT_DONE);
}

static void put_timer(uint64_t deployment, int64_t at_ms) {
    char member[TIMER_MEMBER_SIZE], due[32];
    struct effect effect = {
        .kind = EFFECT_TIMER, .timer = EVENT_RETRY_DUE, .step = 1, .slot = 2, .attempt = 3, .epoch = 4};
    timer_member_format(member, deployment, &effect);
    (void)snprintf(due, sizeof due, "%lld", (long long)at_ms);
    (void)rig_call(&rig, "ZADD", "t:timers", due, member);
}

static void done_with(const struct inbox_entry *entry) {
    struct commit *commit = commit_create(rig.store, NULL);
    commit_inbox_done(commit, entry);
    assert_int_equal(rig_commit(&rig, commit), COMMIT_DONE);
}

static struct inbox *inbox_open(void) {
    seen = (struct seen){0};
    return inbox_create(rig.loop, rig.store, batch_seen, NULL);
}

static void nothing_is_read_before_this_process_leads(void **state) {
    (void)state;
    struct inbox *inbox = inbox_open();
    put_event(7, EVENT_CLAIMED);
    rig_run_ms(&rig, 100);
    assert_int_equal(seen.count, 0);
    inbox_restart(inbox);
    wait_for(1);
    inbox_destroy(inbox);
}

static void entries_come_in_order_as_they_were_put(void **state) {
    (void)state;
    struct inbox *inbox = inbox_open();
    inbox_restart(inbox);
    rig_run_ms(&rig, 20);
    put_event(7, EVENT_CLAIMED);
    wait_for(1);
    assert_int_equal(seen.entries[0].kind, INBOX_EVENT);
    assert_int_equal(seen.entries[0].deployment, 7);
    assert_int_equal(seen.entries[0].event.kind, EVENT_CLAIMED);
    assert_int_equal(seen.entries[0].event.attempt, 3);
    put_event(8, EVENT_ENDED);
    put_event(9, EVENT_ENDED);
    rig_run_ms(&rig, 50);
    assert_int_equal(seen.count, 1); /* the batch is not done */
    inbox_next(inbox);
    wait_for(3);
    assert_int_equal(seen.entries[1].deployment, 8);
    assert_int_equal(seen.entries[2].deployment, 9);
    inbox_destroy(inbox);
}

static void what_was_not_done_comes_again_after_a_restart_and_nothing_else(void **state) {
    (void)state;
    struct inbox *inbox = inbox_open();
    inbox_restart(inbox);
    put_event(7, EVENT_CLAIMED);
    wait_for(1);
    put_event(8, EVENT_CLAIMED);
    inbox_next(inbox);
    wait_for(2);
    done_with(&seen.entries[0]);
    inbox_restart(inbox);
    wait_for(3);
    assert_int_equal(seen.entries[2].deployment, 8);
    done_with(&seen.entries[2]);
    inbox_next(inbox);
    rig_run_ms(&rig, 50);
    assert_int_equal(seen.count, 3);
    inbox_destroy(inbox);
}

/* Goes on with another process: what the first did not finish has its effect there, once. */
static void another_leader_finds_what_was_left(void **state) {
    (void)state;
    struct inbox *first = inbox_open();
    inbox_restart(first);
    put_event(7, EVENT_CLAIMED);
    put_event(8, EVENT_CLAIMED);
    rig_run_ms(&rig, 50);
    done_with(&seen.entries[0]);
    inbox_destroy(first);
    struct inbox *second = inbox_open();
    inbox_restart(second);
    wait_for(1);
    assert_int_equal(seen.entries[0].deployment, 8);
    inbox_destroy(second);
}

static void a_large_inbox_comes_in_batches(void **state) {
    (void)state;
    struct inbox *inbox = inbox_open();
    for (int i = 0; i < LIMIT_INBOX_BATCH + 10; i++) {
        (void)rig_call(&rig, "XADD", "t:inbox", "*", "gone", "w");
    }
    inbox_restart(inbox);
    while (seen.count < LIMIT_INBOX_BATCH + 10) {
        wait_for(seen.count + (seen.count == 0 ? 192 : LIMIT_INBOX_BATCH + 10 - seen.count));
        inbox_next(inbox);
    }
    assert_true(seen.largest <= LIMIT_INBOX_BATCH);
    assert_int_equal(seen.batches, 2);
    inbox_destroy(inbox);
}

static void an_entry_that_cannot_be_understood_is_told_as_such(void **state) {
    (void)state;
    struct inbox *inbox = inbox_open();
    (void)rig_call(&rig, "XADD", "t:inbox", "*", "what", "is this");
    inbox_restart(inbox);
    wait_for(1);
    assert_int_equal(seen.entries[0].kind, INBOX_BROKEN);
    assert_non_null(seen.entries[0].id);
    done_with(&seen.entries[0]);
    assert_string_equal(rig_call(&rig, "XLEN", "t:inbox"), "0");
    inbox_destroy(inbox);
}

/* --- timers --- */

static void a_due_timer_comes_once_and_before_entries(void **state) {
    (void)state;
    struct inbox *inbox = inbox_open();
    put_event(8, EVENT_CLAIMED);
    put_timer(7, clock_wall_ms() - 1000);
    inbox_restart(inbox);
    wait_for(2);
    assert_int_equal(seen.entries[0].kind, INBOX_TIMER);
    assert_int_equal(seen.entries[0].deployment, 7);
    assert_int_equal(seen.entries[0].event.kind, EVENT_RETRY_DUE);
    assert_int_equal(seen.entries[0].event.step, 1);
    assert_int_equal(seen.entries[0].event.slot, 2);
    assert_int_equal(seen.entries[0].event.attempt, 3);
    assert_int_equal(seen.entries[0].event.epoch, 4);
    assert_true(seen.entries[0].event.now_ms > 0);
    assert_int_equal(seen.entries[1].deployment, 8);
    done_with(&seen.entries[0]);
    done_with(&seen.entries[1]);
    inbox_next(inbox);
    rig_run_ms(&rig, 50);
    assert_int_equal(seen.count, 2);
    inbox_destroy(inbox);
}

static void a_timer_comes_when_it_is_due_and_not_before(void **state) {
    (void)state;
    struct inbox *inbox = inbox_open();
    int64_t due_ms = clock_wall_ms() + 200;
    put_timer(7, due_ms);
    inbox_restart(inbox);
    wait_for(1);
    assert_true(clock_wall_ms() >= due_ms);
    assert_true(clock_wall_ms() < due_ms + 150);
    inbox_destroy(inbox);
}

static void a_hint_brings_an_earlier_timer_to_notice(void **state) {
    (void)state;
    struct inbox *inbox = inbox_open();
    put_timer(6, clock_wall_ms() + 60000);
    inbox_restart(inbox);
    rig_run_ms(&rig, 50);
    int64_t due_ms = clock_wall_ms() + 100;
    put_timer(7, due_ms);
    inbox_timer_hint(inbox, due_ms);
    inbox_timer_hint(inbox, due_ms + 5000);
    wait_for(1);
    assert_int_equal(seen.entries[0].deployment, 7);
    assert_true(clock_wall_ms() < due_ms + 150);
    inbox_destroy(inbox);
}

/* --- losses --- */

static void reading_goes_on_after_redis_was_killed(void **state) {
    (void)state;
    struct inbox *inbox = inbox_open();
    inbox_restart(inbox);
    put_event(7, EVENT_CLAIMED);
    wait_for(1);
    done_with(&seen.entries[0]);
    inbox_next(inbox);
    rig_run_ms(&rig, 20);
    rig_server_kill(&rig);
    rig_run_ms(&rig, 50);
    rig_server_start(&rig);
    rig_run_ms(&rig, 50);
    rig_ready(&rig);
    put_event(8, EVENT_CLAIMED);
    wait_for(2);
    assert_int_equal(seen.entries[1].deployment, 8);
    inbox_destroy(inbox);
}

static void a_pause_hands_over_nothing_even_of_what_is_on_its_way(void **state) {
    (void)state;
    struct inbox *inbox = inbox_open();
    put_event(7, EVENT_CLAIMED);
    inbox_restart(inbox);
    inbox_pause(inbox);
    rig_run_ms(&rig, 50);
    assert_int_equal(seen.count, 0);
    inbox_restart(inbox);
    inbox_destroy(inbox); /* with a fetch on its way */
    rig_run_ms(&rig, 20);
    assert_int_equal(seen.count, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        store_test(nothing_is_read_before_this_process_leads),
        store_test(entries_come_in_order_as_they_were_put),
        store_test(what_was_not_done_comes_again_after_a_restart_and_nothing_else),
        store_test(another_leader_finds_what_was_left),
        store_test(a_large_inbox_comes_in_batches),
        store_test(an_entry_that_cannot_be_understood_is_told_as_such),
        store_test(a_due_timer_comes_once_and_before_entries),
        store_test(a_timer_comes_when_it_is_due_and_not_before),
        store_test(a_hint_brings_an_earlier_timer_to_notice),
        store_test(reading_goes_on_after_redis_was_killed),
        store_test(a_pause_hands_over_nothing_even_of_what_is_on_its_way),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
