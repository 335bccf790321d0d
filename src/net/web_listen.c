#include "web_listen.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"

enum { SOCKET_FLAGS = SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, ADDRESS_SIZE = 128 };

/* Gives up a socket that may not be open. errno says why. */
static int refuse(int fd, const char *where, struct err *err) {
    int result = err_set(err, ERR_IO, "Cannot listen on %s: %s.", where, strerror(errno));
    if (fd >= 0) {
        close(fd);
    }
    return result;
}

/* True if the path is a socket that nobody serves any more. */
static bool is_stale(const struct sockaddr_un *address) {
    struct stat status;
    if (lstat(address->sun_path, &status) != 0 || !S_ISSOCK(status.st_mode)) {
        return false;
    }
    int probe = socket(AF_UNIX, SOCKET_FLAGS, 0);
    if (probe < 0) {
        return false;
    }
    bool refused = connect(probe, (const struct sockaddr *)address, sizeof *address) != 0 && errno == ECONNREFUSED;
    close(probe);
    return refused;
}

static int open_unix(const char *where, int *ret_socket, char **ret_address, struct err *err) {
    const char *path = where + strlen("unix:");
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (path[0] != '/' || strlen(path) >= sizeof address.sun_path) {
        return err_set(err, ERR_INVALID, "Cannot listen on %s: the path must be absolute and shorter than %zu bytes.",
                       where, sizeof address.sun_path);
    }
    memcpy(address.sun_path, path, strlen(path));
    if (is_stale(&address)) {
        (void)unlink(path);
    }
    int fd = socket(AF_UNIX, SOCKET_FLAGS, 0);
    if (fd < 0 || bind(fd, (const struct sockaddr *)&address, sizeof address) != 0) {
        return refuse(fd, where, err);
    }
    /* Nobody can connect before listen, so the mode is in force in time. */
    if (chmod(path, 0660) != 0 || listen(fd, SOMAXCONN) != 0) {
        int result = refuse(fd, where, err);
        (void)unlink(path);
        return result;
    }
    *ret_socket = fd;
    *ret_address = mem_strdup(where);
    return 0;
}

/* The address that the socket really has. */
static char *bound_address(int fd) {
    struct sockaddr_storage address;
    socklen_t size = sizeof address;
    char host[NI_MAXHOST], port[NI_MAXSERV];
    if (getsockname(fd, (struct sockaddr *)&address, &size) != 0 ||
        getnameinfo((const struct sockaddr *)&address, size, host, sizeof host, port, sizeof port,
                    NI_NUMERICHOST | NI_NUMERICSERV) != 0) {
        return NULL;
    }
    struct buf text = BUF_INIT(ADDRESS_SIZE);
    buf_printf(&text, address.ss_family == AF_INET6 ? "[%s]:%s" : "%s:%s", host, port);
    return buf_take(&text);
}

static int bind_tcp(const struct addrinfo *found, const char *where, int *ret_socket, char **ret_address,
                    struct err *err) {
    int yes = 1;
    int fd = socket(found->ai_family, SOCKET_FLAGS, 0);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) != 0 ||
        (found->ai_family == AF_INET6 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &yes, sizeof yes) != 0) ||
        bind(fd, found->ai_addr, found->ai_addrlen) != 0 || listen(fd, SOMAXCONN) != 0) {
        return refuse(fd, where, err);
    }
    char *address = bound_address(fd);
    if (address == NULL) {
        return refuse(fd, where, err);
    }
    *ret_socket = fd;
    *ret_address = address;
    return 0;
}

static int open_tcp(const char *where, int *ret_socket, char **ret_address, struct err *err) {
    const char *colon = strrchr(where, ':');
    bool bracket = where[0] == '[';
    if (colon == NULL || colon == where || (bracket && colon[-1] != ']') ||
        (!bracket && memchr(where, ':', (size_t)(colon - where)) != NULL)) {
        return err_set(err, ERR_INVALID, "Cannot listen on '%s'; write host:port, [::1]:port or unix:/path.", where);
    }
    char *host =
        bracket ? mem_strndup(where + 1, (size_t)(colon - where) - 2) : mem_strndup(where, (size_t)(colon - where));
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    struct addrinfo *found = NULL;
    int status = getaddrinfo(host, colon + 1, &hints, &found);
    mem_free(host);
    if (status != 0) {
        return err_set(err, ERR_INVALID, "Cannot listen on %s: %s.", where, gai_strerror(status));
    }
    int result = bind_tcp(found, where, ret_socket, ret_address, err);
    freeaddrinfo(found);
    return result;
}

int web_listen_open(const char *where, int *ret_socket, char **ret_address, struct err *err) {
    return str_starts(where, "unix:") ? open_unix(where, ret_socket, ret_address, err)
                                      : open_tcp(where, ret_socket, ret_address, err);
}

void web_listen_close(int socket, const char *address) {
    close(socket);
    if (str_starts(address, "unix:")) {
        (void)unlink(address + strlen("unix:"));
    }
}
