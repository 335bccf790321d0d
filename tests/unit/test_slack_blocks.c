/* Cards and replies as blocks of Slack. */

#include "fakes/blocks_test.h"

static void a_question_has_its_buttons_in_order(void **state) {
    (void)state;
    fail_on_web_3();
    const char *json = drawn(question_card(), URL);
    pieces_assert_has(json, "{\"text\":\"Q42: Install failed on web-3 (webshop 1.4.2 to production): exit code 100. "
                            "Answer: retry Q42, ignore Q42, exclude Q42, fail Q42.\",\"blocks\":[");
    pieces_assert_has(
        json,
        ":raised_hand: *Paused: needs web-oncall* · <!subteam^S0WEBONCALL>\\nInstall failed on web-3: exit code 100");
    const char *at = json;
    static const char *const buttons[] = {
        "\"action_id\":\"gp.retry\",\"value\":\"Q42:1\",\"text\":{\"type\":\"plain_text\",\"text\":\"Retry\"",
        "\"style\":\"primary\"",
        "\"action_id\":\"gp.ignore.note\",\"value\":\"Q42:1\",\"text\":{\"type\":\"plain_text\",\"text\":\"Ignore…\"",
        "\"action_id\":\"gp.exclude\",\"value\":\"Q42:1\"",
        "\"confirm\":{\"title\":{\"type\":\"plain_text\",\"text\":\"Exclude web-3?\"",
        "\"text\":\"Keep waiting\"",
        "\"action_id\":\"gp.fail\",\"value\":\"Q42:1\"",
        "\"style\":\"danger\",\"confirm\"",
        "\"style\":\"danger\"}",
        "\"action_id\":\"gp.take\",\"value\":\"Q42:1\"",
        "\"action_id\":\"gp.choose\",\"value\":\"Q42:1\"",
        "\"text\":\"Answer with a note…\"",
        "\"action_id\":\"gp.open\"",
        "\"url\":\"https://deploy.example.org/d/311\"",
        "<https://deploy.example.org/d/311|D311>",
    };
    for (size_t i = 0; i < sizeof buttons / sizeof *buttons; i++) {
        pieces_assert_has(at, buttons[i]);
        at = strstr(at, buttons[i]) + 1;
    }
    pieces_assert_has(json, "Runbook: <https://wiki.example.org/install?a=1&amp;b=2>");
    pieces_assert_has(json, "or reply in this thread: `retry` `ignore` `exclude` `fail` `take`");
    pieces_assert_has(json, "\"rich_text_preformatted\"");
}

static void a_confirm_tells_the_consequence_of_the_card(void **state) {
    (void)state;
    fail_on_web_3();
    const struct card *card = question_card();
    const char *json = drawn(card, NULL);
    size_t confirms = 0;
    for (size_t i = 0; i < card->action_count; i++) {
        if (card->actions[i].confirm && !card->actions[i].note_required) {
            pieces_assert_has(json, card->actions[i].consequence);
            confirms++;
        }
    }
    assert_int_equal(confirms, 2);
    assert_int_equal(pieces_count(json, "\"confirm\":{\"title\""), confirms);
}

static void without_an_address_there_are_no_links(void **state) {
    (void)state;
    fail_on_web_3();
    pieces_assert_lacks(drawn(question_card(), NULL), "gp.open");
    pieces_assert_lacks(drawn(question_card(), ""), "gp.open");
    pieces_assert_lacks(drawn(question_card(), "https://a|<!channel>"), "gp.open");
    pieces_assert_has(drawn(question_card(), NULL), "· D311");
}

static void many_machines_are_one_card_with_one_mention(void **state) {
    (void)state;
    make_world(40);
    begin();
    succeed(FETCH, 0);
    for (size_t i = 0; i < 40; i++) {
        break_down(INSTALL, i);
    }
    const char *json = drawn(question_card(), URL);
    assert_int_equal(pieces_count(json, "S0WEBONCALL"), 1);
    assert_int_equal(pieces_count(json, "\"type\":\"actions\""), 1);
    pieces_assert_has(json, ":raised_hand: *web-1* · exit code 100");
    pieces_assert_has(json, "and 20 more");
    pieces_assert_has(json, "\"text\":\"Choose machines…\"");
    pieces_assert_has(json, "\"value\":\"Q42:40\"");
}

static void an_unknown_outcome_suggests_nothing(void **state) {
    (void)state;
    begin();
    succeed(FETCH, 0);
    lose(INSTALL, 0);
    const char *json = drawn(question_card(), URL);
    pieces_assert_lacks(json, "\"style\":\"primary\"");
    pieces_assert_has(json, ":grey_question: *Outcome unknown: needs web-oncall*");
    pieces_assert_has(json, "Nothing was repeated.");
    assert_true(strstr(json, "gp.check") < strstr(json, "gp.ignore"));
    pieces_assert_has(json, "I checked: it worked");
}

static void an_answered_question_is_a_line_without_buttons(void **state) {
    (void)state;
    begin();
    succeed(FETCH, 0);
    succeed(INSTALL, 0);
    succeed(INSTALL, 1);
    break_down(INSTALL, 2);
    now_ms += 4 * 60000;
    answer(42, GUIDANCE_RETRY, "alice", "freed /var/cache <!here>");
    const char *json = drawn(question_card(), URL);
    pieces_assert_lacks(json, "\"type\":\"button\"");
    pieces_assert_lacks(json, "S0WEBONCALL");
    pieces_assert_has(json,
                      ":white_check_mark: *Q42* · Retry by alice after 4 min · waits for a worker · Install on web-3"
                      "\\nNote by alice: freed /var/cache &lt;!here&gt;\\n*webshop 1.4.2 → production* · "
                      "<https://deploy.example.org/d/311|D311>");
}

static void who_has_no_id_is_named(void **state) {
    (void)state;
    static const char *who[] = {"dave", "alice", "release-managers", "mallory", "<!channel>"};
    begin();
    break_down(FETCH, 0);
    struct card card = *question_card();
    card.mention = (struct plan_names){who, 5};
    card.title = "Paused";
    pieces_assert_has(drawn(&card, NULL),
                      "*Paused* · dave <@U012ALICE> <@U012CAROL> <@U012BOB> mallory &lt;!channel&gt;\\n");
    card.title = "Paused: needs dave";
    card.mention.count = 1;
    pieces_assert_has(drawn(&card, NULL), "*Paused: needs dave*\\n");
}

static void only_what_can_be_typed_is_said_to_be_typed(void **state) {
    (void)state;
    fail_on_web_3();
    struct card card = *question_card();
    card.actions[0].verb = "approve";
    const char *json = drawn(&card, NULL);
    pieces_assert_has(json, "\"action_id\":\"gp.approve\"");
    pieces_assert_has(json, "or reply in this thread: `ignore` `exclude` `fail` `take`");
}

static void nobody_is_mentioned_where_the_card_names_nobody(void **state) {
    (void)state;
    fail_on_web_3();
    struct card card = *question_card();
    card.mention.count = 0;
    pieces_assert_lacks(drawn(&card, NULL), "subteam");
}

static void a_status_shows_its_steps_while_it_runs(void **state) {
    (void)state;
    begin();
    now_ms += 6000;
    succeed(FETCH, 0);
    start(INSTALL, 0);
    const char *json = drawn(view_status(&d, now_ms, arena), URL);
    pieces_assert_has(json, ":arrow_forward: *Running* · *webshop 1.4.2 → production*");
    pieces_assert_has(json, ":white_check_mark: *Fetch package*");
    pieces_assert_has(json, ":arrow_forward: *Install* · 0 of 3 machines");
    pieces_assert_has(json, ":white_circle: *Smoke test*");
    pieces_assert_has(json, "\"accessory\":{\"type\":\"button\",\"action_id\":\"gp.open\"");
    pieces_assert_lacks(json, "\"type\":\"actions\"");
}

static void a_status_that_is_over_is_short(void **state) {
    (void)state;
    begin();
    succeed(FETCH, 0);
    for (size_t i = 0; i < 3; i++) {
        succeed(INSTALL, i);
    }
    succeed(SMOKE, 0);
    const char *json = drawn(view_status(&d, now_ms, arena), URL);
    pieces_assert_has(json, ":white_check_mark: *Succeeded*: webshop 1.4.2 to production, 3 machines");
    pieces_assert_lacks(json, "Smoke test");
    json = drawn(view_closing(&d, records, record_count, arena), URL);
    pieces_assert_has(json, ":white_check_mark: *Succeeded*: webshop 1.4.2 to production, 3 machines");
    assert_int_equal(pieces_count(json, "\"type\":\"section\""), 1);
}

static void a_reminder_is_a_line_and_an_escalation_has_buttons(void **state) {
    (void)state;
    static const char *who[] = {"release-managers"};
    const struct plan_names next = {who, 1};
    fail_on_web_3();
    now_ms += 10 * 60000;
    const char *json = drawn(view_reminder(&d, records, record_count, &next, now_ms + 300000, now_ms, arena), URL);
    pieces_assert_has(json, ":alarm_clock: *Q42 has waited 10 min*: Install on web-3");
    pieces_assert_lacks(json, "button");
    pieces_assert_lacks(json, "<@");
    json = drawn(view_escalation(&d, records, record_count, &next, now_ms, arena), URL);
    pieces_assert_has(json,
                      ":rotating_light: *No answer for 10 min: needs release-managers* · <@U012CAROL> <@U012BOB>\\n");
    pieces_assert_has(json, "gp.retry");
    pieces_assert_lacks(json, "S0WEBONCALL");
}

static void a_reply_is_its_text(void **state) {
    (void)state;
    assert_string_equal(replied("2 questions wait, oldest first:\nQ42 <x>", COMMAND_PENDING, ERR_NONE),
                        "{\"text\":\"2 questions wait, oldest first:\\nQ42 &lt;x&gt;\",\"blocks\":[{\"type\":"
                        "\"section\",\"text\":{\"type\":\"mrkdwn\",\"text\":\"2 questions wait, oldest first:\\n"
                        "Q42 &lt;x&gt;\",\"verbatim\":true}}]}");
}

static void a_refusal_is_told_by_a_sign_and_a_sentence(void **state) {
    (void)state;
    pieces_assert_has(replied("You may not.", COMMAND_RETRY, ERR_DENIED), "\"text\":\":lock: You may not.\"");
    pieces_assert_has(replied("There is no Q99.", COMMAND_RETRY, ERR_NOT_FOUND), ":warning: There is no Q99.");
    pieces_assert_has(replied("You may not.", COMMAND_LOG, ERR_DENIED), ":lock:");
}

static void a_long_reply_is_split_at_its_lines(void **state) {
    (void)state;
    const char *json =
        replied(pieces_repeat("D311 webshop 1.4.2 → production: Running\n", 200, arena), COMMAND_STATUS, ERR_NONE);
    assert_int_equal(pieces_count(json, "\"type\":\"section\""), 3);
    assert_int_equal(pieces_count(json, "Running\",\"verbatim\""), 2);
    json = replied(pieces_repeat("D311 webshop 1.4.2 → production: Running\n", 2000, arena), COMMAND_STATUS, ERR_NONE);
    pieces_assert_has(json, "There is more than a message can hold.");
}

static void output_is_shown_as_output_and_its_end_counts(void **state) {
    (void)state;
    const char *text = arena_printf(arena, "D311, Install on web-3, attempt 2:\n%slast <line>\n",
                                    pieces_repeat("a line\n", 3000, arena));
    const char *json = replied(text, COMMAND_LOG, ERR_NONE);
    pieces_assert_has(json, "\"text\":\"D311, Install on web-3, attempt 2:\",\"verbatim\"");
    pieces_assert_has(json, "rich_text_preformatted");
    pieces_assert_has(json, "last <line>\"");
    pieces_assert_lacks(json, "There is more");
}

static void help_keeps_its_columns(void **state) {
    (void)state;
    struct buf help = BUF_INIT(LIMIT_MESSAGE_BYTES);
    assert_int_equal(command_help(NULL, &help, NULL), 0);
    const char *json = replied(help.data, COMMAND_HELP, ERR_NONE);
    pieces_assert_has(json, "rich_text_preformatted");
    pieces_assert_has(json, "retry");
    pieces_assert_has(json, "whoami");
    buf_finish(&help);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        view_test(a_question_has_its_buttons_in_order),
        view_test(a_confirm_tells_the_consequence_of_the_card),
        view_test(without_an_address_there_are_no_links),
        view_test(many_machines_are_one_card_with_one_mention),
        view_test(an_unknown_outcome_suggests_nothing),
        view_test(an_answered_question_is_a_line_without_buttons),
        view_test(who_has_no_id_is_named),
        view_test(only_what_can_be_typed_is_said_to_be_typed),
        view_test(nobody_is_mentioned_where_the_card_names_nobody),
        view_test(a_status_shows_its_steps_while_it_runs),
        view_test(a_status_that_is_over_is_short),
        view_test(a_reminder_is_a_line_and_an_escalation_has_buttons),
        view_test(a_reply_is_its_text),
        view_test(a_refusal_is_told_by_a_sign_and_a_sentence),
        view_test(a_long_reply_is_split_at_its_lines),
        view_test(output_is_shown_as_output_and_its_end_counts),
        view_test(help_keeps_its_columns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
