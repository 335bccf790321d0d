/*
 * guidepost-step supervises runs of scripts: one, or, when it is told to serve, one after the other. exec/rundir.h is its
 * manual; this file reads as its contents page.
 *
 * Exit status, or answer to a request: 0 the end is recorded; 111 the run is not ours (its lock is held, or it was started
 * before), nothing was written; 1 the record was deleted meanwhile, or the whole run directory.
 */

#include "instructions.h"
#include "lock.h"
#include "output.h"
#include "process.h"
#include "record.h"
#include "requests.h"
#include "supervise.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { STATUS_RECORDED = 0, STATUS_DELETED = 1, STATUS_NOT_OURS = 111 };

/* What a run needs of the process. */
struct supervisor {
    int signal_fd;
    mode_t umask_before;
    bool knows_secrets; /* of a run before: it serves no other */
};

static int run(struct supervisor *supervisor, const char *record, const char *prefix);
static int serve(struct supervisor *supervisor);
static struct ending step_run(struct supervisor *supervisor, struct output *output);

int main(int argc, char **argv) {
    struct supervisor supervisor = {.umask_before = umask(077)};

    process_set_up();
    (void)prctl(PR_SET_CHILD_SUBREAPER, 1); /* orphans of the script become our children */
    supervisor.signal_fd = process_signals();
    return argc > 1 && strcmp(argv[1], "serve") == 0 ? serve(&supervisor) : run(&supervisor, "record", "");
}

static int run(struct supervisor *supervisor, const char *record, const char *prefix) {
    struct output output;

    if (!record_take(record, RECORD_NEW)) {
        return STATUS_NOT_OURS;
    }
    output_init(&output, prefix);
    struct ending ending = step_run(supervisor, &output);
    output_finish(&output);
    return record_exit(ending, output.segments.bytes, output.segments.left_out) ? STATUS_RECORDED : STATUS_DELETED;
}

/* What a script has left in the background is ours to reap, and belongs to this session as the next script would. */
static bool is_alone(void) {
    return waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD;
}

static int serve(struct supervisor *supervisor) {
    int socket = requests_open();
    struct request_names names;

    while (socket >= 0 && requests_take(socket, supervisor->signal_fd, &names)) {
        int status = run(supervisor, names.record, names.prefix);
        record_leave();
        if (supervisor->knows_secrets || !is_alone()) {
            return status;
        }
        requests_answer(socket, status);
    }
    return STATUS_RECORDED;
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
        (void)close(fd);
    }
}

static struct ending step_run(struct supervisor *supervisor, struct output *output) {
    static struct instructions in;
    static char text[INSTRUCTIONS_BYTES + 1]; /* what is not used of it costs nothing */
    int target_fd = -1;

    supervisor->knows_secrets = true; /* until it is known to have none */
    ssize_t size = instructions_read(supervisor->signal_fd, text);
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
    supervisor->knows_secrets = in.secret_count > 0;
    if (in.target_lock) {
        int code = target_lock_take(in.target_lock, &target_fd);
        if (code != 0) {
            target_lock_release(target_fd);
            return not_started(output, code,
                               code == EWOULDBLOCK ? "another step runs on this target" : "cannot lock the target");
        }
    }
    if (!output_set_up(output, &in)) {
        target_lock_release(target_fd);
        return not_started(output, ENOMEM, "no memory to mask the secrets");
    }
    struct ending ending = supervise(&in, output, supervisor->signal_fd, supervisor->umask_before);
    target_lock_release(target_fd); /* before the end can be read, which lets the next step start */
    explicit_bzero(text, (size_t)size);
    return ending;
}
