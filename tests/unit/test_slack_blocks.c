#include "fakes/view_test.h"

#include "base/json.h"
#include "chat/slack/blocks.h"
#include "slack_limits.h"

enum { MESSAGE_BYTES = 4 << 20 };

static const char URL[] = "https://deploy.example.org";

/* --- who is who --------------------------------------------------------------------------------------------------- */

static const char *carol_and_bob[] = {"carol", "bob"};

static const char *person_id(const char *person, void *user) {
    (void)user;
    return str_equal(person, "alice")     ? "U012ALICE"
           : str_equal(person, "carol")   ? "U012CAROL"
           : str_equal(person, "bob")     ? "U012BOB"
           : str_equal(person, "mallory") ? "U1> <!channel"
                                          : NULL;
}

static const char *group_id(const char *team, void *user) {
    (void)user;
    return str_equal(team, "web-oncall") ? "S0WEBONCALL" : NULL;
}

static struct plan_names members_of(const char *team, void *user) {
    (void)user;
    return str_equal(team, "release-managers") ? (struct plan_names){carol_and_bob, 2} : (struct plan_names){0};
}

static const struct slack_names names = {.person = person_id, .group = group_id, .members = members_of};

/* --- drawing ------------------------------------------------------------------------------------------------------ */

static const char *keep(struct buf *json) {
    assert_false(json->overflow);
    const char *text = arena_strdup(arena, json->data);
    buf_finish(json);
    const char *broken = slack_limits_message(text);
    if (broken != NULL) {
        fail_msg("%s in %.3000s", broken, text);
    }
    return text;
}

static const char *drawn(const struct card *card, const char *url) {
    struct buf json = BUF_INIT(MESSAGE_BYTES);
    struct json_out out = {.buf = &json};
    json_object_begin(&out, NULL);
    blocks_card(card, &names, url, &out);
    json_object_end(&out);
    return keep(&json);
}

static const char *replied(const char *text, enum command_id command, enum err_code code) {
    struct buf json = BUF_INIT(MESSAGE_BYTES);
    struct json_out out = {.buf = &json};
    struct err err = {.code = code};
    struct operation_reply reply = {.text = text, .err = code == ERR_NONE ? NULL : &err};
    json_object_begin(&out, NULL);
    blocks_reply(&reply, command, &out);
    json_object_end(&out);
    return keep(&json);
}

static void assert_has(const char *json, const char *piece) {
    if (strstr(json, piece) == NULL) {
        fail_msg("no %s in %s", piece, json);
    }
}

static void assert_lacks(const char *json, const char *piece) {
    if (strstr(json, piece) != NULL) {
        fail_msg("%s in %s", piece, json);
    }
}

static size_t count(const char *json, const char *piece) {
    size_t found = 0;
    for (const char *p = strstr(json, piece); p != NULL; p = strstr(p + 1, piece)) {
        found++;
    }
    return found;
}

static const char *repeat(const char *piece, size_t times) {
    struct buf all = BUF_INIT(strlen(piece) * times);
    for (size_t i = 0; i < times; i++) {
        buf_adds(&all, piece);
    }
    const char *text = arena_strdup(arena, all.data);
    buf_finish(&all);
    return text;
}

/* --- a question ------------------------------------------------------------------------------------------------------ */

static void fail_on_web_3(void) {
    steps[INSTALL].guided.confirm = GUIDANCE_EXCLUDE | GUIDANCE_FAIL;
    steps[INSTALL].guided.note_required = GUIDANCE_IGNORE;
    steps[INSTALL].guided.runbook = "https://wiki.example.org/install?a=1&b=2";
    begin();
    succeed(FETCH, 0);
    succeed(INSTALL, 0);
    succeed(INSTALL, 1);
    break_down(INSTALL, 2);
}

static void a_question_has_its_buttons_in_order(void **state) {
    (void)state;
    fail_on_web_3();
    const char *json = drawn(question_card(), URL);
    assert_has(json, "{\"text\":\"Q42: Install failed on web-3 (webshop 1.4.2 to production): exit code 100. "
                     "Answer: retry Q42, ignore Q42, exclude Q42, fail Q42.\",\"blocks\":[");
    assert_has(
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
        assert_has(at, buttons[i]);
        at = strstr(at, buttons[i]) + 1;
    }
    assert_has(json, "Runbook: <https://wiki.example.org/install?a=1&amp;b=2>");
    assert_has(json, "or reply in this thread: `retry` `ignore` `exclude` `fail` `take`");
    assert_has(json, "\"rich_text_preformatted\"");
}

static void a_confirm_tells_the_consequence_of_the_card(void **state) {
    (void)state;
    fail_on_web_3();
    const struct card *card = question_card();
    const char *json = drawn(card, NULL);
    size_t confirms = 0;
    for (size_t i = 0; i < card->action_count; i++) {
        if (card->actions[i].confirm && !card->actions[i].note_required) {
            assert_has(json, card->actions[i].consequence);
            confirms++;
        }
    }
    assert_int_equal(confirms, 2);
    assert_int_equal(count(json, "\"confirm\":{\"title\""), confirms);
}

static void without_an_address_there_are_no_links(void **state) {
    (void)state;
    fail_on_web_3();
    assert_lacks(drawn(question_card(), NULL), "gp.open");
    assert_lacks(drawn(question_card(), ""), "gp.open");
    assert_lacks(drawn(question_card(), "https://a|<!channel>"), "gp.open");
    assert_has(drawn(question_card(), NULL), "· D311");
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
    assert_int_equal(count(json, "S0WEBONCALL"), 1);
    assert_int_equal(count(json, "\"type\":\"actions\""), 1);
    assert_has(json, ":raised_hand: *web-1* · exit code 100");
    assert_has(json, "and 20 more");
    assert_has(json, "\"text\":\"Choose machines…\"");
    assert_has(json, "\"value\":\"Q42:40\"");
}

static void an_unknown_outcome_suggests_nothing(void **state) {
    (void)state;
    begin();
    succeed(FETCH, 0);
    lose(INSTALL, 0);
    const char *json = drawn(question_card(), URL);
    assert_lacks(json, "\"style\":\"primary\"");
    assert_has(json, ":grey_question: *Outcome unknown: needs web-oncall*");
    assert_has(json, "Nothing was repeated.");
    assert_true(strstr(json, "gp.check") < strstr(json, "gp.ignore"));
    assert_has(json, "I checked: it worked");
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
    assert_lacks(json, "\"type\":\"button\"");
    assert_lacks(json, "S0WEBONCALL");
    assert_has(json, ":white_check_mark: *Q42* · Retry by alice after 4 min · waits for a worker · Install on web-3"
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
    assert_has(drawn(&card, NULL), "*Paused* · dave <@U012ALICE> <@U012CAROL> <@U012BOB> mallory &lt;!channel&gt;\\n");
    card.title = "Paused: needs dave";
    card.mention.count = 1;
    assert_has(drawn(&card, NULL), "*Paused: needs dave*\\n");
}

static void only_what_can_be_typed_is_said_to_be_typed(void **state) {
    (void)state;
    fail_on_web_3();
    struct card card = *question_card();
    card.actions[0].verb = "approve";
    const char *json = drawn(&card, NULL);
    assert_has(json, "\"action_id\":\"gp.approve\"");
    assert_has(json, "or reply in this thread: `ignore` `exclude` `fail` `take`");
}

static void nobody_is_mentioned_where_the_card_names_nobody(void **state) {
    (void)state;
    fail_on_web_3();
    struct card card = *question_card();
    card.mention.count = 0;
    assert_lacks(drawn(&card, NULL), "subteam");
}

/* --- the other cards --------------------------------------------------------------------------------------------- */

static void a_status_shows_its_steps_while_it_runs(void **state) {
    (void)state;
    begin();
    now_ms += 6000;
    succeed(FETCH, 0);
    start(INSTALL, 0);
    const char *json = drawn(view_status(&d, now_ms, arena), URL);
    assert_has(json, ":arrow_forward: *Running* · *webshop 1.4.2 → production*");
    assert_has(json, ":white_check_mark: *Fetch package*");
    assert_has(json, ":arrow_forward: *Install* · 0 of 3 machines");
    assert_has(json, ":white_circle: *Smoke test*");
    assert_has(json, "\"accessory\":{\"type\":\"button\",\"action_id\":\"gp.open\"");
    assert_lacks(json, "\"type\":\"actions\"");
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
    assert_has(json, ":white_check_mark: *Succeeded*: webshop 1.4.2 to production, 3 machines");
    assert_lacks(json, "Smoke test");
    json = drawn(view_closing(&d, records, record_count, arena), URL);
    assert_has(json, ":white_check_mark: *Succeeded*: webshop 1.4.2 to production, 3 machines");
    assert_int_equal(count(json, "\"type\":\"section\""), 1);
}

static void a_reminder_is_a_line_and_an_escalation_has_buttons(void **state) {
    (void)state;
    static const char *who[] = {"release-managers"};
    const struct plan_names next = {who, 1};
    fail_on_web_3();
    now_ms += 10 * 60000;
    const char *json = drawn(view_reminder(&d, records, record_count, &next, now_ms + 300000, now_ms, arena), URL);
    assert_has(json, ":alarm_clock: *Q42 has waited 10 min*: Install on web-3");
    assert_lacks(json, "button");
    assert_lacks(json, "<@");
    json = drawn(view_escalation(&d, records, record_count, &next, now_ms, arena), URL);
    assert_has(json, ":rotating_light: *No answer for 10 min: needs release-managers* · <@U012CAROL> <@U012BOB>\\n");
    assert_has(json, "gp.retry");
    assert_lacks(json, "S0WEBONCALL");
}

/* --- any input ---------------------------------------------------------------------------------------------------- */

static void the_text_alone_takes_the_blocks_away(void **state) {
    (void)state;
    struct buf json = BUF_INIT(MESSAGE_BYTES);
    struct json_out out = {.buf = &json};
    fail_on_web_3();
    json_object_begin(&out, NULL);
    blocks_text(question_card(), &out);
    json_object_end(&out);
    const char *text = keep(&json);
    assert_has(text, "Answer: retry Q42");
    assert_has(text, "\"blocks\":[]");
}

static void of_many_rows_the_rest_is_counted(void **state) {
    (void)state;
    static const size_t counts[] = {0, 1, 19, 20, 21, 100, 10000};
    begin();
    struct card card = *view_status(&d, now_ms, arena);
    card.rows = arena_array(arena, 10000, sizeof *card.rows);
    for (size_t i = 0; i < 10000; i++) {
        card.rows[i] = (struct card_row){"pending", arena_printf(arena, "step %zu", i + 1), ""};
    }
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        card.row_count = counts[i];
        const char *json = drawn(&card, URL);
        assert_int_equal(count(json, ":white_circle:"), counts[i] < 20 ? counts[i] : 20);
        assert_int_equal(count(json, " more\""), counts[i] > 20);
    }
    assert_has(drawn(&card, URL), "and 9980 more");
    card.rows[99] = (struct card_row){"", "and 4901 more", ""};
    card.row_count = 100;
    card.rows_left_out = 4901;
    assert_has(drawn(&card, URL), "and 4980 more");
}

static void of_many_rows_those_that_move_are_shown(void **state) {
    (void)state;
    begin();
    struct card card = *view_status(&d, now_ms, arena);
    card.rows = arena_array(arena, 100, sizeof *card.rows);
    card.row_count = 100;
    for (size_t i = 0; i < 100; i++) {
        card.rows[i] = (struct card_row){i < 50    ? "succeeded"
                                         : i == 50 ? "running"
                                                   : "pending",
                                         arena_printf(arena, "step %zu", i + 1), ""};
    }
    const char *json = drawn(&card, URL);
    assert_has(json, "45 before these\\n:white_check_mark: *step 46*");
    assert_has(json, ":arrow_forward: *step 51*");
    assert_has(json, "and 35 more");
    card.rows[50].state = "succeeded";
    card.rows[99].state = "asking";
    json = drawn(&card, URL);
    assert_has(json, "80 before these\\n:white_circle: *step 81*");
    assert_lacks(json, " more\"");
}

/* Everything that a card can carry is this text. */
static struct card card_of(enum card_kind kind, const char *evil, bool open) {
    struct card card = {.kind = kind,
                        .deployment = UINT64_MAX,
                        .question = UINT64_MAX,
                        .revision = UINT32_MAX,
                        .state = evil,
                        .title = evil,
                        .subject = evil,
                        .place = evil,
                        .text = evil,
                        .excerpt = evil,
                        .outcome = open ? NULL : evil};
    card.facts = arena_array(arena, 30, sizeof *card.facts);
    card.rows = arena_array(arena, 30, sizeof *card.rows);
    card.actions = arena_array(arena, 6, sizeof *card.actions);
    card.mention.items = arena_array(arena, 30, sizeof *card.mention.items);
    static const char *const verbs[] = {"retry", "ignore", "exclude", "fail", "take", "check"};
    for (size_t i = 0; i < 30; i++) {
        card.facts[card.fact_count++] = evil;
        card.rows[card.row_count++] = (struct card_row){i % 2 == 0 ? "asking" : evil, evil, evil};
        card.mention.items[card.mention.count++] = evil;
    }
    for (size_t i = 0; i < 6 && open; i++) {
        card.actions[card.action_count++] = (struct card_action){
            .verb = verbs[i], .label = evil, .consequence = evil, .confirm = true, .danger = i % 2 == 0};
    }
    return card;
}

static const enum card_kind kinds[] = {CARD_STATUS, CARD_QUESTION, CARD_CLOSING, CARD_REMINDER, CARD_ESCALATION};

/* The JSON keeps the limits (drawn), and the only mentions in it are those that slack_limits knows. */
static void draw_all(const char *evil) {
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        for (int open = 0; open < 2; open++) {
            struct card card = card_of(kinds[i], evil, open == 1);
            const char *json = drawn(&card, open == 1 ? URL : NULL);
            assert_true(str_is_utf8(json, strlen(json)));
        }
    }
    (void)replied(evil, COMMAND_STATUS, ERR_NONE);
    (void)replied(evil, COMMAND_LOG, ERR_NONE);
    (void)replied(evil, COMMAND_HELP, ERR_NONE);
    (void)replied(evil, COMMAND_RETRY, ERR_DENIED);
}

static void no_text_breaks_a_limit_or_mentions_anybody(void **state) {
    (void)state;
    static const char *const evil[] = {"",
                                       " ",
                                       "\n",
                                       "\033[31m",
                                       "*",
                                       "*a*",
                                       "`",
                                       "```\nx\n```",
                                       "<!channel>",
                                       "<!here>",
                                       "<!everyone>",
                                       "<@U012BOB>",
                                       "&lt;!here",
                                       "\xff\xfe\xc0",
                                       "\u202E",
                                       "<https://x|y>",
                                       "</d>|",
                                       "%s%n",
                                       "\xF0\x9F\x98\x80",
                                       "a\r\nb",
                                       "\"\\\"",
                                       "null",
                                       "Ω",
                                       "@here @channel"};
    for (size_t i = 0; i < sizeof evil / sizeof *evil; i++) {
        draw_all(evil[i]);
        draw_all(repeat(evil[i], 80));
        draw_all(repeat(evil[i], 10240 / (strlen(evil[i]) + 1) + 1));
    }
}

static void a_megabyte_of_anything_is_cut(void **state) {
    (void)state;
    draw_all(repeat("<!channel>&\xF0\x9F\x98\x80\xff", 60000));
}

/* The limits of others than those of Slack's sections are met to the unit. */
static void any_length_keeps_the_limits(void **state) {
    (void)state;
    static const size_t lengths[] = {28,  29,  30,  31,  73,  74,   75,   76,   99,
                                     100, 101, 299, 300, 301, 1999, 2999, 3000, 4000};
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        draw_all(repeat("x", lengths[i]));
        draw_all(repeat("\xF0\x9F\x98\x80", lengths[i] / 2));
        draw_all(repeat("<", lengths[i]));
    }
}

/* --- replies ------------------------------------------------------------------------------------------------------ */

static void a_reply_is_its_text(void **state) {
    (void)state;
    assert_string_equal(replied("2 questions wait, oldest first:\nQ42 <x>", COMMAND_PENDING, ERR_NONE),
                        "{\"text\":\"2 questions wait, oldest first:\\nQ42 &lt;x&gt;\",\"blocks\":[{\"type\":"
                        "\"section\",\"text\":{\"type\":\"mrkdwn\",\"text\":\"2 questions wait, oldest first:\\n"
                        "Q42 &lt;x&gt;\",\"verbatim\":true}}]}");
}

static void a_refusal_is_told_by_a_sign_and_a_sentence(void **state) {
    (void)state;
    assert_has(replied("You may not.", COMMAND_RETRY, ERR_DENIED), "\"text\":\":lock: You may not.\"");
    assert_has(replied("There is no Q99.", COMMAND_RETRY, ERR_NOT_FOUND), ":warning: There is no Q99.");
    assert_has(replied("You may not.", COMMAND_LOG, ERR_DENIED), ":lock:");
}

static void a_long_reply_is_split_at_its_lines(void **state) {
    (void)state;
    const char *json = replied(repeat("D311 webshop 1.4.2 → production: Running\n", 200), COMMAND_STATUS, ERR_NONE);
    assert_int_equal(count(json, "\"type\":\"section\""), 3);
    assert_int_equal(count(json, "Running\",\"verbatim\""), 2);
    json = replied(repeat("D311 webshop 1.4.2 → production: Running\n", 2000), COMMAND_STATUS, ERR_NONE);
    assert_has(json, "There is more than a message can hold.");
}

static void output_is_shown_as_output_and_its_end_counts(void **state) {
    (void)state;
    const char *text =
        arena_printf(arena, "D311, Install on web-3, attempt 2:\n%slast <line>\n", repeat("a line\n", 3000));
    const char *json = replied(text, COMMAND_LOG, ERR_NONE);
    assert_has(json, "\"text\":\"D311, Install on web-3, attempt 2:\",\"verbatim\"");
    assert_has(json, "rich_text_preformatted");
    assert_has(json, "last <line>\"");
    assert_lacks(json, "There is more");
}

static void help_keeps_its_columns(void **state) {
    (void)state;
    struct buf help = BUF_INIT(LIMIT_MESSAGE_BYTES);
    assert_int_equal(command_help(NULL, &help, NULL), 0);
    const char *json = replied(help.data, COMMAND_HELP, ERR_NONE);
    assert_has(json, "rich_text_preformatted");
    assert_has(json, "retry");
    assert_has(json, "whoami");
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
        view_test(the_text_alone_takes_the_blocks_away),
        view_test(of_many_rows_the_rest_is_counted),
        view_test(of_many_rows_those_that_move_are_shown),
        view_test(no_text_breaks_a_limit_or_mentions_anybody),
        view_test(a_megabyte_of_anything_is_cut),
        view_test(any_length_keeps_the_limits),
        view_test(a_reply_is_its_text),
        view_test(a_refusal_is_told_by_a_sign_and_a_sentence),
        view_test(a_long_reply_is_split_at_its_lines),
        view_test(output_is_shown_as_output_and_its_end_counts),
        view_test(help_keeps_its_columns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
