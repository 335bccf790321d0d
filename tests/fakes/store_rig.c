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
#include "store/inbox.h"
#include "store/records.h"

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

struct rig_result rig_send(struct store_rig *rig, struct commit *commit) {
    struct rig_result result = {0};
    commit_send(commit, rig_committed, &result);
    assert_false(result.came);
    (void)rig_wait(rig, &result);
    return result;
}

enum commit_result rig_commit(struct store_rig *rig, struct commit *commit) {
    return rig_send(rig, commit).result;
}

/* --- deployments --- */

static void creation_came(uint64_t id, size_t ahead, const struct err *err, void *user) {
    struct rig_created *created = user;
    assert_false(created->came);
    *created = (struct rig_created){.came = true, .id = id, .ahead = ahead};
    if (err != NULL) {
        created->err = *err;
    }
}

static bool creation_is_there(void *user) {
    return ((struct rig_created *)user)->came;
}

void rig_create_begin(struct store_rig *rig, const struct new_deployment *request, struct rig_created *created) {
    *created = (struct rig_created){0};
    store_create_deployment(rig->store, request, creation_came, created);
    assert_false(created->came);
}

struct rig_created rig_created(struct store_rig *rig, struct rig_created *begun) {
    rig_until(rig, creation_is_there, begun);
    return *begun;
}

struct rig_created rig_create(struct store_rig *rig, const struct new_deployment *request) {
    struct rig_created created;
    rig_create_begin(rig, request, &created);
    return rig_created(rig, &created);
}

uint64_t rig_must_create(struct store_rig *rig, const struct new_deployment *request) {
    struct rig_created created = rig_create(rig, request);
    if (created.err.code != ERR_NONE) {
        fail_msg("%s", created.err.text);
    }
    return created.id;
}

static void record_came(struct deployment_record *record, const struct err *err, void *user) {
    if (record == NULL) {
        fail_msg("%s", err->text);
    }
    *(struct deployment_record **)user = record;
}

static bool record_is_there(void *user) {
    return *(struct deployment_record **)user != NULL;
}

struct deployment_record *rig_load(struct store_rig *rig, uint64_t id) {
    struct deployment_record *record = NULL;
    store_load_deployment(rig->store, id, record_came, &record);
    assert_null(record);
    rig_until(rig, record_is_there, &record);
    return record;
}

/* --- who leads --- */

static void ignore(void *user) {
    (void)user;
}

static bool leads(void *user) {
    return leadership_held(user);
}

struct leadership *rig_lead(struct store_rig *rig) {
    struct leadership *leadership = leadership_create(
        rig->loop, rig->store, &(struct leadership_options){.token = "h1/1", .gained = ignore, .lost = ignore});
    rig_until(rig, leads, leadership);
    return leadership;
}
