#include "requests.h"

#include "process.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int requests_open(void) {
    int socket = fcntl(0, F_DUPFD_CLOEXEC, 3);

    return socket < 0 ? -errno : socket;
}

/* Makes the descriptor standard input. */
static bool become_input(int fd) {
    bool done = dup2(fd, 0) == 0;

    (void)close(fd);
    return done;
}

/* Returns the descriptor of the instructions, or -1. */
static int receive(int socket, char path[PATH_MAX]) {
    union {
        struct cmsghdr header; /* aligns it */
        char bytes[CMSG_SPACE(sizeof(int))];
    } control;
    struct iovec piece = {.iov_base = path, .iov_len = PATH_MAX - 1};
    struct msghdr message = {
        .msg_iov = &piece, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
    int fd;

    ssize_t size = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
    const struct cmsghdr *header = size > 0 ? CMSG_FIRSTHDR(&message) : NULL;
    if (!header || header->cmsg_type != SCM_RIGHTS || (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0) {
        return -1;
    }
    path[size] = '\0';
    memcpy(&fd, CMSG_DATA(header), sizeof fd);
    return fd;
}

/* A run is a directory with its files in it, or the file of its record with the others beside it. */
static bool run_enter(char *path, struct request_names *ret_names) {
    *ret_names = (struct request_names){.record = "record"};
    if (chdir(path) == 0) {
        return true;
    }
    char *slash = strrchr(path, '/');
    if (errno != ENOTDIR || !slash) {
        return false;
    }
    *slash = '\0';
    (void)snprintf(ret_names->record, sizeof ret_names->record, "%s", slash + 1);
    (void)snprintf(ret_names->prefix, sizeof ret_names->prefix, "%s.", slash + 1);
    return chdir(path) == 0;
}

bool requests_take(int socket, int signal_fd, struct request_names *ret_names) {
    struct pollfd watched[] = {{.fd = socket, .events = POLLIN}, {.fd = signal_fd, .events = POLLIN}};
    char path[PATH_MAX];

    do {
        (void)poll(watched, 2, -1);
        if (watched[1].revents && process_canceled(signal_fd, 0)) {
            return false;
        }
    } while (!watched[0].revents);
    int fd = receive(socket, path);
    return fd >= 0 && become_input(fd) && run_enter(path, ret_names);
}

void requests_answer(int socket, int status) {
    const unsigned char byte = (unsigned char)status;

    (void)send(socket, &byte, 1, MSG_NOSIGNAL);
}
