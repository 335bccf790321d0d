#include "session.h"

#include "target.h"
#include "values.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

enum {
    READ_BYTES = 64 << 10,
    HERE_MS = 5000,   /* contact.sh goes away when it hears nothing for a minute */
    STOP_MS = 2000,   /* a shell that is about to wait may miss one, so that it is said until the end is there */
    CLOSED_TRIES = 4, /* a busy sshd closes some of many new connections */
    CLOSED_PAUSE_MS = 250,
    TELL_MS = 1000,
};

static void call(struct session *s, bool shared, int64_t now);
static void turn(struct session *s);
static void deadlines_meet(struct session *s, int64_t now);
static void hear(struct session *s, int64_t now);
static void frame_take(struct session *s, enum frame_kind kind, const struct frame *frame, int64_t now);
static void connection_drop(struct session *s, enum rundir_unreachable why, int64_t now);
static void signals_take(struct session *s);
static void send(struct session *s);

static int64_t clock_ms(void) {
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int64_t earlier(int64_t a, int64_t b) {
    return a < b ? a : b;
}

/* What is on the disk of an earlier guidepost-ssh, and where the output goes on. */
static void remember(struct session *s) {
    s->known = memory_load(&s->memory);
    s->lost = access("lost", F_OK) == 0;
    if (s->open) {
        /* Output that is here already comes again from where the two positions are known, and is skipped. */
        uint64_t here = segments_resume(&s->output->segments);
        if (!s->known || s->memory.masked > here) {
            s->memory.raw = s->memory.masked = 0;
        }
        s->output->skip = here - s->memory.masked;
    }
}

struct ending session_run(struct session *s, const struct instructions *in, struct output *output, int signal_fd,
                          enum session_work work) {
    int64_t now = clock_ms();

    *s = (struct session){.in = in, .output = output, .signal_fd = signal_fd, .heard_at = now};
    s->probing = work == SESSION_PROBE;
    s->open = s->broke = work == SESSION_ATTACH || work == SESSION_STOP || work == SESSION_LOOK;
    s->canceled = work == SESSION_STOP;
    s->pause = LIMIT_SSH_PAUSE_MS;
    client_init(&s->client);
    if (!s->probing) {
        remember(s);
    }
    call(s, true, now);
    while (s->state != SESSION_OVER) {
        turn(s);
    }
    return s->ending;
}

void session_tell(struct session *s) {
    int64_t until = clock_ms() + TELL_MS;

    outbox_print(&s->client.outbox, "told\n");
    send(s);
    while (!outbox_is_empty(&s->client.outbox) && s->client.in_fd >= 0 && clock_ms() < until) {
        (void)poll(&(struct pollfd){.fd = s->client.in_fd, .events = POLLOUT}, 1, TELL_MS);
        send(s);
    }
    client_leave(&s->client);
}

static void over(struct session *s, const char *word, int64_t number) {
    s->ending = (struct ending){word, number};
    s->state = SESSION_OVER;
}

__attribute__((format(printf, 2, 3))) static void say(struct session *s, const char *format, ...) {
    size_t size = strlen(s->said);
    va_list values;

    va_start(values, format);
    (void)vsnprintf(s->said + size, sizeof s->said - size, format, values);
    va_end(values);
}

/* Whoever is asked about it sees this. */
static void gone(struct session *s, int64_t number, const char *why) {
    say(s, "%s %s: how this ended will never be known by itself\n", s->in->ssh.destination, why);
    over(s, "gone", number);
}

/* --- connections ---------------------------------------------------------------------------------------------- */

static void unreachable(struct session *s, const char *detail) {
    say(s, "%s %s\n", s->in->ssh.destination, client_words(s->why));
    if (*detail) {
        say(s, "%s\n", detail);
    }
    over(s, "unreachable", s->why);
}

static void call(struct session *s, bool shared, int64_t now) {
    s->framing = (struct framing){0};
    s->stop_at = 0;
    s->state = SESSION_CALLING;
    if (client_start(&s->client, s->in, shared) < 0) {
        connection_drop(s, RUNDIR_UNREACHABLE_PROGRAM, now);
        return;
    }
    s->give_up_at = now + (s->client.reused ? LIMIT_SSH_SHARED_HELLO_MS : LIMIT_SSH_HELLO_MS);
}

static void pause_begin(struct session *s, int64_t ms, int64_t now) {
    s->state = SESSION_PAUSING;
    s->next_at = now + ms;
}

/* Says in the run directory that the target is silent, and what is known of why. */
static void lost_write(struct session *s) {
    char text[1400];
    int fd = open("lost", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    int size = s->why == 0 ? snprintf(text, sizeof text, "%s has fallen silent.\n", s->in->ssh.destination)
                           : snprintf(text, sizeof text, "%s %s.\n", s->in->ssh.destination, client_words(s->why));
    if (fd >= 0) {
        (void)!write(fd, text, (size_t)size);
        (void)close(fd);
    }
    s->lost = true;
}

/* The connection is gone, or was not made. While the outcome is open the next one is made, by itself and not shared: what
 * is shared may be what hangs. */
static void connection_drop(struct session *s, enum rundir_unreachable why, int64_t now) {
    char detail[512];
    bool reused = s->client.reused;
    enum rundir_unreachable before = s->why;

    client_listen(&s->client);
    (void)snprintf(detail, sizeof detail, "%s", client_last_line(&s->client));
    client_kill(&s->client);
    s->why = why;
    if (s->open) {
        s->broke = true;
        if (s->lost && s->why != before) {
            lost_write(s);
        }
        pause_begin(s, s->pause, now);
        s->pause = earlier(s->pause * 2, LIMIT_SSH_PAUSE_MAX_MS);
    } else if (reused) {
        call(s, false, now);
    } else if (s->why == RUNDIR_UNREACHABLE_CLOSED && ++s->tries < CLOSED_TRIES) {
        pause_begin(s, CLOSED_PAUSE_MS * (int64_t)s->tries, now);
    } else {
        unreachable(s, detail);
    }
}

/* It has closed its output. A moment later it is dead, and its exit status says more. */
static void connection_ended(struct session *s, int64_t now) {
    int64_t until = now + TELL_MS;

    while (!s->client.ended && clock_ms() < until) {
        (void)poll(&(struct pollfd){.fd = s->signal_fd, .events = POLLIN}, 1, TELL_MS);
        signals_take(s);
    }
    client_listen(&s->client);
    connection_drop(s, s->state == SESSION_CALLING ? client_verdict(&s->client) : RUNDIR_UNREACHABLE_CLOSED, now);
}

static void send(struct session *s) {
    if (s->client.in_fd >= 0 && outbox_write(&s->client.outbox, s->client.in_fd) < 0) {
        (void)close(s->client.in_fd); /* its end follows */
        s->client.in_fd = -1;
        outbox_clear(&s->client.outbox);
    }
}

/* --- time and events ------------------------------------------------------------------------------------------ */

static int64_t next_deadline(const struct session *s) {
    int64_t next = s->state == SESSION_PAUSING ? s->next_at : s->give_up_at;

    if (s->state == SESSION_TALKING) {
        next = earlier(next, s->here_at);
        next = s->canceled ? earlier(next, s->stop_at) : next;
    }
    if (s->open && !s->lost) {
        next = earlier(next, s->heard_at + LIMIT_SSH_LOST_MS);
    }
    return next;
}

static void signals_take(struct session *s) {
    struct signalfd_siginfo signal;

    while (read(s->signal_fd, &signal, sizeof signal) == sizeof signal) {
        if (signal.ssi_signo == SIGTERM && !s->canceled) {
            s->canceled = true;
            s->next_at = 0; /* no pause */
        }
    }
    client_reap(&s->client);
}

/* Waits for something to happen, and reacts. What came in counts before the time that has passed. */
static void turn(struct session *s) {
    struct pollfd watched[] = {
        {.fd = s->signal_fd, .events = POLLIN},
        {.fd = s->client.out_fd, .events = POLLIN},
        {.fd = s->client.err_fd, .events = POLLIN},
        {.fd = outbox_is_empty(&s->client.outbox) ? -1 : s->client.in_fd, .events = POLLOUT},
    };
    int64_t now = clock_ms();
    int64_t wait = next_deadline(s) - now;

    (void)poll(watched, sizeof watched / sizeof watched[0], (int)earlier(wait > 0 ? wait : 0, INT_MAX));
    now = clock_ms();
    if (watched[0].revents) {
        signals_take(s);
    }
    if (watched[2].revents) {
        client_listen(&s->client);
    }
    if (watched[1].revents) {
        hear(s, now);
    }
    if (s->state != SESSION_OVER) {
        deadlines_meet(s, now);
        send(s);
    }
}

static void deadlines_meet(struct session *s, int64_t now) {
    if (s->canceled && !s->open) {
        client_kill(&s->client);
        say(s, "canceled before the start\n");
        over(s, "notstarted", ECANCELED);
        return;
    }
    if (s->canceled && s->state == SESSION_TALKING && now >= s->stop_at) {
        outbox_print(&s->client.outbox, "stop\n");
        s->stop_at = now + STOP_MS;
    }
    if (s->state == SESSION_TALKING && now >= s->here_at) {
        outbox_print(&s->client.outbox, "here\n");
        s->here_at = now + HERE_MS;
    }
    if (s->open && !s->lost && now - s->heard_at >= LIMIT_SSH_LOST_MS) {
        lost_write(s);
    }
    if (s->open && now - s->heard_at >= LIMIT_SSH_TRY_MS) {
        gone(s, ETIMEDOUT, "was silent for so long that it is given up");
    } else if (s->state == SESSION_PAUSING && now >= s->next_at) {
        call(s, false, now);
    } else if (s->state != SESSION_PAUSING && now >= s->give_up_at) {
        connection_drop(s, RUNDIR_UNREACHABLE_TIMEOUT, now);
    }
}

/* Where nothing is held back, the two positions of the output belong together. */
static void output_settle(struct session *s) {
    if (s->known && s->output->skip == 0 && (!s->output->masker || masker_is_at_rest(s->output->masker)) &&
        s->memory.masked != s->output->segments.bytes) {
        s->memory.masked = s->output->segments.bytes;
        (void)memory_save(&s->memory);
    }
}

static void hear(struct session *s, int64_t now) {
    static char bytes[READ_BYTES];
    struct frame frame;
    enum frame_kind kind;

    ssize_t count = read(s->client.out_fd, bytes, sizeof bytes);
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) {
        return;
    }
    if (count <= 0) {
        connection_ended(s, now);
        return;
    }
    const char *cursor = bytes;
    pid_t pid = s->client.pid;
    while (s->client.pid == pid && s->state != SESSION_OVER && s->state != SESSION_PAUSING &&
           (kind = framing_next(&s->framing, &cursor, bytes + count, &frame)) != FRAME_NONE) {
        frame_take(s, kind, &frame, now);
    }
    output_settle(s);
}

/* --- what the target says ------------------------------------------------------------------------------------- */

/* What is to be done, for contact.sh. */
static void send_start(struct session *s) {
    struct outbox *outbox = &s->client.outbox;

    outbox_print(outbox, "mode start\nname %s\n", s->in->ssh.run);
    values_write(outbox, s->in);
    for (const char *line = target_supervise; *line; line = strchr(line, '\n') + 1) {
        outbox_print(outbox, "text ");
        outbox_add(outbox, line, (size_t)(strchr(line, '\n') + 1 - line));
    }
    outbox_print(outbox, "go\n");
}

/* From the first byte that is sent on the script may run, so that this is written down before. */
static void begin(struct session *s, int64_t now) {
    memcpy(s->memory.boot, s->boot, sizeof s->boot);
    int rc = memory_save(&s->memory);
    rc = rc < 0 ? rc : record_started(getpid(), 0);
    if (rc < 0) {
        say(s, "the start cannot be recorded: %s\n", strerror(-rc));
        over(s, "notstarted", -rc);
        return;
    }
    s->known = s->open = true;
    s->heard_at = now;
    send_start(s);
}

static void greeted(struct session *s, const struct frame *frame, int64_t now) {
    s->state = SESSION_TALKING;
    s->give_up_at = now + (s->open ? LIMIT_SSH_SILENCE_MS : LIMIT_SSH_HELLO_MS);
    s->here_at = now + HERE_MS;
    memcpy(s->boot, frame->boot, sizeof s->boot);
    if (*frame->text && !s->open) {
        say(s, "%s lacks what a step needs there: %s\n", s->in->ssh.destination, frame->text);
        over(s, s->probing ? "unreachable" : "notstarted", s->probing ? RUNDIR_UNREACHABLE_SHELL : ENOSYS);
    } else if (s->probing) {
        over(s, "exit", 0);
    } else if (s->open) {
        outbox_print(&s->client.outbox, "mode attach\nname %s\nat %" PRIu64 "\ngo\n", s->in->ssh.run, s->memory.raw);
    } else {
        begin(s, now);
    }
}

static const char *gone_words(int64_t number) {
    switch (number) {
    case ESTALE:
        return "was rebooted";
    case ESRCH:
        return "answers, but what supervised the script there was killed";
    default:
        return "has a run of this name already";
    }
}

/* A run that was begun in this boot and of which nothing but an empty directory is found never started. */
static void found_void(struct session *s) {
    if (s->known && !s->memory.started && strcmp(s->boot, "-") != 0 && strcmp(s->memory.boot, s->boot) == 0) {
        say(s, "nothing was started on %s: %s, or the run was given up\n", s->in->ssh.destination,
            s->broke ? "the connection broke" : "what starts it there failed");
        over(s, "notstarted", s->canceled ? ECANCELED : s->broke ? ECONNABORTED : EIO);
    } else {
        gone(s, ESTALE, "answers, and knows nothing of this run");
    }
}

static void started(struct session *s) {
    if (!s->known) {
        memcpy(s->memory.boot, s->boot, sizeof s->boot);
        s->known = true;
    }
    if (!s->memory.started) {
        s->memory.started = true;
        (void)memory_save(&s->memory);
    }
}

static void output_came(struct session *s, const struct frame *frame, int64_t now) {
    if (frame->offset < s->memory.raw) {
        connection_drop(s, RUNDIR_UNREACHABLE_SHELL, now);
        return;
    }
    uint64_t gap = frame->offset - s->memory.raw;
    uint64_t skipped = gap < s->output->skip ? gap : s->output->skip;
    s->output->skip -= skipped;
    if (gap > skipped) {
        output_say(s->output, "\n[%" PRIu64 " bytes of output are not here]\n", gap - skipped);
        s->output->segments.left_out += gap - skipped;
    }
    output_put(s->output, frame->text, frame->size);
    s->memory.raw = frame->offset + frame->size;
}

/* The words that supervise.sh writes; they live as long as the program. */
static void ended(struct session *s, const struct frame *frame, int64_t now) {
    static const char *const words[] = {"exit", "timeout", "quiet", "canceled"};

    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (strcmp(frame->text, words[i]) == 0) {
            over(s, words[i], frame->number);
            return;
        }
    }
    connection_drop(s, RUNDIR_UNREACHABLE_SHELL, now);
}

/* It was not only heard: it still runs. What else is heard may be the last of a run that is over, and must not be called
 * running. */
static void found_again(struct session *s) {
    if (s->lost) {
        (void)unlink("lost");
        s->lost = false;
    }
}

static void frame_take(struct session *s, enum frame_kind kind, const struct frame *frame, int64_t now) {
    if (kind == FRAME_BROKEN) {
        connection_drop(s, RUNDIR_UNREACHABLE_SHELL, now);
        return;
    }
    if (kind == FRAME_HELLO) {
        greeted(s, frame, now);
        return;
    }
    if (kind == FRAME_UNDECIDED) { /* as good as silence */
        connection_drop(s, RUNDIR_UNREACHABLE_OTHER, now);
        return;
    }
    s->heard_at = now;
    s->give_up_at = now + LIMIT_SSH_SILENCE_MS;
    s->pause = LIMIT_SSH_PAUSE_MS;
    s->why = 0;
    switch (kind) {
    case FRAME_STARTED:
        started(s);
        break;
    case FRAME_OUTPUT:
        output_came(s, frame, now);
        break;
    case FRAME_END:
        ended(s, frame, now);
        break;
    case FRAME_REFUSED:
        say(s, "%s: %s\n", s->in->ssh.destination, frame->text);
        over(s, "notstarted", frame->number);
        break;
    case FRAME_VOID:
        found_void(s);
        break;
    case FRAME_GONE:
        gone(s, frame->number, gone_words(frame->number));
        break;
    case FRAME_ALIVE:
        found_again(s);
        break;
    case FRAME_NONE:
    case FRAME_HELLO:
    case FRAME_UNDECIDED:
    case FRAME_BROKEN:
        break;
    }
}
