#include "record.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { RECORD_BYTES = 160 };

static int record_put(const char *name, const char *text);

bool record_exists(void) {
    return access("started", F_OK) == 0 || access("exit", F_OK) == 0 || access("void", F_OK) == 0;
}

static int64_t wall_ms(void) {
    struct timespec now;

    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int record_started(pid_t supervisor, pid_t child) {
    char text[RECORD_BYTES];

    (void)snprintf(text, sizeof text, "%ld %ld %" PRId64 "\n", (long)supervisor, (long)child, wall_ms());
    int fd = open("started", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) {
        return -errno;
    }
    ssize_t count = write(fd, text, strlen(text));
    int rc = count < 0 ? -errno : (size_t)count < strlen(text) ? -ENOSPC : 0;
    (void)close(fd);
    return rc;
}

static bool directory_is_deleted(void) {
    struct stat directory;

    return stat(".", &directory) == 0 && directory.st_nlink == 0;
}

bool record_exit(struct ending ending, uint64_t bytes, uint64_t left_out) {
    const struct timespec pause = {.tv_sec = 1};
    char text[RECORD_BYTES];
    bool told = false;

    (void)snprintf(text, sizeof text, "%s %" PRId64 " %" PRId64 " %" PRIu64 " %" PRIu64 "\n", ending.word,
                   ending.number, wall_ms(), bytes, left_out);
    for (;;) {
        int rc = record_put("exit", text);
        if (rc == 0) {
            return true;
        }
        if (!told) {
            (void)fprintf(stderr, "guidepost-step: cannot record the end, trying again every second: %s\n",
                          strerror(-rc));
            told = true;
        }
        if (directory_is_deleted()) {
            return false;
        }
        (void)nanosleep(&pause, NULL);
    }
}

static int file_write(int fd, const char *text) {
    size_t size = strlen(text);

    ssize_t count = write(fd, text, size);
    if (count >= 0 && (size_t)count < size) {
        return -ENOSPC;
    }
    return count < 0 || fsync(fd) < 0 ? -errno : 0;
}

/* A name is on disk only after its directory is. */
static int directory_sync(void) {
    int fd = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return -errno;
    }
    int rc = fsync(fd) < 0 ? -errno : 0;
    (void)close(fd);
    return rc;
}

static int record_put(const char *name, const char *text) {
    int fd = open("record.tmp", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0) {
        return -errno;
    }
    int rc = file_write(fd, text);
    (void)close(fd);
    if (rc == 0 && rename("record.tmp", name) < 0) {
        rc = -errno;
    }
    return rc < 0 ? rc : directory_sync();
}
