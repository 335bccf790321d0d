/* What is written to Redis and read again is the same: runs, claims, timers, what was done for a card. */

#include "fakes/codec_test.h"

#include "base/limits.h"
#include "store/claim.h"
#include "store/codec_deployment.h"
#include "store/inbox_codec.h"

static void what_was_done_for_a_card_is_read_as_it_was_written(void **state) {
    (void)state;
    for (int round = 0; round < 100; round++) {
        struct vigil back = {0}, vigil = {
                                     .since_ms = (int64_t)pick(1000) * 1764000000,
                                     .reminders = (uint32_t)pick(1000),
                                     .reminded_ms = (int64_t)pick(1000) * 1764000000,
                                     .rungs = (uint32_t)pick(LIMIT_RUNGS + 1),
                                 };
        for (uint32_t i = 0; i < vigil.rungs; i++) {
            vigil.climbed_ms[i] = (int64_t)pick(1000) * 1764000000;
        }
        struct buf text = BUF_INIT(1000);
        vigil_encode(&text, &vigil);
        assert_true(vigil_decode(text.data, &back));
        assert_memory_equal(&back, &vigil, sizeof vigil);
        buf_finish(&text);
    }
    static const char *const wrong[] = {"", "1", "1 2", "1 2 x", "1 2 -3", "1 2 3 4 5 6 7 8 9 10 11 12"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct vigil vigil;
        assert_false(vigil_decode(wrong[i], &vigil));
    }
}

static void any_run_is_read_as_it_was_written(void **state) {
    (void)state;
    for (uint64_t round = 0; round < 2000; round++) {
        seed = round;
        struct run run = {
            .state = (enum run_state)pick(RUN_STATE_COUNT),
            .attempt = (uint32_t)pick(100),
            .epoch = (uint32_t)pick(1000),
            .people_retries = (uint32_t)pick(10),
            .auto_retries = (uint32_t)pick(10),
            .lost_retries = (uint32_t)pick(10),
            .unstarted = (uint32_t)pick(10),
            .bound = maybe(),
            .unknown = maybe(),
            .outcome = {(enum outcome_kind)pick(OUTCOME_CANCELED + 1), (int64_t)pick(1000) - 1},
            .before = {(enum outcome_kind)pick(OUTCOME_CANCELED + 1), 7},
            .question = pick(1000),
            .worker = perhaps(any_name("worker")),
            .host = perhaps(any_name("host")),
            .started_ms = (int64_t)pick(1000) * 1764000000,
            .ended_ms = (int64_t)pick(1000) * 1764000000,
        };
        char text[RUN_TEXT_SIZE];
        struct run back;
        run_encode(text, &run);
        assert_true(run_decode(text, maybe() ? &run : NULL, arena, &back));
        char again[RUN_TEXT_SIZE];
        run_encode(again, &back);
        assert_string_equal(again, text);
        same_text(run_is_final(run.state) ? NULL : run.worker, back.worker);
        same_text(run.host, back.host);
        assert_int_equal(run.state, back.state);
        assert_int_equal(run.attempt, back.attempt);
        assert_int_equal(run.epoch, back.epoch);
        assert_int_equal(run.people_retries, back.people_retries);
        assert_int_equal(run.auto_retries, back.auto_retries);
        assert_int_equal(run.lost_retries, back.lost_retries);
        assert_int_equal(run.unstarted, back.unstarted);
        assert_int_equal(run.bound, back.bound);
        assert_int_equal(run.unknown, back.unknown);
        assert_int_equal(run.question, back.question);
        assert_int_equal(run.started_ms, back.started_ms);
        assert_int_equal(run.ended_ms, back.ended_ms);
        assert_int_equal(run.outcome.kind, back.outcome.kind);
        assert_int_equal(run.before.kind, back.before.kind);
        assert_int_equal(run.before.kind == OUTCOME_NONE ? 0 : 7, back.before.number);
        assert_int_equal(run.outcome.kind == OUTCOME_NONE ? 0 : run.outcome.number, back.outcome.number);
    }
}

static void a_run_that_is_none_is_refused(void **state) {
    (void)state;
    static const char *const texts[] = {"",
                                        "pending",
                                        "sleeping 1.1",
                                        "pending 1",
                                        "pending 1.1.1",
                                        "pending 1.-1",
                                        "pending 1.1 x",
                                        "pending 1.1 r1.2",
                                        "pending 1.1 =exit",
                                        "pending 1.1 ??",
                                        "pending 1.1 =slept:1",
                                        "pending 4294967296.1",
                                        "pending 1.1 @",
                                        "pending 1.1 +x",
                                        "pending 1.1 of:h",
                                        "pending 1.1 Q-1",
                                        "pending 1.1  on:h"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct run run;
        if (run_decode(texts[i], NULL, arena, &run)) {
            fail_msg("read: %s", texts[i]);
        }
    }
}

static void claims_are_read_as_they_were_written(void **state) {
    (void)state;
    static const struct {
        const char *text;
        struct claim claim;
    } cases[] = {
        {"q:1:1", {'q', 1, 1, ""}},
        {"a:12:345", {'a', 12, 345, ""}},
        {"e:4294967295:1", {'e', UINT32_MAX, 1, ""}},
        {"r:2:3:host-a:1234/x y", {'r', 2, 3, "host-a:1234/x y"}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[CLAIM_SIZE];
        struct claim claim;
        const struct claim *wanted = &cases[i].claim;
        claim_format(text, wanted->letter, wanted->attempt, wanted->epoch, wanted->worker);
        assert_string_equal(text, cases[i].text);
        assert_true(claim_parse(text, &claim));
        assert_int_equal(claim.letter, wanted->letter);
        assert_int_equal(claim.attempt, wanted->attempt);
        assert_int_equal(claim.epoch, wanted->epoch);
        assert_string_equal(claim.worker, wanted->worker);
    }
    static const char *const wrong[] = {"",      "q",      "q:",      "q:1",    "q:1:",           "x:1:1",
                                        "r:1:1", "r:1:1:", "q:1:1:w", "q:-1:1", "q:1:4294967296", "q 1 1"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct claim claim;
        if (claim_parse(wrong[i], &claim)) {
            fail_msg("read: %s", wrong[i]);
        }
    }
    struct claim claim;
    assert_false(claim_parse(NULL, &claim));
}

static void places_of_runs_are_read_as_they_were_written(void **state) {
    (void)state;
    char field[RUN_FIELD_SIZE];
    char member[OWNED_SIZE];
    size_t step = 0;
    size_t slot = 0;
    uint64_t deployment = 0;
    run_field_format(field, 19, 999);
    assert_string_equal(field, "19.999");
    assert_true(run_field_parse(field, &step, &slot));
    assert_int_equal(step, 19);
    assert_int_equal(slot, 999);
    owned_format(member, UINT64_MAX, 0, 1);
    assert_true(owned_parse(member, &deployment, &step, &slot));
    assert_true(deployment == UINT64_MAX && step == 0 && slot == 1);
    assert_false(run_field_parse("1.", &step, &slot));
    assert_false(run_field_parse("1", &step, &slot));
    assert_false(run_field_parse("1.2 ", &step, &slot));
    assert_false(owned_parse("1.2.3", &deployment, &step, &slot));
    assert_false(owned_parse("7:2", &deployment, &step, &slot));
}

static void timers_are_read_as_they_were_written(void **state) {
    (void)state;
    static const enum event_kind kinds[] = {EVENT_RETRY_DUE, EVENT_DEADLINE, EVENT_TRUTH_GONE, EVENT_CANCEL_LATE};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        const struct effect effect = {
            .timer = kinds[i], .step = 3, .slot = 4999, .attempt = 7, .epoch = 8, .question = 1234567};
        char member[TIMER_MEMBER_SIZE];
        struct inbox_entry entry;
        timer_member_format(member, 311, &effect);
        timer_member_parse(member, &entry);
        assert_int_equal(entry.kind, INBOX_TIMER);
        assert_ptr_equal(entry.timer, member);
        assert_int_equal(entry.deployment, 311);
        assert_int_equal(entry.event.kind, kinds[i]);
        assert_int_equal(entry.event.step, 3);
        assert_int_equal(entry.event.slot, 4999);
        assert_int_equal(entry.event.attempt, 7);
        assert_int_equal(entry.event.epoch, 8);
        assert_int_equal(entry.event.question, 1234567);
    }
    static const char *const wrong[] = {"",
                                        "311",
                                        "311:sleep:1:1:1:1:1",
                                        "311:deadline:1:1:1:1",
                                        "311:deadline:1:1:1:1:1:1",
                                        "x:deadline:1:1:1:1:1",
                                        "311:deadline",
                                        "311:deadline:1:1:1:1:x"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct inbox_entry entry;
        timer_member_parse(wrong[i], &entry);
        if (entry.kind != INBOX_BROKEN) {
            fail_msg("read: %s", wrong[i]);
        }
        assert_ptr_equal(entry.timer, wrong[i]);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        arena_test(what_was_done_for_a_card_is_read_as_it_was_written),
        arena_test(any_run_is_read_as_it_was_written),
        arena_test(a_run_that_is_none_is_refused),
        arena_test(claims_are_read_as_they_were_written),
        arena_test(places_of_runs_are_read_as_they_were_written),
        arena_test(timers_are_read_as_they_were_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
