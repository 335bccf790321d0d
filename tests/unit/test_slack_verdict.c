#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/limits.h"
#include "base/str.h"
#include "chat/slack/verdict.h"

struct verdict_case {
    int status;
    const char *body, *retry_after;
    enum verdict_kind kind;
    const char *error;
    bool maybe, fatal;
    int64_t retry_after_ms;
};

static void judge(const struct verdict_case *each, bool response_url) {
    struct verdict verdict;
    const struct http_reply reply = {.status = each->status, .body = each->body, .size = strlen(each->body)};
    verdict_read(&verdict, &reply, each->retry_after, response_url);
    print_message("%d %s -> %s %s\n", each->status, each->body, verdict_word(verdict.kind), verdict.error);
    assert_int_equal(verdict.kind, each->kind);
    assert_string_equal(verdict.error, each->error != NULL ? each->error : "");
    assert_int_equal(verdict.maybe, each->maybe);
    assert_int_equal(verdict.fatal, each->fatal);
    assert_int_equal(verdict.retry_after_ms, each->retry_after_ms);
    json_free(verdict.body);
}

static void a_reply_of_a_method_is_judged(void **state) {
    (void)state;
    static const struct verdict_case cases[] = {
        {200, "{\"ok\":true,\"ts\":\"1.2\"}", NULL, VERDICT_OK, NULL, false, false, 0},
        {200, "{\"ok\":false,\"error\":\"channel_not_found\"}", NULL, VERDICT_ERROR, "channel_not_found", false, false,
         0},
        {200, "{\"ok\":false}", NULL, VERDICT_ERROR, "unknown_error", false, false, 0},
        {400, "{\"ok\":false,\"error\":\"invalid_form_data\"}", NULL, VERDICT_ERROR, "invalid_form_data", false, false,
         0},
        {400, "{\"ok\":true}", NULL, VERDICT_ERROR, "unknown_error", false, false, 0},
        /* the token */
        {200, "{\"ok\":false,\"error\":\"invalid_auth\"}", NULL, VERDICT_ERROR, "invalid_auth", false, true, 0},
        {401, "{\"ok\":false,\"error\":\"token_revoked\"}", NULL, VERDICT_ERROR, "token_revoked", false, true, 0},
        {200, "{\"ok\":false,\"error\":\"missing_scope\",\"needed\":\"usergroups:read\"}", NULL, VERDICT_ERROR,
         "missing_scope", false, false, 0},
        {200, "{\"ok\":false,\"error\":\"missing_scope\",\"needed\":\"connections:write\"}", NULL, VERDICT_ERROR,
         "missing_scope", false, true, 0},
        {404, "<html>not here</html>", NULL, VERDICT_FAULT, "http_404", false, false, 0},
        /* limits */
        {429, "{\"ok\":false,\"error\":\"ratelimited\"}", "7", VERDICT_LIMITED, "ratelimited", false, false, 7000},
        {429, "", NULL, VERDICT_LIMITED, "ratelimited", false, false, LIMIT_SLACK_RETRY_AFTER_MS},
        {429, "<html>", "Wed, 21 Oct 2026 07:28:00 GMT", VERDICT_LIMITED, "ratelimited", false, false,
         LIMIT_SLACK_RETRY_AFTER_MS},
        {429, "", "99999999999999999999", VERDICT_LIMITED, "ratelimited", false, false, LIMIT_SLACK_RETRY_AFTER_MS},
        {429, "", "86400", VERDICT_LIMITED, "ratelimited", false, false, 3600000},
        {200, "{\"ok\":false,\"error\":\"rate_limited\"}", "2", VERDICT_LIMITED, "ratelimited", false, false, 2000},
        /* faults */
        {200, "{\"ok\":tr", NULL, VERDICT_FAULT, "bad_reply", true, false, 0},
        {200, "", NULL, VERDICT_FAULT, "bad_reply", true, false, 0},
        {200, "ok", NULL, VERDICT_FAULT, "bad_reply", true, false, 0},
        {200, "<html>sign in to the hotel</html>", NULL, VERDICT_FAULT, "bad_reply", true, false, 0},
        {200, "[true]", NULL, VERDICT_FAULT, "bad_reply", true, false, 0},
        {200, "{\"ok\":\"true\"}", NULL, VERDICT_FAULT, "bad_reply", true, false, 0},
        {302, "", NULL, VERDICT_FAULT, "http_302", false, false, 0},
        {403, "<html>", NULL, VERDICT_FAULT, "http_403", false, false, 0},
        {500, "{\"ok\":false,\"error\":\"internal_error\"}", NULL, VERDICT_FAULT, "internal_error", true, false, 0},
        {503, "<html>", "3", VERDICT_FAULT, "http_503", true, false, 3000},
        {503, "{\"ok\":false,\"error\":\"invalid_auth\"}", NULL, VERDICT_FAULT, "invalid_auth", true, false, 0},
        {200, "{\"ok\":false,\"error\":\"fatal_error\"}", NULL, VERDICT_FAULT, "fatal_error", true, false, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        judge(&cases[i], false);
    }
}

static void a_reply_of_a_response_url_is_judged(void **state) {
    (void)state;
    static const struct verdict_case cases[] = {
        {200, "ok", NULL, VERDICT_OK, NULL, false, false, 0},
        {200, "{\"ok\":true}", NULL, VERDICT_OK, NULL, false, false, 0},
        {404, "{\"ok\":false,\"error\":\"used_url\"}", NULL, VERDICT_ERROR, "used_url", false, false, 0},
        {404, "expired_url", NULL, VERDICT_ERROR, "http_404", false, false, 0},
        {500, "ok", NULL, VERDICT_FAULT, "http_500", true, false, 0},
        {200, "<html>", NULL, VERDICT_FAULT, "bad_reply", true, false, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        judge(&cases[i], true);
    }
}

static void the_detail_names_the_scope_and_the_wrong_block(void **state) {
    (void)state;
    static const struct {
        const char *body, *detail;
    } cases[] = {
        {"{\"ok\":false,\"error\":\"missing_scope\",\"needed\":\"chat:write\"}", "needs the scope chat:write"},
        {"{\"ok\":false,\"error\":\"invalid_blocks\",\"response_metadata\":{\"messages\":[\"must be less than "
         "76\",7,\"b\"]}}",
         "must be less than 76; b"},
        {"{\"ok\":false,\"error\":\"x\"}", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct verdict verdict;
        verdict_read(&verdict,
                     &(struct http_reply){.status = 200, .body = cases[i].body, .size = strlen(cases[i].body)}, NULL,
                     false);
        assert_string_equal(verdict.detail, cases[i].detail);
        json_free(verdict.body);
    }
}

static void an_error_word_of_any_length_is_cut_at_a_character(void **state) {
    (void)state;
    struct buf body = BUF_INIT(4096);
    buf_adds(&body, "{\"ok\":false,\"error\":\"a");
    for (int i = 0; i < 100; i++) {
        buf_adds(&body, "\xc3\xa9");
    }
    buf_adds(&body, "\"}");
    struct verdict verdict;
    verdict_read(&verdict, &(struct http_reply){.status = 200, .body = body.data, .size = body.size}, NULL, false);
    assert_int_equal(strlen(verdict.error), 63);
    assert_true(str_is_utf8(verdict.error, strlen(verdict.error)));
    json_free(verdict.body);
    buf_finish(&body);
}

static void no_reply_is_a_fault_and_maybe_if_it_was_sent(void **state) {
    (void)state;
    const struct err err = {.code = ERR_TIMEOUT, .text = "slack.com did not answer in time."};
    for (int sent = 0; sent < 2; sent++) {
        struct verdict verdict;
        verdict_read(&verdict, &(struct http_reply){.maybe = sent == 1, .body = "", .err = &err}, NULL, false);
        assert_int_equal(verdict.kind, VERDICT_FAULT);
        assert_string_equal(verdict.error, "no_reply");
        assert_string_equal(verdict.detail, err.text);
        assert_int_equal(verdict.maybe, sent == 1);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_reply_of_a_method_is_judged),
        cmocka_unit_test(a_reply_of_a_response_url_is_judged),
        cmocka_unit_test(the_detail_names_the_scope_and_the_wrong_block),
        cmocka_unit_test(an_error_word_of_any_length_is_cut_at_a_character),
        cmocka_unit_test(no_reply_is_a_fault_and_maybe_if_it_was_sent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
