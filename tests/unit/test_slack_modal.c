#include "fakes/view_test.h"

#include "chat/slack/modal.h"
#include "fakes/pieces.h"
#include "slack_limits.h"

enum { VIEW_BYTES = 1 << 20 };

static struct err err;
static struct modal_answer got;

static const char *opened(const struct card *card, const char *verb) {
    struct buf json = BUF_INIT(VIEW_BYTES);
    struct json_out out = {.buf = &json};
    struct modal modal = {.card = card, .verb = verb, .channel = "C0WEBDEPLOYS"};
    modal_write(&modal, &out, NULL);
    assert_false(json.overflow);
    const char *text = arena_strdup(arena, json.data);
    buf_finish(&json);
    const char *broken = slack_limits_view(text);
    if (broken != NULL) {
        fail_msg("%s in %.3000s", broken, text);
    }
    return text;
}

static int read_back(const char *metadata, const char *values) {
    struct json *state = NULL;
    assert_int_equal(json_parse(values, strlen(values), &state, &err), 0);
    int result = modal_parse(metadata, state, arena, &got, &err);
    json_free(state);
    return result;
}

/* The private_metadata of a view, as Slack gives it back. */
static const char *metadata_of(const char *view) {
    struct json *root = NULL;
    assert_int_equal(json_parse(view, strlen(view), &root, &err), 0);
    const char *metadata = arena_strdup(arena, json_string(json_get(root, "private_metadata")));
    json_free(root);
    return metadata;
}

static void fail_machines(size_t machines, size_t failed) {
    make_world(machines);
    steps[INSTALL].guided.note_required = GUIDANCE_IGNORE;
    begin();
    succeed(FETCH, 0);
    for (size_t i = 0; i < failed; i++) {
        break_down(INSTALL, i);
    }
}

/* --- what is shown --------------------------------------------------------------------------------------------------- */

static void one_machine_gets_answers_with_their_consequences(void **state) {
    (void)state;
    fail_machines(3, 1);
    const struct card *card = question_card();
    const char *view = opened(card, NULL);
    pieces_assert_has(view, "\"type\":\"modal\",\"callback_id\":\"gp.answer\"");
    pieces_assert_has(view, "\"title\":{\"type\":\"plain_text\",\"text\":\"Q42\"");
    pieces_assert_has(view, "*Install failed on web-1: exit code 100*");
    pieces_assert_has(view, "\"text\":\"Exclude web-1\",\"emoji\":false},\"value\":\"exclude\"");
    for (size_t i = 0; i < 4; i++) {
        pieces_assert_has(view, card->actions[i].consequence);
    }
    pieces_assert_lacks(view, "\"value\":\"take\"");
    pieces_assert_lacks(view, "multi_static_select");
    pieces_assert_has(view, "Needed for: Ignore");
    pieces_assert_has(view, "\"block_id\":\"note\",\"optional\":true");
}

static void several_machines_can_be_chosen(void **state) {
    (void)state;
    fail_machines(5, 3);
    answer(43, GUIDANCE_EXCLUDE, "alice", NULL);
    const char *view = opened(question_card(), NULL);
    pieces_assert_has(view, "multi_static_select");
    pieces_assert_has(view, "\"text\":\"web-1\",\"emoji\":false},\"value\":\"web-1\"");
    pieces_assert_lacks(view, "\"value\":\"web-2\"");
    pieces_assert_has(view, "\"value\":\"web-3\"");
    pieces_assert_has(view, "Runs the step again on these machines");
    pieces_assert_lacks(view, "Exclude 2 machines");
}

static void some_can_be_excluded_where_all_can_not(void **state) {
    (void)state;
    fail_machines(3, 3);
    const struct card *card = question_card();
    assert_true(card->excludes_some);
    pieces_assert_has(opened(card, NULL), "\"value\":\"exclude\"");
    answer(42, GUIDANCE_EXCLUDE, "alice", NULL);
    answer(43, GUIDANCE_EXCLUDE, "alice", NULL);
    card = question_card();
    assert_false(card->excludes_some);
    pieces_assert_lacks(opened(card, NULL), "\"value\":\"exclude\"");
}

static void an_unknown_outcome_is_not_called_a_retry(void **state) {
    (void)state;
    begin();
    succeed(FETCH, 0);
    lose(INSTALL, 0);
    lose(INSTALL, 1);
    const char *view = opened(question_card(), NULL);
    pieces_assert_has(view, "I checked: it worked");
    pieces_assert_has(view, "Run it again");
    pieces_assert_lacks(view, "\"value\":\"check\"");
}

static void a_note_that_was_asked_for_is_required(void **state) {
    (void)state;
    fail_machines(3, 2);
    const struct card *card = question_card();
    const char *view = opened(card, "ignore");
    pieces_assert_has(view, "\"block_id\":\"note\",\"optional\":false");
    pieces_assert_lacks(view, "radio_buttons");
    pieces_assert_lacks(view, "multi_static_select");
    pieces_assert_has(view, card->actions[1].consequence);
    pieces_assert_lacks(view, card->actions[0].consequence);
}

static void more_machines_than_a_list_holds_are_typed(void **state) {
    (void)state;
    fail_machines(150, 100);
    pieces_assert_has(opened(question_card(), NULL), "multi_static_select");
    break_down(INSTALL, 100);
    const char *view = opened(question_card(), NULL);
    pieces_assert_lacks(view, "multi_static_select");
    pieces_assert_has(view, "\"block_id\":\"machines\"");
    pieces_assert_has(view, "Their names, with blanks between them.");
}

static void a_name_too_long_for_a_list_is_typed_and_never_cut(void **state) {
    (void)state;
    fail_machines(3, 2);
    struct card card = *question_card();
    char name[129];
    memset(name, 'x', 128);
    name[128] = '\0';
    card.rows[1].name = name;
    pieces_assert_lacks(opened(&card, NULL), "multi_static_select");
    name[74] = '\0';
    pieces_assert_has(opened(&card, NULL), name);
}

static void no_text_breaks_a_limit(void **state) {
    (void)state;
    static const char *const evil[] = {"", "<!channel>", "\xff", "\n", "a & b"};
    fail_machines(3, 2);
    for (size_t i = 0; i < sizeof evil / sizeof *evil; i++) {
        struct buf big = BUF_INIT(20000);
        for (size_t n = 0; n < 1000; n++) {
            buf_adds(&big, evil[i]);
        }
        const char *texts[] = {evil[i], arena_strdup(arena, big.data)};
        buf_finish(&big);
        for (size_t t = 0; t < 2; t++) {
            struct card card = *question_card();
            card.question = UINT64_MAX;
            card.title = card.subject = card.facts[0] = texts[t];
            card.rows[0].name = card.rows[1].detail = texts[t];
            card.actions[0].label = card.actions[0].consequence = texts[t];
            (void)opened(&card, NULL);
            (void)opened(&card, "retry");
        }
    }
}

/* --- what comes back ---------------------------------------------------------------------------------------------------- */

#define CHOSEN(verb) "\"answer\":{\"v\":{\"type\":\"radio_buttons\",\"selected_option\":{\"value\":\"" verb "\"}}}"
#define MACHINES(options) "\"machines\":{\"v\":{\"type\":\"multi_static_select\",\"selected_options\":[" options "]}}"
#define TYPED(names) "\"machines\":{\"v\":{\"type\":\"plain_text_input\",\"value\":\"" names "\"}}"
#define NOTE(json) "\"note\":{\"v\":{\"type\":\"plain_text_input\",\"value\":" json "}}"

static void an_answer_comes_back_with_its_question(void **state) {
    (void)state;
    fail_machines(5, 3);
    const char *metadata = metadata_of(opened(question_card(), NULL));
    assert_int_equal(
        read_back(metadata, "{" CHOSEN("exclude") "," MACHINES("{\"value\":\"web-1\"},{\"value\":"
                                                               "\"web-3\"}") "," NOTE("\" disk \\n\"") "}"),
        0);
    assert_int_equal(got.question, 42);
    assert_int_equal(got.revision, 3);
    assert_string_equal(got.channel, "C0WEBDEPLOYS");
    assert_int_equal(got.guidance, GUIDANCE_EXCLUDE);
    assert_int_equal(got.targets.count, 2);
    assert_string_equal(got.targets.items[0], "web-1");
    assert_string_equal(got.targets.items[1], "web-3");
    assert_string_equal(got.note, "disk");
}

static void typed_names_are_split(void **state) {
    (void)state;
    fail_machines(3, 2);
    const char *metadata = metadata_of(opened(question_card(), NULL));
    assert_int_equal(read_back(metadata, "{" CHOSEN("retry") "," TYPED(" web-1, web-2;web-3\\n web-4 ") "}"), 0);
    assert_int_equal(got.targets.count, 4);
    assert_string_equal(got.targets.items[3], "web-4");
    assert_null(got.note);
}

static void the_verb_that_was_clicked_is_the_answer(void **state) {
    (void)state;
    fail_machines(3, 2);
    const char *metadata = metadata_of(opened(question_card(), "ignore"));
    assert_int_equal(read_back(metadata, "{" CHOSEN("fail") "," NOTE("\"known flake\"") "}"), 0);
    assert_int_equal(got.guidance, GUIDANCE_IGNORE);
    assert_int_equal(got.targets.count, 0);
    assert_string_equal(got.note, "known flake");
}

static void fail_is_for_the_whole_deployment(void **state) {
    (void)state;
    fail_machines(3, 2);
    const char *metadata = metadata_of(opened(question_card(), NULL));
    assert_int_equal(read_back(metadata, "{" CHOSEN("fail") "," MACHINES("{\"value\":\"web-1\"}") "}"), 0);
    assert_int_equal(got.targets.count, 0);
    assert_int_equal(read_back(metadata, "{" CHOSEN("fail") "," MACHINES("") "}"), 0);
}

static void what_is_missing_is_said_where_it_is_missing(void **state) {
    (void)state;
    static const struct {
        const char *values, *block, *text;
    } cases[] = {
        {"{}", "answer", "Choose an answer."},
        {"{" CHOSEN("take") "}", "answer", "Choose an answer."},
        {"{\"answer\":{\"v\":{\"selected_option\":null}}}", "answer", "Choose an answer."},
        {"{\"answer\":[1]}", "answer", "Choose an answer."},
        {"{" CHOSEN("retry") "," MACHINES("") "}", "machines",
         "Choose machines. For all of them, use a button of the message."},
        {"{" CHOSEN("retry") "," TYPED(" , ") "}", "machines",
         "Choose machines. For all of them, use a button of the message."},
        {"{" CHOSEN("ignore") "}", "note", "Ignore needs a note: say why."},
        {"{" CHOSEN("ignore") "," NOTE("null") "}", "note", "Ignore needs a note: say why."},
        {"{" CHOSEN("ignore") "," NOTE("\" \\n\"") "}", "note", "Ignore needs a note: say why."},
    };
    fail_machines(3, 2);
    const char *metadata = metadata_of(opened(question_card(), NULL));
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(read_back(metadata, cases[i].values), -ERR_INVALID);
        assert_string_equal(got.wrong_block, cases[i].block);
        assert_string_equal(err.text, cases[i].text);
    }
}

static void a_note_that_is_too_long_is_refused(void **state) {
    (void)state;
    fail_machines(3, 1);
    struct buf values = BUF_INIT(10000);
    buf_adds(&values, "{" CHOSEN("retry") ",\"note\":{\"v\":{\"value\":\"");
    for (size_t i = 0; i <= LIMIT_NOTE_BYTES; i++) {
        buf_addc(&values, 'x');
    }
    buf_adds(&values, "\"}}}");
    assert_int_equal(read_back(metadata_of(opened(question_card(), NULL)), values.data), -ERR_INVALID);
    assert_string_equal(got.wrong_block, "note");
    buf_finish(&values);
}

static void a_window_that_is_none_of_ours_is_refused(void **state) {
    (void)state;
    static const char *const cases[] = {
        "",
        "{",
        "null",
        "[]",
        "{}",
        "{\"question\":42}",
        "{\"question\":\"42\",\"revision\":1}",
        "{\"question\":0,\"revision\":1}",
        "{\"question\":-1,\"revision\":1}",
        "{\"question\":42,\"revision\":0}",
        "{\"question\":42,\"revision\":4294967296}",
        "{\"question\":42.5,\"revision\":1}",
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(read_back(cases[i], "{" CHOSEN("retry") "}"), -ERR_INVALID);
        assert_null(got.wrong_block);
    }
    assert_int_equal(modal_parse(NULL, NULL, arena, &got, &err), -ERR_INVALID);
    assert_int_equal(modal_parse("{\"question\":42,\"revision\":1}", NULL, arena, &got, &err), -ERR_INVALID);
    assert_int_equal(read_back("{\"question\":42,\"revision\":1}", "{" CHOSEN("retry") "}"), 0);
    assert_null(got.channel);
}

static void errors_go_back_into_the_window(void **state) {
    (void)state;
    struct buf json = BUF_INIT(1000);
    struct json_out out = {.buf = &json};
    struct modal_answer answer = {.wrong_block = "note"};
    struct err wrong = {.code = ERR_INVALID, .text = "Ignore needs a note: say why."};
    json_object_begin(&out, NULL);
    modal_write_errors(answer.wrong_block, &wrong, &out);
    json_object_end(&out);
    assert_string_equal(json.data,
                        "{\"response_action\":\"errors\",\"errors\":{\"note\":\"Ignore needs a note: say why.\"}}");
    buf_finish(&json);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        view_test(one_machine_gets_answers_with_their_consequences),
        view_test(several_machines_can_be_chosen),
        view_test(some_can_be_excluded_where_all_can_not),
        view_test(an_unknown_outcome_is_not_called_a_retry),
        view_test(a_note_that_was_asked_for_is_required),
        view_test(more_machines_than_a_list_holds_are_typed),
        view_test(a_name_too_long_for_a_list_is_typed_and_never_cut),
        view_test(no_text_breaks_a_limit),
        view_test(an_answer_comes_back_with_its_question),
        view_test(typed_names_are_split),
        view_test(the_verb_that_was_clicked_is_the_answer),
        view_test(fail_is_for_the_whole_deployment),
        view_test(what_is_missing_is_said_where_it_is_missing),
        view_test(a_note_that_is_too_long_is_refused),
        view_test(a_window_that_is_none_of_ours_is_refused),
        view_test(errors_go_back_into_the_window),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
