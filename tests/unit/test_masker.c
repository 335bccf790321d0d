#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "exec/step/masker.h"
#include "exec/step/spelling.h"
#include "fuzz/masker_naive.h"

enum { OUT_BYTES = 1 << 20 };

static char out[OUT_BYTES];

static struct masker *masker_of(const char *const *secrets, size_t count) {
    struct masker *masker = masker_create();

    for (size_t i = 0; i < count; i++) {
        assert_true(masker_add_secret(masker, secrets[i], strlen(secrets[i])));
    }
    assert_true(masker_build(masker));
    return masker;
}

#define MASKER_OF(...) \
    masker_of((const char *const[]){__VA_ARGS__}, sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))

/* Masks one whole output, fed in pieces of the given size. */
static const char *masked_in_pieces(struct masker *masker, const char *text, size_t size, size_t piece) {
    size_t given = 0;

    assert_true(size + masker_held_max(masker) < OUT_BYTES);
    for (size_t at = 0; at < size; at += piece) {
        given += masker_feed(masker, text + at, size - at < piece ? size - at : piece, out + given);
    }
    given += masker_finish(masker, out + given);
    out[given] = '\0';
    return out;
}

static const char *masked(struct masker *masker, const char *text) {
    return masked_in_pieces(masker, text, strlen(text), strlen(text) + 1);
}

static void a_secret_is_replaced_wherever_it_stands(void **state) {
    static const struct {
        const char *text;
        const char *wanted;
    } cases[] = {
        {"", ""},
        {"nothing", "nothing"},
        {"hunter22", "***"},
        {"password=hunter22\n", "password=***\n"},
        {"hunter22 and hunter22", "*** and ***"},
        {"hunter22hunter22", "***"},
        {"hunterhunter22", "hunter***"},
        {"hhhhunter22222", "hhh***222"},
        {"hunter2", "hunter2"},
        {"Hunter22", "Hunter22"},
        {"hunter2 2", "hunter2 2"},
    };
    struct masker *masker = MASKER_OF("hunter22");
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_string_equal(masked(masker, cases[i].text), cases[i].wanted);
        assert_string_equal(masked_in_pieces(masker, cases[i].text, strlen(cases[i].text), 1), cases[i].wanted);
    }
    masker_destroy(masker);
}

static void a_secret_cut_at_any_two_bytes_is_replaced(void **state) {
    static const char text[] = "a correct horse b";
    const size_t size = sizeof text - 1;
    struct masker *masker = MASKER_OF("correct horse");
    (void)state;

    for (size_t first = 0; first <= size; first++) {
        for (size_t second = first; second <= size; second++) {
            size_t given = masker_feed(masker, text, first, out);
            given += masker_feed(masker, text + first, second - first, out + given);
            given += masker_feed(masker, text + second, size - second, out + given);
            given += masker_finish(masker, out + given);
            out[given] = '\0';
            assert_string_equal(out, "a *** b");
        }
    }
    masker_destroy(masker);
}

static void secrets_that_overlap_leave_nothing_between_them(void **state) {
    struct masker *masker = MASKER_OF("abcdefgh", "fghijklm", "bcdefg");
    (void)state;

    assert_string_equal(masked(masker, "<abcdefghijklm>"), "<***>");
    assert_string_equal(masked(masker, "<fghijklmabcdefgh>"), "<***>");
    assert_string_equal(masked(masker, "<bcdefgz>"), "<***z>");
    assert_string_equal(masked(masker, "<aaaabcdefghh>"), "<aaa***h>");
    masker_destroy(masker);
}

static void a_secret_within_a_longer_one_is_masked_when_the_longer_one_fails(void **state) {
    struct masker *masker = MASKER_OF("xabcdefyghijklz", "abcdef", "ghijkl");
    (void)state;

    assert_string_equal(masked(masker, "xabcdefyghijklz"), "***");
    assert_string_equal(masked(masker, "xabcdefyghijkl!"), "x***y***!");
    assert_string_equal(masked(masker, "xabcdefyghijkl"), "x***y***");
    assert_string_equal(masked(masker, "xabcdefyghij"), "x***yghij");
    masker_destroy(masker);
}

static void a_secret_that_repeats_itself_is_masked_whole(void **state) {
    struct masker *masker = MASKER_OF("aaaaaaa");
    (void)state;

    assert_string_equal(masked(masker, "aaaaaaaaaaaaaaaaaaaaa"), "***");
    assert_string_equal(masked(masker, "aaaaaa"), "aaaaaa");
    assert_string_equal(masked(masker, "baaaaaaab"), "b***b");
    masker_destroy(masker);
}

static void a_short_secret_is_left_alone(void **state) {
    struct masker *masker = MASKER_OF("admin", "");
    (void)state;

    assert_string_equal(masked(masker, "admin admin admin"), "admin admin admin");
    masker_destroy(masker);
}

static size_t fed(struct masker *masker, const char *text) {
    size_t given = masker_feed(masker, text, strlen(text), out);
    out[given] = '\0';
    return given;
}

static void only_what_may_begin_a_secret_is_held_back(void **state) {
    struct masker *masker = MASKER_OF("hunter22");
    (void)state;

    assert_int_equal(fed(masker, "Proceed? [y/n] "), 15);
    assert_int_equal(fed(masker, "hunt"), 0);
    assert_int_equal(fed(masker, "!"), 5);
    assert_string_equal(out, "hunt!");
    assert_int_equal(fed(masker, "xxhunter2"), 2);
    assert_int_equal(fed(masker, "2"), 3); /* complete: it does not wait for more */
    assert_string_equal(out, "***");
    assert_int_equal(fed(masker, "hunthunt"), 4); /* the first can no longer become one */
    assert_int_equal(masker_finish(masker, out), 4);
    masker_destroy(masker);
}

static void a_new_stream_does_not_continue_the_last_one(void **state) {
    struct masker *masker = MASKER_OF("hunter22");
    (void)state;

    assert_string_equal(masked(masker, "hunter"), "hunter");
    assert_string_equal(masked(masker, "22"), "22");
    assert_string_equal(masked(masker, "hunter22"), "***");
    assert_string_equal(masked(masker, "hunter22"), "***");
    masker_destroy(masker);
}

static void every_spelling_of_a_secret_is_masked(void **state) {
    static const struct {
        const char *secret;
        const char *text;
        const char *wanted;
    } cases[] = {
        /* hexadecimal */
        {"s3cr3t&k", "736563 733363723374266b!", "736563 ***!"},
        {"s3cr3t/\xc3\xbf", "7333637233742FC3BF", "***"},
        /* URL */
        {"p@ss w/d~", "u=p%40ss%20w%2Fd~&", "u=***&"},
        {"p@ss w/d~", "u=p%40ss%20w%2fd~&", "u=***&"},
        {"p@ss w/d~", "u=p%40ss%20w/d~&", "u=***&"},
        {"p@ss w/d~", "u=p%40ss+w%2Fd%7E&", "u=***&"},
        {"p@ss(w!d)", "u=p%40ss(w!d)&", "u=***&"},
        /* JSON */
        {"pass\"\\w\t\x01", "{\"a\":\"pass\\\"\\\\w\\t\\u0001\"}", "{\"a\":\"***\"}"},
        {"pass/word", "\"pass\\/word\"", "\"***\""},
        {"a<b>&c&d", "\"a\\u003cb\\u003e\\u0026c\\u0026d\"", "\"***\""},
        {"k\xc3\xbchl\xe2\x82\xac\xf0\x9f\x94\x91", "\"k\\u00fchl\\u20ac\\ud83d\\udd11\"", "\"***\""},
        /* shell */
        {"it's 4 me", "+ echo 'it'\\''s 4 me'", "+ echo '***'"},
        {"it's 4 me", "p='it'\"'\"'s 4 me'", "p='***'"},
        {"it's 4 me", "it\\'s\\ 4\\ me", "***"},
        {"a\"b$c`d\\e", "\"a\\\"b\\$c\\`d\\\\e\"", "\"***\""},
        {"a\nb\tc'd\x7f", "$'a\\nb\\tc\\'d\\177'", "$'***'"},
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct masker *masker = MASKER_OF(cases[i].secret);
        assert_string_equal(masked(masker, cases[i].text), cases[i].wanted);
        masker_destroy(masker);
    }
}

/* Base64 as a program does it: whole, with padding, wrapped after `width` characters unless 0. */
static void base64_write(char *to, const char *text, size_t size, const char *last_two, size_t width) {
    char alphabet[65] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    size_t column = 0;

    memcpy(alphabet + 62, last_two, 3);
    for (size_t i = 0; i < size; i += 3) {
        unsigned b[3] = {0, 0, 0};
        for (size_t j = 0; j < 3 && i + j < size; j++) {
            b[j] = (unsigned char)text[i + j];
        }
        const char quad[4] = {
            alphabet[b[0] >> 2],
            alphabet[(b[0] & 3) << 4 | b[1] >> 4],
            (char)(i + 1 < size ? alphabet[(b[1] & 15) << 2 | b[2] >> 6] : '='),
            (char)(i + 2 < size ? alphabet[b[2] & 63] : '='),
        };
        for (size_t j = 0; j < 4; j++) {
            *to++ = quad[j];
            if (width > 0 && ++column % width == 0) {
                *to++ = '\n';
            }
        }
    }
    *to = '\0';
}

static void base64_of_a_secret_is_masked_at_every_place_and_length(void **state) {
    static const char before[] = "user:";
    static const char secret[] = "\xfb\xef\xbe\xfb\xef\xbe\xfb\xef\xbehunter22";
    static const char after[] = ":tail";
    static const char *const alphabets[] = {"+/", "-_"};
    (void)state;

    for (size_t i = 0; i < 2; i++) {
        for (size_t head = 0; head <= 5; head++) {
            for (size_t tail = 0; tail <= 5; tail++) {
                for (size_t size = MASKER_BYTES_MIN; size < sizeof secret; size++) {
                    char text[64];
                    char encoded[128];
                    char value[32];
                    (void)snprintf(value, sizeof value, "%.*s", (int)size, secret);
                    (void)snprintf(text, sizeof text, "%.*s%s%.*s", (int)head, before, value, (int)tail, after);
                    base64_write(encoded, text, strlen(text), alphabets[i], 0);
                    struct masker *masker = MASKER_OF(value);
                    const char *result = masked(masker, encoded);
                    assert_non_null(strstr(result, "***"));
                    /* What is left: what stood around, and at most one character on each side that depends on both. */
                    assert_true(strlen(result) <= 3 + (head * 8 + 5) / 6 + (tail > 0 ? (tail * 8 + 5) / 6 + 3 : 0));
                    masker_destroy(masker);
                }
            }
        }
    }
}

static void wrapped_base64_is_masked_on_every_line(void **state) {
    static const size_t widths[] = {76, 64};
    char secret[201];
    char encoded[400];
    (void)state;

    for (size_t i = 0; i < sizeof secret - 1; i++) {
        secret[i] = (char)('!' + i * 7 % 90);
    }
    secret[200] = '\0';
    struct masker *masker = MASKER_OF(secret);
    for (size_t i = 0; i < 2; i++) {
        base64_write(encoded, secret, 200, "+/", widths[i]);
        const char *result = masked(masker, encoded);
        assert_string_equal(result, widths[i] == 76 ? "***\n***\n***\n***" : "***\n***\n***\n***\n***");
    }
    masker_destroy(masker);
}

static void each_line_of_a_secret_is_masked_alone(void **state) {
    struct masker *masker = MASKER_OF("-----BEGIN KEY-----\r\n  MIIEvQIBADAN\nq1\nBgkqhkiG9w0B\n-----END KEY-----\n");
    (void)state;

    assert_string_equal(masked(masker, "-----BEGIN KEY-----\n  MIIEvQIBADAN\nq1\n> BgkqhkiG9w0B <\n"),
                        "***\n  ***\nq1\n> *** <\n");
    assert_string_equal(masked(masker, "42676b71686b6947397730420a"), "***0a");
    masker_destroy(masker);
}

static void bytes_that_are_no_text_pass_unchanged(void **state) {
    char bytes[512];
    struct masker *masker = MASKER_OF("hunter22");
    (void)state;

    for (size_t i = 0; i < sizeof bytes; i++) {
        bytes[i] = (char)(i * 31);
    }
    assert_int_equal(masker_feed(masker, bytes, sizeof bytes, out), sizeof bytes);
    assert_memory_equal(out, bytes, sizeof bytes);
    assert_int_equal(masker_finish(masker, out), 0);

    struct masker *zero = masker_create();
    assert_true(masker_add_secret(zero, "ab\0cd\0\xff", 7));
    assert_true(masker_build(zero));
    assert_int_equal(masker_feed(zero, "-ab\0cd\0\xff-", 9, out), 5);
    assert_memory_equal(out, "-***-", 5);
    masker_destroy(zero);
    masker_destroy(masker);
}

static void without_secrets_everything_passes(void **state) {
    struct masker *masker = masker_create();
    (void)state;

    assert_true(masker_build(masker));
    assert_string_equal(masked_in_pieces(masker, "any text", 8, 3), "any text");
    masker_destroy(masker);
    masker_destroy(NULL);
}

static void the_longest_secret_is_masked(void **state) {
    enum { SIZE = 64 << 10 };
    static char secret[SIZE + 1];
    static char text[SIZE + 16];
    (void)state;

    for (size_t i = 0; i < SIZE; i++) {
        secret[i] = (char)('a' + i * i % 23);
    }
    struct masker *masker = MASKER_OF(secret);
    (void)snprintf(text, sizeof text, "<%s>", secret);
    assert_string_equal(masked_in_pieces(masker, text, SIZE + 2, 1000), "<***>");
    text[SIZE] = '!';
    const char *result = masked_in_pieces(masker, text, SIZE + 2, 1000);
    assert_int_equal(strlen(result), SIZE + 2); /* one byte is wrong: it is not the secret */
    masker_destroy(masker);
}

/* Small alphabets make texts that overlap in every way. */
static void it_agrees_with_the_plainest_masking(void **state) {
    uint32_t seed = 42;
    (void)state;

    for (int round = 0; round < 3000; round++) {
        struct masker_naive naive = {.count = 0};
        struct masker *masker = masker_create();
        char text[200];
        char wanted[sizeof text];
        for (size_t i = 0; i < 4; i++) {
            char secret[24];
            seed = seed * 1664525 + 1013904223;
            size_t size = 6 + (seed >> 24) % 14;
            for (size_t j = 0; j < size; j++) {
                seed = seed * 1664525 + 1013904223;
                secret[j] = (char)('a' + (seed >> 28) % 2);
            }
            assert_true(masker_add(masker, secret, size));
            assert_true(masker_naive_add(&naive, secret, size));
        }
        assert_true(masker_build(masker));
        for (size_t j = 0; j < sizeof text; j++) {
            seed = seed * 1664525 + 1013904223;
            text[j] = (char)('a' + (seed >> 28) % 16 / 7);
        }
        size_t wanted_size = masker_naive_mask(&naive, text, sizeof text, wanted);
        const char *result = masked_in_pieces(masker, text, sizeof text, 1 + (seed >> 20) % 17);
        assert_int_equal(strlen(result), wanted_size);
        assert_memory_equal(result, wanted, wanted_size);
        masker_destroy(masker);
        masker_naive_finish(&naive);
    }
}

/* From where it rests a new masker goes on as this one would. */
static void it_rests_where_nothing_is_held_back_or_unfinished(void **state) {
    static const char text[] = "a secret? secretsecret! secre.";
    char whole[64], parts[64];
    (void)state;
    for (size_t cut = 0; cut <= sizeof text - 1; cut++) {
        struct masker *one = masker_create(), *other = masker_create();
        assert_true(masker_add(one, "secret", 6) && masker_build(one));
        assert_true(masker_add(other, "secret", 6) && masker_build(other));
        size_t first = masker_feed(one, text, cut, whole);
        bool rests = masker_is_at_rest(one);
        memcpy(parts, whole, first);
        size_t whole_size = first + masker_feed(one, text + cut, sizeof text - 1 - cut, whole + first);
        whole_size += masker_finish(one, whole + whole_size);
        size_t parts_size = first + masker_feed(other, text + cut, sizeof text - 1 - cut, parts + first);
        parts_size += masker_finish(other, parts + parts_size);
        if (rests) {
            assert_int_equal(parts_size, whole_size);
            assert_memory_equal(parts, whole, whole_size);
        }
        assert_true(rests == (cut < 3 || cut == 9 || cut == 10 || cut == 23 || cut == 24 || cut == sizeof text - 1));
        masker_destroy(one);
        masker_destroy(other);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_secret_is_replaced_wherever_it_stands),
        cmocka_unit_test(a_secret_cut_at_any_two_bytes_is_replaced),
        cmocka_unit_test(secrets_that_overlap_leave_nothing_between_them),
        cmocka_unit_test(a_secret_within_a_longer_one_is_masked_when_the_longer_one_fails),
        cmocka_unit_test(a_secret_that_repeats_itself_is_masked_whole),
        cmocka_unit_test(a_short_secret_is_left_alone),
        cmocka_unit_test(only_what_may_begin_a_secret_is_held_back),
        cmocka_unit_test(a_new_stream_does_not_continue_the_last_one),
        cmocka_unit_test(every_spelling_of_a_secret_is_masked),
        cmocka_unit_test(base64_of_a_secret_is_masked_at_every_place_and_length),
        cmocka_unit_test(wrapped_base64_is_masked_on_every_line),
        cmocka_unit_test(each_line_of_a_secret_is_masked_alone),
        cmocka_unit_test(bytes_that_are_no_text_pass_unchanged),
        cmocka_unit_test(without_secrets_everything_passes),
        cmocka_unit_test(the_longest_secret_is_masked),
        cmocka_unit_test(it_agrees_with_the_plainest_masking),
        cmocka_unit_test(it_rests_where_nothing_is_held_back_or_unfinished),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
