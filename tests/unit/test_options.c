
#include "fakes/arena_test.h"

#include "base/str.h"
#include "cli/options.h"

#define ARGS(...) ((const char *const[]){__VA_ARGS__})
#define PARSE(set, ...) parse((set), ARGS(__VA_ARGS__), sizeof ARGS(__VA_ARGS__) / sizeof(char *))

static struct options options;
static struct err err;

static int parse(option_set allowed, const char *const *args, size_t count) {
    err = (struct err){0};
    return options_parse(args, count, allowed, "deploy", arena, &options, &err);
}

static const option_set SOME =
    OPTION_BIT(TARGET) | OPTION_BIT(WAIT) | OPTION_BIT(QUIET) | OPTION_BIT(CONFIG) | OPTION_BIT(TIMEOUT);

static void the_table_is_sorted_and_each_letter_is_used_once(void **state) {
    (void)state;
    bool used[128] = {false};
    for (size_t id = 0; id < OPTION_COUNT; id++) {
        const struct option *option = option_entry((enum option_id)id);
        assert_true(id == 0 || strcmp(option_entry((enum option_id)(id - 1))->name, option->name) < 0);
        assert_null(strpbrk(option->help, "'\"\\"));
        assert_false(option->letter && used[(size_t)option->letter]);
        used[(size_t)option->letter] = true;
    }
}

static void words_and_options_may_be_mixed(void **state) {
    (void)state;
    assert_int_equal(
        PARSE(SOME, "webshop", "--wait", "1.4.2", "--target", "web-1", "to", "production", "--target=web-2"), 0);
    assert_int_equal(options.word_count, 4);
    assert_string_equal(options.words[1], "1.4.2");
    assert_true(option_given(&options, OPTION_WAIT));
    assert_false(option_given(&options, OPTION_QUIET));
    assert_int_equal(options.given[OPTION_TARGET].count, 2);
    assert_string_equal(options.given[OPTION_TARGET].items[0], "web-1");
    assert_string_equal(option_value(&options, OPTION_TARGET), "web-2");
    assert_null(option_value(&options, OPTION_TIMEOUT));
}

static void a_value_is_the_next_word_whatever_it_looks_like(void **state) {
    (void)state;
    assert_int_equal(PARSE(SOME, "--timeout", "--wait", "--config="), 0);
    assert_string_equal(option_value(&options, OPTION_TIMEOUT), "--wait");
    assert_false(option_given(&options, OPTION_WAIT));
    assert_string_equal(option_value(&options, OPTION_CONFIG), "");
}

static void letters_may_be_run_together(void **state) {
    (void)state;
    assert_int_equal(PARSE(SOME, "-qw", "-cfile", "-c", "other", "-"), 0);
    assert_true(option_given(&options, OPTION_WAIT) && option_given(&options, OPTION_QUIET));
    assert_string_equal(options.given[OPTION_CONFIG].items[0], "file");
    assert_string_equal(options.given[OPTION_CONFIG].items[1], "other");
    assert_int_equal(options.word_count, 1);
    assert_string_equal(options.words[0], "-");
}

static void behind_two_dashes_everything_is_a_word_of_the_note(void **state) {
    (void)state;
    assert_int_equal(PARSE(SOME, "Q42", "--", "disk", "--wait", "--"), 0);
    assert_int_equal(options.word_count, 4);
    assert_int_equal(options.note_at, 1);
    assert_string_equal(options.words[2], "--wait");
    assert_false(option_given(&options, OPTION_WAIT));
    assert_int_equal(PARSE(SOME, "Q42"), 0);
    assert_int_equal(options.note_at, 1);
}

static void what_is_wrong_is_said_with_a_way_out(void **state) {
    (void)state;
    static const struct {
        const char *args[2];
        size_t count;
        const char *text;
    } CASES[] = {
        {{"--tagret", "x"}, 2, "deploy has no option --tagret; did you mean: --target"},
        {{"--tagret=x"}, 1, "deploy has no option --tagret; did you mean: --target"},
        {{"--frobnicate"}, 1, "deploy has no option --frobnicate. See: guidepost help deploy"},
        {{"--yes"}, 1, "deploy has no option --yes. See: guidepost help deploy"},
        {{"-qx"}, 1, "deploy has no option -x. See: guidepost help deploy"},
        {{"--target"}, 1, "--target needs a value: --target TARGET"},
        {{"-qc"}, 1, "-c needs a value: -c FILE"},
        {{"--wait=yes"}, 1, "--wait is a switch and takes no value."},
        {{"--=x"}, 1, "deploy has no option --. See: guidepost help deploy"},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        assert_int_equal(parse(SOME, CASES[i].args, CASES[i].count), -ERR_INVALID);
        assert_string_equal(err.text, CASES[i].text);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_table_is_sorted_and_each_letter_is_used_once),
        cmocka_unit_test(words_and_options_may_be_mixed),
        cmocka_unit_test(a_value_is_the_next_word_whatever_it_looks_like),
        cmocka_unit_test(letters_may_be_run_together),
        cmocka_unit_test(behind_two_dashes_everything_is_a_word_of_the_note),
        cmocka_unit_test(what_is_wrong_is_said_with_a_way_out),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
