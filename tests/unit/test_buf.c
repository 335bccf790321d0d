#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/mem.h"

/* The invariants that the header promises. */
static void check(const struct buf *buf) {
    assert_int_equal(buf->data[buf->size], 0);
    assert_true(buf->size <= buf->limit);
    assert_true(buf->capacity == 0 ? buf->size == 0 : buf->capacity > buf->size);
}

static void an_empty_buf_is_empty_text(void **state) {
    (void)state;
    struct buf buf = BUF_INIT(10);
    check(&buf);
    assert_string_equal(buf.data, "");
    buf_add(&buf, NULL, 0);
    buf_adds(&buf, "");
    buf_printf(&buf, "%s", "");
    buf_consume(&buf, 0);
    buf_clear(&buf);
    check(&buf);
    assert_int_equal(buf.capacity, 0);
    buf_finish(&buf);
    buf_finish(&buf);
}

static void appends_follow_each_other(void **state) {
    (void)state;
    struct buf buf;
    buf_init(&buf, 100);
    buf_adds(&buf, "a");
    buf_addc(&buf, 'b');
    buf_add(&buf, "c\0d", 3);
    buf_printf(&buf, "%d-%s", 7, "x");
    check(&buf);
    assert_int_equal(buf.size, 8);
    assert_memory_equal(buf.data, "abc\0d7-x", 9);
    buf_finish(&buf);
    check(&buf);
}

static void it_grows_to_its_limit_and_not_beyond(void **state) {
    (void)state;
    struct buf buf = BUF_INIT(10000);
    for (size_t i = 0; i < 10000; i++) {
        buf_addc(&buf, (char)('a' + i % 26));
        check(&buf);
    }
    assert_false(buf.overflow);
    assert_int_equal(buf.capacity, 10001);
    buf_addc(&buf, 'x');
    assert_true(buf.overflow);
    assert_int_equal(buf.size, 10000);
    assert_int_equal(buf.data[9999], 'a' + 9999 % 26);
    check(&buf);
    buf_finish(&buf);
}

static void what_would_pass_the_limit_is_not_appended_at_all(void **state) {
    (void)state;
    struct buf buf = BUF_INIT(5);
    buf_adds(&buf, "abc");
    buf_adds(&buf, "def");
    assert_true(buf.overflow);
    buf_printf(&buf, "%s", "ghi");
    assert_string_equal(buf.data, "abc");
    buf_add(&buf, "x", SIZE_MAX);
    assert_string_equal(buf.data, "abc");
    buf_adds(&buf, "de");
    assert_string_equal(buf.data, "abcde");
    assert_true(buf.overflow); /* sticks */
    check(&buf);
    buf_clear(&buf);
    assert_false(buf.overflow);
    buf_adds(&buf, "vwxyz");
    assert_false(buf.overflow);
    assert_string_equal(buf.data, "vwxyz");
    buf_finish(&buf);
}

static void a_limit_of_zero_takes_nothing(void **state) {
    (void)state;
    struct buf buf = BUF_INIT(0);
    buf_adds(&buf, "");
    assert_false(buf.overflow);
    buf_addc(&buf, 'a');
    assert_true(buf.overflow);
    check(&buf);
    buf_finish(&buf);
}

static void the_front_can_be_dropped(void **state) {
    (void)state;
    struct buf buf = BUF_INIT(10);
    buf_adds(&buf, "abcdef");
    buf_consume(&buf, 2);
    assert_string_equal(buf.data, "cdef");
    buf_consume(&buf, 4);
    assert_string_equal(buf.data, "");
    check(&buf);
    buf_adds(&buf, "0123456789");
    assert_string_equal(buf.data, "0123456789");
    buf_finish(&buf);
}

static void taken_bytes_belong_to_the_caller(void **state) {
    (void)state;
    struct buf buf = BUF_INIT(10);
    buf_adds(&buf, "abc");
    char *text = buf_take(&buf);
    check(&buf);
    assert_int_equal(buf.size, 0);
    buf_adds(&buf, "xyz");
    assert_string_equal(text, "abc");
    mem_free(text);
    buf_finish(&buf);
    text = buf_take(&buf);
    assert_string_equal(text, "");
    mem_free(text);
    assert_int_equal(buf.limit, 10);
}

static struct buf made_elsewhere(void) {
    struct buf buf = BUF_INIT(10);
    return buf;
}

static void an_empty_buf_may_be_copied_out_of_its_function(void **state) {
    (void)state;
    struct buf buf = made_elsewhere();
    check(&buf);
    buf_addc(&buf, 'a');
    assert_string_equal(buf.data, "a");
    buf_finish(&buf);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_buf_is_empty_text),
        cmocka_unit_test(appends_follow_each_other),
        cmocka_unit_test(it_grows_to_its_limit_and_not_beyond),
        cmocka_unit_test(what_would_pass_the_limit_is_not_appended_at_all),
        cmocka_unit_test(a_limit_of_zero_takes_nothing),
        cmocka_unit_test(the_front_can_be_dropped),
        cmocka_unit_test(taken_bytes_belong_to_the_caller),
        cmocka_unit_test(an_empty_buf_may_be_copied_out_of_its_function),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
