#ifndef GP_TESTS_REDIS_TEST_H
#define GP_TESTS_REDIS_TEST_H

/*
 * What every test of the connection to Redis begins with: include it first, and give set_up and tear_down to the group.
 * There is a real redis-server on a unix socket in a directory of its own. A rig is a loop with a connection, and what
 * happened.
 */

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "net/loop.h"
#include "net/redis.h"

static char directory[] = "/tmp/guidepost_redis.XXXXXX";
static char socket_path[128], socket_url[160];
static pid_t server;

static inline void server_start(const char *password, const char *port) {
    server = fork();
    assert_true(server >= 0);
    if (server == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        execlp("redis-server", "redis-server", "--port", port, "--bind", "127.0.0.1", "--unixsocket", socket_path,
               "--save", "", "--dir", directory, "--logfile", "/dev/null", "--requirepass", password, (char *)NULL);
        _exit(127);
    }
}

static inline void server_kill(void) {
    if (server > 0) {
        assert_int_equal(kill(server, SIGKILL), 0);
        assert_int_equal(waitpid(server, NULL, 0), server);
        (void)unlink(socket_path);
        server = 0;
    }
}

/* A loop with a connection, and what happened. */
struct rig {
    struct loop *loop;
    struct redis *redis;
    struct timer *guard, *timer;
    struct redis_options options;
    int connected, lost;
    char why[512];
    bool stop_when_connected, stop_when_lost, destroy_when_told;
    int replies, unsent, unknown; /* callbacks, by outcome */
    int stop_after;               /* so many callbacks */
    int64_t last_integer;
    bool inside_command;
};

static inline void guard_came(void *user) {
    (void)user;
    fail_msg("the test hangs");
}

static inline void came_up(void *user) {
    struct rig *rig = user;
    rig->connected++;
    assert_true(redis_is_connected(rig->redis));
    if (rig->destroy_when_told) {
        redis_destroy(rig->redis);
        rig->redis = NULL;
    }
    if (rig->stop_when_connected) {
        loop_stop(rig->loop);
    }
}

static inline void went_down(const char *why, void *user) {
    struct rig *rig = user;
    rig->lost++;
    (void)snprintf(rig->why, sizeof rig->why, "%s", why);
    assert_false(redis_is_connected(rig->redis));
    if (rig->destroy_when_told) {
        redis_destroy(rig->redis);
        rig->redis = NULL;
    }
    if (rig->stop_when_lost) {
        loop_stop(rig->loop);
    }
}

static inline void count(const struct redis_reply *reply, bool sent, void *user) {
    struct rig *rig = user;
    assert_false(rig->inside_command);
    if (reply != NULL) {
        assert_true(sent);
        rig->replies++;
        assert_int_equal(rig->unsent, 0); /* those refused come after those sent */
    } else if (sent) {
        rig->unknown++;
    } else {
        rig->unsent++;
    }
    if (redis_kind(reply) == REDIS_INTEGER) {
        assert_int_equal(redis_integer(reply), rig->last_integer + 1);
        rig->last_integer = redis_integer(reply);
    }
    if (--rig->stop_after == 0) {
        loop_stop(rig->loop);
    }
}

static inline void rig_open(struct rig *rig) {
    rig->loop = loop_create();
    rig->guard = loop_timer(rig->loop, guard_came, NULL);
    timer_start(rig->guard, 20000);
    rig->options.url = rig->options.url != NULL ? rig->options.url : socket_url;
    rig->options.connected = came_up;
    rig->options.lost = went_down;
    rig->options.user = rig;
    assert_int_equal(redis_create(rig->loop, &rig->options, &rig->redis, NULL), 0);
}

static inline void rig_connect(struct rig *rig) {
    int before = rig->connected;
    rig->stop_when_connected = true;
    while (rig->connected == before) {
        loop_run(rig->loop);
    }
    rig->stop_when_connected = false;
    rig->lost = 0; /* attempts until the server was up */
}

static inline void rig_close(struct rig *rig) {
    redis_destroy(rig->redis);
    timer_destroy(rig->guard);
    timer_destroy(rig->timer);
    assert_true(loop_destroy(rig->loop));
}

static inline void send_many(struct rig *rig, int times) {
    rig->inside_command = true;
    for (int i = 0; i < times; i++) {
        redis_call(rig->redis, count, rig, "INCR", "counter");
    }
    rig->inside_command = false;
}

static inline int set_up(void **state) {
    (void)state;
    if (mkdtemp(directory) == NULL) {
        return -1;
    }
    (void)snprintf(socket_path, sizeof socket_path, "%s/redis.sock", directory);
    (void)snprintf(socket_url, sizeof socket_url, "unix:%s", socket_path);
    server_start("", "0");
    return 0;
}

static inline int tear_down(void **state) {
    (void)state;
    server_kill();
    return rmdir(directory);
}

#endif
