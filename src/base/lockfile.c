#include "base/lockfile.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

/* Somebody who looks may lose the processor in the middle of it, for longer than we would spin: a second in all. */
enum { TRIES_AT_ONCE = 100, TRIES = 5000, PAUSE_NS = 200000 };

static int try_lock(int fd, int operation) {
    int result;
    do {
        result = flock(fd, operation | LOCK_NB);
    } while (result != 0 && errno == EINTR);
    return result;
}

int lockfile_take(const char *path, int *ret_fd, struct err *err) {
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) {
        return err_set(err, ERR_IO, "The lock file '%s' cannot be opened: %s.", path, strerror(errno));
    }
    int result = lockfile_take_open(fd, NULL);
    if (result != 0) {
        const char *why = result == -ERR_CONFLICT ? "another process holds it" : strerror(errno);
        (void)err_set(err, (enum err_code) - result, "The lock file '%s' cannot be locked: %s.", path, why);
        (void)close(fd);
        return result;
    }
    *ret_fd = fd;
    return 0;
}

/* A look takes the lock for a moment, but shared. If the shared lock is to be had, nobody holds the file,
 * and we try again instead of giving up. */
int lockfile_take_open(int fd, struct err *err) {
    const struct timespec pause = {.tv_nsec = PAUSE_NS};
    for (int i = 0; i < TRIES; i++) {
        if (try_lock(fd, LOCK_EX) == 0) {
            return 0;
        }
        if (errno != EWOULDBLOCK || try_lock(fd, LOCK_SH) != 0) {
            break;
        }
        (void)try_lock(fd, LOCK_UN);
        (void)(i < TRIES_AT_ONCE ? sched_yield() : nanosleep(&pause, NULL));
        errno = EWOULDBLOCK;
    }
    if (errno == EWOULDBLOCK) {
        return err_set(err, ERR_CONFLICT, "Another process holds the lock.");
    }
    return err_set(err, ERR_IO, "The file cannot be locked: %s.", strerror(errno));
}

bool lockfile_is_held(const char *path) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return false;
    }
    bool held = try_lock(fd, LOCK_SH) != 0 && errno == EWOULDBLOCK;
    (void)close(fd);
    return held;
}
