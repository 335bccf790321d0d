#include "fakes/view_test.h"

static bool has_fact(const struct card *card, const char *fact) {
    for (size_t i = 0; i < card->fact_count; i++) {
        if (str_equal(card->facts[i], fact)) {
            return true;
        }
    }
    return false;
}

static void assert_fact(const struct card *card, const char *fact) {
    for (size_t i = 0; i < card->fact_count && !has_fact(card, fact); i++) {
        print_error("fact: %s\n", card->facts[i]);
    }
    assert_true(has_fact(card, fact));
}

/* "retry:Retry*! ..." where * is primary, ! danger, ? asks for a confirm, + needs a note. */
static const char *actions(const struct card *card) {
    const char *text = "";
    for (size_t i = 0; i < card->action_count; i++) {
        const struct card_action *a = &card->actions[i];
        assert_true(*a->consequence);
        text =
            arena_printf(arena, "%s%s%s:%s%s%s%s%s", text, i > 0 ? " | " : "", a->verb, a->label, a->primary ? "*" : "",
                         a->danger ? "!" : "", a->confirm ? "?" : "", a->note_required ? "+" : "");
    }
    return text;
}

static const char *rows(const struct card *card) {
    const char *text = "";
    for (size_t i = 0; i < card->row_count; i++) {
        text =
            arena_printf(arena, "%s%s [%s] %s\n", text, card->rows[i].name, card->rows[i].state, card->rows[i].detail);
    }
    return text;
}

/* --- questions ------------------------------------------------------------------------------------------------- */

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

/* --- answers --------------------------------------------------------------------------------------------------- */

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

/* --- status and closing ------------------------------------------------------------------------------------------ */

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

/* --- keys and lanes -------------------------------------------------------------------------------------------- */

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

/* --- told once more ---------------------------------------------------------------------------------------------- */

static const char *managers[] = {"release-managers"};

static void a_reminder_says_how_long_who_is_on_it_and_what_comes_next(void **state) {
    (void)state;
    const struct plan_names next = {managers, 1};
    steps[INSTALL].guided.answer_within_ms = 2 * 3600 * 1000;
    steps[INSTALL].guided.fail_unanswered = true;
    begin();
    succeed(FETCH, 0);
    break_down(INSTALL, 2);
    now_ms += 10 * 60000;
    const struct card *card = view_reminder(&d, records, record_count, &next, START_MS + 15 * 60000, now_ms, arena);
    assert_int_equal(card->kind, CARD_REMINDER);
    assert_int_equal(card->question, 42);
    assert_int_equal(card->mention.count, 0);
    assert_int_equal(card->action_count, 0);
    assert_string_equal(card->text,
                        "Q42 has waited 10 min: Install on web-3 (webshop 1.4.2 to production). Nobody is on it yet; "
                        "it goes to release-managers at 14:15 UTC. No answer by 16:00 UTC means fail.");
    records[0].taken_by = "bob";
    card = view_reminder(&d, records, record_count, NULL, 0, now_ms, arena);
    assert_string_equal(card->text, "Q42 has waited 10 min: Install on web-3 (webshop 1.4.2 to production). "
                                    "bob is on it. No answer by 16:00 UTC means fail.");
    answer(42, GUIDANCE_RETRY, "alice", NULL);
    card = view_reminder(&d, records, record_count, NULL, 0, now_ms, arena);
    assert_string_equal(card->outcome, question_card()->outcome);
    assert_int_equal(card->mention.count, 0);
}

static void an_escalation_is_the_card_for_others_until_it_is_answered(void **state) {
    (void)state;
    const struct plan_names mention = {managers, 1};
    begin();
    succeed(FETCH, 0);
    succeed(INSTALL, 0);
    succeed(INSTALL, 1);
    break_down(INSTALL, 2);
    now_ms += 15 * 60000;
    const struct card *card = view_escalation(&d, records, record_count, &mention, now_ms, arena);
    assert_int_equal(card->kind, CARD_ESCALATION);
    assert_string_equal(card->title, "No answer for 15 min: needs release-managers");
    assert_string_equal(card->mention.items[0], "release-managers");
    assert_string_equal(actions(card), actions(question_card()));
    assert_true(str_starts(card->text, "No answer for 15 min, so now release-managers: Q42: Install failed on web-3"));
    answer(42, GUIDANCE_RETRY, "alice", NULL);
    card = view_escalation(&d, records, record_count, &mention, now_ms, arena);
    assert_int_equal(card->mention.count, 0);
    assert_string_equal(card->outcome, question_card()->outcome);
}

static void a_digest_lists_what_is_open_and_since_when(void **state) {
    (void)state;
    begin();
    succeed(FETCH, 0);
    break_down(INSTALL, 2);
    struct digest_item items[LIMIT_CARD_ROWS + 20];
    for (size_t i = 0; i < LIMIT_CARD_ROWS + 20; i++) {
        items[i] = (struct digest_item){&d, question_card(), i == 0 ? "bob" : NULL};
    }
    const struct card *card = view_digest(items, 1, now_ms, arena);
    assert_string_equal(card->title, "1 question waits, oldest first");
    assert_string_equal(card->text, "1 question waits, oldest first. Q42: webshop 1.4.2 to production, Install on "
                                    "web-3, since 14:00 UTC, bob is on it.");
    card = view_digest(items, LIMIT_CARD_ROWS + 20, now_ms, arena);
    assert_int_equal(card->row_count, LIMIT_CARD_ROWS);
    assert_int_equal(card->rows_left_out, 21);
}

static void all_that_is_shown_of_a_card_ends_with_it(void **state) {
    (void)state;
    static struct plan_rung ladder[] = {{.after_ms = 60000, .room = "alerts"},
                                        {.after_ms = 120000, .run = "./page.sh"}};
    struct vigil vigil = {.card = 42,
                          .step = INSTALL,
                          .since_ms = START_MS,
                          .reminders = 3,
                          .reminded_ms = START_MS + 90000,
                          .rungs = 2,
                          .climbed_ms = {START_MS + 60000, START_MS + 120000}};
    steps[INSTALL].guided.ladder = ladder;
    steps[INSTALL].guided.rung_count = 2;
    begin();
    succeed(FETCH, 0);
    break_down(INSTALL, 2);
    records[0].vigil = &vigil;
    size_t count = 0;
    const struct card_set *set = view_card_sets(&d, records, record_count, now_ms, arena, &count);
    assert_int_equal(count, 1);
    assert_int_equal(set->reminder->turn, 3);
    assert_string_equal(set->reminder->mention.items[0], "web-oncall");
    assert_int_equal(set->escalation_count, 1); /* The other rung only calls a program. */
    assert_string_equal(set->escalations[0]->room, "alerts");
    const char *told = set->escalations[0]->text;
    now_ms += 3600000;
    set = view_card_sets(&d, records, record_count, now_ms, arena, &count);
    assert_string_equal(set->escalations[0]->text, told); /* Time alone changes nothing that was shown. */
    records[0].taken_by = "bob";
    set = view_card_sets(&d, records, record_count, now_ms, arena, &count);
    assert_string_equal(set->reminder->mention.items[0], "bob");
    answer(42, GUIDANCE_RETRY, "alice", NULL);
    set = view_card_sets(&d, records, record_count, now_ms, arena, &count);
    assert_non_null(set->reminder->outcome);
    assert_int_equal(set->reminder->mention.count, 0);
    assert_non_null(set->escalations[0]->outcome);
    assert_int_equal(set->escalations[0]->action_count, 0);
}

static void an_unknown_outcome_is_escalated_as_one(void **state) {
    (void)state;
    const struct plan_names mention = {managers, 1};
    begin();
    succeed(FETCH, 0);
    lose(INSTALL, 2);
    now_ms += 15 * 60000;
    assert_string_equal(view_escalation(&d, records, record_count, &mention, now_ms, arena)->title,
                        "Outcome unknown, no answer for 15 min: needs release-managers");
}

#define TEST(name) view_test(name)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(one_failed_machine_is_asked_about_by_name),
        TEST(paused_is_said_only_when_nothing_runs_any_more),
        TEST(without_anybody_named_it_needs_an_answer),
        TEST(a_deadline_that_only_waits_is_not_said_to_fail),
        TEST(many_machines_with_one_error_are_one_card),
        TEST(excluding_the_last_machines_is_not_offered),
        TEST(what_still_runs_after_exclude_is_said),
        TEST(a_required_step_offers_only_retry_and_fail),
        TEST(a_retry_that_is_used_up_is_gone_and_the_card_says_why),
        TEST(an_unknown_outcome_is_looked_at_first_and_nothing_is_suggested),
        TEST(a_required_step_with_an_unknown_outcome_may_be_confirmed),
        TEST(who_is_on_it_is_said_and_take_is_gone),
        TEST(where_a_claim_is_required_take_comes_first),
        TEST(a_retry_is_told_until_it_has_worked),
        TEST(a_retry_that_fails_again_or_is_lost_says_so),
        TEST(the_older_attempt_that_was_found_alive_is_not_called_a_retry),
        TEST(ignore_exclude_and_fail_are_told),
        TEST(a_mixed_card_says_who_answered_what_and_asks_for_the_rest),
        TEST(one_answer_for_all_is_one_line),
        TEST(a_machine_that_failed_again_stands_on_the_card_once),
        TEST(a_question_closed_by_deadline_or_truth_says_why),
        TEST(a_cancel_that_is_late_is_asked_about_without_claiming_too_much),
        TEST(a_card_lists_no_more_rows_than_the_limit),
        TEST(the_status_follows_the_deployment),
        TEST(each_state_has_its_words),
        TEST(a_good_end_is_one_sentence),
        TEST(warnings_say_who_and_what_was_last_confirmed),
        TEST(machines_with_the_same_answer_are_one_warning),
        TEST(machines_are_named_in_the_order_of_the_plan_whichever_failed_first),
        TEST(warnings_without_a_question_are_told_too),
        TEST(a_failure_says_where_why_and_who),
        TEST(a_failure_without_guidance_says_where_and_why),
        TEST(a_cancel_says_where_each_machine_stands),
        TEST(errors_that_differ_only_in_numbers_and_names_have_one_key),
        TEST(who_waits_is_told_for_whom),
        TEST(what_an_approval_asks_keeps_its_question_mark),
        TEST(an_approval_says_what_can_be_typed),
        TEST(a_reminder_says_how_long_who_is_on_it_and_what_comes_next),
        TEST(an_escalation_is_the_card_for_others_until_it_is_answered),
        TEST(an_unknown_outcome_is_escalated_as_one),
        TEST(a_digest_lists_what_is_open_and_since_when),
        TEST(all_that_is_shown_of_a_card_ends_with_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
