#include "fakes/arena_test.h"

#include <stdio.h>

#include "base/str.h"
#include "chat/slack/plain.h"
#include "core/command.h"

struct plain_case {
    const char *raw, *plain;
};

static void check(const struct plain_case *cases, size_t count) {
    for (size_t i = 0; i < count; i++) {
        const char *plain = plain_text(cases[i].raw, arena);
        if (!str_equal(plain, cases[i].plain)) {
            print_error("%s\n  -> %s\n  not %s\n", cases[i].raw, plain, cases[i].plain);
        }
        assert_string_equal(plain, cases[i].plain);
    }
}

#define CHECK(cases) check(cases, sizeof(cases) / sizeof *(cases))

static void entities_are_decoded_once(void **state) {
    (void)state;
    static const struct plain_case CASES[] = {
        {"a &amp; b &lt;c&gt;", "a & b <c>"},
        {"&amp;lt;", "&lt;"},
        {"&quot;&#39;&AMP;&", "&quot;&#39;&AMP;&"},
        {"&amp", "&amp"},
        {"<https://a.example/?a=1&amp;b=2>", "https://a.example/?a=1&b=2"},
        {"<https://a.example|R&amp;D>", "R&D"},
        {"&lt;@U1&gt;", "<@U1>"},
    };
    CHECK(CASES);
}

static void what_slack_has_marked_up_reads_as_it_was_typed(void **state) {
    (void)state;
    static const struct plain_case CASES[] = {
        {"deploy <http://web.example|web.example> 1.4.2", "deploy web.example 1.4.2"},
        {"<https://a.example>", "https://a.example"},
        {"<https://a.example|>", "https://a.example"},
        {"<mailto:a@b.example|a@b.example>", "a@b.example"},
        {"<mailto:a@b.example>", "a@b.example"},
        {"<tel:+123|+123>", "+123"},
        {"in <#C1|deploys>", "in deploys"},
        {"in <#C1>", "in C1"},
        {"in <#C1|>", "in C1"},
        {"ask <@U1> and <@U2|bob>", "ask <@U1> and <@U2|bob>"},
        {"<!subteam^S1|@oncall> <!subteam^S2> <!here> <!channel|channel>", "@oncall <!subteam^S2> @here channel"},
        {"since <!date^1789999320^{time}^https://a.example|14:02>", "since 14:02"},
    };
    CHECK(CASES);
}

static void broken_markup_stays_as_it_is(void **state) {
    (void)state;
    static const struct plain_case CASES[] = {
        {"<", "<"},           {"<>", "<>"},   {"a < b", "a < b"},   {"<https://a.example", "<https://a.example"},
        {"<|>", ""},          {"<!>", "@"},   {"<#>", ""},          {"<a <https://a.example|x>", "<a x"},
        {"< <#C1|x>", "< x"}, {"<@>", "<@>"}, {"<mailto:|x>", "x"},
    };
    CHECK(CASES);
}

static void strange_blanks_become_plain_ones_and_what_is_not_seen_goes(void **state) {
    (void)state;
    static const struct plain_case CASES[] = {
        {"retry\xC2\xA0"
         "42",
         "retry 42"},
        {"\xE3\x80\x80retry\xE2\x80\x89"
         "42\xE2\x80\xAF",
         "retry 42"},
        {"\xEF\xBB\xBFre\xE2\x80\x8Btry \xE2\x80\x8E"
         "42\xE2\x80\x8F",
         "retry 42"},
        {"soft\xC2\xADhyphen \xE2\x80\xAEover\xE2\x80\xAC", "softhyphen over"},
        {" \t\n retry 42 \r\n", "retry 42"},
        {"\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80 \xF0\x9F\x91\xA9\xE2\x80\x8D\xF0\x9F\x92\xBB",
         "\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80 \xF0\x9F\x91\xA9\xE2\x80\x8D\xF0\x9F\x92\xBB"},
        {"", ""},
        {"\xC2\xA0 \xE2\x80\x8B", ""},
    };
    CHECK(CASES);
}

static void marks_around_a_command_are_dropped(void **state) {
    (void)state;
    static const struct plain_case CASES[] = {
        {"`retry 42`", "retry 42"},
        {"` retry 42 `", "retry 42"},
        {"```retry 42```", "retry 42"},
        {"```\nretry 42\n```", "retry 42"},
        {"`retry 42` -- disk is `full`", "retry 42 -- disk is `full`"},
        {"`retry` 42", "retry 42"},
        {"*retry 42*", "retry 42"},
        {"**retry 42**", "retry 42"},
        {"*`retry 42`*", "retry 42"},
        {"* retry 42", "retry 42"},
        {"- retry 42", "retry 42"},
        {"\xE2\x80\xA2 `retry 42`", "retry 42"},
        {"retry 42 -- see `df`", "retry 42 -- see `df`"},
        {"``retry 42`", "``retry 42`"},
        {"`retry 42", "`retry 42"},
        {"-- retry", "-- retry"},
        {"--dry-run", "--dry-run"},
        {"&gt; retry 42", "> retry 42"},
        {"`", "`"},
        {"``", "``"},
        {"*", "*"},
    };
    CHECK(CASES);
}

static void lines_stay_lines(void **state) {
    (void)state;
    static const struct plain_case CASES[] = {{"retry 42 --\nfirst\n  second\n\n", "retry 42 --\nfirst\n  second"}};
    CHECK(CASES);
}

static void hostile_text_is_not_slow(void **state) {
    (void)state;
    enum { SIZE = 64 << 10 };
    static const char *const PIECES[] = {"<", "`", "*`", "&", "<@", "< >", "- ", "\xE2\x80\x8B"};
    char *text = arena_alloc(arena, SIZE + 4);
    for (size_t i = 0; i < sizeof PIECES / sizeof *PIECES; i++) {
        size_t piece = strlen(PIECES[i]), size = 0;
        for (; size + piece <= SIZE; size += piece) {
            memcpy(text + size, PIECES[i], piece);
        }
        text[size] = '\0';
        assert_true(strlen(plain_text(text, arena)) <= size);
    }
}

/* Together with the command parser: what a person sees in the message is what is done. */
static void what_was_typed_is_what_the_parser_reads(void **state) {
    (void)state;
    static const struct {
        const char *raw;
        enum command_id id;
        uint64_t question;
        const char *target, *note;
    } CASES[] = {
        {"`exclude Q42 web-3` \xE2\x80\x94 disk is \xE2\x80\x9C"
         "full\xE2\x80\x9D",
         COMMAND_EXCLUDE, 42, "web-3",
         "disk is \xE2\x80\x9C"
         "full\xE2\x80\x9D"},
        {"Retry 42 -- see <https://a.example/x?a=1&amp;b=2|the log>", COMMAND_RETRY, 42, NULL, "see the log"},
        {"exclude 42 <http://web-3.example|web-3.example>\n-- a &lt;b&gt;\nc", COMMAND_EXCLUDE, 42, "web-3.example",
         "a <b>\nc"},
        {"exclude 42\nweb-3", COMMAND_EXCLUDE, 42, "web-3", NULL},
        {"ignore 42, \xE2\x80\x98web-3\xE2\x80\x99", COMMAND_IGNORE, 42, "web-3", NULL},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        struct command command;
        struct err err = {0};
        int rc = command_parse(plain_text(CASES[i].raw, arena), arena, &command, &err);
        if (rc < 0) {
            print_error("%s\n  -> %s\n", CASES[i].raw, err.text);
        }
        assert_int_equal(rc, 0);
        assert_int_equal(command.id, CASES[i].id);
        assert_int_equal(command.question, CASES[i].question);
        assert_true(str_equal(command.targets.count ? command.targets.items[0] : NULL, CASES[i].target));
        assert_true(str_equal(command.note, CASES[i].note));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        arena_test(entities_are_decoded_once),
        arena_test(what_slack_has_marked_up_reads_as_it_was_typed),
        arena_test(broken_markup_stays_as_it_is),
        arena_test(strange_blanks_become_plain_ones_and_what_is_not_seen_goes),
        arena_test(marks_around_a_command_are_dropped),
        arena_test(lines_stay_lines),
        arena_test(hostile_text_is_not_slow),
        arena_test(what_was_typed_is_what_the_parser_reads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
