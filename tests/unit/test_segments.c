#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "exec/step/segments.h"

static char directory[] = "/tmp/test_segments.XXXXXX";

/* Each test starts in an empty directory. */
static int directory_empty(void **state) {
    char name[32];
    (void)state;

    for (int i = 0; i < 100; i++) {
        (void)snprintf(name, sizeof name, "out.%d", i);
        (void)unlink(name);
    }
    return 0;
}

static int directory_make(void **state) {
    (void)state;
    return mkdtemp(directory) && chdir(directory) == 0 ? 0 : -1;
}

static int directory_remove(void **state) {
    (void)directory_empty(state);
    return chdir("/") == 0 && rmdir(directory) == 0 ? 0 : -1;
}

static void assert_segment(int index, const char *wanted) {
    char name[32];
    char bytes[64];

    (void)snprintf(name, sizeof name, "out.%d", index);
    int fd = open(name, O_RDONLY);
    if (!wanted) {
        assert_int_equal(fd, -1);
        return;
    }
    assert_true(fd >= 0);
    ssize_t size = read(fd, bytes, sizeof bytes);
    assert_int_equal(size, strlen(wanted));
    assert_memory_equal(bytes, wanted, strlen(wanted));
    (void)close(fd);
}

static void write_text(struct segments *segments, const char *text) {
    segments_write(segments, text, strlen(text));
}

static void output_is_cut_into_segments(void **state) {
    struct segments segments;
    (void)state;

    segments_init(&segments, "", 4, 100, 1);
    write_text(&segments, "ab");
    write_text(&segments, "cdefghijkl");
    assert_segment(0, "abcd");
    assert_segment(1, "efgh");
    assert_segment(2, "ijkl");
    assert_segment(3, NULL); /* the next one appears with its first byte */
    write_text(&segments, "m");
    assert_segment(3, "m");
    segments_finish(&segments);
    assert_int_equal(segments.bytes, 13);
    assert_int_equal(segments.left_out, 0);
}

static void no_output_makes_no_file(void **state) {
    struct segments segments;
    (void)state;

    segments_init(&segments, "", 4, 1, 1);
    write_text(&segments, "");
    segments_finish(&segments);
    assert_segment(0, NULL);
    assert_int_equal(segments.bytes, 0);
}

static void the_head_and_the_tail_are_kept(void **state) {
    struct segments segments;
    (void)state;

    segments_init(&segments, "", 2, 2, 3);
    write_text(&segments, "aabbccddee");
    for (int i = 0; i < 5; i++) {
        assert_segment(i, (const char *[]){"aa", "bb", "cc", "dd", "ee"}[i]);
    }
    assert_int_equal(segments.left_out, 0);
    write_text(&segments, "f");
    assert_segment(2, NULL);
    assert_segment(3, "dd");
    assert_segment(5, "f");
    assert_int_equal(segments.left_out, 2);
    write_text(&segments, "fgghhi");
    assert_segment(0, "aa");
    assert_segment(1, "bb");
    assert_segment(5, NULL);
    assert_segment(6, "gg");
    assert_segment(7, "hh");
    assert_segment(8, "i");
    segments_finish(&segments);
    assert_int_equal(segments.bytes, 17);
    assert_int_equal(segments.left_out, 8);
}

static void without_a_head_only_the_tail_is_kept(void **state) {
    struct segments segments;
    (void)state;

    segments_init(&segments, "", 2, 0, 1);
    write_text(&segments, "aabbc");
    segments_finish(&segments);
    assert_segment(0, NULL);
    assert_segment(1, NULL);
    assert_segment(2, "c");
    assert_int_equal(segments.left_out, 4);
}

static void what_cannot_be_written_is_left_out_and_the_next_write_tries_again(void **state) {
    struct rlimit before;
    struct rlimit small;
    struct segments segments;
    (void)state;

    (void)signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    small = before;
    small.rlim_cur = 6;
    segments_init(&segments, "", 10, 1, 1);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    write_text(&segments, "abcdefgh");
    write_text(&segments, "i");
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_int_equal(segments.left_out, 3);
    write_text(&segments, "jklmn");
    assert_segment(0, "abcdefjklm");
    assert_segment(1, "n");
    segments_finish(&segments);
    assert_int_equal(segments.bytes, 14);
    assert_int_equal(segments.left_out, 3);
}

static void a_segment_that_cannot_be_made_is_tried_again(void **state) {
    struct segments segments;
    (void)state;

    segments_init(&segments, "", 4, 1, 1);
    assert_int_equal(mkdir("out.0", 0700), 0);
    write_text(&segments, "abc");
    assert_int_equal(segments.left_out, 3);
    assert_int_equal(rmdir("out.0"), 0);
    write_text(&segments, "def");
    segments_finish(&segments);
    assert_segment(0, "def");
    assert_int_equal(segments.bytes, 6);
    assert_int_equal(segments.left_out, 3);
}

static void another_process_goes_on_behind_what_is_there(void **state) {
    struct segments segments;
    (void)state;

    segments_init(&segments, "", 4, 1, 1);
    assert_int_equal(segments_resume(&segments), 0);
    write_text(&segments, "abcdefghij"); /* efgh is left out */
    segments_finish(&segments);
    segments_init(&segments, "", 4, 1, 1);
    assert_int_equal(segments_resume(&segments), 10);
    assert_int_equal(segments.left_out, 4);
    write_text(&segments, "klm");
    segments_finish(&segments);
    assert_segment(0, "abcd");
    assert_segment(2, NULL);
    assert_segment(3, "m");
    assert_int_equal(segments.bytes, 13);
    assert_int_equal(segments.left_out, 8);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(output_is_cut_into_segments, directory_empty),
        cmocka_unit_test_setup(no_output_makes_no_file, directory_empty),
        cmocka_unit_test_setup(the_head_and_the_tail_are_kept, directory_empty),
        cmocka_unit_test_setup(without_a_head_only_the_tail_is_kept, directory_empty),
        cmocka_unit_test_setup(what_cannot_be_written_is_left_out_and_the_next_write_tries_again, directory_empty),
        cmocka_unit_test_setup(a_segment_that_cannot_be_made_is_tried_again, directory_empty),
        cmocka_unit_test_setup(another_process_goes_on_behind_what_is_there, directory_empty),
    };
    return cmocka_run_group_tests(tests, directory_make, directory_remove);
}
