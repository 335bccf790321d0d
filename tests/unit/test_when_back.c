/* A promised Retry: how it is asked for, and what was said with it. */

#include "fakes/view_test.h"

#include "core/command.h"
#include "fakes/store_rig.h"
#include "store/records.h"

/* --- its words --- */

static void it_is_said_in_several_ways(void **state) {
    (void)state;
    static const struct {
        const char *line, *note;
    } lines[] = {
        {"retry Q42 when back", NULL},
        {"retry Q42 when back -- disk swapped", "disk swapped"},
        {"retry Q42 --when-back", NULL},
        {"retry --when-back Q42 --note 'disk swapped'", "disk swapped"},
        {"retry Q42 --note 'disk swapped' --when-back", "disk swapped"},
        {"when-back Q42", NULL},
        {"when-back Q42 -- disk swapped", "disk swapped"},
        {"when-back Q42 --note 'disk swapped'", "disk swapped"},
    };
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        struct command command;
        struct err err = {0};
        /* As a shell splits it, since a room has no options behind `--`. */
        const char *words[8];
        size_t count = 0;
        char *text = arena_strdup(arena, lines[i].line);
        for (char *at = text; *at != '\0';) {
            bool quoted = *at == '\'';
            char *end = quoted ? strchr(++at, '\'') : at + strcspn(at, " ");
            bool last = *end == '\0';
            *end = '\0';
            words[count++] = at;
            at = last ? end : end + 1;
            at += *at == ' ';
        }
        int r = strstr(lines[i].line, " -- ") != NULL ? command_parse(lines[i].line, arena, &command, &err)
                                                      : command_parse_words(words, count, arena, &command, &err);
        print_message("%s: %s\n", lines[i].line, err.text);
        assert_int_equal(r, 0);
        assert_int_equal(command.id, COMMAND_WHEN_BACK);
        assert_int_equal(command.guidance, GUIDANCE_NONE);
        assert_int_equal(command.question, 42);
        assert_true(str_equal(command.note, lines[i].note));
    }
}

static void it_is_about_no_chosen_machines_and_of_retry_only(void **state) {
    (void)state;
    static const struct {
        const char *words[5];
        const char *refusal;
    } cases[] = {
        {{"retry", "Q42", "web-1", "--when-back"}, "when back takes no targets"},
        {{"retry", "Q42", "--target", "web-1", "--when-back"}, "when back takes no targets"},
        {{"retry", "Q42", "--when-back=yes"}, "--when-back takes no value"},
        {{"fail", "Q42", "--when-back"}, "fail has no option"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct command command;
        struct err err;
        size_t count = 0;
        while (count < 5 && cases[i].words[count] != NULL) {
            count++;
        }
        assert_true(command_parse_words(cases[i].words, count, arena, &command, &err) < 0);
        print_message("%s\n", err.text);
        assert_non_null(strstr(err.text, cases[i].refusal));
    }
}

/* --- its note --- */

static void begin_away(void) {
    begin();
    succeed(FETCH, 0);
    end(INSTALL, 0, (struct outcome){OUTCOME_UNREACHABLE, 3}, "");
}

static bool shows(const char *text) {
    const struct card *card = question_card();
    for (size_t i = 0; i < card->fact_count; i++) {
        if (strstr(card->facts[i], text) != NULL) {
            return true;
        }
    }
    return false;
}

static bool offers(const char *verb) {
    const struct card *card = question_card();
    for (size_t i = 0; i < card->action_count; i++) {
        if (str_equal(card->actions[i].verb, verb)) {
            return true;
        }
    }
    return false;
}

static void what_was_said_stays_with_the_promise(void **state) {
    (void)state;
    begin_away();
    assert_true(offers("when-back"));
    give((struct event){.kind = EVENT_WHEN_BACK,
                        .question = 42,
                        .deadline_ms = START_MS + 7200000,
                        .actor = "bob",
                        .note = "disk swapped"});
    records[0].question = *deployment_question(&d, 42);
    assert_true(shows("(chosen by bob: “disk swapped”)"));
    const struct run *run = deployment_run(&d, INSTALL, 0);
    give((struct event){.kind = EVENT_BACK, .step = INSTALL, .slot = 0, .attempt = run->attempt, .epoch = run->epoch});
    assert_string_equal(records[0].closed_why, "web-1 is back: retried by itself, as bob chose: “disk swapped”.");
}

static void where_a_note_is_needed_no_button_goes_without(void **state) {
    (void)state;
    steps[INSTALL].guided.note_required = GUIDANCE_RETRY;
    begin_away();
    assert_false(offers("when-back"));
    assert_true(shows("write: retry Q42 when back -- why"));
}

/* --- as it is stored --- */

static bool recorded;

static void came(enum answer_result result, void *user) {
    (void)user;
    assert_int_equal(result, ANSWER_ACCEPTED);
    recorded = true;
}

static bool is_recorded(void *user) {
    (void)user;
    return recorded;
}

static void choose(struct store_rig *rig, const char *actor, const char *note) {
    recorded = false;
    store_when_back(rig->store,
                    &(struct new_when_back){.deployment = 311,
                                            .question = 42,
                                            .until_ms = 5000,
                                            .actor = actor,
                                            .via = "cli",
                                            .note = note,
                                            .generation = "g1"},
                    came, NULL);
    rig_until(rig, is_recorded, NULL);
}

static void a_note_is_that_of_who_chose_last(void **state) {
    (void)state;
    struct store_rig rig;
    rig_open(&rig);
    (void)rig_call(&rig, "SET", "t:config", "g1");
    (void)rig_call(&rig, "HSET", "t:q:42", "state", "open");
    choose(&rig, "bob", "disk swapped");
    assert_string_equal(rig_call(&rig, "HGET", "t:q:42", "back_note"), "disk swapped");
    choose(&rig, "carol", NULL);
    assert_string_equal(rig_call(&rig, "HGET", "t:q:42", "back"), "carol");
    assert_string_equal(rig_call(&rig, "HEXISTS", "t:q:42", "back_note"), "0");
    rig_close(&rig);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        view_test(it_is_said_in_several_ways),           view_test(it_is_about_no_chosen_machines_and_of_retry_only),
        view_test(what_was_said_stays_with_the_promise), view_test(where_a_note_is_needed_no_button_goes_without),
        view_test(a_note_is_that_of_who_chose_last),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
