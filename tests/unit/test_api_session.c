/* Signing in to the page, and what its cookie is good for. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "api/api.h"
#include "base/arena.h"
#include "base/str.h"
#include "fakes/api_client.h"
#include "fakes/api_rig.h"
#include "fakes/store_rig.h"

#define PAGE "Content-Type: application/json\r\nX-Csrf: 1\r\n"

static const char *page_headers(const char *cookie) {
    return arena_printf(api_rig.arena, PAGE "Origin: http://%s\r\nCookie: %s\r\n", api_address(api_rig.api, 0), cookie);
}

static const char *cookie_of(const struct api_answer *answer) {
    const char *line = strcasestr(answer->head, "set-cookie: ");
    assert_non_null(line);
    line += strlen("set-cookie: ");
    return arena_strndup(api_rig.arena, line, strcspn(line, ";"));
}

static const char *sign_in(const char *body) {
    struct api_answer answer = api_ask("POST", "/v1/session", PAGE, body);
    if (answer.status != 200) {
        fail_msg("%s", answer.body);
    }
    assert_non_null(strcasestr(answer.head, "HttpOnly; SameSite=Strict"));
    const char *cookie = cookie_of(&answer);
    api_answer_free(&answer);
    return cookie;
}

static void a_session_survives_a_restart_and_ends_at_sign_out(void **state) {
    (void)state;
    const char *cookie = sign_in("{\"name\": \"alice\", \"password\": \"open sesame\"}");
    struct api_answer answer = api_get("/v1/me", page_headers(cookie));
    assert_string_equal(api_text(&answer, "name"), "alice");
    assert_string_equal(api_text(&answer, "via"), "console");
    api_answer_free(&answer);
    const char *secret = strchr(cookie, '=') + 1;
    assert_string_equal(rig_call(&api_rig.store, "EXISTS", arena_printf(api_rig.arena, "t:session:%s", secret)), "0");

    char address[64];
    (void)snprintf(address, sizeof address, "%s", api_address(api_rig.api, 0));
    api_rig_close();
    api_rig_open("local-token", NULL);
    /* The cookie's name has the port in it, which is another one now. */
    const char *again =
        arena_printf(api_rig.arena, "guidepost-%s=%s", strrchr(api_address(api_rig.api, 0), ':') + 1, secret);
    answer = api_get("/v1/me", page_headers(again));
    assert_int_equal(answer.status, 200);
    api_answer_free(&answer);
    api_expect("DELETE", "/v1/session", page_headers(again), NULL, 200);
    api_expect("GET", "/v1/me", page_headers(again), NULL, 401);
}

static void a_cookie_needs_the_marks_of_the_page(void **state) {
    (void)state;
    const char *cookie = sign_in("{\"token\": \"alice-token\"}");
    const char *bare = arena_printf(api_rig.arena, "Cookie: %s\r\n", cookie);
    api_expect("POST", "/v1/commands", page_headers(cookie), "{\"line\": \"status\"}", 200);
    api_expect("POST", "/v1/commands", bare, "{\"line\": \"status\"}", 403);
    api_expect("POST", "/api/interruptions/Interruptions-1/submit", bare, "{\"Guidance\": \"Retry\"}", 403);
    api_expect("POST", "/api/interruptions/Interruptions-1/responsible",
               arena_printf(api_rig.arena, "%sX-HTTP-Method-Override: PUT\r\n", bare), NULL, 403);
    assert_int_equal(api_rig.asked.count, 1);
}

static void a_link_signs_the_local_user_in_once(void **state) {
    (void)state;
    char link[128];
    api_make_link(api_rig.api, link);
    assert_true(str_starts(link, "/login#"));
    const char *body = arena_printf(api_rig.arena, "{\"link\": \"%s\"}", strchr(link, '#') + 1);
    const char *cookie = sign_in(body);
    struct api_answer answer = api_get("/v1/me", page_headers(cookie));
    assert_true(str_starts(api_text(&answer, "name"), "local:"));
    api_answer_free(&answer);
    api_expect("POST", "/v1/session", PAGE, body, 401);
}

static void too_many_failures_are_slowed_down(void **state) {
    (void)state;
    for (int i = 0; i < 20; i++) {
        api_expect("POST", "/v1/session", PAGE, "{\"token\": \"wrong\"}", 401);
    }
    api_expect("POST", "/v1/session", PAGE, "{\"token\": \"alice-token\"}", 429);
    api_expect("GET", "/v1/me", ALICE, NULL, 200);
}

static void a_session_is_good_while_redis_is_away(void **state) {
    (void)state;
    const char *cookie = sign_in("{\"token\": \"alice-token\"}");
    rig_server_kill(&api_rig.store);
    rig_run_ms(&api_rig.store, 50);
    api_expect("GET", "/v1/me", page_headers(cookie), NULL, 200);
    /* Whether this one was ever opened, nobody here can say now. */
    const char *other = arena_printf(api_rig.arena, "%.*s=unknown", (int)strcspn(cookie, "="), cookie);
    api_expect("GET", "/v1/me", page_headers(other), NULL, 503);
    struct api_answer answer = api_get("/v1/questions", ALICE);
    assert_int_equal(answer.status, 503);
    assert_string_equal(api_text(&answer, "title"), "unavailable");
    api_answer_free(&answer);
    api_expect("GET", "/readyz", "", NULL, 503);
    api_expect("GET", "/livez", "", NULL, 200);
    rig_server_start(&api_rig.store);
    rig_ready(&api_rig.store);
    api_expect("GET", "/readyz", "", NULL, 200);
    api_expect("GET", "/v1/me", page_headers(cookie), NULL, 200);
    api_expect("GET", "/v1/me", page_headers(other), NULL, 401);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        api_test(a_session_survives_a_restart_and_ends_at_sign_out),
        api_test(a_cookie_needs_the_marks_of_the_page),
        api_test(a_link_signs_the_local_user_in_once),
        api_test(too_many_failures_are_slowed_down),
        api_test(a_session_is_good_while_redis_is_away),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
