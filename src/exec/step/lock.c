#include "lock.h"

#include <errno.h>
#include <sys/file.h>
#include <time.h>

/* What can be had shared is not held, so it is tried again. */
bool lock_take(int fd) {
    const struct timespec instant = {.tv_nsec = 1000000};

    while (flock(fd, LOCK_EX | LOCK_NB) < 0) {
        if (errno != EWOULDBLOCK || flock(fd, LOCK_SH | LOCK_NB) < 0) {
            return false;
        }
        (void)flock(fd, LOCK_UN);
        (void)nanosleep(&instant, NULL);
    }
    return true;
}
