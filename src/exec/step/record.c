#include "record.h"

#include "exec/rundir.h"
#include "lock.h"
#include "process.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static const char boot[] = "boot ";
static const char started[] = "started ";

/* Locked and open. */
static int record_fd = -1;
static off_t started_at; /* where that line begins; 0 = it is not there */

/* Returns the size of the text, or a negative errno, and where its whole lines end. */
static ssize_t record_read(char *text, off_t *ret_whole) {
    ssize_t size = pread(record_fd, text, RUNDIR_RECORD_BYTES, 0);
    const char *newline = size > 0 ? memrchr(text, '\n', (size_t)size) : NULL;

    *ret_whole = newline ? newline + 1 - text : 0;
    return size < 0 ? -errno : size;
}

/*
 * The record, which is the lock, is opened here: a lock taken through an inherited descriptor would live on in whoever
 * else has it open.
 */
bool record_take(const char *name, enum record_take take) {
    char text[RUNDIR_RECORD_BYTES + 1];
    off_t whole;

    record_fd = open(name, O_RDWR | O_CLOEXEC);
    if (record_fd < 0 || !lock_take(record_fd) || record_read(text, &whole) <= 0 || whole == 0 ||
        strncmp(text, boot, sizeof boot - 1) != 0) {
        return false;
    }
    text[whole] = '\0';
    const char *second = strchr(text, '\n') + 1;
    if (*second == '\0') {
        return true;
    }
    const char *third = strchr(second, '\n') + 1;
    if (take == RECORD_NEW || strncmp(second, started, sizeof started - 1) != 0 || *third != '\0') {
        return false;
    }
    started_at = second - text;
    return true;
}

bool record_is_started(void) {
    return started_at > 0;
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

/* Filled up to always the same size, so that it can be replaced. */
int record_started(pid_t supervisor, pid_t child) {
    char text[RUNDIR_RECORD_BYTES / 2], line[RUNDIR_RECORD_BYTES];

    off_t at = started_at > 0 ? started_at : next_line();
    (void)snprintf(text, sizeof text, "started %ld %ld %" PRId64, (long)supervisor, (long)child, wall_ms());
    (void)snprintf(line, sizeof line, "%-45s\n", text);
    int rc = at < 0 ? (int)at : line_write(at, line);
    started_at = rc == 0 ? at : started_at;
    return rc;
}

static bool record_is_deleted(void) {
    struct stat file;

    return fstat(record_fd, &file) == 0 && file.st_nlink == 0;
}

/*
 * The worker that started us tells the end, or puts it on disk itself; when it is gone, nobody but us does.
 *
 * From the second time on the same bytes go into the same place, so that a reader who has found the line whole finds it
 * again. Then nothing may be cut off either: the worker may have added a line.
 */
static int exit_put(off_t *at, const char *line) {
    if (*at < 0) {
        *at = next_line();
    }
    int rc = *at < 0 ? (int)*at : line_write(*at, line);
    return rc == 0 && process_is_alone() && fdatasync(record_fd) < 0 ? -errno : rc;
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

void record_leave(void) {
    (void)close(record_fd);
    record_fd = -1;
    started_at = 0;
}
