#include "child.h"

#include "process.h"
#include "record.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* What the child is told and what it tells. It shares our memory until it is the shell, so that neither needs a pipe. */
struct start {
    const struct instructions *in;
    const struct account *account;
    pid_t supervisor;
    mode_t umask_before;
    int null_fd;
    int output_fd;
    volatile enum child_stage stage;
    volatile int code; /* errno; 0 = it is the shell */
};

static _Noreturn void child_fail(struct start *start, enum child_stage stage, int code) {
    start->stage = stage;
    start->code = code;
    _exit(127);
}

/* Everything that can fail before `started` comes after it too: only a script that could have run has been started. */
static _Noreturn void child_run(struct start *start) {
    char *const arguments[] = {"sh", "-e", "-c", (char *)start->in->script, NULL};
    const char *work_dir = start->in->work_dir;

    (void)setpgid(0, 0);
    int rc = record_started(start->supervisor, getpid());
    if (rc < 0) {
        child_fail(start, CHILD_RECORD, -rc);
    }
    (void)umask(start->umask_before);
    if (dup2(start->null_fd, 0) < 0 || dup2(start->output_fd, 1) < 0 || dup2(start->output_fd, 2) < 0) {
        child_fail(start, CHILD_SHELL, errno);
    }
    rc = start->account ? account_become(start->account) : 0;
    if (rc < 0) {
        child_fail(start, CHILD_USER, -rc);
    }
    if (chdir(work_dir ? work_dir : "/") < 0) {
        child_fail(start, CHILD_DIRECTORY, errno);
    }
    process_signals_undo();
    (void)execve("/bin/sh", arguments, start->in->env);
    child_fail(start, CHILD_SHELL, errno);
}

/* vfork and not fork: copying our page tables and then page after page costs more than the script `true`. The child calls
 * nothing but what is safe in borrowed memory, and never returns into our frames. */
static pid_t child_vfork(struct start *start) {
    pid_t pid = vfork();

    if (pid == 0) {
        child_run(start);
    }
    return pid;
}

static void close_if_open(int fd) {
    if (fd >= 0) {
        (void)close(fd);
    }
}

int child_start(struct child *ret, const struct instructions *in, const struct account *account, mode_t umask_before,
                enum child_stage *ret_stage) {
    struct start start = {
        .in = in,
        .account = account,
        .supervisor = getpid(),
        .umask_before = umask_before,
        .null_fd = open("/dev/null", O_RDONLY | O_CLOEXEC),
        .stage = CHILD_PROCESS,
    };
    int output[2] = {-1, -1};

    pid_t pid = -1;
    if (start.null_fd >= 0 && pipe2(output, O_CLOEXEC) == 0) {
        start.output_fd = output[1];
        pid = child_vfork(&start);
    }
    int code = pid < 0 ? errno : start.code;
    close_if_open(start.null_fd);
    close_if_open(output[1]);
    if (code != 0) {
        if (pid > 0) {
            (void)waitpid(pid, NULL, 0);
        }
        close_if_open(output[0]);
        *ret_stage = start.stage;
        return -code;
    }
    (void)fcntl(output[0], F_SETFL, O_NONBLOCK);
    *ret = (struct child){.pid = pid, .output_fd = output[0]};
    return 0;
}
