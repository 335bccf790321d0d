/* What was read lately, and answers by it. */

#include "fakes/records_test.h"

#include "base/limits.h"
#include "store/recent.h"

static void what_asks_is_given_once_by_any_of_its_open_questions(void **state) {
    (void)state;
    struct deployment_record *record = make_asking(2);
    recent_put(rig.store, record);
    assert_null(recent_take(rig.store, 3));
    assert_ptr_equal(recent_take(rig.store, 2), record);
    assert_null(recent_take(rig.store, 1));
    deployment_record_free(record);
}

static void a_later_reading_takes_the_place_of_an_earlier_one(void **state) {
    (void)state;
    struct deployment_record *earlier = make_asking(1);
    struct deployment_record *later = rig_load(&rig, earlier->deployment->id);
    recent_put(rig.store, earlier);
    recent_put(rig.store, later);
    assert_ptr_equal(recent_take(rig.store, 1), later);
    assert_null(recent_take(rig.store, 1));
    deployment_record_free(later);
}

static void what_asks_nothing_or_is_big_is_not_kept(void **state) {
    (void)state;
    struct deployment_record *big = make_asking(1);
    (void)arena_alloc(big->arena, LIMIT_RECENT_BYTES);
    recent_put(rig.store, big);
    assert_null(recent_take(rig.store, 1));
    recent_put(rig.store, create(make_plan(1, 1)));
    recent_put(rig.store, NULL);
}

static void only_a_few_are_kept(void **state) {
    (void)state;
    for (size_t i = 0; i <= LIMIT_RECENT; i++) {
        recent_put(rig.store, make_asking(1));
    }
    assert_null(recent_take(rig.store, 1));
    for (uint64_t question = 2; question <= LIMIT_RECENT + 1; question++) {
        struct deployment_record *record = recent_take(rig.store, question);
        assert_non_null(record);
        deployment_record_free(record);
    }
}

/* What comes back may be another history, in which the same revisions come again. */
static void nothing_is_kept_beyond_a_connection(void **state) {
    (void)state;
    recent_put(rig.store, make_asking(1));
    rig_server_kill(&rig);
    rig_run_ms(&rig, 50);
    rig_server_start(&rig);
    rig_ready(&rig);
    assert_null(recent_take(rig.store, 1));
}

static void answer_came(enum answer_result result, void *user) {
    *(int *)user = (int)result;
}

static bool is_answered(void *user) {
    return *(int *)user >= 0;
}

static enum answer_result answer(const struct new_answer *given) {
    int result = -1;
    store_answer(rig.store, given, answer_came, &result);
    rig_until(&rig, is_answered, &result);
    return (enum answer_result)result;
}

/* The leader has decided something since, whatever it was: the answer might mean another thing now. */
static void an_answer_by_a_reading_that_is_out_of_date_is_not_recorded(void **state) {
    (void)state;
    struct deployment_record *record = make_asking(2);
    struct new_answer first = answer_of(record, 0, GUIDANCE_RETRY), second = answer_of(record, 1, GUIDANCE_RETRY);
    second.revision = first.revision = record->deployment->revision;
    assert_int_equal(answer(&first), ANSWER_ACCEPTED);
    struct deployment_record *current = rig_load(&rig, record->deployment->id);
    lead_answer(current->deployment, &first);
    assert_int_equal(answer(&second), ANSWER_CHANGED);
    assert_string_equal(rig_call(&rig, "HGET", "t:q:2", "state"), "open");
    second.revision = current->deployment->revision;
    assert_int_equal(answer(&second), ANSWER_ACCEPTED);
    deployment_record_free(current);
    deployment_record_free(record);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        records_test(what_asks_is_given_once_by_any_of_its_open_questions),
        records_test(a_later_reading_takes_the_place_of_an_earlier_one),
        records_test(what_asks_nothing_or_is_big_is_not_kept),
        records_test(only_a_few_are_kept),
        records_test(nothing_is_kept_beyond_a_connection),
        records_test(an_answer_by_a_reading_that_is_out_of_date_is_not_recorded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
