/* What rooms show, against a fake chat platform and a real redis-server. */

#include "fakes/reconciler_test.h"

#include "base/log.h"

static bool hold_status(const struct fake_call *call) {
    return call->kind == CARD_STATUS;
}

static bool hold_closing(const struct fake_call *call) {
    return call->kind == CARD_CLOSING;
}

static enum err_code maybe_once(const struct fake_call *call) {
    return call == &fake->calls[0] ? ERR_UNKNOWN : ERR_NONE;
}

/* --- posts and records ------------------------------------------------------------------------------------------- */

static void a_card_is_posted_recorded_and_left_alone(void **state) {
    (void)state;
    uint64_t id = show_one();
    assert_false(fake->calls[0].again || fake->calls[0].edits);
    assert_string_equal(fake->calls[0].nonce, "D1-status");
    tell(id);
    rig_run_ms(&rig, 400);
    assert_int_equal(fake->call_count, 1);
    admit(id);
    tell(id);
    wait_for_calls(2);
    assert_true(fake->calls[1].edits);
    assert_string_equal(fake->calls[1].message, "m1");
}

static void that_a_post_is_tried_is_recorded_before(void **state) {
    (void)state;
    uint64_t id = leader_create(&leader, "deploys");
    fake->holds = hold_all;
    tell(id);
    wait_for_calls(1);
    assert_string_equal(record_of(id, "fake:C1:status"), "posting");
}

static void what_may_have_been_posted_is_looked_for(void **state) {
    (void)state;
    uint64_t id = leader_create(&leader, "deploys");
    fake->verdict = maybe_once;
    tell(id);
    wait_for_record(id, "fake:C1:status", "m1");
    assert_int_equal(fake->call_count, 2);
    assert_true(fake->calls[1].again);
    assert_true(fake->calls[1].at_ms - fake->calls[0].at_ms >= 1900);
    assert_int_equal(fake->message_count, 1);
}

static void what_a_leader_that_died_was_posting_is_looked_for(void **state) {
    (void)state;
    uint64_t id = leader_create(&leader, "deploys");
    set_record(id, "fake:C1:status", "posting");
    tell(id);
    wait_for_record(id, "fake:C1:status", "m1");
    assert_true(fake->calls[0].again);
}

static void an_adapter_that_shows_a_nonce_once_needs_no_record_of_a_try(void **state) {
    (void)state;
    uint64_t id = leader_create(&leader, "deploys");
    fake->functions.idempotent = true;
    fake->holds = hold_all;
    tell(id);
    wait_for_calls(1);
    assert_string_equal(record_of(id, "fake:C1:status"), "(nil)");
    fake->holds = NULL;
    fake_chat_answer(fake);
    wait_for_record(id, "fake:C1:status", "m1");
}

/* --- deleted messages -------------------------------------------------------------------------------------------- */

static void a_deleted_message_appears_again_once(void **state) {
    (void)state;
    uint64_t id = show_one();
    fake->messages[0].deleted = true;
    admit(id);
    tell(id);
    wait_for_record(id, "fake:C1:status", "m2");
    tell(id);
    rig_run_ms(&rig, 400);
    assert_int_equal(fake_chat_shown(fake, "D1-status"), 1);
    assert_int_equal(fake->call_count, 3);
    assert_false(fake->calls[2].again || fake->calls[2].edits);
}

static void the_closing_line_brings_back_a_status_message_that_was_deleted(void **state) {
    (void)state;
    uint64_t id = leader_create(&leader, "deploys");
    finish(id);
    fake->holds = hold_closing;
    tell(id);
    wait_for_calls(2);
    assert_int_equal(fake->calls[1].kind, CARD_CLOSING);
    assert_string_equal(fake->calls[1].thread, "m1");
    fake->messages[0].deleted = true;
    fake->holds = NULL;
    fake_chat_answer(fake);
    wait_for_record(id, "fake:C1:closing", "m3");
    wait_for_record(id, "fake:C1:status", "m2");
    assert_int_equal(fake_chat_shown(fake, "D1-status"), 1);
    assert_int_equal(fake_chat_shown(fake, "D1-closing"), 1);
    rig_run_ms(&rig, 600);
    assert_int_equal(fake->call_count, 4);
}

/* --- nothing waits ----------------------------------------------------------------------------------------------- */

static void a_question_is_asked_while_the_progress_hangs(void **state) {
    (void)state;
    uint64_t id = show_one();
    admit(id);
    fake->holds = hold_status;
    tell(id);
    wait_for_calls(2);
    leader_end_run(&leader, id, 1, 0);
    leader_end_run(&leader, id, 0, 100);
    tell(id);
    wait_for("D1-Q1", NULL);
    assert_true(fake->calls[1].open);
    assert_int_equal(fake->call_count, 3);
    fake->holds = NULL;
    fake_chat_answer(fake);
    wait_for("D1-status", "Paused");
    assert_int_equal(fake_chat_shown(fake, NULL), 2);
}

static void a_change_while_the_deployment_is_read_is_not_forgotten(void **state) {
    (void)state;
    for (int64_t after_ms = 0; after_ms < 4; after_ms++) {
        uint64_t id = leader_create(&leader, "deploys");
        struct rig_result result = {0};
        char nonce[FAKE_TEXT];
        (void)snprintf(nonce, sizeof nonce, "D%llu-status", (unsigned long long)id);
        struct commit *commit = leader_prepare(&leader, id, (struct event){.kind = EVENT_ADMITTED});
        tell(id);
        rig_run_ms(&rig, after_ms);
        commit_send(commit, rig_committed, &result);
        tell(id);
        assert_int_equal(rig_wait(&rig, &result), COMMIT_DONE);
        wait_for(nonce, "Running");
    }
}

static void many_that_hang_keep_nobody_from_being_read(void **state) {
    (void)state;
    fake->holds = hold_all;
    for (size_t i = 0; i < 33; i++) {
        leader_create(&leader, "deploys");
    }
    for (uint64_t id = 1; id <= 33; id++) {
        tell(id);
    }
    wait_for_calls(33);
    fake->holds = NULL;
    fake_chat_answer(fake);
    wait_for_messages(33);
}

/* --- leaders ----------------------------------------------------------------------------------------------------- */

static void what_is_under_way_at_the_stop_ends_without_a_record(void **state) {
    (void)state;
    uint64_t id = show_one();
    char before[FAKE_TEXT];
    (void)snprintf(before, sizeof before, "%s", record_of(id, "fake:C1:status"));
    uint64_t other = leader_create(&leader, "other");
    admit(id);
    fake->holds = hold_all;
    tell(id);
    tell(other);
    wait_for_calls(3);
    close_all();
    rig.store = rig_open_store(&rig);
    rig_ready(&rig);
    assert_string_equal(record_of(id, "fake:C1:status"), before);
    assert_string_equal(record_of(other, "fake:C2:status"), "posting");
}

static void a_stop_at_any_moment_leaves_nothing_behind(void **state) {
    (void)state;
    uint64_t id = leader_create(&leader, "deploys");
    finish(id);
    close_all();
    for (int64_t after_ms = 0; after_ms < 12; after_ms++) {
        rig.store = rig_open_store(&rig);
        rig_ready(&rig);
        (void)rig_call(&rig, "DEL", "t:dep:1:views");
        open_chat();
        reconciler_lead(reconciler, true);
        tell(id);
        rig_run_ms(&rig, after_ms);
        close_all();
    }
}

static void what_ends_after_another_leads_is_not_recorded(void **state) {
    (void)state;
    uint64_t id = leader_create(&leader, "deploys");
    fake->holds = hold_all;
    tell(id);
    wait_for_calls(1);
    set_leader("them");
    set_record(id, "fake:C1:status", "theirs m7");
    fake->holds = NULL;
    fake_chat_answer(fake);
    rig_run_ms(&rig, 100);
    assert_string_equal(record_of(id, "fake:C1:status"), "theirs m7");
    char troubles[FAKE_TEXT];
    write_troubles(troubles, sizeof troubles);
    assert_non_null(strstr(troubles, "Another process"));
}

static void what_ends_after_we_were_deposed_is_not_recorded(void **state) {
    (void)state;
    uint64_t id = leader_create(&leader, "deploys");
    fake->holds = hold_all;
    tell(id);
    wait_for_calls(1);
    reconciler_lead(reconciler, false);
    fake->holds = NULL;
    fake_chat_answer(fake);
    rig_run_ms(&rig, 600);
    assert_string_equal(record_of(id, "fake:C1:status"), "posting");
    assert_int_equal(fake->call_count, 1);
}

static void nothing_is_shown_by_who_may_not_lead_any_more(void **state) {
    (void)state;
    uint64_t id = show_one(), other = leader_create(&leader, "other");
    admit(id);
    sure = false;
    tell(id);
    tell(other);
    rig_run_ms(&rig, 600);
    assert_int_equal(fake->call_count, 1);
    sure = true;
    wait_for("D2-status", NULL);
    wait_for("D1-status", "Running");
}

static void a_leader_again_shows_what_changed_meanwhile(void **state) {
    (void)state;
    uint64_t id = show_one();
    admit(id);
    fake->holds = hold_all;
    tell(id);
    wait_for_calls(2);
    reconciler_lead(reconciler, false);
    leader_end_run(&leader, id, 1, 0);
    leader_end_run(&leader, id, 0, 100);
    reconciler_lead(reconciler, true);
    wait_for_calls(3);
    fake->holds = NULL;
    fake_chat_answer(fake);
    wait_for("D1-status", "Paused");
    wait_for("D1-Q1", NULL);
    assert_int_equal(fake_chat_shown(fake, NULL), 2);
}

int main(void) {
    log_set_level(LOG_ERROR);
    const struct CMUnitTest tests[] = {
        reconciler_test(a_card_is_posted_recorded_and_left_alone),
        reconciler_test(that_a_post_is_tried_is_recorded_before),
        reconciler_test(what_may_have_been_posted_is_looked_for),
        reconciler_test(what_a_leader_that_died_was_posting_is_looked_for),
        reconciler_test(an_adapter_that_shows_a_nonce_once_needs_no_record_of_a_try),
        reconciler_test(a_deleted_message_appears_again_once),
        reconciler_test(the_closing_line_brings_back_a_status_message_that_was_deleted),
        reconciler_test(a_question_is_asked_while_the_progress_hangs),
        reconciler_test(a_change_while_the_deployment_is_read_is_not_forgotten),
        reconciler_test(many_that_hang_keep_nobody_from_being_read),
        reconciler_test(what_is_under_way_at_the_stop_ends_without_a_record),
        reconciler_test(a_stop_at_any_moment_leaves_nothing_behind),
        reconciler_test(what_ends_after_another_leads_is_not_recorded),
        reconciler_test(what_ends_after_we_were_deposed_is_not_recorded),
        reconciler_test(nothing_is_shown_by_who_may_not_lead_any_more),
        reconciler_test(a_leader_again_shows_what_changed_meanwhile),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
