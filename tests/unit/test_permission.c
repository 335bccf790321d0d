#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/permission.h"

#define LIST(...) ((const char *const[]){__VA_ARGS__})
#define NAMES(...) \
    { .items = LIST(__VA_ARGS__), .count = sizeof LIST(__VA_ARGS__) / sizeof(char *) }

static const struct permission_rule rules[] = {
    {.allow = PERMISSION_VIEW, .to = NAMES("*"), .projects = NAMES("webshop")},
    {.allow = PERMISSION_DEPLOY | PERMISSION_CANCEL | PERMISSION_ANSWER,
     .to = NAMES("web-oncall"),
     .projects = NAMES("webshop"),
     .environments = NAMES("staging")},
    {.allow = PERMISSION_RETRY | PERMISSION_FAIL,
     .to = NAMES("web-oncall"),
     .projects = NAMES("webshop"),
     .environments = NAMES("production")},
    {.allow = PERMISSION_ANSWER, .to = NAMES("release-managers"), .projects = NAMES("*"), .environments = NAMES("*")},
    {.allow = PERMISSION_ALL, .to = NAMES("carol")},
    {.allow = PERMISSION_FREEZE},
};

enum { RULE_COUNT = sizeof rules / sizeof *rules };

static unsigned granted(const struct permission_names *names, const char *project, const char *environment) {
    return permission_granted(rules, RULE_COUNT, names, project, environment);
}

static void rights_come_from_rules_for_the_place(void **state) {
    (void)state;
    const struct permission_names alice = NAMES("alice", "web-oncall");
    const struct permission_names bob = NAMES("bob", "release-managers");
    const struct permission_names carol = NAMES("carol");
    const struct permission_names dave = NAMES("dave");
    const struct {
        const struct permission_names *names;
        const char *project, *environment;
        unsigned expected;
    } cases[] = {
        {&alice, "webshop", "staging", PERMISSION_VIEW | PERMISSION_DEPLOY | PERMISSION_CANCEL | PERMISSION_ANSWER},
        {&alice, "webshop", "production", PERMISSION_VIEW | PERMISSION_RETRY | PERMISSION_FAIL},
        {&alice, "billing", "staging", 0},
        {&alice, "Webshop", "staging", 0},
        {&bob, "billing", "staging", PERMISSION_VIEW | PERMISSION_ANSWER},
        {&bob, "webshop", "production", PERMISSION_VIEW | PERMISSION_ANSWER},
        {&carol, "billing", "production", PERMISSION_ALL},
        {&dave, "webshop", "production", PERMISSION_VIEW},
        {&dave, "billing", "production", 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(granted(cases[i].names, cases[i].project, cases[i].environment), cases[i].expected);
    }
}

static void without_a_place_it_is_what_a_person_may_do_anywhere(void **state) {
    (void)state;
    const struct permission_names alice = NAMES("alice", "web-oncall");
    assert_int_equal(granted(&alice, NULL, NULL),
                     PERMISSION_VIEW | PERMISSION_DEPLOY | PERMISSION_CANCEL | PERMISSION_ANSWER);
    assert_int_equal(granted(&alice, "webshop", NULL), granted(&alice, NULL, NULL));
    assert_int_equal(granted(&alice, NULL, "production"), PERMISSION_VIEW | PERMISSION_RETRY | PERMISSION_FAIL);
}

static void a_person_without_a_name_may_do_nothing(void **state) {
    (void)state;
    const struct permission_names nobody = {0};
    assert_int_equal(granted(&nobody, "webshop", "staging"), 0);
    assert_int_equal(granted(&nobody, NULL, NULL), 0);
}

static void a_rule_for_nobody_grants_nothing(void **state) {
    (void)state;
    const struct permission_names alice = NAMES("alice", "web-oncall");
    assert_int_equal(granted(&alice, "webshop", "staging") & PERMISSION_FREEZE, 0);
    assert_int_equal(permission_granted(rules, 0, &alice, "webshop", "staging"), 0);
}

static void each_single_permission_has_a_word_that_is_read_back(void **state) {
    (void)state;
    for (unsigned bit = 1; bit < PERMISSION_ALL; bit <<= 1) {
        const char *word = permission_word(bit);
        assert_non_null(word);
        assert_int_equal(permission_parse(word), bit);
    }
    assert_null(permission_word(0));
    assert_null(permission_word(PERMISSION_ANSWER));
    assert_null(permission_word(PERMISSION_ALL));
}

static void sets_are_read_and_other_words_are_not(void **state) {
    (void)state;
    assert_int_equal(permission_parse("answer"), PERMISSION_ANSWER);
    assert_int_equal(permission_parse("admin"), PERMISSION_ALL);
    assert_int_equal(permission_parse("*"), PERMISSION_ALL);
    assert_int_equal(permission_parse("Deploy"), 0);
    assert_int_equal(permission_parse(""), 0);
    assert_int_equal(permission_parse("root"), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rights_come_from_rules_for_the_place),
        cmocka_unit_test(without_a_place_it_is_what_a_person_may_do_anywhere),
        cmocka_unit_test(a_person_without_a_name_may_do_nothing),
        cmocka_unit_test(a_rule_for_nobody_grants_nothing),
        cmocka_unit_test(each_single_permission_has_a_word_that_is_read_back),
        cmocka_unit_test(sets_are_read_and_other_words_are_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
