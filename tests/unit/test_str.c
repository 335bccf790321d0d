#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"

static void texts_are_compared_with_and_without_case(void **state) {
    (void)state;
    assert_true(str_equal(NULL, NULL));
    assert_false(str_equal(NULL, ""));
    assert_false(str_equal("", NULL));
    assert_true(str_equal("a", "a"));
    assert_false(str_equal("a", "A"));
    assert_true(str_equal_nocase("RetrY", "rETRy"));
    assert_true(str_equal_nocase(NULL, NULL));
    assert_false(str_equal_nocase(NULL, "a"));
    assert_false(str_equal_nocase("retry", "retry2"));
    assert_false(str_equal_nocase("retry2", "retry"));
    assert_false(str_equal_nocase("[", "{")); /* 32 apart, but no letters */
    assert_true(str_starts("abc", ""));
    assert_true(str_starts("abc", "abc"));
    assert_false(str_starts("ab", "abc"));
    assert_true(str_starts_nocase("ABc", "aB"));
    assert_false(str_starts_nocase("a", "ab"));
    assert_true(str_empty(NULL));
    assert_true(str_empty(""));
    assert_false(str_empty(" "));
}

static void secrets_are_equal_only_if_every_byte_is(void **state) {
    (void)state;
    assert_true(str_equal_secret("abc", "abc"));
    assert_true(str_equal_secret("", ""));
    static const char *const wrong[] = {"", "a", "ab", "abd", "xbc", "abcd", "abca", "abcabc"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_false(str_equal_secret("abc", wrong[i]));
    }
    assert_false(str_equal_secret("", "a"));
    assert_false(str_equal_secret(NULL, ""));
    assert_false(str_equal_secret("", NULL));
    assert_false(str_equal_secret(NULL, NULL));
}

static void whole_numbers_are_read_and_nothing_else(void **state) {
    (void)state;
    uint64_t value;
    int64_t number;
    struct err err;
    assert_int_equal(str_to_u64("0", &value, &err), 0);
    assert_int_equal(value, 0);
    assert_int_equal(str_to_u64("00042", &value, &err), 0);
    assert_int_equal(value, 42);
    assert_int_equal(str_to_u64("18446744073709551615", &value, &err), 0);
    assert_true(value == UINT64_MAX);
    assert_int_equal(str_to_i64("9223372036854775807", &number, &err), 0);
    assert_true(number == INT64_MAX);
    assert_int_equal(str_to_i64("9223372036854775808", &number, &err), -ERR_INVALID);

    static const char *const wrong[] = {"",
                                        " ",
                                        "-1",
                                        "+1",
                                        " 1",
                                        "1 ",
                                        "1x",
                                        "0x10",
                                        "1.0",
                                        "1e3",
                                        "\n1",
                                        "1\n",
                                        "\xD9\xA1",
                                        "18446744073709551616",
                                        "99999999999999999999999"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        value = 7;
        number = 7;
        assert_int_equal(str_to_u64(wrong[i], &value, &err), -ERR_INVALID);
        assert_int_equal(str_to_i64(wrong[i], &number, NULL), -ERR_INVALID);
        assert_int_equal(value, 7); /* written only on success */
        assert_int_equal(number, 7);
    }
}

static void a_refused_text_is_shown_short_and_safe(void **state) {
    (void)state;
    uint64_t value;
    struct err err;
    assert_int_equal(str_to_u64("12\x1b[31mred", &value, &err), -ERR_INVALID);
    assert_string_equal(err.text, "'12red' is not a whole number.");
    assert_int_equal(str_to_u64("99999999999999999999", &value, &err), -ERR_INVALID);
    assert_string_equal(err.text, "'99999999999999999999' is too large a number.");
    char text[10000];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = 0;
    assert_int_equal(str_to_u64(text, &value, &err), -ERR_INVALID);
    assert_true(strlen(err.text) < 120);
}

static void durations_have_units(void **state) {
    (void)state;
    static const struct {
        const char *text;
        int64_t ms; /* 0: refused */
    } cases[] = {
        {"90s", 90000},
        {"1h30m", 5400000},
        {"250ms", 250},
        {"2d", 172800000},
        {"1d1h1m1s1ms", 90061001},
        {"1m1ms", 60001},
        {"1h0m", 3600000},
        {"007s", 7000},
        {"106751991167d", 106751991167 * INT64_C(86400000)},
        {"106751991168d", 0}, /* more than 64 bits of milliseconds */
        {"9223372036854775807ms", INT64_MAX},
        {"1d9223372036854775807ms", 0},
        {"9223372036854775808ms", 0},
        {"99999999999999999999s", 0},
        {"", 0},
        {"90", 0},
        {"1h30", 0},
        {"s", 0},
        {"0s", 0},
        {"0d0h", 0},
        {"-5s", 0},
        {"+5s", 0},
        {"1.5h", 0},
        {"1 h", 0},
        {" 1h", 0},
        {"1h ", 0},
        {"1H", 0},
        {"1w", 0},
        {"1min", 0},
        {"30m1h", 0},
        {"1m1m", 0},
        {"1ms1s", 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int64_t ms = 0;
        struct err err = {0};
        int result = str_to_duration_ms(cases[i].text, &ms, &err);
        assert_int_equal(result, cases[i].ms > 0 ? 0 : -ERR_INVALID);
        assert_true(ms == cases[i].ms);
        assert_int_equal(err.text[0] == 0, result == 0);
    }
}

static void a_number_without_a_unit_is_told_which_ones_there_are(void **state) {
    (void)state;
    int64_t ms;
    struct err err;
    assert_int_equal(str_to_duration_ms("90", &ms, &err), -ERR_INVALID);
    assert_string_equal(err.text, "'90' has no unit: write it like 90s, 15m or 1h30m.");
    assert_int_equal(str_to_duration_ms("3w", &ms, &err), -ERR_INVALID);
    assert_string_equal(err.text, "'3w' has an unknown unit: use ms, s, m, h or d.");
}

static void a_duration_is_shown_by_its_two_largest_units(void **state) {
    (void)state;
    static const struct {
        int64_t ms;
        const char *text;
    } cases[] = {
        {400000, "6 min 40 s"},
        {7500000, "2 h 5 min"},
        {273600000, "3 d 4 h"},
        {40000, "40 s"},
        {40999, "40 s"},
        {250, "250 ms"},
        {999, "999 ms"},
        {1000, "1 s"},
        {0, "0 s"},
        {-5, "0 s"},
        {INT64_MIN, "0 s"},
        {60000, "1 min"},
        {3600000, "1 h"},
        {3640000, "1 h"},
        {86400000, "1 d"},
        {86400000 + 59 * 60000, "1 d"},
        {INT64_MAX, "106751991167 d 7 h"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct buf out = BUF_INIT(100);
        str_duration(&out, cases[i].ms);
        assert_string_equal(out.data, cases[i].text);
        buf_finish(&out);
    }
}

static void names_are_plain_words(void **state) {
    (void)state;
    char longest[130];
    memset(longest, 'a', sizeof longest);
    longest[128] = 0;
    assert_true(str_is_name(longest));
    longest[128] = 'a';
    longest[129] = 0;
    assert_false(str_is_name(longest));
    static const char *const good[] = {"a", "7", "web-1.example.com", "1.2.3+build_7", "A-"};
    static const char *const bad[] = {"",    "-a",  ".a",       "_a",    "+a",  "a b",
                                      "a/b", "a\n", "\xC3\xA4", "a\xFF", "a;b", "a$b"};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_true(str_is_name(good[i]));
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_false(str_is_name(bad[i]));
    }
}

static void utf8_is_well_formed_or_not(void **state) {
    (void)state;
    static const struct {
        const char *bytes;
        bool good;
    } cases[] = {
        {"", true},
        {"abc", true},
        {"\xC2\x80", true},
        {"\xDF\xBF", true},
        {"\xE0\xA0\x80", true},
        {"\xED\x9F\xBF", true},
        {"\xEE\x80\x80", true},
        {"\xEF\xBF\xBF", true},
        {"\xF0\x90\x80\x80", true},
        {"\xF4\x8F\xBF\xBF", true},
        {"\x80", false},
        {"\xC0\xAF", false}, /* too long forms */
        {"\xC1\xBF", false},
        {"\xE0\x9F\xBF", false},
        {"\xF0\x8F\xBF\xBF", false},
        {"\xED\xA0\x80", false}, /* surrogates */
        {"\xED\xBF\xBF", false},
        {"\xF4\x90\x80\x80", false}, /* beyond U+10FFFF */
        {"\xF5\x80\x80\x80", false},
        {"\xFF", false},
        {"\xC3", false}, /* broken off */
        {"\xE2\x82", false},
        {"\xF0\x9F\x98", false},
        {"\xC3\xC3\xA4", false},
        {"\xE2\x82\x61", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(str_is_utf8(cases[i].bytes, strlen(cases[i].bytes)), cases[i].good);
    }
    assert_false(str_is_utf8("a\0b", 3));
    assert_true(str_is_utf8(NULL, 0));
}

static void a_cut_spares_characters(void **state) {
    (void)state;
    static const struct {
        const char *text;
        size_t limit;
        size_t cut;
    } cases[] = {
        {"abc", 5, 3},
        {"abc", 3, 3},
        {"abc", 2, 2},
        {"abc", 0, 0},
        {"", 0, 0},
        {"\xC3\xA4x", 1, 0},
        {"\xC3\xA4x", 2, 2},
        {"x\xE2\x82\xAC", 3, 1},
        {"x\xE2\x82\xAC", 2, 1},
        {"x\xE2\x82\xAC", 4, 4},
        {"\xF0\x9F\x98\x80", 3, 0},
        {"\xF0\x9F\x98\x80", 1, 0},
        {"\xF0\x9F\x98\x80\x80", 4, 4}, /* the last byte belongs to nothing */
        {"\x80\x80\x80\x80\x80\x80", 4, 4},
        {"\xE2\x82\x61", 2, 2},
        {"\xE2\x82\x61", 1, 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(str_utf8_cut(cases[i].text, strlen(cases[i].text), cases[i].limit), cases[i].cut);
    }
}

static void shown_text_cannot_act_on_the_terminal(void **state) {
    (void)state;
    static const struct {
        const char *bytes;
        const char *shown;
    } cases[] = {
        {"", ""},
        {"plain \xC3\xA4 \xF0\x9F\x98\x80\n\tend", "plain \xC3\xA4 \xF0\x9F\x98\x80\n\tend"},
        {"a\x01\x07\b\x7F\rz", "az"},
        {"10%\r20%\r\n", "10%20%\n"},
        {"\x1b[31mred\x1b[0m", "red"},
        {"\x1b[38;5;196mred\x1b[m", "red"},
        {"\x1b[?1049h\x1b[2J\x1b[1;1Htop", "top"},
        {"\x1b[>4;2m\x1b[0 qx", "x"},
        {"\x1b]0;title\x07x", "x"},
        {"\x1b]8;;http://example.com\x1b\\link\x1b]8;;\x1b\\", "link"},
        {"\x1b]52;c;aGVsbG8=\x07x", "x"},
        {"\x1bP1$r0m\x1b\\x", "x"},
        {"\x1b_app\x1b\\\x1b^pm\x1b\\\x1bXsos\x1b\\x", "x"},
        {"\xC2\x9B"
         "31mred",
         "red"},
        {"\xC2\x9D"
         "0;title\xC2\x9Cx",
         "x"},
        {"\xC2\x85x\xC2\x9Cy", "xy"},
        {"\x1b(B\x1b)0\x1b#8x\x1b"
         "7\x1b"
         "cy",
         "xy"},
        {"a\x1b", "a"},
        {"a\x1b[", "a"},
        {"a\x1b[31", "a"},
        {"a\x1b[31\x1b[32mb", "ab"},
        {"a\x1b[3\n1mb", "a\n1mb"},
        {"a\x1b\x1b[31mb", "ab"},
        {"a\x1b]0;never ended\nnext line", "a\nnext line"},
        {"a\x1b]0;never ended", "a"},
        {"a\xFFz\xC3", "a\xEF\xBF\xBDz\xEF\xBF\xBD"},
        {"\x9B"
         "31mred",
         "\xEF\xBF\xBD"
         "31mred"},
        {"\xC0\x9B", "\xEF\xBF\xBD\xEF\xBF\xBD"},
        {"user\xE2\x80\xAEtxt.exe", "user<U+202E>txt.exe"},
        {"\xE2\x81\xA6\xE2\x81\xA9\xE2\x80\x8F\xD8\x9C", "<U+2066><U+2069><U+200F><U+061C>"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct buf out = BUF_INIT(1000);
        str_show(&out, cases[i].bytes, strlen(cases[i].bytes));
        assert_string_equal(out.data, cases[i].shown);
        buf_finish(&out);
    }
    struct buf out = BUF_INIT(100);
    str_show(&out, "a\0b\x1b\0c", 6);
    assert_string_equal(out.data, "abc");
    buf_finish(&out);
}

static void json_strings_are_escaped(void **state) {
    (void)state;
    static const struct {
        const char *bytes;
        const char *json;
    } cases[] = {
        {"", "\"\""},
        {"a/b", "\"a/b\""},
        {"\"\\\b\f\n\r\t", "\"\\\"\\\\\\b\\f\\n\\r\\t\""},
        {"\x01\x1b\x1f", "\"\\u0001\\u001b\\u001f\""},
        {"\x7F\xC2\x9B", "\"\\u007f\\u009b\""},
        {"\xC3\xA4\xF0\x9F\x98\x80", "\"\xC3\xA4\xF0\x9F\x98\x80\""},
        {"\xFF\xE2\x82", "\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct buf out = BUF_INIT(1000);
        str_json(&out, cases[i].bytes, strlen(cases[i].bytes));
        assert_string_equal(out.data, cases[i].json);
        buf_finish(&out);
    }
    struct buf out = BUF_INIT(100);
    str_json(&out, "a\0b", 3);
    assert_string_equal(out.data, "\"a\\u0000b\"");
    buf_finish(&out);
}

static void distances_count_single_edits(void **state) {
    (void)state;
    static const struct {
        const char *a;
        const char *b;
        size_t distance;
    } cases[] = {
        {"", "", 0},          {"", "abc", 3},          {"abc", "", 3},    {"abc", "ABC", 0}, {"kitten", "sitting", 3},
        {"retry", "rety", 1}, {"stauts", "status", 1}, {"abc", "xyz", 3}, {"ab", "ba", 1},   {"fial", "fail", 1},
        {"abcd", "badc", 2},  {"ca", "abc", 3},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(str_distance(cases[i].a, cases[i].b), cases[i].distance);
        assert_int_equal(str_distance(cases[i].b, cases[i].a), cases[i].distance);
    }
    char long_word[200];
    memset(long_word, 'a', sizeof long_word);
    long_word[199] = 0;
    assert_int_equal(str_distance(long_word, "a"), 199);
    long_word[128] = 0;
    assert_int_equal(str_distance(long_word, long_word), 0);
}

static void the_nearest_word_is_offered_if_it_is_near(void **state) {
    (void)state;
    static const char *const words[] = {"retry", "ignore", "exclude", "fail", "status", "website", "on"};
    static const struct {
        const char *word;
        const char *nearest;
    } cases[] = {
        {"rety", "retry"},  {"Retry", "retry"},     {"exlude", "exclude"}, {"stauts", "status"},
        {"web", "website"}, {"fial", "fail"},       {"fai", "fail"},       {"", NULL},
        {"x", NULL},        {"banana", NULL},       {"ig", "ignore"},      {"xy", NULL},
        {"of", NULL},       {"statuses", "status"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *nearest = str_nearest(cases[i].word, words, sizeof words / sizeof words[0]);
        if (cases[i].nearest == NULL) {
            assert_null(nearest);
        } else {
            assert_non_null(nearest);
            assert_string_equal(nearest, cases[i].nearest);
        }
    }
    assert_null(str_nearest("retry", NULL, 0));
}

static void hex_is_lower_case(void **state) {
    (void)state;
    struct buf out = BUF_INIT(100);
    str_hex(&out, "\x00\xAB\x7f", 3);
    str_hex(&out, NULL, 0);
    assert_string_equal(out.data, "00ab7f");
    buf_finish(&out);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_are_compared_with_and_without_case),
        cmocka_unit_test(secrets_are_equal_only_if_every_byte_is),
        cmocka_unit_test(whole_numbers_are_read_and_nothing_else),
        cmocka_unit_test(a_refused_text_is_shown_short_and_safe),
        cmocka_unit_test(durations_have_units),
        cmocka_unit_test(a_number_without_a_unit_is_told_which_ones_there_are),
        cmocka_unit_test(a_duration_is_shown_by_its_two_largest_units),
        cmocka_unit_test(names_are_plain_words),
        cmocka_unit_test(utf8_is_well_formed_or_not),
        cmocka_unit_test(a_cut_spares_characters),
        cmocka_unit_test(shown_text_cannot_act_on_the_terminal),
        cmocka_unit_test(json_strings_are_escaped),
        cmocka_unit_test(distances_count_single_edits),
        cmocka_unit_test(the_nearest_word_is_offered_if_it_is_near),
        cmocka_unit_test(hex_is_lower_case),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
