/* Whatever a card holds: its blocks keep the limits of Slack, and mention nobody by accident. */

#include "fakes/blocks_test.h"

static void the_text_alone_takes_the_blocks_away(void **state) {
    (void)state;
    struct buf json = BUF_INIT(MESSAGE_BYTES);
    struct json_out out = {.buf = &json};
    fail_on_web_3();
    json_object_begin(&out, NULL);
    blocks_text(question_card(), &out);
    json_object_end(&out);
    const char *text = keep(&json);
    pieces_assert_has(text, "Answer: retry Q42");
    pieces_assert_has(text, "\"blocks\":[]");
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
        assert_int_equal(pieces_count(json, ":white_circle:"), counts[i] < 20 ? counts[i] : 20);
        assert_int_equal(pieces_count(json, " more\""), counts[i] > 20);
    }
    pieces_assert_has(drawn(&card, URL), "and 9980 more");
    card.rows[99] = (struct card_row){"", "and 4901 more", ""};
    card.row_count = 100;
    card.rows_left_out = 4901;
    pieces_assert_has(drawn(&card, URL), "and 4980 more");
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
    pieces_assert_has(json, "45 before these\\n:white_check_mark: *step 46*");
    pieces_assert_has(json, ":arrow_forward: *step 51*");
    pieces_assert_has(json, "and 35 more");
    card.rows[50].state = "succeeded";
    card.rows[99].state = "asking";
    json = drawn(&card, URL);
    pieces_assert_has(json, "80 before these\\n:white_circle: *step 81*");
    pieces_assert_lacks(json, " more\"");
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
        draw_all(pieces_repeat(evil[i], 80, arena));
        draw_all(pieces_repeat(evil[i], 10240 / (strlen(evil[i]) + 1) + 1, arena));
    }
}

static void a_megabyte_of_anything_is_cut(void **state) {
    (void)state;
    draw_all(pieces_repeat("<!channel>&\xF0\x9F\x98\x80\xff", 60000, arena));
}

/* The limits of others than those of Slack's sections are met to the unit. */
static void any_length_keeps_the_limits(void **state) {
    (void)state;
    static const size_t lengths[] = {28,  29,  30,  31,  73,  74,   75,   76,   99,
                                     100, 101, 299, 300, 301, 1999, 2999, 3000, 4000};
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        draw_all(pieces_repeat("x", lengths[i], arena));
        draw_all(pieces_repeat("\xF0\x9F\x98\x80", lengths[i] / 2, arena));
        draw_all(pieces_repeat("<", lengths[i], arena));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        view_test(the_text_alone_takes_the_blocks_away),   view_test(of_many_rows_the_rest_is_counted),
        view_test(of_many_rows_those_that_move_are_shown), view_test(no_text_breaks_a_limit_or_mentions_anybody),
        view_test(a_megabyte_of_anything_is_cut),          view_test(any_length_keeps_the_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
