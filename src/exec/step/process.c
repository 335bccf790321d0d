#include "process.h"

#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Our parent for as long as it lives. */
static pid_t starter;

/*
 * A session of its own, which no terminal and no shell above can end; no core dump and no debugger, which would show
 * secrets. Whatever else the starter had open is closed, or a socket of the worker would live as long as the step.
 */
void process_set_up(void) {
    const struct rlimit none = {.rlim_cur = 0, .rlim_max = 0};
    int fd;

    starter = getppid();
    (void)setsid(); /* fails only when it already leads a process group: no harm */
    (void)setrlimit(RLIMIT_CORE, &none);
    (void)prctl(PR_SET_DUMPABLE, 0);
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
static const int ignored[] = {SIGHUP, SIGINT, SIGQUIT, SIGPIPE, SIGTSTP, SIGXFSZ};

static void ignored_set(void (*handler)(int)) {
    const struct sigaction action = {.sa_handler = handler};

    for (size_t i = 0; i < sizeof ignored / sizeof ignored[0]; i++) {
        (void)sigaction(ignored[i], &action, NULL);
    }
}

/* The starter may have ignored any: SIGCHLD, and then nobody could be waited for, or what a script counts on. */
int process_signals(void) {
    const struct sigaction normal = {.sa_handler = SIG_DFL};
    sigset_t taken;

    for (int number = 1; number < NSIG; number++) {
        (void)sigaction(number, &normal, NULL);
    }
    ignored_set(SIG_IGN);
    (void)sigemptyset(&taken);
    (void)sigaddset(&taken, SIGTERM);
    (void)sigaddset(&taken, SIGCHLD);
    (void)sigprocmask(SIG_SETMASK, &taken, NULL);
    return signalfd(-1, &taken, SFD_CLOEXEC | SFD_NONBLOCK);
}

void process_signals_undo(void) {
    sigset_t none;

    ignored_set(SIG_DFL);
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
}

bool process_is_alone(void) {
    return getppid() != starter;
}

bool process_canceled(int signal_fd, pid_t shell) {
    struct signalfd_siginfo signal;
    bool canceled = false;

    while (read(signal_fd, &signal, sizeof signal) == sizeof signal) {
        bool ours = signal.ssi_code != SI_QUEUE || signal.ssi_int == shell;
        canceled = canceled || (signal.ssi_signo == SIGTERM && ours);
    }
    return canceled;
}
