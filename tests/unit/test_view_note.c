#include "fakes/view_test.h"

/* Notes as people write them, in the line that stays when a question is over. */

static const char *shown(const char *note) {
    record_count = 0;
    next_question = 42;
    begin();
    succeed(FETCH, 0);
    break_down(INSTALL, 2);
    answer(42, GUIDANCE_IGNORE, "alice", note);
    return question_card()->text;
}

static void a_note_is_quoted_once(void **state) {
    (void)state;
    static const struct {
        const char *note, *quoted;
    } cases[] = {
        {"known flake", "“known flake”"},
        {"\"known flake\"", "“known flake”"},
        {"“known flake”", "“known flake”"},
        {"'known flake'", "“known flake”"},
        {"\"disk\" and \"fan\"", "“\"disk\" and \"fan\"”"},
        {"'it's known'", "“'it's known'”"},
        {"\"", "“\"”"},
        {"\"\"", "“\"\"”"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *text = shown(cases[i].note);
        if (strstr(text, cases[i].quoted) == NULL) {
            fail_msg("%s: no %s in %s", cases[i].note, cases[i].quoted, text);
        }
    }
}

static void an_abort_asks_once_more_if_the_configuration_wants_it(void **state) {
    (void)state;
    steps[FETCH].approve = true;
    steps[FETCH].guided.confirm = GUIDANCE_ABORT;
    begin();
    const struct card *card = question_card();
    assert_string_equal(card->actions[0].verb, "proceed");
    assert_string_equal(card->actions[1].verb, "abort");
    assert_false(card->actions[0].confirm);
    assert_true(card->actions[1].confirm);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        view_test(a_note_is_quoted_once),
        view_test(an_abort_asks_once_more_if_the_configuration_wants_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
