/* Cards about questions that were answered or closed, in part or whole. */

#include "fakes/view_test.h"

static void a_retry_is_told_until_it_has_worked(void **state) {
    (void)state;
    begin();
    succeed(FETCH, 0);
    break_down(INSTALL, 2);
    now_ms += 4 * 60000;
    answer(42, GUIDANCE_RETRY, "alice", "freed 12 GB");
    const struct card *card = question_card();
    assert_string_equal(card->state, "answered");
    assert_string_equal(card->title, "Answered");
    assert_int_equal(card->action_count, 0);
    assert_int_equal(card->mention.count, 0);
    assert_null(card->excerpt);
    assert_string_equal(card->outcome, "Retry by alice after 4 min · waits for a worker");
    assert_string_equal(card->text,
                        "Q42: Install on web-3 (webshop 1.4.2 to production): Retry by alice after 4 min · waits "
                        "for a worker: “freed 12 GB”");
    assert_fact(card, "Install on web-3");
    assert_fact(card, "Note by alice: freed 12 GB");
    start(INSTALL, 2);
    assert_string_equal(question_card()->outcome, "Retry by alice after 4 min · attempt 2 is running");
    succeed(INSTALL, 2);
    assert_string_equal(question_card()->outcome, "Retry by alice after 4 min · worked on attempt 2");
}

static void a_retry_that_fails_again_or_is_lost_says_so(void **state) {
    (void)state;
    begin();
    succeed(FETCH, 0);
    break_down(INSTALL, 2);
    break_down(INSTALL, 1);
    now_ms += 60000;
    answer(42, GUIDANCE_RETRY, "alice", NULL);
    answer(43, GUIDANCE_RETRY, "bob", NULL);
    end(INSTALL, 2, (struct outcome){OUTCOME_TIMEOUT, 300000}, "");
    lose(INSTALL, 1);
    assert_string_equal(view_question(&d, records, 1, now_ms, arena)->outcome,
                        "Retry by alice after 1 min · attempt 2: timed out after 5 min");
    assert_string_equal(view_question(&d, records + 1, 1, now_ms, arena)->outcome,
                        "Retry by bob after 1 min · outcome of attempt 2 unknown");
}

static void the_older_attempt_that_was_found_alive_is_not_called_a_retry(void **state) {
    (void)state;
    begin();
    lose(FETCH, 0);
    answer(42, GUIDANCE_RETRY, "alice", NULL);
    const struct run *run = deployment_run(&d, FETCH, 0);
    give((struct event){.kind = EVENT_STILL_RUNNING, .step = FETCH, .attempt = 2, .epoch = run->epoch});
    assert_string_equal(question_card()->outcome,
                        "Retry by alice after 0 s · not run again, attempt 1 is still running");
}

static void ignore_exclude_and_fail_are_told(void **state) {
    (void)state;
    begin();
    succeed(FETCH, 0);
    break_down(INSTALL, 0);
    break_down(INSTALL, 1);
    break_down(INSTALL, 2);
    now_ms += 90000;
    answer(42, GUIDANCE_IGNORE, "alice", NULL);
    answer(43, GUIDANCE_EXCLUDE, "bob", NULL);
    assert_string_equal(view_question(&d, records, 1, now_ms, arena)->outcome,
                        "Ignore by alice after 1 min 30 s · counts as done, with a warning");
    assert_string_equal(view_question(&d, records + 1, 1, now_ms, arena)->outcome,
                        "Exclude by bob after 1 min 30 s · web-2 is excluded");
    answer(44, GUIDANCE_FAIL, "carol", "needs a fix");
    assert_string_equal(view_question(&d, records + 2, 1, now_ms, arena)->outcome,
                        "Fail by carol after 1 min 30 s · the deployment failed");
}

static void a_mixed_card_says_who_answered_what_and_asks_for_the_rest(void **state) {
    (void)state;
    begin();
    succeed(FETCH, 0);
    break_down(INSTALL, 0);
    break_down(INSTALL, 1);
    break_down(INSTALL, 2);
    answer(42, GUIDANCE_RETRY, "alice", NULL);
    succeed(INSTALL, 0);
    const struct card *card = question_card();
    assert_string_equal(card->state, "paused");
    assert_int_equal(card->question, 42);
    assert_int_equal(card->revision, 3);
    assert_null(card->outcome);
    assert_string_equal(rows(card), "web-2 [asking] exit code 100 · attempt 1\n"
                                    "web-3 [asking] exit code 100 · attempt 1\n"
                                    "web-1 [succeeded] Retry by alice after 0 s · worked on attempt 2\n");
    assert_string_equal(actions(card),
                        "retry:Retry* | ignore:Ignore | exclude:Exclude 2 machines | fail:Fail deployment! | "
                        "take:Take");
    /* What is typed names the card, since another of its questions would stand for its own machine alone. */
    assert_non_null(strstr(card->text, "Q42: Install failed on 2 of 3 machines"));
    assert_non_null(strstr(card->text, "Answer for all: retry Q42, "));
    answer(43, GUIDANCE_RETRY, "alice", NULL);
    assert_string_equal(actions(question_card()), "retry:Retry* | ignore:Ignore | exclude:Exclude web-3 | "
                                                  "fail:Fail deployment! | take:Take");
    answer(44, GUIDANCE_EXCLUDE, "bob", NULL);
    assert_string_equal(question_card()->outcome,
                        "Retry by alice on 2 machines · Exclude by bob on 1 machine · worked on 1 machine · "
                        "still running on 1 machine");
}

static void one_answer_for_all_is_one_line(void **state) {
    (void)state;
    begin();
    succeed(FETCH, 0);
    for (size_t i = 0; i < 3; i++) {
        break_down(INSTALL, i);
    }
    now_ms += 240000;
    for (uint64_t q = 42; q < 45; q++) {
        answer(q, GUIDANCE_RETRY, "alice", "disk");
    }
    for (size_t i = 0; i < 3; i++) {
        succeed(INSTALL, i);
    }
    const struct card *card = question_card();
    assert_string_equal(card->outcome, "Retry by alice after 4 min on 3 machines · worked on 3 machines");
    assert_string_equal(card->facts[0], "Install on web-1, web-2, web-3");
    assert_string_equal(card->facts[1], "Note by alice: disk");
    assert_int_equal(card->fact_count, 2);
}

static void a_machine_that_failed_again_stands_on_the_card_once(void **state) {
    (void)state;
    begin();
    succeed(FETCH, 0);
    break_down(INSTALL, 0);
    break_down(INSTALL, 1);
    answer(42, GUIDANCE_RETRY, "alice", NULL);
    break_down(INSTALL, 0);
    assert_int_equal(records[2].question.card, 42);
    assert_string_equal(rows(question_card()), "web-2 [asking] exit code 100 · attempt 1\n"
                                               "web-1 [asking] exit code 100 · attempt 2\n");
    assert_int_equal(question_card()->revision, 3);
}

static void a_question_closed_by_deadline_or_truth_says_why(void **state) {
    (void)state;
    steps[INSTALL].guided.answer_within_ms = 2 * 3600 * 1000;
    steps[INSTALL].guided.fail_unanswered = true;
    begin();
    succeed(FETCH, 0);
    lose(INSTALL, 0);
    break_down(INSTALL, 1);
    succeed(INSTALL, 0);
    const struct card *card = view_question(&d, records, 1, now_ms, arena);
    assert_string_equal(card->title, "Closed");
    assert_string_equal(card->state, "closed");
    assert_string_equal(card->outcome, "The truth came late: it had succeeded");
    now_ms += 2 * 3600 * 1000;
    give((struct event){.kind = EVENT_DEADLINE, .question = 43});
    assert_string_equal(view_question(&d, records + 1, 1, now_ms, arena)->outcome,
                        "Nobody answered for 2 h (if_unanswered: fail)");
}

static void a_cancel_that_is_late_is_asked_about_without_claiming_too_much(void **state) {
    (void)state;
    begin();
    succeed(FETCH, 0);
    start(INSTALL, 1);
    give((struct event){.kind = EVENT_CANCEL, .actor = "bob"});
    now_ms += LIMIT_CANCEL_MS;
    give((struct event){.kind = EVENT_CANCEL_LATE});
    const struct card *card = question_card();
    assert_string_equal(card->title, "Cancel is not complete: needs web-oncall");
    assert_string_equal(card->facts[0], "The deployment was canceled, but Install may still be running on web-2");
    assert_string_equal(actions(card), "fail:Fail: stop waiting! | take:Take");
}

static void a_card_lists_no_more_rows_than_the_limit(void **state) {
    (void)state;
    make_world(150);
    begin();
    succeed(FETCH, 0);
    for (size_t i = 0; i < 149; i++) {
        break_down(INSTALL, i);
    }
    const struct card *card = question_card();
    assert_int_equal(card->row_count, LIMIT_CARD_ROWS);
    assert_string_equal(card->rows[LIMIT_CARD_ROWS - 1].name, "and 50 more");
    assert_int_equal(card->rows_left_out, 50);
    assert_true(strlen(card->text) < 400);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        view_test(a_retry_is_told_until_it_has_worked),
        view_test(a_retry_that_fails_again_or_is_lost_says_so),
        view_test(the_older_attempt_that_was_found_alive_is_not_called_a_retry),
        view_test(ignore_exclude_and_fail_are_told),
        view_test(a_mixed_card_says_who_answered_what_and_asks_for_the_rest),
        view_test(one_answer_for_all_is_one_line),
        view_test(a_machine_that_failed_again_stands_on_the_card_once),
        view_test(a_question_closed_by_deadline_or_truth_says_why),
        view_test(a_cancel_that_is_late_is_asked_about_without_claiming_too_much),
        view_test(a_card_lists_no_more_rows_than_the_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
