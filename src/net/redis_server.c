#include "net/redis_server.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <uv.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/id.h"
#include "base/log.h"
#include "base/mem.h"

enum { PATH_SIZE = 1024, LOOK_MS = 250, STOP_LOOK_MS = 20, STOP_LOOKS = 250, CONFIG_BYTES = 8192 };

struct redis_server {
    struct loop *loop;
    struct timer *timer;
    char folder[PATH_SIZE];
    char socket[sizeof((struct sockaddr_un *)0)->sun_path]; /* as long as the kernel takes */
    char url[PATH_SIZE];
    uv_process_t *process; /* ours, while it lives */
    bool stopping;
    unsigned looks;
    void (*stopped)(void *user);
    void *user;
};

static void server_look(void *user);

/* The pid of whoever listens on the socket (unix(7), SO_PEERCRED), or 0 if nobody does. */
static pid_t listener(const struct redis_server *server) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct ucred peer = {0};
    socklen_t size = sizeof peer;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    memcpy(address.sun_path, server->socket, sizeof address.sun_path);
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) < 0 ||
        getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0) {
        peer.pid = 0;
    }
    if (fd >= 0) {
        (void)close(fd);
    }
    return peer.pid;
}

static int choose_socket(struct redis_server *server, struct err *err) {
    if ((size_t)snprintf(server->socket, sizeof server->socket, "%.*s/redis.sock", PATH_SIZE, server->folder) <
        sizeof server->socket) {
        return 0;
    }
    /* Too long for a socket: a place of its own, found again by the folder's name, and only if it is ours alone. */
    char digest[ID_DIGEST_SIZE], place[64];
    struct stat st;
    id_digest(digest, server->folder, strlen(server->folder));
    (void)snprintf(place, sizeof place, "/tmp/guidepost-%u-%.12s", (unsigned)getuid(), digest);
    int r = file_make_dirs(place, 0700, err);
    if (r == 0 && (lstat(place, &st) < 0 || !S_ISDIR(st.st_mode) || st.st_uid != getuid() || (st.st_mode & 077) != 0)) {
        r = err_set(err, ERR_IO, "%s is not a folder of ours alone.", place);
    }
    (void)snprintf(server->socket, sizeof server->socket, "%s/redis.sock", place);
    return r;
}

static int write_settings(const struct redis_server *server, struct err *err) {
    char path[PATH_SIZE + 16];
    struct buf text = BUF_INIT(CONFIG_BYTES);
    buf_printf(&text,
               "# Written by guidepost at each start.\n"
               "port 0\nunixsocket \"%s\"\nunixsocketperm 700\ndir \"%s\"\nlogfile \"%s/redis.log\"\n"
               "save \"\"\nappendonly yes\nappendfsync always\nno-appendfsync-on-rewrite no\naof-load-truncated yes\n"
               "maxmemory-policy noeviction\nhash-max-listpack-value 2048\ndaemonize no\n",
               server->socket, server->folder, server->folder);
    (void)snprintf(path, sizeof path, "%s/redis.conf", server->folder);
    int r = file_write_atomic(path, text.data, text.size, 0600, false, err);
    buf_finish(&text);
    return r;
}

static void process_closed(uv_handle_t *handle) {
    mem_free(handle);
}

/* Our redis-server has ended. */
static void process_ended(uv_process_t *process, int64_t status, int number) {
    struct redis_server *server = process->data;
    uv_close((uv_handle_t *)process, process_closed);
    if (server == NULL) {
        return;
    }
    server->process = NULL;
    if (!server->stopping) {
        log_warn("redis-server ended, starting it again", LOG_INT("status", status), LOG_INT("signal", number),
                 LOG_END);
        timer_start(server->timer, LOOK_MS); /* One that ends at once must not be started without a pause. */
    }
}

static int server_start(struct redis_server *server, struct err *err) {
    char path[PATH_SIZE + 16];
    (void)snprintf(path, sizeof path, "%s/redis.conf", server->folder);
    char *args[] = {(char *)"redis-server", path, NULL};
    uv_stdio_container_t io[3] = {{.flags = UV_IGNORE}, {.flags = UV_IGNORE}, {.flags = UV_IGNORE}};
    uv_process_options_t options = {
        .file = "redis-server",
        .args = args,
        .cwd = server->folder,
        .flags = UV_PROCESS_DETACHED,
        .exit_cb = process_ended,
        .stdio = io,
        .stdio_count = 3,
    };
    (void)unlink(server->socket); /* Nobody listens on it: a leftover. */
    server->process = mem_alloc(sizeof *server->process);
    server->process->data = server;
    /* Sockets of libraries are not close-on-exec. */
    (void)close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);
    int r = uv_spawn(loop_uv(server->loop), server->process, &options);
    if (r < 0) {
        server->process->data = NULL;
        uv_close((uv_handle_t *)server->process, process_closed);
        server->process = NULL;
        return err_set(err, ERR_IO,
                       "redis-server can't be started: %s. Install it, or set redis: url: in the configuration.",
                       uv_strerror(r));
    }
    uv_unref((uv_handle_t *)server->process);
    return 0;
}

/* Looks whether somebody listens; starts one if not. While stopping: looks whether it has ended. */
static void server_look(void *user) {
    struct redis_server *server = user;
    struct err err;
    pid_t pid = listener(server);
    if (server->stopping) {
        if (pid == 0 || ++server->looks > STOP_LOOKS) {
            server->stopped(server->user);
        } else {
            timer_start(server->timer, STOP_LOOK_MS);
        }
        return;
    }
    timer_start(server->timer, LOOK_MS);
    if (pid == 0 && server->process == NULL && server_start(server, &err) < 0) {
        log_error("redis-server can't be started, trying again", LOG_ERR(&err), LOG_END);
    }
}

int redis_server_create(struct loop *loop, const char *folder, struct redis_server **ret_server, struct err *err) {
    struct redis_server *server = mem_alloc(sizeof *server);
    server->loop = loop;
    (void)snprintf(server->folder, sizeof server->folder, "%s", folder);
    int r = file_make_dirs(folder, 0700, err);
    r = r < 0 ? r : choose_socket(server, err);
    r = r < 0 ? r : write_settings(server, err);
    (void)snprintf(server->url, sizeof server->url, "unix:%s", server->socket);
    server->timer = loop_timer(loop, server_look, server);
    if (r == 0 && listener(server) == 0) {
        r = server_start(server, err);
    }
    if (r < 0) {
        redis_server_destroy(server);
        return r;
    }
    timer_start(server->timer, LOOK_MS);
    *ret_server = server;
    return 0;
}

const char *redis_server_url(const struct redis_server *server) {
    return server->url;
}

void redis_server_stop(struct redis_server *server, void (*stopped)(void *user), void *user) {
    pid_t pid = listener(server);
    server->stopping = true;
    server->stopped = stopped;
    server->user = user;
    if (pid > 1) {
        (void)kill(pid, SIGTERM);
    }
    timer_start(server->timer, 0);
}

void redis_server_destroy(struct redis_server *server) {
    if (server == NULL) {
        return;
    }
    if (server->process != NULL) {
        server->process->data = NULL;
        uv_close((uv_handle_t *)server->process, process_closed);
    }
    timer_destroy(server->timer);
    mem_free(server);
}
