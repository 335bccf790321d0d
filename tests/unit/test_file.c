#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/lockfile.h"

/* Each test has a directory of its own, and is in it. */
static char directory[64];

static int enter(void **state) {
    (void)state;
    (void)snprintf(directory, sizeof directory, "/tmp/test_file.XXXXXX");
    return mkdtemp(directory) == NULL || chdir(directory) != 0;
}

static int leave(void **state) {
    (void)state;
    return chdir("/") != 0 || !file_remove_tree(directory);
}

static void write_file(const char *path, const char *text) {
    struct err err;
    if (file_write_atomic(path, text, strlen(text), 0600, false, &err) != 0) {
        fail_msg("%s", err.text);
    }
}

static void make_dirs(const char *path) {
    struct err err;
    if (file_make_dirs(path, 0700, &err) != 0) {
        fail_msg("%s", err.text);
    }
}

static bool exists(const char *path) {
    struct stat status;
    return lstat(path, &status) == 0;
}

static void expect_content(const char *path, const char *text) {
    struct buf content = BUF_INIT(1 << 20);
    assert_int_equal(file_read(path, 1 << 20, &content, NULL), 0);
    assert_string_equal(content.data, text);
    buf_finish(&content);
}

static void a_file_is_read_whole_or_not_at_all(void **state) {
    (void)state;
    struct err err;
    struct buf content = BUF_INIT(100);
    write_file("f", "0123456789");
    buf_adds(&content, "before ");
    assert_int_equal(file_read("f", 9, &content, &err), -ERR_TOO_BIG);
    assert_string_equal(err.text, "The file 'f' is larger than 9 bytes.");
    assert_string_equal(content.data, "before ");
    assert_int_equal(file_read("absent", 100, &content, &err), -ERR_NOT_FOUND);
    assert_int_equal(file_read("f/x", 100, &content, &err), -ERR_NOT_FOUND);
    assert_int_equal(file_read(".", 100, &content, &err), -ERR_IO);
    assert_string_equal(content.data, "before ");
    assert_int_equal(file_read("f", 10, &content, &err), 0);
    assert_string_equal(content.data, "before 0123456789");
    write_file("empty", "");
    assert_int_equal(file_read("empty", 0, &content, &err), 0);
    buf_finish(&content);
}

static void a_file_that_the_buf_has_no_room_for_is_too_big(void **state) {
    (void)state;
    static char large[50000];
    memset(large, 'x', sizeof large - 1);
    write_file("large", large);
    struct buf small = BUF_INIT(40000);
    assert_int_equal(file_read("large", 1 << 20, &small, NULL), -ERR_TOO_BIG);
    assert_int_equal(small.size, 0);
    assert_false(small.overflow);
    buf_finish(&small);
    expect_content("large", large);
}

static size_t count_entries(void) {
    size_t count = 0;
    DIR *here = opendir(".");
    assert_non_null(here);
    while (readdir(here) != NULL) {
        count++;
    }
    (void)closedir(here);
    return count - 2;
}

static void a_written_file_replaces_the_old_one_with_its_mode(void **state) {
    (void)state;
    struct err err;
    struct stat status;
    write_file("f", "old");
    mode_t mask = umask(077);
    assert_int_equal(file_write_atomic("f", "new", 3, 0644, true, &err), 0);
    (void)umask(mask);
    expect_content("f", "new");
    assert_int_equal(stat("f", &status), 0);
    assert_int_equal(status.st_mode & 07777, 0644);
    assert_int_equal(file_write_atomic("f", NULL, 0, 0600, true, &err), 0);
    expect_content("f", "");
    assert_int_equal(count_entries(), 1); /* no temporary file stays */
}

static void a_file_that_cannot_be_written_leaves_nothing(void **state) {
    (void)state;
    struct err err;
    assert_int_equal(file_write_atomic("absent/f", "x", 1, 0600, true, &err), -ERR_IO);
    assert_non_null(strstr(err.text, "absent/f"));
    make_dirs("d/inner");
    assert_int_equal(file_write_atomic("d", "x", 1, 0600, true, &err), -ERR_IO);
    assert_int_equal(count_entries(), 1);
}

static void a_link_is_replaced_and_not_followed_when_writing(void **state) {
    (void)state;
    write_file("target", "kept");
    assert_int_equal(symlink("target", "link"), 0);
    write_file("link", "new");
    expect_content("target", "kept");
    expect_content("link", "new");
}

static void directories_are_made_with_their_parents(void **state) {
    (void)state;
    struct err err;
    char absolute[128];
    make_dirs("a/b//c/");
    assert_true(exists("a/b/c"));
    make_dirs("a/b/c");
    make_dirs("/");
    make_dirs(".");
    (void)snprintf(absolute, sizeof absolute, "%s/x/y", directory);
    make_dirs(absolute);
    assert_true(exists("x/y"));
    write_file("f", "");
    assert_int_equal(file_make_dirs("f", 0700, &err), -ERR_IO);
    assert_non_null(strstr(err.text, "there is a file of that name"));
    assert_int_equal(file_make_dirs("f/g", 0700, &err), -ERR_IO);
    assert_int_equal(file_make_dirs("", 0700, &err), -ERR_IO);
}

static void a_tree_is_removed_but_not_what_its_links_point_to(void **state) {
    (void)state;
    make_dirs("outside/kept");
    write_file("outside/kept/f", "kept");
    make_dirs("tree/a/b/c");
    make_dirs("tree/a/b/d");
    make_dirs("tree/empty");
    write_file("tree/f", "");
    write_file("tree/.hidden", "");
    write_file("tree/a/b/c/f", "");
    write_file("tree/.removed-0", "a name that is taken");
    make_dirs("tree/.removed-1/x");
    assert_int_equal(symlink("../outside", "tree/link"), 0);
    assert_int_equal(symlink("../../../outside/kept", "tree/a/b/link"), 0);
    assert_int_equal(symlink("absent", "tree/a/dangling"), 0);
    assert_int_equal(mkfifo("tree/a/fifo", 0600), 0);
    assert_true(file_remove_tree("tree"));
    assert_false(exists("tree"));
    expect_content("outside/kept/f", "kept");

    assert_int_equal(symlink("outside", "link"), 0);
    assert_true(file_remove_tree("link"));
    assert_false(exists("link"));
    expect_content("outside/kept/f", "kept");
    assert_true(file_remove_tree("outside/kept/f"));
    assert_false(exists("outside/kept/f"));
    assert_true(file_remove_tree("absent"));
    assert_true(file_remove_tree("absent/x"));
}

/* As module caches and careful scripts leave it. The superuser may do all anyway. */
static void read_only_directories_are_removed_too(void **state) {
    (void)state;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        bool user = geteuid() != 0 || (chown(".", 65534, 65534) == 0 && setegid(65534) == 0 && seteuid(65534) == 0);
        bool made = user && mkdir("tree", 0700) == 0 && mkdir("tree/a", 0700) == 0 && mkdir("tree/a/b", 0700) == 0 &&
                    mkdir("tree/a/b/c", 0700) == 0 && mkdir("tree/a/b/c/d", 0700) == 0;
        made = made && chmod("tree/a/b/c/d", 0) == 0 && chmod("tree/a/b/c", 0500) == 0 &&
               chmod("tree/a/b", 0500) == 0 && chmod("tree/a", 0) == 0 && chmod("tree", 0500) == 0;
        _exit(!made ? 2 : file_remove_tree("tree") ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    assert_false(exists("tree"));
}

/* Deeper than PATH_MAX and than the number of files that may be open. */
static void a_very_deep_tree_is_removed(void **state) {
    (void)state;
    make_dirs("tree");
    int fd = open("tree", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    for (int i = 0; i < 3000; i++) {
        assert_int_equal(mkdirat(fd, "deeper", 0700), 0);
        int next = openat(fd, "deeper", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        assert_true(next >= 0);
        (void)close(fd);
        fd = next;
    }
    (void)close(fd);
    assert_true(file_remove_tree("tree"));
    assert_false(exists("tree"));
}

static void what_cannot_be_removed_is_said(void **state) {
    (void)state;
    assert_false(file_remove_tree("/proc/self/fd"));
    assert_false(file_remove_tree("/proc/version"));
}

static void one_process_at_a_time_holds_a_lock(void **state) {
    (void)state;
    struct err err;
    int fd = -1;
    int other = -1;
    assert_false(lockfile_is_held("lock"));
    assert_false(exists("lock"));
    assert_int_equal(lockfile_take("lock", &fd, &err), 0);
    assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    assert_true(lockfile_is_held("lock"));
    assert_int_equal(lockfile_take("lock", &other, &err), -ERR_CONFLICT);
    assert_string_equal(err.text, "The lock file 'lock' cannot be locked: another process holds it.");
    assert_int_equal(other, -1);
    (void)close(fd);
    assert_false(lockfile_is_held("lock"));
    assert_true(exists("lock"));
    assert_int_equal(lockfile_take("lock", &fd, &err), 0);
    (void)close(fd);
    assert_int_equal(lockfile_take("absent/lock", &fd, &err), -ERR_IO);
}

static void a_lock_lives_in_the_child_that_inherited_it(void **state) {
    (void)state;
    int fd;
    int ends[2];
    char byte;
    assert_int_equal(lockfile_take("lock", &fd, NULL), 0);
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        (void)close(ends[1]);
        (void)!read(ends[0], &byte, 1);
        _exit(0);
    }
    (void)close(fd);
    assert_true(lockfile_is_held("lock"));
    (void)close(ends[0]);
    (void)close(ends[1]);
    assert_int_equal(waitpid(child, NULL, 0), child);
    assert_false(lockfile_is_held("lock"));
}

/* A look shares the lock for a moment. Four processes look all the time; taking must never fail for it. */
static void looking_does_not_keep_anybody_from_taking(void **state) {
    (void)state;
    enum { LOOKERS = 4, TURNS = 2000 };
    pid_t lookers[LOOKERS];
    int fd;
    int ends[2];
    assert_int_equal(lockfile_take("lock", &fd, NULL), 0);
    (void)close(fd);
    assert_int_equal(pipe2(ends, O_NONBLOCK), 0);
    for (size_t i = 0; i < LOOKERS; i++) {
        lookers[i] = fork();
        assert_true(lookers[i] >= 0);
        if (lookers[i] == 0) {
            char byte;
            (void)close(ends[1]);
            while (read(ends[0], &byte, 1) < 0 && errno == EAGAIN) {
                (void)lockfile_is_held("lock");
            }
            _exit(0);
        }
    }
    size_t failed = 0;
    for (size_t i = 0; i < TURNS; i++) {
        if (lockfile_take("lock", &fd, NULL) == 0) {
            (void)close(fd);
        } else {
            failed++;
        }
    }
    (void)close(ends[0]);
    (void)close(ends[1]);
    for (size_t i = 0; i < LOOKERS; i++) {
        (void)waitpid(lookers[i], NULL, 0);
    }
    assert_int_equal(failed, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_file_is_read_whole_or_not_at_all, enter, leave),
        cmocka_unit_test_setup_teardown(a_file_that_the_buf_has_no_room_for_is_too_big, enter, leave),
        cmocka_unit_test_setup_teardown(a_written_file_replaces_the_old_one_with_its_mode, enter, leave),
        cmocka_unit_test_setup_teardown(a_file_that_cannot_be_written_leaves_nothing, enter, leave),
        cmocka_unit_test_setup_teardown(a_link_is_replaced_and_not_followed_when_writing, enter, leave),
        cmocka_unit_test_setup_teardown(directories_are_made_with_their_parents, enter, leave),
        cmocka_unit_test_setup_teardown(a_tree_is_removed_but_not_what_its_links_point_to, enter, leave),
        cmocka_unit_test_setup_teardown(read_only_directories_are_removed_too, enter, leave),
        cmocka_unit_test_setup_teardown(a_very_deep_tree_is_removed, enter, leave),
        cmocka_unit_test_setup_teardown(what_cannot_be_removed_is_said, enter, leave),
        cmocka_unit_test_setup_teardown(one_process_at_a_time_holds_a_lock, enter, leave),
        cmocka_unit_test_setup_teardown(a_lock_lives_in_the_child_that_inherited_it, enter, leave),
        cmocka_unit_test_setup_teardown(looking_does_not_keep_anybody_from_taking, enter, leave),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
