#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "exec/step/instructions.h"

static struct instructions in;

/* The instructions point into this until the next parse. */
static char *text;

static const char *parse_bytes(const char *bytes, size_t size) {
    free(text);
    text = malloc(size + (size == 0)); /* of the exact size, so that the sanitizer sees a byte too far */
    memcpy(text, bytes, size);
    return instructions_parse(&in, text, size);
}

static const char *parse(const char *bytes) {
    return parse_bytes(bytes, strlen(bytes));
}

#define END "end 0\n\n"

static void everything_that_can_be_told_is_understood(void **state) {
    (void)state;
    assert_null(parse("target-lock 6\n/t/web\n"
                      "script 15\nmake a\nmake b\n\n\n"
                      "env 3\nA=b\n"
                      "secret 3\ns\n!\n"
                      "env 2\nB=\n"
                      "secret 0\n\n"
                      "work-dir 4\n/srv\n"
                      "user 6\ndeploy\n"
                      "timeout-ms 4\n1000\n"
                      "quiet-ms 3\n200\n"
                      "kill-ms 1\n0\n"
                      "segment-bytes 2\n10\n"
                      "head-segments 1\n2\n"
                      "tail-segments 1\n3\n" END));
    assert_string_equal(in.target_lock, "/t/web");
    assert_string_equal(in.script, "make a\nmake b\n\n");
    assert_int_equal(in.env_count, 2);
    assert_string_equal(in.env[0], "A=b");
    assert_string_equal(in.env[1], "B=");
    assert_null(in.env[2]);
    assert_int_equal(in.secret_count, 2);
    assert_memory_equal(in.secrets[0].bytes, "s\n!", 3);
    assert_int_equal(in.secrets[0].size, 3);
    assert_int_equal(in.secrets[1].size, 0);
    assert_string_equal(in.work_dir, "/srv");
    assert_string_equal(in.user, "deploy");
    assert_int_equal(in.timeout_ms, 1000);
    assert_int_equal(in.quiet_ms, 200);
    assert_int_equal(in.kill_ms, 0);
    assert_int_equal(in.segment_bytes, 10);
    assert_int_equal(in.head_segments, 2);
    assert_int_equal(in.tail_segments, 3);
}

static void what_is_not_told_has_its_default(void **state) {
    (void)state;
    assert_null(parse("script 1\n:\n" END));
    assert_null(in.target_lock);
    assert_null(in.work_dir);
    assert_null(in.user);
    assert_null(in.env[0]);
    assert_int_equal(in.timeout_ms, 0);
    assert_int_equal(in.quiet_ms, 0);
    assert_int_equal(in.kill_ms, LIMIT_KILL_MS);
    assert_int_equal(in.segment_bytes, LIMIT_OUTPUT_SEGMENT);
    assert_int_equal(in.head_segments, LIMIT_OUTPUT_SEGMENTS_HEAD);
    assert_int_equal(in.tail_segments, LIMIT_OUTPUT_SEGMENTS_TAIL);
}

static void a_value_may_look_like_a_record(void **state) {
    (void)state;
    assert_null(parse("script 7\nend 0\n\n\n" END));
    assert_string_equal(in.script, "end 0\n\n");
}

static void a_secret_may_have_any_bytes(void **state) {
    static const char bytes[] = "secret 3\n\0\n\xff\nscript 1\n:\nend 0\n\n";
    (void)state;

    assert_null(parse_bytes(bytes, sizeof bytes - 1));
    assert_memory_equal(in.secrets[0].bytes, "\0\n\xff", 3);
}

static void instructions_cut_off_anywhere_are_refused(void **state) {
    static const char whole[] = "env 3\nA=b\nsecret 4\nabcd\ntimeout-ms 2\n10\nscript 4\ntrue\nenv 3\nC=d\n" END;
    (void)state;

    for (size_t size = 0; size < sizeof whole - 1; size++) {
        assert_non_null(parse_bytes(whole, size));
    }
    assert_null(parse(whole));
}

static void wrong_instructions_are_refused(void **state) {
    static const char *const cases[] = {
        "",
        "\n",
        " 0\n\n",
        END,
        "script 1\n:\n" END "x",
        "script 1\n:\n" END END,
        "script 1\n:\nscript 1\n:\n" END,
        "script 0\n\n" END,
        "script 2\n:\n" END,
        "script 1\n::\n" END,
        "script -1\n:\n" END,
        "script +1\n:\n" END,
        "script  1\n:\n" END,
        "script 1 \n:\n" END,
        "script 0x1\n:\n" END,
        "script \n:\n" END,
        "script\n:\n" END,
        "script 99999999999999\n:\n" END,
        "script 18446744073709551615\n:\n" END,
        "Script 1\n:\n" END,
        "script1\n:\n" END,
        "colour 3\nred\nscript 1\n:\n" END,
        "env 1\nA\nscript 1\n:\n" END,
        "env 2\n=A\nscript 1\n:\n" END,
        "env 0\n\nscript 1\n:\n" END,
        "timeout-ms 0\n\nscript 1\n:\n" END,
        "timeout-ms 2\n-1\nscript 1\n:\n" END,
        "timeout-ms 2\n1s\nscript 1\n:\n" END,
        "timeout-ms 13\n9999999999999\nscript 1\n:\n" END,
        "timeout-ms 14\n00000000000001\nscript 1\n:\n" END,
        "segment-bytes 1\n0\nscript 1\n:\n" END,
        "segment-bytes 9\n999999999\nscript 1\n:\n" END,
        "tail-segments 1\n0\nscript 1\n:\n" END,
        "head-segments 4\n1001\nscript 1\n:\n" END,
        "kill-ms 1\n1\nkill-ms 1\n2\nscript 1\n:\n" END,
        "script 1\n:\nend 1\nx\n",
    };
    static const char zero[] = "env 4\nA=\0b\nscript 1\n:\nend 0\n\n";
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        if (parse(cases[i]) == NULL) {
            fail_msg("accepted: %s", cases[i]);
        }
    }
    assert_non_null(parse_bytes(zero, sizeof zero - 1));
}

/* Writes a record whose value is `prefix` and then the letter x, `size` bytes in all. Returns the size written. */
static size_t record_write(char *to, size_t room, const char *key, const char *prefix, size_t size) {
    size_t at = (size_t)snprintf(to, room, "%s %zu\n", key, size);

    assert_true(at + size + 1 < room);
    memset(to + at, 'x', size);
    memcpy(to + at, prefix, strlen(prefix));
    to[at + size] = '\n';
    return at + size + 1;
}

static void limits_are_kept(void **state) {
    static const struct {
        const char *key;
        const char *prefix;
        size_t size;  /* the largest taken */
        size_t count; /* the most taken, 0 = any number */
    } cases[] = {
        {"secret", "", LIMIT_SECRET_BYTES, INSTRUCTIONS_SECRET_BYTES / LIMIT_SECRET_BYTES},
        {"secret", "", 8, LIMIT_SECRETS},
        {"env", "A=", 8, INSTRUCTIONS_ENV},
        {"env", "A=", INSTRUCTIONS_VALUE_BYTES - 1, 0},
        {"work-dir", "", 4095, 1},
        {"target-lock", "", 4095, 1},
        {"user", "", 255, 1},
    };
    static const char tail[] = "script 1\n:\n" END;
    static char many[1 << 20];
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        size_t count = cases[i].count ? cases[i].count : 1;
        size_t size = 0;
        for (size_t n = 0; n < count; n++) {
            size += record_write(many + size, sizeof many - size, cases[i].key, cases[i].prefix, cases[i].size);
        }
        memcpy(many + size, tail, sizeof tail);
        assert_null(parse(many));

        if (cases[i].count) {
            size += record_write(many + size, sizeof many - size, cases[i].key, cases[i].prefix, cases[i].size);
            memcpy(many + size, tail, sizeof tail);
            assert_non_null(parse(many));
        }
        size = record_write(many, sizeof many, cases[i].key, cases[i].prefix, cases[i].size + 1);
        memcpy(many + size, tail, sizeof tail);
        if (cases[i].size > 8) {
            assert_non_null(parse(many));
        }
    }
    size_t size = record_write(many, sizeof many, "script", ":#", LIMIT_SCRIPT_BYTES);
    memcpy(many + size, END, sizeof END);
    assert_null(parse(many));
    size = record_write(many, sizeof many, "script", ":#", LIMIT_SCRIPT_BYTES + 1);
    memcpy(many + size, END, sizeof END);
    assert_non_null(parse(many));
}

static void a_problem_quotes_no_value(void **state) {
    (void)state;
    assert_null(strstr(parse("env 7\nhunter2\nscript 1\n:\n" END), "hunter2"));
}

static int text_free(void **state) {
    (void)state;
    free(text);
    return 0;
}

static void what_is_for_ssh_is_understood_too(void **state) {
    (void)state;
    assert_null(parse("work 6\nattach\nssh-destination 5\nweb-1\nssh-run 7\nx/1/2.0\nssh-config 2\n/c\n"
                      "ssh-known-hosts 2\n/k\nssh-control 2\n/s\nssh-program 2\n/p\n"
                      "ssh-option 3\nA=b\nssh-option 7\nC=d=e f\n" END));
    assert_string_equal(in.ssh.work, "attach");
    assert_string_equal(in.ssh.destination, "web-1");
    assert_string_equal(in.ssh.run, "x/1/2.0");
    assert_int_equal(in.ssh.option_count, 2);
    assert_string_equal(in.ssh.options[1], "C=d=e f");
    assert_null(in.script); /* to go on with a run it is not needed */
    assert_non_null(parse("ssh-destination 1\na\nssh-option 1\nA\n" END));
    assert_non_null(parse("ssh-destination 1\na\nssh-destination 1\na\n" END));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everything_that_can_be_told_is_understood),
        cmocka_unit_test(what_is_not_told_has_its_default),
        cmocka_unit_test(a_value_may_look_like_a_record),
        cmocka_unit_test(a_secret_may_have_any_bytes),
        cmocka_unit_test(instructions_cut_off_anywhere_are_refused),
        cmocka_unit_test(wrong_instructions_are_refused),
        cmocka_unit_test(limits_are_kept),
        cmocka_unit_test(a_problem_quotes_no_value),
        cmocka_unit_test(what_is_for_ssh_is_understood_too),
    };
    return cmocka_run_group_tests(tests, NULL, text_free);
}
