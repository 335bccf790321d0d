/* What is told once more: reminders, escalations, digests. */

#include "fakes/view_test.h"

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
        items[i] = view_digest_item(&d, question_card(), i == 0 ? "bob" : NULL, arena);
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

int main(void) {
    const struct CMUnitTest tests[] = {
        view_test(a_reminder_says_how_long_who_is_on_it_and_what_comes_next),
        view_test(an_escalation_is_the_card_for_others_until_it_is_answered),
        view_test(an_unknown_outcome_is_escalated_as_one),
        view_test(a_digest_lists_what_is_open_and_since_when),
        view_test(all_that_is_shown_of_a_card_ends_with_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
