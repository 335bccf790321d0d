#include "fakes/ws_peer.h"

#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <uv.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"

enum { START_MS = 20000, TURN_US = 300, LINES_BYTES = 8 << 20 };

struct ws_peer {
    pid_t pid;
    int to, from;
    int port, plain_port, proxy_port;
    char directory[64], ca_file[80];
    struct buf said; /* not looked at yet */
    struct buf line; /* the last one */
};

/* An authority, and a certificate of it for localhost. */
static bool make_certificates(const char *directory) {
    struct buf script = BUF_INIT(4096);
    buf_printf(&script,
               "cd %s && exec 2>openssl.log\n"
               "new='openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2'\n"
               "$new -keyout ca.key -out ca.pem -subj /CN=authority\n"
               "$new -keyout key.pem -out cert.pem -subj /CN=localhost -addext subjectAltName=DNS:localhost "
               "-CA ca.pem -CAkey ca.key\n",
               directory);
    pid_t pid = fork();
    if (pid == 0) {
        execl("/bin/sh", "sh", "-c", script.data, (char *)NULL);
        _exit(127);
    }
    int status = -1;
    bool done = pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
    buf_finish(&script);
    return done;
}

static void run_server(const struct ws_peer *peer, int in, int out) {
    char certificate[80], key[80];
    (void)snprintf(certificate, sizeof certificate, "%s/cert.pem", peer->directory);
    (void)snprintf(key, sizeof key, "%s/key.pem", peer->directory);
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (dup2(in, 0) == 0 && dup2(out, 1) == 1) {
        execlp("python3", "python3", "tests/fakes/ws_peer.py", certificate, key, (char *)NULL);
    }
    _exit(127);
}

struct ws_peer *ws_peer_start(void) {
    struct ws_peer *peer = mem_alloc(sizeof *peer);
    buf_init(&peer->said, LINES_BYTES);
    buf_init(&peer->line, LINES_BYTES);
    (void)snprintf(peer->directory, sizeof peer->directory, "/tmp/ws_peer.XXXXXX");
    int in[2], out[2];
    if (mkdtemp(peer->directory) == NULL || !make_certificates(peer->directory) || pipe2(in, O_CLOEXEC) != 0 ||
        pipe2(out, O_CLOEXEC) != 0) {
        mem_free(peer);
        return NULL;
    }
    (void)snprintf(peer->ca_file, sizeof peer->ca_file, "%s/ca.pem", peer->directory);
    peer->pid = fork();
    if (peer->pid == 0) {
        run_server(peer, in[0], out[1]);
    }
    (void)close(in[0]);
    (void)close(out[1]);
    peer->to = in[1];
    peer->from = out[0];
    (void)fcntl(peer->from, F_SETFL, O_NONBLOCK);
    const char *ready = ws_peer_await(peer, NULL, "ready ", START_MS);
    if (ready == NULL || sscanf(ready, "ready %d %d %d", &peer->port, &peer->plain_port, &peer->proxy_port) != 3) {
        ws_peer_stop(peer);
        return NULL;
    }
    return peer;
}

void ws_peer_stop(struct ws_peer *peer) {
    if (peer == NULL) {
        return;
    }
    (void)kill(peer->pid, SIGKILL);
    (void)waitpid(peer->pid, NULL, 0);
    (void)close(peer->to);
    (void)close(peer->from);
    static const char *const files[] = {"ca.pem", "ca.key", "cert.pem", "key.pem", "openssl.log"};
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        char path[96];
        (void)snprintf(path, sizeof path, "%s/%s", peer->directory, files[i]);
        (void)unlink(path);
    }
    (void)rmdir(peer->directory);
    buf_finish(&peer->said);
    buf_finish(&peer->line);
    mem_free(peer);
}

const char *ws_peer_ca_file(const struct ws_peer *peer) {
    return peer->ca_file;
}

int ws_peer_port(const struct ws_peer *peer) {
    return peer->port;
}

int ws_peer_plain_port(const struct ws_peer *peer) {
    return peer->plain_port;
}

int ws_peer_proxy_port(const struct ws_peer *peer) {
    return peer->proxy_port;
}

void ws_peer_tell(struct ws_peer *peer, const char *format, ...) {
    struct buf line = BUF_INIT(4 << 20);
    va_list args;
    va_start(args, format);
    buf_vprintf(&line, format, args);
    va_end(args);
    buf_addc(&line, '\n');
    for (size_t sent = 0; sent < line.size;) {
        ssize_t count = write(peer->to, line.data + sent, line.size - sent);
        if (count <= 0) {
            break;
        }
        sent += (size_t)count;
    }
    buf_finish(&line);
}

const char *ws_peer_next(struct ws_peer *peer) {
    char chunk[65536];
    for (ssize_t count; (count = read(peer->from, chunk, sizeof chunk)) > 0;) {
        buf_add(&peer->said, chunk, (size_t)count);
    }
    const char *end = memchr(peer->said.data, '\n', peer->said.size);
    if (end == NULL) {
        return NULL;
    }
    size_t length = (size_t)(end - peer->said.data);
    buf_clear(&peer->line);
    buf_add(&peer->line, peer->said.data, length);
    buf_consume(&peer->said, length + 1);
    return peer->line.data;
}

const char *ws_peer_await(struct ws_peer *peer, struct loop *loop, const char *beginning, int64_t ms) {
    for (int64_t end_ms = clock_monotonic_ms() + ms; clock_monotonic_ms() < end_ms;) {
        for (const char *line; (line = ws_peer_next(peer)) != NULL;) {
            if (str_starts(line, beginning)) {
                return line;
            }
        }
        if (loop != NULL) {
            uv_run(loop_uv(loop), UV_RUN_NOWAIT);
        }
        (void)usleep(TURN_US);
    }
    return NULL;
}
