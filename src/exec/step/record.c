#include "record.h"

#include "exec/rundir.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static const char boot[] = "boot ";

/* Locked, and open to the end of the process. */
static int record_fd = -1;

/* Returns the size of the text, or a negative errno, and where its whole lines end. */
static ssize_t record_read(char text[RUNDIR_RECORD_BYTES], off_t *ret_whole) {
    ssize_t size = pread(record_fd, text, RUNDIR_RECORD_BYTES, 0);
    const char *newline = size > 0 ? memrchr(text, '\n', (size_t)size) : NULL;

    *ret_whole = newline ? newline + 1 - text : 0;
    return size < 0 ? -errno : size;
}

bool record_begin(int fd) {
    char text[RUNDIR_RECORD_BYTES];
    off_t whole;

    record_fd = fd;
    return record_read(text, &whole) > 0 && whole > 0 && strncmp(text, boot, sizeof boot - 1) == 0 &&
           memchr(text, '\n', (size_t)whole) == text + whole - 1;
}

/* Cuts off a last line that was not written whole. Returns where the next one begins, or a negative errno. */
static off_t next_line(void) {
    char text[RUNDIR_RECORD_BYTES];
    off_t whole;
    ssize_t size = record_read(text, &whole);

    if (size < 0) {
        return size;
    }
    return size > whole && ftruncate(record_fd, whole) < 0 ? -errno : whole;
}

static int64_t wall_ms(void) {
    struct timespec now;

    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int line_write(off_t at, const char *text) {
    ssize_t count = pwrite(record_fd, text, strlen(text), at);

    return count < 0 ? -errno : (size_t)count < strlen(text) ? -ENOSPC : 0;
}

int record_started(pid_t supervisor, pid_t child) {
    char line[RUNDIR_RECORD_BYTES];

    off_t at = next_line();
    (void)snprintf(line, sizeof line, "started %ld %ld %" PRId64 "\n", (long)supervisor, (long)child, wall_ms());
    return at < 0 ? (int)at : line_write(at, line);
}

static bool record_is_deleted(void) {
    struct stat file;

    return fstat(record_fd, &file) == 0 && file.st_nlink == 0;
}

/*
 * From the second time on it puts the same bytes into the same place, so that a reader who has found the line whole
 * finds it again. Then nothing may be cut off either: the worker may have added a line.
 */
static int exit_put(off_t *at, const char *line) {
    if (*at < 0) {
        *at = next_line();
    }
    int rc = *at < 0 ? (int)*at : line_write(*at, line);
    return rc == 0 && fdatasync(record_fd) < 0 ? -errno : rc;
}

bool record_exit(struct ending ending, uint64_t bytes, uint64_t left_out) {
    const struct timespec pause = {.tv_sec = 1};
    char line[RUNDIR_RECORD_BYTES];
    off_t at = -1;
    bool told = false;

    (void)snprintf(line, sizeof line, "exit %s %" PRId64 " %" PRId64 " %" PRIu64 " %" PRIu64 "\n", ending.word,
                   ending.number, wall_ms(), bytes, left_out);
    for (;;) {
        int rc = exit_put(&at, line);
        if (record_is_deleted()) {
            return false;
        }
        if (rc == 0) {
            return true;
        }
        if (!told) {
            (void)fprintf(stderr, "guidepost-step: cannot record the end, trying again every second: %s\n",
                          strerror(-rc));
            told = true;
        }
        (void)nanosleep(&pause, NULL);
    }
}
