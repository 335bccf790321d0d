#include "demo_server.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"
#include "paths.h"
#include "terminal.h"

enum {
    PATH_SIZE = 1024,
    LOOK_MS = 50,
    STOP_MS = LIMIT_STOP_MS + 10000,
    END_REDIS_MS = 3000,
    LOG_BYTES = 1 << 20,
    LOG_LINES = 30
};

struct demo_server {
    char folder[PATH_SIZE]; /* "" until it was made */
    char address[PATH_SIZE], link[PATH_SIZE], token[PATH_SIZE];
    pid_t pid; /* 0: not running */
    int pid_fd;
};

const char *demo_server_folder(const struct demo_server *server) {
    return server->folder;
}

const char *demo_server_link(const struct demo_server *server) {
    return server->link;
}

struct access demo_server_access(const struct demo_server *server) {
    return (struct access){.server = server->address, .token = server->token};
}

static int read_file(const struct demo_server *server, const char *name, struct buf *out, struct err *err) {
    char path[PATH_SIZE + 32];
    (void)snprintf(path, sizeof path, "%s/%s", server->folder, name);
    return file_read(path, LOG_BYTES, out, err);
}

/* --- starting ---------------------------------------------------------------------------------------------------- */

static int make_folder(struct demo_server *server, struct err *err) {
    const char *parent = getenv("TMPDIR");
    char path[PATH_SIZE];
    (void)snprintf(path, sizeof path, "%s/guidepost-demo.XXXXXX", str_empty(parent) ? "/tmp" : parent);
    if (mkdtemp(path) == NULL) {
        return err_set(err, ERR_IO, "%s: %s.", path, strerror(errno));
    }
    memcpy(server->folder, path, sizeof path);
    return 0;
}

/* A process group of its own keeps Ctrl-C of the terminal away from it: it is stopped in order, by us. */
static int spawn(struct demo_server *server, const char *config_path, struct err *err) {
    char self[PATH_SIZE], log[PATH_SIZE + 32];
    int r = path_of_self(self, sizeof self, err);
    if (r < 0) {
        return r;
    }
    char *const args[] = {self,
                          (char *)"up",
                          (char *)"--config",
                          (char *)config_path,
                          (char *)"--state-dir",
                          server->folder,
                          (char *)"--listen",
                          (char *)"127.0.0.1:0",
                          NULL};
    (void)snprintf(log, sizeof log, "%s/server.log", server->folder);
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
    (void)posix_spawn_file_actions_init(&files);
    (void)posix_spawnattr_init(&attributes);
    (void)posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    (void)posix_spawn_file_actions_addopen(&files, STDOUT_FILENO, log, O_WRONLY | O_CREAT | O_APPEND, 0600);
    (void)posix_spawn_file_actions_adddup2(&files, STDOUT_FILENO, STDERR_FILENO);
    (void)posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
    int result = posix_spawn(&server->pid, self, &files, &attributes, args, environ);
    (void)posix_spawn_file_actions_destroy(&files);
    (void)posix_spawnattr_destroy(&attributes);
    if (result != 0) {
        server->pid = 0;
        return err_set(err, ERR_IO, "%s cannot be started: %s.", self, strerror(result));
    }
    server->pid_fd = pidfd_open(server->pid, 0);
    return server->pid_fd < 0 ? err_set(err, ERR_IO, "pidfd_open: %s.", strerror(errno)) : 0;
}

bool demo_server_ended(const struct demo_server *server, int wait_ms) {
    struct pollfd poller = {.fd = server->pid_fd, .events = POLLIN};
    return server->pid == 0 || poll(&poller, 1, wait_ms) > 0;
}

static void copy_line(const char *from, char *out, size_t size) {
    (void)snprintf(out, size, "%.*s", (int)strcspn(from, " \r\n"), from);
}

/* The link is in what it prints: "...: http://127.0.0.1:43211/login#<secret>". */
static bool find_link(struct demo_server *server) {
    struct buf log = BUF_INIT(LOG_BYTES);
    bool found = false;
    if (read_file(server, "server.log", &log, NULL) == 0) {
        const char *mark = strstr(log.data, "/login#");
        const char *start = mark;
        while (start && start > log.data && start[-1] != ' ' && start[-1] != '\n') {
            start--;
        }
        found = mark && strchr(mark, '\n');
        if (found) {
            copy_line(start, server->link, sizeof server->link);
        }
    }
    buf_finish(&log);
    return found;
}

static bool find_files(struct demo_server *server) {
    struct buf address = BUF_INIT(PATH_SIZE), token = BUF_INIT(PATH_SIZE);
    bool found =
        read_file(server, "address", &address, NULL) == 0 && read_file(server, "local.token", &token, NULL) == 0;
    if (found) {
        copy_line(address.data, server->address, sizeof server->address);
        copy_line(token.data, server->token, sizeof server->token);
    }
    buf_finish(&address);
    buf_finish(&token);
    return found;
}

static int wait_until_up(struct demo_server *server, int64_t deadline_ms, struct err *err) {
    while (!find_files(server) || !find_link(server)) {
        if (demo_server_ended(server, LOOK_MS)) {
            return err_set(err, ERR_IO, "The server of the demo ended before it listened.");
        }
        if (terminal_stopped()) {
            return err_set(err, ERR_IO, "Stopped before the server of the demo listened.");
        }
        if (clock_monotonic_ms() > deadline_ms) {
            return err_set(err, ERR_TIMEOUT, "The server of the demo did not come up in time.");
        }
    }
    return 0;
}

int demo_server_start(const char *config_path, int64_t deadline_ms, struct demo_server **ret_server, struct err *err) {
    struct demo_server *server = mem_alloc(sizeof *server);
    server->pid_fd = -1;
    *ret_server = server;
    int r = make_folder(server, err);
    r = r < 0 ? r : spawn(server, config_path, err);
    return r < 0 ? r : wait_until_up(server, deadline_ms, err);
}

/* --- its end ------------------------------------------------------------------------------------------------------ */

void demo_server_print_log(const struct demo_server *server, FILE *stream) {
    struct buf log = BUF_INIT(LOG_BYTES), shown = BUF_INIT((size_t)4 * LOG_BYTES);
    if (server->folder[0] != '\0' && read_file(server, "server.log", &log, NULL) == 0) {
        size_t at = log.size;
        for (int lines = 0; at > 0 && (log.data[at - 1] != '\n' || lines++ < LOG_LINES); at--) {
        }
        str_show(&shown, log.data + at, log.size - at);
        (void)fprintf(stream, "The end of its log:\n%s", shown.data);
    }
    buf_finish(&log);
    buf_finish(&shown);
}

/* A server that was killed leaves its Redis behind. It is asked through its own socket, so that it is surely that
 * one. */
static void end_redis(const struct demo_server *server) {
    static const char words[] = "SHUTDOWN NOSAVE\r\n";
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int size = snprintf(address.sun_path, sizeof address.sun_path, "%s/redis/redis.sock", server->folder);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool fits = size > 0 && (size_t)size < sizeof address.sun_path;
    if (fd >= 0 && fits && connect(fd, (const struct sockaddr *)&address, sizeof address) == 0 &&
        send(fd, words, sizeof words - 1, MSG_NOSIGNAL) > 0) {
        struct pollfd poller = {.fd = fd, .events = POLLIN};
        (void)poll(&poller, 1, END_REDIS_MS); /* It closes when it is gone. */
    }
    if (fd >= 0) {
        (void)close(fd);
    }
}

bool demo_server_stop(struct demo_server *server) {
    int status = 0;
    if (!server || server->pid == 0) {
        return false;
    }
    int64_t deadline_ms = clock_monotonic_ms() + STOP_MS;
    (void)kill(server->pid, SIGTERM);
    bool ended = false;
    while (!ended && clock_monotonic_ms() < deadline_ms) {
        ended = demo_server_ended(server, STOP_MS);
    }
    if (!ended) {
        (void)kill(server->pid, SIGKILL);
    }
    while (waitpid(server->pid, &status, 0) < 0 && errno == EINTR) {
    }
    server->pid = 0;
    bool clean = ended && WIFEXITED(status) && WEXITSTATUS(status) == 0;
    if (!clean) {
        end_redis(server);
    }
    return clean;
}

void demo_server_destroy(struct demo_server *server) {
    if (!server) {
        return;
    }
    (void)demo_server_stop(server);
    if (server->pid_fd >= 0) {
        (void)close(server->pid_fd);
    }
    if (server->folder[0] != '\0' && !file_remove_tree(server->folder)) {
        (void)fprintf(stderr, "guidepost: %s could not be removed.\n", server->folder);
    }
    mem_free(server);
}
