/* Tokens, passwords, links, and the limit of tries. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "api/auth.h"
#include "api/limiter.h"
#include "api/session.h"
#include "base/limits.h"

static struct config_person people[] = {
    {.name = "alice", .token = {SECRET_ENV, "T_ALICE_TOKEN"}, .password = {SECRET_ENV, "T_ALICE_PASSWORD"}},
    {.name = "bob", .token = {SECRET_ENV, "T_BOB_TOKEN"}},
    {.name = "carol"},
};
static const struct config config = {.people = people, .person_count = 3};
static struct auth *auth;

static void set(const char *name, const char *value) {
    assert_int_equal(setenv(name, value, 1), 0);
}

static int set_up(void **state) {
    (void)state;
    set("T_ALICE_TOKEN", "alice-token-1");
    set("T_ALICE_PASSWORD", "open sesame");
    set("T_BOB_TOKEN", "bob-token-1");
    return auth_create(&config, "local-token", &auth, NULL);
}

static int tear_down(void **state) {
    (void)state;
    auth_destroy(auth);
    return 0;
}

static void a_token_says_whose_it_is(void **state) {
    (void)state;
    struct auth_identity who;
    assert_true(auth_by_token(auth, "alice-token-1", &who));
    assert_string_equal(who.name, "alice");
    assert_false(who.everything);
    assert_true(auth_by_token(auth, "bob-token-1", &who));
    assert_string_equal(who.name, "bob");
    static const char *const bad[] = {"", "alice-token-", "alice-token-12", "Alice-token-1", "open sesame", "alice"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_false(auth_by_token(auth, bad[i], &who));
    }
}

static void the_local_token_may_do_everything(void **state) {
    (void)state;
    struct auth_identity who, local;
    assert_true(auth_by_token(auth, "local-token", &who));
    assert_true(who.everything);
    assert_int_equal(strncmp(who.name, "local:", 6), 0);
    auth_local(auth, &local);
    assert_string_equal(local.name, who.name);
}

static void without_a_local_token_there_is_no_local_user(void **state) {
    (void)state;
    struct auth *strict = NULL;
    struct auth_identity who, local;
    assert_int_equal(auth_create(&config, NULL, &strict, NULL), 0);
    assert_false(auth_by_token(strict, "", &who));
    auth_local(strict, &local);
    assert_false(auth_by_mark(strict, local.name, local.mark, &who));
    auth_destroy(strict);
}

static void a_password_belongs_to_one_name(void **state) {
    (void)state;
    struct auth_identity who;
    assert_true(auth_by_password(auth, "alice", "open sesame", &who));
    assert_string_equal(who.name, "alice");
    assert_false(auth_by_password(auth, "bob", "open sesame", &who));
    assert_false(auth_by_password(auth, "carol", "", &who));
    assert_false(auth_by_password(auth, "alice", "open sesame ", &who));
    assert_false(auth_by_password(auth, "nobody", "open sesame", &who));
}

static void a_session_ends_when_the_secret_changes(void **state) {
    (void)state;
    struct auth_identity before, who;
    assert_true(auth_by_token(auth, "alice-token-1", &before));
    assert_true(auth_by_mark(auth, "alice", before.mark, &who));
    assert_false(auth_by_mark(auth, "bob", before.mark, &who));
    assert_false(auth_by_mark(auth, "alice", "", &who));
    char mark[AUTH_MARK_SIZE];
    memcpy(mark, before.mark, sizeof mark);
    set("T_ALICE_TOKEN", "alice-token-2");
    assert_int_equal(auth_reload(auth, &config, NULL), 0);
    assert_false(auth_by_mark(auth, "alice", mark, &who));
    assert_false(auth_by_token(auth, "alice-token-1", &who));
    assert_true(auth_by_token(auth, "alice-token-2", &who));
    assert_true(auth_by_token(auth, "local-token", &who));
}

static void a_reload_that_fails_changes_nothing(void **state) {
    (void)state;
    struct err err;
    struct auth_identity who;
    assert_int_equal(unsetenv("T_BOB_TOKEN"), 0);
    assert_true(auth_reload(auth, &config, &err) < 0);
    assert_non_null(strstr(err.text, "people.bob.token"));
    assert_true(auth_by_token(auth, "bob-token-1", &who));
    assert_true(auth_by_token(auth, "alice-token-1", &who));
}

static void two_people_may_not_share_a_token(void **state) {
    (void)state;
    struct err err;
    set("T_BOB_TOKEN", "alice-token-1");
    assert_int_equal(auth_reload(auth, &config, &err), -ERR_INVALID);
    set("T_BOB_TOKEN", "local-token");
    assert_int_equal(auth_reload(auth, &config, &err), -ERR_INVALID);
}

static void a_link_is_good_once_and_for_a_while(void **state) {
    (void)state;
    char first[SESSION_SECRET_SIZE], second[SESSION_SECRET_SIZE];
    struct sessions *sessions = sessions_create(NULL);
    session_make_link(sessions, first, 1000);
    session_make_link(sessions, second, 1000);
    assert_int_equal(strlen(first), SESSION_SECRET_SIZE - 1);
    assert_string_not_equal(first, second);
    assert_false(session_use_link(sessions, "", 1000));
    assert_true(session_use_link(sessions, second, 1000));
    assert_false(session_use_link(sessions, second, 1000));
    assert_false(session_use_link(sessions, first, 1000 + LIMIT_LOGIN_LINK_SECONDS * INT64_C(1000)));
    assert_false(session_use_link(sessions, first, 1000));
    sessions_destroy(sessions);
}

static void an_address_may_fail_so_often_a_minute(void **state) {
    (void)state;
    struct limiter *limiter = limiter_create();
    for (int i = 0; i < LIMIT_SIGN_IN_PER_MINUTE; i++) {
        assert_true(limiter_allows(limiter, "10.0.0.1", 5000));
        limiter_failed(limiter, "10.0.0.1", 5000);
    }
    assert_false(limiter_allows(limiter, "10.0.0.1", 64999));
    assert_true(limiter_allows(limiter, "10.0.0.2", 5000));
    assert_true(limiter_allows(limiter, "10.0.0.1", 65000));
    limiter_failed(limiter, "10.0.0.1", 65000);
    assert_true(limiter_allows(limiter, "10.0.0.1", 65000));
    limiter_destroy(limiter);
}

static void many_addresses_do_not_make_one_forgotten_early(void **state) {
    (void)state;
    char address[32];
    struct limiter *limiter = limiter_create();
    for (int i = 0; i < LIMIT_SIGN_IN_PER_MINUTE; i++) {
        limiter_failed(limiter, "10.9.9.9", 30000);
    }
    for (int i = 0; i < 400; i++) {
        (void)snprintf(address, sizeof address, "10.1.%d.%d", i / 256, i % 256);
        limiter_failed(limiter, address, 1000);
        limiter_failed(limiter, address, 30000);
    }
    assert_false(limiter_allows(limiter, "10.9.9.9", 31000));
    limiter_destroy(limiter);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_token_says_whose_it_is, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_local_token_may_do_everything, set_up, tear_down),
        cmocka_unit_test_setup_teardown(without_a_local_token_there_is_no_local_user, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_password_belongs_to_one_name, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_session_ends_when_the_secret_changes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_reload_that_fails_changes_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(two_people_may_not_share_a_token, set_up, tear_down),
        cmocka_unit_test(a_link_is_good_once_and_for_a_while),
        cmocka_unit_test(an_address_may_fail_so_often_a_minute),
        cmocka_unit_test(many_addresses_do_not_make_one_forgotten_early),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
