#ifndef GP_TESTS_STORE_RIG_H
#define GP_TESTS_STORE_RIG_H

/* A store on a real redis-server of its own, in a directory of its own, for tests of what lies above it. */

#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"
#include "net/loop.h"
#include "store/store.h"

struct deployment_record;
struct leadership;
struct new_deployment;

struct store_rig {
    struct loop *loop;
    struct store *store;
    char directory[64], url[128];
    pid_t server;
    char text[16384]; /* of the last rig_call */
    bool replied;
};

void rig_open(struct store_rig *rig);  /* returns when the store is ready */
void rig_close(struct store_rig *rig); /* fails the test if the loop was not left clean */

void rig_server_start(struct store_rig *rig);
void rig_server_kill(struct store_rig *rig); /* SIGKILL */
void rig_ready(struct store_rig *rig);       /* returns when the store is ready again */

/* A second store on the same server, as another process would have. The rig's loop runs it. */
struct store *rig_open_store(struct store_rig *rig);

/* Runs the loop until the condition holds; a test that waits too long fails. */
void rig_until(struct store_rig *rig, bool (*holds)(void *user), void *user);
void rig_run_ms(struct store_rig *rig, int64_t ms);

/* One command, and its reply as text: the elements of arrays are separated by blanks. Valid until the next one. Keys
 * are written with the store's prefix, "t:". */
const char *rig_command(struct store_rig *rig, size_t argc, const char *const *argv);
#define rig_call(rig, ...) \
    rig_command(rig, sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *), (const char *const[]){__VA_ARGS__})

/* Commits that a test waits for. */
struct rig_result {
    bool came, again;
    enum commit_result result;
    char found[256];
};
commit_done rig_committed; /* user: a rig_result */
enum commit_result rig_wait(struct store_rig *rig, struct rig_result *result);
/* Sends it and waits. */
struct rig_result rig_send(struct store_rig *rig, struct commit *commit);
enum commit_result rig_commit(struct store_rig *rig, struct commit *commit);

/* Creations that a test waits for. */
struct rig_created {
    bool came;
    uint64_t id;
    size_t ahead;
    struct err err;
};
void rig_create_begin(struct store_rig *rig, const struct new_deployment *request, struct rig_created *created);
struct rig_created rig_created(struct store_rig *rig, struct rig_created *begun); /* waits for it */
struct rig_created rig_create(struct store_rig *rig, const struct new_deployment *request);
uint64_t rig_must_create(struct store_rig *rig,
                         const struct new_deployment *request); /* the test fails if it is refused */

/* What is stored of a deployment; the test fails if it cannot be read. */
struct deployment_record *rig_load(struct store_rig *rig, uint64_t id);

/* This process leads, as "h1/1"; returns when it does. */
struct leadership *rig_lead(struct store_rig *rig);

#endif
