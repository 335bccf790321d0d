/* The card of a deployment while it runs, and the line that closes it. */

#include "fakes/view_test.h"

static void the_status_follows_the_deployment(void **state) {
    (void)state;
    begin();
    const struct card *card = view_status(&d, now_ms, arena);
    assert_int_equal(card->kind, CARD_STATUS);
    assert_string_equal(card->state, "running");
    assert_string_equal(card->title, "Running");
    assert_string_equal(card->text,
                        "Running: webshop 1.4.2 to production, step 1 of 3, Fetch package. Started by alice.");
    assert_fact(card, "D311 · started by alice 14:00 UTC");
    now_ms += 6000;
    start(FETCH, 0);
    assert_string_equal(rows(view_status(&d, now_ms, arena)), "Fetch package [running] since 14:00 UTC\n"
                                                              "Install [pending] \n"
                                                              "Smoke test [pending] \n");
    now_ms += 6000;
    succeed(FETCH, 0);
    succeed(INSTALL, 0);
    succeed(INSTALL, 1);
    card = view_status(&d, now_ms, arena);
    assert_string_equal(rows(card), "Fetch package [succeeded] 6 s\n"
                                    "Install [running] 2 of 3 machines · 1 running\n"
                                    "Smoke test [pending] \n");
    assert_string_equal(card->text,
                        "Running: webshop 1.4.2 to production, step 2 of 3, Install, 2 of 3 machines · 1 running. "
                        "Started by alice.");
    break_down(INSTALL, 2);
    card = view_status(&d, now_ms, arena);
    assert_string_equal(card->state, "paused");
    assert_string_equal(card->title, "Paused: needs web-oncall");
    assert_string_equal(card->text, "Paused: webshop 1.4.2 to production needs web-oncall for Install on web-3 (Q42). "
                                    "Started by alice.");
    assert_fact(card, "Open: Q42 · Install on web-3");
    assert_string_equal(card->rows[INSTALL].state, "asking");
    assert_string_equal(card->rows[INSTALL].detail, "2 of 3 machines · 1 waiting for an answer");
    assert_null(card->outcome);
    now_ms += 240000;
    answer(42, GUIDANCE_RETRY, "alice", NULL);
    succeed(INSTALL, 2);
    succeed(SMOKE, 0);
    card = view_status(&d, now_ms, arena);
    assert_string_equal(card->state, "succeeded");
    assert_string_equal(card->outcome,
                        "Succeeded: webshop 1.4.2 to production, 3 machines, 4 min 12 s (4 min waiting for people)");
    assert_string_equal(card->rows[INSTALL].detail, "3 machines");
}

static void who_waits_for_a_host_that_may_be_gone_is_told_what_helps(void **state) {
    (void)state;
    begin();
    struct run *run = deployment_run(&d, FETCH, 0);
    run->state = RUN_QUEUED;
    run->host = "h1";
    run->bound = true;
    const char *detail = view_status(&d, now_ms, arena)->rows[FETCH].detail;
    assert_non_null(strstr(detail, "waits for a worker on h1, where it may still run"));
    assert_non_null(strstr(detail, "cancel D311"));
    run->bound = false;
    assert_null(strstr(view_status(&d, now_ms, arena)->rows[FETCH].detail, "cancel"));
}

static void each_state_has_its_words(void **state) {
    (void)state;
    deployment_init(&d, &plan, arena);
    d.version = "1.4.2";
    d.actor = "alice";
    const struct {
        enum deployment_state state;
        const char *title;
    } cases[] = {
        {DEPLOYMENT_QUEUED, "Queued"},       {DEPLOYMENT_RUNNING, "Running"},
        {DEPLOYMENT_PAUSED, "Paused"},       {DEPLOYMENT_CANCELING, "Canceling"},
        {DEPLOYMENT_SUCCEEDED, "Succeeded"}, {DEPLOYMENT_SUCCEEDED_WITH_WARNINGS, "Succeeded with warnings"},
        {DEPLOYMENT_FAILED, "Failed"},       {DEPLOYMENT_CANCELED, "Canceled"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        d.state = cases[i].state;
        const struct card *card = view_status(&d, now_ms, arena);
        assert_string_equal(card->title, cases[i].title);
        assert_string_equal(card->state, deployment_state_word(d.state));
        assert_true(str_starts(card->text, cases[i].title));
    }
    d.state = DEPLOYMENT_QUEUED;
    assert_string_equal(view_status(&d, now_ms, arena)->text,
                        "Queued: webshop 1.4.2 to production. Asked for by alice.");
}

static void a_good_end_is_one_sentence(void **state) {
    (void)state;
    begin();
    succeed(FETCH, 0);
    for (size_t i = 0; i < 3; i++) {
        succeed(INSTALL, i);
    }
    now_ms += 400000;
    succeed(SMOKE, 0);
    const struct card *card = view_closing(&d, records, record_count, arena);
    assert_int_equal(card->kind, CARD_CLOSING);
    assert_string_equal(card->state, "succeeded");
    assert_string_equal(card->text, "Succeeded: webshop 1.4.2 to production, 3 machines, 6 min 40 s.");
    assert_int_equal(card->row_count, 0);
    assert_int_equal(card->mention.count, 1); /* of whom it was started by: an edit calls nobody */
    assert_string_equal(card->mention.items[0], "alice");
}

static void warnings_say_who_and_what_was_last_confirmed(void **state) {
    (void)state;
    begin();
    succeed(FETCH, 0);
    succeed(INSTALL, 0);
    succeed(INSTALL, 1);
    break_down(INSTALL, 2);
    now_ms += 60000;
    answer(42, GUIDANCE_EXCLUDE, "alice", NULL);
    break_down(SMOKE, 0);
    answer(43, GUIDANCE_IGNORE, "bob", "known flake");
    const struct card *card = view_closing(&d, records, record_count, arena);
    assert_string_equal(card->state, "succeeded_with_warnings");
    assert_string_equal(card->text,
                        "Succeeded with warnings: webshop 1.4.2 to production, 2 of 3 machines, 1 min (1 min "
                        "waiting for "
                        "people). web-3 excluded by alice, last confirmed 1.4.1; Install did not finish; Smoke test "
                        "ignored "
                        "by bob: “known flake”. What was excluded is owed 1.4.2: catch up D311.");
    assert_string_equal(rows(card), "web-3 [excluded] excluded by alice, last confirmed 1.4.1; Install did not finish\n"
                                    "Smoke test [warned] ignored by bob: “known flake”\n");
    d.previous_version = NULL;
    card = view_closing(&d, records, record_count, arena);
    assert_string_equal(card->rows[0].detail, "excluded by alice; Install did not finish");
    assert_null(strstr(card->text, "still on"));
}

static void machines_with_the_same_answer_are_one_warning(void **state) {
    (void)state;
    make_world(30);
    begin();
    succeed(FETCH, 0);
    for (size_t i = 0; i < 30; i++) {
        if (i < 12) {
            break_down(INSTALL, i);
        } else {
            succeed(INSTALL, i);
        }
    }
    for (uint64_t q = 42; q < 54; q++) {
        answer(q, GUIDANCE_EXCLUDE, "alice", "rack 7");
    }
    succeed(SMOKE, 0);
    const struct card *card = view_closing(&d, records, record_count, arena);
    assert_string_equal(rows(card),
                        "web-1, web-2, web-3, web-4, web-5, web-6, web-7, web-8 and 4 more [excluded] excluded by "
                        "alice: “rack 7”, last confirmed 1.4.1; Install did not finish\n");
}

static void machines_are_named_in_the_order_of_the_plan_whichever_failed_first(void **state) {
    (void)state;
    begin();
    succeed(FETCH, 0);
    break_down(INSTALL, 2);
    break_down(INSTALL, 0);
    succeed(INSTALL, 1);
    answer(42, GUIDANCE_EXCLUDE, "alice", NULL);
    answer(43, GUIDANCE_EXCLUDE, "alice", NULL);
    succeed(SMOKE, 0);
    assert_non_null(strstr(question_card()->text, "on web-1, web-3 "));
    assert_string_equal(view_closing(&d, records, record_count, arena)->rows[0].name, "web-1, web-3");
}

static void warnings_without_a_question_are_told_too(void **state) {
    (void)state;
    steps[SMOKE].continue_on_error = true;
    steps[FETCH].left_empty = true;
    steps[FETCH].on_worker = false;
    steps[FETCH].slot_count = 0;
    begin();
    for (size_t i = 0; i < 3; i++) {
        succeed(INSTALL, i);
    }
    break_down(SMOKE, 0);
    const struct card *card = view_closing(&d, records, record_count, arena);
    assert_string_equal(rows(card),
                        "Fetch package [warned] skipped, since none of its machines is part of this deployment\n"
                        "Smoke test [warned] failed and was passed over (on_error: continue)\n");
}

static void a_failure_says_where_why_and_who(void **state) {
    (void)state;
    begin();
    succeed(FETCH, 0);
    succeed(INSTALL, 0);
    break_down(INSTALL, 1);
    now_ms += 60000;
    answer(42, GUIDANCE_FAIL, "alice", "needs a fix");
    const struct card *card = view_closing(&d, records, record_count, arena);
    assert_string_equal(card->state, "failed");
    assert_string_equal(card->text,
                        "Failed: webshop 1.4.2 to production, 1 of 3 machines, 1 min. Install failed on web-2: exit "
                        "code 100. "
                        "alice answered Fail for Install on web-2: needs a fix. web-1 done, web-2 failed at Install, "
                        "web-3 not started. To go on with Install on 2 machines: resume D311.");
    assert_string_equal(rows(card),
                        "web-1 [succeeded] done\nweb-2 [failed] failed at Install\nweb-3 [pending] not started\n");
}

static void a_failure_without_guidance_says_where_and_why(void **state) {
    (void)state;
    steps[FETCH].guided.enabled = false;
    begin();
    break_down(FETCH, 0);
    assert_string_equal(
        view_closing(&d, records, record_count, arena)->text,
        "Failed: webshop 1.4.2 to production, 0 of 3 machines, 0 s. Fetch package on the worker failed: "
        "exit code "
        "100. web-1 not started, web-2 not started, web-3 not started. To go on with Fetch package on the worker: "
        "resume D311.");
}

static void a_cancel_says_where_each_machine_stands(void **state) {
    (void)state;
    begin();
    succeed(FETCH, 0);
    succeed(INSTALL, 0);
    start(INSTALL, 1);
    lose(INSTALL, 2);
    give((struct event){.kind = EVENT_CANCEL, .actor = "bob", .note = "wrong version"});
    end(INSTALL, 1, (struct outcome){OUTCOME_CANCELED, 0}, "");
    assert_int_equal(d.state, DEPLOYMENT_CANCELED);
    assert_string_equal(view_closing(&d, records, record_count, arena)->text,
                        "Canceled: webshop 1.4.2 to production, 1 of 3 machines, 0 s. bob canceled it: wrong version. "
                        "web-1 done, web-2 stopped at Install, web-3 unknown at Install. To go on with Install on 2 "
                        "machines: resume D311, after a look at what is unknown.");
}

static void who_waits_is_told_for_whom(void **state) {
    (void)state;
    begin();
    d.id = 41;
    now_ms += 300000;
    assert_string_equal(view_waits_for(&d, now_ms, arena), "waits for D41, running since 14:00 UTC, at Fetch package");
    succeed(FETCH, 0);
    succeed(INSTALL, 0);
    succeed(INSTALL, 1);
    break_down(INSTALL, 2);
    now_ms += 2 * 3600 * 1000;
    assert_string_equal(view_waits_for(&d, now_ms, arena),
                        "waits for D41, paused since 14:05 UTC at Install on web-3 for web-oncall (Q42)");
    d.state = DEPLOYMENT_CANCELING;
    assert_string_equal(view_waits_for(&d, now_ms, arena), "waits for D41, which is being canceled");
    d.state = DEPLOYMENT_QUEUED;
    assert_string_equal(view_waits_for(&d, now_ms, arena), "waits for D41, which waits too");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        view_test(the_status_follows_the_deployment),
        view_test(who_waits_for_a_host_that_may_be_gone_is_told_what_helps),
        view_test(each_state_has_its_words),
        view_test(a_good_end_is_one_sentence),
        view_test(warnings_say_who_and_what_was_last_confirmed),
        view_test(machines_with_the_same_answer_are_one_warning),
        view_test(machines_are_named_in_the_order_of_the_plan_whichever_failed_first),
        view_test(warnings_without_a_question_are_told_too),
        view_test(a_failure_says_where_why_and_who),
        view_test(a_failure_without_guidance_says_where_and_why),
        view_test(a_cancel_says_where_each_machine_stands),
        view_test(who_waits_is_told_for_whom),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
