#include "crew.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

#include "base/mem.h"

enum { FREE_KEPT = 16 };

struct member {
    struct member *next;
    struct crew *crew;
    pid_t pid;
    int socket;
    bool busy;
    uv_poll_t poll; /* closed by its own callback, which frees the member */
};

struct crew {
    struct loop *loop;
    struct crew_events events;
    struct member *members;
    size_t free_count;
};

struct crew *crew_create(struct loop *loop, const struct crew_events *events) {
    struct crew *crew = mem_alloc(sizeof *crew);
    crew->loop = loop;
    crew->events = *events;
    return crew;
}

static void poll_closed(uv_handle_t *handle) {
    mem_free(handle->data);
}

/* It hears that, and leaves when it has no run. */
static void member_dismiss(struct member *member) {
    struct member **link = &member->crew->members;
    while (*link != member) {
        link = &(*link)->next;
    }
    *link = member->next;
    member->crew->free_count -= !member->busy;
    uv_close((uv_handle_t *)&member->poll, poll_closed);
    (void)close(member->socket);
}

void crew_destroy(struct crew *crew) {
    while (crew->members != NULL) {
        member_dismiss(crew->members);
    }
    mem_free(crew);
}

/* It has answered, or is gone. */
static void member_came(uv_poll_t *poll, int status, int events) {
    (void)events;
    struct member *member = poll->data;
    struct crew *crew = member->crew;
    unsigned char answer = 0;
    ssize_t size = status < 0 ? 0 : recv(member->socket, &answer, 1, MSG_DONTWAIT);
    if (size < 0 && (errno == EAGAIN || errno == EINTR)) {
        return;
    }
    pid_t pid = member->pid;
    bool answered = size == 1 && member->busy;
    if (answered && crew->free_count < FREE_KEPT) {
        member->busy = false;
        crew->free_count++;
    } else {
        member_dismiss(member);
    }
    if (answered) {
        crew->events.over(pid, answer, crew->events.user);
    }
}

/* Returns 0 or an errno. */
static int member_start(struct crew *crew, const struct launch *launch, struct member **ret_member) {
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0) {
        return errno;
    }
    pid_t pid;
    const struct launch serve = {.program = launch->program, .dir = "/"};
    int code = launch_program(&serve, "serve", pair[1], &pid);
    (void)close(pair[1]);
    if (code != 0) {
        (void)close(pair[0]);
        return code;
    }
    struct member *member = mem_alloc(sizeof *member);
    *member = (struct member){.next = crew->members, .crew = crew, .pid = pid, .socket = pair[0]};
    crew->members = member;
    crew->free_count++;
    member->poll.data = member;
    (void)uv_poll_init(loop_uv(crew->loop), &member->poll, member->socket);
    (void)uv_poll_start(&member->poll, UV_READABLE | UV_DISCONNECT, member_came);
    crew->events.started(pid, crew->events.user);
    *ret_member = member;
    return 0;
}

/* Returns 0 or an errno: it is gone. */
static int member_take(struct member *member, const char *dir, int input) {
    union {
        struct cmsghdr header; /* aligns it */
        char bytes[CMSG_SPACE(sizeof(int))];
    } control = {.bytes = {0}};
    struct iovec piece = {(char *)dir, strlen(dir)};
    const struct msghdr message = {
        .msg_iov = &piece, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
    control.header.cmsg_len = CMSG_LEN(sizeof input);
    control.header.cmsg_level = SOL_SOCKET;
    control.header.cmsg_type = SCM_RIGHTS;
    memcpy(CMSG_DATA(&control.header), &input, sizeof input);
    if (sendmsg(member->socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT) < 0) {
        int code = errno;
        member_dismiss(member);
        return code;
    }
    member->busy = true;
    member->crew->free_count--;
    return 0;
}

static struct member *find_free(const struct crew *crew) {
    struct member *member = crew->members;
    while (member != NULL && member->busy) {
        member = member->next;
    }
    return member;
}

static int give(struct crew *crew, const struct launch *launch, int input, pid_t *ret_pid) {
    for (struct member *member = find_free(crew); member != NULL; member = find_free(crew)) {
        *ret_pid = member->pid;
        if (member_take(member, launch->dir, input) == 0) {
            return 0;
        }
    }
    struct member *member = NULL;
    int code = member_start(crew, launch, &member);
    if (code == 0) {
        *ret_pid = member->pid;
        code = member_take(member, launch->dir, input);
    }
    return code;
}

int crew_launch(struct crew *crew, const struct launch *launch, pid_t *ret_pid, int *ret_code, struct err *err) {
    int input = launch_instructions(launch->instructions);
    int code = input < 0 ? errno : give(crew, launch, input, ret_pid);
    if (input >= 0) {
        (void)close(input);
    }
    if (code != 0) {
        *ret_code = code;
        return err_set(err, ERR_IO, "%s can't be started: %s.", launch->program, strerror(code));
    }
    return 0;
}
