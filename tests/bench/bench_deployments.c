/*
 * Speed of the real `guidepost up`, beside the limits of this machine measured in the same run: what one durable commit costs, and
 * what starting a process costs. Steps tell that they run through a FIFO, so that no clock of another process is read.
 *
 *     bench_deployments [rounds [folder]]        the programs are looked for in $GUIDEPOST_BUILD
 *
 * The folder is left as it is then: some file systems look for a place for new files past each one that was removed lately, which would
 * make the next round slower than it is.
 */

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "base/str.h"
#include "net/loop.h"
#include "store/store.h"

enum {
    SAMPLES = 200,
    LANES = 32,
    DEPLOYMENTS = 320,
    SPAWNS = 400,
    COMMITS = 2000,
    REPLY_BYTES = 8 << 20,
    PATH_BYTES = 512
};

extern char **environ;

static char folder[PATH_BYTES], token[64];
static struct sockaddr_in address;
static pid_t server;
static int fifo = -1, connection = -1;

static void fail(const char *format, ...) {
    va_list args;
    va_start(args, format);
    (void)fputs("bench: ", stderr);
    (void)vfprintf(stderr, format, args);
    (void)fputc('\n', stderr);
    va_end(args);
    if (server > 0) {
        (void)kill(server, SIGTERM);
    }
    exit(1);
}

/* --- the server under test -------------------------------------------------------------------------------------- */

static void write_config(const char *path) {
    struct buf text = BUF_INIT(1 << 20);
    buf_adds(&text, "rooms: { bench: {} }\npeople: { ana: {} }\npermissions:\n  - { allow: [deploy, answer, cancel], "
                    "to: [ana] }\ntargets:\n");
    for (int i = 0; i < 3; i++) {
        buf_printf(&text, "  m%d: { local: true, tags: [m] }\n", i);
    }
    buf_adds(&text, "environments:\n  e: { room: bench, guided_failure: { enabled: true } }\nprojects:\n");
    buf_printf(&text, "  tell:\n    steps:\n      - { name: tell, run: 'echo 1 > %s/fifo' }\n", folder);
    buf_printf(&text,
               "  ask:\n    steps:\n      - { name: ask, run: 'echo $GUIDEPOST_ATTEMPT > %s/fifo; [ $GUIDEPOST_ATTEMPT "
               "-gt 1 ]' }\n",
               folder);
    for (int i = 0; i < LANES; i++) {
        buf_printf(&text, "  p%d:\n    steps:\n", i);
        for (int step = 0; step < 3; step++) {
            buf_printf(&text, "      - { name: s%d, targets: [m], run: 'true' }\n", step);
        }
    }
    if (file_write_atomic(path, text.data, text.size, 0600, false, NULL) < 0) {
        fail("%s can't be written", path);
    }
    buf_finish(&text);
}

static void read_state(const char *name, char *out, size_t size) {
    char path[PATH_BYTES];
    struct buf text = BUF_INIT(4096);
    (void)snprintf(path, sizeof path, "%.400s/state/%s", folder, name);
    for (int i = 0; i < 1000 && (file_read(path, 4000, &text, NULL) < 0 || text.size == 0); i++) {
        (void)usleep(10000);
    }
    (void)snprintf(out, size, "%.*s", (int)strcspn(text.data, "\n"), text.data);
    buf_finish(&text);
}

static int64_t server_start(void) {
    char config[PATH_BYTES], state[PATH_BYTES], program[PATH_BYTES], where[128];
    const char *build = getenv("GUIDEPOST_BUILD");
    (void)snprintf(config, sizeof config, "%.400s/guidepost.yaml", folder);
    (void)snprintf(state, sizeof state, "%.400s/state", folder);
    (void)snprintf(program, sizeof program, "%.400s/guidepost", build == NULL ? "build/release" : build);
    write_config(config);
    char *argv[] = {program, (char *)"up",       (char *)"--config",    config, (char *)"--state-dir",
                    state,   (char *)"--listen", (char *)"127.0.0.1:0", NULL};
    posix_spawn_file_actions_t actions;
    (void)posix_spawn_file_actions_init(&actions);
    (void)posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
    (void)posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
    int64_t before = clock_monotonic_us();
    int code = posix_spawn(&server, program, &actions, NULL, argv, environ);
    (void)posix_spawn_file_actions_destroy(&actions);
    if (code != 0) {
        fail("%s: %s", program, strerror(code));
    }
    read_state("address", where, sizeof where);
    read_state("local.token", token, sizeof token);
    const char *port = strrchr(where, ':');
    address = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    address.sin_port = htons((uint16_t)(port == NULL ? 0 : strtoul(port + 1, NULL, 10)));
    return clock_monotonic_us() - before;
}

/* --- HTTP over one kept connection -------------------------------------------------------------------------------- */

static char reply[REPLY_BYTES];

static void http_connect(void) {
    int on = 1;
    connection = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(connection, (struct sockaddr *)&address, sizeof address) < 0) {
        fail("no connection to the server: %s", strerror(errno));
    }
    (void)setsockopt(connection, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

/* Returns the body, which lives until the next call. */
static const char *http(const char *method, const char *path, const char *body) {
    char request[4096];
    int size = snprintf(request, sizeof request,
                        "%s %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nX-Octopus-ApiKey: %s\r\nContent-Type: "
                        "application/json\r\nContent-Length: %zu\r\n\r\n%s",
                        method, path, ntohs(address.sin_port), token, strlen(body), body);
    if (write(connection, request, (size_t)size) != size) {
        fail("the server hung up");
    }
    size_t have = 0, want = SIZE_MAX;
    char *end = NULL;
    while (have < want) {
        ssize_t n = read(connection, reply + have, sizeof reply - 1 - have);
        if (n <= 0) {
            fail("the server hung up");
        }
        have += (size_t)n;
        reply[have] = '\0';
        end = end != NULL ? end : strstr(reply, "\r\n\r\n");
        const char *length = end == NULL ? NULL : strcasestr(reply, "Content-Length:");
        if (length != NULL) {
            want = (size_t)(end + 4 - reply) + strtoul(length + 15, NULL, 10);
        }
    }
    return end + 4;
}

static uint64_t number_in(const char *text, const char *key) {
    char pattern[64];
    (void)snprintf(pattern, sizeof pattern, "\"%s\":", key);
    const char *at = strstr(text, pattern);
    return at == NULL ? 0 : strtoull(at + strlen(pattern), NULL, 10);
}

static uint64_t deploy(const char *project, int n) {
    char body[256];
    (void)snprintf(body, sizeof body, "{\"line\":\"deploy %s 1.%d to e\"}", project, n);
    const char *text = http("POST", "/v1/commands", body);
    uint64_t id = number_in(text, "deployment");
    if (id == 0) {
        fail("not deployed: %s", text);
    }
    return id;
}

static void fifo_wait(void) {
    struct pollfd watched = {.fd = fifo, .events = POLLIN};
    char bytes[64];
    if (poll(&watched, 1, 20000) <= 0 || read(fifo, bytes, sizeof bytes) <= 0) {
        fail("no step has told that it runs");
    }
}

static void wait_final(uint64_t deployment) {
    char path[64];
    (void)snprintf(path, sizeof path, "/v1/deployments/%" PRIu64, deployment);
    while (number_in(http("GET", path, ""), "ended") == 0) {
        (void)usleep(1000);
    }
}

static uint64_t wait_question(void) {
    uint64_t id;
    while ((id = number_in(http("GET", "/v1/questions", ""), "id")) == 0) {
        (void)usleep(500);
    }
    return id;
}

/* --- figures --------------------------------------------------------------------------------------------------------- */

static int by_size(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

static void print_times(const char *what, int64_t *us, size_t count) {
    qsort(us, count, sizeof *us, by_size);
    (void)printf("%-44s p50 %7.2f ms   p90 %7.2f   p99 %7.2f   (%zu)\n", what, (double)us[count / 2] / 1e3,
                 (double)us[count * 9 / 10] / 1e3, (double)us[count * 99 / 100] / 1e3, count);
    (void)fflush(stdout);
}

static void bench_command(void) {
    int64_t us[SAMPLES];
    for (int i = 0; i < SAMPLES; i++) {
        int64_t before = clock_monotonic_us();
        uint64_t id = deploy("tell", i);
        fifo_wait();
        us[i] = clock_monotonic_us() - before;
        wait_final(id);
    }
    print_times("command -> first step started", us, SAMPLES);
}

static void bench_answer(void) {
    int64_t us[SAMPLES], accepted[SAMPLES];
    for (int i = 0; i < SAMPLES; i++) {
        char path[64];
        uint64_t id = deploy("ask", i);
        fifo_wait();
        (void)snprintf(path, sizeof path, "/v1/questions/%" PRIu64 "/answer", wait_question());
        int64_t before = clock_monotonic_us();
        const char *text = http("POST", path, "{\"guidance\":\"retry\"}");
        accepted[i] = clock_monotonic_us() - before;
        if (strstr(text, "\"ok\":true") == NULL) {
            fail("not accepted: %s", text);
        }
        fifo_wait();
        us[i] = clock_monotonic_us() - before;
        wait_final(id);
    }
    print_times("answer -> acknowledged, durable", accepted, SAMPLES);
    print_times("answer -> step started again", us, SAMPLES);
}

static uint64_t deployments_ended(void) {
    uint64_t ended = 0;
    for (const char *at = strstr(http("GET", "/metrics", ""), "\nguidepost_deployments_total{"); at != NULL;
         at = strstr(at + 1, "\nguidepost_deployments_total{")) {
        ended += strtoull(strstr(at, "} ") + 2, NULL, 10);
    }
    return ended;
}

/* Clock ticks of a process and of its children that have ended (proc(5): fields 14 to 17 of stat). */
static unsigned long ticks_of(int pid) {
    char path[64];
    struct buf text = BUF_INIT(4096);
    unsigned long user = 0, system = 0, children_user = 0, children_system = 0;
    (void)snprintf(path, sizeof path, "/proc/%d/stat", pid);
    if (file_read(path, 4000, &text, NULL) == 0 && strrchr(text.data, ')') != NULL) {
        (void)sscanf(strrchr(text.data, ')') + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu %lu %lu", &user,
                     &system, &children_user, &children_system);
    }
    buf_finish(&text);
    return user + system + children_user + children_system;
}

/* The server, its redis-server, and everything that they started and that has ended. */
static double cpu_seconds(void) {
    char path[64];
    struct buf text = BUF_INIT(4096);
    unsigned long ticks = ticks_of((int)server);
    (void)snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)server, (int)server);
    if (file_read(path, 4000, &text, NULL) == 0) {
        char *at = text.data;
        for (unsigned long pid = strtoul(at, &at, 10); pid != 0; pid = strtoul(at, &at, 10)) {
            ticks += ticks_of((int)pid);
        }
    }
    buf_finish(&text);
    return (double)ticks / (double)sysconf(_SC_CLK_TCK);
}

static double bench_throughput(int round) {
    uint64_t before = deployments_ended();
    double cpu = cpu_seconds();
    int64_t began = clock_monotonic_us();
    for (int i = 0; i < DEPLOYMENTS; i++) {
        char project[16];
        (void)snprintf(project, sizeof project, "p%d", i % LANES);
        (void)deploy(project, round * DEPLOYMENTS + i);
    }
    while (deployments_ended() < before + DEPLOYMENTS) {
        (void)usleep(5000);
    }
    double rate = DEPLOYMENTS / ((double)(clock_monotonic_us() - began) / 1e6);
    (void)printf("%-44s %.1f\n", "CPU seconds per 1,000 deployments", (cpu_seconds() - cpu) * 1000 / DEPLOYMENTS);
    return rate;
}

static double bench_spawn(char *const argv[]) {
    int64_t began = clock_monotonic_us();
    for (int i = 0; i < SPAWNS; i++) {
        pid_t pid;
        if (posix_spawn(&pid, argv[0], NULL, NULL, argv, environ) != 0 || waitpid(pid, NULL, 0) != pid) {
            fail("%s can't be started", argv[0]);
        }
    }
    return SPAWNS / ((double)(clock_monotonic_us() - began) / 1e6);
}

/* --- what a commit costs ------------------------------------------------------------------------------------------------ */

struct committing {
    struct loop *loop;
    struct store *store;
    int64_t us[COMMITS], began;
    size_t done;
};

static void commit_next(struct committing *c);

static void commit_came(const struct commit_reply *result, void *user) {
    struct committing *c = user;
    if (result->result != COMMIT_DONE) {
        fail("a commit was not done");
    }
    c->us[c->done++] = clock_monotonic_us() - c->began;
    if (c->done == COMMITS) {
        loop_stop(c->loop);
    } else {
        commit_next(c);
    }
}

static void commit_next(struct committing *c) {
    struct commit *commit = commit_create(c->store, NULL);
    c->began = clock_monotonic_us();
    commit_add(commit, "HSET", "bench", "field", "value");
    commit_add(commit, "XADD", "bench-stream", "MAXLEN", "~", "100", "*", "k", "v");
    commit_send(commit, commit_came, c);
}

static void commit_ready(void *user) {
    commit_next(user);
}

static void bench_commit(void) {
    static struct committing c;
    char url[PATH_BYTES];
    struct err err;
    (void)snprintf(url, sizeof url, "unix:%.400s/state/redis/redis.sock", folder);
    c.loop = loop_create();
    if (store_create(c.loop,
                     &(struct store_options){.url = url, .prefix = "{bench}:", .ready = commit_ready, .user = &c},
                     &c.store, &err) < 0) {
        fail("%s", err.text);
    }
    loop_run(c.loop);
    store_destroy(c.store);
    (void)loop_destroy(c.loop);
    print_times("limit: one commit, appendfsync always", c.us, COMMITS);
}

static void print_memory(const char *when) {
    char path[64];
    struct buf text = BUF_INIT(8192);
    (void)snprintf(path, sizeof path, "/proc/%d/status", (int)server);
    if (file_read(path, 8000, &text, NULL) == 0) {
        const char *rss = strstr(text.data, "VmRSS:");
        (void)printf("%-44s %.1f MB (server and worker in one process)\n", when,
                     rss == NULL ? 0.0 : (double)strtoul(rss + 6, NULL, 10) / 1024.0);
    }
    buf_finish(&text);
}

int main(int argc, char **argv) {
    int rounds = argc > 1 ? (int)strtoul(argv[1], NULL, 10) : 3;
    char path[PATH_BYTES];
    char *plain[] = {(char *)"/bin/true", NULL},
         *shell[] = {(char *)"/bin/sh", (char *)"-e", (char *)"-c", (char *)"true", NULL};
    log_set_level(LOG_ERROR);
    if (argc > 2) {
        (void)snprintf(folder, sizeof folder, "%.400s", argv[2]);
    } else {
        (void)snprintf(folder, sizeof folder, "/tmp/guidepost-bench-XXXXXX");
    }
    if (argc > 2 ? mkdir(folder, 0700) < 0 : mkdtemp(folder) == NULL) {
        fail("no folder %s: %s", folder, strerror(errno));
    }
    (void)snprintf(path, sizeof path, "%.400s/fifo", folder);
    if (mkfifo(path, 0600) < 0 || (fifo = open(path, O_RDWR | O_CLOEXEC)) < 0) {
        fail("no fifo: %s", strerror(errno));
    }
    int64_t started_us = server_start();
    http_connect();
    (void)printf("guidepost, private redis-server with appendfsync always, %ld cores\n", sysconf(_SC_NPROCESSORS_ONLN));
    (void)printf("%-44s %.1f ms\n", "process start -> listening", (double)started_us / 1e3);
    (void)sleep(1);
    print_memory("RSS idle");
    for (int round = 0; round < rounds; round++) {
        (void)printf("round %d\n", round + 1);
        bench_commit();
        (void)printf("%-44s %.0f/s, sh -e -c true %.0f/s\n", "limit: posix_spawn of true", bench_spawn(plain),
                     bench_spawn(shell));
        bench_command();
        bench_answer();
        double spawns = bench_spawn(shell);
        double rate = bench_throughput(round);
        (void)printf("%-44s %.1f/s = %.0f steps/s, %.0f %% of the spawn limit\n",
                     "deployments of 3 true steps on 3 targets", rate, rate * 9, rate * 9 / spawns * 100);
    }
    print_memory("RSS after it");
    (void)kill(server, SIGTERM);
    (void)waitpid(server, NULL, 0);
    if (argc <= 2) {
        (void)file_remove_tree(folder);
    }
    return 0;
}
