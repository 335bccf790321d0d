/* Cards about questions: what is asked, of whom, and what can be answered. */

#include "fakes/view_test.h"

static void one_failed_machine_is_asked_about_by_name(void **state) {
    (void)state;
    steps[INSTALL].guided.answer_within_ms = 2 * 3600 * 1000;
    steps[INSTALL].guided.fail_unanswered = true;
    steps[INSTALL].guided.confirm = GUIDANCE_EXCLUDE | GUIDANCE_FAIL;
    steps[INSTALL].guided.note_required = GUIDANCE_IGNORE;
    steps[INSTALL].guided.hint = "Is the disk full?";
    begin();
    succeed(FETCH, 0);
    succeed(INSTALL, 0);
    succeed(INSTALL, 1);
    now_ms += 2 * 60000;
    break_down(INSTALL, 2);
    const struct card *card = question_card();
    assert_int_equal(card->kind, CARD_QUESTION);
    assert_int_equal(card->deployment, 311);
    assert_int_equal(card->question, 42);
    assert_int_equal(card->revision, 1);
    assert_string_equal(card->state, "paused");
    assert_string_equal(card->title, "Paused: needs web-oncall");
    assert_string_equal(card->subject, "webshop 1.4.2 → production");
    assert_string_equal(card->text,
                        "Q42: Install failed on web-3 (webshop 1.4.2 to production): exit code 100. "
                        "Answer: retry Q42, ignore Q42, exclude Q42, fail Q42. No answer by 16:02 UTC means fail.");
    assert_string_equal(actions(card),
                        "retry:Retry* | ignore:Ignore+ | exclude:Exclude web-3? | fail:Fail deployment!? | "
                        "take:Take | extend:Extend | park:Park");
    assert_string_equal(card->excerpt, "Unpacking\nNo space left on device\n");
    assert_int_equal(card->row_count, 0);
    assert_null(card->outcome);
    assert_int_equal(card->mention.count, 1);
    assert_string_equal(card->mention.items[0], "web-oncall");
    assert_fact(card, "Install failed on web-3: exit code 100");
    assert_fact(card, "Attempt 1");
    assert_fact(card, "2 of 3 machines done · 0 running");
    assert_fact(card, "Hint: Is the disk full?");
    assert_fact(card, "Q42 · asked 14:02 UTC · no answer by 16:02 UTC means fail");
}

static void paused_is_said_only_when_nothing_runs_any_more(void **state) {
    (void)state;
    begin();
    succeed(FETCH, 0);
    start(INSTALL, 0);
    break_down(INSTALL, 2);
    assert_int_equal(d.state, DEPLOYMENT_RUNNING);
    assert_string_equal(question_card()->title, "Needs web-oncall");
    assert_fact(question_card(), "0 of 3 machines done · 2 running");
    succeed(INSTALL, 0);
    succeed(INSTALL, 1);
    assert_string_equal(question_card()->title, "Paused: needs web-oncall");
}

static void without_anybody_named_it_needs_an_answer(void **state) {
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        steps[i].guided.responsible.count = 0;
    }
    begin();
    break_down(FETCH, 0);
    const struct card *card = question_card();
    assert_string_equal(card->title, "Paused: needs an answer");
    assert_string_equal(card->text,
                        "Q42: Fetch package failed on the worker (webshop 1.4.2 to production): exit code 100. "
                        "Answer: retry Q42, ignore Q42, fail Q42.");
    assert_int_equal(card->mention.count, 0);
}

static void a_deadline_that_only_waits_is_not_said_to_fail(void **state) {
    (void)state;
    steps[FETCH].guided.answer_within_ms = 3600 * 1000;
    begin();
    break_down(FETCH, 0);
    assert_null(strstr(question_card()->text, "No answer"));
    assert_fact(question_card(), "Q42 · asked 14:00 UTC");
}

static void many_machines_with_one_error_are_one_card(void **state) {
    (void)state;
    make_world(10);
    begin();
    succeed(FETCH, 0);
    for (size_t i = 0; i < 10; i++) {
        if (i < 7) {
            break_down(INSTALL, i);
        } else {
            succeed(INSTALL, i);
        }
    }
    assert_int_equal(record_count, 7);
    assert_int_equal(records[6].question.card, 42);
    const struct card *card = question_card();
    assert_int_equal(card->revision, 7);
    assert_string_equal(card->text,
                        "Q42: Install failed on 7 of 10 machines (webshop 1.4.2 to production): exit code 100. "
                        "Answer for all: retry Q42, ignore Q42, exclude Q42, fail Q42; for some: retry Q42 web-1.");
    assert_string_equal(actions(card),
                        "retry:Retry* | ignore:Ignore | exclude:Exclude 7 machines | fail:Fail deployment! | "
                        "take:Take");
    assert_string_equal(card->actions[0].consequence,
                        "Runs Install again on 7 machines. Steps before it are not repeated.");
    assert_string_equal(card->actions[1].consequence, "Counts Install on 7 machines as done, with a warning.");
    assert_string_equal(card->actions[2].consequence,
                        "7 machines get no further step in this deployment and do not count as having 1.4.2. "
                        "The other 3 machines go on.");
    assert_int_equal(card->row_count, 7);
    assert_string_equal(card->rows[0].name, "web-1");
    assert_string_equal(card->rows[0].state, "asking");
    assert_string_equal(card->rows[0].detail, "exit code 100 · attempt 1");
    assert_fact(card, "3 of 10 machines done · 0 running");
}

static void excluding_the_last_machines_is_not_offered(void **state) {
    (void)state;
    begin();
    succeed(FETCH, 0);
    break_down(INSTALL, 0);
    break_down(INSTALL, 1);
    break_down(INSTALL, 2);
    const struct card *card = question_card();
    assert_string_equal(actions(card), "retry:Retry* | ignore:Ignore | fail:Fail deployment! | take:Take");
    assert_fact(card, "Excluding all of them would leave no machine; to end the deployment, answer Fail.");
    answer(42, GUIDANCE_EXCLUDE, "alice", NULL);
    answer(43, GUIDANCE_EXCLUDE, "alice", NULL);
    assert_string_equal(actions(question_card()), "retry:Retry* | ignore:Ignore | fail:Fail deployment! | take:Take");
}

static void what_still_runs_after_exclude_is_said(void **state) {
    (void)state;
    steps[INSTALL].group = "roll";
    steps[SMOKE] = steps[INSTALL];
    steps[SMOKE].name = "Mark as broken";
    steps[SMOKE].condition = PLAN_CLEANUP;
    begin();
    succeed(FETCH, 0);
    break_down(INSTALL, 0);
    break_down(INSTALL, 1);
    const struct card *card = question_card();
    assert_string_equal(card->actions[2].consequence,
                        "2 machines get no further step in this deployment but Mark as broken, and do not count as "
                        "having "
                        "1.4.2. The other machine goes on.");
}

static void a_required_step_offers_only_retry_and_fail(void **state) {
    (void)state;
    steps[INSTALL].required = true;
    begin();
    succeed(FETCH, 0);
    break_down(INSTALL, 2);
    assert_string_equal(actions(question_card()), "retry:Retry* | fail:Fail deployment! | take:Take");
    assert_string_equal(question_card()->text,
                        "Q42: Install failed on web-3 (webshop 1.4.2 to production): exit code 100. "
                        "Answer: retry Q42, fail Q42.");
}

static void a_retry_that_is_used_up_is_gone_and_the_card_says_why(void **state) {
    (void)state;
    steps[FETCH].guided.max_retries = 1;
    begin();
    break_down(FETCH, 0);
    answer(42, GUIDANCE_RETRY, "alice", NULL);
    break_down(FETCH, 0);
    const struct card *card = view_question(&d, records + 1, 1, now_ms, arena);
    assert_string_equal(actions(card), "ignore:Ignore | fail:Fail deployment! | take:Take");
    assert_fact(card, "Fetch package on the worker was retried 1 time, the most that max_retries allows.");
    assert_non_null(strstr(card->text, "the most that max_retries allows. Answer: ignore Q43, fail Q43."));
}

static void an_unknown_outcome_is_looked_at_first_and_nothing_is_suggested(void **state) {
    (void)state;
    begin();
    succeed(FETCH, 0);
    succeed(INSTALL, 0);
    succeed(INSTALL, 1);
    lose(INSTALL, 2);
    const struct card *card = question_card();
    assert_string_equal(card->state, "unknown");
    assert_string_equal(card->title, "Outcome unknown: needs web-oncall");
    assert_string_equal(actions(card), "check:Check again | ignore:I checked: it worked? | retry:Run it again? | "
                                       "exclude:Exclude web-3 | fail:Fail deployment! | take:Take");
    assert_string_equal(card->text,
                        "Q42: Outcome unknown: Install started on web-3 (webshop 1.4.2 to production) and nobody "
                        "saw its "
                        "end. It may have finished, may still run, or may have stopped half-way. Nothing was repeated. "
                        "Answer: check Q42, ignore Q42 (I checked: it worked), retry Q42 (Run it again), exclude Q42, "
                        "fail Q42.");
    assert_fact(card, "Attempt 1 · ran on worker w-2");
    steps[INSTALL].safe_to_rerun = true;
    assert_non_null(strstr(actions(question_card()), "retry:Run it again |"));
}

static void a_required_step_with_an_unknown_outcome_may_be_confirmed(void **state) {
    (void)state;
    steps[INSTALL].required = true;
    begin();
    succeed(FETCH, 0);
    lose(INSTALL, 2);
    assert_string_equal(actions(question_card()),
                        "check:Check again | ignore:I checked: it worked? | retry:Run it again? | "
                        "fail:Fail deployment! | take:Take");
}

static void who_is_on_it_is_said_and_take_is_gone(void **state) {
    (void)state;
    begin();
    break_down(FETCH, 0);
    records[0].taken_by = "bob";
    assert_fact(question_card(), "bob is on it");
    assert_string_equal(actions(question_card()), "retry:Retry* | ignore:Ignore | fail:Fail deployment!");
}

static void where_a_claim_is_required_take_comes_first(void **state) {
    (void)state;
    steps[FETCH].guided.claim_required = true;
    begin();
    break_down(FETCH, 0);
    assert_fact(question_card(), "Take it before you answer: take Q42");
    assert_string_equal(actions(question_card()), "retry:Retry | ignore:Ignore | fail:Fail deployment! | take:Take*");
    records[0].taken_by = "bob";
    assert_string_equal(actions(question_card()), "retry:Retry* | ignore:Ignore | fail:Fail deployment!");
}

static const char *key(int64_t code, const char *excerpt, const char *target) {
    return view_error_key((struct outcome){OUTCOME_EXIT, code}, excerpt, target, arena);
}

static void errors_that_differ_only_in_numbers_and_names_have_one_key(void **state) {
    (void)state;
    const struct {
        const char *a, *b;
    } same[] = {
        {"first\nNo space left on device\n", "other\n  No space left on device \n\n\r\n"},
        {"web-1: cannot write to /data", "web-2: cannot write to /data"},
        {"pid 4711 died at 12:04:11", "pid 9 died at 13:55:00"},
        {"bad pointer 0x7fff12ab", "bad pointer 0x1"},
        {"object 3f2a9c81d0 is missing", "object 77e0aa12bc is missing"},
        {"", "\n \n"},
    };
    for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
        assert_string_equal(key(1, same[i].a, "web-1"), key(1, same[i].b, "web-2"));
    }
    assert_string_not_equal(key(1, "disk full", "web-1"), key(2, "disk full", "web-1"));
    assert_string_not_equal(key(1, "disk full", "web-1"), key(1, "disk broken", "web-1"));
    assert_string_equal(key(100, "web-1: 12 errors, code 0xdeadbeef\n", "web-1"), "exit 100: @: # errors, code #");
    assert_string_equal(key(1, "web-12 is not web-1", "web-1"), "exit 1: web-# is not @");
    assert_string_equal(key(1, NULL, "worker"), "exit 1: ");
}

static void what_an_approval_asks_keeps_its_question_mark(void **state) {
    (void)state;
    steps[FETCH].approve = true;
    steps[FETCH].instructions = "Is the change window open?";
    begin();
    assert_true(str_starts(question_card()->text, "Q42: Fetch package waits for an approval (webshop 1.4.2 to "
                                                  "production): Is the change window open?"));
    assert_null(strstr(question_card()->text, "?."));
}

static void an_approval_says_what_can_be_typed(void **state) {
    (void)state;
    steps[FETCH].approve = true;
    begin();
    assert_non_null(strstr(question_card()->text, " Answer: proceed Q42, abort Q42."));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        view_test(one_failed_machine_is_asked_about_by_name),
        view_test(paused_is_said_only_when_nothing_runs_any_more),
        view_test(without_anybody_named_it_needs_an_answer),
        view_test(a_deadline_that_only_waits_is_not_said_to_fail),
        view_test(many_machines_with_one_error_are_one_card),
        view_test(excluding_the_last_machines_is_not_offered),
        view_test(what_still_runs_after_exclude_is_said),
        view_test(a_required_step_offers_only_retry_and_fail),
        view_test(a_retry_that_is_used_up_is_gone_and_the_card_says_why),
        view_test(an_unknown_outcome_is_looked_at_first_and_nothing_is_suggested),
        view_test(a_required_step_with_an_unknown_outcome_may_be_confirmed),
        view_test(who_is_on_it_is_said_and_take_is_gone),
        view_test(where_a_claim_is_required_take_comes_first),
        view_test(errors_that_differ_only_in_numbers_and_names_have_one_key),
        view_test(what_an_approval_asks_keeps_its_question_mark),
        view_test(an_approval_says_what_can_be_typed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
