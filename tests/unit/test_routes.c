/* The table of routes, and how paths are read. Pure. */

#include "fakes/arena_test.h"

#include <stdio.h>

#include "api/page.h"
#include "api/routes.h"

static const char *params[CALL_PARAMS];

static const struct route *find(const char *method, const char *path) {
    bool other = false;
    return route_find(method, route_path(path, arena), arena, params, &other);
}

static void a_space_may_be_named_in_three_ways(void **state) {
    (void)state;
    static const char *const cases[][2] = {
        {"/api", "/api"},
        {"/api/", "/api"},
        {"/API/Tasks", "/api/Tasks"},
        {"/api/tasks/", "/api/tasks"},
        {"/api/tasks/ServerTasks-1", "/api/tasks/ServerTasks-1"},
        {"/api/Spaces-1", "/api"},
        {"/api/Spaces-1/", "/api"},
        {"/api/spaces-1/tasks", "/api/tasks"},
        {"/api/spaces/Spaces-1/tasks/ServerTasks-1/cancel", "/api/tasks/ServerTasks-1/cancel"},
        {"/api/spaces/default/tasks", "/api/tasks"},
        {"/api/Spaces/Default/tasks", "/api/tasks"},
        {"/api/spaces", "/api/spaces"},
        {"/api/spaces/", "/api/spaces"},
        {"/api/spaces/all", "/api/spaces/all"},
        {"/api/spaces/Spaces-1", "/api/spaces/Spaces-1"},
        {"/api/Spaces-2/tasks", "/api/Spaces-2/tasks"},
        {"/api/spaces/Spaces-2/tasks", "/api/spaces/Spaces-2/tasks"},
        {"/apiary", "/apiary"},
        {"/v1/me/", "/v1/me/"},
        {"/", "/"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *path = route_path(cases[i][0], arena);
        assert_int_equal(strcasecmp(path, cases[i][1]), 0);
    }
}

static void each_row_is_found_by_its_own_pattern(void **state) {
    (void)state;
    size_t count = 0;
    const struct route *table = route_table(&count);
    for (size_t i = 0; i < count; i++) {
        char path[256] = "";
        for (const char *c = table[i].pattern; *c != '\0'; c++) {
            size_t size = strlen(path);
            (void)snprintf(path + size, sizeof path - size, "%s%.*s", *c == '{' ? "thing-7" : "", *c == '{' ? 0 : 1, c);
            c += *c == '{';
        }
        bool other = false;
        if (route_find(table[i].method, path, arena, params, &other) != &table[i]) {
            fail_msg("%s %s", table[i].method, table[i].pattern);
        }
    }
}

static void what_stands_in_braces_is_handed_over(void **state) {
    (void)state;
    assert_non_null(find("GET", "/api/Spaces-1/projects/Projects-shop/releases/1.4.2"));
    assert_string_equal(params[0], "Projects-shop");
    assert_string_equal(params[1], "1.4.2");
}

static void an_exact_word_comes_before_braces(void **state) {
    (void)state;
    assert_string_equal(find("GET", "/api/users/me")->pattern, "/api/users/me");
    assert_string_equal(find("GET", "/api/Projects/ALL")->pattern, "/api/projects/all");
    assert_string_equal(find("GET", "/api/interruptions/all")->pattern, "/api/interruptions/all");
}

static void a_wrong_method_is_told_from_a_wrong_address(void **state) {
    (void)state;
    bool other = false;
    assert_null(route_find("PUT", "/v1/me", arena, params, &other));
    assert_true(other);
    assert_null(route_find("GET", "/v1/commands", arena, params, &other));
    assert_true(other);
    assert_null(route_find("POST", "/v1/nothing", arena, params, &other));
    assert_false(other);
    assert_null(route_find("POST", "/style.css", arena, params, &other));
    assert_false(other);
    assert_null(route_find("OPTIONS", "/v1/me", arena, params, &other));
    assert_true(other);
}

static void head_is_answered_like_get(void **state) {
    (void)state;
    assert_ptr_equal(find("HEAD", "/livez"), find("GET", "/livez"));
}

static void addresses_of_the_page_lead_to_the_page(void **state) {
    (void)state;
    static const char *const paths[] = {"/", "/login", "/d/311", "/q/Q42", "/rooms/deploys"};
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        assert_ptr_equal(find("GET", paths[i])->handle, page_index);
    }
    assert_ptr_equal(find("GET", "/style.css")->handle, page_file);
    assert_ptr_equal(find("GET", "/d/311/more")->handle, page_file);
}

/* What anybody may ask for is on this list, so that a new route is not open by mistake. */
static void only_these_are_open_to_everybody(void **state) {
    (void)state;
    static const char *const open[] = {
        "/livez", "/healthz", "/readyz", "/v1/session", "/api",      "/schema/guidepost-1.json",
        "/",      "/login",   "/d/{}",   "/q/{}",       "/rooms/{}", "/*"};
    size_t count = 0;
    const struct route *table = route_table(&count);
    for (size_t i = 0; i < count; i++) {
        bool listed = false;
        for (size_t k = 0; k < sizeof open / sizeof open[0]; k++) {
            listed = listed || strcmp(open[k], table[i].pattern) == 0;
        }
        assert_int_equal(table[i].need == ROUTE_OPEN, listed);
    }
}

static void only_plain_paths_name_files(void **state) {
    (void)state;
    static const char *const good[] = {"/index.html", "/a/b/c.js", "/a..b.js", "/x y.png"};
    static const char *const bad[] = {"",        "index.html",   "/",       "//etc/passwd", "/../secret",
                                      "/a/../b", "/.git/config", "/a/.env", "/a//b",        "/a/",
                                      "/..",     "/a\\b",        "/./a"};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_true(page_path_is_plain(good[i]));
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        if (page_path_is_plain(bad[i])) {
            fail_msg("%s", bad[i]);
        }
    }
}

static void errors_become_numbers_in_one_way(void **state) {
    (void)state;
    static const struct {
        enum err_code code;
        int v1, octopus;
    } cases[] = {
        {ERR_NONE, 200, 200},    {ERR_INVALID, 400, 400},     {ERR_UNAUTHENTICATED, 401, 401},
        {ERR_DENIED, 403, 403},  {ERR_NOT_FOUND, 404, 404},   {ERR_CONFLICT, 409, 400},
        {ERR_TOO_BIG, 413, 413}, {ERR_UNAVAILABLE, 503, 503}, {ERR_UNKNOWN, 504, 504},
        {ERR_TIMEOUT, 504, 504}, {ERR_IO, 500, 500},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(call_status(cases[i].code, CALL_V1), cases[i].v1);
        assert_int_equal(call_status(cases[i].code, CALL_OCTOPUS), cases[i].octopus);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_space_may_be_named_in_three_ways),
        cmocka_unit_test(each_row_is_found_by_its_own_pattern),
        cmocka_unit_test(what_stands_in_braces_is_handed_over),
        cmocka_unit_test(an_exact_word_comes_before_braces),
        cmocka_unit_test(a_wrong_method_is_told_from_a_wrong_address),
        cmocka_unit_test(head_is_answered_like_get),
        cmocka_unit_test(addresses_of_the_page_lead_to_the_page),
        cmocka_unit_test(only_these_are_open_to_everybody),
        cmocka_unit_test(only_plain_paths_name_files),
        cmocka_unit_test(errors_become_numbers_in_one_way),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
