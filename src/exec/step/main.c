/*
 * guidepost-step supervises one run of a script. exec/rundir.h is its manual; this file reads as its contents page.
 *
 * Exit status: 0 the end is recorded; 111 the run is not ours (its lock is held, or it was started before), nothing
 * was written; 1 the record was deleted meanwhile, or the whole run directory.
 */

#include "instructions.h"
#include "masker.h"
#include "record.h"
#include "segments.h"
#include "supervise.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { STATUS_RECORDED = 0, STATUS_DELETED = 1, STATUS_NOT_OURS = 111 };

static int signals_set_up(void);
static void process_set_up(void);
static bool run_take(void);
static struct ending step_run(struct segments *segments, int signal_fd, mode_t umask_before);

int main(void) {
    mode_t umask_before = umask(077);
    struct segments segments;

    process_set_up();
    int signal_fd = signals_set_up();
    if (!run_take()) {
        return STATUS_NOT_OURS;
    }
    segments_init(&segments, LIMIT_OUTPUT_SEGMENT, LIMIT_OUTPUT_SEGMENTS_HEAD, LIMIT_OUTPUT_SEGMENTS_TAIL);
    struct ending ending = step_run(&segments, signal_fd, umask_before);
    segments_finish(&segments);
    return record_exit(ending, segments.bytes, segments.left_out) ? STATUS_RECORDED : STATUS_DELETED;
}

/*
 * A session of its own, which no terminal and no shell above can end; no core dump and no debugger, which would show
 * secrets; orphans of the script become our children. Whatever else the starter had open is closed, or a socket of
 * the worker would live as long as the step.
 */
static void process_set_up(void) {
    const struct rlimit none = {.rlim_cur = 0, .rlim_max = 0};
    int fd;

    (void)setsid(); /* fails only when it already leads a process group: no harm */
    (void)setrlimit(RLIMIT_CORE, &none);
    (void)prctl(PR_SET_DUMPABLE, 0);
    (void)prctl(PR_SET_CHILD_SUBREAPER, 1);
    if (syscall(SYS_close_range, 3, ~0U, 0) < 0) {
        for (fd = 3; fd < 1024; fd++) {
            (void)close(fd);
        }
    }
    do {
        fd = open("/dev/null", O_RDWR | O_CLOEXEC); /* no file of ours may become a missing 0, 1 or 2 */
    } while (fd >= 0 && fd < 3);
    (void)close(fd);
}

/* SIGXFSZ: a file that may not grow is like a full disk. */
static int signals_set_up(void) {
    static const int ignored[] = {SIGHUP, SIGINT, SIGQUIT, SIGPIPE, SIGTSTP, SIGXFSZ};
    const struct sigaction ignore = {.sa_handler = SIG_IGN};
    const struct sigaction normal = {.sa_handler = SIG_DFL};
    sigset_t taken;

    for (size_t i = 0; i < sizeof ignored / sizeof ignored[0]; i++) {
        (void)sigaction(ignored[i], &ignore, NULL);
    }
    (void)sigaction(SIGCHLD, &normal, NULL); /* the starter may have ignored it, and then nobody could be waited for */
    (void)sigemptyset(&taken);
    (void)sigaddset(&taken, SIGTERM);
    (void)sigaddset(&taken, SIGCHLD);
    (void)sigprocmask(SIG_SETMASK, &taken, NULL);
    return signalfd(-1, &taken, SFD_CLOEXEC | SFD_NONBLOCK);
}

/*
 * Takes a lock without waiting for another step. Somebody who only looks whether it is held (base/lockfile.h) takes it
 * shared for an instant, which is no reason to fail: what can be had shared is not held, so it is tried again.
 */
static bool lock_exclusive(int fd) {
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

/*
 * Opens the record, which is the lock, by itself: a lock taken through an inherited descriptor would live on in whoever
 * else has it open. The descriptor stays open to the end of the process. Who made the directory made the record:
 * nothing is started where it is missing.
 */
static bool run_take(void) {
    int fd = open("record", O_RDWR | O_CLOEXEC);

    return fd >= 0 && lock_exclusive(fd) && record_begin(fd);
}

/* Says in the output why nothing ran, where people look first. */
static struct ending not_started(struct segments *segments, int code, const char *why) {
    char text[128];
    int size = snprintf(text, sizeof text, "guidepost-step: %s\n", why);

    segments_write(segments, text, (size_t)size);
    return (struct ending){.word = "notstarted", .number = code};
}

/* Reads standard input to its end. Returns the size or a negative errno; -ECANCELED: SIGTERM came first. */
static ssize_t input_read(int signal_fd, char *text) {
    struct pollfd watched[] = {{.fd = 0, .events = POLLIN}, {.fd = signal_fd, .events = POLLIN}};
    struct signalfd_siginfo signal;
    ssize_t size = 0;

    while (size <= INSTRUCTIONS_BYTES) {
        (void)poll(watched, 2, -1);
        if (read(signal_fd, &signal, sizeof signal) == sizeof signal && signal.ssi_signo == SIGTERM) {
            return -ECANCELED;
        }
        ssize_t count = watched[0].revents ? read(0, text + size, (size_t)(INSTRUCTIONS_BYTES + 1 - size)) : -1;
        if (count == 0) {
            return size;
        }
        if (count < 0 && watched[0].revents && errno != EINTR && errno != EAGAIN) {
            return -errno;
        }
        size += count > 0 ? count : 0;
    }
    return -E2BIG;
}

/*
 * Returns 0 or an errno. The descriptor is inherited by the script, so that the lock is held for as long as anything of
 * it runs, even when this process is killed.
 */
static int target_lock_take(const char *path, int *ret_fd) {
    *ret_fd = open(path, O_RDWR | O_CREAT, 0600);
    return *ret_fd >= 0 && lock_exclusive(*ret_fd) ? 0 : errno;
}

/* Frees the lock whoever has inherited the descriptor: an orderly end leaves only what is meant to go on. */
static void target_lock_release(int fd) {
    if (fd >= 0) {
        (void)flock(fd, LOCK_UN);
    }
}

/* NULL: no memory. */
static struct masker *masker_of(const struct instructions *in) {
    struct masker *masker = masker_create();
    bool ok = masker != NULL;

    for (size_t i = 0; ok && i < in->secret_count; i++) {
        ok = masker_add_secret(masker, in->secrets[i].bytes, in->secrets[i].size);
    }
    if (!ok || !masker_build(masker)) {
        masker_destroy(masker);
        return NULL;
    }
    return masker;
}

static struct ending step_run(struct segments *segments, int signal_fd, mode_t umask_before) {
    static struct instructions in;
    static char text[INSTRUCTIONS_BYTES + 1]; /* what is not used of it costs nothing */
    struct masker *masker = NULL;
    int target_fd = -1;

    ssize_t size = input_read(signal_fd, text);
    if (size < 0) {
        return not_started(segments, (int)-size, size == -ECANCELED ? "canceled" : "cannot read the instructions");
    }
    const char *problem = instructions_parse(&in, text, (size_t)size);
    if (problem) {
        return not_started(segments, EINVAL, problem);
    }
    segments_init(segments, (size_t)in.segment_bytes, (uint64_t)in.head_segments, (uint64_t)in.tail_segments);
    if (in.target_lock) {
        int code = target_lock_take(in.target_lock, &target_fd);
        if (code != 0) {
            return not_started(segments, code,
                               code == EWOULDBLOCK ? "another step runs on this target" : "cannot lock the target");
        }
    }
    if (in.secret_count > 0) {
        masker = masker_of(&in);
        if (!masker) {
            return not_started(segments, ENOMEM, "no memory to mask the secrets");
        }
    }
    struct ending ending = supervise(&in, (struct output){masker, segments}, signal_fd, umask_before);
    target_lock_release(target_fd); /* before the end can be read, which lets the next step start */
    masker_destroy(masker);
    return ending;
}
