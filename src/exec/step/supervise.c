#include "supervise.h"

#include "account.h"
#include "child.h"
#include "group.h"
#include "process.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    READ_BYTES = 64 << 10,
    GROUP_LOOK_MS = 50,     /* a member of the group that is no child of ours ends unseen: look again */
    DRAIN_SILENCE_MS = 300, /* a process in the background keeps the pipe open: what it writes later is not output */
    DRAIN_MS = 1000,
    NOTE_BYTES = 5000, /* a path and words */
};

#define NEVER INT64_MAX

/*
 * RUNNING: the shell runs. ENDING: its group was told to end. DRAINING: it is over, the rest of the output comes.
 */
enum phase { RUNNING, ENDING, DRAINING, OVER };

struct supervision {
    const struct instructions *in;
    struct output *output;
    struct child child;
    int signal_fd;
    enum phase phase;
    struct ending ending; /* how it ended, or why it is being ended */
    bool canceled;
    bool shell_ended;
    int shell_status;
    /* Deadlines of the monotonic clock, in milliseconds. */
    int64_t timeout_at;
    int64_t quiet_at;
    int64_t kill_at;
    int64_t silent_at;  /* the output is taken as complete after a silence, */
    int64_t drained_at; /* and at the latest now */
};

static void start(struct supervision *s, mode_t umask_before);
static void run(struct supervision *s);
static int64_t phase_advance(struct supervision *s, int64_t now);
static void signals_take(struct supervision *s);
static void output_take(struct supervision *s, int64_t now);

struct ending supervise(const struct instructions *in, struct output *output, int signal_fd, mode_t umask_before) {
    struct supervision s = {.in = in, .output = output, .signal_fd = signal_fd, .phase = OVER, .child.output_fd = -1};

    start(&s, umask_before);
    run(&s);
    if (s.child.output_fd >= 0) { /* Whoever holds its other end writes into nothing from now on. */
        (void)close(s.child.output_fd);
    }
    output_end(output);
    return s.ending;
}

/* Says in the output why nothing ran, where people look first. */
static void not_started(struct supervision *s, const char *what, const char *subject, int code) {
    char text[NOTE_BYTES];

    s->ending = (struct ending){.word = "notstarted", .number = code};
    int size = snprintf(text, sizeof text, "guidepost-step: cannot %s%s%s: %s\n", what, *subject ? " " : "", subject,
                        strerror(code));
    output_put(s->output, text, (size_t)size);
}

static void start(struct supervision *s, mode_t umask_before) {
    static const char *const what[] = {
        [CHILD_PROCESS] = "make a process",
        [CHILD_RECORD] = "record the start",
        [CHILD_USER] = "run as the user",
        [CHILD_DIRECTORY] = "change to the directory",
        [CHILD_SHELL] = "run",
    };
    const char *const subjects[] = {
        [CHILD_PROCESS] = "",       [CHILD_RECORD] = "",
        [CHILD_USER] = s->in->user, [CHILD_DIRECTORY] = s->in->work_dir ? s->in->work_dir : "/",
        [CHILD_SHELL] = "/bin/sh",
    };
    struct account account;
    enum child_stage stage;

    int rc = s->in->user ? account_find(&account, s->in->user) : 0;
    if (rc < 0) {
        not_started(s, "find the user", s->in->user, -rc);
        return;
    }
    rc = child_start(&s->child, s->in, s->in->user ? &account : NULL, umask_before, &stage);
    if (rc < 0) {
        not_started(s, what[stage], subjects[stage], -rc);
        return;
    }
    s->phase = RUNNING;
}

static int64_t clock_ms(void) {
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int64_t deadline(int64_t now, int64_t ms) {
    return ms == 0 ? NEVER : now + ms;
}

static int64_t earlier(int64_t a, int64_t b) {
    return a < b ? a : b;
}

static void run(struct supervision *s) {
    int64_t now = clock_ms();

    s->timeout_at = deadline(now, s->in->timeout_ms);
    s->quiet_at = deadline(now, s->in->quiet_ms);
    for (int64_t next = phase_advance(s, now); s->phase != OVER; next = phase_advance(s, now)) {
        struct pollfd watched[] = {
            {.fd = s->signal_fd, .events = POLLIN},
            {.fd = s->child.output_fd, .events = POLLIN},
        };
        int timeout = next == NEVER ? -1 : (int)earlier(next > now ? next - now : 0, INT_MAX);
        (void)poll(watched, sizeof watched / sizeof watched[0], timeout);
        now = clock_ms();
        if (watched[0].revents) {
            signals_take(s);
        }
        if (watched[1].revents) {
            output_take(s, now);
        }
    }
}

static void end_begin(struct supervision *s, int64_t now, const char *word, int64_t number) {
    s->ending = (struct ending){.word = word, .number = number};
    s->phase = ENDING;
    s->kill_at = now + s->in->kill_ms;
    group_end(s->child.pid, SIGTERM);
}

static void drain_begin(struct supervision *s, int64_t now) {
    s->phase = DRAINING;
    s->silent_at = now + DRAIN_SILENCE_MS;
    s->drained_at = now + DRAIN_MS;
}

/*
 * The end of the shell counts even when a deadline has passed meanwhile: it is what happened. A shell that was killed
 * did not put anything into the background on purpose: what it waited for must not go on beside the next attempt.
 */
static void running_advance(struct supervision *s, int64_t now) {
    if (s->shell_ended) {
        if (WIFSIGNALED(s->shell_status)) {
            end_begin(s, now, "signal", WTERMSIG(s->shell_status));
            return;
        }
        s->ending = (struct ending){.word = "exit", .number = WEXITSTATUS(s->shell_status)};
        drain_begin(s, now);
    } else if (s->canceled) {
        end_begin(s, now, "canceled", SIGTERM);
    } else if (now >= s->timeout_at) {
        end_begin(s, now, "timeout", s->in->timeout_ms);
    } else if (now >= s->quiet_at) {
        end_begin(s, now, "quiet", s->in->quiet_ms);
    }
}

static void ending_advance(struct supervision *s, int64_t now) {
    bool killed = s->kill_at == NEVER;

    if (s->shell_ended && (group_is_empty(s->child.pid) || (killed && group_is_dead(s->child.pid)))) {
        drain_begin(s, now);
    } else if (!killed && now >= s->kill_at) {
        group_end(s->child.pid, SIGKILL);
        s->kill_at = NEVER;
        if (s->canceled && strcmp(s->ending.word, "canceled") == 0) {
            s->ending.number = SIGKILL;
        }
    }
}

/* Decides what the time and the events so far ask for, and returns when to look again at the latest. */
static int64_t phase_advance(struct supervision *s, int64_t now) {
    if (s->phase == RUNNING) {
        running_advance(s, now);
    }
    if (s->phase == ENDING) {
        ending_advance(s, now);
    }
    if (s->phase == DRAINING && (s->child.output_fd < 0 || now >= earlier(s->silent_at, s->drained_at))) {
        s->phase = OVER;
    }
    switch (s->phase) {
    case RUNNING:
        return earlier(s->timeout_at, s->quiet_at);
    case ENDING:
        return earlier(s->kill_at, now + GROUP_LOOK_MS);
    case DRAINING:
        return earlier(s->silent_at, s->drained_at);
    case OVER:
        break;
    }
    return now;
}

/* Orphans of the group are our children too, since nobody else here reaps them. */
static void children_reap(struct supervision *s) {
    int status;
    pid_t pid;

    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        if (pid == s->child.pid) {
            s->shell_ended = true;
            s->shell_status = status;
        }
    }
}

static void signals_take(struct supervision *s) {
    s->canceled = process_canceled(s->signal_fd, s->child.pid) || s->canceled;
    children_reap(s);
}

static void output_take(struct supervision *s, int64_t now) {
    static char bytes[READ_BYTES];

    ssize_t count = read(s->child.output_fd, bytes, sizeof bytes);
    if (count > 0) {
        output_put(s->output, bytes, (size_t)count);
        s->quiet_at = deadline(now, s->in->quiet_ms);
        s->silent_at = now + DRAIN_SILENCE_MS;
    } else if (count == 0) {
        (void)close(s->child.output_fd);
        s->child.output_fd = -1;
    }
}
