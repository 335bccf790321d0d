#include "store_rig.h"

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

#include "base/clock.h"
#include "base/str.h"
#include "net/redis.h"

enum { GUARD_MS = 30000, LOOK_MS = 2 };

void rig_server_start(struct store_rig *rig) {
    char path[128];
    (void)snprintf(path, sizeof path, "%s/redis.sock", rig->directory);
    rig->server = fork();
    assert_true(rig->server >= 0);
    if (rig->server == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        execlp("redis-server", "redis-server", "--port", "0", "--unixsocket", path, "--save", "", "--appendonly", "yes",
               "--appendfsync", "always", "--dir", rig->directory, "--logfile", "/dev/null", (char *)NULL);
        _exit(127);
    }
}

void rig_server_kill(struct store_rig *rig) {
    if (rig->server > 0) {
        assert_int_equal(kill(rig->server, SIGKILL), 0);
        assert_int_equal(waitpid(rig->server, NULL, 0), rig->server);
        rig->server = 0;
    }
}

struct store *rig_open_store(struct store_rig *rig) {
    struct store *store = NULL;
    const struct store_options options = {.url = rig->url, .prefix = "t:"};
    assert_int_equal(store_create(rig->loop, &options, &store, NULL), 0);
    return store;
}

void rig_open(struct store_rig *rig) {
    *rig = (struct store_rig){0};
    (void)snprintf(rig->directory, sizeof rig->directory, "/tmp/guidepost_store.XXXXXX");
    assert_non_null(mkdtemp(rig->directory));
    (void)snprintf(rig->url, sizeof rig->url, "unix:%s/redis.sock", rig->directory);
    rig_server_start(rig);
    rig->loop = loop_create();
    rig->store = rig_open_store(rig);
    rig_ready(rig);
}

/* The folder goes first: what a test that failed has left may be enough to fail here, too. */
void rig_close(struct store_rig *rig) {
    char command[128];
    rig_server_kill(rig);
    (void)snprintf(command, sizeof command, "rm -rf '%s'", rig->directory);
    assert_int_equal(system(command), 0);
    store_destroy(rig->store);
    assert_true(loop_destroy(rig->loop));
}

/* --- waiting --- */

static void looked(void *user) {
    loop_stop(user);
}

void rig_until(struct store_rig *rig, bool (*holds)(void *user), void *user) {
    struct timer *look = loop_timer(rig->loop, looked, rig->loop);
    int64_t since_ms = clock_monotonic_ms();
    while (!holds(user)) {
        assert_true(clock_monotonic_ms() - since_ms < GUARD_MS);
        timer_start(look, LOOK_MS);
        loop_run(rig->loop);
    }
    timer_destroy(look);
}

void rig_run_ms(struct store_rig *rig, int64_t ms) {
    struct timer *end = loop_timer(rig->loop, looked, rig->loop);
    timer_start(end, ms);
    while (timer_active(end)) {
        loop_run(rig->loop);
    }
    timer_destroy(end);
}

static bool is_ready(void *user) {
    const struct store_rig *rig = user;
    return store_is_ready(rig->store);
}

void rig_ready(struct store_rig *rig) {
    rig_until(rig, is_ready, rig);
}

/* --- commands and commits --- */

static void flatten(struct store_rig *rig, const struct redis_reply *reply) {
    size_t size = strlen(rig->text);
    char *end = rig->text + size;
    size_t room = sizeof rig->text - size;
    if (redis_kind(reply) == REDIS_ARRAY) {
        for (size_t i = 0; i < redis_count(reply); i++) {
            flatten(rig, redis_at(reply, i));
        }
    } else if (redis_kind(reply) == REDIS_INTEGER) {
        (void)snprintf(end, room, "%s%lld", size > 0 ? " " : "", (long long)redis_integer(reply));
    } else {
        const char *text = redis_text(reply, NULL);
        (void)snprintf(end, room, "%s%s", size > 0 ? " " : "", text != NULL ? text : "(nil)");
    }
}

static void command_came(const struct redis_reply *reply, bool sent, void *user) {
    struct store_rig *rig = user;
    (void)sent;
    assert_non_null(reply);
    flatten(rig, reply);
    rig->replied = true;
}

static bool has_replied(void *user) {
    const struct store_rig *rig = user;
    return rig->replied;
}

const char *rig_command(struct store_rig *rig, size_t argc, const char *const *argv) {
    rig->replied = false;
    rig->text[0] = '\0';
    redis_command(store_redis(rig->store), command_came, rig, argc, argv, NULL);
    rig_until(rig, has_replied, rig);
    return rig->text;
}

void rig_committed(const struct commit_reply *reply, void *user) {
    struct rig_result *result = user;
    assert_false(result->came);
    result->came = true;
    result->again = reply->again;
    result->result = reply->result;
    (void)snprintf(result->found, sizeof result->found, "%s", reply->found != NULL ? reply->found : "");
}

static bool result_came(void *user) {
    const struct rig_result *result = user;
    return result->came;
}

enum commit_result rig_wait(struct store_rig *rig, struct rig_result *result) {
    rig_until(rig, result_came, result);
    return result->result;
}
