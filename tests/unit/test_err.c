#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/str.h"

static void the_code_comes_back_negative(void **state) {
    (void)state;
    struct err err = {0};
    assert_int_equal(err_set(&err, ERR_CONFLICT, "%s is over.", "D311"), -ERR_CONFLICT);
    assert_int_equal(err.code, ERR_CONFLICT);
    assert_string_equal(err.text, "D311 is over.");
}

static void a_caller_who_wants_no_text_gets_the_code(void **state) {
    (void)state;
    assert_int_equal(err_set(NULL, ERR_DENIED, "%s", "no"), -ERR_DENIED);
}

static void the_old_text_may_be_part_of_the_new_one(void **state) {
    (void)state;
    struct err err;
    err_set(&err, ERR_IO, "disk full");
    err_set(&err, err.code, "The plan cannot be stored: %s.", err.text);
    assert_string_equal(err.text, "The plan cannot be stored: disk full.");
}

static void a_long_text_is_cut_at_a_character(void **state) {
    (void)state;
    /* U+20AC has three bytes: some shift must hit each of its borders. */
    for (size_t shift = 0; shift < 4; shift++) {
        char text[2 * ERR_TEXT_SIZE] = "xxxx";
        size_t size = shift;
        while (size + 3 < sizeof text) {
            memcpy(text + size, "\xE2\x82\xAC", 3);
            size += 3;
        }
        text[size] = 0;
        struct err err;
        err_set(&err, ERR_IO, "%s", text);
        assert_true(str_is_utf8(err.text, strlen(err.text)));
        assert_in_range(strlen(err.text), ERR_TEXT_SIZE - 3, ERR_TEXT_SIZE - 1);
    }
}

static void words_and_exit_codes_know_both_signs(void **state) {
    (void)state;
    assert_string_equal(err_word(-ERR_NOT_FOUND), "not_found");
    assert_string_equal(err_word(ERR_NOT_FOUND), "not_found");
    assert_string_equal(err_word(ERR_NONE), "ok");
    assert_int_equal(err_exit_code(-ERR_NOT_FOUND), 5);
    assert_int_equal(err_exit_code(ERR_TIMEOUT), 8);
    assert_int_equal(err_exit_code(0), 0);
}

static void a_code_that_is_none_is_unknown(void **state) {
    (void)state;
    const int strange[] = {11, -11, 4711, INT32_MAX, INT32_MIN};
    for (size_t i = 0; i < sizeof strange / sizeof strange[0]; i++) {
        assert_string_equal(err_word(strange[i]), "unknown");
        assert_int_equal(err_exit_code(strange[i]), 1);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_code_comes_back_negative),
        cmocka_unit_test(a_caller_who_wants_no_text_gets_the_code),
        cmocka_unit_test(the_old_text_may_be_part_of_the_new_one),
        cmocka_unit_test(a_long_text_is_cut_at_a_character),
        cmocka_unit_test(words_and_exit_codes_know_both_signs),
        cmocka_unit_test(a_code_that_is_none_is_unknown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
