/*
 * guidepost-step supervises one run of a script. exec/rundir.h is its manual; this file reads as its contents page.
 *
 * Exit status: 0 the end is recorded; 111 the run is not ours (its lock is held, or it was started before), nothing
 * was written; 1 the record was deleted meanwhile, or the whole run directory.
 */

#include "instructions.h"
#include "lock.h"
#include "output.h"
#include "process.h"
#include "record.h"
#include "supervise.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

enum { STATUS_RECORDED = 0, STATUS_DELETED = 1, STATUS_NOT_OURS = 111 };

static struct ending step_run(struct output *output, int signal_fd, mode_t umask_before);

int main(void) {
    mode_t umask_before = umask(077);
    struct output output;

    process_set_up();
    (void)prctl(PR_SET_CHILD_SUBREAPER, 1); /* orphans of the script become our children */
    int signal_fd = process_signals();
    if (!record_take(RECORD_NEW)) {
        return STATUS_NOT_OURS;
    }
    output_init(&output);
    struct ending ending = step_run(&output, signal_fd, umask_before);
    output_finish(&output);
    return record_exit(ending, output.segments.bytes, output.segments.left_out) ? STATUS_RECORDED : STATUS_DELETED;
}

/* Says in the output why nothing ran, where people look first. */
static struct ending not_started(struct output *output, int code, const char *why) {
    output_say(output, "guidepost-step: %s\n", why);
    return (struct ending){.word = "notstarted", .number = code};
}

/*
 * Returns 0 or an errno. The descriptor is inherited by the script, so that the lock is held for as long as anything of
 * it runs, even when this process is killed.
 */
static int target_lock_take(const char *path, int *ret_fd) {
    *ret_fd = open(path, O_RDWR | O_CREAT, 0600);
    return *ret_fd >= 0 && lock_take(*ret_fd) ? 0 : errno;
}

/* Frees the lock whoever has inherited the descriptor: an orderly end leaves only what is meant to go on. */
static void target_lock_release(int fd) {
    if (fd >= 0) {
        (void)flock(fd, LOCK_UN);
    }
}

static struct ending step_run(struct output *output, int signal_fd, mode_t umask_before) {
    static struct instructions in;
    static char text[INSTRUCTIONS_BYTES + 1]; /* what is not used of it costs nothing */
    int target_fd = -1;

    ssize_t size = instructions_read(signal_fd, text);
    if (size < 0) {
        return not_started(output, (int)-size, size == -ECANCELED ? "canceled" : "cannot read the instructions");
    }
    const char *problem = instructions_parse(&in, text, (size_t)size);
    if (!problem && in.ssh.destination) {
        problem = "the instructions are for guidepost-ssh";
    }
    if (problem) {
        return not_started(output, EINVAL, problem);
    }
    if (in.target_lock) {
        int code = target_lock_take(in.target_lock, &target_fd);
        if (code != 0) {
            return not_started(output, code,
                               code == EWOULDBLOCK ? "another step runs on this target" : "cannot lock the target");
        }
    }
    if (!output_set_up(output, &in)) {
        return not_started(output, ENOMEM, "no memory to mask the secrets");
    }
    struct ending ending = supervise(&in, output, signal_fd, umask_before);
    target_lock_release(target_fd); /* before the end can be read, which lets the next step start */
    return ending;
}
