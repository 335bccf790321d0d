#include "requests.h"

#include "process.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
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
static int receive(int socket, char directory[PATH_MAX]) {
    union {
        struct cmsghdr header; /* aligns it */
        char bytes[CMSG_SPACE(sizeof(int))];
    } control;
    struct iovec piece = {.iov_base = directory, .iov_len = PATH_MAX - 1};
    struct msghdr message = {
        .msg_iov = &piece, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
    int fd;

    ssize_t size = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
    const struct cmsghdr *header = size > 0 ? CMSG_FIRSTHDR(&message) : NULL;
    if (!header || header->cmsg_type != SCM_RIGHTS || (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0) {
        return -1;
    }
    directory[size] = '\0';
    memcpy(&fd, CMSG_DATA(header), sizeof fd);
    return fd;
}

bool requests_take(int socket, int signal_fd) {
    struct pollfd watched[] = {{.fd = socket, .events = POLLIN}, {.fd = signal_fd, .events = POLLIN}};
    char directory[PATH_MAX];

    do {
        (void)poll(watched, 2, -1);
        if (watched[1].revents && process_canceled(signal_fd, 0)) {
            return false;
        }
    } while (!watched[0].revents);
    int fd = receive(socket, directory);
    return fd >= 0 && become_input(fd) && chdir(directory) == 0;
}

void requests_answer(int socket, int status) {
    const unsigned char byte = (unsigned char)status;

    (void)send(socket, &byte, 1, MSG_NOSIGNAL);
}
