#include "bad_server.h"

#include <arpa/inet.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

struct bad_server_seen *bad_server_seen;
uint16_t bad_server_port;
uint16_t bad_server_tunnel;
static pid_t server;

static void say(int fd, const char *text) {
    (void)!write(fd, text, strlen(text));
}

/* Reads one request with its body. False at the end of the connection. */
static bool read_request(int fd, char *head, size_t capacity) {
    size_t size = 0;
    while (size < capacity - 1) {
        ssize_t got = read(fd, head + size, capacity - 1 - size);
        if (got <= 0) {
            return false;
        }
        size += (size_t)got;
        head[size] = '\0';
        const char *end = strstr(head, "\r\n\r\n");
        const char *length = strstr(head, "Content-Length: ");
        size_t body = length != NULL ? strtoul(length + strlen("Content-Length: "), NULL, 10) : 0;
        if (end != NULL && size >= (size_t)(end - head) + 4 + body) {
            return true;
        }
    }
    return false;
}

static void tunnel(int fd) {
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(bad_server_tunnel)};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int other = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(other, (const struct sockaddr *)&to, sizeof to) != 0) {
        return;
    }
    say(fd, "HTTP/1.1 200 Connection established\r\n\r\n");
    struct pollfd both[2] = {{.fd = fd, .events = POLLIN}, {.fd = other, .events = POLLIN}};
    for (;;) {
        (void)poll(both, 2, -1);
        for (int i = 0; i < 2; i++) {
            char data[4096];
            ssize_t got = both[i].revents != 0 ? read(both[i].fd, data, sizeof data) : 1;
            if (got <= 0) {
                return;
            }
            if (both[i].revents != 0) {
                (void)!write(both[1 - i].fd, data, (size_t)got);
            }
        }
    }
}

static void reset(int fd) {
    struct linger linger = {.l_onoff = 1};
    (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
}

static void serve_connection(int fd) {
    char head[sizeof bad_server_seen->head] = "";
    int served = 0;
    while (read_request(fd, head, sizeof head)) {
        __atomic_add_fetch(&bad_server_seen->requests, 1, __ATOMIC_SEQ_CST);
        memcpy(bad_server_seen->head, head, sizeof bad_server_seen->head);
        bool again = served++ > 0;
        if (strncmp(head, "CONNECT ", 8) == 0) {
            __atomic_add_fetch(&bad_server_seen->connects, 1, __ATOMIC_SEQ_CST);
            if (bad_server_tunnel != 0) {
                tunnel(fd);
            } else {
                say(fd, "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n");
            }
            return;
        }
        if (strstr(head, "/silent") != NULL) {
            pause();
        } else if (strstr(head, "/half") != NULL) {
            say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"ok\":tr");
            return;
        } else if (strstr(head, "/huge") != NULL) {
            say(fd, "HTTP/1.1 200 OK\r\n\r\n");
            char block[4096];
            memset(block, 'x', sizeof block);
            while (write(fd, block, sizeof block) > 0) {
            }
            return;
        } else if (strstr(head, "/headers") != NULL) {
            say(fd, "HTTP/1.1 200 OK\r\n");
            for (int i = 0; i < 10000; i++) {
                say(fd, "X-Filler: 0123456789\r\n");
            }
            return;
        } else if (strstr(head, "/reset") != NULL || (again && strstr(head, "/twice") != NULL)) {
            reset(fd);
            return;
        } else if (strstr(head, "/shut") != NULL || (again && strstr(head, "/again") != NULL)) {
            return;
        } else if (strstr(head, "/garbage") != NULL) {
            say(fd, "*1\r\n$4\r\nPONG\r\n\r\n");
            return;
        } else if (strstr(head, "/moved") != NULL) {
            say(fd, "HTTP/1.1 302 Found\r\nLocation: /else\r\nContent-Length: 0\r\n\r\n");
        } else if (strstr(head, "/limited") != NULL) {
            say(fd, "HTTP/1.1 429 Too Many\r\nretry-AFTER: 7\r\nX-Two: a\r\nX-Two: b\r\nContent-Length: 4\r\n\r\nslow");
        } else if (strstr(head, "/close") != NULL) {
            say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"); /* and closes without having said so */
            return;
        } else {
            say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        }
    }
}

static void serve(int listener) {
    (void)signal(SIGCHLD, SIG_IGN);
    for (;;) {
        int fd = accept(listener, NULL, NULL);
        __atomic_add_fetch(&bad_server_seen->connections, 1, __ATOMIC_SEQ_CST);
        if (fork() == 0) {
            (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
            close(listener);
            serve_connection(fd);
            _exit(0);
        }
        close(fd);
    }
}

int bad_server_listen(uint16_t *ret_port) {
    struct sockaddr_in address = {.sin_family = AF_INET};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(listener, (const struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(listener, 64), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &size), 0);
    *ret_port = ntohs(address.sin_port);
    return listener;
}

void bad_server_prepare(void) {
    bad_server_seen = mmap(NULL, sizeof *bad_server_seen, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(bad_server_seen != MAP_FAILED);
}

void bad_server_start(void) {
    memset(bad_server_seen, 0, sizeof *bad_server_seen);
    int listener = bad_server_listen(&bad_server_port);
    server = fork();
    if (server == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        serve(listener);
    }
    close(listener);
}

void bad_server_stop(void) {
    kill(server, SIGKILL);
    (void)waitpid(server, NULL, 0);
    bad_server_tunnel = 0;
}
