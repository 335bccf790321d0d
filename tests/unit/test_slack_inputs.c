#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/limits.h"
#include "base/str.h"
#include "chat/slack/inputs.h"
#include "slack_limits.h"

static struct arena *arena;
static struct err err;
static struct inputs_answer answer;

static int set_up(void **state) {
    (void)state;
    arena = arena_create();
    err = (struct err){0};
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    arena_destroy(arena);
    return 0;
}

static struct config_project project_of(struct config_input *items, size_t count) {
    return (struct config_project){.name = "webshop", .inputs = items, .input_count = count};
}

/* NULL if no window holds it. */
static const char *opened(struct config_input *items, size_t count, const char *line) {
    struct config_project project = project_of(items, count);
    struct command command;
    assert_int_equal(command_parse(line, arena, &command, &err), 0);
    struct buf json = BUF_INIT(1 << 20);
    struct json_out out = {.buf = &json};
    const struct inputs inputs = {&project, &command, line, "C0DEPLOYS"};
    const char *text = inputs_write(&inputs, &out, NULL) ? arena_strdup(arena, json.data) : NULL;
    buf_finish(&json);
    const char *broken = text == NULL ? NULL : slack_limits_view(text);
    if (broken != NULL) {
        fail_msg("%s in %.3000s", broken, text);
    }
    return text;
}

static int read_back(const char *metadata, const char *values) {
    struct json *state = NULL;
    assert_int_equal(json_parse(values, strlen(values), &state, &err), 0);
    int r = inputs_parse(metadata, state, arena, &answer, &err);
    json_free(state);
    return r;
}

static const char line[] = "deploy webshop 1.4.2 to production";

static void each_kind_has_its_field(void **state) {
    (void)state;
    const char *regions[] = {"eu", "us"};
    struct config_input items[] = {
        {.name = "REGION", .label = "Where to", .type = INPUT_CHOICE, .choices = {regions, 2}, .required = true},
        {.name = "MIGRATE", .type = INPUT_BOOLEAN, .required = true},
        {.name = "TICKET", .type = INPUT_TEXT, .required = true},
        {.name = "SPEED", .fallback = "slow", .required = true},
        {.name = "EXTRA"},
    };
    const char *view = opened(items, 5, line);
    assert_non_null(strstr(view, "\"block_id\":\"REGION\""));
    assert_non_null(strstr(view, "\"text\":\"Where to\""));
    assert_non_null(strstr(view, "\"type\":\"static_select\""));
    assert_non_null(strstr(view, "\"type\":\"radio_buttons\""));
    assert_non_null(strstr(view, "\"value\":\"true\""));
    assert_non_null(strstr(view, "\"type\":\"plain_text_input\""));
    assert_null(strstr(view, "SPEED"));
    assert_null(strstr(view, "EXTRA"));
    view = opened(items, 5, "deploy webshop 1.4.2 to production REGION=eu MIGRATE=true");
    assert_null(strstr(view, "\"block_id\":\"REGION\""));
    assert_null(strstr(view, "radio_buttons"));
}

static void a_list_that_slack_cannot_hold_is_typed(void **state) {
    (void)state;
    const char *many[LIMIT_SLACK_OPTIONS + 1];
    for (size_t i = 0; i < LIMIT_SLACK_OPTIONS + 1; i++) {
        many[i] = arena_printf(arena, "zone-%zu", i);
    }
    struct config_input one = {
        .name = "ZONE", .type = INPUT_CHOICE, .choices = {many, LIMIT_SLACK_OPTIONS + 1}, .required = true};
    const char *view = opened(&one, 1, line);
    assert_non_null(strstr(view, "plain_text_input"));
    assert_non_null(strstr(view, "One of: zone-0, zone-1"));
    one.choices.count = LIMIT_SLACK_OPTIONS;
    assert_non_null(strstr(opened(&one, 1, line), "static_select"));
    many[1] = "a choice whose name is longer than what Slack shows of an option, which is 75 characters";
    one.choices.count = 2;
    assert_non_null(strstr(opened(&one, 1, line), "plain_text_input"));
}

static void what_no_window_holds_is_left_to_words(void **state) {
    (void)state;
    enum { MANY = 60 };
    struct config_input items[MANY];
    for (size_t i = 0; i < MANY; i++) {
        items[i] = (struct config_input){.name = arena_printf(arena, "I%zu", i), .required = true};
    }
    assert_null(opened(items, MANY, line));
    assert_non_null(opened(items, 50, line));
    char *other = arena_alloc(arena, LIMIT_SLACK_METADATA + 64);
    memset(other, 'x', LIMIT_SLACK_METADATA);
    assert_null(opened(items, 1, arena_printf(arena, "%s OTHER=%s", line, other)));
}

static void what_was_entered_comes_back(void **state) {
    (void)state;
    const char *metadata = "{\"line\":\"deploy webshop 1.4.2 to production\",\"channel\":\"C1\"}";
    assert_int_equal(read_back(metadata, "{\"REGION\":{\"v\":{\"selected_option\":{\"value\":\"eu\"}}},"
                                         "\"TICKET\":{\"v\":{\"value\":\" OPS-1 \\n\"}}}"),
                     0);
    assert_string_equal(answer.line, line);
    assert_string_equal(answer.channel, "C1");
    assert_int_equal(answer.count, 2);
    assert_string_equal(answer.items[0].key, "REGION");
    assert_string_equal(answer.items[0].value, "eu");
    assert_string_equal(answer.items[1].value, "OPS-1");
}

static void what_is_left_out_or_too_long_is_said_at_its_field(void **state) {
    (void)state;
    const char *metadata = "{\"line\":\"deploy webshop 1.4.2 to production\"}";
    static const char *const values[] = {"{\"A\":{\"v\":{\"value\":null}}}", "{\"A\":{\"v\":{\"value\":\"  \"}}}",
                                         "{\"A\":{\"v\":{\"selected_option\":null}}}", "{\"A\":{}}", "{\"A\":7}"};
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        assert_int_equal(read_back(metadata, values[i]), -ERR_INVALID);
        assert_string_equal(answer.wrong_block, "A");
    }
    char *text = arena_alloc(arena, LIMIT_COMMAND_BYTES + 1);
    memset(text, 'x', LIMIT_COMMAND_BYTES);
    assert_int_equal(read_back(metadata, arena_printf(arena, "{\"A\":{\"v\":{\"value\":\"%s\"}}}", text)),
                     -ERR_INVALID);
    assert_string_equal(answer.wrong_block, "A");
}

static void a_window_of_somebody_else_is_refused(void **state) {
    (void)state;
    static const char *const metadata[] = {NULL, "", "x", "{}", "{\"line\":7}", "[]"};
    for (size_t i = 0; i < sizeof metadata / sizeof *metadata; i++) {
        assert_int_equal(read_back(metadata[i], "{}"), -ERR_INVALID);
        assert_null(answer.wrong_block);
    }
}

int main(void) {
#define test(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        test(each_kind_has_its_field),
        test(a_list_that_slack_cannot_hold_is_typed),
        test(what_no_window_holds_is_left_to_words),
        test(what_was_entered_comes_back),
        test(what_is_left_out_or_too_long_is_said_at_its_field),
        test(a_window_of_somebody_else_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
