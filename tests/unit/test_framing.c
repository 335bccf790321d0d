/* What a target says, in pieces of any size, and what it must not say. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "exec/ssh/framing.h"

#define HELLO "\nguidepost 1 01234567-89ab-cdef-0123-456789abcdef\n"

/* Reads all frames, fed in pieces of `step` bytes, and writes them down as text; output is joined. */
static const char *frames_of(const char *bytes, size_t size, size_t step) {
    static char told[1 << 17];
    static const char *const names[] = {"none",    "hello", "started", "alive",     "output", "end",
                                        "refused", "void",  "gone",    "undecided", "broken"};
    struct framing framing = {0};
    struct frame frame;
    enum frame_kind kind;
    uint64_t next = UINT64_MAX;
    size_t used = 0;

    told[0] = '\0';
    for (size_t at = 0; at < size; at += step) {
        size_t piece = size - at < step ? size - at : step;
        char *copy = malloc(piece); /* of the exact size, so that the sanitizer sees a byte too far */
        memcpy(copy, bytes + at, piece);
        const char *cursor = copy;
        while ((kind = framing_next(&framing, &cursor, copy + piece, &frame)) != FRAME_NONE) {
            if (kind == FRAME_OUTPUT && frame.offset == next) {
                used += (size_t)snprintf(told + used, sizeof told - used, "%.*s", (int)frame.size, frame.text);
            } else {
                used += (size_t)snprintf(told + used, sizeof told - used, "[%s %ld %s%s]", names[kind],
                                         (long)(kind == FRAME_OUTPUT ? (long)frame.offset : frame.number), frame.boot,
                                         kind == FRAME_OUTPUT ? "" : frame.text);
                used += (size_t)snprintf(told + used, sizeof told - used, "%.*s", (int)frame.size,
                                         kind == FRAME_OUTPUT ? frame.text : "");
            }
            next = kind == FRAME_OUTPUT ? frame.offset + frame.size : UINT64_MAX;
            if (kind == FRAME_BROKEN) {
                break;
            }
        }
        free(copy);
    }
    return told;
}

static const char *frames(const char *text) {
    return frames_of(text, strlen(text), strlen(text));
}

#define GREETED "[hello 0 01234567-89ab-cdef-0123-456789abcdef]"

static void a_run_is_read_however_it_is_cut(void **state) {
    static const char run[] = "Welcome to web-1!\nguidepost? no" HELLO "s\no 0 5\na\nbc\nh\no 5 2\nx\no 9 0\ng 116\n";
    (void)state;
    for (size_t step = 1; step < sizeof run; step++) {
        assert_string_equal(frames_of(run, sizeof run - 1, step),
                            GREETED "[started 0 ][output 0 ]a\nbc\n[alive 0 ][output 5 ]x\n[output 9 ][gone 116 ]");
    }
}

static void each_kind_of_answer_is_understood(void **state) {
    (void)state;
    assert_string_equal(frames(HELLO "x exit 3\n"), GREETED "[end 3 exit]");
    assert_string_equal(frames(HELLO "n 28 the disk is full\n"), GREETED "[refused 28 the disk is full]");
    assert_string_equal(frames(HELLO "v\n"), GREETED "[void 0 ]");
    assert_string_equal(frames(HELLO "u No space left\n"), GREETED "[undecided 0 No space left]");
    assert_string_equal(frames("\nguidepost 1 - flock setsid\n"), "[hello 0 -flock setsid]");
}

static void what_does_not_fit_breaks_the_connection(void **state) {
    static const char *const cases[] = {
        "\n",
        "z\n",
        "S\n",
        "s \n",
        "o\n",
        "o 1\n",
        "o 1 x\n",
        "o 1 2 3\n",
        "o -1 2\n",
        "o 1  2\n",
        "o 0 99999999\n",
        "o 9223372036854775808 1\n",
        "x exit\n",
        "x exit x\n",
        "x  1\n",
        "x exit 1 2\n",
        "x exit -1\n",
        "n 1\n",
        "n why\n",
        "n 9999 a\n",
        "g\n",
        "g x\n",
        "g 3 4\n",
        "guidepost 1 x\n",
        "xexit 3\n",
    };
    char text[128];
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        (void)snprintf(text, sizeof text, HELLO "%s", cases[i]);
        assert_string_equal(frames(text), GREETED "[broken 0 ]");
    }
    assert_string_equal(frames_of(HELLO "s\0\n", sizeof HELLO + 2, 7), GREETED "[broken 0 ]");
}

static void noise_of_a_login_is_skipped_but_not_for_ever(void **state) {
    static char noise[FRAMING_NOISE_BYTES + 100];
    (void)state;
    memset(noise, 'x', sizeof noise);
    for (size_t i = 79; i < sizeof noise; i += 80) {
        noise[i] = '\n';
    }
    assert_string_equal(frames_of(noise, FRAMING_NOISE_BYTES - 100, 1000), "");
    assert_string_equal(strstr(frames_of(noise, sizeof noise, 1000), "[broken"), "[broken 0 ]");
    assert_string_equal(frames("\nguidepost 2 x\n\nguidepost 1 \n"), "[broken 0 ]");
}

static void a_line_has_an_end(void **state) {
    static char text[2000];
    (void)state;
    (void)snprintf(text, sizeof text, HELLO "n 1 %01500d\n", 0);
    assert_string_equal(frames(text), GREETED "[broken 0 ]");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_run_is_read_however_it_is_cut),
        cmocka_unit_test(each_kind_of_answer_is_understood),
        cmocka_unit_test(what_does_not_fit_breaks_the_connection),
        cmocka_unit_test(noise_of_a_login_is_skipped_but_not_for_ever),
        cmocka_unit_test(a_line_has_an_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
