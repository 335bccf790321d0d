/* Groups of groups in the list of an inventory: who belongs to what, whatever shape they have. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/limits.h"
#include "base/str.h"
#include "config/config.h"

/* What is to be pasted, or the sentence that refuses it. Valid until the next call. */
static const char *import(const char *text) {
    static char said[4 << 20];
    struct buf out = BUF_INIT(sizeof said - 1);
    struct err err = {0};
    if (config_import_ansible(text, strlen(text), &out, &err) < 0) {
        (void)snprintf(said, sizeof said, "%s", err.text);
    } else {
        (void)snprintf(said, sizeof said, "%s", out.data);
    }
    buf_finish(&out);
    return said;
}

static void a_host_has_the_tags_of_all_groups_that_it_is_in(void **state) {
    (void)state;
    static const struct {
        const char *list, *said;
    } cases[] = {
        {"{\"web\": {\"hosts\": [\"w\"]}, \"shop\": {\"children\": [\"web\"]}, \"all\": {\"children\": [\"shop\"]}}",
         "targets:\n  w: { ssh: \"w\", tags: [web, shop] }\n"},
        /* Twice in a group, and by two ways in another. */
        {"{\"a\": {\"hosts\": [\"w\", \"w\"]}, \"b\": {\"children\": [\"a\", \"a\", \"c\"]}, \"c\": {\"children\": "
         "[\"a\"]}}",
         "targets:\n  w: { ssh: \"w\", tags: [a, b, c] }\n"},
        {"{\"a\": {\"children\": [\"gone\", 7]}, \"b\": {\"hosts\": [\"w\"]}, \"ungrouped\": {\"hosts\": [\"x\"]}}",
         "targets:\n  w: { ssh: \"w\", tags: [b] }\n  x: { ssh: \"x\" }\n"},
        {"{\"_meta\": {\"hostvars\": {\"w\": {\"ansible_port\": 2222}}}, \"a\": {\"hosts\": [\"w\"]}}",
         "targets:\n  w: { ssh: \"ssh://w:2222\", tags: [a] }\n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_string_equal(import(cases[i].list), cases[i].said);
    }
}

/* Two groups in each of 40 levels, both with both of the next: 2^40 ways from the top to the host. */
static void a_diamond_of_groups_is_walked_once(void **state) {
    (void)state;
    enum { LEVELS = 40 };
    struct buf list = BUF_INIT(64 << 10);
    buf_adds(&list, "{");
    for (int i = 0; i < LEVELS; i++) {
        for (int side = 0; side < 2; side++) {
            buf_printf(&list, "\"g%d-%d\": {\"children\": [\"g%d-0\", \"g%d-1\"]}, ", i, side, i + 1, i + 1);
        }
    }
    buf_printf(&list, "\"g%d-0\": {\"hosts\": [\"w\"]}, \"g%d-1\": {\"hosts\": [\"w\"]}}", LEVELS, LEVELS);
    const char *said = import(list.data);
    assert_true(str_starts(said, "targets:\n  w: { ssh: \"w\", tags: [g0-0, g0-1, g1-0, "));
    assert_non_null(strstr(said, ", g40-0, g40-1] }"));
    buf_finish(&list);
}

static void groups_may_be_as_deep_as_they_like(void **state) {
    (void)state;
    enum { DEEP = 2000 };
    struct buf list = BUF_INIT(256 << 10);
    buf_adds(&list, "{");
    for (int i = 0; i < DEEP; i++) {
        buf_printf(&list, "\"g%d\": {\"children\": [\"g%d\"]}, ", i, i + 1);
    }
    buf_printf(&list, "\"g%d\": {\"hosts\": [\"w\"]}}", DEEP);
    assert_true(str_starts(import(list.data), "targets:\n  w: { ssh: \"w\", tags: [g0, g1, g2, "));
    buf_finish(&list);
}

static void a_group_in_itself_is_refused(void **state) {
    (void)state;
    static const struct {
        const char *list, *said;
    } cases[] = {
        {"{\"a\": {\"hosts\": [\"w\"], \"children\": [\"a\"]}}", "the group 'a' is a child of itself: a, a"},
        {"{\"top\": {\"children\": [\"b\"]}, \"b\": {\"children\": [\"c\"]}, \"c\": {\"children\": [\"d\", \"b\"]}, "
         "\"d\": {\"hosts\": [\"w\"]}}",
         "the group 'b' is a child of itself: b, c, b"},
        {"{\"all\": {\"children\": [\"a\"]}, \"a\": {\"children\": [\"all\"]}}",
         "the group 'all' is a child of itself: all, a, all"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_string_equal(import(cases[i].list), cases[i].said);
    }
}

static void as_many_hosts_as_there_may_be_targets_are_read(void **state) {
    (void)state;
    struct buf list = BUF_INIT(4 << 20);
    buf_adds(&list, "{\"_meta\": {\"hostvars\": {");
    for (int i = 0; i < LIMIT_PLAN_TARGETS; i++) {
        buf_printf(&list, "%s\"h%d\": {\"ansible_user\": \"deploy\"}", i == 0 ? "" : ", ", i);
    }
    buf_adds(&list, "}}, \"web\": {\"hosts\": [");
    for (int i = 0; i < LIMIT_PLAN_TARGETS; i++) {
        buf_printf(&list, "%s\"h%d\"", i == 0 ? "" : ", ", i);
    }
    buf_adds(&list, "]}}");
    const char *said = import(list.data);
    assert_non_null(strstr(said, "  h4999: { ssh: \"deploy@h4999\", tags: [web] }\n"));
    buf_finish(&list);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_host_has_the_tags_of_all_groups_that_it_is_in),
        cmocka_unit_test(a_diamond_of_groups_is_walked_once),
        cmocka_unit_test(groups_may_be_as_deep_as_they_like),
        cmocka_unit_test(a_group_in_itself_is_refused),
        cmocka_unit_test(as_many_hosts_as_there_may_be_targets_are_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
