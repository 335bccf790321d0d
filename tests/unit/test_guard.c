/* Every Host with every Origin, and what a browser says about who asks. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "api/guard.h"
#include "net/web.h"

static struct guard *guard;

static int set_up(void **state) {
    (void)state;
    guard = guard_create();
    guard_allow_url(guard, "https://deploy.example.com/");
    guard_allow_listen(guard, "box:0", "127.0.0.1:8080", false);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    guard_destroy(guard);
    return 0;
}

static bool allows(const struct guard_request *request) {
    struct err err = {.text = ""};
    int result = guard_check(guard, request, &err);
    assert_true(result == 0 || (result == -ERR_DENIED && err.text[0] != '\0'));
    return result == 0;
}

struct name {
    const char *text;
    bool good;
};

static const struct name hosts[] = {
    {"127.0.0.1:8080", true},
    {"localhost:8080", true},
    {"LOCALHOST:8080", true},
    {"[::1]:8080", true},
    {"box:8080", true},
    {"deploy.example.com", true},
    {"deploy.example.com:443", true},
    {NULL, false},
    {"", false},
    {"localhost", false},
    {"localhost:8081", false},
    {"127.0.0.1", false},
    {"127.0.0.1:80", false},
    {"evil.example", false},
    {"evil.example:8080", false},
    {"deploy.example.com:80", false},
    {"deploy.example.com.", false},
    {"deploy.example.com.evil.example", false},
    {"xdeploy.example.com", false},
    {"localhost:8080:443", false},
    {"box:0", false},
};

static const struct name origins[] = {
    {NULL, true},
    {"https://deploy.example.com", true},
    {"http://127.0.0.1:8080", true},
    {"http://localhost:8080", true},
    {"http://[::1]:8080", true},
    {"null", false},
    {"", false},
    {"http://deploy.example.com", false},
    {"https://deploy.example.com.evil.example", false},
    {"https://localhost:8080", false},
    {"http://localhost", false},
    {"http://localhost:3000", false},
    {"file://", false},
    {"chrome-extension://deploy.example.com", false},
    {"://deploy.example.com", false},
};

static void a_request_needs_a_host_and_an_origin_of_ours(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof hosts / sizeof hosts[0]; i++) {
        for (size_t k = 0; k < sizeof origins / sizeof origins[0]; k++) {
            for (size_t m = 0; m < 2; m++) {
                const struct guard_request request = {
                    .method = m == 0 ? "GET" : "POST", .host = hosts[i].text, .origin = origins[k].text};
                if (allows(&request) != (hosts[i].good && origins[k].good)) {
                    fail_msg("%s %s from %s", request.method, request.host, request.origin);
                }
            }
        }
    }
}

static void nothing_is_allowed_before_a_name_is_known(void **state) {
    (void)state;
    struct guard *empty = guard_create();
    const struct guard_request request = {.method = "GET", .host = "localhost"};
    assert_int_equal(guard_check(empty, &request, NULL), -ERR_DENIED);
    guard_destroy(empty);
}

static void other_sites_may_link_here_but_not_fetch(void **state) {
    (void)state;
    static const struct {
        const char *method, *site, *mode;
        bool good;
    } cases[] = {
        {"GET", NULL, NULL, true},
        {"GET", "same-origin", "cors", true},
        {"GET", "none", "navigate", true},
        {"GET", "cross-site", "navigate", true},
        {"HEAD", "same-site", "navigate", true},
        {"GET", "cross-site", "no-cors", false},
        {"GET", "cross-site", "cors", false},
        {"GET", "same-site", "cors", false},
        {"GET", "cross-site", NULL, false},
        {"POST", "same-origin", "cors", true},
        {"POST", "cross-site", "navigate", false},
        {"POST", "same-site", "cors", false},
        {"DELETE", "cross-site", "navigate", false},
        {"GET", "surprise", "cors", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct guard_request request = {.method = cases[i].method,
                                              .host = "localhost:8080",
                                              .fetch_site = cases[i].site,
                                              .fetch_mode = cases[i].mode};
        assert_int_equal(allows(&request), cases[i].good);
    }
}

static void a_cookie_alone_signs_only_what_no_form_can_send(void **state) {
    (void)state;
    const struct guard_request good = {
        .method = "POST",
        .host = "localhost:8080",
        .origin = "http://localhost:8080",
        .content_type = "application/json; charset=utf-8",
        .csrf = "1",
        .by_cookie = true,
    };
    assert_true(allows(&good));
    static const char *const types[] = {NULL,
                                        "",
                                        "text/plain",
                                        "application/x-www-form-urlencoded",
                                        "multipart/form-data",
                                        "application/jsonp",
                                        "text/plain;application/json"};
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        struct guard_request request = good;
        request.content_type = types[i];
        assert_false(allows(&request));
        request.by_cookie = false;
        assert_true(allows(&request));
    }
    struct guard_request request = good;
    request.csrf = NULL;
    assert_false(allows(&request));
    request.csrf = "0";
    assert_false(allows(&request));
    request = good;
    request.origin = NULL;
    assert_false(allows(&request));
    request.method = "GET";
    request.content_type = request.csrf = NULL;
    assert_true(allows(&request));
    static const char *const methods[] = {"PUT", "DELETE", "PATCH", "get", "SURPRISE"};
    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++) {
        request.method = methods[i];
        assert_false(allows(&request));
    }
}

static void an_own_port_may_be_left_out(void **state) {
    (void)state;
    struct guard_request request = {.method = "GET"};
    guard_allow_listen(guard, "0.0.0.0:80", "0.0.0.0:80", false);
    guard_allow_listen(guard, "secure.example:443", "10.1.2.3:443", true);
    static const char *const good[] = {"localhost", "localhost:80", "localhost:443", "secure.example", "10.1.2.3:443"};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        request.host = good[i];
        assert_true(allows(&request));
    }
    request.host = "localhost:8443";
    assert_false(allows(&request));
}

static void a_unix_socket_is_called_localhost(void **state) {
    (void)state;
    guard_allow_listen(guard, "unix:/run/guidepost.sock", "unix:/run/guidepost.sock", false);
    assert_true(allows(&(struct guard_request){.method = "GET", .host = "localhost"}));
    assert_false(allows(&(struct guard_request){.method = "GET", .host = "evil.example"}));
}

static void cookies_are_secure_where_browsers_come_by_tls(void **state) {
    (void)state;
    assert_true(guard_is_secure(guard, "deploy.example.com"));
    assert_false(guard_is_secure(guard, "localhost:8080"));
    assert_false(guard_is_secure(guard, NULL));
}

static void every_answer_forbids_what_the_page_does_not_need(void **state) {
    (void)state;
    size_t count = 0;
    const struct web_header_line *lines = guard_headers(&count);
    bool policy = false, sniff = false;
    for (size_t i = 0; i < count; i++) {
        policy = policy ||
                 (strcmp(lines[i].name, "Content-Security-Policy") == 0 &&
                  strstr(lines[i].value, "default-src 'none'") != NULL &&
                  strstr(lines[i].value, "frame-ancestors 'none'") != NULL && strstr(lines[i].value, "unsafe") == NULL);
        sniff = sniff || strcmp(lines[i].value, "nosniff") == 0;
        assert_null(strstr(lines[i].name, "Access-Control"));
    }
    assert_true(policy && sniff);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_request_needs_a_host_and_an_origin_of_ours, set_up, tear_down),
        cmocka_unit_test(nothing_is_allowed_before_a_name_is_known),
        cmocka_unit_test_setup_teardown(other_sites_may_link_here_but_not_fetch, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_cookie_alone_signs_only_what_no_form_can_send, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_own_port_may_be_left_out, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_unix_socket_is_called_localhost, set_up, tear_down),
        cmocka_unit_test_setup_teardown(cookies_are_secure_where_browsers_come_by_tls, set_up, tear_down),
        cmocka_unit_test(every_answer_forbids_what_the_page_does_not_need),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
