#include "child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* The ends of the pipes that the child uses. */
struct ends {
    int null;
    int output;
    int report;
    int go;
};

static _Noreturn void child_run(const struct ends *ends, const struct instructions *in, const struct account *account);

static void close_all(const int *fds, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (fds[i] >= 0) {
            (void)close(fds[i]);
        }
    }
}

int child_create(struct child *ret, const struct instructions *in, const struct account *account, mode_t umask_before) {
    enum { OUTPUT = 0, REPORT = 2, GO = 4, NULL_INPUT = 6, COUNT };
    int fds[COUNT] = {-1, -1, -1, -1, -1, -1, -1};

    fds[NULL_INPUT] = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (fds[NULL_INPUT] < 0 || pipe2(fds + OUTPUT, O_CLOEXEC) < 0 || pipe2(fds + REPORT, O_CLOEXEC) < 0 ||
        pipe2(fds + GO, O_CLOEXEC) < 0 || (ret->pid = fork()) < 0) {
        int rc = -errno;
        close_all(fds, COUNT);
        return rc;
    }
    if (ret->pid == 0) {
        const struct ends ends = {fds[NULL_INPUT], fds[OUTPUT + 1], fds[REPORT + 1], fds[GO]};
        (void)close(fds[GO + 1]); /* or the child would wait for itself */
        (void)umask(umask_before);
        child_run(&ends, in, account);
    }
    (void)setpgid(ret->pid, ret->pid); /* here and in the child: whoever comes first */
    ret->output_fd = fds[OUTPUT];
    ret->report_fd = fds[REPORT];
    ret->go_fd = fds[GO + 1];
    (void)fcntl(ret->output_fd, F_SETFL, O_NONBLOCK);
    (void)fcntl(ret->report_fd, F_SETFL, O_NONBLOCK);
    close_all((const int[]){fds[OUTPUT + 1], fds[REPORT + 1], fds[GO], fds[NULL_INPUT]}, 4);
    return 0;
}

void child_release(struct child *child) {
    (void)!write(child->go_fd, "g", 1);
    (void)close(child->go_fd);
}

void child_abandon(struct child *child) {
    close_all((const int[]){child->go_fd, child->output_fd, child->report_fd}, 3);
    (void)waitpid(child->pid, NULL, 0);
}

static void signals_reset(void) {
    const struct sigaction normal = {.sa_handler = SIG_DFL};
    sigset_t none;

    for (int number = 1; number < NSIG; number++) {
        (void)sigaction(number, &normal, NULL);
    }
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
}

static _Noreturn void child_fail(int report_fd, enum child_stage stage, int code) {
    const struct child_report report = {.stage = stage, .code = code};

    (void)!write(report_fd, &report, sizeof report);
    _exit(127);
}

static _Noreturn void child_run(const struct ends *ends, const struct instructions *in, const struct account *account) {
    char *const arguments[] = {"sh", "-e", "-c", (char *)in->script, NULL};
    char go;

    (void)setpgid(0, 0);
    if (read(ends->go, &go, 1) != 1) {
        _exit(127);
    }
    if (dup2(ends->null, 0) < 0 || dup2(ends->output, 1) < 0 || dup2(ends->output, 2) < 0) {
        child_fail(ends->report, CHILD_SHELL, errno);
    }
    if (account) {
        int rc = account_become(account);
        if (rc < 0) {
            child_fail(ends->report, CHILD_USER, -rc);
        }
    }
    if (chdir(in->work_dir ? in->work_dir : "/") < 0) {
        child_fail(ends->report, CHILD_DIRECTORY, errno);
    }
    signals_reset();
    (void)execve("/bin/sh", arguments, in->env);
    child_fail(ends->report, CHILD_SHELL, errno);
}
