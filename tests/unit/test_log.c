#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/json.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/str.h"

/* What is logged goes to a file instead of to standard error, until captured() puts it back. */
static int saved_stderr;
static FILE *file;
static char text[256 << 10];

static void capture(void) {
    file = tmpfile();
    assert_non_null(file);
    saved_stderr = dup(STDERR_FILENO);
    assert_true(dup2(fileno(file), STDERR_FILENO) >= 0);
}

static const char *captured(void) {
    (void)dup2(saved_stderr, STDERR_FILENO);
    (void)close(saved_stderr);
    rewind(file);
    text[fread(text, 1, sizeof text - 1, file)] = 0;
    (void)fclose(file);
    return text;
}

static int reset(void **state) {
    (void)state;
    log_set_level(LOG_INFO);
    log_set_json(true);
    return 0;
}

/* One line of JSON; the caller frees it. */
static struct json *captured_json(void) {
    const char *line = captured();
    size_t size = strlen(line);
    struct json *root = NULL;
    assert_true(size > 0);
    assert_ptr_equal(strchr(line, '\n'), line + size - 1);
    assert_int_equal(json_parse(line, size, &root, NULL), 0);
    return root;
}

static void a_line_of_json_has_all_that_was_said(void **state) {
    (void)state;
    struct err err;
    err_set(&err, ERR_IO, "broken \"pipe\"\n");
    capture();
    log_info("step started", LOG_DEPLOYMENT(311), LOG_QUESTION(-1), LOG_STR("step", "a\tb"), LOG_ERR(&err),
             LOG_STR("absent", NULL), LOG_END);
    struct json *line = captured_json();
    assert_string_equal(json_string(json_get(line, "msg")), "step started");
    assert_string_equal(json_string(json_get(line, "level")), "info");
    assert_int_equal(json_int(json_get(line, "deployment"), 0), 311);
    assert_int_equal(json_int(json_get(line, "question"), 0), -1);
    assert_string_equal(json_string(json_get(line, "step")), "a\tb");
    assert_string_equal(json_string(json_get(line, "error")), "broken \"pipe\"\n");
    assert_true(json_is_null(json_get(line, "absent")));
    assert_int_equal(strlen(json_string(json_get(line, "ts"))), strlen("2026-01-05T10:00:00.000+00:00"));
    json_free(line);
}

static void any_bytes_give_one_line(void **state) {
    (void)state;
    capture();
    log_error("broken \xFF\n\x1b[31m", LOG_STR("value", "\xC3\r\n\x01\xE2\x80\xAE"), LOG_END);
    struct json *line = captured_json();
    assert_non_null(strstr(json_string(json_get(line, "msg")), "\xEF\xBF\xBD"));
    json_free(line);

    log_set_json(false);
    capture();
    log_error("broken \xFF\n\x1b[31mred", LOG_STR("value", "\xC3\r\nb\x01"), LOG_STR("empty", ""), LOG_END);
    const char *plain = captured();
    assert_ptr_equal(strchr(plain, '\n'), plain + strlen(plain) - 1);
    assert_null(strchr(plain, '\x1b'));
    assert_non_null(strstr(plain, " error broken \xEF\xBF\xBD red value=\"\xEF\xBF\xBD\\nb\" empty=\"\"\n"));
}

static void a_plain_line_can_be_read(void **state) {
    (void)state;
    log_set_json(false);
    capture();
    log_warn("the worker is gone", LOG_STR("worker", "w1"), LOG_STR("why", "no beat"), LOG_INT("ms", 5000), LOG_END);
    const char *plain = captured();
    assert_int_equal(plain[4], '-');
    assert_string_equal(plain + strlen("2026-01-05 10:00:00.000Z"),
                        " warn  the worker is gone worker=w1 why=\"no beat\" ms=5000\n");
}

static void what_is_below_the_level_is_not_logged(void **state) {
    (void)state;
    capture();
    log_debug("not seen", LOG_END);
    assert_string_equal(captured(), "");
    log_set_level(LOG_DEBUG);
    capture();
    log_debug("seen", LOG_END);
    json_free(captured_json());
    log_set_level(LOG_ERROR);
    capture();
    log_warn("not seen", LOG_END);
    assert_string_equal(captured(), "");
}

static void errno_survives_a_line(void **state) {
    (void)state;
    capture();
    errno = EXDEV;
    log_info("hello", LOG_END);
    int after = errno;
    (void)captured();
    assert_int_equal(after, EXDEV);
}

static void the_journal_gets_a_priority_only_if_it_listens(void **state) {
    (void)state;
    struct stat status;
    char journal[64];
    capture();
    assert_int_equal(fstat(STDERR_FILENO, &status), 0);
    (void)snprintf(journal, sizeof journal, "%ju:%ju", (uintmax_t)status.st_dev, (uintmax_t)status.st_ino);
    assert_int_equal(setenv("JOURNAL_STREAM", journal, 1), 0);
    log_warn("hello", LOG_END);
    log_error("hello", LOG_END);
    (void)setenv("JOURNAL_STREAM", "1:1", 1); /* of a parent whose standard error was another */
    log_warn("hello", LOG_END);
    (void)unsetenv("JOURNAL_STREAM");
    const char *lines = captured();
    assert_memory_equal(lines, "<4>{", 4);
    lines = strchr(lines, '\n') + 1;
    assert_memory_equal(lines, "<3>{", 4);
    lines = strchr(lines, '\n') + 1;
    assert_memory_equal(lines, "{", 1);
}

static void secrets_are_masked_in_all_their_forms(void **state) {
    (void)state;
    log_mask(NULL);
    log_mask("");
    log_mask("short");
    log_mask("s3cr/t?p\xC3\xA4ss>");
    log_mask("overlapping");
    log_mask("pingpong");
    log_mask("pingpong-with-more");
    static const struct {
        const char *said;
        const char *logged;
    } cases[] = {
        {"short is too short", "short is too short"},
        {"the s3cr/t?p\xC3\xA4ss> is", "the *** is"},
        {"s3cr/t?p\xC3\xA4ss>s3cr/t?p\xC3\xA4ss>", "******"},
        {"s3cr/t?p\xC3\xA4ss", "s3cr/t?p\xC3\xA4ss"},
        {"url s3cr%2Ft%3Fp%C3%A4ss%3E!", "url ***!"},
        {"url s3cr%2ft%3fp%c3%a4ss%3e!", "url ***!"},
        {"overlappingpong", "***"},
        {"pingpong-with-more", "***"},
        {"pingpong-with-less", "***-with-less"},
        {"xpingponx", "xpingponx"},
        /* base64 of the secret alone, of "u:" and of "user:" in front of it, with "\n" behind it, and URL-safe */
        {"czNjci90P3DDpHNzPg==", "***=="},
        {"dTpzM2NyL3Q/cMOkc3M+", "dTp***"},
        {"dXNlcjpzM2NyL3Q/cMOkc3M+", "dXNlcjp***"},
        {"OnMzY3IvdD9ww6Rzcz4K", "On***K"},
        {"dTpzM2NyL3Q_cMOkc3M-", "dTp***"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        capture();
        log_info(cases[i].said, LOG_STR("value", cases[i].said), LOG_END);
        struct json *line = captured_json();
        const char *message = json_string(json_get(line, "msg"));
        if (!str_equal(message, cases[i].logged)) {
            fail_msg("%s: %s", cases[i].said, message);
        }
        assert_string_equal(json_string(json_get(line, "value")), cases[i].logged);
        json_free(line);
    }
}

static void a_part_of_a_secret_of_several_lines_is_masked(void **state) {
    (void)state;
    log_mask("-----BEGIN KEY-----\r\nfirst0line0of0the0key\r\n\r\nshort\r\nlast00line00of00the00key\n");
    static const struct {
        const char *said;
        const char *masked;
    } cases[] = {
        {"+ cat\nfirst0line0of0the0key\r\n\r\nshort\r\nlast00line00of00the00key\n", "+ cat\n***\r\n\r\nshort\r\n***\n"},
        {"last00line00of00the00key", "***"},
        {"line0of0the0key\nit is short", "line0of0the0key\nit is short"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buf out = BUF_INIT(1024);
        log_mask_text(&out, cases[i].said, strlen(cases[i].said));
        assert_string_equal(out.data, cases[i].masked);
        buf_finish(&out);
    }
}

static void a_long_value_is_cut_behind_the_mask(void **state) {
    (void)state;
    log_mask("a-secret-at-the-border");
    static char value[LIMIT_JSON_STRING];
    memset(value, '\x01', sizeof value - 1); /* six bytes each in JSON */
    memcpy(value + 4090, "a-secret-at-the-border", strlen("a-secret-at-the-border"));
    capture();
    log_info("long", LOG_STR("value", value), LOG_STR("again", value), LOG_END);
    struct json *line = captured_json();
    const char *logged = json_string(json_get(line, "value"));
    assert_int_equal(strlen(logged), 4096);
    assert_string_equal(logged + 4090, "***\x01\x01\x01");
    json_free(line);
}

static void many_fields_are_no_harm(void **state) {
    (void)state;
    struct log_field fields[100];
    for (size_t i = 0; i < 99; i++) {
        fields[i] = LOG_INT("n", i);
    }
    fields[0].key = "first";
    fields[99] = LOG_END;
    capture();
    log_event(LOG_INFO, "many", fields);
    const char *line = captured();
    assert_non_null(strstr(line, "\"first\":0"));
    assert_string_equal(line + strlen(line) - 2, "}\n");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_line_of_json_has_all_that_was_said, reset),
        cmocka_unit_test_setup(any_bytes_give_one_line, reset),
        cmocka_unit_test_setup(a_plain_line_can_be_read, reset),
        cmocka_unit_test_setup(what_is_below_the_level_is_not_logged, reset),
        cmocka_unit_test_setup(errno_survives_a_line, reset),
        cmocka_unit_test_setup(the_journal_gets_a_priority_only_if_it_listens, reset),
        cmocka_unit_test_setup(secrets_are_masked_in_all_their_forms, reset),
        cmocka_unit_test_setup(a_part_of_a_secret_of_several_lines_is_masked, reset),
        cmocka_unit_test_setup(a_long_value_is_cut_behind_the_mask, reset),
        cmocka_unit_test_setup(many_fields_are_no_harm, reset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
