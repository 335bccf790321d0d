/* The digest of a room, against a fake chat platform and a real redis-server: one a day, whoever leads. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "app/digest.h"
#include "base/clock.h"
#include "base/str.h"
#include "fakes/fake_chat.h"
#include "fakes/leader.h"
#include "fakes/store_rig.h"
#include "store/records.h"

static struct store_rig rig;
static struct fake_chat *fake;
static struct digest *digest, *other; /* of two processes */
static struct leader leader;
static struct config_room rooms[] = {{.name = "deploys", .slack = "C1", .digest = "00:00"},
                                     {.name = "quiet", .slack = "C2", .digest = "00:00"}};
static struct config config = {.rooms = rooms, .room_count = 2};

static struct config *the_config(void *user) {
    (void)user;
    return &config;
}

static bool leads_surely(void *user) {
    (void)user;
    return true;
}

static void fence(struct commit *commit, void *user) {
    (void)commit;
    (void)user;
}

static struct digest *open_digest(void) {
    return digest_create(&(struct digest_options){.loop = rig.loop,
                                                  .store = rig.store,
                                                  .chat = &fake->chat,
                                                  .config = the_config,
                                                  .leads_surely = leads_surely,
                                                  .fence = fence});
}

static int set_up(void **state) {
    (void)state;
    rig_open(&rig);
    leader = (struct leader){.rig = &rig, .next_question = 1};
    fake = fake_chat_create(rig.loop);
    digest = open_digest();
    other = open_digest();
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    digest_lead(digest, false);
    digest_lead(other, false);
    store_destroy(rig.store);
    rig.store = NULL;
    fake->functions.destroy(&fake->chat);
    digest_destroy(digest);
    digest_destroy(other);
    rig_close(&rig);
    return 0;
}

/* Two questions of one card, in "deploys". */
static void pause_one(void) {
    uint64_t id = leader_create(&leader, "deploys");
    leader_give(&leader, id, (struct event){.kind = EVENT_ADMITTED});
    leader_end_run(&leader, id, 0, 1);
    leader_end_run(&leader, id, 1, 1);
}

static bool is_called(void *user) {
    return fake->call_count >= *(size_t *)user;
}

static void wait_for_calls(size_t count) {
    rig_until(&rig, is_called, &count);
}

static bool is_recorded(void *user) {
    const char *const *words = user;
    char key[64], day[CLOCK_DAY_SIZE], wanted[64];
    int minute = 0;
    clock_day(clock_wall_ms(), day, &minute);
    (void)snprintf(key, sizeof key, "t:digest:fake:%s", words[0]);
    (void)snprintf(wanted, sizeof wanted, "%s %s", day, words[1]);
    return str_equal(rig_call(&rig, "GET", key), wanted);
}

static void wait_for_record(const char *room, const char *word) {
    const char *words[] = {room, word};
    rig_until(&rig, is_recorded, words);
}

static bool hold_all(const struct fake_call *call) {
    (void)call;
    return true;
}

static enum err_code away(const struct fake_call *call) {
    (void)call;
    return ERR_UNAVAILABLE;
}

static enum err_code maybe_at_first(const struct fake_call *call) {
    return call == &fake->calls[0] ? ERR_UNKNOWN : ERR_NONE;
}

/* --- tests -------------------------------------------------------------------------------------------------------- */

static void a_room_with_open_questions_is_told_and_no_other(void **state) {
    (void)state;
    pause_one();
    digest_lead(digest, true);
    wait_for_record("deploys", "done");
    wait_for_record("quiet", "done");
    assert_int_equal(fake->call_count, 1);
    assert_string_equal(fake->calls[0].room, "C1");
    assert_true(str_starts(fake->calls[0].title, "2 questions wait") ||
                str_starts(fake->calls[0].title, "1 question waits"));
}

static void what_may_have_been_posted_is_looked_for(void **state) {
    (void)state;
    pause_one();
    fake->verdict = maybe_at_first;
    digest_lead(digest, true);
    wait_for_record("deploys", "done");
    assert_int_equal(fake->call_count, 2);
    assert_true(fake->calls[1].again);
    assert_string_equal(fake->calls[0].nonce, fake->calls[1].nonce);
    assert_int_equal(fake->message_count, 1);
}

/* What the leader before has sent arrives while the next one leads already. */
static void a_message_of_the_leader_before_has_no_twin(void **state) {
    (void)state;
    pause_one();
    fake->holds = hold_all;
    digest_lead(digest, true);
    wait_for_calls(1);
    wait_for_record("deploys", "posting");
    digest_lead(digest, false);
    digest_lead(other, true);
    rig_run_ms(&rig, 2000);
    assert_int_equal(fake->call_count, 1); /* It would be looked for too soon. */
    fake->holds = NULL;
    fake_chat_answer(fake);
    wait_for_record("deploys", "done");
    assert_int_equal(fake->call_count, 2);
    assert_true(fake->calls[1].again);
    assert_int_equal(fake->message_count, 1);
}

/* Each try reads all that is open. */
static void a_room_that_is_out_of_reach_is_tried_with_growing_pauses(void **state) {
    (void)state;
    pause_one();
    fake->verdict = away;
    digest_lead(digest, true);
    wait_for_calls(3);
    int64_t first = fake->calls[1].at_ms - fake->calls[0].at_ms, second = fake->calls[2].at_ms - fake->calls[1].at_ms;
    assert_true(first >= 1900);
    assert_true(second >= 3900);
    /* A new leader has no reason to wait. */
    fake->verdict = NULL;
    fake->functions.idempotent = true;
    digest_lead(digest, false);
    digest_lead(digest, true);
    wait_for_record("deploys", "done");
    assert_int_equal(fake->message_count, 1);
}

static void there_is_one_a_day_over_changes_of_the_leader(void **state) {
    (void)state;
    pause_one();
    for (int i = 0; i < 3; i++) {
        digest_lead(i % 2 == 0 ? digest : other, true);
        wait_for_record("deploys", "done");
        rig_run_ms(&rig, 700);
        digest_lead(i % 2 == 0 ? digest : other, false);
    }
    assert_int_equal(fake->call_count, 1);
}

#define digest_test(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        digest_test(a_room_with_open_questions_is_told_and_no_other),
        digest_test(what_may_have_been_posted_is_looked_for),
        digest_test(a_message_of_the_leader_before_has_no_twin),
        digest_test(a_room_that_is_out_of_reach_is_tried_with_growing_pauses),
        digest_test(there_is_one_a_day_over_changes_of_the_leader),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
