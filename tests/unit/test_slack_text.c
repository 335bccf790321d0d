
#include "fakes/arena_test.h"

#include "base/mem.h"
#include "base/str.h"
#include "chat/slack/text.h"
#include "fakes/pieces.h"

static const char *keep(struct text *text) {
    const char *data = arena_strdup(arena, text->buf.data);
    text_finish(text);
    return data;
}

static const char *added(const char *outside, size_t limit) {
    struct text text;
    text_begin(&text, TEXT_MRKDWN, limit);
    text_add(&text, outside);
    return keep(&text);
}

static void what_comes_from_outside_is_escaped(void **state) {
    (void)state;
    static const char *const cases[][2] = {
        {"plain", "plain"},
        {"<!channel> & <@U1>", "&lt;!channel&gt; &amp; &lt;@U1&gt;"},
        {"&lt;!here&gt;", "&amp;lt;!here&amp;gt;"},
        {"a\xff\x62", "a\xEF\xBF\xBD\x62"},
        {"a\033[31mred\033[0m\a", "ared"},
        {"two\nlines", "two\nlines"},
        {"", ""},
        {NULL, ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_string_equal(added(cases[i][0], 100), cases[i][1]);
    }
}

static void a_cut_is_between_characters_and_escapes_and_shows(void **state) {
    (void)state;
    assert_string_equal(added("abcdef", 4), "abc…");
    assert_string_equal(added("abc", 4), "abc");
    assert_string_equal(added("äöüß", 3), "äö…");
    assert_string_equal(added("\xF0\x9F\x98\x80\xF0\x9F\x98\x80", 4), "\xF0\x9F\x98\x80…");
    assert_string_equal(added("a&b", 6), "a…");
    assert_string_equal(added("a&b", 7), "a&amp;…");
    assert_string_equal(added("<<<", 10), "&lt;&lt;…");
}

static void what_is_behind_a_cut_is_left_out(void **state) {
    (void)state;
    struct text text;
    text_begin(&text, TEXT_MRKDWN, 6);
    text_add(&text, "abcdefgh");
    text_markup(&text, "x");
    text_line(&text, "y");
    assert_true(text.cut);
    assert_string_equal(keep(&text), "abcde…");
}

static void markup_is_written_whole_or_not_at_all(void **state) {
    (void)state;
    struct text text;
    text_begin(&text, TEXT_MRKDWN, 8);
    text_line(&text, "abc");
    text_markup(&text, "<@U012>");
    assert_string_equal(keep(&text), "abc…");
    text_begin(&text, TEXT_MRKDWN, 11);
    text_line(&text, "abc");
    text_markup(&text, "<@U012>");
    assert_string_equal(keep(&text), "abc<@U012>");
}

static void bold_ends_also_when_it_is_cut(void **state) {
    (void)state;
    static const struct {
        const char *outside;
        size_t limit;
        const char *text;
    } cases[] = {
        {"web-3", 20, "*web-3*"}, {"web-3", 6, "*web…*"},     {"we*b", 20, "we*b"}, {" web", 20, " web"}, {"", 20, ""},
        {"a\nb", 20, "*a b*"},    {"<b>", 20, "*&lt;b&gt;*"}, {"web-3", 3, "we…"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct text text;
        text_begin(&text, TEXT_MRKDWN, cases[i].limit);
        text_bold(&text, cases[i].outside);
        assert_string_equal(keep(&text), cases[i].text);
    }
}

static void addresses_can_be_clicked_and_nothing_else(void **state) {
    (void)state;
    static const char *const cases[][2] = {
        {"Runbook: https://wiki.example.org/a?b=1&c=2.", "Runbook: <https://wiki.example.org/a?b=1&amp;c=2>."},
        {"http://a.example http://b.example", "<http://a.example> <http://b.example>"},
        {"https://a.example|<!channel>", "<https://a.example>|&lt;!channel&gt;"},
        {"https://<!here>", "https://&lt;!here&gt;"},
        {"xhttps://a.example javascript:alert(1)", "xhttps://a.example javascript:alert(1)"},
        {"https://", "https://"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct text text;
        text_begin(&text, TEXT_MRKDWN, 200);
        text_linked(&text, cases[i][0]);
        assert_string_equal(keep(&text), cases[i][1]);
    }
}

static void what_was_added_can_be_taken_back(void **state) {
    (void)state;
    struct text text;
    text_begin(&text, TEXT_MRKDWN, 10);
    text_line(&text, "abc");
    struct text_mark mark = text_here(&text);
    text_line(&text, pieces_repeat("x", 50, arena));
    assert_true(text.cut);
    text_back(&text, mark);
    text_line(&text, "def");
    assert_string_equal(keep(&text), "abcdef");
}

static const char *written(void (*write)(const char *, size_t, struct json_out *, const char *), const char *outside,
                           size_t limit) {
    struct buf json = BUF_INIT(1 << 20);
    struct json_out out = {.buf = &json};
    json_object_begin(&out, NULL);
    write(outside, limit, &out, "t");
    json_object_end(&out);
    const char *text = arena_strdup(arena, json.data);
    buf_finish(&json);
    return text;
}

static void plain_text_is_not_escaped_and_never_empty(void **state) {
    (void)state;
    assert_string_equal(written(text_write_plain, "a & <b>\nc", 75),
                        "{\"t\":{\"type\":\"plain_text\",\"text\":\"a & <b> c\",\"emoji\":false}}");
    assert_string_equal(written(text_write_plain, "", 75),
                        "{\"t\":{\"type\":\"plain_text\",\"text\":\"-\",\"emoji\":false}}");
}

static void mrkdwn_is_verbatim(void **state) {
    (void)state;
    struct buf json = BUF_INIT(1000);
    struct json_out out = {.buf = &json};
    struct text text;
    text_begin(&text, TEXT_MRKDWN, 100);
    text_line(&text, "@here");
    text_write(&text, &out, NULL);
    assert_string_equal(json.data, "{\"type\":\"mrkdwn\",\"text\":\"@here\",\"verbatim\":true}");
    buf_finish(&json);
}

static void a_message_that_is_too_long_keeps_its_end(void **state) {
    (void)state;
    const char *text = arena_printf(arena, "Q42: %s Answer: retry Q42.", pieces_repeat("<&> ", 2000, arena));
    const char *json = written(text_write_message, text, 4000);
    assert_true(str_starts(json, "{\"t\":\"Q42: &lt;&amp;&gt; &lt;"));
    assert_non_null(strstr(json, " … "));
    assert_non_null(strstr(json, " Answer: retry Q42.\"}"));
    assert_true(strlen(json) <= 4000 + strlen("{'t':''}") + 2);
    assert_string_equal(written(text_write_message, "short", 4000), "{\"t\":\"short\"}");
    assert_string_equal(written(text_write_message, "", 4000), "{\"t\":\"-\"}");
}

static void the_middle_is_cut_between_characters(void **state) {
    (void)state;
    for (size_t limit = 10; limit < 40; limit++) {
        const char *json = written(text_write_message, pieces_repeat("\xF0\x9F\x98\x80ä<", 30, arena), limit);
        assert_true(str_is_utf8(json, strlen(json)));
        assert_null(strstr(json, "\xEF\xBF\xBD"));
    }
}

static const char *tail(const char *outside, size_t limit) {
    struct buf out = BUF_INIT(1 << 20);
    text_tail(outside, limit, &out);
    const char *text = arena_strdup(arena, out.data);
    buf_finish(&out);
    return text;
}

static void of_output_the_last_whole_lines_are_kept(void **state) {
    (void)state;
    assert_string_equal(tail("one\ntwo\nthree\n\n", 100), "one\ntwo\nthree");
    assert_string_equal(tail("one\ntwo\nthree\n", 10), "…\nthree");
    assert_string_equal(tail("one\ntwo\nthree\n", 11), "…\ntwo\nthree");
    assert_string_equal(tail("one\ntwo\nthree\n", 13), "one\ntwo\nthree");
    assert_string_equal(tail("a line that is very long", 10), "…ery long");
    assert_string_equal(tail("```\n<!channel>", 100), "```\n<!channel>");
    assert_string_equal(tail("\n\n\n", 100), "");
}

static void a_megabyte_of_output_is_cut_too(void **state) {
    (void)state;
    const char *text = tail(pieces_repeat("0123456789abcde\n", 1 << 16, arena), 100);
    assert_true(str_starts(text, "…\n0123456789abcde\n"));
    assert_true(strlen(text) <= 102);
}

#define TEST(name) arena_test(name)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(what_comes_from_outside_is_escaped),
        TEST(a_cut_is_between_characters_and_escapes_and_shows),
        TEST(what_is_behind_a_cut_is_left_out),
        TEST(markup_is_written_whole_or_not_at_all),
        TEST(bold_ends_also_when_it_is_cut),
        TEST(addresses_can_be_clicked_and_nothing_else),
        TEST(what_was_added_can_be_taken_back),
        TEST(plain_text_is_not_escaped_and_never_empty),
        TEST(mrkdwn_is_verbatim),
        TEST(a_message_that_is_too_long_keeps_its_end),
        TEST(the_middle_is_cut_between_characters),
        TEST(of_output_the_last_whole_lines_are_kept),
        TEST(a_megabyte_of_output_is_cut_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
