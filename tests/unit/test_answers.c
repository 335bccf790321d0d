/* What people say about a deployment, and which of it is taken: answers, a take, a cancel, a check. */

#include "fakes/records_test.h"

struct answered {
    bool came;
    enum answer_result result;
};

static void answer_came(enum answer_result result, void *user) {
    struct answered *answered = user;
    assert_false(answered->came);
    answered->came = true;
    answered->result = result;
}

static bool is_answered(void *user) {
    return ((struct answered *)user)->came;
}

static enum answer_result wait_for(struct answered *answered) {
    rig_until(&rig, is_answered, answered);
    return answered->result;
}

static enum answer_result answer(const struct new_answer *given) {
    struct answered answered = {0};
    store_answer(rig.store, given, answer_came, &answered);
    assert_false(answered.came);
    return wait_for(&answered);
}

static void an_answer_is_written_with_its_event(void **state) {
    (void)state;
    struct deployment_record *record = make_asking(2);
    (void)rig_call(&rig, "DEL", "t:inbox");
    struct new_answer retry = answer_of(record, 0, GUIDANCE_RETRY);
    assert_string_equal(rig_call(&rig, "ZRANGE", "t:pending", "0", "-1"), "1 2");
    assert_int_equal(answer(&retry), ANSWER_ACCEPTED);
    assert_string_equal(rig_call(&rig, "ZRANGE", "t:pending", "0", "-1"), "2");
    assert_string_equal(rig_call(&rig, "HMGET", "t:q:1", "state", "answer", "by", "via", "note", "at"),
                        "answered retry bob slack disk was full 5000");
    const char *entry = rig_call(&rig, "XRANGE", "t:inbox", "-", "+");
    assert_non_null(strstr(entry, "event answered deployment 1 at 5000"));
    assert_non_null(strstr(entry, "question 1 guidance retry actor bob via slack note disk was full"));

    struct deployment_record *after = rig_load(&rig, record->deployment->id);
    assert_false(after->questions[0].open);
    assert_int_equal(after->questions[0].answer, GUIDANCE_RETRY);
    assert_string_equal(after->questions[0].answered_by, "bob");
    assert_string_equal(after->questions[0].target_name, "web-1");
    assert_int_equal(after->questions[0].outcome.number, 100);
    assert_int_equal(after->questions[0].revision, 2);
    assert_true(after->questions[1].open);
    /* The leader has not applied it yet. */
    assert_int_equal(after->deployment->question_count, 2);
    lead_answer(after->deployment, &retry);
    stored_assert_same(&rig, after->deployment);
    deployment_record_free(after);
    deployment_record_free(record);
}

enum { RACERS = 4 };

static void of_simultaneous_answers_exactly_one_wins(void **state) {
    (void)state;
    struct store *stores[RACERS];
    for (int i = 0; i < RACERS; i++) {
        stores[i] = rig_open_store(&rig);
        while (!store_is_ready(stores[i])) {
            rig_run_ms(&rig, 1);
        }
    }
    static const enum guidance choices[] = {GUIDANCE_RETRY, GUIDANCE_IGNORE, GUIDANCE_EXCLUDE, GUIDANCE_FAIL};
    struct deployment_record *record = make_asking(40);
    (void)rig_call(&rig, "DEL", "t:inbox");
    for (size_t q = 0; q < 30; q++) {
        struct answered answered[RACERS] = {{0}};
        int accepted = 0;
        struct deployment_record *now = rig_load(&rig, record->deployment->id);
        for (int i = 0; i < RACERS; i++) {
            struct new_answer given = answer_of(now, q, choices[((size_t)i + q) % 3]);
            store_answer(stores[i], &given, answer_came, &answered[i]);
        }
        for (int i = 0; i < RACERS; i++) {
            enum answer_result result = wait_for(&answered[i]);
            accepted += result == ANSWER_ACCEPTED;
            assert_true(result == ANSWER_ACCEPTED || result == ANSWER_TOO_LATE);
        }
        assert_int_equal(accepted, 1);
        deployment_record_free(now);
    }
    assert_string_equal(rig_call(&rig, "XLEN", "t:inbox"), "30");
    deployment_record_free(record);
    for (int i = 0; i < RACERS; i++) {
        store_destroy(stores[i]);
    }
}

static void racing_excludes_never_take_the_last_target(void **state) {
    (void)state;
    struct deployment_record *record = make_asking(2);
    struct answered answered[2] = {{0}};
    struct new_answer first = answer_of(record, 0, GUIDANCE_EXCLUDE);
    struct new_answer second = answer_of(record, 1, GUIDANCE_EXCLUDE);
    store_answer(rig.store, &first, answer_came, &answered[0]);
    store_answer(rig.store, &second, answer_came, &answered[1]);
    assert_int_equal(wait_for(&answered[0]), ANSWER_ACCEPTED);
    assert_int_equal(wait_for(&answered[1]), ANSWER_CHANGED);
    struct deployment_record *after = rig_load(&rig, record->deployment->id);
    assert_int_equal(after->deployment->excluded_intake, 1);
    assert_true(after->questions[1].open);
    deployment_record_free(after);
    deployment_record_free(record);
}

static void an_exclude_counts_those_accepted_before(void **state) {
    (void)state;
    struct deployment_record *record = make_asking(3);
    struct new_answer first = answer_of(record, 0, GUIDANCE_EXCLUDE);
    assert_int_equal(answer(&first), ANSWER_ACCEPTED);
    struct new_answer second = answer_of(record, 1, GUIDANCE_EXCLUDE);
    assert_int_equal(answer(&second), ANSWER_CHANGED);
    struct deployment_record *after = rig_load(&rig, record->deployment->id);
    second = answer_of(after, 1, GUIDANCE_EXCLUDE);
    assert_int_equal(answer(&second), ANSWER_ACCEPTED);
    deployment_record_free(after);
    deployment_record_free(record);
}

static void after_an_accepted_fail_nothing_else_is_accepted(void **state) {
    (void)state;
    struct deployment_record *record = make_asking(3);
    struct answered answered[3] = {{0}};
    struct new_answer fails = answer_of(record, 0, GUIDANCE_FAIL);
    struct new_answer retry = answer_of(record, 1, GUIDANCE_RETRY);
    store_answer(rig.store, &fails, answer_came, &answered[0]);
    store_answer(rig.store, &retry, answer_came, &answered[1]);
    assert_int_equal(wait_for(&answered[0]), ANSWER_ACCEPTED);
    assert_int_equal(wait_for(&answered[1]), ANSWER_CLOSING);
    struct deployment_record *after = rig_load(&rig, record->deployment->id);
    assert_int_equal(after->deployment->intake, CLOSING_FAILING);
    assert_int_equal(after->deployment->closing, CLOSING_NO);
    lead_answer(after->deployment, &fails);
    stored_assert_same(&rig, after->deployment);
    assert_int_equal(after->deployment->state, DEPLOYMENT_FAILED);
    assert_string_equal(rig_call(&rig, "HGET", "t:q:2", "state"), "closed");
    assert_string_equal(rig_call(&rig, "EXISTS", "t:pending"), "0");
    deployment_record_free(after);
    deployment_record_free(record);
}

static void an_answer_checked_under_another_configuration_is_refused(void **state) {
    (void)state;
    struct deployment_record *record = make_asking(1);
    struct new_answer given = answer_of(record, 0, GUIDANCE_RETRY);
    static const char *const wrong[] = {"g0", "", NULL, "g11"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        given.generation = wrong[i];
        assert_int_equal(answer(&given), ANSWER_GENERATION);
    }
    (void)rig_call(&rig, "DEL", "t:config");
    given.generation = "";
    assert_int_equal(answer(&given), ANSWER_GENERATION);
    struct rig_result result = {0};
    store_put_generation(rig.store, "g2", rig_committed, &result);
    assert_int_equal(rig_wait(&rig, &result), COMMIT_DONE);
    given.generation = "g2";
    assert_int_equal(answer(&given), ANSWER_ACCEPTED);
    deployment_record_free(record);
}

static void the_same_click_twice_is_accepted_twice_and_done_once(void **state) {
    (void)state;
    struct deployment_record *record = make_asking(1);
    struct new_answer given = answer_of(record, 0, GUIDANCE_RETRY);
    (void)rig_call(&rig, "DEL", "t:inbox");
    given.event_id = "slack:Ev7";
    assert_int_equal(answer(&given), ANSWER_ACCEPTED);
    assert_int_equal(answer(&given), ANSWER_ACCEPTED);
    given.event_id = "slack:Ev8";
    assert_int_equal(answer(&given), ANSWER_TOO_LATE);
    assert_string_equal(rig_call(&rig, "XLEN", "t:inbox"), "1");
    deployment_record_free(record);
}

static void an_answer_that_came_first_wins_over_the_leader_closing_the_question(void **state) {
    (void)state;
    struct deployment_record *record = make_asking(2);
    struct new_answer given = answer_of(record, 1, GUIDANCE_RETRY);
    assert_int_equal(answer(&given), ANSWER_ACCEPTED);
    struct event cancel = {.kind = EVENT_CANCEL, .now_ms = 6000, .actor = "carol"};
    assert_int_equal(rig_commit(&rig, leader_apply(&leader, record->deployment, &cancel)), COMMIT_REFUSED);
    assert_string_equal(rig_call(&rig, "HGET", "t:q:1", "state"), "open");
    deployment_record_free(record);
}

static void the_leader_fails_a_deployment_only_if_nobody_closed_it_before(void **state) {
    (void)state;
    struct deployment_record *record = make_asking(1);
    struct rig_result result = {0};
    struct new_answer fails = answer_of(record, 0, GUIDANCE_FAIL);
    assert_int_equal(answer(&fails), ANSWER_ACCEPTED);
    struct commit *commit = commit_create(rig.store, NULL);
    commit_put_closing(commit, record->deployment->id, CLOSING_FAILING, 7000);
    commit_send(commit, rig_committed, &result);
    assert_int_equal(rig_wait(&rig, &result), COMMIT_REFUSED);
    assert_string_equal(result.found, "failing");
    deployment_record_free(record);
}

static void the_leaders_own_failing_comes_back_to_it_through_the_inbox(void **state) {
    (void)state;
    struct deployment_record *record = make_asking(1);
    struct commit *commit = commit_create(rig.store, NULL);
    commit_put_closing(commit, record->deployment->id, CLOSING_FAILING, 7000);
    assert_int_equal(rig_commit(&rig, commit), COMMIT_DONE);
    assert_non_null(
        strstr(rig_call(&rig, "XREVRANGE", "t:inbox", "+", "-", "COUNT", "1"), "event failing deployment 1"));
    deployment_record_free(record);
}

static enum answer_result take(const struct deployment_record *record, const char *actor, bool expect_nobody) {
    struct answered answered = {0};
    store_take(rig.store, record->deployment->id, record->questions[0].question.id, actor, "cli", expect_nobody,
               answer_came, &answered);
    return wait_for(&answered);
}

static void a_question_can_be_taken_and_taken_over(void **state) {
    (void)state;
    struct deployment_record *record = make_asking(1);
    assert_int_equal(take(record, "alice", true), ANSWER_ACCEPTED);
    assert_int_equal(take(record, "bob", true), ANSWER_CHANGED);
    assert_int_equal(take(record, "bob", false), ANSWER_ACCEPTED);
    struct deployment_record *after = rig_load(&rig, record->deployment->id);
    assert_string_equal(after->questions[0].taken_by, "bob");
    const char *entry = rig_call(&rig, "XREVRANGE", "t:inbox", "+", "-", "COUNT", "1");
    assert_non_null(strstr(entry, "event taken deployment 1 at "));
    assert_non_null(strstr(entry, "question 1 actor bob via cli"));
    deployment_record_free(after);
    struct new_answer given = answer_of(record, 0, GUIDANCE_RETRY);
    assert_int_equal(answer(&given), ANSWER_ACCEPTED);
    assert_int_equal(take(record, "carol", false), ANSWER_TOO_LATE);
    deployment_record_free(record);
}

static enum answer_result cancel(uint64_t deployment, const char *event_id) {
    struct answered answered = {0};
    store_cancel(rig.store, deployment, "carol", "cli", "wrong version", event_id, answer_came, &answered);
    assert_false(answered.came);
    return wait_for(&answered);
}

static void a_deployment_is_canceled_once(void **state) {
    (void)state;
    struct deployment_record *record = make_asking(2);
    uint64_t id = record->deployment->id;
    (void)rig_call(&rig, "DEL", "t:inbox");
    assert_int_equal(cancel(id, NULL), ANSWER_ACCEPTED);
    assert_int_equal(cancel(id, NULL), ANSWER_TOO_LATE);
    struct new_answer given = answer_of(record, 0, GUIDANCE_RETRY);
    assert_int_equal(answer(&given), ANSWER_CLOSING);
    assert_string_equal(rig_call(&rig, "XLEN", "t:inbox"), "1");
    struct deployment_record *after = rig_load(&rig, id);
    assert_int_equal(after->deployment->intake, CLOSING_CANCELING);
    struct event event = {.kind = EVENT_CANCEL, .now_ms = 6000, .actor = "carol"};
    give(after->deployment, &event);
    stored_assert_same(&rig, after->deployment);
    assert_int_equal(after->deployment->state, DEPLOYMENT_CANCELED);
    assert_int_equal(cancel(id, NULL), ANSWER_TOO_LATE);
    assert_int_equal(cancel(99, NULL), ANSWER_TOO_LATE);
    assert_string_equal(rig_call(&rig, "EXISTS", "t:dep:99"), "0");
    deployment_record_free(after);
    deployment_record_free(record);
}

static void a_failing_deployment_can_still_be_canceled(void **state) {
    (void)state;
    struct deployment_record *record = make_asking(2);
    struct new_answer fails = answer_of(record, 0, GUIDANCE_FAIL);
    assert_int_equal(answer(&fails), ANSWER_ACCEPTED);
    assert_int_equal(cancel(record->deployment->id, "e1"), ANSWER_ACCEPTED);
    assert_int_equal(cancel(record->deployment->id, "e1"), ANSWER_ACCEPTED); /* the same event */
    assert_string_equal(rig_call(&rig, "HGET", "t:dep:1", "closing"), "canceling");
    deployment_record_free(record);
}

static void a_question_about_a_late_cancel_can_be_answered(void **state) {
    (void)state;
    struct deployment_record *record = make_asking(1);
    (void)rig_call(&rig, "HSET", "t:dep:1", "closing", "canceling");
    struct new_answer given = answer_of(record, 0, GUIDANCE_FAIL);
    assert_int_equal(answer(&given), ANSWER_CLOSING);
    given.closing = CLOSING_CANCELING;
    assert_int_equal(answer(&given), ANSWER_ACCEPTED);
    assert_string_equal(rig_call(&rig, "HGET", "t:dep:1", "closing"), "canceling");
    deployment_record_free(record);
}

static enum answer_result check(const struct deployment_record *record) {
    struct answered answered = {0};
    store_check(rig.store, record->deployment, &record->deployment->questions[0], answer_came, &answered);
    return wait_for(&answered);
}

static void a_check_asks_the_host_of_the_run(void **state) {
    (void)state;
    struct deployment_record *record = make_asking(1);
    (void)rig_call(&rig, "HSET", "t:dep:1:claims", "0.0", "e:1:1");
    assert_int_equal(check(record), ANSWER_ACCEPTED);
    assert_string_equal(rig_call(&rig, "HGET", "t:dep:1:claims", "0.0"), "a:1:1");
    assert_non_null(strstr(rig_call(&rig, "XRANGE", "t:control:h1", "-", "+"), "owner w1"));
    assert_int_equal(check(record), ANSWER_ACCEPTED);
    assert_string_equal(rig_call(&rig, "XLEN", "t:control:h1"), "2");
    (void)rig_call(&rig, "HSET", "t:dep:1:claims", "0.0", "q:2:2");
    assert_int_equal(check(record), ANSWER_CHANGED);
    (void)rig_call(&rig, "HSET", "t:q:1", "state", "closed");
    assert_int_equal(check(record), ANSWER_TOO_LATE);
    assert_string_equal(rig_call(&rig, "XLEN", "t:control:h1"), "2");
    deployment_record_free(record);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        records_test(an_answer_is_written_with_its_event),
        records_test(of_simultaneous_answers_exactly_one_wins),
        records_test(racing_excludes_never_take_the_last_target),
        records_test(an_exclude_counts_those_accepted_before),
        records_test(after_an_accepted_fail_nothing_else_is_accepted),
        records_test(an_answer_checked_under_another_configuration_is_refused),
        records_test(the_same_click_twice_is_accepted_twice_and_done_once),
        records_test(an_answer_that_came_first_wins_over_the_leader_closing_the_question),
        records_test(the_leader_fails_a_deployment_only_if_nobody_closed_it_before),
        records_test(the_leaders_own_failing_comes_back_to_it_through_the_inbox),
        records_test(a_question_can_be_taken_and_taken_over),
        records_test(a_deployment_is_canceled_once),
        records_test(a_failing_deployment_can_still_be_canceled),
        records_test(a_question_about_a_late_cancel_can_be_answered),
        records_test(a_check_asks_the_host_of_the_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
